//! Modelled: whoever waits without blocking is told, also when reservations are passed on; and no errand is forgotten.
#![cfg(loom)]

use std::sync::Arc as StdArc;

use loom::model::Builder;
use loom::thread;
use ts_mutex::{FAIR_SLICE, ProxyMutex, Waiter, Wake};
use ts_thread::sync::atomic::{AtomicBool, Ordering};
use ts_thread::sync::{Arc, UnsafeCell};
use ts_thread::{Clock, ManualClock, Parker, SimulatedContext, Unparker, current_id, fence};

fn model(bound: usize, f: impl Fn() + Sync + Send + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(bound));
    builder.check(f);
}

struct Shared {
    mutex: ProxyMutex,
    value: UnsafeCell<usize>,
}

// SAFETY: every access to the cell below is made while holding the mutex; loom checks just that.
unsafe impl Sync for Shared {}
// SAFETY: as above.
unsafe impl Send for Shared {}

impl Shared {
    fn new() -> Arc<Self> {
        Arc::new(Self { mutex: ProxyMutex::new(), value: UnsafeCell::new(0) })
    }

    fn add(&self) {
        // SAFETY: the caller holds the mutex.
        self.value.with_mut(|value| unsafe { *value += 1 });
    }

    fn value(&self) -> usize {
        let _guard = self.mutex.lock();
        // SAFETY: the guard above.
        self.value.with(|value| unsafe { *value })
    }
}

/// Wakes a thread that waits for nothing else.
struct Unpark(Unparker);

impl Wake for Unpark {
    fn wake(&self) {
        self.0.unpark();
    }
}

/// Adds once, waiting as an event loop does.
fn wait_and_add(shared: &Shared, clock: Clock) {
    let parker = Parker::new();
    let waiter = Waiter::new(StdArc::new(Unpark(parker.unparker())), clock);
    loop {
        match shared.mutex.try_lock_or_wait(&waiter) {
            Some(_guard) => {
                shared.add();
                return;
            }
            None => parker.park(),
        }
    }
}

#[test]
fn a_waiter_is_told() {
    model(3, || {
        let shared = Shared::new();
        let other = thread::spawn({
            let shared = shared.clone();
            move || wait_and_add(&shared, ManualClock::new().clock())
        });
        for _ in 0..2 {
            if let Some(_guard) = shared.mutex.try_lock() {
                shared.add();
            }
        }
        other.join().unwrap();
        assert!((1..=3).contains(&shared.value()));
    });
}

#[test]
fn a_waiter_is_told_by_a_holder_that_looks_only_after_it_is_free() {
    model(3, || {
        let shared = Shared::new();
        let other = thread::spawn({
            let shared = shared.clone();
            move || wait_and_add(&shared, ManualClock::new().clock())
        });
        let known = fence::Asymmetric::known().expect("in a model it is");
        // SAFETY: this is the context that runs.
        if let Some(guard) = unsafe { shared.mutex.try_lock_as(current_id()) } {
            shared.add();
            if guard.is_wanted() {
                drop(guard);
            } else {
                // Kept for one more.
                shared.add();
                guard.unlock_knowing(known);
            }
        }
        other.join().unwrap();
        assert!((1..=3).contains(&shared.value()));
    });
}

/// Whoever was told and came too late tries again by itself, and is not forgotten when it is told as ever again.
#[test]
fn one_that_keeps_its_call_gets_its_turn() {
    model(2, || {
        let shared = Shared::new();
        let other = thread::spawn({
            let shared = shared.clone();
            move || {
                let parker = Parker::new();
                let clock = ManualClock::new();
                let waiter = Waiter::new(StdArc::new(Unpark(parker.unparker())), clock.clock());
                loop {
                    if let Some(_guard) = shared.mutex.try_lock_or_nap(&waiter, FAIR_SLICE * 2) {
                        shared.add();
                        return;
                    }
                    match waiter.naps_until() {
                        // One nap, and then it is due.
                        Some(until) => clock.set(until).unwrap(),
                        None => parker.park(),
                    }
                }
            }
        });
        for _ in 0..3 {
            if let Some(_guard) = shared.mutex.try_lock() {
                shared.add();
            }
        }
        other.join().unwrap();
        assert!((1..=4).contains(&shared.value()));
    });
}

/// One waiter is always due: its clock is moved while the mutex is held. So the mutex is reserved for it.
#[test]
fn a_reservation_is_taken_by_its_waiter() {
    model(2, || {
        let shared = Shared::new();
        let clock = ManualClock::new();
        let others: Vec<_> = (0..2)
            .map(|_| {
                let (shared, clock) = (shared.clone(), clock.clock());
                thread::spawn(move || wait_and_add(&shared, clock))
            })
            .collect();
        {
            let _guard = shared.mutex.lock();
            clock.advance(FAIR_SLICE * 2);
            shared.add();
        }
        for other in others {
            other.join().unwrap();
        }
        assert_eq!(shared.value(), 3);
    });
}

/// It is queued, but does not wait to be told: only the mutex itself shows it what the others did.
#[test]
fn one_that_is_queued_may_come_by() {
    model(3, || {
        let shared = Shared::new();
        let other = thread::spawn({
            let shared = shared.clone();
            move || {
                let parker = Parker::new();
                let waiter = Waiter::new(StdArc::new(Unpark(parker.unparker())), ManualClock::new().clock());
                if shared.mutex.try_lock_or_wait(&waiter).is_none()
                    && let Some(_guard) = shared.mutex.try_lock()
                {
                    shared.add();
                }
            }
        });
        {
            let _guard = shared.mutex.lock();
            shared.add();
        }
        other.join().unwrap();
        assert!((1..=2).contains(&shared.value()));
    });
}

/// The oldest waiter leaves, reserved for or called or neither; the other one must still be told.
#[test]
fn one_that_leaves_passes_on_what_it_got() {
    for due in [false, true] {
        model(3, move || {
            let shared = Shared::new();
            let clock = ManualClock::new();
            let holder = SimulatedContext::new("holder");
            let parker = Parker::new();
            let leaver = Waiter::new(StdArc::new(Unpark(parker.unparker())), clock.clock());
            let guard = holder.enter(|| shared.mutex.lock());
            assert!(shared.mutex.try_lock_or_wait(&leaver).is_none());
            let other = thread::spawn({
                let (shared, clock) = (shared.clone(), clock.clock());
                move || wait_and_add(&shared, clock)
            });
            if due {
                clock.advance(FAIR_SLICE * 2);
            }
            holder.enter(|| drop(guard));
            drop(leaver);
            other.join().unwrap();
            assert_eq!(shared.value(), 1);
        });
    }
}

/// An event loop that was told may have turned to something else in that moment. Here it does so and does not come back
/// before the other waiter has had its turn, so the mutex must not be kept for it.
struct EventLoop {
    busy: AtomicBool,
    told: AtomicBool,
    unparker: Unparker,
}

impl Wake for EventLoop {
    fn wake(&self) {
        // Relaxed: the fences of both sides order it, see `Wake::is_busy`.
        self.told.store(true, Ordering::Relaxed);
        self.unparker.unpark();
    }

    fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed)
    }
}

#[test]
fn nobody_waits_for_a_busy_waiter() {
    model(2, || {
        let shared = Shared::new();
        let clock = ManualClock::new();
        let busy_one = thread::spawn({
            let (shared, clock) = (shared.clone(), clock.clone());
            move || {
                let parker = Parker::new();
                let event_loop = StdArc::new(EventLoop {
                    busy: AtomicBool::new(false),
                    told: AtomicBool::new(false),
                    unparker: parker.unparker(),
                });
                let waiter = Waiter::new(event_loop.clone(), clock.clock());
                if shared.mutex.try_lock_or_wait(&waiter).is_some() {
                    return;
                }
                clock.advance(FAIR_SLICE * 2);
                // It turns to another handler, unless it is told just before.
                event_loop.busy.store(true, Ordering::Relaxed);
                fence::light();
                if !event_loop.told.load(Ordering::Relaxed) {
                    // The handler needs the same mutex, taken by somebody else's hand, to end.
                    let parker = Parker::new();
                    let inner = Waiter::new(StdArc::new(Unpark(parker.unparker())), clock.clock());
                    while shared.mutex.try_lock_or_wait(&inner).is_none() {
                        parker.park();
                    }
                }
                event_loop.busy.store(false, Ordering::Relaxed);
                while shared.mutex.try_lock_or_wait(&waiter).is_none() {
                    parker.park();
                }
            }
        });
        {
            let _guard = shared.mutex.lock();
            shared.add();
        }
        busy_one.join().unwrap();
        assert_eq!(shared.value(), 1);
    });
}

/// It was told of the mutex, perhaps long ago, and turns to a handler that takes as long as the others need to have their
/// turns; so it declines. The mutex may be reserved for it at any time until then.
#[test]
fn nobody_waits_for_one_that_declines() {
    model(2, || {
        let shared = Shared::new();
        let clock = ManualClock::new();
        let busy_one = thread::spawn({
            let (shared, clock) = (shared.clone(), clock.clone());
            move || {
                let parker = Parker::new();
                let event_loop = StdArc::new(EventLoop {
                    busy: AtomicBool::new(false),
                    told: AtomicBool::new(false),
                    unparker: parker.unparker(),
                });
                let waiter = Waiter::new(event_loop.clone(), clock.clock());
                if shared.mutex.try_lock_or_wait(&waiter).is_some() {
                    return;
                }
                clock.advance(FAIR_SLICE * 2);
                // It turns to another handler.
                event_loop.busy.store(true, Ordering::Relaxed);
                fence::light();
                if event_loop.told.load(Ordering::Relaxed) {
                    waiter.decline(&shared.mutex);
                }
                // The handler needs the same mutex, taken by somebody else's hand, to end.
                wait_and_add(&shared, clock.clock());
                event_loop.busy.store(false, Ordering::Relaxed);
                // It may be told by now, or the mutex is free.
                loop {
                    if let Some(_guard) = shared.mutex.try_lock_or_wait(&waiter) {
                        shared.add();
                        return;
                    }
                    parker.park();
                }
            }
        });
        for _ in 0..2 {
            if let Some(_guard) = shared.mutex.try_lock() {
                shared.add();
            }
        }
        busy_one.join().unwrap();
        assert!(shared.value() <= 4);
    });
}

/// One that declines was counted on; the other one, queued behind it, must be told all the same.
#[test]
fn one_that_declines_passes_on_what_it_got() {
    for due in [false, true] {
        model(3, move || {
            let shared = Shared::new();
            let clock = ManualClock::new();
            let holder = SimulatedContext::new("holder");
            let parker = Parker::new();
            let decliner = Waiter::new(StdArc::new(Unpark(parker.unparker())), clock.clock());
            let guard = holder.enter(|| shared.mutex.lock());
            assert!(shared.mutex.try_lock_or_wait(&decliner).is_none());
            let other = thread::spawn({
                let (shared, clock) = (shared.clone(), clock.clock());
                move || wait_and_add(&shared, clock)
            });
            if due {
                clock.advance(FAIR_SLICE * 2);
            }
            holder.enter(|| drop(guard));
            assert!(decliner.decline(&shared.mutex));
            other.join().unwrap();
            drop(decliner);
            assert_eq!(shared.value(), 1);
        });
    }
}

#[test]
fn an_errand_is_run_once_by_somebody_under_the_mutex() {
    model(3, || {
        let shared = Shared::new();
        let other = thread::spawn({
            let shared = shared.clone();
            move || {
                let for_later = shared.clone();
                shared.mutex.when_free(move |_| for_later.add());
            }
        });
        {
            let _guard = shared.mutex.lock();
            shared.add();
        }
        other.join().unwrap();
        assert_eq!(shared.value(), 2);
        assert!(!shared.mutex.has_waiters());
    });
}

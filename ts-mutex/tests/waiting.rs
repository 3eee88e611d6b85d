//! Waiting without blocking: who is told, when, and for whom the mutex is kept. All on one thread, with clocks by hand.
#![cfg(not(loom))]

mod support;

use std::sync::Arc;
use std::time::Duration;

use support::{Bell, OVERDUE};
use ts_mutex::{FAIR_SLICE, MutexGuard, ProxyMutex, Waiter};
use ts_thread::{ManualClock, SimulatedContext};

/// A holder and two more contexts that want what it has.
struct Scene {
    mutex: ProxyMutex,
    clock: ManualClock,
    holder: SimulatedContext,
    first: SimulatedContext,
    second: SimulatedContext,
}

impl Scene {
    fn new() -> Self {
        Self {
            mutex: ProxyMutex::named("contended"),
            clock: ManualClock::new(),
            holder: SimulatedContext::new("holder"),
            first: SimulatedContext::new("first"),
            second: SimulatedContext::new("second"),
        }
    }

    #[track_caller]
    fn hold(&self) -> MutexGuard<'_> {
        self.holder.enter(|| self.mutex.try_lock()).expect("the mutex is free")
    }

    /// Whether `context` misses the mutex; then `waiter` stands in the queue.
    fn misses(&self, context: &SimulatedContext, waiter: &Waiter) -> bool {
        context.enter(|| self.mutex.try_lock_or_wait(waiter).is_none())
    }

    fn release(&self, guard: MutexGuard<'_>) {
        self.holder.enter(|| drop(guard));
    }
}

#[test]
fn a_waiter_is_told_when_the_mutex_is_given_back_and_not_before() {
    let scene = Scene::new();
    let bell = Bell::new();
    let waiter = bell.waiter(&scene.clock);
    let outer = scene.hold();
    let inner = scene.hold();
    assert!(scene.misses(&scene.first, &waiter));
    assert!(waiter.is_waiting() && scene.mutex.has_waiters());

    scene.release(inner);
    assert_eq!(bell.rings(), 0);
    scene.release(outer);
    assert_eq!(bell.rings(), 1);

    assert!(!scene.misses(&scene.first, &waiter));
    assert!(!waiter.is_waiting() && !scene.mutex.has_waiters());
}

#[test]
fn a_free_mutex_needs_no_waiting() {
    let scene = Scene::new();
    let bell = Bell::new();
    let waiter = bell.waiter(&scene.clock);
    assert!(!scene.misses(&scene.first, &waiter));
    assert!(!waiter.is_waiting());
}

#[test]
fn only_the_oldest_is_told() {
    let scene = Scene::new();
    let (one, two) = (Bell::new(), Bell::new());
    let (first, second) = (one.waiter(&scene.clock), two.waiter(&scene.clock));
    let guard = scene.hold();
    assert!(scene.misses(&scene.first, &first));
    assert!(scene.misses(&scene.second, &second));
    scene.release(guard);
    assert_eq!((one.rings(), two.rings()), (1, 0));

    // The second is told when the first gives the mutex back.
    assert!(!scene.misses(&scene.first, &first));
    assert_eq!((one.rings(), two.rings()), (0, 1));
}

#[test]
fn one_that_was_told_is_not_told_again_before_it_tries() {
    let scene = Scene::new();
    let bell = Bell::new();
    let waiter = bell.waiter(&scene.clock);
    let guard = scene.hold();
    assert!(scene.misses(&scene.first, &waiter));
    scene.release(guard);
    assert_eq!(bell.rings(), 1);
    for _ in 0..3 {
        scene.release(scene.hold());
    }
    assert_eq!(bell.rings(), 0);
}

#[test]
fn trying_in_vain_keeps_the_place_and_the_age() {
    let scene = Scene::new();
    let (one, two) = (Bell::new(), Bell::new());
    let (first, second) = (one.waiter(&scene.clock), two.waiter(&scene.clock));
    let guard = scene.hold();
    assert!(scene.misses(&scene.first, &first));
    assert!(scene.misses(&scene.second, &second));
    scene.clock.advance(OVERDUE);
    assert!(scene.misses(&scene.first, &first));
    scene.release(guard);
    // Still the oldest, and old enough for a reservation.
    assert_eq!((one.rings(), two.rings()), (1, 0));
    assert!(scene.misses(&scene.second, &second));
    assert!(!scene.misses(&scene.first, &first));
}

#[test]
fn the_mutex_is_free_for_whoever_comes_until_the_slice_is_over() {
    let scene = Scene::new();
    let bell = Bell::new();
    let waiter = bell.waiter(&scene.clock);
    let guard = scene.hold();
    assert!(scene.misses(&scene.first, &waiter));
    scene.clock.advance(FAIR_SLICE);
    scene.release(guard);
    // Exactly the slice is not longer than the slice.
    let guard = scene.hold();
    assert!(scene.misses(&scene.first, &waiter));
    scene.clock.advance(Duration::from_nanos(1));
    scene.release(guard);

    // Reserved: for nobody else, not even for another attempt of the same context.
    assert!(scene.holder.enter(|| scene.mutex.try_lock().is_none()));
    assert!(scene.first.enter(|| scene.mutex.try_lock().is_none()));
    assert!(scene.mutex.is_locked());
    assert_eq!(scene.mutex.holder(), None);
    assert!(!scene.first.enter(|| scene.mutex.held_by_current()));
    assert!(!scene.misses(&scene.first, &waiter));
    assert!(!scene.mutex.is_locked());
}

#[test]
fn a_newcomer_queues_behind_a_reservation() {
    let scene = Scene::new();
    let (one, two) = (Bell::new(), Bell::new());
    let (first, second) = (one.waiter(&scene.clock), two.waiter(&scene.clock));
    let guard = scene.hold();
    assert!(scene.misses(&scene.first, &first));
    scene.clock.advance(OVERDUE);
    scene.release(guard);
    assert!(scene.misses(&scene.second, &second));
    assert_eq!(two.rings(), 0);
    assert!(!scene.misses(&scene.first, &first));
    assert_eq!(two.rings(), 1);
    assert!(!scene.misses(&scene.second, &second));
}

#[test]
fn a_busy_waiter_is_told_but_the_next_one_too_and_the_mutex_stays_free() {
    let scene = Scene::new();
    let (one, two) = (Bell::new(), Bell::new());
    let (first, second) = (one.waiter(&scene.clock), two.waiter(&scene.clock));
    let guard = scene.hold();
    assert!(scene.misses(&scene.first, &first));
    scene.clock.advance(OVERDUE);
    assert!(scene.misses(&scene.second, &second));
    one.set_busy(true);
    scene.release(guard);
    assert_eq!((one.rings(), two.rings()), (1, 1));
    assert!(!scene.mutex.is_locked());
    // Its place is kept.
    let guard = scene.hold();
    one.set_busy(false);
    assert!(scene.misses(&scene.first, &first));
    scene.release(guard);
    assert!(scene.misses(&scene.second, &second));
    assert!(!scene.misses(&scene.first, &first));
}

#[test]
fn a_reservation_goes_to_the_next_that_is_due_and_not_busy() {
    let scene = Scene::new();
    let (one, two) = (Bell::new(), Bell::new());
    let (first, second) = (one.waiter(&scene.clock), two.waiter(&scene.clock));
    let guard = scene.hold();
    assert!(scene.misses(&scene.first, &first));
    assert!(scene.misses(&scene.second, &second));
    scene.clock.advance(OVERDUE);
    one.set_busy(true);
    scene.release(guard);
    assert!(scene.misses(&scene.first, &first));
    assert!(!scene.misses(&scene.second, &second));
}

#[test]
fn a_waiter_that_turns_busy_when_told_gives_its_reservation_back() {
    let scene = Scene::new();
    let bell = Bell::new();
    let waiter = bell.waiter(&scene.clock);
    bell.set_busy_after_ring();
    let guard = scene.hold();
    assert!(scene.misses(&scene.first, &waiter));
    scene.clock.advance(OVERDUE);
    scene.release(guard);
    assert_eq!(bell.rings(), 1);
    assert!(!scene.mutex.is_locked());
    assert!(waiter.is_waiting());
}

#[test]
fn if_the_one_that_was_told_turns_busy_the_next_is_told() {
    let scene = Scene::new();
    let (one, two) = (Bell::new(), Bell::new());
    let (first, second) = (one.waiter(&scene.clock), two.waiter(&scene.clock));
    one.set_busy_after_ring();
    for overdue in [false, true] {
        let guard = scene.hold();
        assert!(scene.misses(&scene.first, &first));
        assert!(scene.misses(&scene.second, &second));
        if overdue {
            scene.clock.advance(OVERDUE);
        }
        scene.release(guard);
        assert_eq!((one.rings(), two.rings()), (1, 1), "overdue: {overdue}");
        one.set_busy(false);
        assert!(!scene.misses(&scene.second, &second), "overdue: {overdue}");
    }
}

#[test]
fn leaving_passes_a_reservation_on() {
    let scene = Scene::new();
    let (one, two) = (Bell::new(), Bell::new());
    let (first, second) = (one.waiter(&scene.clock), two.waiter(&scene.clock));
    let guard = scene.hold();
    assert!(scene.misses(&scene.first, &first));
    assert!(scene.misses(&scene.second, &second));
    scene.clock.advance(OVERDUE);
    scene.release(guard);
    assert_eq!((one.rings(), two.rings()), (1, 0));
    assert!(first.leave(&scene.mutex));
    assert!(!first.leave(&scene.mutex));
    assert_eq!(two.rings(), 1);
    assert!(scene.holder.enter(|| scene.mutex.try_lock().is_none()), "now reserved for the second");
    drop(second);
    assert!(!scene.mutex.is_locked());
    assert!(!scene.mutex.has_waiters());
}

#[test]
fn leaving_passes_a_call_on() {
    let scene = Scene::new();
    let (one, two) = (Bell::new(), Bell::new());
    let (first, second) = (one.waiter(&scene.clock), two.waiter(&scene.clock));
    let guard = scene.hold();
    assert!(scene.misses(&scene.first, &first));
    assert!(scene.misses(&scene.second, &second));
    scene.release(guard);
    assert_eq!((one.rings(), two.rings()), (1, 0));
    drop(first);
    assert_eq!(two.rings(), 1);
}

#[test]
fn a_call_that_is_given_up_while_the_mutex_is_held_is_passed_on_by_the_holder() {
    let scene = Scene::new();
    let (one, two) = (Bell::new(), Bell::new());
    let (first, second) = (one.waiter(&scene.clock), two.waiter(&scene.clock));
    let guard = scene.hold();
    assert!(scene.misses(&scene.first, &first));
    assert!(scene.misses(&scene.second, &second));
    scene.release(guard);
    let guard = scene.hold();
    drop(first);
    assert_eq!(two.rings(), 0);
    scene.release(guard);
    assert_eq!(two.rings(), 1);
}

#[test]
fn leaving_uncalled_tells_nobody() {
    let scene = Scene::new();
    let (one, two) = (Bell::new(), Bell::new());
    let (first, second) = (one.waiter(&scene.clock), two.waiter(&scene.clock));
    let guard = scene.hold();
    assert!(scene.misses(&scene.first, &first));
    assert!(scene.misses(&scene.second, &second));
    drop(second);
    scene.release(guard);
    assert_eq!((one.rings(), two.rings()), (1, 0));
    drop(first);
    assert!(!scene.mutex.has_waiters());
}

#[test]
fn declining_passes_a_reservation_on_and_keeps_place_and_age() {
    let scene = Scene::new();
    let (one, two) = (Bell::new(), Bell::new());
    let (first, second) = (one.waiter(&scene.clock), two.waiter(&scene.clock));
    let guard = scene.hold();
    assert!(scene.misses(&scene.first, &first));
    assert!(scene.misses(&scene.second, &second));
    scene.clock.advance(OVERDUE);
    scene.release(guard);
    assert_eq!((one.rings(), two.rings()), (1, 0));
    assert!(first.decline(&scene.mutex));
    assert_eq!((one.rings(), two.rings()), (0, 1));
    assert!(first.is_waiting());
    assert!(scene.misses(&scene.first, &first), "now reserved for the second");
    let guard = scene.second.enter(|| scene.mutex.try_lock_or_wait(&second)).expect("it is reserved for it");
    assert!(scene.misses(&scene.first, &first));

    scene.second.enter(|| drop(guard));
    // Still the oldest, and old enough for a reservation.
    assert_eq!(one.rings(), 1);
    assert!(scene.holder.enter(|| scene.mutex.try_lock().is_none()));
    assert!(!scene.misses(&scene.first, &first));
}

#[test]
fn declining_passes_a_call_on() {
    let scene = Scene::new();
    let (one, two) = (Bell::new(), Bell::new());
    let (first, second) = (one.waiter(&scene.clock), two.waiter(&scene.clock));
    for held in [false, true] {
        let guard = scene.hold();
        assert!(scene.misses(&scene.first, &first));
        assert!(scene.misses(&scene.second, &second));
        scene.release(guard);
        assert_eq!((one.rings(), two.rings()), (1, 0), "held: {held}");
        let guard = held.then(|| scene.hold());
        // As one does that turns to something else.
        one.set_busy(true);
        assert!(first.decline(&scene.mutex));
        if let Some(guard) = guard {
            assert_eq!(two.rings(), 0, "it is for the holder to tell");
            scene.release(guard);
        }
        assert_eq!((one.rings(), two.rings()), (0, 1), "held: {held}");
        assert!(!scene.misses(&scene.second, &second));
        one.set_busy(false);
        assert!(!scene.misses(&scene.first, &first));
    }
    assert!(!scene.mutex.is_locked() && !scene.mutex.has_waiters());
}

#[test]
fn one_that_declines_with_nobody_else_in_the_queue_leaves_the_mutex_free() {
    let scene = Scene::new();
    let bell = Bell::new();
    let waiter = bell.waiter(&scene.clock);
    let guard = scene.hold();
    assert!(scene.misses(&scene.first, &waiter));
    scene.clock.advance(OVERDUE);
    scene.release(guard);
    assert!(scene.mutex.is_locked());
    assert!(waiter.decline(&scene.mutex));
    assert!(!scene.mutex.is_locked());
    // It was told already, and is to come back by itself.
    assert_eq!(bell.rings(), 1);
    assert!(!scene.misses(&scene.first, &waiter));
}

#[test]
fn one_that_was_not_called_has_nothing_to_decline() {
    let scene = Scene::new();
    let (one, two) = (Bell::new(), Bell::new());
    let (first, second) = (one.waiter(&scene.clock), two.waiter(&scene.clock));
    assert!(!first.decline(&scene.mutex), "it does not even wait");
    let guard = scene.hold();
    assert!(scene.misses(&scene.first, &first));
    assert!(!first.decline(&scene.mutex));
    assert!(!first.decline(&ProxyMutex::new()));
    assert!(scene.misses(&scene.second, &second));
    scene.release(guard);
    assert_eq!((one.rings(), two.rings()), (1, 0));
    assert!(!second.decline(&scene.mutex));
}

#[test]
fn declining_a_reservation_runs_what_waits_for_the_mutex() {
    let scene = Scene::new();
    let bell = Bell::new();
    let waiter = bell.waiter(&scene.clock);
    let guard = scene.hold();
    assert!(scene.misses(&scene.first, &waiter));
    scene.clock.advance(OVERDUE);
    scene.release(guard);
    let (send, receive) = std::sync::mpsc::channel();
    scene.second.enter(|| scene.mutex.when_free(move |_| send.send(()).unwrap()));
    assert!(receive.try_recv().is_err(), "the mutex is reserved");
    assert!(waiter.decline(&scene.mutex));
    assert!(receive.try_recv().is_ok());
}

#[test]
fn re_entering_takes_the_waiter_out_of_the_queue() {
    let scene = Scene::new();
    let bell = Bell::new();
    let waiter = bell.waiter(&scene.clock);
    let guard = scene.hold();
    assert!(scene.misses(&scene.first, &waiter));
    scene.release(guard);
    scene.first.enter(|| {
        let _by_another_way = scene.mutex.try_lock().unwrap();
        assert!(scene.mutex.try_lock_or_wait(&waiter).is_some());
        assert!(!waiter.is_waiting());
    });
    assert!(!scene.mutex.has_waiters() && !scene.mutex.is_locked());
}

#[test]
fn a_blocking_lock_may_take_what_is_reserved_for_its_own_context() {
    let scene = Scene::new();
    let bell = Bell::new();
    let waiter = bell.waiter(&scene.clock);
    let guard = scene.hold();
    assert!(scene.misses(&scene.first, &waiter));
    scene.clock.advance(OVERDUE);
    scene.release(guard);
    assert_eq!(bell.rings(), 1);
    // Otherwise the thread would wait for itself.
    scene.first.enter(|| drop(scene.mutex.lock()));
    assert_eq!(bell.rings(), 1, "the waiter is told again");
    assert!(!scene.misses(&scene.first, &waiter));
}

#[test]
fn a_simulated_context_does_not_block() {
    let scene = Scene::new();
    let _guard = scene.hold();
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        scene.first.enter(|| drop(scene.mutex.lock()));
    }))
    .unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(text.contains("simulated context"), "{text}");
    assert!(!scene.mutex.has_waiters(), "it has left the queue");
}

#[test]
fn a_waiter_waits_for_one_mutex_at_a_time() {
    let scene = Scene::new();
    let other = ProxyMutex::new();
    let bell = Bell::new();
    let waiter = bell.waiter(&scene.clock);
    let _guards = (scene.hold(), scene.holder.enter(|| other.lock()));
    assert!(scene.misses(&scene.first, &waiter));
    assert!(waiter.is_waiting_for(&scene.mutex) && !waiter.is_waiting_for(&other));
    assert!(!waiter.leave(&other));
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        scene.first.enter(|| drop(other.try_lock_or_wait(&waiter)));
    }));
    assert!(panic.is_err());
    assert!(waiter.is_waiting_for(&scene.mutex));
    assert!(waiter.leave(&scene.mutex));
    assert!(scene.first.enter(|| other.try_lock_or_wait(&waiter).is_none()));
}

#[test]
fn misses_and_waits_are_counted() {
    let scene = Scene::new();
    let bell = Bell::new();
    let waiter = bell.waiter(&scene.clock);
    let guard = scene.hold();
    scene.first.enter(|| assert!(scene.mutex.try_lock().is_none()));
    assert!(scene.misses(&scene.first, &waiter));
    scene.release(guard);
    assert!(!scene.misses(&scene.first, &waiter));
    let counts = scene.mutex.counts();
    assert_eq!((counts.acquired, counts.missed, counts.waited), (2, 2, 1));
}

#[test]
fn a_waiter_with_a_slice_of_its_own_has_the_mutex_reserved_after_that() {
    for (slice, waited, reserved) in [
        (Duration::from_micros(10), Duration::from_micros(10), false),
        (Duration::from_micros(10), Duration::from_micros(11), true),
        (Duration::from_secs(1), OVERDUE, false),
    ] {
        let scene = Scene::new();
        let bell = Bell::new();
        let waiter = bell.waiter(&scene.clock).fair_slice(slice);
        let guard = scene.hold();
        assert!(scene.misses(&scene.first, &waiter));
        scene.clock.advance(waited);
        scene.release(guard);
        assert_eq!(scene.mutex.is_locked(), reserved, "{slice:?} after {waited:?}");
        assert!(!scene.misses(&scene.first, &waiter));
    }
}

/// What a thread does that has nothing else to do.
const NAP: Duration = Duration::from_micros(50);

impl Scene {
    /// As [`misses`](Self::misses), for somebody who may nap.
    fn misses_and_may_nap(&self, context: &SimulatedContext, waiter: &Waiter) -> bool {
        context.enter(|| self.mutex.try_lock_or_nap(waiter, NAP).is_none())
    }

    /// A waiter that was told, and came when somebody held the mutex again; with the guard of that one.
    fn one_that_naps<'a>(&'a self, bell: &Arc<Bell>) -> (Waiter, MutexGuard<'a>) {
        let waiter = bell.waiter(&self.clock);
        let guard = self.hold();
        assert!(self.misses_and_may_nap(&self.first, &waiter));
        assert_eq!(waiter.naps_until(), None, "it has not been told yet");
        self.release(guard);
        assert_eq!(bell.rings(), 1);
        let guard = self.hold();
        assert!(self.misses_and_may_nap(&self.first, &waiter));
        (waiter, guard)
    }
}

#[test]
fn one_that_naps_is_not_told_again_and_gets_the_mutex_when_it_tries() {
    let scene = Scene::new();
    let bell = Bell::new();
    let (waiter, guard) = scene.one_that_naps(&bell);
    assert_eq!(waiter.naps_until(), Some(scene.clock.clock().now() + NAP));
    scene.release(guard);
    assert_eq!(bell.rings(), 0);
    assert!(waiter.is_waiting() && scene.mutex.has_waiters() && !scene.mutex.is_locked());

    assert!(!scene.misses_and_may_nap(&scene.first, &waiter));
    assert_eq!(waiter.naps_until(), None);
    assert!(!waiter.is_waiting());
}

#[test]
fn no_nap_goes_beyond_the_fair_slice_and_then_the_mutex_is_reserved() {
    let scene = Scene::new();
    let bell = Bell::new();
    let began = scene.clock.clock().now();
    let (waiter, guard) = scene.one_that_naps(&bell);
    scene.clock.advance(FAIR_SLICE - NAP / 2);
    assert!(scene.misses_and_may_nap(&scene.first, &waiter));
    assert_eq!(waiter.naps_until(), Some(began + OVERDUE));

    scene.clock.advance(NAP);
    assert!(scene.misses_and_may_nap(&scene.first, &waiter));
    assert_eq!(waiter.naps_until(), None, "it is told from now on");
    scene.release(guard);
    assert_eq!(bell.rings(), 1);
    assert!(scene.mutex.is_locked(), "kept for the waiter");
    assert!(!scene.misses(&scene.first, &waiter));
}

#[test]
fn one_that_naps_and_turns_to_something_else_passes_the_mutex_on() {
    for leave in [false, true] {
        let scene = Scene::new();
        let (one, two) = (Bell::new(), Bell::new());
        let (first, guard) = scene.one_that_naps(&one);
        let second = two.waiter(&scene.clock);
        assert!(scene.misses(&scene.second, &second));
        scene.release(guard);
        assert_eq!((one.rings(), two.rings()), (0, 0), "the first one is counted on");

        scene.first.enter(|| if leave { first.leave(&scene.mutex) } else { first.decline(&scene.mutex) });
        assert_eq!((one.rings(), two.rings()), (0, 1));
        assert!(!scene.misses(&scene.second, &second));
    }
}

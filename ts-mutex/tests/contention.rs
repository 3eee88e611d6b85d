//! One at a time, whoever they are; and everybody's turn comes.
#![cfg(not(loom))]

mod support;

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use support::{next, until};
use ts_mutex::{Guarded, ProxyMutex, RawUnlockError, Waiter, Wake};
use ts_thread::{Clock, HrTime, Parker, Unparker};

struct Unpark(Unparker);

impl Wake for Unpark {
    fn wake(&self) {
        self.0.unpark();
    }
}

/// Takes the mutex by one of the ways there are; a number chooses.
fn with_mutex(mutex: &ProxyMutex, way: usize, parker: &Parker, waiter: &Waiter, f: impl FnOnce()) {
    let _guard = match way % 4 {
        0 => mutex.lock(),
        1 => mutex.lock_until(HrTime::MAX).unwrap(),
        2 => loop {
            match mutex.try_lock() {
                Some(guard) => break guard,
                None => thread::yield_now(),
            }
        },
        _ => loop {
            match mutex.try_lock_or_wait(waiter) {
                Some(guard) => break guard,
                None => parker.park(),
            }
        },
    };
    f();
}

#[test]
fn additions_of_many_threads_do_not_get_lost() {
    const THREADS: usize = 4;
    const ROUNDS: usize = 4000;
    let mutex = ProxyMutex::new();
    // Not atomic: only the mutex keeps it right.
    let sum = Guarded::new(&mutex, Cell::new(0_usize));
    thread::scope(|scope| {
        for t in 0..THREADS {
            let (mutex, sum) = (&mutex, &sum);
            scope.spawn(move || {
                let parker = Parker::new();
                let waiter = Waiter::new(Arc::new(Unpark(parker.unparker())), Clock::real());
                for i in 0..ROUNDS {
                    with_mutex(mutex, t + i / 64, &parker, &waiter, || {
                        let guard = mutex.lock();
                        let sum = sum.borrow(&guard).unwrap();
                        sum.set(sum.get() + 1);
                    });
                }
            });
        }
    });
    assert_eq!(sum.into_inner().get(), THREADS * ROUNDS);
    assert!(!mutex.is_locked() && !mutex.has_waiters());
    assert_eq!(mutex.counts().acquired as usize, THREADS * ROUNDS);
}

#[test]
fn a_thread_that_nobody_announced_excludes_others_and_is_excluded() {
    // The mail this goes back to: a lock on such a thread was no lock.
    let mutex = ProxyMutex::new();
    let (send, receive) = channel();
    let (go_on, wait) = channel();
    thread::scope(|scope| {
        scope.spawn({
            let mutex = &mutex;
            move || {
                let guard = mutex.lock();
                send.send(ts_thread::current_id()).unwrap();
                next(&wait);
                drop(guard);
            }
        });
        let holder = next(&receive);
        assert_eq!(mutex.holder(), Some(holder));
        assert!(mutex.try_lock().is_none() && !mutex.raw_try_lock() && !mutex.held_by_current());
        assert_eq!(mutex.raw_unlock(), Err(RawUnlockError::HeldByOther));
        assert_eq!(mutex.depth(), 0);
        go_on.send(()).unwrap();
        assert_eq!(mutex.lock().mutex().depth(), 1);
    });
}

#[test]
fn a_lock_with_a_deadline_gives_up_and_leaves_the_queue() {
    let mutex = ProxyMutex::new();
    let guard = mutex.lock();
    thread::scope(|scope| {
        scope.spawn(|| {
            assert!(mutex.lock_until(HrTime::ZERO).is_none());
            let soon = Clock::real().now().saturating_add(Duration::from_millis(1));
            assert!(mutex.lock_until(soon).is_none());
            assert!(Clock::real().now() >= soon, "not before its time");
        });
    });
    assert!(!mutex.has_waiters());
    drop(guard);
    assert!(mutex.lock_until(HrTime::ZERO).is_some());
}

#[test]
fn one_that_takes_it_again_and_again_does_not_keep_a_blocked_thread_out() {
    let mutex = ProxyMutex::new();
    let done = AtomicBool::new(false);
    let turns = AtomicUsize::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            // The gap between two holds is too short for anybody to be woken in.
            while !done.load(Ordering::Relaxed) {
                let _guard = mutex.lock();
                turns.fetch_add(1, Ordering::Relaxed);
                for _ in 0..1000 {
                    std::hint::spin_loop();
                }
            }
        });
        until(|| turns.load(Ordering::Relaxed) > 0);
        let (send, receive) = channel();
        scope.spawn({
            let mutex = &mutex;
            move || {
                for i in 0..20 {
                    drop(mutex.lock());
                    send.send(i).unwrap();
                }
            }
        });
        for i in 0..20 {
            assert_eq!(next(&receive), i);
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_handle_that_is_dropped_elsewhere_frees_the_mutex_once() {
    let mutex = ProxyMutex::new();
    let dropped = Arc::new(());
    let guarded = Arc::new(Guarded::new(&mutex, dropped.clone()));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (mutex, guarded) = (mutex.clone(), guarded.clone());
            thread::spawn(move || {
                let guard = mutex.lock();
                let _again = guarded.mutex().clone();
                assert!(guarded.borrow(&guard).is_ok());
            })
        })
        .collect();
    drop((mutex, guarded));
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(Arc::strong_count(&dropped), 1);
}

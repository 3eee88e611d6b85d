//! Modelled: two that want the mutex never have it at once, and no wake is lost, in whatever order their steps come.
//!
//! What the mutex guards lies in loom's cell, so a hold that overlaps another, or does not see what it did, is named.
#![cfg(loom)]

use loom::model::Builder;
use loom::thread;
use ts_mutex::ProxyMutex;
use ts_thread::sync::{Arc, UnsafeCell};

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
        // SAFETY: the caller holds the mutex.
        self.value.with(|value| unsafe { *value })
    }
}

fn model(f: impl Fn() + Sync + Send + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(4));
    builder.check(f);
}

/// A wake that is lost leaves a thread parked for ever, which loom reports as a deadlock.
#[test]
fn two_threads_that_block_both_get_their_turn() {
    model(|| {
        let shared = Shared::new();
        let other = thread::spawn({
            let shared = shared.clone();
            move || {
                let _guard = shared.mutex.lock();
                shared.add();
            }
        });
        {
            let _guard = shared.mutex.lock();
            let _again = shared.mutex.lock();
            shared.add();
        }
        other.join().unwrap();
        let _guard = shared.mutex.lock();
        assert_eq!(shared.value(), 2);
    });
}

#[test]
fn one_that_comes_twice_wakes_the_one_that_blocks() {
    model(|| {
        let shared = Shared::new();
        let other = thread::spawn({
            let shared = shared.clone();
            move || {
                let _guard = shared.mutex.lock();
                shared.add();
            }
        });
        for _ in 0..2 {
            if let Some(_guard) = shared.mutex.try_lock() {
                shared.add();
            }
        }
        other.join().unwrap();
        let _guard = shared.mutex.lock();
        assert!((1..=3).contains(&shared.value()));
    });
}

#[test]
fn three_threads_that_block_all_get_their_turn() {
    let mut builder = Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(2));
    builder.check(|| {
        let shared = Shared::new();
        let others: Vec<_> = (0..2)
            .map(|_| {
                let shared = shared.clone();
                thread::spawn(move || {
                    let _guard = shared.mutex.lock();
                    shared.add();
                })
            })
            .collect();
        {
            let _guard = shared.mutex.lock();
            shared.add();
        }
        for other in others {
            other.join().unwrap();
        }
        let _guard = shared.mutex.lock();
        assert_eq!(shared.value(), 3);
    });
}

/// The last handle frees the mutex, after all that was done through the others. It is left held, so that only the count
/// of the handles shows what they did.
#[test]
fn handles_are_dropped_anywhere() {
    model(|| {
        let mutex = ProxyMutex::new();
        let others: Vec<_> = (0..2)
            .map(|_| {
                let mutex = mutex.clone();
                thread::spawn(move || {
                    mutex.raw_try_lock();
                })
            })
            .collect();
        drop(mutex);
        for other in others {
            other.join().unwrap();
        }
    });
}

//! Dispatch against destroy against the last handle, in all interleavings that matter.
//!
//! The model is a continuation's [`Life`] with a cell in place of the handler: reading the cell is calling it, writing it is
//! dropping it, and loom refuses a write that is not ordered after every read.

#![cfg(loom)]

use loom::model::Builder;
use loom::sync::{Arc, Mutex};
use loom::thread;
use ts_cont::life::{Life, Mark, Release};
use ts_thread::sync::UnsafeCell;

struct Model {
    life: Life,
    handler: UnsafeCell<bool>,
}

impl Model {
    fn new() -> Arc<Self> {
        Arc::new(Self { life: Life::new(), handler: UnsafeCell::new(true) })
    }

    fn call(&self) {
        // SAFETY: the test's claim; loom checks it.
        self.handler.with(|handler| unsafe { assert!(*handler, "called after it was dropped") });
    }

    fn drop_handler(&self) {
        // SAFETY: the test's claim; loom checks it.
        self.handler.with_mut(|handler| unsafe {
            assert!(*handler, "dropped twice");
            *handler = false;
        });
    }

    fn is_dropped(&self) -> bool {
        // SAFETY: called when all threads are joined.
        self.handler.with(|handler| unsafe { !*handler })
    }
}

fn check(f: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(3));
    builder.check(f);
}

#[test]
fn a_handler_without_a_mutex_is_dropped_once_and_after_its_last_call() {
    check(|| {
        let model = Model::new();
        let callers: Vec<_> = (0..2)
            .map(|_| {
                let model = Arc::clone(&model);
                thread::spawn(move || {
                    if model.life.enter_shared() {
                        model.call();
                    }
                    if model.life.leave_shared() {
                        model.drop_handler();
                    }
                })
            })
            .collect();
        if model.life.mark_destroyed() == Mark::First && model.life.claim_drop() {
            model.drop_handler();
        }
        for caller in callers {
            caller.join().unwrap();
        }
        assert!(model.is_dropped(), "nobody dropped the handler");
    });
}

#[test]
fn two_destroyers_agree_on_one() {
    check(|| {
        let model = Model::new();
        let other = {
            let model = Arc::clone(&model);
            thread::spawn(move || {
                let first = model.life.mark_destroyed() == Mark::First;
                if first && model.life.claim_drop() {
                    model.drop_handler();
                }
                first
            })
        };
        let first = model.life.mark_destroyed() == Mark::First;
        if first && model.life.claim_drop() {
            model.drop_handler();
        }
        assert!(first ^ other.join().unwrap());
        assert!(model.is_dropped());
    });
}

/// A sender that does not hold the mutex, a dispatcher that does, and the owner of the last handle: the memory is freed once,
/// after everything that was done with it.
#[test]
fn the_last_reference_frees_after_every_use() {
    check(|| {
        let model = Model::new();
        let mutex = Arc::new(Mutex::new(()));
        // The event that is on its way: it was counted by a sender without the mutex.
        model.life.retain();

        let dispatcher = {
            let (model, mutex) = (Arc::clone(&model), Arc::clone(&mutex));
            thread::spawn(move || {
                let guard = mutex.lock().unwrap();
                // SAFETY: the mutex is held, here and below.
                let owed = unsafe {
                    assert_eq!(model.life.adopt_shared(), 0, "there are few references");
                    model.life.enter();
                    // The handler schedules itself again, counted under the mutex.
                    model.life.add_another();
                    model.call();
                    model.life.leave();
                    let first = model.life.remove_plain();
                    assert_eq!(first, 0, "the new event keeps the references");
                    model.life.remove_plain()
                };
                drop(guard);
                model.life.release(owed) == Release::Last
            })
        };
        let handle_was_last = model.life.release(1) == Release::Last;
        if handle_was_last {
            model.drop_handler();
        }
        let dispatcher_was_last = dispatcher.join().unwrap();
        if dispatcher_was_last {
            model.drop_handler();
        }
        assert!(handle_was_last ^ dispatcher_was_last, "freed once");
    });
}

/// As above, with the free on the thread that was last, so that loom sees it unordered if it is.
#[test]
fn a_reference_given_back_publishes_what_was_done_through_it() {
    check(|| {
        let model = Model::new();
        model.life.retain();
        let other = {
            let model = Arc::clone(&model);
            thread::spawn(move || {
                model.call();
                if model.life.release(1) == Release::Last {
                    model.drop_handler();
                }
            })
        };
        model.call();
        if model.life.release(1) == Release::Last {
            model.drop_handler();
        }
        other.join().unwrap();
        assert!(model.is_dropped());
    });
}

/// Memory of continuations is used again: whoever looks through it and takes a reference finds one continuation or the other,
/// with all that belongs to it, and keeps it.
#[test]
fn a_reference_that_is_taken_without_having_any_finds_a_whole_continuation() {
    check(|| {
        let model = Model::new();
        let looks = {
            let model = Arc::clone(&model);
            thread::spawn(move || {
                if model.life.away().try_retain() {
                    model.call();
                    if model.life.release(1) == Release::Last {
                        model.drop_handler();
                    }
                }
            })
        };
        if model.life.release(1) == Release::Last {
            model.drop_handler();
            // The next continuation in the same place.
            // SAFETY: the test's claim; loom checks it.
            model.handler.with_mut(|handler| unsafe { *handler = true });
            model.life.begin();
            if model.life.release(1) == Release::Last {
                model.drop_handler();
            }
        }
        looks.join().unwrap();
        assert!(model.is_dropped());
    });
}

/// What [`Life::has_others`] is for: whoever has references in hand keeps them for a while, unless they are all that there are.
#[test]
fn references_that_are_drawn_together_and_kept_free_once_and_after_every_use() {
    check(|| {
        let model = Model::new();
        model.life.retain();
        let keeper = {
            let model = Arc::clone(&model);
            thread::spawn(move || {
                model.life.retain_many(1);
                let mut kept = 0;
                for _ in 0..2 {
                    model.call();
                    if !model.life.has_others(kept + 1) {
                        return model.life.release(kept + 1) == Release::Last;
                    }
                    kept += 1;
                }
                model.life.release(kept) == Release::Last
            })
        };
        model.call();
        let handle_was_last = model.life.release(1) == Release::Last;
        if handle_was_last {
            model.drop_handler();
        }
        let keeper_was_last = keeper.join().unwrap();
        if keeper_was_last {
            model.drop_handler();
        }
        assert!(handle_was_last ^ keeper_was_last, "freed once");
    });
}

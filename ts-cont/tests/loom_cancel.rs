//! Cancel against dispatch against destroy: an event in its slot, its continuation's [`Life`], and the steps that
//! `ethread/dispatch.rs` and `cell.rs` make of the two.
//!
//! What the model holds to: an event ran, or was cancelled, or met a destroyed continuation, one of the three and as its
//! canceller was told; no handler is entered after a destroyer was answered with "now"; handler and memory go once.
//!
//! A destroyer that finds the mutex busy waits for it here; the real one has the unlock do the same. The flags that say
//! what was answered are the standard library's on purpose: they record the order in which loom lets things happen, and
//! order nothing themselves.

#![cfg(loom)]

use loom::model::Builder;
use loom::sync::{Arc, Mutex};
use loom::thread;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use ts_cont::life::{Life, Mark, Release};
use ts_event::{Begin, CallOff, Entry, Slots};
use ts_thread::sync::UnsafeCell;

/// A continuation.
struct Model {
    life: Life,
    mutex: Mutex<()>,
    /// Reading it is calling the handler, writing it is dropping it.
    handler: UnsafeCell<bool>,
    /// Reading it is using the memory, writing it is freeing it.
    memory: UnsafeCell<bool>,
    answered_now: AtomicBool,
}

/// How an event ended, as its thread saw it.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Ended {
    Ran,
    CalledOff,
    Dead,
}

impl Model {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            life: Life::new(),
            mutex: Mutex::new(()),
            handler: UnsafeCell::new(true),
            memory: UnsafeCell::new(true),
            answered_now: AtomicBool::new(false),
        })
    }

    fn call(&self) {
        assert!(
            !self.answered_now.load(Relaxed),
            "entered after a destroyer was told that the handler is gone"
        );
        // SAFETY: the test's claim; loom checks it.
        self.handler.with(|handler| unsafe { assert!(*handler, "called after it was dropped") });
    }

    fn drop_handler(&self) {
        // SAFETY: the test's claim; loom checks it.
        self.handler.with_mut(|handler| unsafe { *handler = false });
    }

    fn use_memory(&self) {
        // SAFETY: the test's claim; loom checks it.
        self.memory.with(|memory| unsafe { assert!(*memory, "used after it was freed") });
    }

    fn release(&self, count: usize) {
        if count == 0 {
            return;
        }
        self.use_memory();
        if self.life.release(count) == Release::Last {
            // SAFETY: the test's claim; loom checks it.
            self.memory
                .with_mut(|memory| unsafe { assert!(std::mem::replace(&mut *memory, false), "freed twice") });
            // SAFETY: as above.
            self.handler.with_mut(|handler| unsafe { *handler = false });
        }
    }

    fn assert_is_gone(&self) {
        // SAFETY: all threads are joined.
        let (memory, handler) =
            unsafe { (self.memory.with(|memory| *memory), self.handler.with(|handler| *handler)) };
        assert!(!memory, "the memory leaked");
        assert!(!handler, "the handler leaked");
    }

    /// `Here::run_knowing` and `run_begun`, for a continuation with a mutex.
    fn dispatch(&self, mut entry: Entry<u32>) -> Ended {
        let guard = self.mutex.lock().unwrap();
        // SAFETY: the mutex is held.
        unsafe { assert_eq!(self.life.adopt_shared(), 0, "there are few references") };
        let ended = if self.life.is_dead() {
            Ended::Dead
        } else if entry.begin() == Begin::CalledOff {
            Ended::CalledOff
        } else {
            Ended::Ran
        };
        if ended == Ended::Ran {
            // SAFETY: the mutex is held.
            unsafe { self.life.enter_first() };
            self.call();
            // SAFETY: as above. Whoever destroys it meanwhile is on another thread, and so sees to the handler.
            unsafe { self.life.leave_last() };
        }
        drop(entry);
        // SAFETY: as above.
        let owed = unsafe { self.life.remove_plain() };
        drop(guard);
        self.release(owed);
        ended
    }

    /// `CellRef::destroy`, with a handle that is given back afterwards.
    fn destroy(&self) {
        if self.life.mark_destroyed() == Mark::First {
            match self.mutex.try_lock() {
                Ok(_guard) => {
                    self.drop_handler();
                    self.answered_now.store(true, Relaxed);
                }
                Err(_) => {
                    let _guard = self.mutex.lock().unwrap();
                    self.drop_handler();
                }
            }
        }
        self.release(1);
    }

    /// As `dispatch`, for a continuation without a mutex.
    fn dispatch_shared(&self, mut entry: Entry<u32>) -> Ended {
        let ended = if !self.life.enter_shared() {
            Ended::Dead
        } else if entry.begin() == Begin::CalledOff {
            Ended::CalledOff
        } else {
            self.call();
            Ended::Ran
        };
        if self.life.leave_shared() {
            self.drop_handler();
        }
        drop(entry);
        self.release(1);
        ended
    }

    /// As `destroy`, for a continuation without a mutex.
    fn destroy_shared(&self) {
        if self.life.mark_destroyed() == Mark::First && self.life.claim_drop() {
            self.drop_handler();
            self.answered_now.store(true, Relaxed);
        }
        self.release(1);
    }
}

fn check(f: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(3));
    builder.check(f);
}

fn agree(ended: Ended, answer: CallOff, may_be_dead: bool) {
    match answer {
        CallOff::BeforeRun => assert_ne!(ended, Ended::Ran, "cancelled, and ran"),
        CallOff::Running | CallOff::AlreadyRan => {
            assert_eq!(ended, Ended::Ran, "{answer:?}, and did not run")
        }
        // Nobody but this caller called it off.
        CallOff::AlreadyCalledOff => assert!(may_be_dead && ended == Ended::Dead, "{ended:?}, {answer:?}"),
        CallOff::Stale => assert_ne!(ended, Ended::CalledOff, "called off by nobody"),
    }
    assert!(ended != Ended::CalledOff || answer == CallOff::BeforeRun, "called off by nobody: {answer:?}");
}

fn three_at_once(dispatch: fn(&Model, Entry<u32>) -> Ended, destroy: fn(&Model)) {
    check(move || {
        let slots: &'static Slots<u32> = Box::leak(Box::new(Slots::new()));
        let model = Model::new();
        // The event came from elsewhere: it owns a reference.
        model.life.retain();
        let entry = slots.entry(1);
        let key = entry.key();
        let dispatcher = {
            let model = Arc::clone(&model);
            thread::spawn(move || dispatch(&model, entry))
        };
        let canceller = thread::spawn(move || key.call_off());
        destroy(&model);
        let ended = dispatcher.join().unwrap();
        let answer = canceller.join().unwrap();
        agree(ended, answer, true);
        model.assert_is_gone();
    });
}

#[test]
fn an_event_ran_or_was_cancelled_or_found_its_continuation_destroyed() {
    three_at_once(Model::dispatch, Model::destroy);
}

#[test]
fn the_same_holds_without_a_mutex() {
    three_at_once(Model::dispatch_shared, Model::destroy_shared);
}

/// Under the mutex a cancel is final whatever its thread does, and so is a destruction.
#[test]
fn who_holds_the_mutex_decides() {
    check(|| {
        let slots: &'static Slots<u32> = Box::leak(Box::new(Slots::new()));
        let model = Model::new();
        model.life.retain();
        let entry = slots.entry(1);
        let key = entry.key();
        let dispatcher = {
            let model = Arc::clone(&model);
            thread::spawn(move || model.dispatch(entry))
        };
        let guard = model.mutex.lock().unwrap();
        let answer = key.call_off();
        assert!(!matches!(answer, CallOff::Running), "nobody else runs a handler of this mutex");
        drop(guard);
        model.release(1);
        agree(dispatcher.join().unwrap(), answer, false);
        model.assert_is_gone();
    });
}

//! Whoever holds a mutex may take it again, and gives it back with the last level.
#![cfg(not(loom))]

use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::prelude::*;
use ts_mutex::{MutexGuard, ProxyMutex, RawUnlockError};
use ts_thread::{HrTime, SimulatedContext};

#[test]
fn each_way_to_lock_adds_a_level() {
    let mutex = ProxyMutex::new();
    let a = mutex.lock();
    let b = mutex.try_lock().unwrap();
    let c = mutex.lock_until(HrTime::ZERO).unwrap();
    mutex.raw_lock();
    assert!(mutex.raw_try_lock());
    assert_eq!(mutex.depth(), 5);
    drop((a, b, c));
    assert_eq!(mutex.depth(), 2);
    mutex.raw_unlock().unwrap();
    mutex.raw_unlock().unwrap();
    assert!(!mutex.is_locked());
}

#[test]
fn guards_may_end_in_any_order() {
    let mutex = ProxyMutex::new();
    let outer = mutex.lock();
    let inner = mutex.lock();
    drop(outer);
    assert!(mutex.held_by_current());
    inner.unlock();
    assert!(!mutex.held_by_current());
}

#[test]
fn a_panic_gives_the_mutex_back_and_leaves_no_poison() {
    let mutex = ProxyMutex::new();
    let caught = catch_unwind(AssertUnwindSafe(|| {
        let _outer = mutex.lock();
        let _inner = mutex.lock();
        panic!("on purpose");
    }));
    assert!(caught.is_err());
    assert!(!mutex.is_locked());
    assert_eq!(mutex.lock().mutex().depth(), 1);
}

#[test]
fn clones_are_one_mutex_and_others_are_not() {
    let mutex = ProxyMutex::named("one");
    let clone = mutex.clone();
    let other = ProxyMutex::named("one");
    assert_eq!(mutex, clone);
    assert_eq!(mutex.id(), clone.id());
    assert_ne!(mutex, other);
    mutex.raw_lock();
    drop(mutex);
    assert!(clone.held_by_current());
    assert!(!other.held_by_current());
    assert_eq!(clone.name(), Some("one"));
}

#[test]
fn only_first_levels_count_as_acquired() {
    let mutex = ProxyMutex::new();
    for _ in 0..3 {
        let _outer = mutex.lock();
        let _inner = mutex.try_lock().unwrap();
    }
    let counts = mutex.counts();
    assert_eq!((counts.acquired, counts.missed, counts.waited), (3, 0, 0));
}

#[test]
fn debug_shows_name_holder_and_depth() {
    let mutex = ProxyMutex::named("shown");
    let _guard = (mutex.lock(), mutex.lock());
    let text = format!("{mutex:?}");
    let holder = format!("{:?}", ts_thread::current_id());
    assert!(text.contains("shown") && text.contains(&holder) && text.contains("depth: 2"), "{text}");
}

/// What a context may try.
#[derive(Clone, Copy, Debug)]
enum Step {
    Try,
    DropOldest,
    DropNewest,
    RawTry,
    RawUnlock,
}

const CONTEXTS: usize = 3;

fn steps() -> impl Strategy<Value = Vec<(usize, Step)>> {
    let step = prop_oneof![
        4 => Just(Step::Try),
        2 => Just(Step::DropOldest),
        2 => Just(Step::DropNewest),
        2 => Just(Step::RawTry),
        3 => Just(Step::RawUnlock),
    ];
    proptest::collection::vec((0..CONTEXTS, step), 0..200)
}

/// A recursive lock, as one would write it down: who, and how many of each kind.
#[derive(Default)]
struct Model {
    holder: Option<usize>,
    guards: u32,
    raw: u32,
}

impl Model {
    fn take(&mut self, who: usize) -> bool {
        let may = self.holder.is_none_or(|holder| holder == who);
        if may {
            self.holder = Some(who);
        }
        may
    }

    fn settle(&mut self) {
        if self.guards + self.raw == 0 {
            self.holder = None;
        }
    }

    fn raw_unlock(&mut self, who: usize) -> Result<(), RawUnlockError> {
        match self.holder {
            None => return Err(RawUnlockError::NotHeld),
            Some(holder) if holder != who => return Err(RawUnlockError::HeldByOther),
            Some(_) if self.raw == 0 => return Err(RawUnlockError::OnlyGuards),
            Some(_) => self.raw -= 1,
        }
        self.settle();
        Ok(())
    }
}

proptest! {
    #[test]
    fn the_mutex_does_what_a_counter_does(steps in steps()) {
        let contexts: Vec<_> = (0..CONTEXTS).map(|i| SimulatedContext::new(format!("context {i}"))).collect();
        let mutex = ProxyMutex::new();
        let mut model = Model::default();
        let mut guards: Vec<Vec<MutexGuard<'_>>> = (0..CONTEXTS).map(|_| Vec::new()).collect();
        for (who, step) in steps {
            let mine = &mut guards[who];
            contexts[who].enter(|| -> Result<(), TestCaseError> {
                match step {
                    Step::Try => {
                        let guard = mutex.try_lock();
                        let expected = model.take(who);
                        prop_assert_eq!(guard.is_some(), expected);
                        if expected {
                            model.guards += 1;
                        }
                        mine.extend(guard);
                    }
                    Step::DropOldest | Step::DropNewest if mine.is_empty() => {}
                    Step::DropOldest => {
                        drop(mine.remove(0));
                        model.guards -= 1;
                        model.settle();
                    }
                    Step::DropNewest => {
                        drop(mine.pop());
                        model.guards -= 1;
                        model.settle();
                    }
                    Step::RawTry => {
                        let expected = model.take(who);
                        prop_assert_eq!(mutex.raw_try_lock(), expected);
                        if expected {
                            model.raw += 1;
                        }
                    }
                    Step::RawUnlock => prop_assert_eq!(mutex.raw_unlock(), model.raw_unlock(who)),
                }
                Ok(())
            })?;
            for (i, context) in contexts.iter().enumerate() {
                let mine = model.holder == Some(i);
                let (held, depth) = context.enter(|| (mutex.held_by_current(), mutex.depth()));
                prop_assert_eq!(held, mine);
                prop_assert_eq!(depth, if mine { model.guards + model.raw } else { 0 });
            }
            let holder = model.holder.map(|i| contexts[i].id());
            prop_assert_eq!(mutex.holder(), holder);
        }
    }
}

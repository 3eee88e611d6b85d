//! Promise: each context has its own values, made at first use and dropped at its end, the last created first.
#![cfg(not(loom))]

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};

use ts_thread::{ContextId, ContextLocal, SimulatedContext, current_id};

#[test]
fn each_context_has_a_value_of_its_own() {
    static COUNT: ContextLocal<Cell<u32>> = ContextLocal::new(|| Cell::new(0));
    let bump = || COUNT.with(|count| count.replace(count.get() + 1));
    assert_eq!((bump(), bump()), (0, 1));
    let (a, b) = (SimulatedContext::new("a"), SimulatedContext::new("b"));
    assert_eq!(a.enter(|| (bump(), b.enter(|| (bump(), bump())), bump())), (0, (0, 1), 1));
    assert_eq!(std::thread::spawn(move || (bump(), bump())).join().unwrap(), (0, 1));
    assert_eq!(bump(), 2);
    assert_eq!(a.enter(bump), 2);
}

#[test]
fn a_value_is_made_once_and_only_when_asked_for() {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    static VALUE: ContextLocal<usize> = ContextLocal::new(|| MADE.fetch_add(1, Ordering::SeqCst));
    let simulated = SimulatedContext::new("sim");
    simulated.enter(|| ());
    assert_eq!(MADE.load(Ordering::SeqCst), 0);
    assert_eq!(VALUE.with(|value| *value), 0);
    assert_eq!(VALUE.with(|value| *value), 0);
    assert_eq!(MADE.load(Ordering::SeqCst), 1);
    assert_eq!(simulated.enter(|| VALUE.with(|value| *value)), 1);
}

#[test]
fn a_value_stays_where_it_is_while_others_come() {
    static FIRST: ContextLocal<Cell<u8>> = ContextLocal::new(|| Cell::new(1));
    FIRST.with(|first| {
        for n in 0..200 {
            let more: &'static ContextLocal<[u64; 4]> = Box::leak(Box::new(ContextLocal::new(|| [7; 4])));
            assert_eq!(more.with(|value| value[n % 4]), 7);
        }
        first.set(2);
        FIRST.with(|again| assert!(std::ptr::eq(first, again)));
    });
    assert_eq!(FIRST.with(Cell::get), 2);
}

#[test]
fn values_without_a_size_are_stored_too() {
    static NOTHING: ContextLocal<()> = ContextLocal::new(|| ());
    NOTHING.with(|()| ());
    NOTHING.with(|()| ());
}

thread_local! {
    static LOG: RefCell<Vec<(&'static str, ContextId)>> = const { RefCell::new(Vec::new()) };
}

struct Logs(&'static str);

impl Drop for Logs {
    fn drop(&mut self) {
        LOG.with_borrow_mut(|log| log.push((self.0, current_id())));
    }
}

#[test]
fn a_simulated_context_drops_its_values_as_itself_and_the_last_created_first() {
    static ONE: ContextLocal<Logs> = ContextLocal::new(|| Logs("one"));
    static TWO: ContextLocal<Logs> = ContextLocal::new(|| Logs("two"));
    static THREE: ContextLocal<Logs> = ContextLocal::new(|| {
        // Made within the making of three, hence before it.
        ONE.with(|_| ());
        Logs("three")
    });
    let simulated = SimulatedContext::new("sim");
    let id = simulated.id();
    simulated.enter(|| {
        TWO.with(|_| ());
        THREE.with(|_| ());
    });
    let outside = current_id();
    drop(simulated);
    assert_eq!(current_id(), outside);
    assert_eq!(LOG.take(), [("three", id), ("one", id), ("two", id)]);
}

struct Sends(&'static str, Sender<(&'static str, ContextId)>);

impl Drop for Sends {
    fn drop(&mut self) {
        self.1.send((self.0, current_id())).unwrap();
    }
}

#[test]
fn a_foreign_thread_drops_its_values_when_it_ends() {
    static ONE: ContextLocal<RefCell<Option<Sends>>> = ContextLocal::new(|| RefCell::new(None));
    static TWO: ContextLocal<RefCell<Option<Sends>>> = ContextLocal::new(|| RefCell::new(None));
    let (sender, receiver) = channel();
    let id = std::thread::spawn(move || {
        ONE.with(|one| *one.borrow_mut() = Some(Sends("one", sender.clone())));
        TWO.with(|two| *two.borrow_mut() = Some(Sends("two", sender)));
        current_id()
    })
    .join()
    .unwrap();
    assert_eq!(receiver.iter().collect::<Vec<_>>(), [("two", id), ("one", id)]);
}

#[test]
fn a_destructor_can_use_what_is_older_and_is_refused_what_is_gone() {
    static OLD: ContextLocal<Cell<u32>> = ContextLocal::new(|| Cell::new(5));
    static NEVER_MADE: ContextLocal<Cell<u32>> = ContextLocal::new(|| Cell::new(0));
    static ASKS: ContextLocal<Asks> = ContextLocal::new(|| {
        OLD.with(|_| ());
        Asks
    });
    thread_local! {
        static ANSWERS: Cell<Option<(u32, bool, bool)>> = const { Cell::new(None) };
    }
    struct Asks;
    impl Drop for Asks {
        fn drop(&mut self) {
            let refused = NEVER_MADE.try_with(|_| ()).unwrap_err();
            assert!(refused.to_string().contains("torn down"));
            let gone = ASKS.try_with(|_| ()).is_err();
            let panics = catch_unwind(|| ASKS.with(|_| ())).is_err();
            ANSWERS.set(Some((OLD.with(Cell::get), gone, panics)));
        }
    }
    let simulated = SimulatedContext::new("sim");
    simulated.enter(|| ASKS.with(|_| ()));
    drop(simulated);
    assert_eq!(ANSWERS.get(), Some((5, true, true)));
}

#[test]
fn a_constructor_that_asks_for_its_own_value_panics_and_can_be_tried_again() {
    static AGAIN: AtomicUsize = AtomicUsize::new(0);
    static LOOP: ContextLocal<u8> = ContextLocal::new(|| match AGAIN.fetch_add(1, Ordering::SeqCst) {
        0 => LOOP.with(|value| *value),
        _ => 9,
    });
    let panic = catch_unwind(|| LOOP.with(|value| *value)).unwrap_err();
    assert!(panic.downcast_ref::<&str>().unwrap().contains("its own init function"));
    assert_eq!(LOOP.with(|value| *value), 9);
}

#[test]
fn a_panicking_destructor_does_not_keep_the_others_from_running() {
    static ONE: ContextLocal<Logs> = ContextLocal::new(|| Logs("one"));
    static BAD: ContextLocal<Bad> = ContextLocal::new(|| Bad);
    struct Bad;
    impl Drop for Bad {
        fn drop(&mut self) {
            panic!("on purpose");
        }
    }
    let simulated = SimulatedContext::new("sim");
    let id = simulated.id();
    let outside = current_id();
    simulated.enter(|| {
        ONE.with(|_| ());
        BAD.with(|_| ());
    });
    let panic = catch_unwind(AssertUnwindSafe(|| drop(simulated))).unwrap_err();
    assert_eq!(*panic.downcast_ref::<&str>().unwrap(), "on purpose");
    assert_eq!(LOG.take(), [("one", id)]);
    assert_eq!(current_id(), outside);
}

#[test]
fn many_threads_may_use_a_value_for_the_first_time_at_once() {
    for _ in 0..50 {
        let fresh: &'static ContextLocal<Cell<u64>> = Box::leak(Box::new(ContextLocal::new(|| Cell::new(0))));
        let start = std::sync::Barrier::new(4);
        std::thread::scope(|scope| {
            for n in 1..=4 {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    fresh.with(|value| value.set(n));
                    assert_eq!(fresh.with(Cell::get), n);
                });
            }
        });
    }
}

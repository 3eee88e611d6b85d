//! Promise: who runs has an identity that is never anybody else's.
#![cfg(not(loom))]

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ts_thread::{ContextId, ContextKind, SimulatedContext, current, current_id};

#[test]
fn a_thread_keeps_its_id_and_shares_it_with_nobody() {
    let mine = current_id();
    assert_eq!(mine, current_id());
    assert_eq!(mine, current().id());
    let other = std::thread::spawn(|| (current_id(), current_id())).join().unwrap();
    assert_eq!(other.0, other.1);
    assert_ne!(mine, other.0);
}

#[test]
fn ids_are_not_used_again_when_threads_have_ended() {
    let mut seen = HashSet::new();
    for _ in 0..100 {
        let batch: Vec<_> = (0..100).map(|_| std::thread::spawn(current_id)).collect();
        for thread in batch {
            assert!(seen.insert(thread.join().unwrap()), "an id came twice");
        }
    }
    assert_eq!(seen.len(), 10_000);
}

#[test]
fn numbers_that_no_id_has_are_refused() {
    assert_eq!(ContextId::from_raw(0), None);
    assert_eq!(ContextId::from_raw(1 << 63), None);
    assert_eq!(ContextId::from_raw(u64::MAX), None);
    let mine = current_id();
    assert_eq!(ContextId::from_raw(mine.get()), Some(mine));
    assert_eq!(mine.to_string(), mine.get().to_string());
    assert_eq!(format!("{mine:?}"), format!("ContextId({})", mine.get()));
}

#[test]
fn a_thread_that_somebody_else_started_is_foreign_and_has_its_std_name() {
    let thread = std::thread::Builder::new().name("from std".into()).spawn(current).unwrap();
    let seen = thread.join().unwrap();
    assert_eq!(seen.kind(), ContextKind::Foreign);
    assert_eq!(seen.name(), Some("from std"));
}

#[test]
fn a_simulated_context_is_somebody_else_while_it_is_entered() {
    let outside = current_id();
    let simulated = SimulatedContext::new("sim");
    assert_ne!(simulated.id(), outside);
    let inside = simulated.enter(current);
    assert_eq!(inside.id(), simulated.id());
    assert_eq!(inside.kind(), ContextKind::Simulated);
    assert_eq!(inside.name(), Some("sim"));
    assert_eq!(current_id(), outside);
    assert_eq!(simulated.enter(current_id), simulated.id());
}

#[test]
fn simulated_contexts_nest_and_come_back_in_order() {
    let outside = current();
    let (a, b, c) = (SimulatedContext::new("a"), SimulatedContext::new("b"), SimulatedContext::new("c"));
    a.enter(|| {
        b.enter(|| {
            c.enter(|| assert_eq!(current_id(), c.id()));
            assert_eq!(current_id(), b.id());
        });
        assert_eq!(current_id(), a.id());
        b.enter(|| assert_eq!(current().name(), Some("b")));
    });
    assert_eq!(current_id(), outside.id());
    assert_eq!(current().kind(), outside.kind());
}

#[test]
fn a_panic_inside_a_simulated_context_leaves_it() {
    let outside = current_id();
    let (a, b) = (SimulatedContext::new("a"), SimulatedContext::new("b"));
    let caught = catch_unwind(AssertUnwindSafe(|| a.enter(|| b.enter(|| panic!("on purpose")))));
    assert!(caught.is_err());
    assert_eq!(current_id(), outside);
    assert!(!a.is_entered() && !b.is_entered());
    assert_eq!(a.enter(current_id), a.id());
}

#[test]
fn a_simulated_context_cannot_be_entered_twice() {
    let (a, b) = (SimulatedContext::new("a"), SimulatedContext::new("b"));
    a.enter(|| {
        b.enter(|| {
            let mut called = false;
            let refused = a.try_enter(|| called = true).unwrap_err();
            assert!(refused.to_string().contains("entered already"));
            assert!(!called);
            assert_eq!(current_id(), b.id());
            assert!(catch_unwind(AssertUnwindSafe(|| a.enter(|| ()))).is_err());
        });
    });
    assert_eq!(a.try_enter(current_id), Ok(a.id()));
}

#[test]
fn a_simulated_context_that_is_moved_stays_itself() {
    let simulated = SimulatedContext::new("moved");
    let id = simulated.enter(current_id);
    let boxed = Box::new(simulated);
    assert_eq!(boxed.enter(current_id), id);
}

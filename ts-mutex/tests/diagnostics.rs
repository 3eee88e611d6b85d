//! What is reported, and how often. One test: the switches belong to the process.
#![cfg(not(loom))]

use std::fmt::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use ts_mutex::{MutexGuard, ProxyMutex, diagnostics};
use ts_thread::SimulatedContext;

/// Keeps each event as one line.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    /// What came since the last time this was asked.
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        write!(self.0, "{}={value:?} ", field.name()).unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "ts_mutex"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// This file and line, as a place is shown.
macro_rules! here {
    () => {
        format!("{}:{}:", file!(), line!())
    };
}

#[track_caller]
fn assert_one(lines: &[String], parts: &[&str]) {
    let [line] = lines else { panic!("one report, not these: {lines:#?}") };
    for part in parts {
        assert!(line.contains(part), "no {part:?} in {line}");
    }
}

#[test]
fn the_reports_name_the_places_and_come_once() {
    let log = Log::default();
    tracing::subscriber::set_global_default(log.clone()).unwrap();
    nothing_is_reported_at_first(&log);
    a_long_hold_names_both_places(&log);
    both_orders_of_two_mutexes_are_reported_once(&log);
    a_longer_cycle_is_found_and_an_attempt_makes_no_edge(&log);
    a_blocking_lock_is_reported_once_per_place(&log);
}

fn nothing_is_reported_at_first(log: &Log) {
    assert!(!diagnostics::checks() && diagnostics::blocking_allowed());
    assert_eq!(diagnostics::hold_limit(), diagnostics::HOLD_LIMIT);
    diagnostics::set_hold_limit(Duration::ZERO);
    let (a, b) = (ProxyMutex::new(), ProxyMutex::new());
    drop((a.lock(), b.lock()));
    drop((b.lock(), a.lock()));
    assert!(log.take().is_empty());
    diagnostics::set_hold_limit(Duration::MAX);
}

fn a_long_hold_names_both_places(log: &Log) {
    let mutex = ProxyMutex::named("held long");
    // Taken before the checks are on: nothing is known about it.
    let before = mutex.lock();
    diagnostics::set_checks(true);
    diagnostics::set_hold_limit(Duration::ZERO);
    drop(before);
    assert!(log.take().is_empty());

    let (guard, taken) = (mutex.lock(), here!());
    let inner = mutex.lock();
    drop(inner);
    assert!(log.take().is_empty(), "not before the last level");
    let released = (guard.unlock(), here!()).1;
    assert_one(&log.take(), &["held long", &taken, &released, "held for too long"]);

    let taken = (mutex.raw_lock(), here!()).1;
    let released = (mutex.raw_unlock().unwrap(), here!()).1;
    assert_one(&log.take(), &[&taken, &released]);

    let (guard, taken) = (mutex.try_lock(), here!());
    drop(guard);
    assert_one(&log.take(), &[&taken, "end of the guard's scope"]);

    diagnostics::set_hold_limit(Duration::MAX);
    drop(mutex.lock());
    assert!(log.take().is_empty());
}

fn both_orders_of_two_mutexes_are_reported_once(log: &Log) {
    let (a, b) = (ProxyMutex::named("a"), ProxyMutex::named("b"));
    for round in 0..2 {
        let (first, a_first) = (a.lock(), here!());
        let (second, b_second) = (b.lock(), here!());
        drop((first, second));
        assert!(log.take().is_empty());
        let (first, b_first) = (b.lock(), here!());
        let (second, a_second) = (a.lock(), here!());
        drop((first, second));
        let lines = log.take();
        if round == 0 {
            assert_one(&lines, &[&a_first, &b_second, &b_first, &a_second, "order"]);
        } else {
            assert!(lines.is_empty(), "the same places again: {lines:#?}");
        }
    }
    // Held by one context and taken by another is no order.
    let context = SimulatedContext::new("another");
    let (c, d) = (ProxyMutex::new(), ProxyMutex::new());
    let first = c.lock();
    context.enter(|| drop(d.lock()));
    drop(first);
    let first = d.lock();
    drop(c.lock());
    drop(first);
    assert!(log.take().is_empty());
}

fn a_longer_cycle_is_found_and_an_attempt_makes_no_edge(log: &Log) {
    fn try_both<'a>(first: &'a ProxyMutex, then: &'a ProxyMutex) -> [MutexGuard<'a>; 2] {
        [first.try_lock().unwrap(), then.try_lock().unwrap()]
    }
    let (a, b, c) = (ProxyMutex::new(), ProxyMutex::new(), ProxyMutex::new());
    for (first, then) in [(&a, &b), (&b, &c)] {
        let held = first.lock();
        drop(then.lock());
        drop(held);
    }
    drop(try_both(&c, &a));
    assert!(log.take().is_empty(), "an attempt cannot be stuck");
    let held = c.try_lock().unwrap();
    drop(a.lock());
    drop(held);
    assert_one(&log.take(), &["order"]);

    // The edges of a mutex go with it, whoever gets its address then.
    drop(b);
    for _ in 0..8 {
        let fresh = ProxyMutex::new();
        let held = fresh.lock();
        drop(a.lock());
        drop(held);
        assert!(log.take().is_empty());
    }
    diagnostics::set_checks(false);
}

fn a_blocking_lock_is_reported_once_per_place(log: &Log) {
    let context = SimulatedContext::new("[ET_NET 0]");
    let mutex = ProxyMutex::named("wanted");
    context.enter(|| {
        assert!(diagnostics::set_blocking_allowed(false));
        drop(mutex.try_lock());
        assert!(log.take().is_empty(), "an attempt does not block");
        for round in 0..2 {
            let (guard, place) = (mutex.lock(), here!());
            drop(mutex.lock());
            drop(guard);
            let lines = log.take();
            if round == 0 {
                assert_one(&lines, &["wanted", "[ET_NET 0]", &place]);
            } else {
                assert!(lines.is_empty());
            }
        }
        mutex.raw_lock();
        mutex.raw_unlock().unwrap();
        assert_eq!(log.take().len(), 1);
        assert!(!diagnostics::set_blocking_allowed(true));
        drop(mutex.lock());
    });
    // Nobody else is concerned.
    drop(mutex.lock());
    assert!(log.take().is_empty());
}

//! A blocking lock is for threads that may block: on a network thread it is done, and reported once for each place.

mod support;

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex as StdMutex};
use support::System;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use ts_api::{Mutex, Pool};

/// Keeps what was reported, a line each.
#[derive(Clone, Default)]
struct Log(Arc<StdMutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, "{field}={value:?} ").unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event()
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

impl Log {
    fn blocking(&self) -> Vec<String> {
        self.0.lock().unwrap().iter().filter(|line| line.contains("blocking lock")).cloned().collect()
    }
}

#[test]
fn a_blocking_lock_is_reported_on_a_network_thread_once_for_each_place_and_nowhere_else() {
    let log = Log::default();
    tracing::subscriber::set_global_default(log.clone()).unwrap();
    let system = System::real();
    let mutex = Mutex::new();

    let (on_task, on_plugin) = (mutex.clone(), mutex.clone());
    system.on(Pool::Task, 0, move || drop(on_task.lock()));
    system.on_plugin_thread(move || drop(on_plugin.lock()));
    let trying = mutex.clone();
    system.on(Pool::Net, 0, move || drop(trying.try_lock()));
    assert_eq!(log.blocking(), [""; 0]);

    for index in [0, 1, 0] {
        let locked = mutex.clone();
        let held = system.on(Pool::Net, index, move || {
            let _guard = locked.lock();
            locked.held_by_current()
        });
        assert!(held, "it is done all the same");
    }
    let reports = log.blocking();
    assert_eq!(reports.len(), 1, "{reports:?}");
    assert!(reports[0].contains("blocking.rs:") && reports[0].contains("[ET_NET 0]"), "{reports:?}");

    let other_place = mutex.clone();
    system.on(Pool::Net, 0, move || drop(other_place.lock()));
    assert_eq!(log.blocking().len(), 2);
    system.end();
}

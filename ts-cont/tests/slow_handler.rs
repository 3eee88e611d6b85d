//! A handler that holds its mutex for too long is reported by the place where its continuation was made. One test: the
//! switches belong to the process.

#![cfg(not(loom))]

mod support;

use std::fmt::Write;
use support::{Busy, Holder, Log, World};
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use ts_cont::{Continuation, ProxyMutex, diagnostics};

/// Keeps the reports of `ts-mutex`, each as one line.
struct Reports(Log<String>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        write!(self.0, "{}={value:?} ", field.name()).unwrap();
    }
}

impl<S: tracing::Subscriber> Layer<S> for Reports {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "ts_mutex" {
            let mut line = Line(String::new());
            event.record(&mut line);
            self.0.push(line.0);
        }
    }
}

/// Waits for the report of the mutex called `name`; it names the handler's place twice.
#[track_caller]
fn assert_reported(reports: &Log<String>, name: &str, line: u32) {
    let mut count = 0;
    let report = loop {
        let lines = reports.wait(count + 1);
        let found = lines.iter().find(|report| report.contains(&format!("{name:?}")));
        if let Some(report) = found {
            break report.clone();
        }
        count = lines.len();
    };
    let place = format!("slow_handler.rs:{line}:");
    assert!(report.contains("held for too long"), "{report}");
    assert_eq!(report.matches(&place).count(), 2, "taken and released at {place}? {report}");
}

#[test]
fn a_slow_handler_is_reported_by_the_place_of_its_continuation() {
    let log = Log::new();
    let subscriber = tracing_subscriber::registry().with(Reports(log.clone()));
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let world = World::real(1);

    // Any time is too long; so what holds a mutex meanwhile takes it before the checks are on, and nothing is known of that.
    let late = ProxyMutex::named("late");
    let (missed, missed_line) = (Continuation::new(&late, |_| {}), line!());
    let holder = Holder::hold(&late);
    diagnostics::set_hold_limit(std::time::Duration::ZERO);
    diagnostics::set_checks(true);

    let (dispatched, line) = (Continuation::new(&ProxyMutex::named("dispatched"), |_| {}), line!());
    world.thread(0).schedule_imm(&dispatched, ()).unwrap();
    assert_reported(&log, "dispatched", line);

    let (called, line) = (Continuation::new(&ProxyMutex::named("called"), |_| {}), line!());
    called.call(()).unwrap();
    assert_reported(&log, "called", line);

    // One whose mutex was busy at first.
    world.thread(0).schedule_imm(&missed, ()).unwrap();
    Busy::make(&world.thread(0)).release();
    holder.release();
    assert_reported(&log, "late", missed_line);
    diagnostics::set_checks(false);
    assert_eq!(world.end().missed_locks, 1);
}

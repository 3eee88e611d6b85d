//! A mutex that a plugin held for too long is reported with the places in the plugin's source.

mod support;

#[path = "support/log.rs"]
mod log;

use log::Log;
use std::time::Duration;
use support::System;
use ts_api::{Guard, Mutex, Pool};
use ts_mutex::diagnostics;

/// The line of its use, as reports name it.
macro_rules! here {
    () => {
        format!("{}:{}:", file!(), line!())
    };
}

/// Takes the mutex here, which the caller is told.
type Take = fn(&Mutex) -> (Guard<'_>, String);

#[test]
fn a_long_hold_names_the_plugins_places() {
    let log = Log::default();
    tracing::subscriber::set_global_default(log.clone()).unwrap();
    diagnostics::set_checks(true);
    diagnostics::set_hold_limit(Duration::ZERO);
    let system = System::real();
    let ways: [(&'static str, Take); 2] = [
        ("locked", |mutex| (mutex.lock(), here!())),
        ("tried", |mutex| (mutex.try_lock().unwrap(), here!())),
    ];
    for (name, take) in ways {
        let mutex = Mutex::named(name);
        let act = move || {
            let (guard, taken) = take(&mutex);
            let again = mutex.lock();
            drop(guard);
            let released = { (again.unlock(), here!()) }.1;
            drop(take(&mutex).0);
            (taken, released)
        };
        let (taken, released) = system.on(Pool::Task, 0, act);
        let reports: Vec<_> =
            log.with("held for too long").into_iter().filter(|line| line.contains(name)).collect();
        assert_eq!(reports.len(), 2, "{reports:?}");
        assert!(reports[0].contains(&format!("taken={taken}")), "{taken} in {reports:?}");
        assert!(reports[0].contains(&format!("released={released}")), "{released} in {reports:?}");
        assert!(reports[1].contains(&format!("taken={taken}")), "{taken} in {reports:?}");
        assert!(reports[1].contains("the end of the guard's scope"), "{reports:?}");
    }
    system.end();
}

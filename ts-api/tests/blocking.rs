//! A blocking lock is for threads that may block: on a network thread it is done, and reported once for each place.

mod support;

#[path = "support/log.rs"]
mod log;

use log::Log;
use support::System;
use ts_api::{Mutex, Pool};

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
    assert_eq!(log.with("blocking lock"), [""; 0]);

    for index in [0, 1, 0] {
        let locked = mutex.clone();
        let held = system.on(Pool::Net, index, move || {
            let _guard = locked.lock();
            locked.held_by_current()
        });
        assert!(held, "it is done all the same");
    }
    let reports = log.with("blocking lock");
    assert_eq!(reports.len(), 1, "{reports:?}");
    assert!(reports[0].contains("blocking.rs:") && reports[0].contains("[ET_NET 0]"), "{reports:?}");

    let other_place = mutex.clone();
    system.on(Pool::Net, 0, move || drop(other_place.lock()));
    assert_eq!(log.with("blocking lock").len(), 2);
    system.end();
}

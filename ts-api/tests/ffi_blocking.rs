//! A plugin in C that locks where it must not block does so, and the log says which one it was.
#![cfg(feature = "ffi")]

#[path = "support/log.rs"]
mod log;

use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use log::Log;
use ts_api::Runtime;
use ts_api::runtime::ShutdownOptions;

type Handler = extern "C" fn(*mut c_void, c_int, *mut c_void) -> c_int;

unsafe extern "C" {
    safe fn TSContCreate(handler: Handler, mutex: *mut c_void) -> *mut c_void;
    safe fn TSContDestroy(cont: *mut c_void);
    safe fn TSContScheduleOnPool(cont: *mut c_void, timeout: i64, pool: c_int) -> *mut c_void;
    safe fn TSMutexCreate() -> *mut c_void;
    safe fn TSMutexDestroy(mutex: *mut c_void);
    safe fn TSMutexLock(mutex: *mut c_void);
    safe fn TSMutexUnlock(mutex: *mut c_void);
}

const NET: c_int = 0;
const TASK: c_int = 1;

static LOCKED: OnceLock<Sender<()>> = OnceLock::new();

fn lock_and_end(cont: *mut c_void) -> c_int {
    let mutex = TSMutexCreate();
    TSMutexLock(mutex);
    TSMutexUnlock(mutex);
    TSMutexDestroy(mutex);
    TSContDestroy(cont);
    LOCKED.get().expect("it was set before").send(()).expect("the test waits");
    0
}

extern "C" fn first(cont: *mut c_void, _: c_int, data: *mut c_void) -> c_int {
    assert!(!data.is_null());
    lock_and_end(cont)
}

extern "C" fn second(cont: *mut c_void, _: c_int, data: *mut c_void) -> c_int {
    assert_ne!(data, ptr::null_mut());
    lock_and_end(cont) + 1
}

#[test]
fn a_blocking_lock_is_reported_on_a_network_thread_once_for_each_handler_and_nowhere_else() {
    let log = Log::default();
    tracing::subscriber::set_global_default(log.clone()).unwrap();
    let (locked, told) = channel();
    LOCKED.set(locked).unwrap();
    let runtime = Runtime::builder().net_threads(1).task_threads(1).start().unwrap();
    let run = |handler, pool| {
        runtime
            .as_plugin("blocker", || TSContScheduleOnPool(TSContCreate(handler, TSMutexCreate()), 0, pool));
        told.recv_timeout(Duration::from_secs(30)).expect("it is done all the same");
        log.with("TSMutexLock").len()
    };
    assert_eq!(run(first, TASK), 0);
    assert_eq!(run(first, NET), 1);
    assert_eq!(run(first, NET), 1);
    assert_eq!(run(second, NET), 2);
    for line in log.with("TSMutexLock") {
        assert!(line.contains("blocker") && line.contains("[ET_NET 0]"), "{line}");
    }
    assert!(runtime.shutdown(ShutdownOptions::default().deadline(Duration::from_secs(30))).is_clean());
}

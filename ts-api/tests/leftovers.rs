//! Runtimes leave no thread behind, whether they are shut down or just dropped. It counts the process's threads, so it has
//! the process to itself.

#![cfg(feature = "runtime")]

use std::fs;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use ts_api::{Cont, EventCode, Mutex, Pool, Runtime};
use ts_cont::ShutdownOptions;
use ts_thread::Parker;

const LIMIT: Duration = Duration::from_secs(30);

fn one_comes_and_goes(is_shut_down: bool) {
    let runtime = Runtime::builder().net_threads(1).task_threads(1).start().unwrap();
    let (sender, receiver) = mpsc::channel();
    let cont = Cont::new(&Mutex::new(), move |event| sender.send(event.code()).unwrap());
    {
        let _guest = runtime.guest();
        cont.schedule_on_pool(Duration::ZERO, Pool::Task).unwrap();
        cont.schedule_on_pool(Duration::from_secs(3600), Pool::Net).unwrap();
    }
    assert_eq!(receiver.recv_timeout(LIMIT), Ok(EventCode::IMMEDIATE));
    drop(cont);
    if is_shut_down {
        let report = runtime.shutdown(ShutdownOptions::default().deadline(LIMIT));
        assert!(report.is_clean(), "{report}");
    }
}

fn threads() -> usize {
    fs::read_dir("/proc/self/task").unwrap().count()
}

#[test]
fn runtimes_that_come_and_go_leave_no_thread() {
    // Whatever is started once in a process is there from here on.
    one_comes_and_goes(true);
    let parker = Parker::new();
    let most = 3 + 2; // the test's own, its harness's, and what a dying thread may still be counted as
    for round in 0..100 {
        one_comes_and_goes(round % 2 == 0);
    }
    // The kernel takes a moment to forget a thread that has ended.
    let began = Instant::now();
    while threads() > most {
        assert!(began.elapsed() < LIMIT, "{} threads are left", threads());
        let _ = parker.park_timeout(Duration::from_millis(10));
    }
}

//! A thread that does not come back from its handler is named at shutdown, and not waited for beyond the deadline.

#![cfg(not(loom))]

use std::sync::mpsc;
use std::time::Duration;
use ts_cont::{Continuation, EventProcessor, EventType, ProxyMutex, ShutdownOptions};

#[test]
fn a_stuck_thread_is_named_and_does_not_hold_up_the_shutdown() {
    let processor = EventProcessor::builder().build();
    processor.spawn_event_threads(EventType::NET, 2, 0).unwrap();
    let (let_go, wait) = mpsc::channel::<()>();
    let (say, inside) = mpsc::channel();
    let stuck = Continuation::new(&ProxyMutex::new(), move |_| {
        say.send(()).unwrap();
        let _ = wait.recv();
    });
    processor.threads(EventType::NET)[0].schedule_imm(&stuck, ()).unwrap();
    inside.recv().unwrap();
    let report = processor.shutdown(ShutdownOptions::default().deadline(Duration::from_millis(50)));
    assert_eq!(report.unfinished, ["[ET_NET 0]"]);
    assert_eq!(report.stopped, ["[ET_NET 1]"]);
    assert!(!report.is_clean());
    drop(let_go);
    let report = processor.shutdown(ShutdownOptions::default());
    assert_eq!(report.stopped, ["[ET_NET 0]"]);
}

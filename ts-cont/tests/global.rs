//! The processor that the process shares, used as a server does. It has this process to itself.

#![cfg(not(loom))]

mod support;

use support::{LIMIT, Log, cookie};
use ts_cont::{Continuation, EventProcessor, EventType, Here, ProxyMutex, Refusal, ShutdownOptions};

#[test]
fn the_shared_processor_has_threads_runs_events_and_ends_like_any_other() {
    let processor = EventProcessor::global();
    assert!(processor.threads(EventType::NET).is_empty(), "it begins without threads");
    processor.spawn_event_threads(EventType::NET, 2, 0).unwrap();
    let log = Log::new();
    let continuation = Continuation::new(&ProxyMutex::new(), {
        let log = log.clone();
        move |event| {
            let here = Here::current().unwrap();
            assert!(here.processor_ref().is_same(EventProcessor::global()));
            log.push((event.cookie(), here.thread().group()));
        }
    });
    for number in 0..10 {
        EventProcessor::global().schedule_imm(&continuation, EventType::NET, cookie(number)).unwrap();
    }
    let mut ran = log.wait(10);
    ran.sort_unstable_by_key(|(number, _)| *number);
    assert_eq!(ran, (0..10).map(|number| (number, Some(EventType::NET))).collect::<Vec<_>>());
    drop(continuation);
    let report = EventProcessor::global().shutdown(ShutdownOptions::default().deadline(LIMIT));
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.stopped.len(), report.dispatched), (2, 10));
    // It is over for the whole process.
    let late = Continuation::new(&ProxyMutex::new(), |_| {});
    let refused = EventProcessor::global().schedule_imm(&late, EventType::NET, ()).unwrap_err();
    assert_eq!(refused.refusal(), Refusal::ShuttingDown);
}

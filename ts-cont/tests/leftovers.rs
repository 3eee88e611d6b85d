//! A process that makes and ends hundreds of processors is left with no more threads, descriptors or memory maps. It counts
//! those of its process, so it has that to itself.

#![cfg(not(loom))]

mod support;

use std::time::{Duration, Instant};
use support::{HOUR, LIMIT, Log, cookie, counting};
use ts_cont::{EventProcessor, EventType, Message, ShutdownOptions, future};

fn entries(directory: &str) -> usize {
    std::fs::read_dir(directory).unwrap().count()
}

/// Waits until a directory has no more entries than `most`. A thread that was joined stays listed until the kernel is through
/// with it, which is a little later.
fn until_at_most(directory: &str, most: usize) {
    let deadline = Instant::now() + LIMIT;
    while entries(directory) > most {
        assert!(Instant::now() < deadline, "{} entries in {directory}, not {most}", entries(directory));
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

fn maps() -> usize {
    std::fs::read_to_string("/proc/self/maps").unwrap().lines().count()
}

/// A life with some of everything; what is told in `drops` has gone with it.
fn live_and_die(drops: &Log<()>, by_shutdown: bool) -> usize {
    let processor = EventProcessor::builder().build();
    processor.spawn_event_threads(EventType::NET, 2, 0).unwrap();
    let task = processor.spawn_event_threads("ET_TASK", 1, 256 << 10).unwrap();
    let log = Log::new();
    let continuation = counting(&log);
    for (number, group) in [EventType::NET, task, EventType::NET].into_iter().enumerate() {
        processor.schedule_imm(&continuation, group, cookie(number).data(drops.on_drop(()))).unwrap();
        let message = Message::default().data(drops.on_drop(()));
        processor.schedule_in(&continuation, HOUR, group, message).unwrap();
    }
    drop(processor.spawn(task, future::sleep(HOUR)).unwrap());
    log.wait(3);
    if by_shutdown {
        let report = processor.shutdown(ShutdownOptions::default().deadline(LIMIT));
        assert_eq!(report.stopped.len(), 3, "{report}");
    }
    6
}

#[test]
fn hundreds_of_processors_leave_nothing_behind() {
    let drops = Log::new();
    // What is made once and stays: the first life makes it.
    let mut made = live_and_die(&drops, true);
    // The test runs on a thread of its own besides the first one.
    until_at_most("/proc/self/task", 2);
    let (threads, descriptors, mapped) = (entries("/proc/self/task"), entries("/proc/self/fd"), maps());
    for _ in 0..300 {
        made += live_and_die(&drops, true);
    }
    assert_eq!(drops.len(), made);
    until_at_most("/proc/self/task", threads);
    until_at_most("/proc/self/fd", descriptors);
    assert!(maps() <= mapped + 20, "{mapped} maps before, {} now", maps());

    // Threads of those that nobody shuts down end by themselves, soon.
    for _ in 0..20 {
        made += live_and_die(&drops, false);
    }
    drops.wait(made);
    until_at_most("/proc/self/task", threads);
    until_at_most("/proc/self/fd", descriptors);
}

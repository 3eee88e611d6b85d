//! What loops tell of themselves.

#![cfg(not(loom))]

use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use ts_cont::{Continuation, EventProcessor, EventType, ProxyMutex, ShutdownOptions};

/// Longer than anything here takes.
const LIMIT: Duration = Duration::from_secs(30);

#[test]
fn nothing_is_measured_before_it_is_asked_for() {
    let processor = EventProcessor::builder().build();
    let group = processor.spawn_event_threads("ET_WORK", 2, 0).unwrap();
    run(&processor, group, 3);
    assert_eq!(processor.loop_totals(group), [Default::default(); 2]);
    assert_eq!(processor.loop_times(group).count(), 0);
    assert_eq!(processor.loop_stats(group, LIMIT), Default::default());
    processor.shutdown(ShutdownOptions::default());
}

#[test]
fn turns_waits_and_what_was_run_are_counted_for_each_second() {
    let processor = EventProcessor::builder().build();
    let group = processor.spawn_event_threads("ET_WORK", 1, 0).unwrap();
    processor.measure_loops(true);
    // The turn that takes notice is not measured itself.
    run(&processor, group, 1);
    let before = processor.loop_totals(group)[0];
    run(&processor, group, 50);
    // What was run in a turn counts at its end, so a last turn shows that the others are counted.
    let began = Instant::now();
    loop {
        // The next event may always be there before the thread falls asleep, but for one that is due later.
        run_in(Duration::from_millis(1), &processor, group);
        let totals = processor.loop_totals(group)[0];
        if totals.events >= before.events + 50 && totals.waits > before.waits {
            break;
        }
        assert!(began.elapsed() < LIMIT, "{totals:?}");
    }
    // A second is read when it is over.
    let stats = loop {
        let stats = processor.loop_stats(group, Duration::from_secs(1000));
        let totals = processor.loop_totals(group)[0];
        assert!(stats.count <= totals.loops && stats.events <= totals.events, "{stats:?}, {totals:?}");
        if stats.events >= 50 && stats.wait > 0 {
            break stats;
        }
        assert!(began.elapsed() < LIMIT, "{stats:?}");
        std::thread::yield_now();
    };
    assert!(stats.wait <= stats.count, "{stats:?}");
    assert!(stats.events_min <= stats.events_max && stats.events_max <= stats.events, "{stats:?}");
    assert!(0 < stats.time_min && stats.time_min <= stats.time_max, "{stats:?}");
    assert!(stats.drain_queue_max <= stats.time_max && stats.io_work_max <= stats.time_max, "{stats:?}");
    let times = processor.loop_times(group);
    assert!(times.count() >= stats.count && times.sum() > Duration::ZERO);
    assert_eq!(processor.loop_stats(EventType::NET, LIMIT), Default::default(), "each group by itself");

    processor.measure_loops(false);
    run(&processor, group, 1);
    let after = processor.loop_totals(group)[0];
    run(&processor, group, 20);
    assert!(processor.loop_totals(group)[0].loops <= after.loops + 1, "nothing is measured any more");
    processor.shutdown(ShutdownOptions::default());
}

/// Runs events one after the other, waiting for each.
fn run(processor: &EventProcessor, group: EventType, count: usize) {
    let (sender, receiver) = channel();
    let cont = Continuation::new(&ProxyMutex::new(), move |_| sender.send(()).unwrap());
    for _ in 0..count {
        processor.schedule_imm(&cont, group, ()).unwrap();
        receiver.recv_timeout(LIMIT).unwrap();
    }
}

/// Runs an event that is due so much later, and waits for it.
fn run_in(delay: Duration, processor: &EventProcessor, group: EventType) {
    let (sender, receiver) = channel();
    let cont = Continuation::new(&ProxyMutex::new(), move |_| sender.send(()).unwrap());
    processor.schedule_in(&cont, delay, group, ()).unwrap();
    receiver.recv_timeout(LIMIT).unwrap();
}

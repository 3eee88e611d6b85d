//! A destructor that panics is nobody else's loss.

#![cfg(not(loom))]

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use ts_cont::simulate::Simulation;
use ts_cont::{Continuation, EventType, Message, ProxyMutex};

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        resume_unwind(Box::new("on purpose"));
    }
}

/// All of them wait at a mutex, and are run one after the other when it is let go of.
#[test]
fn data_that_panics_when_it_is_dropped_costs_no_other_event_its_run_and_frees_its_continuation() {
    let simulation = Simulation::new(1);
    let processor = simulation.processor();
    processor.spawn_event_threads(EventType::NET, 1, 0).unwrap();
    let mutex = ProxyMutex::new();
    let runs = Arc::new(AtomicU32::new(0));
    let counter = {
        let runs = Arc::clone(&runs);
        Continuation::new(&mutex, move |_| {
            runs.fetch_add(1, Ordering::Relaxed);
        })
    };
    let guard = mutex.lock();
    for _ in 0..3 {
        processor.schedule_imm(&counter, EventType::NET, Message::default().data(Bomb)).unwrap();
    }
    simulation.run_ready();
    drop(guard);
    simulation.run_ready();
    assert_eq!(runs.load(Ordering::Relaxed), 3);
    drop(counter);
    assert_eq!(Arc::strong_count(&runs), 1, "the continuation is still counted on by an event that is over");
}

#[test]
fn who_cancels_an_event_is_not_hit_by_what_came_with_it() {
    let simulation = Simulation::new(1);
    let processor = simulation.processor();
    processor.spawn_event_threads(EventType::NET, 1, 0).unwrap();
    let continuation = Continuation::new(&ProxyMutex::new(), |_| {});
    let delay = Duration::from_secs(1);
    let action =
        processor.schedule_in(&continuation, delay, EventType::NET, Message::default().data(Bomb)).unwrap();
    let canceller = Continuation::shared(move |_| assert!(action.cancel().is_cancelled()));
    processor.schedule_imm(&canceller, EventType::NET, ()).unwrap();
    simulation.run_ready();
    assert!(!canceller.is_destroyed(), "it panicked");
    assert!(!action.is_pending());
}

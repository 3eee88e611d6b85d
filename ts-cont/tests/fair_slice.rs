//! How long an event waits at a mutex that another thread keeps taking is the processor's choice.

#![cfg(not(loom))]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ts_cont::simulate::{Simulation, pass};
use ts_cont::{Continuation, EventProcessor, EventType, ProxyMutex, ShutdownOptions};

/// One hold of the mutex: more than a slice of zero, less than the usual one.
const HOLD: Duration = Duration::from_micros(100);

/// How often a hog takes the mutex before an event that missed the first hold has its turn.
fn holds_before_its_turn(slice: Option<Duration>, seed: u64) -> u32 {
    let builder = EventProcessor::builder();
    let builder = match slice {
        Some(slice) => builder.fair_slice(slice),
        None => builder,
    };
    let simulation = Simulation::with_builder(seed, builder);
    let processor = simulation.processor();
    processor.spawn_event_threads(EventType::NET, 2, 0).unwrap();
    let [hogs_thread, thread] = processor.threads(EventType::NET) else { panic!("two were spawned") };

    let mutex = ProxyMutex::new();
    let (holds, seen) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let waiting = {
        let (holds, seen) = (Arc::clone(&holds), Arc::clone(&seen));
        Continuation::new(&mutex, move |_| seen.store(holds.load(Ordering::Relaxed), Ordering::Relaxed))
    };
    let hog = {
        let (holds, seen) = (Arc::clone(&holds), Arc::clone(&seen));
        let (waiting, thread) = (waiting.clone(), thread.clone());
        Continuation::new(&mutex, move |event| {
            if holds.fetch_add(1, Ordering::Relaxed) == 0 {
                thread.schedule_imm(&waiting, ()).unwrap();
            }
            pass(HOLD).unwrap();
            if seen.load(Ordering::Relaxed) == 0 {
                event.reschedule_imm().unwrap();
            }
        })
    };
    hogs_thread.schedule_imm(&hog, ()).unwrap();
    simulation.run_to_end();
    drop(simulation.shutdown(ShutdownOptions::default()));
    seen.load(Ordering::Relaxed)
}

#[test]
fn with_no_slice_a_missed_mutex_is_had_after_the_hold_that_was_missed() {
    for seed in 0..32 {
        assert_eq!(holds_before_its_turn(Some(Duration::ZERO), seed), 1, "seed {seed}");
    }
}

#[test]
fn with_the_usual_slice_others_may_come_first_but_not_for_longer_than_that() {
    let most = (0..32).map(|seed| holds_before_its_turn(None, seed)).max();
    // Six holds are more than the slice.
    assert!((2..=6).contains(&most.unwrap()), "{most:?}");
}

//! The evidence of an event thread, kept and used where that thread does not run.

#![cfg(not(loom))]

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ts_cont::simulate::Simulation;
use ts_cont::{Continuation, EventType, Here, ProxyMutex, ShutdownOptions};

thread_local! {
    static KEPT: RefCell<Option<Here>> = const { RefCell::new(None) };
}

/// Simulated threads share an operating-system thread, so evidence can get out of its context.
#[test]
fn what_is_scheduled_with_evidence_of_a_thread_that_sleeps_wakes_it() {
    let simulation = Simulation::new(1);
    let processor = simulation.processor();
    processor.spawn_event_threads(EventType::NET, 1, 0).unwrap();
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let keeper = Continuation::new(&ProxyMutex::new(), move |_| {
        KEPT.set(Here::current());
        counted.fetch_add(1, Ordering::Relaxed);
    });
    processor.schedule_imm(&keeper, EventType::NET, ()).unwrap();
    simulation.run_ready();

    let here = KEPT.take().expect("the handler kept it");
    here.schedule_imm(&keeper, ()).unwrap();
    simulation.run_ready();
    assert_eq!(calls.load(Ordering::Relaxed), 2);

    drop((here, KEPT.take(), keeper));
    assert!(simulation.shutdown(ShutdownOptions::default()).is_clean());
}

//! Events that will not run any more do not lie about: what came with them is dropped soon, and nobody else is bothered.

#![cfg(not(loom))]

use std::cell::Cell;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;
use ts_cont::simulate::{Simulation, pass};
use ts_cont::{Action, Continuation, EventType, Message, ProxyMutex, SWEEP_DELAY};

const HOUR: Duration = Duration::from_secs(3600);

thread_local! {
    static LATER: Cell<Option<Action>> = const { Cell::new(None) };
}

#[test]
fn a_timer_cancelled_on_its_thread_while_it_is_in_the_inbox_is_dropped_at_once() {
    let simulation = Simulation::new(1);
    simulation.processor().spawn_event_threads(EventType::NET, 2, 0).unwrap();
    let [one, two] = simulation.processor().threads(EventType::NET) else { panic!("two were spawned") };
    let canceller = Continuation::shared(|_| {
        // Meanwhile the timer comes in, and this thread cannot look.
        pass(Duration::from_micros(10)).unwrap();
        assert!(LATER.take().expect("it was scheduled").cancel().is_cancelled());
    });
    let held = Arc::new(());
    let sender = {
        let (one, held) = (one.clone(), Arc::clone(&held));
        Continuation::shared(move |_| {
            let never = Continuation::shared(|_| -> i32 { unreachable!("it is cancelled") });
            let message = Message::default().data(Arc::clone(&held));
            LATER.set(Some(one.schedule_in(&never, HOUR, message).unwrap()));
        })
    };
    one.schedule_imm(&canceller, ()).unwrap();
    two.schedule_in(&sender, Duration::from_micros(5), ()).unwrap();
    simulation.run_for(Duration::from_micros(20));
    drop(sender);
    assert_eq!(Arc::strong_count(&held), 1, "the data of the cancelled timer is kept for an hour");
}

#[test]
fn the_timers_of_a_continuation_that_panicked_are_swept_up() {
    let simulation = Simulation::new(1);
    simulation.processor().spawn_event_threads(EventType::NET, 1, 0).unwrap();
    let thread = &simulation.processor().threads(EventType::NET)[0];
    let panics = Continuation::new(&ProxyMutex::new(), |_| -> i32 { resume_unwind(Box::new("on purpose")) });
    let held = Arc::new(());
    thread.schedule_in(&panics, HOUR, Message::default().data(Arc::clone(&held))).unwrap();
    thread.schedule_imm(&panics, ()).unwrap();
    simulation.run_for(SWEEP_DELAY + Duration::from_millis(1));
    assert!(panics.is_destroyed());
    assert_eq!(Arc::strong_count(&held), 1, "the data of the dead timer is kept for an hour");
}

#[test]
fn a_destruction_does_not_wake_the_threads_of_other_processors() {
    let (here, elsewhere) = (Simulation::new(1), Simulation::new(2));
    for simulation in [&here, &elsewhere] {
        simulation.processor().spawn_event_threads(EventType::NET, 2, 0).unwrap();
        simulation.run_ready();
    }
    let everywhere = Continuation::shared(|_| {});
    here.processor().schedule_entire(&everywhere, HOUR, EventType::NET, Message::default).unwrap();
    let steps = elsewhere.steps();
    everywhere.destroy();
    elsewhere.run_ready();
    assert_eq!(elsewhere.steps(), steps);
}

#[test]
fn a_shutdown_counts_only_what_it_cancelled_itself_and_takes_only_as_long_as_it_takes() {
    let simulation = Simulation::new(1);
    let processor = simulation.processor();
    let unspawned = processor.register_event_type("ET_LATE").unwrap();
    processor.spawn_event_threads(EventType::NET, 1, 0).unwrap();
    let tick = Continuation::shared(|_| {});
    for group in [EventType::NET, unspawned] {
        processor.schedule_in(&tick, HOUR, group, ()).unwrap();
        assert!(processor.schedule_in(&tick, HOUR, group, ()).unwrap().cancel().is_cancelled());
    }
    let report = simulation.shutdown(Default::default());
    assert_eq!((report.cancelled, report.took), (2, Duration::ZERO), "{report}");
}

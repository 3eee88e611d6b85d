//! A continuation that is destroyed while others schedule it leaves no event behind, however far off its time is.
//!
//! This shows that the parts fit together. The moment in which an event could be lost is too short to be met here; that it
//! cannot be is shown by the models in `loom_home.rs`.

#![cfg(not(loom))]

mod support;

use std::sync::Barrier;
use support::{HOUR, Log, World, counting};
use ts_cont::{Continuation, EventType, Message};

const ROUNDS: usize = 2000;

/// Several threads schedule each continuation for the first time while it is destroyed; what they made is told.
#[test]
fn timers_of_a_continuation_that_is_destroyed_meanwhile_are_dropped_long_before_they_are_due() {
    let world = World::real(3);
    let drops = Log::new();
    let continuations: Vec<Continuation> = (0..ROUNDS).map(|_| counting(&Log::new())).collect();
    let start = Barrier::new(3);
    let (processor, threads) = (world.processor().clone(), world.processor().threads(EventType::NET));
    std::thread::scope(|scope| {
        for scheduler in 0..2 {
            let (processor, start, drops, continuations) = (&processor, &start, &drops, &continuations);
            scope.spawn(move || {
                for (round, continuation) in continuations.iter().enumerate() {
                    start.wait();
                    let message = || Message::default().data(drops.on_drop(()));
                    // Refused or not, what came with it is dropped.
                    let _ = threads[(round + scheduler) % 3].schedule_in(continuation, HOUR, message());
                    let _ = processor.schedule_in(continuation, HOUR, EventType::NET, message());
                }
            });
        }
        for continuation in &continuations {
            start.wait();
            continuation.destroy();
        }
    });
    drops.wait(2 * 2 * ROUNDS);
    drop(continuations);
    assert!(world.end().unfinished.is_empty());
}

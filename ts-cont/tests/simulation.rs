//! Random systems on virtual time, held against books that are kept beside them.
//!
//! A seed draws threads, mutexes and continuations of all four kinds, and what handlers, futures, destructors and the
//! outside do: schedule, arm again, cancel, destroy, call, wait, let time pass with a mutex in hand. The books
//! (`simulation/ledger.rs`) say what may happen. Freed memory is overwritten at once in this program, so that touching it
//! shows.
//!
//! To replay a seed with its trace: `TS_SIM_SEED=123 cargo test -p ts-cont --test simulation -- --nocapture`. To look
//! further than usual: `TS_SIM_SEEDS=100000` in the same place.

#![cfg(not(loom))]

#[path = "simulation/ledger.rs"]
mod ledger;
#[path = "simulation/poison.rs"]
mod poison;
#[path = "simulation/system.rs"]
mod system;

use std::panic::{AssertUnwindSafe, catch_unwind};
use system::{Outcome, Sabotage, run};

#[global_allocator]
static POISON: poison::Poison = poison::Poison;

const SEEDS: u64 = 1000;

/// Runs a seed twice; an error says what went wrong.
fn twice(seed: u64, is_loud: bool) -> Result<Outcome, String> {
    let once = || catch_unwind(AssertUnwindSafe(|| run(seed, Sabotage::None, is_loud)));
    let first = once().map_err(|_| "it panicked".to_owned())?;
    if let Some(violation) = first.violations.first() {
        return Err(format!("{violation}; {} violations in all", first.violations.len()));
    }
    let second = run(seed, Sabotage::None, false);
    if first != second {
        return Err(format!("it does not repeat itself: {first:?}, then {second:?}"));
    }
    Ok(first)
}

#[test]
fn no_seed_breaks_a_promise_and_every_seed_repeats_itself() {
    let (seeds, is_loud) = match std::env::var("TS_SIM_SEED") {
        Ok(seed) => {
            let seed: u64 = seed.parse().expect("TS_SIM_SEED is a number");
            (seed..seed + 1, true)
        }
        Err(_) => {
            let seeds =
                std::env::var("TS_SIM_SEEDS").map(|seeds| seeds.parse().expect("TS_SIM_SEEDS is a number"));
            (0..seeds.unwrap_or(SEEDS), false)
        }
    };
    let (mut runs, mut missed, mut cancelled) = (0, 0, 0);
    let count = seeds.end - seeds.start;
    for seed in seeds {
        match twice(seed, is_loud) {
            Ok(outcome) => {
                runs += outcome.tally.runs;
                missed += outcome.missed_locks;
                cancelled += outcome.tally.cancelled;
            }
            Err(what) => panic!(
                "seed {seed}: {what}\nreplay: TS_SIM_SEED={seed} cargo test -p ts-cont --test simulation -- --nocapture"
            ),
        }
    }
    println!("{runs} runs of handlers, {missed} mutexes found busy, {cancelled} events cancelled");
    // A simulation in which nothing happens would find nothing.
    assert!(is_loud || runs > 20 * count && missed > count && cancelled > count);
}

#[test]
fn what_is_done_wrong_is_noticed() {
    let cases = [
        (Sabotage::ForgetToCancel, "after it was cancelled"),
        (Sabotage::ForgetToDestroy, "was entered after destroy"),
        (Sabotage::ExpectLaterTimers, "before its time"),
        (Sabotage::CountBackwards, "was overtaken"),
        (Sabotage::TakeSharedForLocked, "are both under mutex"),
        (Sabotage::KeepWhatIsOver, "leaked"),
        (Sabotage::ReportRunsTwice, "runs twice at once"),
        (Sabotage::TurnTimeBack, "time went back"),
    ];
    for (sabotage, words) in cases {
        let noticed = (0..50).any(|seed| {
            let violations = run(seed, sabotage, false).violations;
            violations.iter().any(|violation| violation.contains(words))
        });
        assert!(noticed, "{sabotage:?} was not noticed in 50 seeds");
    }
    let hash = || run(1, Sabotage::UseEntropy, false).hash;
    assert_ne!(hash(), hash(), "a run that depends on what was before passes as repeatable");
}

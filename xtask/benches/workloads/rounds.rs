//! Tight loops around one operation.

use std::hint::black_box;
use std::time::Instant;

use figures::median;

use crate::measure::{Findings, Scale};

/// How often an operation of nanoseconds is done in a stretch, so that reading the clock before and after does not count.
const ROUNDS: u64 = 1_000_000;

/// The median of so many stretches counts: what else the machine does in between, it does to a few of them.
const STRETCHES: usize = 21;

/// What one of many calls takes.
pub(crate) fn tight(name: &str, scale: Scale, found: &mut Findings, mut operation: impl FnMut()) {
    let rounds = scale.count(ROUNDS);
    let mut stretch = || {
        let began = Instant::now();
        for round in 0..rounds {
            black_box(round);
            operation();
        }
        began.elapsed().as_nanos() as f64 / rounds as f64
    };
    // Once for caches and branch prediction.
    stretch();
    let stretches: Vec<f64> = (0..STRETCHES).map(|_| stretch()).collect();
    found.one(name, median(&stretches).expect("there are some"));
}

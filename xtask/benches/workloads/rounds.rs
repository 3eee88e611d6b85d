//! Tight loops around one operation.

use std::hint::black_box;
use std::time::Instant;

use crate::measure::{Findings, Scale};

/// How often an operation of nanoseconds is done, so that reading the clock before and after does not count.
const ROUNDS: u64 = 20_000_000;

/// What one of many calls takes.
pub(crate) fn tight(name: &str, scale: Scale, found: &mut Findings, mut operation: impl FnMut()) {
    let rounds = scale.count(ROUNDS);
    // Once around for caches and branch prediction.
    (0..rounds / 100).for_each(|_| operation());
    let began = Instant::now();
    for round in 0..rounds {
        black_box(round);
        operation();
    }
    found.each(name, began.elapsed(), rounds);
}

//! Many measurements in few numbers.

/// The middle of the numbers, or of the two middle ones; none of no numbers, or if one is not a number.
pub fn median(numbers: &[f64]) -> Option<f64> {
    if numbers.iter().any(|number| number.is_nan()) {
        return None;
    }
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let above = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(sorted[above]),
        _ => Some(sorted[above - 1].midpoint(sorted[above])),
    }
}

/// What the samples of a latency are told by, in the unit of the samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spread {
    /// Half of the samples are not longer.
    pub p50: u64,
    /// 99 in 100 are not longer.
    pub p99: u64,
    /// 999 in 1000 are not longer.
    pub p999: u64,
    /// None is longer.
    pub max: u64,
}

impl Spread {
    /// Sorts the samples and reads it off; none of no samples.
    ///
    /// A percentile is the least sample that is not shorter than so many of all: always one that was measured.
    pub fn of(samples: &mut [u64]) -> Option<Self> {
        samples.sort_unstable();
        let max = *samples.last()?;
        let at = |per_mille: usize| samples[(samples.len() * per_mille).div_ceil(1000) - 1];
        Some(Self { p50: at(500), p99: at(990), p999: at(999), max })
    }

    /// The numbers, in the order of [`LATENCY`](crate::workload::LATENCY).
    pub fn numbers(self) -> [u64; 4] {
        [self.p50, self.p99, self.p999, self.max]
    }
}

//! How often something took how long.
//!
//! The steps are fine for what is short and coarse for what is long: four in each doubling, so a time is known within a
//! quarter. The least step is a 1024th of a time that is chosen, so that its multiples by 1 to 8, 10, 12, 14, 16, 20 and so on
//! are steps, too.

use super::ring::Number;
use std::ops::AddAssign;
use std::time::Duration;

/// How many steps there are. The last has everything from 64 thousand times the chosen time on.
pub const BUCKETS: usize = 8 + 4 * (DOUBLINGS - 3) + 1;

/// The last step begins at this power of two.
const DOUBLINGS: usize = 26;

/// The time that is chosen unless something else is said.
const MILLISECOND: Duration = Duration::from_millis(1);

/// How often something took how long, while it is written by one thread and read by any.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use ts_cont::metrics::Histogram;
///
/// let histogram = Histogram::default();
/// histogram.record(Duration::from_millis(3));
/// histogram.record(Duration::from_millis(40));
/// let times = histogram.times();
/// assert_eq!(times.count(), 2);
/// assert_eq!(times.up_to(Duration::from_millis(4)), 1);
/// assert_eq!(times.sum(), Duration::from_millis(43));
/// ```
#[derive(Debug)]
pub struct Histogram {
    unit: u64,
    counts: [Number; BUCKETS],
    nanoseconds: Number,
}

impl Default for Histogram {
    /// Whole milliseconds are steps.
    fn default() -> Self {
        Self::of(MILLISECOND)
    }
}

impl Histogram {
    /// Steps of a 1024th of `unit`, and more; see the head of this page. No less than a microsecond.
    #[must_use]
    pub const fn of(unit: Duration) -> Self {
        let unit = unit.as_nanos() as u64;
        let unit = if unit < 1000 { 1000 } else { unit };
        Self { unit, counts: [const { Number::new() }; BUCKETS], nanoseconds: Number::new() }
    }

    /// Counts one. Only one thread may do so; where several do, some counts are lost.
    pub fn record(&self, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.counts[bucket(nanoseconds, self.unit)].add(1);
        self.nanoseconds.add(nanoseconds);
    }

    /// What was counted so far.
    #[must_use]
    pub fn times(&self) -> Times {
        Times {
            unit: self.unit,
            counts: self.counts.each_ref().map(Number::get),
            nanoseconds: self.nanoseconds.get(),
        }
    }
}

/// How often something took how long, at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Times {
    unit: u64,
    counts: [u64; BUCKETS],
    nanoseconds: u64,
}

impl Times {
    /// Nothing, to add to what histograms of `unit` have.
    #[must_use]
    pub const fn none(unit: Duration) -> Self {
        Self { unit: Histogram::of(unit).unit, counts: [0; BUCKETS], nanoseconds: 0 }
    }

    /// How often.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How long all of them took together.
    #[must_use]
    pub fn sum(&self) -> Duration {
        Duration::from_nanos(self.nanoseconds)
    }

    /// How often it took no longer than `time`, which is taken for the next step below if it is none.
    #[must_use]
    pub fn up_to(&self, time: Duration) -> u64 {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        // What begins after the bound is longer.
        let last = bucket(nanoseconds.saturating_add(1), self.unit);
        self.counts[..last].iter().sum()
    }
}

impl AddAssign for Times {
    /// # Panics
    ///
    /// If the two are of histograms with different steps.
    fn add_assign(&mut self, other: Self) {
        assert_eq!(self.unit, other.unit, "times of different steps cannot be added");
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count += more;
        }
        self.nanoseconds = self.nanoseconds.saturating_add(other.nanoseconds);
    }
}

/// Where a time counts. A step has what is longer than its begin, up to its end.
fn bucket(nanoseconds: u64, unit: u64) -> usize {
    // Rounded up, and one less: what takes exactly a step's end is in it. Longer times than these are in the last one anyway.
    let units = (nanoseconds.min(1 << 53) * 1024).div_ceil(unit).saturating_sub(1);
    if units < 8 {
        return units as usize;
    }
    let doubling = units.ilog2() as usize;
    let quarter = (units >> (doubling - 2)) as usize & 3;
    (8 + 4 * (doubling - 3) + quarter).min(BUCKETS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_follow_each_other_without_gap() {
        let mut last = 0;
        let bucket = |time| bucket(time, 1_000_000);
        for exponent in 0..40 {
            for quarter in 0..4_u64 {
                let time = (1_u64 << exponent) + (quarter << exponent) / 4;
                let found = bucket(time);
                assert!(found == last || found == last + 1 || exponent < 13, "{time}: {last}, then {found}");
                assert!(found >= last);
                last = found;
            }
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
        assert_eq!(bucket(0), 0);
    }

    #[test]
    fn whole_milliseconds_are_ends_of_steps() {
        let bucket = |time| bucket(time, 1_000_000);
        for millisecond in [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 320, 448, 512, 2560] {
            let end = bucket(millisecond * 1_000_000);
            assert_eq!(bucket(millisecond * 1_000_000 + 1), end + 1, "{millisecond} ms");
        }
    }
}

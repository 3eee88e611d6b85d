//! The arithmetic of the wheel: which level and which bucket a deadline belongs to, and what a bucket
//! remembers.
//!
//! Time is cut into ticks of [`TICK_NANOS`]. A tick's number is read as digits of six bits, one digit a
//! level. An entry lies on the level of the highest digit in which its tick differs from the wheel's, in the
//! bucket that this digit names. So all buckets of a lower level come before all of a higher one, on each
//! level lower numbers come first, and nothing ever wraps round.

use std::mem;

use crate::list::List;

/// A tick is `2^TICK_BITS` nanoseconds.
const TICK_BITS: u32 = 15;

/// How finely the wheel cuts time: 32.768 us. It decides how many entries share a bucket, not when they come
/// out.
pub(super) const TICK_NANOS: u64 = 1 << TICK_BITS;

/// Bits of a tick's number that one level looks at.
const DIGIT_BITS: u32 = 6;

/// Buckets on a level, one bit of its occupancy word each.
pub(super) const BUCKETS: usize = 1 << DIGIT_BITS;

/// Levels that it takes for all ticks of a 64-bit number of nanoseconds: 584 years.
pub(super) const LEVELS: usize = (u64::BITS - TICK_BITS).div_ceil(DIGIT_BITS) as usize;

/// The tick in which a time lies.
#[inline]
pub(super) fn tick_of(nanos: u64) -> u64 {
    nanos >> TICK_BITS
}

/// The level for something in `tick` when the wheel stands at `elapsed`, which is not later.
#[inline]
pub(super) fn level_for(elapsed: u64, tick: u64) -> usize {
    // The lowest digit's bits are set so that two equal ticks differ on level 0.
    let differ = (elapsed ^ tick) | (BUCKETS as u64 - 1);
    ((u64::BITS - 1 - differ.leading_zeros()) / DIGIT_BITS) as usize
}

/// The digit of `tick` that `level` looks at.
#[inline]
pub(super) fn digit(level: usize, tick: u64) -> usize {
    (tick >> (level as u32 * DIGIT_BITS)) as usize & (BUCKETS - 1)
}

/// The first tick of a bucket when the wheel stands at `elapsed`.
#[inline]
pub(super) fn start_of(elapsed: u64, level: usize, digit: usize) -> u64 {
    let shift = level as u32 * DIGIT_BITS;
    let above = elapsed >> (shift + DIGIT_BITS) << (shift + DIGIT_BITS);
    above | (digit as u64) << shift
}

/// The entries of one bucket, and the earliest deadline among them.
pub(super) struct Bucket<T: 'static> {
    pub(super) list: List<T>,
    pub(super) len: usize,
    /// No entry here is due before this; `u64::MAX` when there is none.
    earliest: u64,
    /// Whether some entry is due exactly then. False after the earliest one was removed.
    is_exact: bool,
}

impl<T> Bucket<T> {
    pub(super) const fn new() -> Self {
        Self { list: List::new(), len: 0, earliest: u64::MAX, is_exact: true }
    }

    /// No entry here is due before this.
    #[inline]
    pub(super) fn earliest(&self) -> u64 {
        self.earliest
    }

    #[inline]
    pub(super) fn is_exact(&self) -> bool {
        self.is_exact
    }

    /// Notes that an entry due `at` has come.
    #[inline]
    pub(super) fn came(&mut self, at: u64) {
        self.len += 1;
        if at <= self.earliest {
            self.earliest = at;
            self.is_exact = true;
        }
    }

    /// Notes that an entry due `at` has gone.
    #[inline]
    pub(super) fn went(&mut self, at: u64) {
        self.len -= 1;
        if self.len == 0 {
            self.earliest = u64::MAX;
            self.is_exact = true;
        } else if at == self.earliest {
            self.is_exact = false;
        }
    }

    /// Notes what somebody found who has looked at all entries.
    #[inline]
    pub(super) fn found(&mut self, earliest: u64) {
        self.earliest = earliest;
        self.is_exact = true;
    }

    /// All that is here; nothing stays.
    #[inline]
    pub(super) fn take(&mut self) -> List<T> {
        mem::replace(self, Self::new()).list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_lies_in_the_bucket_that_starts_before_it_and_ends_after_it() {
        let ticks = [0, 1, 63, 64, 65, 4_095, 4_096, 262_143, 1 << 40, (1 << 48) + 12_345, tick_of(u64::MAX)];
        for elapsed in ticks {
            for tick in ticks.into_iter().filter(|tick| *tick >= elapsed) {
                let level = level_for(elapsed, tick);
                assert!(level < LEVELS);
                let start = start_of(elapsed, level, digit(level, tick));
                let width = 1 << (level as u32 * DIGIT_BITS);
                assert!(
                    start <= tick && tick - start < width,
                    "{elapsed} {tick}: level {level} from {start}"
                );
                assert!(level == 0 || start > elapsed, "{elapsed} {tick}: the bucket of now is on level 0");
            }
        }
    }

    #[test]
    fn a_tick_is_no_longer_than_64_microseconds() {
        assert!(tick_of(64_000) >= 1);
    }
}

//! The arithmetic of the wheel: which level and which bucket a deadline belongs to.
//!
//! Time is cut into ticks of [`TICK_NANOS`]. A tick's number is read as digits of eight bits, one digit a
//! level. An entry lies on the level of the highest digit in which its tick differs from the wheel's, in the
//! bucket that this digit names. So all buckets of a lower level come before all of a higher one, on each
//! level lower numbers come first, and nothing ever wraps round.

/// A tick is `2^TICK_BITS` nanoseconds.
const TICK_BITS: u32 = 15;

/// How finely the wheel cuts time: 32.768 us. It decides how many entries share a bucket, not when they come
/// out.
pub(super) const TICK_NANOS: u64 = 1 << TICK_BITS;

/// Bits of a tick's number that one level looks at.
///
/// Wide levels are few, and each is a move on the way of an entry: the two lowest reach 2.1 s ahead, so most of what fires
/// moves once.
const DIGIT_BITS: u32 = 8;

/// Buckets on a level.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_lies_in_the_bucket_that_starts_before_it_and_ends_after_it() {
        let ticks =
            [0, 1, 255, 256, 257, 65_535, 65_536, 16_777_215, 1 << 40, (1 << 48) + 12_345, tick_of(u64::MAX)];
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

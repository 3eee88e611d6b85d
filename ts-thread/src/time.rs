//! Points in time, as nanoseconds since the origin of a clock.
//!
//! Arithmetic with a [`Duration`] saturates: a timeout of `Duration::MAX` means "never", not a moment long ago. Only the
//! `checked_` forms tell when they would leave the range.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

const NANOS_PER_SEC: u64 = 1_000_000_000;

/// A point in time: nanoseconds since the origin of the [`Clock`](crate::Clock) that it was read from.
///
/// The range is about 584 years. Points of different clocks have nothing to do with each other. For the real clock the
/// origin is that of the system's monotonic clock, usually the start of the machine.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use ts_thread::HrTime;
///
/// let start = HrTime::from_nanos(12_345_678_900);
/// assert_eq!(start.to_string(), "12.345678s");
/// assert_eq!((start + Duration::from_secs(1)) - start, Duration::from_secs(1));
/// assert_eq!(start + Duration::MAX, HrTime::MAX);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct HrTime(u64);

impl HrTime {
    /// The origin of the clock.
    pub const ZERO: Self = Self(0);

    /// The end of the range, which no clock reaches; as a deadline it means "never".
    pub const MAX: Self = Self(u64::MAX);

    /// The point `nanos` nanoseconds after the origin.
    #[inline]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the origin.
    #[inline]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Whether this is [`MAX`](Self::MAX), "never".
    #[inline]
    pub const fn is_never(self) -> bool {
        self.0 == u64::MAX
    }

    /// The point `duration` later, or `None` beyond the range.
    #[inline]
    pub const fn checked_add(self, duration: Duration) -> Option<Self> {
        match nanos_of(duration) {
            Some(nanos) => match self.0.checked_add(nanos) {
                Some(sum) => Some(Self(sum)),
                None => None,
            },
            None => None,
        }
    }

    /// The point `duration` later, or [`MAX`](Self::MAX) beyond the range.
    #[inline]
    pub const fn saturating_add(self, duration: Duration) -> Self {
        match self.checked_add(duration) {
            Some(later) => later,
            None => Self::MAX,
        }
    }

    /// The point `duration` earlier, or `None` before the origin.
    #[inline]
    pub const fn checked_sub(self, duration: Duration) -> Option<Self> {
        match nanos_of(duration) {
            Some(nanos) => match self.0.checked_sub(nanos) {
                Some(rest) => Some(Self(rest)),
                None => None,
            },
            None => None,
        }
    }

    /// The point `duration` earlier, or [`ZERO`](Self::ZERO) before the origin.
    #[inline]
    pub const fn saturating_sub(self, duration: Duration) -> Self {
        match self.checked_sub(duration) {
            Some(earlier) => earlier,
            None => Self::ZERO,
        }
    }

    /// How long after `earlier` this is, or `None` if it is before.
    #[inline]
    pub const fn checked_duration_since(self, earlier: Self) -> Option<Duration> {
        match self.0.checked_sub(earlier.0) {
            Some(nanos) => Some(Duration::from_nanos(nanos)),
            None => None,
        }
    }

    /// How long after `earlier` this is, or zero if it is before.
    #[inline]
    pub const fn saturating_duration_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// Nanoseconds of a duration, if they fit.
const fn nanos_of(duration: Duration) -> Option<u64> {
    match duration.as_secs().checked_mul(NANOS_PER_SEC) {
        Some(nanos) => nanos.checked_add(duration.subsec_nanos() as u64),
        None => None,
    }
}

/// Saturates at [`HrTime::MAX`].
impl Add<Duration> for HrTime {
    type Output = Self;

    #[inline]
    fn add(self, duration: Duration) -> Self {
        self.saturating_add(duration)
    }
}

/// Saturates at [`HrTime::MAX`].
impl AddAssign<Duration> for HrTime {
    #[inline]
    fn add_assign(&mut self, duration: Duration) {
        *self = self.saturating_add(duration);
    }
}

/// Saturates at [`HrTime::ZERO`].
impl Sub<Duration> for HrTime {
    type Output = Self;

    #[inline]
    fn sub(self, duration: Duration) -> Self {
        self.saturating_sub(duration)
    }
}

/// Saturates at zero when the right side is the later one.
impl Sub for HrTime {
    type Output = Duration;

    #[inline]
    fn sub(self, earlier: Self) -> Duration {
        self.saturating_duration_since(earlier)
    }
}

/// Seconds since the origin with six digits, cut: `12.345678s`; [`HrTime::MAX`] is `never`.
impl fmt::Display for HrTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_never() {
            return f.pad("never");
        }
        f.pad(&format!("{}.{:06}s", self.0 / NANOS_PER_SEC, self.0 % NANOS_PER_SEC / 1_000))
    }
}

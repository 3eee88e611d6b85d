//! Where the time comes from: the system, or a hand that moves it.
//!
//! # Rules
//! * Time is monotonic. Wall-clock time is a conversion at the edge, for logs and headers, never a deadline.
//! * Code below takes times as arguments or is given a [`Clock`]; only loops at the top read one.
//! * Reading the real clock also refreshes the process-wide cached now, see [`cached_now`](crate::cached_now).

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

use crate::cached;
use crate::manual::Hand;
use crate::time::HrTime;

/// A source of time: the system's monotonic clock, or a [`ManualClock`](crate::ManualClock).
///
/// Cheap to clone. Two clocks are equal if they are the same clock.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use ts_thread::{Clock, HrTime, ManualClock};
///
/// let real = Clock::real();
/// let before = real.now();
/// assert!(real.now() >= before);
///
/// let hand = ManualClock::new();
/// let clock = hand.clock();
/// hand.advance(Duration::from_millis(5));
/// assert_eq!(clock.now(), HrTime::from_nanos(5_000_000));
/// ```
#[derive(Clone, Default)]
pub struct Clock(Source);

#[derive(Clone, Default)]
enum Source {
    #[default]
    Real,
    Manual(Arc<Hand>),
}

impl Clock {
    /// The system's monotonic clock. It does not count time that the machine sleeps, and nobody can set it.
    #[inline]
    pub const fn real() -> Self {
        Self(Source::Real)
    }

    pub(crate) fn manual(hand: Arc<Hand>) -> Self {
        Self(Source::Manual(hand))
    }

    /// Whether this is the system's clock.
    #[inline]
    pub fn is_real(&self) -> bool {
        matches!(self.0, Source::Real)
    }

    /// The time by this clock. Never earlier than what any thread has read from it before.
    #[inline]
    pub fn now(&self) -> HrTime {
        match &self.0 {
            Source::Real => {
                let now = read_monotonic();
                cached::note(now);
                now
            }
            Source::Manual(hand) => hand.now(),
        }
    }

    /// The wall-clock time that belongs to a point of this clock.
    ///
    /// For the real clock this follows from what both clocks say now, so the answer for the same point changes when
    /// somebody sets the system's time. For a manual clock it is fixed. Beyond what a `SystemTime` can hold it is the
    /// largest such.
    pub fn wall(&self, time: HrTime) -> SystemTime {
        let (now, wall) = self.pair();
        match time.checked_duration_since(now) {
            Some(ahead) => wall.checked_add(ahead).unwrap_or_else(last_wall),
            // 584 years back at most, and both kinds of clock have a wall time of 1970 or later: it always fits.
            None => wall.checked_sub(now.saturating_duration_since(time)).unwrap_or(UNIX_EPOCH),
        }
    }

    /// The point of this clock that belongs to a wall-clock time, the inverse of [`wall`](Self::wall).
    ///
    /// Before the origin it is [`HrTime::ZERO`], beyond the range [`HrTime::MAX`].
    pub fn from_wall(&self, time: SystemTime) -> HrTime {
        let (now, wall) = self.pair();
        match time.duration_since(wall) {
            Ok(ahead) => now.saturating_add(ahead),
            Err(behind) => now.saturating_sub(behind.duration()),
        }
    }

    /// A point of this clock and the wall-clock time that belongs to it.
    fn pair(&self) -> (HrTime, SystemTime) {
        match &self.0 {
            Source::Real => (read_monotonic(), SystemTime::now()),
            Source::Manual(hand) => (HrTime::ZERO, hand.wall_at_zero()),
        }
    }
}

fn last_wall() -> SystemTime {
    UNIX_EPOCH.checked_add(Duration::new(i64::MAX as u64, 999_999_999)).unwrap_or(UNIX_EPOCH)
}

/// The system's monotonic clock. A read takes some twenty nanoseconds and no system call.
#[inline]
pub(crate) fn read_monotonic() -> HrTime {
    let now = clock_gettime(ClockId::Monotonic);
    // Neither part is negative: this clock counts from zero.
    HrTime::from_nanos(now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64)
}

impl PartialEq for Clock {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Source::Real, Source::Real) => true,
            (Source::Manual(a), Source::Manual(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

impl Eq for Clock {}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::Real => f.write_str("Clock(real)"),
            Source::Manual(hand) => write!(f, "Clock(manual, {})", hand.now()),
        }
    }
}

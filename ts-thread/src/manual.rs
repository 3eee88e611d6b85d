//! A clock that moves when it is told to, for tests and simulations.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::clock::Clock;
use crate::time::HrTime;

/// What a manual clock and its [`Clock`]s share.
pub(crate) struct Hand {
    /// Never goes backwards. A plain standard atomic also under loom: a clock is no protocol to be modelled.
    now: AtomicU64,
    wall_at_zero: SystemTime,
}

impl Hand {
    #[inline]
    pub(crate) fn now(&self) -> HrTime {
        // Acquire [manual-clock]: who sees a time also sees what was done before the clock was moved there.
        HrTime::from_nanos(self.now.load(Ordering::Acquire))
    }

    pub(crate) fn wall_at_zero(&self) -> SystemTime {
        self.wall_at_zero
    }
}

/// The hand of a clock that only moves when it is told to.
///
/// Clones move the same clock. Any thread may move or read it.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
/// use ts_thread::{HrTime, ManualClock};
///
/// let hand = ManualClock::starting_at(HrTime::from_nanos(100));
/// assert_eq!(hand.advance(Duration::from_nanos(50)), HrTime::from_nanos(150));
/// assert!(hand.set(HrTime::from_nanos(120)).is_err());
/// assert_eq!(hand.clock().wall(hand.now()), UNIX_EPOCH + Duration::from_nanos(150));
/// ```
#[derive(Clone)]
pub struct ManualClock(Arc<Hand>);

impl ManualClock {
    /// A clock that stands at [`HrTime::ZERO`], which is the beginning of 1970 by its wall.
    pub fn new() -> Self {
        Self::starting_at(HrTime::ZERO)
    }

    /// A clock that stands at `start`. [`HrTime::ZERO`] is the beginning of 1970 by its wall.
    pub fn starting_at(start: HrTime) -> Self {
        Self::with_wall(start, UNIX_EPOCH)
    }

    /// A clock that stands at `start` and whose wall says `wall_at_zero` at [`HrTime::ZERO`].
    pub fn with_wall(start: HrTime, wall_at_zero: SystemTime) -> Self {
        Self(Arc::new(Hand { now: AtomicU64::new(start.as_nanos()), wall_at_zero }))
    }

    /// The clock to be read.
    pub fn clock(&self) -> Clock {
        Clock::manual(self.0.clone())
    }

    /// Where the clock stands.
    pub fn now(&self) -> HrTime {
        self.0.now()
    }

    /// Moves the clock on by `duration` and returns where it then stands, at most [`HrTime::MAX`].
    pub fn advance(&self, duration: Duration) -> HrTime {
        let moved = |now: u64| HrTime::from_nanos(now).saturating_add(duration).as_nanos();
        // Release [manual-clock]: what the mover did before is seen by who reads the time; Acquire [manual-clock], so that
        // several movers hand that on. A failure of the exchange inside is repeated, so it may be Relaxed.
        let before = self.0.now.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |now| Some(moved(now)));
        // The closure never declines, so this is the time before in either case.
        HrTime::from_nanos(moved(before.unwrap_or_else(|now| now)))
    }

    /// Moves the clock to `time`, which may be where it stands.
    ///
    /// # Errors
    ///
    /// [`TimeWentBack`] if the clock is beyond `time` already; it stays where it is.
    pub fn set(&self, time: HrTime) -> Result<(), TimeWentBack> {
        // AcqRel [manual-clock]: as in `advance`.
        let before = HrTime::from_nanos(self.0.now.fetch_max(time.as_nanos(), Ordering::AcqRel));
        if before > time { Err(TimeWentBack { now: before, asked: time }) } else { Ok(()) }
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ManualClock({})", self.now())
    }
}

/// A manual clock was asked to go back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a manual clock that stands at {now} cannot go back to {asked}")]
pub struct TimeWentBack {
    now: HrTime,
    asked: HrTime,
}

impl TimeWentBack {
    /// Where the clock stood, and stands.
    pub fn now(&self) -> HrTime {
        self.now
    }

    /// Where it should have gone.
    pub fn asked(&self) -> HrTime {
        self.asked
    }
}

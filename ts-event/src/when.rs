//! When an entry is due: one enum, and no number with a second meaning.
//!
//! A sender says [`When`] and the receiver's queue files the entry accordingly. There is no "in so many
//! nanoseconds" here: a delay becomes a point in time where it is asked for, by the one clock of whoever asks, so
//! that time spent on the way to another thread does not make a timer later.

use std::time::Duration;

use ts_thread::HrTime;

/// When an entry shall come out of the queue it goes into.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use ts_event::{HrTime, When};
///
/// let now = HrTime::from_nanos(1_000);
/// assert_eq!(When::after(now, Duration::from_nanos(500)), When::At(HrTime::from_nanos(1_500)));
/// assert_eq!(When::after(now, Duration::MAX), When::At(HrTime::MAX), "for ever does not wrap round");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum When {
    /// As soon as it is its turn: after all that is ready on that thread already.
    Now,
    /// Before all that is ready on that thread. Of several the last to come is the first, so it is for what somebody has
    /// waited for already, and not for work that makes more of its kind.
    First,
    /// Never before this time, and as little after it as the thread's other work allows. A time in the past is due
    /// at the queue's next visit; [`HrTime::MAX`] is never due.
    At(HrTime),
    /// Once in every turn of the thread's loop. Lower numbers come first, equal ones in the order they arrived.
    Poll(u64),
}

impl When {
    /// The time `delay` after `now`; [`HrTime::MAX`], that is never, where the sum would be later than that.
    #[must_use]
    pub fn after(now: HrTime, delay: Duration) -> Self {
        Self::At(now.saturating_add(delay))
    }
}

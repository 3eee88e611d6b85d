//! How late the system may wake a thread from a timed sleep.

use std::io;
use std::num::NonZeroU64;
use std::time::Duration;

use rustix::thread::{current_timer_slack, set_current_timer_slack};

/// Lets the system wake the calling OS thread up to `slack` after its deadlines, to save energy by waking several at once.
///
/// A new thread inherits the slack of its creator; Linux's usual value is 50 µs. Zero is taken as one nanosecond, the least
/// that can be asked for; more than about 584 years as that. Real-time threads have no slack whatever is set.
///
/// # Errors
///
/// Those of `prctl`, which a sandbox may refuse.
pub fn set_timer_slack(slack: Duration) -> io::Result<()> {
    let nanos = u64::try_from(slack.as_nanos()).unwrap_or(u64::MAX);
    // A zero would mean "the default", which nobody asked for.
    Ok(set_current_timer_slack(Some(NonZeroU64::new(nanos).unwrap_or(NonZeroU64::MIN)))?)
}

/// How late the system may wake the calling OS thread.
///
/// # Errors
///
/// Those of `prctl`, which a sandbox may refuse.
pub fn timer_slack() -> io::Result<Duration> {
    Ok(Duration::from_nanos(current_timer_slack()?))
}

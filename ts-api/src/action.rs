//! The handle of a scheduled call: asking it to stop, and asking whether it ran.

use crate::table::RawAction;
use std::fmt;

/// A scheduled call that can be cancelled.
///
/// It can be copied, kept as long as one likes, sent anywhere and used from any thread, any number of times. When the call is
/// over it answers so, and never reaches a call that was scheduled later.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Action {
    raw: RawAction,
}

/// What [`Action::cancel`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(i32)]
pub enum Cancel {
    /// The handler will not run for this action (any more).
    Cancelled = 0,
    /// The handler is running for it right now; if it is periodic, it stops after this run.
    Running = 1,
    /// The handler ran, and the event is over.
    AlreadyRan = 2,
    /// It was cancelled before, or its continuation was destroyed before it ran.
    AlreadyCancelled = 3,
    /// It ended so long ago that nothing is known of it any more.
    Stale = 4,
}

impl Action {
    /// Stops the event if it has not run yet, and says what it found.
    ///
    /// Any thread may call it, holding the continuation's mutex or not. [`Cancel::Cancelled`] is final: the handler is not
    /// entered for this action after that answer.
    ///
    /// # Examples
    ///
    #[cfg_attr(feature = "runtime", doc = "```")]
    #[cfg_attr(not(feature = "runtime"), doc = "```ignore")]
    /// use std::time::Duration;
    /// use ts_api::{Cancel, Cont, Mutex, Pool, Runtime};
    ///
    /// let runtime = Runtime::builder().start()?;
    /// let guest = runtime.guest();
    /// let never = Cont::new(&Mutex::new(), |_| println!("not cancelled in time"));
    /// let action = never.schedule_on_pool(Duration::from_secs(3600), Pool::Net)?;
    /// assert_eq!(action.cancel(), Cancel::Cancelled);
    /// assert_eq!(action.cancel(), Cancel::AlreadyCancelled);
    /// assert!(!action.is_done());
    /// # drop(guest);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cancel(self) -> Cancel {
        match self.raw.cancel() {
            0 => Cancel::Cancelled,
            1 => Cancel::Running,
            2 => Cancel::AlreadyRan,
            3 => Cancel::AlreadyCancelled,
            _ => Cancel::Stale,
        }
    }

    /// Whether the handler ran for this action and the event is over: false while it waits or runs, and for one that was
    /// cancelled. Any thread may ask.
    #[must_use]
    pub fn is_done(self) -> bool {
        self.raw.is_done()
    }

    /// Whether the event is waiting or running. Any thread may ask.
    #[must_use]
    pub fn is_pending(self) -> bool {
        self.raw.is_pending()
    }

    pub(crate) fn from_raw(raw: RawAction) -> Self {
        Self { raw }
    }

    #[cfg_attr(
        not(feature = "runtime"),
        allow(dead_code, reason = "only linked programs take handles apart")
    )]
    pub(crate) fn into_raw(self) -> RawAction {
        self.raw
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Action({:p}, generation {})", self.raw.slot, self.raw.generation)
    }
}

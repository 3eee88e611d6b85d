//! The handle of a scheduled call: asking it to stop, and asking whether it ran.

use crate::ethread::Here;
use crate::processor;
use crate::work::Work;
use std::fmt;
use std::ptr::NonNull;
use ts_event::{CallOff, Key, Phase};

/// A scheduled call that can be cancelled.
///
/// An action is a slot and a generation: it can be copied, kept as long as one likes, sent anywhere and used from any thread,
/// at any time, any number of times. When the call it stood for is over it answers so, and never reaches a call that was
/// scheduled later.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use ts_cont::{Cancel, Continuation, EventProcessor, EventType, ProxyMutex, ShutdownOptions};
///
/// let processor = EventProcessor::builder().build();
/// processor.spawn_event_threads(EventType::NET, 1, 0)?;
/// let never = Continuation::new(&ProxyMutex::new(), |_| println!("never"));
/// let action = processor.schedule_in(&never, Duration::from_secs(3600), EventType::NET, ())?;
/// assert_eq!(action.cancel(), Cancel::Cancelled);
/// assert_eq!(action.cancel(), Cancel::AlreadyCancelled);
/// assert!(!action.is_done() && !action.is_pending());
/// processor.shutdown(ShutdownOptions::default());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Action {
    key: Key<Work>,
}

/// What [`Action::cancel`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cancel {
    /// The handler will not run for this action (any more): it was waiting, or had just been re-armed by its handler.
    Cancelled,
    /// The handler is running for it right now. If it is periodic or re-armed, it stops after this run.
    Running,
    /// The handler ran, and the event is over.
    AlreadyRan,
    /// It was cancelled before, or its continuation was destroyed before it ran.
    AlreadyCancelled,
    /// It ended so long ago that its slot serves another event, which is not touched.
    Stale,
}

impl From<CallOff> for Cancel {
    fn from(found: CallOff) -> Self {
        match found {
            CallOff::BeforeRun => Self::Cancelled,
            CallOff::Running => Self::Running,
            CallOff::AlreadyRan => Self::AlreadyRan,
            CallOff::AlreadyCalledOff => Self::AlreadyCancelled,
            CallOff::Stale => Self::Stale,
        }
    }
}

impl Cancel {
    /// Whether this call is the one that stopped the event before its handler was entered.
    #[must_use]
    pub fn is_cancelled(self) -> bool {
        self == Self::Cancelled
    }
}

impl Action {
    pub(crate) fn new(key: Key<Work>) -> Self {
        Self { key }
    }

    /// Stops the event if it has not run yet, and says what it found.
    ///
    /// Any thread may call it, with or without the continuation's mutex. [`Cancel::Cancelled`] is final: the handler is not
    /// entered for this action after that answer, whoever holds the mutex. What the event carried is dropped at once, and so is a
    /// continuation that nothing else refers to; one that is let go of after that may stay until the handler that called has
    /// returned. The answer is immediate on the event's own thread; from elsewhere it costs a barrier across the process's
    /// running threads (a few microseconds), and the event's thread is told to take a timer out of its wheel at once.
    pub fn cancel(self) -> Cancel {
        match Here::cancel_timer(self.key) {
            Some(answer) => answer,
            None => self.cancel_any(),
        }
    }

    /// As [`Action::cancel`], of all events.
    #[inline(never)]
    fn cancel_any(self) -> Cancel {
        let owner = self.key.tag();
        if let Some(owner) = owner
            && let Some(answer) = Here::with_current(|here| here.cancel_own(self.key, owner)).flatten()
        {
            return answer;
        }
        let found = self.key.call_off();
        if let (CallOff::BeforeRun, Some(owner)) = (found, owner) {
            processor::tell_unlink(owner, self.key);
        }
        found.into()
    }

    /// Whether the handler ran for this action and the event is over.
    ///
    /// False while it waits or runs, and for one that was cancelled. True also when the event's slot has been used again
    /// since: then it is over, and what became of it is no longer known.
    #[must_use]
    pub fn is_done(self) -> bool {
        matches!(self.key.phase(), Phase::Ran | Phase::Stale)
    }

    /// Whether the event is waiting or running; not so when it has been cancelled.
    #[must_use]
    pub fn is_pending(self) -> bool {
        matches!(self.key.phase(), Phase::Waiting | Phase::Running)
    }

    /// The two words that make up the action, for the other side of a language border.
    #[must_use]
    pub fn into_raw(self) -> (NonNull<()>, u64) {
        self.key.to_raw()
    }

    /// The action in a word of 61 bits, for handles with room for no more; [`Action::from_word`] leads back from it.
    ///
    /// `None` if there are so many events that this one's slot has no number (some sixty million).
    #[must_use]
    pub fn to_word(self) -> Option<u64> {
        self.key.to_word()
    }

    /// The action that [`Action::to_word`] made a word of.
    ///
    /// Its event may be over, and then the action says so. `None` for a word of no event that there has been. The word may
    /// come from anywhere; one that is kept for hours, while its event's slot is used for thousands of millions of others,
    /// may be taken for one of those.
    #[must_use]
    pub fn from_word(word: u64) -> Option<Self> {
        crate::work::SLOTS.key_of_word(word).map(Self::new)
    }

    /// The action that [`Action::into_raw`] took apart.
    ///
    /// # Safety
    ///
    /// `slot` comes from [`Action::into_raw`] of this process; `generation` may be any number: one that never was a
    /// generation of the slot makes an action whose event is over.
    #[must_use]
    pub unsafe fn from_raw(slot: NonNull<()>, generation: u64) -> Self {
        // SAFETY: the caller vouches that the slot is that of an action, hence of a key of our slots.
        Self { key: unsafe { Key::from_raw(slot, generation) } }
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (slot, generation) = self.into_raw();
        write!(f, "Action({slot:p}, generation {generation})")
    }
}

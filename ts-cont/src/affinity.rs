//! Which thread gets an event: one pure function.
//!
//! The rules are those of the page on scheduling on a pool (its four scenarios) and of the mail on affinity that is not
//! set. Where the original's code strays from them (it prefers a caller inside the wanted pool even when the affinity is
//! of another type), the documents win.
//!
//! | affinity | caller | thread | affinity afterwards | |
//! |---|---|---|---|---|
//! | none | not of the wanted group | next in turn | that thread | scenario 1 |
//! | none | of the wanted group | the caller | the caller | scenario 2 |
//! | of another group | any | next in turn | kept | scenario 3 |
//! | of the wanted group | any | the affinity | kept | scenario 4 |
//!
//! Without a wanted group an affinity is followed wherever it points; without one an event thread takes the event itself
//! and becomes the affinity, and a guest gives it to the next network thread, which becomes the affinity.

use crate::EventType;
use std::fmt;

/// A thread of a group of a processor, in one number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ThreadRef {
    /// The processor's number, never zero.
    pub(crate) processor: u32,
    /// The group.
    pub(crate) group: EventType,
    /// The place in the group.
    pub(crate) index: u32,
}

const INDEX_BITS: u32 = 24;

/// As many threads as a [`ThreadRef`] can tell apart in a group, less one.
pub(crate) const MAX_INDEX: u32 = (1 << INDEX_BITS) - 1;

impl ThreadRef {
    /// Never zero, since the processor's number is not.
    pub(crate) fn pack(self) -> u64 {
        u64::from(self.processor) << 32 | u64::from(self.group.index()) << INDEX_BITS | u64::from(self.index)
    }

    pub(crate) fn unpack(packed: u64) -> Option<Self> {
        let processor = (packed >> 32) as u32;
        (processor != 0).then_some(Self {
            processor,
            group: EventType::from_index((packed >> INDEX_BITS) as u8),
            index: packed as u32 & MAX_INDEX,
        })
    }

    /// The group the thread belongs to.
    #[must_use]
    pub fn group(self) -> EventType {
        self.group
    }

    /// The thread's place in its group, from zero.
    #[must_use]
    pub fn index(self) -> usize {
        self.index as usize
    }
}

impl fmt::Debug for ThreadRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} of processor {}", self.group, self.index, self.processor)
    }
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// A regular event thread of the same processor.
    EventThread(ThreadRef),
    /// A thread that entered as a guest, a dedicated thread, or, for the calls that allow it, any other thread.
    Guest,
}

/// Why a thread was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The continuation's affinity belongs to the wanted group (scenario 4), or no group was asked for.
    Affinity,
    /// No affinity, and the calling thread belongs to the wanted group (scenario 2), or no group was asked for.
    Caller,
    /// No affinity, and the caller is no thread of the wanted group: the next in turn (scenario 1).
    InTurn,
    /// The affinity is of another group, so it is neither used nor changed: the next in turn (scenario 3).
    InTurnAffinityElsewhere,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Affinity => "the continuation's affinity is a thread of the wanted group",
            Self::Caller => "no affinity is set and the calling thread belongs to the wanted group",
            Self::InTurn => {
                "no affinity is set and the caller is no thread of the wanted group: next in turn"
            }
            Self::InTurnAffinityElsewhere => {
                "the affinity is a thread of another group: next in turn, affinity kept"
            }
        })
    }
}

/// What the rules say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// The group that gets the event.
    pub group: EventType,
    /// The thread, or none if the next of the group in turn is to get it.
    pub thread: Option<ThreadRef>,
    /// Whether the thread becomes the continuation's affinity.
    pub becomes_affinity: bool,
    /// Why.
    pub reason: Reason,
}

/// Applies the rules.
///
/// `wanted` is the group asked for, none for a schedule without a pool; an `affinity` of another processor must have been
/// left out by the caller, or counts as one of another group. A guest without affinity that asks for no group gets
/// [`EventType::NET`].
///
/// # Examples
///
/// ```
/// use ts_cont::affinity::{Caller, Reason, choose};
/// use ts_cont::EventType;
///
/// let choice = choose(None, Caller::Guest, Some(EventType::NET));
/// assert_eq!((choice.thread, choice.becomes_affinity, choice.reason), (None, true, Reason::InTurn));
/// ```
#[must_use]
pub fn choose(affinity: Option<ThreadRef>, caller: Caller, wanted: Option<EventType>) -> Choice {
    match (affinity, wanted) {
        (Some(thread), Some(group)) if thread.group == group => {
            Choice { group, thread: Some(thread), becomes_affinity: false, reason: Reason::Affinity }
        }
        (Some(thread), None) => Choice {
            group: thread.group,
            thread: Some(thread),
            becomes_affinity: false,
            reason: Reason::Affinity,
        },
        (Some(_), Some(group)) => {
            Choice { group, thread: None, becomes_affinity: false, reason: Reason::InTurnAffinityElsewhere }
        }
        (None, wanted) => match (caller, wanted) {
            (Caller::EventThread(caller), wanted) if wanted.is_none_or(|group| group == caller.group) => {
                Choice {
                    group: caller.group,
                    thread: Some(caller),
                    becomes_affinity: true,
                    reason: Reason::Caller,
                }
            }
            (_, wanted) => Choice {
                group: wanted.unwrap_or(EventType::NET),
                thread: None,
                becomes_affinity: true,
                reason: Reason::InTurn,
            },
        },
    }
}

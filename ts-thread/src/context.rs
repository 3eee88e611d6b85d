//! Who runs: the identity of a context.
//!
//! A *context* is what can hold a lock or own storage: normally an OS thread, whether this crate started it or not;
//! in a simulation one of several that take turns on one OS thread. Each has a [`ContextId`], which is never zero and
//! never used twice in one process, so "nobody" is never equal to anybody, and a thread that is gone is never
//! taken for one that has just begun.
//!
//! The address of a thread-local would be unique too, but only among those alive; the next thread gets it again.

use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The identity of a context: non-zero, and never reused while the process lives.
///
/// Ids are below 2⁶³, so a word that holds one has its highest bit to spare.
///
/// # Examples
///
/// ```
/// let mine = ts_thread::current_id();
/// let other = std::thread::spawn(ts_thread::current_id).join().unwrap();
/// assert_ne!(mine, other);
/// assert_eq!(mine, ts_thread::current_id());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct ContextId(NonZeroU64);

impl ContextId {
    /// The largest number an id can have.
    const LARGEST: u64 = u64::MAX >> 1;

    /// The id as a number, between 1 and 2⁶³ - 1.
    #[inline]
    pub const fn get(self) -> u64 {
        self.0.get()
    }

    /// The id with this number, or `None` for a number that no id ever has: 0, or 2⁶³ and above.
    ///
    /// Whether a context with this id lives, or ever did, is not looked at.
    #[inline]
    pub const fn from_raw(raw: u64) -> Option<Self> {
        match NonZeroU64::new(raw) {
            Some(id) if raw <= Self::LARGEST => Some(Self(id)),
            _ => None,
        }
    }

    /// An id that nobody has had.
    pub(crate) fn fresh() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        // Relaxed, alone: the number carries nothing; that each caller gets another one is what an atomic add does.
        // It would take centuries to reach the end at one id a nanosecond.
        let raw = NEXT.fetch_add(1, Ordering::Relaxed);
        Self::from_raw(raw).expect("there are 2^63 - 1 context ids")
    }
}

impl fmt::Debug for ContextId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContextId({})", self.0)
    }
}

impl fmt::Display for ContextId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How a context came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ContextKind {
    /// An OS thread that a [`Builder`](crate::Builder) of this crate started.
    Started,
    /// An OS thread that somebody else started: the main thread, a thread of the standard library or of a C library.
    Foreign,
    /// A [`SimulatedContext`](crate::SimulatedContext).
    Simulated,
}

/// What is known about the context that runs: the answer of [`current`](crate::current()).
#[derive(Clone, Debug)]
pub struct Current {
    pub(crate) id: ContextId,
    pub(crate) kind: ContextKind,
    pub(crate) name: Option<Arc<str>>,
}

impl Current {
    /// The context's id, the same as [`current_id`](crate::current_id) gives.
    pub fn id(&self) -> ContextId {
        self.id
    }

    /// How the context came to be.
    pub fn kind(&self) -> ContextKind {
        self.kind
    }

    /// The context's full name, if it has one.
    ///
    /// For a foreign thread this is the name that the standard library knows. A started thread whose storage is
    /// already torn down has no name any more.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

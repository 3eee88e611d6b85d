//! A name for an event that anybody may keep, for as long as he likes.
//!
//! A key is a slot and a generation. It owns nothing and keeps nothing alive; a key whose event is gone says
//! so, also when the slot has been used again since. Nothing recycled is read through it but the slot's
//! atomic words.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ptr::NonNull;

use crate::call_off::{CallOff, Phase};
use crate::slot::Slot;

/// Names one event for ever: to call it off, to ask how it stands, to take it out of the queue it lies in.
///
/// All methods may be called from any thread, at any time, also long after the event is gone.
///
/// # Examples
///
/// ```
/// use ts_event::{CallOff, Phase, Slots};
///
/// static EVENTS: Slots<&str> = Slots::new();
///
/// let entry = EVENTS.entry("tea");
/// let key = entry.key();
/// assert_eq!(key.phase(), Phase::Waiting);
/// assert_eq!(key.call_off(), CallOff::BeforeRun);
/// assert_eq!(key.call_off(), CallOff::AlreadyCalledOff);
///
/// drop(entry);
/// let _other = EVENTS.entry("coffee"); // most likely in the same slot
/// assert!(!key.is_live());
/// ```
pub struct Key<T: 'static> {
    slot: NonNull<Slot<T>>,
    generation: u64,
}

// SAFETY: through a key only the atomic words of a slot are reached, and slots are never unmapped; no `T` is
// touched.
unsafe impl<T> Send for Key<T> {}
// SAFETY: as for Send.
unsafe impl<T> Sync for Key<T> {}

impl<T> Key<T> {
    pub(crate) fn new(slot: NonNull<Slot<T>>, generation: u64) -> Self {
        Self { slot, generation }
    }

    #[inline]
    pub(crate) fn slot(&self) -> &'static Slot<T> {
        // SAFETY: a key is made from an entry of a pool, and pools never unmap slots. Shared access is all
        // that is given, and the plain part of a slot is in cells.
        unsafe { self.slot.as_ref() }
    }

    #[inline]
    pub(crate) fn slot_ptr(&self) -> NonNull<Slot<T>> {
        self.slot
    }

    #[inline]
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether the event still exists, called off or not.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.slot().is_live(self.generation)
    }

    /// How the event stands at this moment.
    ///
    /// Unless the caller has other means to keep the owner still, the answer may be old when it arrives.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.slot().phase(self.generation)
    }

    /// Calls the event off, and says what came of that.
    ///
    /// May be called from any thread, any number of times; it never blocks. It does not take the event out of
    /// the queue it lies in: its owner meets it there, or takes it out with `remove`. The owner's own thread,
    /// if it can reach the [`Entry`](crate::Entry), drops that instead, which is cheaper and leaves nothing
    /// behind.
    #[inline]
    pub fn call_off(&self) -> CallOff {
        self.slot_ref_call_off(ts_thread::fence::heavy)
    }

    /// Like [`call_off`](Self::call_off), for the thread that the event belongs to, without the price of a
    /// fence.
    ///
    /// The thread an event belongs to is the one that calls `begin` and `end` for it and owns the structure
    /// it lies in, for instance the thread whose handler is running. On any other thread the answer may be
    /// wrong (an event that was called off "before its run" may still run), but nothing worse happens.
    #[inline]
    pub fn call_off_here(&self) -> CallOff {
        self.slot_ref_call_off(|| {})
    }

    #[inline]
    fn slot_ref_call_off(&self, fence: impl Fn()) -> CallOff {
        // SAFETY: the pointer is a slot of a pool, with the provenance of its chunk, as every key's is.
        unsafe { crate::call_off::call_off(self.slot, self.generation, fence) }
    }

    /// The number that the owner left with [`Entry::set_tag`](crate::Entry::set_tag), zero if it left none;
    /// `None` when the event is gone.
    #[must_use]
    pub fn tag(&self) -> Option<u32> {
        self.slot().tag_in(self.generation)
    }

    /// The key as two words, for handles on the other side of a C interface.
    #[must_use]
    pub fn to_raw(self) -> (NonNull<()>, u64) {
        (self.slot.cast(), self.generation)
    }

    /// The key that [`to_raw`](Self::to_raw) took apart.
    ///
    /// # Safety
    ///
    /// The first word came from `to_raw` of a key of the same `T`. The second may be any number: one that
    /// never was a generation of that slot makes a key whose event is gone.
    #[must_use]
    pub unsafe fn from_raw(slot: NonNull<()>, generation: u64) -> Self {
        Self { slot: slot.cast(), generation }
    }
}

impl<T> Clone for Key<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Key<T> {}

impl<T> PartialEq for Key<T> {
    fn eq(&self, other: &Self) -> bool {
        self.slot == other.slot && self.generation == other.generation
    }
}

impl<T> Eq for Key<T> {}

impl<T> Hash for Key<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.slot.hash(state);
        self.generation.hash(state);
    }
}

impl<T> fmt::Debug for Key<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:p}#{})", self.slot, self.generation)
    }
}

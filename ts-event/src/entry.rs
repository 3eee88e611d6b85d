//! The one owner of an event.
//!
//! An [`Entry`] is one pointer to an occupied slot. Moving it into a structure moves the event; there is no
//! copy and no count. Whoever holds it may read and change the value, say that its run begins and ends, and
//! end it by dropping it.

use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use ts_thread::fence;

use crate::begun::{Begun, Spot};
use crate::call_off::{Begin, CallOff, End, Freed, Phase};
use crate::key::Key;
use crate::slot::{Slot, generation_of};
use crate::slots::{Slots, pool_of};

/// An event in its slot: the unique owner, one pointer wide.
///
/// It derefs to the value. Dropped, it ends the event: the value is dropped, keys to it answer that it ran
/// (if its run had begun) or was called off, and the slot goes back to the pool it came from. A thread that
/// frees many gives them to its [`Cache`](crate::Cache) instead.
///
/// # Examples
///
/// ```
/// use ts_event::{Begin, End, Phase, Slots};
///
/// static TICKS: Slots<u32> = Slots::new();
///
/// let mut entry = TICKS.entry(0);
/// let key = entry.key();
/// for _ in 0..3 {
///     assert_eq!(entry.begin(), Begin::Run);
///     *entry += 1;
///     assert_eq!(entry.end(), End::Ended);
/// }
/// assert_eq!(entry.begin(), Begin::Run);
/// assert_eq!(entry.into_inner(), 3);
/// assert_eq!(key.phase(), Phase::Ran);
/// ```
pub struct Entry<T: 'static> {
    slot: NonNull<Slot<T>>,
    value: PhantomData<T>,
}

// SAFETY: an entry is the only way to its value and to the plain part of its slot, so it moves like a box of
// `T`.
unsafe impl<T: Send> Send for Entry<T> {}
// SAFETY: through `&Entry` one reaches `&T` and the slot's atomic words.
unsafe impl<T: Sync> Sync for Entry<T> {}

impl<T> Entry<T> {
    /// Puts `value` into a free slot.
    ///
    /// # Safety
    ///
    /// The slot is a free one that the caller has taken out of its pool, and `word` its next.
    #[inline(always)]
    pub(crate) unsafe fn occupy(slot: NonNull<Slot<T>>, word: u64, value: T, tag: u32) -> (Self, Key<T>) {
        // SAFETY: slots are never unmapped.
        let here = unsafe { slot.as_ref() };
        // SAFETY: the slot is free and the caller's, so nobody reads the value's place.
        unsafe { here.value().write(value) };
        let generation = here.occupy(word, tag);
        (Self { slot, value: PhantomData }, Key::new(slot, generation))
    }

    #[inline]
    pub(crate) fn slot(&self) -> &Slot<T> {
        // SAFETY: slots are never unmapped.
        unsafe { self.slot.as_ref() }
    }

    /// Gives up the entry for the slot it stands for; see [`from_slot`](Self::from_slot).
    #[inline]
    pub(crate) fn into_slot(self) -> NonNull<Slot<T>> {
        ManuallyDrop::new(self).slot
    }

    /// The entry that [`into_slot`](Self::into_slot) gave up.
    ///
    /// # Safety
    ///
    /// The slot came from `into_slot` and becomes an entry once for that; the caller owns it.
    #[inline]
    pub(crate) unsafe fn from_slot(slot: NonNull<Slot<T>>) -> Self {
        Self { slot, value: PhantomData }
    }

    /// The name of this event, to keep or give away.
    #[inline]
    #[must_use]
    pub fn key(&self) -> Key<T> {
        Key::new(self.slot, generation_of(self.slot().own_word()))
    }

    /// Leaves a word that holders of the key can read, for instance whose thread this event is on.
    #[inline]
    pub fn set_tag(&self, tag: u32) {
        self.slot().set_tag(tag);
    }

    /// The word left with [`set_tag`](Self::set_tag); zero for a new entry.
    #[inline]
    #[must_use]
    pub fn tag(&self) -> u32 {
        self.slot().own_tag()
    }

    /// Says that the event's run begins now, unless somebody has called it off.
    ///
    /// After [`Begin::Run`] callers of [`Key::call_off`] hear that it is running; after [`Begin::CalledOff`]
    /// it must not run, and is best dropped. Costs a store and a load.
    ///
    /// # Panics
    ///
    /// If it is running already.
    #[inline]
    pub fn begin(&mut self) -> Begin {
        self.slot().begin(fence::light)
    }

    /// Says that the run is over and that the event shall run again, unless somebody has called it off
    /// meanwhile.
    ///
    /// An event that shall not run again needs no `end`: drop it.
    ///
    /// # Panics
    ///
    /// If it is not running.
    #[inline]
    pub fn end(&mut self) -> End {
        self.slot().end(fence::light)
    }

    /// As [`begin`](Self::begin), for loops that know how fences are: the event with its run begun, or as it was if somebody
    /// has called it off.
    ///
    /// # Errors
    ///
    /// The event was called off; it must not run, and is best dropped.
    ///
    /// # Panics
    ///
    /// If it is running already.
    #[inline(always)]
    pub fn run(self, fence: fence::Asymmetric) -> Result<Begun<T>, Self> {
        // So that it need not be kept ready for an unwinding from `begin`, which only a caller's mistake can cause.
        let this = ManuallyDrop::new(self);
        match this.slot().begin(|| fence.light()) {
            Begin::Run => Ok(Begun::new(this)),
            Begin::CalledOff => Err(ManuallyDrop::into_inner(this)),
        }
    }

    /// As [`run`](Self::run), for an event that is known to wait.
    ///
    /// # Errors
    ///
    /// As for `run`.
    ///
    /// # Safety
    ///
    /// [`phase`](Self::phase) says that it waits, or was called off by somebody else than its owner: so it is with one that
    /// was made, or came back from [`Begun::again`] as `Ok`, and has not begun since.
    #[inline(always)]
    pub unsafe fn run_waiting(self, fence: fence::Asymmetric) -> Result<Begun<T>, Self> {
        let this = ManuallyDrop::new(self);
        match this.slot().begin_waiting(this.slot().own_word(), || fence.light()) {
            Begin::Run => Ok(Begun::new(this)),
            Begin::CalledOff => Err(ManuallyDrop::into_inner(this)),
        }
    }

    /// Where the event lies.
    #[inline(always)]
    #[must_use]
    pub fn spot(&self) -> Spot<T> {
        Spot::new(self.slot)
    }

    /// How the event stands; never one of the two answers that mean it is gone.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.slot().phase(generation_of(self.slot().own_word()))
    }

    /// Whether somebody has called it off: it will not begin again. Costs a load; the next `begin` or `end`
    /// decides.
    #[inline]
    #[must_use]
    pub fn is_called_off(&self) -> bool {
        self.slot().is_called_off()
    }

    /// Ends the event and returns its value.
    #[must_use]
    pub fn into_inner(self) -> T {
        let (value, slot) = self.free();
        if let Some(slot) = slot {
            // SAFETY: `free` handed over the slot, which is free now and nobody else's.
            unsafe { pool_of(slot).put(slot) };
        }
        value
    }

    /// Ends the event: its value, and its slot unless somebody else will put that away.
    #[inline]
    pub(crate) fn free(self) -> (T, Option<NonNull<Slot<T>>>) {
        let slot = self.into_slot();
        // SAFETY: slots are never unmapped.
        let here = unsafe { slot.as_ref() };
        // SAFETY: the slot was an entry's, hence holds a value, and `here.free()` below ends that: it is read
        // once.
        let value = unsafe { here.value().read() };
        match here.free() {
            Freed::Mine => (value, Some(slot)),
            Freed::Theirs => (value, None),
        }
    }

    /// As [`free_off`](Self::free_off), without touching the value. With the slot comes whether it is used up.
    #[inline(always)]
    pub(crate) fn free_off_forgetting(self) -> (NonNull<Slot<T>>, bool, Freed, CallOff) {
        let slot = self.into_slot();
        // SAFETY: slots are never unmapped.
        let here = unsafe { slot.as_ref() };
        let is_used_up = here.is_used_up();
        let (freed, answer) = here.free_off();
        (slot, is_used_up, freed, answer)
    }

    /// As [`free`](Self::free), and says what came of calling it off in this way.
    #[inline]
    pub(crate) fn free_off(self) -> (T, CallOff, Option<NonNull<Slot<T>>>) {
        let slot = self.into_slot();
        // SAFETY: slots are never unmapped.
        let here = unsafe { slot.as_ref() };
        // SAFETY: the slot was an entry's, hence holds a value, and `free_off` below ends that: it is read once.
        let value = unsafe { here.value().read() };
        match here.free_off() {
            (Freed::Mine, answer) => (value, answer, Some(slot)),
            (Freed::Theirs, answer) => (value, answer, None),
        }
    }

    /// Lets go of the event without ending it: its value is never dropped, its key stays live for ever.
    pub fn leak(self) -> Key<T> {
        let key = self.key();
        self.into_slot();
        key
    }

    /// Takes the owner apart into a plain pointer, for a C interface.
    #[must_use]
    pub fn into_raw(self) -> NonNull<()> {
        self.into_slot().cast()
    }

    /// The entry that [`into_raw`](Self::into_raw) took apart.
    ///
    /// # Safety
    ///
    /// The pointer came from `into_raw` of an entry of the same `T`, and is made an entry once for each such
    /// call.
    #[must_use]
    pub unsafe fn from_raw(slot: NonNull<()>) -> Self {
        Self { slot: slot.cast(), value: PhantomData }
    }

    /// The pool this entry's slot belongs to.
    #[must_use]
    pub fn pool(&self) -> &'static Slots<T> {
        // SAFETY: the slot is a slot of a pool, with the provenance of its chunk.
        unsafe { pool_of(self.slot) }
    }
}

impl<T> Deref for Entry<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: an entry's slot holds a value, and `&self` keeps it from being changed or taken.
        unsafe { &*self.slot().value() }
    }
}

impl<T> DerefMut for Entry<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: an entry's slot holds a value, and `&mut self` is the only way to it.
        unsafe { &mut *self.slot().value() }
    }
}

impl<T> Drop for Entry<T> {
    fn drop(&mut self) {
        // SAFETY: `self` is not used again after its drop, so its slot becomes an entry once.
        let entry = unsafe { Self::from_slot(self.slot) };
        // The value goes last: the slot is home by then, should its destructor panic.
        drop(entry.into_inner());
    }
}

impl<T: fmt::Debug> fmt::Debug for Entry<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("phase", &self.phase()).field("value", &**self).finish()
    }
}

/// An entry has to be one pointer, and an `Option` of it too.
const _: () = assert!(size_of::<Option<Entry<u64>>>() == size_of::<usize>());

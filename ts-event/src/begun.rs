//! An event whose run has begun, for loops that run many: what they need to know of it is in the type.
//!
//! [`Entry`] asks at each step how fences are and which phase the event is in. A [`Begun`] was made by one that has asked.
//!
//! # Rules
//! * The slot's word says that the event is running for as long as there is a `Begun` of it: only the owner stores that word, and
//!   a `Begun` is the owner.

use std::fmt;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use ts_thread::fence;

use crate::call_off::End;
use crate::entry::Entry;
use crate::key::Key;
use crate::slot::{Slot, generation_of};

/// The unique owner of an event that is running; it derefs to the value.
///
/// What is to become of it has to be said: one that is merely dropped is leaked, and stays running for ever. So nothing has to
/// be kept ready, while the event runs, for the case that it is dropped.
///
/// # Examples
///
/// ```
/// use ts_event::{Phase, Slots};
/// use ts_thread::fence::Asymmetric;
///
/// static TICKS: Slots<u32> = Slots::new();
///
/// if let Some(fence) = Asymmetric::known() {
///     let entry = TICKS.entry(0);
///     let key = entry.key();
///     let mut begun = entry.run(fence).expect("nobody has called it off");
///     *begun += 1;
///     assert_eq!(key.phase(), Phase::Running);
///     let entry = begun.again(fence).expect("nor did anybody meanwhile");
///     assert_eq!((key.phase(), *entry), (Phase::Waiting, 1));
/// }
/// ```
#[must_use = "an event that has begun has to end"]
pub struct Begun<T: 'static> {
    entry: ManuallyDrop<Entry<T>>,
}

impl<T> Begun<T> {
    /// The owner of `entry`, whose run has begun.
    #[inline(always)]
    pub(crate) fn new(entry: ManuallyDrop<Entry<T>>) -> Self {
        Self { entry }
    }

    /// Says that the run is over and that the event shall run again; see [`Entry::end`].
    ///
    /// # Errors
    ///
    /// The event was called off meanwhile; drop it.
    #[inline(always)]
    pub fn again(self, fence: fence::Asymmetric) -> Result<Entry<T>, Entry<T>> {
        let slot = self.entry.slot();
        match slot.end_running(slot.own_word(), || fence.light()) {
            End::Ended => Ok(self.into_entry()),
            End::CalledOff => Err(self.into_entry()),
        }
    }

    /// Says that the run is over and the next one begins, with nothing in between, unless somebody has called the event off:
    /// then it is as it was, and [`again`](Self::again) says so. Who asks meanwhile hears that it is running.
    ///
    /// # Examples
    ///
    /// ```
    /// use ts_event::{CallOff, Slots};
    /// use ts_thread::fence::Asymmetric;
    ///
    /// static TICKS: Slots<u32> = Slots::new();
    ///
    /// if let Some(fence) = Asymmetric::known() {
    ///     let entry = TICKS.entry(0);
    ///     let key = entry.key();
    ///     let begun = entry.run(fence).expect("nobody has called it off");
    ///     assert!(begun.goes_on(fence));
    ///     assert_eq!(key.call_off(), CallOff::Running);
    ///     assert!(!begun.goes_on(fence) && begun.again(fence).is_err());
    /// }
    /// ```
    #[inline(always)]
    #[must_use = "it may have been called off"]
    pub fn goes_on(&self, fence: fence::Asymmetric) -> bool {
        self.entry.slot().goes_on(|| fence.light())
    }

    /// Where the event lies.
    #[inline(always)]
    #[must_use]
    pub fn spot(&self) -> Spot<T> {
        self.entry.spot()
    }

    /// The entry, running as it is.
    #[inline]
    #[must_use]
    pub fn into_entry(self) -> Entry<T> {
        ManuallyDrop::into_inner(self.entry)
    }

    /// Ends the event without touching its value. The slot is free, and the caller's.
    #[inline(always)]
    pub(crate) fn free_forgetting(self) -> NonNull<Slot<T>> {
        let slot = self.into_entry().into_slot();
        // SAFETY: slots are never unmapped.
        let here = unsafe { slot.as_ref() };
        here.free_run(here.own_word());
        slot
    }
}

impl<T> Deref for Begun<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.entry
    }
}

impl<T> DerefMut for Begun<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.entry
    }
}

impl<T: fmt::Debug> fmt::Debug for Begun<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Begun").field(&*self.entry).finish()
    }
}

/// Where an event lies: one word that is cheaply noted, and says which event it is only when that is asked for.
///
/// It owns nothing and keeps nothing alive.
pub struct Spot<T: 'static> {
    slot: NonNull<Slot<T>>,
}

impl<T> Spot<T> {
    #[inline(always)]
    pub(crate) fn new(slot: NonNull<Slot<T>>) -> Self {
        Self { slot }
    }

    /// Where its value lies. To use that is for those who own the event, or borrow it from its owner.
    #[inline(always)]
    #[must_use]
    pub fn value(self) -> NonNull<T> {
        // SAFETY: slots are never unmapped; and none lies at zero.
        unsafe { NonNull::new_unchecked(self.slot.as_ref().value()) }
    }

    /// The name of the event that lies there now, or of the last that did.
    #[must_use]
    pub fn key(self) -> Key<T> {
        // SAFETY: slots are never unmapped.
        let word = unsafe { self.slot.as_ref() }.own_word();
        Key::new(self.slot, generation_of(word))
    }
}

impl<T> Clone for Spot<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Spot<T> {}

impl<T> fmt::Debug for Spot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Spot({:p})", self.slot)
    }
}

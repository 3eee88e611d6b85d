//! One slot: the words that anybody who holds a key may look at, and the plain part that belongs to the
//! owner.
//!
//! A slot is made once and never unmapped, so a pointer to it stays good for ever. What changes is who owns
//! its plain part: the links, the filing number and the value.
//!
//! # Rules
//! * `word`, `tag` and `place` are stored by the owner only; the owner of an entry is whoever holds the
//!   [`Entry`](crate::Entry), or the structure that it was moved into. `cancel` is for everybody; see
//!   `call_off.rs`.
//! * `link` and `filed` belong to the same owner; for a free slot that is the pool or the cache it lies in.
//! * `value` holds a value exactly while the phase in `word` is an occupied one.
//!
//! # Ordering
//! `[tag-publish]` carries the tag to those who hold a key. `place` needs no order; see `place.rs`.
//! How `word` and `cancel` work together is told in `call_off.rs`.

use std::mem::MaybeUninit;
use std::ptr;

use ts_thread::sync::UnsafeCell;
use ts_thread::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use ts_thread::sync::atomic::{AtomicU32, AtomicU64};

/// The low bits of `word` and `cancel` hold a phase or a state, the rest the generation.
pub(crate) const STATE_BITS: u32 = 8;
const STATE_MASK: u64 = (1 << STATE_BITS) - 1;

/// The last generation a slot can have; afterwards it is not used again.
///
/// At one use every 10 ns a slot gets there after more than ten years; it costs the pool that one slot, and in return no
/// key ever means another event than the one it was made for. One more would be seen by the sign of the word.
pub(crate) const LAST_GENERATION: u64 = i64::MAX as u64 >> STATE_BITS;

/// Generation and state in one word.
pub(crate) const fn pack(generation: u64, state: u8) -> u64 {
    (generation << STATE_BITS) | state as u64
}

/// The generation in a word made by [`pack`].
pub(crate) const fn generation_of(word: u64) -> u64 {
    word >> STATE_BITS
}

/// The state in a word made by [`pack`].
pub(crate) const fn state_of(word: u64) -> u8 {
    (word & STATE_MASK) as u8
}

/// Whether the word is of a generation after the last, which no slot is ever in.
#[inline(always)]
pub(crate) const fn is_beyond_last(word: u64) -> bool {
    word.cast_signed() < 0
}

/// One element of a pool.
///
/// With a value of three words it is as long as a cache line, and chunks have it lie on one (see `slots.rs`).
#[repr(C)]
pub(crate) struct Slot<T> {
    pub(crate) word: AtomicU64,
    pub(crate) cancel: AtomicU64,
    pub(crate) place: AtomicU32,
    tag: AtomicU32,
    /// Whatever the structure that the slot lies in has to know of it: the slot behind this one, or where it is listed.
    link: UnsafeCell<*mut ()>,
    /// A deadline, a poll order, or whatever else that structure files its entries by.
    filed: UnsafeCell<u64>,
    value: UnsafeCell<MaybeUninit<T>>,
}

#[cfg(not(loom))]
const _: () = assert!(size_of::<Slot<[usize; 3]>>() == 64);

impl<T> Slot<T> {
    /// A free slot of generation zero, which no key ever has.
    pub(crate) fn new() -> Self {
        Self {
            word: AtomicU64::new(0),
            cancel: AtomicU64::new(0),
            place: AtomicU32::new(0),
            tag: AtomicU32::new(0),
            link: UnsafeCell::new(ptr::null_mut()),
            filed: UnsafeCell::new(0),
            value: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }

    /// Whether there is no generation left for another event. For the owner.
    #[inline]
    pub(crate) fn is_used_up(&self) -> bool {
        generation_of(self.own_word()) >= LAST_GENERATION
    }

    /// The generation that the slot is in, or was in last.
    pub(crate) fn generation(&self) -> u64 {
        // Relaxed, alone: a number, which a key then has looked at again.
        generation_of(self.word.load(Relaxed))
    }

    /// What was last set with [`set_link`](Self::set_link).
    ///
    /// # Safety
    ///
    /// The caller owns the slot's plain part (first lines of this file).
    #[inline]
    pub(crate) unsafe fn link<L>(&self) -> *mut L {
        // SAFETY: the owner of the link is the caller, so nobody writes it now.
        self.link.with(|link| unsafe { *link }).cast()
    }

    /// Leaves a pointer for the structure that the slot lies in.
    ///
    /// # Safety
    ///
    /// The caller owns the slot's plain part.
    #[inline]
    pub(crate) unsafe fn set_link<L>(&self, to: *mut L) {
        // SAFETY: the owner of the link is the caller, so nobody else reads or writes it now.
        self.link.with_mut(|link| unsafe { *link = to.cast() });
    }

    /// The number this slot is filed by.
    ///
    /// # Safety
    ///
    /// The caller owns the slot's plain part.
    #[inline]
    pub(crate) unsafe fn filed(&self) -> u64 {
        // SAFETY: as in `link`.
        self.filed.with(|own| unsafe { *own })
    }

    /// Sets the number this slot is filed by.
    ///
    /// # Safety
    ///
    /// The caller owns the slot's plain part.
    #[inline]
    pub(crate) unsafe fn set_filed(&self, filed: u64) {
        // SAFETY: as in `set_link`.
        self.filed.with_mut(|own| unsafe { *own = filed });
    }

    /// Where the value is, or will be.
    #[inline]
    pub(crate) fn value(&self) -> *mut T {
        self.value.with_mut(|value| value.cast())
    }

    /// Changes the tag. For the owner.
    #[inline]
    pub(crate) fn set_tag(&self, tag: u32) {
        // Release [tag-publish]: whoever reads this tag also sees the generation it was set in, which was
        // stored before.
        self.tag.store(tag, Release);
    }

    /// The tag, for the owner.
    #[inline]
    pub(crate) fn own_tag(&self) -> u32 {
        // Relaxed, alone: only the owner stores tags, so this is its own latest one.
        self.tag.load(Relaxed)
    }

    /// The tag that belongs to `generation`, unless that is over.
    pub(crate) fn tag_in(&self, generation: u64) -> Option<u32> {
        // Acquire [tag-publish]: if the tag was set in a later generation, then that generation is seen
        // below.
        let tag = self.tag.load(Acquire);
        // Relaxed, after the load above [tag-publish]: only the value counts.
        let word = self.word.load(Relaxed);
        (generation_of(word) == generation && crate::call_off::is_occupied(word)).then_some(tag)
    }
}

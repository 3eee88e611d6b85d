//! One place: a word that says whose turn it is, and the value.
//!
//! The word holds the generation, the state, and in debug builds who has taken the value. So one compare-and-swap asks whether
//! the handle is of this generation and takes the value.
//!
//! ```text
//!              fill: generation + 1
//!     EMPTY ------------------------> LIVE  <------------>  TAKEN
//!       ^                               |     with, and its end
//!       +-------------------------------+
//!                    remove
//! ```
//!
//! # Rules
//! * A place that is all zero is an empty one in which there never was a value.
//! * An empty place has the generation of its last value. It belongs to whoever emptied it, then to the free list, then to
//!   whoever took it from there; nobody else changes its word.
//! * A live place belongs to nobody; a taken one to the thread that took it, until that gives it back.
//! * `value` holds a value exactly while the place is live or taken.
//!
//! # Ordering
//! `[register-value]`: who takes a value sees all that was done to it before, by `fill` and by those who had taken it.

use std::mem::MaybeUninit;

use super::handle::{GENERATION_BITS, Stale};
use crate::current::current_id;
use crate::sync::UnsafeCell;
use crate::sync::atomic::AtomicU64;
use crate::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::sync::hint::Backoff;

/// After this one the place is not used again.
pub(super) const LAST_GENERATION: u32 = (1 << GENERATION_BITS) - 1;

const EMPTY: u64 = 0;
const LIVE: u64 = 1;
const TAKEN: u64 = 2;

const STATE_BITS: u32 = 2;
/// What is left of a word. An id that needs more is cut off, after 2³⁶ contexts.
const HOLDER_BITS: u32 = u64::BITS - GENERATION_BITS - STATE_BITS;

const fn pack(generation: u32, state: u64) -> u64 {
    (generation as u64) << (HOLDER_BITS + STATE_BITS) | state
}

const fn generation_of(word: u64) -> u32 {
    (word >> (HOLDER_BITS + STATE_BITS)) as u32
}

const fn state_of(word: u64) -> u64 {
    word & ((1 << STATE_BITS) - 1)
}

/// Who runs, where a word has it. Without debug assertions nobody: only a mistake would be found by it, and each access would ask.
#[inline(always)]
fn holder() -> u64 {
    if cfg!(debug_assertions) { (current_id().get() & ((1 << HOLDER_BITS) - 1)) << STATE_BITS } else { 0 }
}

pub(super) struct Place<T> {
    word: AtomicU64,
    value: UnsafeCell<MaybeUninit<T>>,
}

impl<T> Place<T> {
    /// An empty place in which there never was a value.
    fn new() -> Self {
        Self { word: AtomicU64::new(pack(0, EMPTY)), value: UnsafeCell::new(MaybeUninit::uninit()) }
    }

    /// So many empty places.
    pub(super) fn some(count: usize) -> Box<[Self]> {
        if cfg!(loom) {
            return (0..count).map(|_| Self::new()).collect();
        }
        // Nothing is written, so that the system need not find the memory before it is used.
        let zeros = Box::new_zeroed_slice(count);
        // SAFETY: a word of zeros is that of an empty place, and any bytes will do for a value that is not there.
        unsafe { zeros.assume_init() }
    }

    /// Puts a value in, and says which generation it is of.
    ///
    /// # Safety
    ///
    /// The place is empty and belongs to the caller, who gives it up, and its generations are not used up.
    #[inline]
    pub(super) unsafe fn fill(&self, value: T) -> u32 {
        // Relaxed: the owner of an empty place came by it through a lock, and so knows its word.
        let generation = generation_of(self.word.load(Relaxed)) + 1;
        // SAFETY: the place is the caller's and empty, so nobody else looks at the value, and none is overwritten.
        self.value.with_mut(|place| unsafe { (*place).write(value) });
        // Release [register-value]: who takes the value finds it written.
        self.word.store(pack(generation, LIVE), Release);
        generation
    }

    /// Calls `f` with the value of this generation, which is nobody else's meanwhile.
    #[inline]
    pub(super) fn with<R>(&self, generation: u32, f: impl FnOnce(&mut T) -> R) -> Result<R, Stale> {
        let live = pack(generation, LIVE);
        self.change(live, pack(generation, TAKEN) | holder())?;
        let _taken = Taken { word: &self.word, live };
        // SAFETY: the place was live, so there is a value, and it is ours until `_taken` is dropped.
        Ok(self.value.with_mut(|value| f(unsafe { (*value).assume_init_mut() })))
    }

    /// Takes the value of this generation out. The empty place is the caller's.
    #[inline]
    pub(super) fn remove(&self, generation: u32) -> Result<T, Stale> {
        self.change(pack(generation, LIVE), pack(generation, EMPTY))?;
        // SAFETY: the place was live, so there was a value. That it is empty now keeps all others from looking, and as nobody
        // else could make it so the value is moved out once.
        Ok(self.value.with_mut(|value| unsafe { (*value).assume_init_read() }))
    }

    /// Whether there is a value, and of which generation the one is that is there, or was there last.
    pub(super) fn state(&self) -> (bool, u32) {
        // Relaxed: nothing is read through it, and whoever knows by other means that the word has changed sees the change.
        let word = self.word.load(Relaxed);
        (state_of(word) != EMPTY, generation_of(word))
    }

    /// Changes a live word to another, as soon as nobody has taken the value.
    #[inline]
    fn change(&self, live: u64, to: u64) -> Result<(), Stale> {
        self.try_change(live, to).map(drop).or_else(|found| self.change_later(live, to, found))
    }

    #[inline(always)]
    fn try_change(&self, live: u64, to: u64) -> Result<u64, u64> {
        // Acquire [register-value]: the value is ours now, as the last who had it left it. On failure nothing is read through
        // the word, so Relaxed will do.
        self.word.compare_exchange(live, to, Acquire, Relaxed)
    }

    #[cold]
    fn change_later(&self, live: u64, to: u64, mut found: u64) -> Result<(), Stale> {
        let backoff = Backoff::new();
        let generation = generation_of(live);
        while state_of(found) == TAKEN && generation_of(found) == generation {
            let by_us = found == pack(generation, TAKEN) | holder();
            debug_assert!(!by_us, "a value was asked for inside of an access to it");
            backoff.snooze();
            match self.try_change(live, to) {
                Ok(_) => return Ok(()),
                Err(now) => found = now,
            }
        }
        let was = (1..=generation_of(found)).contains(&generation);
        Err(if was { Stale::Removed } else { Stale::NeverWas })
    }
}

impl<T> Drop for Place<T> {
    fn drop(&mut self) {
        if self.state().0 {
            // SAFETY: there is a value, and this is the end of its place.
            self.value.with_mut(|value| unsafe { (*value).assume_init_drop() });
        }
    }
}

/// A value that is this thread's until it is dropped.
struct Taken<'a> {
    word: &'a AtomicU64,
    live: u64,
}

impl Drop for Taken<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        // Release [register-value]: who takes the value next sees what we did to it.
        self.word.store(self.live, Release);
    }
}

#[cfg(all(test, not(loom)))]
impl<T> Place<T> {
    /// As if so many values had been here already. The place is live and nobody uses it.
    pub(super) fn age(&self, generation: u32) {
        // Relaxed: there is no other thread.
        self.word.store(pack(generation, LIVE), Relaxed);
    }
}

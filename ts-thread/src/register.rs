//! Values that are named by handles: numbers that may be copied, kept too long, and invented.
//!
//! For what leaves the reach of the compiler, as through a C interface, and comes back as a number. Whether that names a value
//! is told every time, whatever it is: a handle is never given out twice, one whose value was removed names nothing, and of
//! several who remove the same value one gets it. To ask costs a compare-and-swap and a store. There is no lock that all threads
//! meet.
//!
//! # Rules
//! * A value is in a place. Places are made in chunks, each twice as long as the one before, and never moved or unmapped while
//!   the register lives: so any number may be looked up.
//! * A place counts the values that were in it. When it can count no further it is not used again.
//! * Which places are free, and for whom, is told in `free.rs`; who may touch a value, in `place.rs`.
//!
//! # Ordering
//! `[register-chunk]`: a chunk's places are made before the directory shows it. Values are handed from one to the next in
//! `place.rs`. Free places change hands under locks, which order the rest.
//!
//! A map behind a lock would do, but either all threads meet at it, or each access takes two locks to find one value.

mod free;
mod handle;
mod place;

use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;
use std::ptr::{self, NonNull};

use self::free::Free;
use self::handle::PLACE_BITS;
pub use self::handle::{Full, Handle, Stale};
use self::place::{LAST_GENERATION, Place};
use crate::sync::atomic::{AtomicPtr, Ordering};
use crate::sync::{array, const_fn};

/// The first chunk has 2 to the power of this many places, and the lowest number of a place is just that: so the highest bit of
/// a place's number says the chunk, and the bits below where in it.
const FIRST_BITS: u32 = if cfg!(loom) { 1 } else { 6 };

/// How many chunks there can be.
const CHUNKS: usize = (PLACE_BITS - FIRST_BITS) as usize;

/// A table of values that are named by handles.
///
/// Put it in a `static`. It grows when it has to and does not shrink: places are used again. Any thread may call any of its
/// methods at any time.
///
/// # Examples
///
/// ```
/// use ts_thread::register::{Handle, Register, Stale};
///
/// static COUNTERS: Register<u32> = Register::new();
///
/// let counter = COUNTERS.insert(5)?;
/// // Goes out as a number, and comes back as one.
/// let number = counter.get().get();
/// let counter = Handle::from_bits(number).unwrap();
/// COUNTERS.with(counter, |count| *count += 1).unwrap();
///
/// assert_eq!(COUNTERS.remove(counter), Ok(6));
/// assert_eq!(COUNTERS.remove(counter), Err(Stale::Removed));
/// assert_eq!(COUNTERS.with(Handle::from_bits(12_345).unwrap(), |_| ()), Err(Stale::NeverWas));
/// # Ok::<(), ts_thread::register::Full<u32>>(())
/// ```
pub struct Register<T> {
    directory: [AtomicPtr<Place<T>>; CHUNKS],
    free: Free,
    values: PhantomData<*mut T>,
}

// SAFETY: a value is reached by one thread at a time, whichever that is (`place.rs`), so that it may go from thread to thread is
// enough. The rest is atomic words and locks.
unsafe impl<T: Send> Sync for Register<T> {}
// SAFETY: the values go along.
unsafe impl<T: Send> Send for Register<T> {}

impl<T> Register<T> {
    /// How many values a register can have at once: nearly 2²⁶.
    pub const MOST: u32 = (1 << PLACE_BITS) - (1 << FIRST_BITS);

    const_fn! {
        /// A register without values, and without memory for any.
        #[must_use]
        pub const fn new() -> Self {
            Self::with_limit(Self::MOST)
        }
    }

    const_fn! {
        /// A register for so many values at once, and no more; at most [`MOST`](Self::MOST).
        #[must_use]
        pub const fn with_limit(values: u32) -> Self {
            let values = if values < Self::MOST { values } else { Self::MOST };
            Self {
                directory: array![AtomicPtr::new(ptr::null_mut()); CHUNKS],
                free: Free::new(1 << FIRST_BITS..(1 << FIRST_BITS) + values),
                values: PhantomData,
            }
        }
    }

    /// Puts a value in, and names it.
    ///
    /// Takes a lock that few other threads take, for a moment; now and then one that all take who put values in or out.
    ///
    /// # Errors
    ///
    /// There is no place left: as many values are in as the limit allows, or so many have been that places were used up, which
    /// takes 2²⁶ values for each. The value comes back. While other threads remove values, a place that is being freed may be
    /// missed.
    pub fn insert(&self, value: T) -> Result<Handle, Full<T>> {
        let Some(number) = self.free.take(|numbers| self.prepare(numbers)) else { return Err(Full(value)) };
        let place = self.place(number).expect("places are prepared before they are given out");
        // SAFETY: the free list gave us this place. What is in it is empty and not used up.
        let generation = unsafe { place.fill(value) };
        Ok(Handle::new(number, generation).expect("no generation is zero"))
    }

    /// Calls `f` with the value, which is nobody else's meanwhile, and returns what that returns.
    ///
    /// Whoever asks for the same value meanwhile spins, and then yields to other threads, until `f` is done. So `f` is to be
    /// short: it must not wait for anything, nor call what it does not know. If it asks for the same value again, it waits for
    /// itself for ever; in debug builds it panics. If it panics the value stays as it is then, and may be asked for.
    ///
    /// # Errors
    ///
    /// The handle names no value of this register; `f` was dropped without being called.
    ///
    /// # Panics
    ///
    /// If `f` does.
    #[inline]
    pub fn with<R>(&self, handle: Handle, f: impl FnOnce(&mut T) -> R) -> Result<R, Stale> {
        self.place(handle.place()).ok_or(Stale::NeverWas)?.with(handle.generation(), f)
    }

    /// Takes the value out. Of several who try, one gets it, and from then on the handle names nothing.
    ///
    /// Waits, as [`with`](Self::with) does, while somebody has access to the value. It is in debug builds a panic, else waits
    /// for ever, to remove a value from inside of an access to it.
    ///
    /// # Errors
    ///
    /// The handle names no value of this register, or no longer.
    #[inline]
    pub fn remove(&self, handle: Handle) -> Result<T, Stale> {
        let value = self.place(handle.place()).ok_or(Stale::NeverWas)?.remove(handle.generation())?;
        if handle.generation() < LAST_GENERATION {
            self.free.put(handle.place());
        }
        Ok(value)
    }

    /// Whether the handle names a value. That may change at any time, unless the caller knows better.
    #[inline]
    #[must_use]
    pub fn is_live(&self, handle: Handle) -> bool {
        self.place(handle.place()).is_some_and(|place| place.state() == (true, handle.generation()))
    }

    /// How many values there are.
    ///
    /// For reports: it looks at every place, and what comes or goes meanwhile may be counted or not.
    #[must_use]
    pub fn live(&self) -> usize {
        let mut count = 0;
        self.for_each_live(|_| count += 1);
        count
    }

    /// Calls `f` with the handle of every value there is, with no lock held and no value taken.
    ///
    /// For reports: it looks at every place. A value that is there from before the call until after it is met once. One that
    /// comes or goes meanwhile may be met or not.
    pub fn for_each_live(&self, mut f: impl FnMut(Handle)) {
        for number in 1 << FIRST_BITS..self.free.end_of_used() {
            if let Some((true, generation)) = self.place(number).map(Place::state)
                && let Some(handle) = Handle::new(number, generation)
            {
                f(handle);
            }
        }
    }

    /// The place with this number, if it was made.
    #[inline]
    fn place(&self, number: u32) -> Option<&Place<T>> {
        let high = (number | 1).ilog2();
        let entry = self.directory.get(high.wrapping_sub(FIRST_BITS) as usize)?;
        // Acquire [register-chunk]: the places of the chunk are made.
        let chunk = entry.load(Ordering::Acquire);
        let chunk = NonNull::new(chunk)?;
        // SAFETY: a chunk has a place for each number with the same highest bit, and lives as long as the register.
        Some(unsafe { chunk.add((number ^ 1 << high) as usize).as_ref() })
    }

    /// Makes the chunks of these places, of which there is one at least, that are not there yet. For whoever has the free
    /// list's store locked.
    fn prepare(&self, numbers: Range<u32>) {
        for chunk in numbers.start.ilog2()..=(numbers.end - 1).ilog2() {
            let entry = &self.directory[(chunk - FIRST_BITS) as usize];
            // Acquire [register-chunk]: not needed, as it changes only under the lock that is held, but free.
            if entry.load(Ordering::Acquire).is_null() {
                let places = Box::into_raw(Place::<T>::some(1 << chunk));
                // Release [register-chunk]: whoever finds the chunk finds its places made.
                entry.store(places.cast(), Ordering::Release);
            }
        }
    }
}

impl<T> Drop for Register<T> {
    fn drop(&mut self) {
        for (chunk, entry) in (FIRST_BITS..).zip(&self.directory) {
            // Relaxed: the register is ours alone.
            let places = entry.load(Ordering::Relaxed);
            if !places.is_null() {
                // SAFETY: boxed in `prepare`, with so many places, and nobody can use the register any more.
                drop(unsafe { Box::from_raw(ptr::slice_from_raw_parts_mut(places, 1 << chunk)) });
            }
        }
    }
}

impl<T> Default for Register<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Register<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Register").finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_place_whose_generations_are_used_up_is_not_used_again() {
        let register = Register::with_limit(2);
        let first = register.insert(1).unwrap();
        register.place(first.place()).unwrap().age(LAST_GENERATION - 1);
        let aged = Handle::new(first.place(), LAST_GENERATION - 1).unwrap();
        assert_eq!(register.remove(aged), Ok(1));
        let last = register.insert(2).unwrap();
        assert_eq!((last.place(), last.generation()), (first.place(), LAST_GENERATION));
        assert_eq!(register.remove(last), Ok(2));
        assert_eq!(register.remove(last), Err(Stale::Removed));
        for value in 0..100 {
            let other = register.insert(value).unwrap();
            assert_ne!(other.place(), first.place());
            assert_eq!(register.insert(value), Err(Full(value)), "the limit is two, and one is used up");
            assert_eq!(register.remove(other), Ok(value));
        }
    }
}

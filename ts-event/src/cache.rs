//! One thread's share of a pool: free slots at hand, without a lock and without an atomic.
//!
//! A cache holds up to two batches of free slots in a stack of pointers. It meets the pool only when the stack is empty or
//! full, and then gets or gives one batch, so that afterwards there is as much to give as to take. A thread that makes and
//! ends events at the same rate never meets the pool, and one that only makes them meets it once a batch.
//!
//! A chain through the free slots would need no stack, but whoever takes a slot would have to wait for its memory to know
//! the next one.

use std::cell::Cell;
use std::fmt;
use std::hint::cold_path;
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};

use crate::begun::Begun;
use crate::call_off::{CallOff, Freed};
use crate::entry::Entry;
use crate::key::Key;
use crate::prefetch;
use crate::slot::{Slot, is_beyond_last};
use crate::slots::{BATCH, Slots, pool_of};

/// Makes and ends events of a [`Slots`] pool on one thread, cheaply.
///
/// It can move to another thread but not be shared. Dropped, it gives its free slots back to the pool.
pub struct Cache<T: 'static> {
    pool: &'static Slots<T>,
    /// The slot that was given back last, if it has not been taken again; or null. It is like one more place on the stack, for
    /// those who make an event and end one in turn: that takes half the steps. It may be used up, unlike those on the stack.
    spare: Cell<*mut Slot<T>>,
    /// How many of `free` are slots.
    count: Cell<usize>,
    /// The first `count` are the cache's own free slots.
    free: [Cell<*mut Slot<T>>; ROOM],
}

/// How many free slots a cache holds at most.
const ROOM: usize = 2 * BATCH;

/// How many slots ahead of the one that is taken are fetched: those that were freed in the order of their times lie
/// anywhere. Fetching a whole batch at once would have to wait for it.
const AHEAD: usize = 8;

// SAFETY: a cache owns the free slots in its stack; there is no `T` in them, and no other way to them.
unsafe impl<T> Send for Cache<T> {}

impl<T> Cache<T> {
    /// An empty share of `pool`.
    #[must_use]
    pub fn new(pool: &'static Slots<T>) -> Self {
        let spare = Cell::new(ptr::null_mut());
        Self { pool, spare, count: Cell::new(0), free: [const { Cell::new(ptr::null_mut()) }; ROOM] }
    }

    /// Puts `value` into a free slot.
    #[inline]
    pub fn entry(&self, value: T) -> Entry<T> {
        self.tagged(value, 0)
    }

    /// Puts `value` into a free slot and leaves `tag` there, as [`Entry::set_tag`] does.
    #[inline(always)]
    pub fn tagged(&self, value: T, tag: u32) -> Entry<T> {
        self.vacant().fill(value, tag)
    }

    /// A free slot at hand: for those who must not fail any more once they have made the value, or want it written
    /// where it is to stay.
    ///
    /// # Examples
    ///
    /// ```
    /// use ts_event::{Cache, Slots};
    ///
    /// static MESSAGES: Slots<String> = Slots::new();
    /// let cache = Cache::new(&MESSAGES);
    ///
    /// let vacant = cache.vacant();
    /// let entry = vacant.fill("hello".to_owned(), 7);
    /// assert_eq!((entry.as_str(), entry.tag()), ("hello", 7));
    /// ```
    #[inline(always)]
    pub fn vacant(&self) -> Vacant<'_, T> {
        let vacant = match self.at_hand() {
            Some(vacant) => vacant,
            None => Vacant::new(self, self.refill()),
        };
        self.fetch_ahead();
        vacant
    }

    /// As [`vacant`](Self::vacant) if that needs nothing from the pool. For those who end as many events as they make: their
    /// slots are near, and no others are asked of the memory in advance.
    #[inline(always)]
    #[must_use]
    pub fn vacant_at_hand(&self) -> Option<Vacant<'_, T>> {
        self.at_hand()
    }

    /// Ends the event and returns its value; see [`Entry`] for what ending means. The slot stays in this
    /// cache.
    #[inline]
    pub fn take(&self, entry: Entry<T>) -> T {
        let (value, slot) = entry.free();
        if let Some(slot) = slot {
            self.put(slot);
        }
        value
    }

    /// Calls off an event that waits, by its owner's hand: ends it, and returns its value and what came of that. The slot stays
    /// in this cache.
    ///
    /// The answer is [`CallOff::BeforeRun`], or [`CallOff::AlreadyCalledOff`] if somebody has called it off by its key before, or
    /// is about to: of all who call an event off, one at most hears the former. It costs a store and a load, where
    /// [`Key::call_off_here`] takes two read-modify-writes.
    ///
    /// # Examples
    ///
    /// ```
    /// use ts_event::{Cache, CallOff, Slots};
    ///
    /// static MESSAGES: Slots<&str> = Slots::new();
    /// let cache = Cache::new(&MESSAGES);
    ///
    /// let entry = cache.entry("never mind");
    /// let key = entry.key();
    /// assert_eq!(cache.call_off(entry), ("never mind", CallOff::BeforeRun));
    /// assert_eq!(key.call_off(), CallOff::AlreadyCalledOff);
    /// ```
    ///
    /// [`Key::call_off_here`]: crate::Key::call_off_here
    #[inline]
    pub fn call_off(&self, entry: Entry<T>) -> (T, CallOff) {
        let (value, answer, slot) = entry.free_off();
        if let Some(slot) = slot {
            self.put(slot);
        }
        (value, answer)
    }

    /// As [`call_off`](Self::call_off), and forgets the event's value, as [`std::mem::forget`] does. The slot is not asked
    /// whether it belongs here.
    ///
    /// # Safety
    ///
    /// The event is of the pool that the cache was made for.
    #[inline(always)]
    pub unsafe fn call_off_own_forgetting(&self, entry: Entry<T>) -> CallOff {
        let (slot, is_used_up, freed, answer) = entry.free_off_forgetting();
        if let Freed::Theirs = freed {
            return answer;
        }
        let count = self.count.get();
        // SAFETY: the slot is free, ours, and of this pool, says the caller; if it goes on the stack there is room.
        unsafe {
            if is_used_up || count == ROOM {
                self.put_away(self.pool, slot);
            } else {
                self.stack(count, slot);
            }
        }
        answer
    }

    /// Ends an event that ran and forgets its value, as [`std::mem::forget`] does: for values with nothing left to drop. The
    /// slot stays in this cache, and is not asked whether it belongs here.
    ///
    /// # Safety
    ///
    /// The event is of the pool that the cache was made for.
    #[inline(always)]
    pub unsafe fn forget_own(&self, begun: Begun<T>) {
        let slot = begun.free_forgetting();
        if self.spare.get().is_null() {
            // Whether it is used up is asked when it is taken, since then its word is needed anyhow.
            return self.spare.set(slot.as_ptr());
        }
        cold_path();
        // SAFETY: the slot is free, ours, and of this pool, says the caller.
        unsafe { self.put_own(slot) };
    }

    /// # Safety
    ///
    /// The slot is free, of this pool, and belongs to the caller, who gives it up.
    #[inline(never)]
    unsafe fn put_own(&self, slot: NonNull<Slot<T>>) {
        let count = self.count.get();
        // SAFETY: slots are never unmapped.
        if count == ROOM || unsafe { slot.as_ref() }.is_used_up() {
            // SAFETY: by contract.
            return unsafe { self.put_away(self.pool, slot) };
        }
        // SAFETY: by contract; `count` is below `ROOM`.
        unsafe { self.stack(count, slot) };
    }

    /// # Safety
    ///
    /// The slot is free, of this pool, and belongs to the caller, who gives it up; `count` is the number of free slots
    /// here, and below `ROOM`.
    #[inline(always)]
    unsafe fn stack(&self, count: usize, slot: NonNull<Slot<T>>) {
        // SAFETY: as the caller says.
        unsafe { self.free.get_unchecked(count) }.set(slot.as_ptr());
        self.count.set(count + 1);
    }

    #[inline(always)]
    fn at_hand(&self) -> Option<Vacant<'_, T>> {
        if let Some(spare) = NonNull::new(self.spare.get()) {
            let vacant = Vacant::new(self, spare);
            if !is_beyond_last(vacant.word) {
                self.spare.set(ptr::null_mut());
                return Some(vacant);
            }
            // It is used up, and forgotten. In line, so that those who get a slot call nothing.
            let _used_up = ManuallyDrop::new(vacant);
            self.spare.set(ptr::null_mut());
        }
        cold_path();
        self.pop().map(|slot| Vacant::new(self, slot))
    }

    #[inline(always)]
    fn pop(&self) -> Option<NonNull<Slot<T>>> {
        let count = self.count.get().checked_sub(1)?;
        self.count.set(count);
        // SAFETY: `count` was not above `ROOM`, and is less by one now; below it stand slots.
        unsafe { Some(NonNull::new_unchecked(self.free.get_unchecked(count).get())) }
    }

    /// Asks the memory for the slot that is taken a few slots later.
    #[inline(always)]
    fn fetch_ahead(&self) {
        if let Some(ahead) = self.count.get().checked_sub(AHEAD) {
            prefetch::slot(self.free[ahead].get());
        }
    }

    #[inline(always)]
    fn put(&self, slot: NonNull<Slot<T>>) {
        // SAFETY: the slot is a slot of a pool, with the provenance of its chunk.
        let home = unsafe { pool_of(slot) };
        let count = self.count.get();
        // SAFETY: slots are never unmapped.
        let is_used_up = unsafe { slot.as_ref() }.is_used_up();
        if !ptr::eq(home, self.pool) || count == ROOM || is_used_up {
            // SAFETY: the slot is free, and ours.
            return unsafe { self.put_away(home, slot) };
        }
        // SAFETY: the slot is free, ours and of this pool; `count` is below `ROOM`.
        unsafe { self.stack(count, slot) };
    }

    /// # Safety
    ///
    /// The slot is free, of the pool `home`, and belongs to the caller, who gives it up.
    #[cold]
    #[inline(never)]
    unsafe fn put_away(&self, home: &'static Slots<T>, slot: NonNull<Slot<T>>) {
        // SAFETY: as the caller says. One that is used up is dropped there.
        unsafe { home.put(slot) };
        if self.count.get() == ROOM {
            self.give(BATCH);
        }
    }

    #[cold]
    #[inline(never)]
    fn refill(&self) -> NonNull<Slot<T>> {
        debug_assert_eq!(self.count.get(), 0);
        let count = self.pool.take_batch(&self.free);
        self.count.set(count);
        for slot in self.free[..count].iter().rev().take(AHEAD) {
            prefetch::slot(slot.get());
        }
        self.pop().expect("a batch is never empty")
    }

    /// Gives slots back to the pool, those first that have been here longest.
    fn give(&self, how_many: usize) {
        // SAFETY: these slots are free and this cache's, hence of this pool and not used up, and leave it: they are written
        // over, or the count goes down.
        unsafe { self.pool.put_batch(&self.free[..how_many]) };
        let left = self.count.get() - how_many;
        for index in 0..left {
            self.free[index].set(self.free[how_many + index].get());
        }
        self.count.set(left);
    }
}

/// A free slot of a [`Cache`]; see [`Cache::vacant`]. Dropped, it goes back.
#[must_use = "it is for an event"]
pub struct Vacant<'a, T: 'static> {
    cache: &'a Cache<T>,
    slot: NonNull<Slot<T>>,
    /// The word it is to have.
    word: u64,
}

impl<'a, T> Vacant<'a, T> {
    /// A slot that is free and was of this cache, which has given it up.
    #[inline(always)]
    fn new(cache: &'a Cache<T>, slot: NonNull<Slot<T>>) -> Self {
        // SAFETY: slots are never unmapped.
        let word = unsafe { slot.as_ref() }.next_word();
        Self { cache, slot, word }
    }

    /// Puts `value` into the slot and leaves `tag` there, as [`Entry::set_tag`] does.
    #[inline(always)]
    pub fn fill(self, value: T, tag: u32) -> Entry<T> {
        self.fill_keyed(value, tag).0
    }

    /// As [`fill`](Self::fill), with the event's key.
    #[inline(always)]
    pub fn fill_keyed(self, value: T, tag: u32) -> (Entry<T>, Key<T>) {
        let this = ManuallyDrop::new(self);
        // SAFETY: the cache owned this free slot and gave it to us, and it is not given back.
        unsafe { Entry::occupy(this.slot, this.word, value, tag) }
    }
}

impl<T> Drop for Vacant<'_, T> {
    fn drop(&mut self) {
        self.cache.put(self.slot);
    }
}

impl<T> fmt::Debug for Vacant<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vacant").finish_non_exhaustive()
    }
}

impl<T> Drop for Cache<T> {
    fn drop(&mut self) {
        if let Some(spare) = NonNull::new(self.spare.replace(ptr::null_mut())) {
            self.put(spare);
        }
        while self.count.get() > 0 {
            self.give(self.count.get().min(BATCH));
        }
    }
}

impl<T> fmt::Debug for Cache<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::slot::{LAST_GENERATION, pack};
    use ts_thread::fence::Asymmetric;
    use ts_thread::sync::atomic::Ordering::Relaxed;

    #[test]
    fn a_spare_slot_whose_generations_are_used_up_is_not_used_again() {
        // In a static, where a search for leaks finds it.
        static SLOTS: std::sync::LazyLock<Slots<u8>> = std::sync::LazyLock::new(Slots::new);
        let Some(fence) = Asymmetric::known() else { return };
        let cache = Cache::new(&SLOTS);
        let entry = cache.entry(0);
        let first = entry.key();
        let waiting = entry.slot().word.load(Relaxed) - pack(first.generation(), 0);
        // As if it had been used until now. (Relaxed: there is no other thread.)
        entry.slot().word.store(pack(LAST_GENERATION, 0) + waiting, Relaxed);
        let begun = entry.run(fence).expect("nobody calls it off");
        // SAFETY: it is of the pool that the cache was made for.
        unsafe { cache.forget_own(begun) };
        let next = cache.vacant_at_hand().expect("the batch that was taken has more").fill(1, 0);
        let others = (0..100).map(|n| cache.entry(n)).chain([next]);
        assert!(others.into_iter().all(|entry| entry.key().to_raw().0 != first.to_raw().0));
    }
}

//! The pool that events live in: slots that are made in chunks, used again and again, and never unmapped.
//!
//! Because a slot stays a slot for the life of the program, a [`Key`] may look at its atomic words at any
//! time, and the generation in them says whether the key still means something. That is what makes calling
//! off safe without counts.
//!
//! # Rules
//! * A chunk lies at a multiple of its size, so that a slot finds its chunk, and the chunk its pool, by
//!   arithmetic.
//! * Free slots are chained through their links. A chain belongs to the pool (under its lock) or to one
//!   [`Cache`].
//! * Chunks hang on a list that only grows; whoever walks it needs no lock.
//! * A slot whose generations are used up is not put away again.
//!
//! # Ordering
//! `[chunk-publish]`: a chunk's slots are made before the chunk hangs on the list. Free slots change hands
//! under the pool's lock, which orders the rest.
//!
//! A map from numbers to boxes would do for keys, but each event would cost an allocation, and each look a
//! lock.
//!
//! [`Cache`]: crate::Cache

use std::alloc::Layout;
use std::cell::Cell;
use std::fmt;
use std::ptr::{self, NonNull};
use std::sync::PoisonError;

use ts_thread::sync::atomic::AtomicPtr;
use ts_thread::sync::atomic::Ordering::{Acquire, Release};
use ts_thread::sync::{Mutex, MutexGuard, const_fn};

use crate::entry::Entry;
use crate::key::Key;
use crate::region::Region;
use crate::slot::Slot;

/// How many slots move between a cache and its pool at once: one lock for so many events.
pub(crate) const BATCH: usize = if cfg!(loom) { 2 } else { 64 };

/// Slots in a chunk, at least. A model leaks its pools, so there they are small.
const CHUNK_SLOTS: usize = if cfg!(loom) { 2 } else { 64 };
/// Bytes in a chunk, at least.
const CHUNK_BYTES: usize = if cfg!(loom) { 1 } else { 16 * 1024 };

/// A process-wide pool of events of one type.
///
/// Put it in a `static`. It grows when it has to and never shrinks: a slot that was freed is used again.
///
/// # Examples
///
/// ```
/// use ts_event::{Cache, Slots};
///
/// static MESSAGES: Slots<String> = Slots::new();
///
/// // From anywhere:
/// let entry = MESSAGES.entry("hello".to_owned());
/// assert_eq!(entry.len(), 5);
/// assert_eq!(MESSAGES.live(), 1);
///
/// // A thread that makes and ends many keeps a share of its own:
/// let cache = Cache::new(&MESSAGES);
/// assert_eq!(cache.take(entry), "hello");
/// let again = cache.entry("hello again".to_owned()); // no lock, no allocation
/// # drop(again);
/// ```
pub struct Slots<T: 'static> {
    newest: AtomicPtr<Chunk<T>>,
    shared: Mutex<Shared<T>>,
}

// SAFETY: values are reached through entries and keys only, which say for themselves where they may go. What
// the pool itself holds is free slots, behind a lock, and atomic words.
unsafe impl<T> Sync for Slots<T> {}
// SAFETY: as for Sync.
unsafe impl<T> Send for Slots<T> {}

/// The free slots that no cache has.
struct Shared<T> {
    loose: Chain<T>,
    /// Full chains of `BATCH` slots, each linked to the next one by the `prev` of its head.
    batches: *mut Slot<T>,
    /// What chunks are made of when there is nothing left. Never dropped: nobody can have a slot of a pool that is not for
    /// ever.
    memory: Region,
}

/// What stands at the start of a chunk.
struct Chunk<T: 'static> {
    pool: &'static Slots<T>,
    older: *mut Chunk<T>,
}

impl<T> Chunk<T> {
    /// Where the first slot stands.
    const FIRST: usize = size_of::<Self>().next_multiple_of(align_of::<Slot<T>>());
    /// Size and alignment of a chunk.
    const BYTES: usize = {
        let wanted = (Self::FIRST + CHUNK_SLOTS * size_of::<Slot<T>>()).next_power_of_two();
        if wanted > CHUNK_BYTES { wanted } else { CHUNK_BYTES }
    };
    const SLOTS: usize = (Self::BYTES - Self::FIRST) / size_of::<Slot<T>>();

    /// # Safety
    ///
    /// `chunk` is a chunk, or memory for one; `index` is below `SLOTS`.
    unsafe fn slot(chunk: NonNull<Self>, index: usize) -> NonNull<Slot<T>> {
        // SAFETY: `FIRST` and `SLOTS` are such that this lies within the chunk.
        unsafe { chunk.byte_add(Self::FIRST).cast::<Slot<T>>().add(index) }
    }
}

/// The pool that `slot` belongs to.
///
/// # Safety
///
/// `slot` is a slot of a chunk, and the pointer has the provenance of the whole chunk.
#[inline]
pub(crate) unsafe fn pool_of<T: 'static>(slot: NonNull<Slot<T>>) -> &'static Slots<T> {
    let chunk = slot.as_ptr().map_addr(|address| address & !(Chunk::<T>::BYTES - 1)).cast::<Chunk<T>>();
    // SAFETY: chunks lie at multiples of their size, so this is the start of the slot's chunk. Its pool was
    // written before any slot was given out, and never changes.
    unsafe { (*chunk).pool }
}

impl<T> Slots<T> {
    const_fn! {
        /// A pool without slots; the first entry makes some.
        #[must_use]
        pub const fn new() -> Self {
            let memory = Region::new(CHUNK_BYTES);
            let shared = Shared { loose: Chain::new(), batches: ptr::null_mut(), memory };
            Self { newest: AtomicPtr::new(ptr::null_mut()), shared: Mutex::new(shared) }
        }
    }

    /// Puts `value` into a free slot. Any thread may call; it takes the pool's lock for a moment.
    pub fn entry(&'static self, value: T) -> Entry<T> {
        let slot = self.take_one();
        // SAFETY: `take_one` gave this free slot to us alone.
        unsafe { Entry::occupy(slot, value, 0) }
    }

    /// How many events there are: entries held and queued, called off or not.
    ///
    /// For diagnostics. It looks at every slot, and what changes meanwhile may be counted or not.
    #[must_use]
    pub fn live(&'static self) -> usize {
        let mut count = 0;
        self.for_each_key(|_| count += 1);
        count
    }

    /// Calls `f` with the key of every event there is. Any thread may call, with no lock held during `f`.
    ///
    /// An event that exists from before the call until after it is met once. One that comes or goes meanwhile
    /// may be met or not.
    pub fn for_each_key(&'static self, mut f: impl FnMut(Key<T>)) {
        // Acquire [chunk-publish]: the slots of each chunk on the list are made.
        let mut chunk = self.newest.load(Acquire);
        while let Some(here) = NonNull::new(chunk) {
            for index in 0..Chunk::<T>::SLOTS {
                // SAFETY: `here` is a chunk of this pool, and the index is below its count.
                let slot = unsafe { Chunk::slot(here, index) };
                // SAFETY: slots are never unmapped.
                if let Some(generation) = unsafe { slot.as_ref() }.occupied_generation() {
                    f(Key::new(slot, generation));
                }
            }
            // SAFETY: `here` is a chunk, and its `older` never changes after it was hung on the list.
            chunk = unsafe { here.as_ref() }.older;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shared<T>> {
        // Nothing under the lock can panic half way, except for want of memory before anything was changed.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_one(&'static self) -> NonNull<Slot<T>> {
        let mut shared = self.lock();
        loop {
            if let Some(slot) = shared.loose.pop() {
                return slot;
            }
            let batch = self.batch(&mut shared);
            shared.loose.set(batch);
        }
    }

    /// A chain of free slots, at least one and `BATCH` at most.
    pub(crate) fn take_batch(&'static self) -> Chain<T> {
        let mut shared = self.lock();
        self.batch(&mut shared)
    }

    fn batch(&'static self, shared: &mut Shared<T>) -> Chain<T> {
        if shared.batches.is_null() && shared.loose.is_empty() {
            self.grow(shared);
        }
        if !shared.loose.is_empty() {
            return shared.loose.take();
        }
        let head = NonNull::new(shared.batches).expect("a pool that has grown has free slots");
        // SAFETY: the slot is free and the pool's, which is locked.
        shared.batches = unsafe { head.as_ref().prev() };
        Chain { head: Cell::new(head.as_ptr()), len: Cell::new(BATCH) }
    }

    /// Puts a free slot away.
    ///
    /// # Safety
    ///
    /// The slot is of this pool, is free, and belongs to the caller, who gives it up.
    #[cold]
    pub(crate) unsafe fn put(&self, slot: NonNull<Slot<T>>) {
        // SAFETY: by contract.
        unsafe { self.lock().put(slot) };
    }

    /// Puts a full chain away.
    ///
    /// # Safety
    ///
    /// The slots are of this pool.
    pub(crate) unsafe fn put_batch(&self, chain: Chain<T>) {
        // SAFETY: by contract; the chain owns its slots.
        unsafe { self.lock().put_chain(chain) };
    }

    /// Makes one chunk: its slots are still in the cache when the first of them are used.
    #[cold]
    fn grow(&'static self, shared: &mut Shared<T>) {
        let layout = Layout::from_size_align(Chunk::<T>::BYTES, Chunk::<T>::BYTES).expect("a power of two");
        let chunk = shared.memory.take(layout).cast::<Chunk<T>>();
        // Acquire [chunk-publish]: not needed for the value, which only changes under the lock we hold, but free.
        let older = self.newest.load(Acquire);
        // SAFETY: the memory is ours, large enough and aligned.
        unsafe { chunk.write(Chunk { pool: self, older }) };
        // Backwards, so that slots are given out in the order of their addresses.
        for index in (0..Chunk::<T>::SLOTS).rev() {
            // SAFETY: as above; a slot is made before it is put away, and belongs to nobody yet.
            unsafe {
                let slot = Chunk::slot(chunk, index);
                slot.write(Slot::new());
                shared.put(slot);
            }
        }
        // Release [chunk-publish]: whoever finds the chunk on the list finds its slots made.
        self.newest.store(chunk.as_ptr(), Release);
    }
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Slots<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slots").finish_non_exhaustive()
    }
}

impl<T> Shared<T> {
    /// # Safety
    ///
    /// The slot is of this pool, is free, and belongs to the caller, who gives it up.
    unsafe fn put(&mut self, slot: NonNull<Slot<T>>) {
        // SAFETY: by contract.
        unsafe { self.loose.push(slot) };
        if self.loose.is_full() {
            let full = self.loose.take();
            // SAFETY: the chain came from this pool's slots.
            unsafe { self.put_chain(full) };
        }
    }

    /// # Safety
    ///
    /// The slots are of this pool.
    unsafe fn put_chain(&mut self, chain: Chain<T>) {
        if chain.is_full() {
            // SAFETY: the chain owns its slots, and now this pool does, which is locked.
            unsafe { (*chain.head.get()).set_prev(self.batches) };
            self.batches = chain.head.get();
            return;
        }
        while let Some(slot) = chain.pop() {
            // SAFETY: by contract.
            unsafe { self.put(slot) };
        }
    }
}

/// Some free slots, chained through their links. Whoever has the chain owns them.
///
/// In cells, each written on its own: it is on the way of every event, and its owner is one thread or a lock.
pub(crate) struct Chain<T> {
    head: Cell<*mut Slot<T>>,
    len: Cell<usize>,
}

impl<T> Chain<T> {
    pub(crate) const fn new() -> Self {
        Self { head: Cell::new(ptr::null_mut()), len: Cell::new(0) }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.head.get().is_null()
    }

    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.len.get() == BATCH
    }

    /// All of it; nothing stays.
    pub(crate) fn take(&self) -> Self {
        Self { head: Cell::new(self.head.replace(ptr::null_mut())), len: Cell::new(self.len.replace(0)) }
    }

    /// Makes this chain the other one; what was here must have been taken.
    pub(crate) fn set(&self, other: Self) {
        debug_assert!(self.is_empty());
        self.head.set(other.head.get());
        self.len.set(other.len.get());
    }

    /// Adds a slot, unless its generations are used up: then it is never used again.
    ///
    /// # Safety
    ///
    /// The slot is free and belongs to the caller, who gives it up.
    #[inline]
    pub(crate) unsafe fn push(&self, slot: NonNull<Slot<T>>) {
        // SAFETY: slots are never unmapped.
        let here = unsafe { slot.as_ref() };
        if here.is_used_up() {
            return;
        }
        // SAFETY: the caller owns the slot.
        unsafe { here.set_next(self.head.get()) };
        self.head.set(slot.as_ptr());
        self.len.set(self.len.get() + 1);
    }

    #[inline]
    pub(crate) fn pop(&self) -> Option<NonNull<Slot<T>>> {
        let slot = NonNull::new(self.head.get())?;
        // SAFETY: the chain owns its slots.
        self.head.set(unsafe { slot.as_ref().next() });
        self.len.set(self.len.get() - 1);
        Some(slot)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::slot::{LAST_GENERATION, pack};
    use ts_thread::sync::atomic::Ordering::Relaxed;

    #[test]
    fn a_slot_whose_generations_are_used_up_is_not_used_again() {
        // In a static, where a search for leaks finds it.
        static SLOTS: std::sync::LazyLock<Slots<u8>> = std::sync::LazyLock::new(Slots::new);
        let slots = &*SLOTS;
        let entry = slots.entry(1);
        let first = entry.key();
        let waiting = entry.slot().word.load(Relaxed) - pack(first.generation(), 0);
        // As if it had been used until now, every time but one. (Relaxed: there is no other thread.)
        entry.slot().word.store(pack(LAST_GENERATION - 1, 0) + waiting, Relaxed);
        drop(entry);
        let last = slots.entry(2);
        assert_eq!(last.key().to_raw(), (first.to_raw().0, LAST_GENERATION));
        drop(last);
        assert!((0..100).map(|n| slots.entry(n)).all(|entry| entry.key().to_raw().0 != first.to_raw().0));
    }
}

//! The pool that events live in: slots that are made in chunks, used again and again, and never unmapped.
//!
//! Because a slot stays a slot for the life of the program, a [`Key`] may look at its atomic words at any
//! time, and the generation in them says whether the key still means something. That is what makes calling
//! off safe without counts.
//!
//! # Rules
//! * A chunk lies at a multiple of its size, so that a slot finds its chunk, and the chunk its pool, by
//!   arithmetic.
//! * Free slots are named in trays, which belong to the pool (under its lock), or in the stack of one [`Cache`].
//!   Between the two only pointers move, and no slot is touched.
//! * Chunks hang on a list that only grows; whoever walks it needs no lock.
//! * A slot whose generations are used up is not put away again.
//! * Chunks have numbers, and with them slots: see `word.rs`.
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
use crate::word::Directory;

/// How many slots move between a cache and its pool at once: one lock for so many events.
///
/// With so many a tray is 512 bytes.
pub(crate) const BATCH: usize = if cfg!(loom) { 2 } else { 62 };

/// Slots in a chunk, at least. A model leaks its pools, so there they are small.
const CHUNK_SLOTS: usize = if cfg!(loom) { 2 } else { 64 };
/// Bytes in a chunk, at least.
const CHUNK_BYTES: usize = if cfg!(loom) { 1 } else { 16 * 1024 };

/// Bytes of a cache line.
const LINE: usize = 64;

/// Bytes of the first trays.
const TRAY_BYTES: usize = if cfg!(loom) { 1 } else { 1024 };

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
    pub(crate) directory: Directory<Chunk<T>>,
    shared: Mutex<Shared<T>>,
}

// SAFETY: values are reached through entries and keys only, which say for themselves where they may go. What
// the pool itself holds is free slots, behind a lock, and atomic words.
unsafe impl<T> Sync for Slots<T> {}
// SAFETY: as for Sync.
unsafe impl<T> Send for Slots<T> {}

/// The free slots that no cache has.
struct Shared<T> {
    /// Trays with free slots, all full but the first.
    trays: *mut Tray<T>,
    /// Trays with nothing on them.
    bare: *mut Tray<T>,
    /// What trays are made of, and chunks. Never dropped: nobody can have a slot of a pool that is not for ever.
    tray_memory: Region,
    memory: Region,
}

/// Some free slots.
struct Tray<T> {
    next: *mut Tray<T>,
    len: usize,
    /// The first `len` are slots.
    slots: [*mut Slot<T>; BATCH],
}

/// What stands at the start of a chunk.
pub(crate) struct Chunk<T: 'static> {
    pool: &'static Slots<T>,
    older: *mut Chunk<T>,
    /// From zero on, in the order in which they were made.
    number: usize,
}

impl<T> Chunk<T> {
    /// Where the first slot stands: such that slots of a cache line or a part of it lie within one.
    const FIRST: usize = {
        let part = 1 << size_of::<Slot<T>>().trailing_zeros();
        size_of::<Self>().next_multiple_of(if part < LINE { part } else { LINE })
    };
    /// Size and alignment of a chunk.
    const BYTES: usize = {
        let wanted = (Self::FIRST + CHUNK_SLOTS * size_of::<Slot<T>>()).next_power_of_two();
        if wanted > CHUNK_BYTES { wanted } else { CHUNK_BYTES }
    };
    pub(crate) const SLOTS: usize = (Self::BYTES - Self::FIRST) / size_of::<Slot<T>>();
    /// The first place, of those as long as a slot, that is one.
    pub(crate) const FIRST_PLACE: usize = Self::FIRST / size_of::<Slot<T>>();
    /// No slot has this place, or a higher one; a power of two.
    pub(crate) const PLACES: usize = (Self::FIRST_PLACE + Self::SLOTS).next_power_of_two();

    /// # Safety
    ///
    /// `chunk` is a chunk, or memory for one; `index` is below `SLOTS`.
    pub(crate) unsafe fn slot(chunk: NonNull<Self>, index: usize) -> NonNull<Slot<T>> {
        // SAFETY: `FIRST` and `SLOTS` are such that this lies within the chunk.
        unsafe { chunk.byte_add(Self::FIRST).cast::<Slot<T>>().add(index) }
    }
}

/// The chunk that `slot` lies in.
#[inline]
fn chunk_of<T: 'static>(slot: NonNull<Slot<T>>) -> *const Chunk<T> {
    slot.as_ptr().map_addr(|address| address & !(Chunk::<T>::BYTES - 1)).cast::<Chunk<T>>()
}

/// The pool that `slot` belongs to.
///
/// # Safety
///
/// `slot` is a slot of a chunk, and the pointer has the provenance of the whole chunk.
#[inline]
pub(crate) unsafe fn pool_of<T: 'static>(slot: NonNull<Slot<T>>) -> &'static Slots<T> {
    // SAFETY: chunks lie at multiples of their size, so this is the start of the slot's chunk. Its pool was
    // written before any slot was given out, and never changes.
    unsafe { (*chunk_of(slot)).pool }
}

/// The number of the chunk that `slot` lies in, and which of its places it is; the first ones are those of the chunk's head.
///
/// # Safety
///
/// As for [`pool_of`].
#[inline]
pub(crate) unsafe fn place_of<T: 'static>(slot: NonNull<Slot<T>>) -> (usize, usize) {
    let bytes = slot.addr().get() & (Chunk::<T>::BYTES - 1);
    // SAFETY: as in `pool_of`; the number never changes either.
    (unsafe { (*chunk_of(slot)).number }, bytes / size_of::<Slot<T>>())
}

impl<T> Slots<T> {
    const_fn! {
        /// A pool without slots; the first entry makes some.
        #[must_use]
        pub const fn new() -> Self {
            let memory = Region::new(CHUNK_BYTES);
            let tray_memory = Region::new(TRAY_BYTES);
            let shared = Shared { trays: ptr::null_mut(), bare: ptr::null_mut(), tray_memory, memory };
            let directory = Directory::new();
            Self { newest: AtomicPtr::new(ptr::null_mut()), directory, shared: Mutex::new(shared) }
        }
    }

    /// Puts `value` into a free slot. Any thread may call; it takes the pool's lock for a moment.
    pub fn entry(&'static self, value: T) -> Entry<T> {
        let slot = self.take_one();
        // SAFETY: `take_one` gave this free slot to us alone.
        unsafe { Entry::occupy(slot, slot.as_ref().next_word(), value, 0).0 }
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
            if let Some(slot) = shared.pop() {
                return slot;
            }
            self.grow(&mut shared);
        }
    }

    /// Free slots: writes them to the start of `stack`, at least one and `BATCH` at most, and says how many.
    pub(crate) fn take_batch(&'static self, stack: &[Cell<*mut Slot<T>>]) -> usize {
        let mut shared = self.lock();
        loop {
            let count = shared.take_tray(stack);
            if count > 0 {
                return count;
            }
            self.grow(&mut shared);
        }
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

    /// Puts free slots away.
    ///
    /// # Safety
    ///
    /// These are slots of this pool that are free and not used up, and belong to the caller, who gives them up.
    pub(crate) unsafe fn put_batch(&self, slots: &[Cell<*mut Slot<T>>]) {
        let mut shared = self.lock();
        match slots.try_into() {
            Ok(full) => shared.push_tray(full),
            Err(_) => slots.iter().for_each(|slot| shared.push(slot.get())),
        }
    }

    /// Makes one chunk: its slots are still in the cache when the first of them are used.
    #[cold]
    fn grow(&'static self, shared: &mut Shared<T>) {
        let layout = Layout::from_size_align(Chunk::<T>::BYTES, Chunk::<T>::BYTES).expect("a power of two");
        let chunk = shared.memory.take(layout).cast::<Chunk<T>>();
        // Acquire [chunk-publish]: not needed for the value, which only changes under the lock we hold, but free.
        let older = self.newest.load(Acquire);
        // SAFETY: `older` is a chunk, if it is one at all, and its number never changes.
        let number = unsafe { older.as_ref() }.map_or(0, |older| older.number + 1);
        // SAFETY: the memory is ours, large enough and aligned.
        unsafe { chunk.write(Chunk { pool: self, older, number }) };
        // Backwards, so that slots are given out in the order of their addresses.
        let mut index = Chunk::<T>::SLOTS;
        while index > 0 {
            for place in shared.room(index) {
                index -= 1;
                // SAFETY: as above; a slot is made before it is put away, and belongs to nobody yet.
                unsafe {
                    let slot = Chunk::slot(chunk, index);
                    slot.write(Slot::new());
                    *place = slot.as_ptr();
                }
            }
        }
        self.directory.enter(number, chunk);
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
    /// Puts a slot away, unless its generations are used up: then it is never used again.
    ///
    /// # Safety
    ///
    /// The slot is of this pool, is free, and belongs to the caller, who gives it up.
    unsafe fn put(&mut self, slot: NonNull<Slot<T>>) {
        // SAFETY: slots are never unmapped.
        if !unsafe { slot.as_ref() }.is_used_up() {
            self.push(slot.as_ptr());
        }
    }

    fn push(&mut self, slot: *mut Slot<T>) {
        self.room(1)[0] = slot;
    }

    /// Places on the first tray for so many slots, or as many as it has room for, one at least. The caller puts slots there.
    fn room(&mut self, wanted: usize) -> &mut [*mut Slot<T>] {
        // SAFETY: trays are the pool's, which is locked, and are never given back; `len` is below `BATCH` where it is used.
        unsafe {
            let mut tray = self.trays;
            if tray.is_null() || (*tray).len == BATCH {
                tray = self.bare_tray();
                (*tray).next = self.trays;
                self.trays = tray;
            }
            let tray = &mut *tray;
            let from = tray.len;
            tray.len = BATCH.min(from + wanted);
            &mut tray.slots[from..tray.len]
        }
    }

    fn push_tray(&mut self, full: &[Cell<*mut Slot<T>>; BATCH]) {
        let tray = self.bare_tray();
        // SAFETY: as in `push`. It comes behind the first tray, which alone may have room.
        unsafe {
            for (place, slot) in (*tray).slots.iter_mut().zip(full) {
                *place = slot.get();
            }
            (*tray).len = BATCH;
            let behind = if self.trays.is_null() { &raw mut self.trays } else { &raw mut (*self.trays).next };
            (*tray).next = behind.read();
            behind.write(tray);
        }
    }

    fn pop(&mut self) -> Option<NonNull<Slot<T>>> {
        let tray = NonNull::new(self.trays)?.as_ptr();
        // SAFETY: as in `push`; a tray in `trays` has something on it.
        unsafe {
            (*tray).len -= 1;
            let slot = (*tray).slots[(*tray).len];
            if (*tray).len == 0 {
                self.clear_first();
            }
            NonNull::new(slot)
        }
    }

    /// All that is on the first tray; how many that are, perhaps none.
    fn take_tray(&mut self, stack: &[Cell<*mut Slot<T>>]) -> usize {
        let Some(tray) = NonNull::new(self.trays) else { return 0 };
        // SAFETY: as in `push`.
        let (slots, count) = unsafe { (&tray.as_ref().slots, tray.as_ref().len) };
        for (place, slot) in stack.iter().zip(&slots[..count]) {
            place.set(*slot);
        }
        self.clear_first();
        count
    }

    /// Puts the first tray to those with nothing on them; the caller has taken what was.
    fn clear_first(&mut self) {
        let tray = self.trays;
        // SAFETY: as in `push`; the caller has seen the tray.
        unsafe {
            self.trays = (*tray).next;
            (*tray).len = 0;
            (*tray).next = self.bare;
        }
        self.bare = tray;
    }

    fn bare_tray(&mut self) -> *mut Tray<T> {
        if let Some(tray) = NonNull::new(self.bare) {
            // SAFETY: as in `push`.
            self.bare = unsafe { tray.as_ref() }.next;
            return tray.as_ptr();
        }
        let tray = self.tray_memory.take(Layout::new::<Tray<T>>()).cast::<Tray<T>>().as_ptr();
        // SAFETY: the memory is ours, large enough and aligned.
        unsafe { tray.write(Tray { next: ptr::null_mut(), len: 0, slots: [ptr::null_mut(); BATCH] }) };
        tray
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

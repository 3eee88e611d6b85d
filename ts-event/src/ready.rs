//! The ready list: what runs next, in order, with a way out of the middle.

use std::fmt;

use crate::entry::Entry;
use crate::key::Key;
use crate::list::List;
use crate::place::{Place, mark_out};

/// A first-in-first-out list of entries from which any can be taken out by its key.
///
/// All operations take the same time however long the list is, but for [`append`](Self::append). Nothing
/// allocates. Dropped, it drops the entries in it.
///
/// # Examples
///
/// ```
/// use ts_event::{Ready, Slots};
///
/// static JOBS: Slots<u32> = Slots::new();
///
/// let mut ready = Ready::new();
/// let second = JOBS.entry(2);
/// let key = second.key();
/// ready.push_back(JOBS.entry(1));
/// ready.push_back(second);
/// ready.push_back(JOBS.entry(3));
///
/// assert_eq!(ready.remove(key).map(|entry| *entry), Some(2));
/// assert!(ready.remove(key).is_none());
/// assert_eq!(ready.pop_front().map(|entry| *entry), Some(1));
/// assert_eq!(ready.len(), 1);
/// ```
pub struct Ready<T: 'static> {
    list: List<T>,
    len: usize,
    place: Place,
}

// SAFETY: the list owns the entries in it and nothing else, so it may go where they may.
unsafe impl<T: Send> Send for Ready<T> {}

impl<T> Ready<T> {
    /// An empty list.
    #[must_use]
    pub fn new() -> Self {
        Self { list: List::new(), len: 0, place: Place::new() }
    }

    /// How many entries there are.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds an entry behind all others.
    #[inline]
    pub fn push_back(&mut self, entry: Entry<T>) {
        self.place.mark(entry.slot(), 0);
        self.list.push_back(entry);
        self.len += 1;
    }

    /// Adds an entry before all others.
    #[inline]
    pub fn push_front(&mut self, entry: Entry<T>) {
        self.place.mark(entry.slot(), 0);
        self.list.push_front(entry);
        self.len += 1;
    }

    /// Takes out the first entry.
    #[inline]
    pub fn pop_front(&mut self) -> Option<Entry<T>> {
        let entry = self.list.pop_front()?;
        mark_out(entry.slot());
        self.len -= 1;
        Some(entry)
    }

    /// Takes out the entry that `key` means, if it is in this list.
    pub fn remove(&mut self, key: Key<T>) -> Option<Entry<T>> {
        self.place.find(key)?;
        self.len -= 1;
        // SAFETY: the slot is marked as lying here, so it is in the list, and it is taken out once.
        let entry = unsafe {
            self.list.unlink(key.slot_ptr());
            Entry::from_slot(key.slot_ptr())
        };
        mark_out(entry.slot());
        Some(entry)
    }

    /// Moves all entries of `other` behind those of this list, in their order. Touches each of them.
    pub fn append(&mut self, other: &mut Self) {
        while let Some(entry) = other.pop_front() {
            self.push_back(entry);
        }
    }
}

impl<T> Default for Ready<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Drop for Ready<T> {
    fn drop(&mut self) {
        while self.pop_front().is_some() {}
    }
}

impl<T> fmt::Debug for Ready<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ready").field("len", &self.len).finish_non_exhaustive()
    }
}

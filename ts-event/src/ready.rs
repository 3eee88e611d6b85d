//! The ready list: what runs next, in order, with a way out of the middle.
//!
//! A ring of pointers to slots. Putting an entry in writes one pointer and the entry's position, taking it out reads one
//! pointer: the slots themselves are not linked to each other, so what lies in the list is touched when it comes and
//! when it goes, and never because its neighbour does. And what comes after the next one is known, so it can be asked of
//! the memory in good time.
//!
//! # Rules
//! * Positions are numbers that only grow at the back and only shrink at the front; the ring has the entry of position
//!   `p` at `p` modulo its size, which is a power of two.
//! * Between `head` and `tail` stands an entry or a hole: null, where one was taken out of the middle. At `head` there is
//!   never a hole.
//! * `limit` is behind `tail` or at it, and no further from `head` than the ring is long: positions before it can be taken
//!   without asking where the head is. It is moved on when the tail has come to it.
//! * An entry's slot says its position. Nothing has to be wiped out when it leaves: the ring says whether it is there.
//! * An entry that is alone need not go through the ring. While `only` is not [`CLOSED`] the ring is empty, `limit` is at
//!   `tail`, so that whoever adds an entry looks here, and the entry that is in the list, if one is, stands in `only`. The
//!   second one ends that; it begins in [`settle`](Ready::settle), so that two that take turns do not pay for it.
//!
//! A linked list through the slots needs no memory of its own, but each step of it writes to two neighbours.

use std::fmt;
use std::hint::cold_path;
use std::ptr::{self, NonNull};

use crate::entry::Entry;
use crate::key::Key;
use crate::place;
use crate::prefetch;
use crate::slot::{Slot, generation_of};

/// How many entries the first ring has room for.
const FIRST_ROOM: usize = 64;

/// How far ahead of what is taken out the memory is asked for: about as many runs as one miss lasts.
const AHEAD: u64 = 4;

/// In the place of the only entry: the list is the ring. Not null, so that one question finds that place free.
const CLOSED: usize = 1;

/// Where positions begin: in the middle, since they grow at both ends.
const FIRST_POSITION: u64 = 1 << 63;

/// A first-in-first-out list of entries from which any can be taken out by its key.
///
/// All operations take the same time however long the list is, but for [`append`](Self::append) and for the growth of
/// the list beyond any length it has had, which moves a pointer for each entry. It never shrinks. Dropped, it drops the
/// entries in it.
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
    ring: Box<[*mut Slot<T>]>,
    /// The size of the ring less one; without a ring it is not used.
    mask: u64,
    /// The position of the first entry.
    head: u64,
    /// The position behind the last one.
    tail: u64,
    /// How many of the positions between them are holes.
    holes: u64,
    /// Up to which position there is room, as far as was looked.
    limit: u64,
    /// The entry that is alone in the list, or null if there is none, or [`CLOSED`].
    only: *mut Slot<T>,
}

// SAFETY: the list owns the entries in it and nothing else, so it may go where they may.
unsafe impl<T: Send> Send for Ready<T> {}

impl<T> Ready<T> {
    /// An empty list.
    #[must_use]
    pub fn new() -> Self {
        let (head, tail, limit) = (FIRST_POSITION, FIRST_POSITION, FIRST_POSITION);
        let only = ptr::without_provenance_mut(CLOSED);
        Self { ring: Box::default(), mask: u64::MAX, head, tail, holes: 0, limit, only }
    }

    /// How many entries there are.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        (self.tail - self.head - self.holes) as usize + usize::from(self.has_only())
    }

    /// Whether there are none.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        // A hole is never the first, so there is an entry or nothing.
        self.head == self.tail && !self.has_only()
    }

    /// Whether an entry is alone in the list, outside of the ring.
    #[inline(always)]
    fn has_only(&self) -> bool {
        self.only.addr() > CLOSED
    }

    /// Adds an entry behind all others.
    #[inline(always)]
    pub fn push_back(&mut self, entry: Entry<T>) {
        if self.tail == self.limit {
            if self.only.is_null() {
                self.only = entry.into_slot().as_ptr();
                return;
            }
            self.make_room();
        }
        self.push_into_ring(entry);
    }

    /// Adds an entry to the ring, where there is room.
    #[inline(always)]
    fn push_into_ring(&mut self, entry: Entry<T>) {
        let position = self.tail;
        place::mark_position(entry.slot(), position);
        *self.at(position) = entry.into_slot().as_ptr();
        self.tail = position + 1;
    }

    /// For whoever runs many entries and comes by now and then: if there is one entry or none, those to come take a shorter
    /// way from here on, as long as each finds itself alone. Nothing else is different.
    ///
    /// # Examples
    ///
    /// ```
    /// use ts_event::{Ready, Slots};
    ///
    /// static JOBS: Slots<u32> = Slots::new();
    ///
    /// let mut ready = Ready::new();
    /// ready.push_back(JOBS.entry(1));
    /// ready.settle();
    /// for _ in 0..100 {
    ///     let again = ready.pop_front().expect("it is alone");
    ///     ready.push_back(again);
    /// }
    /// ready.push_back(JOBS.entry(2));
    /// assert_eq!(ready.pop_front().map(|entry| *entry), Some(1));
    /// ```
    #[inline]
    pub fn settle(&mut self) {
        if self.only.addr() != CLOSED || self.tail - self.head > 1 || self.ring.is_empty() {
            return;
        }
        self.only = ptr::null_mut();
        if self.head != self.tail {
            self.only = *self.at(self.head);
            self.head = self.tail;
        }
        self.limit = self.tail;
    }

    /// Room for one more entry at the end, if it is known without a look that there is: for those who must not fail any more
    /// once they have made the entry, and have another way.
    ///
    /// # Examples
    ///
    /// ```
    /// use ts_event::{Ready, Slots};
    ///
    /// static JOBS: Slots<u32> = Slots::new();
    ///
    /// let mut ready = Ready::new();
    /// assert!(ready.room().is_none(), "the first entry makes room for more");
    /// ready.push_back(JOBS.entry(1));
    /// ready.room().expect("there is now").push(JOBS.entry(2));
    /// assert_eq!(ready.len(), 2);
    /// ```
    #[inline(always)]
    pub fn room(&mut self) -> Option<Room<'_, T>> {
        let in_ring = self.tail != self.limit;
        if in_ring || self.only.is_null() { Some(Room { ready: self, in_ring }) } else { None }
    }

    /// Calls `f` with what [`room`](Self::room) gives. Of `f` there is a copy for each kind of room, so that within it nobody
    /// asks any more which it is: for those who count their steps.
    ///
    /// # Examples
    ///
    /// ```
    /// use ts_event::{Ready, Slots};
    ///
    /// static JOBS: Slots<u32> = Slots::new();
    ///
    /// let mut ready = Ready::new();
    /// ready.push_back(JOBS.entry(1));
    /// assert!(ready.with_room(|room| Some(room.push(JOBS.entry(2)))).is_some());
    /// assert_eq!(ready.len(), 2);
    /// ```
    #[inline(always)]
    pub fn with_room<R>(&mut self, mut f: impl FnMut(Room<'_, T>) -> Option<R>) -> Option<R> {
        if self.tail != self.limit {
            f(Room { ready: self, in_ring: true })
        } else if self.only.is_null() {
            f(Room { ready: self, in_ring: false })
        } else {
            cold_path();
            None
        }
    }

    /// Adds an entry before all others.
    #[inline]
    pub fn push_front(&mut self, entry: Entry<T>) {
        self.open_ring();
        if self.tail == self.end_of_room() {
            self.grow();
        }
        let position = self.head - 1;
        place::mark_position(entry.slot(), position);
        *self.at(position) = entry.into_slot().as_ptr();
        self.head = position;
        self.limit = self.limit.min(self.end_of_room());
    }

    /// Takes out the first entry.
    #[inline(always)]
    pub fn pop_front(&mut self) -> Option<Entry<T>> {
        if self.head == self.tail {
            return self.pop_only();
        }
        let slot = *self.at(self.head);
        // By the time it is needed the one a few places further on will be in the cache. Its place may be empty, or long left.
        prefetch::slot(*self.at(self.head + AHEAD));
        self.head += 1;
        if self.holes > 0 {
            cold_path();
            self.skip_holes();
        }
        // SAFETY: at the head of a list that is not empty stands an entry, which the list owns; the step above takes it
        // out.
        Some(unsafe { Entry::from_slot(NonNull::new_unchecked(slot)) })
    }

    /// Takes out the entry that is alone in the list.
    #[inline(always)]
    fn pop_only(&mut self) -> Option<Entry<T>> {
        if !self.has_only() {
            cold_path();
            return None;
        }
        let slot = std::mem::replace(&mut self.only, ptr::null_mut());
        // SAFETY: what is neither null nor `CLOSED` is a slot whose entry the list owns; it is taken out here.
        Some(unsafe { Entry::from_slot(NonNull::new_unchecked(slot)) })
    }

    /// Takes out the entry that `key` means, if it is in this list.
    pub fn remove(&mut self, key: Key<T>) -> Option<Entry<T>> {
        if self.only == key.slot_ptr().as_ptr() {
            // The slot is that of an entry of this list, so its generation stands still.
            let is_it = generation_of(key.slot().own_word()) == key.generation();
            return if is_it { self.pop_only() } else { None };
        }
        let position = place::find_position(key, self.head)?;
        let is_here =
            (self.head..self.tail).contains(&position) && *self.at(position) == key.slot_ptr().as_ptr();
        if !is_here {
            return None;
        }
        *self.at(position) = ptr::null_mut();
        self.holes += 1;
        self.skip_holes();
        // SAFETY: the slot stood in the ring, hence it was an entry of this list, and it is taken out once.
        Some(unsafe { Entry::from_slot(key.slot_ptr()) })
    }

    /// The values of the first `count` entries, in order, or of all if there are fewer; their slots have been asked of the
    /// memory, and nobody has waited for them yet. For those who know what such a value needs in its turn.
    pub fn look_ahead(&self, count: usize) -> impl Iterator<Item = &T> {
        let end = self.tail.min(self.head.saturating_add(count as u64));
        let only = (self.has_only() && count > 0).then_some(self.only);
        let slots = (self.head..end).map(|position| self.ring[self.index(position)]).chain(only);
        slots.clone().for_each(|slot| prefetch::slot(slot));
        // SAFETY: a slot in the ring is that of an entry of this list, which is borrowed as long as the value is.
        slots.filter_map(|slot| Some(unsafe { &*NonNull::new(slot)?.as_ref().value() }))
    }

    /// Moves all entries of `other` behind those of this list, in their order. Touches each of them.
    pub fn append(&mut self, other: &mut Self) {
        while let Some(entry) = other.pop_front() {
            self.push_back(entry);
        }
    }

    /// The position of the first entry.
    #[inline]
    pub(crate) fn head(&self) -> u64 {
        self.head
    }

    /// The position behind the last one.
    #[inline]
    pub(crate) fn tail(&self) -> u64 {
        self.tail
    }

    #[inline(always)]
    fn index(&self, position: u64) -> usize {
        (position & self.mask) as usize
    }

    #[inline(always)]
    fn at(&mut self, position: u64) -> &mut *mut Slot<T> {
        let index = self.index(position);
        debug_assert!(index < self.ring.len());
        // SAFETY: a position exists only in a ring that has room for it, and then the mask is the length less one.
        unsafe { self.ring.get_unchecked_mut(index) }
    }

    /// The position that the next turn of the ring's first entry would have.
    #[inline]
    fn end_of_room(&self) -> u64 {
        self.head + self.ring.len() as u64
    }

    /// Moves the limit on, whatever that takes; from here on the list is the ring.
    #[cold]
    #[inline(never)]
    fn make_room(&mut self) {
        self.open_ring();
        self.limit = self.end_of_room();
        if self.tail == self.limit {
            self.grow();
        }
    }

    /// Makes the list the ring, with the entry in it that was alone.
    #[inline]
    fn open_ring(&mut self) {
        let only = std::mem::replace(&mut self.only, ptr::without_provenance_mut(CLOSED));
        if only.addr() == CLOSED {
            return;
        }
        self.limit = self.end_of_room();
        if !only.is_null() {
            // SAFETY: a slot whose entry the list owns; it was taken out above. The ring is there, and empty.
            self.push_into_ring(unsafe { Entry::from_slot(NonNull::new_unchecked(only)) });
        }
    }

    /// Makes an entry the first again, or the list empty.
    #[cold]
    fn skip_holes(&mut self) {
        while self.head != self.tail && self.at(self.head).is_null() {
            self.head += 1;
            self.holes -= 1;
        }
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self) {
        let room = (self.ring.len() * 2).max(FIRST_ROOM);
        let old = std::mem::replace(&mut self.ring, vec![ptr::null_mut(); room].into_boxed_slice());
        let old_mask = std::mem::replace(&mut self.mask, room as u64 - 1);
        // Each keeps its position: that is what its slot says.
        for position in self.head..self.tail {
            *self.at(position) = old[(position & old_mask) as usize];
        }
        self.limit = self.end_of_room();
    }
}

/// Room for one entry; see [`Ready::room`].
pub struct Room<'a, T: 'static> {
    ready: &'a mut Ready<T>,
    /// There is room in the ring; if not, the entry is to be the only one.
    in_ring: bool,
}

impl<T> Room<'_, T> {
    /// Adds an entry behind all others.
    #[inline(always)]
    pub fn push(self, entry: Entry<T>) {
        if self.in_ring {
            self.ready.push_into_ring(entry);
        } else {
            self.ready.only = entry.into_slot().as_ptr();
        }
    }
}

impl<T> fmt::Debug for Room<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Room").finish_non_exhaustive()
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
        f.debug_struct("Ready").field("len", &self.len()).finish_non_exhaustive()
    }
}

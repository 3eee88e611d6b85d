//! The poll list: entries that want a look once in every turn of the loop.
//!
//! There are two lists inside: the one of this turn, which only gets shorter, and the one of the next, into
//! which everything new is sorted. So an entry that is put back while its turn goes on is not met again in
//! that turn.

use std::collections::BTreeMap;
use std::fmt;
use std::{mem, ptr};

use crate::entry::Entry;
use crate::key::Key;
use crate::place::{Place, mark_out};

/// Entries that come up once a turn, lowest order first, equal ones in the order they came.
///
/// Putting in and taking out takes longer the more entries there are, as in a map: poll entries are few. Dropped, it drops
/// the entries in it.
///
/// # Examples
///
/// ```
/// use ts_event::{PollList, Slots};
///
/// static PROBES: Slots<&str> = Slots::new();
///
/// let mut polls = PollList::new();
/// polls.insert(PROBES.entry("second"), 20);
/// polls.insert(PROBES.entry("first"), 10);
///
/// for _turn in 0..3 {
///     let mut seen = Vec::new();
///     polls.begin_turn();
///     while let Some((entry, order)) = polls.take_next() {
///         seen.push(*entry);
///         polls.insert(entry, order); // for the next turn
///     }
///     assert_eq!(seen, ["first", "second"]);
/// }
/// ```
pub struct PollList<T: 'static> {
    /// This turn's.
    turn: List<T>,
    next: List<T>,
    /// The number of the entry that comes next.
    number: u64,
}

/// Entries by their order, equal ones by a number; a slot has the two as its filing number and its link.
struct List<T: 'static> {
    entries: BTreeMap<(u64, u64), Entry<T>>,
    place: Place,
}

impl<T> List<T> {
    fn new() -> Self {
        Self { entries: BTreeMap::new(), place: Place::new() }
    }

    fn insert(&mut self, entry: Entry<T>, order: u64, number: u64) {
        // SAFETY: the entry owns its slot's plain part, and is ours.
        unsafe {
            entry.slot().set_filed(order);
            entry.slot().set_link(ptr::without_provenance_mut::<()>(number as usize));
        }
        self.place.mark(entry.slot());
        self.entries.insert((order, number), entry);
    }

    fn pop(&mut self) -> Option<(Entry<T>, u64)> {
        let ((order, _), entry) = self.entries.pop_first()?;
        mark_out(entry.slot());
        Some((entry, order))
    }

    fn remove(&mut self, key: Key<T>) -> Option<Entry<T>> {
        if !self.place.has(key) {
            return None;
        }
        // SAFETY: the slot is marked as lying here, so its plain part is this list's.
        let at = unsafe { (key.slot().filed(), key.slot().link::<()>().addr() as u64) };
        let entry = self.entries.remove(&at)?;
        mark_out(entry.slot());
        Some(entry)
    }
}

impl<T> PollList<T> {
    /// An empty list.
    #[must_use]
    pub fn new() -> Self {
        Self { turn: List::new(), next: List::new(), number: 0 }
    }

    /// How many entries there are, of this turn and the next.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.turn.entries.len() + self.next.entries.len()
    }

    /// Whether there are none.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts an entry in, for the turn that begins next.
    pub fn insert(&mut self, entry: Entry<T>, order: u64) {
        self.number += 1;
        self.next.insert(entry, order, self.number);
    }

    /// Begins a turn of all entries, and returns how many that are. What is left of the turn before comes
    /// first, alone.
    pub fn begin_turn(&mut self) -> usize {
        if self.turn.entries.is_empty() {
            mem::swap(&mut self.turn, &mut self.next);
        }
        self.turn.entries.len()
    }

    /// Takes out the next entry of this turn, with the order it was put in with.
    pub fn take_next(&mut self) -> Option<(Entry<T>, u64)> {
        self.turn.pop()
    }

    /// Takes out some entry, whichever is at hand; for those who want them all out.
    pub fn pop_any(&mut self) -> Option<Entry<T>> {
        self.turn.pop().or_else(|| self.next.pop()).map(|(entry, _)| entry)
    }

    /// Takes out the entry that `key` means, if it is in this list.
    pub fn remove(&mut self, key: Key<T>) -> Option<Entry<T>> {
        self.turn.remove(key).or_else(|| self.next.remove(key))
    }
}

impl<T> Default for PollList<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Drop for PollList<T> {
    fn drop(&mut self) {
        while self.pop_any().is_some() {}
    }
}

impl<T> fmt::Debug for PollList<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PollList").field("len", &self.len()).finish_non_exhaustive()
    }
}

//! The poll list: entries that want a look once in every turn of the loop.
//!
//! There are two lists inside: the one of this turn, which only gets shorter, and the one of the next, into
//! which everything new is sorted. So an entry that is put back while its turn goes on is not met again in
//! that turn.

use std::fmt;
use std::ptr::NonNull;

use crate::entry::Entry;
use crate::key::Key;
use crate::list::List;
use crate::place::{Place, mark_out};

/// Entries that come up once a turn, lowest order first, equal ones in the order they came.
///
/// Putting one in goes back over those with a higher order, so putting back in order is one step. Taking out
/// is one step. Dropped, it drops the entries in it.
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
    lists: [List<T>; 2],
    lens: [usize; 2],
    /// Which of the two is this turn's.
    turn: usize,
    place: Place,
}

// SAFETY: the lists own the entries in them and nothing else, so they may go where these may.
unsafe impl<T: Send> Send for PollList<T> {}

impl<T> PollList<T> {
    /// An empty list.
    #[must_use]
    pub fn new() -> Self {
        Self { lists: [List::new(), List::new()], lens: [0, 0], turn: 0, place: Place::new() }
    }

    /// How many entries there are, of this turn and the next.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.lens[0] + self.lens[1]
    }

    /// Whether there are none.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts an entry in, for the turn that begins next.
    pub fn insert(&mut self, entry: Entry<T>, order: u64) {
        let next = 1 - self.turn;
        let list = &mut self.lists[next];
        let slot = entry.into_slot();
        let mut before = list.tail();
        // SAFETY: the entry owned `slot` and is given up for it; the list owns what is in it, like `before`.
        unsafe {
            slot.as_ref().set_filed(order);
            self.place.mark(slot.as_ref(), next as u16);
            while let Some(there) = NonNull::new(before) {
                if there.as_ref().filed() <= order {
                    break;
                }
                before = there.as_ref().prev();
            }
            list.link_behind(before, slot);
        }
        self.lens[next] += 1;
    }

    /// Begins a turn of all entries, and returns how many that are. What is left of the turn before comes
    /// first, alone.
    pub fn begin_turn(&mut self) -> usize {
        if self.lens[self.turn] == 0 {
            self.turn = 1 - self.turn;
        }
        self.lens[self.turn]
    }

    /// Takes out the next entry of this turn, with the order it was put in with.
    pub fn take_next(&mut self) -> Option<(Entry<T>, u64)> {
        let entry = self.pop(self.turn)?;
        // SAFETY: the entry owns its slot, and is ours.
        let order = unsafe { entry.slot().filed() };
        Some((entry, order))
    }

    /// Takes out some entry, whichever is at hand; for those who want them all out.
    pub fn pop_any(&mut self) -> Option<Entry<T>> {
        self.pop(self.turn).or_else(|| self.pop(1 - self.turn))
    }

    fn pop(&mut self, which: usize) -> Option<Entry<T>> {
        let entry = self.lists[which].pop_front()?;
        mark_out(entry.slot());
        self.lens[which] -= 1;
        Some(entry)
    }

    /// Takes out the entry that `key` means, if it is in this list.
    pub fn remove(&mut self, key: Key<T>) -> Option<Entry<T>> {
        let which = usize::from(self.place.find(key)?);
        self.lens[which] -= 1;
        // SAFETY: the slot is marked as lying in that list, and it is taken out once.
        let entry = unsafe {
            self.lists[which].unlink(key.slot_ptr());
            Entry::from_slot(key.slot_ptr())
        };
        mark_out(entry.slot());
        Some(entry)
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

//! Which structure an entry lies in, so that taking it out by key can be checked.
//!
//! Each list, wheel and poll list has a number of its own, never used twice. It writes the number into a slot
//! when the entry moves in and removes it when the entry moves out.
//!
//! # Rules
//! * A structure stores its own number and [`OUT`], never another's.
//! * Only `&mut` access to the structure moves entries in or out, so whoever asks has all its stores behind
//!   him.
//! * A [`Ready`](crate::Ready) list notes the low bits of a position instead, with [`POSITION`] set, as no number of a
//!   structure has. It is a hint where in its own ring to look, and the ring says whether the entry is there.
//!
//! # Ordering
//! All accesses are Relaxed, and alone. A load that finds the asker's own number has read the asker's own
//! latest store, since nobody else ever stores that number: the entry is in there, and stays until the asker
//! takes it out. Any other value, however old, means "not here".
//!
//! A lock, or an owner that is looked up, would do as well, but each remove would pay for it.

use std::sync::atomic::AtomicU32;

use ts_thread::sync::atomic::Ordering::Relaxed;

use crate::key::Key;
use crate::slot::{Slot, generation_of};

/// Set in every position of a ready list, and in no number of a structure.
const POSITION: u32 = 1 << 31;

/// In no structure: held as an [`Entry`](crate::Entry), or free.
const OUT: u32 = 0;

/// Numbers below this one are kinds of what is under way.
const FIRST_NUMBER: u32 = 16;

/// The identity of one structure that entries can lie in.
#[derive(Debug)]
pub(crate) struct Place(u32);

impl Place {
    /// A place unlike all others.
    pub(crate) fn new() -> Self {
        // The standard library's in a model too: it only numbers things.
        static NEXT: AtomicU32 = AtomicU32::new(FIRST_NUMBER);
        // Relaxed, alone: a number has to be its own, nothing is told with it.
        let number = NEXT.fetch_add(1, Relaxed);
        assert!(number < POSITION, "no numbers left for queues");
        Self(number)
    }

    /// Notes that `slot`, which belongs to the caller, now lies here.
    #[inline]
    pub(crate) fn mark<T>(&self, slot: &Slot<T>) {
        // Relaxed, alone: see the head of this file.
        slot.place.store(self.0, Relaxed);
    }

    /// Whether the entry that `key` means lies here.
    #[inline]
    pub(crate) fn has<T>(&self, key: Key<T>) -> bool {
        let slot = key.slot();
        // Relaxed, alone, both: see the head of this file. The slot lies here, so its generation was stored before it came
        // here and stands still.
        slot.place.load(Relaxed) == self.0 && generation_of(slot.word.load(Relaxed)) == key.generation()
    }
}

/// Notes that `slot`, which belongs to the caller, lies in no structure.
#[inline]
pub(crate) fn mark_out<T>(slot: &Slot<T>) {
    // Relaxed, alone: see the head of this file.
    slot.place.store(OUT, Relaxed);
}

/// Notes where in a ready list `slot`, which belongs to the caller, now lies.
#[inline]
pub(crate) fn mark_position<T>(slot: &Slot<T>, position: u64) {
    // Relaxed, alone: a hint, see the head of this file.
    slot.place.store(position as u32 | POSITION, Relaxed);
}

/// The position, from `head` on, that the slot of `key` says it has in some ready list, if its event is still that of the key.
#[inline]
pub(crate) fn find_position<T>(key: Key<T>, head: u64) -> Option<u64> {
    let slot = key.slot();
    // Relaxed, alone, both: a hint. If the ring confirms it, the slot has lain in it since its generation was stored, by
    // its owner, who is the one that asks.
    let place = slot.place.load(Relaxed);
    let is_same = generation_of(slot.word.load(Relaxed)) == key.generation();
    let ahead = place.wrapping_sub(head as u32) & !POSITION;
    (place & POSITION != 0 && is_same).then_some(head + u64::from(ahead))
}

/// Notes that `slot`, which belongs to the caller, is on its way to another thread, with a small number to
/// keep.
#[inline]
pub(crate) fn mark_under_way<T>(slot: &Slot<T>, kind: u32) {
    debug_assert!(kind < FIRST_NUMBER);
    // Relaxed, alone: no structure has such a number, and whoever reads the kind has got the whole slot by then.
    slot.place.store(kind, Relaxed);
}

/// The number kept by [`mark_under_way`]. For the owner.
#[inline]
pub(crate) fn kind_under_way<T>(slot: &Slot<T>) -> u32 {
    // Relaxed, alone: the owner reads what it was handed with the slot.
    slot.place.load(Relaxed)
}

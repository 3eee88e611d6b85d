//! Which structure an entry lies in, so that taking it out by key can be checked.
//!
//! Each list, wheel and poll list has a number of its own, never used twice. It writes the number into a slot
//! when the entry moves in and removes it when the entry moves out.
//!
//! # Rules
//! * A structure stores its own number and [`OUT`], never another's.
//! * Only `&mut` access to the structure moves entries in or out, so whoever asks has all its stores behind
//!   him.
//! * A [`Ready`](crate::Ready) list notes a position instead, which has [`POSITION`] set, as no number of a structure has.
//!   It is a hint where in its own ring to look, and the ring says whether the entry is there.
//!
//! # Ordering
//! All accesses are Relaxed, and alone. A load that finds the asker's own number has read the asker's own
//! latest store, since nobody else ever stores that number: the entry is in there, and stays until the asker
//! takes it out. Any other value, however old, means "not here".
//!
//! A lock, or an owner that is looked up, would do as well, but each remove would pay for it.

use std::sync::atomic::AtomicU64;

use ts_thread::sync::atomic::Ordering::Relaxed;

use crate::key::Key;
use crate::slot::{Slot, generation_of};

/// The low bits of the word say where in the structure the entry lies.
const BUCKET_BITS: u32 = 16;

/// Set in every position of a ready list, and in no number of a structure.
pub(crate) const POSITION: u64 = 1 << 63;

/// In no structure: held as an [`Entry`](crate::Entry), or free.
const OUT: u64 = 0;

/// The identity of one structure that entries can lie in.
#[derive(Debug)]
pub(crate) struct Place {
    /// Already shifted to where it stands in the slot's word.
    id: u64,
}

impl Place {
    /// A place unlike all others.
    pub(crate) fn new() -> Self {
        // The standard library's in a model too: it only numbers things.
        static NEXT: AtomicU64 = AtomicU64::new(1);
        // Relaxed, alone: a number has to be its own, nothing is told with it.
        let number = NEXT.fetch_add(1, Relaxed);
        assert!(number < POSITION >> BUCKET_BITS, "no numbers left for queues");
        Self { id: number << BUCKET_BITS }
    }

    /// Notes that `slot`, which belongs to the caller, now lies here, in `bucket`.
    #[inline]
    pub(crate) fn mark<T>(&self, slot: &Slot<T>, bucket: u16) {
        // Relaxed, alone: see the head of this file.
        slot.place.store(self.id | u64::from(bucket), Relaxed);
    }

    /// In which bucket of this place the entry that `key` means lies, if it is here at all.
    #[inline]
    pub(crate) fn find<T>(&self, key: Key<T>) -> Option<u16> {
        let slot = key.slot();
        // Relaxed, alone: see the head of this file.
        let place = slot.place.load(Relaxed);
        if place & !((1 << BUCKET_BITS) - 1) != self.id {
            return None;
        }
        // Relaxed, alone: the slot lies here, so its generation was stored before it came here and stands
        // still.
        let is_same = generation_of(slot.word.load(Relaxed)) == key.generation();
        is_same.then_some(place as u16)
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
    slot.place.store(position, Relaxed);
}

/// The position that the slot of `key` says it has in some ready list, if its event is still that of the key.
#[inline]
pub(crate) fn find_position<T>(key: Key<T>) -> Option<u64> {
    let slot = key.slot();
    // Relaxed, alone, both: a hint. If the ring confirms it, the slot has lain in it since its generation was stored, by
    // its owner, who is the one that asks.
    let place = slot.place.load(Relaxed);
    let is_same = generation_of(slot.word.load(Relaxed)) == key.generation();
    (place & POSITION != 0 && is_same).then_some(place)
}

/// Notes that `slot`, which belongs to the caller, is on its way to another thread, with a small number to
/// keep.
#[inline]
pub(crate) fn mark_under_way<T>(slot: &Slot<T>, kind: u16) {
    // Relaxed, alone: no structure has the number zero, and whoever reads the kind has got the whole slot by
    // then.
    slot.place.store(u64::from(kind), Relaxed);
}

/// The number kept by [`mark_under_way`]. For the owner.
#[inline]
pub(crate) fn kind_under_way<T>(slot: &Slot<T>) -> u16 {
    // Relaxed, alone: the owner reads what it was handed with the slot.
    slot.place.load(Relaxed) as u16
}

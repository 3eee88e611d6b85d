//! What a handle of a session or transaction refers to: a number that is looked up, never a pointer.
//!
//! A number holds a generation, so one that outlives its subject is told from its successor's. It may come from anywhere, a
//! forged one included; looking it up is always sound.
//!
//! # Rules
//! * Zero is nobody's number.
//! * A subject is entered once, and taken out by its owner when it ends. Whoever found it before keeps it alive, and it
//!   then says of itself that it has ended.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use slab::Slab;

/// How many tables there are. Threads take them in turn, so that up to this many never meet at a lock.
const SHARDS: usize = 32;
const SHARD_BITS: u32 = SHARDS.trailing_zeros();
const INDEX_BITS: u32 = 32 - SHARD_BITS;

/// The subjects of one kind that are alive.
pub(crate) struct Handles<T> {
    shards: [Mutex<Shard<T>>; SHARDS],
    next: AtomicUsize,
}

struct Shard<T> {
    entries: Slab<(u32, Arc<T>)>,
    generation: u32,
}

impl<T> Handles<T> {
    pub(crate) const fn new() -> Self {
        Self {
            shards: [const { Mutex::new(Shard { entries: Slab::new(), generation: 0 }) }; SHARDS],
            next: AtomicUsize::new(0),
        }
    }

    /// A shard for a thread to put its subjects into.
    pub(crate) fn choose_shard(&self) -> usize {
        // Relaxed: only the spread counts.
        self.next.fetch_add(1, Ordering::Relaxed) % SHARDS
    }

    /// Enters the subject that `make` makes of its number; none while a shard is full (134 million subjects).
    pub(crate) fn enter(&self, shard: usize, make: impl FnOnce(u64) -> Arc<T>) -> Option<Arc<T>> {
        let mut entries = self.shard(shard);
        entries.generation = entries.generation.checked_add(1).unwrap_or(1);
        let generation = entries.generation;
        let vacant = entries.entries.vacant_entry();
        let index = u32::try_from(vacant.key()).ok().filter(|index| index >> INDEX_BITS == 0)?;
        let number = u64::from(generation) << 32 | (shard as u64) << INDEX_BITS | u64::from(index);
        let subject = make(number);
        vacant.insert((generation, Arc::clone(&subject)));
        Some(subject)
    }

    /// The subject with this number, if it is alive.
    pub(crate) fn find(&self, number: u64) -> Option<Arc<T>> {
        let (shard, index, generation) = parts(number);
        let shard = self.shard(shard);
        let (found, subject) = shard.entries.get(index)?;
        (*found == generation).then(|| Arc::clone(subject))
    }

    /// Takes the subject with this number out.
    pub(crate) fn leave(&self, number: u64) {
        let (shard, index, generation) = parts(number);
        let mut shard = self.shard(shard);
        if shard.entries.get(index).is_some_and(|(found, _)| *found == generation) {
            let subject = shard.entries.remove(index);
            drop(shard);
            // Plugins' data may go with it, so no lock of ours is held.
            drop(subject);
        }
    }

    /// Every subject that is alive.
    pub(crate) fn all(&self) -> Vec<Arc<T>> {
        let mut all = Vec::new();
        for shard in 0..SHARDS {
            all.extend(self.shard(shard).entries.iter().map(|(_, (_, subject))| Arc::clone(subject)));
        }
        all
    }

    fn shard(&self, shard: usize) -> MutexGuard<'_, Shard<T>> {
        self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn parts(number: u64) -> (usize, usize, u32) {
    let low = number as u32;
    ((low >> INDEX_BITS) as usize, (low & ((1 << INDEX_BITS) - 1)) as usize, (number >> 32) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_finds_its_subject_and_never_its_successor() {
        let handles = Handles::<u64>::new();
        let first = handles.enter(31, Arc::new).unwrap();
        assert_ne!(*first, 0);
        assert_eq!(handles.find(*first).as_deref(), Some(&*first));
        handles.leave(*first);
        assert!(handles.find(*first).is_none());
        let second = handles.enter(31, Arc::new).unwrap();
        assert_ne!(first, second);
        assert_eq!(parts(*first).1, parts(*second).1, "the place is used again");
        assert!(handles.find(*first).is_none());
        handles.leave(*first);
        assert_eq!(handles.find(*second).as_deref(), Some(&*second));
    }

    #[test]
    fn a_forged_number_finds_nothing() {
        let handles = Handles::<u64>::new();
        for number in [0, 1, u64::MAX, 1 << 32, u64::from(u32::MAX)] {
            assert!(handles.find(number).is_none());
            handles.leave(number);
        }
    }
}

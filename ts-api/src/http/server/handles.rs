//! What a handle of a session or transaction refers to: a number that is looked up, never a pointer.
//!
//! A number holds a generation, so one that outlives its subject is told from its successor's. It may come from anywhere, a
//! forged one included; looking it up is always sound.
//!
//! # Rules
//! * Zero is nobody's number.
//! * A number takes no more than [`NUMBER_BITS`] bits, so that there is room beside it for what it is the number of.
//! * A subject is entered once, and taken out by its owner when it ends. Whoever found it before keeps it alive, and it
//!   then says of itself that it has ended.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_utils::CachePadded;

/// How many tables there are. Threads take them in turn, so that up to this many never meet at a lock.
const SHARDS: usize = 32;
const SHARD_BITS: u32 = SHARDS.trailing_zeros();
const INDEX_BITS: u32 = 19;
const LOW_BITS: u32 = SHARD_BITS + INDEX_BITS;
/// Bits of a number. The C interface's handles have so many for it.
const NUMBER_BITS: u32 = 52;
/// The generation of a place's last subject: a place that has a million subjects a second gets there in four minutes and a
/// half, and the next one then takes another. All places together have enough for more than a hundred years of that.
const LAST_GENERATION: u64 = (1 << (NUMBER_BITS - LOW_BITS)) - 1;

/// The subjects of one kind that are alive.
pub(crate) struct Handles<T> {
    /// Each on lines of its own, or threads would meet there though never at a lock.
    shards: [CachePadded<Mutex<Shard<T>>>; SHARDS],
    next: AtomicUsize,
}

struct Shard<T> {
    places: Vec<Place<T>>,
    /// Places that are free and may be used again.
    free: Vec<usize>,
}

struct Place<T> {
    /// Of the subject that is there, or was last.
    generation: u64,
    subject: Option<Arc<T>>,
}

impl<T> Handles<T> {
    pub(crate) const fn new() -> Self {
        Self {
            shards: [const { CachePadded::new(Mutex::new(Shard { places: Vec::new(), free: Vec::new() })) };
                SHARDS],
            next: AtomicUsize::new(0),
        }
    }

    /// A shard for a thread to put its subjects into.
    pub(crate) fn choose_shard(&self) -> usize {
        // Relaxed: only the spread counts.
        self.next.fetch_add(1, Ordering::Relaxed) % SHARDS
    }

    /// Enters the subject that `make` makes of its number, into another shard if this one is full; none if all are
    /// (16 million subjects).
    pub(crate) fn enter(&self, shard: usize, make: impl FnOnce(u64) -> Arc<T>) -> Option<Arc<T>> {
        (0..SHARDS)
            .map(|further| (shard + further) % SHARDS)
            .find_map(|number| {
                let mut shard = self.shard(number);
                let index = shard.take_place()?;
                Some((number, shard, index))
            })
            .map(|(number, mut shard, index)| {
                let place = &mut shard.places[index];
                place.generation += 1;
                let subject =
                    make(place.generation << LOW_BITS | (number as u64) << INDEX_BITS | index as u64);
                place.subject = Some(Arc::clone(&subject));
                subject
            })
    }

    /// The subject with this number, if it is alive.
    pub(crate) fn find(&self, number: u64) -> Option<Arc<T>> {
        let (shard, index, generation) = parts(number);
        let shard = self.shard(shard);
        let place = shard.places.get(index).filter(|place| place.generation == generation)?;
        place.subject.clone()
    }

    /// Takes the subject with this number out.
    pub(crate) fn leave(&self, number: u64) {
        let (shard, index, generation) = parts(number);
        let mut shard = self.shard(shard);
        let place = shard.places.get_mut(index).filter(|place| place.generation == generation);
        let Some(subject) = place.and_then(|place| place.subject.take()) else { return };
        // A place whose numbers are used up is given up, so that no number ever comes again.
        if generation < LAST_GENERATION {
            shard.free.push(index);
        }
        drop(shard);
        // Plugins' data may go with it, so no lock of ours is held.
        drop(subject);
    }

    /// Every subject that is alive.
    pub(crate) fn all(&self) -> Vec<Arc<T>> {
        let mut all = Vec::new();
        for shard in 0..SHARDS {
            all.extend(self.shard(shard).places.iter().filter_map(|place| place.subject.clone()));
        }
        all
    }

    fn shard(&self, shard: usize) -> MutexGuard<'_, Shard<T>> {
        self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Shard<T> {
    /// A place for a subject: one that is free, or a new one.
    fn take_place(&mut self) -> Option<usize> {
        self.free.pop().or_else(|| {
            let index = self.places.len();
            (index >> INDEX_BITS == 0).then(|| {
                self.places.push(Place { generation: 0, subject: None });
                index
            })
        })
    }
}

/// The shard, the place there, and the generation of a number.
fn parts(number: u64) -> (usize, usize, u64) {
    let bits = |from: u32, count: u32| (number >> from & ((1 << count) - 1)) as usize;
    (bits(INDEX_BITS, SHARD_BITS), bits(0, INDEX_BITS), number >> LOW_BITS)
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
        for number in [0, 1, u64::MAX, 1 << LOW_BITS, u64::from(u32::MAX)] {
            assert!(handles.find(number).is_none());
            handles.leave(number);
        }
    }

    #[test]
    fn a_place_whose_numbers_are_used_up_is_given_up() {
        let handles = Handles::<u64>::new();
        let first = handles.enter(3, Arc::new).unwrap();
        handles.leave(*first);
        // As if it had been used some hundred million times.
        handles.shard(3).places[0].generation = LAST_GENERATION - 1;
        let last = handles.enter(3, Arc::new).unwrap();
        assert_eq!(parts(*last), (3, 0, LAST_GENERATION));
        assert!(*last >> NUMBER_BITS == 0 && *last >> (NUMBER_BITS - 1) == 1);
        assert_eq!(handles.find(*last).as_deref(), Some(&*last));
        handles.leave(*last);
        handles.leave(*last);
        let next = handles.enter(3, Arc::new).unwrap();
        assert_eq!(parts(*next), (3, 1, 1), "another place, and no number from before");
        assert!(handles.find(*last).is_none() && handles.find(*first).is_none());
        assert_eq!(handles.all(), [next]);
    }

    #[test]
    fn a_full_shard_sends_its_subjects_to_the_next() {
        let handles = Handles::<u64>::new();
        let fill = |_| Place { generation: LAST_GENERATION, subject: None };
        handles.shard(31).places.extend((0..1 << INDEX_BITS).map(fill));
        let subject = handles.enter(31, Arc::new).unwrap();
        assert_eq!(parts(*subject), (0, 0, 1));
        assert_eq!(handles.find(*subject).as_deref(), Some(&*subject));
    }
}

//! A key in a single word, for handles that have room for no more, and the directory that leads back from it.
//!
//! | bits of the word | are |
//! |---|---|
//! | 0 to 25 | the slot: the number of its chunk, and which of the chunk's places it is |
//! | 26 to 60 | the low bits of the generation |
//! | 61 to 63 | zero |
//!
//! # Rules
//! * A word comes from anywhere, a forged one included; looking it up is always sound.
//! * A word that is kept while its slot is used another 34 thousand million times may then be taken for another's: hours of
//!   nothing else. A [`Key`] never is; whoever has room for two words keeps that.
//!
//! # Ordering
//! `[directory-publish]`: a level, and a chunk in it, are there before they are found.
//!
//! A table of all words would do without the arithmetic, but each event would have to be entered and taken out.

use std::ptr::{self, NonNull};
// The directory is written under the pool's lock and only read elsewhere, so models need not see it.
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::key::Key;
use crate::slots::{Chunk, Slots, place_of};

const SLOT_BITS: u32 = 26;
const GENERATION_BITS: u32 = 35;
const GENERATION_MASK: u64 = (1 << GENERATION_BITS) - 1;

/// Chunks by their numbers: level `n` has `1 << n` of them.
pub(crate) struct Directory<C> {
    levels: [AtomicPtr<AtomicPtr<C>>; SLOT_BITS as usize],
}

impl<C> Directory<C> {
    pub(crate) const fn new() -> Self {
        Self { levels: [const { AtomicPtr::new(ptr::null_mut()) }; SLOT_BITS as usize] }
    }

    /// Enters a chunk that is made. Under the pool's lock, in the order of the numbers.
    pub(crate) fn enter(&self, number: usize, chunk: NonNull<C>) {
        let (level, index) = place(number);
        // One that has no place here has no words either.
        let Some(level_place) = self.levels.get(level) else { return };
        // Relaxed: levels are only set under the lock that the caller has.
        let mut start = level_place.load(Ordering::Relaxed);
        if start.is_null() {
            let level = (0..1_usize << level).map(|_| AtomicPtr::new(ptr::null_mut())).collect::<Box<[_]>>();
            // Chunks are never unmapped, and neither is what leads to them.
            start = Box::leak(level).as_mut_ptr();
            // Release [directory-publish]: whoever finds the level finds its places made.
            level_place.store(start, Ordering::Release);
        }
        // SAFETY: a level has so many places, and `place` says that the index is below.
        let place = unsafe { &*start.add(index) };
        // Release [directory-publish]: whoever finds the chunk finds its slots made.
        place.store(chunk.as_ptr(), Ordering::Release);
    }

    /// The chunk with this number, if there is one.
    fn find(&self, number: usize) -> Option<NonNull<C>> {
        let (level, index) = place(number);
        // Acquire [directory-publish].
        let start = NonNull::new(self.levels.get(level)?.load(Ordering::Acquire))?;
        // SAFETY: as in `enter`; a level stays for ever.
        let place = unsafe { start.add(index).as_ref() };
        // Acquire [directory-publish].
        NonNull::new(place.load(Ordering::Acquire))
    }
}

/// The level of a number, and the place there.
fn place(number: usize) -> (usize, usize) {
    let from_one = number + 1;
    let level = from_one.ilog2();
    (level as usize, from_one - (1 << level))
}

impl<T> Key<T> {
    /// The key in a word of 61 bits, which [`Slots::key_of_word`] leads back from; `None` if the pool has so many slots that
    /// this one has no number (some sixty million).
    #[inline]
    #[must_use]
    pub fn to_word(self) -> Option<u64> {
        // SAFETY: a key's slot is a slot of a chunk.
        let (chunk, place) = unsafe { place_of(self.slot_ptr()) };
        let number = (chunk * Chunk::<T>::PLACES + place) as u64;
        let generation = self.generation() << (64 - GENERATION_BITS) >> (64 - GENERATION_BITS - SLOT_BITS);
        (number >> SLOT_BITS == 0).then_some(generation | number)
    }
}

impl<T> Slots<T> {
    /// The key that [`Key::to_word`] made a word of.
    ///
    /// Its event may be gone, and then the key says so. `None` for a word of a slot that there has never been.
    ///
    /// # Examples
    ///
    /// ```
    /// use ts_event::Slots;
    ///
    /// static EVENTS: Slots<&str> = Slots::new();
    ///
    /// let entry = EVENTS.entry("tea");
    /// let word = entry.key().to_word().expect("there is one event");
    /// assert_eq!(EVENTS.key_of_word(word), Some(entry.key()));
    /// drop(entry);
    /// assert!(!EVENTS.key_of_word(word).expect("the slot is still there").is_live());
    /// ```
    #[must_use]
    pub fn key_of_word(&'static self, word: u64) -> Option<Key<T>> {
        if word >> (SLOT_BITS + GENERATION_BITS) != 0 {
            return None;
        }
        let number = (word & ((1 << SLOT_BITS) - 1)) as usize;
        let chunk = self.directory.find(number / Chunk::<T>::PLACES)?;
        let index = (number % Chunk::<T>::PLACES).checked_sub(Chunk::<T>::FIRST_PLACE)?;
        if index >= Chunk::<T>::SLOTS {
            return None;
        }
        // SAFETY: the directory has chunks of this pool, and the index is below their number of slots.
        let slot = unsafe { Chunk::slot(chunk, index) };
        let low = word >> SLOT_BITS;
        // SAFETY: slots are never unmapped.
        let now = unsafe { slot.as_ref() }.generation();
        // The newest generation with these low bits that there can have been. None has been if that is before the first, and
        // then there never was a key of this word: zero is nobody's.
        let behind = (now.wrapping_sub(low)) & GENERATION_MASK;
        Some(Key::new(slot, now.saturating_sub(behind)))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::sync::LazyLock;

    #[test]
    fn every_number_has_its_own_place() {
        let places: Vec<_> = (0..15).map(place).collect();
        let expected = (0..4).flat_map(|level| (0..1 << level).map(move |index| (level, index)));
        assert!(places.into_iter().eq(expected));
    }

    #[test]
    fn a_word_leads_back_to_its_key_in_every_chunk() {
        static SLOTS: LazyLock<Slots<usize>> = LazyLock::new(Slots::new);
        let slots = &*SLOTS;
        let entries: Vec<_> = (0..5_000).map(|n| slots.entry(n)).collect();
        let mut words = std::collections::HashSet::new();
        for entry in &entries {
            let word = entry.key().to_word().unwrap();
            assert_eq!(word >> (SLOT_BITS + GENERATION_BITS), 0);
            assert!(words.insert(word));
            assert_eq!(slots.key_of_word(word), Some(entry.key()));
        }
    }

    #[test]
    fn a_word_of_an_event_that_is_gone_never_leads_to_its_successor() {
        static SLOTS: LazyLock<Slots<u8>> = LazyLock::new(Slots::new);
        let slots = &*SLOTS;
        let first = slots.entry(1).key();
        let word = first.to_word().unwrap();
        for _ in 0..200 {
            let next = slots.entry(2);
            assert_ne!(next.key().to_word(), Some(word));
            assert_eq!(slots.key_of_word(word), Some(first));
        }
        assert!(!first.is_live());
    }

    #[test]
    fn a_forged_word_leads_nowhere_or_to_nothing_alive() {
        static SLOTS: LazyLock<Slots<u8>> = LazyLock::new(Slots::new);
        let slots = &*SLOTS;
        assert_eq!(slots.key_of_word(0), None);
        let entry = slots.entry(1);
        let real = entry.key().to_word().unwrap();
        for word in [
            u64::MAX,
            1 << 61,
            (1 << SLOT_BITS) - 1,
            real + (1 << SLOT_BITS),
            real | GENERATION_MASK << SLOT_BITS,
        ] {
            assert!(slots.key_of_word(word).is_none_or(|key| !key.is_live()), "{word:#x}");
        }
    }
}

//! Which buckets have entries: a bit each, and a bit for each word of those.

use super::level::{BUCKETS, LEVELS};

const WORD: usize = u64::BITS as usize;
const WORDS: usize = (LEVELS * BUCKETS).div_ceil(WORD);

/// A set of buckets of the levels, by number from zero.
pub(super) struct Occupied {
    words: [u64; WORDS],
    /// A bit for each word that is not zero.
    summary: u64,
}

const _: () = assert!(WORDS <= WORD, "the words have to fit into the summary");

impl Occupied {
    pub(super) const fn new() -> Self {
        Self { words: [0; WORDS], summary: 0 }
    }

    #[inline]
    pub(super) fn insert(&mut self, bucket: usize) {
        self.words[bucket / WORD] |= 1 << (bucket % WORD);
        self.summary |= 1 << (bucket / WORD);
    }

    #[inline]
    pub(super) fn remove(&mut self, bucket: usize) {
        let word = &mut self.words[bucket / WORD];
        *word &= !(1 << (bucket % WORD));
        if *word == 0 {
            self.summary &= !(1 << (bucket / WORD));
        }
    }

    /// The lowest one.
    #[inline]
    pub(super) fn first(&self) -> Option<usize> {
        if self.summary == 0 {
            return None;
        }
        let word = self.summary.trailing_zeros() as usize;
        Some(word * WORD + self.words[word].trailing_zeros() as usize)
    }

    /// The highest one below `end`.
    pub(super) fn last_below(&self, end: usize) -> Option<usize> {
        let last = end.min(WORDS * WORD).checked_sub(1)?;
        let within = self.words[last / WORD] & (u64::MAX >> (WORD - 1 - last % WORD));
        if within != 0 {
            return Some(last / WORD * WORD + within.ilog2() as usize);
        }
        let below = self.summary & ((1 << (last / WORD)) - 1);
        let word = below.checked_ilog2()? as usize;
        Some(word * WORD + self.words[word].ilog2() as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_the_last_below_are_those_of_a_plain_set() {
        let mut occupied = Occupied::new();
        let mut plain = std::collections::BTreeSet::new();
        let mut number = 1_usize;
        for _ in 0..3_000 {
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let bucket = (number >> 33) % (LEVELS * BUCKETS);
            // Mostly few, so that there are empty words.
            if plain.len() > 20 || !plain.insert(bucket) {
                let gone = plain.pop_first().expect("there are some");
                occupied.remove(gone);
            }
            if plain.contains(&bucket) {
                occupied.insert(bucket);
            }
            assert_eq!(occupied.first(), plain.first().copied());
            for end in [0, 1, 63, 64, 65, bucket, bucket + 1, LEVELS * BUCKETS, usize::MAX] {
                assert_eq!(occupied.last_below(end), plain.range(..end).last().copied(), "below {end}");
            }
        }
    }
}

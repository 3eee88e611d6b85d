//! One bucket: a chain of blocks, and the earliest deadline among their entries.

use std::mem;
use std::ptr::{self, NonNull};

use super::block::{Block, Blocks, END, FEW, PlaceOf, bits, close_gaps, move_all};
use crate::slot::Slot;

/// The entries of one bucket, in the order in which they came.
pub(super) struct Bucket<T: 'static> {
    head: *mut Block<T>,
    tail: *mut Block<T>,
    len: usize,
    /// No entry here is due before this; `u64::MAX` when there is none.
    earliest: u64,
    /// Whether some entry is due exactly then. False after the earliest one was removed.
    is_exact: bool,
}

impl<T> Bucket<T> {
    pub(super) const fn new() -> Self {
        Self { head: ptr::null_mut(), tail: ptr::null_mut(), len: 0, earliest: u64::MAX, is_exact: true }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The first block, or null.
    #[inline]
    pub(super) fn head(&self) -> *mut Block<T> {
        self.head
    }

    /// No entry here is due before this.
    #[inline]
    pub(super) fn earliest(&self) -> u64 {
        self.earliest
    }

    #[inline]
    pub(super) fn is_exact(&self) -> bool {
        self.is_exact
    }

    /// All that is here; nothing stays.
    #[inline]
    pub(super) fn take(&mut self) -> Self {
        mem::replace(self, Self::new())
    }

    /// Lists a slot behind all others.
    ///
    /// # Safety
    ///
    /// The slot holds an entry due `at`, is in no list, and belongs to the caller, who gives it up. `number` is this
    /// bucket's.
    pub(super) unsafe fn push(
        &mut self,
        blocks: &mut Blocks<T>,
        number: u16,
        slot: NonNull<Slot<T>>,
        at: u64,
    ) {
        let place = self.place_at_hand().unwrap_or_else(|| self.room(blocks, number));
        // SAFETY: by contract; the place is free, and the bucket's.
        unsafe { self.list(place, slot, at) };
    }

    /// The place behind the last entry, if that is not the last one of its block: the block, and the place's number.
    #[inline(always)]
    pub(super) fn place_at_hand(&self) -> Option<(NonNull<Block<T>>, u32)> {
        let tail = NonNull::new(self.tail)?;
        // SAFETY: the bucket owns its blocks, and none is empty.
        let number = unsafe { Block::behind(tail) };
        (number < END).then_some((tail, number))
    }

    /// Lists a slot at a place.
    ///
    /// # Safety
    ///
    /// As for [`push`](Self::push); the place is what [`place_at_hand`](Self::place_at_hand) or [`room`](Self::room) gave last.
    #[inline(always)]
    pub(super) unsafe fn list(&mut self, place: (NonNull<Block<T>>, u32), slot: NonNull<Slot<T>>, at: u64) {
        let (block, number) = place;
        // SAFETY: the bucket owns its blocks; the rest by contract.
        unsafe { Block::put(block, number, slot) };
        self.len += 1;
        if at <= self.earliest {
            self.earliest = at;
            self.is_exact = true;
        }
    }

    /// A place at the end, when none is [at hand](Self::place_at_hand).
    pub(super) fn room(&mut self, blocks: &mut Blocks<T>, number: u16) -> (NonNull<Block<T>>, u32) {
        // SAFETY: the bucket owns its blocks and the slots in them.
        unsafe {
            if let Some(tail) = NonNull::new(self.tail)
                && tail.as_ref().len <= FEW
            {
                close_gaps(tail, &mut blocks.cursor);
                return (tail, Block::end(tail));
            }
            let block = blocks.take(number);
            (*block.as_ptr()).prev = self.tail;
            match NonNull::new(self.tail) {
                Some(tail) => (*tail.as_ptr()).next = block.as_ptr(),
                None => self.head = block.as_ptr(),
            }
            self.tail = block.as_ptr();
            (block, Block::end(block))
        }
    }

    /// Takes the slot at a place out; it belongs to the caller then. If the caller says so, the slot that is listed behind it
    /// is fetched.
    ///
    /// # Safety
    ///
    /// The place is one of this bucket, with an entry due `at`.
    #[inline(always)]
    pub(super) unsafe fn remove(
        &mut self,
        blocks: &mut Blocks<T>,
        place: PlaceOf<T>,
        at: u64,
        fetches: bool,
    ) {
        // SAFETY: by contract; the bucket owns its blocks.
        unsafe {
            let block = Block::of(place);
            let number = Block::number(place);
            Block::clear(block, number);
            if fetches {
                Block::prefetch_behind(block, number);
            }
            match block.as_ref().len {
                0 => self.drop_block(blocks, block),
                FEW => self.join_neighbours(blocks, block),
                _ => {}
            }
        }
        self.len -= 1;
        if self.len == 0 {
            self.earliest = u64::MAX;
            self.is_exact = true;
        } else if at == self.earliest {
            self.is_exact = false;
        }
    }

    /// Takes out all that is due at `now`, in the order in which it came, and gives it to `due` with its time.
    pub(super) fn drain_due(
        &mut self,
        blocks: &mut Blocks<T>,
        now: u64,
        due: &mut Vec<(u64, NonNull<Slot<T>>)>,
    ) {
        let mut earliest = u64::MAX;
        let mut next = self.head;
        while let Some(block) = NonNull::new(next) {
            // SAFETY: the bucket owns its blocks and the slots in them. What is taken out is so once, by its bit.
            unsafe {
                next = (*block.as_ptr()).next;
                Block::prefetch(next);
                Block::prefetch_slots(block);
                for number in bits((*block.as_ptr()).live) {
                    let slot = Block::slot(block, number);
                    let at = slot.as_ref().filed();
                    if at <= now {
                        due.push((at, slot));
                        Block::clear(block, number);
                        self.len -= 1;
                    } else {
                        earliest = earliest.min(at);
                    }
                }
                // Some may stay that are nearly empty: they will be due within the tick.
                if (*block.as_ptr()).live == 0 {
                    self.drop_block(blocks, block);
                }
            }
        }
        self.earliest = earliest;
        self.is_exact = true;
    }

    /// Looks at all entries, and so knows the earliest time exactly.
    pub(super) fn look_for_earliest(&mut self) {
        let mut earliest = u64::MAX;
        let mut next = self.head;
        while let Some(block) = NonNull::new(next) {
            // SAFETY: the bucket owns its blocks and the slots in them.
            unsafe {
                next = block.as_ref().next;
                Block::prefetch_slots(block);
                for number in bits(block.as_ref().live) {
                    earliest = earliest.min(Block::slot(block, number).as_ref().filed());
                }
            }
        }
        self.earliest = earliest;
        self.is_exact = true;
    }

    /// Unlinks a block without entries, and puts it away.
    ///
    /// # Safety
    ///
    /// The block is one of this bucket.
    #[inline(never)]
    unsafe fn drop_block(&mut self, blocks: &mut Blocks<T>, block: NonNull<Block<T>>) {
        // SAFETY: by contract; the bucket owns its blocks.
        unsafe {
            let (prev, next) = ((*block.as_ptr()).prev, (*block.as_ptr()).next);
            match NonNull::new(prev) {
                Some(prev) => (*prev.as_ptr()).next = next,
                None => self.head = next,
            }
            match NonNull::new(next) {
                Some(next) => (*next.as_ptr()).prev = prev,
                None => self.tail = prev,
            }
            if blocks.cursor.block == block.as_ptr() {
                blocks.cursor.enter(next);
            }
            blocks.put(block);
        }
    }

    /// Makes one of a block and a neighbour, if that has not many entries either.
    ///
    /// So the memory of the blocks stays within a small multiple of what the entries need, however they are taken out. Each
    /// block is asked once on its way from full to empty: a step of many removals in a row.
    ///
    /// # Safety
    ///
    /// The block is one of this bucket.
    #[cold]
    #[inline(never)]
    unsafe fn join_neighbours(&mut self, blocks: &mut Blocks<T>, block: NonNull<Block<T>>) {
        // SAFETY: by contract; the bucket owns its blocks and the slots in them.
        unsafe {
            let (prev, next) = ((*block.as_ptr()).prev, (*block.as_ptr()).next);
            if let Some(prev) = NonNull::new(prev).filter(|prev| prev.as_ref().len <= FEW) {
                move_all(block, prev, &mut blocks.cursor);
                self.drop_block(blocks, block);
            } else if let Some(next) = NonNull::new(next).filter(|next| next.as_ref().len <= FEW) {
                move_all(next, block, &mut blocks.cursor);
                self.drop_block(blocks, next);
            }
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::super::block::Cursor;
    use super::*;
    use crate::{Entry, Slots};

    static TIMERS: Slots<u64> = Slots::new();

    /// The values in a bucket, block by block.
    fn listed(bucket: &Bucket<u64>) -> Vec<Vec<u64>> {
        let mut all = Vec::new();
        let mut next = bucket.head;
        while let Some(block) = NonNull::new(next) {
            // SAFETY: the bucket owns its blocks and the slots in them; the values are read where they are.
            unsafe {
                next = block.as_ref().next;
                let values =
                    bits(block.as_ref().live).map(|number| *Block::slot(block, number).as_ref().value());
                all.push(values.collect());
            }
        }
        all
    }

    /// Takes out all but those that stay, in the order that a step without a common factor with their number makes.
    fn thin_out(step: usize, stays: impl Fn(u64) -> bool) {
        let (mut bucket, mut blocks) = (Bucket::new(), Blocks::new(Cursor::before(0)));
        let count = 2_900;
        let mut slots = Vec::new();
        for n in 0..count {
            let slot = TIMERS.entry(n).into_slot();
            slots.push(slot);
            // SAFETY: the entry owned its slot, and is given up for it.
            unsafe { bucket.push(&mut blocks, 1, slot, n) };
        }
        for index in (0..count as usize).map(|n| n * step % count as usize) {
            if stays(index as u64) {
                continue;
            }
            // SAFETY: the slot is in the bucket, with its place for a link, and becomes an entry once.
            unsafe {
                let place = PlaceOf::<u64>::new_unchecked(slots[index].as_ref().link());
                bucket.remove(&mut blocks, place, index as u64, true);
                drop(Entry::from_slot(slots[index]));
            }
        }
        let left: Vec<_> = (0..count).filter(|n| stays(*n)).collect();
        let listed = listed(&bucket);
        assert_eq!(listed.concat(), left, "in the order in which they came");
        assert_eq!(bucket.len(), left.len());
        assert!(
            listed.windows(2).all(|pair| pair[0].len().max(pair[1].len()) > usize::from(FEW)),
            "two neighbours that would fit into one: {:?}",
            listed.iter().map(Vec::len).collect::<Vec<_>>()
        );
    }

    #[test]
    fn no_two_neighbours_are_both_nearly_empty_however_entries_are_taken_out() {
        for step in [1, 27, 31, 1_237, 2_899] {
            thin_out(step, |n| n % 10 == 0);
            thin_out(step, |n| n % 2 == 0);
            thin_out(step, |n| n % 97 == 5);
            thin_out(step, |n| !(40..2_881).contains(&n));
            thin_out(step, |_| false);
        }
    }

    #[test]
    fn a_full_last_block_with_gaps_is_closed_up_before_another_is_made() {
        let (mut bucket, mut blocks) = (Bucket::new(), Blocks::new(Cursor::before(0)));
        let mut kept = Vec::new();
        for n in 0..3_000 {
            let slot = TIMERS.entry(n).into_slot();
            // SAFETY: the entry owned its slot; what is taken out was put in, and becomes an entry once.
            unsafe {
                bucket.push(&mut blocks, 1, slot, n);
                if n % 28 != 0 && n > 0 {
                    let before: NonNull<Slot<u64>> = kept.pop().expect("one was put in before");
                    let place = PlaceOf::<u64>::new_unchecked(before.as_ref().link());
                    bucket.remove(&mut blocks, place, before.as_ref().filed(), true);
                    drop(Entry::from_slot(before));
                }
            }
            kept.push(slot);
        }
        assert!(listed(&bucket).len() <= kept.len().div_ceil(usize::from(FEW)), "{:?}", listed(&bucket));
        for slot in kept {
            // SAFETY: as above.
            unsafe { drop(Entry::from_slot(slot)) };
        }
    }
}

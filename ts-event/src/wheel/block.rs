//! Blocks: what the entries of a bucket are listed in, as many as fit into four cache lines.
//!
//! A bucket is a chain of blocks, and a block names up to 29 slots in the order in which they came. So the slots that come
//! next are known before the one at hand is done with, and can be fetched meanwhile; a list through the slots
//! themselves would make each wait for the one before. A slot knows its place in a block, and taking it out
//! touches it and the head of that block, no neighbour.
//!
//! # Rules
//! * A block lies at a multiple of its size, and the number of a place in it is that of a word from there: so a pointer to a
//!   place says which block, and which bit of `live`.
//! * A slot in the wheel has the pointer to its place for a link.
//! * A place whose bit in `live` is not set may hold anything. No block in a bucket is empty.
//! * Wherever the sweep stands is corrected when places move: see [`Cursor`].

use std::alloc::Layout;
use std::num::NonZero;
use std::ptr::{self, NonNull};

use crate::prefetch;
use crate::region::Region;
use crate::slot::Slot;

/// Places in a block.
const PLACES: usize = 29;
/// The number of a block's first place: what comes before are the other fields.
const FIRST: u32 = 3;
/// One more than the number of the last.
pub(super) const END: u32 = FIRST + PLACES as u32;
/// Two neighbours with so many entries each are made into one, and a last block with so many is closed up.
///
/// With half of the places it would be a little less memory at the worst, and four times as many moves, each a miss.
pub(super) const FEW: u16 = PLACES as u16 / 4;

/// Bytes of the first piece of memory: what a few timers need.
const FIRST_PIECE: usize = 4096;

/// A place in a block.
pub(super) type PlaceOf<T> = NonNull<*mut Slot<T>>;

/// Some of a bucket's entries.
#[repr(C, align(256))]
pub(super) struct Block<T: 'static> {
    pub(super) next: *mut Block<T>,
    pub(super) prev: *mut Block<T>,
    /// A bit for each place with an entry, by the number of the place.
    pub(super) live: u32,
    /// The bucket it is of.
    pub(super) bucket: u16,
    /// How many bits are set in `live`: kept, since not every processor counts them in one step.
    pub(super) len: u16,
    places: [*mut Slot<T>; PLACES],
}

const _: () = assert!(size_of::<Block<u8>>() == 256 && END == u32::BITS);

impl<T> Block<T> {
    /// The block that a place is in.
    ///
    /// # Safety
    ///
    /// The place is one of a block, and the pointer has the provenance of all of it.
    #[inline]
    pub(super) unsafe fn of(place: PlaceOf<T>) -> NonNull<Self> {
        let block = place.as_ptr().map_addr(|address| address & !(size_of::<Self>() - 1)).cast();
        // SAFETY: blocks lie at multiples of their size, and not at zero.
        unsafe { NonNull::new_unchecked(block) }
    }

    /// The number of a place in its block.
    #[inline]
    pub(super) fn number(place: PlaceOf<T>) -> u32 {
        (place.addr().get() % size_of::<Self>() / size_of::<usize>()) as u32
    }

    /// The place of this number.
    ///
    /// # Safety
    ///
    /// `block` is one, and the number is from `FIRST` to before `END`.
    #[inline]
    pub(super) unsafe fn place(block: NonNull<Self>, number: u32) -> PlaceOf<T> {
        // SAFETY: by contract the place is inside of the block.
        unsafe { block.cast::<*mut Slot<T>>().add(number as usize) }
    }

    /// The slot listed at this number.
    ///
    /// # Safety
    ///
    /// As for [`place`](Self::place); the block belongs to the caller, and the bit of the place is set.
    #[inline]
    pub(super) unsafe fn slot(block: NonNull<Self>, number: u32) -> NonNull<Slot<T>> {
        // SAFETY: by contract there is a slot there, and its pointer is not null.
        unsafe { NonNull::new_unchecked(Self::place(block, number).read()) }
    }

    /// Lists a slot at this number, and tells it so.
    ///
    /// # Safety
    ///
    /// As for [`place`](Self::place); the block and the slot's plain part belong to the caller.
    #[inline]
    pub(super) unsafe fn put(block: NonNull<Self>, number: u32, slot: NonNull<Slot<T>>) {
        // SAFETY: by contract.
        unsafe {
            let place = Self::place(block, number);
            place.write(slot.as_ptr());
            slot.as_ref().set_link(place.as_ptr());
            (*block.as_ptr()).live |= 1 << number;
            (*block.as_ptr()).len += 1;
        }
    }

    /// The number of the place behind the last one in use; `END` if there is none.
    ///
    /// # Safety
    ///
    /// The block belongs to the caller.
    #[inline]
    pub(super) unsafe fn end(block: NonNull<Self>) -> u32 {
        // SAFETY: by contract.
        (u32::BITS - unsafe { block.as_ref() }.live.leading_zeros()).max(FIRST)
    }

    /// As [`end`](Self::end), of a block that is not empty.
    ///
    /// # Safety
    ///
    /// The block belongs to the caller, and some bit of `live` is set.
    #[inline(always)]
    pub(super) unsafe fn behind(block: NonNull<Self>) -> u32 {
        // SAFETY: by contract.
        1 + unsafe { NonZero::new_unchecked(block.as_ref().live) }.ilog2()
    }

    /// Gives a place up.
    ///
    /// # Safety
    ///
    /// The block belongs to the caller, and the bit of the place is set.
    #[inline]
    pub(super) unsafe fn clear(block: NonNull<Self>, number: u32) {
        // SAFETY: by contract.
        unsafe {
            debug_assert!((*block.as_ptr()).live & 1 << number != 0);
            (*block.as_ptr()).live &= !(1 << number);
            (*block.as_ptr()).len -= 1;
        }
    }

    /// The bits of the places in use; none is any more.
    ///
    /// # Safety
    ///
    /// The block belongs to the caller.
    unsafe fn clear_all(block: NonNull<Self>) -> u32 {
        // SAFETY: by contract.
        unsafe {
            (*block.as_ptr()).len = 0;
            std::mem::take(&mut (*block.as_ptr()).live)
        }
    }

    /// Says that the slots listed here are needed soon.
    ///
    /// # Safety
    ///
    /// The block belongs to the caller.
    #[inline]
    pub(super) unsafe fn prefetch_slots(block: NonNull<Self>) {
        // SAFETY: by contract; a bit that is set has a slot.
        unsafe {
            for number in bits(block.as_ref().live) {
                // What the wheel reads and writes is at the start of it.
                prefetch::line(Self::slot(block, number).as_ptr());
            }
        }
    }

    /// Says that the slot listed behind this number is needed soon: timers are often taken out about in the order in which they
    /// were put in. It reads a line of the block more, and saves 50 ns if the slots lie anywhere.
    ///
    /// # Safety
    ///
    /// The block belongs to the caller.
    #[inline(always)]
    pub(super) unsafe fn prefetch_behind(block: NonNull<Self>, number: u32) {
        // SAFETY: by contract; a bit that is set has a slot.
        unsafe {
            if block.as_ref().live >> number & 2 != 0 {
                prefetch::slot(Self::slot(block, number + 1).as_ptr());
            }
        }
    }

    /// Says that this block is needed soon. Any pointer will do.
    #[inline]
    pub(super) fn prefetch(block: *const Self) {
        for line in 0..size_of::<Self>() / 64 {
            prefetch::line(block.wrapping_byte_add(line * 64));
        }
    }
}

/// The numbers of the bits that are set, from the lowest up.
#[inline]
pub(super) fn bits(mut word: u32) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        (word != 0).then(|| {
            let number = word.trailing_zeros();
            word &= word - 1;
            number
        })
    })
}

/// How far a sweep has come.
pub(super) struct Cursor<T: 'static> {
    /// All buckets below this one are still to be opened in this round.
    pub(super) bucket: usize,
    /// The block it stands in; null if it is done with the bucket.
    pub(super) block: *mut Block<T>,
    /// The number of the next place to look at.
    pub(super) number: u32,
}

impl<T> Cursor<T> {
    /// Done with `bucket`, or about to open it if it is one more.
    pub(super) fn before(bucket: usize) -> Self {
        Self { bucket, block: ptr::null_mut(), number: FIRST }
    }

    /// Goes to the start of `block`, which may be null.
    pub(super) fn enter(&mut self, block: *mut Block<T>) {
        self.block = block;
        self.number = FIRST;
    }
}

/// Blocks that are free, the memory for more, and where the sweep stands in those that are not.
pub(super) struct Blocks<T: 'static> {
    free: *mut Block<T>,
    memory: Region,
    pub(super) cursor: Cursor<T>,
}

impl<T> Blocks<T> {
    pub(super) const fn new(cursor: Cursor<T>) -> Self {
        Self { free: ptr::null_mut(), memory: Region::new(FIRST_PIECE), cursor }
    }

    /// An empty block for `bucket`, with no neighbours.
    #[inline]
    pub(super) fn take(&mut self, bucket: u16) -> NonNull<Block<T>> {
        let block = match NonNull::new(self.free) {
            Some(block) => {
                // SAFETY: free blocks are ours.
                self.free = unsafe { block.as_ref() }.next;
                // The one after this is wanted when this one is full.
                Block::prefetch(self.free);
                block
            }
            None => self.memory.take(Layout::new::<Block<T>>()).cast(),
        };
        let here = block.as_ptr();
        // SAFETY: the block is ours; the places stay as they are, and are written before they are read.
        unsafe {
            (&raw mut (*here).next).write(ptr::null_mut());
            (&raw mut (*here).prev).write(ptr::null_mut());
            (&raw mut (*here).live).write(0);
            (&raw mut (*here).bucket).write(bucket);
            (&raw mut (*here).len).write(0);
        }
        block
    }

    /// Puts a block away.
    ///
    /// # Safety
    ///
    /// The block came from `take`, is linked nowhere any more, and belongs to the caller, who gives it up.
    #[inline]
    pub(super) unsafe fn put(&mut self, block: NonNull<Block<T>>) {
        // SAFETY: by contract.
        unsafe { (*block.as_ptr()).next = self.free };
        self.free = block.as_ptr();
    }
}

/// Moves the entries of a block to its first places.
///
/// # Safety
///
/// The block, and the slots in it, belong to the caller.
pub(super) unsafe fn close_gaps<T>(block: NonNull<Block<T>>, cursor: &mut Cursor<T>) {
    // SAFETY: by contract; a place is read before one that is not behind it is written.
    unsafe {
        let live = Block::clear_all(block);
        for (number, from) in (FIRST..END).zip(bits(live)) {
            Block::put(block, number, Block::slot(block, from));
        }
    }
    if cursor.block == block.as_ptr() {
        cursor.enter(block.as_ptr());
    }
}

/// Moves all entries of one block behind those of another; the cursor follows.
///
/// # Safety
///
/// Both blocks, and the slots in them, belong to the caller; together they have no more entries than places.
pub(super) unsafe fn move_all<T>(from: NonNull<Block<T>>, to: NonNull<Block<T>>, cursor: &mut Cursor<T>) {
    // SAFETY: by contract.
    unsafe {
        if Block::end(to) + u32::from(from.as_ref().len) > END {
            close_gaps(to, cursor);
        }
        let live = Block::clear_all(from);
        for (number, from_number) in (Block::end(to)..END).zip(bits(live)) {
            Block::put(to, number, Block::slot(from, from_number));
        }
    }
    if cursor.block == from.as_ptr() {
        // What is before the entries that were moved is looked at a second time: that is allowed, to miss one is not.
        cursor.enter(to.as_ptr());
    }
}

//! The blocks of a buffer and the places of its readers.
//!
//! # Rules
//! * A place is a count: of all bytes that were ever appended before it. So what a reader has before it is a difference.
//! * Blocks are numbered one by one, and only ever dropped from the front; the last one is written to, if there is room.
//! * A block of memory that was taken over has none: each byte of a room is written by one chain.

use std::collections::VecDeque;
use std::mem;

use smallvec::SmallVec;

use super::room::Room;
use crate::ffi::types::{TSIOBufferBlock, TSIOBufferReader};

/// A part of a room: what it shows, and behind that what may yet be written.
pub(super) struct Block {
    pub(super) number: u64,
    /// Once somebody asked for it.
    pub(super) handle: Option<TSIOBufferBlock>,
    /// The place of its first byte.
    at: u64,
    room: Room,
    start: usize,
    end: usize,
    /// Up to where it may be written.
    limit: usize,
    /// Up to where the room has been written, or set to zero; not before `end`.
    clean: usize,
}

/// What is taken over from another buffer.
pub(super) struct Piece {
    room: Room,
    start: usize,
    end: usize,
}

pub(super) struct Chain {
    blocks: VecDeque<Block>,
    /// The number of the next block.
    next: u64,
    /// The place behind the last byte.
    written: u64,
    readers: SmallVec<[(TSIOBufferReader, u64); 2]>,
    block_size: usize,
    pub(super) water_mark: usize,
    over: bool,
}

impl Block {
    /// Bytes that can be read.
    pub(super) fn len(&self) -> usize {
        self.end - self.start
    }

    /// Bytes that can be written.
    pub(super) fn space(&self) -> usize {
        self.limit - self.end
    }

    /// The place behind its last byte.
    fn behind(&self) -> u64 {
        self.at + self.len() as u64
    }

    /// How many of its bytes are before the place.
    fn skipped(&self, at: u64) -> usize {
        at.saturating_sub(self.at).min(self.len() as u64) as usize
    }

    /// What of it a reader at that place has before it.
    pub(super) fn rest(&self, at: u64) -> (*const u8, usize) {
        let skipped = self.skipped(at);
        (self.room.at(self.start + skipped), self.len() - skipped)
    }

    /// Where a plugin may write, and how much. Whatever of it is produced, it is not what was in that memory before.
    pub(super) fn lend_room(&mut self) -> (*mut u8, usize) {
        self.clean_up_to(self.limit);
        (self.room.at(self.end), self.space())
    }

    fn clean_up_to(&mut self, to: usize) {
        if self.clean < to {
            // SAFETY: behind `end` a room is this block's alone, and the chain is locked; a plugin was never lent what has not
            // been written.
            unsafe { self.room.zero(self.clean, to) };
            self.clean = to;
        }
    }

    /// Appends what fits; says how much that was.
    ///
    /// # Safety
    ///
    /// So many bytes are there.
    unsafe fn push(&mut self, from: *const u8, count: usize) -> usize {
        let count = count.min(self.space());
        // SAFETY: the caller says that they are there; behind `end` a room is this block's alone, and the chain is locked.
        unsafe { self.room.fill(self.end, from, count) };
        self.end += count;
        self.clean = self.clean.max(self.end);
        count
    }
}

impl Chain {
    pub(super) fn new(block_size: usize) -> Self {
        Self {
            blocks: VecDeque::new(),
            next: 0,
            written: 0,
            readers: SmallVec::new(),
            block_size,
            water_mark: 0,
            over: false,
        }
    }

    /// Whether the buffer was destroyed.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// Ends it. Its readers and blocks are given back.
    pub(super) fn end(&mut self) -> (SmallVec<[TSIOBufferReader; 2]>, VecDeque<Block>) {
        self.over = true;
        let readers = mem::take(&mut self.readers).into_iter().map(|(reader, _)| reader).collect();
        (readers, mem::take(&mut self.blocks))
    }

    fn push(&mut self, room: Room, start: usize, end: usize, limit: usize) -> &mut Block {
        let (number, at) = (self.next, self.written);
        self.next += 1;
        self.written += (end - start) as u64;
        self.blocks.push_back(Block { number, handle: None, at, room, start, end, limit, clean: end });
        self.blocks.back_mut().expect("it was just pushed")
    }

    /// The last block, a new one if it has no room.
    pub(super) fn with_room(&mut self) -> &mut Block {
        if self.blocks.back().is_none_or(|block| block.space() == 0) {
            let room = Room::new(self.block_size);
            let size = room.size();
            return self.push(room, 0, 0, size);
        }
        self.blocks.back_mut().expect("it was just found")
    }

    /// Appends bytes.
    ///
    /// # Safety
    ///
    /// They are there.
    pub(super) unsafe fn write(&mut self, mut from: *const u8, mut count: usize) {
        while count > 0 {
            // SAFETY: the caller says so.
            let taken = unsafe { self.with_room().push(from, count) };
            self.written += taken as u64;
            from = from.wrapping_add(taken);
            count -= taken;
        }
    }

    /// Says that `count` bytes behind the last were written by the plugin; if there is no room for them, how much there is.
    pub(super) fn produce(&mut self, count: usize) -> Result<(), usize> {
        if count > 0 {
            let block = self.with_room();
            if count > block.space() {
                return Err(block.space());
            }
            block.clean_up_to(block.end + count);
            block.end += count;
            self.written += count as u64;
        }
        Ok(())
    }

    /// What a reader at that place has before it from `offset` on, `count` bytes of it at most.
    pub(super) fn pieces(&self, at: u64, offset: usize, count: usize) -> Vec<Piece> {
        let from = at.saturating_add(offset as u64);
        let to = from.saturating_add(count as u64);
        let wanted = self.blocks.iter().skip(self.index(from)).take_while(|block| block.at < to);
        wanted
            .map(|block| Piece {
                room: block.room.clone(),
                start: block.start + block.skipped(from),
                end: block.start + block.skipped(to),
            })
            .filter(|piece| piece.start < piece.end)
            .collect()
    }

    /// Appends memory that is another buffer's too; says how many bytes that was.
    pub(super) fn append(&mut self, Piece { room, start, end }: Piece) -> usize {
        self.push(room, start, end, end).len()
    }

    /// Where a new reader begins: at the first byte that is still there.
    pub(super) fn oldest(&self) -> u64 {
        self.blocks.front().map_or(self.written, |block| block.at)
    }

    /// A reader at that place.
    pub(super) fn add(&mut self, at: u64, name: impl FnOnce() -> TSIOBufferReader) -> TSIOBufferReader {
        let reader = name();
        self.readers.push((reader, at));
        reader
    }

    /// Where a reader is.
    pub(super) fn place(&self, reader: TSIOBufferReader) -> Option<u64> {
        self.readers.iter().find(|(known, _)| *known == reader).map(|(_, at)| *at)
    }

    pub(super) fn remove(&mut self, reader: TSIOBufferReader) {
        self.readers.retain(|(known, _)| *known != reader);
    }

    /// Moves a reader on, to the end at most.
    pub(super) fn consume(&mut self, reader: TSIOBufferReader, count: usize) {
        let written = self.written;
        if let Some((_, at)) = self.readers.iter_mut().find(|(known, _)| *known == reader) {
            *at = at.saturating_add(count as u64).min(written);
        }
    }

    pub(super) fn available(&self, at: u64) -> usize {
        (self.written - at) as usize
    }

    /// Copies what a reader at that place has before it, `count` bytes at most; says how many.
    ///
    /// # Safety
    ///
    /// There is room for them.
    pub(super) unsafe fn read(&self, at: u64, mut to: *mut u8, count: usize) -> usize {
        let count = count.min(self.available(at));
        let mut left = count;
        for block in self.blocks.iter().skip(self.index(at)) {
            let skipped = block.skipped(at);
            let now = left.min(block.len() - skipped);
            // SAFETY: the caller says that there is room. What a block shows is written, and nobody writes it again but a plugin,
            // which sees to that itself.
            unsafe { block.room.read(block.start + skipped, to, now) };
            to = to.wrapping_add(now);
            left -= now;
            if left == 0 {
                break;
            }
        }
        count
    }

    /// Where among the blocks the one is that holds the byte at that place; if that is not written yet, the one that holds the
    /// byte before it.
    fn index(&self, at: u64) -> usize {
        let index = self.blocks.partition_point(|block| block.behind() <= at);
        if index < self.blocks.len() {
            return index;
        }
        self.blocks.partition_point(|block| block.behind() < at)
    }

    /// The block where a reader at that place is.
    pub(super) fn holding(&mut self, at: u64) -> &mut Block {
        if self.blocks.is_empty() {
            return self.with_room();
        }
        let index = self.index(at);
        &mut self.blocks[index]
    }

    /// The block with a number, if it is there.
    pub(super) fn numbered(&mut self, number: u64) -> Option<&mut Block> {
        let first = self.blocks.front()?.number;
        self.blocks.get_mut(usize::try_from(number.checked_sub(first)?).ok()?)
    }

    /// Drops the blocks that nobody needs, and says of each that had a handle which it was.
    pub(super) fn trim(&mut self, mut gone: impl FnMut(TSIOBufferBlock)) {
        let first = self.readers.iter().map(|(_, at)| *at).min();
        while self.blocks.len() > 1 {
            let behind = self.blocks[0].behind();
            // A reader that has read all there is stays where it is until there is more.
            if first.is_some_and(|at| at < behind || behind == self.written) {
                return;
            }
            let block = self.blocks.pop_front().expect("there are two");
            block.handle.into_iter().for_each(&mut gone);
        }
    }
}

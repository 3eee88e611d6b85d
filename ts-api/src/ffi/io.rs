//! IO buffers: bytes in blocks, for one who writes and several who read, each at a place of his own.
//!
//! | room | is |
//! |---|---|
//! | [`chain`] | the blocks of a buffer, and where its readers are |
//! | [`room`] | the memory of blocks, which plugins read and write by pointers |
//!
//! # Rules
//! * A block is gone, and its handle stale, when every reader is past it and there is data behind it; without readers as soon as
//!   another block follows. A pointer into a block is good for as long as the block.
//! * A reader always has a block where it is, if only an empty one.
//! * With a buffer go its readers and its blocks.
//! * What one buffer takes over from another by [`TSIOBufferCopy`] is the same memory, in blocks of its own that are full.
//! * Any thread may call, several at a time: each call is done as a whole. What a plugin does by pointers it sees to itself.

mod chain;
mod room;

use std::ffi::{c_char, c_void};
use std::sync::Arc;

use parking_lot::Mutex;

use self::chain::{Block, Chain};
use super::call::{self, Call};
use super::handle::{Bad, Raw, Table};
use super::types::{TSIOBuffer, TSIOBufferBlock, TSIOBufferReader, TSIOBufferSizeIndex};

type Shared = Arc<Mutex<Chain>>;

static BUFFERS: Table<TSIOBuffer, Shared> = Table::new();
static READERS: Table<TSIOBufferReader, Shared> = Table::new();
/// With the block's number in the buffer.
static BLOCKS: Table<TSIOBufferBlock, (Shared, u64)> = Table::new();

/// Index 0; each further one is twice as much.
const SMALLEST: usize = 128;
const LARGEST_INDEX: TSIOBufferSizeIndex = 14;
/// 32 KiB.
const USUAL_INDEX: TSIOBufferSizeIndex = 8;

/// What handles of buffers, readers and blocks stand for is reached in one way, so that a call beside the buffer's end sees
/// either all of it or a stale handle.
struct Reached<H> {
    call: Call,
    argument: &'static str,
    handle: H,
    chain: Shared,
}

impl<H: Raw> Reached<H> {
    /// Works on the buffer. Blocks that nobody needs afterwards are gone.
    fn on<R>(&self, f: impl FnOnce(&mut Chain) -> R) -> R {
        let mut chain = self.chain.lock();
        if chain.is_over() {
            self.stale();
        }
        let value = f(&mut chain);
        chain.trim(|block| drop(BLOCKS.try_remove(block)));
        value
    }

    #[cold]
    fn stale(&self) -> ! {
        self.call.bad_handle(self.argument, self.handle.bits(), H::KIND, Bad::Stale(H::KIND))
    }
}

impl Reached<TSIOBufferReader> {
    /// Works on the buffer, with the reader's place in it.
    fn at<R>(&self, f: impl FnOnce(&mut Chain, u64) -> R) -> R {
        self.on(|chain| match chain.place(self.handle) {
            Some(at) => f(chain, at),
            None => self.stale(),
        })
    }
}

fn buffer(call: Call, bufp: TSIOBuffer) -> Reached<TSIOBuffer> {
    let chain = BUFFERS.with(call, "bufp", bufp, |chain| chain.clone());
    Reached { call, argument: "bufp", handle: bufp, chain }
}

fn reader(call: Call, readerp: TSIOBufferReader) -> Reached<TSIOBufferReader> {
    let chain = READERS.with(call, "readerp", readerp, |chain| chain.clone());
    Reached { call, argument: "readerp", handle: readerp, chain }
}

/// Looks at a block, or changes it.
fn with_block<R>(call: Call, blockp: TSIOBufferBlock, f: impl FnOnce(&mut Block) -> R) -> R {
    let (chain, number) = BLOCKS.with(call, "blockp", blockp, |block| block.clone());
    let reached = Reached { call, argument: "blockp", handle: blockp, chain };
    reached.on(|chain| chain.numbered(number).map(f)).unwrap_or_else(|| reached.stale())
}

/// The handle of a block; it has one from the first time that it is asked for.
fn lend(shared: &Shared, block: &mut Block) -> TSIOBufferBlock {
    *block.handle.get_or_insert_with(|| BLOCKS.insert((shared.clone(), block.number)))
}

/// A length that is not below zero.
fn length(call: Call, argument: &'static str, length: i64) -> usize {
    usize::try_from(length).unwrap_or_else(|_| call.fault(format_args!("{argument} is {length}")))
}

/// Puts a count where the plugin wants it, if it does.
///
/// # Safety
///
/// If it is not null it may be written to.
unsafe fn put(call: Call, place: *mut i64, count: usize) {
    if !place.is_null() {
        // SAFETY: it is neither null nor unaligned, and the caller says the rest.
        unsafe { call.place("avail", place).write(count as i64) };
    }
}

/// Appends `bytes` to the buffer `bufp`, as the plugin's argument `argument` is called.
pub(crate) fn write(call: Call, argument: &'static str, bufp: TSIOBuffer, bytes: &[u8]) {
    let chain = BUFFERS.with(call, argument, bufp, |chain| chain.clone());
    let reached = Reached { call, argument, handle: bufp, chain };
    // SAFETY: the bytes are there.
    reached.on(|chain| unsafe { chain.write(bytes.as_ptr(), bytes.len()) });
}

fn create(index: TSIOBufferSizeIndex) -> TSIOBuffer {
    BUFFERS.insert(Arc::new(Mutex::new(Chain::new(SMALLEST << index))))
}

#[unsafe(no_mangle)]
pub extern "C" fn TSIOBufferCreate() -> TSIOBuffer {
    call::enter("TSIOBufferCreate", |_| create(USUAL_INDEX))
}

#[unsafe(no_mangle)]
pub extern "C" fn TSIOBufferSizedCreate(index: TSIOBufferSizeIndex) -> TSIOBuffer {
    call::enter("TSIOBufferSizedCreate", |call| {
        if !(0..=LARGEST_INDEX).contains(&index) {
            call.fault(format_args!("index is {index}, and blocks have sizes from 0 to {LARGEST_INDEX}"));
        }
        create(index)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSIOBufferDestroy(bufp: TSIOBuffer) {
    call::enter("TSIOBufferDestroy", |call| end_chain(&BUFFERS.remove(call, "bufp", bufp)));
}

/// Ends a buffer of the host's own.
pub(crate) fn end(bufp: TSIOBuffer) {
    // A plugin may have destroyed it, wrongly; then there is nothing left to do.
    if let Ok(chain) = BUFFERS.try_remove(bufp) {
        end_chain(&chain);
    }
}

fn end_chain(chain: &Shared) {
    let (readers, blocks) = chain.lock().end();
    for reader in readers {
        // Freed by somebody else meanwhile.
        let _ = READERS.try_remove(reader);
    }
    for block in blocks.iter().filter_map(|block| block.handle) {
        let _ = BLOCKS.try_remove(block);
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn TSIOBufferStart(bufp: TSIOBuffer) -> TSIOBufferBlock {
    call::enter("TSIOBufferStart", |call| {
        let buffer = buffer(call, bufp);
        buffer.on(|chain| lend(&buffer.chain, chain.with_room()))
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSIOBufferWaterMarkGet(bufp: TSIOBuffer) -> i64 {
    call::enter("TSIOBufferWaterMarkGet", |call| buffer(call, bufp).on(|chain| chain.water_mark as i64))
}

#[unsafe(no_mangle)]
pub extern "C" fn TSIOBufferWaterMarkSet(bufp: TSIOBuffer, water_mark: i64) {
    call::enter("TSIOBufferWaterMarkSet", |call| {
        let water_mark = length(call, "water_mark", water_mark);
        buffer(call, bufp).on(|chain| chain.water_mark = water_mark);
    });
}

#[unsafe(no_mangle)]
pub extern "C" fn TSIOBufferCopy(
    bufp: TSIOBuffer,
    readerp: TSIOBufferReader,
    length: i64,
    offset: i64,
) -> i64 {
    call::enter("TSIOBufferCopy", |call| {
        let (count, offset) = (self::length(call, "length", length), self::length(call, "offset", offset));
        let to = buffer(call, bufp);
        // One after the other: it may be the same buffer, and another thread may copy the other way.
        let pieces = reader(call, readerp).at(|chain, at| chain.pieces(at, offset, count));
        to.on(|chain| pieces.into_iter().map(|piece| chain.append(piece)).sum::<usize>()) as i64
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSIOBufferWrite(bufp: TSIOBuffer, buf: *const c_void, length: i64) -> i64 {
    call::enter("TSIOBufferWrite", |call| {
        let count = self::length(call, "length", length);
        if buf.is_null() && count > 0 {
            call.fault(format_args!("buf is null, with a length of {count}"));
        }
        // SAFETY: the caller says that so many bytes are there.
        buffer(call, bufp).on(|chain| unsafe { chain.write(buf.cast(), count) });
        length
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSIOBufferProduce(bufp: TSIOBuffer, nbytes: i64) {
    call::enter("TSIOBufferProduce", |call| {
        let count = length(call, "nbytes", nbytes);
        let room = buffer(call, bufp).on(|chain| chain.produce(count));
        if let Err(room) = room {
            call.fault(format_args!(
                "nbytes is {count}, and the block that is written to has room for {room}"
            ));
        }
    });
}

#[unsafe(no_mangle)]
pub extern "C" fn TSIOBufferReaderAlloc(bufp: TSIOBuffer) -> TSIOBufferReader {
    call::enter("TSIOBufferReaderAlloc", |call| {
        let buffer = buffer(call, bufp);
        buffer.on(|chain| {
            let at = chain.oldest();
            chain.add(at, || READERS.insert(buffer.chain.clone()))
        })
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSIOBufferReaderClone(readerp: TSIOBufferReader) -> TSIOBufferReader {
    call::enter("TSIOBufferReaderClone", |call| {
        let reader = reader(call, readerp);
        reader.at(|chain, at| chain.add(at, || READERS.insert(reader.chain.clone())))
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSIOBufferReaderFree(readerp: TSIOBufferReader) {
    call::enter("TSIOBufferReaderFree", |call| {
        let chain = READERS.remove(call, "readerp", readerp);
        Reached { call, argument: "readerp", handle: readerp, chain }.on(|chain| chain.remove(readerp));
    });
}

#[unsafe(no_mangle)]
pub extern "C" fn TSIOBufferReaderStart(readerp: TSIOBufferReader) -> TSIOBufferBlock {
    call::enter("TSIOBufferReaderStart", |call| {
        let reader = reader(call, readerp);
        reader.at(|chain, at| lend(&reader.chain, chain.holding(at)))
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSIOBufferReaderConsume(readerp: TSIOBufferReader, nbytes: i64) {
    call::enter("TSIOBufferReaderConsume", |call| {
        let count = length(call, "nbytes", nbytes);
        reader(call, readerp).at(|chain, _| chain.consume(readerp, count));
    });
}

#[unsafe(no_mangle)]
pub extern "C" fn TSIOBufferReaderAvail(readerp: TSIOBufferReader) -> i64 {
    call::enter("TSIOBufferReaderAvail", |call| {
        reader(call, readerp).at(|chain, at| chain.available(at)) as i64
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSIOBufferReaderCopy(
    readerp: TSIOBufferReader,
    buf: *mut c_void,
    length: i64,
) -> i64 {
    call::enter("TSIOBufferReaderCopy", |call| {
        let count = self::length(call, "length", length);
        let reader = reader(call, readerp);
        if buf.is_null() && count > 0 {
            call.fault(format_args!("buf is null, with a length of {count}"));
        }
        // SAFETY: the caller says that there is room for so many bytes.
        reader.at(|chain, at| unsafe { chain.read(at, buf.cast(), count) }) as i64
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSIOBufferBlockNext(blockp: TSIOBufferBlock) -> TSIOBufferBlock {
    call::enter("TSIOBufferBlockNext", |call| {
        let (chain, number) = BLOCKS.with(call, "blockp", blockp, |block| block.clone());
        let reached = Reached { call, argument: "blockp", handle: blockp, chain };
        reached.on(|chain| {
            if chain.numbered(number).is_none() {
                reached.stale();
            }
            let next = chain.numbered(number + 1);
            next.map_or(TSIOBufferBlock::from_bits(0), |block| lend(&reached.chain, block))
        })
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSIOBufferBlockDataSizeGet(blockp: TSIOBufferBlock) -> i64 {
    call::enter("TSIOBufferBlockDataSizeGet", |call| with_block(call, blockp, |block| block.len()) as i64)
}

/// Where what a reader has of a block begins, and how much it is.
fn rest_of(call: Call, blockp: TSIOBufferBlock, readerp: TSIOBufferReader) -> (*const u8, usize) {
    let (chain, number) = BLOCKS.with(call, "blockp", blockp, |block| block.clone());
    let reader = reader(call, readerp);
    if !Arc::ptr_eq(&chain, &reader.chain) {
        call.fault("blockp and readerp are of two buffers");
    }
    let rest = reader.at(|chain, at| chain.numbered(number).map(|block| block.rest(at)));
    rest.unwrap_or_else(|| Reached { call, argument: "blockp", handle: blockp, chain }.stale())
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSIOBufferBlockReadStart(
    blockp: TSIOBufferBlock,
    readerp: TSIOBufferReader,
    avail: *mut i64,
) -> *const c_char {
    call::enter("TSIOBufferBlockReadStart", |call| {
        let (start, count) = rest_of(call, blockp, readerp);
        // SAFETY: the caller says so.
        unsafe { put(call, avail, count) };
        start.cast()
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSIOBufferBlockReadAvail(blockp: TSIOBufferBlock, readerp: TSIOBufferReader) -> i64 {
    call::enter("TSIOBufferBlockReadAvail", |call| rest_of(call, blockp, readerp).1 as i64)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSIOBufferBlockWriteStart(blockp: TSIOBufferBlock, avail: *mut i64) -> *mut c_char {
    call::enter("TSIOBufferBlockWriteStart", |call| {
        let (start, count) = with_block(call, blockp, Block::lend_room);
        // SAFETY: the caller says so.
        unsafe { put(call, avail, count) };
        start.cast()
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSIOBufferBlockWriteAvail(blockp: TSIOBufferBlock) -> i64 {
    call::enter("TSIOBufferBlockWriteAvail", |call| with_block(call, blockp, |block| block.space()) as i64)
}

//! Where continuations lie: memory in units of three sizes, used again and again, and never given back.
//!
//! A unit is one, two or four cache lines. Its first line has two parts that belong to different continuations: the front,
//! which is the unit's own, and the back, which is that of the unit half a page further on or back. So what the thread that
//! runs a continuation writes and what those write who schedule it from elsewhere lie on different lines, and no line
//! is wasted for it. The other lines are the unit's own.
//!
//! Each thread has a stock of free units, and meets the pool, and its lock, once a batch.
//!
//! # Rules
//! * Units are cut from pages, a page at a time and in order, so that a unit and the one that has its back lie in one page.
//! * A free unit's front holds a link. Its back, once it was in use, stays as it was left, for those who look through all units.
//! * Memory is zero when it is cut.
//!
//! An allocator would do without a room of its own, but asks 8 bytes and twice the time for each, and does not know which
//! continuations there are.

use parking_lot::Mutex;
use std::alloc::{Layout, alloc_zeroed, handle_alloc_error};
use std::cell::Cell;
use std::ptr::{self, NonNull};

/// Bytes of a unit's front: what a cache line of 64 bytes leaves.
pub(crate) const FRONT: usize = 40;
/// How much of the front a continuation needs itself.
pub(crate) const HEAD: usize = 32;
/// Bytes of a unit's back.
pub(crate) const BACK: usize = 24;
/// Where the rest of a unit begins, if there is one.
pub(crate) const REST: usize = FRONT + BACK;
/// Whatever is in a unit is aligned to this at most.
pub(crate) const ALIGN: usize = 64;

/// What is cut at once.
const PAGE: usize = 4096;
/// How far it is from a unit to the one that has its back.
const APART: usize = PAGE / 2;
/// How many free units change hands at once.
const BATCH: usize = 64;

/// The first piece of memory is so large, and each later one twice as large as the one before.
const FIRST_PIECE: usize = 4 * PAGE;
/// But for this limit.
const LAST_PIECE: usize = 4 * 1024 * 1024;

/// How large a unit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    /// One line.
    Small,
    /// Two.
    Middle,
    /// Four.
    Large,
}

impl Size {
    const ALL: [Self; 3] = [Self::Small, Self::Middle, Self::Large];

    /// The size in bytes.
    pub(crate) const fn bytes(self) -> usize {
        REST << self as usize
    }
}

/// A unit's back.
#[inline(always)]
pub(crate) fn back_of(unit: NonNull<u8>) -> NonNull<u8> {
    // SAFETY: units lie in pages that are aligned to their size, so half a page on or back is in the same page; and not at zero.
    unsafe { NonNull::new_unchecked(unit.as_ptr().map_addr(|address| address ^ APART)).byte_add(FRONT) }
}

/// What is in the front of a free unit.
struct Free {
    next: *mut Free,
    /// The batch behind the one that this unit is the first of.
    batch: *mut Free,
}

/// Memory that is cut into units.
struct Piece {
    start: NonNull<u8>,
    bytes: usize,
    /// How much of it has been cut.
    cut: usize,
}

/// All units of one size.
struct Pool {
    shared: Mutex<Shared>,
}

struct Shared {
    /// Batches of free units, each of them full.
    batches: *mut Free,
    /// Free units that came alone.
    loose: *mut Free,
    pieces: Vec<Piece>,
}

// SAFETY: it owns what it points to.
unsafe impl Send for Shared {}

static POOLS: [Pool; 3] = [const { Pool::new() }; 3];

impl Pool {
    const fn new() -> Self {
        Self {
            shared: Mutex::new(Shared {
                batches: ptr::null_mut(),
                loose: ptr::null_mut(),
                pieces: Vec::new(),
            }),
        }
    }
}

impl Shared {
    /// A page that was never in use.
    fn cut(&mut self) -> NonNull<u8> {
        if self.pieces.last().is_none_or(|piece| piece.cut == piece.bytes) {
            let bytes = self.pieces.last().map_or(FIRST_PIECE, |piece| LAST_PIECE.min(2 * piece.bytes));
            let layout = Layout::from_size_align(bytes, PAGE).expect("pieces are of a reasonable size");
            // SAFETY: the size is not zero.
            let start = NonNull::new(unsafe { alloc_zeroed(layout) });
            let start = start.unwrap_or_else(|| handle_alloc_error(layout));
            self.pieces.push(Piece { start, bytes, cut: 0 });
        }
        let piece = self.pieces.last_mut().expect("there is one now");
        // SAFETY: so much is left of the piece.
        let page = unsafe { piece.start.byte_add(piece.cut) };
        piece.cut += PAGE;
        page
    }

    fn pop_loose(&mut self) -> Option<NonNull<Free>> {
        let unit = NonNull::new(self.loose)?;
        // SAFETY: free units are the pool's.
        self.loose = unsafe { unit.as_ref() }.next;
        Some(unit)
    }

    fn push_loose(&mut self, unit: NonNull<Free>) {
        // SAFETY: the unit is free and was given up for this; its front has room for the link.
        unsafe { unit.write(Free { next: self.loose, batch: ptr::null_mut() }) };
        self.loose = unit.as_ptr();
    }
}

/// A thread's free units of one size.
struct Stock {
    /// Those that were in use.
    free: Cell<*mut Free>,
    count: Cell<usize>,
    /// What is left of a page that was cut for this thread, up to its end.
    fresh: Cell<*mut u8>,
    left: Cell<usize>,
}

/// A thread's free units.
struct Stocks([Stock; 3]);

thread_local! {
    static STOCKS: Stocks = const { Stocks([const { Stock::new() }; 3]) };
}

impl Stock {
    const fn new() -> Self {
        Self {
            free: Cell::new(ptr::null_mut()),
            count: Cell::new(0),
            fresh: Cell::new(ptr::null_mut()),
            left: Cell::new(0),
        }
    }

    #[inline]
    fn take(&self, size: Size) -> NonNull<u8> {
        if let Some(unit) = NonNull::new(self.free.get()) {
            // SAFETY: free units of the stock are the thread's.
            self.free.set(unsafe { unit.as_ref() }.next);
            self.count.set(self.count.get() - 1);
            return unit.cast();
        }
        if self.left.get() == 0 {
            return self.refill(size);
        }
        self.take_fresh(size)
    }

    #[inline]
    fn take_fresh(&self, size: Size) -> NonNull<u8> {
        let unit = self.fresh.get();
        self.left.set(self.left.get() - size.bytes());
        // SAFETY: so much was left of the page; its end counts as inside.
        self.fresh.set(unsafe { unit.byte_add(size.bytes()) });
        NonNull::new(unit).expect("a page is not at zero")
    }

    #[cold]
    #[inline(never)]
    fn refill(&self, size: Size) -> NonNull<u8> {
        let mut shared = POOLS[size as usize].shared.lock();
        if let Some(batch) = NonNull::new(shared.batches) {
            // SAFETY: free units are the pool's, and these are ours from here on.
            unsafe {
                shared.batches = batch.as_ref().batch;
                self.free.set(batch.as_ref().next);
            }
            self.count.set(BATCH - 1);
            return batch.cast();
        }
        if let Some(unit) = shared.pop_loose() {
            while self.count.get() < BATCH
                && let Some(more) = shared.pop_loose()
            {
                // SAFETY: the unit is ours now, and given up for this.
                unsafe { self.push(more) };
            }
            return unit.cast();
        }
        let page = shared.cut();
        drop(shared);
        self.fresh.set(page.as_ptr());
        self.left.set(PAGE);
        self.take_fresh(size)
    }

    /// # Safety
    ///
    /// As for [`give`].
    #[inline]
    unsafe fn give(&self, unit: NonNull<Free>, size: Size) {
        // SAFETY: by contract.
        unsafe { self.push(unit) };
        if self.count.get() == 2 * BATCH {
            self.hand_in(size);
        }
    }

    /// # Safety
    ///
    /// The unit is free, and the caller gives it up.
    #[inline]
    unsafe fn push(&self, unit: NonNull<Free>) {
        // SAFETY: the front has room for the link, and is nobody else's, says the caller.
        unsafe { unit.write(Free { next: self.free.get(), batch: ptr::null_mut() }) };
        self.free.set(unit.as_ptr());
        self.count.set(self.count.get() + 1);
    }

    /// Gives a batch of free units to the pool.
    #[cold]
    #[inline(never)]
    fn hand_in(&self, size: Size) {
        let first = self.free.get();
        let mut last = first;
        // SAFETY: there are at least so many free units in the stock, which are the thread's.
        unsafe {
            for _ in 1..BATCH {
                last = (*last).next;
            }
            self.free.set((*last).next);
            (*last).next = ptr::null_mut();
        }
        self.count.set(self.count.get() - BATCH);
        let mut shared = POOLS[size as usize].shared.lock();
        // SAFETY: the batch is ours, and given up for this.
        unsafe { (*first).batch = shared.batches };
        shared.batches = first;
    }

    fn clear(&self, size: Size) {
        while self.count.get() >= BATCH {
            self.hand_in(size);
        }
        let mut shared = POOLS[size as usize].shared.lock();
        while let Some(unit) = NonNull::new(self.free.get()) {
            // SAFETY: free units of the stock are the thread's, and this one leaves it.
            self.free.set(unsafe { unit.as_ref() }.next);
            shared.push_loose(unit);
        }
        self.count.set(0);
        while self.left.get() > 0 {
            shared.push_loose(self.take_fresh(size).cast());
        }
    }
}

impl Drop for Stocks {
    fn drop(&mut self) {
        for size in Size::ALL {
            self.0[size as usize].clear(size);
        }
    }
}

/// A free unit, which is the caller's from here on.
#[inline]
pub(crate) fn take(size: Size) -> NonNull<u8> {
    STOCKS.try_with(|stocks| stocks.0[size as usize].take(size)).unwrap_or_else(|_| take_alone(size))
}

/// Gives a unit back.
///
/// # Safety
///
/// It came from [`take`] with this size, and the caller gives it up; nothing is in it that is to be dropped.
#[inline]
pub(crate) unsafe fn give(unit: NonNull<u8>, size: Size) {
    // SAFETY: by contract.
    let given = STOCKS.try_with(|stocks| unsafe { stocks.0[size as usize].give(unit.cast(), size) });
    if given.is_err() {
        // The thread is ending, and has no stock any more.
        POOLS[size as usize].shared.lock().push_loose(unit.cast());
    }
}

/// As [`take`], for a thread without a stock.
#[cold]
fn take_alone(size: Size) -> NonNull<u8> {
    let stock = Stock::new();
    let unit = stock.take(size);
    stock.clear(size);
    unit
}

/// Calls `f` with every unit that ever was in use, and some others: their fronts may be anything, their backs are zero or were
/// made some time.
pub(crate) fn for_each(mut f: impl FnMut(NonNull<u8>)) {
    for size in Size::ALL {
        let cut: Vec<_> =
            POOLS[size as usize].shared.lock().pieces.iter().map(|piece| (piece.start, piece.cut)).collect();
        for (start, bytes) in cut {
            for offset in (0..bytes).step_by(size.bytes()) {
                // SAFETY: the offset is inside of the piece.
                f(unsafe { start.byte_add(offset) });
            }
        }
    }
}

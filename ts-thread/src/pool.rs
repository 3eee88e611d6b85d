//! Memory in units of one size, used again and again, and never given back; each thread has a stock of them.
//!
//! For what a program has very many of, makes and ends all the time, and points to: an allocator asks 8 bytes and several times
//! the steps for each. Because a unit stays one for the life of the program, whoever knows how can look through all of them.
//!
//! # Rules
//! * Units are cut from pages, a page at a time and in order; none reaches over the middle of its page, or the end, so that both
//!   halves have the same units.
//! * Memory is zero when it is cut. A free unit's first two words, behind the head, are links; what comes behind them stays as it was left.
//! * A stock belongs to one thread and meets its pool, and the pool's lock, once a batch. Dropped, it gives all back.
//!
//! This module is hidden from the documentation: it exists for the ts crates.

use std::alloc::{Layout, alloc_zeroed, handle_alloc_error};
use std::cell::Cell;
use std::ptr::{self, NonNull};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::LocalKey;

/// What is cut at once, and what it is aligned to.
pub const PAGE: usize = 4096;

/// Half of it: where the same units are again.
pub const HALF: usize = PAGE / 2;

/// How many free units change hands at once.
const BATCH: usize = 64;

/// The first piece of memory is so large, and each later one twice as large as the one before.
const FIRST_PIECE: usize = 4 * PAGE;
/// But for this limit.
const LAST_PIECE: usize = 4 * 1024 * 1024;

/// All units of one size and purpose. Put it in a `static`, and its [`Stock`] in a thread-local.
#[derive(Debug)]
pub struct Pool {
    /// Bytes of a unit.
    unit: usize,
    /// So many of them, at its start, are no business of the pool; it hands out the rest.
    head: usize,
    shared: Mutex<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Batches of free units, each of them full.
    batches: *mut Free,
    /// Free units that came alone.
    loose: *mut Free,
    pieces: Vec<Piece>,
}

// SAFETY: what it points to is its own, and free.
unsafe impl Send for Shared {}

/// What is in a free unit.
struct Free {
    next: *mut Free,
    /// The batch behind the one that this unit is the first of.
    batch: *mut Free,
}

/// Memory that is cut into pages.
#[derive(Debug)]
struct Piece {
    start: NonNull<u8>,
    bytes: usize,
    /// How much of it has been cut.
    cut: usize,
}

/// A thread's free units of a pool.
#[derive(Debug)]
pub struct Stock {
    pool: &'static Pool,
    /// Those that were in use.
    free: Cell<*mut Free>,
    count: Cell<usize>,
    /// What is left of half a page that was cut for this thread: where, and how many units.
    fresh: Cell<*mut u8>,
    left: Cell<usize>,
    /// The other half, if it was not begun.
    other_half: Cell<*mut u8>,
}

impl Pool {
    /// A pool of units of so many bytes: a multiple of 8, at least 16, at most half a page. They are aligned as that and the
    /// page allow.
    #[must_use]
    pub const fn new(unit: usize) -> Self {
        Self::behind(0, unit)
    }

    /// A pool of units of so many bytes, of which the first `head` are never touched and what is handed out comes behind them:
    /// they may be in use while the unit is free. Both are multiples of 8.
    #[must_use]
    pub const fn behind(head: usize, unit: usize) -> Self {
        assert!(unit.is_multiple_of(align_of::<Free>()) && unit >= head + size_of::<Free>() && unit <= HALF);
        assert!(head.is_multiple_of(align_of::<Free>()));
        Self {
            unit,
            head,
            shared: Mutex::new(Shared {
                batches: ptr::null_mut(),
                loose: ptr::null_mut(),
                pieces: Vec::new(),
            }),
        }
    }

    /// A free unit, which is the caller's from here on. `stock` is of this pool.
    #[inline]
    pub fn take(&'static self, stock: &'static LocalKey<Stock>) -> NonNull<u8> {
        // A thread that is ending has no stock any more.
        stock.try_with(Stock::take).unwrap_or_else(|_| Stock::new(self).take())
    }

    /// Gives a unit back. `stock` is of this pool.
    ///
    /// # Safety
    ///
    /// The unit came from [`take`](Self::take) of this pool, and the caller gives it up; nothing is in it that is to be dropped.
    #[inline]
    pub unsafe fn give(&'static self, stock: &'static LocalKey<Stock>, unit: NonNull<u8>) {
        // SAFETY: by contract.
        let given = stock.try_with(|stock| unsafe { stock.give(unit.cast()) });
        if given.is_err() {
            // SAFETY: by contract.
            unsafe { self.lock().push_loose(unit.cast()) };
        }
    }

    /// Calls `f` with every unit that ever was in use, and some that never were, with no lock held.
    pub fn for_each(&self, mut f: impl FnMut(NonNull<u8>)) {
        let cut: Vec<_> = self.lock().pieces.iter().map(|piece| (piece.start, piece.cut)).collect();
        for (start, bytes) in cut {
            for half in (0..bytes).step_by(HALF) {
                for number in 0..self.in_half() {
                    // SAFETY: so many units are in half a page, and that is in the piece.
                    f(unsafe { start.byte_add(half + number * self.unit + self.head) });
                }
            }
        }
    }

    fn in_half(&self) -> usize {
        HALF / self.unit
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        // Nothing under the lock can panic half way, except for want of memory before anything was changed.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// # Safety
    ///
    /// The unit is free, and the caller gives it up.
    unsafe fn push_loose(&mut self, unit: NonNull<Free>) {
        // SAFETY: a unit has room for the links, and is nobody else's, says the caller.
        unsafe { unit.write(Free { next: self.loose, batch: ptr::null_mut() }) };
        self.loose = unit.as_ptr();
    }
}

impl Stock {
    /// Nothing in stock yet.
    #[must_use]
    pub const fn new(pool: &'static Pool) -> Self {
        Self {
            pool,
            free: Cell::new(ptr::null_mut()),
            count: Cell::new(0),
            fresh: Cell::new(ptr::null_mut()),
            left: Cell::new(0),
            other_half: Cell::new(ptr::null_mut()),
        }
    }

    #[inline]
    fn take(&self) -> NonNull<u8> {
        if let Some(unit) = NonNull::new(self.free.get()) {
            // SAFETY: free units of the stock are the thread's.
            self.free.set(unsafe { unit.as_ref() }.next);
            self.count.set(self.count.get() - 1);
            return unit.cast();
        }
        if self.left.get() == 0 {
            return self.refill();
        }
        self.take_fresh()
    }

    #[inline]
    fn take_fresh(&self) -> NonNull<u8> {
        let unit = self.fresh.get();
        self.left.set(self.left.get() - 1);
        // SAFETY: so much was left of the half; its end counts as inside.
        self.fresh.set(unsafe { unit.byte_add(self.pool.unit) });
        // SAFETY: a unit is longer than its head, and a page is not at zero.
        unsafe { NonNull::new_unchecked(unit.byte_add(self.pool.head)) }
    }

    #[cold]
    #[inline(never)]
    fn refill(&self) -> NonNull<u8> {
        if let Some(half) = NonNull::new(self.other_half.replace(ptr::null_mut())) {
            return self.begin_half(half);
        }
        let mut shared = self.pool.lock();
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
        // SAFETY: it is a page.
        self.other_half.set(unsafe { page.byte_add(HALF) }.as_ptr());
        self.begin_half(page)
    }

    fn begin_half(&self, half: NonNull<u8>) -> NonNull<u8> {
        self.fresh.set(half.as_ptr());
        self.left.set(self.pool.in_half());
        self.take_fresh()
    }

    /// # Safety
    ///
    /// The unit is free and of the stock's pool, and the caller gives it up.
    #[inline]
    unsafe fn give(&self, unit: NonNull<Free>) {
        // SAFETY: by contract.
        unsafe { self.push(unit) };
        if self.count.get() == 2 * BATCH {
            self.hand_in();
        }
    }

    /// # Safety
    ///
    /// As for `give`.
    #[inline]
    unsafe fn push(&self, unit: NonNull<Free>) {
        // SAFETY: a unit has room for the links, and is nobody else's, says the caller.
        unsafe { unit.write(Free { next: self.free.get(), batch: ptr::null_mut() }) };
        self.free.set(unit.as_ptr());
        self.count.set(self.count.get() + 1);
    }

    /// Gives a batch of free units to the pool.
    #[cold]
    #[inline(never)]
    fn hand_in(&self) {
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
        let mut shared = self.pool.lock();
        // SAFETY: the batch is ours, and given up for this.
        unsafe { (*first).batch = shared.batches };
        shared.batches = first;
    }
}

impl Drop for Stock {
    fn drop(&mut self) {
        while self.count.get() >= BATCH {
            self.hand_in();
        }
        let mut shared = self.pool.lock();
        while let Some(unit) = NonNull::new(self.free.get()) {
            // SAFETY: free units of the stock are the thread's, and this one leaves it.
            unsafe {
                self.free.set(unit.as_ref().next);
                shared.push_loose(unit);
            }
        }
        loop {
            let unit = match NonNull::new(self.other_half.get()) {
                _ if self.left.get() > 0 => self.take_fresh(),
                Some(half) => {
                    self.other_half.set(ptr::null_mut());
                    self.begin_half(half)
                }
                None => break,
            };
            // SAFETY: what was never in use is free, and leaves the stock.
            unsafe { shared.push_loose(unit.cast()) };
        }
    }
}

//! Where continuations lie: in units of one, two or four cache lines.
//!
//! A unit's first line has two parts that belong to different continuations: the front, which is the unit's own, and the back,
//! which is that of the unit half a page further on or back. So what the thread that runs a continuation writes and what
//! those write who schedule it from elsewhere lie on different lines, and no line is wasted for it. The other lines are
//! the unit's own.
//!
//! A free unit's back stays as it was left, or zero, for those who look through all units.

use std::ptr::NonNull;
use ts_thread::pool::{PAGE, Pool, Stock};

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

/// How far it is from a unit to the one that has its back.
const APART: usize = PAGE / 2;

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
    /// The size in bytes.
    pub(crate) const fn bytes(self) -> usize {
        REST << self as usize
    }
}

static SMALL: Pool = Pool::new(Size::Small.bytes());
static MIDDLE: Pool = Pool::new(Size::Middle.bytes());
static LARGE: Pool = Pool::new(Size::Large.bytes());

thread_local! {
    static OF_SMALL: Stock = const { Stock::new(&SMALL) };
    static OF_MIDDLE: Stock = const { Stock::new(&MIDDLE) };
    static OF_LARGE: Stock = const { Stock::new(&LARGE) };
}

/// A free unit, which is the caller's from here on.
#[inline]
pub(crate) fn take(size: Size) -> NonNull<u8> {
    match size {
        Size::Small => SMALL.take(&OF_SMALL),
        Size::Middle => MIDDLE.take(&OF_MIDDLE),
        Size::Large => LARGE.take(&OF_LARGE),
    }
}

/// Gives a unit back.
///
/// # Safety
///
/// It came from [`take`] with this size, and the caller gives it up; nothing is in it that is to be dropped.
#[inline]
pub(crate) unsafe fn give(unit: NonNull<u8>, size: Size) {
    // SAFETY: by contract.
    unsafe {
        match size {
            Size::Small => SMALL.give(&OF_SMALL, unit),
            Size::Middle => MIDDLE.give(&OF_MIDDLE, unit),
            Size::Large => LARGE.give(&OF_LARGE, unit),
        }
    }
}

/// A unit's back.
#[inline(always)]
pub(crate) fn back_of(unit: NonNull<u8>) -> NonNull<u8> {
    // SAFETY: pages are aligned to their size, so half a page on or back is in the same one; and not at zero.
    unsafe { NonNull::new_unchecked(unit.as_ptr().map_addr(|address| address ^ APART)).byte_add(FRONT) }
}

/// Calls `f` with every unit that ever was in use, and some others: their fronts may be anything, their backs are zero or were
/// made some time.
pub(crate) fn for_each(mut f: impl FnMut(NonNull<u8>)) {
    for pool in [&SMALL, &MIDDLE, &LARGE] {
        pool.for_each(&mut f);
    }
}

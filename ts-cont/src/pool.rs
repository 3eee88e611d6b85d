//! Where continuations lie: in units of three quarters of a cache line, and one, two or four of them.
//!
//! A unit begins with a part that belongs to another continuation: the back of the one whose unit is half a page further on
//! or back. Then comes its own front, and the handler. So what the thread that runs a continuation writes and what those
//! write who schedule it from elsewhere lie on different lines, and no line is wasted for it.
//!
//! A free unit's first part stays as it was left, or zero, for those who look through all units; so it is not the one in which
//! a free unit's links are.

use std::ptr::NonNull;
use ts_thread::pool::{HALF, Pool, Stock};

/// Bytes of a continuation's back, which another unit has.
pub(crate) const BACK: usize = 16;
/// Bytes of its front, which is in its own; its handler comes behind that.
pub(crate) const HEAD: usize = 32;
/// Whatever is in a unit is aligned to this at most.
pub(crate) const ALIGN: usize = 16;
/// Bytes of a cache line.
pub(crate) const LINE: usize = 64;

/// How large a unit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    /// No room for a handler: one that is a function and nothing else needs none.
    Tiny,
    /// One line.
    Small,
    /// Two.
    Middle,
    /// Four.
    Large,
}

impl Size {
    /// The size in bytes.
    const fn bytes(self) -> usize {
        match self {
            Self::Tiny => BACK + HEAD,
            Self::Small => LINE,
            Self::Middle => 2 * LINE,
            Self::Large => 4 * LINE,
        }
    }

    /// How much of it is left for a handler.
    pub(crate) const fn room(self) -> usize {
        self.bytes() - BACK - HEAD
    }
}

static TINY: Pool = Pool::behind(BACK, Size::Tiny.bytes());
static SMALL: Pool = Pool::behind(BACK, Size::Small.bytes());
static MIDDLE: Pool = Pool::behind(BACK, Size::Middle.bytes());
static LARGE: Pool = Pool::behind(BACK, Size::Large.bytes());

thread_local! {
    static OF_TINY: Stock = const { Stock::new(&TINY) };
    static OF_SMALL: Stock = const { Stock::new(&SMALL) };
    static OF_MIDDLE: Stock = const { Stock::new(&MIDDLE) };
    static OF_LARGE: Stock = const { Stock::new(&LARGE) };
}

/// Room for a front and what comes behind it, which is the caller's from here on, as is its back.
#[inline]
pub(crate) fn take(size: Size) -> NonNull<u8> {
    match size {
        Size::Tiny => TINY.take(&OF_TINY),
        Size::Small => SMALL.take(&OF_SMALL),
        Size::Middle => MIDDLE.take(&OF_MIDDLE),
        Size::Large => LARGE.take(&OF_LARGE),
    }
}

/// Gives it back.
///
/// # Safety
///
/// The front came from [`take`] with this size, and the caller gives it up; nothing is in it that is to be dropped.
#[inline]
pub(crate) unsafe fn give(front: NonNull<u8>, size: Size) {
    // SAFETY: by contract.
    unsafe {
        match size {
            Size::Tiny => TINY.give(&OF_TINY, front),
            Size::Small => SMALL.give(&OF_SMALL, front),
            Size::Middle => MIDDLE.give(&OF_MIDDLE, front),
            Size::Large => LARGE.give(&OF_LARGE, front),
        }
    }
}

/// The back that belongs to a front.
#[inline(always)]
pub(crate) fn back_of(front: NonNull<u8>) -> NonNull<u8> {
    // SAFETY: pages are aligned to their size and have the same units in both halves, so half a page on or back is another front,
    // with the back before it; and none is at zero.
    unsafe { NonNull::new_unchecked(front.as_ptr().map_addr(|address| address ^ HALF)).byte_sub(BACK) }
}

/// Calls `f` with every front that ever was in use, and some others: they may be anything, their backs are zero or were made
/// some time.
pub(crate) fn for_each(mut f: impl FnMut(NonNull<u8>)) {
    for pool in [&TINY, &SMALL, &MIDDLE, &LARGE] {
        pool.for_each(&mut f);
    }
}

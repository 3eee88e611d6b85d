//! The counted pointer behind a mutex handle.
//!
//! `Arc` would do, but it keeps two counts of a word each. With one count of half a word the whole mutex is 32 bytes. It lies in
//! a pool, of which each thread has a stock: so it is made and freed in a few steps, and an allocator's head is saved.
//!
//! # Ordering
//! One pair, `[count-last]`: from each drop to the one that finds the count at its end.

use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::process;
use std::ptr::NonNull;

use ts_thread::pool::{Pool, Stock};
use ts_thread::sync::atomic::{Ordering, fence};

use crate::raw::Core;

/// A share in a mutex. Counts itself.
pub(crate) struct Shared(NonNull<Core>);

static POOL: Pool = Pool::new(size_of::<Core>().next_multiple_of(8));

std::thread_local! {
    static STOCK: Stock = const { Stock::new(&POOL) };
}

const _: () = assert!(align_of::<Core>() <= 8);

/// More shares than this are a leak in a loop. There is as much room again above, so that a few threads that
/// clone at the same time cannot get past it.
const TOO_MANY: u32 = u32::MAX / 2;

// SAFETY: `Core` is `Sync`, and what it owns, a name and a queue of what is `Send`, may be dropped by any thread.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    /// The first share.
    pub(crate) fn new(core: Core) -> Self {
        let place = POOL.take(&STOCK).cast();
        // SAFETY: the unit is ours, and large enough.
        unsafe { place.write(core) };
        Self(place)
    }

    /// The address, which no other mutex has while a share exists.
    #[inline(always)]
    pub(crate) fn address(&self) -> usize {
        self.0.as_ptr() as usize
    }

    /// The pointer, with the share.
    pub(crate) fn into_raw(self) -> NonNull<()> {
        ManuallyDrop::new(self).0.cast()
    }

    /// The share that [`Shared::into_raw`] gave away.
    ///
    /// # Safety
    ///
    /// The pointer came from `into_raw` and is made a share once for each such call.
    pub(crate) unsafe fn from_raw(raw: NonNull<()>) -> Self {
        Self(raw.cast())
    }
}

impl Deref for Shared {
    type Target = Core;

    #[inline(always)]
    fn deref(&self) -> &Core {
        // SAFETY: made in `new`, and freed by the last share only; this is one.
        unsafe { self.0.as_ref() }
    }
}

impl Clone for Shared {
    #[inline]
    fn clone(&self) -> Self {
        // Relaxed, alone: a new share is made from one that exists, which keeps the mutex alive meanwhile.
        if self.refs.fetch_add(1, Ordering::Relaxed) > TOO_MANY {
            // Unwinding would leave the count where it is, so that one day it would wrap.
            process::abort();
        }
        Self(self.0)
    }
}

impl Drop for Shared {
    #[inline]
    fn drop(&mut self) {
        // Release [count-last]: whatever was done through this share happens before the mutex is freed.
        if self.refs.fetch_sub(1, Ordering::Release) != 1 {
            return;
        }
        // Acquire [count-last]: whatever was done through other shares has happened.
        fence(Ordering::Acquire);
        self.free();
    }
}

impl Shared {
    #[cold]
    fn free(&mut self) {
        crate::diagnostics::forget(self.address());
        self.end();
        // SAFETY: made in `new`; this was the last share, and a share is made from a share only.
        unsafe {
            self.0.drop_in_place();
            POOL.give(&STOCK, self.0.cast());
        }
    }
}

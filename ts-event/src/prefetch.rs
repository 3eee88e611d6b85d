//! Telling the processor what is needed soon.
//!
//! Events lie in memory in the order they were made, and are needed in another one, so most steps from one to the next miss
//! the cache. A hint for what comes a few steps later costs one instruction, and its miss then passes while the steps
//! in between are made.

use crate::slot::Slot;

/// Bytes that the cache fetches together.
const LINE: usize = 64;

/// Tells the processor that the cache line at `address` is needed soon. Any address will do; it need not be mapped.
#[inline(always)]
pub fn prefetch<T>(address: *const T) {
    line(address);
}

/// See [`prefetch`].
#[inline(always)]
pub(crate) fn line<T>(address: *const T) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: a hint, which reads nothing and does not fault.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(address.cast());
    }
    #[cfg(all(target_arch = "aarch64", not(miri)))]
    // SAFETY: as above.
    unsafe {
        std::arch::asm!("prfm pstl1keep, [{}]", in(reg) address, options(nostack, readonly, preserves_flags));
    }
    #[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
    let _ = address;
}

/// Says that all of a slot is needed soon, or as much of it as an event usually is.
#[inline(always)]
pub(crate) fn slot<T>(slot: *const Slot<T>) {
    line(slot);
    // One that is as long as a line lies on one.
    if size_of::<Slot<T>>() != LINE {
        line(slot.wrapping_byte_add(LINE.min(size_of::<Slot<T>>() - 1)));
    }
}

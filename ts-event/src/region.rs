//! Memory in large pieces, cut up and never given back one by one.
//!
//! The pieces double in size up to a limit, so what needs little takes little, and what needs much asks rarely.
//!
//! # Rules
//! * A piece is asked for when the last one is used up, and touched only as it is cut, or shortly before: what lies further on
//!   costs address space alone.
//! * All of it goes at once, when the region is dropped.
//! * Of a piece of several stretches, what is behind the step that is cut is made ready meanwhile, by a thread that has nothing
//!   else to do; a step that it has not come to is made ready when it is begun.
//!
//! A vector that grows would move what it holds, and events are pointed to. Huge pages were tried for large pieces: scattered
//! events are reached a fifth to a third faster then, but in a virtual machine whose host takes back large free blocks
//! the first touch of each took milliseconds, in the middle of a turn.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::{self, NonNull};

use ts_thread::ahead::{STEP, STRETCH, make_ready, make_ready_here, take_share, withdraw};

/// A piece is never larger, unless what is cut from it is. What is not used of it is address space.
const LARGEST: usize = 32 * 1024 * 1024;

/// Bytes of a page, or of a part of one: where pieces begin that are made ready. Then next to nothing is made ready by nobody since
/// it is in two steps.
const PAGE: usize = 4096;

/// Pieces of memory, the last one partly used.
pub(crate) struct Region {
    /// What is left of the last piece, to the end of the step and behind it.
    next: *mut u8,
    left: usize,
    behind: usize,
    /// How much of what is behind is made ready by somebody else.
    ahead: usize,
    /// How large the next piece is to be.
    step: usize,
    pieces: Vec<(NonNull<u8>, Layout)>,
}

impl Region {
    /// No memory yet; the first piece will be of `first` bytes.
    pub(crate) const fn new(first: usize) -> Self {
        Self { next: ptr::null_mut(), left: 0, behind: 0, ahead: 0, step: first, pieces: Vec::new() }
    }

    /// Memory of this layout, not initialised, good until the region is dropped.
    ///
    /// All calls have to ask for the same layout, and its size has to be a power of two and a multiple of its alignment.
    #[inline]
    pub(crate) fn take(&mut self, layout: Layout) -> NonNull<u8> {
        debug_assert!(layout.size().is_power_of_two() && layout.size().is_multiple_of(layout.align()));
        if self.left < layout.size() {
            self.go_on(layout);
        }
        let here = self.next;
        self.left -= layout.size();
        // SAFETY: so much was left of the piece.
        self.next = unsafe { here.add(layout.size()) };
        NonNull::new(here).expect("what is left of a piece is not at zero")
    }

    /// Goes on to the next step of the piece, or to another piece.
    #[cold]
    fn go_on(&mut self, layout: Layout) {
        let is_new = self.behind == 0;
        if is_new {
            self.grow(layout);
            if self.left <= STRETCH || layout.size() > STEP {
                return;
            }
            self.behind = self.left;
        }
        self.left = self.behind.min(STEP);
        self.behind -= self.left;
        self.ahead = self.ahead.saturating_sub(self.left);
        // SAFETY: the piece goes on there.
        let (here, behind) = unsafe { (NonNull::new_unchecked(self.next), self.next.add(self.left)) };
        if self.ahead < STRETCH {
            let more = (self.behind - self.ahead).min(STRETCH);
            if more > 0 {
                // SAFETY: there is so much of the piece, and it is withdrawn before it is given back.
                unsafe { make_ready(NonNull::new_unchecked(behind.add(self.ahead)), more) };
                self.ahead += more;
            }
        }
        // SAFETY: as above; all of a piece but its first step has been asked for when its turn comes.
        unsafe {
            if is_new {
                make_ready_here(here, self.left);
            } else {
                take_share(here, self.left, self.ahead);
            }
        }
    }

    fn grow(&mut self, layout: Layout) {
        let bytes = self.step.max(layout.size()).next_power_of_two();
        let align = if bytes > STRETCH { layout.align().max(PAGE) } else { layout.align() };
        let piece = Layout::from_size_align(bytes, align).expect("pieces are of a reasonable size");
        // SAFETY: the size is not zero.
        let Some(memory) = NonNull::new(unsafe { alloc(piece) }) else { handle_alloc_error(piece) };
        self.pieces.push((memory, piece));
        self.step = bytes.saturating_mul(2).min(LARGEST);
        self.next = memory.as_ptr();
        self.left = bytes;
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        for (memory, layout) in self.pieces.drain(..) {
            if layout.size() > STRETCH {
                withdraw(memory, layout.size());
            }
            // SAFETY: it was allocated with this layout, in `grow`, and whoever used it is done, as `take` says.
            unsafe { dealloc(memory.as_ptr(), layout) };
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn what_is_cut_lies_where_it_shall_and_nowhere_else() {
        let layout = Layout::from_size_align(4096, 1024).expect("a layout");
        let mut region = Region::new(1 << 14);
        let mut starts = BTreeSet::new();
        // More than the largest piece.
        for _ in 0..1_500 {
            let here = region.take(layout);
            assert!(here.addr().get().is_multiple_of(1024));
            // SAFETY: the region gave us so much.
            unsafe { here.write_bytes(0x5a, 4096) };
            assert!(starts.insert(here.addr().get()));
        }
        let starts: Vec<_> = starts.into_iter().collect();
        assert!(starts.windows(2).all(|pair| pair[1] - pair[0] >= 4096));
    }

    #[test]
    fn what_is_made_ready_ahead_is_cut_like_all_else() {
        let layout = Layout::from_size_align(1 << 16, 1 << 12).expect("a layout");
        let mut region = Region::new(1 << 16);
        let mut starts = BTreeSet::new();
        for _ in 0..400 {
            let here = region.take(layout);
            // SAFETY: the region gave us so much.
            unsafe { here.write_bytes(0x5a, 1 << 16) };
            starts.insert(here.addr().get());
        }
        let starts: Vec<_> = starts.into_iter().collect();
        assert!(starts.len() == 400 && starts.windows(2).all(|pair| pair[1] - pair[0] >= 1 << 16));
        let bytes: usize = region.pieces.iter().map(|(_, layout)| layout.size()).sum();
        assert_eq!(bytes - region.left - region.behind, 400 << 16, "each piece is used to its end");
    }

    #[test]
    fn what_is_cut_may_be_larger_than_the_first_piece() {
        let layout = Layout::from_size_align(1 << 15, 1 << 15).expect("a layout");
        let mut region = Region::new(64);
        let (one, two) = (region.take(layout), region.take(layout));
        assert!(
            one != two
                && one.addr().get().is_multiple_of(1 << 15)
                && two.addr().get().is_multiple_of(1 << 15)
        );
    }
}

//! The memory of a block.
//!
//! # Rules
//! * It stays where it is for as long as anybody has it, and never gives its address for another while it is lent.
//! * Nobody here makes a reference to its bytes: plugins hold pointers to them, and write when they like.
//! * Who hands bytes on as data has written them, or had them set to zero: nobody reads what somebody else's memory was.
//!
//! # Road not taken
//! `bytes::Bytes` shares memory in this way too, and lends references to it, which promise that nobody writes there. A plugin
//! that kept the pointer it wrote by makes that promise untrue.

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::Arc;

/// Bytes with a fixed place, shared by the blocks that show them.
#[derive(Clone)]
pub(super) struct Room(Arc<[UnsafeCell<MaybeUninit<u8>>]>);

// SAFETY: the bytes are reached by pointers alone. Those who use them see to it that nobody writes where another thread reads: a
// chain writes in the part of a room that only it shows, under its lock, and shows a part to others when it is written.
unsafe impl Send for Room {}
// SAFETY: as above.
unsafe impl Sync for Room {}

impl Room {
    pub(super) fn new(size: usize) -> Self {
        let bytes = Arc::<[UnsafeCell<MaybeUninit<u8>>]>::new_uninit_slice(size);
        // SAFETY: bytes that need not be initialised are all right as they are.
        Self(unsafe { bytes.assume_init() })
    }

    pub(super) fn size(&self) -> usize {
        self.0.len()
    }

    /// The address of a byte, or of the end.
    pub(super) fn at(&self, at: usize) -> *mut u8 {
        assert!(at <= self.size(), "a block ends where its memory does");
        UnsafeCell::raw_get(self.0.as_ptr()).cast::<u8>().wrapping_add(at)
    }

    /// Copies `count` bytes to `at`.
    ///
    /// # Safety
    ///
    /// They are there, and no other thread reads or writes the bytes that are written.
    pub(super) unsafe fn fill(&self, at: usize, from: *const u8, count: usize) {
        assert!(count <= self.size() - at, "a block ends where its memory does");
        // They may be of this very room.
        // SAFETY: there is room, as was just found, and the caller says the rest.
        unsafe { ptr::copy(from, self.at(at), count) };
    }

    /// Copies the `count` bytes from `at` on.
    ///
    /// # Safety
    ///
    /// There is room for them, and they are written, and not being written.
    pub(super) unsafe fn read(&self, at: usize, to: *mut u8, count: usize) {
        assert!(count <= self.size() - at, "a block ends where its memory does");
        // SAFETY: as in `fill`.
        unsafe { ptr::copy(self.at(at), to, count) };
    }

    /// Sets the bytes from `from` to `to` to zero.
    ///
    /// # Safety
    ///
    /// No other thread reads or writes them.
    pub(super) unsafe fn zero(&self, from: usize, to: usize) {
        assert!(from <= to && to <= self.size(), "a block ends where its memory does");
        // SAFETY: they are there, as was just found, and the caller says the rest.
        unsafe { ptr::write_bytes(self.at(from), 0, to - from) };
    }
}

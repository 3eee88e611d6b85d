//! An allocator that overwrites what is given back.

use std::alloc::{GlobalAlloc, Layout, System};

pub(crate) struct Poison;

// SAFETY: memory comes from and goes to the system's allocator, with the same layouts.
unsafe impl GlobalAlloc for Poison {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: by contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: by contract the memory is ours to give back, all `size` bytes of it.
        unsafe {
            memory.write_bytes(0xDD, layout.size());
            System.dealloc(memory, layout);
        }
    }
}

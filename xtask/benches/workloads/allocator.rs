//! What the workloads allocate with: those that serve HTTP with what `ts-host` has, all others with what the system has.
//!
//! A process runs one workload, which its arguments name. They are looked at for the first allocation, without making one,
//! so that everything is given back where it came from.

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs::File;
use std::io::Read;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

use mimalloc::MiMalloc;

pub(crate) struct OfWorkload;

const UNKNOWN: u8 = 0;
const SYSTEM: u8 = 1;
const OF_HOST: u8 = 2;

static CHOSEN: AtomicU8 = AtomicU8::new(UNKNOWN);

// SAFETY: both allocators keep the contract, and all calls of a process go to the same one.
unsafe impl GlobalAlloc for OfWorkload {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: our caller's promise.
        unsafe { if is_of_host() { MiMalloc.alloc(layout) } else { System.alloc(layout) } }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: our caller's promise.
        unsafe { if is_of_host() { MiMalloc.alloc_zeroed(layout) } else { System.alloc_zeroed(layout) } }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: our caller's promise; it came from the same one.
        unsafe { if is_of_host() { MiMalloc.dealloc(place, layout) } else { System.dealloc(place, layout) } }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: our caller's promise; it came from the same one.
        unsafe {
            if is_of_host() {
                MiMalloc.realloc(place, layout, size)
            } else {
                System.realloc(place, layout, size)
            }
        }
    }
}

fn is_of_host() -> bool {
    // Relaxed: it is written before there is a second thread.
    match CHOSEN.load(Relaxed) {
        UNKNOWN => choose(),
        chosen => chosen == OF_HOST,
    }
}

#[cold]
fn choose() -> bool {
    let mut arguments = [0; 512];
    // The names come first, and a short path is opened without an allocation.
    let length = File::open("/proc/self/cmdline").and_then(|mut file| file.read(&mut arguments)).unwrap_or(0);
    let mut words = arguments[..length].split(|byte| *byte == 0).skip_while(|word| *word != b"--child");
    let serves = words.nth(1).is_some_and(|workload| workload.starts_with(b"http_"));
    // Relaxed: as above.
    CHOSEN.store(if serves { OF_HOST } else { SYSTEM }, Relaxed);
    serves
}

//! Both halves on a real kernel; the argument stands in `fence.rs`.

use std::sync::atomic::{AtomicU8, Ordering, compiler_fence, fence};

use rustix::thread::{MembarrierCommand, membarrier, membarrier_query};

/// Nobody has chosen yet.
const UNKNOWN: u8 = 0;
/// `light` is a compiler fence, `heavy` is the kernel's barrier.
const ASYMMETRIC: u8 = 1;
/// Both are full fences.
const SYMMETRIC: u8 = 2;

static MODE: AtomicU8 = AtomicU8::new(UNKNOWN);

#[inline(always)]
pub(super) fn light() {
    // Relaxed [fence-mode]: the value changes once, away from UNKNOWN. ASYMMETRIC says that every `heavy`, also one that
    // has begun, uses the kernel's barrier; an old UNKNOWN only makes this call dearer.
    if MODE.load(Ordering::Relaxed) == ASYMMETRIC {
        light_asymmetric();
    } else {
        light_full();
    }
}

/// The light half for those who know the mode.
#[inline(always)]
pub(super) fn light_asymmetric() {
    // SeqCst [fence-pair], for the compiler only: the processor's part is done by `heavy`.
    compiler_fence(Ordering::SeqCst);
}

#[cold]
#[inline(never)]
fn light_full() {
    // SeqCst [fence-pair]: full, since the other half may be a plain fence too.
    fence(Ordering::SeqCst);
    // So that the next call knows.
    mode();
}

pub(super) fn heavy() {
    // SeqCst [fence-pair]: in the symmetric mode this is the whole of it. In the other it keeps the compiler from moving
    // reads across the system call, whose wrapper tells the compiler only that memory is not written.
    fence(Ordering::SeqCst);
    if mode() == ASYMMETRIC {
        barrier();
        // SeqCst [fence-pair]: as above, for what comes after the call.
        fence(Ordering::SeqCst);
    }
}

#[inline]
pub(super) fn is_asymmetric() -> bool {
    mode() == ASYMMETRIC
}

#[inline]
pub(super) fn is_known_asymmetric() -> bool {
    is_asymmetric()
}

#[inline]
fn mode() -> u8 {
    // Relaxed [fence-mode]: the value is all there is, and it changes once.
    match MODE.load(Ordering::Relaxed) {
        UNKNOWN => choose(),
        known => known,
    }
}

#[cold]
#[inline(never)]
fn choose() -> u8 {
    let mine = if is_refused_by_environment() || !register() { SYMMETRIC } else { ASYMMETRIC };
    // Relaxed [fence-mode]: whoever is first decides for all; no other memory hangs on the value.
    match MODE.compare_exchange(UNKNOWN, mine, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => mine,
        Err(theirs) => theirs,
    }
}

fn is_refused_by_environment() -> bool {
    std::env::var_os("TS_THREAD_NO_MEMBARRIER").is_some_and(|value| !value.is_empty())
}

fn register() -> bool {
    membarrier_query().contains_command(MembarrierCommand::PrivateExpedited)
        && membarrier(MembarrierCommand::RegisterPrivateExpedited).is_ok()
        // Once for trial: a sandbox may let the first two pass and refuse this one.
        && membarrier(MembarrierCommand::PrivateExpedited).is_ok()
}

fn barrier() {
    if let Err(error) = membarrier(MembarrierCommand::PrivateExpedited) {
        eprintln!("ts-thread: the kernel no longer offers membarrier, which light fences rely on: {error}");
        std::process::abort();
    }
}

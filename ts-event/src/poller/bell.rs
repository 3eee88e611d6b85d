//! The token of a wake-up for an owner that waits in the kernel: ring it from anywhere, wait only while it is silent.
//!
//! The notice that ends a wait in the kernel costs a system call on both sides, so only a ring that finds the owner
//! waiting makes one.
//!
//! # Rules
//! * Only the owner calls `begin_wait` and `end_wait`, in turn; anybody rings.
//! * `ring` answers true when the owner may be in the kernel and the caller must notify it there. The notice may
//!   come late, when the owner has left already; the owner then finds the bell silent and waits on.
//!
//! # Ordering
//! Every change is a read-modify-write of the one word, so either the ring comes before the owner's step to WAITING,
//! which then fails, or it finds WAITING and notifies: there is no third order, and no fence is needed.
//!
//! * `[bell-ring]`: from `ring` to whichever of `begin_wait` and `end_wait` takes the ring. Brings what the caller wrote.
//! * `[bell-wait]`: from `begin_wait` to the `ring` that finds WAITING. Brings the owner's clearing of the old notice.
//!   A poller's notice may have a flag beside the kernel's count: who finds it set leaves the kernel alone. A ring that
//!   found the owner in its second wait, but the flag as it was in the first, would notify nobody. That of `mio` is the
//!   count alone today, as nothing promises; not to rely on it costs nothing here.

use ts_thread::sync::atomic::{
    AtomicU32,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
};

/// Nobody has rung, and the owner is not waiting.
const SILENT: u32 = 0;
/// Nobody has rung, and the owner is in the kernel or on its way there.
const WAITING: u32 = 1;
/// Somebody has rung since the owner last took a ring.
const RUNG: u32 = 2;

pub(crate) struct Bell(AtomicU32);

impl Bell {
    pub(crate) fn new() -> Self {
        Self(AtomicU32::new(SILENT))
    }

    /// Rings; true when the caller must now notify the owner in the kernel.
    #[must_use]
    pub(crate) fn ring(&self) -> bool {
        // Release [bell-ring]: what the caller wrote is visible to the owner once it has taken the ring. A ring on
        // top of another continues the first one's release sequence, so that both are carried.
        // Acquire [bell-wait]: after WAITING, the notice that follows finds the flag as the owner left it.
        self.0.swap(RUNG, AcqRel) == WAITING
    }

    /// The owner is about to enter the kernel; false when the bell has rung: do not.
    #[must_use]
    pub(crate) fn begin_wait(&self) -> bool {
        // Release [bell-wait]: the clearing of an old notice goes before. Relaxed on failure: the ring is taken below.
        match self.0.compare_exchange(SILENT, WAITING, Release, Relaxed) {
            Ok(_) => true,
            Err(_) => {
                // Acquire [bell-ring]: takes the ring, and all rings on top of it.
                self.0.swap(SILENT, Acquire);
                false
            }
        }
    }

    /// The owner has left the kernel; true when the bell had rung.
    #[must_use]
    pub(crate) fn end_wait(&self) -> bool {
        // Acquire [bell-ring]: takes the ring, if there was one.
        self.0.swap(SILENT, Acquire) == RUNG
    }
}

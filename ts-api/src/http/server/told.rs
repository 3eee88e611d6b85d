//! A waker that counts, for tests of who is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

#[derive(Debug, Default)]
pub(super) struct Told(AtomicUsize);

impl Wake for Told {
    fn wake(self: Arc<Self>) {
        // Relaxed: tests of this are of one thread.
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Told {
    /// How often it was since this was asked last.
    pub(super) fn take(&self) -> usize {
        // Relaxed: likewise.
        self.0.swap(0, Ordering::Relaxed)
    }
}

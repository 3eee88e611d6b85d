//! The number of a socket, for plugins that look at it or set its options.
//!
//! # Rules
//! * The number is told as long as the socket is open. On the socket's own thread it stays open as long as whoever asked does not
//!   give the thread back.

use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

/// The number of a socket.
#[derive(Clone)]
pub(crate) struct Socket(Arc<AtomicI32>);

const CLOSED: RawFd = -1;

impl Socket {
    pub(super) fn new(number: RawFd) -> Self {
        Self(Arc::new(AtomicI32::new(number)))
    }

    /// None once it is closed.
    pub(crate) fn number(&self) -> Option<RawFd> {
        // Relaxed: it is of use on the socket's own thread alone, which also closes it.
        Some(self.0.load(Ordering::Relaxed)).filter(|number| *number != CLOSED)
    }

    pub(super) fn close(&self) {
        // Relaxed: as in `number`.
        self.0.store(CLOSED, Ordering::Relaxed);
    }
}

//! Actors that several tests share.
#![allow(dead_code, reason = "each test file is a program of its own and uses some of these")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::task::Wake as TaskWake;
use std::time::Duration;

use ts_mutex::{FAIR_SLICE, Waiter, Wake};
use ts_thread::ManualClock;

/// A test that waits for longer than this has failed. It says nothing about speed.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// Longer than a waiter has to be passed over.
pub(crate) const OVERDUE: Duration = FAIR_SLICE.saturating_add(Duration::from_nanos(1));

/// The next message, which has to come.
#[track_caller]
pub(crate) fn next<T>(receiver: &Receiver<T>) -> T {
    match receiver.recv_timeout(DEADLINE) {
        Ok(message) => message,
        Err(RecvTimeoutError::Timeout) => panic!("nothing came within {DEADLINE:?}"),
        Err(RecvTimeoutError::Disconnected) => panic!("nobody is left who could send"),
    }
}

/// Spins until `f` says yes, which has to happen.
#[track_caller]
pub(crate) fn until(f: impl Fn() -> bool) {
    let start = std::time::Instant::now();
    while !f() {
        assert!(start.elapsed() < DEADLINE, "it did not happen within {DEADLINE:?}");
        std::thread::yield_now();
    }
}

/// Counts how often it is told, and is busy when the test says so.
#[derive(Default)]
pub(crate) struct Bell {
    rings: AtomicUsize,
    busy: AtomicBool,
    busy_after_ring: AtomicBool,
}

impl Bell {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// A waiter that rings this bell.
    pub(crate) fn waiter(self: &Arc<Self>, clock: &ManualClock) -> Waiter {
        Waiter::new(self.clone(), clock.clock())
    }

    /// How often it rang since the last time this was asked.
    pub(crate) fn rings(&self) -> usize {
        self.rings.swap(0, Ordering::SeqCst)
    }

    pub(crate) fn set_busy(&self, busy: bool) {
        self.busy.store(busy, Ordering::SeqCst);
    }

    /// Turns to something else at the very moment when it is told.
    pub(crate) fn set_busy_after_ring(&self) {
        self.busy_after_ring.store(true, Ordering::SeqCst);
    }
}

impl Wake for Bell {
    fn wake(&self) {
        self.rings.fetch_add(1, Ordering::SeqCst);
        if self.busy_after_ring.load(Ordering::SeqCst) {
            self.set_busy(true);
        }
    }

    fn is_busy(&self) -> bool {
        self.busy.load(Ordering::SeqCst)
    }
}

/// The same for futures.
impl TaskWake for Bell {
    fn wake(self: Arc<Self>) {
        Wake::wake(&*self);
    }
}

//! A wait that only sleeps: for threads that watch no I/O.
//!
//! It is ts-thread's parker with the face of [`Wait`]: one futex word, deadlines on the real clock.

use std::fmt;
use std::io;
use std::sync::Arc;

use ts_thread::{HrTime, Parker, Unparker};

use crate::wait::{Wait, Wakeup};

/// Waits on a [`Parker`]: until woken or until a deadline of the real clock.
///
/// # Examples
///
/// ```
/// use ts_event::{ParkWait, Wait};
///
/// let mut wait = ParkWait::new();
/// let wakeup = wait.wakeup();
/// let waker = std::thread::spawn(move || wakeup.wakeup());
/// wait.wait(None)?; // ends when the other thread says so, whichever comes first
/// waker.join().unwrap();
/// # std::io::Result::Ok(())
/// ```
pub struct ParkWait {
    parker: Parker,
    wakeup: Arc<ParkWakeup>,
}

struct ParkWakeup(Unparker);

impl Wakeup for ParkWakeup {
    fn wakeup(&self) {
        self.0.unpark();
    }
}

impl ParkWait {
    /// A wait that nobody has woken yet.
    #[must_use]
    pub fn new() -> Self {
        let parker = Parker::new();
        let wakeup = Arc::new(ParkWakeup(parker.unparker()));
        Self { parker, wakeup }
    }
}

impl Default for ParkWait {
    fn default() -> Self {
        Self::new()
    }
}

impl Wait for ParkWait {
    fn wait(&mut self, until: Option<HrTime>) -> io::Result<()> {
        match until {
            Some(until) => _ = self.parker.park_until(until),
            None => self.parker.park(),
        }
        Ok(())
    }

    fn wakeup(&self) -> Arc<dyn Wakeup> {
        self.wakeup.clone()
    }
}

impl fmt::Debug for ParkWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParkWait").finish_non_exhaustive()
    }
}

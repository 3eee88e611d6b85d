//! A futex as loom can model it: the kernel's bucket lock is a mutex, its queue a condition variable.

use super::Waited;
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::sync::{Condvar, Mutex, thread};
use crate::time::HrTime;

/// A word to wait on.
pub(crate) struct Futex {
    word: AtomicU32,
    bucket: Mutex<()>,
    queue: Condvar,
}

impl Futex {
    pub(crate) fn new(value: u32) -> Self {
        Self { word: AtomicU32::new(value), bucket: Mutex::new(()), queue: Condvar::new() }
    }

    pub(crate) fn word(&self) -> &AtomicU32 {
        &self.word
    }

    /// Sleeps while the word is `expected`.
    ///
    /// A model has no time: any deadline but "never" is reached after the others had one chance to run. Since loom tries
    /// every order, "woken before" and "woken after" both happen.
    pub(crate) fn wait(&self, expected: u32, deadline: HrTime) -> Waited {
        if !deadline.is_never() {
            thread::yield_now();
            return Waited::DeadlineReached;
        }
        let bucket = self.bucket.lock().unwrap();
        // Relaxed: the kernel compares under the bucket's lock, which a waker takes after it has written the word.
        if self.word.load(Ordering::Relaxed) == expected {
            drop(self.queue.wait(bucket).unwrap());
        }
        Waited::LookAgain
    }

    pub(crate) fn wake_one(&self) {
        let _bucket = self.bucket.lock().unwrap();
        self.queue.notify_one();
    }
}

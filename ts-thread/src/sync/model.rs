//! loom's half of the switch.

pub use loom::cell::UnsafeCell;
pub use loom::sync::{Arc, Condvar, Mutex, MutexGuard};

/// Atomic integers and fences.
pub mod atomic {
    pub use loom::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
    };

    /// A full fence: a model has no compiler that could reorder, so the nearest thing it can show is the real one.
    pub fn compiler_fence(_: Ordering) {
        fence(Ordering::SeqCst);
    }
}

/// What to say to the processor while spinning.
pub mod hint {
    pub use loom::hint::spin_loop;

    /// Waits a little, and longer each time: in a model until somebody else has done a step.
    #[derive(Debug, Default)]
    pub struct Backoff;

    impl Backoff {
        /// Has not waited yet.
        pub fn new() -> Self {
            Self
        }

        /// Lets somebody else go on.
        pub fn snooze(&self) {
            loom::thread::yield_now();
        }
    }
}

/// Threads, as far as models need them.
pub mod thread {
    pub use loom::thread::{JoinHandle, spawn, yield_now};
}

//! The standard library's half of the switch.

pub use std::sync::{Arc, Condvar, Mutex, MutexGuard};

/// Atomic integers and fences.
pub mod atomic {
    pub use std::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, compiler_fence, fence,
    };
}

/// What to say to the processor while spinning.
pub mod hint {
    pub use crossbeam_utils::Backoff;
    pub use std::hint::spin_loop;
}

/// Threads, as far as models need them.
pub mod thread {
    pub use std::thread::{JoinHandle, spawn, yield_now};
}

/// Memory that may be changed through a shared reference, with loom's face.
///
/// The pointer is handed to a closure, so that a model can watch how long it is used. Here that costs nothing.
#[derive(Debug, Default)]
#[repr(transparent)]
pub struct UnsafeCell<T: ?Sized>(std::cell::UnsafeCell<T>);

impl<T> UnsafeCell<T> {
    /// Wraps `value`.
    #[inline]
    pub const fn new(value: T) -> Self {
        Self(std::cell::UnsafeCell::new(value))
    }

    /// Takes the value out.
    #[inline]
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }
}

impl<T: ?Sized> UnsafeCell<T> {
    /// Calls `f` with a pointer to read through.
    #[inline(always)]
    pub fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        f(self.0.get())
    }

    /// Calls `f` with a pointer to write through.
    #[inline(always)]
    pub fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        f(self.0.get())
    }
}

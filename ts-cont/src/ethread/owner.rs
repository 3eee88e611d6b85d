//! Asking a thread's shared half whether the caller runs on it, and if so, for its local half.
//!
//! The thread's context writes the pointer to its local half here when it becomes an event thread, and takes it back before
//! that half goes away. Whoever finds its own context's number is on that thread and may follow the pointer: nobody else
//! writes it, and nobody can take it back meanwhile.

use super::local::{Borrowed, Here, Local};
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use ts_thread::{ContextId, is_current};

/// Which context a thread is, and its local half.
#[derive(Default)]
pub(crate) struct Owner {
    /// The number of the context; zero before it started.
    context: AtomicU64,
    local: AtomicPtr<Local>,
}

impl Owner {
    /// Says which context the thread is. It is said once, by the context.
    pub(super) fn is_context(&self, context: ContextId) {
        // Relaxed, here and below: a context finds its own number only if it stored it itself, and any other value means
        // "not me"; the pointer is read only by the context that wrote it.
        self.context.store(context.get(), Ordering::Relaxed);
    }

    pub(super) fn install(&self, local: *const Local) {
        self.local.store(local.cast_mut(), Ordering::Relaxed);
    }

    pub(super) fn uninstall(&self) {
        self.local.store(ptr::null_mut(), Ordering::Relaxed);
    }

    /// Whether the caller runs on this thread.
    #[inline(always)]
    pub(crate) fn is_current(&self) -> bool {
        ContextId::from_raw(self.context.load(Ordering::Relaxed)).is_some_and(is_current)
    }

    /// The evidence, lent, if the caller runs on this thread and it is an event thread.
    #[inline(always)]
    pub(crate) fn here(&self) -> Option<Borrowed<'_>> {
        if !self.is_current() {
            return None;
        }
        let local = self.local.load(Ordering::Relaxed);
        if local.is_null() {
            return None;
        }
        // SAFETY: this context wrote the pointer and has not taken it back, so its local half is installed; see the head.
        Some(unsafe { Here::lend(local) })
    }

    /// Calls `f` with the evidence, if the caller runs on this thread and it is an event thread.
    #[inline(always)]
    pub(crate) fn with_here<R>(&self, f: impl FnOnce(&Here) -> R) -> Option<R> {
        self.here().map(|here| f(&here))
    }
}

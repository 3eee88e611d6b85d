//! Storage that each context has for itself.
//!
//! A [`ContextLocal`] is to contexts what a `thread_local!` is to OS threads: on an ordinary thread the two are alike,
//! but each [`SimulatedContext`](crate::SimulatedContext) has values of its own.
//!
//! # Rules
//! * A value is made when it is first asked for in a context, by that context, and is never moved.
//! * Values are dropped when their context ends, the last created first, by that context.
//!
//! Looking one up costs three loads that depend on each other (block, table, value): a `static` gets a slot index at its
//! first use anywhere, and each context has a table. A hash map would need no index, but this is on the path of every
//! dispatch.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::current;

/// A value of type `T` for each context, made at first use.
///
/// Put it in a `static`. `T` need not be `Send`: a value never leaves its context.
///
/// # Examples
///
/// ```
/// use std::cell::Cell;
/// use ts_thread::{ContextLocal, SimulatedContext};
///
/// static TURNS: ContextLocal<Cell<u32>> = ContextLocal::new(|| Cell::new(0));
///
/// let turn = || TURNS.with(|turns| { turns.set(turns.get() + 1); turns.get() });
///
/// let simulated = SimulatedContext::new("sim");
/// assert_eq!(turn(), 1);
/// assert_eq!(simulated.enter(turn), 1);
/// assert_eq!(turn(), 2);
/// ```
pub struct ContextLocal<T: 'static> {
    /// 0 until the first use, then for ever the same.
    index: AtomicUsize,
    init: fn() -> T,
    /// Invariant in `T`: the slot is read and written as the same type.
    _exactly: PhantomData<fn(T) -> T>,
}

impl<T: 'static> ContextLocal<T> {
    /// A value for each context, made by `init` when it is first asked for.
    pub const fn new(init: fn() -> T) -> Self {
        Self { index: AtomicUsize::new(0), init, _exactly: PhantomData }
    }

    /// Calls `f` with the running context's value.
    ///
    /// # Panics
    ///
    /// If the context is being torn down and the value is dropped already, or was never made; if called, for the same
    /// context, from the function that makes the value; and whenever that function or `f` panics.
    #[inline]
    pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        match self.try_with(f) {
            Ok(answer) => answer,
            Err(gone) => refuse(gone),
        }
    }

    /// Calls `f` with the running context's value, unless its storage is being torn down.
    ///
    /// # Errors
    ///
    /// [`ContextGone`] when the value is dropped already, or was not made before the teardown began.
    ///
    /// # Panics
    ///
    /// If called, for the same context, from the function that makes the value; and whenever that function or `f` panics.
    #[inline]
    pub fn try_with<R>(&'static self, f: impl FnOnce(&T) -> R) -> Result<R, ContextGone> {
        // Relaxed, alone: the index is assigned once and carries nothing else; the value behind it was written by this
        // very OS thread. 0 finds an empty slot.
        let index = self.index.load(Ordering::Relaxed);
        let mut value = match current::block() {
            Some(block) => block.get(index),
            None => std::ptr::null(),
        };
        if value.is_null() {
            value = self.create()?;
        }
        // SAFETY: the slot is ours alone, so what stands in it is a `T` that `create` boxed. It is dropped only when the
        // context ends or, before that, when `tear_down` reaches it; both come after `f`, which runs in this context.
        Ok(f(unsafe { &*value.cast::<T>() }))
    }

    #[cold]
    #[inline(never)]
    fn create(&'static self) -> Result<*const (), ContextGone> {
        let block = current::block_or_new().filter(|block| !block.is_closing()).ok_or(ContextGone(()))?;
        Ok(block.create(self.index(), self.init))
    }

    fn index(&'static self) -> usize {
        static NEXT: AtomicUsize = AtomicUsize::new(1);
        // Relaxed, alone, here and below: only the numbers matter, see `try_with`.
        let index = self.index.load(Ordering::Relaxed);
        if index != 0 {
            return index;
        }
        let mine = NEXT.fetch_add(1, Ordering::Relaxed);
        // Whoever is second wastes a number and takes the first one's.
        match self.index.compare_exchange(0, mine, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => mine,
            Err(theirs) => theirs,
        }
    }
}

#[cold]
#[inline(never)]
fn refuse(gone: ContextGone) -> ! {
    panic!("{gone}")
}

impl<T: 'static> std::fmt::Debug for ContextLocal<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ContextLocal").finish_non_exhaustive()
    }
}

/// The storage of the running context is being torn down, and the value is not there any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the storage of this context is being torn down")]
pub struct ContextGone(());

//! Contexts that take turns on one OS thread.
//!
//! A simulator runs what would be many threads on one, so that a run can be repeated exactly. For the code inside, each
//! is a thread: it has its own id, so a lock held by one is held by somebody else for the next; and its own storage.
//!
//! # Rules
//! * A simulated context stays on the OS thread that made it (it is not `Send`), since what it stores need not be `Send`.
//! * It is entered at most once at a time. Others may be entered inside it.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

use crate::context::ContextId;
use crate::current::Scope;
use crate::storage::Block;

/// A context that runs on the OS thread that made it, while it is entered.
///
/// # Examples
///
/// ```
/// use ts_thread::{ContextKind, SimulatedContext};
///
/// let outside = ts_thread::current_id();
/// let a = SimulatedContext::new("a");
/// let b = SimulatedContext::new("b");
/// a.enter(|| {
///     assert_eq!(ts_thread::current_id(), a.id());
///     assert_eq!(ts_thread::current().kind(), ContextKind::Simulated);
///     b.enter(|| assert_eq!(ts_thread::current().name(), Some("b")));
///     assert_eq!(ts_thread::current_id(), a.id());
/// });
/// assert_eq!(ts_thread::current_id(), outside);
/// ```
pub struct SimulatedContext {
    id: ContextId,
    entered: Cell<bool>,
    /// Boxed, so that it stays where it is when `self` is moved. Not `Send`, and so neither is this.
    block: Box<Block>,
}

impl SimulatedContext {
    /// Makes a context with an id of its own and nothing stored.
    pub fn new(name: impl Into<String>) -> Self {
        let name: Arc<str> = Arc::from(name.into());
        Self { id: ContextId::fresh(), entered: Cell::new(false), block: Box::new(Block::new(Some(name))) }
    }

    /// The context's id.
    pub fn id(&self) -> ContextId {
        self.id
    }

    /// Whether the context is entered just now.
    pub fn is_entered(&self) -> bool {
        self.entered.get()
    }

    /// Runs `f` as this context.
    ///
    /// The context that ran before runs again afterwards, also when `f` panics.
    ///
    /// # Panics
    ///
    /// If this context is entered already, see [`try_enter`](Self::try_enter); and when `f` panics.
    pub fn enter<R>(&self, f: impl FnOnce() -> R) -> R {
        match self.try_enter(f) {
            Ok(answer) => answer,
            Err(error) => panic!("{error}: {:?}", self.id),
        }
    }

    /// Runs `f` as this context, unless it is entered already.
    ///
    /// # Errors
    ///
    /// [`AlreadyEntered`]; `f` was not called.
    pub fn try_enter<R>(&self, f: impl FnOnce() -> R) -> Result<R, AlreadyEntered> {
        struct Entered<'a>(&'a Cell<bool>);
        impl Drop for Entered<'_> {
            fn drop(&mut self) {
                self.0.set(false);
            }
        }
        if self.entered.replace(true) {
            return Err(AlreadyEntered(()));
        }
        let _entered = Entered(&self.entered);
        Ok(Scope::run(self.id, &self.block, f))
    }
}

impl Drop for SimulatedContext {
    /// Drops what the context stored, the last created first, as this context.
    fn drop(&mut self) {
        Scope::run(self.id, &self.block, || self.block.tear_down());
    }
}

impl fmt::Debug for SimulatedContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedContext")
            .field("id", &self.id)
            .field("name", &self.block.name())
            .field("entered", &self.entered.get())
            .finish()
    }
}

/// The simulated context is entered already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the simulated context is entered already")]
pub struct AlreadyEntered(());

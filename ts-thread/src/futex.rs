//! A word to wait on: sleep while it holds a given value, until woken or a deadline.
//!
//! `real` is the kernel's. Under loom [`Futex`] is a model of it, so that the protocols on top (the parker's) are
//! modelled as they are; how threads start and end is not modelled and always uses `real`.

pub(crate) mod real;

#[cfg(loom)]
mod model;

#[cfg(loom)]
pub(crate) use model::Futex;
#[cfg(not(loom))]
pub(crate) use real::Futex;

/// Why a wait on a futex returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waited {
    /// Woken, or the word had another value, or for no reason at all: look at the word again.
    LookAgain,
    /// The deadline has been reached.
    DeadlineReached,
}

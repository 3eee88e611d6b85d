//! Why something was not done: one small type for each kind of request.

use crate::{EventType, Message};
use std::fmt;
use thiserror::Error;

/// Why an event, or a future, was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No group has this number.
    #[error("there is no thread group {0}: register it first")]
    UnknownGroup(EventType),
    /// The group is registered, but has no threads, and the processor was told not to keep work for later.
    #[error("thread group {0} has no threads yet: spawn them first")]
    NotReady(EventType),
    /// The thread only runs its start continuation; it has no queue.
    #[error("a dedicated thread has no event queue: schedule on a group or on a regular thread")]
    NoLoop,
    /// The system is shutting down, or has shut down.
    #[error("the event system is shutting down")]
    ShuttingDown,
    /// The continuation has been destroyed.
    #[error("the continuation has been destroyed")]
    Destroyed,
    /// An event for each thread of a group needs a continuation that several threads may run at once.
    #[error("an entire group is scheduled with a continuation without a mutex (Continuation::shared)")]
    NeedsNoMutex,
    /// A period of zero would never let go.
    #[error("a period must be longer than zero")]
    ZeroPeriod,
    /// The calling thread is neither an event thread nor a guest of the processor.
    #[error("this thread is neither an event thread nor a guest: enter with EventProcessor::guest first")]
    ForeignThread,
}

/// An event that was refused: why, and what would have been delivered.
#[derive(Error)]
#[error("{refusal}")]
pub struct ScheduleError {
    refusal: Refusal,
    message: Box<Message>,
}

impl ScheduleError {
    pub(crate) fn new(refusal: Refusal, message: Message) -> Self {
        Self { refusal, message: Box::new(message) }
    }

    /// Why.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        self.refusal
    }

    /// Gives back what was to be delivered.
    pub fn into_message(self) -> Message {
        *self.message
    }
}

impl fmt::Debug for ScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScheduleError").field("refusal", &self.refusal).finish_non_exhaustive()
    }
}

/// Why a direct call did not reach, or did not come back from, the handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CallError {
    /// Another thread holds the continuation's mutex.
    #[error("the continuation's mutex is held by another thread")]
    Busy,
    /// The handler is already on this thread's stack, and it was not made to be entered twice.
    #[error("the handler is running already and was not made re-entrant (Continuation::reentrant)")]
    Reentrant,
    /// The continuation has been destroyed.
    #[error("the continuation has been destroyed")]
    Destroyed,
    /// The handler panicked; the continuation has been retired.
    #[error("the handler panicked and the continuation was retired")]
    Panicked,
}

/// Why an event was not re-armed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RearmError {
    /// The handler was called directly: there is no scheduled event to arm again.
    #[error("the handler was called directly, so there is no event to schedule again")]
    NotScheduled,
    /// The event was cancelled during this run.
    #[error("the event was cancelled while it ran")]
    Cancelled,
    /// A period of zero would never let go.
    #[error("a period must be longer than zero")]
    ZeroPeriod,
    /// The event system is shutting down.
    #[error("the event system is shutting down")]
    ShuttingDown,
}

/// Why a thread group was not registered.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// All numbers are taken.
    #[error("all {limit} thread groups are taken; `{name}` cannot be registered")]
    TooMany {
        /// The name that was asked for.
        name: String,
        /// How many groups a processor may have.
        limit: usize,
    },
    /// The name is in use.
    #[error("a thread group named `{0}` exists already")]
    NameTaken(String),
    /// The system is shutting down, or has shut down.
    #[error("the event system is shutting down")]
    ShuttingDown,
}

/// Why threads were not started.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SpawnError {
    /// No group has this number.
    #[error("there is no thread group {0}: register it first")]
    UnknownGroup(EventType),
    /// The group could not be registered.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// A group is spawned once.
    #[error("thread group {0} has its threads already")]
    AlreadySpawned(EventType),
    /// A group of no threads could not run anything.
    #[error("a thread group needs at least one thread")]
    NoThreads,
    /// More threads than a group may have.
    #[error("{asked} threads asked for, at most {limit} are possible in a group")]
    TooManyThreads {
        /// How many were asked for.
        asked: usize,
        /// How many a group may have.
        limit: usize,
    },
    /// A thread could not be started; those that were started before it have been stopped again.
    #[error("thread {name} could not be started: {source}")]
    Start {
        /// The name of the thread.
        name: String,
        /// What stood in the way.
        source: ts_thread::StartError,
    },
    /// The wait at the end of a turn could not be set up.
    #[error("thread {name} has no way to wait: {source}")]
    Wait {
        /// The name of the thread.
        name: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A dedicated thread needs an operating-system thread, and a simulation has none.
    #[error("a simulation has no dedicated threads")]
    Simulated,
    /// The system is shutting down, or has shut down.
    #[error("the event system is shutting down")]
    ShuttingDown,
}

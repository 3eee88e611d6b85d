//! Why something was not done: one small type for each kind of request.

use crate::Pool;
use crate::table::Code;
use thiserror::Error;

/// Why a continuation was not scheduled, or its affinity neither told nor changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// The calling thread is neither an event thread nor a guest.
    #[error(
        "scheduling works from event threads and guests: spawn the thread with PluginThread::spawn, \
         or make it a guest for a while with Runtime::guest"
    )]
    ForeignThread,
    /// The continuation was made without a mutex.
    #[error(
        "scheduling needs a continuation with a mutex; one without it is for an entire pool, or for hooks"
    )]
    NeedsMutex,
    /// Several threads would run the handler at once, and the continuation was made with a mutex.
    #[error("an entire pool needs a continuation without a mutex (Cont::shared)")]
    NeedsNoMutex,
    /// The continuation has been destroyed.
    #[error("the continuation has been destroyed")]
    Destroyed,
    /// The event system is shutting down, or has shut down.
    #[error("the event system is shutting down")]
    ShuttingDown,
    /// The host was started without such threads.
    #[error("the host has no threads for {0}: use Pool::Net or Pool::Task")]
    NoSuchPool(Pool),
    /// The threads of the pool are not up yet, and an entire pool cannot be waited for.
    #[error("the pool has no threads yet: use the hook TaskThreadsReady")]
    NotReady,
    /// The thread runs no event loop.
    #[error("the thread has no event loop: schedule on an event thread or a pool")]
    NoLoop,
    /// A period of zero would never let go.
    #[error("a period must be longer than zero")]
    ZeroPeriod,
    /// The host answered with a number that this version does not know.
    #[error("the host refused for a reason that this version does not know ({0})")]
    Unknown(i32),
}

impl ScheduleError {
    pub(crate) fn check(code: Code, pool: Option<Pool>) -> Result<(), Self> {
        Err(match (code, pool) {
            (Code::OK, _) => return Ok(()),
            (Code::FOREIGN_THREAD, _) => Self::ForeignThread,
            (Code::NEEDS_MUTEX, _) => Self::NeedsMutex,
            (Code::NEEDS_NO_MUTEX, _) => Self::NeedsNoMutex,
            (Code::DESTROYED, _) => Self::Destroyed,
            (Code::SHUTTING_DOWN, _) => Self::ShuttingDown,
            (Code::NO_SUCH_POOL, Some(pool)) => Self::NoSuchPool(pool),
            (Code::NOT_READY, _) => Self::NotReady,
            (Code::NO_LOOP, _) => Self::NoLoop,
            (Code::ZERO_PERIOD, _) => Self::ZeroPeriod,
            (Code(number), _) => Self::Unknown(number),
        })
    }
}

/// Why a direct call did not reach, or did not come back from, the handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum CallError {
    /// Another thread holds the continuation's mutex.
    #[error("the continuation's mutex is held by another thread")]
    Busy,
    /// The handler is already on this thread's stack, and was not made to be entered twice.
    #[error("the handler is running already and was not made re-entrant (Cont::reentrant)")]
    Reentrant,
    /// The continuation has been destroyed.
    #[error("the continuation has been destroyed")]
    Destroyed,
    /// The handler panicked; the continuation has been retired.
    #[error("the handler panicked and the continuation was retired")]
    Panicked,
    /// The host answered with a number that this version does not know.
    #[error("the host refused for a reason that this version does not know ({0})")]
    Unknown(i32),
}

impl CallError {
    pub(crate) fn check(code: Code) -> Result<(), Self> {
        Err(match code {
            Code::OK => return Ok(()),
            Code::BUSY => Self::Busy,
            Code::REENTRANT => Self::Reentrant,
            Code::DESTROYED => Self::Destroyed,
            Code::PANICKED => Self::Panicked,
            Code(number) => Self::Unknown(number),
        })
    }
}

/// Why a plugin's thread was not started, or not waited for, or a life-cycle hook not added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum HostError {
    /// The calling thread belongs to no event system, and none is running that it could mean.
    #[error("no event system is running")]
    NoRuntime,
    /// The event system is shutting down, or has shut down.
    #[error("the event system is shutting down")]
    ShuttingDown,
    /// The operating system gave no thread; the log says why.
    #[error("the operating system gave no thread")]
    NoThread,
    /// A thread cannot wait for itself.
    #[error("a thread cannot wait for its own end")]
    Itself,
    /// An event thread would wait, and keep its other events waiting.
    #[error(
        "an event thread must not wait for a plugin's thread: let that one schedule a continuation at its end"
    )]
    EventThread,
    /// The thread's function panicked.
    #[error("the thread's function panicked")]
    Panicked,
    /// The host does not know such a thing, or answered with a number that this version does not know.
    #[error("the host refused for a reason that this version does not know ({0})")]
    Unknown(i32),
}

impl HostError {
    pub(crate) fn check(code: Code) -> Result<(), Self> {
        Err(match code {
            Code::OK => return Ok(()),
            Code::NO_RUNTIME => Self::NoRuntime,
            Code::SHUTTING_DOWN => Self::ShuttingDown,
            Code::NO_THREAD => Self::NoThread,
            Code::ITSELF => Self::Itself,
            Code::EVENT_THREAD => Self::EventThread,
            Code::PANICKED => Self::Panicked,
            Code(number) => Self::Unknown(number),
        })
    }
}

/// Why a host's table is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TableError {
    /// There is none.
    #[error("the host gave no table")]
    Null,
    /// The host was built with a table of another version.
    #[error("the host has table version {host}, this plugin was built for version {plugin}")]
    Version {
        /// The host's.
        host: u32,
        /// The plugin's.
        plugin: u32,
    },
    /// The host was built with an earlier ts-api, and lacks functions.
    #[error(
        "the host's table has {host} bytes, this plugin needs {plugin}: the host is older than the plugin"
    )]
    TooShort {
        /// The host's bytes.
        host: usize,
        /// The plugin's bytes.
        plugin: usize,
    },
    /// The table is of another event system than the one that this program links.
    #[error("this plugin links an event system of its own: build it without ts-api's feature `runtime`")]
    TwoRuntimes,
    /// The facade is in use with another table.
    #[error("another host's table is in use already")]
    AnotherInUse,
}

/// Why data that belongs to a mutex was not lent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum DataError {
    /// The guard is of another mutex.
    #[error("the guard is not of the mutex that the data belongs to")]
    WrongMutex,
    /// It is borrowed further up on this thread's stack.
    #[error("the data is borrowed already further up on this thread's stack")]
    AlreadyBorrowed,
}

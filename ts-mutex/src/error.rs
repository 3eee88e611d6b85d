//! Why something was refused.

/// Why [`ProxyMutex::raw_unlock`](crate::ProxyMutex::raw_unlock) did nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum RawUnlockError {
    /// Nobody holds the mutex.
    #[error("the mutex is not held")]
    NotHeld,
    /// Another context holds the mutex.
    #[error("the mutex is held by another context")]
    HeldByOther,
    /// The caller holds the mutex, but only through guards, and a raw unlock never ends a guard's level.
    #[error("the mutex is held through guards only, by no raw lock")]
    OnlyGuards,
}

/// Why data that belongs to a mutex could not be borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum GuardedError {
    /// The guard is of another mutex than the one the data belongs to.
    #[error("the guard is of another mutex than the one that the data belongs to")]
    WrongMutex,
    /// The data is borrowed already, by an outer level of this thread, and the two borrows exclude each other.
    #[error("the data is borrowed already")]
    AlreadyBorrowed,
}

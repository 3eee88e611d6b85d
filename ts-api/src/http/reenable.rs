//! How a continuation lets a session or transaction go on.

use thiserror::Error;

/// The answer of a continuation to a hook. Until it answers, its session or transaction stands still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reenable {
    /// The next continuation of the hook is called; after the last one things go on.
    Continue,
    /// The remaining continuations of the hook are left out, and then:
    ///
    /// | at | follows |
    /// |---|---|
    /// | TXN_CLOSE, SSN_CLOSE | the same as after `Continue`, without the remaining continuations |
    /// | SSN_START | the connection is closed; SSN_CLOSE |
    /// | SEND_RESPONSE_HDR | the error response instead, for which the hook is not called again; TXN_CLOSE |
    /// | any other | SEND_RESPONSE_HDR with the error response; TXN_CLOSE |
    ///
    /// The error response is what [`Transaction::set_error`](super::Transaction::set_error) says, or 500.
    Error,
}

/// Why an answer was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum ReenableError {
    /// The call-out that the handle came from has been answered, once, and that counts.
    #[error("this call-out has been re-enabled already")]
    AlreadyReenabled,
    /// The session or transaction is over.
    #[error("the session or transaction is over")]
    Gone,
    /// The answer took longer than the host waits for one: things have gone on as with [`Reenable::Error`].
    #[error("the answer took too long, and the host has gone on without it")]
    Ended,
    /// The host answered with a number that this version does not know.
    #[error("the host refused for a reason that this version does not know ({0})")]
    Unknown(i32),
}

/// The session or transaction of a handle is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[error("the session or transaction is over")]
pub struct Gone;

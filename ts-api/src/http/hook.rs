//! Hook ids, and the lists of continuations that are called at them.

use std::fmt;

use thiserror::Error;

use crate::{Cont, EventCode};

/// A point in the life of a session or transaction at which continuations are called.
///
/// The numbers are Traffic Server's, and so are those of the events: 60002 more than the hook's.
///
/// # Examples
///
/// ```
/// use ts_api::http::HookId;
///
/// assert_eq!(HookId::TxnStart.event().number(), 60011);
/// assert_eq!(HookId::from_event(HookId::SsnClose.event()), Some(HookId::SsnClose));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u32)]
pub enum HookId {
    /// The client's request head has been read. A transaction's.
    ReadRequestHdr = 0,
    /// The origin's address is about to be looked up, or is known; the origin has not been asked. A transaction's.
    OsDns = 1,
    /// A connection to the origin is there, and the request is ready to be sent. A transaction's, once for each attempt: it
    /// comes again when a connection turned out to be dead and another one is tried.
    SendRequestHdr = 2,
    /// The origin's response head has been read. A transaction's; it comes again, and OS_DNS before it, when the request
    /// [goes elsewhere](super::Transaction::set_redirect).
    ReadResponseHdr = 4,
    /// The response to the client is ready to be sent, whoever made it. A transaction's.
    SendResponseHdr = 5,
    /// A request has come in; nothing of it can be looked at yet. A transaction's first.
    TxnStart = 9,
    /// The transaction is over. Its last, and called exactly once, whatever happened.
    TxnClose = 10,
    /// A client has connected. A session's first.
    SsnStart = 11,
    /// The session and all its transactions are over. Its last, and called exactly once.
    SsnClose = 12,
    /// It is about to be decided which origin gets the request. A transaction's.
    PreRemap = 14,
    /// It has been decided. A transaction's; left out when no origin was found.
    PostRemap = 15,
    /// The request's body has been read as a whole. A transaction's, only for one that has a body and for which it was
    /// asked for.
    RequestBufferReadComplete = 16,
    /// A client asks for a tunnel (CONNECT). A transaction's, instead of those from READ_REQUEST_HDR to POST_REMAP.
    TunnelStart = 19,
}

impl HookId {
    /// All hooks, in the order in which a session and its transaction reach them.
    pub const ALL: [Self; 13] = [
        Self::SsnStart,
        Self::TxnStart,
        Self::TunnelStart,
        Self::ReadRequestHdr,
        Self::PreRemap,
        Self::PostRemap,
        Self::RequestBufferReadComplete,
        Self::OsDns,
        Self::SendRequestHdr,
        Self::ReadResponseHdr,
        Self::SendResponseHdr,
        Self::TxnClose,
        Self::SsnClose,
    ];

    /// The code of the event that continuations get at this hook.
    #[must_use]
    pub const fn event(self) -> EventCode {
        EventCode::new(60002 + self.number() as i32)
    }

    /// The hook whose event this is.
    #[must_use]
    pub fn from_event(code: EventCode) -> Option<Self> {
        Self::ALL.into_iter().find(|hook| hook.event() == code)
    }

    /// Whether continuations get a session at this hook, not a transaction.
    #[must_use]
    pub const fn is_of_session(self) -> bool {
        matches!(self, Self::SsnStart | Self::SsnClose)
    }

    /// The hook's number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// The hook with this number.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|hook| hook.number() == number)
    }

    /// Its place in [`HookId::ALL`].
    #[cfg_attr(not(feature = "runtime"), allow(dead_code, reason = "the engine's lists are indexed by it"))]
    pub(crate) const fn place(self) -> usize {
        match self {
            Self::SsnStart => 0,
            Self::TxnStart => 1,
            Self::TunnelStart => 2,
            Self::ReadRequestHdr => 3,
            Self::PreRemap => 4,
            Self::PostRemap => 5,
            Self::RequestBufferReadComplete => 6,
            Self::OsDns => 7,
            Self::SendRequestHdr => 8,
            Self::ReadResponseHdr => 9,
            Self::SendResponseHdr => 10,
            Self::TxnClose => 11,
            Self::SsnClose => 12,
        }
    }
}

impl fmt::Display for HookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReadRequestHdr => "READ_REQUEST_HDR",
            Self::SendRequestHdr => "SEND_REQUEST_HDR",
            Self::ReadResponseHdr => "READ_RESPONSE_HDR",
            Self::SendResponseHdr => "SEND_RESPONSE_HDR",
            Self::TxnStart => "TXN_START",
            Self::TxnClose => "TXN_CLOSE",
            Self::SsnStart => "SSN_START",
            Self::SsnClose => "SSN_CLOSE",
            Self::OsDns => "OS_DNS",
            Self::PreRemap => "PRE_REMAP",
            Self::PostRemap => "POST_REMAP",
            Self::RequestBufferReadComplete => "REQUEST_BUFFER_READ_COMPLETE",
            Self::TunnelStart => "TUNNEL_START",
        })
    }
}

/// What became of a continuation that was added to a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Added {
    /// It will be called at the hook, each time the hook is reached from now on. If a call-out for this very hook is under
    /// way, it is called in this one already.
    Yes,
    /// It will be called the next time the hook is reached: the call-out that is under way has passed its list. Of a
    /// transaction's own hooks only SEND_REQUEST_HDR may be reached twice, so at any other it will not be called.
    NotInThisPass,
    /// The transaction is past this hook: it will not be called.
    TooLate,
    /// It is in the transaction's list for this hook already, and is called once.
    Already,
}

/// Why a continuation was not added to a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum HookError {
    /// The continuation has been destroyed.
    #[error("the continuation has been destroyed")]
    Destroyed,
    /// The session or transaction is over.
    #[error("the session or transaction is over")]
    Gone,
    /// A transaction never reaches this hook.
    #[error("{0} is a hook of sessions: add it globally or to the session")]
    NotOfTransactions(HookId),
    /// The calling thread belongs to no event system, and none is running that it could mean.
    #[error("no event system is running")]
    NoRuntime,
    /// The host serves no HTTP.
    #[error("the host serves no HTTP")]
    NoHttp,
    /// The host answered with a number that this version does not know.
    #[error("the host refused for a reason that this version does not know ({0})")]
    Unknown(i32),
}

/// Adds `cont` to a hook of all sessions and transactions.
///
/// Any thread may call it, at any time. On an event thread or as a guest it is for the servers of that event system,
/// elsewhere for those of the process's default one. It takes effect with the next call-out for `hook`; one that is under
/// way may have passed the global list already, see the [module page](super). Transactions that began when there was no
/// hook at all call none. There is no way to take it off but to destroy the continuation, which is then passed over.
///
/// A continuation that is added twice is called twice. One with a mutex is called by one transaction at a time: the others
/// wait at the mutex, without blocking their threads. One without ([`Cont::shared`]) is called by all threads at once.
///
/// # Errors
///
/// [`HookError::Destroyed`], [`HookError::NoRuntime`], [`HookError::NoHttp`].
pub fn add(hook: HookId, cont: &Cont) -> Result<Added, HookError> {
    super::door::hook_add(super::door::Scope::GLOBAL, 0, hook, cont)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_places_are_those_of_the_list_and_the_numbers_are_their_own() {
        for (place, hook) in HookId::ALL.into_iter().enumerate() {
            assert_eq!(hook.place(), place);
            assert_eq!(HookId::from_number(hook.number()), Some(hook));
            assert_eq!(HookId::from_event(hook.event()), Some(hook));
        }
    }
}

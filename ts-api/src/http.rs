//! HTTP: sessions, transactions, and the hooks at which plugins are called.
//!
//! # What a plugin does
//!
//! It [adds](add) a continuation to a [hook](HookId). When a transaction (one request and its response) or a session (one
//! client's connection) reaches the hook, the continuation gets an event. It looks at the transaction, changes its messages,
//! and answers, once: [`Transaction::reenable`]. Until then the transaction stands still, and nothing else does.
//!
//! | hook | event | subject | what there is |
//! |---|---|---|---|
//! | SSN_START | 60013 | [`Session`] | a client has connected |
//! | TXN_START | 60011 | [`Transaction`] | a request has come in |
//! | TUNNEL_START | 60021 | [`Transaction`] | only for CONNECT, then instead of the next three: [`Transaction::request`] |
//! | READ_REQUEST_HDR | 60002 | [`Transaction`] | [`Transaction::request`], to be changed |
//! | PRE_REMAP | 60016 | [`Transaction`] | the same, before it is decided which origin gets it |
//! | POST_REMAP | 60017 | [`Transaction`] | the same, after that |
//! | REQUEST_BUFFER_READ_COMPLETE | 60018 | [`Transaction`] | only if asked for: the request's body as a whole |
//! | OS_DNS | 60003 | [`Transaction`] | the request still, before the origin's address is looked up |
//! | SEND_REQUEST_HDR | 60004 | [`Transaction`] | [`Transaction::origin_request`], to be changed; once for each attempt |
//! | READ_RESPONSE_HDR | 60006 | [`Transaction`] | [`Transaction::origin_response`], to be changed |
//! | SEND_RESPONSE_HDR | 60007 | [`Transaction`] | [`Transaction::response`], to be changed |
//! | TXN_CLOSE | 60012 | [`Transaction`] | all of them, to be read |
//! | SSN_CLOSE | 60014 | [`Session`] | nothing more |
//!
//! If a plugin has the request go elsewhere after all ([`Transaction::set_redirect`]), those from OS_DNS on come again.
//!
//! TXN_CLOSE comes exactly once for each transaction whose hooks are called, whatever happened to client, origin and
//! plugins; SSN_CLOSE comes exactly once, after the last one's. A transaction that began while there was no hook at all,
//! global or the session's, is not looked at again, and costs nothing.
//!
//! # Order, and what is added meanwhile
//!
//! At one hook the global continuations are called, then the session's, then the transaction's, each list in order of
//! addition. A list is passed when its last continuation is about to be called. A continuation that is added for the same
//! hook while that is being called out is called in this pass if its list is not passed (an empty list never is), and not
//! before the next if it is; so one that is added by the last of its list is not. [`Added`] tells which. A destroyed
//! continuation is stepped over.
//!
//! # Locks
//!
//! Each session and transaction has a mutex that is held while its hooks are called, besides the continuation's own if it has
//! one. Neither is waited for with the thread standing still. So a continuation that only one transaction's hooks call needs
//! no mutex ([`crate::Cont::shared`]); one that also has scheduled events shares the transaction's
//! ([`Transaction::continuation`]); one that many transactions call has its own, and makes them take turns.
//!
//! # Who does not answer
//!
//! A continuation that does not re-enable is named in the log after a while, with its hook; after another while things go on
//! without it, as if it had answered with an error, and what it answers then is refused ([`ReenableError::Ended`]).
//!
//! # Panics
//!
//! A handler that panics is retired, as everywhere. If it had not answered, the transaction ends in an error: it may have
//! been there to refuse.
#![cfg_attr(feature = "runtime", doc = "")]
#![cfg_attr(feature = "runtime", doc = "# A server")]
#![cfg_attr(feature = "runtime", doc = "")]
#![cfg_attr(
    feature = "runtime",
    doc = "[`Server`] accepts on the network threads of a [`Runtime`](crate::Runtime) and forwards to origins. Parsing and"
)]
#![cfg_attr(
    feature = "runtime",
    doc = "writing is `hyper`'s, HTTP/1.1 and 1.0. Bodies are streamed. What the parser refuses before a head is complete (400,"
)]
#![cfg_attr(feature = "runtime", doc = "414, 431) is no transaction, and is counted.")]

#[cfg(feature = "runtime")]
mod access_log;
mod answer;
mod arg;
pub mod door;
mod hook;
mod limit;
mod message;
mod milestone;
mod origin_state;
mod reenable;
mod session;
mod transaction;

#[cfg(feature = "runtime")]
pub(crate) mod server;

pub use answer::Answer;
pub use arg::{Arg, ArgError, ArgInfo, ArgOwner, ReserveError, arg_named, arg_numbered};
pub use hook::{Added, HookError, HookId, add};
pub use limit::Limit;
pub use message::{Field, Message, MessageError, Size, Url, Version};
pub use milestone::Milestone;
pub use origin_state::OriginState;
pub use reenable::{Gone, Reenable, ReenableError};
pub use session::Session;
pub use transaction::{Aborted, ErrorResponse, Transaction};

#[cfg(feature = "runtime")]
pub use access_log::{AccessLog, DEFAULT_QUEUE, Format, LogCounts};
#[cfg(feature = "runtime")]
pub use server::{
    Accept, Builder, Counts, DrainReport, End, HookPolicy, Http2Limits, Latency, Limits, LogPolicy, Record,
    Server, Settings, Sink, SocketOptions, StartError, Timeouts,
};
#[cfg(feature = "runtime")]
pub use server::{
    Mapped, OriginPolicy, Redirection, Remap, RemapError, Resolve, Rule, RuleError, Targets, Unmapped,
};

#[cfg(feature = "runtime")]
pub(crate) use server::hooks::GlobalHooks;

/// What judges messages before the parser sees them, without a socket: for fuzzing and for tests, and no promise to anybody.
#[cfg(feature = "runtime")]
#[doc(hidden)]
pub mod gate {
    pub use super::server::gate::{Asked, Framer, Framing, Head, OddNames, RawHead, Refusal, Side, Step};
}

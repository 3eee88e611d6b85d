//! A transaction as plugins see it: one request and its response.

mod facts;
mod keep;
mod origin;

use std::any::Any;
use std::fmt;

pub use self::facts::{Aborted, ErrorResponse};
use super::door::{self, Kind};
use super::message::{Message, Which};
use super::{Added, Gone, HookError, HookId, Reenable, ReenableError, Session};
use crate::{Cont, Event, Mutex};

/// One request and its response, from a hook's event.
///
/// It is a number that may be copied, kept and sent to other threads. It keeps nothing alive: once the transaction is over
/// every method says so. All methods may be called from any thread.
///
/// The handle belongs to the event it came with: it re-enables that call-out and no other. Whoever keeps one takes the new
/// one at each event.
///
/// # Examples
///
/// ```
/// use ts_api::Cont;
/// use ts_api::http::Reenable;
///
/// let refuse = Cont::shared(|event| {
///     let Some(txn) = event.transaction() else { return };
///     let answer = match txn.request().host() {
///         Ok(Some(host)) if host.ends_with(".example") => {
///             txn.set_error(403, "not for you\n").unwrap();
///             Reenable::Error
///         }
///         _ => Reenable::Continue,
///     };
///     txn.reenable(answer).unwrap();
/// });
/// # refuse.destroy();
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Transaction {
    number: u64,
    serial: u32,
}

impl Event<'_> {
    /// The transaction of an HTTP hook's event; none for any other event.
    #[must_use]
    pub fn transaction(&self) -> Option<Transaction> {
        let (number, serial) = door::subject(self, Kind::TRANSACTION)?;
        Some(Transaction { number, serial })
    }
}

impl Transaction {
    /// The transaction with this number, whichever call-out is under way.
    #[cfg(feature = "ffi")]
    pub(crate) const fn numbered(number: u64) -> Self {
        Self { number, serial: 0 }
    }

    /// A number that no other transaction of this process has; for logs and tables.
    #[must_use]
    pub fn number(self) -> u64 {
        self.number
    }

    /// Lets the transaction go on, once for each event.
    ///
    /// Nothing runs on the caller's stack. Called in the handler, the transaction goes on when that returns; called from
    /// elsewhere, its thread is woken. Release locks on data that others need before: whoever comes next may want them.
    ///
    /// # Errors
    ///
    /// [`ReenableError::AlreadyReenabled`], [`ReenableError::Gone`]; [`ReenableError::Ended`] if the host has not waited so long.
    pub fn reenable(self, answer: Reenable) -> Result<(), ReenableError> {
        door::reenable(Kind::TRANSACTION, self.number, self.serial, answer)
    }

    /// Adds `cont` to a hook of this transaction alone.
    ///
    /// The transaction keeps the continuation until it is over. The answer tells whether it will be called; the rules stand
    /// on the [module page](super).
    ///
    /// # Errors
    ///
    /// [`HookError::Gone`], [`HookError::Destroyed`], [`HookError::NotOfTransactions`] for SSN_START and SSN_CLOSE.
    pub fn add_hook(self, hook: HookId, cont: &Cont) -> Result<Added, HookError> {
        door::hook_add(door::Scope::TRANSACTION, self.number, hook, cont)
    }

    /// The mutex that is held while this transaction's hooks are called.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    pub fn mutex(self) -> Result<Mutex, Gone> {
        door::mutex(Kind::TRANSACTION, self.number)
    }

    /// Makes a continuation for this transaction, with data of its own, that shares the transaction's mutex.
    ///
    /// So its data needs no other lock: whether a hook or a scheduled event calls it, it is the only one. It is to be
    /// destroyed, or its last handle dropped, by the time of TXN_CLOSE; the hooks' lists keep it until then. One that is kept
    /// longer is named in the report of the shutdown, with `name`.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    #[track_caller]
    pub fn continuation<D, F, R>(self, name: &'static str, data: D, handler: F) -> Result<Cont, Gone>
    where
        D: Any + Send,
        F: FnMut(&mut D, &mut Event<'_>) -> R + Send + 'static,
        R: crate::Outcome,
    {
        Ok(Cont::named(name).with_data(&self.mutex()?, data, handler))
    }

    /// The session that the transaction belongs to. The handle can add hooks and tell, but not re-enable.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    pub fn session(self) -> Result<Session, Gone> {
        door::session_of(self.number).map(Session::without_call_out)
    }

    /// The client's request; there from READ_REQUEST_HDR or TUNNEL_START on. It may be changed up to OS_DNS.
    #[must_use]
    pub fn request(self) -> Message {
        Message::new(self.number, Which::CLIENT_REQUEST)
    }

    /// The request to the origin; there from SEND_REQUEST_HDR on, where it may be changed. If that comes more than once,
    /// what was changed the first time stays.
    #[must_use]
    pub fn origin_request(self) -> Message {
        Message::new(self.number, Which::ORIGIN_REQUEST)
    }

    /// The origin's response; there from READ_RESPONSE_HDR on, where it may be changed.
    #[must_use]
    pub fn origin_response(self) -> Message {
        Message::new(self.number, Which::ORIGIN_RESPONSE)
    }

    /// The response to the client, whoever made it; there from SEND_RESPONSE_HDR on, where it may be changed.
    #[must_use]
    pub fn response(self) -> Message {
        Message::new(self.number, Which::CLIENT_RESPONSE)
    }
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Transaction({:#x})", self.number)
    }
}

//! A session as plugins see it: one client's connection.

use std::fmt;
use std::net::SocketAddr;
use std::os::fd::RawFd;

use super::door::{self, Address, Fact, Kind};
use super::{Added, Gone, HookError, HookId, Reenable, ReenableError, Version};
use crate::{Cont, Event, Mutex};

/// One client's connection, from a hook's event.
///
/// It is a number like [`Transaction`](super::Transaction), with the same rules.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Session {
    number: u64,
    /// None for a handle that came from a transaction.
    serial: Option<u32>,
}

impl Event<'_> {
    /// The session of an HTTP session hook's event; none for any other event.
    #[must_use]
    pub fn session(&self) -> Option<Session> {
        let (number, serial) = door::subject(self, Kind::SESSION)?;
        Some(Session { number, serial: Some(serial) })
    }
}

impl Session {
    /// The session with this number.
    #[cfg(feature = "ffi")]
    pub(crate) const fn numbered(number: u64) -> Self {
        Self { number, serial: None }
    }

    pub(super) fn without_call_out(number: u64) -> Self {
        Self { number, serial: None }
    }

    /// A number that no other session of this process has; for logs and tables.
    #[must_use]
    pub fn number(self) -> u64 {
        self.number
    }

    /// Lets the session go on, once for each event. See [`Transaction::reenable`](super::Transaction::reenable).
    ///
    /// # Errors
    ///
    /// [`ReenableError::AlreadyReenabled`], also for a handle that came from a transaction; [`ReenableError::Gone`].
    pub fn reenable(self, answer: Reenable) -> Result<(), ReenableError> {
        match self.serial {
            Some(serial) => door::reenable(Kind::SESSION, self.number, serial, answer),
            None => Err(ReenableError::AlreadyReenabled),
        }
    }

    /// Adds `cont` to a hook of this session and of all its transactions.
    ///
    /// The session keeps the continuation until it is over. A continuation that is added twice is called twice.
    ///
    /// # Errors
    ///
    /// [`HookError::Gone`], [`HookError::Destroyed`].
    pub fn add_hook(self, hook: HookId, cont: &Cont) -> Result<Added, HookError> {
        door::hook_add(door::Scope::SESSION, self.number, hook, cont)
    }

    /// The mutex that is held while this session's own hooks are called.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    pub fn mutex(self) -> Result<Mutex, Gone> {
        door::mutex(Kind::SESSION, self.number)
    }

    /// The client's address.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    pub fn client_addr(self) -> Result<SocketAddr, Gone> {
        door::address(Kind::SESSION, self.number, Address::CLIENT)?.ok_or(Gone)
    }

    /// Our address that the client has connected to; none if the system did not say.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    pub fn incoming_addr(self) -> Result<Option<SocketAddr>, Gone> {
        door::address(Kind::SESSION, self.number, Address::INCOMING)
    }

    /// How many transactions it has had so far, the one under way included.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    pub fn transaction_count(self) -> Result<u64, Gone> {
        door::count(Kind::SESSION, self.number)
    }

    /// The version of HTTP that the client speaks; none before its first request. HTTP/1.1 stands for HTTP/1.0 too: each request
    /// says which.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    pub fn version(self) -> Result<Option<Version>, Gone> {
        let major = door::fact(Kind::SESSION, self.number, Fact::HTTP_MAJOR).map_err(|_| Gone)?;
        Ok(match major {
            0 => None,
            1 => Some(Version { major: 1, minor: 1 }),
            _ => Some(Version { major: u16::try_from(major).unwrap_or(u16::MAX), minor: 0 }),
        })
    }

    /// The number of the client's socket; see [`Transaction::client_socket`](super::Transaction::client_socket).
    ///
    /// # Errors
    ///
    /// [`Gone`].
    pub fn client_socket(self) -> Result<Option<RawFd>, Gone> {
        door::fact(Kind::SESSION, self.number, Fact::CLIENT_SOCKET).map(door::socket).map_err(|_| Gone)
    }

    /// Whether debug output is wanted for this session and its transactions in particular.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    pub fn debug(self) -> Result<bool, Gone> {
        door::fact(Kind::SESSION, self.number, Fact::DEBUG).map(|on| on != 0).map_err(|_| Gone)
    }

    /// Says whether debug output is wanted for this session and its transactions in particular; see
    /// [`Transaction::set_debug`](super::Transaction::set_debug).
    ///
    /// # Errors
    ///
    /// [`Gone`].
    pub fn set_debug(self, on: bool) -> Result<(), Gone> {
        door::set_fact(Kind::SESSION, self.number, Fact::DEBUG, on.into()).map_err(|_| Gone)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({:#x})", self.number)
    }
}

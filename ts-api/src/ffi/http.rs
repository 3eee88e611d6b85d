//! Sessions and transactions: their handles, and what the rooms of this family have in common.
//!
//! A handle is the number by which the server knows a session or transaction; it stays the same from hook to hook. So a
//! plugin may compare handles, and keep one from the first hook to the last.
//!
//! # Rules
//! * A handle is good until the transaction's TXN_CLOSE, or the session's SSN_CLOSE, has been called out; from then on it is a
//!   fault to use it.
//! * What the facade refuses of a live transaction, such as its messages while nobody is called out, is [`TS_ERROR`], or null.
//!   A function that returns nothing says so in the log.

pub(crate) mod addresses;
pub(crate) mod buffering;
mod controls;
mod debug;
mod error;
mod facts;
mod hooks;
mod limits;
mod messages;
mod protocols;
mod redirect;
mod reenable;
pub(crate) mod schedule;
mod settings;
mod sizes;
mod sockets;
pub(crate) mod texts;

use std::fmt::Display;

use super::call::Call;
use super::handle::{self, Bad, Raw};
use super::plugin;
use super::types::{TS_ERROR, TS_SUCCESS, TSHttpSsn, TSHttpTxn, TSReturnCode};
use crate::http::{Gone, MessageError, Session, Transaction};

/// The number of a handle.
fn number<H: Raw>(call: Call, argument: &'static str, handle: H) -> u64 {
    match handle::number(handle) {
        Ok(number) => number,
        Err(bad) => call.bad_handle(argument, handle.bits(), H::KIND, bad),
    }
}

/// The transaction of a handle, which may be over.
fn transaction(call: Call, txnp: TSHttpTxn) -> Transaction {
    Transaction::numbered(number(call, "txnp", txnp))
}

/// The session of a handle, which may be over.
fn session(call: Call, ssnp: TSHttpSsn) -> Session {
    Session::numbered(number(call, "ssnp", ssnp))
}

/// The handle's session or transaction is over.
#[cold]
fn gone<H: Raw>(call: Call, argument: &'static str, handle: H) -> ! {
    call.bad_handle(argument, handle.bits(), H::KIND, Bad::Stale(H::KIND))
}

/// A transaction that is over is a fault.
pub(super) fn check(call: Call, txnp: TSHttpTxn) {
    there(call, "txnp", txnp, transaction(call, txnp).ordinal());
}

/// What there is to know of one that is not over.
fn there<H: Raw, T>(call: Call, argument: &'static str, handle: H, found: Result<T, Gone>) -> T {
    found.unwrap_or_else(|Gone| gone(call, argument, handle))
}

/// What the facade allows with one that is not over; none if it refuses, which is told to those who look for it.
fn allowed<T>(call: Call, txnp: TSHttpTxn, done: Result<T, MessageError>) -> Option<T> {
    match done {
        Ok(value) => Some(value),
        Err(MessageError::Gone) => gone(call, "txnp", txnp),
        Err(error) => {
            tracing::debug!(function = ?call, plugin = name(), %error, "refused");
            None
        }
    }
}

/// As `allowed`, for functions that can say so.
fn code(call: Call, txnp: TSHttpTxn, done: Result<(), MessageError>) -> TSReturnCode {
    if allowed(call, txnp, done).is_some() { TS_SUCCESS } else { TS_ERROR }
}

/// As `allowed`, for functions that cannot.
fn silent(call: Call, txnp: TSHttpTxn, done: Result<(), MessageError>) {
    match done {
        Err(error) if error != MessageError::Gone => warn(call, error),
        done => drop(allowed(call, txnp, done)),
    }
}

/// Says in the log that a call comes to nothing.
fn warn(call: Call, why: impl Display) {
    tracing::warn!(function = ?call, plugin = name(), "{why}");
}

/// The plugin that calls.
fn name() -> &'static str {
    plugin::running().map_or("", plugin::Plugin::name)
}

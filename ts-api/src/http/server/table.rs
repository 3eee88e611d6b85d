//! The host's side of the door: the functions that the facade's calls arrive at.
//!
//! # Rules
//! * Numbers are looked up and may be anything. Pointers are lent for the call, as the table's rules promise.
//! * No panic leaves a function, and no lock of ours is held while a plugin's sink is called.

mod args;
mod facts;
pub(crate) mod messages;
mod numbers;

use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use ts_cont::Continuation;

use super::call_out::{HasSubject, Subject};
use super::calling;
use super::ended;
use super::hooks::GlobalHooks;
#[cfg(feature = "ffi")]
use super::label::Label;
use super::subjects::{SessionSubject, TransactionSubject};
use crate::Runtime;
use crate::http::door::{BytesSink, HttpTable, Kind, RawBytes, Scope};
use crate::http::{Added, HookError, HookId, Reenable, ReenableError};
use crate::table::{Code, RawCont, RawMutex};

/// The table of the linked server.
pub(crate) static TABLE: HttpTable = HttpTable {
    size: size_of::<HttpTable>(),
    hook_add,
    serial,
    reenable,
    mutex,
    client_addr: facts::client_addr,
    session_of,
    message_read: messages::message_read,
    message_change: messages::message_change,
    error_set: facts::error_set,
    address: facts::address,
    origin_address_set: facts::origin_address_set,
    count: facts::count,
    limit: facts::limit,
    limit_set: facts::limit_set,
    error_read: facts::error_read,
    error_change: facts::error_change,
    answer: facts::answer,
    body_buffer: facts::body_buffer,
    body_read: facts::body_read,
    milestone: facts::milestone,
    arg_reserve: args::reserve,
    arg_find: args::find,
    arg_describe: args::describe,
    arg_set: args::set,
    arg_lend: args::lend,
    arg_put_back: args::put_back,
    arg_plain: args::plain,
    origin_url: facts::origin_url,
    origin_url_set: facts::origin_url_set,
    pristine_url: facts::pristine_url,
    response_body_set: facts::response_body_set,
    aborted: facts::aborted,
    fact: numbers::fact,
    fact_set: numbers::fact_set,
    origin_name: facts::origin_name,
    redirect: facts::redirect,
    redirect_set: facts::redirect_set,
    address_set: facts::address_set,
};

/// The global hooks of an event system.
pub(crate) fn hooks_of(runtime: &Runtime) -> &Arc<GlobalHooks> {
    runtime.http_hooks()
}

/// Ends a panic at the door.
fn guarded(f: impl FnOnce() -> Result<(), Code>) -> Code {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(Ok(())) => Code::OK,
        Ok(Err(code)) => code,
        Err(_) => Code::PANICKED,
    }
}

unsafe extern "C" fn hook_add(scope: Scope, subject: u64, hook: u32, cont: RawCont, added: *mut u32) -> Code {
    guarded(|| {
        let hook = HookId::from_number(hook).ok_or(Code::UNKNOWN)?;
        // SAFETY: the caller lends a continuation of this table.
        let continuation = unsafe { ManuallyDrop::new(Continuation::from_raw(cont.0)) };
        let continuation = Continuation::clone(&continuation);
        if continuation.is_destroyed() {
            return Err(Code::DESTROYED);
        }
        let result = match scope {
            Scope::GLOBAL => {
                let runtime = Runtime::current().ok_or(Code::NO_RUNTIME)?;
                hooks_of(&runtime).add(hook, continuation);
                Ok(Added::Yes)
            }
            Scope::SESSION => find_session(subject)?.add(hook, continuation),
            Scope::TRANSACTION => find_transaction(subject)?.add(hook, continuation),
            _ => return Err(Code::UNKNOWN),
        };
        let number = match result {
            Ok(Added::Yes) => 0,
            Ok(Added::NotInThisPass) => 1,
            Ok(Added::TooLate) => 2,
            Ok(Added::Already) => 3,
            Err(HookError::NotOfTransactions(_)) => return Err(Code::NOT_OF_TRANSACTIONS),
            Err(_) => return Err(Code::GONE),
        };
        // SAFETY: the place is lent for the call.
        unsafe { added.write(number) };
        Ok(())
    })
}

unsafe extern "C" fn serial(kind: Kind, subject: u64, serial: *mut u32) -> Code {
    guarded(|| {
        let number = calling::with(kind, subject, |called| match called {
            Some((_, serial)) => Ok(serial),
            None => find_subject(kind, subject, |subject| Ok(subject.serial())),
        })?;
        // SAFETY: the place is lent for the call.
        unsafe { serial.write(number) };
        Ok(())
    })
}

unsafe extern "C" fn reenable(kind: Kind, subject: u64, serial: u32, event: i32) -> Code {
    guarded(|| {
        let answer = match event {
            60000 => Reenable::Continue,
            60001 => Reenable::Error,
            _ => return Err(Code::UNKNOWN),
        };
        answered(kind, subject, serial, |subject| subject.reenable(serial, answer))
    })
}

/// Takes an answer that is for whatever call-out is under way, unless `may_be` says of the one who is called that it cannot be
/// whose answer it is.
#[cfg(feature = "ffi")]
pub(crate) fn reenable_unnumbered(
    kind: Kind,
    subject: u64,
    answer: Reenable,
    may_be: impl FnOnce(Label) -> bool,
) -> Result<(), ReenableError> {
    let answer = |subject: &Subject| subject.reenable_unnumbered(answer, may_be);
    answered(kind, subject, 0, answer).map_err(|code| match code {
        Code::ALREADY_REENABLED => ReenableError::AlreadyReenabled,
        Code::ENDED => ReenableError::Ended,
        _ => ReenableError::Gone,
    })
}

/// Has a subject answered; if it does not take the answer, looks whether that came too late.
fn answered(
    kind: Kind,
    subject: u64,
    serial: u32,
    answer: impl FnOnce(&Subject) -> Result<(), ReenableError>,
) -> Result<(), Code> {
    let answered = with_subject(kind, subject, |subject| {
        answer(subject).map_err(|error| match error {
            ReenableError::AlreadyReenabled => Code::ALREADY_REENABLED,
            _ => Code::GONE,
        })
    });
    answered.map_err(|code| match ended::find(kind.0 as usize, subject, serial) {
        Some(late) => {
            let (hook, who) = (late.hook, late.who);
            tracing::warn!(%hook, continuation = who, subject, "a re-enable came after its call-out was ended");
            Code::ENDED
        }
        None => code,
    })
}

unsafe extern "C" fn mutex(kind: Kind, subject: u64, mutex: *mut Option<RawMutex>) -> Code {
    guarded(|| {
        let raw = with_subject(kind, subject, |subject| Ok(RawMutex(subject.mutex.clone().into_raw())))?;
        // SAFETY: the place is lent for the call.
        unsafe { mutex.write(Some(raw)) };
        Ok(())
    })
}

unsafe extern "C" fn session_of(transaction: u64, session: *mut u64) -> Code {
    guarded(|| {
        let number = find_transaction(transaction)?.session.subject().number;
        // SAFETY: the place is lent for the call.
        unsafe { session.write(number) };
        Ok(())
    })
}

fn find_session(number: u64) -> Result<Arc<SessionSubject>, Code> {
    SessionSubject::find(number).ok_or(Code::GONE)
}

fn find_transaction(number: u64) -> Result<Arc<TransactionSubject>, Code> {
    TransactionSubject::find(number).ok_or(Code::GONE)
}

fn with_subject<R>(kind: Kind, number: u64, f: impl FnOnce(&Subject) -> Result<R, Code>) -> Result<R, Code> {
    calling::with(kind, number, |called| match called {
        Some((subject, _)) => f(subject),
        None => find_subject(kind, number, f),
    })
}

fn find_subject<R>(kind: Kind, number: u64, f: impl FnOnce(&Subject) -> Result<R, Code>) -> Result<R, Code> {
    match kind {
        Kind::SESSION => f(find_session(number)?.subject()),
        Kind::TRANSACTION => f(find_transaction(number)?.subject()),
        _ => Err(Code::UNKNOWN),
    }
}

fn send(sink: &BytesSink, item: &[u8]) {
    // SAFETY: the caller's sink is alive for the call, and the item is lent for this one.
    unsafe { (sink.take)(sink.to, RawBytes::new(item)) };
}

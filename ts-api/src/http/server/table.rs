//! The host's side of the door: the functions that the facade's calls arrive at.
//!
//! # Rules
//! * Numbers are looked up and may be anything. Pointers are lent for the call, as the table's rules promise.
//! * No panic leaves a function, and no lock of ours is held while a plugin's sink is called.

use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use http::uri::Authority;
use ts_cont::Continuation;

use super::call_out::{HasSubject, Subject};
use super::head::{ChangeError, Head};
use super::hooks::GlobalHooks;
use super::subjects::{Content, SessionSubject, TransactionSubject};
use crate::Runtime;
use crate::http::door::{BytesSink, Change, HttpTable, Kind, Part, RawBytes, Scope, Which};
use crate::http::{Added, HookError, HookId, Reenable, ReenableError};
use crate::table::{Code, RawCont, RawMutex};

/// The table of the linked server.
pub(crate) static TABLE: HttpTable = HttpTable {
    size: size_of::<HttpTable>(),
    hook_add,
    serial,
    reenable,
    mutex,
    client_addr,
    session_of,
    message_read,
    message_change,
    error_set,
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
        let number = with_subject(kind, subject, |subject| Ok(subject.serial()))?;
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
        with_subject(kind, subject, |subject| {
            subject.reenable(serial, answer).map_err(|error| match error {
                ReenableError::AlreadyReenabled => Code::ALREADY_REENABLED,
                _ => Code::GONE,
            })
        })
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

unsafe extern "C" fn client_addr(kind: Kind, subject: u64, sink: BytesSink) -> Code {
    guarded(|| {
        let client = match kind {
            Kind::SESSION => find_session(subject)?.client,
            Kind::TRANSACTION => find_transaction(subject)?.session.client,
            _ => return Err(Code::UNKNOWN),
        };
        send(&sink, client.to_string().as_bytes());
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

unsafe extern "C" fn message_read(
    transaction: u64,
    which: Which,
    part: Part,
    name: RawBytes,
    sink: BytesSink,
    number: *mut u32,
) -> Code {
    guarded(|| {
        // SAFETY: the name is lent for the call.
        let name = unsafe { name.as_slice() };
        let transaction = find_transaction(transaction)?;
        let read = transaction.called_content(|content| {
            let head = head(content, which)?.as_ref().ok_or(Code::ABSENT)?;
            let items = match part {
                Part::METHOD => vec![head.method().ok_or(Code::WRONG_KIND)?],
                Part::TARGET => vec![head.target().ok_or(Code::WRONG_KIND)?],
                Part::HOST => host(head)?.into_iter().collect(),
                Part::VALUES => head.values(name),
                Part::FIELDS => head.all(),
                Part::STATUS => {
                    return head.status().map(|status| (Vec::new(), status)).ok_or(Code::WRONG_KIND);
                }
                _ => return Err(Code::UNKNOWN),
            };
            Ok((items, 0))
        });
        let (items, status) = read.ok_or(Code::NOT_CALLED_OUT)??;
        for item in items {
            send(&sink, &item);
        }
        // SAFETY: the place is lent for the call.
        unsafe { number.write(status.into()) };
        Ok(())
    })
}

unsafe extern "C" fn message_change(
    transaction: u64,
    which: Which,
    change: Change,
    name: RawBytes,
    value: RawBytes,
    number: *mut u32,
) -> Code {
    guarded(|| {
        // SAFETY: name, value and number are lent for the call.
        let (name, value, status) = unsafe { (name.as_slice(), value.as_slice(), number.read()) };
        let transaction = find_transaction(transaction)?;
        let changed = transaction.called_content(|content| {
            let at = content.at;
            let head = head(content, which)?.as_mut().ok_or(Code::ABSENT)?;
            if !at.is_some_and(|at| is_changeable(which, at)) {
                return Err(Code::READ_ONLY);
            }
            let changed = match change {
                Change::METHOD => head.set_method(name).map(|()| 0),
                Change::TARGET => head.set_target(name).map(|()| 0),
                Change::STATUS => head.set_status(status).map(|()| 0),
                Change::SET => head.set(name, value).map(|()| 0),
                Change::APPEND => head.append(name, value).map(|()| 0),
                Change::REMOVE => head.remove(name),
                _ => return Err(Code::UNKNOWN),
            };
            changed.map_err(|error| match error {
                ChangeError::Invalid => Code::INVALID,
                ChangeError::WrongKind => Code::WRONG_KIND,
                ChangeError::Framing => Code::FRAMING,
            })
        });
        let count = changed.ok_or(Code::NOT_CALLED_OUT)??;
        // SAFETY: the place is lent for the call.
        unsafe { number.write(u32::try_from(count).unwrap_or(u32::MAX)) };
        Ok(())
    })
}

unsafe extern "C" fn error_set(
    transaction: u64,
    status: u32,
    body: RawBytes,
    content_type: RawBytes,
) -> Code {
    guarded(|| {
        // SAFETY: both are lent for the call.
        let (body, content_type) = unsafe { (body.as_slice(), content_type.as_slice()) };
        let transaction = find_transaction(transaction)?;
        let status = u16::try_from(status).ok().filter(|status| (400..600).contains(status));
        let status = status.ok_or(Code::INVALID)?;
        let content_type = HeaderValue::from_bytes(content_type).map_err(|_| Code::INVALID)?;
        let body = Bytes::copy_from_slice(body);
        let set = transaction.called_content(|content| {
            content.error.status = Some(status);
            content.error.body = Some(body);
            content.error.content_type = Some(content_type);
        });
        set.ok_or(Code::NOT_CALLED_OUT)
    })
}

fn find_session(number: u64) -> Result<Arc<SessionSubject>, Code> {
    SessionSubject::find(number).ok_or(Code::GONE)
}

fn find_transaction(number: u64) -> Result<Arc<TransactionSubject>, Code> {
    TransactionSubject::find(number).ok_or(Code::GONE)
}

fn with_subject<R>(kind: Kind, number: u64, f: impl FnOnce(&Subject) -> Result<R, Code>) -> Result<R, Code> {
    match kind {
        Kind::SESSION => f(find_session(number)?.subject()),
        Kind::TRANSACTION => f(find_transaction(number)?.subject()),
        _ => Err(Code::UNKNOWN),
    }
}

fn head(content: &mut Content, which: Which) -> Result<&mut Option<Head>, Code> {
    Ok(match which {
        Which::CLIENT_REQUEST => &mut content.client_request,
        Which::ORIGIN_REQUEST => &mut content.origin_request,
        Which::ORIGIN_RESPONSE => &mut content.origin_response,
        Which::CLIENT_RESPONSE => &mut content.client_response,
        _ => return Err(Code::UNKNOWN),
    })
}

fn is_changeable(which: Which, at: HookId) -> bool {
    match which {
        // The request to the origin is made of it after OS_DNS.
        Which::CLIENT_REQUEST => HookId::TxnStart.place() < at.place() && at.place() <= HookId::OsDns.place(),
        Which::ORIGIN_REQUEST => at == HookId::SendRequestHdr,
        Which::ORIGIN_RESPONSE => at == HookId::ReadResponseHdr,
        Which::CLIENT_RESPONSE => at == HookId::SendResponseHdr,
        _ => false,
    }
}

/// The host that a request is for: its target's, or the field's.
fn host(head: &Head) -> Result<Option<Bytes>, Code> {
    let target = head.target().ok_or(Code::WRONG_KIND)?;
    let from_target = http::Uri::from_maybe_shared(target).ok().and_then(|uri| uri.authority().cloned());
    let from_field =
        || head.values(b"host").into_iter().next().and_then(|host| Authority::from_maybe_shared(host).ok());
    let host = from_target.or_else(from_field);
    Ok(host.map(|host| Bytes::from(host.host().to_ascii_lowercase())))
}

fn send(sink: &BytesSink, item: &[u8]) {
    // SAFETY: the caller's sink is alive for the call, and the item is lent for this one.
    unsafe { (sink.take)(sink.to, RawBytes::new(item)) };
}

//! The protocols that sessions and transactions are carried by, as tags, outermost first.
//!
//! # Rules
//! * Equal tags are the same text, so plugins may compare pointers.

use std::ffi::{CStr, c_char, c_int};
use std::net::SocketAddr;
use std::ptr;

use super::{allowed, session, there, transaction};
use crate::ffi::call::{self, Call};
use crate::ffi::types::{TS_ERROR, TS_SUCCESS, TSHttpSsn, TSHttpTxn, TSReturnCode};
use crate::http::Version;

/// All tags that there are here. A static, since a constant may have several addresses.
static TAGS: [&CStr; 6] = [c"h2", c"http/1.0", c"http/1.1", c"tcp", c"ipv4", c"ipv6"];

type Stack = Vec<&'static CStr>;

/// The version of HTTP, if there is one yet, over a connection to or from an address.
fn stack(version: Option<Version>, address: SocketAddr) -> Stack {
    let [h2, http_1_0, http_1_1, tcp, ipv4, ipv6] = TAGS;
    let http = version.map(|version| match (version.major, version.minor) {
        (2, _) => h2,
        (1, 0) => http_1_0,
        _ => http_1_1,
    });
    let ip = if address.is_ipv4() { ipv4 } else { ipv6 };
    http.into_iter().chain([tcp, ip]).collect()
}

/// None until the request is there, and from the response's end on.
fn of_transaction(call: Call, txnp: TSHttpTxn) -> Option<Stack> {
    let transaction = transaction(call, txnp);
    let version = allowed(call, txnp, transaction.request().version())?;
    Some(stack(Some(version), there(call, "txnp", txnp, transaction.client_addr())))
}

/// Without HTTP until the client has said which.
fn of_session(call: Call, ssnp: TSHttpSsn) -> Stack {
    let session = session(call, ssnp);
    let version = there(call, "ssnp", ssnp, session.version());
    stack(version, there(call, "ssnp", ssnp, session.client_addr()))
}

/// None until there is a connection.
fn of_origin(call: Call, txnp: TSHttpTxn) -> Option<Stack> {
    let transaction = transaction(call, txnp);
    there(call, "txnp", txnp, transaction.outgoing_addr())?;
    let address = there(call, "txnp", txnp, transaction.origin_addr())?;
    // Of a tunnel nobody knows what it carries.
    let is_tunnel = there(call, "txnp", txnp, transaction.is_tunnel());
    Some(stack((!is_tunnel).then_some(Version { major: 1, minor: 1 }), address))
}

/// Puts as many as there is room for where the caller wants them.
///
/// # Safety
///
/// There is room for `count` texts at `result`, and for a number at `actual` if it is not null.
unsafe fn give(
    call: Call,
    tags: Option<Stack>,
    count: c_int,
    result: *mut *const c_char,
    actual: *mut c_int,
) -> TSReturnCode {
    let Ok(count) = usize::try_from(count) else { call.fault(format_args!("count is {count}")) };
    let known = tags.as_deref().unwrap_or_default();
    // SAFETY: the caller says that there is room. Also for those who do not look whether there are any.
    unsafe { call.tell("actual", actual, known.len() as c_int) };
    for (at, tag) in known.iter().take(count).enumerate() {
        // SAFETY: the caller says that there are so many places.
        unsafe { call.place("result", result).add(at).write(tag.as_ptr()) };
    }
    if tags.is_some() { TS_SUCCESS } else { TS_ERROR }
}

/// The first that begins so; null if there is none.
///
/// # Safety
///
/// `tag` is null or a text.
unsafe fn first(call: Call, tags: Option<Stack>, tag: *const c_char) -> *const c_char {
    // SAFETY: the caller says so.
    let begin = unsafe { call.text("tag", tag) }.to_bytes();
    let found = tags.into_iter().flatten().find(|tag| tag.to_bytes().starts_with(begin));
    found.map_or(ptr::null(), CStr::as_ptr)
}

/// # Safety
///
/// There is room for `count` texts at `result`, and for a number at `actual` if it is not null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSHttpTxnClientProtocolStackGet(
    txnp: TSHttpTxn,
    count: c_int,
    result: *mut *const c_char,
    actual: *mut c_int,
) -> TSReturnCode {
    // SAFETY: the caller says so.
    call::enter("TSHttpTxnClientProtocolStackGet", |call| unsafe {
        give(call, of_transaction(call, txnp), count, result, actual)
    })
}

/// # Safety
///
/// `tag` is null or a text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSHttpTxnClientProtocolStackContains(
    txnp: TSHttpTxn,
    tag: *const c_char,
) -> *const c_char {
    // SAFETY: the caller says so.
    call::enter("TSHttpTxnClientProtocolStackContains", |call| unsafe {
        first(call, of_transaction(call, txnp), tag)
    })
}

/// # Safety
///
/// There is room for `count` texts at `result`, and for a number at `actual` if it is not null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSHttpSsnClientProtocolStackGet(
    ssnp: TSHttpSsn,
    count: c_int,
    result: *mut *const c_char,
    actual: *mut c_int,
) -> TSReturnCode {
    // SAFETY: the caller says so.
    call::enter("TSHttpSsnClientProtocolStackGet", |call| unsafe {
        give(call, Some(of_session(call, ssnp)), count, result, actual)
    })
}

/// # Safety
///
/// `tag` is null or a text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSHttpSsnClientProtocolStackContains(
    ssnp: TSHttpSsn,
    tag: *const c_char,
) -> *const c_char {
    // SAFETY: the caller says so.
    call::enter("TSHttpSsnClientProtocolStackContains", |call| unsafe {
        first(call, Some(of_session(call, ssnp)), tag)
    })
}

/// # Safety
///
/// There is room for `count` texts at `result`, and for a number at `actual` if it is not null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSHttpTxnServerProtocolStackGet(
    txnp: TSHttpTxn,
    count: c_int,
    result: *mut *const c_char,
    actual: *mut c_int,
) -> TSReturnCode {
    // SAFETY: the caller says so.
    call::enter("TSHttpTxnServerProtocolStackGet", |call| unsafe {
        give(call, of_origin(call, txnp), count, result, actual)
    })
}

/// # Safety
///
/// `tag` is null or a text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSHttpTxnServerProtocolStackContains(
    txnp: TSHttpTxn,
    tag: *const c_char,
) -> *const c_char {
    // SAFETY: the caller says so.
    call::enter("TSHttpTxnServerProtocolStackContains", |call| unsafe {
        first(call, of_origin(call, txnp), tag)
    })
}

/// # Safety
///
/// `tag` is null or a text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSNormalizedProtocolTag(tag: *const c_char) -> *const c_char {
    call::enter("TSNormalizedProtocolTag", |call| {
        // SAFETY: the caller says so.
        let tag = unsafe { call.text("tag", tag) };
        TAGS.iter().find(|known| **known == tag).map_or(ptr::null(), |known| known.as_ptr())
    })
}

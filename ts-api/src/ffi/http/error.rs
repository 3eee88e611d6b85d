//! What the client gets if a transaction ends in an error.

use std::ffi::{c_char, c_int};
use std::ptr;

use super::{allowed, silent, there, transaction, warn};
use crate::ffi::call::{self, Call};
use crate::ffi::memory::{self, Given};
use crate::ffi::types::{TSHttpStatus, TSHttpTxn};

/// The type of a body that comes with none.
const USUAL_TYPE: &str = "text/html";

/// A copy for a plugin, null of nothing.
fn copy(call: Call, bytes: Option<&[u8]>) -> *mut c_char {
    bytes.map_or(ptr::null_mut(), |bytes| memory::copy_text(call, bytes))
}

/// # Safety
///
/// Body and type are null or came from `TSmalloc`, and are nobody else's any more; the body is that long, and the type ends with
/// a NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSHttpTxnErrorBodySet(
    txnp: TSHttpTxn,
    buf: *mut c_char,
    buflength: usize,
    mimetype: *mut c_char,
) {
    call::enter("TSHttpTxnErrorBodySet", |call| {
        let (_body, _mimetype) = (Given(buf.cast()), Given(mimetype.cast()));
        let transaction = transaction(call, txnp);
        if buf.is_null() {
            return silent(call, txnp, transaction.take_back_error_body());
        }
        // SAFETY: it is that long, says the caller, and there until `_body` ends.
        let body = unsafe { call.counted("buf", buf, buflength) };
        let content_type = if mimetype.is_null() {
            USUAL_TYPE.into()
        } else {
            // SAFETY: it ends with a NUL, says the caller, and is there until `_mimetype` ends.
            unsafe { call.text("mimetype", mimetype) }.to_string_lossy()
        };
        silent(call, txnp, transaction.set_error_body(body, &content_type));
        // Where the response is on its way to the client, this is its body.
        let _only_there = transaction.set_response_body(body, &content_type);
    });
}

/// # Safety
///
/// Where the last two are not null there is room for length and type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSHttpTxnErrorBodyGet(
    txnp: TSHttpTxn,
    buflength: *mut usize,
    mimetype: *mut *mut c_char,
) -> *mut c_char {
    call::enter("TSHttpTxnErrorBodyGet", |call| {
        let error = allowed(call, txnp, transaction(call, txnp).error()).unwrap_or_default();
        let length = error.body.as_ref().map_or(0, Vec::len);
        if !buflength.is_null() {
            // SAFETY: the caller says so.
            unsafe { call.place("buflength", buflength).write(length) };
        }
        if !mimetype.is_null() {
            let content_type = error.content_type.as_deref().map(str::as_bytes);
            // SAFETY: the caller says so.
            unsafe { call.place("mimetype", mimetype).write(copy(call, content_type)) };
        }
        copy(call, error.body.as_deref())
    })
}

fn status_set(call: Call, txnp: TSHttpTxn, status: TSHttpStatus) {
    let transaction = transaction(call, txnp);
    match u16::try_from(status).ok() {
        Some(0) => silent(call, txnp, transaction.answer_when_mapped(None)),
        Some(status @ 200..400) => silent(call, txnp, transaction.answer_when_mapped(Some(status))),
        Some(status @ 400..600) => {
            let set = transaction.answer_when_mapped(Some(status));
            silent(call, txnp, set.and_then(|()| transaction.set_error_status(status)));
        }
        _ => {
            there(call, "txnp", txnp, transaction.ordinal());
            warn(call, format_args!("{status} is no status that ends a request, from 200 to 599: not set"));
        }
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpTxnStatusSet(txnp: TSHttpTxn, status: TSHttpStatus) {
    call::enter("TSHttpTxnStatusSet", |call| status_set(call, txnp, status));
}

/// # Safety
///
/// As many bytes as `setter_len` says, or up to a NUL, can be read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSHttpTxnStatusSetBy(
    txnp: TSHttpTxn,
    status: TSHttpStatus,
    setter: *const c_char,
    setter_len: c_int,
) {
    call::enter("TSHttpTxnStatusSetBy", |call| {
        // SAFETY: the caller says so.
        let setter = String::from_utf8_lossy(unsafe { call.bytes("setter", setter, setter_len) });
        status_set(call, txnp, status);
        tracing::debug!(transaction = transaction(call, txnp).number(), status, %setter, "a status is set");
    });
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpTxnStatusGet(txnp: TSHttpTxn) -> TSHttpStatus {
    call::enter("TSHttpTxnStatusGet", |call| {
        let transaction = transaction(call, txnp);
        let status = allowed(call, txnp, transaction.answered_when_mapped()).flatten();
        let error = || allowed(call, txnp, transaction.error())?.status;
        status.or_else(error).map_or(0, TSHttpStatus::from)
    })
}

//! From a transaction to the places of its messages in marshal buffers.
//!
//! # Rules
//! * A message is there from its hook on, and looked at while the transaction is called out; otherwise the answer is
//!   [`TS_ERROR`], and nothing is written.

use super::{allowed, gone, number, transaction};
use crate::ffi::call::{self, Call};
use crate::ffi::mime;
use crate::ffi::types::{TS_ERROR, TS_SUCCESS, TSHttpTxn, TSMBuffer, TSMLoc, TSReturnCode};
use crate::http::door::Which;
use crate::http::server::subjects::TransactionSubject;

/// Writes what was found to where the plugin wants it.
///
/// # Safety
///
/// Where they are not null there is room for it.
unsafe fn give(
    call: Call,
    found: Option<(TSMBuffer, TSMLoc)>,
    (bufp, argument, locp): (*mut TSMBuffer, &'static str, *mut TSMLoc),
) -> TSReturnCode {
    let (buffer, loc) = (call.place("bufp", bufp), call.place(argument, locp));
    let Some(found) = found else { return TS_ERROR };
    // SAFETY: the caller says so.
    unsafe {
        buffer.write(found.0);
        loc.write(found.1);
    }
    TS_SUCCESS
}

/// # Safety
///
/// As for `give`.
unsafe fn get(
    name: &'static str,
    txnp: TSHttpTxn,
    which: Which,
    bufp: *mut TSMBuffer,
    offset: *mut TSMLoc,
) -> TSReturnCode {
    call::enter(name, |call| {
        let number = number(call, "txnp", txnp);
        let found = mime::message(number, which);
        if found.is_none() && TransactionSubject::find(number).is_none() {
            gone(call, "txnp", txnp);
        }
        // SAFETY: the caller's caller says so.
        unsafe { give(call, found, (bufp, "offset", offset)) }
    })
}

/// # Safety
///
/// Where they are not null there is room for buffer and place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSHttpTxnClientReqGet(
    txnp: TSHttpTxn,
    bufp: *mut TSMBuffer,
    offset: *mut TSMLoc,
) -> TSReturnCode {
    // SAFETY: the caller says so.
    unsafe { get("TSHttpTxnClientReqGet", txnp, Which::CLIENT_REQUEST, bufp, offset) }
}

/// # Safety
///
/// Where they are not null there is room for buffer and place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSHttpTxnClientRespGet(
    txnp: TSHttpTxn,
    bufp: *mut TSMBuffer,
    offset: *mut TSMLoc,
) -> TSReturnCode {
    // SAFETY: the caller says so.
    unsafe { get("TSHttpTxnClientRespGet", txnp, Which::CLIENT_RESPONSE, bufp, offset) }
}

/// # Safety
///
/// Where they are not null there is room for buffer and place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSHttpTxnServerReqGet(
    txnp: TSHttpTxn,
    bufp: *mut TSMBuffer,
    offset: *mut TSMLoc,
) -> TSReturnCode {
    // SAFETY: the caller says so.
    unsafe { get("TSHttpTxnServerReqGet", txnp, Which::ORIGIN_REQUEST, bufp, offset) }
}

/// # Safety
///
/// Where they are not null there is room for buffer and place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSHttpTxnServerRespGet(
    txnp: TSHttpTxn,
    bufp: *mut TSMBuffer,
    offset: *mut TSMLoc,
) -> TSReturnCode {
    // SAFETY: the caller says so.
    unsafe { get("TSHttpTxnServerRespGet", txnp, Which::ORIGIN_RESPONSE, bufp, offset) }
}

/// # Safety
///
/// Where they are not null there is room for buffer and place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSHttpTxnPristineUrlGet(
    txnp: TSHttpTxn,
    bufp: *mut TSMBuffer,
    url_loc: *mut TSMLoc,
) -> TSReturnCode {
    call::enter("TSHttpTxnPristineUrlGet", |call| {
        let url = allowed(call, txnp, transaction(call, txnp).pristine_url());
        let found = url.and_then(|url| mime::own_url(url.as_bytes()));
        if let Some((buffer, _)) = found {
            match TransactionSubject::find(number(call, "txnp", txnp)) {
                // It ends with the transaction.
                Some(transaction) => transaction.buffers.keep(buffer),
                None => mime::end(buffer),
            }
        }
        // SAFETY: the caller says so.
        unsafe { give(call, found, (bufp, "url_loc", url_loc)) }
    })
}

//! How many bytes messages have.

use std::ffi::c_int;

use super::{there, transaction};
use crate::ffi::call;
use crate::ffi::types::TSHttpTxn;
use crate::http::{Message, Size, Transaction};

fn size(name: &'static str, txnp: TSHttpTxn, of: impl FnOnce(Transaction) -> Message) -> Size {
    call::enter(name, |call| there(call, "txnp", txnp, of(transaction(call, txnp)).size()))
}

/// No head is that long.
fn head(size: Size) -> c_int {
    c_int::try_from(size.head).unwrap_or(c_int::MAX)
}

fn body(size: Size) -> i64 {
    i64::try_from(size.body).unwrap_or(i64::MAX)
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpTxnClientReqHdrBytesGet(txnp: TSHttpTxn) -> c_int {
    head(size("TSHttpTxnClientReqHdrBytesGet", txnp, Transaction::request))
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpTxnClientReqBodyBytesGet(txnp: TSHttpTxn) -> i64 {
    body(size("TSHttpTxnClientReqBodyBytesGet", txnp, Transaction::request))
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpTxnServerReqHdrBytesGet(txnp: TSHttpTxn) -> c_int {
    head(size("TSHttpTxnServerReqHdrBytesGet", txnp, Transaction::origin_request))
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpTxnServerReqBodyBytesGet(txnp: TSHttpTxn) -> i64 {
    body(size("TSHttpTxnServerReqBodyBytesGet", txnp, Transaction::origin_request))
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpTxnServerRespHdrBytesGet(txnp: TSHttpTxn) -> c_int {
    head(size("TSHttpTxnServerRespHdrBytesGet", txnp, Transaction::origin_response))
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpTxnServerRespBodyBytesGet(txnp: TSHttpTxn) -> i64 {
    body(size("TSHttpTxnServerRespBodyBytesGet", txnp, Transaction::origin_response))
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpTxnClientRespHdrBytesGet(txnp: TSHttpTxn) -> c_int {
    head(size("TSHttpTxnClientRespHdrBytesGet", txnp, Transaction::response))
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpTxnClientRespBodyBytesGet(txnp: TSHttpTxn) -> i64 {
    body(size("TSHttpTxnClientRespBodyBytesGet", txnp, Transaction::response))
}

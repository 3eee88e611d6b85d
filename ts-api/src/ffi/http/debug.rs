//! Debug output for chosen sessions and transactions.

use std::ffi::c_int;

use super::{session, there, transaction};
use crate::ffi::call;
use crate::ffi::types::{TS_SUCCESS, TSHttpSsn, TSHttpTxn, TSReturnCode};

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpTxnDebugSet(txnp: TSHttpTxn, on: c_int) {
    call::enter("TSHttpTxnDebugSet", |call| {
        there(call, "txnp", txnp, transaction(call, txnp).set_debug(on != 0));
    });
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpTxnDebugGet(txnp: TSHttpTxn) -> c_int {
    call::enter("TSHttpTxnDebugGet", |call| there(call, "txnp", txnp, transaction(call, txnp).debug()).into())
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpSsnDebugSet(ssnp: TSHttpSsn, on: c_int) {
    call::enter("TSHttpSsnDebugSet", |call| {
        there(call, "ssnp", ssnp, session(call, ssnp).set_debug(on != 0));
    });
}

/// # Safety
///
/// If it is not null there is room for the answer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSHttpSsnDebugGet(ssnp: TSHttpSsn, on: *mut c_int) -> TSReturnCode {
    call::enter("TSHttpSsnDebugGet", |call| {
        let debug = there(call, "ssnp", ssnp, session(call, ssnp).debug());
        let place = call.place("on", on);
        // SAFETY: the caller says so.
        unsafe { place.write(debug.into()) };
        TS_SUCCESS
    })
}

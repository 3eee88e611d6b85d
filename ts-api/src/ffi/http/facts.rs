//! What there is to know of sessions and transactions.

use std::ffi::{c_char, c_int};
use std::ptr;

use super::{allowed, session, there, transaction};
use crate::ffi::types::{
    TS_ERROR, TS_SUCCESS, TSHRTime, TSHttpSsn, TSHttpSsnInfoKey, TSHttpTxn, TSMilestonesType, TSReturnCode,
    TSServerState, TSTxnType,
};
use crate::ffi::{call, memory};
use crate::http::{Aborted, Milestone};

const TS_SSN_INFO_TRANSACTION_COUNT: TSHttpSsnInfoKey = 0;
const TS_TXN_TYPE_HTTP: TSTxnType = 1;
const TS_TXN_TYPE_EXPLICIT_TUNNEL: TSTxnType = 2;

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpTxnSsnGet(txnp: TSHttpTxn) -> TSHttpSsn {
    call::enter("TSHttpTxnSsnGet", |call| {
        let session = there(call, "txnp", txnp, transaction(call, txnp).session());
        TSHttpSsn::of(session.number())
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpTxnIdGet(txnp: TSHttpTxn) -> u64 {
    call::enter("TSHttpTxnIdGet", |call| {
        let transaction = transaction(call, txnp);
        // Only whether it is there.
        there(call, "txnp", txnp, transaction.ordinal());
        transaction.number()
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpSsnIdGet(ssnp: TSHttpSsn) -> i64 {
    call::enter("TSHttpSsnIdGet", |call| {
        let session = session(call, ssnp);
        // Only whether it is there.
        there(call, "ssnp", ssnp, session.transaction_count());
        session.number().cast_signed()
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpSsnTransactionCount(ssnp: TSHttpSsn) -> c_int {
    call::enter("TSHttpSsnTransactionCount", |call| {
        let count = there(call, "ssnp", ssnp, session(call, ssnp).transaction_count());
        c_int::try_from(count).unwrap_or(c_int::MAX)
    })
}

/// There is one key here.
///
/// # Safety
///
/// If it is not null there is room for the answer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSHttpSsnInfoIntGet(
    ssnp: TSHttpSsn,
    key: TSHttpSsnInfoKey,
    value: *mut i64,
    sub_key: u64,
) -> TSReturnCode {
    call::enter("TSHttpSsnInfoIntGet", |call| {
        let place = call.place("value", value);
        let count = there(call, "ssnp", ssnp, session(call, ssnp).transaction_count());
        if (key, sub_key) != (TS_SSN_INFO_TRANSACTION_COUNT, 0) {
            return TS_ERROR;
        }
        // SAFETY: the caller says so.
        unsafe { place.write(i64::try_from(count).unwrap_or(i64::MAX)) };
        TS_SUCCESS
    })
}

/// A transparent tunnel there is not.
#[unsafe(no_mangle)]
pub extern "C" fn TSHttpTxnTypeGet(txnp: TSHttpTxn) -> TSTxnType {
    call::enter("TSHttpTxnTypeGet", |call| {
        let is_tunnel = there(call, "txnp", txnp, transaction(call, txnp).is_tunnel());
        if is_tunnel { TS_TXN_TYPE_EXPLICIT_TUNNEL } else { TS_TXN_TYPE_HTTP }
    })
}

/// Nobody switches to another protocol here.
#[unsafe(no_mangle)]
pub extern "C" fn TSHttpTxnIsWebsocket(txnp: TSHttpTxn) -> c_int {
    call::enter("TSHttpTxnIsWebsocket", |call| {
        there(call, "txnp", txnp, transaction(call, txnp).ordinal());
        0
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpTxnServerStateGet(txnp: TSHttpTxn) -> TSServerState {
    call::enter("TSHttpTxnServerStateGet", |call| {
        let state = there(call, "txnp", txnp, transaction(call, txnp).origin_state());
        state.number().cast_signed()
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpTxnServerSsnTransactionCount(txnp: TSHttpTxn) -> c_int {
    call::enter("TSHttpTxnServerSsnTransactionCount", |call| {
        let reuses = there(call, "txnp", txnp, transaction(call, txnp).origin_reuses());
        c_int::try_from(reuses).unwrap_or(c_int::MAX)
    })
}

/// No transaction here is a plugin's own request.
#[unsafe(no_mangle)]
pub extern "C" fn TSHttpTxnIsInternal(txnp: TSHttpTxn) -> c_int {
    call::enter("TSHttpTxnIsInternal", |call| {
        there(call, "txnp", txnp, transaction(call, txnp).ordinal());
        0
    })
}

/// Nor is a session.
#[unsafe(no_mangle)]
pub extern "C" fn TSHttpSsnIsInternal(ssnp: TSHttpSsn) -> c_int {
    call::enter("TSHttpSsnIsInternal", |call| {
        there(call, "ssnp", ssnp, session(call, ssnp).transaction_count());
        0
    })
}

/// # Safety
///
/// If it is not null there is room for the answer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSHttpTxnAborted(txnp: TSHttpTxn, client_abort: *mut bool) -> TSReturnCode {
    call::enter("TSHttpTxnAborted", |call| {
        let aborted = there(call, "txnp", txnp, transaction(call, txnp).aborted());
        let place = call.place("client_abort", client_abort);
        // SAFETY: the caller says so.
        unsafe { place.write(aborted == Some(Aborted::ByClient)) };
        if aborted.is_some() { TS_SUCCESS } else { TS_ERROR }
    })
}

/// # Safety
///
/// If it is not null there is room for the answer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSHttpTxnMilestoneGet(
    txnp: TSHttpTxn,
    milestone: TSMilestonesType,
    time: *mut TSHRTime,
) -> TSReturnCode {
    call::enter("TSHttpTxnMilestoneGet", |call| {
        let place = call.place("time", time);
        let transaction = transaction(call, txnp);
        there(call, "txnp", txnp, transaction.ordinal());
        let milestone = u32::try_from(milestone).ok().and_then(Milestone::from_number);
        let at = milestone.and_then(|milestone| allowed(call, txnp, transaction.milestone(milestone)));
        // What has not come is at zero; of what is not noted there is no time.
        let at = at.map(|at| TSHRTime::try_from(at.unwrap_or(0)).unwrap_or(TSHRTime::MAX));
        // SAFETY: the caller says so.
        unsafe { place.write(at.unwrap_or(-1)) };
        if at.is_some() { TS_SUCCESS } else { TS_ERROR }
    })
}

/// # Safety
///
/// If it is not null there is room for the length.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSHttpTxnEffectiveUrlStringGet(txnp: TSHttpTxn, length: *mut c_int) -> *mut c_char {
    call::enter("TSHttpTxnEffectiveUrlStringGet", |call| {
        let url = allowed(call, txnp, transaction(call, txnp).request().url().text());
        let count = url.as_ref().map_or(0, String::len);
        // SAFETY: the caller says so.
        unsafe { call.tell("length", length, c_int::try_from(count).unwrap_or(c_int::MAX)) };
        url.map_or(ptr::null_mut(), |url| memory::copy_text(call, url.as_bytes()))
    })
}

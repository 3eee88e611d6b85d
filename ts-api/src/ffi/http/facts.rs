//! What there is to know of sessions and transactions.

use std::ffi::{c_char, c_int};
use std::ptr;

use super::{allowed, session, there, transaction};
use crate::ffi::types::{
    TS_ERROR, TS_SUCCESS, TSHRTime, TSHttpSsn, TSHttpTxn, TSMilestonesType, TSReturnCode,
};
use crate::ffi::{call, memory};
use crate::http::{Aborted, Milestone};

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
        if !length.is_null() {
            let count = url.as_ref().map_or(0, String::len);
            let place = call.place("length", length);
            // SAFETY: the caller says so.
            unsafe { place.write(c_int::try_from(count).unwrap_or(c_int::MAX)) };
        }
        url.map_or(ptr::null_mut(), |url| memory::copy_text(call, url.as_bytes()))
    })
}

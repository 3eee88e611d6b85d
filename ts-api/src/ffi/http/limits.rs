//! The times of one transaction.
//!
//! # Rules
//! * They are milliseconds; zero is no end, as with the settings. None below zero is set.

use std::ffi::c_int;
use std::time::Duration;

use super::{silent, there, transaction, warn};
use crate::ffi::call;
use crate::ffi::types::TSHttpTxn;
use crate::http::Limit;

fn set(name: &'static str, txnp: TSHttpTxn, timeout: c_int, limits: &[Limit]) {
    call::enter(name, |call| {
        let transaction = transaction(call, txnp);
        let Ok(timeout) = u64::try_from(timeout) else {
            there(call, "txnp", txnp, transaction.ordinal());
            return warn(call, format_args!("a time of {timeout} milliseconds is not set"));
        };
        let to = (timeout > 0).then(|| Duration::from_millis(timeout));
        for limit in limits {
            silent(call, txnp, transaction.set_limit(*limit, to));
        }
    });
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpTxnActiveTimeoutSet(txnp: TSHttpTxn, timeout: c_int) {
    set("TSHttpTxnActiveTimeoutSet", txnp, timeout, &[Limit::ClientActive]);
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpTxnConnectTimeoutSet(txnp: TSHttpTxn, timeout: c_int) {
    set("TSHttpTxnConnectTimeoutSet", txnp, timeout, &[Limit::Connect]);
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpTxnDNSTimeoutSet(txnp: TSHttpTxn, timeout: c_int) {
    set("TSHttpTxnDNSTimeoutSet", txnp, timeout, &[Limit::Lookup]);
}

/// On both sides: the client, and the origin before its response and within it.
#[unsafe(no_mangle)]
pub extern "C" fn TSHttpTxnNoActivityTimeoutSet(txnp: TSHttpTxn, timeout: c_int) {
    let limits = [Limit::ClientIdle, Limit::Response, Limit::Silence];
    set("TSHttpTxnNoActivityTimeoutSet", txnp, timeout, &limits);
}

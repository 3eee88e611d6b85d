//! Asking another URL instead.

use std::ffi::{c_char, c_int};

use super::{silent, there, transaction};
use crate::ffi::call;
use crate::ffi::memory::Given;
use crate::ffi::mime::lent::length;
use crate::ffi::types::TSHttpTxn;

/// # Safety
///
/// `url` came from `TSmalloc`, and is nobody else's any more; as many bytes as `url_len` says, or up to a NUL, can be read there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSHttpTxnRedirectUrlSet(txnp: TSHttpTxn, url: *const c_char, url_len: c_int) {
    call::enter("TSHttpTxnRedirectUrlSet", |call| {
        let transaction = transaction(call, txnp);
        there(call, "txnp", txnp, transaction.ordinal());
        // SAFETY: the caller says so.
        let text = String::from_utf8_lossy(unsafe { call.bytes("url", url, url_len) });
        silent(call, txnp, transaction.set_redirect(&text));
        drop(Given(url.cast_mut().cast()));
    });
}

/// # Safety
///
/// If it is not null there is room for the length.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSHttpTxnRedirectUrlGet(txnp: TSHttpTxn, url_len_ptr: *mut c_int) -> *const c_char {
    call::enter("TSHttpTxnRedirectUrlGet", |call| {
        let subject = super::texts::subject(call, txnp);
        let url = there(call, "txnp", txnp, transaction(call, txnp).redirect());
        let url = url.as_deref().map(str::as_bytes);
        // SAFETY: the caller says so.
        unsafe { call.tell("url_len_ptr", url_len_ptr, url.map_or(0, length)) };
        subject.texts.keep(url)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpTxnRedirectRetries(txnp: TSHttpTxn) -> c_int {
    call::enter("TSHttpTxnRedirectRetries", |call| {
        let redirects = there(call, "txnp", txnp, transaction(call, txnp).redirects());
        c_int::try_from(redirects).unwrap_or(c_int::MAX)
    })
}

//! The protocols that a transaction's request came by, as tags, outermost first.

use std::ffi::{CStr, c_char, c_int};
use std::{ptr, slice};

use super::{allowed, there, transaction};
use crate::ffi::call::{self, Call};
use crate::ffi::types::{TS_ERROR, TS_SUCCESS, TSHttpTxn, TSReturnCode};

type Tags = [&'static CStr; 3];

/// None until the request is there, and from the response's end on.
fn tags(call: Call, txnp: TSHttpTxn) -> Option<Tags> {
    let transaction = transaction(call, txnp);
    let version = allowed(call, txnp, transaction.request().version())?;
    let http = match (version.major, version.minor) {
        (2, _) => c"h2",
        (1, 0) => c"http/1.0",
        _ => c"http/1.1",
    };
    let client = there(call, "txnp", txnp, transaction.client_addr());
    Some([http, c"tcp", if client.is_ipv4() { c"ipv4" } else { c"ipv6" }])
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
    call::enter("TSHttpTxnClientProtocolStackGet", |call| {
        let Ok(count) = usize::try_from(count) else { call.fault(format_args!("count is {count}")) };
        let Some(tags) = tags(call, txnp) else { return TS_ERROR };
        if count > 0 {
            let places = call.place("result", result);
            // SAFETY: the caller says that there are so many.
            let places = unsafe { slice::from_raw_parts_mut(places.as_ptr(), count) };
            for (place, tag) in places.iter_mut().zip(tags) {
                *place = tag.as_ptr();
            }
        }
        if !actual.is_null() {
            // SAFETY: the caller says that there is room; it is neither null nor unaligned.
            unsafe { call.place("actual", actual).write(tags.len() as c_int) };
        }
        TS_SUCCESS
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
    call::enter("TSHttpTxnClientProtocolStackContains", |call| {
        // SAFETY: the caller says so.
        let begin = unsafe { call.text("tag", tag) }.to_bytes();
        let found = tags(call, txnp).into_iter().flatten().find(|tag| tag.to_bytes().starts_with(begin));
        found.map_or(ptr::null(), CStr::as_ptr)
    })
}

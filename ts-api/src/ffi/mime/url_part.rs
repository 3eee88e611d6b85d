//! The parts of URLs that are texts, one by one.
//!
//! Written out rather than made by a macro: what compares the functions with the headers reads them here.

use std::ffi::{c_char, c_int};

use super::own_url::Part;
use super::url::{as_it_is, change, get, lend};
use crate::ffi::call::{self, Call};
use crate::ffi::types::{TSMBuffer, TSMLoc, TSReturnCode};
use crate::http::server::head::UrlPart;

const USER: Part = Part::Of(UrlPart::User);
const PASSWORD: Part = Part::Of(UrlPart::Password);
const HOST: Part = Part::Of(UrlPart::Host);
const PATH: Part = Part::Of(UrlPart::Path);
const QUERY: Part = Part::Of(UrlPart::Query);
const FRAGMENT: Part = Part::Fragment;

fn without_slash(path: &[u8]) -> &[u8] {
    path.strip_prefix(b"/").unwrap_or(path)
}

/// Lends a part as `shown` makes it.
///
/// # Safety
///
/// As that of [`lend`].
unsafe fn part(
    call: Call,
    place: (TSMBuffer, TSMLoc),
    length: *mut c_int,
    part: Part,
    shown: fn(&[u8]) -> &[u8],
) -> *const c_char {
    // SAFETY: as the caller says.
    unsafe { lend(call, place, length, |access, url| get(access, url, part), shown) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSUrlUserGet(bufp: TSMBuffer, offset: TSMLoc, length: *mut c_int) -> *const c_char {
    // SAFETY: as the caller says.
    call::enter("TSUrlUserGet", |call| unsafe { part(call, (bufp, offset), length, USER, as_it_is) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSUrlUserSet(
    bufp: TSMBuffer,
    offset: TSMLoc,
    value: *const c_char,
    length: c_int,
) -> TSReturnCode {
    // SAFETY: as the caller says.
    call::enter("TSUrlUserSet", |call| unsafe { change(call, (bufp, offset), USER, value, length) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSUrlPasswordGet(
    bufp: TSMBuffer,
    offset: TSMLoc,
    length: *mut c_int,
) -> *const c_char {
    // SAFETY: as the caller says.
    call::enter("TSUrlPasswordGet", |call| unsafe { part(call, (bufp, offset), length, PASSWORD, as_it_is) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSUrlPasswordSet(
    bufp: TSMBuffer,
    offset: TSMLoc,
    value: *const c_char,
    length: c_int,
) -> TSReturnCode {
    // SAFETY: as the caller says.
    call::enter("TSUrlPasswordSet", |call| unsafe { change(call, (bufp, offset), PASSWORD, value, length) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSUrlHostGet(bufp: TSMBuffer, offset: TSMLoc, length: *mut c_int) -> *const c_char {
    // SAFETY: as the caller says.
    call::enter("TSUrlHostGet", |call| unsafe { part(call, (bufp, offset), length, HOST, as_it_is) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSUrlHostSet(
    bufp: TSMBuffer,
    offset: TSMLoc,
    value: *const c_char,
    length: c_int,
) -> TSReturnCode {
    // SAFETY: as the caller says.
    call::enter("TSUrlHostSet", |call| unsafe { change(call, (bufp, offset), HOST, value, length) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSUrlPathGet(bufp: TSMBuffer, offset: TSMLoc, length: *mut c_int) -> *const c_char {
    // SAFETY: as the caller says.
    call::enter("TSUrlPathGet", |call| unsafe { part(call, (bufp, offset), length, PATH, without_slash) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSUrlPathSet(
    bufp: TSMBuffer,
    offset: TSMLoc,
    value: *const c_char,
    length: c_int,
) -> TSReturnCode {
    // SAFETY: as the caller says.
    call::enter("TSUrlPathSet", |call| unsafe { change(call, (bufp, offset), PATH, value, length) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSUrlHttpQueryGet(
    bufp: TSMBuffer,
    offset: TSMLoc,
    length: *mut c_int,
) -> *const c_char {
    // SAFETY: as the caller says.
    call::enter("TSUrlHttpQueryGet", |call| unsafe { part(call, (bufp, offset), length, QUERY, as_it_is) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSUrlHttpQuerySet(
    bufp: TSMBuffer,
    offset: TSMLoc,
    value: *const c_char,
    length: c_int,
) -> TSReturnCode {
    // SAFETY: as the caller says.
    call::enter("TSUrlHttpQuerySet", |call| unsafe { change(call, (bufp, offset), QUERY, value, length) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSUrlHttpFragmentGet(
    bufp: TSMBuffer,
    offset: TSMLoc,
    length: *mut c_int,
) -> *const c_char {
    // SAFETY: as the caller says.
    call::enter("TSUrlHttpFragmentGet", |call| unsafe {
        part(call, (bufp, offset), length, FRAGMENT, as_it_is)
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSUrlHttpFragmentSet(
    bufp: TSMBuffer,
    offset: TSMLoc,
    value: *const c_char,
    length: c_int,
) -> TSReturnCode {
    // SAFETY: as the caller says.
    call::enter("TSUrlHttpFragmentSet", |call| unsafe {
        change(call, (bufp, offset), FRAGMENT, value, length)
    })
}

//! URLs: those of requests, and plugins' own.
//!
//! # Rules
//! * A path is told and set without the slash that it begins with.
//! * A port that is not said is the scheme's.
//! * A request's URL has no fragment: it is on no wire.

use std::ffi::{c_char, c_int};
use std::ptr;

use super::buffer::{Access, Refused, UrlId, with, with_that};
use super::lent::length;
use super::own_url::{OwnUrl, Part};
use super::{code, write_loc};
use crate::ffi::call::{self, Call};
use crate::ffi::types::{TSMBuffer, TSMLoc, TSParseResult, TSReturnCode};
use crate::http::server::head::{Head, UrlPart};

const SCHEME: Part = Part::Of(UrlPart::Scheme);

/// What the parser answers, by the numbers of the header file.
#[derive(Clone, Copy)]
#[repr(i32)]
enum Parsed {
    Error = -1,
    Done = 0,
}

pub(super) fn get(access: &Access<'_>, url: UrlId, part: Part) -> Option<Vec<u8>> {
    match (url, part) {
        (UrlId::Own(place), _) => access.look_url(place, |url| url.get(part)).ok()?,
        (UrlId::OfHead(_), Part::Fragment) => None,
        (UrlId::OfHead(head), Part::Of(part)) => {
            let text = access.look(head, |head| head.url(part)).ok()?.ok()?;
            text.map(|text| text.to_vec())
        }
    }
}

fn set(access: &mut Access<'_>, url: UrlId, part: Part, to: Option<&[u8]>) -> Result<(), Refused> {
    match (url, part) {
        (UrlId::Own(place), _) => access.change_url(place, |url| url.set(part, to)),
        (UrlId::OfHead(_), Part::Fragment) => Err(Refused),
        (UrlId::OfHead(head), Part::Of(part)) => access.change(head, |head| head.set_url(part, to)),
    }
}

/// Lends a part.
///
/// # Safety
///
/// `len`, if it is not null, is a place for a number.
pub(super) unsafe fn lend(
    call: Call,
    (bufp, offset): (TSMBuffer, TSMLoc),
    len: *mut c_int,
    get: impl FnOnce(&Access<'_>, UrlId) -> Option<Vec<u8>>,
    shown: impl FnOnce(&[u8]) -> &[u8],
) -> *const c_char {
    let (text, count) = with(call, bufp, |access| {
        let url = access.url("offset", offset);
        match get(access, url) {
            Some(text) => {
                let text = shown(&text);
                (access.lend(text), length(text))
            }
            None => (ptr::null(), 0),
        }
    });
    // SAFETY: as the caller says.
    unsafe { call.tell("length", len, count) };
    text
}

/// Changes a part; null takes it away, and so does an empty text, since no mark is to be left of what is empty.
///
/// # Safety
///
/// `value` is null or can be read as [`Call::bytes`] says.
pub(super) unsafe fn change(
    call: Call,
    (bufp, offset): (TSMBuffer, TSMLoc),
    part: Part,
    value: *const c_char,
    length: c_int,
) -> TSReturnCode {
    // SAFETY: as the caller says.
    let to = (!value.is_null()).then(|| unsafe { call.bytes("value", value, length) });
    let with_slash = to.map(|to| [b"/", to].concat());
    let to = if part == Part::Of(UrlPart::Path) {
        Some(with_slash.as_deref().unwrap_or(b"/"))
    } else {
        to.filter(|to| !to.is_empty())
    };
    with(call, bufp, |access| {
        let url = access.url("offset", offset);
        code(set(access, url, part, to))
    })
}

pub(super) fn as_it_is(text: &[u8]) -> &[u8] {
    text
}

/// The scheme as it is written, if it is.
fn scheme(access: &Access<'_>, url: UrlId) -> Option<Vec<u8>> {
    match url {
        UrlId::Own(_) => get(access, url, SCHEME),
        UrlId::OfHead(head) => {
            let target = access.look(head, Head::target).ok()??;
            OwnUrl::parse(&target)?.get(SCHEME)
        }
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSUrlSchemeGet(
    bufp: TSMBuffer,
    offset: TSMLoc,
    length: *mut c_int,
) -> *const c_char {
    call::enter("TSUrlSchemeGet", |call| {
        let get = |access: &Access<'_>, url| scheme(access, url).or_else(|| Some(b"http".to_vec()));
        // SAFETY: as the caller says.
        unsafe { lend(call, (bufp, offset), length, get, as_it_is) }
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSUrlRawSchemeGet(
    bufp: TSMBuffer,
    offset: TSMLoc,
    length: *mut c_int,
) -> *const c_char {
    // SAFETY: as the caller says.
    call::enter("TSUrlRawSchemeGet", |call| unsafe { lend(call, (bufp, offset), length, scheme, as_it_is) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSUrlSchemeSet(
    bufp: TSMBuffer,
    offset: TSMLoc,
    value: *const c_char,
    length: c_int,
) -> TSReturnCode {
    // SAFETY: as the caller says.
    call::enter("TSUrlSchemeSet", |call| unsafe { change(call, (bufp, offset), SCHEME, value, length) })
}

fn port(access: &Access<'_>, url: UrlId) -> Option<c_int> {
    let port = get(access, url, Part::Of(UrlPart::Port))?;
    str::from_utf8(&port).ok()?.parse().ok()
}

#[unsafe(no_mangle)]
pub extern "C" fn TSUrlPortGet(bufp: TSMBuffer, offset: TSMLoc) -> c_int {
    call::enter("TSUrlPortGet", |call| {
        with(call, bufp, |access| {
            let url = access.url("offset", offset);
            port(access, url).unwrap_or_else(|| {
                let scheme = get(access, url, SCHEME).unwrap_or_default();
                let is_secure =
                    [&b"https"[..], b"wss"].iter().any(|other| scheme.eq_ignore_ascii_case(other));
                if is_secure { 443 } else { 80 }
            })
        })
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSUrlRawPortGet(bufp: TSMBuffer, offset: TSMLoc) -> c_int {
    call::enter("TSUrlRawPortGet", |call| {
        with(call, bufp, |access| {
            let url = access.url("offset", offset);
            port(access, url).unwrap_or(0)
        })
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSUrlPortSet(bufp: TSMBuffer, offset: TSMLoc, port: c_int) -> TSReturnCode {
    call::enter("TSUrlPortSet", |call| {
        with(call, bufp, |access| {
            let url = access.url("offset", offset);
            let port = (port != 0).then(|| port.to_string());
            code(set(access, url, Part::Of(UrlPart::Port), port.as_deref().map(str::as_bytes)))
        })
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSUrlCreate(bufp: TSMBuffer, locp: *mut TSMLoc) -> TSReturnCode {
    call::enter("TSUrlCreate", |call| {
        let made = with(call, bufp, |access| access.new_url(OwnUrl::default()));
        // SAFETY: as the caller says.
        unsafe { write_loc(call, "locp", locp, made) }
    })
}

/// A URL as a plugin's own.
fn own(call: Call, src_bufp: TSMBuffer, src_url: TSMLoc) -> Result<OwnUrl, Refused> {
    with_that(call, "src_bufp", src_bufp, |access| match access.url("src_url", src_url) {
        UrlId::Own(place) => access.look_url(place, OwnUrl::clone),
        url => {
            get(access, url, Part::Of(UrlPart::Whole)).and_then(|text| OwnUrl::parse(&text)).ok_or(Refused)
        }
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSUrlClone(
    dest_bufp: TSMBuffer,
    src_bufp: TSMBuffer,
    src_url: TSMLoc,
    locp: *mut TSMLoc,
) -> TSReturnCode {
    call::enter("TSUrlClone", |call| {
        let url = own(call, src_bufp, src_url);
        let cloned =
            url.and_then(|url| with_that(call, "dest_bufp", dest_bufp, |access| access.new_url(url)));
        // SAFETY: as the caller says.
        unsafe { write_loc(call, "locp", locp, cloned) }
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSUrlCopy(
    dest_bufp: TSMBuffer,
    dest_url: TSMLoc,
    src_bufp: TSMBuffer,
    src_url: TSMLoc,
) -> TSReturnCode {
    call::enter("TSUrlCopy", |call| {
        let url = own(call, src_bufp, src_url);
        code(url.and_then(|from| {
            with_that(call, "dest_bufp", dest_bufp, |access| match access.url("dest_url", dest_url) {
                UrlId::Own(place) => access.change_url(place, |url| {
                    *url = from;
                    true
                }),
                url => set(access, url, Part::Of(UrlPart::Whole), Some(&from.text())),
            })
        }))
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSUrlLengthGet(bufp: TSMBuffer, offset: TSMLoc) -> c_int {
    call::enter("TSUrlLengthGet", |call| {
        with(call, bufp, |access| {
            let url = access.url("offset", offset);
            get(access, url, Part::Of(UrlPart::Whole)).map_or(0, |text| length(&text))
        })
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSUrlParse(
    bufp: TSMBuffer,
    offset: TSMLoc,
    start: *mut *const c_char,
    end: *const c_char,
) -> TSParseResult {
    call::enter("TSUrlParse", |call| {
        let place = call.place("start", start);
        // SAFETY: the caller gave a place that has a pointer in it.
        let begin = unsafe { place.read() };
        let Some(bytes) = end.addr().checked_sub(begin.addr()).and_then(|bytes| c_int::try_from(bytes).ok())
        else {
            call.fault("end is before start, or further behind it than an int can tell");
        };
        // SAFETY: the caller says that there is text from start to end.
        let text = unsafe { call.bytes("start", begin, bytes) };
        let parsed = with(call, bufp, |access| {
            let url = access.url("offset", offset);
            set(access, url, Part::Of(UrlPart::Whole), Some(text))
        });
        if parsed.is_err() {
            return Parsed::Error as TSParseResult;
        }
        // SAFETY: as above. All of it has been taken.
        unsafe { place.write(end) };
        Parsed::Done as TSParseResult
    })
}

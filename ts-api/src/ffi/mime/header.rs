//! Heads of requests and responses, and marshal buffers themselves.

use std::collections::HashMap;
use std::ffi::{CString, c_char, c_int};
use std::ptr;

use http::StatusCode;
use parking_lot::Mutex;

use super::buffer::{self, HeadId, HeadKind, OwnHead, Refused, UrlId, with, with_that};
use super::lent::length;
use super::{code, create_head, write_loc};
use crate::ffi::call::{self, Call};
use crate::ffi::types::{TS_SUCCESS, TSHttpStatus, TSHttpTxn, TSHttpType, TSMBuffer, TSMLoc, TSReturnCode};
use crate::http::server::head::{Head, UrlPart};

#[unsafe(no_mangle)]
pub extern "C" fn TSMBufferCreate() -> TSMBuffer {
    call::enter("TSMBufferCreate", |_| buffer::create())
}

#[unsafe(no_mangle)]
pub extern "C" fn TSMBufferDestroy(bufp: TSMBuffer) -> TSReturnCode {
    call::enter("TSMBufferDestroy", |call| {
        buffer::destroy(call, bufp);
        TS_SUCCESS
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHandleMLocRelease(bufp: TSMBuffer, _parent: TSMLoc, mloc: TSMLoc) -> TSReturnCode {
    call::enter("TSHandleMLocRelease", |call| {
        if !super::is_null(mloc) {
            with(call, bufp, |access| access.release("mloc", mloc));
        }
        TS_SUCCESS
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpHdrCreate(bufp: TSMBuffer) -> TSMLoc {
    call::enter("TSHttpHdrCreate", |call| create_head(call, bufp))
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpHdrDestroy(bufp: TSMBuffer, offset: TSMLoc) {
    call::enter("TSHttpHdrDestroy", |call| {
        if with(call, bufp, |access| access.destroy_head("offset", offset)).is_err() {
            call.fault("offset is the head of a transaction's message, and ends with its transaction");
        }
    });
}

/// A copy of a head as it stands, free of its transaction.
fn copy_of(call: Call, src_bufp: TSMBuffer, src_hdr: TSMLoc) -> Result<OwnHead, Refused> {
    with_that(call, "src_bufp", src_bufp, |access| {
        let id = access.head("src_hdr", src_hdr);
        let kind = access.kind(id);
        access.look(id, |head| OwnHead { kind, head: head.to_free() })
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSHttpHdrClone(
    dest_bufp: TSMBuffer,
    src_bufp: TSMBuffer,
    src_hdr: TSMLoc,
    locp: *mut TSMLoc,
) -> TSReturnCode {
    call::enter("TSHttpHdrClone", |call| {
        let copied = copy_of(call, src_bufp, src_hdr);
        let cloned =
            copied.and_then(|own| with_that(call, "dest_bufp", dest_bufp, |access| access.new_head(own)));
        // SAFETY: as the caller says.
        unsafe { write_loc(call, "locp", locp, cloned) }
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpHdrCopy(
    dest_bufp: TSMBuffer,
    dest_hdr: TSMLoc,
    src_bufp: TSMBuffer,
    src_hdr: TSMLoc,
) -> TSReturnCode {
    call::enter("TSHttpHdrCopy", |call| {
        let copied = copy_of(call, src_bufp, src_hdr);
        code(copied.and_then(|own| {
            with_that(call, "dest_bufp", dest_bufp, |access| {
                let id = access.head("dest_hdr", dest_hdr);
                if let Ok(dest) = access.own_head(id) {
                    dest.kind = own.kind;
                    return dest.head.become_copy_of(&own.head).map_err(|_| Refused);
                }
                if access.kind(id) != own.kind {
                    return Err(Refused);
                }
                access.change(id, |head| head.take_over(&own.head))
            })
        }))
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpHdrTypeGet(bufp: TSMBuffer, offset: TSMLoc) -> TSHttpType {
    call::enter("TSHttpHdrTypeGet", |call| {
        with(call, bufp, |access| {
            let id = access.head("offset", offset);
            access.kind(id) as TSHttpType
        })
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpHdrTypeSet(bufp: TSMBuffer, offset: TSMLoc, r#type: TSHttpType) -> TSReturnCode {
    call::enter("TSHttpHdrTypeSet", |call| {
        let kind = match r#type {
            0 => HeadKind::Unknown,
            1 => HeadKind::Request,
            2 => HeadKind::Response,
            other => call.fault(format_args!("type is {other}: it is unknown, request or response")),
        };
        with(call, bufp, |access| {
            let id = access.head("offset", offset);
            if access.kind(id) == kind {
                return TS_SUCCESS;
            }
            code(access.own_head(id).map(|own| {
                own.head = own.head.with_start(kind == HeadKind::Response);
                own.kind = kind;
            }))
        })
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpHdrVersionGet(bufp: TSMBuffer, offset: TSMLoc) -> c_int {
    call::enter("TSHttpHdrVersionGet", |call| {
        with(call, bufp, |access| {
            let id = access.head("offset", offset);
            let version = access.look(id, Head::version);
            version.map_or(0, |(major, minor)| c_int::from(major) << 16 | c_int::from(minor))
        })
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpHdrVersionSet(bufp: TSMBuffer, offset: TSMLoc, ver: c_int) -> TSReturnCode {
    call::enter("TSHttpHdrVersionSet", |call| {
        with(call, bufp, |access| {
            let id = access.head("offset", offset);
            let version = ((ver >> 16) as u16, ver as u16);
            if access.look(id, Head::version) == Ok(version) {
                return TS_SUCCESS;
            }
            code(access.own_head(id).and_then(|own| own.head.set_version(version).map_err(|_| Refused)))
        })
    })
}

/// Lends a text of a head.
///
/// # Safety
///
/// `len`, if it is not null, is a place for a number.
unsafe fn lend(
    call: Call,
    (bufp, offset): (TSMBuffer, TSMLoc),
    len: *mut c_int,
    f: impl FnOnce(&Head) -> Option<bytes::Bytes>,
) -> *const c_char {
    let (text, count) = with(call, bufp, |access| {
        let id = access.head("offset", offset);
        match access.look(id, f) {
            Ok(Some(text)) => (access.lend(&text), length(&text)),
            _ => (ptr::null(), 0),
        }
    });
    // SAFETY: as the caller says.
    unsafe { call.tell("length", len, count) };
    text
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSHttpHdrMethodGet(
    bufp: TSMBuffer,
    offset: TSMLoc,
    length: *mut c_int,
) -> *const c_char {
    // SAFETY: as the caller says.
    call::enter("TSHttpHdrMethodGet", |call| unsafe { lend(call, (bufp, offset), length, Head::method) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSHttpHdrMethodSet(
    bufp: TSMBuffer,
    offset: TSMLoc,
    value: *const c_char,
    length: c_int,
) -> TSReturnCode {
    call::enter("TSHttpHdrMethodSet", |call| {
        // SAFETY: as the caller says.
        let method = unsafe { call.bytes("value", value, length) };
        with(call, bufp, |access| {
            let id = access.head("offset", offset);
            code(access.change(id, |head| head.set_method(method)))
        })
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSHttpHdrHostGet(
    bufp: TSMBuffer,
    offset: TSMLoc,
    length: *mut c_int,
) -> *const c_char {
    call::enter("TSHttpHdrHostGet", |call| {
        let host = |head: &Head| head.url(UrlPart::Host).ok().flatten();
        // SAFETY: as the caller says.
        unsafe { lend(call, (bufp, offset), length, host) }
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSHttpHdrUrlGet(bufp: TSMBuffer, offset: TSMLoc, locp: *mut TSMLoc) -> TSReturnCode {
    call::enter("TSHttpHdrUrlGet", |call| {
        let url = with(call, bufp, |access| {
            let id = access.head("offset", offset);
            if access.kind(id) == HeadKind::Request { Ok(access.url_of(id)) } else { Err(Refused) }
        });
        // SAFETY: as the caller says.
        unsafe { write_loc(call, "locp", locp, url) }
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpHdrUrlSet(bufp: TSMBuffer, offset: TSMLoc, url: TSMLoc) -> TSReturnCode {
    call::enter("TSHttpHdrUrlSet", |call| {
        with(call, bufp, |access| {
            let head = access.head("offset", offset);
            let url = access.url("url", url);
            if url == UrlId::OfHead(head) {
                return TS_SUCCESS;
            }
            let text = match url {
                UrlId::Own(place) => access.look_url(place, |url| Some(url.text())),
                UrlId::OfHead(of) => {
                    access.look(of, |of| of.url(UrlPart::Whole).ok().flatten().map(|text| text.to_vec()))
                }
            };
            let text = text.and_then(|text| text.ok_or(Refused));
            code(text.and_then(|text| access.change(head, |head| head.set_target(&text))))
        })
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpHdrStatusGet(bufp: TSMBuffer, offset: TSMLoc) -> TSHttpStatus {
    call::enter("TSHttpHdrStatusGet", |call| {
        with(call, bufp, |access| {
            let id = access.head("offset", offset);
            access.look(id, Head::status).ok().flatten().unwrap_or(0).into()
        })
    })
}

fn set_status(call: Call, bufp: TSMBuffer, offset: TSMLoc, status: TSHttpStatus) -> TSReturnCode {
    with(call, bufp, |access| {
        let id = access.head("offset", offset);
        code(access.change(id, |head| head.set_status(u32::try_from(status).unwrap_or(0))))
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpHdrStatusSet(bufp: TSMBuffer, offset: TSMLoc, status: TSHttpStatus) -> TSReturnCode {
    call::enter("TSHttpHdrStatusSet", |call| set_status(call, bufp, offset, status))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSHttpHdrStatusSetBy(
    bufp: TSMBuffer,
    offset: TSMLoc,
    status: TSHttpStatus,
    txnp: TSHttpTxn,
    setter: *const c_char,
    setter_len: c_int,
) -> TSReturnCode {
    call::enter("TSHttpHdrStatusSetBy", |call| {
        // SAFETY: as the caller says.
        let setter = unsafe { call.bytes("setter", setter, setter_len) };
        // A head of a plugin's own may be of none.
        if txnp != TSHttpTxn::NULL {
            crate::ffi::http::check(call, txnp);
        }
        let done = set_status(call, bufp, offset, status);
        if done == TS_SUCCESS {
            let setter = String::from_utf8_lossy(setter);
            tracing::debug!(transaction = ?txnp, status, %setter, "a plugin sets the status of a response");
        }
        done
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSHttpHdrReasonGet(
    bufp: TSMBuffer,
    offset: TSMLoc,
    length: *mut c_int,
) -> *const c_char {
    // SAFETY: as the caller says.
    call::enter("TSHttpHdrReasonGet", |call| unsafe { lend(call, (bufp, offset), length, Head::reason) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSHttpHdrReasonSet(
    bufp: TSMBuffer,
    offset: TSMLoc,
    value: *const c_char,
    length: c_int,
) -> TSReturnCode {
    call::enter("TSHttpHdrReasonSet", |call| {
        // SAFETY: as the caller says.
        let reason = unsafe { call.bytes("value", value, length) };
        with(call, bufp, |access| {
            let id = access.head("offset", offset);
            code(access.change(id, |head| head.set_reason(reason)))
        })
    })
}

/// The usual phrases, each made once; there are as many as there are statuses.
static REASONS: Mutex<Option<HashMap<u16, CString>>> = Mutex::new(None);

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpHdrReasonLookup(status: TSHttpStatus) -> *const c_char {
    call::enter("TSHttpHdrReasonLookup", |_| {
        let status = u16::try_from(status).ok().and_then(|status| StatusCode::from_u16(status).ok());
        let Some((status, text)) = status.and_then(|status| Some((status, status.canonical_reason()?)))
        else {
            return ptr::null();
        };
        let mut reasons = REASONS.lock();
        let reasons = reasons.get_or_insert_default();
        let reason = reasons.entry(status.as_u16()).or_insert_with(|| CString::new(text).unwrap_or_default());
        reason.as_ptr()
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpHdrLengthGet(bufp: TSMBuffer, offset: TSMLoc) -> c_int {
    call::enter("TSHttpHdrLengthGet", |call| {
        with(call, bufp, |access| {
            let id: HeadId = access.head("offset", offset);
            super::print::head(access, id).map_or(0, |text| length(&text))
        })
    })
}

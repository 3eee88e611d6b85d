//! What is printed into a plugin's IO buffer, or into memory that becomes the plugin's.

use std::ffi::{c_char, c_int};
use std::ptr;

use super::buffer::{Access, HeadId, Refused, with, with_that};
use super::own_url::Part;
use super::print::{fields, head};
use super::url;
use crate::ffi::call::{self, Call};
use crate::ffi::encode::{Place, percent};
use crate::ffi::types::{TS_ERROR, TS_SUCCESS, TSIOBuffer, TSMBuffer, TSMLoc, TSReturnCode};
use crate::ffi::{io, memory};
use crate::http::server::head::UrlPart;

fn print(
    call: Call,
    (bufp, offset): (TSMBuffer, TSMLoc),
    iobufp: TSIOBuffer,
    f: impl FnOnce(&Access<'_>, HeadId) -> Result<Vec<u8>, Refused>,
) {
    let text = with(call, bufp, |access| {
        let id = access.head("offset", offset);
        f(access, id)
    });
    // What is not there to be looked at prints nothing.
    io::write(call, "iobufp", iobufp, &text.unwrap_or_default());
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpHdrPrint(bufp: TSMBuffer, offset: TSMLoc, iobufp: TSIOBuffer) {
    call::enter("TSHttpHdrPrint", |call| print(call, (bufp, offset), iobufp, head));
}

#[unsafe(no_mangle)]
pub extern "C" fn TSMimeHdrPrint(bufp: TSMBuffer, offset: TSMLoc, iobufp: TSIOBuffer) {
    call::enter("TSMimeHdrPrint", |call| print(call, (bufp, offset), iobufp, fields));
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSUrlStringGet(bufp: TSMBuffer, offset: TSMLoc, length: *mut c_int) -> *mut c_char {
    call::enter("TSUrlStringGet", |call| {
        let text = with(call, bufp, |access| {
            let url = access.url("offset", offset);
            url::get(access, url, Part::Of(UrlPart::Whole))
        });
        // SAFETY: as the caller says.
        unsafe { call.tell("length", length, text.as_deref().map_or(0, super::lent::length)) };
        text.map_or(ptr::null_mut(), |text| memory::copy_text(call, &text))
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSUrlPrint(bufp: TSMBuffer, offset: TSMLoc, iobufp: TSIOBuffer) {
    call::enter("TSUrlPrint", |call| {
        let text = with(call, bufp, |access| {
            let url = access.url("offset", offset);
            url::get(access, url, Part::Of(UrlPart::Whole))
        });
        io::write(call, "iobufp", iobufp, &text.unwrap_or_default());
    });
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSUrlPercentEncode(
    bufp: TSMBuffer,
    offset: TSMLoc,
    dst: *mut c_char,
    dst_size: usize,
    length: *mut usize,
    map: *const u8,
) -> TSReturnCode {
    call::enter("TSUrlPercentEncode", |call| {
        let text = with(call, bufp, |access| {
            let url = access.url("offset", offset);
            url::get(access, url, Part::Of(UrlPart::Whole))
        });
        let place = Place { start: dst, size: dst_size, length };
        // SAFETY: as the caller says.
        unsafe { percent(call, &text.unwrap_or_default(), place, map) }
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSHttpHdrEffectiveUrlBufGet(
    hdr_buf: TSMBuffer,
    hdr_loc: TSMLoc,
    buf: *mut c_char,
    size: i64,
    length: *mut i64,
) -> TSReturnCode {
    call::enter("TSHttpHdrEffectiveUrlBufGet", |call| {
        let place = call.place("length", length);
        let Ok(size) = usize::try_from(size) else { call.fault(format_args!("size is {size}")) };
        let text = with_that(call, "hdr_buf", hdr_buf, |access| {
            let id = access.head("hdr_loc", hdr_loc);
            access.look(id, |head| head.url(UrlPart::Whole).ok().flatten())
        });
        let Ok(Some(text)) = text else { return TS_ERROR };
        let mut text = text.to_vec();
        // Scheme and host are told in small letters, whatever stands behind them is not.
        let path = text.windows(3).position(|three| three == b"://").map_or(0, |end| end + 3);
        let end =
            text[path..].iter().position(|byte| b"/?".contains(byte)).map_or(text.len(), |end| path + end);
        text[..end].make_ascii_lowercase();
        let fits = text.len().min(size);
        // SAFETY: the caller gave a place for a number, and room for so many bytes.
        unsafe {
            place.write(text.len() as i64);
            if fits > 0 {
                call.place("buf", buf).as_ptr().cast::<u8>().copy_from_nonoverlapping(text.as_ptr(), fits);
            }
        }
        TS_SUCCESS
    })
}

//! What is printed into a plugin's IO buffer, or into memory that becomes the plugin's.

use std::ffi::{c_char, c_int};
use std::ptr;

use super::buffer::{Access, HeadId, Refused, with};
use super::own_url::Part;
use super::print::{fields, head};
use super::url;
use crate::ffi::call::{self, Call};
use crate::ffi::types::{TSIOBuffer, TSMBuffer, TSMLoc};
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
        if !length.is_null() {
            // SAFETY: the caller gave a place for it.
            unsafe { length.write(text.as_deref().map_or(0, super::lent::length)) };
        }
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

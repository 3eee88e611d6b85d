//! The fields of a head as a whole.

use std::ffi::{c_char, c_int};

use super::buffer::{OwnHead, Refused, with, with_that};
use super::lent::length;
use super::{NULL, code, create_head, write_loc};
use crate::ffi::call;
use crate::ffi::types::{TSMBuffer, TSMLoc, TSReturnCode};
use crate::http::server::head::Head;

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSMimeHdrCreate(bufp: TSMBuffer, locp: *mut TSMLoc) -> TSReturnCode {
    call::enter("TSMimeHdrCreate", |call| {
        let loc = create_head(call, bufp);
        let made = if super::is_null(loc) { Err(Refused) } else { Ok(loc) };
        // SAFETY: as the caller says.
        unsafe { write_loc(call, "locp", locp, made) }
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSMimeHdrDestroy(bufp: TSMBuffer, offset: TSMLoc) -> TSReturnCode {
    call::enter("TSMimeHdrDestroy", |call| {
        with(call, bufp, |access| code(access.destroy_head("offset", offset)))
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSMimeHdrClone(
    dest_bufp: TSMBuffer,
    src_bufp: TSMBuffer,
    src_hdr: TSMLoc,
    locp: *mut TSMLoc,
) -> TSReturnCode {
    call::enter("TSMimeHdrClone", |call| {
        let copied = with_that(call, "src_bufp", src_bufp, |access| {
            let id = access.head("src_hdr", src_hdr);
            access.look(id, Head::to_free)
        });
        let kind = super::buffer::HeadKind::Unknown;
        let cloned = copied.and_then(|head| {
            let head = head.with_start(false);
            with_that(call, "dest_bufp", dest_bufp, |access| access.new_head(OwnHead { kind, head }))
        });
        // SAFETY: as the caller says.
        unsafe { write_loc(call, "locp", locp, cloned) }
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSMimeHdrCopy(
    dest_bufp: TSMBuffer,
    dest_hdr: TSMLoc,
    src_bufp: TSMBuffer,
    src_hdr: TSMLoc,
) -> TSReturnCode {
    call::enter("TSMimeHdrCopy", |call| {
        let copied = with_that(call, "src_bufp", src_bufp, |access| {
            let id = access.head("src_hdr", src_hdr);
            access.look(id, Head::to_free)
        });
        code(copied.and_then(|from| {
            with_that(call, "dest_bufp", dest_bufp, |access| {
                let id = access.head("dest_hdr", dest_hdr);
                access.change(id, |head| {
                    head.clear_fields();
                    head.add_fields_of(&from)
                })
            })
        }))
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSMimeHdrFieldsClear(bufp: TSMBuffer, offset: TSMLoc) -> TSReturnCode {
    call::enter("TSMimeHdrFieldsClear", |call| {
        with(call, bufp, |access| {
            let id = access.head("offset", offset);
            code(access.change(id, |head| {
                head.clear_fields();
                Ok(())
            }))
        })
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSMimeHdrFieldsCount(bufp: TSMBuffer, offset: TSMLoc) -> c_int {
    call::enter("TSMimeHdrFieldsCount", |call| {
        with(call, bufp, |access| {
            let id = access.head("offset", offset);
            access.look(id, Head::len).map_or(0, |count| c_int::try_from(count).unwrap_or(c_int::MAX))
        })
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSMimeHdrLengthGet(bufp: TSMBuffer, offset: TSMLoc) -> c_int {
    call::enter("TSMimeHdrLengthGet", |call| {
        with(call, bufp, |access| {
            let id = access.head("offset", offset);
            super::print::fields(access, id).map_or(0, |text| length(&text))
        })
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSMimeHdrFieldGet(bufp: TSMBuffer, hdr: TSMLoc, idx: c_int) -> TSMLoc {
    call::enter("TSMimeHdrFieldGet", |call| {
        with(call, bufp, |access| {
            let id = access.head("hdr", hdr);
            let place = usize::try_from(idx).ok();
            let number = access.look(id, |head| place.and_then(|place| head.at(place)));
            number.ok().flatten().map_or(NULL, |number| access.hand_out(id, number))
        })
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSMimeHdrFieldFind(
    bufp: TSMBuffer,
    hdr: TSMLoc,
    name: *const c_char,
    length: c_int,
) -> TSMLoc {
    call::enter("TSMimeHdrFieldFind", |call| {
        // SAFETY: as the caller says.
        let name = unsafe { call.bytes("name", name, length) };
        with(call, bufp, |access| {
            let id = access.head("hdr", hdr);
            let number = access.look(id, |head| head.find(name, 0));
            number.ok().flatten().map_or(NULL, |number| access.hand_out(id, number))
        })
    })
}

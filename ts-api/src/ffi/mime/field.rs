//! Single header fields: made, named, put into a head and taken out again.

use std::ffi::{c_char, c_int};
use std::ptr;

use super::buffer::{FieldState, Refused, with, with_that};
use super::lent::length;
use super::{NULL, code, write_loc};
use crate::ffi::call::{self, Call};
use crate::ffi::types::{TSMBuffer, TSMLoc, TSReturnCode};
use crate::http::server::head::Head;

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSMimeHdrFieldCreate(
    bufp: TSMBuffer,
    hdr: TSMLoc,
    locp: *mut TSMLoc,
) -> TSReturnCode {
    call::enter("TSMimeHdrFieldCreate", |call| {
        let made = create(call, bufp, hdr, b"");
        // SAFETY: as the caller says.
        unsafe { write_loc(call, "locp", locp, Ok(made)) }
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSMimeHdrFieldCreateNamed(
    bufp: TSMBuffer,
    hdr: TSMLoc,
    name: *const c_char,
    name_len: c_int,
    locp: *mut TSMLoc,
) -> TSReturnCode {
    call::enter("TSMimeHdrFieldCreateNamed", |call| {
        // SAFETY: as the caller says.
        let name = unsafe { call.bytes("name", name, name_len) };
        let made = create(call, bufp, hdr, name);
        // SAFETY: as above.
        unsafe { write_loc(call, "locp", locp, Ok(made)) }
    })
}

fn create(call: Call, bufp: TSMBuffer, hdr: TSMLoc, name: &[u8]) -> TSMLoc {
    with(call, bufp, |access| {
        let head = access.head("hdr", hdr);
        access.new_field(head, name.to_vec(), Vec::new())
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSMimeHdrFieldDestroy(bufp: TSMBuffer, hdr: TSMLoc, field: TSMLoc) -> TSReturnCode {
    call::enter("TSMimeHdrFieldDestroy", |call| {
        with(call, bufp, |access| {
            let head = access.head("hdr", hdr);
            if let FieldState::In(number) = *access.field_of(head, "field", field)
                && let Err(refused) = access.change(head, |head| head.remove_field(number))
            {
                return code(Err(refused));
            }
            *access.field_of(head, "field", field) = FieldState::Destroyed;
            code(Ok(()))
        })
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSMimeHdrFieldAppend(bufp: TSMBuffer, hdr: TSMLoc, field: TSMLoc) -> TSReturnCode {
    call::enter("TSMimeHdrFieldAppend", |call| {
        with(call, bufp, |access| {
            let head = access.head("hdr", hdr);
            let FieldState::Loose { name, value, appended: false } =
                access.field_of(head, "field", field).clone()
            else {
                return code(Err(Refused));
            };
            if name.is_empty() {
                // Plugins append first and give the name then.
                let changeable = access.change(head, |_| Ok(()));
                return code(changeable.map(|()| {
                    *access.field_of(head, "field", field) =
                        FieldState::Loose { name, value, appended: true };
                }));
            }
            code(access.change(head, |head| head.insert(&name, &value, 0)).map(|number| {
                *access.field_of(head, "field", field) = FieldState::In(number);
            }))
        })
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSMimeHdrFieldRemove(bufp: TSMBuffer, hdr: TSMLoc, field: TSMLoc) -> TSReturnCode {
    call::enter("TSMimeHdrFieldRemove", |call| {
        with(call, bufp, |access| {
            let head = access.head("hdr", hdr);
            let number = match access.field_of(head, "field", field) {
                FieldState::In(number) => *number,
                FieldState::Loose { appended, .. } if *appended => {
                    *appended = false;
                    return code(Ok(()));
                }
                _ => return code(Err(Refused)),
            };
            let pair = access.pair("field", field);
            code(pair.and_then(|(name, value)| {
                access.change(head, |head| head.remove_field(number))?;
                *access.field_of(head, "field", field) = FieldState::Loose { name, value, appended: false };
                Ok(())
            }))
        })
    })
}

/// Name and value of a field that is to be copied.
fn source(call: Call, bufp: TSMBuffer, hdr: TSMLoc, field: TSMLoc) -> Result<(Vec<u8>, Vec<u8>), Refused> {
    with_that(call, "src_bufp", bufp, |access| {
        let head = access.head("src_hdr", hdr);
        access.field_of(head, "src_field", field);
        access.pair("src_field", field)
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSMimeHdrFieldClone(
    dest_bufp: TSMBuffer,
    dest_hdr: TSMLoc,
    src_bufp: TSMBuffer,
    src_hdr: TSMLoc,
    src_field: TSMLoc,
    locp: *mut TSMLoc,
) -> TSReturnCode {
    call::enter("TSMimeHdrFieldClone", |call| {
        let cloned = source(call, src_bufp, src_hdr, src_field).map(|(name, value)| {
            with_that(call, "dest_bufp", dest_bufp, |access| {
                let head = access.head("dest_hdr", dest_hdr);
                access.new_field(head, name, value)
            })
        });
        // SAFETY: as the caller says.
        unsafe { write_loc(call, "locp", locp, cloned) }
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSMimeHdrFieldCopy(
    dest_bufp: TSMBuffer,
    dest_hdr: TSMLoc,
    dest_field: TSMLoc,
    src_bufp: TSMBuffer,
    src_hdr: TSMLoc,
    src_field: TSMLoc,
) -> TSReturnCode {
    call::enter("TSMimeHdrFieldCopy", |call| {
        let from = source(call, src_bufp, src_hdr, src_field);
        code(from.and_then(|(name, value)| {
            const DEST: Called = ["dest_bufp", "dest_hdr", "dest_field"];
            set_name(call, DEST, (dest_bufp, dest_hdr, dest_field), &name)?;
            set_value(call, (dest_bufp, dest_hdr, dest_field), &value)
        }))
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSMimeHdrFieldCopyValues(
    dest_bufp: TSMBuffer,
    dest_hdr: TSMLoc,
    dest_field: TSMLoc,
    src_bufp: TSMBuffer,
    src_hdr: TSMLoc,
    src_field: TSMLoc,
) -> TSReturnCode {
    call::enter("TSMimeHdrFieldCopyValues", |call| {
        let from = source(call, src_bufp, src_hdr, src_field);
        code(from.and_then(|(_, value)| set_value(call, (dest_bufp, dest_hdr, dest_field), &value)))
    })
}

fn set_value(call: Call, (bufp, hdr, field): (TSMBuffer, TSMLoc, TSMLoc), to: &[u8]) -> Result<(), Refused> {
    with_that(call, "dest_bufp", bufp, |access| {
        let head = access.head("dest_hdr", hdr);
        access.field_of(head, "dest_field", field);
        access.set_value("dest_field", field, to)
    })
}

/// What the arguments are called that a field is named by.
type Called = [&'static str; 3];

fn set_name(
    call: Call,
    called: Called,
    (bufp, hdr, field): (TSMBuffer, TSMLoc, TSMLoc),
    to: &[u8],
) -> Result<(), Refused> {
    with_that(call, called[0], bufp, |access| {
        let head = access.head(called[1], hdr);
        match access.field_of(head, called[2], field) {
            FieldState::In(number) => {
                let number = *number;
                access.change(head, |head| head.rename_field(number, to))
            }
            FieldState::Loose { value, appended: true, .. } => {
                let value = value.clone();
                let number = access.change(head, |head| head.insert(to, &value, 0))?;
                *access.field_of(head, called[2], field) = FieldState::In(number);
                Ok(())
            }
            FieldState::Loose { name, .. } => {
                *name = to.to_vec();
                Ok(())
            }
            FieldState::Destroyed => Err(Refused),
        }
    })
}

/// The field that `f` finds behind one that is in its head.
fn next(
    call: Call,
    (bufp, hdr, field): (TSMBuffer, TSMLoc, TSMLoc),
    f: impl FnOnce(&Head, u32) -> Option<u32>,
) -> TSMLoc {
    with(call, bufp, |access| {
        let id = access.head("hdr", hdr);
        let FieldState::In(number) = *access.field_of(id, "field", field) else { return NULL };
        let next = access.look(id, |head| f(head, number));
        next.ok().flatten().map_or(NULL, |next| access.hand_out(id, next))
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSMimeHdrFieldNext(bufp: TSMBuffer, hdr: TSMLoc, field: TSMLoc) -> TSMLoc {
    call::enter("TSMimeHdrFieldNext", |call| {
        next(call, (bufp, hdr, field), |head, number| head.at(head.place(number)? + 1))
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSMimeHdrFieldNextDup(bufp: TSMBuffer, hdr: TSMLoc, field: TSMLoc) -> TSMLoc {
    call::enter("TSMimeHdrFieldNextDup", |call| {
        next(call, (bufp, hdr, field), |head, number| {
            let [name, _] = head.field(number)?;
            head.find(&name, number)
        })
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSMimeHdrFieldLengthGet(bufp: TSMBuffer, hdr: TSMLoc, field: TSMLoc) -> c_int {
    call::enter("TSMimeHdrFieldLengthGet", |call| {
        with(call, bufp, |access| {
            let head = access.head("hdr", hdr);
            access.field_of(head, "field", field);
            let pair = access.pair("field", field);
            pair.map_or(0, |(name, value)| length(&super::print::line(&name, &value)))
        })
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSMimeHdrFieldNameGet(
    bufp: TSMBuffer,
    hdr: TSMLoc,
    field: TSMLoc,
    length: *mut c_int,
) -> *const c_char {
    call::enter("TSMimeHdrFieldNameGet", |call| {
        let (name, len) = with(call, bufp, |access| {
            let head = access.head("hdr", hdr);
            access.field_of(head, "field", field);
            match access.pair("field", field) {
                Ok((name, _)) if !name.is_empty() => (access.lend(&name), super::lent::length(&name)),
                _ => (ptr::null(), 0),
            }
        });
        // SAFETY: as the caller says.
        unsafe { call.tell("length", length, len) };
        name
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSMimeHdrFieldNameSet(
    bufp: TSMBuffer,
    hdr: TSMLoc,
    field: TSMLoc,
    name: *const c_char,
    length: c_int,
) -> TSReturnCode {
    call::enter("TSMimeHdrFieldNameSet", |call| {
        // SAFETY: as the caller says.
        let name = unsafe { call.bytes("name", name, length) };
        code(set_name(call, ["bufp", "hdr", "field"], (bufp, hdr, field), name))
    })
}

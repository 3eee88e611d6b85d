//! The values of a field: the whole of it, or its members between the commas.
//!
//! # Rules
//! * An index of -1 means the whole value, any other below zero is a fault, and one that there is no member for is refused.
//! * A change of one member writes all of them anew, with a comma and a blank between.

use std::ffi::{c_char, c_int, c_uint};
use std::ptr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::buffer::{Access, Refused, with};
use super::code;
use super::lent::length;
use crate::ffi::call::{self, Call};
use crate::ffi::types::{TSMBuffer, TSMLoc, TSReturnCode};
use crate::http::server::head::split_list;

/// Which value of a field.
#[derive(Clone, Copy)]
enum Index {
    All,
    At(usize),
}

fn index(call: Call, idx: c_int) -> Index {
    match usize::try_from(idx) {
        Ok(at) => Index::At(at),
        Err(_) if idx == -1 => Index::All,
        Err(_) => call.fault(format_args!("idx is {idx}: it is a member's from zero on, or -1 for all")),
    }
}

fn members(value: &[u8]) -> Vec<&[u8]> {
    split_list(value).collect()
}

/// One value of a field.
fn get(access: &mut Access<'_>, field: TSMLoc, index: Index) -> Result<Vec<u8>, Refused> {
    let (_, value) = access.pair("field", field)?;
    match index {
        Index::All => Ok(value.trim_ascii().to_vec()),
        Index::At(at) => members(&value).get(at).map(|member| member.to_vec()).ok_or(Refused),
    }
}

/// Reads one value of a field as something.
fn read<R>(
    call: Call,
    (bufp, hdr, field): (TSMBuffer, TSMLoc, TSMLoc),
    idx: c_int,
    f: impl FnOnce(&[u8]) -> Option<R>,
) -> Option<R> {
    let index = index(call, idx);
    with(call, bufp, |access| {
        let head = access.head("hdr", hdr);
        access.field_of(head, "field", field);
        get(access, field, index).ok().and_then(|value| f(&value))
    })
}

/// Changes the members of a field.
fn change(
    call: Call,
    (bufp, hdr, field): (TSMBuffer, TSMLoc, TSMLoc),
    f: impl FnOnce(&mut Vec<Vec<u8>>) -> Result<(), Refused>,
) -> TSReturnCode {
    with(call, bufp, |access| {
        let head = access.head("hdr", hdr);
        access.field_of(head, "field", field);
        code(access.pair("field", field).and_then(|(_, value)| {
            let mut members = members(&value).into_iter().map(<[u8]>::to_vec).collect();
            f(&mut members)?;
            access.set_value("field", field, &members.join(&b", "[..]))
        }))
    })
}

/// Changes one value.
fn set(call: Call, of: (TSMBuffer, TSMLoc, TSMLoc), idx: c_int, to: &[u8]) -> TSReturnCode {
    match index(call, idx) {
        Index::All => with(call, of.0, |access| {
            let head = access.head("hdr", of.1);
            access.field_of(head, "field", of.2);
            code(access.set_value("field", of.2, to))
        }),
        Index::At(at) => change(call, of, |members| {
            *members.get_mut(at).ok_or(Refused)? = to.to_vec();
            Ok(())
        }),
    }
}

/// Puts a value before another, or behind all.
fn insert(call: Call, of: (TSMBuffer, TSMLoc, TSMLoc), idx: c_int, value: &[u8]) -> TSReturnCode {
    let index = index(call, idx);
    change(call, of, |members| {
        let at = match index {
            Index::All => members.len(),
            Index::At(at) if at <= members.len() => at,
            Index::At(_) => return Err(Refused),
        };
        members.insert(at, value.to_vec());
        Ok(())
    })
}

/// The number that a text begins with: digits, a sign before them if that is allowed; what follows is not looked at.
fn leading_number(text: &[u8]) -> Option<i64> {
    let text = text.trim_ascii_start();
    let (negative, digits) = match text.first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let end = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
    let magnitude = str::from_utf8(&digits[..end]).ok().filter(|digits| !digits.is_empty())?;
    // More than there are numbers for is the greatest there is.
    let magnitude = magnitude.parse::<i64>().unwrap_or(i64::MAX);
    Some(if negative { -magnitude } else { magnitude })
}

fn date(text: &[u8]) -> Option<i64> {
    let date = httpdate::parse_http_date(str::from_utf8(text).ok()?.trim()).ok()?;
    i64::try_from(date.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()
}

/// A date as fields have it; none before 1970 and after the year 9999.
fn date_text(seconds: i64) -> Option<String> {
    const LAST: u64 = 253_402_300_799;
    let seconds = u64::try_from(seconds).ok().filter(|seconds| *seconds <= LAST)?;
    let time: SystemTime = UNIX_EPOCH + Duration::from_secs(seconds);
    Some(httpdate::fmt_http_date(time))
}

#[unsafe(no_mangle)]
pub extern "C" fn TSMimeHdrFieldValuesCount(bufp: TSMBuffer, hdr: TSMLoc, field: TSMLoc) -> c_int {
    call::enter("TSMimeHdrFieldValuesCount", |call| {
        let count = read(call, (bufp, hdr, field), -1, |value| Some(members(value).len()));
        count.map_or(0, |count| c_int::try_from(count).unwrap_or(c_int::MAX))
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSMimeHdrFieldValuesClear(bufp: TSMBuffer, hdr: TSMLoc, field: TSMLoc) -> TSReturnCode {
    call::enter("TSMimeHdrFieldValuesClear", |call| set(call, (bufp, hdr, field), -1, b""))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSMimeHdrFieldValueStringGet(
    bufp: TSMBuffer,
    hdr: TSMLoc,
    field: TSMLoc,
    idx: c_int,
    value_len_ptr: *mut c_int,
) -> *const c_char {
    call::enter("TSMimeHdrFieldValueStringGet", |call| {
        let index = index(call, idx);
        let (text, len) = with(call, bufp, |access| {
            let head = access.head("hdr", hdr);
            access.field_of(head, "field", field);
            match get(access, field, index) {
                Ok(value) => (access.lend(&value), length(&value)),
                Err(Refused) => (ptr::null(), 0),
            }
        });
        // SAFETY: as the caller says.
        unsafe { call.tell("value_len_ptr", value_len_ptr, len) };
        text
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSMimeHdrFieldValueIntGet(
    bufp: TSMBuffer,
    hdr: TSMLoc,
    field: TSMLoc,
    idx: c_int,
) -> c_int {
    call::enter("TSMimeHdrFieldValueIntGet", |call| {
        let number = read(call, (bufp, hdr, field), idx, leading_number).unwrap_or(0);
        number.clamp(c_int::MIN.into(), c_int::MAX.into()) as c_int
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSMimeHdrFieldValueInt64Get(
    bufp: TSMBuffer,
    hdr: TSMLoc,
    field: TSMLoc,
    idx: c_int,
) -> i64 {
    call::enter("TSMimeHdrFieldValueInt64Get", |call| {
        read(call, (bufp, hdr, field), idx, leading_number).unwrap_or(0)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSMimeHdrFieldValueUintGet(
    bufp: TSMBuffer,
    hdr: TSMLoc,
    field: TSMLoc,
    idx: c_int,
) -> c_uint {
    call::enter("TSMimeHdrFieldValueUintGet", |call| {
        let number = read(call, (bufp, hdr, field), idx, leading_number).unwrap_or(0);
        number.clamp(0, c_uint::MAX.into()) as c_uint
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSMimeHdrFieldValueDateGet(bufp: TSMBuffer, hdr: TSMLoc, field: TSMLoc) -> i64 {
    call::enter("TSMimeHdrFieldValueDateGet", |call| read(call, (bufp, hdr, field), -1, date).unwrap_or(0))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSMimeHdrFieldValueStringSet(
    bufp: TSMBuffer,
    hdr: TSMLoc,
    field: TSMLoc,
    idx: c_int,
    value: *const c_char,
    length: c_int,
) -> TSReturnCode {
    call::enter("TSMimeHdrFieldValueStringSet", |call| {
        // SAFETY: as the caller says.
        let value = unsafe { call.bytes("value", value, length) };
        set(call, (bufp, hdr, field), idx, value)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSMimeHdrFieldValueIntSet(
    bufp: TSMBuffer,
    hdr: TSMLoc,
    field: TSMLoc,
    idx: c_int,
    value: c_int,
) -> TSReturnCode {
    call::enter("TSMimeHdrFieldValueIntSet", |call| {
        set(call, (bufp, hdr, field), idx, value.to_string().as_bytes())
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSMimeHdrFieldValueInt64Set(
    bufp: TSMBuffer,
    hdr: TSMLoc,
    field: TSMLoc,
    idx: c_int,
    value: i64,
) -> TSReturnCode {
    call::enter("TSMimeHdrFieldValueInt64Set", |call| {
        set(call, (bufp, hdr, field), idx, value.to_string().as_bytes())
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSMimeHdrFieldValueUintSet(
    bufp: TSMBuffer,
    hdr: TSMLoc,
    field: TSMLoc,
    idx: c_int,
    value: c_uint,
) -> TSReturnCode {
    call::enter("TSMimeHdrFieldValueUintSet", |call| {
        set(call, (bufp, hdr, field), idx, value.to_string().as_bytes())
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSMimeHdrFieldValueDateSet(
    bufp: TSMBuffer,
    hdr: TSMLoc,
    field: TSMLoc,
    value: i64,
) -> TSReturnCode {
    call::enter("TSMimeHdrFieldValueDateSet", |call| match date_text(value) {
        Some(text) => set(call, (bufp, hdr, field), -1, text.as_bytes()),
        None => code(Err(Refused)),
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSMimeHdrFieldValueAppend(
    bufp: TSMBuffer,
    hdr: TSMLoc,
    field: TSMLoc,
    idx: c_int,
    value: *const c_char,
    length: c_int,
) -> TSReturnCode {
    call::enter("TSMimeHdrFieldValueAppend", |call| {
        // SAFETY: as the caller says.
        let more = unsafe { call.bytes("value", value, length) };
        match index(call, idx) {
            Index::At(at) => change(call, (bufp, hdr, field), |members| {
                members.get_mut(at).ok_or(Refused)?.extend(more);
                Ok(())
            }),
            Index::All => call.fault("idx is -1: text is added to one member, from zero on"),
        }
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSMimeHdrFieldValueStringInsert(
    bufp: TSMBuffer,
    hdr: TSMLoc,
    field: TSMLoc,
    idx: c_int,
    value: *const c_char,
    length: c_int,
) -> TSReturnCode {
    call::enter("TSMimeHdrFieldValueStringInsert", |call| {
        // SAFETY: as the caller says.
        let value = unsafe { call.bytes("value", value, length) };
        insert(call, (bufp, hdr, field), idx, value)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSMimeHdrFieldValueIntInsert(
    bufp: TSMBuffer,
    hdr: TSMLoc,
    field: TSMLoc,
    idx: c_int,
    value: c_int,
) -> TSReturnCode {
    call::enter("TSMimeHdrFieldValueIntInsert", |call| {
        insert(call, (bufp, hdr, field), idx, value.to_string().as_bytes())
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSMimeHdrFieldValueUintInsert(
    bufp: TSMBuffer,
    hdr: TSMLoc,
    field: TSMLoc,
    idx: c_int,
    value: c_uint,
) -> TSReturnCode {
    call::enter("TSMimeHdrFieldValueUintInsert", |call| {
        insert(call, (bufp, hdr, field), idx, value.to_string().as_bytes())
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSMimeHdrFieldValueDateInsert(
    bufp: TSMBuffer,
    hdr: TSMLoc,
    field: TSMLoc,
    value: i64,
) -> TSReturnCode {
    call::enter("TSMimeHdrFieldValueDateInsert", |call| match date_text(value) {
        // A date has a comma of its own, so it stands alone.
        Some(text) => set(call, (bufp, hdr, field), -1, text.as_bytes()),
        None => code(Err(Refused)),
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSMimeHdrFieldValueDelete(
    bufp: TSMBuffer,
    hdr: TSMLoc,
    field: TSMLoc,
    idx: c_int,
) -> TSReturnCode {
    call::enter("TSMimeHdrFieldValueDelete", |call| match index(call, idx) {
        Index::At(at) => change(call, (bufp, hdr, field), |members| {
            if at >= members.len() {
                return Err(Refused);
            }
            members.remove(at);
            Ok(())
        }),
        Index::All => call.fault("idx is -1: one member is deleted, from zero on"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_ends_where_its_digits_end() {
        let numbers = [" 12;x", "-3", "+4", "x", "", "-", "99999999999999999999"].map(str::as_bytes);
        let expected = [Some(12), Some(-3), Some(4), None, None, None, Some(i64::MAX)];
        assert_eq!(numbers.map(leading_number), expected);
    }

    #[test]
    fn a_date_goes_out_as_it_came_in() {
        let text = "Sun, 06 Nov 1994 08:49:37 GMT";
        assert_eq!(date(text.as_bytes()), Some(784_111_777));
        assert_eq!(date_text(784_111_777).as_deref(), Some(text));
        assert_eq!((date(b"tomorrow"), date_text(-1), date_text(i64::MAX)), (None, None, None));
    }
}

//! Texts in other writing: percent signs and Base64.
//!
//! # Rules
//! * A result has a NUL behind it, for which there must be room. One that does not fit is refused, and nothing is written.
//! * The source may lie where the result goes.

use std::ffi::{c_char, c_int};
use std::slice;

use base64::Engine as _;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode, percent_encode, percent_encode_byte};

use super::call::{self, Call};
use super::types::{TS_ERROR, TS_SUCCESS, TSReturnCode};

/// What cannot stand in a URL as it is: besides these, everything beyond ASCII.
const USUAL: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}')
    .add(b'~');

/// Written with padding, read with or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Where a result goes.
pub(super) struct Place {
    pub(super) start: *mut c_char,
    pub(super) size: usize,
    /// Where its length goes, unless that is null.
    pub(super) length: *mut usize,
}

impl Place {
    /// Writes a result, if it fits.
    ///
    /// # Safety
    ///
    /// There is room for so many bytes, and for a length.
    unsafe fn write(self, call: Call, result: Option<&[u8]>) -> TSReturnCode {
        let start = call.place("dst", self.start);
        let result = result.filter(|result| result.len() < self.size);
        // SAFETY: the caller says so.
        unsafe { call.tell("length", self.length, result.map_or(0, <[u8]>::len)) };
        let Some(result) = result else { return TS_ERROR };
        // SAFETY: as above; the result is ours, so it lies elsewhere.
        unsafe {
            start.as_ptr().cast::<u8>().copy_from_nonoverlapping(result.as_ptr(), result.len());
            start.add(result.len()).write(0);
        }
        TS_SUCCESS
    }
}

/// Writes `text` for a URL.
///
/// # Safety
///
/// There is room as `place` says, and `map` is null or has 32 bytes.
pub(super) unsafe fn percent(call: Call, text: &[u8], place: Place, map: *const u8) -> TSReturnCode {
    // SAFETY: the caller says so.
    let map = (!map.is_null()).then(|| unsafe { slice::from_raw_parts(map, 32) });
    let is_written_otherwise = |byte: u8| match map {
        Some(map) => map[usize::from(byte / 8)] << (byte % 8) & 0x80 != 0,
        None => percent_encode(&[byte], USUAL).next() != str::from_utf8(&[byte]).ok(),
    };
    let mut result = Vec::with_capacity(text.len());
    for byte in text {
        if is_written_otherwise(*byte) {
            result.extend(percent_encode_byte(*byte).bytes());
        } else {
            result.push(*byte);
        }
    }
    // SAFETY: as above.
    unsafe { place.write(call, Some(&result)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSStringPercentEncode(
    str: *const c_char,
    str_len: c_int,
    dst: *mut c_char,
    dst_size: usize,
    length: *mut usize,
    map: *const u8,
) -> TSReturnCode {
    call::enter("TSStringPercentEncode", |call| {
        let place = Place { start: dst, size: dst_size, length };
        // SAFETY: as the caller says.
        unsafe { percent(call, call.bytes("str", str, str_len), place, map) }
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSStringPercentDecode(
    str: *const c_char,
    str_len: usize,
    dst: *mut c_char,
    dst_size: usize,
    length: *mut usize,
) -> TSReturnCode {
    call::enter("TSStringPercentDecode", |call| {
        // SAFETY: as the caller says.
        let result: Vec<u8> = percent_decode(unsafe { call.counted("str", str, str_len) }).collect();
        // SAFETY: as above.
        unsafe { Place { start: dst, size: dst_size, length }.write(call, Some(&result)) }
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSBase64Encode(
    str: *const c_char,
    str_len: usize,
    dst: *mut c_char,
    dst_size: usize,
    length: *mut usize,
) -> TSReturnCode {
    call::enter("TSBase64Encode", |call| {
        // SAFETY: as the caller says.
        let result = BASE64.encode(unsafe { call.counted("str", str, str_len) });
        // SAFETY: as above.
        unsafe { Place { start: dst, size: dst_size, length }.write(call, Some(result.as_bytes())) }
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSBase64Decode(
    str: *const c_char,
    str_len: usize,
    dst: *mut u8,
    dst_size: usize,
    length: *mut usize,
) -> TSReturnCode {
    call::enter("TSBase64Decode", |call| {
        // SAFETY: as the caller says.
        let result = BASE64.decode(unsafe { call.counted("str", str, str_len) }).ok();
        // SAFETY: as above.
        unsafe { Place { start: dst.cast(), size: dst_size, length }.write(call, result.as_deref()) }
    })
}

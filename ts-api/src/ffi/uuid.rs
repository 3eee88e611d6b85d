//! UUIDs: made, drawn, copied, parsed, printed. Only version 4, random ones, can be drawn; any can be parsed.
//!
//! # Rules
//! * One that was made and not drawn yet has no text, no version, and is not copied.
//! * A text that was asked for stays as it is until its UUID is destroyed or becomes another.

use std::ffi::{CStr, CString, c_char, c_int};
use std::io::Write as _;
use std::sync::OnceLock;
use std::{ptr, slice};

use uuid::Uuid;

use super::call::{self, Call};
use super::handle::{self, Bad, Raw, Table};
use super::types::{TS_ERROR, TS_SUCCESS, TSHttpTxn, TSReturnCode, TSUuid, TSUuidVersion};
use crate::http::server::subjects::TransactionSubject;

/// The only version that can be drawn.
const V4: c_int = 4;
/// Letters of a text.
const TEXT: usize = 36;
/// Bytes of the place for a transaction's: a text, a dash, a number, and the NUL. The headers say so, too.
const OF_TRANSACTION: usize = TEXT + 1 + 19 + 1;

/// None until it is drawn. The text is of its own, so that it stays where it is when the entry moves.
type Entry = Option<(Uuid, CString)>;

static UUIDS: Table<TSUuid, Entry> = Table::new();

fn entry(uuid: Uuid) -> Entry {
    CString::new(uuid.hyphenated().to_string()).ok().map(|text| (uuid, text))
}

/// The UUID of this process, and its handle.
fn process() -> &'static (TSUuid, CString) {
    static PROCESS: OnceLock<(TSUuid, CString)> = OnceLock::new();
    PROCESS.get_or_init(|| {
        let entry = entry(Uuid::new_v4());
        let text = entry.as_ref().map(|(_, text)| text.clone()).unwrap_or_default();
        (UUIDS.insert(entry), text)
    })
}

/// Has `uuidp` be `value`; the process's own is nobody's to change.
fn set(call: Call, argument: &'static str, uuidp: TSUuid, value: Entry) {
    if uuidp == process().0 {
        call.fault(format_args!("{argument} is the UUID of the process, which stays as it is"));
    }
    // The old one is dropped outside of the table.
    drop(UUIDS.with(call, argument, uuidp, |entry| std::mem::replace(entry, value)));
}

#[unsafe(no_mangle)]
pub extern "C" fn TSUuidCreate() -> TSUuid {
    call::enter("TSUuidCreate", |_| UUIDS.insert(None))
}

#[unsafe(no_mangle)]
pub extern "C" fn TSUuidDestroy(uuid: TSUuid) {
    call::enter("TSUuidDestroy", |call| {
        if uuid == process().0 {
            call.fault("uuid is the UUID of the process, which stays");
        }
        UUIDS.remove(call, "uuid", uuid);
    });
}

#[unsafe(no_mangle)]
pub extern "C" fn TSUuidInitialize(uuid: TSUuid, v: TSUuidVersion) -> TSReturnCode {
    call::enter("TSUuidInitialize", |call| {
        let drawn = (v == V4).then(|| entry(Uuid::new_v4())).flatten();
        let good = drawn.is_some();
        set(call, "uuid", uuid, drawn);
        if good { TS_SUCCESS } else { TS_ERROR }
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSUuidCopy(dest: TSUuid, src: TSUuid) -> TSReturnCode {
    call::enter("TSUuidCopy", |call| {
        let from = UUIDS.with(call, "src", src, |entry| entry.as_ref().map(|(uuid, _)| *uuid));
        let Some(from) = from else {
            // What is wrong with the other one is a fault in any case.
            UUIDS.with(call, "dest", dest, |_| ());
            return TS_ERROR;
        };
        set(call, "dest", dest, entry(from));
        TS_SUCCESS
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSProcessUuidGet() -> TSUuid {
    call::enter("TSProcessUuidGet", |_| process().0)
}

#[unsafe(no_mangle)]
pub extern "C" fn TSUuidStringGet(uuid: TSUuid) -> *const c_char {
    call::enter("TSUuidStringGet", |call| {
        UUIDS.with(call, "uuid", uuid, |entry| entry.as_ref().map_or(ptr::null(), |(_, text)| text.as_ptr()))
    })
}

/// The version, or zero of one that was not drawn.
#[unsafe(no_mangle)]
pub extern "C" fn TSUuidVersionGet(uuid: TSUuid) -> TSUuidVersion {
    call::enter("TSUuidVersionGet", |call| {
        UUIDS.with(call, "uuid", uuid, |entry| {
            entry.as_ref().map_or(0, |(uuid, _)| uuid.get_version_num() as c_int)
        })
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSUuidStringParse(uuid: TSUuid, uuid_str: *const c_char) -> TSReturnCode {
    call::enter("TSUuidStringParse", |call| {
        // SAFETY: the plugin says that it is a text.
        let text = unsafe { call.text("uuid_str", uuid_str) }.to_bytes();
        // Only the usual form; the crate knows more.
        let parsed = (text.len() == TEXT).then(|| Uuid::try_parse_ascii(text).ok()).flatten();
        let Some(parsed) = parsed else {
            UUIDS.with(call, "uuid", uuid, |_| ());
            return TS_ERROR;
        };
        set(call, "uuid", uuid, entry(parsed));
        TS_SUCCESS
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSClientRequestUuidGet(txnp: TSHttpTxn, uuid_str: *mut c_char) -> TSReturnCode {
    call::enter("TSClientRequestUuidGet", |call| {
        let place = call.place("uuid_str", uuid_str);
        let number = handle::number(txnp)
            .and_then(|number| {
                TransactionSubject::find(number).map(|_| number).ok_or(Bad::Stale(TSHttpTxn::KIND))
            })
            .unwrap_or_else(|bad| call.bad_handle("txnp", txnp.bits(), TSHttpTxn::KIND, bad));
        // SAFETY: the plugin says that there is room for `TS_CRUUID_STRING_LEN` letters and a NUL.
        let place = unsafe { slice::from_raw_parts_mut(place.as_ptr().cast::<u8>(), OF_TRANSACTION) };
        let text: &CStr = &process().1;
        // It fits: a number has 52 bits.
        let _ = write!(&mut place[..], "{}-{number}\0", text.to_string_lossy());
        TS_SUCCESS
    })
}

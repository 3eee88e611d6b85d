//! Settings of one transaction under the original's names.
//!
//! # Rules
//! * There is a key for what is some transaction's own here, and for nothing else; any other number is [`TS_ERROR`].
//! * All of them are whole numbers, times in seconds. Zero is no end, where it is a time.
//! * What is told is in force: a plugin's wish, or else what the transaction's server has.

use std::ffi::{c_char, c_int};
use std::time::Duration;

use super::{allowed, check, code, transaction};
use crate::ffi::call;
use crate::ffi::records;
use crate::ffi::types::{
    TS_ERROR, TS_SUCCESS, TSHttpTxn, TSOverridableConfigKey, TSRecordDataType, TSReturnCode,
};
use crate::http::{Gone, Limit, MessageError, Transaction};

/// How long a body may be that is read as a whole: what a plugin looks at as one piece is a form or a call, and no upload.
const LONGEST_BODY: usize = 1 << 20;

/// What a key stands for.
#[derive(Debug, Clone, Copy)]
enum Setting {
    Buffered,
    /// The first is told, all are set.
    Seconds(&'static [Limit]),
    KeepClient,
    KeepOrigin,
}

/// The settings: their keys, the names of their records, and what they are here.
const SETTINGS: [(TSOverridableConfigKey, &str, Setting); 10] = [
    (5, "http.keep_alive_enabled_in", Setting::KeepClient),
    (6, "http.keep_alive_enabled_out", Setting::KeepOrigin),
    (38, "http.keep_alive_no_activity_timeout_in", Setting::Seconds(&[Limit::NextRequest])),
    (39, "http.keep_alive_no_activity_timeout_out", Setting::Seconds(&[Limit::OriginIdle])),
    (40, "http.transaction_no_activity_timeout_in", Setting::Seconds(&[Limit::ClientIdle])),
    (41, "http.transaction_no_activity_timeout_out", Setting::Seconds(&[Limit::Response, Limit::Silence])),
    (42, "http.transaction_active_timeout_out", Setting::Seconds(&[Limit::Exchange])),
    (46, "http.connect_attempts_timeout", Setting::Seconds(&[Limit::Connect])),
    (88, "http.transaction_active_timeout_in", Setting::Seconds(&[Limit::ClientActive])),
    (105, "http.request_buffer_enabled", Setting::Buffered),
];

const INT: TSRecordDataType = 1;

/// None if there is no such key.
fn setting(key: TSOverridableConfigKey) -> Option<Setting> {
    SETTINGS.iter().find(|(number, ..)| *number == key).map(|(_, _, setting)| *setting)
}

fn set(transaction: Transaction, setting: Setting, value: u64) -> Result<(), MessageError> {
    match setting {
        // It cannot be taken back: somebody else may have asked for it.
        Setting::Buffered if value == 0 => Err(MessageError::Invalid),
        Setting::Buffered => transaction.buffer_request(LONGEST_BODY),
        Setting::Seconds(limits) => {
            let limit = (value > 0).then(|| Duration::from_secs(value));
            limits.iter().try_for_each(|of| transaction.set_limit(*of, limit))
        }
        Setting::KeepClient => transaction.set_keep_client(value != 0),
        Setting::KeepOrigin => transaction.set_keep_origin(value != 0),
    }
}

fn get(transaction: Transaction, setting: Setting) -> Result<i64, MessageError> {
    let ongoing = |Gone| MessageError::Gone;
    Ok(match setting {
        Setting::Buffered => transaction.buffer_limit().map_err(ongoing)?.is_some().into(),
        Setting::Seconds(limits) => {
            let limit = transaction.limit(limits[0])?;
            let whole = |limit: Duration| limit.as_secs() + u64::from(limit.subsec_nanos() > 0);
            limit.map_or(0, |limit| i64::try_from(whole(limit)).unwrap_or(i64::MAX))
        }
        Setting::KeepClient => transaction.keep_client().map_err(ongoing)?.into(),
        Setting::KeepOrigin => transaction.keep_origin().map_err(ongoing)?.into(),
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpTxnConfigIntSet(
    txnp: TSHttpTxn,
    conf: TSOverridableConfigKey,
    value: i64,
) -> TSReturnCode {
    call::enter("TSHttpTxnConfigIntSet", |call| {
        check(call, txnp);
        let (Some(setting), Ok(value)) = (setting(conf), u64::try_from(value)) else { return TS_ERROR };
        code(call, txnp, set(transaction(call, txnp), setting, value))
    })
}

/// # Safety
///
/// If it is not null there is room for the value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSHttpTxnConfigIntGet(
    txnp: TSHttpTxn,
    conf: TSOverridableConfigKey,
    value: *mut i64,
) -> TSReturnCode {
    call::enter("TSHttpTxnConfigIntGet", |call| {
        let place = call.place("value", value);
        check(call, txnp);
        let found =
            setting(conf).and_then(|setting| allowed(call, txnp, get(transaction(call, txnp), setting)));
        let Some(found) = found else { return TS_ERROR };
        // SAFETY: the caller says so.
        unsafe { place.write(found) };
        TS_SUCCESS
    })
}

/// No setting here is one of this type.
#[unsafe(no_mangle)]
pub extern "C" fn TSHttpTxnConfigFloatSet(
    txnp: TSHttpTxn,
    _conf: TSOverridableConfigKey,
    _value: f32,
) -> TSReturnCode {
    call::enter("TSHttpTxnConfigFloatSet", |call| {
        check(call, txnp);
        TS_ERROR
    })
}

/// # Safety
///
/// `value` is a place for a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSHttpTxnConfigFloatGet(
    txnp: TSHttpTxn,
    _conf: TSOverridableConfigKey,
    value: *mut f32,
) -> TSReturnCode {
    call::enter("TSHttpTxnConfigFloatGet", |call| {
        call.place("value", value);
        check(call, txnp);
        TS_ERROR
    })
}

/// # Safety
///
/// As many bytes as `length` says, or up to a NUL, can be read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSHttpTxnConfigStringSet(
    txnp: TSHttpTxn,
    _conf: TSOverridableConfigKey,
    value: *const c_char,
    length: c_int,
) -> TSReturnCode {
    call::enter("TSHttpTxnConfigStringSet", |call| {
        // SAFETY: the caller says so.
        unsafe { call.bytes("value", value, length) };
        check(call, txnp);
        TS_ERROR
    })
}

/// # Safety
///
/// `value` and `length` are places.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSHttpTxnConfigStringGet(
    txnp: TSHttpTxn,
    _conf: TSOverridableConfigKey,
    value: *mut *const c_char,
    length: *mut c_int,
) -> TSReturnCode {
    call::enter("TSHttpTxnConfigStringGet", |call| {
        call.place("value", value);
        call.place("length", length);
        check(call, txnp);
        TS_ERROR
    })
}

/// # Safety
///
/// As many bytes as `length` says, or up to a NUL, can be read. If they are not null there is room for key and type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSHttpTxnConfigFind(
    name: *const c_char,
    length: c_int,
    conf: *mut TSOverridableConfigKey,
    r#type: *mut TSRecordDataType,
) -> TSReturnCode {
    call::enter("TSHttpTxnConfigFind", |call| {
        // SAFETY: the caller says so.
        let name = unsafe { call.bytes("name", name, length) };
        let place = call.place("conf", conf);
        let short = name.strip_prefix(records::PREFIX.as_bytes());
        let found = short.and_then(|name| SETTINGS.iter().find(|(_, known, _)| known.as_bytes() == name));
        let Some((key, ..)) = found else { return TS_ERROR };
        // SAFETY: the caller says so.
        unsafe { place.write(*key) };
        if !r#type.is_null() {
            // SAFETY: the caller says so.
            unsafe { call.place("type", r#type).write(INT) };
        }
        TS_SUCCESS
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_the_header_is_here_with_its_number() {
        let header = include_str!("../../../include/ts/apidefs.h");
        let (_, keys) = header.split_once("TS_CONFIG_NULL ").unwrap();
        let (keys, _) = keys.split_once("TS_CONFIG_LAST_ENTRY").unwrap();
        let keys = keys.lines().filter_map(|line| line.trim().strip_prefix("TS_CONFIG_")?.split_once(','));
        // What comes after the last of them has no number of its own.
        let keys =
            keys.map(|(key, _)| key.split_whitespace().collect::<String>()).filter(|key| key.contains('='));
        let here =
            SETTINGS.map(|(number, name, _)| format!("{}={number}", name.replace('.', "_").to_uppercase()));
        assert_eq!(keys.collect::<Vec<_>>(), here);
    }
}

//! What else there is to know of a session or transaction, and to set, through the door.

use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::time::Duration;

use super::messages::message_error;
use super::{
    Address, BytesSink, Code, ErrorPart, Fact, HttpTable, Kind, Limit, RawBytes, RawFields, gather, http,
};
use crate::http::{Aborted, Gone, MessageError, Milestone};

pub(crate) fn address(kind: Kind, subject: u64, which: Address) -> Result<Option<SocketAddr>, Gone> {
    let table = http().ok_or(Gone)?;
    let mut address = Vec::new();
    // SAFETY: any number will do, and the sink's target outlives the call.
    let code = unsafe { (table.address)(kind, subject, which, gather(&mut address)) };
    if code != Code::OK {
        return Err(Gone);
    }
    let address = address.first().and_then(|address| str::from_utf8(address).ok());
    Ok(address.and_then(|address| address.parse().ok()))
}

pub(crate) fn set_origin_address(transaction: u64, address: Option<SocketAddr>) -> Result<(), MessageError> {
    let address = address.map(|address| address.to_string()).unwrap_or_default();
    let address = RawBytes::new(address.as_bytes());
    // SAFETY: any number will do; the bytes are lent for the call.
    ask(|table| unsafe { (table.origin_address_set)(transaction, address) })
}

pub(crate) fn origin_url(transaction: u64) -> Result<Option<String>, MessageError> {
    // SAFETY: any number will do, and the sink is lent for the call.
    let url = collect(|table, sink| unsafe { (table.origin_url)(transaction, sink) })?;
    Ok(url.map(|url| String::from_utf8_lossy(&url).into_owned()))
}

pub(crate) fn pristine_url(transaction: u64) -> Result<String, MessageError> {
    // SAFETY: any number will do, and the sink is lent for the call.
    let url = collect(|table, sink| unsafe { (table.pristine_url)(transaction, sink) })?;
    Ok(String::from_utf8_lossy(&url.unwrap_or_default()).into_owned())
}

pub(crate) fn set_origin_url(transaction: u64, url: &str) -> Result<(), MessageError> {
    let url = RawBytes::new(url.as_bytes());
    // SAFETY: any number will do; the bytes are lent for the call.
    ask(|table| unsafe { (table.origin_url_set)(transaction, url) })
}

pub(crate) fn count(kind: Kind, subject: u64) -> Result<u64, Gone> {
    let mut count = 0;
    // SAFETY: any number will do, and the place is lent for the call.
    ask(|table| unsafe { (table.count)(kind, subject, &raw mut count) }).map_err(|_| Gone)?;
    Ok(count)
}

/// Zero if it has not come.
pub(crate) fn milestone(transaction: u64, milestone: Milestone) -> Result<u64, MessageError> {
    let mut at = 0;
    // SAFETY: any number will do, and the place is lent for the call.
    ask(|table| unsafe { (table.milestone)(transaction, milestone.number(), &raw mut at) })?;
    Ok(at)
}

pub(crate) fn limit(transaction: u64, which: Limit) -> Result<Option<Duration>, MessageError> {
    let mut nanoseconds = u64::MAX;
    // SAFETY: any number will do, and the place is lent for the call.
    ask(|table| unsafe { (table.limit)(transaction, which, &raw mut nanoseconds) })?;
    Ok((nanoseconds != u64::MAX).then(|| Duration::from_nanos(nanoseconds)))
}

pub(crate) fn set_limit(transaction: u64, which: Limit, limit: Option<Duration>) -> Result<(), MessageError> {
    let limit = limit.and_then(|limit| u64::try_from(limit.as_nanos()).ok()).unwrap_or(u64::MAX);
    // SAFETY: any number will do.
    ask(|table| unsafe { (table.limit_set)(transaction, which, limit) })
}

pub(crate) fn error_read(transaction: u64, part: ErrorPart) -> Result<(Option<Vec<u8>>, u32), MessageError> {
    let mut number = 0;
    // SAFETY: any number will do; sink and place are lent for the call.
    let value =
        collect(|table, sink| unsafe { (table.error_read)(transaction, part, sink, &raw mut number) })?;
    Ok((value, number))
}

pub(crate) fn error_change(
    transaction: u64,
    part: ErrorPart,
    value: &[u8],
    number: u32,
) -> Result<(), MessageError> {
    let value = RawBytes::new(value);
    // SAFETY: any number will do; the bytes are lent for the call.
    ask(|table| unsafe { (table.error_change)(transaction, part, value, number) })
}

pub(crate) fn set_error(
    transaction: u64,
    status: u16,
    body: &[u8],
    content_type: &str,
) -> Result<(), MessageError> {
    let (body, content_type) = (RawBytes::new(body), RawBytes::new(content_type.as_bytes()));
    // SAFETY: any number will do; the bytes are lent for the call.
    ask(|table| unsafe { (table.error_set)(transaction, status.into(), body, content_type) })
}

pub(crate) fn answer(
    transaction: u64,
    status: u16,
    fields: &[(String, Vec<u8>)],
    body: &[u8],
) -> Result<(), MessageError> {
    let fields: Vec<_> = fields
        .iter()
        .flat_map(|(name, value)| [RawBytes::new(name.as_bytes()), RawBytes::new(value)])
        .collect();
    let (fields, body) = (RawFields::new(&fields), RawBytes::new(body));
    // SAFETY: any number will do; fields and body are lent for the call.
    ask(|table| unsafe { (table.answer)(transaction, status.into(), fields, body) })
}

pub(crate) fn set_response_body(
    transaction: u64,
    body: &[u8],
    content_type: &str,
) -> Result<(), MessageError> {
    let (body, content_type) = (RawBytes::new(body), RawBytes::new(content_type.as_bytes()));
    // SAFETY: any number will do; the bytes are lent for the call.
    ask(|table| unsafe { (table.response_body_set)(transaction, body, content_type) })
}

pub(crate) fn aborted(transaction: u64) -> Result<Option<Aborted>, Gone> {
    let mut by = 0;
    // SAFETY: any number will do, and the place is lent for the call.
    ask(|table| unsafe { (table.aborted)(transaction, &raw mut by) }).map_err(|_| Gone)?;
    Ok(match by {
        1 => Some(Aborted::ByClient),
        2 => Some(Aborted::ByOrigin),
        _ => None,
    })
}

pub(crate) fn fact(kind: Kind, subject: u64, which: Fact) -> Result<u64, MessageError> {
    let mut value = 0;
    // SAFETY: any number will do, and the place is lent for the call.
    ask(|table| unsafe { (table.fact)(kind, subject, which, &raw mut value) })?;
    Ok(value)
}

pub(crate) fn set_fact(kind: Kind, subject: u64, which: Fact, value: u64) -> Result<(), MessageError> {
    // SAFETY: any numbers will do.
    ask(|table| unsafe { (table.fact_set)(kind, subject, which, value) })
}

/// The number of a socket from one more; zero is none.
pub(crate) fn socket(one_more: u64) -> Option<RawFd> {
    one_more.checked_sub(1).and_then(|number| RawFd::try_from(number).ok())
}

pub(crate) fn redirect(transaction: u64) -> Result<Option<String>, MessageError> {
    // SAFETY: any number will do, and the sink is lent for the call.
    let url = collect(|table, sink| unsafe { (table.redirect)(transaction, sink) })?;
    Ok(url.map(|url| String::from_utf8_lossy(&url).into_owned()))
}

pub(crate) fn set_redirect(transaction: u64, url: &str) -> Result<(), MessageError> {
    let url = RawBytes::new(url.as_bytes());
    // SAFETY: any number will do; the bytes are lent for the call.
    ask(|table| unsafe { (table.redirect_set)(transaction, url) })
}

pub(crate) fn set_address(
    transaction: u64,
    which: Address,
    address: Option<SocketAddr>,
) -> Result<(), MessageError> {
    let address = address.map(|address| address.to_string()).unwrap_or_default();
    let address = RawBytes::new(address.as_bytes());
    // SAFETY: any numbers will do; the bytes are lent for the call.
    ask(|table| unsafe { (table.address_set)(transaction, which, address) })
}

pub(crate) fn origin_name(transaction: u64) -> Result<Option<String>, MessageError> {
    // SAFETY: any number will do, and the sink is lent for the call.
    let name = collect(|table, sink| unsafe { (table.origin_name)(transaction, sink) })?;
    Ok(name.map(|name| String::from_utf8_lossy(&name).into_owned()))
}

pub(crate) fn buffer_body(transaction: u64, limit: u64) -> Result<(), MessageError> {
    // SAFETY: any number will do.
    ask(|table| unsafe { (table.body_buffer)(transaction, limit) })
}

pub(crate) fn read_body(transaction: u64) -> Result<Vec<u8>, MessageError> {
    let mut items = Vec::new();
    // SAFETY: any number will do, and the sink's target outlives the call.
    ask(|table| unsafe { (table.body_read)(transaction, gather(&mut items)) })?;
    Ok(items.concat())
}

fn ask(f: impl FnOnce(&HttpTable) -> Code) -> Result<(), MessageError> {
    message_error(f(http().ok_or(MessageError::Gone)?))
}

/// The first item that is given.
fn collect(f: impl FnOnce(&HttpTable, BytesSink) -> Code) -> Result<Option<Vec<u8>>, MessageError> {
    let mut items = Vec::new();
    ask(|table| f(table, gather(&mut items)))?;
    Ok(items.into_iter().next())
}

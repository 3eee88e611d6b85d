//! The functions for messages.

use bytes::Bytes;
use http::uri::Authority;

use super::{find_transaction, guarded, send};
use crate::http::HookId;
use crate::http::door::{BytesSink, Change, Part, RawBytes, Which};
use crate::http::server::head::{ChangeError, Head, UrlPart, split_list};
use crate::http::server::subjects::Content;
use crate::table::Code;

pub(super) unsafe extern "C" fn message_read(
    transaction: u64,
    which: Which,
    part: Part,
    name: RawBytes,
    sink: BytesSink,
    number: *mut u32,
) -> Code {
    guarded(|| {
        // SAFETY: name and place are lent for the call.
        let (name, asked) = unsafe { (name.as_slice(), number.read()) };
        let (items, answer) = look(transaction, which, |head| read(head, part, name, asked))??;
        for item in items {
            send(&sink, &item);
        }
        // SAFETY: the place is lent for the call.
        unsafe { number.write(answer) };
        Ok(())
    })
}

/// Looks at a message's head while its transaction is called out.
pub(crate) fn look<R>(transaction: u64, which: Which, f: impl FnOnce(&Head) -> R) -> Result<R, Code> {
    let looked = find_transaction(transaction)?
        .called_content(|content| head(content, which)?.map(|head| f(head)).ok_or(Code::ABSENT));
    looked.ok_or(Code::NOT_CALLED_OUT)?
}

/// Changes a message's head, while its transaction is called out at a hook where that may be.
pub(crate) fn alter<R>(transaction: u64, which: Which, f: impl FnOnce(&mut Head) -> R) -> Result<R, Code> {
    let transaction = find_transaction(transaction)?;
    let altered = transaction.called_content(|content| {
        let at = transaction.at();
        let head = head(content, which)?.ok_or(Code::ABSENT)?;
        if !at.is_some_and(|at| is_changeable(which, at)) {
            return Err(Code::READ_ONLY);
        }
        Ok(f(head))
    });
    altered.ok_or(Code::NOT_CALLED_OUT)?
}

/// The items of a part, and its number.
fn read(head: &Head, part: Part, name: &[u8], asked: u32) -> Result<(Vec<Bytes>, u32), Code> {
    let wrong = Code::WRONG_KIND;
    let items = match part {
        Part::METHOD => vec![head.method().ok_or(wrong)?],
        Part::TARGET => vec![head.target().ok_or(wrong)?],
        Part::REASON => vec![head.reason().ok_or(wrong)?],
        Part::HOST => host(head)?.into_iter().collect(),
        Part::VALUES => head.values(name),
        Part::FIELDS => head.all(),
        Part::FIELD => head.field(asked).ok_or(Code::NO_FIELD)?.into(),
        Part::LIST => {
            let values = head.values(name);
            values.iter().flat_map(|value| split_list(value).map(|member| value.slice_ref(member))).collect()
        }
        Part(part) if let Some(part) = url_part(part) => {
            head.url(part).map_err(|_| wrong)?.into_iter().collect()
        }
        _ => {
            let number = match part {
                Part::STATUS => head.status().ok_or(wrong)?.into(),
                Part::VERSION => {
                    let (major, minor) = head.version();
                    u32::from(major) << 16 | u32::from(minor)
                }
                Part::COUNT => u32::try_from(head.len()).unwrap_or(u32::MAX),
                Part::FIELD_AT => head.at(asked as usize).unwrap_or(0),
                Part::FIND if asked != 0 && head.place(asked).is_none() => return Err(Code::NO_FIELD),
                Part::FIND => head.find(name, asked).unwrap_or(0),
                _ => return Err(Code::UNKNOWN),
            };
            return Ok((Vec::new(), number));
        }
    };
    Ok((items, 0))
}

/// Parts of a URL have the same numbers for those who read and those who change.
fn url_part(number: u32) -> Option<UrlPart> {
    Some(match Part(number) {
        Part::URL => UrlPart::Whole,
        Part::URL_SCHEME => UrlPart::Scheme,
        Part::URL_USER => UrlPart::User,
        Part::URL_PASSWORD => UrlPart::Password,
        Part::URL_HOST => UrlPart::Host,
        Part::URL_PORT => UrlPart::Port,
        Part::URL_PATH => UrlPart::Path,
        Part::URL_QUERY => UrlPart::Query,
        _ => return None,
    })
}

pub(super) unsafe extern "C" fn message_change(
    transaction: u64,
    which: Which,
    change: Change,
    name: RawBytes,
    value: RawBytes,
    number: *mut u32,
) -> Code {
    guarded(|| {
        // SAFETY: name, value and number are lent for the call.
        let (name, value, asked) = unsafe { (name.as_slice(), value.as_slice(), number.read()) };
        let made = alter(transaction, which, |head| make(head, change, name, value, asked))??;
        let answer = made.map_err(|error| match error {
            ChangeError::Invalid => Code::INVALID,
            ChangeError::WrongKind => Code::WRONG_KIND,
            ChangeError::Framing => Code::FRAMING,
            ChangeError::NoField => Code::NO_FIELD,
        })?;
        // SAFETY: the place is lent for the call.
        unsafe { number.write(answer) };
        Ok(())
    })
}

/// Makes a change; what it has to tell is a number.
fn make(
    head: &mut Head,
    change: Change,
    name: &[u8],
    value: &[u8],
    asked: u32,
) -> Result<Result<u32, ChangeError>, Code> {
    let done = match change {
        Change::METHOD => head.set_method(name),
        Change::TARGET => head.set_target(name),
        Change::STATUS => head.set_status(asked),
        Change::REASON => head.set_reason(name),
        Change::SET => head.set(name, value),
        Change::APPEND => head.append(name, value),
        Change::FIELD_NAME => head.rename_field(asked, value),
        Change::FIELD_VALUE => head.set_field(asked, value),
        Change::FIELD_REMOVE => head.remove_field(asked),
        Change::INSERT => return Ok(head.insert(name, value, asked)),
        Change::REMOVE => {
            return Ok(head.remove(name).map(|count| u32::try_from(count).unwrap_or(u32::MAX)));
        }
        Change(part) => {
            let part = url_part(part).ok_or(Code::UNKNOWN)?;
            head.set_url(part, (asked == 0).then_some(value))
        }
    };
    Ok(done.map(|()| 0))
}

fn head(content: &mut Content, which: Which) -> Result<Option<&mut Head>, Code> {
    let heads = &mut content.heads;
    Ok(match which {
        Which::CLIENT_REQUEST => heads.client_request(),
        Which::ORIGIN_REQUEST => heads.origin_request(),
        Which::ORIGIN_RESPONSE => heads.origin_response(),
        Which::CLIENT_RESPONSE => heads.client_response(),
        _ => return Err(Code::UNKNOWN),
    })
}

fn is_changeable(which: Which, at: HookId) -> bool {
    match which {
        // The request to the origin is made of it after OS_DNS.
        Which::CLIENT_REQUEST => HookId::TxnStart.place() < at.place() && at.place() <= HookId::OsDns.place(),
        Which::ORIGIN_REQUEST => at == HookId::SendRequestHdr,
        Which::ORIGIN_RESPONSE => at == HookId::ReadResponseHdr,
        Which::CLIENT_RESPONSE => at == HookId::SendResponseHdr,
        _ => false,
    }
}

/// The host that a request is for: its target's, or the field's.
fn host(head: &Head) -> Result<Option<Bytes>, Code> {
    let target = head.target().ok_or(Code::WRONG_KIND)?;
    let from_target = http::Uri::from_maybe_shared(target).ok().and_then(|uri| uri.authority().cloned());
    let from_field =
        || head.values(b"host").into_iter().next().and_then(|host| Authority::from_maybe_shared(host).ok());
    let host = from_target.or_else(from_field);
    Ok(host.map(|host| Bytes::from(host.host().to_ascii_lowercase())))
}

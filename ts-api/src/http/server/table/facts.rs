//! The functions for what else there is to know of a session or transaction, and to set.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response};
use hyper::ext::ReasonPhrase;

use super::{find_session, find_transaction, guarded, send};
use crate::http::door::{Address, BytesSink, ErrorPart, Kind, Limit, RawBytes, RawFields, TAKE_BACK};
use crate::http::server::call_out::HasSubject;
use crate::http::server::head::{UrlPart, final_status, is_framing};
use crate::http::server::remap::OriginName;
use crate::http::server::subjects::Content;
use crate::http::server::wishes::Target;
use crate::http::{Aborted, HookId, Milestone};
use crate::table::Code;

/// What plugins of the first hosts ask for.
pub(super) unsafe extern "C" fn client_addr(kind: Kind, subject: u64, sink: BytesSink) -> Code {
    // SAFETY: the caller lends the same things.
    unsafe { address(kind, subject, Address::CLIENT, sink) }
}

pub(super) unsafe extern "C" fn address(kind: Kind, subject: u64, which: Address, sink: BytesSink) -> Code {
    guarded(|| {
        let (session, transaction) = match kind {
            Kind::SESSION => (find_session(subject)?, None),
            Kind::TRANSACTION => {
                let transaction = find_transaction(subject)?;
                (transaction.session.clone(), Some(transaction))
            }
            _ => return Err(Code::UNKNOWN),
        };
        let known = transaction.map(|transaction| {
            transaction.content(|content| (content.wishes.origin, content.wishes.verified))
        });
        let (origin, verified) = (known.map(|(origin, _)| origin), known.and_then(|(_, verified)| verified));
        let address = match which {
            Address::CLIENT => Some(session.client),
            Address::INCOMING => session.incoming,
            Address::ORIGIN => origin.ok_or(Code::WRONG_KIND)?.address(),
            Address::OUTGOING => origin.ok_or(Code::WRONG_KIND)?.outgoing,
            Address::VERIFIED => verified,
            _ => return Err(Code::UNKNOWN),
        };
        if let Some(address) = address {
            send(&sink, address.to_string().as_bytes());
        }
        Ok(())
    })
}

pub(super) unsafe extern "C" fn origin_address_set(transaction: u64, address: RawBytes) -> Code {
    guarded(|| {
        // SAFETY: the address is lent for the call.
        let address = parse(unsafe { address.as_slice() })?;
        up_to(HookId::OsDns, transaction, |content| {
            content.wishes.origin.wished = address;
            Ok(())
        })
    })
}

pub(super) unsafe extern "C" fn address_set(transaction: u64, which: Address, address: RawBytes) -> Code {
    guarded(|| {
        // SAFETY: the address is lent for the call.
        let address = parse(unsafe { address.as_slice() })?;
        match which {
            Address::OUTGOING => up_to(HookId::OsDns, transaction, |content| {
                content.wishes.origin.from = address;
                Ok(())
            }),
            Address::VERIFIED => called(transaction, |content| {
                content.wishes.verified = address;
                Ok(())
            }),
            _ => Err(Code::UNKNOWN),
        }
    })
}

/// An address and its port; nothing is none.
fn parse(address: &[u8]) -> Result<Option<SocketAddr>, Code> {
    if address.is_empty() {
        return Ok(None);
    }
    let address = str::from_utf8(address).ok().and_then(|address| address.parse().ok());
    Ok(Some(address.ok_or(Code::INVALID)?))
}

pub(super) unsafe extern "C" fn redirect(transaction: u64, sink: BytesSink) -> Code {
    guarded(|| {
        let url = find_transaction(transaction)?
            .content(|content| content.wishes.redirect.as_deref().map(|(url, _)| url.clone()));
        if let Some(url) = url {
            send(&sink, url.as_bytes());
        }
        Ok(())
    })
}

pub(super) unsafe extern "C" fn redirect_set(transaction: u64, url: RawBytes) -> Code {
    guarded(|| {
        // SAFETY: the URL is lent for the call.
        let url = unsafe { url.as_slice() };
        let redirect = match url {
            b"" => None,
            url => {
                let target = Target::parse(url).ok_or(Code::INVALID)?;
                Some(Box::new((String::from_utf8_lossy(url).into_owned(), target)))
            }
        };
        let transaction = find_transaction(transaction)?;
        let set = transaction.called_content(|content| {
            let at = transaction.at().map_or(usize::MAX, HookId::place);
            let in_time = at < HookId::SendResponseHdr.place()
                || (at == HookId::SendResponseHdr.place() && content.origin_state.is_failure());
            if !in_time || content.is_tunnel {
                return Err(Code::TOO_LATE);
            }
            content.wishes.redirect = redirect;
            Ok(())
        });
        set.ok_or(Code::NOT_CALLED_OUT)?
    })
}

pub(super) unsafe extern "C" fn origin_name(transaction: u64, sink: BytesSink) -> Code {
    guarded(|| {
        let name = find_transaction(transaction)?
            .content(|content| content.origin.as_ref().map(OriginName::to_string));
        if let Some(name) = name {
            send(&sink, name.as_bytes());
        }
        Ok(())
    })
}

pub(super) unsafe extern "C" fn origin_url(transaction: u64, sink: BytesSink) -> Code {
    guarded(|| {
        let url = called(transaction, |content| {
            let Some(origin) = &content.origin else { return Ok(None) };
            let head = content.heads.client_request().map(|head| &*head);
            let path = head.and_then(|head| head.url(UrlPart::Path).ok()?);
            let query = head.and_then(|head| head.url(UrlPart::Query).ok()?);
            let mut url = Vec::from(format!("http://{origin}"));
            url.extend_from_slice(&path.unwrap_or_default());
            if let Some(query) = query {
                url.push(b'?');
                url.extend_from_slice(&query);
            }
            Ok(Some(url))
        })?;
        if let Some(url) = url {
            send(&sink, &url);
        }
        Ok(())
    })
}

pub(super) unsafe extern "C" fn origin_url_set(transaction: u64, url: RawBytes) -> Code {
    guarded(|| {
        // SAFETY: the URL is lent for the call.
        let target = Target::parse(unsafe { url.as_slice() }).ok_or(Code::INVALID)?;
        up_to(HookId::PostRemap, transaction, |content| {
            content.wishes.target = Some(Box::new(target));
            Ok(())
        })
    })
}

pub(super) unsafe extern "C" fn pristine_url(transaction: u64, sink: BytesSink) -> Code {
    guarded(|| {
        let url = called(transaction, |content| {
            let head = content.heads.pristine().ok_or(Code::ABSENT)?;
            head.url(UrlPart::Whole).map_err(|_| Code::WRONG_KIND)
        })?;
        send(&sink, &url.unwrap_or_default());
        Ok(())
    })
}

pub(super) unsafe extern "C" fn count(kind: Kind, subject: u64, count: *mut u64) -> Code {
    guarded(|| {
        let number = match kind {
            Kind::SESSION => find_session(subject)?.transactions(),
            Kind::TRANSACTION => find_transaction(subject)?.ordinal,
            _ => return Err(Code::UNKNOWN),
        };
        // SAFETY: the place is lent for the call.
        unsafe { count.write(number) };
        Ok(())
    })
}

pub(super) unsafe extern "C" fn milestone(transaction: u64, milestone: u32, at: *mut u64) -> Code {
    guarded(|| {
        let milestone = Milestone::from_number(milestone).ok_or(Code::UNKNOWN)?;
        let transaction = find_transaction(transaction)?;
        if !transaction.subject().is_called_out() {
            return Err(Code::NOT_CALLED_OUT);
        }
        let time = transaction.times.get(milestone);
        // SAFETY: the place is lent for the call.
        unsafe { at.write(time) };
        Ok(())
    })
}

pub(super) unsafe extern "C" fn limit(transaction: u64, of: Limit, nanoseconds: *mut u64) -> Code {
    guarded(|| {
        let limit = called(transaction, |content| content.wishes.limits.get(of).ok_or(Code::UNKNOWN))?;
        // SAFETY: the place is lent for the call.
        unsafe { nanoseconds.write(u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX)) };
        Ok(())
    })
}

pub(super) unsafe extern "C" fn limit_set(transaction: u64, of: Limit, nanoseconds: u64) -> Code {
    guarded(|| {
        let limit = if nanoseconds == u64::MAX { Duration::MAX } else { Duration::from_nanos(nanoseconds) };
        called(transaction, |content| content.wishes.limits.set(of, limit).ok_or(Code::UNKNOWN))
    })
}

pub(super) unsafe extern "C" fn error_set(
    transaction: u64,
    status: u32,
    body: RawBytes,
    content_type: RawBytes,
) -> Code {
    guarded(|| {
        // SAFETY: both are lent for the call.
        let (body, content_type) = unsafe { (body.as_slice(), content_type.as_slice()) };
        let status = error_status(status)?;
        let content_type = HeaderValue::from_bytes(content_type).map_err(|_| Code::INVALID)?;
        let body = Bytes::copy_from_slice(body);
        called(transaction, |content| {
            let error = content.error.get_or_insert_default();
            (error.status, error.body, error.content_type) = (Some(status), Some(body), Some(content_type));
            Ok(())
        })
    })
}

pub(super) unsafe extern "C" fn error_read(
    transaction: u64,
    part: ErrorPart,
    sink: BytesSink,
    number: *mut u32,
) -> Code {
    guarded(|| {
        let (item, status) = called(transaction, |content| {
            let error = content.error.as_deref();
            Ok(match part {
                ErrorPart::STATUS => (None, error.and_then(|error| error.status).unwrap_or(0)),
                ErrorPart::WHEN_MAPPED => {
                    (None, error.and_then(|error| error.when_mapped).map_or(0, |status| status.as_u16()))
                }
                ErrorPart::REASON => (error.and_then(|error| error.reason.clone()).map(Bytes::from), 0),
                ErrorPart::BODY => (error.and_then(|error| error.body.clone()), 0),
                ErrorPart::CONTENT_TYPE => {
                    let content_type = error.and_then(|error| error.content_type.as_ref());
                    (content_type.map(|value| Bytes::copy_from_slice(value.as_bytes())), 0)
                }
                _ => return Err(Code::UNKNOWN),
            })
        })?;
        if let Some(item) = item {
            send(&sink, &item);
        }
        // SAFETY: the place is lent for the call.
        unsafe { number.write(status.into()) };
        Ok(())
    })
}

pub(super) unsafe extern "C" fn error_change(
    transaction: u64,
    part: ErrorPart,
    value: RawBytes,
    number: u32,
) -> Code {
    guarded(|| {
        // SAFETY: the value is lent for the call.
        let value = unsafe { value.as_slice() };
        called(transaction, |content| {
            let error = content.error.get_or_insert_default();
            match part {
                ErrorPart::STATUS => error.status = Some(error_status(number)?),
                ErrorPart::WHEN_MAPPED if number == 0 => error.when_mapped = None,
                ErrorPart::WHEN_MAPPED => {
                    error.when_mapped = Some(final_status(number).ok_or(Code::INVALID)?)
                }
                ErrorPart::REASON => {
                    error.reason = Some(ReasonPhrase::try_from(value).map_err(|_| Code::INVALID)?);
                }
                ErrorPart::BODY if number == TAKE_BACK => (error.body, error.content_type) = (None, None),
                ErrorPart::BODY => error.body = Some(Bytes::copy_from_slice(value)),
                ErrorPart::CONTENT_TYPE => {
                    error.content_type = Some(HeaderValue::from_bytes(value).map_err(|_| Code::INVALID)?);
                }
                _ => return Err(Code::UNKNOWN),
            }
            Ok(())
        })
    })
}

pub(super) unsafe extern "C" fn answer(
    transaction: u64,
    status: u32,
    fields: RawFields,
    body: RawBytes,
) -> Code {
    guarded(|| {
        // SAFETY: all are lent for the call, and so is what the fields refer to.
        let (fields, body) = unsafe { (fields.as_slice(), body.as_slice()) };
        let mut response = Response::new(Bytes::copy_from_slice(body));
        *response.status_mut() = final_status(status).ok_or(Code::INVALID)?;
        for pair in fields.chunks(2) {
            let [name, value] = pair else { return Err(Code::INVALID) };
            // SAFETY: as above.
            let (name, value) = unsafe { (name.as_slice(), value.as_slice()) };
            let name = HeaderName::from_bytes(name).map_err(|_| Code::INVALID)?;
            if is_framing(&name) {
                return Err(Code::FRAMING);
            }
            response.headers_mut().append(name, HeaderValue::from_bytes(value).map_err(|_| Code::INVALID)?);
        }
        up_to(HookId::SendRequestHdr, transaction, |content| {
            content.wishes.answer = Some(Box::new(response));
            Ok(())
        })
    })
}

pub(super) unsafe extern "C" fn response_body_set(
    transaction: u64,
    body: RawBytes,
    content_type: RawBytes,
) -> Code {
    guarded(|| {
        // SAFETY: both are lent for the call.
        let (body, content_type) = unsafe { (body.as_slice(), content_type.as_slice()) };
        let content_type = match content_type {
            b"" => None,
            content_type => Some(HeaderValue::from_bytes(content_type).map_err(|_| Code::INVALID)?),
        };
        let body = Bytes::copy_from_slice(body);
        let transaction = find_transaction(transaction)?;
        let set = transaction.called_content(|content| {
            if transaction.at() != Some(HookId::SendResponseHdr) {
                return Err(Code::READ_ONLY);
            }
            content.wishes.body = Some(Box::new((body, content_type)));
            Ok(())
        });
        set.ok_or(Code::NOT_CALLED_OUT)?
    })
}

pub(super) unsafe extern "C" fn aborted(transaction: u64, by: *mut u32) -> Code {
    guarded(|| {
        let number = match find_transaction(transaction)?.content(|content| content.aborted) {
            None => 0,
            Some(Aborted::ByClient) => 1,
            Some(Aborted::ByOrigin) => 2,
        };
        // SAFETY: the place is lent for the call.
        unsafe { by.write(number) };
        Ok(())
    })
}

pub(super) unsafe extern "C" fn body_buffer(transaction: u64, limit: u64) -> Code {
    guarded(|| {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        up_to(HookId::PostRemap, transaction, |content| {
            content.wishes.buffer = content.wishes.buffer.max(Some(limit));
            Ok(())
        })
    })
}

pub(super) unsafe extern "C" fn body_read(transaction: u64, sink: BytesSink) -> Code {
    guarded(|| {
        let body = called(transaction, |content| content.request_body.clone().ok_or(Code::ABSENT))?;
        send(&sink, &body);
        Ok(())
    })
}

/// Looks at a transaction, or changes it, while it is called out.
fn called<R>(transaction: u64, f: impl FnOnce(&mut Content) -> Result<R, Code>) -> Result<R, Code> {
    find_transaction(transaction)?.called_content(f).ok_or(Code::NOT_CALLED_OUT)?
}

/// As `called`, at hooks up to `last`.
pub(super) fn up_to(
    last: HookId,
    transaction: u64,
    f: impl FnOnce(&mut Content) -> Result<(), Code>,
) -> Result<(), Code> {
    let transaction = find_transaction(transaction)?;
    let set = transaction.called_content(|content| {
        let late = transaction.at().is_none_or(|at| at.place() > last.place());
        if late { Err(Code::TOO_LATE) } else { f(content) }
    });
    set.ok_or(Code::NOT_CALLED_OUT)?
}

fn error_status(status: u32) -> Result<u16, Code> {
    u16::try_from(status).ok().filter(|status| (400..600).contains(status)).ok_or(Code::INVALID)
}

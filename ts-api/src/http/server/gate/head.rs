//! What a head must be to be let pass, and how it says that its body is framed.
//!
//! The tokens are found by `httparse`, the parser that `hyper` uses as well; here is what it lets pass and we do not.
//!
//! # Rules
//! * A head that frames its body in two ways, or in one that could be read in two, is refused, not repaired.
//! * What is let pass is not refused by the parser behind, and frames its body there as it does here.

use std::mem::MaybeUninit;

use httparse::{Error, Header, ParserConfig, Status};

use super::framer::Head;
use super::raw::RawHead;
use super::refusal::Refusal;
use super::scan::Scan;
use super::spelling::OddNames;
use crate::http::server::limits::Limits;

/// Fields that are parsed on the stack; more of them take an allocation.
const ON_STACK: usize = 100;

/// How many fields there are at most, whatever the limits say: the map behind takes no more.
pub(super) const MOST_FIELDS: usize = 4096;

/// How long a target is at most, whatever the limits say: the URI behind takes no more.
pub(super) const LONGEST_TARGET: usize = 65_000;

/// How a body is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    None,
    /// It has so many bytes.
    Length(u64),
    /// It comes in chunks.
    Chunked,
    /// It ends with the stream.
    ToTheEnd,
}

/// Which of a request's methods make a difference to the framing of its response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Asked {
    /// One of those that do not.
    #[default]
    Other,
    /// HEAD: the response has no body, whatever it says.
    Head,
    /// CONNECT: what follows is no HTTP.
    Connect,
}

impl Asked {
    pub(crate) fn of(method: &[u8]) -> Self {
        match method {
            b"HEAD" => Self::Head,
            b"CONNECT" => Self::Connect,
            _ => Self::Other,
        }
    }
}

/// What the fields say about the framing.
#[derive(Default)]
struct Fields<'a> {
    host: Option<&'a [u8]>,
    length: Option<u64>,
    coding: Option<Coding>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Chunked,
    /// Not chunked at the end.
    Unframed,
    /// Chunked at the end, and something before it.
    Unknown,
}

/// Judges a request's head.
pub(super) fn request(head: &[u8], limits: &Limits, note: bool) -> Result<Head, Refusal> {
    with_room(limits, |room| {
        let mut request = httparse::Request::new(&mut []);
        is_whole(request.parse_with_uninit_headers(head, room), head)?;
        judge_request(head, &request, limits, note)
    })
}

/// Judges the head of a request that `bytes` begin with, in one go; none if that takes a closer look.
pub(super) fn whole_request(bytes: &[u8], limits: &Limits, note: bool) -> Option<(usize, Head)> {
    with_room(limits, |room| {
        let mut request = httparse::Request::new(&mut []);
        let Ok(Status::Complete(length)) = request.parse_with_uninit_headers(bytes, room) else {
            return None;
        };
        let head = &bytes[..length];
        let passes = Scan::would_pass(head, request.headers, limits, true);
        let judged = passes.then(|| judge_request(head, &request, limits, note))?.ok()?;
        Some((length, judged))
    })
}

fn judge_request(
    head: &[u8],
    request: &httparse::Request<'_, '_>,
    limits: &Limits,
    note: bool,
) -> Result<Head, Refusal> {
    let version = request.version.unwrap_or_default();
    let method = request.method.unwrap_or_default();
    let target = request.path.unwrap_or_default();
    let asked = Asked::of(method.as_bytes());
    if target.len() > limits.target.min(LONGEST_TARGET) {
        return Err(Refusal::new(414, "the target is too long"));
    }
    if limits.methods.as_ref().is_some_and(|methods| !methods.iter().any(|known| known == method)) {
        return Err(Refusal::new(501, "a method that is not let pass"));
    }
    check_target(target, method, asked)?;
    let fields = fields_of(request.headers)?;
    match fields.host {
        Some(host) if !is_host(host) => return Err(Refusal::malformed("an invalid host")),
        None if version == 1 => return Err(Refusal::malformed("no host")),
        _ => {}
    }
    let framing = match (fields.coding, fields.length) {
        (Some(_), Some(_)) => return Err(Refusal::malformed("both a length and a transfer coding")),
        (Some(_), None) if version == 0 => {
            return Err(Refusal::malformed("a transfer coding in HTTP/1.0"));
        }
        (Some(Coding::Unframed), None) => {
            return Err(Refusal::malformed("a transfer coding that does not end in chunked"));
        }
        (Some(Coding::Unknown), None) => {
            return Err(Refusal::new(501, "a transfer coding that is not understood"));
        }
        (Some(Coding::Chunked), None) => Framing::Chunked,
        (None, Some(length)) if limits.body.is_some_and(|most| length > most) => {
            return Err(Refusal::new(413, "the body is too large"));
        }
        (None, Some(0) | None) => Framing::None,
        (None, Some(length)) => Framing::Length(length),
    };
    if asked == Asked::Connect && framing != Framing::None {
        return Err(Refusal::malformed("CONNECT with a body"));
    }
    let raw = note.then(|| RawHead::request(head));
    Ok(Head { framing, asked, raw, interim: false, odd: OddNames::of(request.headers) })
}

/// Judges a response's head.
pub(super) fn response(head: &[u8], asked: Asked, limits: &Limits, note: bool) -> Result<Head, Refusal> {
    with_room(limits, |room| {
        let mut response = httparse::Response::new(&mut []);
        is_whole(
            ParserConfig::default().parse_response_with_uninit_headers(&mut response, head, room),
            head,
        )?;
        judge_response(head, &response, asked, note)
    })
}

/// Judges the head of a response that `bytes` begin with, in one go; none if that takes a closer look.
pub(super) fn whole_response(
    bytes: &[u8],
    asked: Asked,
    limits: &Limits,
    note: bool,
) -> Option<(usize, Head)> {
    with_room(limits, |room| {
        let mut response = httparse::Response::new(&mut []);
        let parsed = ParserConfig::default().parse_response_with_uninit_headers(&mut response, bytes, room);
        let Ok(Status::Complete(length)) = parsed else { return None };
        let head = &bytes[..length];
        let passes = Scan::would_pass(head, response.headers, limits, false);
        let judged = passes.then(|| judge_response(head, &response, asked, note))?.ok()?;
        Some((length, judged))
    })
}

fn judge_response(
    head: &[u8],
    response: &httparse::Response<'_, '_>,
    asked: Asked,
    note: bool,
) -> Result<Head, Refusal> {
    let version = response.version.unwrap_or_default();
    let status = response.code.unwrap_or_default();
    let fields = fields_of(response.headers)?;
    if fields.coding.is_some() && fields.length.is_some() {
        return Err(Refusal::malformed("both a length and a transfer coding"));
    }
    if fields.coding.is_some() && version == 0 {
        return Err(Refusal::malformed("a transfer coding in HTTP/1.0"));
    }
    let framing = match status {
        // What follows is another protocol; whoever asked for the response decides about that.
        101 => Framing::ToTheEnd,
        100..=199 | 204 | 304 => Framing::None,
        0..=99 | 600.. => return Err(Refusal::malformed("a status beyond all classes")),
        _ if asked == Asked::Head => Framing::None,
        _ => match (fields.coding, fields.length) {
            (Some(Coding::Chunked), _) => Framing::Chunked,
            (Some(Coding::Unframed | Coding::Unknown), _) => {
                return Err(Refusal::malformed("a transfer coding that is not understood"));
            }
            (None, Some(0)) => Framing::None,
            (None, Some(length)) => Framing::Length(length),
            (None, None) => Framing::ToTheEnd,
        },
    };
    let raw = note.then(|| RawHead::response(head));
    let interim = status < 200 && status != 101;
    Ok(Head { framing, asked, raw, interim, odd: OddNames::of(response.headers) })
}

/// Whether the parser has taken the whole head.
fn is_whole(parsed: httparse::Result<usize>, head: &[u8]) -> Result<(), Refusal> {
    match parsed {
        Ok(Status::Complete(length)) if length == head.len() => Ok(()),
        Ok(_) => Err(Refusal::malformed("a head that ends elsewhere")),
        Err(error) => Err(refused_by_parser(error, head)),
    }
}

/// Gives `judge` room for as many fields as there may be.
fn with_room<'a, R>(limits: &Limits, judge: impl FnOnce(&mut [MaybeUninit<Header<'a>>]) -> R) -> R {
    let most = limits.fields.min(MOST_FIELDS);
    if most <= ON_STACK {
        judge(&mut [const { MaybeUninit::uninit() }; ON_STACK][..most])
    } else {
        judge(&mut vec![MaybeUninit::uninit(); most])
    }
}

fn refused_by_parser(error: Error, head: &[u8]) -> Refusal {
    match error {
        Error::TooManyHeaders => Refusal::new(431, "too many fields"),
        Error::Version if is_other_version(head) => Refusal::new(505, "another version of HTTP"),
        Error::Version => Refusal::malformed("no version"),
        Error::HeaderName => Refusal::malformed("an invalid field name"),
        Error::HeaderValue => Refusal::malformed("an invalid field value"),
        Error::Token => Refusal::malformed("an invalid method or target"),
        Error::Status => Refusal::malformed("an invalid status"),
        Error::NewLine => Refusal::malformed("an invalid line end"),
    }
}

/// Whether the first line has three words, the last of which is a version that is well formed.
fn is_other_version(head: &[u8]) -> bool {
    let line = head.trim_ascii_start().split(|byte| *byte == b'\r').next().unwrap_or_default();
    let words: Vec<_> = line.split(|byte| *byte == b' ').collect();
    matches!(words[..], [_, _, [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]]
        if major.is_ascii_digit() && minor.is_ascii_digit())
}

fn check_target(target: &str, method: &str, asked: Asked) -> Result<(), Refusal> {
    const INVALID: Refusal = Refusal::malformed("an invalid target");
    if asked != Asked::Connect && target.starts_with('/') {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        return if path.bytes().all(is_in_path) && query.bytes().all(is_in_query) {
            Ok(())
        } else {
            Err(INVALID)
        };
    }
    let uri: http::Uri = target.parse().map_err(|_| INVALID)?;
    let fits = match asked {
        Asked::Connect => uri.scheme().is_none() && uri.path().is_empty() && uri.port_u16().is_some(),
        _ if target == "*" => method == "OPTIONS",
        _ => uri.scheme().is_some() && uri.authority().is_some_and(|authority| !authority.host().is_empty()),
    };
    // A fragment is the client's own; the URI leaves it out, and others do not.
    if fits && !target.contains('#') && target.is_ascii() { Ok(()) } else { Err(INVALID) }
}

fn fields_of<'a>(headers: &[Header<'a>]) -> Result<Fields<'a>, Refusal> {
    let mut fields = Fields::default();
    for header in headers {
        // The lengths are told apart first: nearly all fields end here.
        match header.name.len() {
            4 if is(header.name, "Host") => {
                let first = fields.host.replace(header.value);
                first.map_or(Ok(()), |_| Err(Refusal::malformed("more than one host")))?;
            }
            14 if is(header.name, "Content-Length") => {
                let length = length_of(header.value).ok_or(Refusal::malformed("an invalid length"))?;
                if fields.length.replace(length).is_some() {
                    return Err(Refusal::malformed("more than one length"));
                }
            }
            17 if is(header.name, "Transfer-Encoding") => {
                let coding = coding_of(header.value, fields.coding)?;
                fields.coding = Some(coding);
            }
            _ => {}
        }
    }
    Ok(fields)
}

/// Whether a name is this one, as it mostly is spelled or in any other way.
fn is(name: &str, usual: &str) -> bool {
    name == usual || name.eq_ignore_ascii_case(usual)
}

/// Digits and nothing else, and not so many that sums could overflow.
fn length_of(value: &[u8]) -> Option<u64> {
    if value.is_empty() || value.len() > 19 {
        return None;
    }
    let length = value.iter().try_fold(0_u64, |sum, byte| {
        byte.is_ascii_digit().then(|| sum.wrapping_mul(10).wrapping_add(u64::from(byte - b'0')))
    })?;
    (length <= i64::MAX as u64).then_some(length)
}

/// One more line of transfer codings, after those that came `before`.
fn coding_of(value: &[u8], before: Option<Coding>) -> Result<Coding, Refusal> {
    let mut coding = before;
    for name in value.split(|byte| *byte == b',') {
        let name = name.trim_ascii();
        if name.is_empty() || !name.iter().copied().all(is_token) {
            return Err(Refusal::malformed("an invalid transfer coding"));
        }
        let chunked = name.eq_ignore_ascii_case(b"chunked");
        coding = Some(match (coding, chunked) {
            (Some(Coding::Chunked | Coding::Unknown), _) => {
                return Err(Refusal::malformed("a transfer coding after chunked"));
            }
            (None, true) => Coding::Chunked,
            (Some(Coding::Unframed), true) => Coding::Unknown,
            (_, false) => Coding::Unframed,
        });
    }
    coding.ok_or(Refusal::malformed("an invalid transfer coding"))
}

/// A host and perhaps a port, or nothing at all; no user, no path.
fn is_host(value: &[u8]) -> bool {
    let (host, port) = match value.iter().rposition(|byte| *byte == b':') {
        // The colons within brackets belong to an address.
        Some(colon) if !value[colon..].contains(&b']') => (&value[..colon], &value[colon + 1..]),
        _ => (value, &b""[..]),
    };
    let host_is_good = match host {
        [b'[', address @ .., b']'] => {
            address.iter().all(|byte| byte.is_ascii_alphanumeric() || b":.%-_~".contains(byte))
        }
        _ => host.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(byte)),
    };
    host_is_good && port.len() <= 5 && port.iter().all(u8::is_ascii_digit)
}

/// What a method, a field name and a coding are made of.
pub(super) fn is_token(byte: u8) -> bool {
    TOKEN[usize::from(byte)]
}

/// What a field value is made of: anything but control characters.
pub(super) fn is_value(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

/// What a path is made of. Some that ought to be escaped are not by browsers.
fn is_in_path(byte: u8) -> bool {
    IN_PATH[usize::from(byte)]
}

/// What a query is made of, likewise.
fn is_in_query(byte: u8) -> bool {
    IN_QUERY[usize::from(byte)]
}

/// A table of the bytes that a pattern, and perhaps a condition, takes in.
macro_rules! table {
    ($byte:ident, $member:expr) => {{
        let mut table = [false; 256];
        let mut index = 0;
        while index < 256 {
            let $byte = index as u8;
            table[index] = $member;
            index += 1;
        }
        table
    }};
}

static TOKEN: [bool; 256] = table!(
    byte,
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+')
        || matches!(byte, b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~')
);

static IN_PATH: [bool; 256] =
    table!(byte, byte > b' ' && byte < 0x7f && !matches!(byte, b'#' | b'<' | b'>' | b'`' | b'?'));

static IN_QUERY: [bool; 256] =
    table!(byte, byte > b' ' && byte < 0x7f && !matches!(byte, b'#' | b'<' | b'>' | b'"'));

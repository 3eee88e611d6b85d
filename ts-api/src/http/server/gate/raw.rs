//! A head as it was received: the fields in their order, with the case of their names.
//!
//! What is noted is its bytes. Where things are in them is found, by the parser that has let them pass, when somebody asks: for
//! most heads nobody does, and what was found would have to be kept and carried along.

use std::cell::OnceCell;
use std::mem::MaybeUninit;

use bytes::Bytes;
use httparse::{Header, ParserConfig};

/// A head as it was received.
#[derive(Debug, Clone)]
pub struct RawHead {
    bytes: Bytes,
    is_request: bool,
    /// Where everything is, once somebody has asked.
    places: OnceCell<Box<Places>>,
}

/// Where something is in the head.
type Span = (u32, u32);

#[derive(Debug, Clone)]
struct Places {
    start: RawStart,
    minor: u8,
    fields: Box<[(Span, Span)]>,
}

#[derive(Debug, Clone, Copy)]
enum RawStart {
    Request { method: Span, target: Span },
    Response { status: u16, reason: Span },
}

impl Places {
    /// Of a head that has passed. Nothing is anywhere in others.
    fn of(head: &[u8], is_request: bool) -> Self {
        let span = |part: &[u8]| span(head, part);
        let lines = memchr::memchr_iter(b'\n', head).count();
        let mut room = vec![MaybeUninit::<Header<'_>>::uninit(); lines];
        let config = ParserConfig::default();
        let (start, minor, fields);
        if is_request {
            let mut request = httparse::Request::new(&mut []);
            let parsed = config.parse_request_with_uninit_headers(&mut request, head, &mut room);
            debug_assert!(parsed.is_ok(), "it has passed");
            start = RawStart::Request {
                method: span(request.method.unwrap_or_default().as_bytes()),
                target: span(request.path.unwrap_or_default().as_bytes()),
            };
            (minor, fields) = (request.version, request.headers);
        } else {
            let mut response = httparse::Response::new(&mut []);
            let parsed = config.parse_response_with_uninit_headers(&mut response, head, &mut room);
            debug_assert!(parsed.is_ok(), "it has passed");
            start = RawStart::Response {
                status: response.code.unwrap_or_default(),
                reason: span(response.reason.unwrap_or_default().as_bytes()),
            };
            (minor, fields) = (response.version, response.headers);
        }
        let fields = fields.iter().map(|field| (span(field.name.as_bytes()), span(field.value))).collect();
        Self { start, minor: minor.unwrap_or(1), fields }
    }
}

impl RawHead {
    /// Of a request that has passed.
    pub(super) fn request(head: &[u8]) -> Self {
        Self { bytes: Bytes::copy_from_slice(head), is_request: true, places: OnceCell::new() }
    }

    /// Of a response that has passed.
    pub(super) fn response(head: &[u8]) -> Self {
        Self { bytes: Bytes::copy_from_slice(head), is_request: false, places: OnceCell::new() }
    }

    fn places(&self) -> &Places {
        self.places.get_or_init(|| Box::new(Places::of(&self.bytes, self.is_request)))
    }

    /// The method of a request; empty for a response.
    #[must_use]
    pub fn method(&self) -> Bytes {
        match self.places().start {
            RawStart::Request { method, .. } => self.part(method),
            RawStart::Response { .. } => Bytes::new(),
        }
    }

    /// The target of a request as it stands in its first line; empty for a response.
    #[must_use]
    pub fn target(&self) -> Bytes {
        match self.places().start {
            RawStart::Request { target, .. } => self.part(target),
            RawStart::Response { .. } => Bytes::new(),
        }
    }

    /// The status of a response; zero for a request.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self.places().start {
            RawStart::Response { status, .. } => status,
            RawStart::Request { .. } => 0,
        }
    }

    /// The reason phrase of a response, which may be empty; empty for a request.
    #[must_use]
    pub fn reason(&self) -> Bytes {
        match self.places().start {
            RawStart::Response { reason, .. } => self.part(reason),
            RawStart::Request { .. } => Bytes::new(),
        }
    }

    /// The second number of the version: 0 or 1.
    #[must_use]
    pub fn minor_version(&self) -> u8 {
        self.places().minor
    }

    /// How many bytes it has, with the empty line.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// How many field lines there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places().fields.len()
    }

    /// Whether there are no fields.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places().fields.is_empty()
    }

    /// Name and value of each field line, in order; without the blanks around values.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = (Bytes, Bytes)> + '_ {
        self.places().fields.iter().map(|(name, value)| (self.part(*name), self.part(*value)))
    }

    fn part(&self, (from, to): Span) -> Bytes {
        self.bytes.slice(from as usize..to as usize)
    }
}

/// Where `part` is in `head`; nowhere if it is something else's.
fn span(head: &[u8], part: &[u8]) -> Span {
    let from = part.as_ptr().addr().wrapping_sub(head.as_ptr().addr());
    let to = from.wrapping_add(part.len());
    if part.is_empty() || from > head.len() || to > head.len() { (0, 0) } else { (from as u32, to as u32) }
}

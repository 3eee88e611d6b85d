//! A head as it was received: the fields in their order, with the case of their names.

use bytes::Bytes;

/// A head as it was received.
#[derive(Debug, Clone)]
pub struct RawHead {
    bytes: Bytes,
    start: RawStart,
    minor: u8,
    fields: Box<[(Span, Span)]>,
}

/// Where something is in the head.
type Span = (u32, u32);

#[derive(Debug, Clone, Copy)]
enum RawStart {
    Request { method: Span, target: Span },
    Response { status: u16, reason: Span },
}

impl RawHead {
    pub(super) fn request(head: &[u8], request: &httparse::Request<'_, '_>) -> Self {
        let span = |part: &[u8]| span(head, part);
        let start = RawStart::Request {
            method: span(request.method.unwrap_or_default().as_bytes()),
            target: span(request.path.unwrap_or_default().as_bytes()),
        };
        Self::new(head, start, request.version, request.headers)
    }

    pub(super) fn response(head: &[u8], response: &httparse::Response<'_, '_>) -> Self {
        let start = RawStart::Response {
            status: response.code.unwrap_or_default(),
            reason: span(head, response.reason.unwrap_or_default().as_bytes()),
        };
        Self::new(head, start, response.version, response.headers)
    }

    fn new(head: &[u8], start: RawStart, minor: Option<u8>, fields: &[httparse::Header<'_>]) -> Self {
        let fields =
            fields.iter().map(|field| (span(head, field.name.as_bytes()), span(head, field.value))).collect();
        Self { bytes: Bytes::copy_from_slice(head), start, minor: minor.unwrap_or(1), fields }
    }

    /// The method of a request; empty for a response.
    #[must_use]
    pub fn method(&self) -> Bytes {
        match self.start {
            RawStart::Request { method, .. } => self.part(method),
            RawStart::Response { .. } => Bytes::new(),
        }
    }

    /// The target of a request as it stands in its first line; empty for a response.
    #[must_use]
    pub fn target(&self) -> Bytes {
        match self.start {
            RawStart::Request { target, .. } => self.part(target),
            RawStart::Response { .. } => Bytes::new(),
        }
    }

    /// The status of a response; zero for a request.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self.start {
            RawStart::Response { status, .. } => status,
            RawStart::Request { .. } => 0,
        }
    }

    /// The reason phrase of a response, which may be empty; empty for a request.
    #[must_use]
    pub fn reason(&self) -> Bytes {
        match self.start {
            RawStart::Response { reason, .. } => self.part(reason),
            RawStart::Request { .. } => Bytes::new(),
        }
    }

    /// The second number of the version: 0 or 1.
    #[must_use]
    pub fn minor_version(&self) -> u8 {
        self.minor
    }

    /// How many bytes it has, with the empty line.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// How many field lines there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there are no fields.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Name and value of each field line, in order; without the blanks around values.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = (Bytes, Bytes)> + '_ {
        self.fields.iter().map(|(name, value)| (self.part(*name), self.part(*value)))
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

//! How much a client may send, and how many may come.

use std::num::{NonZeroU64, NonZeroUsize};

/// What a client may ask of a server. What goes beyond is answered, and not passed on.
///
/// The bounds of heads and of the framing of bodies hold for what origins send as well; there, each answer is 502.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of a whole head, or its field list in HTTP/2. More is answered 431. Default: 65536.
    pub head: usize,
    /// Fields of a head. More are answered 431. Default: 100.
    pub fields: usize,
    /// Bytes of one field line, name and value. More is answered 431. Default: 16384.
    pub field: usize,
    /// Bytes of a request's target; never more than 65000. More is answered 414. Default: 8192.
    pub target: usize,
    /// Bytes of a request's body. More is answered 413: at once when the length is told beforehand, otherwise when it is
    /// reached. Default: none.
    pub body: Option<u64>,
    /// The methods that are let pass, as they are written; any other is answered 501. Default: none, every method passes.
    pub methods: Option<Vec<String>>,
    /// How fast a request's body has to come, in bytes a second, measured over `Timeouts::client_pace` of waiting for it. Less
    /// is answered 408. Default: 240.
    pub body_rate: u64,
    /// Connections at the same time; one more is answered 503. Default: none, as many as the system has descriptors for.
    pub connections: Option<usize>,
    /// The same for each client: an IPv4 address, or the network of the first 64 bits of an IPv6 address. Default: none.
    pub connections_per_client: Option<NonZeroUsize>,
    /// Requests on one connection; with the last one's response it is closed. Default: none, as many as come.
    pub requests_per_connection: Option<NonZeroU64>,
    /// What holds for HTTP/2 only.
    pub http2: Http2Limits,
    /// Whether a client that has closed its sending half still gets its response. Otherwise it is taken for gone, and what
    /// is being done for it is given up. Default: false.
    pub half_close: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: 65536,
            fields: 100,
            field: 16384,
            target: 8192,
            body: None,
            methods: None,
            body_rate: 240,
            connections: None,
            connections_per_client: None,
            requests_per_connection: None,
            http2: Http2Limits::default(),
            half_close: false,
        }
    }
}

/// What a client may ask of a connection in HTTP/2.
///
/// The bounds of heads, fields, targets and bodies are those of [`Limits`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Http2Limits {
    /// Whether it is spoken at all, with clients that begin with its preface. Otherwise they are answered 505. Default: true.
    pub enabled: bool,
    /// Requests at the same time. More are refused until others have ended. Default: 100.
    pub streams: u32,
    /// Bytes of a request's body that a client may send before any of them has been taken. Default: 65535.
    pub stream_window: u32,
    /// The same for all requests of a connection together. Default: 1048576.
    pub connection_window: u32,
    /// Bytes of one frame, 16384 to 16777215. Default: 16384.
    pub frame: u32,
    /// Bytes of a response that wait in memory for the client to take them. Default: 65536.
    pub send_buffer: usize,
    /// Requests that a client may reset before they have been begun; one more closes the connection. Default: 20.
    pub pending_resets: usize,
    /// Requests that are reset for errors of the client's; one more closes the connection. Default: 100.
    pub error_resets: usize,
    /// By how many more requests a client may lose interest in than let be answered, before its connection is closed.
    /// Default: 100.
    pub resets: u64,
}

impl Default for Http2Limits {
    fn default() -> Self {
        Self {
            enabled: true,
            streams: 100,
            stream_window: 65535,
            connection_window: 1 << 20,
            frame: 16384,
            send_buffer: 65536,
            pending_resets: 20,
            error_resets: 100,
            resets: 100,
        }
    }
}

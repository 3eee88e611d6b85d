//! What there is to say of a transaction that has ended: for access logs, and whoever else wants to know.
//!
//! A record is made only if the settings name a [`Sink`]. It is filled while the transaction goes on, on the transaction's
//! thread, and handed to the sink on the same thread when the transaction has reached its very end, closing hooks included.

use std::fmt;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use http::header::{HOST, REFERER, USER_AGENT};
use http::{HeaderValue, Method, Uri, Version, request};

use super::exchange::Sent;
use super::remap::OriginName;
use super::settings::Settings;

/// Who is told of transactions that have ended.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct LogPolicy {
    /// Who is told; nobody unless it is said here, and then nothing is gathered.
    pub sink: Option<Arc<dyn Sink>>,
}

impl LogPolicy {
    /// Has `sink` told.
    #[must_use]
    pub fn to(sink: Arc<dyn Sink>) -> Self {
        Self { sink: Some(sink) }
    }
}

impl fmt::Debug for LogPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogPolicy").field("sink", &self.sink.is_some()).finish()
    }
}

/// Takes records.
pub trait Sink: Send + Sync + 'static {
    /// Takes one, on the network thread that served the transaction: it must not block.
    fn record(&self, record: &Record);
}

/// A transaction that has ended.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Record {
    /// The client's address.
    pub client: SocketAddr,
    /// When the request's head had come in.
    pub began: SystemTime,
    /// From then until nothing more was to be done.
    pub took: Duration,
    /// From then until the response's head was handed to the client's connection; none if it never was.
    pub answered_after: Option<Duration>,
    /// The request's method.
    pub method: Method,
    /// Its target.
    pub target: Uri,
    /// Its version.
    pub version: Version,
    /// Its `host`.
    pub host: Option<HeaderValue>,
    /// Its `referer`.
    pub referer: Option<HeaderValue>,
    /// Its `user-agent`.
    pub user_agent: Option<HeaderValue>,
    /// Bytes of its body that have come in, without framing.
    pub request_bytes: u64,
    /// The response's status; none if there was nobody left to have one.
    pub status: Option<u16>,
    /// Bytes of its body that were handed to the client's connection, without framing.
    pub response_bytes: u64,
    /// The origin that was asked last: name and port, or address and port.
    pub origin: Option<String>,
    /// Its address, if there was a connection.
    pub origin_address: Option<SocketAddr>,
    /// How often an origin was asked.
    pub tries: u32,
    /// What went wrong with the origin, if something did.
    pub failure: Option<String>,
    /// How it ended.
    pub end: End,
}

/// How a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// The client's connection has taken the whole response.
    Complete,
    /// The client went away before.
    ClientGone,
    /// The origin broke off within the response.
    OriginGone,
}

impl End {
    /// One word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::ClientGone => "client_gone",
            Self::OriginGone => "origin_gone",
        }
    }
}

/// A record that is being filled.
pub(crate) struct Recording {
    /// They keep the sink.
    settings: Rc<Settings>,
    began: Instant,
    record: Record,
}

impl Recording {
    /// Begins one, if somebody wants it.
    pub(crate) fn begin(
        settings: &Rc<Settings>,
        client: SocketAddr,
        request: &request::Parts,
    ) -> Option<Box<Self>> {
        settings.log.sink.as_ref()?;
        let settings = Rc::clone(settings);
        let field = |name| request.headers.get(name).cloned();
        let record = Record {
            client,
            began: SystemTime::now(),
            took: Duration::ZERO,
            answered_after: None,
            method: request.method.clone(),
            target: request.uri.clone(),
            version: request.version,
            host: field(HOST),
            referer: field(REFERER),
            user_agent: field(USER_AGENT),
            request_bytes: 0,
            status: None,
            response_bytes: 0,
            origin: None,
            origin_address: None,
            tries: 0,
            failure: None,
            end: End::ClientGone,
        };
        Some(Box::new(Self { settings, began: Instant::now(), record }))
    }

    /// An origin is asked.
    pub(crate) fn asked(&mut self, origin: &OriginName) {
        self.record.origin = Some(origin.to_string());
        self.record.tries += 1;
    }

    /// There is a connection to it.
    pub(crate) fn connected(&mut self, address: SocketAddr) {
        self.record.origin_address = Some(address);
    }

    /// Something went wrong with the origin.
    pub(crate) fn failed(&mut self, failure: &dyn fmt::Display) {
        self.record.failure = Some(failure.to_string());
    }

    /// There is a response for the client.
    pub(crate) fn answered(&mut self, status: u16) {
        self.record.status = Some(status);
        self.record.answered_after = Some(self.began.elapsed());
    }

    /// The transaction is at its end: the sink is told.
    pub(crate) fn end(mut self: Box<Self>, sent: Option<Sent>, request_bytes: u64, response_bytes: u64) {
        let record = &mut self.record;
        record.took = self.began.elapsed();
        record.end = match sent {
            Some(Sent::Completely) => End::Complete,
            Some(Sent::OriginGone) => End::OriginGone,
            Some(Sent::ClientGone) | None => End::ClientGone,
        };
        (record.request_bytes, record.response_bytes) = (request_bytes, response_bytes);
        if let Some(sink) = &self.settings.log.sink {
            sink.record(record);
        }
    }
}

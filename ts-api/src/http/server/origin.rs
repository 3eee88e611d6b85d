//! The origin as one network thread sees it: connections that are kept, and a request sent over one.
//!
//! # Rules
//! * A kept connection may turn out to be closed. A request that was not sent then goes over another one; one that may have
//!   been sent does so only if it has no body and asking twice does no harm.
//! * A new connection's failure is the request's.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use http::request::Parts;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::{Request, Response};
use thiserror::Error;
use ts_cont::Here;
use ts_cont::future::{sleep, timeout};

use super::body::RequestBody;
use super::connect::connect;
use super::counts::Counters;
use super::exchange::Exchange;

/// Connections kept without work, for each network thread: enough for a busy thread's usual parallelism.
const KEPT_IDLE: usize = 64;

/// Why there was no response.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error("no connection to the origin: {0}")]
    Connect(io::Error),
    #[error("no connection to the origin in time")]
    ConnectTooLate,
    #[error("the origin did not answer: {0}")]
    Broken(hyper::Error),
    #[error("the origin did not answer in time")]
    TooLate,
}

impl Failure {
    /// Whether time was the matter.
    pub(crate) fn is_timeout(&self) -> bool {
        matches!(self, Self::ConnectTooLate | Self::TooLate)
    }
}

/// A connection to the origin, before anything is sent over it.
pub(crate) struct Opened {
    to: SocketAddr,
    sender: SendRequest<RequestBody>,
    kept: bool,
}

/// Why a request has no response yet.
pub(crate) enum NotSent {
    /// The connection was a kept one, and dead: the request is as it was, and may be sent over another one.
    Again(Box<Request<RequestBody>>),
    /// It will have none.
    Failed(Failure),
}

impl From<Failure> for NotSent {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// This thread's connections to origins.
pub(crate) struct Origin {
    kept: RefCell<Vec<(SocketAddr, SendRequest<RequestBody>)>>,
}

impl Origin {
    pub(crate) fn new() -> Self {
        Self { kept: RefCell::default() }
    }

    /// A connection to send a request over: one that was kept, or a new one.
    pub(crate) async fn open(
        &self,
        to: SocketAddr,
        limit: Duration,
        counters: &Counters,
    ) -> Result<Opened, Failure> {
        match self.take_kept(to) {
            Some(sender) => Ok(Opened { to, sender, kept: true }),
            None => Ok(Opened { to, sender: self.connect(to, limit, counters).await?, kept: false }),
        }
    }

    /// Takes back a connection over which nothing was sent.
    pub(crate) fn take_back(&self, connection: Opened) {
        self.keep(connection.to, connection.sender);
    }

    /// Sends a request and waits for the response's head.
    pub(crate) async fn send(
        &self,
        connection: Opened,
        limit: Duration,
        parts: Parts,
        body: RequestBody,
        exchange: &Exchange,
    ) -> Result<Response<Incoming>, NotSent> {
        let Opened { to, mut sender, kept } = connection;
        let again = (kept && body.is_end_stream() && parts.method.is_idempotent()).then(|| parts.clone());
        let response = sender.try_send_request(Request::from_parts(parts, body));
        match self.in_time(limit, response, exchange).await? {
            Ok(response) => {
                self.keep(to, sender);
                Ok(response)
            }
            Err(mut error) => Err(match (error.take_message(), again) {
                (Some(unsent), _) if kept => NotSent::Again(unsent.into()),
                (_, Some(unharmed)) if !error.error().is_parse() => {
                    NotSent::Again(Request::from_parts(unharmed, RequestBody::empty()).into())
                }
                _ => Failure::Broken(error.into_error()).into(),
            }),
        }
    }

    /// The time of the origin's silence runs while the request's body stands still.
    async fn in_time<F: Future>(
        &self,
        limit: Duration,
        response: F,
        exchange: &Exchange,
    ) -> Result<F::Output, Failure> {
        let mut response = pin!(response);
        loop {
            let frames = exchange.request_frames.get();
            let mut patience = pin!(sleep(limit));
            let response = poll_fn(|cx| {
                if let Poll::Ready(response) = response.as_mut().poll(cx) {
                    return Poll::Ready(Some(response));
                }
                patience.as_mut().poll(cx).map(|()| None)
            });
            match response.await {
                Some(response) => return Ok(response),
                None if exchange.request_frames.get() != frames => {}
                None => return Err(Failure::TooLate),
            }
        }
    }

    async fn connect(
        &self,
        origin: SocketAddr,
        limit: Duration,
        counters: &Counters,
    ) -> Result<SendRequest<RequestBody>, Failure> {
        let here = Here::current().expect("requests are served on event threads");
        let io = here.io().ok_or_else(|| Failure::Connect(io::ErrorKind::Unsupported.into()))?;
        let stream = match timeout(limit, connect(io, origin)).await {
            Ok(stream) => stream.map_err(Failure::Connect)?,
            Err(_) => return Err(Failure::ConnectTooLate),
        };
        counters.origin_connections.add();
        let (sender, connection) = Builder::new()
            .preserve_header_case(true)
            .title_case_headers(true)
            .handshake(stream)
            .await
            .map_err(Failure::Broken)?;
        // It ends with its sender, or with the origin; whoever waits for a response is told.
        let connection = here.spawn_local(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to the origin ended");
            }
        });
        drop(connection);
        Ok(sender)
    }

    fn take_kept(&self, origin: SocketAddr) -> Option<SendRequest<RequestBody>> {
        let mut kept = self.kept.borrow_mut();
        // The one that was used last is the least likely to have been closed meanwhile.
        let index = kept.iter().rposition(|(to, sender)| *to == origin && sender.is_ready())?;
        Some(kept.remove(index).1)
    }

    /// Keeps a connection; it can be used again once its response has been read.
    fn keep(&self, origin: SocketAddr, sender: SendRequest<RequestBody>) {
        let mut kept = self.kept.borrow_mut();
        kept.retain(|(_, sender)| !sender.is_closed());
        let idle = kept.iter().filter(|(_, sender)| sender.is_ready()).count();
        if idle >= KEPT_IDLE
            && let Some(oldest) = kept.iter().position(|(_, sender)| sender.is_ready())
        {
            kept.remove(oldest);
        }
        kept.push((origin, sender));
    }
}

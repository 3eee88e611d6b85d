//! Bodies on their way: streamed, never gathered, and telling how they end.

use std::future::Future;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use thiserror::Error;
use ts_cont::future::{Sleep, sleep};

use super::exchange::{Exchange, Sent};
use super::gate::Refusal;
use super::gather::Gathered;

/// Why a body broke off.
#[derive(Debug, Error)]
pub(crate) enum BodyError {
    #[error(transparent)]
    Broken(#[from] hyper::Error),
    #[error("the origin sent nothing for {0:?}")]
    TooLate(Duration),
}

/// A request's body on its way to the origin.
pub(crate) struct RequestBody {
    body: Option<Incoming>,
    /// Of a body that was read as a whole before.
    gathered: Option<Gathered>,
    /// Weak, since the origin's connection lets go of a body only in its own time.
    exchange: Weak<Exchange>,
}

impl RequestBody {
    pub(crate) fn new(body: Incoming, exchange: &Rc<Exchange>) -> Self {
        let body = (!body.is_end_stream()).then_some(body);
        Self { body, gathered: None, exchange: Rc::downgrade(exchange) }
    }

    pub(crate) fn gathered(body: Gathered) -> Self {
        Self { body: None, gathered: Some(body), exchange: Weak::new() }
    }

    pub(crate) fn empty() -> Self {
        Self { body: None, gathered: None, exchange: Weak::new() }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let Some(body) = &mut this.body else {
            let frame = this.gathered.as_mut().and_then(Gathered::next);
            return Poll::Ready(frame.map(Ok));
        };
        let frame = std::task::ready!(Pin::new(&mut *body).poll_frame(cx));
        if let Some(exchange) = this.exchange.upgrade() {
            exchange.request_frames.set(exchange.request_frames.get() + 1);
            if let Some(Err(error)) = &frame {
                match Refusal::of(error) {
                    Some(refusal) => exchange.refuse(refusal),
                    // The client broke off. Its connection will be found closed; this is earlier.
                    None => exchange.ended(Sent::ClientGone),
                }
            }
        }
        Poll::Ready(frame.map(|frame| frame.map_err(BodyError::from)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
            && self.gathered.as_ref().is_none_or(Gathered::is_over)
    }

    fn size_hint(&self) -> SizeHint {
        let gathered = self.gathered.as_ref().map_or(0, |gathered| gathered.bytes.len() as u64);
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(gathered), Body::size_hint)
    }
}

/// A response's body on its way to the client.
pub(crate) struct ResponseBody {
    source: Source,
    exchange: Rc<Exchange>,
    /// How long the origin may say nothing, and the time that runs while it does.
    patience: Duration,
    silence: Option<Sleep>,
    /// Nothing is to be sent: the request was HEAD, or the status says so.
    bodiless: bool,
}

/// Where a response's body comes from.
pub(crate) enum Source {
    Origin(Incoming),
    Text(Option<Bytes>),
}

impl ResponseBody {
    pub(crate) fn new(source: Source, exchange: Rc<Exchange>, patience: Duration, bodiless: bool) -> Self {
        Self { source, exchange, patience, silence: None, bodiless }
    }

    fn poll_origin(
        body: &mut Incoming,
        silence: &mut Option<Sleep>,
        patience: Duration,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Poll::Ready(frame) = Pin::new(body).poll_frame(cx) {
            *silence = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(BodyError::from)));
        }
        let silence = silence.get_or_insert_with(|| sleep(patience));
        std::task::ready!(Pin::new(silence).poll(cx));
        Poll::Ready(Some(Err(BodyError::TooLate(patience))))
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let frame = match &mut this.source {
            Source::Text(text) => text.take().map(|text| Ok(Frame::data(text))),
            Source::Origin(body) => {
                std::task::ready!(Self::poll_origin(body, &mut this.silence, this.patience, cx))
            }
        };
        match &frame {
            None => this.exchange.ended(Sent::Completely),
            Some(Err(_)) => this.exchange.ended(Sent::OriginGone),
            Some(Ok(_)) => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Text(text) => text.as_ref().is_none_or(Bytes::is_empty),
            Source::Origin(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Text(text) => SizeHint::with_exact(text.as_ref().map_or(0, |text| text.len() as u64)),
            Source::Origin(body) => body.size_hint(),
        }
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        // The parser drops a body that needs no last look; one that has more to give is dropped when the client is gone.
        let complete = self.bodiless || self.is_end_stream();
        self.exchange.ended(if complete { Sent::Completely } else { Sent::ClientGone });
    }
}

//! Bodies on their way: streamed, never gathered, and telling how they end.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use thiserror::Error;
use ts_cont::future::{Sleep, sleep};

use super::exchange::{Exchange, Sent};
use super::gate::{RawHead, Refusal};
use super::gather::Gathered;
use super::intake::Taken;
use super::link::Link;
use super::tunnel::Tunnel;

/// Why a body broke off.
#[derive(Debug, Error)]
pub(crate) enum BodyError {
    #[error(transparent)]
    Broken(#[from] hyper::Error),
    #[error("the origin sent nothing for too long")]
    TooLate,
    #[error("the client is refused: {0}")]
    Refused(#[from] Refusal),
}

/// A request's body on its way to the origin.
pub(crate) struct RequestBody {
    body: Option<Box<Taken>>,
    /// Of a body that was read as a whole before.
    gathered: Option<Box<Gathered>>,
    /// Weak, since the origin's connection lets go of a body only in its own time.
    exchange: Weak<Exchange>,
    /// The connection that it goes over, and the request's number there.
    over: Option<(Rc<Link>, u64)>,
    /// The client holds it back until it is asked for it, and so do we.
    held: Option<Box<Held>>,
}

/// A body that is not asked for yet.
struct Held {
    asked: Arc<AtomicBool>,
    /// How long the origin may take to ask.
    limit: Duration,
    timer: Option<Sleep>,
}

impl RequestBody {
    pub(crate) fn new(body: Incoming, exchange: &Rc<Exchange>) -> Self {
        let body = (!body.is_end_stream()).then(|| Box::new(Taken::new(body, &exchange.settings)));
        Self { body, gathered: None, exchange: Rc::downgrade(exchange), over: None, held: None }
    }

    pub(crate) fn gathered(body: Gathered, exchange: &Rc<Exchange>) -> Self {
        let (gathered, exchange) = (Some(Box::new(body)), Rc::downgrade(exchange));
        Self { body: None, gathered, exchange, over: None, held: None }
    }

    pub(crate) fn empty() -> Self {
        Self { body: None, gathered: None, exchange: Weak::new(), over: None, held: None }
    }

    /// Whether there is a body that nobody has read anything of.
    pub(crate) fn is_whole(&self) -> bool {
        self.body.is_some()
    }

    /// All of it, if it was read as a whole before and nothing of it has been sent.
    pub(crate) fn whole(&self) -> Option<&Gathered> {
        self.gathered.as_deref()
    }

    /// Whether it was read as a whole before.
    pub(crate) fn is_gathered(&self) -> bool {
        self.gathered.is_some()
    }

    /// Holds the body back until what is returned is set, or `limit` is over: whoever reads it, asks the client for it.
    pub(super) fn hold_back(&mut self, limit: Duration) -> Arc<AtomicBool> {
        let asked = Arc::<AtomicBool>::default();
        self.held = Some(Box::new(Held { asked: Arc::clone(&asked), limit, timer: None }));
        asked
    }

    /// It is about to be sent over a connection.
    pub(super) fn go_over(&mut self, link: &Rc<Link>, number: u64) {
        if self.body.is_some() || self.gathered.is_some() {
            self.over = Some((Rc::clone(link), number));
        }
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
            let frame = this.gathered.as_mut().and_then(|gathered| gathered.next()).map(Ok);
            if let Some(exchange) = this.exchange.upgrade() {
                count(&exchange.bodies().to_origin, &frame);
            }
            return Poll::Ready(frame);
        };
        if let Some(held) = &mut this.held {
            // Relaxed: it is set on this thread.
            if !held.asked.load(Ordering::Relaxed) {
                let timer = held.timer.get_or_insert_with(|| sleep(held.limit));
                ready!(Pin::new(timer).poll(cx));
            }
            this.held = None;
        }
        let frame = body.poll_frame(cx);
        if let Some((link, number)) = &this.over {
            link.request_moves(*number, frame.is_ready());
        }
        let frame = ready!(frame);
        if let Some(exchange) = this.exchange.upgrade() {
            count(&exchange.bodies().from_client, &frame);
            count(&exchange.bodies().to_origin, &frame);
            if let Some(Err(error)) = &frame {
                match Refusal::of(error) {
                    Some(refusal) => exchange.refuse(refusal),
                    // The client broke off. Its connection will be found closed; this is earlier.
                    None => exchange.ended(Sent::ClientGone),
                }
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_deref().is_none_or(Taken::is_over)
            && self.gathered.as_deref().is_none_or(Gathered::is_over)
    }

    fn size_hint(&self) -> SizeHint {
        let gathered = self.gathered.as_ref().map_or(0, |gathered| gathered.bytes.len() as u64);
        self.body.as_deref().map_or_else(|| SizeHint::with_exact(gathered), Taken::size_hint)
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if let Some((link, number)) = self.over.take() {
            link.request_over(number);
        }
    }
}

/// A response's body as it comes from the origin.
pub(crate) struct OriginBody {
    body: Incoming,
    link: Rc<Link>,
    number: u64,
}

impl OriginBody {
    pub(super) fn new(body: Incoming, link: Rc<Link>, number: u64) -> Self {
        Self { body, link, number }
    }

    /// The head that came before it, as it was received, if that was to be noted. It is there only until the connection has the
    /// next one.
    pub(crate) fn take_head(&self) -> Option<RawHead> {
        self.link.take_head()
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        self.link.awaits_body(self.number, frame.is_pending());
        ready!(frame).map_or(Poll::Ready(None), |frame| {
            let frame = frame.map_err(|error| match self.link.is_late() {
                true => BodyError::TooLate,
                false => BodyError::Broken(error),
            });
            Poll::Ready(Some(frame))
        })
    }
}

impl Drop for OriginBody {
    fn drop(&mut self) {
        self.link.response_over(self.number);
    }
}

/// A response's body on its way to the client.
pub(crate) struct ResponseBody {
    source: Source,
    exchange: Rc<Exchange>,
    /// Nothing is to be sent: the request was HEAD, or the status says so.
    bodiless: bool,
}

/// Where a response's body comes from.
pub(crate) enum Source {
    Origin(OriginBody),
    Text(Option<Bytes>),
    /// None: what follows is a tunnel, and that says how it ends. It is here until the head is final.
    Tunnel(Option<Box<Tunnel>>),
}

impl ResponseBody {
    pub(crate) fn new(source: Source, exchange: Rc<Exchange>, bodiless: bool) -> Self {
        Self { source, exchange, bodiless }
    }

    /// A text of ours.
    pub(crate) fn text(text: String, exchange: Rc<Exchange>) -> Self {
        Self::new(Source::Text(Some(Bytes::from(text))), exchange, false)
    }

    fn ended(&self, sent: Sent) {
        self.exchange.body_ended(sent, matches!(self.source, Source::Origin(_)));
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
            Source::Origin(body) => ready!(body.poll_frame(cx)),
            Source::Tunnel(_) => return Poll::Ready(None),
        };
        count(&this.exchange.bodies().to_client, &frame);
        if let Source::Origin(_) = this.source {
            count(&this.exchange.bodies().from_origin, &frame);
        }
        match &frame {
            None => this.ended(Sent::Completely),
            Some(Err(_)) => {
                this.exchange.counters().origin_broken_bodies.add();
                this.ended(Sent::OriginGone);
            }
            Some(Ok(_)) => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Tunnel(_) => true,
            Source::Text(text) => text.as_ref().is_none_or(Bytes::is_empty),
            Source::Origin(origin) => origin.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Tunnel(_) => SizeHint::with_exact(0),
            Source::Text(text) => SizeHint::with_exact(text.as_ref().map_or(0, |text| text.len() as u64)),
            Source::Origin(origin) => origin.body.size_hint(),
        }
    }
}

/// Counts the bytes of a frame that goes by.
fn count<E>(bytes: &Cell<u64>, frame: &Option<Result<Frame<Bytes>, E>>) {
    if let Some(Ok(frame)) = frame
        && let Some(data) = frame.data_ref()
    {
        bytes.set(bytes.get() + data.len() as u64);
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        if matches!(self.source, Source::Tunnel(_)) {
            return;
        }
        // The parser drops a body that needs no last look; one that has more to give is dropped when the client is gone.
        let complete = self.bodiless || self.is_end_stream();
        self.ended(if complete { Sent::Completely } else { Sent::ClientGone });
    }
}

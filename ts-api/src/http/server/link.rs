//! One connection to an origin, from its making to its end: who has it, and how long what is awaited may take.
//!
//! A task of its own drives the parser, notices when the connection can be used again, and keeps its one timer. But a request
//! is written by whoever sends it, as far as that goes at once: the task need not be woken for that.
//!
//! # Rules
//! * The timer is armed when it is first needed, and then left alone: when it fires before the deadline that holds by then, it
//!   is armed again. It is never armed for later than the shortest time that may be set next, so a new deadline seldom needs it
//!   to be touched.
//! * What a request or response that is over still says of the connection is ignored: each has its number.
//! * However the task ends, the connection is no more in its pool, and its place is free.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper::{Request, Response};
use ts_cont::Here;
use ts_cont::future::{Sleep, sleep_until};
use ts_thread::HrTime;

use super::body::RequestBody;
use super::gate::RawHead;
use super::gate::origin::{OriginGate, OriginIo};
use super::limits::Limits;
use super::pool::{Pool, Slot};
use super::socket::Socket;
use super::stream::Stream;
use super::timeouts::Timeouts;
use super::wakers::Wakers;

type Parser = Connection<OriginIo, RequestBody>;

/// A connection to an origin.
pub(crate) struct Link {
    pool: Rc<Pool>,
    gate: Rc<OriginGate>,
    address: SocketAddr,
    /// Ours.
    outgoing: Option<SocketAddr>,
    socket: Socket,
    sender: RefCell<Option<SendRequest<RequestBody>>>,
    /// The parser, until it has ended.
    parser: RefCell<Option<Pin<Box<Parser>>>>,
    born: HrTime,
    /// How many requests it has been given; the number of the latest.
    requests: Cell<u64>,
    phase: Cell<Phase>,
    times: Cell<Times>,
    /// How long it is kept without work, if not as long as others.
    idle: Cell<Option<Duration>>,
    /// It is given no other request.
    last: Cell<bool>,
    /// When it is over with what is awaited now.
    deadline: Cell<HrTime>,
    /// When it is over with the request and its response, whatever is awaited.
    limit: Cell<HrTime>,
    /// When the timer fires.
    armed: Cell<HrTime>,
    /// Something took too long, so it was ended.
    late: Cell<bool>,
    /// The request's body is not sent completely.
    sending: Cell<bool>,
    ending: Cell<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// In the pool.
    Idle,
    /// Somebody has it, and has sent nothing.
    Taken,
    /// It has a request.
    Sent,
    /// The response's head has come.
    Answering,
}

/// What matters of the settings for the request under way.
#[derive(Debug, Clone, Copy)]
struct Times {
    response: Duration,
    silence: Duration,
}

impl Link {
    /// Makes a connected socket one that takes requests. It is taken.
    pub(super) async fn start(
        stream: Stream,
        address: SocketAddr,
        slot: Slot,
        timeouts: &Timeouts,
        limits: &Limits,
    ) -> hyper::Result<Rc<Self>> {
        let (outgoing, socket) = (stream.local_addr(), stream.socket());
        let (gate, stream) = OriginGate::before(stream, limits);
        let mut builder = Builder::new();
        builder.title_case_headers(true);
        let (sender, parser) = builder.handshake(stream).await?;
        let here = Here::current().expect("origins are reached on event threads");
        let link = Rc::new(Self {
            pool: Rc::clone(slot.pool()),
            gate,
            address,
            outgoing,
            socket,
            sender: RefCell::new(Some(sender)),
            parser: RefCell::new(Some(Box::pin(parser))),
            born: here.now(),
            requests: Cell::new(0),
            phase: Cell::new(Phase::Taken),
            times: Cell::new(Times { response: timeouts.response, silence: timeouts.silence }),
            idle: Cell::new(None),
            last: Cell::new(false),
            deadline: Cell::new(HrTime::MAX),
            limit: Cell::new(HrTime::MAX),
            armed: Cell::new(HrTime::MAX),
            late: Cell::new(false),
            sending: Cell::new(false),
            ending: Cell::new(false),
        });
        let driven = Driven { link: Rc::clone(&link), _slot: slot };
        drop(here.spawn_local(driven.run()));
        Ok(link)
    }

    pub(super) fn outgoing(&self) -> Option<SocketAddr> {
        self.outgoing
    }

    pub(super) fn socket(&self) -> &Socket {
        &self.socket
    }

    /// How many requests it has been given.
    pub(super) fn requests(&self) -> u64 {
        self.requests.get()
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn pool(&self) -> &Rc<Pool> {
        &self.pool
    }

    /// The head of the last response, as it was received, if it was to be noted.
    pub(crate) fn take_head(&self) -> Option<RawHead> {
        self.gate.take_head()
    }

    /// Notes how the names of the last response's fields are spelled, if not as the parser spells them by itself.
    pub(crate) fn note_spelling(&self, extensions: &mut http::Extensions) {
        self.gate.note_spelling(extensions);
    }

    /// Whether it took too long, and was ended for that.
    pub(crate) fn is_late(&self) -> bool {
        self.late.get()
    }

    /// Somebody takes it from the pool.
    pub(super) fn take(&self) {
        self.phase.set(Phase::Taken);
        self.keep_after_this(None, true);
        self.deadline.set(HrTime::MAX);
    }

    /// It is in the pool, and may stay there for so long.
    pub(super) fn rest(&self, keep_alive: Duration) {
        self.phase.set(Phase::Idle);
        self.limit.set(HrTime::MAX);
        self.set_deadline(now().saturating_add(keep_alive));
    }

    /// Says how long it is kept without work after the request that comes next, and whether at all.
    pub(super) fn keep_after_this(&self, idle: Option<Duration>, keep: bool) {
        self.idle.set(idle);
        self.last.set(!keep);
    }

    /// How long it is kept without work, if not as long as others.
    pub(super) fn idle(&self) -> Option<Duration> {
        self.idle.get()
    }

    /// Whether it may be given another request.
    pub(super) fn may_go_on(&self) -> bool {
        let policy = self.pool.policy();
        let young = || policy.max_age.is_none_or(|age| now() < self.born.saturating_add(age));
        !self.ending.get()
            && !self.last.get()
            && policy.max_requests.is_none_or(|most| self.requests.get() < most)
            && young()
    }

    /// Sends a request, whose number is the next one. Its response's head is noted as it comes if it is to be `noted`.
    pub(super) fn send(
        self: &Rc<Self>,
        mut request: Request<RequestBody>,
        timeouts: &Timeouts,
        now: HrTime,
        noted: bool,
    ) -> impl Future<Output = Result<Response<Incoming>, TrySendError<Request<RequestBody>>>> + use<> {
        let number = self.requests.get() + 1;
        self.requests.set(number);
        self.phase.set(Phase::Sent);
        self.times.set(Times { response: timeouts.response, silence: timeouts.silence });
        self.limit.set(timeouts.exchange.map_or(HrTime::MAX, |limit| now.saturating_add(limit)));
        self.sending.set(!hyper::body::Body::is_end_stream(request.body()));
        request.body_mut().go_over(self, number);
        self.set_deadline(now.saturating_add(timeouts.response));
        self.gate.expect(request.method(), noted);
        let response = {
            let mut sender = self.sender.borrow_mut();
            let sender = sender.as_mut().expect("only an idle connection gives its sender up");
            // While the connection rests, so that the task is not woken for it.
            sender.try_send_request(request)
        };
        self.begin();
        response
    }

    /// Has the parser write the request that it has been given, as far as that goes at once.
    fn begin(&self) {
        let wakers = self.gate.wakers();
        // The task has not begun, and does it when it does.
        let Some(wakers) = &*wakers else { return };
        wakers.begin();
        if self.poll_parser(wakers).is_ready() {
            self.close();
        } else if self.is_ready() {
            // There is an answer already, which the task looks after.
            self.wake();
        }
    }

    /// Has the parser go on; ready when it has ended.
    fn poll_parser(&self, wakers: &Wakers) -> Poll<()> {
        let mut place = self.parser.borrow_mut();
        let Some(parser) = &mut *place else { return Poll::Ready(()) };
        let ended = ready!(parser.as_mut().poll(&mut Context::from_waker(wakers.of_parser())));
        // It tells whoever waits for a response.
        let over = place.take();
        drop(place);
        drop(over);
        if let Err(error) = ended {
            tracing::debug!(origin = %self.address, %error, "a connection to the origin ended");
        }
        Poll::Ready(())
    }

    /// The response's head has come.
    pub(super) fn answered(&self, number: u64) {
        if self.is_about(number) {
            self.phase.set(Phase::Answering);
            self.deadline.set(self.limit.get());
        }
    }

    /// The response's body is awaited, or is not any more.
    pub(crate) fn awaits_body(&self, number: u64, awaited: bool) {
        if !self.is_about(number) || self.phase.get() != Phase::Answering {
            return;
        }
        if !awaited {
            // Not worth a look at the timer: nothing is earlier.
            self.deadline.set(self.limit.get());
        } else if self.deadline.get() == self.limit.get() {
            self.set_deadline(now().saturating_add(self.times.get().silence));
        }
    }

    /// The response has been read, or nobody wants the rest of it.
    pub(crate) fn response_over(&self, number: u64) {
        if self.is_about(number) && self.sending.get() {
            // The origin has answered without the whole request. What it would make of the rest nobody knows.
            self.close();
        }
    }

    /// A part of the request's body has gone by, or the client has it still.
    pub(crate) fn request_moves(&self, number: u64, moved: bool) {
        if !self.is_about(number) || self.phase.get() != Phase::Sent {
            return;
        }
        if moved {
            self.set_deadline(now().saturating_add(self.times.get().response));
        } else {
            // It is the client who keeps the origin waiting.
            self.deadline.set(self.limit.get());
        }
    }

    /// The request's body is sent, or given up.
    pub(crate) fn request_over(&self, number: u64) {
        if self.is_about(number) {
            self.sending.set(false);
        }
    }

    /// Ends the connection, whatever it does.
    pub(super) fn close(&self) {
        self.ending.set(true);
        self.wake();
    }

    fn is_about(&self, number: u64) -> bool {
        number == self.requests.get() && matches!(self.phase.get(), Phase::Sent | Phase::Answering)
    }

    fn set_deadline(&self, at: HrTime) {
        let at = at.min(self.limit.get());
        self.deadline.set(at);
        if at < self.armed.get() {
            self.wake();
        }
    }

    fn wake(&self) {
        let task = self.gate.wakers().as_ref().map(|wakers| wakers.task().clone());
        if let Some(task) = task {
            task.wake();
        }
    }

    /// The shortest time that may be set next.
    fn shortest(&self) -> Duration {
        let Times { response, silence } = self.times.get();
        let idle = self.idle.get().unwrap_or_else(|| self.pool.policy().keep_alive);
        response.min(silence).min(idle)
    }

    /// Ready when something took too long.
    fn poll_time(&self, cx: &mut Context<'_>, timer: &mut Option<Sleep>) -> Poll<()> {
        loop {
            let deadline = self.deadline.get();
            if deadline < self.armed.get() {
                let now = now();
                if deadline <= now {
                    return Poll::Ready(());
                }
                let at = deadline.min(now.saturating_add(self.shortest().max(SHORTEST)));
                timer.get_or_insert_with(|| sleep_until(at)).reset(at);
                self.armed.set(at);
            }
            match timer {
                Some(timer) if self.armed.get() < HrTime::MAX => ready!(Pin::new(timer).poll(cx)),
                _ => return Poll::Pending,
            }
            self.armed.set(HrTime::MAX);
            if self.deadline.get() == HrTime::MAX {
                return Poll::Pending;
            }
        }
    }
}

/// However short a time is set, the timer is not armed for less while nothing is due.
const SHORTEST: Duration = Duration::from_millis(1);

/// The connection and what its end has to set right.
struct Driven {
    link: Rc<Link>,
    _slot: Slot,
}

impl Driven {
    async fn run(self) {
        let link = &self.link;
        let mut timer = None;
        poll_fn(|cx| {
            if link.gate.wakers().is_none() {
                link.gate.set_wakers(Some(Wakers::new(cx.waker())));
            }
            let wakers = link.gate.wakers();
            let wakers = wakers.as_ref().expect("they go when this is over");
            if link.ending.get() || link.poll_parser(wakers).is_ready() {
                return Poll::Ready(());
            }
            if matches!(link.phase.get(), Phase::Sent | Phase::Answering) && link.is_ready() {
                wakers.rest();
                link.pool.put_back(link);
                if link.ending.get() {
                    return Poll::Ready(());
                }
            }
            link.poll_time(cx, &mut timer).map(|()| link.late.set(link.phase.get() != Phase::Idle))
        })
        .await;
    }
}

impl Link {
    fn is_ready(&self) -> bool {
        self.sender.borrow().as_ref().is_some_and(SendRequest::is_ready)
    }
}

impl Drop for Driven {
    fn drop(&mut self) {
        let parser = self.link.parser.take();
        drop(parser);
        self.link.ending.set(true);
        self.link.pool.remove(&self.link);
        // They keep the task's memory, and that is what is going away.
        self.link.gate.set_wakers(None);
    }
}

fn now() -> HrTime {
    Here::current().expect("origins are reached on event threads").now()
}

//! One request and its response, between the parser and the transaction.
//!
//! The two run on the same thread, each in a task of its own or both in the parser's. The parser may vanish at any time, when
//! the client does; the transaction learns of it here and goes on to its end.
//!
//! # Rules
//! * `sent` is said once: when the response has been handed over completely, or cannot be any more.
//! * Nobody is woken, and nothing of the other side dropped, while the state is borrowed.

use std::cell::{Cell, OnceCell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use hyper::Response;
use thiserror::Error;
use ts_thread::HrTime;

use super::body::ResponseBody;
use super::counts::Counters;
use super::gate::Refusal;
use super::gate::client::Gate;
use super::lane::Lane;
use super::marks::Marks;
use super::record::Recording;
use super::settings::Settings;
use super::subjects::TransactionSubject;
use crate::http::{Aborted, Milestone};

/// How a response ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// The client's connection has taken all of it.
    Completely,
    /// The client went away before.
    ClientGone,
    /// The origin did.
    OriginGone,
}

/// There is nobody to answer, so the parser is to give the connection up.
#[derive(Debug, Error)]
#[error("the client broke off")]
pub(crate) struct ClientGone;

/// Bytes of bodies that have gone by, without framing.
#[derive(Debug, Default)]
pub(crate) struct Bodies {
    pub(crate) from_client: Cell<u64>,
    /// Over the connection that was tried last.
    pub(crate) to_origin: Cell<u64>,
    pub(crate) from_origin: Cell<u64>,
    pub(crate) to_client: Cell<u64>,
}

impl Bodies {
    /// Whether anything has gone by.
    fn have_begun(&self) -> bool {
        // The origin gets nothing that has not come from the client.
        [&self.from_client, &self.from_origin, &self.to_client].into_iter().any(|bytes| bytes.get() != 0)
    }
}

/// What the two tasks share.
pub(crate) struct Exchange {
    lane: Rc<Lane>,
    pub(crate) settings: Rc<Settings>,
    /// It is a transaction's, and counts as one.
    counted: bool,
    response: RefCell<Option<Response<ResponseBody>>>,
    /// The parser has taken the response; from then on the response's body says how it ends.
    taken: Cell<bool>,
    sent: Cell<Option<Sent>>,
    /// Where the next request waits for the response to this one.
    gate: Option<Rc<Gate>>,
    /// Why no more of the request is taken.
    refusal: Cell<Option<Refusal>>,
    /// The transaction's times, if there are plugins that may ask.
    marks: OnceCell<Marks>,
    bodies: Bodies,
    recording: RefCell<Option<Box<Recording>>>,
    parser: RefCell<Option<Waker>>,
    transaction: RefCell<Option<Waker>>,
    /// The transaction is polled after the parser, in the same task.
    in_place: Cell<bool>,
}

impl Exchange {
    /// For a request that is refused before there is a transaction.
    pub(crate) fn uncounted(lane: Rc<Lane>, settings: Rc<Settings>) -> Self {
        let mut exchange = Self::new(lane, None, settings);
        exchange.counted = false;
        exchange
    }

    pub(crate) fn new(lane: Rc<Lane>, gate: Option<Rc<Gate>>, settings: Rc<Settings>) -> Self {
        Self {
            lane,
            settings,
            counted: true,
            gate,
            refusal: Cell::new(None),
            marks: OnceCell::new(),
            response: RefCell::default(),
            taken: Cell::new(false),
            sent: Cell::new(None),
            bodies: Bodies::default(),
            recording: RefCell::default(),
            parser: RefCell::default(),
            transaction: RefCell::default(),
            in_place: Cell::new(false),
        }
    }

    pub(crate) fn counters(&self) -> &Counters {
        self.lane.counters()
    }

    /// Begins to note times, for a connection that has been there since `accepted` and a request that began to come in then.
    pub(crate) fn begin_marks(
        &self,
        transaction: &Arc<TransactionSubject>,
        accepted: HrTime,
        first_read: Option<HrTime>,
    ) {
        self.marks.get_or_init(|| Marks::new(Arc::clone(transaction), accepted, first_read));
    }

    /// The transaction's times, if they are noted.
    pub(crate) fn marks(&self) -> Option<&Marks> {
        self.marks.get()
    }

    /// Something happens now.
    pub(crate) fn mark(&self, milestone: Milestone) {
        if let Some(marks) = self.marks() {
            marks.mark(milestone);
        }
    }

    /// Something happens at once upon what was noted last.
    pub(crate) fn mark_at_once(&self, milestone: Milestone) {
        if let Some(marks) = self.marks() {
            marks.mark_at_once(milestone);
        }
    }

    /// The transaction has waited, or let somebody run whose time is not noted.
    pub(crate) fn time_passes(&self) {
        if let Some(marks) = self.marks() {
            marks.passes();
        }
    }

    /// Something happens with what has just happened.
    pub(crate) fn mark_with(&self, before: Milestone, milestone: Milestone) {
        if let Some(marks) = self.marks() {
            marks.mark_with(before, milestone);
        }
    }

    /// Begins to fill a record, which is done with when the exchange is dropped.
    pub(crate) fn begin_record(&self, recording: Option<Box<Recording>>) {
        *self.recording.borrow_mut() = recording;
    }

    /// Says something for the record, if there is one.
    pub(crate) fn record(&self, f: impl FnOnce(&mut Recording)) {
        if let Some(recording) = &mut *self.recording.borrow_mut() {
            f(recording);
        }
    }

    /// Says how the response ended, unless that is said already.
    pub(crate) fn ended(&self, sent: Sent) {
        if self.end(sent, false) {
            self.wake_both();
        }
    }

    /// As `ended`, of the response's body, which the parser has. `of_origin`: the origin's response is over as well; it has
    /// been read, or nobody wants more of it.
    pub(crate) fn body_ended(&self, sent: Sent, of_origin: bool) {
        let with_origins =
            of_origin && self.marks().is_some_and(|marks| marks.mark_first(Milestone::ServerClose));
        // In place the transaction is polled after the parser, which is at it, whether it is woken or not.
        if self.end(sent, with_origins) && !self.in_place.get() {
            self.wake_both();
        }
    }

    fn wake_both(&self) {
        wake(&self.transaction);
        // It may be the request's body that broke off, with the parser still waiting for a response.
        wake(&self.parser);
    }

    /// Whether it is said now. `with_origins`: the origin's response was over at the same moment.
    fn end(&self, sent: Sent, with_origins: bool) -> bool {
        if self.sent.get().is_some() {
            return false;
        }
        self.sent.set(Some(sent));
        match with_origins {
            true => self.mark_with(Milestone::ServerClose, Milestone::UaClose),
            false => self.mark(Milestone::UaClose),
        }
        if let Some(gate) = &self.gate {
            gate.answered();
        }
        true
    }

    /// Takes no more of the request's body; the client is still to be answered.
    pub(crate) fn refuse(&self, refusal: Refusal) {
        self.refusal.set(Some(refusal));
    }

    /// Why no more of the request's body was taken.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        self.refusal.get()
    }

    /// Whether there is nobody to answer any more.
    pub(crate) fn client_is_gone(&self) -> bool {
        self.sent.get() == Some(Sent::ClientGone)
    }

    /// How the response ended, if it has.
    pub(crate) fn sent(&self) -> Option<Sent> {
        self.sent.get()
    }

    /// Whether anything is to be seen here that was not when the transaction began.
    pub(crate) fn has_got_on(&self) -> bool {
        self.bodies.have_begun() || self.sent.get().is_some()
    }

    /// Who broke the response off, if somebody has.
    pub(crate) fn aborted(&self) -> Option<Aborted> {
        match self.sent.get() {
            Some(Sent::ClientGone) => Some(Aborted::ByClient),
            Some(Sent::OriginGone) => Some(Aborted::ByOrigin),
            Some(Sent::Completely) | None => None,
        }
    }

    pub(crate) fn bodies(&self) -> &Bodies {
        &self.bodies
    }

    /// How many bytes the response's head had as it was written; none before, and in HTTP/2.
    pub(crate) fn answers_head(&self) -> Option<u64> {
        // Otherwise it would be the one before.
        self.gate.as_ref().filter(|_| self.taken.get())?.meter.bytes()
    }

    /// Waits until the response has ended, also if there has been none yet.
    pub(crate) fn poll_sent(&self, cx: &mut Context<'_>) -> Poll<Sent> {
        if let Some(sent) = self.sent.get() {
            return Poll::Ready(sent);
        }
        store(&self.transaction, cx);
        Poll::Pending
    }

    /// Hands the response to the parser.
    pub(crate) fn deliver(&self, response: Response<ResponseBody>) {
        if self.sent.get().is_some() {
            // Nobody takes it; dropping it says nothing that is not known.
            return;
        }
        if let Some(gate) = &self.gate {
            gate.meter.begin();
        }
        *self.response.borrow_mut() = Some(response);
        wake(&self.parser);
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if !self.counted {
            return;
        }
        let counters = self.lane.counters();
        counters.transactions.add();
        match self.sent.get() {
            Some(Sent::Completely) => {}
            Some(Sent::OriginGone) => counters.origin_failures.add(),
            // Without hooks nobody notices that the client is gone but whoever drops everything.
            Some(Sent::ClientGone) | None => counters.client_aborts.add(),
        }
        if let Some(recording) = self.recording.take() {
            recording.end(self.sent.get(), self.bodies.from_client.get(), self.bodies.to_client.get());
        }
    }
}

/// The parser's end: resolves to the response.
pub(crate) struct Awaited(Rc<Exchange>);

impl Awaited {
    pub(crate) fn new(exchange: Rc<Exchange>) -> Self {
        Self(exchange)
    }

    /// Of a transaction that is polled in the parser's task: before this, and after the parser.
    pub(crate) fn in_place(exchange: Rc<Exchange>) -> Self {
        exchange.in_place.set(true);
        Self(exchange)
    }

    /// Polls the transaction first, which need not wake whoever waits here.
    pub(crate) fn poll_after(
        &mut self,
        cx: &mut Context<'_>,
        poll_transaction: impl FnOnce(&mut Context<'_>),
    ) -> Poll<Result<Response<ResponseBody>, ClientGone>> {
        let exchange = &*self.0;
        let parser = exchange.parser.take();
        poll_transaction(cx);
        let response = exchange.response.borrow_mut().take();
        match response {
            Some(response) => {
                exchange.taken.set(true);
                Poll::Ready(Ok(response))
            }
            None if exchange.client_is_gone() => Poll::Ready(Err(ClientGone)),
            None => {
                exchange.parser.replace(parser);
                store(&exchange.parser, cx);
                Poll::Pending
            }
        }
    }
}

impl Future for Awaited {
    type Output = Result<Response<ResponseBody>, ClientGone>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.poll_after(cx, |_| ())
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        if !self.0.taken.get() {
            self.0.ended(Sent::ClientGone);
            let response = self.0.response.borrow_mut().take();
            drop(response);
        }
    }
}

fn store(place: &RefCell<Option<Waker>>, cx: &Context<'_>) {
    let old = place.take().filter(|old| old.will_wake(cx.waker()));
    place.replace(Some(old.unwrap_or_else(|| cx.waker().clone())));
}

fn wake(place: &RefCell<Option<Waker>>) {
    let waker = place.borrow_mut().take();
    if let Some(waker) = waker {
        waker.wake();
    }
}

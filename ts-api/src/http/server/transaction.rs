//! One request from its first byte to its end: fetched from the origin, with call-outs on the way.
//!
//! A transaction reaches its end whatever becomes of the client's connection: it is a task of its own, or becomes one. One that
//! begins when there is no hook at all is part of the parser's service and makes nothing that plugins could see.
//!
//! # Rules
//! * The hooks come in the order of [`HookId::ALL`], each at most once but SEND_REQUEST_HDR, which comes for each attempt, and all
//!   from OS_DNS on if a plugin wants the request to go elsewhere after all;
//!   after an error those up to SEND_RESPONSE_HDR are left out.
//! * When the client is gone, the call-out that is under way goes on to its last continuation, and the next hook is TXN_CLOSE.
//! * TXN_CLOSE is reached exactly once, also if the task is dropped in the middle of an await that never ends, but for a
//!   thread that stops: then nobody is called any more.

mod follow;
mod mapping;
mod reply;

use std::borrow::Cow;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{Method, StatusCode, request};
use hyper::Response;
use hyper::body::{Body, Incoming};

use self::follow::Again;
use self::reply::{answer_reply, error_text, has_no_body};
use super::body::{RequestBody, ResponseBody, Source};
use super::call_out::{CallOut, HasSubject, Verdict};
use super::exchange::{Exchange, Sent};
use super::failure::Failure;
use super::forward;
use super::gate::RawHead;
use super::gather::{self, NotGathered};
use super::intake::Taken;
use super::marks::now;
use super::origin::{NotSent, Reach, Sending};
use super::pool::Opened;
use super::remap::{OriginName, Steps};
use super::route::Route;
use super::session::Session;
use super::settings::Settings;
use super::sizes;
use super::subjects::{Content, TransactionSubject};
use super::timeouts::Timeouts;
use super::tunnel::{self, Tunnel};
use super::wishes::{Limits, Wishes};
use crate::http::door::{OWNER_TRANSACTION, Which};
use crate::http::{HookId, Milestone, OriginState, Reenable};

pub(crate) use self::reply::Reply;

/// A transaction under way.
pub(crate) struct Transaction {
    session: Rc<Session>,
    exchange: Rc<Exchange>,
    subject: Option<Arc<TransactionSubject>>,
    method: Method,
    settings: Rc<Settings>,
    /// What the rules have besides themselves, until it is over.
    steps: Option<Arc<Steps>>,
    /// The request's body, should it go elsewhere after all.
    again: Again,
}

/// A request as it has come. It goes through many hands, so it has a place of its own.
pub(crate) struct Received {
    pub(crate) parts: request::Parts,
    /// None once it was taken.
    pub(crate) body: Option<Incoming>,
    /// The head as it was received, if that was noted.
    pub(crate) head: Option<RawHead>,
}

/// Why there is no reply to go on with.
enum Stopped {
    /// A plugin, or we, answer instead.
    Error { default: StatusCode },
    /// A plugin has the response.
    Answer(Box<Response<Bytes>>),
    /// The origin has failed.
    Failed(Failure),
    /// There is nobody to answer.
    ClientGone,
}

impl Transaction {
    /// A transaction with hooks, or one without.
    pub(crate) fn new(session: Rc<Session>, exchange: Rc<Exchange>, method: Method, hooks: bool) -> Self {
        let mut settings = session.settings();
        let steps = loop {
            match settings.remap.steps().take() {
                Ok(steps) => break steps,
                // Newer settings are in force by the time the old ones' steps are gone.
                Err(_) => settings = session.settings(),
            }
        };
        let ordinal = session.count_transaction();
        let subject = hooks.then(|| session.transaction_subject(ordinal, &settings)).flatten();
        if let Some(subject) = &subject {
            exchange.begin_marks(subject, session.began, session.gate.take_first_read());
        }
        Self { session, exchange, subject, method, settings, steps, again: Again::default() }
    }

    /// Serves a request to its very end, closing hooks included.
    pub(crate) async fn run(self, received: Box<Received>) {
        let mut served = pin!(self.serve(received));
        let mut has_waited = false;
        poll_fn(|cx| {
            if std::mem::replace(&mut has_waited, true) {
                self.exchange.time_passes();
            }
            served.as_mut().poll(cx)
        })
        .await;
    }

    async fn serve(&self, received: Box<Received>) {
        if let Some(response) = self.respond(received).await {
            self.exchange.mark_at_once(Milestone::UaBeginWrite);
            self.exchange.deliver(response);
        }
        poll_fn(|cx| self.exchange.poll_sent(cx)).await;
        self.exchange.mark(Milestone::SmFinish);
        self.call_out(HookId::TxnClose).await;
    }

    /// Makes the response; none if the client is gone.
    pub(crate) async fn respond(&self, received: Box<Received>) -> Option<Response<ResponseBody>> {
        let mut place = None;
        let mut done = self.reply(received, &mut place).await;
        loop {
            let is_error = matches!(done, Err(Stopped::Error { .. } | Stopped::Failed(_)));
            let reply = match done {
                Ok(()) => there(&mut place),
                Err(Stopped::ClientGone) => return None,
                Err(Stopped::Error { default }) => place.insert(self.error_reply(default, "")),
                Err(Stopped::Failed(failure)) => {
                    place.insert(self.error_reply(failure.status(), failure.stage()))
                }
                Err(Stopped::Answer(answer)) => place.insert(answer_reply(*answer)),
            };
            self.show(|content| match reply.source {
                Source::Origin(_) => content.heads.pass_on(),
                Source::Text(_) | Source::Tunnel(_) => content.heads.answer(&reply.parts),
            });
            let answer = self.call_out(HookId::SendResponseHdr).await;
            if self.exchange.client_is_gone() {
                return None;
            }
            match answer {
                None => {}
                Some(Reenable::Continue) => {
                    if let Some(target) = self.elsewhere_after_failure() {
                        // As above: seldom.
                        done = Box::pin(self.follow(target, &mut place)).await;
                        continue;
                    }
                    self.wished(|content| {
                        let before = reply.parts.status;
                        content.heads.apply_client_response(&mut reply.parts);
                        if let Some(body) = content.wishes.body.take() {
                            reply.give_body(*body);
                        } else if is_error && reply.parts.status != before && !content.has_error_body() {
                            // What would be told is the status that it was.
                            reply.source = Source::Text(Some(error_text(reply.parts.status, "")));
                        }
                    });
                }
                Some(Reenable::Error) => {
                    *reply = self.error_reply(StatusCode::INTERNAL_SERVER_ERROR, "");
                    self.show(|content| content.heads.answer(&reply.parts));
                }
            }
            break;
        }
        let Reply { parts, source } = place?;
        self.session.counters().response(parts.status.as_u16());
        self.exchange.record(|record| record.answered(parts.status.as_u16()));
        let after = self.show(|content| {
            // Of HTTP/1 it is told when it has been written.
            content.sizes.head(Which::CLIENT_RESPONSE, sizes::of_response(&parts));
            let Wishes { limits, keep, .. } = &content.wishes;
            (limits.stall(), limits.next_request(), keep.client || !keep.client_is_set)
        });
        if let Some((stall, next_request, keep)) = after {
            if stall.is_some() {
                self.session.stall.set(stall);
            }
            self.session.after_this(next_request, keep);
        }
        let bodiless = self.method == Method::HEAD || has_no_body(parts.status);
        let source = match source {
            Source::Tunnel(tunnel) if parts.status.is_success() => {
                if let Some(tunnel) = tunnel {
                    self.session.promise_tunnel(tunnel.promise(Rc::clone(&self.exchange)));
                }
                Source::Tunnel(None)
            }
            // A plugin thinks otherwise.
            Source::Tunnel(_) => Source::Text(None),
            source => source,
        };
        let body = ResponseBody::new(source, Rc::clone(&self.exchange), bodiless);
        Some(Response::from_parts(parts, body))
    }

    /// From the request to the origin's response, which is then in `place`.
    async fn reply(&self, mut received: Box<Received>, place: &mut Option<Reply>) -> Result<(), Stopped> {
        self.pass(HookId::TxnStart).await?;
        let head = received.head.take();
        self.show(|content| {
            let bytes = head.as_ref().map_or_else(|| sizes::of_request(&received.parts), RawHead::size);
            content.sizes.head(Which::CLIENT_REQUEST, bytes);
            content.heads.client_asks(&received.parts, head);
        });
        if received.parts.method == Method::CONNECT {
            // Seldom asked for, so it takes no room of all the others.
            return Box::pin(self.tunnel(received, place)).await;
        }
        self.pass_request(HookId::ReadRequestHdr, &mut received.parts).await?;
        if let Some(status) = forward::refusal(&received.parts) {
            return Err(Stopped::Error { default: status });
        }
        let route = self.remap(&mut received.parts).await?;
        let body = self.body(&mut received).await?;
        let origin = self.locate(route.origin(), &mut received.parts).await?;
        forward::request(&mut received.parts, &origin, body.is_whole());
        let of_client = route.is_of_client() && matches!(origin, Cow::Borrowed(_));
        if self.subject.is_some() {
            self.again.note(&body);
        }
        self.fetch(&origin, of_client, received, body, place).await?;
        self.read_response(there(place), &route).await?;
        match self.elsewhere() {
            None => Ok(()),
            // Seldom wanted, so it takes no room of all the others.
            Some(target) => Box::pin(self.follow(target, place)).await,
        }
    }

    /// A client wants a tunnel.
    async fn tunnel(&self, mut received: Box<Received>, place: &mut Option<Reply>) -> Result<(), Stopped> {
        let parts = &mut received.parts;
        self.show(|content| content.is_tunnel = true);
        self.pass_request(HookId::TunnelStart, parts).await?;
        let target = tunnel::target(&self.settings, parts).map_err(|default| Stopped::Error { default })?;
        let origin = self.locate(&target, parts).await?;
        let changed = self.timeouts();
        let timeouts = changed.as_deref().unwrap_or(&self.settings.timeouts);
        let reach = self.reach(timeouts, matches!(origin, Cow::Borrowed(_)));
        self.exchange.mark(Milestone::ServerFirstConnect);
        self.exchange.mark(Milestone::ServerConnect);
        let connected = pin!(self.session.origins().connect(&origin, reach));
        let connected = self.unless_gone(connected).await;
        self.exchange.mark(Milestone::ServerConnectEnd);
        let (stream, address) = self.or_stop(&origin, connected)?;
        self.show(|content| {
            content.wishes.origin.found = Some(address);
            content.wishes.origin.outgoing = stream.local_addr();
            content.origin_socket = Some(stream.socket());
        });
        self.session.counters().tunnels.add();
        let tunnel = Tunnel::new(stream, timeouts.tunnel);
        let (parts, ()) = Response::new(()).into_parts();
        *place = Some(Reply { parts, source: Source::Tunnel(Some(Box::new(tunnel))) });
        Ok(())
    }

    /// How an origin is reached that the client has named, or somebody else.
    fn reach<'a>(&'a self, timeouts: &'a Timeouts, of_client: bool) -> Reach<'a> {
        let targets = of_client.then_some(&self.settings.targets);
        let from = self.wished(|content| content.wishes.origin.from).flatten();
        Reach { policy: &self.settings.origin, timeouts, limits: &self.settings.limits, targets, from }
    }

    /// The request's body, on its way or, if a plugin wants it so, read as a whole.
    async fn body(&self, received: &mut Received) -> Result<RequestBody, Stopped> {
        let body = received.body.take().expect("it is taken only here");
        let wanted = self.wished(|content| content.wishes.buffer).flatten();
        match wanted.filter(|_| !body.is_end_stream()) {
            Some(limit) => Box::pin(self.gather(&mut received.parts, body, limit)).await,
            None => Ok(RequestBody::new(body, &self.exchange)),
        }
    }

    /// Reads the request's body as a whole.
    async fn gather(
        &self,
        parts: &mut request::Parts,
        body: Incoming,
        limit: usize,
    ) -> Result<RequestBody, Stopped> {
        let gathered =
            match self.unless_gone(pin!(gather::gather(Taken::new(body, &self.settings), limit))).await {
                Some(Ok(gathered)) => gathered,
                Some(Err(NotGathered::TooLong)) => {
                    return Err(Stopped::Error { default: StatusCode::PAYLOAD_TOO_LARGE });
                }
                Some(Err(NotGathered::Refused(refusal))) => {
                    self.exchange.refuse(refusal);
                    return Err(self.refused());
                }
                Some(Err(NotGathered::BrokeOff)) => {
                    // Its connection will be found closed; this is earlier.
                    self.exchange.ended(Sent::ClientGone);
                    return Err(Stopped::ClientGone);
                }
                None => return Err(Stopped::ClientGone),
            };
        let bytes = &gathered.bytes;
        self.exchange.bodies().from_client.set(bytes.len() as u64);
        self.show(|content| content.request_body = Some(bytes.clone()));
        self.pass_request(HookId::RequestBufferReadComplete, parts).await?;
        if gathered.trailers.is_none() {
            parts.headers.insert(CONTENT_LENGTH, gathered.bytes.len().into());
        }
        Ok(RequestBody::gathered(gathered, &self.exchange))
    }

    /// Finds the origin: the one that is named, or one that a plugin wishes.
    async fn locate<'a>(
        &self,
        named: &'a OriginName,
        parts: &mut request::Parts,
    ) -> Result<Cow<'a, OriginName>, Stopped> {
        self.pass_request(HookId::OsDns, parts).await?;
        let wished = self.wished(|content| content.wishes.origin.wished).flatten();
        Ok(wished.map_or(Cow::Borrowed(named), |address| Cow::Owned(OriginName::Address(address))))
    }

    /// Asks the origin, more than once if a connection turns out to be dead.
    async fn fetch(
        &self,
        to: &OriginName,
        of_client: bool,
        mut received: Box<Received>,
        mut body: RequestBody,
        place: &mut Option<Reply>,
    ) -> Result<(), Stopped> {
        let origins = self.session.origins();
        let counters = self.session.counters();
        let mut first = true;
        loop {
            self.exchange.record(|record| record.asked(to));
            if let Some(marks) = self.exchange.marks() {
                marks.mark_at_once(Milestone::ServerConnect);
                marks.mark_first_with(Milestone::ServerConnect, Milestone::ServerFirstConnect);
            }
            let connection = match origins.kept(to, self.reach(&self.settings.timeouts, of_client)) {
                Some(kept) => {
                    // It takes no time, and to read the clock takes some.
                    self.exchange.mark_with(Milestone::ServerConnect, Milestone::ServerConnectEnd);
                    Some(kept)
                }
                // Seldom needed, so it takes no room of all the others.
                None => {
                    let opened = Box::pin(self.open(to, of_client)).await;
                    self.exchange.mark(Milestone::ServerConnectEnd);
                    opened
                }
            };
            let connection = self.or_stop(to, connection)?;
            self.exchange.record(|record| record.connected(connection.address()));
            self.show(|content| {
                // A body that was gathered has a length that the client has not told.
                match first && !body.is_gathered() {
                    true => content.heads.forward(to, body.is_whole()),
                    false => content.heads.forward_as(&received.parts),
                }
                content.wishes.origin.found = Some(connection.address());
                content.wishes.origin.outgoing = connection.outgoing();
                content.origin_reuses = connection.requests();
                content.origin_socket = connection.socket();
                content.origin_state = OriginState::Unknown;
            });
            first = false;
            // If it ends here, the connection goes back.
            let looked = self.pass(HookId::SendRequestHdr).await?;
            if looked || body.is_gathered() {
                self.wished(|content| {
                    content.heads.apply_origin_request(&mut received.parts);
                    content.request_body = None;
                });
            }
            forward::settle_request(&mut received.parts, !body.is_end_stream());
            self.exchange.bodies().to_origin.set(0);
            let changed = self.show(|content| {
                content.sizes.head(Which::ORIGIN_REQUEST, sizes::of_request(&received.parts));
                let Wishes { limits, keep, .. } = &content.wishes;
                connection.keep_after_this(limits.origin_idle(), keep.origin || !keep.origin_is_set);
                self.time_left(limits)
            });
            let changed = changed.flatten();
            let timeouts = changed.as_deref().unwrap_or(&self.settings.timeouts);
            self.exchange.mark_at_once(Milestone::ServerBeginWrite);
            let now = self.exchange.marks().map_or_else(now, |marks| marks.at(Milestone::ServerBeginWrite));
            let how = Sending { timeouts, now, noted: self.subject.is_some(), counters };
            let sent = pin!(origins.send(connection, received, body, how, place));
            let sent = match self.unless_gone(sent).await {
                Some(Err(NotSent::Again(unsent))) => {
                    let parts;
                    (parts, body) = unsent.into_parts();
                    received = Box::new(Received { parts, body: None, head: None });
                    continue;
                }
                Some(Err(NotSent::Failed(failure))) => Some(Err(failure)),
                Some(Ok(())) => Some(Ok(())),
                None => None,
            };
            self.or_stop(to, sent)?;
            if let Some(marks) = self.exchange.marks() {
                marks.mark(Milestone::ServerReadHeaderDone);
                marks.mark_first_with(Milestone::ServerReadHeaderDone, Milestone::ServerFirstRead);
            }
            return Ok(());
        }
    }

    /// Waits for a connection, most likely a new one.
    async fn open(&self, to: &OriginName, of_client: bool) -> Option<Result<Opened, Failure>> {
        let changed = self.timeouts();
        let timeouts = changed.as_deref().unwrap_or(&self.settings.timeouts);
        let opened =
            self.session.origins().open(to, self.reach(timeouts, of_client), self.session.counters());
        self.unless_gone(pin!(opened)).await
    }

    /// What came of waiting for the origin.
    fn or_stop<T>(&self, origin: &OriginName, done: Option<Result<T, Failure>>) -> Result<T, Stopped> {
        match done {
            None => Err(Stopped::ClientGone),
            Some(Ok(done)) => Ok(done),
            // The request could not be sent because the client broke off.
            Some(Err(_)) if self.exchange.client_is_gone() => Err(Stopped::ClientGone),
            // No more of the request is taken, which is nobody's failure but the client's.
            Some(Err(_)) if self.exchange.refusal().is_some() => Err(self.refused()),
            Some(Err(failure)) => {
                failure.count(self.session.counters());
                self.exchange.record(|record| record.failed(&failure));
                self.show(|content| content.origin_state = failure.state());
                tracing::warn!(%origin, %failure, "a request failed");
                Err(Stopped::Failed(failure))
            }
        }
    }

    /// The client is not to go on with its request.
    fn refused(&self) -> Stopped {
        let status = self.exchange.refusal().and_then(|refusal| StatusCode::from_u16(refusal.status()).ok());
        Stopped::Error { default: status.unwrap_or(StatusCode::BAD_REQUEST) }
    }

    /// The origin has answered.
    async fn read_response(&self, reply: &mut Reply, route: &Route<'_>) -> Result<(), Stopped> {
        let Reply { parts, source } = reply;
        let changed = forward::response(parts, route, &self.settings.remap);
        self.show(|content| {
            let head = match source {
                Source::Origin(body) => body.take_head(),
                Source::Text(_) | Source::Tunnel(_) => None,
            };
            let bytes = head.as_ref().map_or_else(|| sizes::of_response(parts), RawHead::size);
            content.origin_state = OriginState::Alive;
            content.sizes.head(Which::ORIGIN_RESPONSE, bytes);
            content.heads.origin_answers(parts, head, !changed);
        });
        if self.pass(HookId::ReadResponseHdr).await? {
            self.wished(|content| content.heads.apply_origin_response(parts));
        }
        Ok(())
    }

    /// Waits for `work`, but no longer than there is somebody to do it for.
    ///
    /// It is lent, since a future that is given away is there twice: here, and where it was.
    async fn unless_gone<F: Future>(&self, mut work: Pin<&mut F>) -> Option<F::Output> {
        poll_fn(|cx| {
            if let Poll::Ready(done) = work.as_mut().poll(cx) {
                return Poll::Ready(Some(done));
            }
            match self.exchange.poll_sent(cx) {
                Poll::Ready(Sent::ClientGone) => Poll::Ready(None),
                _ => Poll::Pending,
            }
        })
        .await
    }

    /// A hook at which the client's request may be changed.
    async fn pass_request(&self, hook: HookId, parts: &mut request::Parts) -> Result<(), Stopped> {
        if self.pass(hook).await? {
            self.wished(|content| content.heads.apply_client_request(parts));
        }
        Ok(())
    }

    /// A hook on the way to the reply. Whether anybody was there, who may have changed something.
    async fn pass(&self, hook: HookId) -> Result<bool, Stopped> {
        let answer = self.call_out(hook).await;
        if self.exchange.client_is_gone() {
            return Err(Stopped::ClientGone);
        }
        match answer {
            None => return Ok(false),
            Some(Reenable::Error) => {
                return Err(Stopped::Error { default: StatusCode::INTERNAL_SERVER_ERROR });
            }
            Some(Reenable::Continue) => {}
        }
        match self.wished(|content| content.wishes.answer.take()).flatten() {
            Some(answer) => Err(Stopped::Answer(answer)),
            None => Ok(true),
        }
    }

    /// How long everything may take, if plugins have set something else than the server.
    fn timeouts(&self) -> Option<Box<Timeouts>> {
        self.wished(|content| self.time_left(&content.wishes.limits)).flatten()
    }

    fn time_left(&self, limits: &Limits) -> Option<Box<Timeouts>> {
        let passed = || self.exchange.marks().map_or(Duration::ZERO, |marks| marks.since(Milestone::SmStart));
        limits.after(&self.settings.timeouts, passed)
    }

    /// Calls who is at a hook; none if nobody is.
    async fn call_out(&self, hook: HookId) -> Option<Reenable> {
        match self.call(hook) {
            None => None,
            Some(Verdict::There(verdict)) => Some(verdict),
            Some(verdict) => Some(verdict.await),
        }
    }

    /// As `call_out`; what they say may be to come.
    fn call(&self, hook: HookId) -> Option<Verdict<'_>> {
        let transaction = self.subject.as_ref()?;
        transaction.reach(hook);
        let lists = transaction.lists();
        if !lists.has(hook) {
            return None;
        }
        let marks = self.exchange.marks();
        if self.exchange.has_got_on() {
            transaction.content(|content| content.look_at(&self.exchange));
        }
        let (counters, policy) = (self.session.counters(), &self.settings.hooks);
        let out = CallOut { hook, lists, owner: OWNER_TRANSACTION, counters, policy, marks };
        Some(transaction.subject().call_out(out))
    }

    /// Shows plugins something, if there may be any.
    fn show<R>(&self, f: impl FnOnce(&mut Content) -> R) -> Option<R> {
        self.subject.as_ref().map(|subject| subject.content(f))
    }

    /// Takes up what plugins have set; none if none of them has looked at anything.
    fn wished<R>(&self, f: impl FnOnce(&mut Content) -> R) -> Option<R> {
        self.subject.as_ref().and_then(|subject| subject.visited_content(f))
    }
}

/// What the origin has answered, or somebody else.
fn there(place: &mut Option<Reply>) -> &mut Reply {
    place.as_mut().expect("whoever says that all went well has left it here")
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if let Some(subject) = &self.subject {
            if subject.content(|content| content.wishes.unlogged) {
                self.exchange.begin_record(None);
            }
            subject.end();
        }
        self.session.transaction_ended(self.exchange.client_is_gone());
    }
}

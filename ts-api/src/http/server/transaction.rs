//! One request from its first byte to its end: fetched from the origin, with call-outs on the way.
//!
//! The transaction is a task of its own, so that it reaches its end whatever becomes of the client's connection. One that
//! begins when there is no hook at all runs inside the parser's task and makes nothing that plugins could see.
//!
//! # Rules
//! * The hooks come in the order of [`HookId::ALL`], each at most once but SEND_REQUEST_HDR, which comes for each attempt;
//!   after an error those up to SEND_RESPONSE_HDR are left out.
//! * When the client is gone, the call-out that is under way goes on to its last continuation, and the next hook is TXN_CLOSE.
//! * TXN_CLOSE is reached exactly once, also if the task is dropped in the middle of an await that never ends, but for a
//!   thread that stops: then nobody is called any more.

use std::borrow::Cow;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode, request, response};
use hyper::body::{Body, Incoming};
use hyper::{Request, Response};

use super::body::{OriginBody, RequestBody, ResponseBody, Source};
use super::call_out::{CallOut, HasSubject};
use super::exchange::{Exchange, Sent};
use super::failure::Failure;
use super::forward;
use super::gate::RawHead;
use super::gather::{self, NotGathered};
use super::head::Head;
use super::intake::Taken;
use super::origin::{NotSent, Reach};
use super::remap::OriginName;
use super::route::Route;
use super::session::Session;
use super::settings::Settings;
use super::subjects::{Content, TransactionSubject};
use super::timeouts::Timeouts;
use super::tunnel::{self, Tunnel};
use crate::http::door::OWNER_TRANSACTION;
use crate::http::{HookId, Milestone, Reenable};

/// A transaction under way.
pub(crate) struct Transaction {
    session: Rc<Session>,
    exchange: Rc<Exchange>,
    subject: Option<Arc<TransactionSubject>>,
    method: Method,
    settings: Rc<Settings>,
}

/// A response that is ready but for the last hook.
struct Reply {
    parts: response::Parts,
    source: Source,
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
        let settings = session.settings();
        let ordinal = session.count_transaction();
        let subject = hooks.then(|| session.transaction_subject(ordinal, &settings.timeouts)).flatten();
        if subject.is_some() {
            exchange.begin_marks(session.began, session.gate.take_first_read());
        }
        Self { session, exchange, subject, method, settings }
    }

    /// Serves a request to its very end, closing hooks included.
    pub(crate) async fn run(self, request: Request<Incoming>) {
        if let Some(response) = self.respond(request).await {
            self.exchange.mark(Milestone::UaBeginWrite);
            self.exchange.deliver(response);
        }
        poll_fn(|cx| self.exchange.poll_sent(cx)).await;
        self.exchange.mark(Milestone::SmFinish);
        self.call_out(HookId::TxnClose).await;
    }

    /// Makes the response; none if the client is gone.
    pub(crate) async fn respond(&self, request: Request<Incoming>) -> Option<Response<ResponseBody>> {
        let mut reply = match self.reply(request).await {
            Ok(reply) => reply,
            Err(Stopped::ClientGone) => return None,
            Err(Stopped::Error { default }) => self.error_reply(default, ""),
            Err(Stopped::Failed(failure)) => self.error_reply(failure.status(), failure.stage()),
            Err(Stopped::Answer(answer)) => answer_reply(*answer),
        };
        self.show(|content| {
            let head = Head::of_response(&reply.parts).arranged_after(content.origin_response.as_ref());
            content.client_response = Some(head);
        });
        match self.call_out(HookId::SendResponseHdr).await {
            Reenable::Continue => {
                self.show(|content| {
                    if let Some(head) = &mut content.client_response {
                        head.apply_to_response(&mut reply.parts);
                    }
                });
            }
            Reenable::Error => {
                reply = self.error_reply(StatusCode::INTERNAL_SERVER_ERROR, "");
                self.show(|content| content.client_response = Some(Head::of_response(&reply.parts)));
            }
        }
        if self.exchange.client_is_gone() {
            return None;
        }
        let Reply { parts, source } = reply;
        self.session.counters().response(parts.status.as_u16());
        self.exchange.record(|record| record.answered(parts.status.as_u16()));
        if let Some(stall) = self.show(|content| content.wishes.limits.stall()).flatten() {
            self.session.stall.set(Some(stall));
        }
        let bodiless = self.method == Method::HEAD
            || matches!(parts.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
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

    /// From the request to the origin's response.
    async fn reply(&self, request: Request<Incoming>) -> Result<Reply, Stopped> {
        self.pass(HookId::TxnStart).await?;
        let (mut parts, body) = request.into_parts();
        let received = parts.extensions.remove::<RawHead>();
        self.show(|content| {
            let head = Head::of_request(&parts);
            content.client_request = Some(arranged(head, received));
        });
        if parts.method == Method::CONNECT {
            // Seldom asked for, so it takes no room of all the others.
            return Box::pin(self.tunnel(parts)).await;
        }
        self.pass_request(HookId::ReadRequestHdr, &mut parts).await?;
        if let Some(status) = forward::refusal(&parts) {
            return Err(Stopped::Error { default: status });
        }
        let route = self.remap(&mut parts).await?;
        let body = self.gather(&mut parts, body).await?;
        let origin = self.locate(route.origin(), &mut parts).await?;
        forward::request(&mut parts, &origin, body.is_whole());
        let of_client = route.is_of_client() && matches!(origin, Cow::Borrowed(_));
        let response = self.fetch(&origin, of_client, parts, body).await?;
        self.read_response(response, &route).await
    }

    /// A client wants a tunnel.
    async fn tunnel(&self, mut parts: request::Parts) -> Result<Reply, Stopped> {
        self.pass_request(HookId::TunnelStart, &mut parts).await?;
        let target = tunnel::target(&self.settings, &parts).map_err(|default| Stopped::Error { default })?;
        let origin = self.locate(&target, &mut parts).await?;
        let timeouts = self.timeouts();
        let reach = self.reach(&timeouts, matches!(origin, Cow::Borrowed(_)));
        self.exchange.mark(Milestone::ServerFirstConnect);
        self.exchange.mark(Milestone::ServerConnect);
        let connected = pin!(self.session.origins().connect(&origin, reach));
        let connected = self.unless_gone(connected).await;
        self.exchange.mark(Milestone::ServerConnectEnd);
        let (stream, address) = self.or_stop(&origin, connected)?;
        self.show(|content| {
            content.wishes.origin.found = Some(address);
            content.wishes.origin.outgoing = stream.local_addr();
        });
        self.session.counters().tunnels.add();
        let tunnel = Tunnel::new(stream, timeouts.tunnel);
        let (parts, ()) = Response::new(()).into_parts();
        Ok(Reply { parts, source: Source::Tunnel(Some(Box::new(tunnel))) })
    }

    /// How an origin is reached that the client has named, or somebody else.
    fn reach<'a>(&'a self, timeouts: &'a Timeouts, of_client: bool) -> Reach<'a> {
        let targets = of_client.then_some(&self.settings.targets);
        Reach { policy: &self.settings.origin, timeouts, limits: &self.settings.limits, targets }
    }

    /// Decides which origin gets the request.
    async fn remap(&self, parts: &mut request::Parts) -> Result<Route<'_>, Stopped> {
        self.pass_request(HookId::PreRemap, parts).await?;
        let mut route = match self.redirect(parts) {
            Some(route) => route,
            None => {
                let route =
                    Route::find(&self.settings, parts).map_err(|default| Stopped::Error { default })?;
                if route.rewrite(parts) {
                    self.show_rewritten(parts);
                }
                route
            }
        };
        self.show(|content| content.origin = Some(route.origin().to_string()));
        self.pass_request(HookId::PostRemap, parts).await?;
        if let Some(redirected) = self.redirect(parts) {
            self.show(|content| content.origin = Some(redirected.origin().to_string()));
            route = redirected;
        }
        Ok(route)
    }

    /// Where a plugin wants the request to go, if one does.
    fn redirect(&self, parts: &mut request::Parts) -> Option<Route<'static>> {
        let target = self.show(|content| content.wishes.target.take()).flatten()?;
        target.rewrite(parts);
        self.show_rewritten(parts);
        Some(Route::to(target.origin))
    }

    /// The client's request is another one now.
    fn show_rewritten(&self, parts: &request::Parts) {
        self.show(|content| {
            let old = content.client_request.take();
            content.client_request = Some(Head::of_request(parts).arranged_after(old.as_ref()));
            if content.pristine.is_none() {
                content.pristine = old;
            }
        });
    }

    /// Reads the request's body as a whole, if a plugin wants it.
    async fn gather(&self, parts: &mut request::Parts, body: Incoming) -> Result<RequestBody, Stopped> {
        let wanted = self.show(|content| content.wishes.buffer).flatten();
        let Some(limit) = wanted.filter(|_| !body.is_end_stream()) else {
            return Ok(RequestBody::new(body, &self.exchange));
        };
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
        self.show(|content| content.request_body = Some(gathered.bytes.clone()));
        self.pass_request(HookId::RequestBufferReadComplete, parts).await?;
        if gathered.trailers.is_none() {
            parts.headers.insert(CONTENT_LENGTH, gathered.bytes.len().into());
        }
        Ok(RequestBody::gathered(gathered))
    }

    /// Finds the origin: the one that is named, or one that a plugin wishes.
    async fn locate<'a>(
        &self,
        named: &'a OriginName,
        parts: &mut request::Parts,
    ) -> Result<Cow<'a, OriginName>, Stopped> {
        self.pass_request(HookId::OsDns, parts).await?;
        let wished = self.show(|content| content.wishes.origin.wished).flatten();
        Ok(wished.map_or(Cow::Borrowed(named), |address| Cow::Owned(OriginName::Address(address))))
    }

    /// Asks the origin, more than once if a connection turns out to be dead.
    async fn fetch(
        &self,
        to: &OriginName,
        of_client: bool,
        mut parts: request::Parts,
        mut body: RequestBody,
    ) -> Result<Response<OriginBody>, Stopped> {
        let origins = self.session.origins();
        let counters = self.session.counters();
        loop {
            self.exchange.record(|record| record.asked(to));
            let timeouts = self.timeouts();
            if let Some(marks) = self.exchange.marks() {
                marks.mark_first(Milestone::ServerFirstConnect);
                marks.mark(Milestone::ServerConnect);
            }
            let opened = pin!(origins.open(to, self.reach(&timeouts, of_client), counters));
            let opened = self.unless_gone(opened).await;
            self.exchange.mark(Milestone::ServerConnectEnd);
            let connection = self.or_stop(to, opened)?;
            self.exchange.record(|record| record.connected(connection.address()));
            self.show(|content| {
                let before = content.origin_request.as_ref().or(content.client_request.as_ref());
                content.origin_request = Some(Head::of_request(&parts).arranged_after(before));
                content.wishes.origin.found = Some(connection.address());
                content.wishes.origin.outgoing = connection.outgoing();
            });
            // If it ends here, the connection goes back.
            self.pass(HookId::SendRequestHdr).await?;
            self.show(|content| {
                if let Some(head) = &mut content.origin_request {
                    head.apply_to_request(&mut parts);
                }
            });
            self.show(|content| content.request_body = None);
            forward::settle_request(&mut parts, !body.is_end_stream());
            let timeouts = self.timeouts();
            self.exchange.mark(Milestone::ServerBeginWrite);
            let sent = pin!(origins.send(connection, &timeouts, parts, body, counters));
            let sent = match self.unless_gone(sent).await {
                Some(Err(NotSent::Again(unsent))) => {
                    (parts, body) = unsent.into_parts();
                    continue;
                }
                Some(Err(NotSent::Failed(failure))) => Some(Err(failure)),
                Some(Ok(response)) => Some(Ok(response)),
                None => None,
            };
            let response = self.or_stop(to, sent)?;
            self.exchange.mark(Milestone::ServerFirstRead);
            self.exchange.mark(Milestone::ServerReadHeaderDone);
            return Ok(response);
        }
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
    async fn read_response(
        &self,
        response: Response<OriginBody>,
        route: &Route<'_>,
    ) -> Result<Reply, Stopped> {
        let (mut parts, body) = response.into_parts();
        let received = parts.extensions.remove::<RawHead>();
        forward::response(&mut parts, route);
        self.show(|content| {
            let head = Head::of_response(&parts);
            content.origin_response = Some(arranged(head, received));
        });
        self.pass(HookId::ReadResponseHdr).await?;
        self.show(|content| {
            if let Some(head) = &mut content.origin_response {
                head.apply_to_response(&mut parts);
            }
        });
        Ok(Reply { parts, source: Source::Origin(body) })
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
        self.pass(hook).await?;
        self.show(|content| {
            if let Some(head) = &mut content.client_request {
                head.apply_to_request(parts);
            }
        });
        Ok(())
    }

    /// A hook on the way to the reply.
    async fn pass(&self, hook: HookId) -> Result<(), Stopped> {
        let answer = self.call_out(hook).await;
        if self.exchange.client_is_gone() {
            return Err(Stopped::ClientGone);
        }
        if answer == Reenable::Error {
            return Err(Stopped::Error { default: StatusCode::INTERNAL_SERVER_ERROR });
        }
        match self.show(|content| content.wishes.answer.take()).flatten() {
            Some(answer) => Err(Stopped::Answer(answer.into())),
            None => Ok(()),
        }
    }

    /// How long everything may take, as plugins have set it.
    fn timeouts(&self) -> Timeouts {
        let limits = self.show(|content| content.wishes.limits);
        let passed = || self.exchange.marks().map_or(Duration::ZERO, |marks| marks.since(Milestone::SmStart));
        limits.map_or(self.settings.timeouts, |limits| limits.after(passed))
    }

    async fn call_out(&self, hook: HookId) -> Reenable {
        let Some(transaction) = &self.subject else { return Reenable::Continue };
        transaction.reach(hook);
        let lists = transaction.lists();
        if !lists.has(hook) {
            return Reenable::Continue;
        }
        let marks = self.exchange.marks();
        if let Some(marks) = marks {
            transaction.content(|content| content.times = marks.times());
        }
        let (counters, policy) = (self.session.counters(), self.settings.hooks);
        let out = CallOut { lists, owner: OWNER_TRANSACTION, counters, policy, marks };
        transaction.subject().call_out(hook, out).await
    }

    /// Shows plugins something, if there may be any.
    fn show<R>(&self, f: impl FnOnce(&mut Content) -> R) -> Option<R> {
        self.subject.as_ref().map(|subject| subject.content(f))
    }

    /// The response to a transaction that ended in an error: as a plugin set it, or `default` and why.
    fn error_reply(&self, default: StatusCode, why: &str) -> Reply {
        let mut status = default;
        let mut text = None;
        let mut content_type = None;
        let mut reason = None;
        self.show(|content| {
            reason.clone_from(&content.error.reason);
            let set = content.error.status.filter(|status| *status >= 400);
            status = set.and_then(|set| StatusCode::from_u16(set).ok()).unwrap_or(default);
            text.clone_from(&content.error.body);
            content_type.clone_from(&content.error.content_type);
        });
        let line = if why.is_empty() { "" } else { "\n" };
        let text = text.unwrap_or_else(|| Bytes::from(format!("{status}\n{why}{line}")));
        let content_type = content_type.unwrap_or(HeaderValue::from_static("text/plain; charset=utf-8"));
        let mut response = Response::new(());
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, content_type);
        if let Some(reason) = reason {
            response.extensions_mut().insert(reason);
        }
        Reply { parts: response.into_parts().0, source: Source::Text(Some(text)) }
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if let Some(subject) = &self.subject {
            subject.end();
        }
        self.session.transaction_ended(self.exchange.client_is_gone());
    }
}

/// A head as it was received, if that is known.
fn arranged(head: Head, received: Option<RawHead>) -> Head {
    match received {
        Some(received) => head.arranged_like(received.fields()),
        None => head,
    }
}

/// The response to a request that a plugin answers.
fn answer_reply(answer: Response<Bytes>) -> Reply {
    let (parts, mut body) = answer.into_parts();
    if matches!(parts.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        body = Bytes::new();
    }
    Reply { parts, source: Source::Text(Some(body)) }
}

//! A client's connection: its session, and the transactions one after the other.
//!
//! The parser runs inside the session's task. A transaction with hooks is a task beside it, which the next one waits for.
//!
//! # Rules
//! * SSN_CLOSE comes after the last transaction's TXN_CLOSE, exactly once, if SSN_START was reached.
//! * When the server drains, an idle connection is closed at once, any other after the response that is under way.

use std::cell::{Cell, OnceCell, RefCell};
use std::future::{Future, poll_fn};
use std::net::{SocketAddr, TcpStream};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use ts_cont::Here;

use super::body::ResponseBody;
use super::call_out::HasSubject;
use super::counts::Counters;
use super::exchange::{Awaited, ClientGone, Exchange};
use super::lane::Lane;
use super::origin::Origin;
use super::settings::Settings;
use super::stop::Phase;
use super::stream::Stream;
use super::subjects::{SessionSubject, TransactionSubject};
use super::timer::ThreadTimer;
use super::transaction::Transaction;
use crate::http::door::OWNER_SESSION;
use crate::http::{HookId, Reenable};

/// What the session's task and its transactions' share.
pub(crate) struct Session {
    lane: Rc<Lane>,
    client: SocketAddr,
    /// Made for the first call-out.
    subject: OnceCell<Option<Arc<SessionSubject>>>,
    /// A transaction is under way.
    busy: Cell<bool>,
    next: RefCell<Option<Waker>>,
}

/// Serves a connection that was accepted, to its end.
pub(crate) async fn serve(lane: Rc<Lane>, socket: TcpStream, client: SocketAddr) {
    let _counted_out = CountOut(Rc::clone(&lane));
    lane.counters().connections.add();
    let here = Here::current().expect("connections are served on event threads");
    let registered = socket.set_nodelay(true).and_then(|()| {
        let io = here.io().ok_or(std::io::ErrorKind::Unsupported)?;
        io.register(socket)
    });
    let stream = match registered {
        Ok(stream) => Stream::new(stream),
        Err(error) => {
            tracing::error!(%client, %error, "a connection could not be watched");
            return;
        }
    };
    let session = Rc::new(Session {
        lane,
        client,
        subject: OnceCell::new(),
        busy: Cell::new(false),
        next: RefCell::default(),
    });
    if session.call_out(HookId::SsnStart).await == Reenable::Continue {
        parse(&session, stream).await;
    }
    poll_fn(|cx| session.poll_idle(cx)).await;
    session.call_out(HookId::SsnClose).await;
}

/// Runs the parser until the connection ends.
async fn parse(session: &Rc<Session>, stream: Stream) {
    let served = Rc::clone(session);
    let service = service_fn(move |request| respond(Rc::clone(&served), request));
    let mut builder = http1::Builder::new();
    builder
        .timer(ThreadTimer)
        .header_read_timeout(session.lane.settings().timeouts.client)
        .preserve_header_case(true)
        .title_case_headers(true);
    let mut connection = pin!(builder.serve_connection(stream, service));
    let stop = &session.lane.shared().stop;
    let mut draining = pin!(stop.wait(Phase::Draining));
    let mut dropping = pin!(stop.wait(Phase::Dropping));
    let mut drained = false;
    let ended = poll_fn(|cx| {
        if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
            return Poll::Ready(Some(ended));
        }
        if dropping.as_mut().poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        if !drained && draining.as_mut().poll(cx).is_ready() {
            drained = true;
            connection.as_mut().graceful_shutdown();
            // It has to notice, and nothing else may happen to it.
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    })
    .await;
    if let Some(Err(error)) = ended {
        if error.is_parse() {
            session.counters().refused_heads.add();
        }
        tracing::debug!(client = %session.client, %error, "a connection ended");
    }
}

/// The parser asks for a response.
async fn respond(
    session: Rc<Session>,
    request: Request<Incoming>,
) -> Result<Response<ResponseBody>, ClientGone> {
    poll_fn(|cx| session.poll_idle(cx)).await;
    session.busy.set(true);
    session.counters().requests.add();
    let exchange = Rc::new(Exchange::new(Rc::clone(&session.lane)));
    let hooks = session.has_hooks();
    let method = request.method().clone();
    let transaction = Transaction::new(Rc::clone(&session), Rc::clone(&exchange), method, hooks);
    if !hooks {
        return transaction.respond(request).await.ok_or(ClientGone);
    }
    let here = Here::current().expect("requests are served on event threads");
    drop(here.spawn_local(transaction.run(request)));
    Awaited::new(exchange).await
}

impl Session {
    pub(crate) fn counters(&self) -> &Counters {
        self.lane.counters()
    }

    pub(crate) fn settings(&self) -> Rc<Settings> {
        self.lane.settings()
    }

    pub(crate) fn origin(&self) -> &Origin {
        self.lane.origin()
    }

    /// Whether there is anybody to call, at any hook.
    fn has_hooks(&self) -> bool {
        match self.subject.get() {
            Some(Some(subject)) => subject.lists().any(),
            _ => self.lane.global_lists().any(),
        }
    }

    fn subject(&self) -> Option<&Arc<SessionSubject>> {
        let make = || {
            let shared = self.lane.shared();
            self.counters().handles.add();
            SessionSubject::enter(self.lane.shards(), self.client, shared.number, &shared.hooks)
        };
        self.subject.get_or_init(make).as_ref()
    }

    pub(crate) fn transaction_subject(&self) -> Option<Arc<TransactionSubject>> {
        let session = self.subject()?;
        self.counters().handles.add();
        TransactionSubject::enter(self.lane.shards(), session)
    }

    async fn call_out(&self, hook: HookId) -> Reenable {
        let here = match self.subject.get() {
            Some(Some(subject)) => subject.lists().has(hook),
            _ => self.lane.global_lists().has(hook),
        };
        let Some(session) = here.then(|| self.subject()).flatten() else { return Reenable::Continue };
        session.subject().call_out(session.lists(), hook, OWNER_SESSION, self.counters()).await
    }

    fn poll_idle(&self, cx: &mut std::task::Context<'_>) -> Poll<()> {
        if !self.busy.get() {
            return Poll::Ready(());
        }
        *self.next.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }

    /// A transaction has reached its end.
    pub(crate) fn transaction_ended(&self) {
        self.busy.set(false);
        let next = self.next.borrow_mut().take();
        if let Some(next) = next {
            next.wake();
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(Some(subject)) = self.subject.get() {
            subject.end();
        }
    }
}

/// Whatever way the task ends, its connection is counted out.
struct CountOut(Rc<Lane>);

impl Drop for CountOut {
    fn drop(&mut self) {
        self.0.shared().stop.leave();
    }
}

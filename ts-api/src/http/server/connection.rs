//! A client's connection: its session, and the transactions one after the other.
//!
//! The parser runs inside the session's task. A transaction with hooks is a task beside it, which the next one waits for.
//! What comes in passes the gate first; what goes wrong there is answered here, when the parser has ended.
//!
//! # Rules
//! * SSN_CLOSE comes after the last transaction's TXN_CLOSE, exactly once, if SSN_START was reached.
//! * When the server drains, an idle connection is closed at once, any other after the response that is under way. A request
//!   that had begun to come in is served.

use std::cell::{Cell, OnceCell, RefCell};
use std::future::{Future, poll_fn};
use std::net::{SocketAddr, TcpStream};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use http::header::{CONNECTION, HeaderValue};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use ts_cont::Here;
use ts_cont::future::timeout;

use super::body::ResponseBody;
use super::call_out::HasSubject;
use super::counts::Counters;
use super::exchange::{Awaited, ClientGone, Exchange};
use super::gate::Refusal;
use super::gate::client::{Awaits, Gate, GateIo, Protocol};
use super::lane::Lane;
use super::pool::Pools;
use super::settings::Settings;
use super::stop::Phase;
use super::stream::Stream;
use super::subjects::{SessionSubject, TransactionSubject};
use super::timeouts::Timeouts;
use super::timer::ThreadTimer;
use super::transaction::Transaction;
use super::watch::Watch;
use crate::http::door::OWNER_SESSION;
use crate::http::{HookId, Reenable};

/// How many fields the parser has room for without being asked.
const FIELDS_OF_PARSER: usize = 100;

/// What the parser takes in memory for a head at least: its own default.
const PARSER_MEMORY: usize = 8192 + 4096 * 100;

/// How long, and for how many bytes, a client that goes on sending is listened to after it was told that nobody reads it.
/// Who closes with something unread makes the system throw away what the client has not taken yet.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 1 << 20;

/// What the session's task and its transactions' share.
pub(crate) struct Session {
    lane: Rc<Lane>,
    client: SocketAddr,
    pub(crate) gate: Rc<Gate>,
    /// Ours, that the client has connected to.
    incoming: Option<SocketAddr>,
    /// How many transactions there have been.
    transactions: Cell<u64>,
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
    let incoming = socket.local_addr().ok();
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
    let gate = Rc::new(Gate::new(stream, lane.settings()));
    let session = Rc::new(Session {
        lane,
        client,
        gate,
        incoming,
        transactions: Cell::new(0),
        subject: OnceCell::new(),
        busy: Cell::new(false),
        next: RefCell::default(),
    });
    if session.call_out(HookId::SsnStart).await == Reenable::Continue {
        converse(&session).await;
    }
    poll_fn(|cx| session.poll_idle(cx)).await;
    session.call_out(HookId::SsnClose).await;
}

/// Serves requests until the connection ends.
async fn converse(session: &Rc<Session>) {
    let protocol = attend(session, poll_fn(|cx| session.gate.poll_protocol(cx))).await;
    match protocol {
        Some(Protocol::Http1) => parse(session).await,
        Some(Protocol::Http2) => {
            session.gate.refuse(Refusal::new(505, "HTTP/2"));
        }
        None => return,
    }
    part(session).await;
}

/// Runs the parser until the connection ends.
async fn parse(session: &Rc<Session>) {
    let served = Rc::clone(session);
    let service = service_fn(move |request| respond(Rc::clone(&served), request));
    let settings = session.settings();
    let limits = &settings.limits;
    let mut builder = http1::Builder::new();
    builder
        .timer(ThreadTimer)
        .header_read_timeout(None)
        .preserve_header_case(true)
        .title_case_headers(true)
        .max_buf_size(PARSER_MEMORY.max(limits.head.saturating_mul(2)));
    if limits.fields > FIELDS_OF_PARSER {
        builder.max_headers(limits.fields);
    }
    let connection = builder.serve_connection(GateIo(Rc::clone(&session.gate)), service);
    if let Some(Err(error)) = attend(session, connection).await {
        if error.is_parse() && session.gate.refused().is_none() {
            // The gate should have known.
            session.counters().refuse(Refusal::malformed("the parser"));
            tracing::warn!(client = %session.client, %error, "the parser refused what had passed");
        }
        tracing::debug!(client = %session.client, %error, "a connection ended");
    }
}

/// Waits for `work`, but no longer than the client may take, and the server runs.
async fn attend<F: Future>(session: &Session, work: F) -> Option<F::Output> {
    let mut work = pin!(work);
    let (gate, settings) = (&session.gate, session.settings());
    let stop = &session.lane.shared().stop;
    let mut draining = pin!(stop.wait(Phase::Draining));
    let mut dropping = pin!(stop.wait(Phase::Dropping));
    let mut drained = false;
    let mut watch = Watch::default();
    poll_fn(|cx| {
        gate.note(session.has_hooks());
        if let Poll::Ready(done) = work.as_mut().poll(cx) {
            return Poll::Ready(Some(done));
        }
        if dropping.as_mut().poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        if !drained && draining.as_mut().poll(cx).is_ready() {
            drained = true;
            gate.close_after_this();
            // The parser has to notice, and nothing else may happen to it.
            cx.waker().wake_by_ref();
        }
        let limit = match gate.awaits() {
            Awaits::Request => Some(settings.timeouts.client_idle),
            Awaits::Head => Some(settings.timeouts.client_head),
            Awaits::Taking => Some(settings.timeouts.client_stall),
            Awaits::Nothing => None,
        };
        if watch.poll(cx, gate.turn(), limit).is_ready() {
            match gate.awaits() {
                Awaits::Head => gate.refuse(Refusal::new(408, "the head took too long")),
                Awaits::Request => gate.close_after_this(),
                Awaits::Taking | Awaits::Nothing => return Poll::Ready(None),
            }
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    })
    .await
}

/// Tells a client that is refused, and closes so that it is heard.
async fn part(session: &Session) {
    let gate = &session.gate;
    if let Some(refusal) = gate.refused() {
        if !gate.is_amid_body() {
            session.counters().refuse(refusal);
        }
        tracing::debug!(client = %session.client, %refusal, "a client was refused");
    } else if gate.broke_off() {
        session.counters().broken_heads.add();
    }
    let farewell = async {
        if let Some(answer) = gate.answer() {
            let mut answer = &answer[..];
            if poll_fn(|cx| gate.poll_write_all(cx, &mut answer)).await.is_err() {
                return;
            }
        }
        gate.end_sending();
        if gate.has_unread() {
            let mut left = LINGER_BYTES;
            poll_fn(|cx| gate.poll_discard(cx, &mut left)).await;
        }
    };
    let stop = &session.lane.shared().stop;
    let mut farewell = pin!(timeout(LINGER, farewell));
    let mut dropping = pin!(stop.wait(Phase::Dropping));
    poll_fn(
        |cx| {
            if farewell.as_mut().poll(cx).is_ready() { Poll::Ready(()) } else { dropping.as_mut().poll(cx) }
        },
    )
    .await;
}

/// The parser asks for a response.
async fn respond(
    session: Rc<Session>,
    mut request: Request<Incoming>,
) -> Result<Response<ResponseBody>, ClientGone> {
    poll_fn(|cx| session.poll_idle(cx)).await;
    session.busy.set(true);
    session.counters().requests.add();
    if let Some(received) = session.gate.take_head() {
        // For whoever shows it to plugins.
        request.extensions_mut().insert(received);
    }
    let gate = Some(Rc::clone(&session.gate));
    let exchange = Rc::new(Exchange::new(Rc::clone(&session.lane), gate));
    let hooks = session.has_hooks();
    let method = request.method().clone();
    let transaction = Transaction::new(Rc::clone(&session), Rc::clone(&exchange), method, hooks);
    let response = if hooks {
        let here = Here::current().expect("requests are served on event threads");
        drop(here.spawn_local(transaction.run(request)));
        Awaited::new(Rc::clone(&exchange)).await
    } else {
        transaction.respond(request).await.ok_or(ClientGone)
    };
    response.map(|mut response| {
        if session.gate.is_last() || exchange.refusal().is_some() {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    })
}

impl Session {
    pub(crate) fn counters(&self) -> &Counters {
        self.lane.counters()
    }

    pub(crate) fn settings(&self) -> Rc<Settings> {
        self.lane.settings()
    }

    pub(crate) fn origins(&self) -> &Rc<Pools> {
        self.lane.origins()
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
            let addresses = (self.client, self.incoming);
            SessionSubject::enter(self.lane.shards(), addresses, shared.number, &shared.hooks)
        };
        self.subject.get_or_init(make).as_ref()
    }

    /// One more transaction; which one it is.
    pub(crate) fn count_transaction(&self) -> u64 {
        self.transactions.set(self.transactions.get() + 1);
        self.transactions.get()
    }

    pub(crate) fn transaction_subject(
        &self,
        ordinal: u64,
        timeouts: &Timeouts,
    ) -> Option<Arc<TransactionSubject>> {
        let session = self.subject()?;
        self.counters().handles.add();
        TransactionSubject::enter(self.lane.shards(), session, ordinal, timeouts)
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

//! What a session's task and its transactions share: one client's connection, whichever protocol it speaks.

use std::cell::{Cell, OnceCell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use hyper::Response;
use ts_cont::Here;
use ts_thread::HrTime;

use super::body::ResponseBody;
use super::call_out::{CallOut, HasSubject};
use super::counts::Counters;
use super::exchange::{Awaited, ClientGone, Exchange};
use super::gate::client::{Awaits, Gate, Protocol};
use super::in_place::{InPlace, Rest};
use super::lane::Lane;
use super::marks::now;
use super::pool::Pools;
use super::record::Recording;
use super::settings::Settings;
use super::subjects::{SessionSubject, TransactionSubject};
use super::transaction::{Received, Transaction};
use super::tunnel::Promised;
use crate::http::door::OWNER_SESSION;
use crate::http::{HookId, Reenable};

/// One client's connection.
pub(crate) struct Session {
    pub(super) lane: Rc<Lane>,
    pub(super) client: SocketAddr,
    /// Ours, that the client has connected to.
    incoming: Option<SocketAddr>,
    /// When it was accepted.
    pub(crate) began: HrTime,
    pub(super) gate: Rc<Gate>,
    pub(super) protocol: Cell<Option<Protocol>>,
    /// Made for the first call-out.
    subject: OnceCell<Option<Arc<SessionSubject>>>,
    /// Transactions under way: at most one in HTTP/1.
    under_way: Cell<usize>,
    /// Requests so far.
    begun: Cell<u64>,
    /// Requests so far whose client lost interest.
    given_up: Cell<u64>,
    /// No more requests are wanted.
    enough: Cell<bool>,
    idle: RefCell<Option<Waker>>,
    /// What follows when the parser has ended.
    tunnel: RefCell<Option<Promised>>,
    /// How long the client may take nothing, if a plugin has said so for the response under way.
    pub(super) stall: Cell<Option<Duration>>,
    /// How long the connection is kept for the next request, if a plugin has said so.
    pub(super) next_request: Cell<Option<Duration>>,
    /// The server drains, and this connection's task knows.
    pub(super) draining: Cell<bool>,
}

/// A request that is being served.
pub(crate) struct Begun {
    transaction: Transaction,
    pub(super) exchange: Rc<Exchange>,
    hooks: bool,
}

impl Session {
    pub(super) fn new(
        lane: Rc<Lane>,
        client: SocketAddr,
        incoming: Option<SocketAddr>,
        gate: Rc<Gate>,
    ) -> Self {
        Self {
            lane,
            client,
            incoming,
            began: now(),
            gate,
            protocol: Cell::new(None),
            subject: OnceCell::new(),
            under_way: Cell::new(0),
            begun: Cell::new(0),
            given_up: Cell::new(0),
            enough: Cell::new(false),
            idle: RefCell::default(),
            tunnel: RefCell::default(),
            stall: Cell::new(None),
            next_request: Cell::new(None),
            draining: Cell::new(false),
        }
    }

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
    pub(super) fn has_hooks(&self) -> bool {
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
            let socket = self.gate.socket();
            SessionSubject::enter(self.lane.shards(), addresses, socket, shared.number, &shared.hooks)
        };
        self.subject.get_or_init(make).as_ref()
    }

    /// One more transaction; which one it is.
    pub(crate) fn count_transaction(&self) -> u64 {
        self.begun.set(self.begun.get() + 1);
        self.begun.get()
    }

    pub(crate) fn transaction_subject(
        &self,
        ordinal: u64,
        settings: &Settings,
    ) -> Option<Arc<TransactionSubject>> {
        let session = self.subject()?;
        self.counters().handles.add();
        session.speaks(if self.protocol.get() == Some(Protocol::Http2) { 2 } else { 1 });
        TransactionSubject::enter(self.lane.shards(), session, ordinal, settings)
    }

    pub(super) async fn call_out(&self, hook: HookId) -> Reenable {
        let here = match self.subject.get() {
            Some(Some(subject)) => subject.lists().has(hook),
            _ => self.lane.global_lists().has(hook),
        };
        let Some(session) = here.then(|| self.subject()).flatten() else { return Reenable::Continue };
        let settings = self.settings();
        let out = CallOut {
            hook,
            lists: session.lists(),
            owner: OWNER_SESSION,
            counters: self.counters(),
            policy: &settings.hooks,
            marks: None,
        };
        session.subject().call_out(out).await
    }

    /// Begins a transaction.
    pub(super) fn begin(self: &Rc<Self>, received: &Received) -> Begun {
        self.under_way.set(self.under_way.get() + 1);
        self.counters().requests.add();
        self.next_request.set(None);
        let settings = self.settings();
        let most = settings.limits.requests_per_connection;
        // Where one waits for the other, the gate is told when it may go on.
        let gate = (self.protocol.get() == Some(Protocol::Http1)).then(|| Rc::clone(&self.gate));
        let recording = Recording::begin(&settings, self.client, &received.parts);
        let exchange = Rc::new(Exchange::new(Rc::clone(&self.lane), gate, settings));
        exchange.begin_record(recording);
        let hooks = self.has_hooks() || self.settings().remap.steps().is_any();
        let method = received.parts.method.clone();
        let transaction = Transaction::new(Rc::clone(self), Rc::clone(&exchange), method, hooks);
        if most.is_some_and(|most| self.begun.get() >= most.get()) {
            self.enough.set(true);
        }
        Begun { transaction, exchange, hooks }
    }

    /// The connection becomes a tunnel once the client has been told.
    pub(crate) fn promise_tunnel(&self, promised: Promised) {
        let none = self.tunnel.replace(Some(promised));
        debug_assert!(none.is_none(), "in HTTP/1 one request comes after the other");
    }

    pub(super) fn take_tunnel(&self) -> Option<Promised> {
        self.tunnel.take()
    }

    /// Waits until no transaction is under way.
    pub(super) fn poll_idle(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.under_way.get() == 0 {
            return Poll::Ready(());
        }
        let old = self.idle.borrow_mut().replace(cx.waker().clone());
        drop(old);
        Poll::Pending
    }

    /// A transaction has reached its end.
    pub(crate) fn transaction_ended(&self, given_up: bool) {
        self.under_way.set(self.under_way.get() - 1);
        self.given_up.set(self.given_up.get() + u64::from(given_up));
        self.stall.set(None);
        let idle = if self.under_way.get() == 0 { self.idle.borrow_mut().take() } else { None };
        if let Some(idle) = idle {
            idle.wake();
        }
    }

    /// What is said of the time after the response under way.
    pub(crate) fn after_this(&self, next_request: Option<Duration>, keep: bool) {
        self.next_request.set(next_request);
        if !keep {
            self.enough.set(true);
            if self.protocol.get() == Some(Protocol::Http1) {
                self.gate.close_after_this();
            }
        }
    }

    /// Whether no more requests are wanted on this connection.
    pub(super) fn has_enough(&self) -> bool {
        self.enough.get()
    }

    /// How many requests the client has lost interest in, and how many it has not.
    pub(super) fn given_up(&self) -> (u64, u64) {
        (self.given_up.get(), self.begun.get() - self.given_up.get())
    }

    /// Whose time is running.
    pub(super) fn awaits(&self) -> Awaits {
        match self.gate.awaits() {
            Awaits::Nothing if self.protocol.get() == Some(Protocol::Http2) && self.under_way.get() == 0 => {
                Awaits::Request
            }
            awaits => awaits,
        }
    }

    /// Another number whenever a client's time begins anew.
    pub(super) fn turn(&self) -> u64 {
        // Both only grow.
        self.gate.turn().wrapping_add(self.begun.get()).wrapping_add(self.under_way.get() as u64)
    }
}

impl Begun {
    /// Serves the request, and resolves to its response. What comes after that is left in `rest`; without one, and if there
    /// are hooks, the transaction is a task of its own.
    pub(super) async fn respond(
        self,
        received: Box<Received>,
        rest: Option<Rest>,
    ) -> Result<Response<ResponseBody>, ClientGone> {
        if !self.hooks {
            return self.transaction.respond(received).await.ok_or(ClientGone);
        }
        let run = self.transaction.run(received);
        match rest {
            Some(rest) => InPlace::new(self.exchange, Box::pin(run), rest).await,
            None => {
                let here = Here::current().expect("requests are served on event threads");
                // It begins when its turn comes.
                self.exchange.time_passes();
                drop(here.spawn_local(run));
                Awaited::new(self.exchange).await
            }
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

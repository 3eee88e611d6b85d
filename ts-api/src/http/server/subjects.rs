//! Sessions and transactions as handles find them: what plugins may see and change of them, from any thread.
//!
//! They are made when there is somebody to call, and not before. The tasks that serve keep what only they need.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use hyper::ext::ReasonPhrase;
use smallvec::SmallVec;
use ts_cont::{Continuation, EThread, Here};

use super::args::Args;
use super::call_out::{HasSubject, Subject};
use super::exchange::{Exchange, Sent};
use super::handles::Handles;
use super::heads::Heads;
use super::hooks::{GlobalHooks, List, Lists};
use super::marks::Times;
use super::remap::OriginName;
use super::settings::Settings;
use super::sizes::Sizes;
use super::socket::Socket;
use super::switch::Switch;
use super::wishes::Wishes;
#[cfg(feature = "ffi")]
use crate::ffi::http::{addresses::Addresses, texts::Texts};
use crate::http::door::Which;
use crate::http::{Aborted, Added, HookError, HookId, OriginState};

static SESSIONS: Handles<SessionSubject> = Handles::new();
static TRANSACTIONS: Handles<TransactionSubject> = Handles::new();

/// A session that somebody has been called for.
pub(crate) struct SessionSubject {
    subject: Subject,
    pub(crate) args: Args,
    pub(crate) client: SocketAddr,
    /// Ours, that the client has connected to.
    pub(crate) incoming: Option<SocketAddr>,
    /// Its client's.
    pub(crate) socket: Socket,
    /// The thread that serves it, and all its transactions.
    #[cfg_attr(not(feature = "ffi"), allow(dead_code, reason = "the C interface schedules on it"))]
    pub(crate) thread: EThread,
    /// What C has been given to look at.
    #[cfg(feature = "ffi")]
    pub(crate) addresses: Addresses,
    /// How many transactions there have been.
    transactions: AtomicU64,
    /// Whether debug output is wanted for it.
    pub(crate) debug: Switch,
    /// The first number of the version of HTTP that the client speaks; zero before it is known.
    major: AtomicU32,
    /// Which server's.
    pub(crate) server: u64,
    global: Arc<GlobalHooks>,
    /// The transactions under way, whose call-outs walk over this session's list as well.
    under_way: Mutex<SmallVec<[Weak<TransactionSubject>; 1]>>,
}

/// A transaction that somebody has been called for.
pub(crate) struct TransactionSubject {
    subject: Subject,
    pub(crate) args: Args,
    pub(crate) session: Arc<SessionSubject>,
    /// Which of its session's it is, from one on.
    pub(crate) ordinal: u64,
    /// Whether debug output is wanted for it, if not as for its session.
    pub(crate) debug: Switch,
    pub(crate) times: Times,
    /// The place of the hook that was reached last.
    reached: AtomicUsize,
    content: Mutex<Content>,
    /// A plugin has been there while it was called.
    visited: AtomicBool,
    /// What the C interface has handed out of its messages.
    #[cfg(feature = "ffi")]
    pub(crate) buffers: crate::ffi::Buffers,
    /// What C has been given to look at.
    #[cfg(feature = "ffi")]
    pub(crate) addresses: Addresses,
    #[cfg(feature = "ffi")]
    pub(crate) texts: Texts,
    /// And its request's body.
    #[cfg(feature = "ffi")]
    pub(crate) body: crate::ffi::http::buffering::Body,
}

/// What plugins see of a transaction.
pub(crate) struct Content {
    pub(crate) heads: Heads,
    /// The origin by its name.
    pub(crate) origin: Option<OriginName>,
    /// Seldom set, so it takes no room of all the others.
    pub(crate) error: Option<Box<ErrorResponse>>,
    pub(crate) aborted: Option<Aborted>,
    pub(crate) origin_state: OriginState,
    /// How many requests the origin's connection had been given before.
    pub(crate) origin_reuses: u64,
    /// The origin's, of the connection that was there last.
    pub(crate) origin_socket: Option<Socket>,
    pub(crate) is_tunnel: bool,
    /// How often it has gone elsewhere.
    pub(crate) redirects: u32,
    pub(crate) sizes: Sizes,
    pub(crate) wishes: Wishes,
    /// As a whole, while it is there.
    pub(crate) request_body: Option<Bytes>,
}

impl Content {
    fn new(settings: &Settings) -> Self {
        Self {
            heads: Heads::default(),
            origin: None,
            error: None,
            aborted: None,
            origin_state: OriginState::Unknown,
            origin_reuses: 0,
            origin_socket: None,
            is_tunnel: false,
            redirects: 0,
            sizes: Sizes::default(),
            wishes: Wishes::new(settings),
            request_body: None,
        }
    }
}

impl Content {
    /// Whether a plugin has said what the response to an error says.
    pub(crate) fn has_error_body(&self) -> bool {
        self.error.as_ref().is_some_and(|error| error.body.is_some())
    }

    /// Takes up how far things have come, for those who are about to be called.
    pub(crate) fn look_at(&mut self, exchange: &Exchange) {
        let bodies = exchange.bodies();
        self.sizes.body(Which::CLIENT_REQUEST, bodies.from_client.get());
        self.sizes.body(Which::ORIGIN_REQUEST, bodies.to_origin.get());
        self.sizes.body(Which::ORIGIN_RESPONSE, bodies.from_origin.get());
        self.sizes.body(Which::CLIENT_RESPONSE, bodies.to_client.get());
        let Some(sent) = exchange.sent() else { return };
        if let Some(bytes) = exchange.answers_head() {
            self.sizes.head(Which::CLIENT_RESPONSE, bytes);
        }
        self.aborted = exchange.aborted();
        if self.origin_state == OriginState::Alive {
            self.origin_state = match sent {
                Sent::Completely => OriginState::Complete,
                Sent::OriginGone => OriginState::Closed,
                Sent::ClientGone => OriginState::Alive,
            };
        }
    }
}

/// What the client gets if a plugin ends the transaction in an error.
#[derive(Default)]
pub(crate) struct ErrorResponse {
    pub(crate) status: Option<u16>,
    /// The status that the request is answered with when it has been mapped.
    pub(crate) when_mapped: Option<http::StatusCode>,
    pub(crate) reason: Option<ReasonPhrase>,
    pub(crate) body: Option<Bytes>,
    pub(crate) content_type: Option<http::HeaderValue>,
}

/// For each thread: where it puts its handles.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shards {
    session: usize,
    transaction: usize,
}

impl Shards {
    pub(crate) fn choose() -> Self {
        Self { session: SESSIONS.choose_shard(), transaction: TRANSACTIONS.choose_shard() }
    }
}

impl SessionSubject {
    pub(crate) fn enter(
        shards: Shards,
        (client, incoming): (SocketAddr, Option<SocketAddr>),
        socket: Socket,
        server: u64,
        global: &Arc<GlobalHooks>,
    ) -> Option<Arc<Self>> {
        let thread = Here::current()?.thread().clone();
        SESSIONS.enter(shards.session, |number| {
            let subject = Subject::new(number, "HTTP session");
            let global = Arc::clone(global);
            Arc::new(Self {
                subject,
                args: Args::of_session(),
                client,
                incoming,
                socket,
                thread,
                #[cfg(feature = "ffi")]
                addresses: Addresses::default(),
                transactions: AtomicU64::new(0),
                major: AtomicU32::new(0),
                debug: Switch::default(),
                server,
                global,
                under_way: Mutex::default(),
            })
        })
    }

    pub(crate) fn find(number: u64) -> Option<Arc<Self>> {
        SESSIONS.find(number)
    }

    pub(crate) fn all() -> Vec<Arc<Self>> {
        SESSIONS.all()
    }

    pub(crate) fn lists(&self) -> Lists<'_> {
        Lists { global: &self.global, session: Some(&self.subject.hooks), transaction: None }
    }

    pub(crate) fn wants_debug(&self) -> bool {
        self.debug.get().unwrap_or(false)
    }

    /// The client has said which version of HTTP it speaks.
    pub(crate) fn speaks(&self, major: u32) {
        // Relaxed: as in `transactions`.
        self.major.store(major, Ordering::Relaxed);
    }

    /// The first number of that version; zero before.
    pub(crate) fn major(&self) -> u32 {
        // Relaxed: as in `transactions`.
        self.major.load(Ordering::Relaxed)
    }

    pub(crate) fn transactions(&self) -> u64 {
        // Relaxed: a number to be told, alone.
        self.transactions.load(Ordering::Relaxed)
    }

    pub(crate) fn add(&self, hook: HookId, cont: Continuation) -> Result<Added, HookError> {
        // Of several, whoever adds is most likely called out by one that is at this hook.
        let transactions = self.under_way.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let transaction =
            transactions.iter().filter_map(Weak::upgrade).find(|transaction| transaction.subject.walks(hook));
        let walker = transaction.as_ref().filter(|_| !hook.is_of_session());
        let walker = walker.map_or(&self.subject, |transaction| &transaction.subject);
        self.subject.add(hook, cont, List::Session, walker).ok_or(HookError::Gone)
    }

    pub(crate) fn end(&self) {
        SESSIONS.leave(self.subject.number);
        self.subject.end();
        self.args.end();
    }
}

impl HasSubject for SessionSubject {
    fn subject(&self) -> &Subject {
        &self.subject
    }
}

impl TransactionSubject {
    pub(crate) fn enter(
        shards: Shards,
        session: &Arc<SessionSubject>,
        ordinal: u64,
        settings: &Settings,
    ) -> Option<Arc<Self>> {
        // Relaxed: see `SessionSubject::transactions`.
        session.transactions.store(ordinal, Ordering::Relaxed);
        let transaction = TRANSACTIONS.enter(shards.transaction, |number| {
            Arc::new(Self {
                subject: Subject::new(number, "HTTP transaction"),
                args: Args::of_transaction(),
                session: Arc::clone(session),
                ordinal,
                debug: Switch::default(),
                times: Times::default(),
                reached: AtomicUsize::new(0),
                content: Mutex::new(Content::new(settings)),
                visited: AtomicBool::new(false),
                #[cfg(feature = "ffi")]
                buffers: crate::ffi::Buffers::default(),
                #[cfg(feature = "ffi")]
                body: crate::ffi::http::buffering::Body::default(),
                #[cfg(feature = "ffi")]
                addresses: Addresses::default(),
                #[cfg(feature = "ffi")]
                texts: Texts::default(),
            })
        })?;
        let mut others = session.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        others.retain(|other| other.strong_count() > 0);
        others.push(Arc::downgrade(&transaction));
        drop(others);
        Some(transaction)
    }

    pub(crate) fn find(number: u64) -> Option<Arc<Self>> {
        TRANSACTIONS.find(number)
    }

    pub(crate) fn all() -> Vec<Arc<Self>> {
        TRANSACTIONS.all()
    }

    pub(crate) fn lists(&self) -> Lists<'_> {
        Lists { transaction: Some(&self.subject.hooks), ..self.session.lists() }
    }

    pub(crate) fn wants_debug(&self) -> bool {
        self.debug.get().unwrap_or_else(|| self.session.wants_debug())
    }

    /// Says that a hook has been reached, whether or not anybody is there.
    pub(crate) fn reach(&self, hook: HookId) {
        // Relaxed: it only tells those that add a continuation from elsewhere, and they cannot know where we are.
        self.reached.store(hook.place(), Ordering::Relaxed);
    }

    /// The hook whose continuations are being called, for one of them; it tells what may be changed.
    pub(crate) fn at(&self) -> Option<HookId> {
        // Relaxed: who is called sees it by the lock of the subject's state, and it stays until he has answered.
        HookId::ALL.get(self.reached.load(Ordering::Relaxed)).copied().filter(|hook| !hook.is_of_session())
    }

    pub(crate) fn add(&self, hook: HookId, cont: Continuation) -> Result<Added, HookError> {
        if hook.is_of_session() {
            return Err(HookError::NotOfTransactions(hook));
        }
        // Relaxed: see `reach`.
        let reached = self.reached.load(Ordering::Relaxed);
        // A request that could not be sent is sent again, and then this hook comes again.
        let again = hook == HookId::SendRequestHdr;
        let over = hook.place() == reached && !again && !self.subject.walks(hook);
        if hook.place() < reached || over {
            return if self.subject.is_over() { Err(HookError::Gone) } else { Ok(Added::TooLate) };
        }
        self.subject.add(hook, cont, List::Transaction, &self.subject).ok_or(HookError::Gone)
    }

    /// Looks at, or changes, what plugins see. For the engine, which does so while nobody is called.
    pub(crate) fn content<R>(&self, f: impl FnOnce(&mut Content) -> R) -> R {
        f(&mut self.content.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// As `content`, for plugins: while somebody is called. None otherwise.
    pub(crate) fn called_content<R>(&self, f: impl FnOnce(&mut Content) -> R) -> Option<R> {
        // The engine goes on only when the call-out is answered, and then comes for the same lock; so what is done under
        // the lock while it is not answered is done in time.
        self.content(|content| {
            // Relaxed: the look at the call-out takes the lock of the subject's state. If it is open then, whoever answers takes
            // that lock later, and so does the engine when it finds the answer, before it looks here.
            self.visited.store(true, Ordering::Relaxed);
            self.subject.is_called_out().then(|| f(content))
        })
    }

    /// As `content`, for what only those change that came by `called_content`; none if nobody did. For the engine, which takes
    /// no lock at most hooks then.
    pub(crate) fn visited_content<R>(&self, f: impl FnOnce(&mut Content) -> R) -> Option<R> {
        // Relaxed: see `called_content`.
        self.visited.load(Ordering::Relaxed).then(|| self.content(f))
    }

    pub(crate) fn end(&self) {
        TRANSACTIONS.leave(self.subject.number);
        self.subject.end();
        self.args.end();
        #[cfg(feature = "ffi")]
        self.buffers.end();
    }
}

impl HasSubject for TransactionSubject {
    fn subject(&self) -> &Subject {
        &self.subject
    }
}

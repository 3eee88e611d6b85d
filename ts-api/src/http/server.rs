//! A server: it accepts clients' connections on the network threads and forwards their requests to origins.

pub(crate) mod accept;
pub(crate) mod args;
mod body;
pub(crate) mod call_out;
mod calling;
mod connect;
mod connection;
mod counts;
mod ended;
mod exchange;
mod failure;
mod forward;
pub(crate) mod gate;
mod gather;
mod handles;
pub(crate) mod head;
mod heads;
mod hook_policy;
pub(crate) mod hooks;
mod http1;
mod http2;
mod in_place;
mod intake;
pub(crate) mod label;
mod lane;
mod latency;
pub(crate) mod limits;
mod link;
mod marks;
mod origin;
mod patience;
mod policy;
mod pool;
mod record;
pub(crate) mod remap;
mod resolve;
mod route;
mod session;
mod settings;
mod sizes;
mod socket;
mod stop;
pub(crate) mod stream;
pub(crate) mod subjects;
mod switch;
pub(crate) mod table;
mod targets;
mod timeouts;
pub(crate) mod timer;
#[cfg(test)]
mod told;
mod transaction;
mod tunnel;
mod wakers;
mod watch;
mod wishes;

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use thiserror::Error;
use ts_cont::{EThread, EventProcessor, EventType, Here, Refusal, SpawnError};

use self::accept::Acceptor;
use self::call_out::HasSubject;
use self::counts::Counters;
use self::lane::{Inbox, Shared};
use self::resolve::SystemResolver;
use self::settings::Current;
use self::stop::{Phase, Stop};
use self::subjects::{SessionSubject, TransactionSubject};
use crate::{Pool, Runtime};

pub use self::accept::{Accept, SocketOptions};
pub use self::counts::Counts;
pub use self::hook_policy::HookPolicy;
pub use self::latency::Latency;
pub use self::limits::{Http2Limits, Limits};
pub use self::policy::OriginPolicy;
pub use self::record::{End, LogPolicy, Record, Sink};
pub use self::remap::{Mapped, Redirection, Remap, RemapError, Rule, RuleError, Unmapped};
pub use self::resolve::Resolve;
pub use self::settings::Settings;
pub use self::targets::Targets;
pub use self::timeouts::Timeouts;

/// After connections have been dropped, how long [`Server::drain`] waits for their closing hooks.
const CLOSING_HOOKS: Duration = Duration::from_secs(1);

/// A server that runs: it accepts connections until it is drained or dropped.
///
/// Dropping it stops it like [`Server::drain`], without waiting.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
/// use std::net::TcpStream;
/// use std::time::Duration;
/// use ts_api::http::{self, HookId, Reenable, Server};
/// use ts_api::{Cont, Runtime};
///
/// let runtime = Runtime::builder().net_threads(1).task_threads(1).start()?;
/// let server = Server::builder().listen("127.0.0.1:0").origin("127.0.0.1:9".parse()?).start(&runtime)?;
///
/// let refuse = Cont::shared(|event| {
///     let txn = event.transaction().expect("it is added to a hook of transactions");
///     txn.set_error(403, "closed today\n").unwrap();
///     txn.reenable(Reenable::Error).unwrap();
/// });
/// let guest = runtime.guest();
/// http::add(HookId::ReadRequestHdr, &refuse)?;
///
/// let mut client = TcpStream::connect(server.local_addr())?;
/// client.write_all(b"GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n")?;
/// let mut answer = String::new();
/// client.read_to_string(&mut answer)?;
/// assert!(answer.starts_with("HTTP/1.1 403 Forbidden\r\n") && answer.ends_with("closed today\n"));
///
/// drop((client, refuse, guest));
/// assert!(server.drain(Duration::from_secs(5)).is_clean());
/// assert_eq!(server.counts().responses_4xx, 1);
/// assert!(runtime.shutdown(Default::default()).is_clean());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Server {
    shared: Arc<Shared>,
    /// At least one.
    addresses: Vec<SocketAddr>,
}

/// Makes a [`Server`].
#[derive(Clone)]
#[must_use = "a builder starts nothing until `start`"]
pub struct Builder {
    /// Of each, the first address that works.
    listen: Vec<Vec<SocketAddr>>,
    listeners: Vec<Arc<TcpListener>>,
    accept: Accept,
    sockets: SocketOptions,
    settings: Settings,
    resolver: Arc<dyn Resolve>,
}

/// Why a server did not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// No address to listen at was given.
    #[error("no address to listen at: call Builder::listen")]
    NoAddress,
    /// There is nothing to forward to: the remap table is empty, and nothing else is allowed.
    #[error("no origin to forward to: call Builder::origin, or give a remap table with Builder::settings")]
    NoOrigin,
    /// The address cannot be listened at.
    #[error("cannot listen at {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// The listening socket cannot be waited for on a network thread.
    #[error("the network threads cannot wait for connections: {0}")]
    Watch(io::Error),
    /// A thread that only accepts could not be started.
    #[error("no accept thread: {0}")]
    AcceptThread(SpawnError),
    /// The event system has no network threads, or is shutting down.
    #[error("no network threads: {0}")]
    NoThreads(Refusal),
}

/// What [`Server::drain`] did.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct DrainReport {
    /// Connections that were open when it began.
    pub open: usize,
    /// Connections that had not come to their end by themselves before the deadline and were dropped.
    pub dropped: usize,
    /// Connections that are left even so, since some continuation has not re-enabled.
    pub left: usize,
    /// The continuations that have been called and have not re-enabled, with their hooks' subjects.
    pub waiting_for: Vec<String>,
    /// How long it took.
    pub took: Duration,
}

impl DrainReport {
    /// Whether every connection came to its end by itself.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.dropped == 0 && self.left == 0
    }
}

impl fmt::Display for DrainReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let finished = self.open.saturating_sub(self.dropped);
        write!(
            f,
            "drained in {:.3} s: {finished} connections finished, {} dropped, {} left",
            self.took.as_secs_f64(),
            self.dropped,
            self.left
        )?;
        self.waiting_for.iter().try_for_each(|name| write!(f, "\n  not re-enabled by {name}"))
    }
}

impl Server {
    /// Starts making a server.
    pub fn builder() -> Builder {
        Builder {
            listen: Vec::new(),
            listeners: Vec::new(),
            accept: Accept::default(),
            sockets: SocketOptions::default(),
            settings: Settings::default(),
            resolver: Arc::new(SystemResolver),
        }
    }

    /// Where it listens; the port is the real one, also if zero was asked for. Of several places, the first.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// Everywhere that it listens: first at the sockets that it was given, then at the addresses, each as they were told.
    #[must_use]
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Begins to accept on a network thread.
    fn watch(
        &self,
        thread: &EThread,
        socket: TcpListener,
        turn: usize,
        lane: Option<usize>,
    ) -> Result<(), StartError> {
        let shared = Arc::clone(&self.shared);
        let begin = move |here: &Here| accept::watch(here, socket, Acceptor::new(shared, turn, lane));
        // A socket for all threads may as well be watched by the one that calls, which must not wait for another.
        let here = Here::current().filter(|here| here.io().is_some());
        if let Some(here) = here.filter(|_| lane.is_none() || thread.is_current()) {
            return begin(&here).map_err(StartError::Watch);
        }
        let start = async move { begin(&Here::current().expect("it was spawned on an event thread")) };
        let started = thread.spawn(start).map_err(StartError::NoThreads)?.wait();
        started.ok_or(StartError::NoThreads(Refusal::ShuttingDown))?.map_err(StartError::Watch)
    }

    /// What it has done so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counters::sum(&self.shared.counters)
    }

    /// Begins, or ceases, to measure how long continuations take at hooks. Nothing is measured before it is asked for.
    pub fn measure(&self, on: bool) {
        self.shared.counters.iter().for_each(|counters| counters.latencies.switch(on));
    }

    /// What was measured since it was asked for, for each hook and name of a continuation.
    #[must_use]
    pub fn latencies(&self) -> Vec<Latency> {
        Latency::gather(self.shared.counters.iter().map(|counters| &counters.latencies))
    }

    /// Replaces the settings, and returns their number: 1 for the first that are not those it was started with.
    ///
    /// Requests that come from now on are served with them; one that is under way keeps those it began with. Any thread may
    /// call it. [`Server::settings`] gives what to start from.
    pub fn reload(&self, settings: Settings) -> u64 {
        self.shared.settings.replace(settings)
    }

    /// A copy of the settings in force.
    #[must_use]
    pub fn settings(&self) -> Settings {
        self.shared.settings.copy()
    }

    /// How often the settings have been replaced.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.shared.settings.generation()
    }

    /// How many connections are open.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.shared.stop.sessions()
    }

    /// Stops accepting, closes idle connections, and lets requests that are under way finish; what is left after `limit` is
    /// dropped, closing hooks included.
    ///
    /// It blocks until that is done, for the closing hooks up to a second more. A second call reports what the first left.
    ///
    /// # Panics
    ///
    /// On an event thread, which would wait for itself.
    pub fn drain(&self, limit: Duration) -> DrainReport {
        self.drain_within(limit, CLOSING_HOOKS)
    }

    /// As [`Server::drain`], but waits for `closing`, and not for a second, for the closing hooks of the connections that are
    /// dropped.
    ///
    /// For a shutdown that has to be over at a given time, and has more to do afterwards.
    ///
    /// # Panics
    ///
    /// On an event thread, which would wait for itself.
    pub fn drain_within(&self, limit: Duration, closing: Duration) -> DrainReport {
        assert!(
            Here::current().is_none(),
            "Server::drain blocks; call it from a thread that is no event thread"
        );
        let began = Instant::now();
        let stop = &self.shared.stop;
        let open = stop.sessions();
        stop.go_to(Phase::Draining);
        let dropped = stop.wait_for_sessions(limit);
        let mut report = DrainReport { open, dropped, ..DrainReport::default() };
        if dropped > 0 {
            stop.go_to(Phase::Dropping);
            report.left = stop.wait_for_sessions(closing);
            if report.left > 0 {
                report.waiting_for = self.waiting_for();
            }
        }
        report.took = began.elapsed();
        report
    }

    /// The continuations that were called and have not re-enabled.
    #[must_use]
    pub fn waiting_for(&self) -> Vec<String> {
        let number = self.shared.number;
        let sessions = SessionSubject::all()
            .into_iter()
            .filter(|session| session.server == number)
            .filter_map(|session| session.subject().waits_for());
        let transactions = TransactionSubject::all()
            .into_iter()
            .filter(|transaction| transaction.session.server == number)
            .filter_map(|transaction| transaction.subject().waits_for());
        sessions.chain(transactions).map(|label| label.to_string()).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stop.go_to(Phase::Draining);
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("addresses", &self.addresses)
            .field("generation", &self.generation())
            .field("open_connections", &self.open_connections())
            .finish_non_exhaustive()
    }
}

impl Builder {
    /// Listens at `address`, besides those that were told before; port 0 lets the system choose. Of several addresses that a
    /// name stands for, the first that works is taken.
    pub fn listen(mut self, address: impl ToSocketAddrs) -> Self {
        self.listen.push(address.to_socket_addrs().map(Iterator::collect).unwrap_or_default());
        self
    }

    /// Listens on a socket that is bound already, and shared with nobody, besides those that were told before.
    pub fn listener(mut self, listener: TcpListener) -> Self {
        self.listeners.push(Arc::new(listener));
        self
    }

    /// Who accepts connections. Default: [`Accept::One`].
    pub fn accept(mut self, accept: Accept) -> Self {
        self.accept = accept;
        self
    }

    /// What is chosen about the sockets that [`Builder::listen`] makes.
    pub fn socket_options(mut self, options: SocketOptions) -> Self {
        self.sockets = options;
        self
    }

    /// Everything that may be changed later, in place of what was chosen before.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Forwards every request to `origin`, over HTTP/1.1: [`Remap::to`].
    pub fn origin(mut self, origin: SocketAddr) -> Self {
        self.settings.remap = Remap::to(origin);
        self
    }

    /// How long a continuation may keep a session or transaction waiting.
    pub fn hook_policy(mut self, policy: HookPolicy) -> Self {
        self.settings.hooks = policy;
        self
    }

    /// How much a client may send.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.settings.limits = limits;
        self
    }

    /// Looks origins' names up in its own way; by default the system does.
    pub fn resolver(mut self, resolver: impl Resolve) -> Self {
        self.resolver = Arc::new(resolver);
        self
    }

    /// How long a connection to the origin may take to be made. Default: 5 seconds.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.settings.timeouts.connect = limit;
        self
    }

    /// How long the origin may take for a response's head once it has the request, and how long it may then say nothing
    /// within the body. Default: 30 seconds.
    pub fn origin_timeout(mut self, limit: Duration) -> Self {
        self.settings.timeouts.response = limit;
        self.settings.timeouts.silence = limit;
        self
    }

    /// How long a client may take for a request's head, or for nothing at all: how long an idle connection is kept, and one
    /// that takes nothing of its response. Default: 60 seconds.
    pub fn client_timeout(mut self, limit: Duration) -> Self {
        self.settings.timeouts.client_head = limit;
        self.settings.timeouts.client_idle = limit;
        self.settings.timeouts.client_stall = limit;
        self
    }

    /// Starts the server on the network threads of `runtime`; it accepts when this returns.
    ///
    /// Hooks that are added to that runtime are called for its sessions and transactions.
    ///
    /// # Errors
    ///
    /// [`StartError`]; then nothing has been started.
    pub fn start(self, runtime: &Runtime) -> Result<Server, StartError> {
        if self.settings.remap.is_empty() {
            return Err(StartError::NoOrigin);
        }
        let processor = runtime.processor();
        let threads = processor.threads(EventType::NET);
        if threads.is_empty() {
            return Err(StartError::NoThreads(Refusal::NotReady(EventType::NET)));
        }
        let bound = self.bind(threads.len())?;
        let addresses = bound.iter().map(|sockets| sockets[0].local_addr());
        let addresses: Vec<_> = addresses.collect::<Result<_, _>>().map_err(StartError::Watch)?;
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let shared = Arc::new(Shared {
            // Relaxed: only its being different counts.
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            hooks: Arc::clone(table::hooks_of(runtime)),
            stop: Stop::new(),
            settings: Current::new(self.settings),
            resolver: self.resolver,
            lookups: runtime.group(Pool::Dns).unwrap_or_else(|| runtime.task()),
            counters: (0..=threads.len()).map(|_| Default::default()).collect(),
            inboxes: threads.iter().map(|_| Inbox::default()).collect(),
        });
        // From here on, giving up means to drop it, and that stops what has been started.
        let server = Server { shared, addresses };
        for (index, thread) in threads.iter().enumerate() {
            let shared = Arc::clone(&server.shared);
            EventProcessor::run_on(thread, move |here| drop(here.spawn_local(lane::run(shared, index))));
        }
        if let Accept::Dedicated(count) = self.accept {
            for number in 0..count.get() {
                let sockets = bound.iter().map(|sockets| sockets[0].try_clone());
                let sockets = sockets.collect::<Result<_, _>>().map_err(StartError::Watch)?;
                accept::start(processor, number, sockets, Arc::clone(&server.shared))?;
            }
            return Ok(server);
        }
        for (number, sockets) in bound.into_iter().enumerate() {
            let alone = sockets.len() == 1;
            for (index, socket) in sockets.into_iter().enumerate() {
                let (thread, lane) =
                    if alone { (number % threads.len(), None) } else { (index, Some(index)) };
                server.watch(&threads[thread], socket, number, lane)?;
            }
        }
        Ok(server)
    }

    /// For each place to listen at its socket, or one for each network thread.
    fn bind(&self, threads: usize) -> Result<Vec<Vec<TcpListener>>, StartError> {
        let given = self.listeners.iter().map(|listener| {
            let listener = listener.try_clone().map_err(StartError::Watch)?;
            Ok(vec![listener])
        });
        let per_thread = self.accept == Accept::PerThread && threads > 1;
        let made = self.listen.iter().map(|addresses| {
            let mut refused = StartError::NoAddress;
            for &address in addresses {
                let sockets = if per_thread {
                    let first = accept::bind(address, &self.sockets, true);
                    first.and_then(|first| {
                        // The port may have been chosen just now.
                        let address = first.local_addr()?;
                        let others = (1..threads).map(|_| accept::bind(address, &self.sockets, true));
                        std::iter::once(Ok(first)).chain(others).collect()
                    })
                } else {
                    accept::bind(address, &self.sockets, false).map(|socket| vec![socket])
                };
                match sockets {
                    Ok(sockets) => return Ok(sockets),
                    Err(source) => refused = StartError::Listen { address, source },
                }
            }
            Err(refused)
        });
        let bound: Vec<_> = given.chain(made).collect::<Result<_, _>>()?;
        if bound.is_empty() { Err(StartError::NoAddress) } else { Ok(bound) }
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("listen", &self.listen)
            .field("listeners", &self.listeners)
            .field("accept", &self.accept)
            .field("sockets", &self.sockets)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

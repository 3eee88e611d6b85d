//! How connections are accepted: by whom, on which sockets, and what becomes of one too many.
//!
//! # Rules
//! * Whoever cannot be served is told so, with 503, while there is a way to.
//! * Where the system has no descriptors or memory left, accepting pauses, longer each time up to a bound; the log says so
//!   once, and once more when it is over.
//! * When the server drains, what waits in a socket's queue is answered 503, and the socket is closed.
//!
//! A descriptor is held in reserve: given up, it is the one with which a connection is accepted only to be answered.
//! Otherwise clients would wait in the queue, and never learn why.

mod dedicated;
mod socket;

use std::fs::File;
use std::future::{Future, poll_fn};
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use ts_cont::future::sleep;
use ts_cont::{Here, Registration};

use super::counts::Counters;
use super::gate::Refusal;
use super::lane::{Handed, Shared};
use super::settings::Copied;
use super::stop::{Entered, Phase};

pub(super) use self::dedicated::start;
pub use self::socket::SocketOptions;
pub(super) use self::socket::bind;

/// How many connections are accepted in one go, so that other work of the thread has its turn.
const AT_ONCE: u32 = 64;

/// How long to pause when the system has nothing left: some connection has to end first.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Who accepts connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Accept {
    /// One network thread for each address; it hands the connections out to all, in turn. They are spread evenly, also when
    /// there are few.
    #[default]
    One,
    /// Each network thread on a socket of its own (`SO_REUSEPORT`), for itself. No connection goes from thread to thread; the
    /// system spreads them by their addresses, evenly only when there are many. A socket that was given to the builder is
    /// accepted from as with [`Accept::One`].
    PerThread,
    /// So many threads that do nothing else, and hand the connections out in turn: for when network threads are busy for long.
    Dedicated(NonZeroUsize),
}

/// Takes what a listening socket gives, and what it does not.
pub(super) struct Acceptor {
    shared: Arc<Shared>,
    settings: Copied,
    /// The lane that gets every connection, or none: each in turn.
    lane: Option<usize>,
    turn: usize,
    reserve: Option<File>,
    scarce: Option<Scarce>,
}

/// The system has nothing left.
struct Scarce {
    since: Instant,
    pause: Duration,
    turned_away: u64,
}

impl Acceptor {
    /// For connections to all lanes from `turn` on, or to one.
    pub(super) fn new(shared: Arc<Shared>, turn: usize, lane: Option<usize>) -> Self {
        let settings = Copied::new(&shared.settings);
        Self { shared, settings, lane, turn, reserve: reserve(), scarce: None }
    }

    /// Takes the outcome of an accept; says how long to pause before the next.
    pub(super) fn take(
        &mut self,
        accepted: io::Result<(TcpStream, SocketAddr)>,
        listener: &TcpListener,
    ) -> Option<Duration> {
        match accepted {
            Ok((socket, client)) => {
                if let Some(scarce) = self.scarce.take() {
                    let Scarce { since, turned_away, .. } = scarce;
                    let lasted = since.elapsed();
                    tracing::warn!(?lasted, turned_away, "connections are accepted again");
                    self.reserve = self.reserve.take().or_else(reserve);
                }
                self.hand_over(socket, client);
                None
            }
            Err(error) if is_of_the_connection(&error) => None,
            Err(error) => Some(self.pause(&error, listener)),
        }
    }

    fn hand_over(&mut self, socket: TcpStream, client: SocketAddr) {
        let lane = self.lane.unwrap_or(self.turn % self.shared.inboxes.len());
        self.turn = self.turn.wrapping_add(1);
        let settings = self.settings.get(&self.shared.settings);
        let shared = &self.shared;
        // The count goes first, so that whoever drains waits for a connection that is on its way.
        let entered = shared.stop.enter(client.ip(), &settings.limits);
        if entered == Entered::Closed {
            return self.turn_away(socket);
        }
        let welcome = entered == Entered::Yes;
        if !welcome {
            self.counters().refused_connections.add_among_others();
            tracing::debug!(%client, ?entered, "a connection too many");
        }
        if !shared.inboxes[lane].push(Handed { socket, client, welcome }) && welcome {
            shared.stop.leave(client.ip());
        }
    }

    fn pause(&mut self, error: &io::Error, listener: &TcpListener) -> Duration {
        self.counters().accept_failures.add_among_others();
        let scarce = self.scarce.get_or_insert_with(|| {
            tracing::error!(%error, "no connection could be accepted; clients wait, or are answered 503");
            Scarce { since: Instant::now(), pause: FIRST_PAUSE, turned_away: 0 }
        });
        let pause = scarce.pause;
        scarce.pause = (pause * 2).min(LONGEST_PAUSE);
        self.shed(listener);
        pause
    }

    /// Answers some of those that wait, by means of the descriptor in reserve.
    fn shed(&mut self, listener: &TcpListener) {
        if self.reserve.take().is_none() {
            self.reserve = reserve();
            return;
        }
        for _ in 0..AT_ONCE {
            let Ok((socket, _)) = listener.accept() else { break };
            self.counters().refused_connections.add_among_others();
            self.turn_away(socket);
            if let Some(scarce) = &mut self.scarce {
                scarce.turned_away += 1;
            }
        }
        self.reserve = reserve();
    }

    /// The server drains: nobody waits in the queue for a socket that is closed.
    pub(super) fn close(&mut self, listener: &TcpListener) {
        while let Ok((socket, _)) = listener.accept() {
            self.counters().refused_connections.add_among_others();
            self.turn_away(socket);
        }
    }

    /// Answers a client whom nobody will serve, as well as that goes without waiting.
    fn turn_away(&self, mut socket: TcpStream) {
        if socket.set_nonblocking(true).is_err() {
            return;
        }
        let _ = socket.write(&turned_away());
        let _ = socket.shutdown(Shutdown::Write);
        // What is there unread would make the system throw the answer away.
        let _ = socket.read(&mut [0; 4096]);
    }

    fn counters(&self) -> &Counters {
        self.shared.acceptors()
    }
}

/// The answer to a client who is one too many.
pub(super) fn turned_away() -> Vec<u8> {
    Refusal::new(503, "too many connections").response(true)
}

fn reserve() -> Option<File> {
    File::open("/dev/null").ok()
}

/// Accepts on a network thread, until the server drains.
pub(super) fn watch(here: &Here, listener: TcpListener, acceptor: Acceptor) -> io::Result<()> {
    let io = here.io().ok_or(io::ErrorKind::Unsupported)?;
    let listener = io.register(listener)?;
    drop(here.spawn_local(accept(listener, acceptor)));
    Ok(())
}

async fn accept(listener: Registration<TcpListener>, mut acceptor: Acceptor) {
    let shared = Arc::clone(&acceptor.shared);
    let mut draining = pin!(shared.stop.wait(Phase::Draining));
    let mut at_once = 0;
    loop {
        let accepted = poll_fn(|cx| {
            if draining.as_mut().poll(cx).is_ready() {
                return Poll::Ready(None);
            }
            if at_once == AT_ONCE {
                at_once = 0;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            listener.poll_read_with(cx, TcpListener::accept).map(Some)
        });
        let Some(accepted) = accepted.await else { break };
        at_once += 1;
        if let Some(pause) = acceptor.take(accepted, listener.source()) {
            let mut pause = pin!(sleep(pause));
            let over = poll_fn(|cx| match draining.as_mut().poll(cx) {
                Poll::Ready(()) => Poll::Ready(true),
                Poll::Pending => pause.as_mut().poll(cx).map(|()| false),
            });
            if over.await {
                break;
            }
        }
    }
    acceptor.close(listener.source());
}

/// It is this connection that failed, or its network; the listener is none the worse.
fn is_of_the_connection(error: &io::Error) -> bool {
    let of_it = [
        Errno::CONNABORTED,
        Errno::CONNRESET,
        Errno::PERM,
        Errno::PROTO,
        Errno::NETDOWN,
        Errno::NOPROTOOPT,
        Errno::HOSTDOWN,
        Errno::NONET,
        Errno::HOSTUNREACH,
        Errno::OPNOTSUPP,
        Errno::NETUNREACH,
        Errno::TIMEDOUT,
        Errno::INTR,
    ];
    Errno::from_io_error(error).is_some_and(|error| of_it.contains(&error))
}

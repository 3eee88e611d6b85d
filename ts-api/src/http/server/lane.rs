//! What one network thread has of a server: accepted connections come in, the origin's are kept.
//!
//! One thread accepts for all and hands the connections out in turn. A socket for each thread would spread them by hash and
//! not evenly, and could not be drained without losing those that wait in its queue.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::pin::pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use crossbeam_utils::CachePadded;
use ts_cont::future::sleep;
use ts_cont::{EventType, Here, Registration};

use super::connection::serve;
use super::counts::Counters;
use super::hooks::{GlobalHooks, Lists};
use super::pool::Pools;
use super::resolve::Resolve;
use super::settings::{Copied, Current, Settings};
use super::stop::{Phase, Stop};
use super::subjects::Shards;

/// How many connections are accepted in one go, so that other work of the thread has its turn.
const ACCEPTED_AT_ONCE: u32 = 64;

/// How long to wait when the system has no file descriptors left: some connection has to end first.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(100);

/// What the threads of a server share.
pub(crate) struct Shared {
    pub(crate) number: u64,
    pub(crate) hooks: Arc<GlobalHooks>,
    pub(crate) stop: Stop,
    pub(crate) settings: Current,
    pub(crate) resolver: Arc<dyn Resolve>,
    /// Where names are looked up.
    pub(crate) lookups: EventType,
    pub(crate) counters: Box<[CachePadded<Counters>]>,
    pub(crate) inboxes: Box<[Inbox]>,
}

/// Accepted connections on their way to a thread.
#[derive(Default)]
pub(crate) struct Inbox(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    connections: VecDeque<(TcpStream, SocketAddr)>,
    waker: Option<Waker>,
    closed: bool,
}

impl Inbox {
    /// Hands a connection over; false if the thread takes none any more.
    fn push(&self, connection: (TcpStream, SocketAddr)) -> bool {
        let mut waiting = self.waiting();
        if waiting.closed {
            return false;
        }
        waiting.connections.push_back(connection);
        let waker = waiting.waker.take();
        drop(waiting);
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One thread's share of a server.
pub(crate) struct Lane {
    shared: Arc<Shared>,
    index: usize,
    settings: Copied,
    origins: Rc<Pools>,
    shards: Shards,
}

impl Lane {
    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.shared.counters[self.index]
    }

    pub(crate) fn origins(&self) -> &Rc<Pools> {
        &self.origins
    }

    pub(crate) fn shards(&self) -> Shards {
        self.shards
    }

    /// The settings in force: for a new connection or request, which keeps them.
    pub(crate) fn settings(&self) -> Rc<Settings> {
        self.settings.get(&self.shared.settings)
    }

    pub(crate) fn global_lists(&self) -> Lists<'_> {
        Lists { global: &self.shared.hooks, session: None, transaction: None }
    }
}

/// Takes the connections that are meant for this thread, until the server drains.
pub(crate) async fn run(shared: Arc<Shared>, index: usize) {
    let settings = Copied::new(&shared.settings);
    let origins = Pools::new(Arc::clone(&shared.resolver), shared.lookups);
    let lane =
        Rc::new(Lane { index, settings, origins, shards: Shards::choose(), shared: Arc::clone(&shared) });
    let here = Here::current().expect("a lane runs on an event thread");
    let inbox = &shared.inboxes[index];
    let mut draining = pin!(shared.stop.wait(Phase::Draining));
    let mut over = false;
    loop {
        let next = poll_fn(|cx| {
            over = over || draining.as_mut().poll(cx).is_ready();
            let mut waiting = inbox.waiting();
            if let Some(connection) = waiting.connections.pop_front() {
                return Poll::Ready(Some(connection));
            }
            if over {
                waiting.closed = true;
                return Poll::Ready(None);
            }
            waiting.waker = Some(cx.waker().clone());
            Poll::Pending
        });
        let Some((socket, client)) = next.await else { return };
        drop(here.spawn_local(serve(Rc::clone(&lane), socket, client)));
    }
}

/// Accepts connections for all lanes, until the server drains.
pub(crate) async fn accept(shared: Arc<Shared>, listener: Registration<TcpListener>) {
    let mut draining = pin!(shared.stop.wait(Phase::Draining));
    let mut at_once = 0;
    let mut turn = 0;
    loop {
        let accepted = poll_fn(|cx| {
            if draining.as_mut().poll(cx).is_ready() {
                return Poll::Ready(None);
            }
            if at_once == ACCEPTED_AT_ONCE {
                at_once = 0;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            listener.poll_read_with(cx, TcpListener::accept).map(Some)
        })
        .await;
        match accepted {
            None => return,
            Some(Ok(connection)) => {
                at_once += 1;
                hand_over(&shared, connection, turn);
                turn = (turn + 1) % shared.inboxes.len();
            }
            Some(Err(error)) if is_of_the_connection(&error) => {}
            Some(Err(error)) => {
                tracing::error!(%error, "no connection could be accepted");
                sleep(OUT_OF_DESCRIPTORS).await;
            }
        }
    }
}

fn hand_over(shared: &Shared, connection: (TcpStream, SocketAddr), turn: usize) {
    // The count goes first, so that whoever drains waits for a connection that is on its way.
    if shared.stop.enter() && !shared.inboxes[turn].push(connection) {
        shared.stop.leave();
    }
}

/// The client has broken off before its connection was taken; the listener is none the worse.
fn is_of_the_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionReset)
}

//! What one network thread has of a server: accepted connections come in, the origin's are kept.
//!
//! Who accepts them is told in `accept.rs`.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::net::{SocketAddr, TcpStream};
use std::pin::pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use crossbeam_utils::CachePadded;
use ts_cont::{EventType, Here};

use super::connection::{serve, turn_away};
use super::counts::Counters;
use super::hooks::{GlobalHooks, Lists};
use super::pool::Pools;
use super::resolve::Resolve;
use super::settings::{Copied, Current, Settings};
use super::stop::{Phase, Stop};
use super::subjects::Shards;

/// How many clients that are one too many are told so at the same time, on each thread. Others find their connection closed.
const TURNED_AWAY_AT_ONCE: usize = 256;

/// What the threads of a server share.
pub(crate) struct Shared {
    pub(crate) number: u64,
    pub(crate) hooks: Arc<GlobalHooks>,
    pub(crate) stop: Stop,
    pub(crate) settings: Current,
    pub(crate) resolver: Arc<dyn Resolve>,
    /// Where names are looked up.
    pub(crate) lookups: EventType,
    /// One for each thread, and a last one for all who accept.
    pub(crate) counters: Box<[CachePadded<Counters>]>,
    pub(crate) inboxes: Box<[Inbox]>,
}

impl Shared {
    /// What those who accept count, wherever they do.
    pub(crate) fn acceptors(&self) -> &Counters {
        self.counters.last().expect("there is one more than there are threads")
    }
}

/// Accepted connections on their way to a thread.
#[derive(Default)]
pub(crate) struct Inbox(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    connections: VecDeque<Handed>,
    waker: Option<Waker>,
    closed: bool,
}

/// A connection that was accepted.
pub(crate) struct Handed {
    pub(crate) socket: TcpStream,
    pub(crate) client: SocketAddr,
    /// It is counted, and to be served; otherwise it is one too many, and to be told so.
    pub(crate) welcome: bool,
}

impl Inbox {
    /// Hands a connection over; false if the thread takes none any more.
    pub(crate) fn push(&self, connection: Handed) -> bool {
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
    // Each that is told holds one.
    let turned_away = Rc::new(());
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
        let Some(Handed { socket, client, welcome }) = next.await else { return };
        if welcome {
            drop(here.spawn_local(serve(Rc::clone(&lane), socket, client)));
        } else if Rc::strong_count(&turned_away) <= TURNED_AWAY_AT_ONCE {
            let (lane, one_more) = (Rc::clone(&lane), Rc::clone(&turned_away));
            drop(here.spawn_local(async move {
                turn_away(&lane, socket).await;
                drop(one_more);
            }));
        }
    }
}

//! How a server is told to stop, and how it tells that it has.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::poll_fn;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use slab::Slab;

use super::limits::Limits;

/// How far a server's end has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// It serves.
    Open,
    /// It accepts nobody, finishes what runs, and closes what is idle.
    Draining,
    /// It drops its connections.
    Dropping,
}

/// Whether a session may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entered {
    /// It is counted.
    Yes,
    /// There are as many as there may be.
    Full,
    /// There are as many of this client as there may be.
    ClientFull,
    /// The server accepts nobody any more.
    Closed,
}

/// Tells everybody on all threads; counts sessions.
pub(crate) struct Stop {
    state: Mutex<State>,
    last_left: Condvar,
}

struct State {
    phase: Phase,
    wakers: Slab<Waker>,
    sessions: usize,
    /// Of each client.
    clients: HashMap<IpAddr, usize>,
}

/// Who counts as one client: an IPv4 address, or the network that an IPv6 address is in, since each of its hosts has as many
/// addresses as it likes.
fn client_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !0 << 64)),
        address => address,
    }
}

impl Stop {
    pub(crate) fn new() -> Self {
        let state = State { phase: Phase::Open, wakers: Slab::new(), sessions: 0, clients: HashMap::new() };
        Self { state: Mutex::new(state), last_left: Condvar::new() }
    }

    /// Goes on to `phase`; never back.
    pub(crate) fn go_to(&self, phase: Phase) {
        let mut state = self.state();
        if state.phase >= phase {
            return;
        }
        state.phase = phase;
        let wakers: Vec<_> = state.wakers.drain().collect();
        drop(state);
        for waker in wakers {
            waker.wake();
        }
    }

    /// Waits for `phase`, or a later one.
    pub(crate) async fn wait(&self, phase: Phase) {
        let mut place = Place { stop: self, taken: None };
        poll_fn(|cx| {
            let mut state = self.state();
            if state.phase >= phase {
                return Poll::Ready(());
            }
            // A phase that was not the awaited one has emptied the list.
            let index = place.taken.filter(|(_, at)| *at == state.phase).map(|(index, _)| index);
            match index.and_then(|index| state.wakers.get_mut(index)) {
                Some(waker) => waker.clone_from(cx.waker()),
                None => place.taken = Some((state.wakers.insert(cx.waker().clone()), state.phase)),
            }
            Poll::Pending
        })
        .await;
    }

    /// Counts a session in, if there is room for one.
    pub(crate) fn enter(&self, client: IpAddr, limits: &Limits) -> Entered {
        let mut state = self.state();
        if state.phase != Phase::Open {
            return Entered::Closed;
        }
        if limits.connections.is_some_and(|most| state.sessions >= most) {
            return Entered::Full;
        }
        let of_client = state.clients.entry(client_of(client)).or_insert(0);
        if limits.connections_per_client.is_some_and(|most| *of_client >= most.get()) {
            return Entered::ClientFull;
        }
        *of_client += 1;
        state.sessions += 1;
        Entered::Yes
    }

    /// Counts a session out.
    pub(crate) fn leave(&self, client: IpAddr) {
        let mut state = self.state();
        state.sessions -= 1;
        if let Entry::Occupied(mut of_client) = state.clients.entry(client_of(client)) {
            *of_client.get_mut() -= 1;
            if *of_client.get() == 0 {
                of_client.remove();
            }
        }
        if state.sessions == 0 {
            self.last_left.notify_all();
        }
    }

    pub(crate) fn sessions(&self) -> usize {
        self.state().sessions
    }

    /// Blocks until no session is left, or `limit` has passed; how many are left.
    pub(crate) fn wait_for_sessions(&self, limit: Duration) -> usize {
        let deadline = Instant::now().checked_add(limit);
        let mut state = self.state();
        while state.sessions > 0 {
            let Some(deadline) = deadline else {
                state = self.last_left.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            (state, _) = self.last_left.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
        }
        state.sessions
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A waker's place in the list, until its future is done or dropped.
struct Place<'a> {
    stop: &'a Stop,
    /// Where, and in which phase: the next one empties the list, and others may take the same place then.
    taken: Option<(usize, Phase)>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let Some((index, at)) = self.taken else { return };
        let mut state = self.stop.state();
        let waker = (state.phase == at).then(|| state.wakers.try_remove(index)).flatten();
        drop(state);
        drop(waker);
    }
}

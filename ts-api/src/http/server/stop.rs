//! How a server is told to stop, and how it tells that it has.
//!
//! # Ordering
//! `[stop-phase]`: the phase is under the lock, with those who are to hear of it. A copy outside is for those who ask again
//! and again, all connections at each turn, and would meet at the lock. One that is old does no harm: whoever goes on wakes all
//! who are in the list, and they look once more.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::poll_fn;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use slab::Slab;

use super::limits::Limits;

/// How far a server's end has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
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
    /// As in `state`, or older.
    phase: AtomicU8,
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
        Self { phase: AtomicU8::new(Phase::Open as u8), state: Mutex::new(state), last_left: Condvar::new() }
    }

    /// Goes on to `phase`; never back.
    pub(crate) fn go_to(&self, phase: Phase) {
        let mut state = self.state();
        if state.phase >= phase {
            return;
        }
        state.phase = phase;
        // Release [stop-phase]: whoever sees it sees what was done before the server was told.
        self.phase.store(phase as u8, Ordering::Release);
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
            // Acquire [stop-phase].
            let now = self.phase.load(Ordering::Acquire);
            if now >= phase as u8 {
                return Poll::Ready(());
            }
            if place.taken.as_ref().is_some_and(|taken| taken.is_good(now, cx.waker())) {
                return Poll::Pending;
            }
            let mut state = self.state();
            if state.phase >= phase {
                return Poll::Ready(());
            }
            // A phase that was not the awaited one has emptied the list.
            let index = place.taken.take().filter(|taken| taken.at == state.phase).map(|taken| taken.index);
            let index = match index.and_then(|index| Some((index, state.wakers.get_mut(index)?))) {
                Some((index, waker)) => {
                    waker.clone_from(cx.waker());
                    index
                }
                None => state.wakers.insert(cx.waker().clone()),
            };
            place.taken = Some(Taken { index, at: state.phase, waker: cx.waker().clone() });
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
    taken: Option<Taken>,
}

/// Where, whose, and in which phase: the next one empties the list, and others may take the same place then.
struct Taken {
    index: usize,
    at: Phase,
    waker: Waker,
}

impl Taken {
    /// Whether it is still there, and for this waker, as far as one knows who has seen that `now` is the phase.
    fn is_good(&self, now: u8, waker: &Waker) -> bool {
        self.at as u8 == now && self.waker.will_wake(waker)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let Some(taken) = self.taken.take() else { return };
        let mut state = self.stop.state();
        let waker = (state.phase == taken.at).then(|| state.wakers.try_remove(taken.index)).flatten();
        drop(state);
        drop(waker);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Arc;
    use std::task::Context;

    use super::*;
    use crate::http::server::told::Told;

    #[test]
    fn who_waits_is_told_of_each_phase_until_it_is_the_awaited_one() {
        let stop = Stop::new();
        let told = Arc::new(Told::default());
        let waker = Waker::from(Arc::clone(&told));
        let mut wait = pin!(stop.wait(Phase::Dropping));
        let mut is_through = || wait.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        assert!(!is_through() && !is_through());
        stop.go_to(Phase::Draining);
        assert_eq!(told.take(), 1);
        assert!(!is_through() && !is_through());
        stop.go_to(Phase::Dropping);
        assert_eq!(told.take(), 1);
        assert!(is_through());
    }

    #[test]
    fn the_waker_of_the_last_poll_is_the_one_that_is_told() {
        let stop = Stop::new();
        let (first, second) = (Arc::new(Told::default()), Arc::new(Told::default()));
        let mut wait = pin!(stop.wait(Phase::Draining));
        for told in [&first, &second] {
            let waker = Waker::from(Arc::clone(told));
            assert!(wait.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        }
        stop.go_to(Phase::Draining);
        assert_eq!((first.take(), second.take()), (0, 1));
    }

    #[test]
    fn who_waits_no_more_leaves_nothing_behind() {
        let stop = Stop::new();
        for phase in [Phase::Open, Phase::Draining] {
            stop.go_to(phase);
            let mut wait = Box::pin(stop.wait(Phase::Dropping));
            assert!(wait.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            assert_eq!(stop.state().wakers.len(), 1);
            drop(wait);
            assert!(stop.state().wakers.is_empty());
        }
    }
}

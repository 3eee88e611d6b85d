//! How a server is told to stop, and how it tells that it has.

use std::future::poll_fn;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use slab::Slab;

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

/// Tells everybody on all threads; counts sessions.
pub(crate) struct Stop {
    state: Mutex<State>,
    last_left: Condvar,
}

struct State {
    phase: Phase,
    wakers: Slab<Waker>,
    sessions: usize,
}

impl Stop {
    pub(crate) fn new() -> Self {
        let state = State { phase: Phase::Open, wakers: Slab::new(), sessions: 0 };
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

    /// Counts a session in, unless the server accepts nobody any more.
    pub(crate) fn enter(&self) -> bool {
        let mut state = self.state();
        let open = state.phase == Phase::Open;
        state.sessions += usize::from(open);
        open
    }

    /// Counts a session out.
    pub(crate) fn leave(&self) {
        let mut state = self.state();
        state.sessions -= 1;
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

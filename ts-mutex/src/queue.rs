//! Who waits for one mutex, in order of arrival. Plain data under the queue lock; no protocol here.
//!
//! # Rules
//! * A ticket is given once. The smallest one is the oldest waiter's; trying again in vain keeps ticket and age.
//! * What leaves the queue may own foreign values, so it is dropped after the queue lock is released.
//!
//! A list would find the oldest as fast, but a waiter that leaves from the middle, as dropped futures do, would have to be
//! searched for.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU32, AtomicU64 as Counter};
use std::time::Duration;

use smallvec::SmallVec;
use ts_thread::sync::{Mutex, MutexGuard as Locked};
use ts_thread::{Clock, HrTime};

use crate::guard::MutexGuard;
use crate::waiter::Target;

/// What a mutex needs once it was contended. The counters are part of no protocol, so that models need not see them.
pub(crate) struct Cold {
    pub(crate) name: Option<&'static str>,
    /// How often the count of holds began again from zero.
    pub(crate) acquired_high: AtomicU32,
    pub(crate) missed: Counter,
    pub(crate) waited: Counter,
    queue: Mutex<Queue>,
}

impl Cold {
    pub(crate) fn new(name: Option<&'static str>) -> Self {
        Self {
            name,
            acquired_high: AtomicU32::new(0),
            missed: Counter::new(0),
            waited: Counter::new(0),
            queue: Mutex::new(Queue::default()),
        }
    }

    /// Takes the queue lock.
    pub(crate) fn queue(&self) -> Locked<'_, Queue> {
        // Foreign code that could panic under the lock only answers a question; the queue is whole at that time.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A function that is to run under the mutex before it is free again.
pub(crate) type Errand = Box<dyn FnOnce(&MutexGuard<'_>) + Send>;

/// A waiter's place in the queue.
pub(crate) struct Place {
    pub(crate) target: Target,
    clock: Clock,
    /// By its own clock.
    since: HrTime,
    /// How long it waits before the mutex is reserved for it.
    patience: Duration,
    /// The context that tried last.
    pub(crate) context: u64,
    /// It was told to try again, and has not done so.
    pub(crate) called: bool,
}

impl Place {
    pub(crate) fn new(target: Target, clock: Clock, patience: Duration, context: u64) -> Self {
        let since = clock.now();
        Self { target, clock, since, patience, context, called: false }
    }

    fn is_due(&self) -> bool {
        self.target.can_keep_a_reservation()
            && self.clock.now().saturating_duration_since(self.since) > self.patience
    }

    /// Until when it may keep its call if it naps for so long at most: not beyond the time when it is due. None if it was not
    /// called, or is due.
    pub(crate) fn nap(&self, nap: Duration) -> Option<HrTime> {
        if nap.is_zero() || !self.called || self.is_due() {
            return None;
        }
        let due = self.since.saturating_add(self.patience).saturating_add(Duration::from_nanos(1));
        Some(self.clock.now().saturating_add(nap).min(due))
    }
}

/// Whom to tell that the mutex is given back, and how.
pub(crate) struct Choice {
    /// To be called, the oldest first.
    pub(crate) calls: SmallVec<[Target; 2]>,
    /// Whoever the mutex is to be reserved for.
    pub(crate) reserve: Option<u64>,
    /// The one that is counted on to try, if it has to be asked again whether it is busy; with its ticket.
    pub(crate) ask: Option<(u64, Target)>,
}

#[derive(Default)]
pub(crate) struct Queue {
    last_ticket: u64,
    waiters: BTreeMap<u64, Place>,
    errands: Vec<Errand>,
}

impl Queue {
    pub(crate) fn is_empty(&self) -> bool {
        self.waiters.is_empty() && self.errands.is_empty()
    }

    /// Whether anything is queued besides the waiter with this ticket.
    pub(crate) fn has_others(&self, ticket: Option<u64>) -> bool {
        !self.errands.is_empty() || self.waiters.len() > usize::from(ticket.is_some())
    }

    /// Queues at the end; gives the ticket.
    pub(crate) fn push(&mut self, place: Place) -> u64 {
        self.last_ticket += 1;
        self.waiters.insert(self.last_ticket, place);
        self.last_ticket
    }

    pub(crate) fn place(&mut self, ticket: u64) -> Option<&mut Place> {
        self.waiters.get_mut(&ticket)
    }

    pub(crate) fn remove(&mut self, ticket: u64) -> Option<Place> {
        self.waiters.remove(&ticket)
    }

    pub(crate) fn push_errand(&mut self, errand: Errand) {
        self.errands.push(errand);
    }

    /// All errands, in order of arrival.
    pub(crate) fn take_errands(&mut self) -> Vec<Errand> {
        std::mem::take(&mut self.errands)
    }

    /// Chooses among the waiters whose ticket is above `after` and not `declined`, and notes whom it calls.
    ///
    /// Goes from the oldest on until it finds one that can be counted on to try soon.
    pub(crate) fn choose(&mut self, after: u64, declined: Option<u64>) -> Choice {
        let mut choice = Choice { calls: SmallVec::new(), reserve: None, ask: None };
        let mut behind = self.waiters.range_mut(after + 1..);
        for (&ticket, place) in behind.by_ref() {
            if declined == Some(ticket) {
                continue;
            }
            if !place.called {
                place.called = true;
                choice.calls.push(place.target.clone());
            }
            if place.target.is_busy() {
                continue;
            }
            if place.is_due() {
                choice.reserve = Some(ticket);
            }
            // If it should turn out to be busy, that matters to those behind it, or if all have to wait for it.
            if place.target.can_be_busy() && (choice.reserve.is_some() || behind.next().is_some()) {
                choice.ask = Some((ticket, place.target.clone()));
            }
            break;
        }
        choice
    }
}

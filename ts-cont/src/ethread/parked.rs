//! Events whose mutex was busy: they wait at the mutex, and are told.
//!
//! A thread has one place in the queue of a mutex, however many of its events want it; behind that place the events keep
//! their order. When the mutex is let go of, its unlock tells the oldest place: the number of the mutex goes into the
//! thread's `woken` list, `urgent` is raised, and if the thread sleeps it is woken. The thread looks at `urgent` before
//! every handler.
//!
//! # Giving a reservation back
//!
//! A mutex that is reserved for a place whose thread is in a long handler would stand idle. So the unlocking thread asks
//! [`Wake::is_busy`] after it raised `urgent`, with the heavy half of the asymmetric fence between; the thread raises
//! `in_handler`, runs the light half, and looks at `urgent`. One of the two sees the other: either the reservation is
//! given back, or the thread tends to it before it enters the handler.
//!
//! A thread that is told of several mutexes at once tends to them one after the other. Before it runs the events of one, it
//! declines the others: those go to the next in their queues, and it tries them afterwards, as old as it is.

use super::Shared;
use crate::work::Work;
use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use ts_event::{Entry, Key};
use ts_mutex::{ProxyMutex, Waiter, Wake};
use ts_thread::HrTime;

/// The mutexes this thread waits for.
#[derive(Default)]
pub(crate) struct Parked {
    places: HashMap<usize, Place>,
    /// How many places there have been: their order, since that of the table is different in every run.
    taken: u64,
}

/// This thread's place at one mutex.
pub(crate) struct Place {
    pub(crate) mutex: ProxyMutex,
    pub(crate) waiter: Waiter,
    pub(crate) events: VecDeque<Entry<Work>>,
    order: u64,
}

/// Tells the thread that a mutex may be tried again.
struct Told {
    shared: Arc<Shared>,
    mutex: usize,
}

impl Wake for Told {
    fn wake(&self) {
        self.shared.woken.lock().unwrap_or_else(PoisonError::into_inner).push(self.mutex);
        self.shared.flags.raise_urgent();
        self.shared.nudge();
    }

    fn is_busy(&self) -> bool {
        // Relaxed: ordered against `urgent` by the fence pair (see the module head).
        self.shared.flags.in_handler.load(Ordering::Relaxed)
    }
}

impl Place {
    pub(crate) fn new(shared: &Arc<Shared>, mutex: &ProxyMutex) -> Self {
        let told = Told { shared: Arc::clone(shared), mutex: mutex.id() };
        Self {
            mutex: mutex.clone(),
            waiter: Waiter::new(Arc::new(told), shared.core.clock.clone()).fair_slice(shared.core.fair_slice),
            events: VecDeque::new(),
            order: 0,
        }
    }
}

impl Parked {
    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// When the place at this mutex tries again by itself, if it does.
    pub(crate) fn naps_until(&self, mutex: usize) -> Option<HrTime> {
        self.places.get(&mutex).and_then(|place| place.waiter.naps_until())
    }

    pub(crate) fn take(&mut self, mutex: usize) -> Option<Place> {
        self.places.remove(&mutex)
    }

    pub(crate) fn put(&mut self, mut place: Place) {
        if place.order == 0 {
            self.taken += 1;
            place.order = self.taken;
        }
        self.places.insert(place.mutex.id(), place);
    }

    /// Queues `entry` behind the events that wait for its mutex already, if any do.
    pub(crate) fn queue_behind(&mut self, mutex: usize, entry: Entry<Work>) -> Result<(), Entry<Work>> {
        match self.places.get_mut(&mutex) {
            Some(place) => {
                place.events.push_back(entry);
                Ok(())
            }
            None => Err(entry),
        }
    }

    /// Removes one event; its place goes with the last, so that the thread does not wait for a mutex it has no use for.
    ///
    /// The places are given in their cell: one that is given up may pass the mutex on, and that may run anything.
    pub(crate) fn remove(parked: &RefCell<Self>, key: Key<Work>) -> Option<Entry<Work>> {
        let mut this = parked.borrow_mut();
        let entry = this.places.values_mut().find_map(|place| {
            let index = place.events.iter().position(|entry| entry.key() == key)?;
            place.events.remove(index)
        })?;
        let empty = this.take_empty();
        drop(this);
        drop(empty);
        Some(entry)
    }

    /// Removes the events that `dead` says so of. See [`Parked::remove`].
    pub(crate) fn remove_if(parked: &RefCell<Self>, dead: impl Fn(&Work) -> bool) -> Vec<Entry<Work>> {
        let mut removed = Vec::new();
        let mut this = parked.borrow_mut();
        let mut places: Vec<_> = this.places.values_mut().collect();
        places.sort_by_key(|place| place.order);
        for place in places {
            for _ in 0..place.events.len() {
                let Some(entry) = place.events.pop_front() else { break };
                if dead(&entry) {
                    removed.push(entry);
                } else {
                    place.events.push_back(entry);
                }
            }
        }
        let empty = this.take_empty();
        drop(this);
        drop(empty);
        removed
    }

    /// Takes out the places with no events, in an order that is the same in every run.
    fn take_empty(&mut self) -> Vec<Place> {
        let mut empty: Vec<_> =
            self.places.extract_if(|_, place| place.events.is_empty()).map(|(_, place)| place).collect();
        empty.sort_by_key(|place| place.order);
        empty
    }

    /// Everything that waits, for the end of the thread. Taken out of its cell, since a place that is given up may pass the
    /// mutex on, and that may run anything.
    pub(crate) fn into_events(self) -> impl Iterator<Item = Entry<Work>> {
        let mut places: Vec<_> = self.places.into_values().collect();
        places.sort_by_key(|place| place.order);
        places.into_iter().flat_map(|place| place.events)
    }
}

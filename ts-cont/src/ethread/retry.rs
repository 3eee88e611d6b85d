//! What a thread does about events whose mutex is busy: has them wait, and tries again when it is told. Where they wait, and how
//! a thread is told, is in `parked.rs`.
//!
//! # Rules
//! * The events of one place run under one acquisition, a budget's worth; the rest takes a new place behind the others.
//! * Before it runs them, a thread that was told of several mutexes lets others have those that it does not hold.
//! * References are given back when the mutex is.

use super::dispatch::called;
use super::local::Here;
use super::parked::Place;
use crate::cell::CellRef;
use crate::work::Work;
use std::panic::Location;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use ts_event::{Entry, When};
use ts_thread::fence;

impl Here {
    /// Lets an event wait for its mutex.
    #[cold]
    #[inline(never)]
    pub(super) fn park(&self, entry: Entry<Work>, cell: CellRef) {
        self.local().counts.missed.add();
        let Some(mutex) = cell.get().mutex() else { unreachable!("it was missed") };
        let mut place = Place::new(self.thread().shared(), mutex);
        place.events.push_back(entry);
        self.run_place(place);
    }

    /// Tries the mutexes whose unlock told this thread.
    pub(super) fn retry_parked(&self) {
        loop {
            self.hear();
            let Some(mutex) = self.local().told.borrow_mut().pop_front() else { return };
            let place = self.take_place(mutex);
            if let Some(place) = place {
                self.run_place(place);
            }
        }
    }

    /// Takes down which mutexes' unlocks told this thread.
    fn hear(&self) {
        let shared = self.thread().shared();
        if shared.flags.take_urgent() {
            let mut woken = shared.woken.lock().unwrap_or_else(PoisonError::into_inner);
            self.local().told.borrow_mut().extend(woken.drain(..));
        }
    }

    /// Lets others have the mutexes that this thread was told of and has not tried, after it said that it is busy.
    fn decline_the_rest(&self) {
        fence::light();
        // Whoever tells this thread of a mutex from here on finds it busy.
        self.hear();
        let mut next = 0;
        loop {
            // Nothing stays borrowed, since a mutex that is passed on may run anything.
            let Some(mutex) = self.local().told.borrow().get(next).copied() else { break };
            next += 1;
            self.decline_place(mutex);
        }
        self.decline_naps();
    }

    /// Lets others have a mutex that this thread was called for; its place there stays.
    pub(super) fn decline_place(&self, mutex: usize) {
        let place = self.take_place(mutex);
        if let Some(place) = place {
            place.waiter.decline(&place.mutex);
            self.put_place(place);
        }
    }

    /// Runs the events of a place under one acquisition if the mutex can be had; otherwise the place stays in the queue.
    fn run_place(&self, mut place: Place) {
        let mutex = place.mutex.clone();
        let mut budget = self.thread().shared().core.budget;
        let mut owed = Vec::new();
        // A report of a mutex that is held for too long names the continuations that were called first and last under it.
        let Some(made) = place.events.front().map(made_at) else {
            place.waiter.leave(&mutex);
            return;
        };
        let Some(guard) = mutex.try_lock_or_nap_at(&place.waiter, self.nap(), made) else {
            if place.waiter.naps_until().is_some() {
                self.nap_for(mutex.id());
            }
            self.put_place(place);
            return;
        };
        let flags = &self.thread().shared().flags;
        let mut last = made;
        // Relaxed, both: see `Busy::raise`; only this thread changes it.
        let outer = flags.in_handler.load(Ordering::Relaxed);
        if !outer {
            flags.in_handler.store(true, Ordering::Relaxed);
            self.decline_the_rest();
        }
        while budget > 0
            && let Some(entry) = place.events.pop_front()
        {
            budget -= 1;
            last = made_at(&entry);
            let cell = called(&entry).cell();
            owed.push((cell, self.run_locked(entry, &guard)));
        }
        flags.in_handler.store(outer, Ordering::Relaxed);
        guard.unlock_at(last);
        for (cell, count) in owed {
            cell.release(count);
        }
        if !place.events.is_empty() {
            // The budget is spent: take a new place in the queue, so that others have their turn.
            self.run_place_later(place);
        }
    }

    fn take_place(&self, mutex: usize) -> Option<Place> {
        let local = self.local();
        let mut parked = local.parked.borrow_mut();
        let place = parked.take(mutex);
        local.has_parked.set(!parked.is_empty());
        place
    }

    fn put_place(&self, place: Place) {
        self.local().parked.borrow_mut().put(place);
        self.local().has_parked.set(true);
    }

    fn run_place_later(&self, place: Place) {
        let shared = self.thread().shared();
        let mutex = place.mutex.id();
        self.put_place(place);
        shared.woken.lock().unwrap_or_else(PoisonError::into_inner).push(mutex);
        self.push(
            Work::Closure(Box::new(|here| {
                here.thread().shared().flags.raise_urgent();
                here.retry_parked();
            })),
            When::Now,
        );
    }
}

/// Where the continuation of an event was made.
fn made_at(entry: &Entry<Work>) -> &'static Location<'static> {
    called(entry).cell().get().place()
}

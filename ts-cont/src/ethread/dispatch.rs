//! One entry of the queue: take the mutex or wait at it, call, and see what becomes of the event.

use super::local::Here;
use super::parked::{Parked, Place};
use super::run::caught;
use crate::cell::CellRef;
use crate::event::{Event, Extras, MissedTicks, Period, Rearm};
use crate::work::{Scheduled, Work};
use crate::{Action, Continuation};
use std::mem::ManuallyDrop;
use std::panic::Location;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;
use ts_event::{Begin, End, Entry, When};
use ts_mutex::MutexGuard;
use ts_thread::{HrTime, fence};

/// References to give back once the mutex is free again.
type Owed = (CellRef, usize);

impl Here {
    /// Runs one entry, after tending to mutexes that have become free.
    pub(super) fn dispatch(&self, entry: Entry<Work>) {
        let flags = &self.thread().shared().flags;
        // Relaxed: `is_busy` reads it after the heavy half of this fence.
        flags.in_handler.store(true, Ordering::Relaxed);
        fence::light();
        // Relaxed: the list behind it has a lock of its own; `hear` reads the flag again.
        while flags.urgent.load(Ordering::Relaxed) {
            flags.in_handler.store(false, Ordering::Relaxed);
            self.retry_parked();
            // Relaxed: as above. What was told while the flag was down has to be seen before the handler is entered.
            flags.in_handler.store(true, Ordering::Relaxed);
            fence::light();
        }
        self.run_entry(entry);
        // Relaxed: an early or late look only moves a reservation to another waiter.
        flags.in_handler.store(false, Ordering::Relaxed);
    }

    fn run_entry(&self, entry: Entry<Work>) {
        if let Work::Call(_) = &*entry {
            self.run_call(entry);
            return;
        }
        match self.local().cache.take(entry) {
            Work::Call(_) => unreachable!("handled above"),
            Work::Task(runnable) => {
                runnable.run();
            }
            Work::Sleep(sleep) => sleep.fire(),
            Work::Unlink(key) => {
                let entry = self.local().queue.borrow_mut().remove(key);
                let entry = entry.or_else(|| Parked::remove(&self.local().parked, key));
                if let Some(entry) = entry {
                    self.drop_entry(entry);
                }
            }
            Work::Closure(f) => {
                caught(self, || f(self));
            }
            Work::Nudge => {}
        }
    }

    fn run_call(&self, mut entry: Entry<Work>) {
        let Work::Call(scheduled) = &mut *entry else { unreachable!("the caller looked") };
        let cell = scheduled.cell();
        let Some(mutex) = &cell.get().mutex else {
            let owed = self.run_event(entry, None);
            Self::settle(owed);
            return;
        };
        if self.local().has_parked.get() {
            match self.local().parked.borrow_mut().queue_behind(mutex.id(), entry) {
                Ok(()) => return,
                Err(back) => entry = back,
            }
        }
        // A report of a mutex that is held for too long is to name the handler, not this loop.
        let place = cell.get().place;
        let Some(guard) = mutex.try_lock_at(place) else {
            self.park(entry, cell);
            return;
        };
        let owed = self.run_event(entry, Some(&guard));
        guard.unlock_at(place);
        Self::settle(owed);
    }

    fn settle(owed: Option<Owed>) {
        if let Some((cell, count)) = owed {
            cell.release(count);
        }
    }

    /// Lets an event wait for its mutex.
    #[cold]
    fn park(&self, entry: Entry<Work>, cell: CellRef) {
        self.local().counts.missed.add();
        let Some(mutex) = &cell.get().mutex else { unreachable!("it was missed") };
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
        // Acquire [urgent]: the list was written before the flag. A number that comes later raises the flag again.
        if shared.flags.urgent.swap(false, Ordering::Acquire) {
            let mut woken = shared.woken.lock().unwrap_or_else(PoisonError::into_inner);
            self.local().told.borrow_mut().extend(woken.drain(..));
        }
    }

    /// Lets others have the mutexes that this thread was told of and has not tried, after it said that it is busy.
    fn decline_the_rest(&self) {
        fence::light();
        // Relaxed: see `dispatch`. Whoever tells this thread of a mutex from here on finds it busy.
        if self.thread().shared().flags.urgent.load(Ordering::Relaxed) {
            self.hear();
        }
        let mut next = 0;
        loop {
            // Nothing stays borrowed, since a mutex that is passed on may run anything.
            let Some(mutex) = self.local().told.borrow().get(next).copied() else { return };
            next += 1;
            let place = self.take_place(mutex);
            if let Some(place) = place {
                place.waiter.decline(&place.mutex);
                self.put_place(place);
            }
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
        let Some(guard) = mutex.try_lock_or_wait_at(&place.waiter, made) else {
            self.put_place(place);
            return;
        };
        let flags = &self.thread().shared().flags;
        let mut last = made;
        // Relaxed, both: see `dispatch`; only this thread changes it.
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
            owed.extend(self.run_event(entry, Some(&guard)));
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
                // Release [urgent]: as in `Told::wake`; it is this thread that reads it.
                here.thread().shared().flags.urgent.store(true, Ordering::Release);
                here.retry_parked();
            })),
            When::Now,
        );
    }

    /// Calls the handler and decides what becomes of the event. The mutex, if there is one, is held.
    fn run_event(&self, mut entry: Entry<Work>, guard: Option<&MutexGuard<'_>>) -> Option<Owed> {
        let local = self.local();
        let key = entry.key();
        let Work::Call(scheduled) = &mut *entry else { unreachable!("only calls wait for a mutex") };
        let cell = scheduled.cell();
        // In this order, so that an event says that it ran only if its handler was entered.
        let alive = match guard {
            Some(_) => !cell.get().life.is_destroyed(),
            None => cell.enter_shared(),
        };
        if !alive || entry.begin() == Begin::CalledOff {
            if guard.is_none() {
                cell.leave_shared();
            }
            return self.end_event(entry);
        }
        let Work::Call(scheduled) = &mut *entry else { unreachable!("seen above") };
        if guard.is_some() {
            // SAFETY: the mutex is held.
            unsafe { scheduled.adopt() };
        }
        let code = scheduled.code;
        let extra = scheduled.extra.take();
        local.running.set(Some(key));
        local.rearm.set(Rearm::Unsaid);
        local.counts.dispatched.add();

        // A handle that borrows the event's reference instead of taking one.
        let continuation = ManuallyDrop::new(Continuation::from_cell(cell));
        let mut event = Event::dispatched(code, extra, &continuation, guard, self, Action::new(key));
        let outcome = match guard {
            // SAFETY: the guard is of this continuation's mutex, under which it was alive above; and no handler is on
            // the stack of a thread that dispatches.
            Some(guard) => unsafe { cell.run_locked(guard, &mut event) },
            None => cell.run_shared(&mut event),
        };
        if guard.is_none() {
            cell.leave_shared();
        }
        let mut extra = event.into_extra();
        local.running.set(None);
        let rearm = local.rearm.replace(Rearm::Unsaid);

        if let Some(notify) = extra.get_mut().and_then(|extra| extra.notify.take()) {
            notify.ran();
        }
        // Not for a continuation that is no more: its events would only lie about until they are swept up.
        let again =
            outcome.is_ok() && !cell.get().life.is_destroyed() && !self.thread().shared().core.is_closing();
        if again
            && let Some(when) = next_run(rearm, &mut extra, || self.now())
            && entry.end() == End::Ended
        {
            let Work::Call(scheduled) = &mut *entry else { unreachable!("seen above") };
            scheduled.extra = extra;
            local.queue.borrow_mut().push(entry, when);
            return None;
        }
        // The data goes with the event, after its slot says that it is over.
        let Work::Call(scheduled) = &mut *entry else { unreachable!("seen above") };
        scheduled.extra = extra;
        self.end_event(entry)
    }

    /// Ends an event; the mutex of its continuation, if there is one, is held.
    fn end_event(&self, entry: Entry<Work>) -> Option<Owed> {
        match self.local().cache.take(entry) {
            // SAFETY: the mutex is held.
            Work::Call(scheduled) => Some(unsafe { Scheduled::end(scheduled) }),
            _ => unreachable!("only calls come here"),
        }
    }
}

/// Where the continuation of an event was made.
fn made_at(entry: &Entry<Work>) -> &'static Location<'static> {
    let Work::Call(scheduled) = &**entry else { unreachable!("only calls wait for a mutex") };
    scheduled.cell().get().place
}

/// When the event runs again, if it does.
fn next_run(rearm: Rearm, extra: &mut Extras, now: impl FnOnce() -> HrTime) -> Option<When> {
    match rearm {
        Rearm::Stopped => None,
        Rearm::Now => {
            forget_period(extra);
            Some(When::Now)
        }
        Rearm::At(at) => {
            forget_period(extra);
            Some(When::At(at))
        }
        Rearm::Every(period) => {
            let due = now().saturating_add(period);
            extra.get_or_insert().period = Some(Period::Every { period, due });
            Some(When::At(due))
        }
        Rearm::Unsaid => {
            let extra = extra.get_mut()?;
            match extra.period? {
                Period::Poll(order) => Some(When::Poll(order)),
                Period::Every { period, due } => {
                    let due = next_tick(extra.missed, period, due, now());
                    extra.period = Some(Period::Every { period, due });
                    Some(When::At(due))
                }
            }
        }
    }
}

fn forget_period(extra: &mut Extras) {
    if let Some(extra) = extra.get_mut() {
        extra.period = None;
    }
}

/// The tick after the one that was due at `due` and is through at `now`.
fn next_tick(missed: MissedTicks, period: Duration, due: HrTime, now: HrTime) -> HrTime {
    match missed {
        MissedTicks::Delay => now.saturating_add(period),
        MissedTicks::Burst => due.saturating_add(period),
        MissedTicks::Skip => {
            let next = due.saturating_add(period);
            if next > now {
                return next;
            }
            // The first whole multiple after `now`. The period is not zero; see `Timing::check`.
            let late = now.saturating_duration_since(due).as_nanos();
            let period = period.as_nanos();
            let ticks = (late / period + 1).saturating_mul(period);
            due.saturating_add(Duration::from_nanos(u64::try_from(ticks).unwrap_or(u64::MAX)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(nanos: u64) -> HrTime {
        HrTime::from_nanos(nanos)
    }

    #[test]
    fn a_delayed_tick_is_a_period_after_the_handler() {
        assert_eq!(next_tick(MissedTicks::Delay, Duration::from_nanos(10), at(100), at(137)), at(147));
    }

    #[test]
    fn a_skipping_tick_is_the_next_multiple_still_to_come() {
        let tick = |now| next_tick(MissedTicks::Skip, Duration::from_nanos(10), at(100), at(now));
        assert_eq!((tick(100), tick(109), tick(110), tick(137)), (at(110), at(110), at(120), at(140)));
    }

    #[test]
    fn a_bursting_tick_makes_up_for_those_that_were_missed() {
        assert_eq!(next_tick(MissedTicks::Burst, Duration::from_nanos(10), at(100), at(137)), at(110));
    }

    #[test]
    fn a_tick_beyond_the_end_of_time_is_never() {
        for missed in [MissedTicks::Delay, MissedTicks::Skip, MissedTicks::Burst] {
            assert_eq!(next_tick(missed, Duration::MAX, HrTime::MAX, HrTime::MAX), HrTime::MAX);
        }
    }
}

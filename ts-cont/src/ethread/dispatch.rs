//! One entry of the queue: take the mutex or wait at it (`retry.rs`), call, and see what becomes of the event (`again.rs`).

use super::again::next_run;
use super::local::Here;
use super::parked::Parked;
use super::run::caught;
use super::stay::{Guard, Stay};
use super::{Flags, Stop};
use crate::CallError;
use crate::cell::CellRef;
use crate::event::{Event, Frame, Rearm};
use crate::work::{Counted, Scheduled, Work};
use std::hint::{cold_path, unreachable_unchecked};
use std::mem::ManuallyDrop;
use std::sync::atomic::Ordering;
use ts_event::{Begin, Begun, End, Entry, Queue};
use ts_mutex::MutexGuard;
use ts_thread::{current_id, fence};

impl Here {
    /// Runs what is ready until nothing is, or the budget is spent, or the thread is to stop at once.
    pub(super) fn run_ready(&self) {
        let local = self.local();
        let _busy = Busy::begin(self);
        self.decline_naps_if_ready();
        // SAFETY: the queue calls nothing foreign, and nobody holds it while a handler might run.
        let budget = unsafe { local.queue.step(Queue::take_budget) };
        // What does not change from one event to the next is asked once: how fences are, who runs, and whether diagnostics
        // want to hear of each acquisition.
        let known = fence::Asymmetric::known().filter(|_| !ts_mutex::diagnostics::checks());
        let mut run = Run { left: budget, goes_on: true };
        while run.goes_on {
            run = match known {
                Some(fence) if !local.has_parked.get() => self.run_knowing(run.left, fence),
                _ => self.run_asking(run.left, known.is_some()),
            };
        }
        let left = run.left;
        // SAFETY: as above.
        unsafe { local.queue.step(|queue| queue.return_budget(left)) };
        self.settle();
        local.credit.settle();
    }

    /// Runs so many ready entries at most, each by itself, and if the caller wants only until no event is parked.
    #[inline(never)]
    fn run_asking(&self, mut left: u32, while_parked: bool) -> Run {
        let flags = &self.thread().shared().flags;
        while left > 0 {
            if while_parked && !self.local().has_parked.get() {
                return Run { left, goes_on: true };
            }
            if flags.wants_attention() && self.attend() == Stop::Now {
                break;
            }
            // SAFETY: the queue calls nothing foreign, and nobody holds it while a handler might run.
            let Some(entry) = (unsafe { self.local().queue.step(Queue::next_ready) }) else { break };
            left -= 1;
            self.run_entry(entry);
        }
        Run { left, goes_on: false }
    }

    /// As `run_asking`, with what is known beforehand, and with the mutex kept from one event to the next if it is the same:
    /// the straight way of an event. To be called while no event is parked, and ends when one is.
    #[inline(never)]
    fn run_knowing(&self, budget: u32, fence: fence::Asymmetric) -> Run {
        let local = self.local();
        let flags = &self.thread().shared().flags;
        let guard = Guard::default();
        // SAFETY: a handler that enters another context leaves it before it returns.
        let mut stay = unsafe { Stay::new(&guard, current_id(), fence) };
        // SAFETY: this thread's evidence is not given up meanwhile; and whoever shows an event has a mutex in `stay`.
        let mut frame = unsafe { Frame::new(guard.place(), self) };
        let mut left = budget;
        let mut goes_on = false;
        // How many entries went another way, or were not to run.
        let mut astray = 0;
        'events: while left > 0 {
            if flags.wants_attention() {
                cold_path();
                stay.end();
                if self.attend() == Stop::Now {
                    break;
                }
                if local.has_parked.get() {
                    goes_on = true;
                    break;
                }
            }
            // SAFETY: the queue calls nothing foreign, and nobody holds it while a handler might run.
            let Some(entry) = (unsafe { local.queue.step(Queue::next_ready) }) else {
                cold_path();
                break;
            };
            // Nothing below unwinds with it in hand.
            let mut entry = ManuallyDrop::new(entry);
            left -= 1;
            let cell = 'held: {
                // One that is counted plainly has a mutex, since that is how they are. The event's reference keeps that, then
                // another event's, or what is owed for it; before either is given back, `stay` gives back the mutex.
                let missed = match straight(&entry) {
                    Straight::Plain(cell) => {
                        // SAFETY: as above.
                        if unsafe { stay.at(cell) } {
                            break 'held cell;
                        }
                        cell
                    }
                    Straight::Shared(cell) if cell.get().mutex().is_some() => {
                        // SAFETY: as above.
                        if unsafe { stay.at(cell) } {
                            // SAFETY: the mutex is held.
                            unsafe { called_mut(&mut entry).adopt() };
                            break 'held cell;
                        }
                        cell
                    }
                    _ => {
                        cold_path();
                        astray += 1;
                        stay.end();
                        self.run_entry(ManuallyDrop::into_inner(entry));
                        if local.has_parked.get() {
                            goes_on = true;
                            break 'events;
                        }
                        continue 'events;
                    }
                };
                cold_path();
                astray += 1;
                self.park(ManuallyDrop::into_inner(entry), missed);
                goes_on = true;
                break 'events;
            };
            // In this order, so that an event says that it ran only if its handler was entered.
            let owed = if cell.get().life.is_dead() {
                cold_path();
                astray += 1;
                self.end_event(ManuallyDrop::into_inner(entry))
            } else {
                // SAFETY: what is ready waits: it was sent, or armed again, and has not begun since.
                match unsafe { ManuallyDrop::into_inner(entry).run_waiting(fence) } {
                    // SAFETY: all of this was seen above.
                    Ok(begun) => {
                        // Whether the next run may follow at once, without a look at what the loop looks at in between: that
                        // is all looked at here.
                        let mut may_follow = || {
                            // SAFETY: the queue calls nothing foreign, and nobody holds it while a handler might run.
                            let is_alone = unsafe { local.queue.step(|queue| !queue.has_ready()) };
                            // SAFETY: the event keeps the continuation.
                            let is_free = is_alone && left > 0 && unsafe { !stay.is_wanted_at(cell) };
                            if !is_free || flags.wants_attention() || cell.get().life.is_dead() {
                                return false;
                            }
                            left -= 1;
                            true
                        };
                        // SAFETY: all of this was seen above.
                        unsafe { self.run_begun(begun, cell, &mut frame, fence, &mut may_follow) }
                    }
                    Err(off) => {
                        cold_path();
                        astray += 1;
                        self.end_event(off)
                    }
                }
            };
            if owed > 0 {
                cold_path();
                if self.owes_another(cell) {
                    // What is owed for that one is given back now, and not under this one's mutex.
                    stay.end();
                    self.owe(cell, owed);
                    continue;
                }
                self.owe(cell, owed);
            }
            // SAFETY: an event of its own, or what is owed, still keeps the continuation and its handle.
            if unsafe { stay.is_wanted_at(cell) } {
                stay.hand_over();
            }
        }
        stay.end();
        local.counts.dispatched.add_many(u64::from(budget - left - astray));
        Run { left, goes_on }
    }

    /// Runs one entry that is not of the ready list.
    pub(super) fn dispatch(&self, entry: Entry<Work>) {
        let _busy = Busy::begin(self);
        self.run_entry(entry);
        self.settle();
        self.local().credit.settle();
    }

    /// Looks at what others want before the next handler: tends to mutexes that have become free, and says whether the thread
    /// is to stop.
    #[cold]
    #[inline(never)]
    fn attend(&self) -> Stop {
        let shared = self.thread().shared();
        if shared.flags.is_urgent() {
            // Relaxed: an early or late look only moves a reservation to another waiter.
            shared.flags.in_handler.store(false, Ordering::Relaxed);
            self.retry_parked();
            Busy::raise(self);
        }
        shared.asked_to_stop()
    }

    #[inline(never)]
    fn run_entry(&self, mut entry: Entry<Work>) {
        let Work::Call(scheduled) = &*entry else { return self.run_other(entry) };
        let cell = scheduled.cell();
        let Some(mutex) = cell.get().mutex() else { return self.run_unlocked(entry, cell) };
        if self.local().has_parked.get() {
            match self.local().parked.borrow_mut().queue_behind(mutex.id(), entry) {
                Ok(()) => return,
                Err(back) => entry = back,
            }
        }
        // A report of a mutex that is held for too long is to name the handler, not this loop.
        let place = cell.get().place();
        let Some(guard) = mutex.try_lock_at(place) else { return self.park(entry, cell) };
        let owed = self.run_locked(entry, &guard);
        guard.unlock_at(place);
        if owed > 0 {
            self.owe(cell, owed);
        }
    }

    /// Whether another continuation's references are owed.
    #[inline]
    fn owes_another(&self, cell: CellRef) -> bool {
        self.local().debt.get().is_some_and(|(same, _)| same != cell)
    }

    /// Gives references back, later if more of the same continuation's may follow.
    fn owe(&self, cell: CellRef, count: usize) {
        let before = match self.local().debt.get() {
            Some((same, more)) if same == cell => more,
            _ => {
                self.settle();
                0
            }
        };
        self.local().debt.set(Some((cell, before + count)));
    }

    /// Gives back the references that are owed.
    fn settle(&self) {
        if let Some((cell, count)) = self.local().debt.take() {
            cell.release(count);
        }
    }

    #[inline(never)]
    fn run_other(&self, entry: Entry<Work>) {
        self.local().counts.others.add();
        match self.local().cache.take(entry) {
            Work::Call(_) => unreachable!("the caller looked"),
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

    /// Calls the handler under its mutex and decides what becomes of the event: if it is armed again, and `may_follow` says that
    /// it would be the next one anyhow, it goes on at once. Returns the references that are to be released once the mutex is
    /// free again.
    ///
    /// # Safety
    ///
    /// It is a call of `cell`, counted plainly, whose mutex is held by the guard of `frame`, and it was alive under it.
    #[inline(always)]
    unsafe fn run_begun(
        &self,
        begun: Begun<Work>,
        cell: CellRef,
        frame: &mut Frame,
        fence: fence::Asymmetric,
        may_follow: &mut impl FnMut() -> bool,
    ) -> usize {
        let (local, spot) = (self.local(), begun.spot());
        // Nearly all are: no period, nobody who waits for it, nothing that came along.
        let is_bare = |begun: &Begun<Work>| match &**begun {
            Work::Call(scheduled) => scheduled.carried.extra.is_none(),
            // SAFETY: the caller has looked.
            _ => unsafe { unreachable_unchecked() },
        };
        loop {
            // SAFETY: an entry that is a call, whose owner is this dispatch. The mutex of this continuation is held, under which
            // it was alive before the run began; and no handler is on the stack of a thread that dispatches.
            local
                .running
                .locked(spot, cell, || unsafe { cell.run_first(frame.show(Scheduled::shown(spot))) });
            let rearm = local.rearm.get();
            if !is_bare(&begun) {
                cold_path();
                return self.after_run(begun.into_entry(), cell);
            }
            if rearm == Rearm::Unsaid {
                // SAFETY: all entries of kind `Work` are of its one pool.
                unsafe { local.cache.forget_own(begun) };
                // SAFETY: the mutex is held, and the event is gone.
                return unsafe { cell.get().life.remove_plain() };
            }
            if rearm != Rearm::Now {
                cold_path();
                return self.after_run(begun.into_entry(), cell);
            }
            local.rearm.set(Rearm::Unsaid);
            // Whoever calls it off meanwhile hears that it is running, before the next run and after.
            if !begun.goes_on(fence) || !may_follow() {
                break;
            }
        }
        // Should the continuation be no more by now, the event is found dead when its turn comes.
        match begun.again(fence) {
            Ok(entry) => {
                // SAFETY: the queue calls nothing foreign, and nobody holds it while a handler might run.
                unsafe { local.queue.step(|queue| queue.push_now(entry)) };
                0
            }
            Err(off) => self.end_event(off),
        }
    }

    /// Calls the handler as `run_begun` does, if it is to run, without anything that is known beforehand.
    pub(super) fn run_locked(&self, mut entry: Entry<Work>, guard: &MutexGuard<'_>) -> usize {
        let cell = called(&entry).cell();
        if cell.get().life.is_dead() || entry.begin() == Begin::CalledOff {
            return self.end_event(entry);
        }
        let (local, spot) = (self.local(), entry.spot());
        local.counts.dispatched.add();
        // SAFETY: the mutex is held.
        unsafe { called_mut(&mut entry).adopt() };
        // SAFETY: an entry that is a call, whose owner is this dispatch. The guard is of this continuation's mutex, under which
        // it was alive before the event began; and no handler is on the stack of a thread that dispatches.
        local.running.locked(spot, cell, || unsafe {
            cell.run_first(&mut Event::dispatched(Scheduled::shown(spot), Some(guard), self));
        });
        self.after_run(entry, cell)
    }

    /// As `run_locked`, for a continuation without a mutex.
    #[inline(never)]
    fn run_unlocked(&self, mut entry: Entry<Work>, cell: CellRef) {
        let local = self.local();
        if !cell.enter_shared() || entry.begin() == Begin::CalledOff {
            cell.leave_shared();
            cell.release(self.end_event(entry));
            return;
        }
        local.counts.dispatched.add();
        local.running.unlocked(entry.spot(), || {
            // SAFETY: an entry that is a call, whose owner is this dispatch.
            let mut event = unsafe { Event::dispatched(Scheduled::shown(entry.spot()), None, self) };
            let _: Result<_, CallError> = cell.run_shared(&mut event);
            cell.leave_shared();
        });
        let owed = self.after_run(entry, cell);
        cell.release(owed);
    }

    /// Decides what becomes of an event that ran. The mutex of its continuation, if there is one, is held.
    #[inline(never)]
    fn after_run(&self, mut entry: Entry<Work>, cell: CellRef) -> usize {
        let rearm = self.local().rearm.replace(Rearm::Unsaid);
        if matches!(rearm, Rearm::Over(_)) {
            // SAFETY: only one with a mutex is said to be over: it is held, and the handler has returned.
            unsafe { cell.bury() };
        }
        let extra = &mut called_mut(&mut entry).carried.extra;
        if let Some(notify) = extra.get_mut().and_then(|extra| extra.notify.take()) {
            notify.ran();
        }
        // Not for a continuation that is no more (a panic has ended it, too): its events would only lie about until they are
        // swept up.
        if !cell.get().life.is_destroyed()
            && !self.thread().shared().core.is_closing()
            && let Some(when) = next_run(rearm, extra, || self.now())
            && entry.end() == End::Ended
        {
            self.local().queue.borrow_mut().push(entry, when);
            return 0;
        }
        // The data goes with the event, after its slot says that it is over.
        self.end_event(entry)
    }

    /// Ends an event; the mutex of its continuation, if there is one, is held.
    #[inline(never)]
    fn end_event(&self, entry: Entry<Work>) -> usize {
        match self.local().cache.take(entry) {
            // SAFETY: the mutex is held.
            Work::Call(scheduled) => unsafe { scheduled.end() },
            _ => unreachable!("only calls come here"),
        }
    }
}

/// How far the ready entries have been run.
struct Run {
    /// What is left of the budget.
    left: u32,
    /// The rest is to be run in another way. If not, nothing is ready, or the budget is spent, or the thread is to stop.
    goes_on: bool,
}

/// As long as it exists, others are told that this thread is busy.
struct Busy<'a>(&'a Flags);

impl<'a> Busy<'a> {
    /// Says so, and tends to the mutexes that became free before anybody could hear it.
    #[inline(always)]
    fn begin(here: &'a Here) -> Self {
        let busy = Self(&here.thread().shared().flags);
        Self::raise(here);
        busy
    }

    fn raise(here: &Here) {
        let flags = &here.thread().shared().flags;
        loop {
            // Relaxed: `is_busy` reads it after the heavy half of this fence.
            flags.in_handler.store(true, Ordering::Relaxed);
            fence::light();
            if !flags.is_urgent() {
                return;
            }
            // What was told while the flag was down has to be seen before a handler is entered.
            flags.in_handler.store(false, Ordering::Relaxed);
            here.retry_parked();
        }
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        // Relaxed: an early or late look only moves a reservation to another waiter.
        self.0.in_handler.store(false, Ordering::Relaxed);
    }
}

/// What an entry is.
enum Straight {
    /// An event that is counted plainly, of this continuation.
    Plain(CellRef),
    /// One that owns a reference.
    Shared(CellRef),
    /// No event.
    No,
}

/// What the entry is. The first question is whether it is what nearly all are, so that those answer no other.
#[inline(always)]
fn straight(entry: &Entry<Work>) -> Straight {
    match &**entry {
        Work::Call(scheduled) if scheduled.carried.counted() == Counted::Plain => {
            Straight::Plain(scheduled.cell())
        }
        Work::Call(scheduled) => Straight::Shared(scheduled.cell()),
        _ => Straight::No,
    }
}

/// The call that an entry of the queue is.
#[inline(always)]
pub(super) fn called(entry: &Entry<Work>) -> &Scheduled {
    let Work::Call(scheduled) = &**entry else { unreachable!("only calls wait for a mutex") };
    scheduled
}

#[inline(always)]
fn called_mut(entry: &mut Entry<Work>) -> &mut Scheduled {
    let Work::Call(scheduled) = &mut **entry else { unreachable!("only calls wait for a mutex") };
    scheduled
}

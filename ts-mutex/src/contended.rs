//! What happens when a mutex is not simply free: queueing, calling, reserving, leaving.
//!
//! The promise, the rules and the argument stand in the head of `raw.rs`. Everything here runs with the queue lock in
//! hand, and lets go of it before foreign code is called.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering::Relaxed as CounterRelaxed;
use std::time::Duration;

use ts_thread::sync::MutexGuard as Locked;
use ts_thread::sync::atomic::Ordering;
use ts_thread::{Clock, ContextKind, HrTime, ManualClock, Parker, Unpark, current_id, fence, sync::hint};

use crate::guard::MutexGuard;
use crate::proxy::ProxyMutex;
use crate::queue::{Errand, Place, Queue};
use crate::raw::Core;
use crate::waiter::{Target, Waiter};
use crate::word::{self, FREE, LOOK, RESERVED};

/// How often a blocking lock looks again before it queues, with 2, 4, 8 .. pauses between. Together these take
/// some microseconds, less than it costs to park and to be woken. A model needs no luck.
const SPINS: u32 = if cfg!(loom) { 0 } else { 6 };

/// How often a waiter that comes from its last nap looks again: some ten microseconds, since it would take longer than that
/// to be woken once more. In a model once.
const LAST_SPINS: u32 = if cfg!(loom) { 1 } else { 500 };

/// What the age of a thread that blocks is measured by. In a model it stands still: a model has to be repeatable.
fn blocking_clock() -> Clock {
    if cfg!(loom) { ManualClock::new().clock() } else { Clock::real() }
}

impl ProxyMutex {
    /// Takes the mutex for `waiter`, or queues it if it is not queued yet; lets it nap for so long if it was called. `me` does
    /// not hold the mutex.
    #[cold]
    #[track_caller]
    pub(crate) fn take_or_queue(&self, waiter: &Waiter, me: u64, nap: Duration) -> bool {
        let napped = waiter.naps_until.take().is_some();
        if self.take_or_queue_once(waiter, me, nap) {
            return true;
        }
        // Whoever comes from a nap has nothing else to do, and is due now: the holder is about to leave it the mutex.
        napped
            && waiter.naps_until().is_none()
            && self.spin_until_offered(waiter)
            && self.take_or_queue_once(waiter, me, Duration::ZERO)
    }

    /// Looks for some microseconds whether the mutex is free, or kept for `waiter`; true if so.
    fn spin_until_offered(&self, waiter: &Waiter) -> bool {
        let kept = waiter.ticket(self).map(word::reserved);
        (0..LAST_SPINS).any(|_| {
            hint::spin_loop();
            let word = self.core().peek();
            word == FREE || Some(word) == kept
        })
    }

    #[track_caller]
    fn take_or_queue_once(&self, waiter: &Waiter, me: u64, nap: Duration) -> bool {
        let core = self.core();
        let cold = core.cold();
        let ticket = waiter.ticket(self);
        let mut queue = cold.queue();
        self.say_waiting();
        loop {
            let word = core.peek();
            if word == FREE || self.is_kept_for(&mut queue, word, ticket, waiter, me) {
                // Others that are queued are not forgotten: whoever has LOOK in the word sees to them.
                let held = if queue.has_others(ticket) { me | LOOK } else { me };
                if !core.swap_in(word, held) {
                    continue;
                }
                core.count();
                let place = ticket.and_then(|ticket| queue.remove(ticket));
                self.say_if_nobody_waits(&queue);
                drop(queue);
                if place.is_some() {
                    cold.waited.fetch_add(1, CounterRelaxed);
                    waiter.done();
                }
                return true;
            }
            if word & RESERVED == 0
                && let Some(place) = ticket.and_then(|ticket| queue.place(ticket))
                && let Some(until) = place.nap(nap)
            {
                // It stays called, and tries again by itself: whoever gives the mutex back need not look.
                place.context = me;
                waiter.naps_until.set(Some(until));
                cold.missed.fetch_add(1, CounterRelaxed);
                return false;
            }
            // Whoever it is reserved for sets LOOK when it takes the mutex.
            if word & (RESERVED | LOOK) != 0 || self.set_look(word) {
                break;
            }
        }
        cold.missed.fetch_add(1, CounterRelaxed);
        match ticket.and_then(|ticket| queue.place(ticket)) {
            Some(place) => {
                place.called = false;
                place.context = me;
            }
            None => {
                let ticket =
                    queue.push(Place::new(waiter.target.clone(), waiter.clock.clone(), waiter.patience, me));
                drop(queue);
                waiter.enqueued(self, ticket);
            }
        }
        false
    }

    /// Whether the word is a reservation that `waiter` may take.
    ///
    /// That is its own; and for a thread that blocks, also one for another waiter of the same context: it cannot be
    /// taken by that one while the thread is blocked here.
    fn is_kept_for(
        &self,
        queue: &mut Queue,
        word: u64,
        ticket: Option<u64>,
        waiter: &Waiter,
        me: u64,
    ) -> bool {
        let Some(kept) = word::reserved_for(word) else { return false };
        if Some(kept) == ticket {
            return true;
        }
        match queue.place(kept) {
            Some(place) if matches!(waiter.target, Target::Thread(_)) && place.context == me => {
                // It lost what it was called for. It keeps its place, and the holder's LOOK will call it again.
                place.called = false;
                true
            }
            _ => false,
        }
    }

    /// Blocks until the mutex is taken or the deadline (of the real clock) has come. `me` does not hold the mutex.
    #[cold]
    #[track_caller]
    pub(crate) fn take_blocking(&self, me: u64, deadline: HrTime) -> bool {
        if self.spin(me) {
            return true;
        }
        let parker = Parker::new();
        let waiter = Waiter::with(Target::Thread(parker.unparker()), blocking_clock());
        loop {
            if self.take_or_queue(&waiter, me, Duration::ZERO) {
                return true;
            }
            if deadline == HrTime::MAX {
                self.refuse_in_a_simulation();
                parker.park();
            } else if parker.park_until(deadline) == Unpark::DeadlineReached {
                // The wake may have come in this moment. If it comes later, leaving passes it on.
                return self.take_or_queue(&waiter, me, Duration::ZERO);
            }
        }
    }

    fn spin(&self, me: u64) -> bool {
        let core = self.core();
        for round in 0..=SPINS {
            let word = core.peek();
            if word == FREE && core.swap_in(FREE, me) {
                core.count();
                return true;
            }
            if word & RESERVED != 0 || round == SPINS {
                return false;
            }
            for _ in 0..2 << round {
                hint::spin_loop();
            }
        }
        false
    }

    /// A simulated context cannot wait for another: they take turns on one OS thread.
    #[track_caller]
    fn refuse_in_a_simulation(&self) {
        if ts_thread::current().kind() == ContextKind::Simulated {
            panic!(
                "a simulated context would have to block for {self:?}, and the contexts of its OS thread with it: \
                 nobody could give the mutex back; use `try_lock_or_wait`, `run` or `lock_until`"
            );
        }
    }

    /// Runs `errand` under the mutex: at once if it is free now, or when it is given back.
    #[cold]
    pub(crate) fn send_errand(&self, errand: Errand) {
        let cold = self.core().cold();
        cold.missed.fetch_add(1, CounterRelaxed);
        let mut queue = cold.queue();
        self.say_waiting();
        queue.push_errand(errand);
        self.see_to(queue, None);
    }

    /// Takes the waiter with this ticket out of the queue, and passes on what it was given.
    #[cold]
    pub(crate) fn leave(&self, ticket: u64) {
        let core = self.core();
        let mut queue = core.cold().queue();
        let Some(place) = queue.remove(ticket) else { return };
        self.say_if_nobody_waits(&queue);
        if core.swap_in(word::reserved(ticket), current_id().get()) {
            self.release_slowly(queue, None);
        } else if place.called {
            self.see_to(queue, None);
        } else {
            // Before `place`, which owns what is the waiter's.
            drop(queue);
        }
    }

    /// Passes on what the waiter with this ticket was called for; it keeps its place, and counts as called. False if it was
    /// not called.
    #[cold]
    pub(crate) fn decline(&self, ticket: u64) -> bool {
        let core = self.core();
        let mut queue = core.cold().queue();
        if !queue.place(ticket).is_some_and(|place| place.called) {
            return false;
        }
        if core.swap_in(word::reserved(ticket), current_id().get()) {
            self.release_slowly(queue, Some(ticket));
        } else if queue.has_others(Some(ticket)) {
            // They were not told, as this one was counted on.
            self.see_to(queue, Some(ticket));
        }
        true
    }

    /// Gives the mutex back. Only the holder may call it, with no level left.
    #[inline(always)]
    pub(crate) fn release(&self, core: &Core) {
        if core.is_anybody_queued() {
            self.release_watched();
        } else if core.give_back(fence::light) {
            self.see_to_latecomer();
        }
    }

    /// As `release`, for a holder that has seen nobody wait: its second look finds whoever has come since.
    #[inline(always)]
    pub(crate) fn release_knowing(&self, core: &Core, fence: fence::Asymmetric) {
        if core.give_back(|| fence.light()) {
            self.see_to_latecomer();
        }
    }

    #[inline(never)]
    fn release_watched(&self) {
        if !self.core().give_back_unless_asked_to_look() {
            self.release_slowly(self.core().cold().queue(), None);
        }
    }

    #[cold]
    #[inline(never)]
    fn see_to_latecomer(&self) {
        self.see_to(self.core().cold().queue(), None);
    }

    /// Sees to it that the queue is looked at: by us if the mutex is free, by its holder otherwise. In our look the waiter
    /// with the ticket `declined` is passed over.
    fn see_to(&self, queue: Locked<'_, Queue>, declined: Option<u64>) {
        if queue.is_empty() {
            return;
        }
        if self.take_back_or_mark(FREE) {
            self.release_slowly(queue, declined);
        }
    }

    /// Takes the mutex for ourselves if the word is `from` or free. If somebody holds it, sets LOOK and gives false. If it
    /// is reserved, gives false: whoever takes it will set LOOK.
    fn take_back_or_mark(&self, from: u64) -> bool {
        let core = self.core();
        loop {
            let word = core.peek();
            if word == from || word == FREE {
                if core.swap_in(word, current_id().get()) {
                    return true;
                }
            } else if word & (RESERVED | LOOK) != 0 || self.set_look(word) {
                return false;
            }
        }
    }

    /// Runs errands, chooses whom to tell (but for the ticket `declined`), gives the mutex back, tells. Only the holder may
    /// call it, with no level left.
    #[inline(never)]
    fn release_slowly<'a>(&'a self, mut queue: Locked<'a, Queue>, declined: Option<u64>) {
        let core = self.core();
        let mut after = 0;
        loop {
            queue = self.run_errands(queue);
            let choice = queue.choose(after, declined);
            self.say_if_nobody_waits(&queue);
            let word = choice.reserve.map_or(FREE, word::reserved);
            // Release [hold]: what we did has happened for the next holder. LOOK, which this wipes out, is set under
            // the queue lock only, and whoever is queued was looked at just now.
            core.word.store(word, Ordering::Release);
            drop(queue);
            for target in &choice.calls {
                target.wake();
            }
            let Some((ticket, target)) = choice.ask else { return };
            // The thread that was called says first that it is busy and looks for calls then: see `Wake::is_busy`.
            fence::heavy();
            if !target.is_busy() {
                return;
            }
            queue = core.cold().queue();
            if !self.take_back_or_mark(word) {
                return;
            }
            after = ticket;
        }
    }

    /// Runs what waits for the mutex to become free. Only the holder may call it, with no level left.
    fn run_errands<'a>(&'a self, mut queue: Locked<'a, Queue>) -> Locked<'a, Queue> {
        loop {
            let errands = queue.take_errands();
            if errands.is_empty() {
                return queue;
            }
            drop(queue);
            // The level that has just ended goes on until all is done, so this one must not end in a release.
            let guard = std::mem::ManuallyDrop::new(MutexGuard::new(self, self.core()));
            for errand in errands {
                // It is nobody's fault who happens to unlock here, so the panic ends here too.
                if catch_unwind(AssertUnwindSafe(|| errand(&guard))).is_err() {
                    tracing::error!(mutex = ?self, "a function that was queued with `when_free` panicked");
                }
            }
            queue = self.core().cold().queue();
        }
    }

    /// Says that somebody is queued. Only under the queue lock.
    fn say_waiting(&self) {
        // Relaxed, both [waiting-flag]: changed under the queue lock only, so this is the latest value; the fence
        // orders the store against our next look at the word.
        if self.core().waiting.load(Ordering::Relaxed) == 0 {
            self.core().waiting.store(1, Ordering::Relaxed);
            // [waiting-flag]: the heavy half; the light one is in `Core::give_back`.
            fence::heavy();
        }
    }

    /// Only under the queue lock.
    fn say_if_nobody_waits(&self, queue: &Queue) {
        if queue.is_empty() {
            // Relaxed [waiting-flag]: whoever still sees 1 looks once for nothing.
            self.core().waiting.store(0, Ordering::Relaxed);
        }
    }

    /// Asks the holder to look into the queue; false if the word has changed. Only under the queue lock.
    fn set_look(&self, word: u64) -> bool {
        // Relaxed [waiting-flag]: it carries nothing, since the holder takes the queue lock before it reads anything.
        self.core().word.compare_exchange(word, word | LOOK, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

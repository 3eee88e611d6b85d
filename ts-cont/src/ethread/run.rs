//! The loop of a regular thread: one turn, and how it begins and ends.
//!
//! A turn looks once at the clock, the inbox, I/O, timers and poll events, then dispatches ready events until there are none
//! or the budget is spent. When nothing is ready the thread says in its inbox that it sleeps and waits for the exact next
//! deadline, unless timers come faster than that (`gather.rs`). The same turns run on an operating-system thread and in a
//! simulation; only who calls them, and what waiting means, differ.
//!
//! # The end
//!
//! Asked to drain, the thread goes on until nothing is ready or waiting for a mutex. Then, in this order, so that nothing is
//! lost in between: futures are dropped (each wakes, is found in the queue and dropped there, on its own thread), the inbox
//! closes (senders get their work back from here on), and what is left is dropped.

use super::local::{Here, Sweep};
use super::measure::Meter;
use super::parked::Parked;
use super::{EThread, Shared, Stop};
use crate::cell::panic_text;
use crate::processor::{Inner, SpawnCall};
use crate::work::Work;
use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use ts_event::{Entry, Receiver, Wait, When};
use ts_thread::{HrTime, current_id};

/// How long a thread with poll events waits at most before their next turn: as long as the original's poll, 10 ms.
pub const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// How long dead events of a destroyed continuation may stay in a queue before the thread looks for them: long enough that
/// one pass serves many destructions, short enough that memory does not pile up.
pub const SWEEP_DELAY: Duration = Duration::from_secs(1);

/// How many timers a turn looks at during a pass for dead events.
const SWEEP_STEP: usize = 1024;

/// For how many events the memory is asked for at once: about as many misses as a processor has under way.
pub(crate) const AHEAD: usize = 16;

/// With fewer timers that came due it is not worth while.
const WORTH: usize = 4;

/// A thread that is about to run, with all it needs.
pub(crate) struct Newborn {
    pub(crate) shared: Arc<Shared>,
    pub(crate) processor: Arc<Inner>,
    pub(crate) receiver: Receiver<Work>,
}

/// What a turn ended with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// There is more to do.
    Busy,
    /// Nothing to do until this time, or until something comes in. The inbox says that the thread sleeps.
    Idle(Option<HrTime>),
    /// The thread was asked to stop, and has done what it was to do before.
    Stop,
}

/// A thread that is an event thread by now and has start calls to make before its loop begins.
pub(crate) struct Starting {
    here: Here,
    calls: VecDeque<SpawnCall>,
}

impl Newborn {
    /// Makes the calling context this thread.
    pub(crate) fn begin(self, wait: &dyn Wait) -> Starting {
        let Self { shared, processor, receiver } = self;
        shared.install(current_id(), Some(wait.wakeup()));
        let here = Here::install(&shared, processor, receiver, wait.io());
        let calls = here.group().spawn_calls().into();
        Starting { here, calls }
    }

    /// Runs the thread until it is asked to stop.
    pub(crate) fn run(self, mut wait: Box<dyn Wait>) {
        let mut starting = self.begin(&*wait);
        let made = starting.make_calls(Busy::Block);
        debug_assert!(made, "a thread that may block makes them all");
        let here = starting.finish();
        let mut meter = Meter::default();
        loop {
            meter.begin(&here);
            if let Err(error) = wait.visit() {
                report(&here, &error);
            }
            meter.looked(&here);
            let turn = caught(&here, || here.turn());
            let drained = meter.drained(&here);
            match turn {
                Some(Turn::Busy) | None => meter.end(&here, drained, false),
                Some(Turn::Stop) => break,
                Some(Turn::Idle(deadline)) => {
                    here.local().gather.waits(deadline);
                    if let Err(error) = wait.wait(deadline) {
                        report(&here, &error);
                    }
                    here.awake();
                    meter.end(&here, drained, true);
                }
            }
        }
        here.finish();
    }
}

/// Handlers and futures have their own nets. What comes here is a panic of something else that ran on this thread: a
/// closure, a start function, a destructor. It must not end the thread, which others count on.
pub(crate) fn caught<R>(here: &Here, f: impl FnOnce() -> R) -> Option<R> {
    catch_unwind(AssertUnwindSafe(f))
        .inspect_err(|panic| {
            let text = panic_text(&**panic);
            tracing::error!(
                thread = here.thread().name(),
                panic = text,
                "something that an event thread ran panicked"
            );
        })
        .ok()
}

#[cold]
fn report(here: &Here, error: &io::Error) {
    tracing::error!(thread = here.thread().name(), %error, "waiting for I/O failed");
}

/// What to do when the mutex of a start continuation is held by another thread of the group, or by anybody.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Busy {
    /// Wait for it.
    Block,
    /// Come back later: in a simulation the holder may be further down this very stack.
    Return,
}

impl Starting {
    /// Makes the start calls that are left; false if one of them has to be tried again later.
    pub(crate) fn make_calls(&mut self, busy: Busy) -> bool {
        while let Some(call) = self.calls.pop_front() {
            let made = match &call {
                SpawnCall::Function(f) => {
                    caught(&self.here, || f(&self.here));
                    true
                }
                SpawnCall::Continuation { continuation, code, cookie } => {
                    call_at_start(&self.here, continuation, *code, *cookie, busy)
                }
            };
            if !made {
                self.calls.push_front(call);
                return false;
            }
        }
        true
    }

    /// All calls were made: the loop may begin.
    pub(crate) fn finish(self) -> Here {
        let group = self.here.group();
        ts_mutex::diagnostics::set_blocking_allowed(group.attributes().may_block);
        group.thread_started(&self.here);
        self.here
    }
}

/// A start continuation is called under its mutex: other threads of the group may be at it. False if it was busy.
fn call_at_start(
    here: &Here,
    continuation: &crate::Continuation,
    code: crate::EventCode,
    cookie: usize,
    busy: Busy,
) -> bool {
    let _guard = match (continuation.mutex(), busy) {
        (None, _) => None,
        (Some(mutex), Busy::Block) => Some(mutex.lock()),
        (Some(mutex), Busy::Return) => match mutex.try_lock() {
            Some(guard) => Some(guard),
            None => return false,
        },
    };
    let message = crate::Message::new(code).cookie(cookie);
    if let Err(error) = continuation.call(message) {
        tracing::error!(thread = here.thread().name(), ?continuation, %error, "a start continuation did not run");
    }
    true
}

impl Here {
    /// One turn of the loop.
    pub(crate) fn turn(&self) -> Turn {
        let local = self.local();
        let shared = self.thread().shared();
        let now = self.now();
        let visit = local.queue.borrow_mut().visit(now);
        local.gather.begin(now, visit.due);
        self.end_naps();
        self.retry_parked();
        self.run_poll_events();
        self.sweep(now);
        self.run_due();
        self.end_of_turn(shared.asked_to_stop())
    }

    /// Runs what is ready; what were timers some at a time, whose memory is asked for before.
    fn run_due(&self) {
        let queue = &self.local().queue;
        loop {
            let mut here = queue.borrow_mut();
            let budget = here.take_budget();
            let batch = if here.due_ahead() < WORTH { budget } else { budget.min(AHEAD as u32) };
            here.return_budget(batch);
            if batch == budget {
                drop(here);
                return self.run_ready();
            }
            Work::fetch(here.look_ahead(AHEAD));
            drop(here);
            self.run_ready();
            let mut here = queue.borrow_mut();
            let left = here.take_budget();
            here.return_budget(budget - batch + left);
            if left > 0 {
                return;
            }
        }
    }

    fn end_of_turn(&self, stop: Stop) -> Turn {
        let local = self.local();
        let mut queue = local.queue.borrow_mut();
        if stop == Stop::Now {
            return Turn::Stop;
        }
        if queue.has_ready() || local.sweep.get().under_way {
            return Turn::Busy;
        }
        let mut deadline = queue.next_deadline().map(|at| local.gather.until(at));
        if let Some(at) = local.sweep.get().at {
            deadline = Some(deadline.map_or(at, |deadline| deadline.min(at)));
        }
        if let Some(at) = self.naps_until() {
            deadline = Some(deadline.map_or(at, |deadline| deadline.min(at)));
        }
        if queue.has_poll() {
            let at = self.now().saturating_add(POLL_INTERVAL);
            deadline = Some(deadline.map_or(at, |deadline| deadline.min(at)));
        }
        if !queue.try_sleep() {
            return Turn::Busy;
        }
        if stop == Stop::Drain && local.parked.borrow().is_empty() {
            queue.awake();
            return Turn::Stop;
        }
        Turn::Idle(deadline)
    }

    /// After waiting: the inbox no longer says that the thread sleeps.
    pub(crate) fn awake(&self) {
        self.local().queue.borrow_mut().awake();
    }

    fn run_poll_events(&self) {
        if !self.local().queue.borrow_mut().has_poll() {
            return;
        }
        // Those that are there now; one that is re-armed has its next turn in the next turn.
        let count = self.local().queue.borrow_mut().begin_poll_turn();
        for _ in 0..count {
            let next = self.local().queue.borrow_mut().next_poll();
            let Some((entry, _)) = next else { break };
            self.dispatch(entry);
        }
    }

    /// Looks for dead events, a step a turn.
    fn sweep(&self, now: HrTime) {
        let local = self.local();
        let sweep = local.sweep.get();
        if !sweep.under_way && sweep.at.is_none_or(|at| now < at) {
            return;
        }
        let mut removed = Parked::remove_if(&local.parked, is_dead);
        let swept =
            local.queue.borrow_mut().sweep(SWEEP_STEP, |entry| is_dead(entry), |entry| removed.push(entry));
        // A request that came during the pass asks for another.
        let at = if sweep.under_way { sweep.at } else { None };
        local.sweep.set(Sweep { at, under_way: !swept.is_round_done });
        // The entries are dropped with no queue borrowed: a handler's data may schedule something in its destructor.
        for entry in removed {
            self.drop_entry(entry);
        }
    }

    /// Ends the thread's life as an event thread and leaves nothing behind.
    pub(crate) fn finish(&self) {
        let local = self.local();
        self.drop_tasks();
        local.queue.borrow_mut().close();
        let parked = local.parked.take();
        for entry in parked.into_events() {
            self.cancel_entry(entry);
        }
        loop {
            let entry = local.queue.borrow_mut().pop_any();
            if let Some(entry) = entry {
                self.cancel_entry(entry);
            } else if local.credit.is_settled() {
                break;
            } else {
                // What ends with them may leave something in the queue.
                caught(self, || local.credit.settle());
            }
        }
        self.processor().inner().thread_finished(self.thread(), local.counts.sum());
        Self::uninstall();
    }

    /// Drops all futures of this thread. One that is dropped may wake or even start others, so this goes on until none is left.
    fn drop_tasks(&self) {
        let local = self.local();
        let mut kept = Vec::new();
        loop {
            let wakers: Vec<_> = local.tasks.borrow().iter().map(|(_, waker)| waker.clone()).collect();
            for waker in wakers {
                waker.wake();
            }
            local.queue.borrow_mut().visit(self.now());
            let mut dropped = false;
            loop {
                let entry = local.queue.borrow_mut().pop_any();
                let Some(entry) = entry else { break };
                if matches!(&*entry, Work::Task(_)) {
                    dropped = true;
                    local.counts.tasks_dropped.add();
                    self.drop_entry(entry);
                } else {
                    kept.push(entry);
                }
            }
            if !dropped && local.tasks.borrow().is_empty() {
                break;
            }
        }
        for entry in kept {
            self.cancel_entry(entry);
        }
    }

    fn cancel_entry(&self, entry: Entry<Work>) {
        if matches!(&*entry, Work::Call(_)) && !is_dead(&entry) && !entry.is_called_off() {
            self.local().counts.cancelled.add();
        }
        caught(self, || self.drop_entry(entry));
    }
}

/// Whether an entry waits for nothing any more.
pub(crate) fn is_dead(work: &Work) -> bool {
    match work {
        Work::Call(scheduled) => scheduled.cell().get().life.is_destroyed(),
        _ => false,
    }
}

/// Runs a closure on `thread`, or drops it if the thread is gone.
pub(crate) fn run_on(thread: &EThread, f: impl FnOnce(&Here) + Send + 'static) {
    let mut work = Some(Work::Closure(Box::new(f)));
    thread.shared().owner.with_here(|here| work.take().map(|work| here.push(work, When::Now)));
    if let Some(work) = work {
        drop(thread.shared().send_work(work));
    }
}

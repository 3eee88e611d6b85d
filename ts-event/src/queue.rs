//! One thread's queue: inbox, ready list, timers and poll list, and how long one of them may keep the others waiting.
//!
//! The owner runs what [`next`](Queue::next) hands out. When that says `None` it visits: what came in is filed, what is
//! due becomes ready, and a new budget begins. So a continuation that always schedules itself again costs no clock
//! read and no look at the inbox per event, and yet keeps timers, I/O and its neighbours waiting for one budget at most.
//!
//! # Rules
//! * An entry for "now" runs after everything that was ready before it; what a visit brings comes behind that, what
//!   arrived before what became due.
//! * A timer becomes ready in a visit, never before its time; those that became due together in the order of
//!   their times.
//! * Nothing here reads a clock: the owner says what time it is.
//! * All but the [`Sender`](crate::Sender) stays with the owner, one thread at a time.
//!
//! Emptying the ready list before each look at the rest, as event loops often do, is simpler and lets two events
//! that schedule each other hold up every timer for ever.

use std::fmt;

use ts_thread::HrTime;

use crate::entry::Entry;
use crate::inbox::{Chain, Receiver};
use crate::key::Key;
use crate::poll::PollList;
use crate::ready::{Ready, Room};
use crate::wheel::{Sweep, Wheel};
use crate::when::When;

/// How many ready entries run between two visits, unless said otherwise. A visit costs about as much as a few
/// dispatches (a clock read, two loads, perhaps a system call for I/O), so at this number it is lost in them; and 128
/// short handlers are over in microseconds.
pub const DEFAULT_BUDGET: u32 = 128;

/// What waits on one thread, in the four places where it can wait.
///
/// # Examples
///
/// ```
/// use ts_event::{HrTime, Queue, Slots, When, inbox};
///
/// static SLOTS: Slots<&str> = Slots::new();
/// let (sender, receiver) = inbox();
/// let mut queue = Queue::new(receiver, HrTime::ZERO);
///
/// queue.push(SLOTS.entry("later"), When::At(HrTime::from_nanos(1_000_000)));
/// queue.push(SLOTS.entry("now"), When::Now);
/// sender.push(SLOTS.entry("from elsewhere"), When::Now).unwrap();
///
/// assert_eq!(*queue.next().unwrap(), "now");
/// assert!(queue.next().is_none(), "time for a visit");
/// queue.visit(HrTime::from_nanos(1));
/// assert_eq!(*queue.next().unwrap(), "from elsewhere");
/// assert_eq!(queue.next_deadline(), Some(HrTime::from_nanos(1_000_000)));
/// queue.visit(HrTime::from_nanos(1_000_000));
/// assert_eq!(*queue.next().unwrap(), "later");
/// ```
pub struct Queue<T: 'static> {
    receiver: Receiver<T>,
    ready: Ready<T>,
    timers: Wheel<T>,
    poll: PollList<T>,
    budget: u32,
    /// How many more entries may run before the next visit.
    left: u32,
    /// The position in the ready list behind the last that became due.
    due_to: u64,
}

/// What a visit brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Visit {
    /// How many entries came out of the inbox, whatever their time.
    pub inbox: usize,
    /// How many timers became ready.
    pub due: usize,
}

impl<T: 'static> Queue<T> {
    /// A queue with nothing in it but what the inbox holds. `now` is where its time begins; later times are given to
    /// [`visit`](Self::visit), and all are of one clock, the owner's.
    #[must_use]
    pub fn new(receiver: Receiver<T>, now: HrTime) -> Self {
        Self {
            receiver,
            ready: Ready::new(),
            timers: Wheel::new(now),
            poll: PollList::new(),
            budget: DEFAULT_BUDGET,
            left: DEFAULT_BUDGET,
            due_to: 0,
        }
    }

    /// Sets how many entries run between two visits, from the next one on; zero counts as one.
    pub fn set_budget(&mut self, budget: u32) {
        self.budget = budget.max(1);
    }

    /// Files an entry: at either end of the ready list, among the timers, or in the poll list.
    #[inline]
    pub fn push(&mut self, entry: Entry<T>, when: When) {
        match when {
            When::Now => self.ready.push_back(entry),
            When::First => self.ready.push_front(entry),
            When::At(at) => self.timers.insert(entry, at),
            When::Poll(order) => self.poll.insert(entry, order),
        }
    }

    /// As `push` with [`When::Now`]: behind all that is ready.
    #[inline(always)]
    pub fn push_now(&mut self, entry: Entry<T>) {
        self.ready.push_back(entry);
    }

    /// As `push` with [`When::At`]: among the timers.
    #[inline(always)]
    pub fn push_at(&mut self, entry: Entry<T>, at: HrTime) {
        self.timers.insert(entry, at);
    }

    /// Makes an entry the next to run, before all that is ready.
    #[inline]
    pub fn push_front(&mut self, entry: Entry<T>) {
        self.ready.push_front(entry);
    }

    /// The next entry to run. `None` when nothing is ready or the budget is spent: it is time for a
    /// [`visit`](Self::visit).
    #[inline]
    #[allow(clippy::should_implement_trait, reason = "not an iterator: a visit makes it go on after None")]
    pub fn next(&mut self) -> Option<Entry<T>> {
        if self.left == 0 {
            return None;
        }
        let entry = self.ready.pop_front()?;
        self.left -= 1;
        Some(entry)
    }

    /// Takes all of the budget that is left: for a loop that counts by itself what it gets from
    /// [`next_ready`](Self::next_ready), and gives back what it does not need.
    pub fn take_budget(&mut self) -> u32 {
        std::mem::take(&mut self.left)
    }

    /// Gives back what is left of the budget that [`take_budget`](Self::take_budget) took.
    pub fn return_budget(&mut self, left: u32) {
        self.left = left;
    }

    /// The next entry that is ready, whatever the budget; see [`take_budget`](Self::take_budget).
    #[inline(always)]
    pub fn next_ready(&mut self) -> Option<Entry<T>> {
        self.ready.pop_front()
    }

    /// How many entries are to run until all have that were timers: these were made long ago, so that their memory is not at
    /// hand. See [`look_ahead`](Self::look_ahead).
    #[inline]
    #[must_use]
    pub fn due_ahead(&self) -> usize {
        self.due_to.saturating_sub(self.ready.head()) as usize
    }

    /// The values of the entries that run next; see [`Ready::look_ahead`].
    pub fn look_ahead(&self, count: usize) -> impl Iterator<Item = &T> {
        self.ready.look_ahead(count)
    }

    /// Room for one more entry for "now", if it is known that there is; see [`Ready::room`].
    #[inline(always)]
    pub fn room(&mut self) -> Option<Room<'_, T>> {
        self.ready.room()
    }

    /// Calls `f` with the room for one more entry for "now", if it is known that there is; see [`Ready::with_room`].
    #[inline(always)]
    pub fn with_room<R>(&mut self, f: impl FnMut(Room<'_, T>) -> Option<R>) -> Option<R> {
        self.ready.with_room(f)
    }

    /// Files what is in the inbox, makes ready what is due at `now`, and renews the budget.
    ///
    /// A `now` before that of an earlier visit changes nothing for the timers.
    pub fn visit(&mut self, now: HrTime) -> Visit {
        let chain = self.receiver.take();
        let inbox = self.file(chain);
        let ready = &mut self.ready;
        let due = self.timers.advance(now, |entry| ready.push_back(entry));
        self.ready.settle();
        self.left = self.budget;
        if due > 0 {
            self.due_to = self.ready.tail();
        }
        Visit { inbox, due }
    }

    /// Begins a turn of the poll list and says how many entries it has. Then [`next_poll`](Self::next_poll) hands them
    /// out. What is left of the turn before is handed out first, as a turn of its own.
    pub fn begin_poll_turn(&mut self) -> usize {
        self.poll.begin_turn()
    }

    /// The next poll entry of this turn and its order, lowest order first; `None` when the turn is over. What is pushed
    /// back meanwhile comes in the next turn. Poll entries are outside the budget: each runs once a turn.
    pub fn next_poll(&mut self) -> Option<(Entry<T>, u64)> {
        self.poll.take_next()
    }

    /// Takes the entry that `key` means out of wherever it waits. `None` when it is not filed here: gone, held by
    /// somebody, in another queue, or still in the inbox, where only a visit reaches it.
    pub fn remove(&mut self, key: Key<T>) -> Option<Entry<T>> {
        self.timers.remove(key).or_else(|| self.ready.remove(key)).or_else(|| self.poll.remove(key))
    }

    /// As [`remove`](Self::remove), of an entry that waits among the timers; `None` for all others.
    #[inline(always)]
    pub fn remove_timer(&mut self, key: Key<T>) -> Option<Entry<T>> {
        self.timers.remove(key)
    }

    /// Walks over up to `limit` timers, takes out those for which `is_dead` holds and gives them to `gone`; the next call
    /// goes on from there. See [`Wheel::sweep`].
    pub fn sweep(
        &mut self,
        limit: usize,
        is_dead: impl FnMut(&Entry<T>) -> bool,
        gone: impl FnMut(Entry<T>),
    ) -> Sweep {
        self.timers.sweep(limit, is_dead, gone)
    }

    /// When the next timer is due, `None` if never. It may be told too early, but never too late, after a timer was
    /// removed; a visit at that time makes the next answer later. See [`Wheel::next_deadline`].
    pub fn next_deadline(&mut self) -> Option<HrTime> {
        self.timers.next_deadline()
    }

    /// Whether an entry is ready to run, be the budget spent or not.
    #[inline]
    #[must_use]
    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Whether there are poll entries: a loop that has them and sleeps without a deadline forgets them.
    #[inline]
    #[must_use]
    pub fn has_poll(&self) -> bool {
        !self.poll.is_empty()
    }

    /// How many entries are ready.
    #[must_use]
    pub fn ready_len(&self) -> usize {
        self.ready.len()
    }

    /// How many timers there are that a visit has not made ready.
    #[must_use]
    pub fn timer_len(&self) -> usize {
        self.timers.len()
    }

    /// How many poll entries there are.
    #[must_use]
    pub fn poll_len(&self) -> usize {
        self.poll.len()
    }

    /// Declares the owner asleep, so that the next push from elsewhere wakes it. False when an entry is ready, or in the
    /// inbox, or the inbox is closed: do not sleep. After `true`, wait until [`next_deadline`](Self::next_deadline), and
    /// call [`awake`](Self::awake) when that is over. Timers and poll entries do not keep the owner awake.
    #[must_use]
    pub fn try_sleep(&mut self) -> bool {
        !self.has_ready() && self.receiver.try_sleep()
    }

    /// Declares the owner awake again, whatever ended its sleep.
    pub fn awake(&mut self) {
        self.receiver.awake();
    }

    /// Closes the inbox for good and files what is in it: every push from elsewhere fails from now on. The owner may
    /// still push, run and take out.
    pub fn close(&mut self) {
        let rest = self.receiver.close();
        self.file(rest);
    }

    /// Takes out some entry, wherever it waits, ready ones first; `None` when the queue is empty. For a shutdown, after
    /// [`close`](Self::close).
    pub fn pop_any(&mut self) -> Option<Entry<T>> {
        if let Some(entry) = self.ready.pop_front() {
            return Some(entry);
        }
        self.poll.pop_any().or_else(|| self.timers.pop_any()).or_else(|| {
            let chain = self.receiver.take();
            self.file(chain);
            self.ready.pop_front().or_else(|| self.poll.pop_any()).or_else(|| self.timers.pop_any())
        })
    }

    /// Files a chain; returns how long it was.
    fn file(&mut self, chain: Chain<T>) -> usize {
        let mut count = 0;
        for (entry, when) in chain {
            self.push(entry, when);
            count += 1;
        }
        count
    }
}

impl<T: 'static> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("inbox", &self.receiver)
            .field("ready", &self.ready_len())
            .field("timers", &self.timer_len())
            .field("poll", &self.poll_len())
            .field("budget left", &self.left)
            .finish()
    }
}

//! The queue against plain vectors: whatever is done to it, in whatever order, both say the same.
#![cfg(not(loom))]

use std::collections::VecDeque;

use proptest::prelude::*;
use ts_event::{DEFAULT_BUDGET, Entry, HrTime, Key, Pushed, Queue, Sender, Slots, Visit, When, inbox};

static SLOTS: Slots<usize> = Slots::new();

#[derive(Clone, Debug)]
enum Step {
    Push(Due),
    PushFront,
    Send(Due),
    Next(usize),
    Visit(u64),
    Remove(prop::sample::Index),
    PollTurn { keep: u8 },
    Sweep,
    TrySleep,
    Awake,
    Budget(u32),
}

/// A [`When`] that does not know what time it is yet.
#[derive(Clone, Debug)]
enum Due {
    Now,
    First,
    Ahead(u64),
    Past(u64),
    Never,
    Poll(u64),
}

impl Due {
    fn at(&self, now: u64) -> When {
        match *self {
            Self::Now => When::Now,
            Self::First => When::First,
            Self::Ahead(by) => When::At(HrTime::from_nanos(now.saturating_add(by))),
            Self::Past(by) => When::At(HrTime::from_nanos(now.saturating_sub(by))),
            Self::Never => When::At(HrTime::MAX),
            Self::Poll(order) => When::Poll(order),
        }
    }
}

/// Nanoseconds of all sizes: within a tick of the wheel, a few of them, seconds, centuries.
fn stretch() -> impl Strategy<Value = u64> {
    prop_oneof![0..3_u64, 0..100_000_u64, 0..10_000_000_000_u64, 0..u64::MAX]
}

fn due() -> impl Strategy<Value = Due> {
    prop_oneof![
        4 => Just(Due::Now),
        1 => Just(Due::First),
        4 => stretch().prop_map(Due::Ahead),
        1 => stretch().prop_map(Due::Past),
        1 => Just(Due::Never),
        2 => (0..4_u64).prop_map(Due::Poll),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => due().prop_map(Step::Push),
        1 => Just(Step::PushFront),
        4 => due().prop_map(Step::Send),
        6 => (1..8_usize).prop_map(Step::Next),
        4 => stretch().prop_map(Step::Visit),
        3 => any::<prop::sample::Index>().prop_map(Step::Remove),
        2 => any::<u8>().prop_map(|keep| Step::PollTurn { keep }),
        1 => Just(Step::Sweep),
        1 => Just(Step::TrySleep),
        1 => Just(Step::Awake),
        1 => (0..6_u32).prop_map(Step::Budget),
    ]
}

/// What the queue is, without its cleverness. Events are numbers, counted up.
#[derive(Default)]
struct Model {
    now: u64,
    inbox: Vec<(usize, When)>,
    asleep: bool,
    ready: VecDeque<usize>,
    /// With their times, in the order they were filed.
    timers: Vec<(u64, usize)>,
    /// With their orders, sorted.
    poll: Vec<(u64, usize)>,
    turn: VecDeque<(u64, usize)>,
    budget: u32,
    left: u32,
}

impl Model {
    fn push(&mut self, event: usize, when: When) {
        match when {
            When::Now => self.ready.push_back(event),
            When::First => self.ready.push_front(event),
            When::At(at) => self.timers.push((at.as_nanos(), event)),
            When::Poll(order) => {
                let place = self.poll.partition_point(|&(other, _)| other <= order);
                self.poll.insert(place, (order, event));
            }
        }
    }

    fn send(&mut self, event: usize, when: When) -> Pushed {
        let answer = match (self.inbox.is_empty(), self.asleep) {
            (false, _) => Pushed::Behind,
            (true, false) => Pushed::First,
            (true, true) => Pushed::Sleeping,
        };
        self.asleep = false;
        self.inbox.push((event, when));
        answer
    }

    fn next(&mut self) -> Option<usize> {
        if self.left == 0 {
            return None;
        }
        let event = self.ready.pop_front()?;
        self.left -= 1;
        Some(event)
    }

    /// How many came in, and who became due.
    fn visit(&mut self, now: u64) -> (usize, usize) {
        self.now = now;
        let arrived = std::mem::take(&mut self.inbox);
        let count = arrived.len();
        for (event, when) in arrived {
            self.push(event, when);
        }
        let mut due: Vec<_> = self.timers.extract_if(.., |(at, _)| *at <= now && *at < u64::MAX).collect();
        due.sort_by_key(|&(at, _)| at);
        self.ready.extend(due.iter().map(|&(_, event)| event));
        self.left = self.budget;
        (count, due.len())
    }

    fn begin_poll_turn(&mut self) -> usize {
        if self.turn.is_empty() {
            self.turn.extend(self.poll.drain(..));
        }
        self.turn.len()
    }

    fn remove(&mut self, event: usize) -> bool {
        let before = self.filed();
        self.ready.retain(|&it| it != event);
        self.timers.retain(|&(_, it)| it != event);
        self.poll.retain(|&(_, it)| it != event);
        self.turn.retain(|&(_, it)| it != event);
        self.filed() < before
    }

    fn filed(&self) -> usize {
        self.ready.len() + self.timers.len() + self.poll.len() + self.turn.len()
    }

    fn next_deadline(&self) -> Option<u64> {
        self.timers.iter().map(|&(at, _)| at).filter(|&at| at < u64::MAX).min()
    }
}

struct Pair {
    model: Model,
    queue: Queue<usize>,
    sender: Sender<usize>,
    /// Of every event there ever was, by its number.
    keys: Vec<Key<usize>>,
}

impl Pair {
    fn new() -> Self {
        let (sender, receiver) = inbox();
        let queue = Queue::new(receiver, HrTime::ZERO);
        let model = Model { budget: DEFAULT_BUDGET, left: DEFAULT_BUDGET, ..Model::default() };
        Self { model, queue, sender, keys: Vec::new() }
    }

    fn event(&mut self) -> (usize, Entry<usize>) {
        let number = self.keys.len();
        let entry = SLOTS.entry(number);
        self.keys.push(entry.key());
        (number, entry)
    }

    fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Push(due) => {
                let (event, entry) = self.event();
                let when = due.at(self.model.now);
                self.model.push(event, when);
                self.queue.push(entry, when);
            }
            Step::PushFront => {
                let (event, entry) = self.event();
                self.model.ready.push_front(event);
                self.queue.push_front(entry);
            }
            Step::Send(due) => {
                let (event, entry) = self.event();
                let when = due.at(self.model.now);
                prop_assert_eq!(self.sender.push(entry, when).unwrap(), self.model.send(event, when));
            }
            Step::Next(times) => {
                for _ in 0..times {
                    prop_assert_eq!(self.queue.next().map(|entry| *entry), self.model.next());
                }
            }
            Step::Visit(by) => {
                let now = self.model.now.saturating_add(by).min(u64::MAX - 1);
                let Visit { inbox, due, .. } = self.queue.visit(HrTime::from_nanos(now));
                prop_assert_eq!((inbox, due), self.model.visit(now));
            }
            Step::Remove(_) if self.keys.is_empty() => {}
            Step::Remove(index) => {
                let event = index.index(self.keys.len());
                let removed = self.queue.remove(self.keys[event]);
                prop_assert_eq!(removed.is_some(), self.model.remove(event));
                prop_assert!(removed.is_none_or(|entry| *entry == event));
            }
            Step::PollTurn { keep } => {
                // Some turns are left before their end: what is left comes first in the next.
                let turn = self.queue.begin_poll_turn();
                prop_assert_eq!(turn, self.model.begin_poll_turn());
                for round in 0..turn.min(3) {
                    let (entry, order) = self.queue.next_poll().unwrap();
                    prop_assert_eq!(Some((order, *entry)), self.model.turn.pop_front());
                    if keep >> round & 1 == 1 {
                        self.model.push(*entry, When::Poll(order));
                        self.queue.push(entry, When::Poll(order));
                    }
                }
            }
            Step::Sweep => {
                let is_dead = |event: usize| event.is_multiple_of(3);
                let mut gone = Vec::new();
                let mut rounds = 0;
                while rounds < 2 {
                    let sweep = self.queue.sweep(2, |entry| is_dead(**entry), |entry| gone.push(*entry));
                    rounds += usize::from(sweep.is_round_done);
                }
                let dead = self.model.timers.extract_if(.., |(_, event)| is_dead(*event));
                let mut dead: Vec<_> = dead.map(|(_, event)| event).collect();
                dead.sort_unstable();
                gone.sort_unstable();
                prop_assert_eq!(gone, dead);
            }
            Step::TrySleep => {
                let may = self.model.ready.is_empty() && self.model.inbox.is_empty();
                prop_assert_eq!(self.queue.try_sleep(), may);
                self.model.asleep |= may;
            }
            Step::Awake => {
                self.queue.awake();
                self.model.asleep = false;
            }
            Step::Budget(budget) => {
                self.queue.set_budget(budget);
                self.model.budget = budget.max(1);
            }
        }
        self.compare()
    }

    fn compare(&mut self) -> Result<(), TestCaseError> {
        let (queue, model) = (&mut self.queue, &self.model);
        prop_assert_eq!(queue.ready_len(), model.ready.len());
        prop_assert_eq!(queue.timer_len(), model.timers.len());
        prop_assert_eq!(queue.poll_len(), model.poll.len() + model.turn.len());
        prop_assert_eq!((queue.has_ready(), queue.has_poll()), (queue.ready_len() > 0, queue.poll_len() > 0));
        let told = queue.next_deadline().map(HrTime::as_nanos);
        prop_assert_eq!(told.is_some(), model.next_deadline().is_some());
        prop_assert!(told <= model.next_deadline(), "a deadline told too late is a timer too late");
        Ok(())
    }

    /// Nothing is lost and nothing is there twice.
    fn drain(mut self) -> Result<(), TestCaseError> {
        self.queue.close();
        let (_, entry) = self.event();
        prop_assert!(self.sender.push(entry, When::Now).is_err());
        let mut drained: Vec<_> = std::iter::from_fn(|| self.queue.pop_any().map(|entry| *entry)).collect();
        drained.sort_unstable();
        let model = self.model;
        let mut left: Vec<_> = model.ready.into();
        left.extend(model.inbox.iter().map(|&(event, _)| event));
        left.extend(model.timers.iter().map(|&(_, event)| event));
        left.extend(model.poll.iter().chain(&model.turn).map(|&(_, event)| event));
        left.sort_unstable();
        prop_assert_eq!(drained, left);
        Ok(())
    }
}

proptest! {
    #[test]
    fn the_queue_does_what_plain_vectors_do(steps in prop::collection::vec(step(), 1..120)) {
        let mut pair = Pair::new();
        for step in steps {
            pair.step(step)?;
        }
        pair.drain()?;
    }
}

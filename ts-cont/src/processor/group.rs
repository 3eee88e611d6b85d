//! A thread group: its threads in turn, what they run when they start, and what waits for them.

use super::SpawnCall;
use crate::EThread;
use crate::ethread::Here;
use crate::ethread::run::{caught, is_dead, run_on};
use crate::work::Work;
use crossbeam_utils::CachePadded;
use parking_lot::{Condvar, Mutex};
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use ts_event::{Entry, ParkWait, PollWait, Wait, When};

/// How many groups a processor can have. The original has 8.
pub const MAX_EVENT_TYPES: usize = 32;

/// The number of a thread group in its processor.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventType(u8);

impl EventType {
    /// The network threads: group 0 of every processor.
    pub const NET: Self = Self(0);
    /// An old name of [`EventType::NET`].
    #[deprecated(note = "use `EventType::NET`")]
    pub const CALL: Self = Self::NET;

    pub(crate) const fn from_index(index: u8) -> Self {
        Self(index)
    }

    /// The group with this number, for numbers that come from elsewhere. Whether it exists is seen when it is used.
    #[must_use]
    pub const fn new(index: u8) -> Self {
        Self(index)
    }

    /// The number.
    #[must_use]
    pub const fn index(self) -> u8 {
        self.0
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventType({})", self.0)
    }
}

/// How a thread waits at the end of a turn.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum WaitKind {
    /// It parks; only work and timers wake it.
    #[default]
    Park,
    /// It waits in its readiness poller, for work, timers and I/O.
    Io,
    /// In a way of the program's own. The function runs on each new thread.
    Custom(MakeWait),
}

/// Makes the wait of a new thread, on that thread.
pub type MakeWait = Arc<dyn Fn() -> io::Result<Box<dyn Wait>> + Send + Sync>;

impl WaitKind {
    pub(crate) fn make(&self) -> io::Result<Box<dyn Wait>> {
        Ok(match self {
            Self::Park => Box::new(ParkWait::new()),
            Self::Io => Box::new(PollWait::new()?),
            Self::Custom(make) => make()?,
        })
    }
}

impl fmt::Debug for WaitKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Park => "Park",
            Self::Io => "Io",
            Self::Custom(_) => "Custom",
        })
    }
}

/// What is true of all threads of a group.
#[derive(Debug, Clone)]
pub struct GroupAttributes {
    /// Whether handlers may block. A blocking lock on a thread of a group that may not is reported, once for each place.
    pub may_block: bool,
    /// How the threads wait.
    pub wait: WaitKind,
}

impl GroupAttributes {
    /// Network threads: they wait for I/O and must not block.
    #[must_use]
    pub fn network() -> Self {
        Self { may_block: false, wait: WaitKind::Io }
    }
}

impl Default for GroupAttributes {
    /// Background threads: they park, and may block.
    fn default() -> Self {
        Self { may_block: true, wait: WaitKind::Park }
    }
}

type AfterStart = Box<dyn FnOnce(&Here) + Send>;

pub(crate) struct Group {
    event_type: EventType,
    name: String,
    attributes: GroupAttributes,
    threads: OnceLock<Box<[EThread]>>,
    next: CachePadded<AtomicUsize>,
    spawn_calls: Mutex<Vec<SpawnCall>>,
    waiting: Mutex<Waiting>,
    start: Mutex<Start>,
    all_started: Condvar,
}

/// Events for threads that are not there yet.
#[derive(Default)]
struct Waiting {
    events: Vec<(Entry<Work>, When)>,
    /// The system has shut down: there will be no threads.
    closed: bool,
}

/// What became of an event for a group that had no threads when somebody looked.
pub(super) enum Kept {
    /// It waits for them.
    Yes,
    /// They came up meanwhile.
    NoNeed(Entry<Work>),
    /// There will be none.
    Closed(Entry<Work>),
}

#[derive(Default)]
struct Start {
    expected: Option<usize>,
    started: usize,
    after: Vec<AfterStart>,
    /// All threads have started, and the last of them has run what was to be run then.
    complete: bool,
}

impl Group {
    pub(super) fn new(event_type: EventType, name: &str, attributes: GroupAttributes) -> Self {
        Self {
            event_type,
            name: name.to_owned(),
            attributes,
            threads: OnceLock::new(),
            next: CachePadded::new(AtomicUsize::new(0)),
            spawn_calls: Mutex::new(Vec::new()),
            waiting: Mutex::new(Waiting::default()),
            start: Mutex::new(Start::default()),
            all_started: Condvar::new(),
        }
    }

    pub(crate) fn event_type(&self) -> EventType {
        self.event_type
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn attributes(&self) -> &GroupAttributes {
        &self.attributes
    }

    pub(crate) fn threads(&self) -> &[EThread] {
        self.threads.get().map_or(&[], |threads| threads)
    }

    /// The next thread in turn; none while there are no threads.
    pub(crate) fn next_in_turn(&self) -> Option<EThread> {
        self.next_of(self.threads())
    }

    /// The next in turn of these, which are or will be the group's threads.
    pub(super) fn next_of(&self, threads: &[EThread]) -> Option<EThread> {
        match threads {
            [] => None,
            [only] => Some(only.clone()),
            // Relaxed: any spread over the threads will do.
            _ => Some(threads[self.next.fetch_add(1, Ordering::Relaxed) % threads.len()].clone()),
        }
    }

    pub(crate) fn spawn_calls(&self) -> Vec<SpawnCall> {
        self.spawn_calls.lock().clone()
    }

    pub(super) fn add_spawn_call(&self, call: SpawnCall) {
        self.spawn_calls.lock().push(call);
    }

    /// Keeps an event until there are threads.
    pub(super) fn keep_for_later(&self, entry: Entry<Work>, when: When) -> Kept {
        let mut waiting = self.waiting.lock();
        if self.threads.get().is_some() {
            return Kept::NoNeed(entry);
        }
        if waiting.closed {
            return Kept::Closed(entry);
        }
        waiting.events.push((entry, when));
        Kept::Yes
    }

    /// Drops what still waits, and takes no more; says how many events that ended.
    pub(crate) fn forget_waiting(&self) -> usize {
        let events = {
            let mut waiting = self.waiting.lock();
            waiting.closed = true;
            std::mem::take(&mut waiting.events)
        };
        // One by one: what is dropped may cancel another.
        let end = |(entry, _): (Entry<Work>, When)| !is_dead(&entry) && !entry.is_called_off();
        events.into_iter().map(end).filter(|ended| *ended).count()
    }

    /// How many threads are going to start.
    pub(super) fn expect(&self, count: usize) {
        let mut start = self.start.lock();
        start.expected = Some(count);
        // An earlier attempt may have come part of the way.
        start.started = 0;
    }

    /// Publishes the threads, after handing over what waited for them: in this order, and under the lock that those who
    /// saw no threads take, so that nobody's later event gets ahead of an earlier one.
    pub(super) fn publish(&self, threads: Vec<EThread>, hand_over: impl Fn(&[EThread], Entry<Work>, When)) {
        let mut waiting = self.waiting.lock();
        for (entry, when) in waiting.events.drain(..) {
            hand_over(&threads, entry, when);
        }
        let published = self.threads.set(threads.into_boxed_slice());
        debug_assert!(published.is_ok(), "a group is spawned once, says its caller");
    }

    pub(crate) fn thread_started(&self, here: &Here) {
        let after = {
            let mut start = self.start.lock();
            start.started += 1;
            if start.expected != Some(start.started) {
                return;
            }
            std::mem::take(&mut start.after)
        };
        for f in after {
            caught(here, || f(here));
        }
        let late = {
            let mut start = self.start.lock();
            start.complete = true;
            std::mem::take(&mut start.after)
        };
        self.all_started.notify_all();
        for f in late {
            caught(here, || f(here));
        }
    }

    pub(super) fn after_start(&self, f: AfterStart) {
        let mut start = self.start.lock();
        if !start.complete {
            start.after.push(f);
            return;
        }
        drop(start);
        if let Some(thread) = self.next_in_turn() {
            run_on(&thread, f);
        }
    }

    pub(super) fn wait_started(&self, limit: Duration) -> bool {
        let deadline = Instant::now().checked_add(limit);
        let mut start = self.start.lock();
        while !start.complete {
            match deadline {
                Some(deadline) => {
                    if self.all_started.wait_until(&mut start, deadline).timed_out() {
                        return start.complete;
                    }
                }
                None => self.all_started.wait(&mut start),
            }
        }
        true
    }
}

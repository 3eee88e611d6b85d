//! Choices that a processor is made with.

use super::{Core, EventProcessor, OPEN};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::time::Duration;
use ts_event::DEFAULT_BUDGET;
use ts_mutex::FAIR_SLICE;
use ts_thread::Clock;

/// What happens to an event for a group that has no threads yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NotReady {
    /// It waits until the group has threads.
    #[default]
    Queue,
    /// It is refused.
    Refuse,
    /// It goes to a network thread, as the documents warn of: a policy to choose, never a surprise.
    FallBackToNet,
}

/// What happens after a handler has panicked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PanicPolicy {
    /// The panic is logged and the continuation is destroyed; its mutex is released and nobody else is affected.
    #[default]
    Retire,
    /// The panic is logged and the process aborts, if the handler ran on one of the processor's regular event threads. A
    /// handler that a guest, a dedicated thread or any other thread calls belongs to no processor: there it is as for
    /// [`PanicPolicy::Retire`].
    Abort,
}

/// Makes an [`EventProcessor`].
#[derive(Debug)]
#[must_use = "a builder makes nothing until `build`"]
pub struct Builder {
    budget: u32,
    fair_slice: Duration,
    panics: PanicPolicy,
    not_ready: NotReady,
    pub(crate) clock: Clock,
    pub(crate) simulated: bool,
}

impl Builder {
    pub(super) fn new() -> Self {
        Self {
            budget: DEFAULT_BUDGET,
            fair_slice: FAIR_SLICE,
            panics: PanicPolicy::default(),
            not_ready: NotReady::default(),
            clock: Clock::real(),
            simulated: false,
        }
    }

    /// How many ready events a thread dispatches between two looks at the clock, the inbox, timers and I/O; at least 1.
    pub fn budget(mut self, events: u32) -> Self {
        self.budget = events.max(1);
        self
    }

    /// How long an event waits at a busy mutex before the mutex is reserved for it; [`ts_mutex::FAIR_SLICE`] unless it is
    /// said here. A shorter slice shares a busy mutex more evenly, a longer one hands it over less often.
    pub fn fair_slice(mut self, slice: Duration) -> Self {
        self.fair_slice = slice;
        self
    }

    /// What happens after a handler has panicked on a regular event thread of the processor; elsewhere it is always
    /// [`PanicPolicy::Retire`].
    pub fn panic_policy(mut self, policy: PanicPolicy) -> Self {
        self.panics = policy;
        self
    }

    /// What happens to an event for a group that has no threads yet.
    pub fn not_ready(mut self, policy: NotReady) -> Self {
        self.not_ready = policy;
        self
    }

    /// Makes the processor, with the group [`crate::EventType::NET`] registered and no threads.
    pub fn build(self) -> EventProcessor {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let core = Core {
            // Relaxed: only its being different counts.
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            clock: self.clock,
            budget: self.budget,
            fair_slice: self.fair_slice,
            panics: self.panics,
            simulated: self.simulated,
            state: AtomicU8::new(OPEN),
            measured: AtomicBool::new(false),
        };
        EventProcessor::new(core, self.not_ready)
    }
}

//! How long continuations take at hooks: in their handlers, and until they have re-enabled.
//!
//! Each network thread measures by itself; what all of them have is added up by whoever asks. Nothing is measured while
//! nobody wants it; then a call-out costs one look more.
//!
//! # Rules
//! * What is measured is told apart by the hook and by the continuation's name, or the place where it was made if it has none;
//!   not by the continuation, of which there may be one for each transaction.
//! * Of names that plugins make up one after the other, no more than [`MOST`] are told apart; the others count together.
//! * A chain only grows, at its end, and only its own thread lengthens it; so anybody may walk over it at any time.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ts_cont::Continuation;
use ts_cont::metrics::{Histogram, Times};

use super::label::Label;
use crate::http::HookId;

/// How many names are told apart for each network thread: more than anybody reads about.
const MOST: usize = 256;

/// Whole milliseconds are steps of what is measured.
pub(crate) const UNIT: Duration = Duration::from_millis(1);

/// Under this name go those that come after.
const OTHERS: &str = "(others)";

/// How long the continuations of one name took at one hook.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Latency {
    /// The hook.
    pub hook: HookId,
    /// The continuation's name and the place where it was made.
    pub plugin: String,
    /// How long their handlers ran, each time that one was called.
    pub handler: Times,
    /// From the call until the answer, waiting for mutexes included.
    pub answer: Times,
}

/// What one thread has measured.
#[derive(Debug, Default)]
pub(crate) struct Latencies {
    on: AtomicBool,
    first: OnceLock<Box<Link>>,
}

/// One name at one hook.
#[derive(Debug)]
struct Link {
    /// None for the others.
    who: Option<Label>,
    label: String,
    hook: HookId,
    handler: Histogram,
    answer: Histogram,
    next: OnceLock<Box<Link>>,
}

/// One call-out while it goes on.
pub(crate) struct Watch {
    /// None: it is not measured.
    began: Option<Instant>,
    handler: Cell<Duration>,
}

impl Watch {
    /// Runs a handler, or tries to; the last time counts.
    pub(crate) fn handler<R>(&self, f: impl FnOnce() -> R) -> R {
        if self.began.is_none() {
            return f();
        }
        let began = Instant::now();
        let result = f();
        self.handler.set(began.elapsed());
        result
    }
}

impl Latencies {
    pub(crate) fn switch(&self, on: bool) {
        // Relaxed: it guards nothing; a call-out that has just begun may miss it.
        self.on.store(on, Ordering::Relaxed);
    }

    /// A continuation is about to be called.
    pub(crate) fn begin(&self) -> Watch {
        // Relaxed: see `switch`.
        let began = self.on.load(Ordering::Relaxed).then(Instant::now);
        Watch { began, handler: Cell::new(Duration::ZERO) }
    }

    /// It has answered.
    pub(crate) fn end(&self, watch: &Watch, hook: HookId, continuation: &Continuation) {
        let Some(began) = watch.began else { return };
        let link = self.find(hook, Label::of(continuation));
        link.handler.record(watch.handler.get());
        link.answer.record(began.elapsed());
    }

    fn find(&self, hook: HookId, who: Label) -> &Link {
        let mut end = &self.first;
        let mut length = 0;
        while let Some(link) = end.get() {
            if link.is_of(hook, who) {
                return link;
            }
            length += 1;
            end = &link.next;
        }
        // Each hook has room for its others behind all that have names.
        end.get_or_init(|| Box::new(Link::new(hook, (length < MOST).then_some(who))))
    }

    fn iter(&self) -> impl Iterator<Item = &Link> {
        std::iter::successors(self.first.get(), |link| link.next.get()).map(|link| &**link)
    }
}

impl Link {
    fn new(hook: HookId, who: Option<Label>) -> Self {
        Self {
            who,
            label: who.map_or(OTHERS.to_owned(), |who| who.to_string()),
            hook,
            handler: Histogram::of(UNIT),
            answer: Histogram::of(UNIT),
            next: OnceLock::new(),
        }
    }

    fn is_of(&self, hook: HookId, who: Label) -> bool {
        self.hook == hook && self.who.is_none_or(|own| own == who)
    }
}

impl Latency {
    /// Adds up what the threads have.
    pub(crate) fn gather<'a>(threads: impl Iterator<Item = &'a Latencies>) -> Vec<Self> {
        let mut sums: BTreeMap<(usize, String), Self> = BTreeMap::new();
        for link in threads.flat_map(Latencies::iter) {
            let sum = sums.entry((link.hook.place(), link.label.clone())).or_insert_with(|| Self {
                hook: link.hook,
                plugin: link.label.clone(),
                handler: Times::none(UNIT),
                answer: Times::none(UNIT),
            });
            sum.handler += link.handler.times();
            sum.answer += link.answer.times();
        }
        sums.into_values().collect()
    }
}

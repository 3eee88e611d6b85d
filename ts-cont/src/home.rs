//! On which threads a continuation's events may wait, so that a destruction knows where to have dead ones looked for.
//!
//! One word, that only ever comes to name more: nothing, one thread, all threads of one processor, all threads. An event
//! that is scheduled where its continuation has had events before reads the word and writes nothing. Before it names a thread
//! it may name a processor that the continuation belongs to, which is for reports and means nothing here.
//!
//! The whole protocol is here: its callers say only what putting an event somewhere and telling a thread to sweep is. So the
//! models of it (`tests/loom_home.rs`) run the code that event threads run.
//!
//! # Ordering
//!
//! A destruction and a schedule may run at once. No dead event may then be left where nobody looks for it:
//!
//! * `[home-destroy]`: whoever destroys sets the flag (`life.rs`), passes a sequentially consistent fence, reads the word
//!   and tells the threads that it names to sweep ([`Home::sweep`]).
//! * `[home-schedule]`: whoever schedules for *another* thread ([`Home::send`]) names it, and if it has changed the word by
//!   that, passes such a fence once the event is in the thread's inbox. Then it looks at the flag again. If the flag is up it
//!   has the threads swept that the word names now. If it is not, its fence came before the destroyer's, which therefore
//!   reads a word that names the thread, and tells the thread behind the event.
//! * `[home-inbox]`: to put an event into a thread's inbox and to tell the thread to sweep are changes of one word, of which
//!   each has happened before the next one returns. So whoever schedules without changing the word of this file needs no
//!   fence. Whoever made that name the thread, and whoever destroys, tell the thread, by the rules above: either behind the
//!   event; or before it, and then the flag that they had seen is seen now.
//! * Whoever schedules for the thread *it runs on* ([`Home::stay`]) passes the fence and looks again only if it has changed
//!   the word. If it has not, then either the destroyer reads a word that names the thread, or whoever made the word name it
//!   sees the flag, by the rule above; either one has the thread swept. Being told takes a turn of the thread's loop, and so
//!   comes after the event that it is scheduling; had it been told before, it would have seen the flag to begin with.
//!
//! The fences are the plain kind and not the asymmetric pair of `ts_thread::fence`: continuations are destroyed as often as
//! connections end, and the dear half would then interrupt all processors each time, while one is needed only for a
//! continuation's first event on a thread.

use crate::life::{Away, Held, Life};
use std::borrow::Borrow;
use ts_thread::sync::atomic::{AtomicU32, Ordering, fence};

/// The word once events have waited on threads of more than one processor.
const ANYWHERE: u32 = u32::MAX;

/// Set once events have waited on more than one thread of the processor that the rest of the word says. No thread and no
/// processor has so high a number.
const MANY: u32 = 1 << 31;

/// Set while events have waited nowhere, and the rest of the word is the processor that the continuation belongs to.
const NOWHERE: u32 = 1 << 30;

/// Where a continuation's events have waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    /// There were none.
    Nowhere,
    /// On the thread with this number.
    One(u32),
    /// On several threads of this processor.
    Processor(u32),
    /// On threads of several processors.
    Anywhere,
}

/// The threads that have a continuation's events. A thread is a number that is not zero and below 2^30, and so is a processor.
#[derive(Debug)]
pub struct Home(AtomicU32);

/// Whose thread a number is.
pub type ProcessorOf = fn(u32) -> u32;

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}

impl Home {
    /// Nowhere.
    pub fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// Names `thread` and then has `put` put an event of the continuation into its inbox, from any other thread. If the
    /// continuation is destroyed meanwhile, `tell` is to have the threads swept that it is given. Both `put` and `tell`
    /// change the inbox as `[home-inbox]` says.
    pub fn send<A: Borrow<Away>, B: Borrow<Held>, R>(
        &self,
        life: &Life<A, B>,
        thread: u32,
        of: ProcessorOf,
        put: impl FnOnce() -> R,
        tell: impl FnOnce(Waited),
    ) -> R {
        let is_news = self.note(thread, of);
        let answer = put();
        if is_news {
            // SeqCst [home-schedule]: with that of `sweep`, either the flag is seen here or the thread's name there.
            fence(Ordering::SeqCst);
        }
        if life.is_destroyed() {
            self.sweep(life, tell);
        }
        answer
    }

    /// Names `thread`, which is the caller's own, whose queue is to have an event of the continuation. If the continuation is
    /// destroyed meanwhile, `tell` is to have the threads swept that it is given, this one not before it is through with
    /// what it is doing.
    #[inline]
    pub fn stay<A: Borrow<Away>, B: Borrow<Held>>(
        &self,
        life: &Life<A, B>,
        thread: u32,
        of: ProcessorOf,
        tell: impl FnOnce(Waited),
    ) {
        if self.note(thread, of) {
            // SeqCst [home-schedule]: as in `send`.
            fence(Ordering::SeqCst);
            if life.is_destroyed() {
                self.sweep(life, tell);
            }
        }
    }

    /// Has `tell` have all threads swept where dead events may wait, after the flag was set.
    pub fn sweep<A: Borrow<Away>, B: Borrow<Held>>(&self, life: &Life<A, B>, tell: impl FnOnce(Waited)) {
        debug_assert!(life.is_destroyed(), "events are dead once their continuation is");
        // SeqCst [home-destroy]: with that of `send` and `stay`, either the flag is seen there or the thread's name here.
        fence(Ordering::SeqCst);
        tell(self.waited());
    }

    /// Nowhere again, for another continuation; nobody knows it yet.
    pub fn forget(&self) {
        // Relaxed: what makes the continuation known publishes it.
        self.0.store(0, Ordering::Relaxed);
    }

    /// Says which processor the continuation belongs to, as long as none of its events has waited anywhere.
    pub fn belong_to(&self, processor: u32) {
        // Relaxed, both: only a report asks. If it is not zero any more the processor is known, or a better answer.
        let _ = self.0.compare_exchange(0, NOWHERE | processor, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Whether the continuation belongs to this processor: its events have waited there, or, if they have waited nowhere, it
    /// was said so.
    pub fn belongs_to(&self, processor: u32, of: ProcessorOf) -> bool {
        // Relaxed: see `belong_to`.
        let home = self.0.load(Ordering::Relaxed);
        home == ANYWHERE || processor_in(home, of) == processor
    }

    /// Whether the word names `thread` and no other.
    #[inline(always)]
    pub fn is(&self, thread: u32) -> bool {
        // Relaxed: see `note`, which would change nothing then.
        self.0.load(Ordering::Relaxed) == thread
    }

    /// Makes the word name `thread`; true if it did not before.
    #[inline]
    fn note(&self, thread: u32, of: ProcessorOf) -> bool {
        // Relaxed, also below: the fences of [home-schedule] and [home-destroy] order the word with the flag.
        let mut home = self.0.load(Ordering::Relaxed);
        loop {
            let new = with(home, thread, of);
            if new == home {
                return false;
            }
            // Two first events at once: neither may overwrite what the other has named.
            match self.0.compare_exchange_weak(home, new, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => home = now,
            }
        }
    }

    /// What the word names.
    fn waited(&self) -> Waited {
        // Relaxed: see `note`.
        match self.0.load(Ordering::Relaxed) {
            ANYWHERE => Waited::Anywhere,
            none if is_nowhere(none) => Waited::Nowhere,
            many if many & MANY != 0 => Waited::Processor(many & !MANY),
            one => Waited::One(one),
        }
    }
}

/// The word that names `thread` besides what `home` does.
fn with(home: u32, thread: u32, of: ProcessorOf) -> u32 {
    if is_nowhere(home) || home == thread {
        return thread;
    }
    let processor = of(thread);
    if home != ANYWHERE && processor_in(home, of) == processor { MANY | processor } else { ANYWHERE }
}

/// Whether the word names no thread.
fn is_nowhere(home: u32) -> bool {
    home == 0 || home & (MANY | NOWHERE) == NOWHERE
}

/// The processor that the word names, or whose thread it does; it is not `ANYWHERE`.
fn processor_in(home: u32, of: ProcessorOf) -> u32 {
    if home & (MANY | NOWHERE) != 0 { home & !(MANY | NOWHERE) } else { of(home) }
}

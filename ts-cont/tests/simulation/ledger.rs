//! The bookkeeping of a run, kept beside the event system and knowing nothing of how it works: what may happen next, by the
//! documents alone. Whatever happens otherwise is noted as a violation.

use std::collections::HashMap;
use std::fmt::Write;
use std::time::Duration;
use ts_cont::{Cancel, Destroyed, HrTime, MissedTicks};

/// Who runs: 0 is the driver outside of all event threads, `100 * (group + 1) + index` an event thread.
pub type Who = u32;
pub const OUTSIDE: Who = 0;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Exclusive,
    Reentrant,
    Shared,
}

/// Where an event may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Thread(Who),
    Group(u32),
}

/// When an event runs next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    Now,
    At(HrTime),
    Poll,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Periodic {
    No,
    Poll,
    Every(Duration, MissedTicks),
}

/// What a handler said about its event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    Nothing,
    Now,
    At(HrTime),
    Every(Duration),
    /// It cancelled its own event.
    Stop,
}

struct Event {
    continuation: usize,
    target: Target,
    due: Due,
    periodic: Periodic,
    /// For an event for now: by whom it was queued last, and as which of his.
    sent: Option<(Who, u64)>,
    runs: u32,
    running: Option<Who>,
    said: Said,
    /// A run may begin.
    armed: bool,
    /// A cancel was answered with "cancelled".
    cancelled: bool,
    /// A cancel was answered with "running".
    stopped: bool,
    refused: bool,
    /// What came with it has been dropped, which is when it is over.
    gone: bool,
}

pub struct Continuation {
    pub kind: Kind,
    pub mutex: Option<usize>,
    pub destroyed: bool,
    pub dropped: bool,
}

struct Frame {
    who: Who,
    continuation: Option<usize>,
    mutex: Option<usize>,
}

/// How the events of a run ended.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    pub scheduled: u64,
    pub runs: u64,
    pub ran: u64,
    pub cancelled: u64,
    pub destroyed: u64,
    pub shut_down: u64,
    pub refused: u64,
    pub missed: u64,
    pub futures_done: u64,
    pub futures_dropped: u64,
}

/// See the file's head.
#[derive(Default)]
pub struct Ledger {
    events: Vec<Event>,
    pub continuations: Vec<Continuation>,
    frames: Vec<Frame>,
    /// The latest of each sender's events for now that ran on a thread, by sender, thread and mutex.
    order: HashMap<(Who, Who, Option<usize>), u64>,
    sent: u64,
    now: HrTime,
    pub closing: bool,
    /// Some thread may be running its last turns, in which what is left is dropped.
    pub tally: Tally,
    pub violations: Vec<String>,
    pub is_loud: bool,
    hash: u64,
    lines: u64,
    futures: u64,
}

impl Ledger {
    /// Adds a line to the trace of the run, which must be the same in every run of a seed.
    pub fn trace(&mut self, line: std::fmt::Arguments<'_>) {
        let text = line.to_string();
        if self.is_loud {
            println!("{:>6} {:>12} {text}", self.lines, self.now.as_nanos());
        }
        self.lines += 1;
        // FNV-1a: simple, and the same everywhere.
        for byte in text.bytes().chain(self.now.as_nanos().to_le_bytes()) {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3);
        }
    }

    pub fn hash(&self) -> (u64, u64) {
        (self.hash, self.lines)
    }

    fn check(&mut self, holds: bool, what: std::fmt::Arguments<'_>) {
        if !holds {
            let mut text = what.to_string();
            let _ = write!(text, " (at {} ns, line {})", self.now.as_nanos(), self.lines);
            if self.is_loud {
                println!("       VIOLATION: {text}");
            }
            self.violations.push(text);
        }
    }

    pub fn violate(&mut self, what: std::fmt::Arguments<'_>) {
        self.check(false, what);
    }

    pub fn time_is(&mut self, now: HrTime) {
        self.check(now >= self.now, format_args!("time went back from {} to {}", self.now, now));
        self.now = self.now.max(now);
    }

    pub fn now(&self) -> HrTime {
        self.now
    }

    pub fn add_continuation(&mut self, kind: Kind, mutex: Option<usize>) -> usize {
        self.continuations.push(Continuation { kind, mutex, destroyed: false, dropped: false });
        self.continuations.len() - 1
    }

    /// An event is about to be scheduled by `who`.
    pub fn scheduling(
        &mut self,
        who: Who,
        continuation: usize,
        target: Target,
        due: Due,
        periodic: Periodic,
    ) -> usize {
        let id = self.events.len();
        self.trace(format_args!("{who} schedules {id} of {continuation} on {target:?}, {due:?} {periodic:?}"));
        self.tally.scheduled += 1;
        let sent = (due == Due::Now).then(|| self.send(who));
        self.events.push(Event {
            continuation,
            target,
            due,
            periodic,
            sent,
            runs: 0,
            running: None,
            said: Said::Nothing,
            armed: true,
            cancelled: false,
            stopped: false,
            refused: false,
            gone: false,
        });
        id
    }

    fn send(&mut self, who: Who) -> (Who, u64) {
        self.sent += 1;
        (who, self.sent)
    }

    pub fn refused(&mut self, id: usize, for_destroyed: bool) {
        self.trace(format_args!("{id} is refused, destroyed: {for_destroyed}"));
        let destroyed = self.continuations[self.events[id].continuation].destroyed;
        self.check(
            destroyed == for_destroyed && (destroyed || self.closing),
            format_args!("event {id} was refused for the wrong reason"),
        );
        self.events[id].refused = true;
        self.tally.refused += 1;
    }

    pub fn accepted(&mut self, id: usize) {
        let destroyed = self.continuations[self.events[id].continuation].destroyed;
        // A destructor of what came with it may have destroyed it, but not before it was taken.
        self.check(
            !self.closing || self.events[id].gone,
            format_args!("event {id} was taken during the shutdown"),
        );
        let _ = destroyed;
    }

    /// Somebody has the mutex from here until `leave`, in whatever way.
    pub fn hold(&mut self, who: Who, mutex: Option<usize>, continuation: Option<usize>) {
        let other = self.frames.iter().find(|frame| mutex.is_some() && frame.mutex == mutex && frame.who != who);
        let other = other.map(|frame| frame.who);
        self.check(other.is_none(), format_args!("{who} and {other:?} are both under mutex {mutex:?}"));
        self.frames.push(Frame { who, continuation, mutex });
    }

    pub fn let_go(&mut self, who: Who) {
        let last = self.frames.iter().rposition(|frame| frame.who == who);
        match last {
            Some(last) => drop(self.frames.remove(last)),
            None => self.violate(format_args!("{who} left what it never entered")),
        }
    }

    fn depth(&self, continuation: usize) -> usize {
        self.frames.iter().filter(|frame| frame.continuation == Some(continuation)).count()
    }

    /// A handler is entered, by whatever way.
    pub fn enter(&mut self, who: Who, continuation: usize) {
        let Continuation { kind, mutex, destroyed, dropped, .. } = self.continuations[continuation];
        self.check(!destroyed, format_args!("the handler of {continuation} was entered after destroy"));
        self.check(!dropped, format_args!("the handler of {continuation} was entered after its drop"));
        let depth = self.depth(continuation);
        self.check(
            kind != Kind::Exclusive || depth == 0,
            format_args!("the exclusive handler of {continuation} was entered again"),
        );
        self.hold(who, mutex, Some(continuation));
    }

    /// The handler of `continuation` is left.
    pub fn leave(&mut self, who: Who) {
        self.let_go(who);
    }

    /// An event's run begins.
    pub fn begin(&mut self, who: Who, id: usize) {
        self.trace(format_args!("{who} runs {id}"));
        self.tally.runs += 1;
        let Event { continuation, target, due, sent, running, armed, cancelled, stopped, refused, gone, .. } =
            self.events[id];
        self.check(!refused, format_args!("event {id} ran although it was refused"));
        self.check(!cancelled, format_args!("event {id} ran after it was cancelled"));
        self.check(!stopped, format_args!("event {id} ran again after a cancel found it running"));
        self.check(running.is_none(), format_args!("event {id} runs twice at once"));
        self.check(armed, format_args!("event {id} ran more often than it was armed"));
        self.check(!gone, format_args!("event {id} ran after it was over"));
        if let Due::At(at) = due {
            let now = self.now;
            self.check(now >= at, format_args!("event {id} ran at {now}, before its time {at}"));
        }
        self.check(
            match target {
                Target::Thread(thread) => thread == who,
                Target::Group(group) => who / 100 == group + 1,
            },
            format_args!("event {id} ran on {who}, asked for {target:?}"),
        );
        if let Some((sender, number)) = sent {
            let mutex = self.continuations[continuation].mutex;
            let last = self.order.entry((sender, who, mutex)).or_default();
            let in_order = *last < number;
            *last = number;
            self.check(in_order, format_args!("event {id} of sender {sender} was overtaken on {who}"));
        }
        let event = &mut self.events[id];
        event.runs += 1;
        event.running = Some(who);
        event.armed = false;
        event.said = Said::Nothing;
    }

    /// The handler of the event said something about it, and was answered so.
    pub fn said(&mut self, id: usize, said: Said, accepted: bool, cancelled: bool) {
        self.trace(format_args!("{id} says {said:?}, accepted: {accepted}"));
        let stop = self.events[id].said == Said::Stop;
        let closing = self.closing;
        self.check(
            accepted == (!stop && !closing) && (accepted || closing != cancelled),
            format_args!("arming event {id} again was answered wrongly"),
        );
        if accepted {
            self.events[id].said = said;
        }
    }

    /// An event's run ended. A panic destroys.
    pub fn end(&mut self, who: Who, id: usize, panicked: bool) {
        self.trace(format_args!("{who} is through with {id}, panicked: {panicked}"));
        let continuation = self.events[id].continuation;
        if panicked {
            self.continuations[continuation].destroyed = true;
        }
        let over = self.closing || self.continuations[continuation].destroyed;
        let now = self.now;
        let event = &mut self.events[id];
        event.running = None;
        if over || event.said == Said::Stop || event.stopped || event.cancelled {
            return;
        }
        (event.armed, event.due, event.periodic) = match (event.said, event.periodic) {
            (Said::Now, _) => (true, Due::Now, Periodic::No),
            (Said::At(at), _) => (true, Due::At(at), Periodic::No),
            (Said::Every(period), old) => {
                // The policy of the message stays with it.
                let missed = if let Periodic::Every(_, missed) = old { missed } else { MissedTicks::Delay };
                (true, Due::At(now.saturating_add(period)), Periodic::Every(period, missed))
            }
            (_, Periodic::No) => (false, event.due, Periodic::No),
            (_, Periodic::Poll) => (true, Due::Poll, Periodic::Poll),
            (_, Periodic::Every(period, missed)) => {
                let Due::At(due) = event.due else { unreachable!("periodic events have a time") };
                let next = match missed {
                    MissedTicks::Delay => now.saturating_add(period),
                    MissedTicks::Burst => due.saturating_add(period),
                    MissedTicks::Skip => {
                        // Counted up step by step, so as to be different from what is checked.
                        let mut next = due.saturating_add(period);
                        while next <= now {
                            next = next.saturating_add(period);
                        }
                        next
                    }
                };
                (true, Due::At(next), event.periodic)
            }
        };
        let again = event.armed && event.due == Due::Now;
        let sent = again.then(|| self.send(who));
        self.events[id].sent = sent;
    }

    /// What came with the event was dropped.
    pub fn dropped(&mut self, id: usize) {
        let Event { continuation, runs, running, armed, cancelled, stopped, refused, gone, .. } = self.events[id];
        self.trace(format_args!("{id} is over"));
        self.check(!gone, format_args!("event {id} was dropped twice"));
        self.check(running.is_none(), format_args!("event {id} was dropped while it ran"));
        let ran = runs > 0 && !armed;
        let destroyed = self.continuations[continuation].destroyed;
        self.check(
            refused || cancelled || stopped || ran || destroyed || self.closing,
            format_args!("event {id} was lost: it neither ran nor was it cancelled"),
        );
        if refused {
        } else if cancelled {
            self.tally.cancelled += 1;
        } else if ran || stopped {
            self.tally.ran += 1;
        } else if destroyed {
            self.tally.destroyed += 1;
        } else {
            self.tally.shut_down += 1;
        }
        self.events[id].gone = true;
    }

    /// Somebody asked to cancel an event.
    pub fn cancelling(&mut self, who: Who, id: usize, answer: Cancel) {
        self.trace(format_args!("{who} cancels {id}: {answer:?}"));
        let event = &self.events[id];
        let own = event.running == Some(who);
        let rearmed = matches!(event.said, Said::Now | Said::At(_) | Said::Every(_));
        let right = if event.gone {
            match answer {
                Cancel::Stale => true,
                Cancel::AlreadyRan => event.runs > 0,
                Cancel::AlreadyCancelled => {
                    let destroyed = self.continuations[event.continuation].destroyed;
                    event.cancelled || event.stopped || event.refused || destroyed || self.closing
                }
                _ => false,
            }
        } else if event.running.is_some() {
            match answer {
                Cancel::Cancelled => own && rearmed,
                Cancel::Running => !(own && rearmed),
                _ => false,
            }
        } else if event.cancelled || event.stopped {
            answer == Cancel::AlreadyCancelled || answer == Cancel::Running && event.stopped
        } else {
            // It waits; or its handler has just returned and it is on the way out.
            match answer {
                Cancel::Cancelled => event.armed,
                Cancel::AlreadyRan | Cancel::Running => !event.armed && event.runs > 0,
                _ => false,
            }
        };
        self.check(right, format_args!("cancelling event {id} was answered with {answer:?}"));
        let event = &mut self.events[id];
        match answer {
            Cancel::Cancelled => event.cancelled = true,
            Cancel::Running if event.running.is_some() => event.stopped = true,
            _ => {}
        }
        if own {
            event.said = Said::Stop;
        }
    }

    /// Whether the event is waiting or running, by our books.
    pub fn is_over(&self, id: usize) -> bool {
        self.events[id].gone
    }

    pub fn was_cancelled(&self, id: usize) -> bool {
        self.events[id].cancelled
    }

    pub fn has_run(&self, id: usize) -> bool {
        self.events[id].runs > 0
    }

    /// Somebody destroyed a continuation. `holder` is who holds its mutex.
    pub fn destroying(&mut self, continuation: usize) -> (bool, bool) {
        let inside = self.depth(continuation) > 0;
        let before = std::mem::replace(&mut self.continuations[continuation].destroyed, true);
        (before, inside)
    }

    pub fn destroyed(
        &mut self,
        who: Who,
        continuation: usize,
        (before, inside): (bool, bool),
        answer: Destroyed,
    ) {
        self.trace(format_args!("{who} destroys {continuation}: {answer:?}"));
        let Continuation { mutex, dropped, .. } = self.continuations[continuation];
        let held_by_other =
            mutex.is_some() && self.frames.iter().any(|frame| frame.mutex == mutex && frame.who != who);
        let right = match answer {
            Destroyed::Already => before,
            Destroyed::Now => !before && !inside && !held_by_other && dropped,
            Destroyed::AfterHandler => !before && inside && !held_by_other && !dropped,
            // It may also be reserved for somebody who has waited for long.
            Destroyed::AtUnlock => !before && mutex.is_some(),
            _ => false,
        };
        self.check(right, format_args!("destroying {continuation} was answered with {answer:?}"));
    }

    /// The handler of a continuation was dropped.
    pub fn handler_dropped(&mut self, continuation: usize) {
        self.trace(format_args!("the handler of {continuation} is dropped"));
        let inside = self.depth(continuation);
        self.check(inside == 0, format_args!("the handler of {continuation} was dropped while it ran"));
        let before = std::mem::replace(&mut self.continuations[continuation].dropped, true);
        self.check(!before, format_args!("the handler of {continuation} was dropped twice"));
        let waits = self.events.iter().position(|event| {
            event.continuation == continuation && !event.gone && event.armed && !event.cancelled && !event.refused
        });
        let destroyed = self.continuations[continuation].destroyed;
        if !destroyed && !self.closing {
            self.check(
                waits.is_none(),
                format_args!("the handler of {continuation} was dropped before event {waits:?} was over"),
            );
        }
    }

    pub fn future_made(&mut self) -> u64 {
        self.futures += 1;
        self.futures
    }

    pub fn future_dropped(&mut self, number: u64, done: bool) {
        self.trace(format_args!("future {number} is dropped, done: {done}"));
        if done {
            self.tally.futures_done += 1;
        } else {
            self.tally.futures_dropped += 1;
        }
        let dropped = self.tally.futures_done + self.tally.futures_dropped;
        self.check(dropped <= self.futures, format_args!("future {number} was dropped twice"));
    }

    /// Nothing of this kind may still be in memory once queues have been looked through.
    pub fn nothing_dead_is_left(&mut self) {
        for id in 0..self.events.len() {
            let Event { continuation, cancelled, gone, .. } = self.events[id];
            let dead = cancelled || self.continuations[continuation].destroyed;
            self.check(!dead || gone, format_args!("event {id} is dead, and still takes up room"));
        }
    }

    /// At the end everything is gone.
    pub fn nothing_is_left(&mut self) {
        for id in 0..self.events.len() {
            let gone = self.events[id].gone;
            self.check(gone, format_args!("event {id} leaked"));
        }
        for id in 0..self.continuations.len() {
            let dropped = self.continuations[id].dropped;
            self.check(dropped, format_args!("the handler of {id} leaked"));
        }
        let Tally { futures_done, futures_dropped, .. } = self.tally;
        let all = futures_done + futures_dropped == self.futures;
        self.check(all, format_args!("{} futures made, {futures_done} done, {futures_dropped} dropped", self.futures));
        let inside = self.frames.len();
        self.check(inside == 0, format_args!("{inside} handlers were never left"));
    }
}

//! The bookkeeping of a run, kept beside the event system and knowing nothing of how it works: what may happen next, by the
//! documents alone. Whatever happens otherwise is noted as a violation.

use std::collections::HashMap;
use std::fmt::Write;
use std::time::Duration;
use ts_cont::{CallError, Cancel, Destroyed, HrTime, MissedTicks};

/// Who runs: 0 is the driver outside of all event threads, `100 * (group + 1) + index` an event thread.
pub(crate) type Who = u32;
pub(crate) const OUTSIDE: Who = 0;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Exclusive,
    Reentrant,
    Shared,
}

/// Where an event may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Thread(Who),
    Group(u32),
}

/// When an event runs next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    Now,
    At(HrTime),
    Poll,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Periodic {
    No,
    Poll,
    Every(Duration),
}

/// What a handler said about its event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
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
    missed: MissedTicks,
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
    /// Somebody is inside of a cancel of it.
    cancelling: bool,
    /// It should be refused, and whether for its continuation's destruction.
    expected: Option<bool>,
    /// What came with it has been dropped, which is when it is over.
    gone: bool,
}

/// How an event stood when somebody went to cancel it.
pub(crate) struct Standing {
    /// What is dropped by one cancel may do another.
    nested: bool,
    gone: bool,
    own: bool,
    rearmed: bool,
    running: bool,
    armed: bool,
    called_off: bool,
    ran: bool,
    over_otherwise: bool,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Continuation {
    pub(crate) kind: Kind,
    pub(crate) mutex: Option<usize>,
    pub(crate) destroyed: bool,
    pub(crate) dropped: bool,
}

struct Frame {
    who: Who,
    continuation: Option<usize>,
    mutex: Option<usize>,
}

/// How the events of a run ended.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) scheduled: u64,
    pub(crate) runs: u64,
    pub(crate) ran: u64,
    pub(crate) cancelled: u64,
    pub(crate) destroyed: u64,
    pub(crate) shut_down: u64,
    pub(crate) refused: u64,
    pub(crate) futures_done: u64,
    pub(crate) futures_dropped: u64,
}

/// See the file's head.
#[derive(Default)]
pub(crate) struct Ledger {
    events: Vec<Event>,
    pub(crate) continuations: Vec<Continuation>,
    frames: Vec<Frame>,
    /// The latest of each sender's events for now that ran on a thread, by sender, thread and mutex.
    order: HashMap<(Who, Who, Option<usize>), u64>,
    sent: u64,
    now: HrTime,
    pub(crate) closing: bool,
    pub(crate) tally: Tally,
    pub(crate) violations: Vec<String>,
    pub(crate) is_loud: bool,
    counts_backwards: bool,
    hash: u64,
    lines: u64,
    futures: u64,
}

impl Ledger {
    pub(crate) fn new(is_loud: bool, counts_backwards: bool) -> Self {
        Self { is_loud, counts_backwards, ..Self::default() }
    }

    /// Adds a line to the trace of the run, which must be the same in every run of a seed.
    pub(crate) fn trace(&mut self, line: std::fmt::Arguments<'_>) {
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

    pub(crate) fn hash(&self) -> (u64, u64) {
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

    pub(crate) fn violate(&mut self, what: std::fmt::Arguments<'_>) {
        self.check(false, what);
    }

    pub(crate) fn time_is(&mut self, now: HrTime) {
        let before = self.now;
        self.now = before.max(now);
        self.check(now >= before, format_args!("time went back from {before} to {now}"));
    }

    pub(crate) fn now(&self) -> HrTime {
        self.now
    }

    pub(crate) fn add_continuation(&mut self, kind: Kind, mutex: Option<usize>) -> usize {
        self.continuations.push(Continuation { kind, mutex, destroyed: false, dropped: false });
        self.continuations.len() - 1
    }

    /// An event is about to be scheduled by `who`.
    pub(crate) fn scheduling(
        &mut self,
        who: Who,
        continuation: usize,
        target: Target,
        due: Due,
        periodic: Periodic,
        missed: MissedTicks,
    ) -> usize {
        let id = self.events.len();
        self.trace(format_args!(
            "{who} schedules {id} of {continuation} on {target:?}, {due:?} {periodic:?}"
        ));
        self.tally.scheduled += 1;
        let sent = (due == Due::Now).then(|| self.send(who));
        let destroyed = self.continuations[continuation].destroyed;
        let expected = if destroyed { Some(true) } else { self.closing.then_some(false) };
        self.events.push(Event {
            continuation,
            target,
            due,
            periodic,
            missed,
            sent,
            runs: 0,
            running: None,
            said: Said::Nothing,
            armed: true,
            cancelled: false,
            stopped: false,
            refused: false,
            cancelling: false,
            expected,
            gone: false,
        });
        id
    }

    fn send(&mut self, who: Who) -> (Who, u64) {
        self.sent += 1;
        (who, if self.counts_backwards { u64::MAX - self.sent } else { self.sent })
    }

    /// The event was taken, or refused and whether for its continuation's destruction.
    pub(crate) fn scheduled(&mut self, id: usize, refused: Option<bool>) {
        let expected = self.events[id].expected;
        self.check(
            refused == expected,
            format_args!("event {id} was refused for {refused:?}, expected {expected:?}"),
        );
        if refused.is_some() {
            self.trace(format_args!("{id} is refused"));
            self.events[id].refused = true;
            self.tally.refused += 1;
        }
    }

    /// Somebody has the mutex from here until `leave`, in whatever way.
    pub(crate) fn hold(&mut self, who: Who, mutex: Option<usize>, continuation: Option<usize>) {
        let other =
            self.frames.iter().find(|frame| mutex.is_some() && frame.mutex == mutex && frame.who != who);
        let other = other.map(|frame| frame.who);
        self.check(other.is_none(), format_args!("{who} and {other:?} are both under mutex {mutex:?}"));
        self.frames.push(Frame { who, continuation, mutex });
    }

    pub(crate) fn let_go(&mut self, who: Who) {
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
    pub(crate) fn enter(&mut self, who: Who, continuation: usize) {
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
    pub(crate) fn leave(&mut self, who: Who) {
        self.let_go(who);
    }

    /// An event's run begins.
    pub(crate) fn begin(&mut self, who: Who, id: usize) {
        self.trace(format_args!("{who} runs {id}"));
        self.tally.runs += 1;
        let Event {
            continuation, target, due, sent, running, armed, cancelled, stopped, refused, gone, ..
        } = self.events[id];
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
    pub(crate) fn said(&mut self, id: usize, said: Said, accepted: bool, cancelled: bool) {
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
    pub(crate) fn end(&mut self, who: Who, id: usize, panicked: bool) {
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
            (Said::Every(period), _) => (true, Due::At(now.saturating_add(period)), Periodic::Every(period)),
            (_, Periodic::No) => (false, event.due, Periodic::No),
            (_, Periodic::Poll) => (true, Due::Poll, Periodic::Poll),
            (_, Periodic::Every(period)) => {
                let Due::At(due) = event.due else { unreachable!("periodic events have a time") };
                let next = match event.missed {
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
    pub(crate) fn dropped(&mut self, id: usize) {
        let Event {
            continuation, runs, running, armed, cancelled, stopped, refused, cancelling, gone, ..
        } = self.events[id];
        let cancelled = cancelled || cancelling;
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

    /// Somebody goes to cancel an event; to be followed by `cancelled`.
    pub(crate) fn cancelling(&mut self, who: Who, id: usize) -> Standing {
        let destroyed = self.continuations[self.events[id].continuation].destroyed;
        let event = &mut self.events[id];
        let nested = std::mem::replace(&mut event.cancelling, true);
        Standing {
            nested,
            gone: event.gone,
            own: event.running == Some(who),
            rearmed: matches!(event.said, Said::Now | Said::At(_) | Said::Every(_)),
            running: event.running.is_some(),
            armed: event.armed,
            called_off: event.cancelled || event.stopped || nested,
            ran: event.runs > 0,
            over_otherwise: event.refused || destroyed || self.closing,
        }
    }

    pub(crate) fn cancelled(&mut self, who: Who, id: usize, stood: &Standing, answer: Cancel) {
        self.trace(format_args!("{who} cancels {id}: {answer:?}"));
        // A destructor may ask after the handler has returned and before the event is over.
        let leaving = stood.ran && !stood.armed && !stood.gone && !stood.running;
        let right = match answer {
            Cancel::Cancelled | Cancel::Running if leaving => true,
            // While it runs, only what its own thread knows to have been armed again can be cancelled.
            Cancel::Cancelled => {
                !stood.gone
                    && if stood.running {
                        stood.own && stood.rearmed
                    } else {
                        stood.armed && !stood.called_off
                    }
            }
            Cancel::Running => stood.running && !(stood.own && stood.rearmed),
            Cancel::AlreadyRan => !stood.running && stood.ran && (stood.gone || !stood.armed),
            Cancel::AlreadyCancelled => {
                !stood.running && (stood.called_off || stood.gone && stood.over_otherwise)
            }
            Cancel::Stale => stood.gone,
            _ => false,
        };
        self.check(right, format_args!("cancelling event {id} was answered with {answer:?}"));
        let event = &mut self.events[id];
        event.cancelling = stood.nested;
        match answer {
            Cancel::Cancelled => event.cancelled = true,
            Cancel::Running => event.stopped = true,
            _ => {}
        }
        if stood.own {
            event.said = Said::Stop;
        }
    }

    /// Whether the event is waiting or running, by our books.
    pub(crate) fn is_over(&self, id: usize) -> bool {
        self.events[id].gone
    }

    pub(crate) fn is_periodic(&self, id: usize) -> bool {
        self.events[id].periodic != Periodic::No
    }

    /// A handler that was called is about to panic.
    pub(crate) fn panicked(&mut self, continuation: usize) {
        self.continuations[continuation].destroyed = true;
    }

    /// What a call of the continuation has to be answered with; none if its handler is to be entered.
    pub(crate) fn expected_of_call(&self, who: Who, continuation: usize) -> Option<CallError> {
        let Continuation { kind, mutex, destroyed, .. } = self.continuations[continuation];
        if mutex.is_some() && self.frames.iter().any(|frame| frame.mutex == mutex && frame.who != who) {
            Some(CallError::Busy)
        } else if destroyed {
            Some(CallError::Destroyed)
        } else if kind == Kind::Exclusive && self.depth(continuation) > 0 {
            Some(CallError::Reentrant)
        } else {
            None
        }
    }

    pub(crate) fn belongs_to_destroyed(&self, id: usize) -> bool {
        self.continuations[self.events[id].continuation].destroyed
    }

    pub(crate) fn has_run(&self, id: usize) -> bool {
        self.events[id].runs > 0
    }

    /// Somebody destroyed a continuation. `holder` is who holds its mutex.
    pub(crate) fn destroying(&mut self, continuation: usize) -> (bool, bool) {
        let inside = self.depth(continuation) > 0;
        let before = std::mem::replace(&mut self.continuations[continuation].destroyed, true);
        (before, inside)
    }

    pub(crate) fn destroyed(
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
    pub(crate) fn handler_dropped(&mut self, continuation: usize) {
        self.trace(format_args!("the handler of {continuation} is dropped"));
        let inside = self.depth(continuation);
        self.check(inside == 0, format_args!("the handler of {continuation} was dropped while it ran"));
        let before = std::mem::replace(&mut self.continuations[continuation].dropped, true);
        self.check(!before, format_args!("the handler of {continuation} was dropped twice"));
        let waits = self.events.iter().position(|event| {
            let is_over = event.gone || event.cancelled || event.cancelling || event.refused;
            event.continuation == continuation && event.armed && !is_over
        });
        let destroyed = self.continuations[continuation].destroyed;
        if !destroyed && !self.closing {
            self.check(
                waits.is_none(),
                format_args!("the handler of {continuation} was dropped before event {waits:?} was over"),
            );
        }
    }

    pub(crate) fn future_made(&mut self) -> u64 {
        self.futures += 1;
        self.futures
    }

    pub(crate) fn future_dropped(&mut self, number: u64, done: bool) {
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
    pub(crate) fn nothing_dead_is_left(&mut self) {
        for id in 0..self.events.len() {
            let Event { continuation, cancelled, gone, .. } = self.events[id];
            let dead = cancelled || self.continuations[continuation].destroyed;
            self.check(!dead || gone, format_args!("event {id} is dead, and still takes up room"));
        }
    }

    /// At the end everything is gone.
    pub(crate) fn nothing_is_left(&mut self) {
        for id in 0..self.events.len() {
            let gone = self.events[id].gone;
            self.check(gone, format_args!("event {id} leaked"));
        }
        for id in 0..self.continuations.len() {
            let dropped = self.continuations[id].dropped;
            self.check(dropped, format_args!("the handler of {id} leaked"));
        }
        let Tally { futures_done, futures_dropped, .. } = self.tally;
        let made = self.futures;
        self.check(
            futures_done + futures_dropped == made,
            format_args!("{made} futures made, {futures_done} done, {futures_dropped} dropped"),
        );
        let inside = self.frames.len();
        self.check(inside == 0, format_args!("{inside} handlers were never left"));
    }
}

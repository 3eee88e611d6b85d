//! A random system: threads, mutexes and continuations drawn from a seed, and what they do to each other.
//!
//! All of it runs on one operating-system thread, so the books lie in a thread local that every context sees.

use crate::ledger::{Due, Kind, Ledger, OUTSIDE, Periodic, Said, Tally, Target, Who};
use std::cell::{Cell, RefCell, RefMut};
use std::panic::resume_unwind;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use ts_cont::simulate::{Simulation, pass};
use ts_cont::{
    Action, CallError, Clock, Continuation, Event, EventCode, EventProcessor, EventType, Finished, Here,
    HrTime, JoinHandle, Message, MissedTicks, ProxyMutex, Queued, RearmError, Refusal, SWEEP_DELAY,
    ScheduleError, ShutdownOptions, future,
};

thread_local! {
    static SYSTEM: RefCell<Option<Rc<System>>> = const { RefCell::new(None) };
}

/// What the system is made to do wrong, to see that it is noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sabotage {
    None,
    ForgetToCancel,
    ForgetToDestroy,
    ExpectLaterTimers,
    CountBackwards,
    TakeSharedForLocked,
    KeepWhatIsOver,
    ReportRunsTwice,
    TurnTimeBack,
    UseEntropy,
}

/// What came of a run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) hash: (u64, u64),
    pub(crate) violations: Vec<String>,
    pub(crate) tally: Tally,
    pub(crate) missed_locks: u64,
}

struct System {
    processor: RefCell<Option<EventProcessor>>,
    clock: Clock,
    ledger: RefCell<Ledger>,
    random: Cell<u64>,
    /// How much may still be begun; it ends a run that would go on for ever.
    fuel: Cell<u32>,
    mutexes: Vec<ProxyMutex>,
    continuations: RefCell<Vec<Option<Continuation>>>,
    actions: RefCell<Vec<(usize, Action)>>,
    futures: RefCell<Vec<JoinHandle<()>>>,
    groups: Vec<(EventType, usize)>,
    sabotage: Sabotage,
    /// Calls within calls.
    nested: Cell<u32>,
}

fn system() -> Option<Rc<System>> {
    SYSTEM.with_borrow(Option::clone)
}

fn with<R>(f: impl FnOnce(&System) -> R) -> R {
    f(&system().expect("a run is going on"))
}

fn who() -> Who {
    Here::current().map_or(OUTSIDE, |here| {
        let group = here.thread().group().expect("regular threads only");
        100 * (u32::from(group.index()) + 1) + here.thread().index() as u32
    })
}

/// Comes with every event; its drop is the end of the event.
struct Payload(usize);

impl Drop for Payload {
    fn drop(&mut self) {
        if let Some(system) = system() {
            system.book().dropped(self.0);
            system.act_in_a_destructor();
        }
    }
}

/// Part of every handler.
struct Body(usize);

impl Drop for Body {
    fn drop(&mut self) {
        if let Some(system) = system() {
            system.book().handler_dropped(self.0);
            system.act_in_a_destructor();
        }
    }
}

/// Part of every future, and of every function that waits for a mutex.
struct Mark {
    number: u64,
    done: bool,
}

impl Mark {
    fn new(system: &System) -> Self {
        Self { number: system.book().future_made(), done: false }
    }

    fn done(mut self) {
        self.done = true;
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        if let Some(system) = system() {
            system.book().future_dropped(self.number, self.done);
        }
    }
}

fn micros(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

impl System {
    fn draw(&self, bound: u64) -> u64 {
        let state = self.random.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        self.random.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn one_in(&self, chances: u64) -> bool {
        self.draw(chances) == 0
    }

    fn book(&self) -> RefMut<'_, Ledger> {
        let mut ledger = self.ledger.borrow_mut();
        let now = self.clock.now();
        ledger.time_is(now);
        if self.sabotage == Sabotage::TurnTimeBack {
            ledger.time_is(now.saturating_sub(Duration::from_nanos(1)));
        }
        ledger
    }

    fn processor(&self) -> EventProcessor {
        self.processor.borrow().clone().expect("it lives as long as the run")
    }

    /// Takes one piece of fuel.
    fn may_go_on(&self) -> bool {
        let left = self.fuel.get();
        self.fuel.set(left.saturating_sub(1));
        left > 0
    }

    fn make_continuation(&self) {
        let kind = [Kind::Exclusive, Kind::Exclusive, Kind::Reentrant, Kind::Shared][self.draw(4) as usize];
        let mutex = (kind != Kind::Shared).then(|| self.draw(self.mutexes.len() as u64) as usize);
        let told = if self.sabotage == Sabotage::TakeSharedForLocked { mutex.or(Some(0)) } else { mutex };
        let body = Body(self.book().add_continuation(kind, told));
        let with_data = self.one_in(2);
        let continuation = match (kind, mutex.map(|mutex| &self.mutexes[mutex])) {
            (Kind::Exclusive, Some(mutex)) if with_data => {
                Continuation::with_data(mutex, body, |body, event| handle(body, event))
            }
            (Kind::Exclusive, Some(mutex)) => Continuation::new(mutex, move |event| handle(&body, event)),
            (_, Some(mutex)) => Continuation::reentrant(mutex, move |event| handle(&body, event)),
            (_, None) => Continuation::shared(move |event| handle(&body, event)),
        };
        self.continuations.borrow_mut().push(Some(continuation));
    }

    /// One whose handle is still there; now and then none.
    fn any_continuation(&self) -> Option<(usize, Continuation)> {
        (0..4).find_map(|_| {
            let count = self.continuations.borrow().len() as u64;
            let id = self.draw(count) as usize;
            self.continuations.borrow()[id].clone().map(|continuation| (id, continuation))
        })
    }

    fn any_group(&self) -> EventType {
        self.groups[self.draw(self.groups.len() as u64) as usize].0
    }

    /// Schedules something of `continuation` somewhere at some time; returns the event's number if it was taken.
    fn schedule(
        &self,
        id: usize,
        continuation: &Continuation,
        message: impl FnOnce(Message) -> Message,
    ) -> usize {
        let processor = self.processor();
        let group = self.any_group();
        let threads = processor.threads(group);
        let thread = (!threads.is_empty() && self.one_in(2))
            .then(|| threads[self.draw(threads.len() as u64) as usize].clone());
        let target = match &thread {
            Some(thread) => Target::Thread(100 * (u32::from(group.index()) + 1) + thread.index() as u32),
            None => Target::Group(u32::from(group.index())),
        };
        // Some are so late that they only go if somebody takes them away.
        let delay = if self.one_in(6) { micros(20_000_000) } else { micros(self.draw(400)) };
        let period = micros(50 + self.draw(400));
        let at = self.clock.now().saturating_add(delay);
        let missed = [MissedTicks::Delay, MissedTicks::Skip, MissedTicks::Burst][self.draw(3) as usize];
        let choice = self.draw(10);
        let (due, periodic) = match choice {
            0..5 => (Due::Now, Periodic::No),
            5 | 6 => (Due::At(at), Periodic::No),
            7 => (Due::At(at), Periodic::No),
            8 => (Due::At(self.clock.now().saturating_add(period)), Periodic::Every(period)),
            _ => (Due::Poll, Periodic::Poll),
        };
        let told = match due {
            Due::At(at) if self.sabotage == Sabotage::ExpectLaterTimers => {
                Due::At(at.saturating_add(micros(30)))
            }
            other => other,
        };
        let event = self.book().scheduling(who(), id, target, told, periodic, missed);
        let payload = Payload(event);
        let text =
            Message::new(EventCode::new(EventCode::USER.number() + 1)).cookie(event).missed_ticks(missed);
        let text = message(text.data(payload));
        let result = match (choice, thread) {
            (0..5, None) => processor.schedule_imm(continuation, group, text),
            (0..5, Some(thread)) => thread.schedule_imm(continuation, text),
            (5 | 6, None) => processor.schedule_in(continuation, delay, group, text),
            (5 | 6, Some(thread)) => thread.schedule_in(continuation, delay, text),
            (7, None) => processor.schedule_at(continuation, at, group, text),
            (7, Some(thread)) => thread.schedule_at(continuation, at, text),
            (8, None) => processor.schedule_every(continuation, period, group, text),
            (8, Some(thread)) => thread.schedule_every(continuation, period, text),
            (_, None) => processor.schedule_poll(continuation, choice, group, text),
            (_, Some(thread)) => thread.schedule_poll(continuation, choice, text),
        };
        let refused = result.as_ref().err().map(|error: &ScheduleError| match error.refusal() {
            Refusal::Destroyed => true,
            Refusal::ShuttingDown => false,
            other => panic!("an event was refused: {other}"),
        });
        self.book().scheduled(event, refused);
        // With what is refused goes what came with it.
        if let Ok(action) = result {
            self.actions.borrow_mut().push((event, action));
        }
        event
    }

    fn cancel(&self, event: usize, action: Action) {
        let stood = self.book().cancelling(who(), event);
        if self.sabotage == Sabotage::ForgetToCancel {
            let standing =
                if self.book().is_over(event) { ts_cont::Cancel::Stale } else { ts_cont::Cancel::Cancelled };
            self.book().cancelled(who(), event, &stood, standing);
            return;
        }
        let answer = action.cancel();
        self.book().cancelled(who(), event, &stood, answer);
        if answer.is_cancelled() && (action.is_done() && !self.book().is_over(event)) {
            self.book().violate(format_args!("event {event} says that it ran after it was cancelled"));
        }
    }

    fn cancel_any(&self) {
        let count = self.actions.borrow().len() as u64;
        if count > 0 {
            // Rather one of the latest.
            let back = self.draw(count.min(if self.one_in(4) { count } else { 6 }));
            let (event, action) = self.actions.borrow()[(count - 1 - back) as usize];
            self.cancel(event, action);
        }
    }

    fn destroy(&self, id: usize, continuation: &Continuation) {
        let before = self.book().destroying(id);
        if self.sabotage != Sabotage::ForgetToDestroy {
            let answer = continuation.destroy();
            self.book().destroyed(who(), id, before, answer);
        }
    }

    fn call(&self, id: usize, continuation: &Continuation) {
        if self.nested.get() >= 3 {
            return;
        }
        let me = who();
        let expected = self.book().expected_of_call(me, id);
        self.book().trace(format_args!("{me} calls {id}"));
        self.nested.set(self.nested.get() + 1);
        let answer = continuation.call(Message::new(EventCode::CALL).cookie(usize::MAX));
        self.nested.set(self.nested.get() - 1);
        let is_free_for_us = continuation.mutex().is_none_or(ProxyMutex::held_by_current);
        let right = match (answer, expected) {
            (Ok(number), None) => number == id as i32,
            (Err(CallError::Panicked), None) => true,
            // It may be reserved for somebody who has waited long enough.
            (Err(CallError::Busy), expected) => expected == Some(CallError::Busy) || !is_free_for_us,
            (Err(error), expected) => expected == Some(error),
            (Ok(_), Some(_)) => false,
        };
        if !right {
            self.book()
                .violate(format_args!("a call of {id} was answered with {answer:?}, expected {expected:?}"));
        }
    }

    fn when_free(&self) {
        let index = self.draw(self.mutexes.len() as u64) as usize;
        let mark = Mark::new(self);
        self.mutexes[index].when_free(move |guard| {
            with(|system| {
                let me = who();
                system.book().trace(format_args!("{me} runs a function under mutex {index}"));
                system.book().hold(me, Some(index), None);
                if !guard.mutex().held_by_current() {
                    system.book().violate(format_args!("a function ran without its mutex"));
                }
                if system.one_in(2) {
                    system.act(None);
                }
                system.book().let_go(me);
            });
            mark.done();
        });
    }

    fn spawn(&self) {
        let mark = Mark::new(self);
        let steps = 1 + self.draw(4);
        let processor = self.processor();
        let group = self.any_group();
        let ready = !processor.threads(group).is_empty();
        let closing = self.book().closing;
        match processor.spawn(group, live(mark, steps)) {
            Ok(handle) => {
                if closing || !ready {
                    self.book().violate(format_args!("a future was taken and should not have been"));
                }
                if self.one_in(2) {
                    self.futures.borrow_mut().push(handle);
                }
            }
            Err(Refusal::ShuttingDown) if closing => {}
            Err(Refusal::NotReady(_)) if !ready => {}
            Err(other) => self.book().violate(format_args!("a future was refused: {other}")),
        }
    }

    fn drop_any_handle(&self) {
        let count = self.continuations.borrow().len() as u64;
        let id = self.draw(count) as usize;
        let handle = self.continuations.borrow_mut()[id].take();
        drop(handle);
    }

    /// Does one thing that may be done anywhere.
    fn act(&self, own: Option<(usize, &Continuation)>) {
        if !self.may_go_on() {
            return;
        }
        let other = || {
            if let Some((id, continuation)) = own
                && self.one_in(3)
            {
                return Some((id, continuation.clone()));
            }
            self.any_continuation()
        };
        match self.draw(32) {
            0..13 => {
                if let Some((id, continuation)) = other() {
                    self.schedule(id, &continuation, |message| message);
                }
            }
            13..20 => self.cancel_any(),
            20 => {
                if let Some((id, continuation)) = other() {
                    self.destroy(id, &continuation);
                }
            }
            21..24 => {
                if let Some((id, continuation)) = other() {
                    self.call(id, &continuation);
                }
            }
            24 | 25 => self.when_free(),
            26 => self.spawn(),
            27 | 28 => self.make_continuation(),
            29 | 30 => self.drop_any_handle(),
            _ => {
                let future = self.futures.borrow_mut().pop();
                drop(future.map(JoinHandle::cancel));
            }
        }
    }

    /// Destructors may do what anybody may do, and run at the oddest times.
    fn act_in_a_destructor(&self) {
        if self.one_in(6) {
            self.act(None);
        }
    }
}

/// The handler of every continuation.
fn handle(body: &Body, event: &mut Event<'_>) -> i32 {
    let (system, me, own) = (system().expect("a run is going on"), who(), body.0);
    let mutex = system.book().continuations[own].mutex.map(|index| &system.mutexes[index]);
    if system.sabotage != Sabotage::TakeSharedForLocked {
        let held = match (mutex, event.guard()) {
            (None, None) => true,
            (Some(mutex), Some(guard)) => guard.mutex() == mutex && mutex.held_by_current(),
            _ => false,
        };
        if !held {
            system.book().violate(format_args!("the handler of {own} runs without its mutex"));
        }
    }
    system.book().enter(me, own);
    let run = event.action().map(|action| (event.cookie(), action));
    if let Some((id, action)) = run {
        system.book().begin(me, id);
        if system.sabotage == Sabotage::ReportRunsTwice {
            system.book().begin(me, id);
        }
        let is_ours = event.data::<Payload>().is_some_and(|payload| payload.0 == id);
        let is_here = event.here().is_some_and(|here| here.thread().is_current());
        if !is_ours || !is_here || !action.is_pending() || action.is_done() {
            system.book().violate(format_args!("event {id} is not what it says it is"));
        }
    }
    if system.sabotage == Sabotage::UseEntropy {
        static RUNS: AtomicU64 = AtomicU64::new(0);
        let entropy = RUNS.fetch_add(1, Relaxed);
        system.book().trace(format_args!("{entropy}"));
    }
    for _ in 0..system.draw(4) {
        match system.draw(6) {
            0 if me != OUTSIDE && system.may_go_on() => {
                system.book().trace(format_args!("{me} lets time pass"));
                pass(micros(1 + system.draw(900))).expect("threads are simulated");
            }
            1 | 2 => rearm(&system, event),
            _ => system.act(Some((own, event.continuation()))),
        }
    }
    if let Some((id, action)) = run {
        let is_periodic = system.book().is_periodic(id);
        if is_periodic && system.one_in(3) {
            system.cancel(id, action);
        }
    }
    let panics = system.one_in(80) && system.may_go_on();
    if let Some((id, _)) = run {
        system.book().end(me, id, panics);
        if system.sabotage == Sabotage::KeepWhatIsOver {
            std::mem::forget(event.take_data::<Payload>());
        }
    }
    if panics {
        system.book().panicked(own);
    }
    system.book().leave(me);
    if panics {
        // Without the hook that prints.
        resume_unwind(Box::new("on purpose"));
    }
    own as i32
}

fn rearm(system: &System, event: &mut Event<'_>) {
    if event.action().is_none() {
        assert_eq!(event.reschedule_imm(), Err(RearmError::NotScheduled));
        return;
    }
    if !system.may_go_on() {
        return;
    }
    let time = micros(1 + system.draw(300));
    let at = system.clock.now().saturating_add(time);
    let (said, answer) = match system.draw(4) {
        0 => (Said::Now, event.reschedule_imm()),
        1 => (Said::At(at), event.reschedule_in(time)),
        2 => (Said::At(at), event.reschedule_at(at)),
        _ => (Said::Every(time), event.reschedule_every(time)),
    };
    let was_cancelled = answer == Err(RearmError::Cancelled);
    system.book().said(event.cookie(), said, answer.is_ok(), was_cancelled);
}

/// What every future does.
async fn live(mark: Mark, steps: u64) {
    for _ in 0..steps {
        match with(|system| system.draw(5)) {
            0 => {
                let (nap, until) = with(|system| {
                    let nap = micros(system.draw(300));
                    (nap, system.clock.now().saturating_add(nap))
                });
                future::sleep(nap).await;
                woken(until);
            }
            1 => {
                let limit = with(|system| micros(system.draw(100)));
                let until = with(|system| system.clock.now().saturating_add(limit));
                // Time may jump over both.
                let _ = future::timeout(limit, future::sleep(limit + micros(100))).await;
                woken(until);
            }
            2 => {
                let (index, mutex) = with(|system| {
                    let index = system.draw(system.mutexes.len() as u64) as usize;
                    (index, system.mutexes[index].clone())
                });
                mutex
                    .run(|_| {
                        with(|system| {
                            let me = who();
                            system.book().hold(me, Some(index), None);
                            if system.one_in(4) && system.may_go_on() {
                                pass(micros(system.draw(600))).expect("threads are simulated");
                            }
                            system.act(None);
                            system.book().let_go(me);
                        });
                    })
                    .await;
            }
            3 => {
                let waits = with(|system| {
                    let (id, continuation) = system.any_continuation()?;
                    let mut completion = None;
                    let event = system.schedule(id, &continuation, |message| {
                        let (message, finished) = message.completion();
                        completion = Some(finished);
                        message
                    });
                    completion.map(|completion| (event, completion))
                });
                if let Some((event, completion)) = waits {
                    let finished = completion.await;
                    with(|system| {
                        let ran = system.book().has_run(event);
                        if (finished == Finished::Ran) != ran {
                            system.book().violate(format_args!("event {event} finished as {finished:?}"));
                        }
                    });
                }
            }
            _ => with(|system| system.act(None)),
        }
    }
    mark.done();
}

fn woken(until: HrTime) {
    with(|system| {
        let mut book = system.book();
        if book.now() < until {
            book.violate(format_args!("a sleep ended before its time {until}"));
        }
    });
}

/// Runs the system of `seed` to its end.
pub(crate) fn run(seed: u64, sabotage: Sabotage, is_loud: bool) -> Outcome {
    let builder = EventProcessor::builder();
    let simulation = Simulation::with_builder(seed, builder);
    let processor = simulation.processor().clone();
    let draw = |bound| simulation.draw(bound);
    let mut groups = vec![(EventType::NET, 1 + draw(3) as usize)];
    for name in ["ET_ONE", "ET_TWO"].iter().take(draw(3) as usize) {
        groups.push((processor.register_event_type(name).expect("a new name"), 1 + draw(2) as usize));
    }
    let system = Rc::new(System {
        clock: processor.clock().clone(),
        processor: RefCell::new(Some(processor)),
        ledger: RefCell::new(Ledger::new(is_loud, sabotage == Sabotage::CountBackwards)),
        random: Cell::new(seed),
        fuel: Cell::new(100 + draw(300) as u32),
        mutexes: (0..=draw(2)).map(|_| ProxyMutex::new()).collect(),
        continuations: RefCell::default(),
        actions: RefCell::default(),
        futures: RefCell::default(),
        groups,
        sabotage,
        nested: Cell::new(0),
    });
    SYSTEM.set(Some(Rc::clone(&system)));
    let missed_locks = drive(simulation, &system);
    let mut ledger = system.ledger.borrow_mut();
    ledger.nothing_is_left();
    let outcome = Outcome {
        hash: ledger.hash(),
        violations: std::mem::take(&mut ledger.violations),
        tally: ledger.tally,
        missed_locks,
    };
    drop(ledger);
    SYSTEM.set(None);
    outcome
}

fn drive(simulation: Simulation, system: &System) -> u64 {
    for _ in 0..2 + system.draw(5) {
        system.make_continuation();
    }
    let mut to_spawn = system.groups.clone();
    for _ in 0..10 + system.draw(20) {
        if !to_spawn.is_empty() && !system.one_in(4) {
            let (group, count) = to_spawn.remove(0);
            system.processor().spawn_event_threads(group, count, 0).expect("simulated threads always start");
        }
        for _ in 0..1 + system.draw(4) {
            system.act(None);
        }
        let held = system.one_in(4).then(|| system.draw(system.mutexes.len() as u64) as usize);
        let guard = held.and_then(|index| system.mutexes[index].try_lock());
        if guard.is_some() {
            system.book().hold(OUTSIDE, held, None);
        }
        match system.draw(3) {
            0 => drop(simulation.step()),
            _ => simulation.run_for(micros(system.draw(700))),
        }
        if guard.is_some() {
            system.book().let_go(OUTSIDE);
        }
        drop(guard);
    }
    if system.one_in(2) {
        come_to_rest(&simulation, system, to_spawn);
    }
    system.book().closing = true;
    let missed_locks = if system.one_in(4) {
        drop(simulation);
        0
    } else {
        let queued = if system.one_in(2) { Queued::Run } else { Queued::Cancel };
        let report = simulation.shutdown(ShutdownOptions::default().queued(queued));
        let mut book = system.book();
        if !report.unfinished.is_empty() {
            book.violate(format_args!("did not stop: {:?}", report.unfinished));
        }
        let Tally { runs, shut_down, .. } = book.tally;
        if (report.dispatched, report.cancelled) != (runs, shut_down) {
            book.violate(format_args!("the report is wrong: {report}, counted {runs} and {shut_down}"));
        }
        report.missed_locks
    };
    // What is dropped now may still do something; then all is over.
    let mut next = 0;
    loop {
        let handle = system.continuations.borrow_mut().get_mut(next).map(Option::take);
        let Some(handle) = handle else { break };
        drop(handle);
        next += 1;
    }
    let futures = system.futures.take();
    drop(futures);
    // What waits for a group that never had threads goes with the last handle, when there is nothing left to act on.
    system.fuel.set(0);
    let processor = system.processor.take();
    drop(processor);
    missed_locks
}

/// Cancels all that goes on, and sees that nothing dead is left.
fn come_to_rest(simulation: &Simulation, system: &System, to_spawn: Vec<(EventType, usize)>) {
    for (group, count) in to_spawn {
        system.processor().spawn_event_threads(group, count, 0).expect("simulated threads always start");
    }
    system.fuel.set(0);
    simulation.run_for(micros(2000));
    let actions = system.actions.borrow().clone();
    for (event, action) in actions {
        // What belongs to a destroyed continuation is to go by itself.
        if !system.book().belongs_to_destroyed(event) {
            system.cancel(event, action);
        }
    }
    simulation.run_for(SWEEP_DELAY + micros(5000));
    system.book().nothing_dead_is_left();
}

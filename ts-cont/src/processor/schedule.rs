//! Scheduling on a group: which thread it becomes, and what waits for a group that has none yet.
//!
//! # Rules
//! * Which thread, and whether it becomes the affinity, says [`crate::affinity`] alone; this file does as it says.
//! * What is refused is refused before anything was changed, and the message comes back.

use super::group::{EventType, Group, Kept};
use super::{EventProcessor, Inner, NotReady, spawn};
use crate::affinity::{self, Caller, Choice};
use crate::ethread::{Here, Timing, refused};
use crate::event::Message;
use crate::work::{SLOTS, Scheduled, Work};
use crate::{Action, Actions, Continuation, EThread, Refusal, ScheduleError};
use std::time::Duration;
use ts_event::{Entry, When};
use ts_thread::HrTime;

impl EventProcessor {
    /// Runs `continuation` once on a thread of `group`, after everything that is queued there for now.
    ///
    /// Any thread may call it; [`crate::affinity`] tells which thread is chosen. If the group is registered but has no
    /// threads yet, the event waits for them (see [`NotReady`]). Without a code in the message [`EventCode::IMMEDIATE`](crate::EventCode::IMMEDIATE) is
    /// delivered.
    ///
    /// # Errors
    ///
    /// [`ScheduleError`] with [`Refusal::UnknownGroup`], [`Refusal::NotReady`], [`Refusal::Destroyed`] or
    /// [`Refusal::ShuttingDown`]; the message comes back in it.
    pub fn schedule_imm(
        &self,
        continuation: &Continuation,
        group: EventType,
        message: impl Into<Message>,
    ) -> Result<Action, ScheduleError> {
        self.inner.submit(continuation, Some(group), Timing::Now, message.into())
    }

    /// Runs `continuation` once on a thread of `group` at `at`, never before. See [`EventProcessor::schedule_imm`].
    ///
    /// # Errors
    ///
    /// As for [`EventProcessor::schedule_imm`].
    pub fn schedule_at(
        &self,
        continuation: &Continuation,
        at: HrTime,
        group: EventType,
        message: impl Into<Message>,
    ) -> Result<Action, ScheduleError> {
        self.inner.submit(continuation, Some(group), Timing::At(at), message.into())
    }

    /// Runs `continuation` once on a thread of `group`, at least `delay` from now. See [`EventProcessor::schedule_imm`].
    ///
    /// # Errors
    ///
    /// As for [`EventProcessor::schedule_imm`].
    pub fn schedule_in(
        &self,
        continuation: &Continuation,
        delay: Duration,
        group: EventType,
        message: impl Into<Message>,
    ) -> Result<Action, ScheduleError> {
        self.inner.submit(continuation, Some(group), Timing::In(delay), message.into())
    }

    /// Runs `continuation` on a thread of `group` every `period`. See [`EThread::schedule_every`].
    ///
    /// # Errors
    ///
    /// As for [`EventProcessor::schedule_imm`]; [`Refusal::ZeroPeriod`] for a period of zero.
    pub fn schedule_every(
        &self,
        continuation: &Continuation,
        period: Duration,
        group: EventType,
        message: impl Into<Message>,
    ) -> Result<Action, ScheduleError> {
        self.inner.submit(continuation, Some(group), Timing::Every(period), message.into())
    }

    /// Runs `continuation` in every turn of a thread of `group`. See [`EThread::schedule_poll`].
    ///
    /// # Errors
    ///
    /// As for [`EventProcessor::schedule_imm`].
    pub fn schedule_poll(
        &self,
        continuation: &Continuation,
        order: u64,
        group: EventType,
        message: impl Into<Message>,
    ) -> Result<Action, ScheduleError> {
        self.inner.submit(continuation, Some(group), Timing::Poll(order), message.into())
    }

    /// Runs `continuation` once, at least `delay` from now (for now if it is zero), where its affinity is; without one, on
    /// the calling event thread, or for any other caller on the next network thread, which becomes the affinity.
    ///
    /// # Errors
    ///
    /// As for [`EventProcessor::schedule_imm`]; [`Refusal::NoLoop`] if the affinity is a dedicated thread.
    pub fn schedule(
        &self,
        continuation: &Continuation,
        delay: Duration,
        message: impl Into<Message>,
    ) -> Result<Action, ScheduleError> {
        let timing = if delay.is_zero() { Timing::Now } else { Timing::In(delay) };
        self.inner.submit(continuation, None, timing, message.into())
    }

    /// As [`EventProcessor::schedule`], every `period`.
    ///
    /// # Errors
    ///
    /// As for [`EventProcessor::schedule_every`].
    pub fn schedule_repeating(
        &self,
        continuation: &Continuation,
        period: Duration,
        message: impl Into<Message>,
    ) -> Result<Action, ScheduleError> {
        self.inner.submit(continuation, None, Timing::Every(period), message.into())
    }

    /// As [`EventProcessor::schedule`], in every turn of the thread. See [`EThread::schedule_poll`].
    ///
    /// # Errors
    ///
    /// As for [`EventProcessor::schedule`].
    pub fn schedule_polling(
        &self,
        continuation: &Continuation,
        order: u64,
        message: impl Into<Message>,
    ) -> Result<Action, ScheduleError> {
        self.inner.submit(continuation, None, Timing::Poll(order), message.into())
    }

    /// Runs `continuation` once on every thread of `group`, at least `delay` from now (for now if it is zero).
    ///
    /// The threads run it at the same time, so it must have been made with [`Continuation::shared`]. Affinity is neither
    /// used nor changed. The actions are in the order of the threads. `make` is called once a thread for the message.
    ///
    /// # Errors
    ///
    /// [`ScheduleError`] with [`Refusal::NeedsNoMutex`], [`Refusal::NotReady`] for a group without threads, or as for
    /// [`EventProcessor::schedule_imm`]. Events that were scheduled before the error are cancelled.
    pub fn schedule_entire(
        &self,
        continuation: &Continuation,
        delay: Duration,
        group: EventType,
        make: impl FnMut() -> Message,
    ) -> Result<Actions, ScheduleError> {
        let timing = if delay.is_zero() { Timing::Now } else { Timing::In(delay) };
        self.inner.submit_entire(continuation, group, timing, make)
    }

    /// As [`EventProcessor::schedule_entire`], every `period`.
    ///
    /// # Errors
    ///
    /// As for [`EventProcessor::schedule_entire`]; [`Refusal::ZeroPeriod`] for a period of zero.
    pub fn schedule_every_entire(
        &self,
        continuation: &Continuation,
        period: Duration,
        group: EventType,
        make: impl FnMut() -> Message,
    ) -> Result<Actions, ScheduleError> {
        self.inner.submit_entire(continuation, group, Timing::Every(period), make)
    }

    /// As [`EventProcessor::schedule_entire`], in every turn of each thread. See [`EThread::schedule_poll`].
    ///
    /// # Errors
    ///
    /// As for [`EventProcessor::schedule_entire`].
    pub fn schedule_poll_entire(
        &self,
        continuation: &Continuation,
        order: u64,
        group: EventType,
        make: impl FnMut() -> Message,
    ) -> Result<Actions, ScheduleError> {
        self.inner.submit_entire(continuation, group, Timing::Poll(order), make)
    }

    /// Tells which thread would get an event of `continuation` now, and why; `group` as for scheduling, none for a schedule
    /// without one. Nothing changes by asking.
    #[must_use]
    pub fn explain(&self, continuation: &Continuation, group: Option<EventType>) -> Choice {
        self.inner.choose(continuation, group)
    }
}

impl Inner {
    fn caller(&self) -> Caller {
        Here::with_current(|here| {
            let reference = here.thread().thread_ref();
            (reference.processor == self.core.id).then_some(Caller::EventThread(reference))
        })
        .flatten()
        .unwrap_or(Caller::Guest)
    }

    fn choose(&self, continuation: &Continuation, group: Option<EventType>) -> Choice {
        // An affinity to another processor's thread says nothing here.
        let affinity = continuation.affinity_ref().filter(|thread| thread.processor == self.core.id);
        affinity::choose(affinity, self.caller(), group)
    }

    fn submit(
        &self,
        continuation: &Continuation,
        wanted: Option<EventType>,
        timing: Timing,
        mut message: Message,
    ) -> Result<Action, ScheduleError> {
        if let Err(refusal) = timing.check(continuation, &self.core) {
            return Err(ScheduleError::new(refusal, message));
        }
        let choice = self.choose(continuation, wanted);
        if choice.thread.is_some_and(spawn::is_dedicated) {
            return Err(ScheduleError::new(Refusal::NoLoop, message));
        }
        let Some(mut group) = self.group(choice.group) else {
            return Err(ScheduleError::new(Refusal::UnknownGroup(choice.group), message));
        };
        let mut chosen = choice.thread;
        let mut own = None;
        if group.threads().is_empty() {
            // A thread that starts may call before its group is up, and be the one that is chosen.
            own = EThread::current().filter(|own| chosen == Some(own.thread_ref()));
        }
        if own.is_none() && group.threads().is_empty() {
            match self.not_ready {
                NotReady::Queue => {}
                NotReady::Refuse => {
                    return Err(ScheduleError::new(Refusal::NotReady(choice.group), message));
                }
                NotReady::FallBackToNet => {
                    group = self.group(EventType::NET).expect("it always exists");
                    chosen = None;
                }
            }
        }
        let when = timing.resolve(&self.core, &mut message);
        let thread = own.or_else(|| match chosen {
            Some(reference) => group.threads().get(reference.index()).cloned(),
            None => group.next_in_turn(),
        });
        let Some(thread) = thread else {
            let scheduled = Scheduled::new(continuation, timing.code(), message);
            continuation.cell().get().belong_to(self.core.id);
            let entry = SLOTS.entry(Work::Call(scheduled));
            let action = Action::new(entry.key());
            return match group.keep_for_later(entry, when) {
                Kept::Yes => Ok(action),
                Kept::NoNeed(entry) => {
                    self.hand_over(group, group.threads(), entry, when);
                    Ok(action)
                }
                Kept::Closed(entry) => Err(refused(entry)),
            };
        };
        if choice.becomes_affinity {
            continuation.set_affinity(&thread);
        }
        thread.place(continuation, timing.code(), message, when)
    }

    /// Gives an event that waited for a group to one of its threads.
    pub(crate) fn hand_over(&self, group: &Group, threads: &[EThread], entry: Entry<Work>, when: When) {
        let Work::Call(scheduled) = &*entry else { unreachable!("only events wait for a group") };
        let cell = scheduled.cell();
        // One that has died meanwhile is met at once, and does not lie among the timers until it is due.
        let is_dead = entry.is_called_off() || cell.get().life.is_destroyed();
        let when = if is_dead { When::Now } else { when };
        let affinity = cell.get().affinity().filter(|thread| thread.processor == self.core.id);
        let choice = affinity::choose(affinity, Caller::Guest, Some(group.event_type()));
        let thread = match choice.thread {
            Some(reference) => threads.get(reference.index()).cloned(),
            None => group.next_of(threads),
        };
        let Some(thread) = thread else { return };
        if choice.becomes_affinity {
            cell.get().set_affinity(thread.shared().number);
        }
        thread.place_entry(entry, when);
    }

    fn submit_entire(
        &self,
        continuation: &Continuation,
        event_type: EventType,
        timing: Timing,
        mut make: impl FnMut() -> Message,
    ) -> Result<Actions, ScheduleError> {
        if continuation.mutex().is_some() {
            return Err(ScheduleError::new(Refusal::NeedsNoMutex, make()));
        }
        let Some(group) = self.group(event_type) else {
            return Err(ScheduleError::new(Refusal::UnknownGroup(event_type), make()));
        };
        if group.threads().is_empty() {
            return Err(ScheduleError::new(Refusal::NotReady(event_type), make()));
        }
        let mut actions = Actions::default();
        for thread in group.threads() {
            match thread.submit(continuation, timing, make()) {
                Ok(action) => actions.push(action),
                Err(error) => {
                    for action in actions {
                        action.cancel();
                    }
                    return Err(error);
                }
            }
        }
        Ok(actions)
    }
}

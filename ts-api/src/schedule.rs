//! Scheduling: once or every so often, on a pool, on a thread, on every thread of a pool.
//!
//! # Which thread gets the event
//!
//! | call | affinity | caller | thread | affinity afterwards |
//! |---|---|---|---|---|
//! | on a pool | none | not of the pool | next in turn | that thread (scenario 1) |
//! | on a pool | none | of the pool | the caller | the caller (scenario 2) |
//! | on a pool | of another pool | any | next in turn | kept (scenario 3) |
//! | on a pool | of the pool | any | the affinity | kept (scenario 4) |
//! | no pool, no thread | none | an event thread | the caller | the caller |
//! | no pool, no thread | none | a guest | the next network thread | that thread |
//! | no pool, no thread | set | any | the affinity | kept |
//! | on a thread | none | any | that thread | that thread |
//! | on a thread | set | any | that thread | kept |
//! | on an entire pool | any | any | every thread of the pool | kept |
//!
//! [`Cont::explain`] tells it for one continuation.
//!
//! # Rules
//! * The caller is an event thread, or a guest: the main thread during start-up, a thread of a plugin. Any other thread gets
//!   [`ScheduleError::ForeignThread`], from every function here, whatever the arguments.
//! * Timeouts and periods are [`Duration`]s. An event never comes early, and the handler never runs inside the call.
//! * A timeout of zero delivers [`crate::EventCode::IMMEDIATE`], any other and a period [`crate::EventCode::TIMEOUT`].
//! * What is scheduled on a pool before its threads are up waits for them.

use crate::table::{Code, NO_POOL, Target, Timing};
use crate::{Action, Cont, EventThread, Pool, ScheduleError};
use std::time::Duration;

/// Why a thread is chosen. See the scenarios in the [module page](crate::schedule).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(i32)]
pub enum Reason {
    /// The affinity is a thread of the wanted pool (scenario 4), or no pool was asked for.
    Affinity = 0,
    /// No affinity, and the calling thread is of the wanted pool (scenario 2), or no pool was asked for.
    Caller = 1,
    /// No affinity, and the caller is no thread of the wanted pool: the next in turn (scenario 1).
    InTurn = 2,
    /// The affinity is a thread of another pool, so it is neither used nor changed: the next in turn (scenario 3).
    InTurnAffinityElsewhere = 3,
}

/// What [`Cont::explain`] tells.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// The thread; none if it would be the next of the pool in turn.
    pub thread: Option<EventThread>,
    /// The pool that gets the event; none for threads of the host's own that are no pool.
    pub pool: Option<Pool>,
    /// Whether the thread would become the continuation's affinity.
    pub becomes_affinity: bool,
    /// Why.
    pub reason: Reason,
}

/// Scheduling. See the [module page](crate::schedule) for the threads, the times and who may call.
impl Cont {
    /// Runs it once, `timeout` from now, where its affinity is; without one here, and here becomes the affinity.
    ///
    /// # Errors
    ///
    /// [`ScheduleError::ForeignThread`], [`ScheduleError::NeedsMutex`], [`ScheduleError::Destroyed`],
    /// [`ScheduleError::ShuttingDown`].
    pub fn schedule(&self, timeout: Duration) -> Result<Action, ScheduleError> {
        self.submit(once(timeout), Target { thread: None, pool: NO_POOL }, None)
    }

    /// Runs it every `period`, the first time one period from now, where its affinity is; without one here, and here becomes
    /// the affinity.
    ///
    /// # Errors
    ///
    /// As for [`Cont::schedule`]; [`ScheduleError::ZeroPeriod`].
    pub fn schedule_every(&self, period: Duration) -> Result<Action, ScheduleError> {
        self.submit(every(period), Target { thread: None, pool: NO_POOL }, None)
    }

    /// Runs it once, `timeout` from now, on a thread of `pool`: its affinity, the caller, or the next in turn.
    ///
    /// # Errors
    ///
    /// As for [`Cont::schedule`]; [`ScheduleError::NoSuchPool`].
    ///
    /// # Examples
    ///
    #[cfg_attr(feature = "runtime", doc = "```")]
    #[cfg_attr(not(feature = "runtime"), doc = "```ignore")]
    /// use std::sync::mpsc;
    /// use std::time::Duration;
    /// use ts_api::{Cont, EventCode, Mutex, Pool, Runtime};
    ///
    /// let runtime = Runtime::builder().start()?;
    /// let guest = runtime.guest();
    /// let (sender, receiver) = mpsc::channel();
    /// let cont = Cont::new(&Mutex::new(), move |event| sender.send(event.code()).unwrap());
    /// cont.schedule_on_pool(Duration::ZERO, Pool::Task)?;
    /// assert_eq!(receiver.recv()?, EventCode::IMMEDIATE);
    /// cont.schedule_on_pool(Duration::from_millis(1), Pool::Task)?;
    /// assert_eq!(receiver.recv()?, EventCode::TIMEOUT);
    /// # drop(guest);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn schedule_on_pool(&self, timeout: Duration, pool: Pool) -> Result<Action, ScheduleError> {
        self.submit(once(timeout), Target { thread: None, pool: pool as i32 }, Some(pool))
    }

    /// Runs it every `period`, the first time one period from now, on a thread of `pool`, always the same one.
    ///
    /// # Errors
    ///
    /// As for [`Cont::schedule_on_pool`]; [`ScheduleError::ZeroPeriod`].
    pub fn schedule_every_on_pool(&self, period: Duration, pool: Pool) -> Result<Action, ScheduleError> {
        self.submit(every(period), Target { thread: None, pool: pool as i32 }, Some(pool))
    }

    /// Runs it once, `timeout` from now, on `thread`, which becomes the affinity if there was none.
    ///
    /// A thread of a plugin has no event loop, and so is no [`EventThread`]:
    ///
    /// ```compile_fail,E0308
    /// # fn never(cont: ts_api::Cont, thread: ts_api::PluginThread) {
    /// cont.schedule_on_thread(std::time::Duration::ZERO, &thread);
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`Cont::schedule`]; [`ScheduleError::NoLoop`] for a dedicated thread of the host's own.
    pub fn schedule_on_thread(
        &self,
        timeout: Duration,
        thread: &EventThread,
    ) -> Result<Action, ScheduleError> {
        self.submit(once(timeout), on(thread), None)
    }

    /// Runs it every `period`, the first time one period from now, on `thread`, which becomes the affinity if there was none.
    ///
    /// # Errors
    ///
    /// As for [`Cont::schedule_on_thread`]; [`ScheduleError::ZeroPeriod`].
    pub fn schedule_every_on_thread(
        &self,
        period: Duration,
        thread: &EventThread,
    ) -> Result<Action, ScheduleError> {
        self.submit(every(period), on(thread), None)
    }

    /// Runs it once on every thread of `pool`, `timeout` from now; several may run it at the same time.
    ///
    /// It must have been made with [`Cont::shared`]. The affinity is neither used nor changed. There is an action for each
    /// thread, in the order of the threads.
    ///
    /// # Errors
    ///
    /// [`ScheduleError::ForeignThread`], [`ScheduleError::NeedsNoMutex`], [`ScheduleError::NoSuchPool`],
    /// [`ScheduleError::NotReady`] while the pool has no threads, [`ScheduleError::Destroyed`],
    /// [`ScheduleError::ShuttingDown`]. After an error no thread runs it.
    pub fn schedule_on_entire_pool(
        &self,
        timeout: Duration,
        pool: Pool,
    ) -> Result<Vec<Action>, ScheduleError> {
        self.submit_entire(once(timeout), pool)
    }

    /// Runs it every `period` on every thread of `pool`. See [`Cont::schedule_on_entire_pool`].
    ///
    /// # Errors
    ///
    /// As for [`Cont::schedule_on_entire_pool`]; [`ScheduleError::ZeroPeriod`].
    pub fn schedule_every_on_entire_pool(
        &self,
        period: Duration,
        pool: Pool,
    ) -> Result<Vec<Action>, ScheduleError> {
        self.submit_entire(every(period), pool)
    }

    /// Tells which thread would get an event now, and why: for a schedule on `pool`, or without a pool. Nothing changes by
    /// asking.
    ///
    /// # Errors
    ///
    /// [`ScheduleError::ForeignThread`], [`ScheduleError::NeedsMutex`], [`ScheduleError::NoSuchPool`].
    pub fn explain(&self, pool: Option<Pool>) -> Result<Explanation, ScheduleError> {
        let number = pool.map_or(NO_POOL, |pool| pool as i32);
        let (choice, thread) = self.handle().explain(number).map_err(|code| error(code, pool))?;
        let reason = match choice.reason {
            0 => Reason::Affinity,
            1 => Reason::Caller,
            2 => Reason::InTurn,
            3 => Reason::InTurnAffinityElsewhere,
            other => return Err(ScheduleError::Unknown(other)),
        };
        Ok(Explanation {
            thread: thread.map(EventThread::from_handle),
            pool: Pool::from_number(choice.pool),
            becomes_affinity: choice.becomes_affinity,
            reason,
        })
    }

    fn submit(&self, timing: Timing, target: Target, pool: Option<Pool>) -> Result<Action, ScheduleError> {
        self.handle().schedule(timing, target).map(Action::from_raw).map_err(|code| error(code, pool))
    }

    fn submit_entire(&self, timing: Timing, pool: Pool) -> Result<Vec<Action>, ScheduleError> {
        let mut actions = Vec::new();
        let code = self
            .handle()
            .schedule_entire(timing, pool as i32, |action| actions.push(Action::from_raw(action)));
        ScheduleError::check(code, Some(pool)).map(|()| actions)
    }
}

/// Affinity: the thread that scheduling prefers. For event threads and guests, like scheduling itself.
impl Cont {
    /// Makes scheduling prefer `thread`: on a pool it belongs to, and without a pool.
    ///
    /// # Errors
    ///
    /// [`ScheduleError::ForeignThread`], [`ScheduleError::NeedsMutex`], [`ScheduleError::Destroyed`];
    /// [`ScheduleError::NoLoop`] for a dedicated thread of the host's own.
    pub fn set_affinity(&self, thread: &EventThread) -> Result<(), ScheduleError> {
        ScheduleError::check(self.handle().set_affinity(thread.handle()), None)
    }

    /// The thread that scheduling prefers, if one is set.
    ///
    /// # Errors
    ///
    /// [`ScheduleError::ForeignThread`], [`ScheduleError::NeedsMutex`].
    pub fn affinity(&self) -> Result<Option<EventThread>, ScheduleError> {
        let thread = self.handle().affinity().map_err(|code| error(code, None))?;
        Ok(thread.map(EventThread::from_handle))
    }

    /// Forgets the preferred thread; the next schedule chooses anew.
    ///
    /// # Errors
    ///
    /// As for [`Cont::affinity`].
    pub fn clear_affinity(&self) -> Result<(), ScheduleError> {
        ScheduleError::check(self.handle().clear_affinity(), None)
    }
}

fn on(thread: &EventThread) -> Target {
    Target { thread: Some(thread.handle().raw()), pool: NO_POOL }
}

fn once(timeout: Duration) -> Timing {
    Timing { nanoseconds: nanoseconds(timeout), periodic: false }
}

fn every(period: Duration) -> Timing {
    Timing { nanoseconds: nanoseconds(period), periodic: true }
}

/// Centuries are never: an event that is not due within the clock's range does not come.
fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn error(code: Code, pool: Option<Pool>) -> ScheduleError {
    ScheduleError::check(code, pool).err().unwrap_or(ScheduleError::Unknown(code.0))
}

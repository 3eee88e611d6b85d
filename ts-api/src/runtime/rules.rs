//! The rules of the plugin interface: who may call, what a continuation must have, which group a pool is.
//!
//! # Rules
//! * The caller comes first: a foreign thread is told so whatever else is wrong.
//! * Everything else is decided below, in `ts-cont`; its refusals are only given numbers here.

use crate::Pool;
use crate::table::{Code, NO_POOL, Timing};
use std::time::Duration;
use ts_cont::affinity::{Choice, Reason};
use ts_cont::{
    Action, Actions, CallError, Continuation, EThread, EventCode, EventProcessor, EventType, Guest, Here,
    Message, Refusal, ScheduleError,
};

/// When an event is to come.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(feature = "ffi"), allow(dead_code, reason = "two of them are asked for in C alone"))]
pub(crate) enum Time {
    /// Once, this long from now; for now if it is zero.
    Once(Duration),
    /// Once, for now, with the code of a timeout that is over.
    Over,
    /// Every so often.
    Every(Duration),
    /// In every turn of the thread, those with a lower number first.
    Poll(u64),
}

impl From<Timing> for Time {
    fn from(timing: Timing) -> Self {
        let time = Duration::from_nanos(timing.nanoseconds);
        if timing.periodic { Self::Every(time) } else { Self::Once(time) }
    }
}

/// Where an event is to go.
pub(crate) enum Place<'a> {
    Thread(&'a EThread),
    Pool(i32),
}

/// Who may schedule.
pub(crate) enum Member {
    Event(Here),
    Guest(EventProcessor),
}

impl Member {
    pub(crate) fn processor(&self) -> &EventProcessor {
        match self {
            Self::Event(here) => here.processor_ref(),
            Self::Guest(processor) => processor,
        }
    }
}

/// The calling thread, if it is an event thread or a guest.
pub(crate) fn member() -> Result<Member, Code> {
    match Here::current() {
        Some(here) => Ok(Member::Event(here)),
        None => Guest::current().map(Member::Guest).ok_or(Code::FOREIGN_THREAD),
    }
}

pub(crate) fn group_name(pool: Pool) -> &'static str {
    match pool {
        Pool::Net => "ET_NET",
        Pool::Task => "ET_TASK",
        Pool::Dns => "ET_DNS",
        Pool::Udp => "ET_UDP",
    }
}

/// The pool that a thread belongs to, by its name.
pub(crate) fn pool_of(thread: &EThread) -> i32 {
    let name = thread.name();
    let group = name.strip_prefix('[').and_then(|name| name.split_once(' ')).map_or("", |(group, _)| group);
    if thread.group().is_none() { NO_POOL } else { pool_of_group(group) }
}

fn pool_of_group(name: &str) -> i32 {
    Pool::ALL.into_iter().find(|pool| group_name(*pool) == name).map_or(NO_POOL, |pool| pool as i32)
}

fn group(processor: &EventProcessor, pool: i32) -> Result<EventType, Code> {
    let pool = Pool::from_number(pool).ok_or(Code::NO_SUCH_POOL)?;
    if pool == Pool::Net {
        return Ok(EventType::NET);
    }
    processor.event_type(group_name(pool)).ok_or(Code::NO_SUCH_POOL)
}

/// The group of a pool, or none for no pool.
fn wanted(processor: &EventProcessor, pool: i32) -> Result<Option<EventType>, Code> {
    if pool == NO_POOL { Ok(None) } else { group(processor, pool).map(Some) }
}

fn needs_mutex(cont: &Continuation) -> Result<(), Code> {
    if cont.mutex().is_some() { Ok(()) } else { Err(Code::NEEDS_MUTEX) }
}

pub(crate) fn schedule(
    member: &Member,
    cont: &Continuation,
    time: Time,
    place: Place<'_>,
) -> Result<Action, Code> {
    needs_mutex(cont)?;
    let processor = member.processor();
    let scheduled = match place {
        Place::Thread(thread) => return on_thread(cont, time, thread),
        Place::Pool(pool) => match (wanted(processor, pool)?, time) {
            (None, Time::Once(delay)) => processor.schedule(cont, delay, ()),
            (None, Time::Over) => processor.schedule(cont, Duration::ZERO, EventCode::INTERVAL),
            (None, Time::Every(period)) => processor.schedule_repeating(cont, period, ()),
            (None, Time::Poll(order)) => processor.schedule_polling(cont, order, ()),
            (Some(group), Time::Once(Duration::ZERO)) => processor.schedule_imm(cont, group, ()),
            (Some(group), Time::Once(delay)) => processor.schedule_in(cont, delay, group, ()),
            (Some(group), Time::Over) => processor.schedule_imm(cont, group, EventCode::INTERVAL),
            (Some(group), Time::Every(period)) => processor.schedule_every(cont, period, group, ()),
            (Some(group), Time::Poll(order)) => processor.schedule_poll(cont, order, group, ()),
        },
    };
    scheduled.map_err(|error| schedule_code(&error))
}

fn on_thread(cont: &Continuation, time: Time, thread: &EThread) -> Result<Action, Code> {
    if thread.group().is_none() {
        return Err(Code::NO_LOOP);
    }
    // Before it is scheduled: the handler may run at once, and change it. Others may change it meanwhile, so it is taken back
    // only if it is still the one that was set here.
    let first = cont.exchange_affinity(None, Some(thread));
    let scheduled = match time {
        Time::Once(Duration::ZERO) => thread.schedule_imm(cont, ()),
        Time::Once(delay) => thread.schedule_in(cont, delay, ()),
        Time::Over => thread.schedule_imm(cont, EventCode::INTERVAL),
        Time::Every(period) => thread.schedule_every(cont, period, ()),
        Time::Poll(order) => thread.schedule_poll(cont, order, ()),
    };
    scheduled.map_err(|error| {
        if first {
            cont.exchange_affinity(Some(thread), None);
        }
        schedule_code(&error)
    })
}

pub(crate) fn schedule_entire(
    member: &Member,
    cont: &Continuation,
    time: Time,
    pool: i32,
) -> Result<Actions, Code> {
    let processor = member.processor();
    if cont.mutex().is_some() {
        return Err(Code::NEEDS_NO_MUTEX);
    }
    let group = group(processor, pool)?;
    let actions = match time {
        Time::Once(delay) => processor.schedule_entire(cont, delay, group, Message::default),
        Time::Over => processor.schedule_entire(cont, Duration::ZERO, group, || EventCode::INTERVAL.into()),
        Time::Every(period) => processor.schedule_every_entire(cont, period, group, Message::default),
        Time::Poll(order) => processor.schedule_poll_entire(cont, order, group, Message::default),
    };
    actions.map_err(|error| schedule_code(&error))
}

/// How many threads a pool has.
#[cfg(feature = "ffi")]
pub(crate) fn threads(member: &Member, pool: i32) -> Result<usize, Code> {
    let processor = member.processor();
    Ok(processor.threads(group(processor, pool)?).len())
}

/// What would be chosen, the thread if it is certain, and the pool.
pub(crate) fn explain(cont: &Continuation, pool: i32) -> Result<(Choice, Option<EThread>, i32), Code> {
    let member = member()?;
    let processor = member.processor();
    needs_mutex(cont)?;
    let choice = processor.explain(cont, wanted(processor, pool)?);
    let thread =
        choice.thread.and_then(|thread| processor.threads(thread.group()).get(thread.index()).cloned());
    let pool = processor.group_name(choice.group).map_or(NO_POOL, pool_of_group);
    Ok((choice, thread, pool))
}

pub(crate) fn reason_number(reason: Reason) -> i32 {
    match reason {
        Reason::Affinity => crate::Reason::Affinity as i32,
        Reason::Caller => crate::Reason::Caller as i32,
        Reason::InTurn => crate::Reason::InTurn as i32,
        Reason::InTurnAffinityElsewhere => crate::Reason::InTurnAffinityElsewhere as i32,
        _ => -1,
    }
}

pub(crate) fn set_affinity(cont: &Continuation, thread: &EThread) -> Result<(), Code> {
    member()?;
    needs_mutex(cont)?;
    if thread.group().is_none() {
        return Err(Code::NO_LOOP);
    }
    if cont.is_destroyed() {
        return Err(Code::DESTROYED);
    }
    cont.set_affinity(thread);
    Ok(())
}

pub(crate) fn affinity(cont: &Continuation) -> Result<Option<EThread>, Code> {
    member()?;
    needs_mutex(cont)?;
    Ok(cont.affinity())
}

pub(crate) fn clear_affinity(cont: &Continuation) -> Result<(), Code> {
    member()?;
    needs_mutex(cont)?;
    cont.clear_affinity();
    Ok(())
}

fn schedule_code(error: &ScheduleError) -> Code {
    refusal_code(error.refusal())
}

fn refusal_code(refusal: Refusal) -> Code {
    match refusal {
        Refusal::UnknownGroup(_) => Code::NO_SUCH_POOL,
        Refusal::NotReady(_) => Code::NOT_READY,
        Refusal::NoLoop => Code::NO_LOOP,
        Refusal::ShuttingDown => Code::SHUTTING_DOWN,
        Refusal::Destroyed => Code::DESTROYED,
        Refusal::NeedsNoMutex => Code::NEEDS_NO_MUTEX,
        Refusal::ZeroPeriod => Code::ZERO_PERIOD,
        Refusal::ForeignThread => Code::FOREIGN_THREAD,
        _ => Code::UNKNOWN,
    }
}

pub(crate) fn call_code(error: CallError) -> Code {
    match error {
        CallError::Busy => Code::BUSY,
        CallError::Reentrant => Code::REENTRANT,
        CallError::Destroyed => Code::DESTROYED,
        CallError::Panicked => Code::PANICKED,
        _ => Code::UNKNOWN,
    }
}

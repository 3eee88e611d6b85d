//! Scheduling on pools and threads, and thread affinity.
//!
//! # Rules
//! * The whole family works from event threads, from plugins' threads and during a plugin's initialisation; from any other thread
//!   the process ends with one line, whatever the arguments are.
//! * Times are milliseconds. A timeout below zero is over already; a period below zero asks for every turn of the thread.
//! * Once a shutdown has begun nothing is scheduled, which no plugin can know beforehand: the action is null then, and the number
//!   of threads zero.
//!
//! The rules themselves are those of the facade, whose door is left aside: what passes through it is made of numbers, and here
//! it would be taken apart and put together again at each call.

use std::ffi::c_int;
use std::mem::MaybeUninit;
use std::slice;
use std::time::Duration;

use ts_cont::{Continuation, EThread, EventCode};

use super::call::{self, Call};
use super::handle::{Bad, Kind, Raw};
use super::types::{TS_SUCCESS, TSAction, TSCont, TSEventThread, TSHRTime, TSReturnCode, TSThreadPool};
use super::{action, cont, plugin, thread};
use crate::Pool;
use crate::runtime::home;
use crate::runtime::rules::{self, Member, Place, Time};
use crate::table::{Code, NO_POOL};

fn once(timeout: TSHRTime) -> Time {
    u64::try_from(timeout).map_or(Time::Over, |milliseconds| Time::Once(Duration::from_millis(milliseconds)))
}

fn every(call: Call, period: TSHRTime) -> Time {
    match u64::try_from(period) {
        Ok(0) => call.fault("every is 0, and would never let go"),
        Ok(milliseconds) => Time::Every(Duration::from_millis(milliseconds)),
        Err(_) => Time::Poll(period.unsigned_abs()),
    }
}

fn pool(call: Call, number: TSThreadPool) -> i32 {
    match Pool::from_number(number) {
        Some(pool) => pool as i32,
        None => call.fault(format_args!("tp is {number}, and there is no such pool")),
    }
}

/// The calling thread, which must be one that may schedule.
fn member(call: Call, contp: TSCont) -> Member {
    rules::member().unwrap_or_else(|_| {
        call.fault_with(
            cont::plugin_of(contp),
            "this thread is neither an event thread nor one of a plugin's that the host knows: start it with \
             TSThreadCreate, or make it known with TSThreadInit",
        )
    })
}

fn event_thread(call: Call, handle: TSEventThread) -> EThread {
    thread::event_thread(call, "ethread", handle)
}

/// Ends the process, unless a correct plugin has to expect the refusal.
#[cold]
fn refused(call: Call, code: Code, contp: TSCont, pool: i32) {
    match code {
        Code::SHUTTING_DOWN => {}
        Code::NEEDS_MUTEX => call.fault("contp was made without a mutex, and needs one here"),
        Code::NEEDS_NO_MUTEX => {
            call.fault("contp was made with a mutex, and several threads would run it at once")
        }
        // Another thread was faster.
        Code::DESTROYED => call.bad_handle("contp", contp.bits(), Kind::Cont, Bad::Stale(Kind::Cont)),
        Code::NO_SUCH_POOL => call.fault(format_args!(
            "the host has no threads for {}: use TS_THREAD_POOL_NET or TS_THREAD_POOL_TASK",
            Pool::from_number(pool).unwrap_or(Pool::Net)
        )),
        Code::NOT_READY => call.fault(
            "the threads of the pool have not been started yet: wait for TS_LIFECYCLE_TASK_THREADS_READY_HOOK",
        ),
        Code::NO_LOOP => call.fault("the thread has no event loop"),
        Code(number) => call.fault(format_args!("a fault of the host: {number}")),
    }
}

fn schedule(call: Call, contp: TSCont, time: Time, place: Place<'_>, member: &Member) -> TSAction {
    let pool = match place {
        Place::Pool(pool) => pool,
        Place::Thread(_) => NO_POOL,
    };
    cont::with(call, "contp", contp, |cont| match rules::schedule(member, cont, time, place) {
        Ok(scheduled) => action::handle(call, scheduled),
        Err(code) => {
            refused(call, code, contp, pool);
            TSAction::NULL
        }
    })
}

/// The fewest steps, for a handler that schedules its own continuation for now, where it is; none if that is not so, and then
/// nothing has been done.
///
/// It does not panic, and remembers nothing while it calls, so that it need not save anything.
#[inline(always)]
fn at_home(contp: TSCont, tp: TSThreadPool) -> Option<TSAction> {
    let found = plugin::with_own_event(contp, |event| {
        let (here, own) = (event.here()?, event.continuation());
        // Only one with a mutex has an affinity.
        let is_home = here.is_affinity_of(own) && home::is_of_pool(here, tp);
        is_home.then(|| match here.schedule_own(own, EventCode::IMMEDIATE) {
            Some(scheduled) => action::handle(Call::of("TSContScheduleOnPool"), scheduled),
            None => own_on_pool(),
        })
    });
    found.ok().flatten()
}

/// As `TSContScheduleOnPool` for now, for the handler's own continuation and the thread's own pool.
#[cold]
#[inline(never)]
fn own_on_pool() -> TSAction {
    on_pool(plugin::own_cont(), 0, home::last_pool())
}

#[unsafe(no_mangle)]
pub extern "C" fn TSContSchedule(contp: TSCont, timeout: TSHRTime) -> TSAction {
    call::enter("TSContSchedule", |call| {
        schedule(call, contp, once(timeout), Place::Pool(NO_POOL), &member(call, contp))
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSContScheduleEvery(contp: TSCont, every: TSHRTime) -> TSAction {
    call::enter("TSContScheduleEvery", |call| {
        let member = member(call, contp);
        schedule(call, contp, self::every(call, every), Place::Pool(NO_POOL), &member)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSContScheduleOnPool(contp: TSCont, timeout: TSHRTime, tp: TSThreadPool) -> TSAction {
    if timeout == 0
        && let Some(scheduled) = at_home(contp, tp)
    {
        return scheduled;
    }
    on_pool(contp, timeout, tp)
}

#[inline(never)]
fn on_pool(contp: TSCont, timeout: TSHRTime, tp: TSThreadPool) -> TSAction {
    call::enter("TSContScheduleOnPool", |call| {
        let member = member(call, contp);
        if let Member::Event(here) = &member {
            home::meet(here);
        }
        schedule(call, contp, once(timeout), Place::Pool(pool(call, tp)), &member)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSContScheduleEveryOnPool(contp: TSCont, every: TSHRTime, tp: TSThreadPool) -> TSAction {
    call::enter("TSContScheduleEveryOnPool", |call| {
        let member = member(call, contp);
        schedule(call, contp, self::every(call, every), Place::Pool(pool(call, tp)), &member)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSContScheduleOnThread(
    contp: TSCont,
    timeout: TSHRTime,
    ethread: TSEventThread,
) -> TSAction {
    call::enter("TSContScheduleOnThread", |call| {
        let member = member(call, contp);
        let thread = event_thread(call, ethread);
        schedule(call, contp, once(timeout), Place::Thread(&thread), &member)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSContScheduleEveryOnThread(
    contp: TSCont,
    every: TSHRTime,
    ethread: TSEventThread,
) -> TSAction {
    call::enter("TSContScheduleEveryOnThread", |call| {
        let member = member(call, contp);
        let thread = event_thread(call, ethread);
        schedule(call, contp, self::every(call, every), Place::Thread(&thread), &member)
    })
}

/// Schedules on every thread of a pool, if there are places for their actions.
///
/// # Safety
///
/// So many places, if there are any, can be written to.
unsafe fn entire(
    call: Call,
    contp: TSCont,
    time: impl FnOnce() -> Time,
    tp: TSThreadPool,
    actions: *mut TSAction,
    capacity: c_int,
) -> c_int {
    let member = member(call, contp);
    let pool = pool(call, tp);
    let Ok(capacity) = usize::try_from(capacity) else { call.fault(format_args!("capacity is {capacity}")) };
    // What is there before need not be anything.
    let places: &mut [MaybeUninit<TSAction>] = match capacity {
        0 => &mut [],
        // SAFETY: the caller says so.
        _ => unsafe { slice::from_raw_parts_mut(call.place("actions", actions).as_ptr().cast(), capacity) },
    };
    cont::with(call, "contp", contp, |cont| {
        entire_of(call, contp, cont, time(), pool, &member, places).unwrap_or_else(|code| {
            refused(call, code, contp, pool);
            0
        })
    })
}

fn entire_of(
    call: Call,
    contp: TSCont,
    cont: &Continuation,
    time: Time,
    pool: i32,
    member: &Member,
    places: &mut [MaybeUninit<TSAction>],
) -> Result<c_int, Code> {
    // Asked for before there is anything to take back; threads do not come and go.
    if cont.mutex().is_some() {
        refused(call, Code::NEEDS_NO_MUTEX, contp, pool);
    }
    let threads = rules::threads(member, pool)?;
    if threads <= places.len() || threads == 0 {
        let scheduled = rules::schedule_entire(member, cont, time, pool)?;
        for (place, scheduled) in places.iter_mut().zip(scheduled) {
            place.write(action::handle(call, scheduled));
        }
    }
    Ok(c_int::try_from(threads).unwrap_or(c_int::MAX))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSContScheduleOnEntirePoolInto(
    contp: TSCont,
    timeout: TSHRTime,
    tp: TSThreadPool,
    actions: *mut TSAction,
    capacity: c_int,
) -> c_int {
    call::enter("TSContScheduleOnEntirePool", |call| {
        // SAFETY: the plugin says so.
        unsafe { entire(call, contp, || once(timeout), tp, actions, capacity) }
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSContScheduleEveryOnEntirePoolInto(
    contp: TSCont,
    every: TSHRTime,
    tp: TSThreadPool,
    actions: *mut TSAction,
    capacity: c_int,
) -> c_int {
    call::enter("TSContScheduleEveryOnEntirePool", |call| {
        // SAFETY: the plugin says so.
        unsafe { entire(call, contp, || self::every(call, every), tp, actions, capacity) }
    })
}

/// What the affinity functions have in common: who may call, and with what.
fn affinity<R>(call: Call, contp: TSCont, f: impl FnOnce(&Continuation) -> Result<R, Code>) -> Option<R> {
    member(call, contp);
    cont::with(call, "contp", contp, |cont| match f(cont) {
        Ok(value) => Some(value),
        Err(code) => {
            refused(call, code, contp, NO_POOL);
            None
        }
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSContThreadAffinitySet(contp: TSCont, ethread: TSEventThread) -> TSReturnCode {
    call::enter("TSContThreadAffinitySet", |call| {
        affinity(call, contp, |cont| rules::set_affinity(cont, &event_thread(call, ethread)));
        TS_SUCCESS
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSContThreadAffinityGet(contp: TSCont) -> TSEventThread {
    call::enter("TSContThreadAffinityGet", |call| {
        let thread = affinity(call, contp, rules::affinity).flatten();
        thread.map_or(TSEventThread::NULL, |thread| thread::event_handle(&thread))
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSContThreadAffinityClear(contp: TSCont) {
    call::enter("TSContThreadAffinityClear", |call| {
        affinity(call, contp, rules::clear_affinity);
    });
}

//! The fewest steps for a handler that schedules its own continuation for now, on a pool that its thread belongs to.
//!
//! That is what plugins do most: to go on in a while, and let others have their turn. All that scheduling would look for is at hand
//! then: the thread, the mutex, which is held, and the continuation's affinity, which is this thread.
//!
//! # Rules
//! * A frame is shown for as long as its handler runs, and what it names lives as long. A handler that was called directly, and by
//!   no event, has one as well: it hides those further out.
//! * Whoever is told that it is not so has had nothing done.

use std::cell::Cell;
use std::ptr;

use ts_cont::{Action, Continuation, Event, EventCode, Here};

use super::rules;

/// What a thread shows of the handler that it runs.
struct Frame {
    /// Whose it is: the address that handles of it have.
    cont: *const (),
    /// Null if no event brought us here.
    here: *const Here,
}

thread_local! {
    /// The innermost; null if no handler runs.
    static INNERMOST: Cell<*const Frame> = const { Cell::new(ptr::null()) };
    /// The number of the event thread that this thread was last, and its pool.
    static POOL: Cell<(u32, i32)> = const { Cell::new((0, 0)) };
}

/// Shows a frame again when it goes, however that comes.
struct Outer(*const Frame);

impl Drop for Outer {
    #[inline(always)]
    fn drop(&mut self) {
        INNERMOST.set(self.0);
    }
}

/// Runs `f`, which calls the handler that `event` is for.
#[inline(always)]
pub(crate) fn run<'a, R>(event: &mut Event<'a>, f: impl FnOnce(&mut Event<'a>) -> R) -> R {
    let cont = event.continuation().as_raw().as_ptr().cast_const();
    let frame = Frame { cont, here: event.here().map_or(ptr::null(), ptr::from_ref) };
    let _outer = Outer(INNERMOST.replace(&raw const frame));
    f(event)
}

/// Schedules a continuation for now on a pool, if it is the one whose handler this thread runs, and is at home on this thread,
/// which is of that pool.
///
/// It does not panic.
#[inline(always)]
pub(crate) fn schedule(cont: &Continuation, pool: i32) -> Option<Action> {
    // SAFETY: `run` shows a frame that is on this thread's stack until it is shown no more.
    let frame = unsafe { INNERMOST.get().as_ref() }?;
    if frame.cont != cont.as_raw().as_ptr().cast_const() {
        return None;
    }
    // SAFETY: null, or what the event lent for as long as the handler runs.
    let here = unsafe { frame.here.as_ref() }?;
    if !is_of_pool(here, pool) {
        meet(here);
        return None;
    }
    // Only one with a mutex has an affinity.
    here.is_affinity_of(cont).then(|| here.schedule_own(cont, EventCode::IMMEDIATE)).flatten()
}

/// Whether an event thread is known to be of a pool. One that has not been [`meet`]ed is not.
#[inline(always)]
pub(crate) fn is_of_pool(here: &Here, pool: i32) -> bool {
    POOL.get() == (here.number().get(), pool)
}

/// The pool for which [`is_of_pool`] held last.
#[cfg(feature = "ffi")]
pub(crate) fn last_pool() -> i32 {
    POOL.get().1
}

/// Makes [`is_of_pool`] know the calling event thread.
#[cold]
#[inline(never)]
pub(crate) fn meet(here: &Here) {
    POOL.set((here.number().get(), rules::pool_of(here.thread())));
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use ts_cont::{Message, ProxyMutex};

    use super::*;

    /// No handler of the facade unwinds: its panics cross as an outcome. Whatever is called that does leaves nothing behind.
    #[test]
    fn a_frame_is_shown_for_as_long_as_its_handler_runs_however_that_ends() {
        let handler = Continuation::new(&ProxyMutex::new(), |event| {
            assert!(INNERMOST.get().is_null());
            run(event, |event| {
                let outer = INNERMOST.get();
                assert!(!outer.is_null());
                run(event, |_| assert!(!INNERMOST.get().is_null() && INNERMOST.get() != outer));
                assert_eq!(INNERMOST.get(), outer, "it is the innermost again");
                let inner = || run(event, |_| -> () { panic!("expected by the test") });
                assert!(catch_unwind(AssertUnwindSafe(inner)).is_err());
                assert_eq!(INNERMOST.get(), outer, "it is the innermost again");
            });
            assert!(INNERMOST.get().is_null());
        });
        handler.call(Message::default()).unwrap();
    }
}

//! An event thread with itself: handlers that schedule their own continuation again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ts_cont::{Continuation, ProxyMutex};

use crate::measure::{Countdown, Findings, Scale};
use crate::stage::Stage;

pub(crate) const DISPATCHES: u64 = 5_000_000;

pub(crate) fn one(scale: Scale, found: &mut Findings) {
    let stage = Stage::parking(2);
    let dispatches = scale.count(DISPATCHES);
    found.each("imm_local_1", again_and_again(&stage, 1, 1, dispatches), dispatches);
}

pub(crate) fn thousand(scale: Scale, found: &mut Findings) {
    let stage = Stage::parking(2);
    let dispatches = scale.count(DISPATCHES).max(1000);
    found.each("imm_local_1000", again_and_again(&stage, 1, 1000, dispatches), dispatches);
}

/// So many continuations on each of the first `threads` threads schedule themselves until all together have run `dispatches`
/// times on each thread. Returns how long that took.
pub(crate) fn again_and_again(
    stage: &Stage,
    threads: usize,
    continuations: u64,
    dispatches: u64,
) -> Duration {
    let (countdown, done) = Countdown::new(continuations * threads as u64);
    let began = Instant::now();
    for thread in 0..threads {
        let countdown = Arc::clone(&countdown);
        stage.on(thread, move |here| {
            for _ in 0..continuations {
                let mut left = dispatches / continuations;
                let countdown = Arc::clone(&countdown);
                let again = Continuation::new(&ProxyMutex::new(), move |event| {
                    left -= 1;
                    if left == 0 {
                        countdown.one_is_done();
                    } else {
                        let here = event.here().expect("it was scheduled");
                        here.schedule_imm(event.continuation(), ()).expect("the thread runs");
                    }
                });
                here.schedule_imm(&again, ()).expect("the thread runs");
            }
        });
    }
    done.recv().expect("all of them finish").duration_since(began)
}

pub(crate) fn reschedule(scale: Scale, found: &mut Findings) {
    let stage = Stage::parking(2);
    let dispatches = scale.count(DISPATCHES);
    let (countdown, done) = Countdown::new(1);
    let mut left = dispatches;
    let again = Continuation::new(&ProxyMutex::new(), move |event| {
        left -= 1;
        if left == 0 {
            countdown.one_is_done();
        } else {
            event.reschedule_imm().expect("it was scheduled");
        }
    });
    let began = Instant::now();
    stage.thread(0).schedule_imm(&again, ()).expect("the thread runs");
    let ended = done.recv().expect("it finishes");
    found.each("imm_reschedule", ended - began, dispatches);
}

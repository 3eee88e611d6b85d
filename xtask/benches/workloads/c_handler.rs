//! The C interface: a handler that it calls and that calls it, and what looking a handle up takes.
//!
//! The functions are called as a plugin calls them, by their names. The threads are those of the task pool, which park as those
//! of [`crate::local`] do.

use std::ffi::{c_int, c_void};
use std::hint::black_box;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Instant;

use ts_api::Runtime;
use ts_api::runtime::{Queued, ShutdownOptions};

use crate::local::DISPATCHES;
use crate::measure::{Findings, Scale};
use crate::rounds::tight;

type TSCont = *mut c_void;
type TSMutex = *mut c_void;
type Handler = extern "C" fn(TSCont, c_int, *mut c_void) -> c_int;

const TS_THREAD_POOL_TASK: c_int = 1;

unsafe extern "C" {
    safe fn TSContCreate(handler: Handler, mutex: TSMutex) -> TSCont;
    safe fn TSContDestroy(cont: TSCont);
    safe fn TSContDataGet(cont: TSCont) -> *mut c_void;
    safe fn TSContScheduleOnPool(cont: TSCont, timeout: i64, pool: c_int) -> *mut c_void;
    safe fn TSMutexCreate() -> TSMutex;
}

/// More than one, so that their entries are not all in one cache line.
const CONTS: usize = 1024;

/// How often the handler is still to run.
static LEFT: AtomicU64 = AtomicU64::new(0);
/// Told when it has.
static DONE: OnceLock<SyncSender<Instant>> = OnceLock::new();

extern "C" fn again(cont: TSCont, _: c_int, _: *mut c_void) -> c_int {
    // Relaxed, both, alone: one thread counts.
    let left = LEFT.load(Ordering::Relaxed) - 1;
    LEFT.store(left, Ordering::Relaxed);
    if left == 0 {
        TSContDestroy(cont);
        DONE.get().expect("it was set before").send(Instant::now()).expect("somebody waits");
    } else {
        TSContScheduleOnPool(cont, 0, TS_THREAD_POOL_TASK);
    }
    0
}

pub(crate) fn one(scale: Scale, found: &mut Findings) {
    let runtime = Runtime::builder().net_threads(1).task_threads(2).start().expect("threads start");
    let dispatches = scale.count(DISPATCHES);
    // Relaxed: scheduling carries it.
    LEFT.store(dispatches, Ordering::Relaxed);
    let (tell, told) = sync_channel(1);
    DONE.set(tell).expect("the workload runs once");
    let began = Instant::now();
    runtime.as_plugin("bench", || {
        let cont = TSContCreate(again, TSMutexCreate());
        TSContScheduleOnPool(cont, 0, TS_THREAD_POOL_TASK);
    });
    let ended: Instant = told.recv().expect("it finishes");
    found.each("imm_local_c", ended - began, dispatches);
    runtime.shutdown(ShutdownOptions::default().queued(Queued::Cancel));
}

extern "C" fn nothing(_: TSCont, _: c_int, _: *mut c_void) -> c_int {
    0
}

pub(crate) fn handle_check(scale: Scale, found: &mut Findings) {
    let conts: Vec<_> = (0..CONTS).map(|_| TSContCreate(nothing, ptr::null_mut())).collect();
    let mut turn = 0;
    tight("handle_check", scale, found, || {
        turn = (turn + 1) % CONTS;
        black_box(TSContDataGet(black_box(conts[turn])));
    });
    conts.into_iter().for_each(|cont| TSContDestroy(cont));
}

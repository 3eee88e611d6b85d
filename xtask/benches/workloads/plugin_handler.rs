//! The facade: a handler of a plugin in Rust that schedules itself, by the calls that a plugin in C has as well.

use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use ts_api::runtime::{Queued, ShutdownOptions};
use ts_api::{Cont, Mutex, Pool, Runtime};

use crate::local::DISPATCHES;
use crate::measure::{Findings, Scale};

pub(crate) fn one(scale: Scale, found: &mut Findings) {
    let runtime = Runtime::builder().net_threads(1).task_threads(2).start().expect("threads start");
    let guest = runtime.guest();
    let dispatches = scale.count(DISPATCHES);
    let (tell, told) = sync_channel(1);
    let mut left = dispatches;
    let began = Instant::now();
    let again = Cont::new(&Mutex::new(), move |event| {
        left -= 1;
        if left == 0 {
            tell.send(Instant::now()).expect("somebody waits");
        } else {
            event.cont().schedule_on_pool(Duration::ZERO, Pool::Task).expect("the thread runs");
        }
    });
    again.schedule_on_pool(Duration::ZERO, Pool::Task).expect("the thread runs");
    let ended = told.recv().expect("it finishes");
    found.each("imm_local_plugin", ended - began, dispatches);
    drop((again, guest));
    runtime.shutdown(ShutdownOptions::default().queued(Queued::Cancel));
}

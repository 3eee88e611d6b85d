//! Scheduling on pools and threads, and thread affinity.
//!
//! # Rules
//! * The whole family works from event threads, from plugins' threads and during a plugin's initialisation; from any other thread
//!   the process ends with one line.
//! * Times are milliseconds. One of zero or less is for now.

use std::time::Duration;

use super::call::{self, Call};
use super::types::{TSAction, TSCont, TSHRTime, TSThreadPool};
use super::{action, cont};
use crate::Pool;

fn milliseconds(time: TSHRTime) -> Duration {
    Duration::from_millis(u64::try_from(time).unwrap_or(0))
}

fn pool(call: Call, number: TSThreadPool) -> Pool {
    Pool::from_number(number).unwrap_or_else(|| call.fault(format_args!("there is no thread pool {number}")))
}

#[unsafe(no_mangle)]
pub extern "C" fn TSContScheduleOnPool(contp: TSCont, timeout: TSHRTime, tp: TSThreadPool) -> TSAction {
    call::enter("TSContScheduleOnPool", |call| {
        let cont = cont::get(call, "contp", contp);
        match cont.schedule_on_pool(milliseconds(timeout), pool(call, tp)) {
            Ok(scheduled) => action::handle(call, scheduled.into()),
            Err(error) => call.fault(error),
        }
    })
}

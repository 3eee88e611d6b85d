//! A continuation's event that is about a transaction.
//!
//! # Rules
//! * It is the continuation that is scheduled, under its mutex as always; the transaction is only what the event is about. So a
//!   transaction may have any number of such events, and cancelling one is cancelling an event like any other.
//! * It runs on the transaction's thread: while it runs there the transaction cannot come to its end. Of one that has come to it
//!   before, the event is dropped ([`About::is_over`]).

use std::time::Duration;

use ts_cont::{Continuation, EventCode, Guest, Here, Message};

use super::{gone, number};
use crate::ffi::types::{TSAction, TSCont, TSHRTime, TSHttpTxn};
use crate::ffi::{action, call, cont};
use crate::http::server::subjects::TransactionSubject;

/// What an event carries that is about a transaction.
pub(crate) struct About(pub(crate) TSHttpTxn);

impl About {
    /// Whether the transaction has come to its end. The answer holds as long as the transaction's thread is in an event.
    pub(crate) fn is_over(&self) -> bool {
        crate::ffi::handle::number(self.0).ok().and_then(TransactionSubject::find).is_none()
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpSchedule(contp: TSCont, txnp: TSHttpTxn, timeout: TSHRTime) -> TSAction {
    call::enter("TSHttpSchedule", |call| {
        if Here::current().is_none() && Guest::current().is_none() {
            call.fault(crate::ScheduleError::ForeignThread);
        }
        let cont: Continuation = cont::get(call, "contp", contp).into();
        if cont.mutex().is_none() {
            call.fault(crate::ScheduleError::NeedsMutex);
        }
        let found = TransactionSubject::find(number(call, "txnp", txnp));
        let transaction = found.unwrap_or_else(|| gone(call, "txnp", txnp));
        let thread = &transaction.session.thread;
        let message = |code| Message::new(code).data(About(txnp));
        let scheduled = if timeout == 0 {
            thread.schedule_imm(&cont, message(EventCode::IMMEDIATE))
        } else {
            // One below zero is over already, and a timeout all the same.
            let delay = Duration::from_millis(u64::try_from(timeout).unwrap_or(0));
            thread.schedule_in(&cont, delay, message(EventCode::INTERVAL))
        };
        match scheduled {
            Ok(scheduled) => action::handle(call, scheduled),
            Err(error) => call.fault(error),
        }
    })
}

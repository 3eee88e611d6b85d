//! Letting sessions and transactions go on.
//!
//! # Rules
//! * Any thread may do it. Nothing runs on its stack.
//! * An answer is taken once. The handle says whose session or transaction it is, and not which call-out, so a second answer is
//!   told by what is under way: nothing, a call-out whose handler has not been entered, one of another plugin. It is refused
//!   then, with [`TS_ERROR`] and a line in the log, as one is that comes when the host has gone on without it.
//!
//! A second answer that comes from elsewhere when a later call-out of the same plugin is open is taken for that one's. A handle
//! that changes from hook to hook would show it; but plugins compare handles, and keep them.

use super::{gone, number, warn};
use crate::EventCode;
use crate::ffi::call::{self, Call};
use crate::ffi::cont::OF_NO_PLUGIN;
use crate::ffi::handle::Raw;
use crate::ffi::plugin;
use crate::ffi::types::{TS_ERROR, TS_SUCCESS, TSEvent, TSHttpSsn, TSHttpTxn, TSReturnCode};
use crate::http::door::Kind;
use crate::http::server::label::Label;
use crate::http::server::table::reenable_unnumbered;
use crate::http::{Reenable, ReenableError};

fn reenable<H: Raw>(
    name: &'static str,
    argument: &'static str,
    kind: Kind,
    handle: H,
    event: TSEvent,
) -> TSReturnCode {
    call::enter(name, |call| {
        let subject = number(call, argument, handle);
        let plugin = plugin::running();
        // What is of no plugin may be anybody's.
        let may_be = |called: Label| {
            plugin.is_none_or(|plugin| {
                called.name.is_some_and(|name| name == plugin.label() || name == OF_NO_PLUGIN)
            })
        };
        match reenable_unnumbered(kind, subject, answer(call, event), may_be) {
            Ok(()) => TS_SUCCESS,
            Err(ReenableError::Gone) => gone(call, argument, handle),
            Err(error) => {
                warn(call, error);
                TS_ERROR
            }
        }
    })
}

fn answer(call: Call, event: TSEvent) -> Reenable {
    match EventCode::new(event) {
        EventCode::HTTP_CONTINUE => Reenable::Continue,
        EventCode::HTTP_ERROR => Reenable::Error,
        _ => call.fault(format_args!(
            "event is {event}, and must be TS_EVENT_HTTP_CONTINUE or TS_EVENT_HTTP_ERROR"
        )),
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpTxnReenable(txnp: TSHttpTxn, event: TSEvent) -> TSReturnCode {
    reenable("TSHttpTxnReenable", "txnp", Kind::TRANSACTION, txnp, event)
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpSsnReenable(ssnp: TSHttpSsn, event: TSEvent) -> TSReturnCode {
    reenable("TSHttpSsnReenable", "ssnp", Kind::SESSION, ssnp, event)
}

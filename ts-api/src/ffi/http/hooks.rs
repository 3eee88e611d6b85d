//! Adding continuations to hooks, on three levels.
//!
//! # Rules
//! * A hook that the original has and this host has not (of its cache, transformations, raw connections and TLS) is refused with
//!   [`TS_ERROR`] and a line in the log: a continuation there would never be called, or as something that it is not.
//! * So is one that the transaction is past: the continuation would not be called. Whoever does not look at the answer has what
//!   the original gives him.
//! * A list never points to a continuation that is gone: one that is destroyed is passed over.

use super::{gone, session, transaction, warn};
use crate::Cont;
use crate::ffi::call::{self, Call};
use crate::ffi::cont;
use crate::ffi::labels::hook_name;
use crate::ffi::types::{TS_ERROR, TS_SUCCESS, TSCont, TSHttpHookID, TSHttpSsn, TSHttpTxn, TSReturnCode};
use crate::http::{self, Added, HookError, HookId};

/// How many numbers of hooks there are.
const HOOKS: TSHttpHookID = 30;

/// The hook with a number; none if the host does not have it.
fn hook(call: Call, id: TSHttpHookID) -> Option<HookId> {
    if !(0..HOOKS).contains(&id) {
        call.fault(format_args!("there is no hook {id}"));
    }
    let hook = HookId::from_number(id.cast_unsigned());
    if hook.is_none() {
        warn(call, format_args!("this host never reaches {}: not added", hook_name(id).to_string_lossy()));
    }
    hook
}

/// Adds `contp` with `add`, and turns what comes of it into what C is told; `over` says that the handle is stale.
fn add(
    call: Call,
    id: TSHttpHookID,
    contp: TSCont,
    over: impl FnOnce() -> TSReturnCode,
    add: impl FnOnce(HookId, &Cont) -> Result<Added, HookError>,
) -> TSReturnCode {
    let cont = cont::get(call, "contp", contp);
    let Some(hook) = hook(call, id) else { return TS_ERROR };
    let transaction = || !hook.is_of_session() && hook != HookId::SendRequestHdr;
    match add(hook, &cont) {
        // Of one transaction, and no other pass comes.
        Ok(Added::TooLate) => {
            tracing::debug!(%hook, plugin = super::name(), "the transaction is past this hook: not called");
            TS_ERROR
        }
        Ok(Added::NotInThisPass) if transaction() => {
            tracing::debug!(%hook, plugin = super::name(), "the call-out has passed the list: not called in it");
            TS_ERROR
        }
        Ok(_) => TS_SUCCESS,
        Err(HookError::Gone) => over(),
        Err(HookError::NotOfTransactions(hook)) => {
            warn(call, format_args!("{hook} is a hook of sessions: not added"));
            TS_ERROR
        }
        Err(error) => call.fault(error),
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpHookAdd(id: TSHttpHookID, contp: TSCont) -> TSReturnCode {
    call::enter("TSHttpHookAdd", |call| add(call, id, contp, || TS_ERROR, http::add))
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpSsnHookAdd(ssnp: TSHttpSsn, id: TSHttpHookID, contp: TSCont) -> TSReturnCode {
    call::enter("TSHttpSsnHookAdd", |call| {
        let session = session(call, ssnp);
        let over = || gone(call, "ssnp", ssnp);
        let next = |added| if added == Added::NotInThisPass { Added::Yes } else { added };
        // The session's other transactions reach the hook again.
        add(call, id, contp, over, |hook, cont| session.add_hook(hook, cont).map(next))
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpTxnHookAdd(txnp: TSHttpTxn, id: TSHttpHookID, contp: TSCont) -> TSReturnCode {
    call::enter("TSHttpTxnHookAdd", |call| {
        let transaction = transaction(call, txnp);
        let over = || gone(call, "txnp", txnp);
        add(call, id, contp, over, |hook, cont| transaction.add_hook(hook, cont))
    })
}

//! Continuations: made, called, given data, destroyed.
//!
//! # Rules
//! * A handle is stale as soon as the continuation is destroyed, also for the rest of the handler that destroyed it. Whatever is
//!   still scheduled is dead, and the handler is not entered again.
//! * A plugin's handler may be entered again while it runs, as in a call of itself: what it must not touch then is its own matter.

use std::ffi::{c_int, c_void};
use std::ptr;

use ts_cont::{CallError, Continuation, EventCode};

use super::call::{self, Call, Kept};
use super::dispatch::{EventData, Handler};
use super::handle::{Bad, Kind, Raw, Table};
use super::mutex;
use super::plugin::{self, Plugin};
use super::types::{TS_SUCCESS, TSCont, TSEvent, TSEventFunc, TSMutex, TSReturnCode};
use crate::Cont;

/// What reports call a continuation that was made outside of any plugin's code.
pub(crate) const OF_NO_PLUGIN: &str = "a continuation of no plugin";

struct Entry {
    /// None until it is made, when nobody has the handle yet.
    cont: Option<Cont>,
    data: Kept,
    /// Null if it has none.
    mutex: TSMutex,
    plugin: Option<&'static Plugin>,
}

static CONTS: Table<TSCont, Entry> = Table::new();

/// The continuation of a handle.
pub(crate) fn get(call: Call, argument: &'static str, handle: TSCont) -> Cont {
    let cont = CONTS.with(call, argument, handle, |entry| entry.cont.clone());
    cont.unwrap_or_else(|| call.fault(format_args!("{argument} is not made yet")))
}

/// The continuation of a handle that may be stale by now.
pub(crate) fn find(handle: TSCont) -> Option<Cont> {
    CONTS.try_with(handle, |entry| entry.cont.clone()).ok().flatten()
}

/// Lends the continuation of a handle. In its own handler that costs no look into the table.
#[inline]
pub(crate) fn with<R>(
    call: Call,
    argument: &'static str,
    handle: TSCont,
    f: impl FnOnce(&Continuation) -> R,
) -> R {
    let mut f = Some(f);
    let mut lend = |cont: &Continuation| f.take().map(|f| f(cont));
    let own = plugin::with_own_event(handle, |event| {
        let own = event.continuation();
        if own.is_destroyed() { None } else { lend(own) }
    });
    let lent = own.unwrap_or_default().or_else(|| lend(&get(call, argument, handle).into()));
    lent.expect("it is lent once")
}

/// Whose continuation it is, if there is one.
pub(crate) fn plugin_of(handle: TSCont) -> Option<&'static Plugin> {
    CONTS.try_with(handle, |entry| entry.plugin).ok().flatten()
}

/// Makes a continuation with the handler of a plugin.
fn create(call: Call, function: super::dispatch::EventFunc, mutexp: TSMutex) -> TSCont {
    let plugin = plugin::running();
    let under = (mutexp.bits() != 0).then(|| mutex::adopt(call, mutexp));
    let handle = CONTS.insert(Entry { cont: None, data: Kept(ptr::null_mut()), mutex: mutexp, plugin });
    let handler = Handler::new(function, handle, plugin);
    let named = Continuation::labelled(plugin.map_or(OF_NO_PLUGIN, |plugin| plugin.label()));
    let cont = match under {
        Some(mutex) => named.reentrant(&mutex, move |event| handler.call(event)),
        None => named.shared(move |event| handler.call(event)),
    };
    CONTS.with(call, "contp", handle, |entry| entry.cont = Some(cont.into()));
    handle
}

#[unsafe(no_mangle)]
pub extern "C" fn TSContCreate(funcp: TSEventFunc, mutexp: TSMutex) -> TSCont {
    call::enter("TSContCreate", |call| create(call, call.function("funcp", funcp), mutexp))
}

#[unsafe(no_mangle)]
pub extern "C" fn TSContDestroy(contp: TSCont) {
    call::enter("TSContDestroy", |call| {
        let Entry { cont, mutex, .. } = CONTS.remove(call, "contp", contp);
        if let Some(cont) = cont {
            cont.destroy();
        }
        if mutex.bits() != 0 {
            mutex::release(mutex);
        }
    });
}

#[unsafe(no_mangle)]
pub extern "C" fn TSContDataSet(contp: TSCont, data: *mut c_void) -> TSReturnCode {
    call::enter("TSContDataSet", |call| {
        CONTS.with(call, "contp", contp, |entry| entry.data = Kept(data));
        TS_SUCCESS
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSContDataGet(contp: TSCont) -> *mut c_void {
    call::enter("TSContDataGet", |call| CONTS.with(call, "contp", contp, |entry| entry.data.0))
}

#[unsafe(no_mangle)]
pub extern "C" fn TSContMutexGet(contp: TSCont) -> TSMutex {
    call::enter("TSContMutexGet", |call| CONTS.with(call, "contp", contp, |entry| entry.mutex))
}

#[unsafe(no_mangle)]
pub extern "C" fn TSContCall(contp: TSCont, event: TSEvent, edata: *mut c_void) -> c_int {
    call::enter("TSContCall", |call| {
        // A count of its own: the handler may destroy the continuation.
        let cont: Continuation = get(call, "contp", contp).into();
        match cont.call_with(EventCode::new(event), &mut EventData(edata)) {
            Ok(number) => number,
            Err(CallError::Busy) => {
                call.fault("the continuation's mutex is held by another thread: lock it before the call")
            }
            // Another thread was faster.
            Err(CallError::Destroyed) => {
                call.bad_handle("contp", contp.bits(), Kind::Cont, Bad::Stale(Kind::Cont))
            }
            Err(error) => call.fault(error),
        }
    })
}

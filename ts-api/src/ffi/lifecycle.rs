//! Life-cycle hooks.
//!
//! # Rules
//! * What never happens here, since the host has no cache and shows plugins nothing of TLS, is refused with [`TS_ERROR`] and a
//!   line in the log.
//! * A mutex that is busy is waited for, on every one of them; nobody's process ends for that.

use super::call;
use super::types::{TS_ERROR, TS_SUCCESS, TSCont, TSLifecycleHookID, TSReturnCode};
use super::{cont, plugin};
use crate::HostError;
use crate::lifecycle::{self, LifecycleHook};

/// What the original calls each, and which of them there is.
const HOOKS: [(&str, Option<LifecycleHook>); 10] = [
    ("PORTS_INITIALIZED", Some(LifecycleHook::PortsInitialized)),
    ("PORTS_READY", Some(LifecycleHook::PortsReady)),
    ("CACHE_READY", None),
    ("SERVER_SSL_CTX_INITIALIZED", None),
    ("CLIENT_SSL_CTX_INITIALIZED", None),
    ("MSG", Some(LifecycleHook::Message)),
    ("TASK_THREADS_READY", Some(LifecycleHook::TaskThreadsReady)),
    ("SHUTDOWN", Some(LifecycleHook::Shutdown)),
    ("SSL_SECRET", None),
    ("LOG_INITIALIZED", Some(LifecycleHook::LogInitialized)),
];

#[unsafe(no_mangle)]
pub extern "C" fn TSLifecycleHookAdd(id: TSLifecycleHookID, contp: TSCont) -> TSReturnCode {
    call::enter("TSLifecycleHookAdd", |call| {
        let hook = usize::try_from(id).ok().and_then(|id| HOOKS.get(id));
        let Some((name, hook)) = hook else { call.fault(format_args!("there is no life-cycle hook {id}")) };
        let cont = cont::get(call, "contp", contp);
        let Some(hook) = hook else {
            let plugin = plugin::running().map_or("", plugin::Plugin::name);
            tracing::warn!(plugin, "TSLifecycleHookAdd: this host never reaches {name}: not added");
            return TS_ERROR;
        };
        match lifecycle::add(*hook, &cont) {
            Ok(()) => TS_SUCCESS,
            Err(HostError::ShuttingDown) => TS_ERROR,
            Err(error) => call.fault(error),
        }
    })
}

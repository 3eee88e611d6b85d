//! From an event to a plugin's handler, and what the handler finds in its third argument.

use std::ffi::{c_int, c_void};
use std::ptr;

use ts_cont::Event;

use super::action;
use super::handle::Raw;
use super::http::schedule::About;
use super::plugin::{self, Plugin};
use super::types::{TSCont, TSEvent, TSHttpSsn, TSHttpTxn};
use crate::http::door::{OWNER_SESSION, OWNER_TRANSACTION};
use crate::lifecycle::OWNER_MESSAGE;
use crate::runtime::door::LentData;

/// A handler that is there.
pub(crate) type EventFunc = unsafe extern "C-unwind" fn(TSCont, TSEvent, *mut c_void) -> c_int;

/// What is lent with a call of the C interface itself: the pointer that the handler is to find.
pub(crate) struct EventData(pub(crate) *mut c_void);

/// A plugin's handler, as its continuation holds it.
#[derive(Clone, Copy)]
pub(crate) struct Handler {
    pub(crate) function: EventFunc,
    pub(crate) cont: TSCont,
    pub(crate) plugin: Option<&'static Plugin>,
}

impl Handler {
    /// Calls it.
    #[inline]
    pub(crate) fn call(&self, event: &mut Event<'_>) -> i32 {
        if event.data().is_some_and(|about: &mut About| about.is_over()) {
            return 0;
        }
        let code = event.code().number();
        let data = event_data(event);
        let Self { function, cont, plugin } = *self;
        plugin::run_handler(plugin, function as usize, (cont, code), event.continuation(), || {
            // SAFETY: whoever made the continuation gave a function of this type, and says that it may be called wherever
            // the continuation is.
            unsafe { function(cont, code, data) }
        })
    }
}

/// The third argument: of a scheduled event its action without bit 0, or the transaction that it is about; of a hook its
/// subject, of a message the message, of a direct call what was lent.
#[inline]
fn event_data(event: &mut Event<'_>) -> *mut c_void {
    if let Some(EventData(data)) = event.data() {
        return *data;
    }
    if let Some(About(transaction)) = event.data() {
        return ptr::without_provenance_mut(transaction.bits() as usize);
    }
    if let Some(action) = event.action() {
        return action::event_data(action);
    }
    let Some(LentData(lent)) = event.data() else { return ptr::null_mut() };
    let bits = match lent.owner {
        OWNER_TRANSACTION => TSHttpTxn::of(lent.value.addr() as u64).bits(),
        OWNER_SESSION => TSHttpSsn::of(lent.value.addr() as u64).bits(),
        // It has the shape that C knows.
        OWNER_MESSAGE => return lent.value.cast(),
        // Lent by a Rust plugin to its own kind.
        _ => return ptr::null_mut(),
    };
    ptr::without_provenance_mut(bits as usize)
}

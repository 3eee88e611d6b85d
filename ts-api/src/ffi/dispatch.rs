//! From an event to a plugin's handler, and what the handler finds in its third argument.

use std::ffi::{c_int, c_void};
use std::{mem, ptr};

use ts_cont::Event;

use super::action;
use super::debug::{self, Whom};
use super::handle::{self, Raw};
use super::http::schedule::About;
use super::plugin::{self, Plugin, Whose};
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
pub(crate) struct Handler(Whose);

impl Handler {
    pub(crate) fn new(function: EventFunc, cont: TSCont, plugin: Option<&'static Plugin>) -> Self {
        Self(Whose { plugin, function: function as *const (), cont })
    }

    /// Calls it.
    #[inline(always)]
    pub(crate) fn call(&self, event: &mut Event<'_>) -> i32 {
        match event.action() {
            Some(action) if !event.has_data() => self.call_with(event, action::event_data(action)),
            _ => self.call_with_lent_data(event),
        }
    }

    /// What comes from a queue has mostly nothing along: that has a function to itself, which is the shorter for it.
    #[inline(never)]
    fn call_with_lent_data(&self, event: &mut Event<'_>) -> i32 {
        lent_data(event).map_or(0, |data| debug::with_whom(event, whom, |event| self.call_with(event, data)))
    }

    #[inline(always)]
    fn call_with(&self, event: &Event<'_>, data: *mut c_void) -> i32 {
        let Whose { function, cont, .. } = self.0;
        let code = event.code().number();
        // SAFETY: the address was made of such a function in `new`.
        let function = unsafe { mem::transmute::<*const (), EventFunc>(function) };
        plugin::run_handler(&self.0, event, || {
            // SAFETY: whoever made the continuation gave a function of this type, and says that it may be called wherever
            // the continuation is.
            unsafe { function(cont, code, data) }
        })
    }
}

/// The third argument of what brings data along, or is no scheduled event: the transaction that it is about; of a hook its
/// subject, of a message the message, of a direct call what was lent. None if that is over, and the handler is not to be called.
fn lent_data(event: &mut Event<'_>) -> Option<*mut c_void> {
    if let Some(EventData(data)) = event.data() {
        return Some(*data);
    }
    if let Some(about) = event.data::<About>() {
        return (!about.is_over()).then(|| ptr::without_provenance_mut(about.0.bits() as usize));
    }
    if let Some(action) = event.action() {
        return Some(action::event_data(action));
    }
    let Some(LentData(lent)) = event.data() else { return Some(ptr::null_mut()) };
    let bits = match lent.owner {
        OWNER_TRANSACTION => TSHttpTxn::of(lent.value.addr() as u64).bits(),
        OWNER_SESSION => TSHttpSsn::of(lent.value.addr() as u64).bits(),
        // It has the shape that C knows.
        OWNER_MESSAGE => return Some(lent.value.cast()),
        // Lent by a Rust plugin to its own kind.
        _ => return Some(ptr::null_mut()),
    };
    Some(ptr::without_provenance_mut(bits as usize))
}

/// Whom an event is for.
fn whom(event: &mut Event<'_>) -> Option<Whom> {
    if let Some(About(transaction)) = event.data() {
        return handle::number(*transaction).ok().map(Whom::Transaction);
    }
    let LentData(lent) = event.data()?;
    match lent.owner {
        OWNER_TRANSACTION => Some(Whom::Transaction(lent.value.addr() as u64)),
        OWNER_SESSION => Some(Whom::Session(lent.value.addr() as u64)),
        _ => None,
    }
}

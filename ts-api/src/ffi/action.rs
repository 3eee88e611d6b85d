//! Actions: their handles, cancelling them, asking about them.
//!
//! # Rules
//! * A handle is good for ever: for an action that is over, cancelling does nothing, and nothing recycled is touched.
//! * The third argument of a scheduled event's handler is the action without bit 0.

use std::ffi::{c_int, c_void};
use std::ptr;

use super::call::{self, Call};
use super::handle::{Bad, Kind, Raw};
use super::types::TSAction;

/// Bits 63 and 62 of every action.
const TAG: u64 = 0b10 << 62;

/// The third argument of the handler.
#[inline]
pub(crate) fn event_data(action: ts_cont::Action) -> *mut c_void {
    match action.to_word() {
        Some(word) => ptr::without_provenance_mut((TAG | word << 1) as usize),
        None => ptr::null_mut(),
    }
}

/// The handle of an action.
pub(crate) fn handle(call: Call, action: ts_cont::Action) -> TSAction {
    match action.to_word() {
        Some(word) => TSAction::from_bits(TAG | word << 1 | 1),
        None => {
            action.cancel();
            call.fault("more events are pending than there are handles for: some sixty million")
        }
    }
}

/// The action of a handle; none for null, and for a handle of nothing.
fn action(call: Call, action: TSAction) -> Option<ts_cont::Action> {
    let bits = action.bits();
    // The handler's third argument will do too: it means the same event.
    if bits >> 62 == 0b10 {
        let found = ts_cont::Action::from_word((bits & !TAG) >> 1);
        return Some(found.unwrap_or_else(|| call.bad_handle("actionp", bits, Kind::Action, Bad::NoHandle)));
    }
    // Bit 0 alone was how "nothing to cancel" looked.
    if bits <= 1 {
        return None;
    }
    let bad = Kind::of(bits).map_or(Bad::NoHandle, Bad::Other);
    call.bad_handle("actionp", bits, Kind::Action, bad)
}

#[unsafe(no_mangle)]
pub extern "C" fn TSActionCancel(actionp: TSAction) {
    call::enter("TSActionCancel", |call| {
        if let Some(action) = action(call, actionp) {
            action.cancel();
        }
    });
}

#[unsafe(no_mangle)]
pub extern "C" fn TSActionDone(actionp: TSAction) -> c_int {
    call::enter("TSActionDone", |call| action(call, actionp).is_some_and(ts_cont::Action::is_done).into())
}

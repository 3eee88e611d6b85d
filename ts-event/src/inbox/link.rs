//! How an inbox chains entries through their own slots. All that is unsafe about the inbox's memory is here.
//!
//! In an inbox a slot's link leads to the entry that arrived before it, its filing number is the time it is
//! for, and the word that tells its place says which kind of time that is.
//!
//! # Rules
//! * `leave` gives up the entry; `collect` makes one of it again, once.
//! * In between, one thread at a time reaches the slot's plain part: the sender until its push has succeeded, then
//!   nobody, then the receiver that took the chain.

use std::ptr::NonNull;

use ts_thread::HrTime;

use crate::entry::Entry;
use crate::place::{kind_under_way, mark_out, mark_under_way};
use crate::slot::Slot;
use crate::when::When;

const NOW: u32 = 0;
const AT: u32 = 1;
const POLL: u32 = 2;
const FIRST: u32 = 3;

/// Gives up an entry, with its time, for the slot it is in. The caller owns that slot's plain part.
pub(super) fn leave<T>(entry: Entry<T>, when: When) -> NonNull<Slot<T>> {
    let (kind, filed) = match when {
        When::Now => (NOW, 0),
        When::First => (FIRST, 0),
        When::At(at) => (AT, at.as_nanos()),
        When::Poll(order) => (POLL, order),
    };
    let node = entry.into_slot();
    // SAFETY: slots are never unmapped.
    let slot = unsafe { node.as_ref() };
    mark_under_way(slot, kind);
    // SAFETY: the entry was the owner of the slot's plain part, and `into_slot` gave that to us.
    unsafe { slot.set_filed(filed) };
    node
}

/// The entry that `leave` gave up, and its time.
///
/// # Safety
///
/// `node` came from `leave` and is collected once for that; the caller owns the slot's plain part.
pub(super) unsafe fn collect<T>(node: NonNull<Slot<T>>) -> (Entry<T>, When) {
    // SAFETY: slots are never unmapped.
    let slot = unsafe { node.as_ref() };
    // SAFETY: the caller owns the slot's plain part.
    let filed = unsafe { slot.filed() };
    let when = match kind_under_way(slot) {
        NOW => When::Now,
        FIRST => When::First,
        AT => When::At(HrTime::from_nanos(filed)),
        _ => When::Poll(filed),
    };
    mark_out(slot);
    // SAFETY: `leave` made the node of an entry, and the caller collects it once.
    (unsafe { Entry::from_slot(node) }, when)
}

/// The entry behind `node` in its chain, or null.
///
/// # Safety
///
/// The caller owns the slot's plain part.
pub(super) unsafe fn next<T>(node: NonNull<Slot<T>>) -> *mut Slot<T> {
    // SAFETY: slots are never unmapped, and the caller owns this one's plain part.
    unsafe { node.as_ref().link() }
}

/// Puts `behind`, an entry or null, behind `node` in its chain.
///
/// # Safety
///
/// The caller owns the slot's plain part.
pub(super) unsafe fn set_next<T>(node: NonNull<Slot<T>>, behind: *mut Slot<T>) {
    // SAFETY: slots are never unmapped, and the caller owns this one's plain part.
    unsafe { node.as_ref().set_link(behind) }
}

//! How data is lent with a direct call, and why no other plugin can mistake its type.
//!
//! What crosses is the address of the lender's `&mut dyn Any`, and the lender's mark: the address of a static, of which each
//! copy of this crate has its own. A copy that finds another's mark looks no further, since type identities of two
//! compilations are not comparable.

use super::{RawData, RawEvent, host};
use std::any::Any;
use std::marker::PhantomData;
use std::ptr;

/// Not a zero-sized static: those may share an address.
static MARK: u8 = 0;

/// The mark of this copy of the crate: no other copy's, and no small number.
pub(crate) fn mark() -> usize {
    (&raw const MARK).addr()
}

/// Data on loan.
pub(crate) struct Loan<'a, 'b> {
    raw: RawData,
    of: PhantomData<&'b mut &'a mut (dyn Any + 'static)>,
}

impl<'a, 'b> Loan<'a, 'b> {
    pub(crate) fn new(data: &'b mut &'a mut (dyn Any + 'static)) -> Self {
        Self { raw: RawData { owner: mark(), value: ptr::from_mut(data).cast() }, of: PhantomData }
    }

    pub(crate) fn raw(&self) -> &RawData {
        &self.raw
    }
}

impl RawEvent {
    /// The data that was lent with the event, if this copy of the facade lent it and it is a `T`.
    ///
    /// # Safety
    ///
    /// The event lives for `'a`, and nothing else borrows its data for that long.
    pub(crate) unsafe fn data<'a, T: Any>(self) -> Option<&'a mut T> {
        let mut raw = RawData { owner: 0, value: ptr::null_mut() };
        // SAFETY: the event lives; the place is lent for the call.
        if !unsafe { (host().event_data)(self, &raw mut raw) } || raw.owner != mark() {
            return None;
        }
        // SAFETY: the mark is ours, so this is the address of a `&mut dyn Any` that `Loan` keeps borrowed until the call
        // that lent it returns, which is after the event's end.
        let data = unsafe { &mut **raw.value.cast::<&mut (dyn Any + 'static)>() };
        data.downcast_mut()
    }
}

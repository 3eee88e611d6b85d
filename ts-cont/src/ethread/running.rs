//! Which event an event thread is in, for the calls that its handler makes.
//!
//! # Rules
//! * It is said before a handler is entered and taken back when that has returned, also by a panic; nothing else is called
//!   meanwhile. Then what is asked between two handlers finds nothing.
//! * Only the mark is taken back, since that is done for each event. Where the event lay is asked behind the mark.

use crate::cell::CellRef;
use crate::work::Work;
use std::cell::Cell;
use ts_event::Spot;

/// The event whose handler is running, if one is.
#[derive(Default)]
pub(super) struct Running {
    /// The number of its continuation if the mutex of that is held, or [`UNLOCKED`]; zero if no handler is running.
    mark: Cell<usize>,
    /// The last event that was entered.
    spot: Cell<Option<Spot<Work>>>,
}

/// The handler of a continuation without a mutex; the number of none.
const UNLOCKED: usize = 1;

impl Running {
    /// An event of `cell` is entered, whose mutex is held; then, once the handler has returned, it is left.
    #[inline(always)]
    pub(super) fn locked(&self, spot: Spot<Work>, cell: CellRef, call: impl FnOnce()) {
        self.spot.set(Some(spot));
        self.mark.set(cell.id());
        call();
        self.mark.set(0);
    }

    /// As `locked`, for an event of a continuation without a mutex.
    pub(super) fn unlocked(&self, spot: Spot<Work>, call: impl FnOnce()) {
        self.spot.set(Some(spot));
        self.mark.set(UNLOCKED);
        call();
        self.mark.set(0);
    }

    /// Whether a handler of `cell` is running, under its mutex.
    #[inline(always)]
    pub(super) fn is_of(&self, cell: CellRef) -> bool {
        self.mark.get() == cell.id()
    }

    /// Where the event lies whose handler is running.
    #[inline]
    pub(super) fn spot(&self) -> Option<Spot<Work>> {
        self.spot.get().filter(|_| self.mark.get() != 0)
    }
}

//! References of one continuation that an event thread has at hand, for timers that are set and cancelled.
//!
//! A timer that is set without the continuation's mutex owns a reference, and its cancel gives that back: a read-modify-write
//! each. Who sets and cancels many timers of one continuation in a row would make all of these on the same word; so what a
//! cancel gives back is kept for the next timer, and for a continuation that gets one timer after the other some are drawn at once.
//!
//! # Rules
//! * What is here is given back at the end of each run of ready events, and not to make room for another continuation's: so to
//!   set a timer frees no continuation, and to cancel one no other than its own.
//! * If all references that there are would be here, none is kept: the continuation goes then.
//! * With a count of zero the continuation may be gone, and is only compared with. Another one in its place is served as well.
//!
//! The references that a dispatch owes are kept elsewhere: the mutex that it still holds may hang on them.

use std::cell::Cell;

use crate::cell::CellRef;
use crate::work::Counted;

/// How many references are drawn at once.
const DRAWN: u8 = 64;

/// References at hand.
#[derive(Default)]
pub(super) struct Credit {
    of: Cell<Option<CellRef>>,
    count: Cell<usize>,
}

impl Credit {
    /// Counts an event of a caller that has a reference.
    #[inline(always)]
    pub(super) fn count_event(&self, cell: CellRef) -> Counted {
        if self.of.get() == Some(cell)
            && let Some(left) = self.count.get().checked_sub(1)
        {
            self.count.set(left);
            return Counted::Shared;
        }
        self.draw(cell)
    }

    /// The event's reference, and if it is not the first event in a row, those for the next ones.
    #[cold]
    #[inline(never)]
    fn draw(&self, cell: CellRef) -> Counted {
        let counted = cell.count_event();
        if self.count.get() > 0 || counted == Counted::Plain {
            return counted;
        }
        if self.of.replace(Some(cell)) == Some(cell) {
            cell.get().life.retain_many(DRAWN);
            self.count.set(usize::from(DRAWN));
        }
        counted
    }

    /// Gives back the reference of an event that is over; if it is the last, the continuation is gone now.
    #[inline(always)]
    pub(super) fn give_back(&self, cell: CellRef) {
        let count = self.count.get() + 1;
        if self.of.get() == Some(cell) && cell.get().life.has_others(count) {
            return self.count.set(count);
        }
        self.give_back_otherwise(cell);
    }

    #[cold]
    #[inline(never)]
    fn give_back_otherwise(&self, cell: CellRef) {
        if self.of.get() == Some(cell) {
            return cell.release(1 + self.count.take());
        }
        if self.count.get() > 0 || !cell.get().life.has_others(1) {
            return cell.release(1);
        }
        self.of.set(Some(cell));
        self.count.set(1);
    }

    /// Whether there is nothing to give back.
    pub(super) fn is_settled(&self) -> bool {
        self.count.get() == 0
    }

    /// Gives back all that is here. What ends with it may set and cancel timers, and have more put here.
    #[inline(always)]
    pub(super) fn settle(&self) {
        while let count @ 1.. = self.count.take() {
            self.of.get().into_iter().for_each(|cell| cell.release(count));
        }
    }
}

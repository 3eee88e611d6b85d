//! What waits in an event thread's queue, and the slots it waits in.

use crate::cell::CellRef;
use crate::ethread::Here;
use crate::event::Extras;
use crate::future::SleepState;
use crate::{Continuation, EventCode, Message};
use async_task::Runnable;
use std::sync::Arc;
use ts_event::{Key, Slots};

/// Every event of the process waits in one of these slots. They are never unmapped, so an [`crate::Action`] may look at
/// its slot at any time.
pub(crate) static SLOTS: Slots<Work> = Slots::new();

/// One entry of a thread's queue.
pub(crate) enum Work {
    /// Call a continuation.
    Call(Scheduled),
    /// Poll a future.
    Task(Runnable),
    /// A sleeping future's time has come.
    Sleep(Arc<SleepState>),
    /// Take this entry out of the queue: it was cancelled elsewhere.
    Unlink(Key<Work>),
    /// Run this on the thread.
    Closure(Box<dyn FnOnce(&Here) + Send>),
    /// Look at the flags: a mutex can be tried again, events died, or the loop is to stop.
    Nudge,
}

/// How the continuation counts an event (see `life.rs`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    /// The event owns a reference.
    Shared,
    /// The event is counted under the mutex.
    Plain,
}

/// A scheduled call of a continuation. Dropping it without a dispatch counts it off.
pub(crate) struct Scheduled {
    cell: CellRef,
    counted: Counted,
    pub(crate) code: EventCode,
    pub(crate) extra: Extras,
}

impl Scheduled {
    /// An event for `continuation`, counted plainly if the calling thread holds its mutex.
    pub(crate) fn new(continuation: &Continuation, default_code: EventCode, message: Message) -> Self {
        let (code, extra) = message.into_parts();
        let (cell, counted) = continuation.cell().count_event();
        Self { cell, counted, code: code.unwrap_or(default_code), extra }
    }

    pub(crate) fn cell(&self) -> CellRef {
        self.cell
    }

    /// Makes a shared event a plain one, at its dispatch.
    ///
    /// # Safety
    ///
    /// The caller holds the mutex of the continuation.
    pub(crate) unsafe fn adopt(&mut self) {
        if self.counted == Counted::Shared {
            // SAFETY: the caller holds the mutex, and the event's reference passes over with the mark below.
            unsafe { self.cell.get().life.adopt_shared() };
            self.counted = Counted::Plain;
        }
    }

    /// Ends the event; returns the references that the caller has to release once it has let go of the mutex.
    ///
    /// # Safety
    ///
    /// The caller holds the mutex of the continuation, or the continuation has none.
    pub(crate) unsafe fn end(self) -> (CellRef, usize) {
        let this = std::mem::ManuallyDrop::new(self);
        // SAFETY: `this` is never dropped, so its one field with a destructor is read out once, here.
        let extra = unsafe { std::ptr::read(&raw const this.extra) };
        if extra.get().is_some() {
            this.cell.get().drop_data(extra);
        }
        let owed = match this.counted {
            Counted::Shared => 1,
            // SAFETY: the caller holds the mutex.
            Counted::Plain => unsafe { this.cell.get().life.remove_plain() },
        };
        (this.cell, owed)
    }

    /// Turns a refused event back into what was to be delivered.
    pub(crate) fn into_message(mut self) -> Message {
        Message::from_parts(Some(self.code), self.extra.take())
    }
}

impl Drop for Scheduled {
    fn drop(&mut self) {
        // The data goes first, as in `end`: the handler may be dropped with the last event, but not before what was meant for it.
        let extra = self.extra.take();
        if extra.get().is_some() {
            self.cell.get().drop_data(extra);
        }
        self.cell.count_off(self.counted);
    }
}

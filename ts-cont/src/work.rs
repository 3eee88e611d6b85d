//! What waits in an event thread's queue, and the slots it waits in.

use crate::cell::CellRef;
use crate::ethread::Here;
use crate::ethread::run::AHEAD;
use crate::event::Extras;
use crate::future::SleepState;
use crate::{Continuation, EventCode, Message};
use async_task::Runnable;
use smallvec::SmallVec;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::sync::Arc;
use ts_event::{Key, Slots, Spot, prefetch};

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

impl Work {
    /// The continuation of a call that carries nothing and owns a reference; there is nothing else to drop.
    #[inline(always)]
    pub(crate) fn bare(&self) -> Option<CellRef> {
        match self {
            Self::Call(call) if call.carried.counted == Counted::Shared && call.carried.extra.is_none() => {
                Some(call.cell())
            }
            _ => None,
        }
    }

    /// Tells the processor that all is needed soon that calls of these continuations read and write.
    pub(crate) fn fetch<'a>(works: impl Iterator<Item = &'a Self>) {
        // One step through memory after the other, each for all before anybody waits for one.
        let cells: SmallVec<[CellRef; AHEAD]> = works
            .filter_map(|work| match work {
                Self::Call(scheduled) => {
                    if let Some(extra) = scheduled.carried.extra.get() {
                        prefetch(extra);
                    }
                    scheduled.cell().prefetch();
                    Some(scheduled.cell())
                }
                _ => None,
            })
            .collect();
        cells.iter().for_each(CellRef::prefetch_behind);
    }
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
    /// Borrows the reference that the event is counted with.
    continuation: ManuallyDrop<Continuation>,
    pub(crate) carried: Carried,
}

/// What an event brings to its handler.
pub(crate) struct Carried {
    pub(crate) extra: Extras,
    pub(crate) code: EventCode,
    /// Not for the handler; it stands here to fill a gap.
    counted: Counted,
}

/// What a handler is shown that is called without an event: as one would be, but not counted.
pub(crate) struct Called(ManuallyDrop<Scheduled>);

impl Called {
    /// A call of `continuation`, whose handle outlives it.
    pub(crate) fn new(continuation: &Continuation, code: EventCode, mut extra: Extras) -> Self {
        Self(ManuallyDrop::new(Scheduled::counted(continuation.cell(), Counted::Shared, code, &mut extra)))
    }

    /// What the event shows.
    pub(crate) fn shown(&mut self) -> NonNull<Scheduled> {
        NonNull::from(&mut *self.0)
    }
}

impl Drop for Called {
    fn drop(&mut self) {
        drop(self.0.carried.extra.take());
    }
}

impl Carried {
    /// How the event is counted.
    #[inline(always)]
    pub(crate) fn counted(&self) -> Counted {
        self.counted
    }
}

// As small as it can be: a slot with it is ten words. And a call is all of it.
const _: () = assert!(size_of::<Work>() == 24 && size_of::<Scheduled>() == size_of::<Work>());

impl Scheduled {
    /// An event for `continuation`, counted plainly if the calling thread holds its mutex.
    #[inline(always)]
    pub(crate) fn new(continuation: &Continuation, default_code: EventCode, message: Message) -> Self {
        let (code, mut extra) = message.into_parts();
        let cell = continuation.cell();
        Self::counted(cell, cell.count_event(), code.unwrap_or(default_code), &mut extra)
    }

    /// An event for the continuation `cell`, which has counted it. It carries `code`, and `extra`, which is taken.
    #[inline(always)]
    pub(crate) fn counted(cell: CellRef, counted: Counted, code: EventCode, extra: &mut Extras) -> Self {
        Self {
            continuation: ManuallyDrop::new(Continuation::from_cell(cell)),
            carried: Carried { extra: extra.take(), code, counted },
        }
    }

    #[inline(always)]
    pub(crate) fn cell(&self) -> CellRef {
        self.continuation.cell()
    }

    /// What a dispatch shows to its handler of an entry that is a call.
    #[inline(always)]
    pub(crate) fn shown(spot: Spot<Work>) -> NonNull<Self> {
        // A call is as large as all that an entry may be, so it lies at the start.
        spot.value().cast()
    }

    /// The handle of one that is shown.
    ///
    /// # Safety
    ///
    /// There is a call at `shown` for as long as the answer is used.
    #[inline(always)]
    pub(crate) unsafe fn continuation_of<'a>(shown: NonNull<Self>) -> &'a Continuation {
        // SAFETY: there is one, says the caller, and its handle never changes.
        unsafe { &(*shown.as_ptr()).continuation }
    }

    /// Makes a shared event a plain one, at its dispatch; a plain one stays as it is.
    ///
    /// # Safety
    ///
    /// The caller holds the mutex of the continuation.
    #[inline(always)]
    pub(crate) unsafe fn adopt(&mut self) {
        if self.carried.counted == Counted::Plain {
            return;
        }
        // SAFETY: the caller holds the mutex, and the event's reference passes over with the mark below.
        let owed = unsafe { self.cell().get().life.adopt_shared() };
        self.carried.counted = Counted::Plain;
        if owed > 0 {
            // Never the last: the plain events have one left.
            self.cell().release(owed);
        }
    }

    /// Ends the event; returns the references that the caller has to release once it has let go of the mutex.
    ///
    /// # Safety
    ///
    /// The caller holds the mutex of the continuation, or the continuation has none.
    #[inline(always)]
    pub(crate) unsafe fn end(mut self) -> usize {
        self.drop_extra();
        // Nothing is left in it that has to be dropped.
        let this = ManuallyDrop::new(self);
        match this.carried.counted {
            Counted::Shared => 1,
            // SAFETY: the caller holds the mutex.
            Counted::Plain => unsafe { this.cell().get().life.remove_plain() },
        }
    }

    /// Turns a refused event back into what was to be delivered.
    pub(crate) fn into_message(mut self) -> Message {
        Message::from_parts(Some(self.carried.code), self.carried.extra.take())
    }

    #[inline(always)]
    fn drop_extra(&mut self) {
        if !self.carried.extra.is_none() {
            self.cell().get().drop_data(self.carried.extra.take());
        }
    }
}

impl Drop for Scheduled {
    fn drop(&mut self) {
        // The data goes first, as in `end`: the handler may be dropped with the last event, but not before what was meant for it.
        self.drop_extra();
        self.cell().count_off(self.carried.counted);
    }
}

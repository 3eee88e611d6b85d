//! One call of a handler, as the handler sees it.

use crate::table::handle::ContHandle;
use crate::table::{EventHead, RawAction, RawEvent, host};
use crate::{Action, Cont, EventCode, EventThread, Guard, Mutex};
use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

/// What a handler is told: the code, the continuation, and how it came to be called.
pub struct Event<'a> {
    code: EventCode,
    raw: RawEvent,
    /// Lent by the caller of the handler.
    cont: ManuallyDrop<Cont>,
    /// It is the handler's for the call only, and stays on its thread.
    of: PhantomData<(&'a EventHead, *mut ())>,
}

impl<'a> Event<'a> {
    /// The event of a head.
    ///
    /// # Safety
    ///
    /// Event and continuation are alive for `'a`, and there is no other `Event` of the head.
    pub(crate) unsafe fn lent(head: &'a EventHead) -> Self {
        // SAFETY: the continuation is lent for at least as long, and the count is not given back, since it is not ours.
        let cont = ManuallyDrop::new(Cont::from_handle(unsafe { ContHandle::own(head.cont) }));
        Self { code: EventCode::new(head.code), raw: head.event, cont, of: PhantomData }
    }

    /// What happened.
    #[must_use]
    pub fn code(&self) -> EventCode {
        self.code
    }

    /// The continuation whose handler this is.
    #[must_use]
    pub fn cont(&self) -> &Cont {
        &self.cont
    }

    /// The data that was lent with the call, if there is any, it is a `T`, and it was lent by the same plugin.
    pub fn data<T: Any>(&mut self) -> Option<&mut T> {
        // SAFETY: the event is alive, and `&mut self` keeps others away from its data.
        unsafe { self.raw.data() }
    }

    /// The action of a scheduled event, as the schedule call returned it; none if the handler was called directly or by a
    /// hook.
    #[must_use]
    pub fn action(&self) -> Option<Action> {
        let mut action = RawAction { slot: NonNull::dangling(), generation: 0 };
        // SAFETY: the event is alive; the place is lent for the call.
        unsafe { (host().event_action)(self.raw, &raw mut action) }.then(|| Action::from_raw(action))
    }

    /// The event thread that runs the handler; none on any other thread.
    #[must_use]
    pub fn thread(&self) -> Option<EventThread> {
        EventThread::current()
    }

    /// A guard of the continuation's mutex, which is held while its handler runs, for [`crate::MutexData`]; none for a
    /// continuation without a mutex.
    ///
    /// It is one more level of the mutex and ends when it is dropped.
    #[must_use]
    pub fn guard(&self) -> Option<Guard<'static>> {
        self.cont.mutex().and_then(Mutex::into_guard)
    }

    /// The event, for parts of the facade that know more about it.
    pub(crate) fn raw(&self) -> RawEvent {
        self.raw
    }
}

impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("code", &self.code).field("cont", &*self.cont).finish()
    }
}

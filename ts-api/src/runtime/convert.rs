//! The facade's types and those of `ts-cont`, for programs that use both: servers, and the host itself.
//!
//! A handle of the facade *is* a handle of the linked event system, since [`crate::table::install`] takes no table of another.

use crate::table::handle::{ContHandle, MutexHandle, ThreadHandle};
use crate::table::{RawAction, RawCont, RawMutex, RawThread};
use crate::{Action, Cont, EventCode, EventThread, Mutex};
use ts_cont::{Continuation, EThread, ProxyMutex};

impl From<Continuation> for Cont {
    fn from(continuation: Continuation) -> Self {
        // SAFETY: the handle's count passes over.
        Self::from_handle(unsafe { ContHandle::own(RawCont(continuation.into_raw())) })
    }
}

impl From<Cont> for Continuation {
    fn from(cont: Cont) -> Self {
        // SAFETY: the raw handle came from `Continuation::into_raw`, and its count passes over.
        unsafe { Self::from_raw(cont.into_handle().into_raw().0) }
    }
}

impl From<&Cont> for Continuation {
    fn from(cont: &Cont) -> Self {
        cont.clone().into()
    }
}

impl From<ProxyMutex> for Mutex {
    fn from(mutex: ProxyMutex) -> Self {
        // SAFETY: the handle's count passes over.
        Self::from_handle(unsafe { MutexHandle::own(RawMutex(mutex.into_raw())) })
    }
}

impl From<Mutex> for ProxyMutex {
    fn from(mutex: Mutex) -> Self {
        // SAFETY: the raw handle came from `ProxyMutex::into_raw`, and its count passes over.
        unsafe { Self::from_raw(mutex.into_handle().into_raw().0) }
    }
}

impl From<&Mutex> for ProxyMutex {
    fn from(mutex: &Mutex) -> Self {
        mutex.clone().into()
    }
}

impl From<EThread> for EventThread {
    fn from(thread: EThread) -> Self {
        // SAFETY: the handle's count passes over.
        Self::from_handle(unsafe { ThreadHandle::own(RawThread(thread.into_raw())) })
    }
}

impl From<EventThread> for EThread {
    fn from(thread: EventThread) -> Self {
        // SAFETY: the raw handle came from `EThread::into_raw`, and its count passes over.
        unsafe { Self::from_raw(thread.into_handle().into_raw().0) }
    }
}

impl From<ts_cont::Action> for Action {
    fn from(action: ts_cont::Action) -> Self {
        let (slot, generation) = action.into_raw();
        Self::from_raw(RawAction { slot, generation })
    }
}

impl From<Action> for ts_cont::Action {
    fn from(action: Action) -> Self {
        let RawAction { slot, generation } = action.into_raw();
        // SAFETY: the raw action came from `ts_cont::Action::into_raw`, as all of the linked event system do.
        unsafe { Self::from_raw(slot, generation) }
    }
}

impl From<ts_cont::EventCode> for EventCode {
    fn from(code: ts_cont::EventCode) -> Self {
        Self::new(code.number())
    }
}

impl From<EventCode> for ts_cont::EventCode {
    fn from(code: EventCode) -> Self {
        Self::new(code.number())
    }
}

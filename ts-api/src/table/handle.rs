//! Owned handles, and what can be asked of them: the safe side of the door.
//!
//! # Rules
//! * Each type owns one count of what its raw handle refers to: cloning takes one more, dropping gives it back.
//! * Nothing here decides anything; the rules are on the other side.

use super::handler::{self, Call};
use super::{
    ActionSink, Code, ContKind, Place, RawAction, RawChoice, RawCont, RawMutex, RawPluginThread, RawThread,
    Target, Text, TextSink, Timing, host,
};
use std::mem::ManuallyDrop;
use std::panic::Location;
use std::ptr::NonNull;

macro_rules! counted {
    ($(#[$doc:meta])* $name:ident, $raw:ident, $clone:ident, $drop:ident) => {
        $(#[$doc])*
        #[derive(PartialEq, Eq, Hash)]
        pub(crate) struct $name($raw);

        // SAFETY: what the handle refers to may be used from any thread, as the table promises.
        unsafe impl Send for $name {}
        // SAFETY: as above.
        unsafe impl Sync for $name {}

        impl $name {
            /// The owner of a count that a function of the table has just returned, or that was otherwise given away.
            ///
            /// # Safety
            ///
            /// The handle is alive, and one count of it is the caller's to give.
            pub(crate) unsafe fn own(raw: $raw) -> Self {
                Self(raw)
            }

            /// The handle, lent.
            #[allow(dead_code, reason = "not every kind of handle is lent")]
            pub(crate) fn raw(&self) -> $raw {
                self.0
            }

            /// The handle, with the count.
            #[allow(dead_code, reason = "not every kind of handle is taken apart, and only linked programs do it")]
            pub(crate) fn into_raw(self) -> $raw {
                ManuallyDrop::new(self).0
            }
        }

        impl Clone for $name {
            fn clone(&self) -> Self {
                // SAFETY: the handle is alive by our own count.
                Self(unsafe { (host().$clone)(self.0) })
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                // SAFETY: it is our own count, given back once.
                unsafe { (host().$drop)(self.0) }
            }
        }
    };
}

counted! {
    /// A mutex.
    MutexHandle, RawMutex, mutex_clone, mutex_drop
}
counted! {
    /// A continuation.
    ContHandle, RawCont, cont_clone, cont_drop
}
counted! {
    /// An event thread.
    ThreadHandle, RawThread, thread_clone, thread_drop
}
counted! {
    /// A plugin's thread.
    PluginThreadHandle, RawPluginThread, plugin_thread_clone, plugin_thread_drop
}

impl MutexHandle {
    pub(crate) fn new(name: &'static str) -> Self {
        // SAFETY: the function asks for nothing, and returns a count of ours.
        unsafe { Self::own((host().mutex_create)(Text::new(name))) }
    }

    /// Takes a level, blocking.
    pub(crate) fn lock(&self, place: &'static Location<'static>) -> Code {
        // SAFETY: the handle is alive.
        unsafe { (host().mutex_lock)(self.0, Place::from(place)) }
    }

    /// Takes a level if that needs no waiting.
    pub(crate) fn try_lock(&self, place: &'static Location<'static>) -> bool {
        // SAFETY: the handle is alive.
        unsafe { (host().mutex_try_lock)(self.0, Place::from(place)) }
    }

    /// Ends a level that this thread took; no place means the end of a scope.
    pub(crate) fn unlock(&self, place: Option<&'static Location<'static>>) -> Code {
        let place = place.map(Place::from);
        // SAFETY: the handle is alive, and so is the place for as long as the call takes.
        unsafe { (host().mutex_unlock)(self.0, place.as_ref()) }
    }

    pub(crate) fn is_held(&self) -> bool {
        // SAFETY: the handle is alive.
        unsafe { (host().mutex_is_held)(self.0) }
    }
}

impl ContHandle {
    pub(crate) fn new(
        kind: ContKind,
        mutex: Option<&MutexHandle>,
        name: &'static str,
        place: &'static Location<'static>,
        handler: impl Call,
    ) -> Self {
        let handler = handler::cross(handler);
        // SAFETY: the mutex is alive, the kinds go with and without one as the constructors of `Cont` see to, and the
        // handler is what `cross` made.
        unsafe {
            let mutex = mutex.map(MutexHandle::raw);
            Self::own((host().cont_create)(kind, mutex, Text::new(name), Place::from(place), handler))
        }
    }

    pub(crate) fn call(&self, code: i32, data: Option<&super::RawData>) -> Result<i32, Code> {
        let mut number = 0;
        // SAFETY: the handle is alive; data and number are lent for the call.
        match unsafe { (host().cont_call)(self.0, code, data, &raw mut number) } {
            Code::OK => Ok(number),
            code => Err(code),
        }
    }

    pub(crate) fn destroy(&self) -> i32 {
        // SAFETY: the handle is alive.
        unsafe { (host().cont_destroy)(self.0) }
    }

    pub(crate) fn is_destroyed(&self) -> bool {
        // SAFETY: the handle is alive.
        unsafe { (host().cont_is_destroyed)(self.0) }
    }

    pub(crate) fn mutex(&self) -> Option<MutexHandle> {
        // SAFETY: the handle is alive, and a mutex that is returned comes with a count.
        unsafe { (host().cont_mutex)(self.0).map(|raw| MutexHandle::own(raw)) }
    }

    pub(crate) fn name(&self) -> String {
        // SAFETY: the handle is alive.
        collect_text(|sink| unsafe { (host().cont_name)(self.0, sink) })
    }

    pub(crate) fn schedule(&self, timing: Timing, target: Target) -> Result<RawAction, Code> {
        let mut action = NO_ACTION;
        // SAFETY: the handles are alive; the action is lent for the call.
        match unsafe { (host().schedule)(self.0, timing, target, &raw mut action) } {
            Code::OK => Ok(action),
            code => Err(code),
        }
    }

    pub(crate) fn schedule_entire(&self, timing: Timing, pool: i32, mut take: impl FnMut(RawAction)) -> Code {
        let mut take: &mut dyn FnMut(RawAction) = &mut take;
        let sink = ActionSink { take: take_action, to: (&raw mut take).cast() };
        // SAFETY: the handle is alive, and the sink's target outlives the call.
        unsafe { (host().schedule_entire)(self.0, timing, pool, sink) }
    }

    pub(crate) fn explain(&self, pool: i32) -> Result<(RawChoice, Option<ThreadHandle>), Code> {
        let mut choice = RawChoice { thread: None, pool, becomes_affinity: false, reason: 0 };
        // SAFETY: the handle is alive; the choice is lent for the call.
        match unsafe { (host().explain)(self.0, pool, &raw mut choice) } {
            Code::OK => {
                // SAFETY: the thread came with a count.
                let thread = choice.thread.map(|raw| unsafe { ThreadHandle::own(raw) });
                Ok((choice, thread))
            }
            code => Err(code),
        }
    }

    pub(crate) fn set_affinity(&self, thread: &ThreadHandle) -> Code {
        // SAFETY: both handles are alive.
        unsafe { (host().affinity_set)(self.0, thread.0) }
    }

    pub(crate) fn affinity(&self) -> Result<Option<ThreadHandle>, Code> {
        let mut thread = None;
        // SAFETY: the handle is alive; a thread that is put there comes with a count.
        unsafe {
            match (host().affinity)(self.0, &raw mut thread) {
                Code::OK => Ok(thread.map(|raw| ThreadHandle::own(raw))),
                code => Err(code),
            }
        }
    }

    pub(crate) fn clear_affinity(&self) -> Code {
        // SAFETY: the handle is alive.
        unsafe { (host().affinity_clear)(self.0) }
    }
}

/// What an action is before one is put there.
const NO_ACTION: RawAction = RawAction { slot: NonNull::dangling(), generation: 0 };

impl RawAction {
    pub(crate) fn cancel(self) -> i32 {
        // SAFETY: the facade has only actions that the table gave it.
        unsafe { (host().action_cancel)(self) }
    }

    pub(crate) fn is_done(self) -> bool {
        // SAFETY: as for `cancel`.
        unsafe { (host().action_is_done)(self) }
    }

    pub(crate) fn is_pending(self) -> bool {
        // SAFETY: as for `cancel`.
        unsafe { (host().action_is_pending)(self) }
    }
}

// SAFETY: an action is two numbers; slots are shared between threads and never unmapped.
unsafe impl Send for RawAction {}
// SAFETY: as above.
unsafe impl Sync for RawAction {}

impl ThreadHandle {
    pub(crate) fn current() -> Option<Self> {
        // SAFETY: a thread that is returned comes with a count.
        unsafe { (host().thread_current)().map(|raw| Self::own(raw)) }
    }

    pub(crate) fn name(&self) -> String {
        // SAFETY: the handle is alive.
        collect_text(|sink| unsafe { (host().thread_name)(self.0, sink) })
    }

    pub(crate) fn pool(&self) -> i32 {
        // SAFETY: the handle is alive.
        unsafe { (host().thread_pool)(self.0) }
    }

    pub(crate) fn is_current(&self) -> bool {
        // SAFETY: the handle is alive.
        unsafe { (host().thread_is_current)(self.0) }
    }
}

impl PluginThreadHandle {
    pub(crate) fn spawn(name: &str, f: impl FnOnce() + Send + 'static) -> Result<Self, Code> {
        let mut thread = None;
        // SAFETY: the task is what `cross_once` made; a thread that is put there comes with a count.
        unsafe {
            match (host().plugin_thread_spawn)(Text::new(name), handler::cross_once(f), &raw mut thread) {
                Code::OK => thread.map(|raw| Self::own(raw)).ok_or(Code::UNKNOWN),
                code => Err(code),
            }
        }
    }

    pub(crate) fn current() -> Option<Self> {
        // SAFETY: a thread that is returned comes with a count.
        unsafe { (host().plugin_thread_current)().map(|raw| Self::own(raw)) }
    }

    pub(crate) fn wait(&self) -> Code {
        // SAFETY: the handle is alive.
        unsafe { (host().plugin_thread_wait)(self.0) }
    }

    pub(crate) fn is_over(&self) -> bool {
        // SAFETY: the handle is alive.
        unsafe { (host().plugin_thread_is_over)(self.0) }
    }

    pub(crate) fn name(&self) -> String {
        // SAFETY: the handle is alive.
        collect_text(|sink| unsafe { (host().plugin_thread_name)(self.0, sink) })
    }
}

pub(crate) fn add_lifecycle_hook(hook: i32, cont: &ContHandle) -> Code {
    // SAFETY: the handle is alive.
    unsafe { (host().lifecycle_add)(hook, cont.0) }
}

fn collect_text(ask: impl FnOnce(TextSink)) -> String {
    let mut text = String::new();
    ask(TextSink { take: take_text, to: (&raw mut text).cast() });
    text
}

unsafe extern "C" fn take_text(to: *mut (), text: Text<'_>) {
    // SAFETY: `collect_text` gave the address of its string, which waits for the call to end.
    let to = unsafe { &mut *to.cast::<String>() };
    to.push_str(text.as_str());
}

unsafe extern "C" fn take_action(to: *mut (), action: RawAction) {
    // SAFETY: `schedule_entire` gave the address of its closure, which waits for the call to end.
    let take = unsafe { &mut *to.cast::<&mut dyn FnMut(RawAction)>() };
    take(action);
}

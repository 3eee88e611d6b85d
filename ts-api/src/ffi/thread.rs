//! Threads: event threads as targets, threads of plugins' own, and threads that join in for a while.
//!
//! # Rules
//! * An event thread's handle is made of the thread's number, so it is always the same one, and asking for it looks up nothing. A
//!   thread without an event loop has none, not even during a plugin's initialisation: nothing scheduled on it would ever run.
//! * A thread of `TSThreadCreate` may be waited for and destroyed from any thread, and be left alone: then its handle is all that
//!   stays.
//! * A thread that `TSThreadInit` made known is a guest of the runtime that a call on it means, usually the only one, until
//!   `TSThreadDestroy` there, or its end.
//! * Waiting blocks, whoever waits: hooks of a shutdown do, for good reason.

use std::cell::RefCell;
use std::ffi::c_void;
use std::num::NonZero;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};
use ts_cont::{EThread, Here};
use ts_thread::{ContextId, ContextLocal};

use super::call::{self, Call, Kept};
use super::crash;
use super::handle::{self, Bad, Kind, Raw, Table};
use super::plugin::{self, Plugin};
use super::types::{TSEventThread, TSThread, TSThreadFunc};
use crate::runtime::{Guest, rules};
use crate::{PluginThread, Runtime};

/// What a thread's handle stands for.
#[derive(Clone)]
enum Entry {
    /// One of `TSThreadCreate`.
    Created(Arc<Course>),
    /// One of `TSThreadInit`, made known by itself.
    Known(ContextId),
    /// An event thread, or one that is a guest for other reasons.
    Hosts,
}

/// How far a created thread is.
#[derive(Default)]
struct Course {
    is_over: Mutex<bool>,
    end: Condvar,
}

/// A thread's own handle, as the thread has it.
struct Own {
    handle: TSThread,
    /// Of `TSThreadInit`.
    _guest: Option<Guest>,
    /// Whether the handle ends with the thread.
    ends: bool,
}

impl Drop for Own {
    fn drop(&mut self) {
        if self.ends {
            let _ = THREADS.try_remove(self.handle);
        }
    }
}

static THREADS: Table<TSThread, Entry> = Table::new();
static OWN: ContextLocal<RefCell<Option<Own>>> = ContextLocal::new(|| RefCell::new(None));

/// The handle of an event thread.
#[inline]
pub(crate) fn event_handle(thread: &EThread) -> TSEventThread {
    handle::compose(thread.number().get().into())
}

/// The event thread of a handle.
pub(crate) fn event_thread(call: Call, argument: &'static str, handle: TSEventThread) -> EThread {
    let found = handle::number(handle).and_then(|number| {
        let number = u32::try_from(number).ok().and_then(NonZero::new);
        number.and_then(EThread::from_number).ok_or(Bad::Stale(Kind::EventThread))
    });
    found.unwrap_or_else(|bad| call.bad_handle(argument, handle.bits(), Kind::EventThread, bad))
}

/// Runs a created thread's function.
fn run(
    function: super::types::ThreadFunc,
    data: Kept,
    own: TSThread,
    course: &Course,
    plugin: Option<&'static Plugin>,
) {
    set_own(Own { handle: own, _guest: None, ends: false });
    crash::guard_this_thread();
    plugin::run(plugin, function as *const (), || {
        // SAFETY: whoever made the thread gave a function of this type, for this thread to call with this argument.
        unsafe { function(data.0) }
    });
    *course.is_over.lock() = true;
    course.end.notify_all();
}

fn set_own(own: Own) {
    // A context that is being torn down needs none any more.
    drop(OWN.try_with(|place| place.replace(Some(own))));
}

#[unsafe(no_mangle)]
pub extern "C" fn TSThreadCreate(func: TSThreadFunc, data: *mut c_void) -> TSThread {
    call::enter("TSThreadCreate", |call| {
        let function = call.function("func", func);
        let (course, data, plugin) = (Arc::<Course>::default(), Kept(data), plugin::running());
        let handle = THREADS.insert(Entry::Created(Arc::clone(&course)));
        let name = plugin.map_or("plugin thread", Plugin::name);
        match PluginThread::spawn(name, move || run(function, data, handle, &course, plugin)) {
            Ok(_) => handle,
            // The host ends, or the system has no more threads; the log says so.
            Err(_) => {
                let _ = THREADS.try_remove(handle);
                TSThread::NULL
            }
        }
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSThreadWait(thread: TSThread) {
    call::enter("TSThreadWait", |call| {
        let Entry::Created(course) = THREADS.with(call, "thread", thread, |entry| entry.clone()) else {
            call.fault("thread was not made by TSThreadCreate: it has no function to wait for")
        };
        if own() == Some(thread) {
            call.fault("thread is the calling thread, which would wait for its own end");
        }
        let mut is_over = course.is_over.lock();
        while !*is_over {
            course.end.wait(&mut is_over);
        }
    });
}

#[unsafe(no_mangle)]
pub extern "C" fn TSThreadDestroy(thread: TSThread) {
    call::enter("TSThreadDestroy", |call| {
        match THREADS.with(call, "thread", thread, |entry| entry.clone()) {
            Entry::Created(course) => {
                if !*course.is_over.lock() {
                    call.fault("thread is still running its function: wait for it with TSThreadWait");
                }
                THREADS.remove(call, "thread", thread);
            }
            Entry::Known(context) => {
                if context != ts_thread::current_id() {
                    call.fault(
                        "thread was made known by TSThreadInit on another thread, and is destroyed there",
                    );
                }
                drop(OWN.try_with(RefCell::take));
            }
            Entry::Hosts => call.fault("thread is the host's, which ends it"),
        }
    });
}

#[unsafe(no_mangle)]
pub extern "C" fn TSThreadInit() -> TSThread {
    call::enter("TSThreadInit", |call| {
        if rules::member().is_ok() {
            call.fault("the host knows this thread already: TSThreadSelf tells its handle");
        }
        // Without a runtime there is nothing that the thread could take part in.
        let Some(runtime) = Runtime::current() else { return TSThread::NULL };
        let _guest = Some(runtime.guest());
        let handle = THREADS.insert(Entry::Known(ts_thread::current_id()));
        set_own(Own { handle, _guest, ends: true });
        handle
    })
}

/// The calling thread's handle, if it has one yet.
fn own() -> Option<TSThread> {
    OWN.try_with(|own| own.borrow().as_ref().map(|own| own.handle)).ok().flatten()
}

#[unsafe(no_mangle)]
pub extern "C" fn TSThreadSelf() -> TSThread {
    call::enter("TSThreadSelf", |_| {
        if rules::member().is_err() {
            return TSThread::NULL;
        }
        own().unwrap_or_else(|| {
            let handle = THREADS.insert(Entry::Hosts);
            set_own(Own { handle, _guest: None, ends: true });
            handle
        })
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSEventThreadSelf() -> TSEventThread {
    call::enter("TSEventThreadSelf", |_| {
        Here::current().map_or(TSEventThread::NULL, |here| event_handle(here.thread()))
    })
}

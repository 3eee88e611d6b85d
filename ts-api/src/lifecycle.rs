//! Life-cycle hooks: who is told what of the host's start and end, and in which order.
//!
//! | hook | event | told when | on |
//! |---|---|---|---|
//! | [`LifecycleHook::PortsInitialized`] | [`EventCode::LIFECYCLE_PORTS_INITIALIZED`] | the ports are bound | the thread that starts the server |
//! | [`LifecycleHook::PortsReady`] | [`EventCode::LIFECYCLE_PORTS_READY`] | the ports accept | the thread that starts the server |
//! | [`LifecycleHook::TaskThreadsReady`] | [`EventCode::LIFECYCLE_TASK_THREADS_READY`] | all task threads are up | a task thread |
//! | [`LifecycleHook::Shutdown`] | [`EventCode::LIFECYCLE_SHUTDOWN`] | the host is about to stop its threads | a network thread; the caller if there is no other |
//!
//! [`EventCode::LIFECYCLE_PORTS_INITIALIZED`]: crate::EventCode::LIFECYCLE_PORTS_INITIALIZED
//! [`EventCode::LIFECYCLE_PORTS_READY`]: crate::EventCode::LIFECYCLE_PORTS_READY
//! [`EventCode::LIFECYCLE_TASK_THREADS_READY`]: crate::EventCode::LIFECYCLE_TASK_THREADS_READY
//! [`EventCode::LIFECYCLE_SHUTDOWN`]: crate::EventCode::LIFECYCLE_SHUTDOWN
//!
//! # Rules
//! * The continuations of a hook are called one after the other, in the order in which they were added, each under its mutex
//!   if it has one. A mutex that is busy is waited for.
//! * Each is called once for each time it was added. One that is destroyed is passed over.
//! * One that is added to `TaskThreadsReady` when the threads are up is called soon, after those that were added before. One
//!   that is added late to another hook is not called.
//! * The hooks let go of their continuations when they have been called, and all of them at shutdown.

use crate::table::handle;
use crate::{Cont, HostError};

/// A moment in the life of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(i32)]
pub enum LifecycleHook {
    /// The listening ports are bound.
    PortsInitialized = 0,
    /// The listening ports accept.
    PortsReady = 1,
    /// All task threads are up.
    TaskThreadsReady = 6,
    /// The host is about to stop.
    Shutdown = 7,
}

/// Adds `cont` to those that are called at a moment in the host's life.
///
/// Any thread may call it; one that is neither an event thread nor a guest means the event system that was started first.
///
/// # Errors
///
/// [`HostError::NoRuntime`], [`HostError::ShuttingDown`].
///
/// # Examples
///
#[cfg_attr(feature = "runtime", doc = "```")]
#[cfg_attr(not(feature = "runtime"), doc = "```ignore")]
/// use std::sync::mpsc;
/// use ts_api::lifecycle::{self, LifecycleHook};
/// use ts_api::{Cont, EventCode, Mutex, Runtime};
///
/// let runtime = Runtime::builder().prepare();
/// let guest = runtime.guest();
/// let (sender, receiver) = mpsc::channel();
/// let cont = Cont::new(&Mutex::new(), move |event| sender.send(event.code()).unwrap());
/// lifecycle::add(LifecycleHook::TaskThreadsReady, &cont)?;
/// runtime.start()?;
/// assert_eq!(receiver.recv()?, EventCode::LIFECYCLE_TASK_THREADS_READY);
/// # drop(guest);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn add(hook: LifecycleHook, cont: &Cont) -> Result<(), HostError> {
    HostError::check(handle::add_lifecycle_hook(hook as i32, cont.handle()))
}

//! Life-cycle hooks: who is told what of the host's start and end, and in which order.
//!
//! | hook | event | told when | on |
//! |---|---|---|---|
//! | [`LifecycleHook::PortsInitialized`] | [`EventCode::LIFECYCLE_PORTS_INITIALIZED`] | the ports are bound | the thread that starts the server |
//! | [`LifecycleHook::PortsReady`] | [`EventCode::LIFECYCLE_PORTS_READY`] | the ports accept | the thread that starts the server |
//! | [`LifecycleHook::TaskThreadsReady`] | [`EventCode::LIFECYCLE_TASK_THREADS_READY`] | all task threads are up | a task thread |
//! | [`LifecycleHook::LogInitialized`] | [`EventCode::LIFECYCLE_LOG_INITIALIZED`] | all plugins are set up | the thread that sets them up |
//! | [`LifecycleHook::Message`] | [`EventCode::LIFECYCLE_MSG`] | somebody sends the plugins a [`PluginMessage`] | a task thread |
//! | [`LifecycleHook::Shutdown`] | [`EventCode::LIFECYCLE_SHUTDOWN`] | the host is about to stop its threads | a network thread; the caller if there is no other |
//!
//! [`EventCode::LIFECYCLE_PORTS_INITIALIZED`]: crate::EventCode::LIFECYCLE_PORTS_INITIALIZED
//! [`EventCode::LIFECYCLE_PORTS_READY`]: crate::EventCode::LIFECYCLE_PORTS_READY
//! [`EventCode::LIFECYCLE_TASK_THREADS_READY`]: crate::EventCode::LIFECYCLE_TASK_THREADS_READY
//! [`EventCode::LIFECYCLE_SHUTDOWN`]: crate::EventCode::LIFECYCLE_SHUTDOWN
//! [`EventCode::LIFECYCLE_LOG_INITIALIZED`]: crate::EventCode::LIFECYCLE_LOG_INITIALIZED
//! [`EventCode::LIFECYCLE_MSG`]: crate::EventCode::LIFECYCLE_MSG
//!
//! # Rules
//! * The continuations of a hook are called one after the other, in the order in which they were added, each under its mutex
//!   if it has one. A mutex that is busy is waited for.
//! * Each is called once for each time it was added; for `Message` that often for each message, and the messages one after
//!   the other. One that is destroyed is passed over.
//! * One that is added to `TaskThreadsReady` when the threads are up is called soon, after those that were added before. One
//!   that is added late to another hook is not called.
//! * The hooks let go of their continuations when they have been called, but for those of `Message`, and all of them at
//!   shutdown.

use std::ffi::{CStr, c_char};
use std::{fmt, ptr, slice};

use crate::table::{RawData, handle, host};
use crate::{Cont, Event, HostError};

/// The owner of a loan that is a [`RawPluginMessage`].
pub(crate) const OWNER_MESSAGE: usize = 3;

/// A moment in the life of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(i32)]
pub enum LifecycleHook {
    /// The listening ports are bound.
    PortsInitialized = 0,
    /// The listening ports accept.
    PortsReady = 1,
    /// Somebody sends the plugins a message: [`Event::plugin_message`].
    Message = 5,
    /// All task threads are up.
    TaskThreadsReady = 6,
    /// The host is about to stop.
    Shutdown = 7,
    /// All plugins are set up, and what they log is written.
    LogInitialized = 9,
}

/// A message from outside to the plugins: whoever knows what the tag stands for understands the data.
///
/// `Runtime::send_message` sends one, and so does the admin port of `ts-host`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PluginMessage<'a> {
    tag: &'a CStr,
    data: &'a [u8],
}

/// A message as it crosses, which is how plugins in C see it.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct RawPluginMessage {
    /// Ends with a NUL.
    pub tag: *const c_char,
    /// The data, as many bytes as the next field says.
    pub data: *const u8,
    /// How many.
    pub size: usize,
}

impl<'a> PluginMessage<'a> {
    /// Whom, or what, it is for.
    #[must_use]
    pub fn tag(&self) -> &'a CStr {
        self.tag
    }

    /// What it says.
    #[must_use]
    pub fn data(&self) -> &'a [u8] {
        self.data
    }

    #[cfg(feature = "runtime")]
    pub(crate) fn raw(tag: &CStr, data: &[u8]) -> RawPluginMessage {
        RawPluginMessage { tag: tag.as_ptr(), data: data.as_ptr(), size: data.len() }
    }
}

impl Event<'_> {
    /// The message that an event of [`LifecycleHook::Message`] is about; none for any other event.
    #[must_use]
    pub fn plugin_message(&self) -> Option<PluginMessage<'_>> {
        let mut data = RawData { owner: 0, value: ptr::null_mut() };
        // SAFETY: the event is alive, and the place is lent for the call.
        if !unsafe { (host().event_data)(self.raw(), &raw mut data) } || data.owner != OWNER_MESSAGE {
            return None;
        }
        // SAFETY: the owner says that the host has lent such a message, which with all that it refers to stays as it is until
        // the handler returns.
        unsafe {
            let raw = &*data.value.cast::<RawPluginMessage>().cast_const();
            Some(PluginMessage {
                tag: CStr::from_ptr(raw.tag),
                data: slice::from_raw_parts(raw.data, raw.size),
            })
        }
    }
}

impl fmt::Debug for PluginMessage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PluginMessage({:?}, {} bytes)", self.tag, self.data.len())
    }
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

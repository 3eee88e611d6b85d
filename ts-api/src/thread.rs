//! Threads: the event thread that runs the caller, and threads of a plugin's own.
//!
//! # Rules
//! * An [`EventThread`] has an event loop and belongs to the host; it is a target for scheduling.
//! * A [`PluginThread`] runs one function of a plugin and may block. While it runs it is a guest of the host, so it may
//!   schedule; it has no event loop, so nothing can be scheduled on it.
//! * Any other thread may create, call, destroy and cancel, and use mutexes, but not schedule.

use crate::table::handle::{PluginThreadHandle, ThreadHandle};
use crate::{HostError, Pool};
use std::fmt;

/// An event thread, as a target for events and affinity.
///
/// Any thread may hold it; it may outlive the thread it stands for.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EventThread {
    handle: ThreadHandle,
}

impl EventThread {
    /// The event thread that runs the caller; none on a plugin's thread or any other.
    #[must_use]
    pub fn current() -> Option<Self> {
        ThreadHandle::current().map(Self::from_handle)
    }

    /// The full name, such as `[ET_NET 0]`.
    #[must_use]
    pub fn name(&self) -> String {
        self.handle.name()
    }

    /// The pool it belongs to; none for threads of the host's own that are no pool.
    #[must_use]
    pub fn pool(&self) -> Option<Pool> {
        Pool::from_number(self.handle.pool())
    }

    /// Whether the caller runs on it.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.handle.is_current()
    }

    pub(crate) fn handle(&self) -> &ThreadHandle {
        &self.handle
    }

    pub(crate) fn from_handle(handle: ThreadHandle) -> Self {
        Self { handle }
    }

    #[cfg_attr(
        not(feature = "runtime"),
        allow(dead_code, reason = "only linked programs take handles apart")
    )]
    pub(crate) fn into_handle(self) -> ThreadHandle {
        self.handle
    }
}

impl fmt::Debug for EventThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventThread({})", self.name())
    }
}

/// A thread of a plugin's own: it runs one function, may block, and may schedule.
///
/// Dropping the handle lets it run on. At shutdown the host waits for it, within the deadline.
///
/// # Examples
///
#[cfg_attr(feature = "runtime", doc = "```")]
#[cfg_attr(not(feature = "runtime"), doc = "```ignore")]
/// use std::sync::mpsc;
/// use std::time::Duration;
/// use ts_api::{Cont, Mutex, PluginThread, Pool, Runtime};
///
/// let runtime = Runtime::builder().start()?;
/// let (sender, receiver) = mpsc::channel();
/// let thread = PluginThread::spawn("watcher", move || {
///     let cont = Cont::new(&Mutex::new(), move |_| sender.send("from a task thread").unwrap());
///     cont.schedule_on_pool(Duration::ZERO, Pool::Task).unwrap();
/// })?;
/// thread.wait()?;
/// assert_eq!(receiver.recv()?, "from a task thread");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PluginThread {
    handle: PluginThreadHandle,
}

impl PluginThread {
    /// Starts a thread that runs `f`, as a guest of the caller's event system.
    ///
    /// Any thread may call it; one that is neither an event thread nor a guest means the one that was started first. The
    /// operating system shows the first 15 bytes of the name.
    ///
    /// # Errors
    ///
    /// [`HostError::NoRuntime`], [`HostError::ShuttingDown`], [`HostError::NoThread`]; the last also in a simulation.
    pub fn spawn(name: &str, f: impl FnOnce() + Send + 'static) -> Result<Self, HostError> {
        match PluginThreadHandle::spawn(name, f) {
            Ok(handle) => Ok(Self { handle }),
            Err(code) => Err(HostError::check(code).err().unwrap_or(HostError::Unknown(code.0))),
        }
    }

    /// The plugin's thread that runs the caller; none on any other.
    #[must_use]
    pub fn current() -> Option<Self> {
        PluginThreadHandle::current().map(|handle| Self { handle })
    }

    /// Blocks until the function has returned. Not for event threads, also if it has returned already: waiting would keep
    /// all others of their events waiting.
    ///
    /// # Errors
    ///
    /// [`HostError::Panicked`] if the function panicked, [`HostError::Itself`] on the thread itself,
    /// [`HostError::EventThread`] on an event thread.
    pub fn wait(&self) -> Result<(), HostError> {
        HostError::check(self.handle.wait())
    }

    /// Whether the function has returned.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.handle.is_over()
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> String {
        self.handle.name()
    }
}

impl fmt::Debug for PluginThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PluginThread").field("name", &self.name()).field("over", &self.is_over()).finish()
    }
}

//! Plugins as far as calls are concerned: which one's code a thread is running, and in what.
//!
//! # Rules
//! * A plugin is entered in three ways: its initialisation, a handler, the function of a thread. Each says so here for as long as
//!   it runs, innermost first.
//! * A plugin's record is never dropped: reports may name it at any time.
//! * Nothing unwinds out of a plugin: an exception that leaves its function, or a `pthread_exit` in it, ends the process with one
//!   line. Unwinding runs destructors, and the one here does not return.
//!
//! # Ordering
//! `[plugin-innermost]`: a signal may come between any two steps of a thread, and whoever handles it asks, on that thread, what
//! it is running. So a record is whole before it is shown, and shown no more before its frame is used for something else. That
//! is between a thread and itself: the compiler keeps the order, and the processor has nothing to do.

use std::sync::atomic::{AtomicPtr, Ordering, compiler_fence};
use std::{fmt, mem, ptr};

use parking_lot::Mutex;
use ts_cont::Event;

use super::call::end_with;
use super::types::{TSCont, TSEvent};
use crate::Runtime;

/// A plugin.
#[derive(Debug)]
pub(crate) struct Plugin {
    name: String,
    /// What reports call its continuations.
    label: &'static str,
    stage: Mutex<Stage>,
}

/// How far a plugin has come, and what it has said of itself.
#[derive(Debug, Default)]
struct Stage {
    initialising: bool,
    registration: Option<Registration>,
}

/// What a plugin says of itself; it may leave out anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Registration {
    pub(crate) plugin_name: Option<String>,
    pub(crate) vendor_name: Option<String>,
    pub(crate) support_email: Option<String>,
}

impl Plugin {
    /// A record of a plugin that is called `name`, for good.
    pub(crate) fn new(name: impl Into<String>) -> &'static Self {
        let name = name.into();
        let label = format!("{LABEL}{name}").leak();
        Box::leak(Box::new(Self { name, label, stage: Mutex::default() }))
    }

    /// Runs its initialisation, at the address `function`; only then may it register.
    pub(crate) fn initialise<R>(&'static self, function: *const (), f: impl FnOnce() -> R) -> R {
        self.stage.lock().initialising = true;
        let value = run(Some(self), function, f);
        self.stage.lock().initialising = false;
        value
    }

    /// Whether it is in its initialisation.
    pub(crate) fn is_initialising(&self) -> bool {
        self.stage.lock().initialising
    }

    /// Takes down what it says of itself. False outside of its initialisation, when it is too late.
    pub(crate) fn register(&self, registration: Registration) -> bool {
        let mut stage = self.stage.lock();
        if stage.initialising {
            stage.registration = Some(registration);
        }
        stage.initialising
    }

    /// What it has said of itself; none if it has not registered.
    pub(crate) fn registration(&self) -> Option<Registration> {
        self.stage.lock().registration.clone()
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn label(&self) -> &'static str {
        self.label
    }
}

/// How what reports call a plugin's continuations begins; its name follows.
const LABEL: &str = "a continuation of ";

/// Whether it is what reports call a continuation of the C interface.
pub(crate) fn is_label(label: &str) -> bool {
    label.starts_with(LABEL)
}

/// What of a plugin a thread is running.
#[derive(Clone, Copy)]
pub(crate) struct Running {
    pub(crate) plugin: Option<&'static Plugin>,
    /// The address of the handler, or of the function.
    pub(crate) function: usize,
    /// The continuation and the event, in a handler.
    pub(crate) event: Option<(TSCont, TSEvent)>,
    outer: *mut Frame,
}

impl Running {
    /// What of plugins this frame was called in, if in any. Only on the thread that it was asked for on, which is still in it.
    pub(crate) fn outer(&self) -> Option<Self> {
        // SAFETY: null, or the record of a frame further out on this thread's stack, which is left after this one.
        unsafe { self.outer.as_ref() }.map(Frame::tell)
    }
}

/// Whose code is run. A handler's lies in its continuation.
#[derive(Clone, Copy)]
pub(crate) struct Whose {
    pub(crate) plugin: Option<&'static Plugin>,
    /// The address of the function.
    pub(crate) function: *const (),
    /// Null if it is no handler.
    pub(crate) cont: TSCont,
}

// SAFETY: addresses of functions, which are where they are for every thread.
unsafe impl Send for Whose {}
// SAFETY: as above.
unsafe impl Sync for Whose {}

/// What a thread shows of a call: no more than where to look, since calls are many and questions are few.
struct Frame {
    whose: *const Whose,
    /// An [`Event`], in a handler; otherwise null.
    event: *const (),
    outer: *mut Frame,
}

impl Frame {
    /// The event that a handler has got.
    #[inline(always)]
    fn event(&self) -> Option<&Event<'_>> {
        // SAFETY: `run_handler` was lent it for as long as the frame is there.
        unsafe { self.event.cast::<Event<'_>>().as_ref() }
    }

    #[inline(always)]
    fn whose(&self) -> &Whose {
        // SAFETY: `enter` was lent it for as long as the frame is there.
        unsafe { &*self.whose }
    }

    fn tell(&self) -> Running {
        let Whose { plugin, function, cont } = *self.whose();
        let event = self.event().map(|event| (cont, event.code().number()));
        Running { plugin, function: function.addr(), event, outer: self.outer }
    }
}

thread_local! {
    static INNERMOST: AtomicPtr<Frame> = const { AtomicPtr::new(ptr::null_mut()) };
}

/// Runs `f`, which calls a plugin's code at the address `function`.
#[inline(always)]
pub(crate) fn run<R>(plugin: Option<&'static Plugin>, function: *const (), f: impl FnOnce() -> R) -> R {
    enter(&Whose { plugin, function, cont: TSCont::NULL }, ptr::null(), f)
}

/// As [`run`], for the handler of a continuation, which has got `event`.
#[inline(always)]
pub(crate) fn run_handler<R>(whose: &Whose, event: &Event<'_>, f: impl FnOnce() -> R) -> R {
    enter(whose, ptr::from_ref(event).cast(), f)
}

#[inline(always)]
fn enter<R>(whose: &Whose, event: *const (), f: impl FnOnce() -> R) -> R {
    INNERMOST.with(|innermost| {
        // Relaxed [plugin-innermost]: nobody but this thread writes it.
        let mut frame = Frame { whose, event, outer: innermost.load(Ordering::Relaxed) };
        let unwinding = Unwinding;
        // [plugin-innermost]: the record is whole before.
        compiler_fence(Ordering::SeqCst);
        // Relaxed [plugin-innermost]: read by this thread alone.
        innermost.store(&raw mut frame, Ordering::Relaxed);
        let value = f();
        // Relaxed [plugin-innermost]: as above.
        innermost.store(frame.outer, Ordering::Relaxed);
        // [plugin-innermost]: the frame is not used for something else before.
        compiler_fence(Ordering::SeqCst);
        mem::forget(unwinding);
        value
    })
}

/// Dropped only when something unwinds out of a plugin.
struct Unwinding;

impl Drop for Unwinding {
    #[cold]
    fn drop(&mut self) {
        let what = innermost().map_or(String::new(), |running| running.to_string());
        let line = format!("ts: {what}: an exception left it, or pthread_exit was called\n");
        end_with(&line)
    }
}

impl fmt::Display for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.event {
            Some((_, code)) => write!(f, "a handler of {}, in event {code}", name(self.plugin)),
            None => write!(f, "a function of {}", name(self.plugin)),
        }
    }
}

fn name(plugin: Option<&'static Plugin>) -> &'static str {
    plugin.map_or("no plugin", Plugin::name)
}

/// Calls `f` with the event that this thread runs the handler of `handle` for, if it does.
#[inline(always)]
pub(crate) fn with_own_event<R, F: FnOnce(&Event<'_>) -> R>(handle: TSCont, f: F) -> Result<R, F> {
    // Relaxed [plugin-innermost]: as in `innermost`.
    let frame = INNERMOST.with(|innermost| innermost.load(Ordering::Relaxed));
    // SAFETY: `enter` set the pointer to a record of a frame that is still on this thread's stack.
    match unsafe { frame.as_ref() }.filter(|frame| frame.whose().cont == handle).and_then(Frame::event) {
        Some(event) => Ok(f(event)),
        None => Err(f),
    }
}

/// The continuation whose handler this thread runs, innermost; null if it runs none.
pub(crate) fn own_cont() -> TSCont {
    innermost().and_then(|running| running.event).map_or(TSCont::NULL, |(cont, _)| cont)
}

impl Runtime {
    /// Runs `f` as the initialisation of a plugin that is called `name`: for programs that call plugins in C without loading
    /// them as the host does. (Feature `ffi`.)
    ///
    /// The calling thread is a guest meanwhile. Continuations and threads that are made in it are that plugin's, and whatever
    /// one of them does wrong, the line that the process ends with names it. Each call is another plugin, for good.
    ///
    /// # Panics
    ///
    /// A panic, or an exception, that comes out of `f` ends the process.
    ///
    /// # Examples
    ///
    /// ```
    /// use ts_api::Runtime;
    ///
    /// unsafe extern "C" {
    ///     fn TSMutexCreate() -> *mut ();
    ///     fn TSMutexDestroy(mutex: *mut ());
    /// }
    ///
    /// let runtime = Runtime::builder().start()?;
    /// // SAFETY: the functions may be called by any plugin, and the mutex is nobody else's.
    /// runtime.as_plugin("sample", || unsafe { TSMutexDestroy(TSMutexCreate()) });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn as_plugin<R>(&self, name: &str, f: impl FnOnce() -> R) -> R {
        let _guest = self.guest();
        Plugin::new(name).initialise(ptr::null(), f)
    }
}

/// The plugin whose code this thread is running, if any.
pub(crate) fn running() -> Option<&'static Plugin> {
    innermost().and_then(|running| running.plugin)
}

/// What of a plugin this thread is running, innermost. It may be asked in a signal handler.
pub(crate) fn innermost() -> Option<Running> {
    // Relaxed [plugin-innermost]: the record was whole before this thread showed it.
    let innermost = INNERMOST.try_with(|innermost| innermost.load(Ordering::Relaxed)).ok()?;
    // SAFETY: `enter` set the pointer to a record of a frame that is still on this thread's stack, and takes it back before the
    // frame ends.
    unsafe { innermost.as_ref() }.map(Frame::tell)
}

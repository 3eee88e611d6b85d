//! Plugins as far as calls are concerned: which one's code a thread is running, and in what.
//!
//! # Rules
//! * A plugin is entered in three ways: its initialisation, a handler, the function of a thread. Each says so here for as long as
//!   it runs, innermost first.
//! * A plugin's record is never dropped: reports may name it at any time.

use std::cell::Cell;
use std::ptr;

use super::types::{TSCont, TSEvent};

/// A plugin.
#[derive(Debug)]
pub(crate) struct Plugin {
    name: String,
    /// What reports call its continuations.
    label: &'static str,
}

impl Plugin {
    /// A record of a plugin that is called `name`, for good.
    pub(crate) fn new(name: impl Into<String>) -> &'static Self {
        let name = name.into();
        let label = format!("a continuation of {name}").leak();
        Box::leak(Box::new(Self { name, label }))
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn label(&self) -> &'static str {
        self.label
    }
}

/// What of a plugin a thread is running.
#[derive(Clone, Copy)]
pub(crate) struct Running {
    pub(crate) plugin: Option<&'static Plugin>,
    /// The address of the handler, or of the function.
    pub(crate) function: usize,
    /// The continuation and the event, in a handler.
    pub(crate) event: Option<(TSCont, TSEvent)>,
    outer: *const Running,
}

thread_local! {
    static INNERMOST: Cell<*const Running> = const { Cell::new(ptr::null()) };
}

/// Runs `f`, which calls a plugin's code at the address `function`.
#[inline(always)]
pub(crate) fn run<R>(
    plugin: Option<&'static Plugin>,
    function: usize,
    event: Option<(TSCont, TSEvent)>,
    f: impl FnOnce() -> R,
) -> R {
    /// Also when `f` unwinds.
    struct Left(*const Running);
    impl Drop for Left {
        fn drop(&mut self) {
            INNERMOST.set(self.0);
        }
    }
    let running = Running { plugin, function, event, outer: INNERMOST.get() };
    let _left = Left(running.outer);
    INNERMOST.set(&raw const running);
    f()
}

/// The plugin whose code this thread is running, if any.
pub(crate) fn running() -> Option<&'static Plugin> {
    innermost().and_then(|running| running.plugin)
}

/// What of a plugin this thread is running, innermost. It may be asked in a signal handler.
pub(crate) fn innermost() -> Option<Running> {
    let running = INNERMOST.try_with(Cell::get).ok()?;
    // SAFETY: `run` set the pointer to a record of a frame that is still on this thread's stack, and takes it back before the
    // frame ends.
    (!running.is_null()).then(|| unsafe { *running })
}

//! How closures cross: as a function pointer, a data pointer and a drop function, with every panic caught.

use super::{Code, EventHead, Handler, Task, Text, host};
use crate::cont::Event;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

/// A handler, whatever its kind.
pub(crate) trait Call: Send + 'static {
    /// Calls it.
    ///
    /// # Safety
    ///
    /// If it is an [`Exclusive`] one, no other call of it is going on.
    unsafe fn call(&self, event: &mut Event<'_>) -> i32;
}

/// A handler that must have itself alone.
pub(crate) struct Exclusive<F>(std::cell::UnsafeCell<F>);

impl<F> Exclusive<F> {
    pub(crate) fn new(handler: F) -> Self {
        Self(std::cell::UnsafeCell::new(handler))
    }
}

impl<F: FnMut(&mut Event<'_>) -> i32 + Send + 'static> Call for Exclusive<F> {
    unsafe fn call(&self, event: &mut Event<'_>) -> i32 {
        // SAFETY: the caller says that this is the only call.
        unsafe { (*self.0.get())(event) }
    }
}

/// A handler that may be entered again.
pub(crate) struct Repeatable<F>(pub(crate) F);

impl<F: Fn(&mut Event<'_>) -> i32 + Send + 'static> Call for Repeatable<F> {
    unsafe fn call(&self, event: &mut Event<'_>) -> i32 {
        (self.0)(event)
    }
}

/// Makes a handler ready to cross. Whoever gets it calls it as its kind allows, and drops it once.
pub(crate) fn cross<C: Call>(handler: C) -> Handler {
    Handler { call: call::<C>, data: Box::into_raw(Box::new(handler)).cast(), drop: drop_box::<C> }
}

unsafe extern "C" fn call<C: Call>(data: *mut (), head: *const EventHead, number: *mut i32) -> Code {
    // SAFETY: `data` is the box of `cross`, which is dropped after the last call only; the head is lent for the call.
    let (handler, head) = unsafe { (&*data.cast::<C>(), &*head) };
    // SAFETY: the host calls an exclusive handler under its mutex and not while it runs, and lends event and
    // continuation for the call, which the event does not outlive.
    let outcome = catch_unwind(AssertUnwindSafe(|| unsafe { handler.call(&mut Event::lent(head)) }));
    match outcome {
        Ok(value) => {
            // SAFETY: the host gave a place for it.
            unsafe { number.write(value) };
            Code::OK
        }
        Err(panic) => caught(panic),
    }
}

/// Makes a function that runs once ready to cross.
pub(crate) fn cross_once<F: FnOnce() + Send + 'static>(f: F) -> Task {
    Task { run: run::<F>, data: Box::into_raw(Box::new(f)).cast(), drop: drop_box::<F> }
}

unsafe extern "C" fn run<F: FnOnce()>(data: *mut ()) -> Code {
    // SAFETY: `data` is the box of `cross_once`, which is either run or dropped, once.
    let f = unsafe { Box::from_raw(data.cast::<F>()) };
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(()) => Code::OK,
        Err(panic) => caught(panic),
    }
}

/// Drops a box.
///
/// # Safety
///
/// `data` is a box of a `T` that was made raw, and is nobody's any more.
pub(crate) unsafe extern "C" fn drop_box<T>(data: *mut ()) -> Code {
    // SAFETY: `data` is a box of a `T`, made above and given back once.
    let value = unsafe { Box::from_raw(data.cast::<T>()) };
    match catch_unwind(AssertUnwindSafe(|| drop(value))) {
        Ok(()) => Code::OK,
        Err(panic) => caught(panic),
    }
}

/// Tells the host what a panic said.
#[cold]
fn caught(panic: Box<dyn Any + Send>) -> Code {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a text");
    // SAFETY: the text is lent for the call.
    unsafe { (host().panicked)(Text::new(text)) };
    // A payload whose own drop panics must not get out either.
    if catch_unwind(AssertUnwindSafe(|| drop(panic))).is_err() {
        static TOLD: AtomicBool = AtomicBool::new(false);
        // Relaxed, alone: nothing is published with it.
        if !TOLD.swap(true, Ordering::Relaxed) {
            // SAFETY: the text is lent for the call.
            unsafe { (host().panicked)(Text::new("dropping a panic's payload panicked")) };
        }
    }
    Code::PANICKED
}

//! Continuations: make, call and end them; and what their handlers are told.
//!
//! # Rules
//! * A handler runs under its continuation's mutex, if it has one, on whatever thread calls it.
//! * Who may change data is decided by how the continuation was made: see the table at [`Cont`].
//! * Create, call and destroy work from any thread. Scheduling does not: see [`crate::ScheduleError::ForeignThread`].

mod event;

pub use event::Event;

use crate::table::ContKind;
use crate::table::data::Loan;
use crate::table::handle::ContHandle;
use crate::table::handler::{Exclusive, Repeatable};
use crate::{CallError, EventCode, Mutex};
use std::any::Any;
use std::fmt;
use std::panic::Location;

/// A handler that can be called, scheduled, hooked and destroyed.
///
/// It is a handle: clones are the same continuation. It lives as long as a handle, a hook list or a pending event refers to
/// it, or until it is destroyed.
///
/// # Four ways to make one
///
/// | | mutex | handler | may be entered again while it runs | for |
/// |---|---|---|---|---|
/// | [`Cont::new`] | yes | `FnMut` | no: [`CallError::Reentrant`] | timers, background work, anything with data |
/// | [`Cont::with_data`] | yes | `FnMut` with data of its own | no | the same, with data made elsewhere |
/// | [`Cont::reentrant`] | yes | `Fn` | yes, on the same thread | handlers that cause themselves to be called |
/// | [`Cont::shared`] | none | `Fn + Sync` | yes, on several threads at once | global hooks, entire pools |
///
/// Continuations may share a mutex; then they exclude each other. (Continuations: mutexes and data.)
///
/// # Examples
///
/// ```
/// use ts_api::{Cont, EventCode, Mutex};
///
/// let mut calls = 0;
/// let counter = Cont::new(&Mutex::new(), move |event| {
///     assert_eq!(event.code(), EventCode::CONTINUE);
///     calls += 1;
///     calls
/// });
/// assert_eq!(counter.call(EventCode::CONTINUE), Ok(1));
/// assert_eq!(counter.call(EventCode::CONTINUE), Ok(2));
/// counter.destroy();
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Cont {
    handle: ContHandle,
}

/// What a handler may return: nothing, or a number for whoever called it directly.
pub trait Outcome {
    /// The number.
    fn number(self) -> i32;
}

impl Outcome for () {
    fn number(self) -> i32 {
        0
    }
}

impl Outcome for i32 {
    fn number(self) -> i32 {
        self
    }
}

/// What became of a handler when its continuation was destroyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(i32)]
pub enum Destroyed {
    /// The handler and its data have been dropped.
    Now = 0,
    /// The handler is running; it and its data are dropped when it returns.
    AfterHandler = 1,
    /// Another thread holds the mutex; handler and data are dropped when it lets go.
    AtUnlock = 2,
    /// The continuation had been destroyed before.
    Already = 3,
}

/// Makes a continuation with a name, which reports show besides the place in the source.
#[derive(Debug, Clone, Copy)]
#[must_use = "a builder makes nothing until a kind is chosen"]
pub struct NamedCont {
    name: &'static str,
}

impl NamedCont {
    /// As [`Cont::new`].
    #[track_caller]
    pub fn exclusive<F, R>(self, mutex: &Mutex, mut handler: F) -> Cont
    where
        F: FnMut(&mut Event<'_>) -> R + Send + 'static,
        R: Outcome,
    {
        let handler = Exclusive::new(move |event: &mut Event<'_>| handler(event).number());
        let place = Location::caller();
        let mutex = Some(mutex.handle());
        Cont { handle: ContHandle::new(ContKind::EXCLUSIVE, mutex, self.name, place, handler) }
    }

    /// As [`Cont::with_data`].
    #[track_caller]
    pub fn with_data<D, F, R>(self, mutex: &Mutex, mut data: D, mut handler: F) -> Cont
    where
        D: Send + 'static,
        F: FnMut(&mut D, &mut Event<'_>) -> R + Send + 'static,
        R: Outcome,
    {
        self.exclusive(mutex, move |event: &mut Event<'_>| handler(&mut data, event))
    }

    /// As [`Cont::reentrant`].
    #[track_caller]
    pub fn reentrant<F, R>(self, mutex: &Mutex, handler: F) -> Cont
    where
        F: Fn(&mut Event<'_>) -> R + Send + 'static,
        R: Outcome,
    {
        let handler = Repeatable(move |event: &mut Event<'_>| handler(event).number());
        let place = Location::caller();
        let mutex = Some(mutex.handle());
        Cont { handle: ContHandle::new(ContKind::REENTRANT, mutex, self.name, place, handler) }
    }

    /// As [`Cont::shared`].
    #[track_caller]
    pub fn shared<F, R>(self, handler: F) -> Cont
    where
        F: Fn(&mut Event<'_>) -> R + Send + Sync + 'static,
        R: Outcome,
    {
        let handler = Repeatable(move |event: &mut Event<'_>| handler(event).number());
        let place = Location::caller();
        Cont { handle: ContHandle::new(ContKind::SHARED, None, self.name, place, handler) }
    }
}

impl Cont {
    /// Makes a continuation with a mutex, whose handler is not entered while it runs.
    ///
    /// A call of it from within the handler gets [`CallError::Reentrant`]; scheduled events come later anyway.
    #[track_caller]
    pub fn new<F, R>(mutex: &Mutex, handler: F) -> Self
    where
        F: FnMut(&mut Event<'_>) -> R + Send + 'static,
        R: Outcome,
    {
        Self::named("").exclusive(mutex, handler)
    }

    /// As [`Cont::new`], with data that the handler is given at each call and that is dropped with it.
    ///
    /// Data that others are to reach as well goes into a [`crate::MutexData`] of the same mutex.
    ///
    /// # Examples
    ///
    /// ```
    /// use ts_api::{Cont, EventCode, Mutex};
    ///
    /// let cont = Cont::with_data(&Mutex::new(), vec![1, 2, 3], |data, _event| data.pop().unwrap_or(0));
    /// assert_eq!(cont.call(EventCode::CONTINUE), Ok(3));
    /// ```
    #[track_caller]
    pub fn with_data<D, F, R>(mutex: &Mutex, data: D, handler: F) -> Self
    where
        D: Send + 'static,
        F: FnMut(&mut D, &mut Event<'_>) -> R + Send + 'static,
        R: Outcome,
    {
        Self::named("").with_data(mutex, data, handler)
    }

    /// Makes a continuation with a mutex, whose handler may be called again from within itself.
    ///
    /// Its data goes into a [`crate::MutexData`] of the same mutex, which refuses a second borrow that would conflict.
    #[track_caller]
    pub fn reentrant<F, R>(mutex: &Mutex, handler: F) -> Self
    where
        F: Fn(&mut Event<'_>) -> R + Send + 'static,
        R: Outcome,
    {
        Self::named("").reentrant(mutex, handler)
    }

    /// Makes a continuation without a mutex: several threads may run its handler at the same time.
    ///
    /// That is for global hooks and for entire pools. It cannot be scheduled otherwise.
    #[track_caller]
    pub fn shared<F, R>(handler: F) -> Self
    where
        F: Fn(&mut Event<'_>) -> R + Send + Sync + 'static,
        R: Outcome,
    {
        Self::named("").shared(handler)
    }

    /// Starts making a continuation with a name.
    pub fn named(name: &'static str) -> NamedCont {
        NamedCont { name }
    }

    /// Calls the handler on this stack and returns its number.
    ///
    /// Any thread may call it. The mutex is taken for the call if this thread does not hold it; it is not waited for.
    ///
    /// # Errors
    ///
    /// [`CallError`] says why the handler was not entered, or that it panicked.
    pub fn call(&self, code: impl Into<EventCode>) -> Result<i32, CallError> {
        self.handle.call(code.into().number(), None).map_err(call_error)
    }

    /// As [`Cont::call`], lending the handler `data`, which it finds with [`Event::data`].
    ///
    /// # Errors
    ///
    /// As for [`Cont::call`].
    ///
    /// # Examples
    ///
    /// ```
    /// use ts_api::{Cont, EventCode, Mutex};
    ///
    /// let shout = Cont::new(&Mutex::new(), |event| {
    ///     if let Some(text) = event.data::<String>() {
    ///         text.push('!');
    ///     }
    /// });
    /// let mut text = String::from("hello");
    /// shout.call_with(EventCode::CONTINUE, &mut text)?;
    /// assert_eq!(text, "hello!");
    /// # Ok::<(), ts_api::CallError>(())
    /// ```
    pub fn call_with<T: Any>(&self, code: impl Into<EventCode>, data: &mut T) -> Result<i32, CallError> {
        let mut data: &mut dyn Any = data;
        let loan = Loan::new(&mut data);
        self.handle.call(code.into().number(), Some(loan.raw())).map_err(call_error)
    }

    /// Ends the continuation: its handler is not entered again, and pending events are dead.
    ///
    /// Any thread may call it, at any time, also the handler itself, and any number of times; it never blocks. The answer
    /// says when the handler and its data are dropped.
    pub fn destroy(&self) -> Destroyed {
        match self.handle.destroy() {
            0 => Destroyed::Now,
            1 => Destroyed::AfterHandler,
            2 => Destroyed::AtUnlock,
            _ => Destroyed::Already,
        }
    }

    /// Whether [`Cont::destroy`] was called, or a panic of its handler retired it.
    #[must_use]
    pub fn is_destroyed(&self) -> bool {
        self.handle.is_destroyed()
    }

    /// The mutex under which the handler runs, if there is one.
    #[must_use]
    pub fn mutex(&self) -> Option<Mutex> {
        self.handle.mutex().map(Mutex::from_handle)
    }

    /// How reports call it: its name, if it was given one, and the place in the source where it was made.
    #[must_use]
    pub fn name(&self) -> String {
        self.handle.name()
    }

    pub(crate) fn handle(&self) -> &ContHandle {
        &self.handle
    }

    pub(crate) fn from_handle(handle: ContHandle) -> Self {
        Self { handle }
    }

    #[cfg_attr(
        not(feature = "runtime"),
        allow(dead_code, reason = "only linked programs take handles apart")
    )]
    pub(crate) fn into_handle(self) -> ContHandle {
        self.handle
    }
}

fn call_error(code: crate::table::Code) -> CallError {
    CallError::check(code).err().unwrap_or(CallError::Unknown(code.0))
}

impl fmt::Debug for Cont {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cont").field("name", &self.name()).field("destroyed", &self.is_destroyed()).finish()
    }
}

//! A future computation: a handler, usually a mutex, and the thread it likes to run on.

use crate::affinity::ThreadRef;
use crate::cell::{CellRef, Destroyed};
use crate::event::{Event, Message, Outcome};
use crate::handler::{Call, Concurrent, Exclusive, Name, Repeatable};
use crate::work::Called;
use crate::{CallError, EThread, EventCode, processor};
use std::any::Any;
use std::cell::UnsafeCell;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::panic::Location;
use std::ptr::NonNull;
use ts_mutex::ProxyMutex;

/// A handler that can be called, scheduled and destroyed.
///
/// A continuation is a handle: clones are the same continuation. It lives as long as a handle or a pending event refers to
/// it, or until it is destroyed.
///
/// # Four ways to make one
///
/// | | mutex | handler | may be entered again while it runs |
/// |---|---|---|---|
/// | [`Continuation::new`] | yes | `FnMut` | no: [`CallError::Reentrant`] |
/// | [`Continuation::with_data`] | yes | `FnMut` with data of its own | no |
/// | [`Continuation::reentrant`] | yes | `Fn` | yes, on the same thread |
/// | [`Continuation::shared`] | none | `Fn + Sync` | yes, on several threads at once |
///
/// While a handler runs its mutex is held by the thread that runs it, so handlers that share a mutex exclude each other.
///
/// # Examples
///
/// ```
/// use ts_cont::{Continuation, EventCode, ProxyMutex};
///
/// let mut calls = 0;
/// let counter = Continuation::new(&ProxyMutex::new(), move |event| {
///     calls += 1;
///     event.cookie() as i32 + calls
/// });
/// assert_eq!(counter.call(ts_cont::Message::new(EventCode::CALL).cookie(40)), Ok(41));
/// assert_eq!(counter.call(EventCode::CALL), Ok(2));
/// ```
pub struct Continuation {
    /// Nothing else: an event lends its own as a handle.
    cell: CellRef,
}

/// Makes a continuation that has a name in reports.
#[derive(Debug, Clone, Copy)]
#[must_use = "a builder makes nothing until a kind is chosen"]
pub struct Named {
    name: Name,
}

impl Named {
    /// As [`Continuation::new`].
    #[track_caller]
    pub fn exclusive<F, R>(self, mutex: &ProxyMutex, handler: F) -> Continuation
    where
        F: FnMut(&mut Event<'_>) -> R + Send + 'static,
        R: Outcome,
    {
        Continuation::exclusive(self.name, mutex, handler)
    }

    /// As [`Continuation::reentrant`].
    #[track_caller]
    pub fn reentrant<F, R>(self, mutex: &ProxyMutex, handler: F) -> Continuation
    where
        F: Fn(&mut Event<'_>) -> R + Send + 'static,
        R: Outcome,
    {
        Continuation::repeatable(self.name, mutex, handler)
    }

    /// As [`Continuation::shared`].
    #[track_caller]
    pub fn shared<F, R>(self, handler: F) -> Continuation
    where
        F: Fn(&mut Event<'_>) -> R + Send + Sync + 'static,
        R: Outcome,
    {
        Continuation::without_mutex(self.name, handler)
    }
}

impl Continuation {
    /// Makes a continuation with a mutex, whose handler is not entered while it runs.
    ///
    /// A call from within the handler gets [`CallError::Reentrant`]; an event is never dispatched then, since events are
    /// dispatched by the loop alone.
    #[track_caller]
    pub fn new<F, R>(mutex: &ProxyMutex, handler: F) -> Self
    where
        F: FnMut(&mut Event<'_>) -> R + Send + 'static,
        R: Outcome,
    {
        Self::exclusive(Name::None, mutex, handler)
    }

    /// As [`Continuation::new`], with data that the handler is given at each call and that is dropped with it.
    #[track_caller]
    pub fn with_data<D, F, R>(mutex: &ProxyMutex, mut data: D, mut handler: F) -> Self
    where
        D: Send + 'static,
        F: FnMut(&mut D, &mut Event<'_>) -> R + Send + 'static,
        R: Outcome,
    {
        Self::exclusive(Name::None, mutex, move |event: &mut Event<'_>| handler(&mut data, event))
    }

    /// Makes a continuation with a mutex, whose handler may be called again from within itself.
    ///
    /// Keep its data in a [`ts_mutex::Guarded`] of the same mutex: it refuses a second mutable borrow.
    #[track_caller]
    pub fn reentrant<F, R>(mutex: &ProxyMutex, handler: F) -> Self
    where
        F: Fn(&mut Event<'_>) -> R + Send + 'static,
        R: Outcome,
    {
        Self::repeatable(Name::None, mutex, handler)
    }

    /// Makes a continuation without a mutex: several threads may run its handler at the same time.
    #[track_caller]
    pub fn shared<F, R>(handler: F) -> Self
    where
        F: Fn(&mut Event<'_>) -> R + Send + Sync + 'static,
        R: Outcome,
    {
        Self::without_mutex(Name::None, handler)
    }

    /// Starts making a continuation with a name, which reports show besides the place in the source.
    pub fn named(name: &'static str) -> Named {
        Named { name: Name::OfPlace(name) }
    }

    /// Starts making a continuation that reports call `label`, and nothing else: for layers that make continuations for
    /// others, and know better than this crate where these come from.
    ///
    /// # Examples
    ///
    /// ```
    /// use ts_cont::Continuation;
    ///
    /// let cont = Continuation::labelled("session data, sessions.lua:12").shared(|_| {});
    /// assert_eq!(cont.name(), Some("session data, sessions.lua:12"));
    /// ```
    pub fn labelled(label: &'static str) -> Named {
        Named { name: Name::Whole(label) }
    }

    #[track_caller]
    fn exclusive<F, R>(name: Name, mutex: &ProxyMutex, mut handler: F) -> Self
    where
        F: FnMut(&mut Event<'_>) -> R + Send + 'static,
        R: Outcome,
    {
        let handler = move |event: &mut Event<'_>| handler(event).number();
        Self::allocate(Some(mutex.clone()), name, Exclusive(UnsafeCell::new(handler)))
    }

    #[track_caller]
    fn repeatable<F, R>(name: Name, mutex: &ProxyMutex, handler: F) -> Self
    where
        F: Fn(&mut Event<'_>) -> R + Send + 'static,
        R: Outcome,
    {
        let handler = move |event: &mut Event<'_>| handler(event).number();
        Self::allocate(Some(mutex.clone()), name, Repeatable(handler))
    }

    #[track_caller]
    fn without_mutex<F, R>(name: Name, handler: F) -> Self
    where
        F: Fn(&mut Event<'_>) -> R + Send + Sync + 'static,
        R: Outcome,
    {
        let handler = move |event: &mut Event<'_>| handler(event).number();
        Self::allocate(None, name, Concurrent(handler))
    }

    #[track_caller]
    fn allocate(mutex: Option<ProxyMutex>, name: Name, handler: impl Call) -> Self {
        let cell = CellRef::new(mutex, name, Location::caller(), handler);
        if let Some(processor) = processor::current_id() {
            cell.get().belong_to(processor);
        }
        Self { cell }
    }

    #[inline(always)]
    pub(crate) fn from_cell(cell: CellRef) -> Self {
        Self { cell }
    }

    #[inline(always)]
    pub(crate) fn cell(&self) -> CellRef {
        self.cell
    }

    /// The mutex under which the handler runs, if there is one.
    #[must_use]
    pub fn mutex(&self) -> Option<&ProxyMutex> {
        self.cell.get().mutex()
    }

    /// The name it was given, if any.
    #[must_use]
    pub fn name(&self) -> Option<&'static str> {
        match self.cell.get().name() {
            Name::None => None,
            Name::OfPlace(name) | Name::Whole(name) => Some(name),
        }
    }

    /// Where in the source it was made.
    #[must_use]
    pub fn place(&self) -> &'static Location<'static> {
        self.cell.get().place()
    }

    /// Calls the handler on this stack and returns its number.
    ///
    /// Any thread may call it. The mutex is taken for the call if this thread does not hold it; it is not waited for.
    /// Without a code in the message the handler gets [`EventCode::CALL`]. The event has no [`Event::action`] and cannot
    /// be re-armed.
    ///
    /// # Errors
    ///
    /// [`CallError`] says why the handler was not entered, or that it panicked.
    pub fn call(&self, message: impl Into<Message>) -> Result<i32, CallError> {
        self.call_inner(message.into(), None)
    }

    /// As [`Continuation::call`], lending the handler `data` that stays with the caller.
    ///
    /// # Errors
    ///
    /// As for [`Continuation::call`].
    pub fn call_with(&self, code: EventCode, data: &mut (dyn Any + 'static)) -> Result<i32, CallError> {
        self.call_inner(Message::new(code), Some(data))
    }

    fn call_inner<'a>(
        &self,
        message: Message,
        data: Option<&'a mut (dyn Any + 'static)>,
    ) -> Result<i32, CallError> {
        let (code, extra) = message.into_parts();
        let mut called = Called::new(self, code.unwrap_or(EventCode::CALL), extra);
        match self.mutex() {
            None => self.cell.call_shared(&mut Event::called(&mut called, data, None)),
            Some(mutex) => {
                // Reports of a long hold name the continuation, as they do for a dispatch.
                let guard = mutex.try_lock_at(self.place()).ok_or(CallError::Busy)?;
                let mut event = Event::called(&mut called, data, Some(&guard));
                // SAFETY: the guard is of this continuation's mutex.
                let outcome = unsafe { self.cell.call_locked(&guard, &mut event) };
                guard.unlock_at(self.place());
                outcome
            }
        }
    }

    /// Ends the continuation: its handler is not entered again, and pending events are dead.
    ///
    /// Only a call that another thread has decided on at this very moment may still happen; after the answer
    /// [`Destroyed::Now`] none does.
    ///
    /// Any thread may call it, at any time, also the handler itself, and any number of times; it never blocks. The
    /// answer says when the handler and its data are dropped. Pending events are skipped when they are met; those that
    /// would be met much later are swept out of their thread's queue within about a second of the loop's time.
    pub fn destroy(&self) -> Destroyed {
        self.cell.destroy()
    }

    /// Whether [`Continuation::destroy`] was called, or a panic retired it.
    #[must_use]
    pub fn is_destroyed(&self) -> bool {
        self.cell.get().life.is_destroyed()
    }

    /// The thread that pool scheduling prefers, if one is set and its processor still has it.
    #[must_use]
    pub fn affinity(&self) -> Option<EThread> {
        processor::find_thread(self.cell.get().affinity()?)
    }

    /// Makes pool scheduling prefer `thread` whenever it belongs to the wanted group.
    pub fn set_affinity(&self, thread: &EThread) {
        self.cell.get().set_affinity(thread.shared().number);
    }

    /// Forgets the preferred thread; the next schedule on a group chooses anew.
    pub fn clear_affinity(&self) {
        self.cell.get().set_affinity(0);
    }

    /// Makes the preferred thread `to` if it is `from` just now, in one step; says whether it was.
    pub fn exchange_affinity(&self, from: Option<&EThread>, to: Option<&EThread>) -> bool {
        let [from, to] = [from, to].map(|thread| thread.map_or(0, |thread| thread.shared().number));
        self.cell.get().exchange_affinity(from, to)
    }

    pub(crate) fn affinity_ref(&self) -> Option<ThreadRef> {
        self.cell.get().affinity()
    }

    /// A number that no other living continuation has.
    #[must_use]
    pub fn id(&self) -> usize {
        self.cell.id()
    }

    /// Makes the handle a plain pointer, for the other side of a language border. It keeps what the handle keeps alive.
    #[must_use]
    pub fn into_raw(self) -> NonNull<()> {
        std::mem::ManuallyDrop::new(self).cell.as_ptr()
    }

    /// The pointer of [`Continuation::into_raw`], lent: the handle keeps what it keeps alive.
    #[must_use]
    pub fn as_raw(&self) -> NonNull<()> {
        self.cell.as_ptr()
    }

    /// The handle that [`Continuation::into_raw`] took apart.
    ///
    /// # Safety
    ///
    /// The pointer came from `into_raw` and is made a handle once for each such call.
    #[must_use]
    pub unsafe fn from_raw(raw: NonNull<()>) -> Self {
        // SAFETY: the caller vouches that it is the pointer of a handle, whose reference passes to the new one.
        Self { cell: unsafe { CellRef::from_ptr(raw) } }
    }
}

impl Clone for Continuation {
    fn clone(&self) -> Self {
        self.cell.handle()
    }
}

impl Drop for Continuation {
    fn drop(&mut self) {
        self.cell.release(1);
    }
}

impl PartialEq for Continuation {
    fn eq(&self, other: &Self) -> bool {
        self.cell == other.cell
    }
}

impl Eq for Continuation {}

impl Hash for Continuation {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.cell.id().hash(state);
    }
}

impl fmt::Debug for Continuation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cell = self.cell.get();
        f.debug_struct("Continuation")
            .field("label", &cell.label())
            .field("kind", &cell.kind())
            .field("destroyed", &cell.life.is_destroyed())
            .finish_non_exhaustive()
    }
}

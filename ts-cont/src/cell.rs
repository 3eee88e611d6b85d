//! What a continuation is in memory, and the one place where its handler is called or dropped.
//!
//! A [`Cell`] is reached through [`Continuation`] (which owns a reference) or through [`CellRef`] (a bare pointer that an
//! event keeps valid, see `life.rs`). The handler is touched only
//!
//! * under the continuation's mutex, or
//! * for a continuation without one, between `enter_shared` and `leave_shared`, and by the one thread that won
//!   `claim_drop`.

use crate::affinity::ThreadRef;
use crate::ethread::Here;
use crate::event::{Event, Extras};
use crate::home::{Home, Waited};
use crate::life::{Life, Mark, Release};
use crate::registry::{self, Registered};
use crate::work::{Counted, Work};
use crate::{CallError, Continuation, processor};
use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};
use ts_event::When;
use ts_mutex::{MutexGuard, ProxyMutex};

/// What a continuation is called.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Name {
    /// Nothing: its place is all there is.
    None,
    /// A name besides the place.
    OfPlace(&'static str),
    /// All that reports are to say.
    Whole(&'static str),
}

/// How a handler may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Under the mutex, and not while it runs.
    Exclusive,
    /// Under the mutex, also while it runs.
    Reentrant,
    /// Without a mutex, by several threads at once.
    Shared,
}

/// A handler. `call` takes `&self` for every kind; [`Exclusive`] is where that is made good.
pub(crate) trait Call: Send {
    /// Calls the handler.
    ///
    /// # Safety
    ///
    /// For an [`Exclusive`] handler no other call of it is going on.
    unsafe fn call(&self, event: &mut Event<'_>) -> i32;
}

/// A handler that must have itself alone.
pub(crate) struct Exclusive<F>(pub(crate) UnsafeCell<F>);

impl<F: FnMut(&mut Event<'_>) -> i32 + Send> Call for Exclusive<F> {
    unsafe fn call(&self, event: &mut Event<'_>) -> i32 {
        // SAFETY: the caller says that this is the only call.
        unsafe { (*self.0.get())(event) }
    }
}

/// A handler that may be entered again.
pub(crate) struct Repeatable<F>(pub(crate) F);

impl<F: Fn(&mut Event<'_>) -> i32 + Send> Call for Repeatable<F> {
    unsafe fn call(&self, event: &mut Event<'_>) -> i32 {
        (self.0)(event)
    }
}

/// One continuation.
pub(crate) struct Cell {
    pub(crate) life: Life<Cold, Warm>,
}

/// What a dispatch does not read; see [`Life`].
#[repr(C)]
pub(crate) struct Cold {
    /// The threads that have this continuation's events: first, as those who schedule from elsewhere read it.
    home: Home,
    name: Name,
    /// A packed [`ThreadRef`]; zero is none.
    affinity: AtomicU64,
    registered: Registered,
    kind: Kind,
    /// Makes it long enough.
    _apart: u64,
}

/// What a dispatch reads.
#[repr(C)]
pub(crate) struct Warm {
    mutex: Option<ProxyMutex>,
    body: UnsafeCell<Option<Box<dyn Call>>>,
    place: &'static Location<'static>,
}

// What those who schedule from elsewhere reach, and what the thread that runs it does, are further apart than a cache line is
// long.
const _: () = assert!(size_of::<Cold>() - size_of::<Home>() >= 64);

// SAFETY: `body` is touched only as the module head says, which orders all accesses; it is `Send`, and shared between
// threads only for `Kind::Shared`, whose constructor asks for `Sync`. The rest is atomics and constants.
unsafe impl Sync for Cell {}
// SAFETY: see above; nothing in it belongs to a thread.
unsafe impl Send for Cell {}

/// A pointer to a cell that somebody else keeps alive.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct CellRef(NonNull<Cell>);

// SAFETY: it is a shared reference to a `Sync` cell by another name.
unsafe impl Send for CellRef {}
// SAFETY: see above.
unsafe impl Sync for CellRef {}

/// What became of the handler when the continuation was destroyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Destroyed {
    /// The handler and its data have been dropped.
    Now,
    /// The handler is running; it and its data are dropped when it returns.
    AfterHandler,
    /// Another thread holds the mutex; handler and data are dropped when it lets go. A call of the handler that it was about
    /// to make may still happen.
    AtUnlock,
    /// The continuation had been destroyed before.
    Already,
}

impl Cell {
    pub(crate) fn allocate(
        kind: Kind,
        mutex: Option<ProxyMutex>,
        name: Name,
        place: &'static Location<'static>,
        body: Box<dyn Call>,
    ) -> CellRef {
        let cell = Box::new(Self {
            life: Life::with(
                Cold {
                    home: Home::new(),
                    name,
                    affinity: AtomicU64::new(0),
                    registered: Registered::new(),
                    kind,
                    _apart: 0,
                },
                Warm { mutex, body: UnsafeCell::new(Some(body)), place },
            ),
        });
        let cell = CellRef(NonNull::from(Box::leak(cell)));
        registry::enter(cell);
        cell
    }

    #[inline(always)]
    pub(crate) fn mutex(&self) -> Option<&ProxyMutex> {
        self.life.warm.mutex.as_ref()
    }

    #[inline(always)]
    pub(crate) fn place(&self) -> &'static Location<'static> {
        self.life.warm.place
    }

    pub(crate) fn name(&self) -> Name {
        self.life.cold.name
    }

    pub(crate) fn registered(&self) -> &Registered {
        &self.life.cold.registered
    }

    /// How the continuation is called in reports.
    pub(crate) fn label(&self) -> String {
        match self.life.cold.name {
            Name::None => format!("continuation made at {}", self.life.warm.place),
            Name::OfPlace(name) => format!("{name} ({})", self.life.warm.place),
            Name::Whole(label) => label.to_owned(),
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        self.life.cold.kind
    }

    pub(crate) fn affinity(&self) -> Option<ThreadRef> {
        // Relaxed: the number is all there is; threads are looked up in tables that order themselves.
        ThreadRef::unpack(self.life.cold.affinity.load(Ordering::Relaxed))
    }

    pub(crate) fn exchange_affinity(&self, from: Option<ThreadRef>, to: Option<ThreadRef>) -> bool {
        let [from, to] = [from, to].map(|thread| thread.map_or(0, ThreadRef::pack));
        // Relaxed, both: see `affinity`.
        self.life.cold.affinity.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    pub(crate) fn set_affinity(&self, thread: Option<ThreadRef>) {
        // Relaxed: see `affinity`.
        self.life.cold.affinity.store(thread.map_or(0, ThreadRef::pack), Ordering::Relaxed);
    }

    /// Whether all of this continuation's events so far have waited on `thread`, a packed [`ThreadRef`]; false if there were
    /// none.
    #[inline(always)]
    pub(crate) fn is_home(&self, thread: u64) -> bool {
        self.life.cold.home.is(thread)
    }

    /// Puts an event of this continuation into the inbox of `thread`, which is not the caller's, by way of `put`. The event
    /// may be over when this returns, so somebody else keeps the cell.
    pub(crate) fn send_home<R>(&self, thread: ThreadRef, put: impl FnOnce() -> R) -> R {
        self.life.cold.home.send(&self.life, thread.pack(), put, tell_sweep)
    }

    /// Notes that an event of this continuation is put into the queue of `thread`, which is the caller's.
    #[inline]
    pub(crate) fn stay_home(&self, thread: ThreadRef) {
        self.life.cold.home.stay(&self.life, thread.pack(), tell_sweep);
    }

    /// Has dead events looked for where some may wait. The flag is up.
    fn sweep_home(&self) {
        self.life.cold.home.sweep(&self.life, tell_sweep);
    }

    /// Drops the handler and its data.
    ///
    /// # Safety
    ///
    /// The caller has the handler alone: it holds the mutex and no call is on its stack, or it won `claim_drop`.
    unsafe fn drop_body(&self) {
        // SAFETY: nobody else touches the body, says the caller.
        let body = unsafe { (*self.life.warm.body.get()).take() };
        if let Some(body) = body
            && catch_unwind(AssertUnwindSafe(|| drop(body))).is_err()
        {
            tracing::error!(continuation = %self.label(), "dropping the handler of a continuation panicked");
        }
    }

    /// Drops what came with an event that is over. The dispatch has more to do than to unwind for it.
    pub(crate) fn drop_data(&self, data: Extras) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(data))) {
            let text = panic_text(&*panic);
            tracing::error!(continuation = %self.label(), panic = text, "dropping the data of an event panicked");
        }
    }

    /// Calls the handler.
    #[inline(always)]
    fn call_body(&self, event: &mut Event<'_>) -> Result<i32, CallError> {
        // SAFETY: the callers below are inside (`enter`, `enter_shared`), so nobody drops the body meanwhile.
        let Some(body) = (unsafe { (*self.life.warm.body.get()).as_deref() }) else {
            return Err(CallError::Destroyed);
        };
        // SAFETY: for an exclusive handler `call_locked` has seen that no other call is on the stack of the mutex's holder.
        match catch_unwind(AssertUnwindSafe(|| unsafe { body.call(event) })) {
            Ok(number) => Ok(number),
            Err(panic) => {
                self.retire(&*panic);
                Err(CallError::Panicked)
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn retire(&self, panic: &(dyn std::any::Any + Send)) {
        let text = panic_text(panic);
        tracing::error!(continuation = %self.label(), panic = text, "a handler panicked; its continuation is retired");
        if processor::panics_abort() {
            std::process::abort();
        }
        // The handler is still on the stack, so it is dropped by whoever leaves it last.
        if self.life.mark_destroyed() == Mark::First {
            self.sweep_home();
        }
    }
}

/// Has dead events looked for.
fn tell_sweep(waited: Waited) {
    match waited {
        Waited::Nowhere => {}
        Waited::One(thread) => ThreadRef::unpack(thread).into_iter().for_each(processor::tell_sweep),
        Waited::Processor(id) => processor::tell_sweep_all(Some(id)),
        Waited::Anywhere => processor::tell_sweep_all(None),
    }
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a text")
}

impl CellRef {
    #[inline(always)]
    pub(crate) fn get(&self) -> &Cell {
        // SAFETY: whoever has a `CellRef` is kept company by a reference: a handle, an event that is counted, or the
        // registry's lock, under which a cell leaves the registry before it is freed.
        unsafe { self.0.as_ref() }
    }

    pub(crate) fn as_ptr(self) -> NonNull<()> {
        self.0.cast()
    }

    /// # Safety
    ///
    /// The pointer came from `as_ptr`, and somebody keeps the cell alive.
    pub(crate) unsafe fn from_ptr(raw: NonNull<()>) -> Self {
        Self(raw.cast())
    }

    pub(crate) fn id(self) -> usize {
        self.0.as_ptr().addr()
    }

    /// Counts an event, plainly if the calling thread holds the mutex; the caller has a reference.
    #[inline(always)]
    pub(crate) fn count_event(self) -> Counted {
        let cell = self.get();
        match cell.mutex() {
            Some(mutex) if mutex.held_by_current() => {
                // SAFETY: the mutex is held, and the caller's handle is a reference.
                unsafe { cell.life.add_plain() };
                Counted::Plain
            }
            _ => self.count_shared(),
        }
    }

    /// Counts an event of a caller that has a reference, whoever holds the mutex.
    #[inline(always)]
    pub(crate) fn count_shared(self) -> Counted {
        self.get().life.retain();
        Counted::Shared
    }

    /// Counts off an event that was not dispatched, from any thread, with or without the mutex.
    pub(crate) fn count_off(self, counted: Counted) {
        let (Counted::Plain, Some(mutex)) = (counted, self.get().mutex()) else {
            self.release(1);
            return;
        };
        // The event may be the last that keeps the cell, and the cell's handle of the mutex with it.
        let mutex = mutex.clone();
        if let Some(guard) = mutex.try_lock() {
            // SAFETY: the mutex is held here.
            let owed = unsafe { self.get().life.remove_plain() };
            drop(guard);
            self.release(owed);
            return;
        }
        mutex.when_free(move |_| {
            // SAFETY: the mutex is held here.
            let owed = unsafe { self.get().life.remove_plain() };
            self.release_after_unlock(owed);
        });
    }

    /// Gives back references inside of an unlock, which may be that of a dispatch, by the cell's own handle of the mutex: so
    /// on an event thread they are given back a little later.
    fn release_after_unlock(self, count: usize) {
        struct Owed(CellRef, usize);
        impl Drop for Owed {
            fn drop(&mut self) {
                self.0.release(self.1);
            }
        }
        let mut owed = Some(Owed(self, count));
        Here::with_current(|here| {
            let owed = owed.take();
            // Run or dropped, it does the same.
            here.push(Work::Closure(Box::new(move |_| drop(owed))), When::Now);
        });
        // Elsewhere whoever unlocks has a handle of the continuation, or of the mutex.
        drop(owed);
    }

    /// Gives back references; the cell may be gone afterwards.
    pub(crate) fn release(self, count: usize) {
        if count > 0 && self.get().life.release(count) == Release::Last {
            registry::leave(self);
            // SAFETY: nobody else refers to the cell any more. Here, where a destructor that panics stays harmless.
            unsafe { self.get().drop_body() };
            // SAFETY: the last reference is gone and the registry has forgotten the cell, so nobody can reach it; it was
            // leaked from a box in `allocate`.
            drop(unsafe { Box::from_raw(self.0.as_ptr()) });
        }
    }

    pub(crate) fn retain(self) -> Self {
        self.get().life.retain();
        self
    }

    /// Calls the handler under its mutex, if there still is one and it may be entered.
    ///
    /// # Safety
    ///
    /// `guard` is of this continuation's mutex.
    pub(crate) unsafe fn call_locked(
        self,
        guard: &MutexGuard<'_>,
        event: &mut Event<'_>,
    ) -> Result<i32, CallError> {
        let cell = self.get();
        if cell.life.is_destroyed() {
            return Err(CallError::Destroyed);
        }
        // SAFETY: the mutex is held.
        if cell.kind() == Kind::Exclusive && unsafe { cell.life.depth() } > 0 {
            return Err(CallError::Reentrant);
        }
        // SAFETY: the guard is of this mutex, and the handler was looked at just now.
        unsafe { self.run_locked(guard, event) }
    }

    /// Calls the handler under its mutex.
    ///
    /// # Safety
    ///
    /// `guard` is of this continuation's mutex, and since it was taken the continuation was seen not to be destroyed; an
    /// exclusive handler is not running.
    #[inline(always)]
    pub(crate) unsafe fn run_locked(
        self,
        _guard: &MutexGuard<'_>,
        event: &mut Event<'_>,
    ) -> Result<i32, CallError> {
        let cell = self.get();
        // SAFETY: the mutex is held.
        unsafe { cell.life.enter() };
        let outcome = cell.call_body(event);
        // SAFETY: the mutex is held, and entered above.
        if unsafe { cell.life.leave() } == 0 && cell.life.is_dead() {
            // SAFETY: the mutex is held and no call is on the stack any more.
            unsafe { cell.drop_body() };
        }
        outcome
    }

    /// Calls the handler of a continuation without a mutex.
    pub(crate) fn call_shared(self, event: &mut Event<'_>) -> Result<i32, CallError> {
        let outcome =
            if self.enter_shared() { self.get().call_body(event) } else { Err(CallError::Destroyed) };
        self.leave_shared();
        outcome
    }

    /// Enters the handler of a continuation without a mutex; false if it is destroyed. Either way `leave_shared` follows.
    pub(crate) fn enter_shared(self) -> bool {
        debug_assert_eq!(self.get().kind(), Kind::Shared);
        self.get().life.enter_shared()
    }

    /// Calls the handler of a continuation without a mutex, after `enter_shared` was answered with true.
    pub(crate) fn run_shared(self, event: &mut Event<'_>) -> Result<i32, CallError> {
        self.get().call_body(event)
    }

    /// The other end of `enter_shared`.
    pub(crate) fn leave_shared(self) {
        if self.get().life.leave_shared() {
            // SAFETY: `leave_shared` gave this thread the sole right.
            unsafe { self.get().drop_body() };
        }
    }

    pub(crate) fn destroy(self) -> Destroyed {
        let cell = self.get();
        if cell.life.mark_destroyed() == Mark::Already {
            return Destroyed::Already;
        }
        let destroyed = match cell.mutex() {
            None => {
                if cell.life.claim_drop() {
                    // SAFETY: `claim_drop` gave this thread the sole right.
                    unsafe { cell.drop_body() };
                    Destroyed::Now
                } else {
                    Destroyed::AfterHandler
                }
            }
            Some(mutex) => self.destroy_under(mutex),
        };
        cell.sweep_home();
        destroyed
    }

    fn destroy_under(self, mutex: &ProxyMutex) -> Destroyed {
        if let Some(_guard) = mutex.try_lock() {
            // SAFETY: the mutex is held.
            if unsafe { self.get().life.depth() } > 0 {
                return Destroyed::AfterHandler;
            }
            // SAFETY: the mutex is held and no call is on the stack.
            unsafe { self.get().drop_body() };
            return Destroyed::Now;
        }
        // The holder is on another thread. The barrier makes sure that it sees the flag when it next looks: of the calls of the
        // handler only one that was decided on before can still begin.
        ts_thread::fence::heavy();
        let this = self.retain();
        mutex.when_free(move |_| {
            // SAFETY: the mutex is held; it is run when the lock is let go of altogether, so no call is on the stack.
            unsafe { this.get().drop_body() };
            this.release_after_unlock(1);
        });
        Destroyed::AtUnlock
    }

    /// A handle of its own.
    pub(crate) fn handle(self) -> Continuation {
        Continuation::from_cell(self.retain())
    }
}

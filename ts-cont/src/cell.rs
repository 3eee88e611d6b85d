//! What a continuation is in memory, and the one place where its handler is called or dropped.
//!
//! A continuation is one piece: a front, which is what a dispatch reads, with the handler behind it, and a back, which is what
//! those need who schedule from elsewhere, on a cache line of its own (`pool.rs`). It is reached through [`Continuation`] (which
//! owns a reference) or through [`CellRef`] (a bare pointer that an event keeps valid, see `life.rs`). The handler is touched
//! only
//!
//! * under the continuation's mutex, or
//! * for a continuation without one, between `enter_shared` and `leave_shared`, and by the one thread that won
//!   `claim_drop`.
//!
//! The handler itself is in `handler.rs`.

use crate::affinity::ThreadRef;
use crate::ethread::Here;
use crate::event::{Event, Extras};
use crate::handler::{Body, Boxed, Call, Kind, Label, Name, Table};
use crate::home::{Home, Waited};
use crate::life::{Away, Held, Life, MAX_DEPTH, Mark, Release};
use crate::pool::{self, Size};
use crate::processor::numbers;
use crate::work::{Counted, Work};
use crate::{CallError, Continuation, processor};
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use ts_event::{When, prefetch};
use ts_mutex::{MutexGuard, ProxyMutex};

/// What a dispatch reads; the handler lies behind it.
#[repr(C)]
pub(crate) struct Front {
    held: Held,
    mutex: Option<ProxyMutex>,
    /// What to do with the handler.
    table: AtomicPtr<Table>,
    place: &'static Location<'static>,
}

/// What those read who schedule from elsewhere, and a dispatch does not.
#[repr(C)]
struct Back {
    away: Away,
    /// The threads that have this continuation's events.
    home: Home,
    /// The number of a thread; zero is none.
    affinity: AtomicU32,
}

const _: () = assert!(size_of::<Front>() == pool::HEAD);
const _: () = assert!(size_of::<Back>() == pool::BACK && align_of::<Back>() <= align_of::<Front>());

/// One continuation, as long as somebody keeps it alive.
#[derive(Clone, Copy)]
pub(crate) struct Cell<'a> {
    pub(crate) life: Life<&'a Away, &'a Held>,
    at: CellRef,
    front: &'a Front,
    back: &'a Back,
}

/// A pointer to a continuation that somebody else keeps alive: to its front, good for its whole memory.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct CellRef(NonNull<Front>);

// SAFETY: the handler and `table` are touched only as the module head says, which orders all accesses; the handler is `Send`,
// and shared between threads only for `Kind::Shared`, whose constructor asks for `Sync`. The rest is atomics and constants.
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

impl<'a> Cell<'a> {
    #[inline(always)]
    pub(crate) fn mutex(&self) -> Option<&'a ProxyMutex> {
        self.front.mutex.as_ref()
    }

    #[inline(always)]
    pub(crate) fn place(&self) -> &'static Location<'static> {
        self.front.place
    }

    /// What is to be done with the handler.
    #[inline(always)]
    fn table(&self) -> &'static Table {
        // Relaxed: it is changed once, by whoever has the handler alone, and the other table is as good for all but calls.
        let table = self.front.table.load(Ordering::Relaxed);
        // SAFETY: it is one of the tables of a type of handlers, which are constants.
        unsafe { &*table }
    }

    pub(crate) fn name(&self) -> Name {
        // SAFETY: the continuation is there, and the table is that of its handler's type.
        unsafe { (self.table().name)(self.at.0.cast()) }
    }

    /// How the continuation is called in reports.
    pub(crate) fn label(&self) -> String {
        match self.name() {
            Name::None => format!("continuation made at {}", self.place()),
            Name::OfPlace(name) => format!("{name} ({})", self.place()),
            Name::Whole(label) => label.to_owned(),
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        self.table().kind
    }

    pub(crate) fn affinity(&self) -> Option<ThreadRef> {
        // Relaxed: the number is all there is; threads are looked up in tables that order themselves.
        numbers::thread(self.back.affinity.load(Ordering::Relaxed))
    }

    /// The number of a thread.
    #[inline]
    pub(crate) fn has_affinity(&self, thread: u32) -> bool {
        // Relaxed: see `affinity`.
        self.back.affinity.load(Ordering::Relaxed) == thread
    }

    /// Numbers of threads; zero is none.
    pub(crate) fn exchange_affinity(&self, from: u32, to: u32) -> bool {
        // Relaxed, both: see `affinity`.
        self.back.affinity.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// The number of a thread; zero is none.
    pub(crate) fn set_affinity(&self, thread: u32) {
        // Relaxed: see `affinity`.
        self.back.affinity.store(thread, Ordering::Relaxed);
    }

    /// Says which processor it belongs to, for reports.
    pub(crate) fn belong_to(&self, processor: u32) {
        self.back.home.belong_to(processor);
    }

    /// Whether all of this continuation's events so far have waited on the thread with this number; false if there were
    /// none.
    #[inline(always)]
    pub(crate) fn is_home(&self, thread: u32) -> bool {
        self.back.home.is(thread)
    }

    /// Puts an event of this continuation into the inbox of `thread`, which is not the caller's, by way of `put`. The event
    /// may be over when this returns, so somebody else keeps the cell.
    pub(crate) fn send_home<R>(&self, thread: u32, put: impl FnOnce() -> R) -> R {
        self.back.home.send(&self.life, thread, numbers::processor_of, put, tell_sweep)
    }

    /// Notes that an event of this continuation is put into the queue of `thread`, which is the caller's.
    #[inline]
    pub(crate) fn stay_home(&self, thread: u32) {
        self.back.home.stay(&self.life, thread, numbers::processor_of, tell_sweep);
    }

    /// Has dead events looked for where some may wait. The flag is up.
    fn sweep_home(&self) {
        self.back.home.sweep(&self.life, tell_sweep);
    }

    /// Drops the handler and its data, if that was not done before.
    ///
    /// # Safety
    ///
    /// The caller has the handler alone: it holds the mutex and no call is on its stack, or it won `claim_drop`.
    unsafe fn drop_body(&self) {
        let table = self.table();
        let Some(gone) = table.gone else { return };
        // Relaxed: see `table`; whoever may drop the handler after this is ordered behind it by what gives them the right.
        self.front.table.store(ptr::from_ref(gone).cast_mut(), Ordering::Relaxed);
        // SAFETY: nobody else touches the handler, says the caller, and nobody will, says the table.
        let dropped = catch_unwind(AssertUnwindSafe(|| unsafe { (table.drop)(self.at.0.cast()) }));
        if dropped.is_err() {
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
        let (call, at) = (self.table().call, self.at);
        // SAFETY: the callers below are inside (`enter`, `enter_shared`), so nobody drops the handler meanwhile, and it has not
        // been dropped, since they saw the continuation alive. For an exclusive one they have seen that no other call is on
        // the stack of the mutex's holder.
        match catch_unwind(AssertUnwindSafe(|| unsafe { call(at.0.cast(), event) })) {
            Ok(number) => Ok(number),
            Err(panic) => {
                at.retire(&*panic);
                Err(CallError::Panicked)
            }
        }
    }
}

/// Has dead events looked for.
fn tell_sweep(waited: Waited) {
    match waited {
        Waited::Nowhere => {}
        Waited::One(thread) => numbers::thread(thread).into_iter().for_each(processor::tell_sweep),
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
    /// Makes a continuation; the reference is the caller's.
    pub(crate) fn new<H: Call>(
        mutex: Option<ProxyMutex>,
        name: Name,
        place: &'static Location<'static>,
        handler: H,
    ) -> Self {
        match name {
            Name::None => Self::with(mutex, place, (), handler),
            name => Self::with(mutex, place, name, handler),
        }
    }

    fn with<N: Label, H: Call>(
        mutex: Option<ProxyMutex>,
        place: &'static Location<'static>,
        name: N,
        handler: H,
    ) -> Self {
        if Body::<N, H>::FITS {
            Self::settle(mutex, place, Body { name, handler })
        } else {
            Self::settle(mutex, place, Body { name, handler: Boxed(Box::new(handler)) })
        }
    }

    fn settle<N: Label, H: Call>(
        mutex: Option<ProxyMutex>,
        place: &'static Location<'static>,
        body: Body<N, H>,
    ) -> Self {
        let table = Body::<N, H>::TABLE;
        let front = pool::take(table.size).cast::<Front>();
        let table = AtomicPtr::new(ptr::from_ref(table).cast_mut());
        // SAFETY: the unit is ours, and has room for both, one behind the other.
        unsafe {
            front.write(Front { held: Held::new(), mutex, table, place });
            front.byte_add(pool::HEAD).cast().write(body);
        }
        let this = Self(front);
        let cell = this.get();
        cell.back.home.forget();
        // Relaxed: the beginning of its life publishes it.
        cell.back.affinity.store(0, Ordering::Relaxed);
        cell.life.begin();
        this
    }

    /// Calls `f` with every continuation of this processor that is alive just now. It has a reference meanwhile, so if all
    /// others go, its handler is dropped here. Others' continuations are left alone: theirs may be dropped by nobody else.
    pub(crate) fn for_each_of(processor: u32, mut f: impl FnMut(Cell<'_>)) {
        pool::for_each(|front| {
            // SAFETY: a back is zero or was made, and is never taken apart; zero is a back.
            let back = unsafe { pool::back_of(front).cast::<Back>().as_ref() };
            let belongs = || back.home.belongs_to(processor, numbers::processor_of);
            if belongs() && back.away.try_retain() {
                // It has a reference now, so there is a continuation, and it stays.
                let this = Self(front.cast());
                // Another may have come to live here since.
                if belongs() {
                    f(this.get());
                }
                this.release(1);
            }
        });
    }

    #[inline(always)]
    pub(crate) fn get(&self) -> Cell<'_> {
        // SAFETY: whoever has a `CellRef` is kept company by a reference: a handle, an event that is counted, or that of
        // `for_each_of`. The unit has a back.
        let (front, back) =
            unsafe { (self.0.as_ref(), pool::back_of(self.0.cast()).cast::<Back>().as_ref()) };
        Cell { life: Life::of(&back.away, &front.held), at: *self, front, back }
    }

    /// Tells the processor that the continuation is needed soon.
    #[inline]
    pub(crate) fn prefetch(&self) {
        prefetch(self.0.as_ptr());
        prefetch(pool::back_of(self.0.cast()).as_ptr());
    }

    /// Tells the processor that what it refers to is needed soon.
    #[inline]
    pub(crate) fn prefetch_behind(&self) {
        let cell = self.get();
        if let Some(mutex) = cell.mutex() {
            prefetch(ptr::without_provenance::<u8>(mutex.id()));
        }
        if cell.table().size as u8 > Size::Small as u8 {
            prefetch(self.0.as_ptr().wrapping_byte_add(pool::LINE));
        }
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
        if mutex.held_by_current() {
            // SAFETY: the mutex is held here.
            return self.release(unsafe { self.get().life.remove_plain() });
        }
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
            self.end();
        }
    }

    /// Frees the memory; the last reference is gone.
    fn end(self) {
        let size = self.get().table().size;
        // SAFETY: nobody else refers to the continuation any more. Here, where a destructor that panics stays harmless.
        unsafe { self.get().drop_body() };
        // SAFETY: it was made in `settle`, and nobody reads it again.
        let mutex = unsafe { (&raw const (*self.0.as_ptr()).mutex).read() };
        // SAFETY: as above; the handler is dropped, the mutex taken out, and the rest needs no dropping.
        unsafe { pool::give(self.0.cast(), size) };
        drop(mutex);
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
        let most = if cell.kind() == Kind::Exclusive { 0 } else { MAX_DEPTH - 1 };
        // SAFETY: the mutex is held.
        if unsafe { cell.life.depth() } > most {
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
            // SAFETY: the mutex is held and no call is on the stack any more. Looked up anew, so that nothing of it has to lie
            // in memory during the call.
            unsafe { self.get().drop_body() };
        }
        outcome
    }

    /// Calls the handler for a dispatch: no call of it is on the stack. If the continuation comes to its end meanwhile by the
    /// hand of this very thread, the dispatch is told ([`Here::tell_dispatch`]) and has to call [`CellRef::bury`]; another
    /// thread sees to that by itself.
    ///
    /// # Safety
    ///
    /// As for [`CellRef::run_locked`], and this thread dispatches an event of it.
    #[inline(always)]
    pub(crate) unsafe fn run_first(self, event: &mut Event<'_>) {
        let cell = self.get();
        // SAFETY: the mutex is held, and a thread that dispatches has no call on its stack.
        unsafe { cell.life.enter_first() };
        // If it panicked the continuation is at its end.
        let _: Result<_, CallError> = cell.call_body(event);
        // SAFETY: the mutex is held, and entered above; calls from within the handler have returned.
        unsafe { self.get().life.leave_last() };
    }

    /// Drops the handler of a continuation that was destroyed during a call by [`CellRef::run_first`].
    ///
    /// # Safety
    ///
    /// The caller holds the mutex, and no call is on its stack.
    #[cold]
    #[inline(never)]
    pub(crate) unsafe fn bury(self) {
        let cell = self.get();
        debug_assert!(cell.life.is_destroyed(), "somebody said so");
        // SAFETY: as the caller says.
        unsafe { cell.drop_body() };
    }

    /// Ends the continuation whose handler panicked.
    #[cold]
    #[inline(never)]
    fn retire(self, panic: &(dyn std::any::Any + Send)) {
        let (cell, text) = (self.get(), panic_text(panic));
        tracing::error!(continuation = %cell.label(), panic = text, "a handler panicked; its continuation is retired");
        if processor::panics_abort() {
            std::process::abort();
        }
        // The handler is still on the stack, so it is dropped by whoever leaves it last.
        Here::tell_dispatch(self);
        if cell.life.mark_destroyed() == Mark::First {
            cell.sweep_home();
        }
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
                Here::tell_dispatch(self);
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

//! What an event thread has to itself: its queue, its slots, its tasks.

use super::credit::Credit;
use super::gather::Gather;
use super::own::Own;
use super::parked::Parked;
use super::running::Running;
use super::{EThread, Shared, Timing};
use crate::cell::CellRef;
use crate::event::{Extras, Message, Rearm, Said};
use crate::processor::group::Group;
use crate::processor::{Core, Inner};
use crate::work::{Counted, SLOTS, Scheduled, Work};
use crate::{Action, Cancel, Continuation, EventCode, EventProcessor, RearmError, ScheduleError};
use slab::Slab;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::hint::cold_path;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::num::NonZero;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;
use ts_event::{Cache, CallOff, Entry, Io, Key, Queue, Receiver, When};
use ts_thread::{ContextLocal, HrTime};

static CURRENT: ContextLocal<RefCell<Option<Here>>> = ContextLocal::new(|| RefCell::new(None));

/// Evidence that the code runs on an event thread, and what only that thread may do.
///
/// It cannot be sent or shared; it reaches code as [`crate::Event::here`], as the argument of start functions, or through
/// [`Here::current`].
pub struct Here {
    local: Rc<Local>,
}

/// Evidence without a share of its own in what it stands for.
pub(crate) struct Borrowed<'a> {
    here: ManuallyDrop<Here>,
    shared: PhantomData<&'a Local>,
}

impl Deref for Borrowed<'_> {
    type Target = Here;

    #[inline(always)]
    fn deref(&self) -> &Here {
        &self.here
    }
}

pub(crate) struct Local {
    pub(super) thread: EThread,
    pub(super) processor: EventProcessor,
    core: Arc<Core>,
    /// What its events are tagged with.
    pub(super) number: u32,
    pub(super) queue: Own<Queue<Work>>,
    pub(super) cache: Cache<Work>,
    pub(super) parked: RefCell<Parked>,
    /// Mutexes that are to be tried next, by their numbers: what came in as `woken`.
    pub(super) told: RefCell<VecDeque<usize>>,
    /// Mutexes that the thread naps for, by their numbers.
    pub(super) naps: RefCell<Vec<usize>>,
    /// Wakers of the futures that live here, so that none is forgotten at the end.
    pub(super) tasks: RefCell<Slab<Waker>>,
    pub(super) io: Option<Io>,
    pub(super) running: Running,
    /// What is to become of the event whose handler is running.
    pub(super) rearm: Cell<Rearm>,
    /// References of a continuation that are to be given back, once another one's are or the ready events have run: its
    /// count of references is written by those who schedule it from elsewhere.
    pub(super) debt: Cell<Option<(CellRef, usize)>>,
    /// Those of timers.
    pub(super) credit: Credit,
    pub(super) sweep: Cell<Sweep>,
    pub(super) gather: Gather,
    /// Whether `parked` has anything in it: asked for every event.
    pub(super) has_parked: Cell<bool>,
    pub(super) counts: Counting,
}

/// When dead events are looked for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sweep {
    /// A pass is to begin at this time.
    pub(super) at: Option<HrTime>,
    /// A pass is going on.
    pub(super) under_way: bool,
}

/// A number that only goes up.
#[derive(Debug, Default)]
pub(super) struct Count(Cell<u64>);

impl Count {
    #[inline(always)]
    pub(super) fn add(&self) {
        self.add_many(1);
    }

    #[inline(always)]
    pub(super) fn add_many(&self, many: u64) {
        self.0.set(self.0.get() + many);
    }
}

/// The thread's counts while it runs.
#[derive(Debug, Default)]
pub(super) struct Counting {
    pub(super) dispatched: Count,
    pub(super) missed: Count,
    pub(super) cancelled: Count,
    pub(super) tasks_dropped: Count,
    /// Futures polled, and other work that is no event.
    pub(super) others: Count,
}

impl Counting {
    /// What the thread has run so far, events or not.
    pub(super) fn run(&self) -> u64 {
        self.dispatched.0.get() + self.others.0.get()
    }

    pub(super) fn sum(&self) -> Counts {
        Counts {
            dispatched: self.dispatched.0.get(),
            missed: self.missed.0.get(),
            cancelled: self.cancelled.0.get(),
            tasks_dropped: self.tasks_dropped.0.get(),
        }
    }
}

/// What the thread did, for the report at shutdown.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) dispatched: u64,
    pub(crate) missed: u64,
    pub(crate) cancelled: u64,
    pub(crate) tasks_dropped: u64,
}

impl Here {
    /// The evidence, for code that runs on a regular event thread; none elsewhere.
    #[must_use]
    pub fn current() -> Option<Self> {
        Self::with_current(|here| Self { local: Rc::clone(&here.local) })
    }

    /// Lends the evidence for a thread's local half.
    ///
    /// # Safety
    ///
    /// `local` is what [`Rc::as_ptr`] gave for the local half of the calling context, which is still installed, and stays so
    /// for as long as the evidence is used.
    #[inline(always)]
    pub(super) unsafe fn lend<'a>(local: *const Local) -> Borrowed<'a> {
        // SAFETY: the caller vouches for the pointer; the reference it stands for is not given back.
        let here = ManuallyDrop::new(Self { local: unsafe { Rc::from_raw(local) } });
        Borrowed { here, shared: PhantomData }
    }

    pub(crate) fn with_current<R>(f: impl FnOnce(&Self) -> R) -> Option<R> {
        // A context whose storage is being torn down has no loop any more.
        CURRENT.try_with(|current| current.borrow().as_ref().map(f)).ok().flatten()
    }

    /// Makes the calling context an event thread.
    pub(super) fn install(
        shared: &Arc<Shared>,
        processor: Arc<Inner>,
        receiver: Receiver<Work>,
        io: Option<Io>,
    ) -> Self {
        let mut queue = Queue::new(receiver, shared.core.clock.now());
        queue.set_budget(shared.core.budget);
        let local = Rc::new(Local {
            thread: EThread::from_shared(Arc::clone(shared)),
            processor: EventProcessor::of_thread(processor),
            core: Arc::clone(&shared.core),
            number: shared.number,
            queue: Own::new(queue),
            cache: Cache::new(&SLOTS),
            parked: RefCell::new(Parked::default()),
            told: RefCell::new(VecDeque::new()),
            naps: RefCell::default(),
            tasks: RefCell::new(Slab::new()),
            io,
            running: Running::default(),
            rearm: Cell::new(Rearm::Unsaid),
            debt: Cell::new(None),
            credit: Credit::default(),
            sweep: Cell::new(Sweep::default()),
            gather: Gather::default(),
            has_parked: Cell::new(false),
            counts: Counting::default(),
        });
        shared.owner.install(Rc::as_ptr(&local));
        CURRENT.with(|current| *current.borrow_mut() = Some(Self { local: Rc::clone(&local) }));
        Self { local }
    }

    /// Ends what [`Here::install`] began.
    pub(super) fn uninstall() {
        let here = CURRENT.with(|current| current.borrow_mut().take());
        if let Some(here) = &here {
            here.thread().shared().owner.uninstall();
        }
        drop(here);
    }

    pub(super) fn group(&self) -> &Group {
        let group = self.local.thread.shared().reference().group;
        self.local.processor.inner().group(group).expect("a thread's group exists")
    }

    #[inline(always)]
    pub(super) fn local(&self) -> &Local {
        &self.local
    }

    /// The thread under our feet, as a target.
    #[must_use]
    #[inline]
    pub fn thread(&self) -> &EThread {
        &self.local.thread
    }

    /// The processor it belongs to.
    #[must_use]
    pub fn processor(&self) -> EventProcessor {
        self.local.processor.clone()
    }

    /// The processor it belongs to, lent: for calls that are made often, since the count of handles is shared by all threads.
    #[must_use]
    pub fn processor_ref(&self) -> &EventProcessor {
        &self.local.processor
    }

    /// The time on the processor's clock.
    #[must_use]
    pub fn now(&self) -> HrTime {
        self.local.thread.shared().core.clock.now()
    }

    /// Readiness of sockets and pipes on this thread; none if its group does not wait for I/O.
    #[must_use]
    pub fn io(&self) -> Option<&Io> {
        self.local.io.as_ref()
    }

    /// As [`EThread::schedule_imm`], on this thread.
    ///
    /// # Errors
    ///
    /// As for [`EThread::schedule_imm`].
    // A few instructions and two calls: in the handler, the answer goes straight into what it does with it.
    #[inline(always)]
    pub fn schedule_imm(
        &self,
        continuation: &Continuation,
        message: impl Into<Message>,
    ) -> Result<Action, ScheduleError> {
        let (code, extra) = message.into().into_parts();
        if extra.is_none()
            && let Some(action) = self.schedule_own(continuation, code.unwrap_or(EventCode::IMMEDIATE))
        {
            return Ok(action);
        }
        self.schedule_any(continuation, Message::from_parts(code, extra))
    }

    /// As [`Here::schedule_imm`], of what [`Here::schedule_own`] does not take.
    #[inline(never)]
    fn schedule_any(&self, continuation: &Continuation, message: Message) -> Result<Action, ScheduleError> {
        self.thread().schedule_imm(continuation, message)
    }

    /// The thread's [`EThread::number`].
    #[must_use]
    #[inline]
    pub fn number(&self) -> NonZero<u32> {
        NonZero::new(self.local.number).expect("numbers begin at one")
    }

    /// Whether this is the thread that scheduling prefers for `continuation`: its affinity.
    #[must_use]
    #[inline]
    pub fn is_affinity_of(&self, continuation: &Continuation) -> bool {
        continuation.cell().get().has_affinity(self.local.number)
    }

    /// As [`EThread::schedule_at`], on this thread.
    ///
    /// # Errors
    ///
    /// As for [`EThread::schedule_imm`].
    #[inline(always)]
    pub fn schedule_at(
        &self,
        continuation: &Continuation,
        at: HrTime,
        message: impl Into<Message>,
    ) -> Result<Action, ScheduleError> {
        let (code, extra) = message.into().into_parts();
        if extra.is_none()
            && let Some(action) = self.schedule_own_at(continuation, at, code.unwrap_or(EventCode::INTERVAL))
        {
            return Ok(action);
        }
        self.schedule_any_at(continuation, at, Message::from_parts(code, extra))
    }

    /// As [`Here::schedule_at`], of what [`Here::schedule_own_at`] does not take.
    #[inline(never)]
    fn schedule_any_at(
        &self,
        continuation: &Continuation,
        at: HrTime,
        message: Message,
    ) -> Result<Action, ScheduleError> {
        self.thread().schedule_at(continuation, at, message)
    }

    /// The fewest steps to a timer with nothing but `code`; none if this is not the case for them, and then nothing has been done.
    #[inline(never)]
    fn schedule_own_at(&self, continuation: &Continuation, at: HrTime, code: EventCode) -> Option<Action> {
        // Another context of this system thread may be asking, or the loop may have ended.
        let here = self.thread().shared().owner.here()?;
        if continuation.is_destroyed() || here.local.core.is_closing() {
            return None;
        }
        Some(here.place_at(continuation.cell(), at, code, &mut Extras::default()))
    }

    /// As [`EThread::schedule_in`], on this thread.
    ///
    /// # Errors
    ///
    /// As for [`EThread::schedule_imm`].
    pub fn schedule_in(
        &self,
        continuation: &Continuation,
        delay: Duration,
        message: impl Into<Message>,
    ) -> Result<Action, ScheduleError> {
        self.schedule_at(continuation, self.now().saturating_add(delay), message)
    }

    /// As [`EThread::schedule_every`], on this thread.
    ///
    /// # Errors
    ///
    /// As for [`EThread::schedule_every`].
    pub fn schedule_every(
        &self,
        continuation: &Continuation,
        period: Duration,
        message: impl Into<Message>,
    ) -> Result<Action, ScheduleError> {
        self.local.thread.submit(continuation, Timing::Every(period), message.into())
    }

    /// Puts an event straight into the queue.
    #[inline(always)]
    pub(crate) fn place(&self, scheduled: Scheduled, when: When) -> Action {
        let cell = scheduled.cell();
        if !cell.get().is_home(self.local.number) {
            self.note_home(cell);
        }
        let entry = self.local.cache.tagged(Work::Call(scheduled), self.local.number);
        let action = Action::new(entry.key());
        self.local.queue.borrow_mut().push(entry, when);
        action
    }

    /// The fewest steps from a handler to the next event of its own continuation, for now and on its own thread, with nothing
    /// but `code`; none if this is not the case for them, and then nothing has been done. [`Here::schedule_imm`] is for all
    /// cases, and begins with this one.
    ///
    /// It does not panic.
    //
    // While the handler runs the thread does not sleep, and looks into the queue when it returns: so it need not be asked whether
    // the evidence is used on its thread. Nothing is called, so that there need be no place to save anything.
    #[must_use = "without an action nothing is scheduled"]
    #[inline(never)]
    pub fn schedule_own(&self, continuation: &Continuation, code: EventCode) -> Option<Action> {
        let local = &*self.local;
        let cell = continuation.cell();
        if !local.running.is_of(cell)
            // It is seen as the holder of the mutex sees it: that lies where the handler's thread looks anyway.
            || cell.get().life.is_dead()
            || local.core.is_closing()
        {
            cold_path();
            return None;
        }
        // SAFETY: the mutex of the continuation whose handler runs is held by this thread, and its event is counted plainly.
        let count = || unsafe {
            cell.get().life.add_another();
            Counted::Plain
        };
        self.place_at_hand(cell, count, code, &mut Extras::default())
    }

    /// Puts an event for now straight into the queue, if all that this takes is at hand, and has it counted by `count`; `code` and
    /// `extra` are what it carries. The continuation's events have waited on this thread before.
    #[inline(always)]
    pub(super) fn place_at_hand(
        &self,
        cell: CellRef,
        count: impl Fn() -> Counted,
        code: EventCode,
        extra: &mut Extras,
    ) -> Option<Action> {
        let local = &*self.local;
        let place = |queue: &mut Queue<Work>| {
            queue.with_room(|room| {
                // Before the event is counted: from there on nothing fails, so that it can be made where it stays.
                let vacant = local.cache.vacant_at_hand()?;
                let scheduled = Scheduled::counted(cell, count(), code, extra);
                let (entry, key) = vacant.fill_keyed(Work::Call(scheduled), local.number);
                room.push(entry);
                Some(Action::new(key))
            })
        };
        // SAFETY: nothing foreign is called, and nobody holds the queue while he schedules.
        unsafe { local.queue.step(place) }
    }

    /// Puts an event for a time straight into the queue, and has it counted; `code` and `extra` are what it carries.
    #[inline(always)]
    pub(super) fn place_at(&self, cell: CellRef, at: HrTime, code: EventCode, extra: &mut Extras) -> Action {
        let local = &*self.local;
        if !self.is_home_of(cell) {
            self.note_home(cell);
        }
        // First, so that the event is made where it stays: what is put together elsewhere, and read in larger parts than it was
        // written in, waits for all that was written before.
        let vacant = local.cache.vacant();
        let scheduled = Scheduled::counted(cell, local.credit.count_event(cell), code, extra);
        let (entry, key) = vacant.fill_keyed(Work::Call(scheduled), local.number);
        // SAFETY: nothing foreign is called, and nobody holds the queue while he schedules.
        unsafe { local.queue.step(|queue| queue.push_at(entry, at)) };
        Action::new(key)
    }

    /// Whether all events of the continuation have waited on this thread so far.
    #[inline(always)]
    pub(super) fn is_home_of(&self, cell: CellRef) -> bool {
        cell.get().is_home(self.local.number)
    }

    #[cold]
    #[inline(never)]
    fn note_home(&self, cell: CellRef) {
        // A sweep that this asks for comes later, and so finds the event.
        cell.get().stay_home(self.local.number);
    }

    /// The action of the event whose handler is running.
    pub(crate) fn running(&self) -> Option<Action> {
        self.local.running.spot().map(|spot| Action::new(spot.key()))
    }

    pub(crate) fn new_entry(&self, work: Option<Work>) -> Option<Entry<Work>> {
        work.map(|work| self.local.cache.entry(work))
    }

    pub(crate) fn push(&self, work: Work, when: When) {
        let entry = self.local.cache.tagged(work, self.local.number);
        self.local.queue.borrow_mut().push(entry, when);
    }

    /// As `push`, and returns how to find it again.
    pub(crate) fn push_keyed(&self, work: Work, when: When) -> Key<Work> {
        let entry = self.local.cache.tagged(work, self.local.number);
        let key = entry.key();
        self.local.queue.borrow_mut().push(entry, when);
        key
    }

    /// Says what becomes of the event under dispatch.
    #[inline]
    pub(crate) fn rearm(&self, rearm: Rearm) -> Result<(), RearmError> {
        if self.local.core.is_closing() {
            return Err(RearmError::ShuttingDown);
        }
        match self.local.rearm.get() {
            Rearm::Unsaid | Rearm::Now | Rearm::At(_) | Rearm::Every(_) => {
                self.local.rearm.set(rearm);
                Ok(())
            }
            Rearm::Stopped | Rearm::Over(_) => self.rearm_in_vain(),
        }
    }

    /// Says so of an event that does not run again.
    #[cold]
    fn rearm_in_vain(&self) -> Result<(), RearmError> {
        let before = self.local.rearm.get();
        if before.said() == Said::Stopped {
            return Err(RearmError::Cancelled);
        }
        self.local.rearm.set(before.but(Said::Again));
        Ok(())
    }

    /// Has the dispatch drop the handler of a continuation that this thread has just destroyed, if it is in it.
    #[cold]
    pub(crate) fn tell_dispatch(cell: CellRef) {
        Self::with_current(|here| {
            if here.local.running.is_of(cell) {
                here.local.rearm.set(Rearm::Over(here.local.rearm.get().said()));
            }
        });
    }

    /// Cancels a timer of the calling thread that is in its wheel. None if it is no such event, and then nothing has been done.
    #[inline(always)]
    pub(crate) fn cancel_timer(key: Key<Work>) -> Option<Cancel> {
        let cancel = |current: &RefCell<Option<Self>>| {
            // SAFETY: it is written by the loop before and after all else, with nothing of this on the stack.
            let here = unsafe { current.try_borrow_unguarded() }.ok()?.as_ref()?;
            let local = here.local();
            // SAFETY: nothing foreign is called, and nobody holds the queue while he cancels.
            let entry = unsafe { local.queue.step(|queue| queue.remove_timer(key)) }?;
            Some(match entry.bare() {
                Some(cell) => {
                    // SAFETY: all entries of kind `Work` are of its one pool.
                    let found = unsafe { local.cache.call_off_own_forgetting(entry) };
                    // Nothing else of it had to be dropped.
                    local.credit.give_back(cell);
                    found.into()
                }
                None => local.call_off(entry),
            })
        };
        CURRENT.try_with(cancel).ok().flatten()
    }

    /// Cancels an event whose owner is `owner`. None if the caller has to go the long way.
    ///
    /// No other thread dispatches this thread's events, so there is nobody to race with but other cancellers, and they
    /// are answered by the slot.
    pub(crate) fn cancel_own(&self, key: Key<Work>, owner: u32) -> Option<Cancel> {
        let local = &*self.local;
        if owner != local.number {
            return None;
        }
        if local.running.spot().is_some_and(|spot| spot.key() == key) {
            let before = local.rearm.get();
            local.rearm.set(before.but(Said::Stopped));
            return Some(match before.said() {
                Said::Again => Cancel::Cancelled,
                Said::Nothing | Said::Stopped => Cancel::Running,
            });
        }
        let mut entry = local.queue.borrow_mut().remove(key);
        if entry.is_none() && local.has_parked.get() {
            entry = Parked::remove(&local.parked, key);
        }
        // A canceller elsewhere may be at it as well: the slot knows who was first.
        let found = match entry {
            // Nobody but its owner can have it run, and that is this call now.
            Some(entry) => return Some(local.call_off(entry)),
            None => {
                // This thread does what the event's owner does, so it needs no fence.
                let found = key.call_off_here();
                if found == CallOff::BeforeRun {
                    // It is still in the inbox, if it is a timer perhaps for long: this comes behind it.
                    drop(local.thread.shared().send_work(Work::Unlink(key)));
                }
                found
            }
        };
        Some(found.into())
    }

    /// Ends an entry that will not be dispatched; its slot stays with this thread.
    pub(crate) fn drop_entry(&self, entry: Entry<Work>) {
        drop(self.local.cache.take(entry));
    }

    /// Looks for dead events within [`crate::SWEEP_DELAY`] from now.
    pub(crate) fn request_sweep(&self) {
        let mut sweep = self.local.sweep.get();
        if sweep.at.is_none() {
            sweep.at = Some(self.now().saturating_add(crate::SWEEP_DELAY));
            self.local.sweep.set(sweep);
        }
    }

    pub(crate) fn enter_task(&self, waker: Waker) -> usize {
        self.local.tasks.borrow_mut().insert(waker)
    }

    pub(crate) fn leave_task(&self, index: usize) {
        let waker = self.local.tasks.borrow_mut().try_remove(index);
        drop(waker);
    }
}

impl Local {
    /// Calls off an event that waited here, and drops what it carries.
    #[inline(never)]
    fn call_off(&self, entry: Entry<Work>) -> Cancel {
        let (work, found) = self.cache.call_off(entry);
        drop(work);
        found.into()
    }
}

impl fmt::Debug for Here {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Here({})", self.local.thread.name())
    }
}

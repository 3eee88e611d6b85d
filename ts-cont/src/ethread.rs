//! An event thread: as a target that any thread may hold, and as the ground under the feet of the code it runs.
//!
//! [`EThread`] is a handle: `Send`, `Sync`, good for scheduling from anywhere. [`Here`] is evidence: it cannot leave its
//! thread, so whoever holds one runs on that event thread, and what it offers needs no atomic operation.

mod again;
mod credit;
pub(crate) mod dispatch;
mod gather;
pub(crate) mod local;
mod measure;
mod naps;
mod own;
mod owner;
pub(crate) mod parked;
mod retry;
pub(crate) mod run;
mod running;
mod stay;

pub use local::Here;

use crate::affinity::ThreadRef;
use crate::event::{Extras, Message, Period};
use crate::metrics::Measured;
use crate::processor::{self, Core, numbers};
use crate::work::{SLOTS, Scheduled, Work};
use crate::{Action, Continuation, EventCode, EventType, Refusal, ScheduleError};
use crossbeam_utils::CachePadded;
use owner::Owner;
use std::fmt;
use std::num::NonZero;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use ts_event::{Cache, Entry, Pushed, Sender, Wakeup, When};
use ts_mutex::ProxyMutex;
use ts_thread::{ContextId, ContextLocal, HrTime};

/// Slots for events that threads without a queue of their own send.
static OUTSIDE: ContextLocal<Cache<Work>> = ContextLocal::new(|| Cache::new(&SLOTS));

/// Whether a thread has an event loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ThreadType {
    /// Runs its start continuation, then its queue until it is stopped.
    Regular,
    /// Runs its start continuation and ends.
    Dedicated,
}

/// An event thread, as a target for work.
///
/// Clones are the same thread. The handle may outlive the thread; scheduling then fails with [`Refusal::ShuttingDown`].
#[derive(Clone)]
pub struct EThread {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    reference: ThreadRef,
    /// What its events are tagged with.
    pub(crate) number: u32,
    name: String,
    kind: ThreadType,
    mutex: ProxyMutex,
    sender: Option<Sender<Work>>,
    pub(crate) core: Arc<Core>,
    /// Set by the thread itself before it first sleeps, so before anybody can be told to wake it.
    wakeup: OnceLock<Arc<dyn Wakeup>>,
    pub(crate) owner: Owner,
    pub(crate) flags: CachePadded<Flags>,
    /// Mutexes that may be tried again, by their numbers.
    pub(crate) woken: Mutex<Vec<usize>>,
    /// What its turns were like, once that has been asked for.
    measured: OnceLock<Box<Measured>>,
}

/// What others tell the thread, and what it tells them, between two events.
#[derive(Default)]
pub(crate) struct Flags {
    /// What wants to be looked at before the next handler: [`URGENT`], [`DRAIN`], [`STOP`]. One word, since every event asks.
    attention: AtomicU8,
    /// A handler is running.
    pub(crate) in_handler: AtomicBool,
}

/// Something in `woken` can be tried.
const URGENT: u8 = 1;
/// [`Stop::Drain`].
const DRAIN: u8 = 2;
/// [`Stop::Now`].
const STOP: u8 = 4;

impl Flags {
    /// Has the thread look at `woken`, which was written before.
    pub(crate) fn raise_urgent(&self) {
        // Release [urgent]: the list is written before the flag is seen.
        self.attention.fetch_or(URGENT, Ordering::Release);
    }

    /// Whether `woken` is to be looked at, for the thread itself; if so, the list can be read.
    pub(crate) fn take_urgent(&self) -> bool {
        // Relaxed: a first look, that costs less; most calls find nothing.
        self.is_urgent() && {
            // Acquire [urgent]: the list was written before the flag. A number that comes later raises the flag again.
            self.attention.fetch_and(!URGENT, Ordering::Acquire) & URGENT != 0
        }
    }

    /// Whether `woken` is to be looked at.
    pub(crate) fn is_urgent(&self) -> bool {
        // Relaxed: ordered against `in_handler` by the fence pair (see `parked.rs`); `take_urgent` acquires.
        self.attention.load(Ordering::Relaxed) & URGENT != 0
    }

    /// Whether something wants to be looked at before the next handler.
    #[inline(always)]
    pub(crate) fn wants_attention(&self) -> bool {
        // Relaxed: what the bits stand for is looked at with the order it takes.
        self.attention.load(Ordering::Relaxed) & (URGENT | STOP) != 0
    }

    fn stop(&self, stop: Stop) {
        let bit = match stop {
            Stop::No => return,
            Stop::Drain => DRAIN,
            Stop::Now => STOP,
        };
        // Release [stop]: whatever the stopper did comes before the thread sees it.
        self.attention.fetch_or(bit, Ordering::Release);
    }

    fn asked_to_stop(&self) -> Stop {
        // Acquire [stop]: the other end of `stop`.
        match self.attention.load(Ordering::Acquire) {
            bits if bits & STOP != 0 => Stop::Now,
            bits if bits & DRAIN != 0 => Stop::Drain,
            _ => Stop::No,
        }
    }
}

/// How the loop is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    No,
    /// Run what is ready, then end.
    Drain,
    /// End at once.
    Now,
}

/// When an event is to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timing {
    Now,
    At(HrTime),
    In(Duration),
    Every(Duration),
    Poll(u64),
}

impl Timing {
    /// The code that is delivered unless another is asked for.
    pub(crate) fn code(self) -> EventCode {
        match self {
            Self::Now => EventCode::IMMEDIATE,
            Self::At(_) | Self::In(_) | Self::Every(_) => EventCode::INTERVAL,
            Self::Poll(_) => EventCode::POLL,
        }
    }

    /// Where the event waits; a period goes into the message.
    pub(crate) fn resolve(self, core: &Core, message: &mut Message) -> When {
        match self {
            Self::Now => When::Now,
            Self::At(at) => When::At(at),
            Self::In(delay) => When::At(core.clock.now().saturating_add(delay)),
            Self::Every(period) => {
                let due = core.clock.now().saturating_add(period);
                message.extra_mut().period = Some(Period::Every { period, due });
                When::At(due)
            }
            Self::Poll(order) => {
                message.extra_mut().period = Some(Period::Poll(order));
                When::Poll(order)
            }
        }
    }

    pub(crate) fn check(self, continuation: &Continuation, core: &Core) -> Result<(), Refusal> {
        if continuation.is_destroyed() {
            Err(Refusal::Destroyed)
        } else if core.is_closing() {
            Err(Refusal::ShuttingDown)
        } else if self == Self::Every(Duration::ZERO) {
            Err(Refusal::ZeroPeriod)
        } else {
            Ok(())
        }
    }
}

impl Shared {
    pub(crate) fn new(
        reference: ThreadRef,
        name: String,
        kind: ThreadType,
        sender: Option<Sender<Work>>,
        core: Arc<Core>,
    ) -> Arc<Self> {
        Arc::new(Self {
            reference,
            number: numbers::number(reference),
            name,
            kind,
            mutex: ProxyMutex::new(),
            sender,
            core,
            wakeup: OnceLock::new(),
            owner: Owner::default(),
            flags: CachePadded::new(Flags::default()),
            woken: Mutex::new(Vec::new()),
            measured: OnceLock::new(),
        })
    }

    pub(crate) fn install(&self, context: ContextId, wakeup: Option<Arc<dyn Wakeup>>) {
        self.owner.is_context(context);
        if let Some(wakeup) = wakeup {
            let _ = self.wakeup.set(wakeup);
        }
    }

    /// Puts work into the inbox, and wakes the thread if it sleeps. The work comes back if the thread has closed its inbox.
    pub(crate) fn send(&self, entry: Entry<Work>, when: When) -> Result<(), Entry<Work>> {
        let Some(sender) = &self.sender else { return Err(entry) };
        match sender.push(entry, when) {
            Ok(Pushed::Sleeping) => {
                if let Some(wakeup) = self.wakeup.get() {
                    wakeup.wakeup();
                }
                Ok(())
            }
            Ok(_) => Ok(()),
            Err(closed) => Err(closed.0),
        }
    }

    /// Orders what the caller has done before whatever is put into the inbox from now on.
    pub(crate) fn pass_inbox(&self) {
        if let Some(sender) = &self.sender {
            sender.pass();
        }
    }

    /// Sends work that is not an event, and so is nobody's to cancel.
    pub(crate) fn send_work(&self, work: Work) -> Result<(), Work> {
        let entry = new_entry(work, self.number);
        self.send(entry, When::Now).map_err(Entry::into_inner)
    }

    /// Makes the thread look at its flags.
    pub(crate) fn nudge(&self) {
        // A thread that has closed its inbox looks at nothing any more.
        let _ = self.send_work(Work::Nudge);
    }

    pub(crate) fn stop(&self, stop: Stop) {
        self.flags.stop(stop);
        self.nudge();
    }

    pub(crate) fn asked_to_stop(&self) -> Stop {
        self.flags.asked_to_stop()
    }

    pub(crate) fn reference(&self) -> ThreadRef {
        self.reference
    }
}

/// An occupied slot, from the calling thread's own share of them.
pub(crate) fn new_entry(work: Work, owner: u32) -> Entry<Work> {
    let mut work = Some(work);
    let entry = Here::with_current(|here| here.new_entry(work.take())).flatten();
    let entry =
        entry.or_else(|| OUTSIDE.try_with(|cache| work.take().map(|work| cache.entry(work))).ok().flatten());
    // A context that is being torn down has no share any more.
    let entry = entry.or_else(|| work.take().map(|work| SLOTS.entry(work))).expect("one of them took it");
    entry.set_tag(owner);
    entry
}

impl EThread {
    pub(crate) fn from_shared(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// What its turns were like, if that has been asked for.
    pub(crate) fn measured(&self) -> Option<&Measured> {
        self.shared.measured.get().map(|measured| &**measured)
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(crate) fn thread_ref(&self) -> ThreadRef {
        self.shared.reference
    }

    /// Makes the handle a plain pointer, for the other side of a language border. It keeps what the handle keeps alive. Two
    /// handles of the same thread give the same pointer.
    #[must_use]
    pub fn into_raw(self) -> NonNull<()> {
        let shared = Arc::into_raw(self.shared).cast_mut().cast();
        NonNull::new(shared).expect("an Arc is never null")
    }

    /// The handle that [`EThread::into_raw`] took apart.
    ///
    /// # Safety
    ///
    /// The pointer came from `into_raw` and is made a handle once for each such call.
    #[must_use]
    pub unsafe fn from_raw(raw: NonNull<()>) -> Self {
        // SAFETY: the caller vouches that the pointer is that of an `Arc` whose count passes to the new handle.
        Self { shared: unsafe { Arc::from_raw(raw.as_ptr().cast::<Shared>()) } }
    }

    /// A number that no other event thread of the process has, or ever had; it is below 2³⁰.
    #[must_use]
    pub fn number(&self) -> NonZero<u32> {
        NonZero::new(self.shared.number).expect("numbers begin at one")
    }

    /// The thread with this [`EThread::number`], as long as there are handles of its processor, also when it has ended; none
    /// for a dedicated thread.
    #[must_use]
    pub fn from_number(number: NonZero<u32>) -> Option<Self> {
        processor::find_thread(numbers::thread(number.get())?)
    }

    /// The event thread that runs the caller, regular or dedicated; none on any other thread.
    #[must_use]
    pub fn current() -> Option<Self> {
        Here::with_current(|here| here.thread().clone()).or_else(crate::processor::spawn::current_dedicated)
    }

    /// Whether the caller runs on this thread.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.shared.owner.is_current()
    }

    /// The full name, such as `[ET_NET 0]`; the operating system shows its first 15 bytes.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Regular or dedicated.
    #[must_use]
    pub fn kind(&self) -> ThreadType {
        self.shared.kind
    }

    /// The group it belongs to; none for a dedicated thread.
    #[must_use]
    pub fn group(&self) -> Option<EventType> {
        (self.shared.kind == ThreadType::Regular).then_some(self.shared.reference.group)
    }

    /// Its place in its group, from zero.
    #[must_use]
    pub fn index(&self) -> usize {
        self.shared.reference.index()
    }

    /// The thread's own mutex. It is free unless somebody locked it, like any other.
    #[must_use]
    pub fn mutex(&self) -> &ProxyMutex {
        &self.shared.mutex
    }

    /// Runs `continuation` once on this thread, after everything that is queued there for now.
    ///
    /// Any thread may call it. On this very thread it costs no atomic operation while the caller holds the continuation's
    /// mutex, as its handler does. The handler never runs inside this call. Without a code in the message
    /// [`EventCode::IMMEDIATE`] is delivered. The continuation's affinity is neither used nor changed.
    ///
    /// # Errors
    ///
    /// [`ScheduleError`] with [`Refusal::NoLoop`], [`Refusal::Destroyed`] or [`Refusal::ShuttingDown`]; the message comes
    /// back in it.
    #[inline]
    pub fn schedule_imm(
        &self,
        continuation: &Continuation,
        message: impl Into<Message>,
    ) -> Result<Action, ScheduleError> {
        let (code, mut extra) = message.into().into_parts();
        match self.schedule_here(continuation, code.unwrap_or(EventCode::IMMEDIATE), &mut extra) {
            Some(action) => Ok(action),
            None => self.submit(continuation, Timing::Now, Message::from_parts(code, extra)),
        }
    }

    /// Runs `continuation` once on this thread at `at` on the processor's clock, never before.
    ///
    /// A time in the past is as soon as possible. The usual code is [`EventCode::INTERVAL`]. See
    /// [`EThread::schedule_imm`].
    ///
    /// # Errors
    ///
    /// As for [`EThread::schedule_imm`].
    pub fn schedule_at(
        &self,
        continuation: &Continuation,
        at: HrTime,
        message: impl Into<Message>,
    ) -> Result<Action, ScheduleError> {
        let (code, mut extra) = message.into().into_parts();
        match self.schedule_here_at(continuation, at, code.unwrap_or(EventCode::INTERVAL), &mut extra) {
            Some(action) => Ok(action),
            None => self.submit(continuation, Timing::At(at), Message::from_parts(code, extra)),
        }
    }

    /// Runs `continuation` once on this thread, at least `delay` from now. Delays beyond the clock's range mean never.
    ///
    /// The usual code is [`EventCode::INTERVAL`]. See [`EThread::schedule_imm`].
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
        self.schedule_at(continuation, self.shared.core.clock.now().saturating_add(delay), message)
    }

    /// Runs `continuation` on this thread every `period`, the first time one period from now.
    ///
    /// The usual code is [`EventCode::INTERVAL`]; [`Message::missed_ticks`] says what becomes of ticks that were missed. See
    /// [`EThread::schedule_imm`].
    ///
    /// # Errors
    ///
    /// As for [`EThread::schedule_imm`]; [`Refusal::ZeroPeriod`] for a period of zero.
    pub fn schedule_every(
        &self,
        continuation: &Continuation,
        period: Duration,
        message: impl Into<Message>,
    ) -> Result<Action, ScheduleError> {
        self.submit(continuation, Timing::Every(period), message.into())
    }

    /// Runs `continuation` in every turn of this thread's loop, those with a lower `order` first.
    ///
    /// A turn comes after at most a budget of events, and at least every [`crate::POLL_INTERVAL`] while there are poll
    /// events. (The original asks for it with a negative period, the one nearest to zero first.) The usual code is
    /// [`EventCode::POLL`]. See [`EThread::schedule_imm`].
    ///
    /// # Errors
    ///
    /// As for [`EThread::schedule_imm`].
    pub fn schedule_poll(
        &self,
        continuation: &Continuation,
        order: u64,
        message: impl Into<Message>,
    ) -> Result<Action, ScheduleError> {
        self.submit(continuation, Timing::Poll(order), message.into())
    }

    /// The fewest steps from a handler into its own thread's queue; none if this is not the case for them, and then nothing
    /// has been taken.
    ///
    /// It calls nothing, so that it needs no place to save anything: what is not at hand is left to `submit`.
    #[inline(never)]
    pub(crate) fn schedule_here(
        &self,
        continuation: &Continuation,
        code: EventCode,
        extra: &mut Extras,
    ) -> Option<Action> {
        let shared = &*self.shared;
        let here = shared.owner.here()?;
        let cell = continuation.cell();
        if continuation.is_destroyed() || shared.core.is_closing() || !here.is_home_of(cell) {
            return None;
        }
        here.place_at_hand(cell, || cell.count_event(), code, extra)
    }

    /// As [`EThread::schedule_here`], for a time.
    #[inline(never)]
    fn schedule_here_at(
        &self,
        continuation: &Continuation,
        at: HrTime,
        code: EventCode,
        extra: &mut Extras,
    ) -> Option<Action> {
        let shared = &*self.shared;
        let here = shared.owner.here()?;
        if continuation.is_destroyed() || shared.core.is_closing() {
            return None;
        }
        Some(here.place_at(continuation.cell(), at, code, extra))
    }

    #[inline(never)]
    pub(crate) fn submit(
        &self,
        continuation: &Continuation,
        timing: Timing,
        mut message: Message,
    ) -> Result<Action, ScheduleError> {
        let shared = &self.shared;
        if let Err(refusal) = timing.check(continuation, &shared.core) {
            return Err(ScheduleError::new(refusal, message));
        }
        if shared.kind == ThreadType::Dedicated {
            return Err(ScheduleError::new(Refusal::NoLoop, message));
        }
        let when = timing.resolve(&shared.core, &mut message);
        self.place(continuation, timing.code(), message, when)
    }

    /// Puts an event of `continuation` into this thread's queue, directly when the caller runs on it. Without a code in
    /// the message it carries `code`.
    pub(crate) fn place(
        &self,
        continuation: &Continuation,
        code: EventCode,
        message: Message,
        when: When,
    ) -> Result<Action, ScheduleError> {
        let cell = continuation.cell();
        let (own_code, mut extra) = message.into_parts();
        let code = own_code.unwrap_or(code);
        if let Some(here) = self.shared.owner.here() {
            return Ok(here.place(Scheduled::counted(cell, cell.count_event(), code, &mut extra), when));
        }
        // The event may be over as soon as it is sent; the caller's handle keeps the cell.
        // Not asked whether the caller holds the mutex: the answer lies where the holder writes all the time.
        let scheduled = Scheduled::counted(cell, cell.count_shared(), code, &mut extra);
        let entry = new_entry(Work::Call(scheduled), self.shared.number);
        let action = Action::new(entry.key());
        // If it is destroyed meanwhile, the sweep for that may be through before the event comes.
        let sent = cell.get().send_home(self.shared.number, || self.shared.send(entry, when));
        sent.map(|()| action).map_err(refused)
    }

    /// Places an event that waited, in its slot, for this thread to exist.
    pub(crate) fn place_entry(&self, entry: Entry<Work>, when: When) {
        entry.set_tag(self.shared.number);
        let Work::Call(scheduled) = &*entry else { unreachable!("only events wait for a thread") };
        // The event may be over as soon as it is sent.
        let cell = scheduled.cell().retain();
        // As in `place`. A thread that is gone already runs nothing; dropping the entry counts it off.
        drop(cell.get().send_home(self.shared.number, || self.shared.send(entry, when)));
        cell.release(1);
    }
}

/// An entry came back: so does its message.
pub(crate) fn refused(entry: Entry<Work>) -> ScheduleError {
    let message = match entry.into_inner() {
        Work::Call(scheduled) => scheduled.into_message(),
        _ => Message::default(),
    };
    ScheduleError::new(Refusal::ShuttingDown, message)
}

impl PartialEq for EThread {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl Eq for EThread {}

impl fmt::Debug for EThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EThread({}, {:?})", self.shared.name, self.shared.kind)
    }
}

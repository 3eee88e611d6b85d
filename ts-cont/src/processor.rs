//! The event processor: what it is, its thread groups and start functions, and how one is found by number.
//!
//! Its threads are made in `spawn.rs`, and continuations scheduled on them in `schedule.rs`.

pub(crate) mod builder;
pub(crate) mod group;
pub(crate) mod numbers;
mod schedule;
pub(crate) mod spawn;
mod tell;

pub use builder::{Builder, NotReady, PanicPolicy};
pub use group::{EventType, GroupAttributes, WaitKind};
pub use spawn::ThreadOptions;
pub(crate) use tell::{tell_sweep, tell_sweep_all, tell_unlink};

use crate::affinity::ThreadRef;
use crate::ethread::Here;
use crate::ethread::local::Counts;
use crate::ethread::run::{Newborn, run_on};
use crate::event::Message;
use crate::guest;
use crate::{Continuation, EThread, EventCode, Refusal, RegisterError, ScheduleError};
use group::{Group, MAX_EVENT_TYPES};
use parking_lot::{Mutex, RwLock};
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, OnceLock, Weak};
use std::time::Duration;
use ts_thread::{Clock, HrTime};

/// The processors that are alive, for work that finds its way by number.
static PROCESSORS: LazyLock<RwLock<HashMap<u32, Weak<Inner>>>> = LazyLock::new(RwLock::default);

/// Manages groups of event threads, and schedules continuations on them.
///
/// Clones are the same processor. [`EventProcessor::global`] is the one that a process shares; tests and servers can make
/// their own with [`EventProcessor::builder`]. Group [`EventType::NET`] always exists. Any thread may schedule; who needs
/// the rules of the plugin interface, which refuses foreign threads, uses the crate above.
///
/// When the last handle is dropped, the threads are told to stop and are not waited for; [`EventProcessor::shutdown`] does
/// it properly.
///
/// # Examples
///
/// ```
/// use std::sync::mpsc;
/// use ts_cont::{Continuation, EventProcessor, ProxyMutex, ShutdownOptions};
///
/// let processor = EventProcessor::builder().build();
/// let group = processor.spawn_event_threads("ET_WORK", 2, 0)?;
/// let (sender, receiver) = mpsc::channel();
/// let hello = Continuation::new(&ProxyMutex::new(), move |event| {
///     sender.send(event.here().unwrap().thread().name().to_owned()).unwrap();
/// });
/// processor.schedule_imm(&hello, group, ())?;
/// assert!(receiver.recv()?.starts_with("[ET_WORK "));
/// processor.shutdown(ShutdownOptions::default());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct EventProcessor {
    inner: Arc<Inner>,
    /// Whether it is one of [`Inner::handles`]. The threads' own are not, or they would keep themselves running.
    counted: bool,
}

/// What threads and processor share.
pub(crate) struct Core {
    pub(crate) id: u32,
    pub(crate) clock: Clock,
    pub(crate) budget: u32,
    pub(crate) fair_slice: Duration,
    pub(crate) panics: PanicPolicy,
    pub(crate) simulated: bool,
    state: AtomicU8,
    /// Whether the threads measure their turns.
    pub(crate) measured: AtomicBool,
}

const OPEN: u8 = 0;
const CLOSING: u8 = 1;
const CLOSED: u8 = 2;

impl Core {
    /// Whether new work is refused.
    pub(crate) fn is_closing(&self) -> bool {
        // Relaxed: an event that slips in is run or counted as cancelled by its thread, which closes its inbox last.
        self.state.load(Ordering::Relaxed) != OPEN
    }
}

pub(crate) struct Inner {
    pub(crate) core: Arc<Core>,
    not_ready: NotReady,
    groups: [OnceLock<Group>; MAX_EVENT_TYPES],
    group_count: AtomicUsize,
    registration: Mutex<()>,
    pub(crate) running: Mutex<Vec<spawn::Running>>,
    dedicated: AtomicU32,
    /// Threads of a simulation that wait for it to take them up.
    pub(crate) newborn: Mutex<Vec<Newborn>>,
    finished: Mutex<Vec<(EThread, Counts)>>,
    /// How many [`EventProcessor`] handles there are; threads hold `Inner` without one.
    handles: AtomicUsize,
}

/// What runs on each thread of a group before it dispatches anything.
#[derive(Clone)]
pub(crate) enum SpawnCall {
    Function(Arc<dyn Fn(&Here) + Send + Sync>),
    Continuation { continuation: Continuation, code: EventCode, cookie: usize },
}

impl EventProcessor {
    /// Starts making a processor of one's own.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// The processor that the process shares, made at first use with the builder's defaults.
    pub fn global() -> &'static Self {
        static GLOBAL: OnceLock<EventProcessor> = OnceLock::new();
        GLOBAL.get_or_init(|| Self::builder().build())
    }

    pub(crate) fn new(core: Core, not_ready: NotReady) -> Self {
        let id = core.id;
        let inner = Arc::new(Inner {
            core: Arc::new(core),
            not_ready,
            groups: [const { OnceLock::new() }; MAX_EVENT_TYPES],
            group_count: AtomicUsize::new(0),
            registration: Mutex::new(()),
            running: Mutex::new(Vec::new()),
            dedicated: AtomicU32::new(0),
            newborn: Mutex::new(Vec::new()),
            finished: Mutex::new(Vec::new()),
            handles: AtomicUsize::new(0),
        });
        PROCESSORS.write().insert(id, Arc::downgrade(&inner));
        let processor = Self::from_inner(&inner);
        processor
            .register_event_type_with("ET_NET", GroupAttributes::network())
            .expect("the first group of a new processor");
        processor
    }

    pub(crate) fn from_inner(inner: &Arc<Inner>) -> Self {
        // Relaxed [handles]: counting up publishes nothing; `Drop` is the other end.
        inner.handles.fetch_add(1, Ordering::Relaxed);
        Self { inner: Arc::clone(inner), counted: true }
    }

    /// The handle of a thread of the processor itself, which does not keep it from ending.
    pub(crate) fn of_thread(inner: Arc<Inner>) -> Self {
        Self { inner, counted: false }
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }

    /// The clock that deadlines of this processor are measured with.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.inner.core.clock
    }

    /// The time on [`EventProcessor::clock`].
    #[must_use]
    pub fn now(&self) -> HrTime {
        self.inner.core.clock.now()
    }

    /// Whether two handles are the same processor.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    /// Registers a thread group: events may be scheduled on it from now on, and wait until it has threads.
    ///
    /// The group's threads park at the end of a turn, and may block; see [`EventProcessor::register_event_type_with`].
    ///
    /// # Errors
    ///
    /// [`RegisterError`]: the name is in use, or there are [`MAX_EVENT_TYPES`] groups already.
    pub fn register_event_type(&self, name: &str) -> Result<EventType, RegisterError> {
        self.register_event_type_with(name, GroupAttributes::default())
    }

    /// Registers a thread group with attributes.
    ///
    /// # Errors
    ///
    /// As for [`EventProcessor::register_event_type`].
    pub fn register_event_type_with(
        &self,
        name: &str,
        attributes: GroupAttributes,
    ) -> Result<EventType, RegisterError> {
        let inner = &*self.inner;
        let _one_at_a_time = inner.registration.lock();
        if inner.core.is_closing() {
            return Err(RegisterError::ShuttingDown);
        }
        if self.event_type(name).is_some() {
            return Err(RegisterError::NameTaken(name.to_owned()));
        }
        // Relaxed: written under the lock that is held here.
        let index = inner.group_count.load(Ordering::Relaxed);
        let Some(slot) = inner.groups.get(index) else {
            return Err(RegisterError::TooMany { name: name.to_owned(), limit: MAX_EVENT_TYPES });
        };
        let event_type = EventType::from_index(index as u8);
        let _ = slot.set(Group::new(event_type, name, attributes));
        // Release [groups]: the group is in its slot before it counts. `event_type` has the other end.
        inner.group_count.store(index + 1, Ordering::Release);
        Ok(event_type)
    }

    /// The group with this name. `ET_CALL` is an old name of `ET_NET`.
    #[must_use]
    pub fn event_type(&self, name: &str) -> Option<EventType> {
        let name = if name == "ET_CALL" { "ET_NET" } else { name };
        self.inner.groups().find(|group| group.name() == name).map(Group::event_type)
    }

    /// The name of a group.
    #[must_use]
    pub fn group_name(&self, group: EventType) -> Option<&str> {
        self.inner.group(group).map(Group::name)
    }

    /// The threads of a group, in order; empty until they are spawned, and for an unknown group.
    #[must_use]
    pub fn threads(&self, group: EventType) -> &[EThread] {
        self.inner.group(group).map_or(&[], Group::threads)
    }

    /// Adds a continuation that every thread of `group` calls before it dispatches anything, in the order of addition.
    ///
    /// Each thread calls it once, under its mutex, with the message's code ([`EventCode::IMMEDIATE`] if it has none) and
    /// cookie. Threads that run already are not affected. (Threads and event processing, `schedule_spawn`.)
    ///
    /// # Errors
    ///
    /// [`ScheduleError`] with [`Refusal::UnknownGroup`].
    pub fn schedule_spawn(
        &self,
        continuation: &Continuation,
        group: EventType,
        message: impl Into<Message>,
    ) -> Result<(), ScheduleError> {
        let message = message.into();
        let Some(group_ref) = self.inner.group(group) else {
            return Err(ScheduleError::new(Refusal::UnknownGroup(group), message));
        };
        let (code, extra) = message.into_parts();
        group_ref.add_spawn_call(SpawnCall::Continuation {
            continuation: continuation.clone(),
            code: code.unwrap_or(EventCode::IMMEDIATE),
            cookie: extra.get().map_or(0, |extra| extra.cookie),
        });
        Ok(())
    }

    /// Adds a function that every thread of `group` runs before it dispatches anything, in the order of addition.
    ///
    /// # Errors
    ///
    /// [`Refusal::UnknownGroup`].
    pub fn schedule_spawn_fn(
        &self,
        group: EventType,
        f: impl Fn(&Here) + Send + Sync + 'static,
    ) -> Result<(), Refusal> {
        let group = self.inner.group(group).ok_or(Refusal::UnknownGroup(group))?;
        group.add_spawn_call(SpawnCall::Function(Arc::new(f)));
        Ok(())
    }

    /// Runs `f` once, on the thread of `group` that is the last to start, before that thread dispatches anything; at once,
    /// as work of the group, if all have started.
    ///
    /// # Errors
    ///
    /// [`Refusal::UnknownGroup`].
    pub fn after_start(
        &self,
        group: EventType,
        f: impl FnOnce(&Here) + Send + 'static,
    ) -> Result<(), Refusal> {
        let group = self.inner.group(group).ok_or(Refusal::UnknownGroup(group))?;
        group.after_start(Box::new(f));
        Ok(())
    }

    /// Waits until every thread of `group` has run its start continuations. False if that took longer than `limit`, or the
    /// group is unknown.
    pub fn wait_started(&self, group: EventType, limit: Duration) -> bool {
        self.inner.group(group).is_some_and(|group| group.wait_started(limit))
    }

    /// Makes the calling thread a guest of this processor until the result is dropped.
    ///
    /// A guest may use the plugin interface's scheduling family from a thread that is no event thread: the main thread
    /// during start-up, a thread of a plugin. For [`EventProcessor`]'s own calls it makes no difference.
    #[must_use = "the thread is a guest only as long as this lives"]
    pub fn guest(&self) -> guest::Guest {
        guest::Guest::enter(self)
    }

    /// Runs a closure on a thread.
    ///
    /// It is queued like an event for now, and dropped if the thread has stopped.
    pub fn run_on(thread: &EThread, f: impl FnOnce(&Here) + Send + 'static) {
        run_on(thread, f);
    }
}

impl Inner {
    pub(crate) fn group(&self, event_type: EventType) -> Option<&Group> {
        self.groups.get(usize::from(event_type.index()))?.get()
    }

    pub(crate) fn groups(&self) -> impl Iterator<Item = &Group> {
        // Acquire [groups]: the other end of the registration.
        let count = self.group_count.load(Ordering::Acquire);
        self.groups[..count].iter().filter_map(OnceLock::get)
    }

    pub(crate) fn thread_finished(&self, thread: &EThread, counts: Counts) {
        self.finished.lock().push((thread.clone(), counts));
    }

    pub(crate) fn take_finished(&self) -> Vec<(EThread, Counts)> {
        std::mem::take(&mut *self.finished.lock())
    }

    /// Refuses new work; true for the one call that changed it.
    pub(crate) fn close(&self) -> bool {
        // AcqRel [closing]: the one that closes sees what was scheduled before, and its partner is the load in
        // `is_closing`, which needs no more than to notice soon.
        self.core.state.compare_exchange(OPEN, CLOSING, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    pub(crate) fn closed(&self) {
        // Release [closing]: see `close`.
        self.core.state.store(CLOSED, Ordering::Release);
    }

    pub(crate) fn all_threads(&self) -> Vec<EThread> {
        self.groups().flat_map(|group| group.threads().iter().cloned()).collect()
    }

    /// A number for a dedicated thread.
    pub(crate) fn next_dedicated(&self) -> u32 {
        // Relaxed: only its being different counts.
        self.dedicated.fetch_add(1, Ordering::Relaxed)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        PROCESSORS.write().remove(&self.core.id);
    }
}

impl Clone for EventProcessor {
    fn clone(&self) -> Self {
        Self::from_inner(&self.inner)
    }
}

impl Drop for EventProcessor {
    fn drop(&mut self) {
        // AcqRel [handles]: whatever other handles were used for comes before the stop.
        if self.counted && self.inner.handles.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.inner.abandon();
        }
    }
}

impl fmt::Debug for EventProcessor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let groups: Vec<_> =
            self.inner.groups().map(|group| (group.name().to_owned(), group.threads().len())).collect();
        f.debug_struct("EventProcessor").field("id", &self.inner.core.id).field("groups", &groups).finish()
    }
}

fn find(id: u32) -> Option<Arc<Inner>> {
    PROCESSORS.read().get(&id)?.upgrade()
}

/// All processors that are alive.
fn processors() -> Vec<Arc<Inner>> {
    PROCESSORS.read().values().filter_map(Weak::upgrade).collect()
}

/// The thread with this reference, if its processor lives.
pub(crate) fn find_thread(reference: ThreadRef) -> Option<EThread> {
    find(reference.processor)?.group(reference.group)?.threads().get(reference.index()).cloned()
}

/// The processor that the calling thread belongs to, as event thread or guest.
pub(crate) fn current_id() -> Option<u32> {
    Here::with_current(|here| here.thread().thread_ref().processor).or_else(guest::current_id)
}

/// Whether a panicking handler on this thread is to end the process.
pub(crate) fn panics_abort() -> bool {
    Here::with_current(|here| here.thread().shared().core.panics) == Some(PanicPolicy::Abort)
}

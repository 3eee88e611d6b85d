//! Starting the threads of a group, and dedicated threads.

use super::{EventProcessor, EventType, Group, Inner, Newborn};
use crate::affinity::{MAX_INDEX, ThreadRef};
use crate::ethread::{Shared, ThreadType};
use crate::event::Message;
use crate::work::Work;
use crate::{Continuation, EThread, EventCode, SpawnError};
use std::cell::RefCell;
use std::sync::{Arc, OnceLock, mpsc};
use std::time::Duration;
use ts_event::inbox;
use ts_thread::{Builder, ContextLocal, JoinHandle, StackRegion, StartError};

/// The most threads that a group can have.
pub const MAX_THREADS_IN_GROUP: usize = 4096;
const _: () = assert!(MAX_THREADS_IN_GROUP <= MAX_INDEX as usize);

/// Event threads ask the kernel to end their waits on time: 1 ns of slack instead of the usual 50 us.
const TIMER_SLACK: Duration = Duration::from_nanos(1);

/// As many dedicated threads that have ended wait for the shutdown to join them.
const ENDED_AT_MOST: usize = 32;

/// The group number under which dedicated threads are known; no group ever has it.
const DEDICATED: u8 = u8::MAX;

/// Whether the thread has no loop.
pub(super) fn is_dedicated(thread: ThreadRef) -> bool {
    thread.group().index() == DEDICATED
}

static DEDICATED_THREAD: ContextLocal<RefCell<Option<EThread>>> = ContextLocal::new(|| RefCell::new(None));

pub(crate) fn current_dedicated() -> Option<EThread> {
    DEDICATED_THREAD.try_with(|thread| thread.borrow().clone()).ok().flatten()
}

/// A started operating-system thread.
pub(crate) struct Running {
    pub(crate) thread: EThread,
    pub(crate) join: JoinHandle<()>,
}

/// How the threads of a group are made.
#[derive(Debug, Default)]
#[must_use = "options do nothing until threads are spawned with them"]
pub struct ThreadOptions {
    stack_size: usize,
    guard_pages: Option<usize>,
    stacks: Vec<StackRegion>,
    cpu_sets: Vec<Vec<usize>>,
}

impl ThreadOptions {
    /// The defaults: a stack of [`ts_thread::DEFAULT_STACK_SIZE`] with one guard page, on any CPU.
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes of stack for each thread; 0 is the default. Raised to the least possible and rounded up to whole pages.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = bytes;
        self
    }

    /// Guard pages below each stack.
    pub fn guard_pages(mut self, pages: usize) -> Self {
        self.guard_pages = Some(pages);
        self
    }

    /// Memory for the stacks: the first thread gets the first region, and so on; threads beyond them get stacks of their own.
    pub fn stacks(mut self, regions: Vec<StackRegion>) -> Self {
        self.stacks = regions;
        self
    }

    /// CPUs that the threads may run on: thread `i` gets the set `i` modulo their number; without sets, any CPU.
    pub fn cpu_sets(mut self, sets: Vec<Vec<usize>>) -> Self {
        self.cpu_sets = sets;
        self
    }
}

/// A group to spawn: one that is registered, or the name of a new one.
#[derive(Debug, Clone, Copy)]
pub enum GroupSpec<'a> {
    /// A registered group.
    Type(EventType),
    /// A group to register first.
    Name(&'a str),
}

impl From<EventType> for GroupSpec<'_> {
    fn from(event_type: EventType) -> Self {
        Self::Type(event_type)
    }
}

impl<'a> From<&'a str> for GroupSpec<'a> {
    fn from(name: &'a str) -> Self {
        Self::Name(name)
    }
}

impl EventProcessor {
    /// Starts the `count` threads of a group, registered before or registered now by its name, and returns the group.
    ///
    /// A stack size of 0 is the default. Each thread runs the group's start continuations ([`EventProcessor::schedule_spawn`])
    /// before anything else; [`EventProcessor::wait_started`] waits for that. The threads are named after the group:
    /// `[ET_NET 0]` and so on. (Threads and event processing: both forms of `spawn_event_threads`.)
    ///
    /// # Errors
    ///
    /// [`SpawnError`]; then no thread of the group runs, and it may be spawned again. A name that was registered by this call
    /// stays registered: spawn again by the type that [`EventProcessor::event_type`] tells.
    pub fn spawn_event_threads<'a>(
        &self,
        group: impl Into<GroupSpec<'a>>,
        count: usize,
        stack_size: usize,
    ) -> Result<EventType, SpawnError> {
        self.spawn_event_threads_with(group, count, ThreadOptions::new().stack_size(stack_size))
    }

    /// As [`EventProcessor::spawn_event_threads`], with more to choose.
    ///
    /// # Errors
    ///
    /// As for [`EventProcessor::spawn_event_threads`].
    pub fn spawn_event_threads_with<'a>(
        &self,
        group: impl Into<GroupSpec<'a>>,
        count: usize,
        options: ThreadOptions,
    ) -> Result<EventType, SpawnError> {
        if count == 0 {
            return Err(SpawnError::NoThreads);
        }
        if count > MAX_THREADS_IN_GROUP {
            return Err(SpawnError::TooManyThreads { asked: count, limit: MAX_THREADS_IN_GROUP });
        }
        let inner = self.inner();
        let event_type = match group.into() {
            GroupSpec::Type(event_type) => event_type,
            GroupSpec::Name(name) => self.register_event_type(name)?,
        };
        let group = inner.group(event_type).ok_or(SpawnError::UnknownGroup(event_type))?;
        // Two spawns at once must not both find the group empty, and a shutdown must find all threads or none.
        let mut running = inner.running.lock();
        if inner.core.is_closing() {
            return Err(SpawnError::ShuttingDown);
        }
        if !group.threads().is_empty() {
            return Err(SpawnError::AlreadySpawned(event_type));
        }
        group.expect(count);
        let newborns: Vec<_> = (0..count).map(|index| newborn(inner, group, index as u32)).collect();
        let threads: Vec<_> =
            newborns.iter().map(|newborn| EThread::from_shared(Arc::clone(&newborn.shared))).collect();
        let gate = Gate::default();
        if inner.core.simulated {
            inner.newborn.lock().extend(newborns);
        } else {
            running.extend(start(group, newborns, options, &gate)?);
        }
        group.publish(threads, |threads, entry, when| inner.hand_over(group, threads, entry, when));
        gate.open();
        drop(running);
        Ok(event_type)
    }

    /// Starts a thread that runs `continuation` once and ends: for work that waits by itself and never returns to a loop.
    ///
    /// The continuation is called under its own mutex with [`EventCode::IMMEDIATE`], or the code and cookie of the
    /// message. Scheduling on the thread is an error, since it has no queue. It is joined at shutdown; of threads that have
    /// ended only the latest are kept until then, so that any number may come and go.
    /// (Threads and event processing: `ThreadType::DEDICATED`.)
    ///
    /// # Errors
    ///
    /// [`SpawnError::Start`], [`SpawnError::Simulated`] in a simulation, [`SpawnError::ShuttingDown`].
    pub fn spawn_thread(
        &self,
        continuation: &Continuation,
        name: &str,
        stack_size: usize,
        message: impl Into<Message>,
    ) -> Result<EThread, SpawnError> {
        let inner = self.inner();
        if inner.core.simulated {
            return Err(SpawnError::Simulated);
        }
        inner.join_finished();
        let mut running = inner.running.lock();
        if inner.core.is_closing() {
            return Err(SpawnError::ShuttingDown);
        }
        let reference = ThreadRef {
            processor: inner.core.id,
            group: EventType::from_index(DEDICATED),
            index: inner.next_dedicated() & MAX_INDEX,
        };
        let shared =
            Shared::new(reference, name.to_owned(), ThreadType::Dedicated, None, Arc::clone(&inner.core));
        let thread = EThread::from_shared(Arc::clone(&shared));
        let continuation = continuation.clone();
        let message = message.into();
        let message = if message.code().is_some() {
            message
        } else {
            let (_, extra) = message.into_parts();
            Message::from_parts(Some(EventCode::IMMEDIATE), extra)
        };
        let me = thread.clone();
        let join = os_thread(name, stack_size)
            .spawn(move || {
                me.shared().install(ts_thread::current_id(), None);
                DEDICATED_THREAD.with(|thread| *thread.borrow_mut() = Some(me.clone()));
                let _guard = continuation.mutex().map(ts_mutex::ProxyMutex::lock);
                if let Err(error) = continuation.call(message) {
                    tracing::error!(thread = me.name(), %error, "a dedicated thread's continuation did not run");
                }
            })
            .map_err(|source| SpawnError::Start { name: name.to_owned(), source })?;
        running.push(Running { thread: thread.clone(), join });
        Ok(thread)
    }
}

impl Inner {
    /// Joins the dedicated threads that have ended: unjoined they would keep their stacks.
    fn join_finished(&self) {
        let is_over = |running: &mut Running| {
            running.thread.kind() == ThreadType::Dedicated && running.join.is_finished()
        };
        let mut running = self.running.lock();
        if running.len() < self.groups().map(|group| group.threads().len()).sum::<usize>() + ENDED_AT_MOST {
            return;
        }
        let over: Vec<_> = running.extract_if(.., is_over).collect();
        // A thread's last destructors may take a while.
        drop(running);
        for Running { thread, join } in over {
            if join.join().is_err() {
                tracing::error!(thread = thread.name(), "a dedicated thread ended in a panic");
            }
        }
    }
}

fn newborn(inner: &Arc<Inner>, group: &Group, index: u32) -> Newborn {
    let (sender, receiver) = inbox::<Work>();
    let reference = ThreadRef { processor: inner.core.id, group: group.event_type(), index };
    let name = format!("[{} {index}]", group.name());
    let shared = Shared::new(reference, name, ThreadType::Regular, Some(sender), Arc::clone(&inner.core));
    Newborn { shared, processor: Arc::clone(inner), receiver }
}

fn os_thread(name: &str, stack_size: usize) -> Builder {
    let builder = Builder::new().name(name).timer_slack(TIMER_SLACK);
    if stack_size == 0 { builder } else { builder.stack_size(stack_size) }
}

/// Where the threads of a group wait until they are published: whatever runs on one of them, a start continuation or an event
/// that was there before, finds all of them. Dropped without being opened, it sends them home.
#[derive(Default)]
struct Gate(Arc<OnceLock<bool>>);

impl Gate {
    fn open(&self) {
        let _ = self.0.set(true);
    }

    fn shut(&self) {
        let _ = self.0.set(false);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        // Which changes nothing if it is open.
        self.shut();
    }
}

/// Starts all threads or none, and has them wait at the gate.
fn start(
    group: &Group,
    newborns: Vec<Newborn>,
    mut options: ThreadOptions,
    gate: &Gate,
) -> Result<Vec<Running>, SpawnError> {
    let mut running = Vec::with_capacity(newborns.len());
    options.stacks.reverse();
    for newborn in newborns {
        let thread = EThread::from_shared(Arc::clone(&newborn.shared));
        match start_one(group, newborn, &mut options, gate) {
            Ok(join) => running.push(Running { thread, join }),
            Err(error) => {
                gate.shut();
                for started in running {
                    drop(started.join.join());
                }
                return Err(error);
            }
        }
    }
    Ok(running)
}

fn start_one(
    group: &Group,
    newborn: Newborn,
    options: &mut ThreadOptions,
    gate: &Gate,
) -> Result<JoinHandle<()>, SpawnError> {
    let thread = EThread::from_shared(Arc::clone(&newborn.shared));
    let name = thread.name().to_owned();
    let mut builder = os_thread(&name, options.stack_size);
    if let Some(pages) = options.guard_pages {
        builder = builder.guard_pages(pages);
    }
    if let Some(region) = options.stacks.pop() {
        builder = builder.stack_region(region);
    }
    if !options.cpu_sets.is_empty() {
        builder = builder.cpu_set(&options.cpu_sets[thread.index() % options.cpu_sets.len()]);
    }
    let kind = group.attributes().wait.clone();
    let is_open = Arc::clone(&gate.0);
    let (tell, told) = mpsc::sync_channel(1);
    let start_error = |source: StartError| SpawnError::Start { name: name.clone(), source };
    let join = builder
        .spawn(move || match kind.make() {
            Ok(wait) => {
                // The spawner waits for this word, so it is there to hear it.
                let _ = tell.send(Ok(()));
                if *is_open.wait() {
                    newborn.run(wait);
                }
            }
            Err(source) => {
                let _ = tell.send(Err(source));
            }
        })
        .map_err(start_error)?;
    match told.recv() {
        Ok(Ok(())) => Ok(join),
        Ok(Err(source)) => {
            drop(join.join());
            Err(SpawnError::Wait { name, source })
        }
        // The thread died before it could say anything: a custom wait panicked.
        Err(_) => {
            drop(join.join());
            Err(SpawnError::Wait { name, source: std::io::Error::other("making the wait panicked") })
        }
    }
}

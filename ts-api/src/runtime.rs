//! The event system behind the facade: for programs that serve, and for tests. (Feature `runtime`.)
//!
//! A [`Runtime`] is an event processor of `ts-cont` with the pools that plugins know: network threads, which must not block,
//! task threads, which may, and, if asked for, threads for DNS and UDP. A process may have several; a call of the facade means
//! the one that the calling thread belongs to, as event thread or guest.
//!
//! # The order of a start
//! 1. [`Builder::prepare`]: the pools exist, so that plugins can schedule; no thread runs.
//! 2. Plugins are set up, on a thread that is a [`Runtime::guest`]. What they schedule waits. Then
//!    [`Runtime::log_initialized`].
//! 3. [`Runtime::start`]: the threads come up and take over what waited. `TaskThreadsReady` is told.
//! 4. [`Runtime::ports_initialized`] and [`Runtime::ports_ready`], by whoever opens the ports.
//! 5. [`Runtime::shutdown`]: `Shutdown` is told, then the threads stop.

mod convert;
pub(crate) mod door;
pub(crate) mod home;
mod labels;
mod lifecycle;
mod plugin_thread;
mod registry;
pub(crate) mod rules;
mod shutdown;
mod simulated;

pub use shutdown::ShutdownReport;
pub use simulated::Simulated;
pub use ts_cont::{Guest, NotReady, PanicPolicy, Queued, ShutdownOptions};

use crate::Pool;
use crate::lifecycle::LifecycleHook;
use lifecycle::Lifecycle;
use parking_lot::Mutex;
use std::ffi::CStr;
use std::fmt;
use std::num::NonZero;
use std::sync::Arc;
use std::thread;
use thiserror::Error;
use ts_cont::{EventProcessor, EventType, GroupAttributes, SpawnError, ThreadOptions};

/// Task threads, unless the builder is told otherwise: as many as the original has.
pub const DEFAULT_TASK_THREADS: usize = 2;

/// An event system with the pools that plugins know. See the [module page](self).
///
/// Clones are the same. When the last is dropped its threads are told to stop and are not waited for; [`Runtime::shutdown`]
/// does it properly.
#[derive(Clone)]
pub struct Runtime {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    processor: EventProcessor,
    pools: [Option<PoolThreads>; Pool::ALL.len()],
    threads: Threads,
    lifecycle: Lifecycle,
    started: Mutex<bool>,
    #[cfg(feature = "http")]
    http: Arc<crate::http::GlobalHooks>,
}

/// A pool that this runtime has.
#[derive(Debug, Clone, Copy)]
struct PoolThreads {
    group: EventType,
    count: usize,
}

/// Why threads did not start.
#[derive(Debug, Error)]
#[error("the event system did not start: {0}")]
pub struct StartError(#[from] SpawnError);

/// Makes a [`Runtime`].
#[derive(Debug)]
#[must_use = "a builder makes nothing until `prepare` or `start`"]
pub struct Builder {
    processor: ts_cont::Builder,
    counts: [usize; Pool::ALL.len()],
    threads: Threads,
}

/// What the threads are like.
#[derive(Debug, Clone, Default)]
struct Threads {
    stack_size: usize,
    guard_pages: Option<usize>,
    net_cpus: Vec<Vec<usize>>,
}

impl Threads {
    fn options(&self, pool: PoolThreads) -> ThreadOptions {
        let mut options = ThreadOptions::new().stack_size(self.stack_size);
        if let Some(pages) = self.guard_pages {
            options = options.guard_pages(pages);
        }
        if pool.group == EventType::NET {
            options = options.cpu_sets(self.net_cpus.clone());
        }
        options
    }
}

impl Builder {
    fn new() -> Self {
        let net = thread::available_parallelism().map_or(1, NonZero::get);
        Self {
            processor: EventProcessor::builder(),
            counts: [net, DEFAULT_TASK_THREADS, 0, 0],
            threads: Threads::default(),
        }
    }

    /// How many network threads; by default one for each CPU that the process may use.
    pub fn net_threads(mut self, count: usize) -> Self {
        self.counts[Pool::Net as usize] = count;
        self
    }

    /// How many task threads; by default [`DEFAULT_TASK_THREADS`].
    pub fn task_threads(mut self, count: usize) -> Self {
        self.counts[Pool::Task as usize] = count;
        self
    }

    /// How many threads for name resolution; by default none, and then there is no such pool.
    pub fn dns_threads(mut self, count: usize) -> Self {
        self.counts[Pool::Dns as usize] = count;
        self
    }

    /// How many threads for UDP; by default none, and then there is no such pool.
    pub fn udp_threads(mut self, count: usize) -> Self {
        self.counts[Pool::Udp as usize] = count;
        self
    }

    /// Bytes of stack for each thread; 0, the default, is [`ts_thread::DEFAULT_STACK_SIZE`].
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.threads.stack_size = bytes;
        self
    }

    /// How many pages below each thread's stack cannot be touched; by default one.
    pub fn guard_pages(mut self, pages: usize) -> Self {
        self.threads.guard_pages = Some(pages);
        self
    }

    /// The processors of the network threads: thread `i` is bound to the set `i` modulo their number, which are often the
    /// [objects](ts_thread::Topology::objects) of a level; without sets, the default, they run anywhere.
    ///
    /// Where the machine is there for them, a processor for each is best: two busy threads that the system has put on the same
    /// one take turns of a tick (4 ms at 250 in a second), and nobody moves them while every processor has work.
    pub fn net_cpus(mut self, sets: Vec<Vec<usize>>) -> Self {
        self.threads.net_cpus = sets;
        self
    }

    /// How many ready events a thread dispatches between two looks at the clock, timers and I/O.
    pub fn budget(mut self, events: u32) -> Self {
        self.processor = self.processor.budget(events);
        self
    }

    /// What happens after a handler has panicked.
    pub fn panic_policy(mut self, policy: PanicPolicy) -> Self {
        self.processor = self.processor.panic_policy(policy);
        self
    }

    /// What happens to an event for a pool whose threads are not up yet; by default it waits for them.
    pub fn not_ready(mut self, policy: NotReady) -> Self {
        self.processor = self.processor.not_ready(policy);
        self
    }

    /// Makes the runtime without starting its threads, so that plugins can be set up first.
    pub fn prepare(self) -> Runtime {
        let processor = self.processor.build();
        Runtime::on(processor, self.counts, self.threads)
    }

    /// Makes the runtime and starts its threads.
    ///
    /// # Errors
    ///
    /// [`StartError`] says which thread did not start and why; then none is left.
    pub fn start(self) -> Result<Runtime, StartError> {
        let runtime = self.prepare();
        runtime.start()?;
        Ok(runtime)
    }

    /// Makes the runtime with its threads in a simulation: all on the calling thread, on a virtual clock, in an order drawn
    /// from `seed`.
    ///
    /// # Errors
    ///
    /// As for [`Builder::start`].
    pub fn simulate(self, seed: u64) -> Result<Simulated, StartError> {
        let simulation = ts_cont::simulate::Simulation::with_builder(seed, self.processor);
        let runtime = Runtime::on(simulation.processor().clone(), self.counts, self.threads);
        runtime.start()?;
        Ok(Simulated::new(runtime, simulation))
    }
}

impl Runtime {
    /// Starts making a runtime.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// A simulation with two network threads and two task threads. See [`Builder::simulate`].
    ///
    /// # Errors
    ///
    /// As for [`Builder::start`].
    pub fn simulated(seed: u64) -> Result<Simulated, StartError> {
        Self::builder().net_threads(2).task_threads(2).simulate(seed)
    }

    fn on(processor: EventProcessor, counts: [usize; Pool::ALL.len()], threads: Threads) -> Self {
        let pools = Pool::ALL.map(|pool| {
            let count = counts[pool as usize];
            let group = match pool {
                Pool::Net => EventType::NET,
                Pool::Task => register(&processor, pool, GroupAttributes::default()),
                _ if count == 0 => return None,
                Pool::Dns | Pool::Udp => register(&processor, pool, GroupAttributes::network()),
            };
            Some(PoolThreads { group, count })
        });
        let inner = Inner {
            processor,
            pools,
            threads,
            lifecycle: Lifecycle::default(),
            started: Mutex::new(false),
            #[cfg(feature = "http")]
            http: Arc::default(),
        };
        let runtime = Self { inner: Arc::new(inner) };
        registry::enter(&runtime.inner);
        runtime
    }

    /// Starts the threads. What was scheduled before is handed over to them.
    ///
    /// # Errors
    ///
    /// [`StartError`]: the threads were started before; or one did not start, or there are to be none in a pool, and then
    /// those that did start have ended, and the runtime is shut down.
    pub fn start(&self) -> Result<(), StartError> {
        let inner = &self.inner;
        let mut started = inner.started.lock();
        if *started {
            return Err(SpawnError::AlreadySpawned(self.net()).into());
        }
        *started = true;
        lifecycle::tell_when_ready(inner, self.task());
        for pool in inner.pools.iter().flatten() {
            let spawned = {
                let options = inner.threads.options(*pool);
                inner.processor.spawn_event_threads_with(pool.group, pool.count, options)
            };
            if let Err(error) = spawned {
                shutdown::close(inner);
                inner.processor.shutdown(ShutdownOptions::default().queued(Queued::Cancel));
                return Err(error.into());
            }
        }
        Ok(())
    }

    /// The event processor, for servers: it schedules from any thread.
    #[must_use]
    pub fn processor(&self) -> &EventProcessor {
        &self.inner.processor
    }

    /// The thread group of the network pool.
    #[must_use]
    pub fn net(&self) -> EventType {
        EventType::NET
    }

    /// The thread group of the task pool.
    #[must_use]
    pub fn task(&self) -> EventType {
        self.group(Pool::Task).expect("every runtime has it")
    }

    /// The thread group of a pool, if there is one.
    #[must_use]
    pub fn group(&self, pool: Pool) -> Option<EventType> {
        self.inner.pools[pool as usize].map(|threads| threads.group)
    }

    /// Makes the calling thread a guest until the result is dropped: it may schedule, as plugins do while they are set up.
    #[must_use = "the thread is a guest only as long as this lives"]
    pub fn guest(&self) -> Guest {
        self.inner.processor.guest()
    }

    /// The hooks of all HTTP servers of this runtime.
    #[cfg(feature = "http")]
    pub(crate) fn http_hooks(&self) -> &Arc<crate::http::GlobalHooks> {
        &self.inner.http
    }

    /// The runtime that the calling thread belongs to, as event thread or guest; for any other thread the one that was
    /// installed, or else made first of those that live.
    #[must_use]
    pub fn current() -> Option<Self> {
        registry::current().map(|inner| Self { inner })
    }

    /// Makes this the one that threads mean which belong to none.
    pub fn install(&self) {
        registry::install(&self.inner);
    }

    /// Tells the continuations of [`LifecycleHook::LogInitialized`] on this thread, by whoever has set up the plugins. See
    /// [`Runtime::ports_initialized`].
    pub fn log_initialized(&self) {
        lifecycle::tell_here(&self.inner, LifecycleHook::LogInitialized);
    }

    /// Sends a message to the continuations of [`LifecycleHook::Message`], and says how many those are.
    ///
    /// Any thread may call it. They are called on a task thread, one after the other; this does not wait for them. What is sent
    /// before the threads are started waits for that.
    ///
    /// # Errors
    ///
    /// [`HostError::ShuttingDown`](crate::HostError::ShuttingDown).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use ts_api::lifecycle::{self, LifecycleHook};
    /// use ts_api::{Cont, Runtime};
    ///
    /// let runtime = Runtime::builder().start()?;
    /// let (sender, receiver) = mpsc::channel();
    /// let cont = Cont::shared(move |event| {
    ///     let Some(message) = event.plugin_message() else { return };
    ///     sender.send((message.tag().to_owned(), message.data().to_vec())).unwrap();
    /// });
    /// lifecycle::add(LifecycleHook::Message, &cont)?;
    /// assert_eq!(runtime.send_message(c"colour", b"blue")?, 1);
    /// assert_eq!(receiver.recv()?, (c"colour".to_owned(), b"blue".to_vec()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn send_message(&self, tag: &CStr, data: &[u8]) -> Result<usize, crate::HostError> {
        lifecycle::send(&self.inner, tag, data)
            .map_err(|code| crate::HostError::check(code).err().unwrap_or(crate::HostError::Unknown(code.0)))
    }

    /// Tells the continuations of [`LifecycleHook::PortsInitialized`] on this thread.
    ///
    /// It waits for their mutexes, so it is not for event threads. The second call finds nobody left to tell.
    pub fn ports_initialized(&self) {
        lifecycle::tell_here(&self.inner, LifecycleHook::PortsInitialized);
    }

    /// Tells the continuations of [`LifecycleHook::PortsReady`] on this thread. See [`Runtime::ports_initialized`].
    pub fn ports_ready(&self) {
        lifecycle::tell_here(&self.inner, LifecycleHook::PortsReady);
    }

    /// Ends the event system: the continuations of [`LifecycleHook::Shutdown`] are told, one after the other, on a network
    /// thread, or on the caller if there is no other one than that; then intake stops, what is queued is run or cancelled, and the threads end; all within the deadline.
    ///
    /// It blocks until then, and the report names what did not end in time. Scheduling is an error afterwards. A second call
    /// reports what the first left.
    pub fn shutdown(&self, options: ShutdownOptions) -> ShutdownReport {
        shutdown::run(&self.inner, options)
    }
}

fn register(processor: &EventProcessor, pool: Pool, attributes: GroupAttributes) -> EventType {
    processor
        .register_event_type_with(rules::group_name(pool), attributes)
        .expect("a new processor has room, and the names differ")
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Runtime").field(&self.inner.processor).finish()
    }
}

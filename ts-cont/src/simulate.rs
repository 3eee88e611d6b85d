//! All threads of a processor on one thread, on a virtual clock, in an order chosen by a seed.
//!
//! The code that runs is the same as on operating-system threads: the same turns, dispatch, locks and timers. Only three
//! things differ. Each event thread is a simulated context that is entered for one turn of one event at a time; which one is
//! next is drawn from the seed. Time stands still while anything can run, and then jumps to the next deadline. And a
//! handler may let virtual time pass while it holds its mutex ([`pass`]): the other threads go on meanwhile, so locks
//! are missed, waited for and handed over. The same seed gives the same run.
//!
//! # Examples
//!
//! ```
//! use std::time::Duration;
//! use ts_cont::simulate::Simulation;
//! use ts_cont::{Continuation, EventType, ProxyMutex};
//!
//! let simulation = Simulation::new(7);
//! let processor = simulation.processor();
//! processor.spawn_event_threads(EventType::NET, 2, 0)?;
//! let tick = Continuation::new(&ProxyMutex::new(), |_| {});
//! processor.schedule_every(&tick, Duration::from_secs(3600), EventType::NET, ())?;
//! simulation.run_for(Duration::from_secs(24 * 3600));
//! tick.destroy();
//! let report = simulation.shutdown(Default::default());
//! assert_eq!(report.dispatched, 24);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod pipe;

pub use pipe::{Pipe, pipe};

use crate::ethread::Here;
use crate::ethread::run::{Busy, Newborn, Starting, Turn};
use crate::{EventProcessor, ShutdownOptions, ShutdownReport, Stop};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use thiserror::Error;
use ts_event::{Wait, Wakeup};
use ts_thread::{HrTime, ManualClock, SimulatedContext};

/// How much virtual time a thread lets pass before it looks again at the busy mutex of a start continuation.
const START_RETRY: Duration = Duration::from_micros(1);

thread_local! {
    static CURRENT: RefCell<Vec<Rc<World>>> = const { RefCell::new(Vec::new()) };
}

/// A processor whose threads all run on the thread that drives the simulation. See the [module page](self).
pub struct Simulation {
    world: Rc<World>,
}

struct World {
    processor: EventProcessor,
    clock: ManualClock,
    seed: u64,
    random: Cell<u64>,
    steps: Cell<u64>,
    threads: RefCell<Vec<Rc<Thread>>>,
}

struct Thread {
    name: String,
    context: SimulatedContext,
    newborn: RefCell<Option<Newborn>>,
    starting: RefCell<Option<Starting>>,
    here: RefCell<Option<Here>>,
    woken: Arc<Flag>,
    state: Cell<State>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// A turn can be run.
    Ready,
    /// Waits for this time or a wake-up.
    Asleep(Option<HrTime>),
    /// A turn is on the stack: it lets time pass.
    Running,
    Ended,
}

#[derive(Default)]
struct Flag(AtomicBool);

impl Wakeup for Flag {
    fn wakeup(&self) {
        // Relaxed: one operating-system thread, in program order.
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The wait of a simulated thread: it is never called, since the simulation does the waiting.
struct NoWait(Arc<Flag>);

impl Wait for NoWait {
    fn wait(&mut self, _until: Option<HrTime>) -> io::Result<()> {
        Err(io::Error::other("a simulated thread is not waited on; its simulation runs it"))
    }

    fn wakeup(&self) -> Arc<dyn Wakeup> {
        Arc::clone(&self.0) as Arc<dyn Wakeup>
    }
}

/// Time was to pass outside of a simulated handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("virtual time passes only inside a simulation")]
pub struct NotSimulated;

/// Lets `duration` of virtual time pass inside a handler, with whatever locks it holds, while the other simulated threads
/// run.
///
/// # Errors
///
/// [`NotSimulated`] if the caller is not run by a simulation.
pub fn pass(duration: Duration) -> Result<(), NotSimulated> {
    let world = CURRENT.with_borrow(|worlds| worlds.last().cloned()).ok_or(NotSimulated)?;
    let until = world.clock.now().saturating_add(duration);
    world.run_until(until);
    Ok(())
}

impl Simulation {
    /// A simulation at time zero whose order is drawn from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::with_builder(seed, EventProcessor::builder())
    }

    /// A simulation whose processor is made with these choices. Its clock is the virtual one; its budget is one event, so
    /// that threads interleave at every event.
    #[must_use]
    pub fn with_builder(seed: u64, mut builder: crate::Builder) -> Self {
        let clock = ManualClock::new();
        builder.clock = clock.clock();
        builder.simulated = true;
        let processor = builder.budget(1).build();
        let world = World {
            processor,
            clock,
            seed,
            // Splitmix wants no particular state, but seeds that differ little should differ much.
            random: Cell::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)),
            steps: Cell::new(0),
            threads: RefCell::new(Vec::new()),
        };
        Self { world: Rc::new(world) }
    }

    /// The processor. Spawn groups on it and schedule as on any other.
    #[must_use]
    pub fn processor(&self) -> &EventProcessor {
        &self.world.processor
    }

    /// The seed.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.world.seed
    }

    /// Virtual time.
    #[must_use]
    pub fn now(&self) -> HrTime {
        self.world.clock.now()
    }

    /// Turns run so far.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.world.steps.get()
    }

    /// A number drawn from the seed, below `bound`; for choices of the scenario that are to be replayed with the run.
    ///
    /// # Panics
    ///
    /// If `bound` is zero.
    #[must_use]
    pub fn draw(&self, bound: u64) -> u64 {
        self.world.draw(bound)
    }

    /// Runs one turn of one thread, if any can run without time passing.
    pub fn step(&self) -> bool {
        World::step(&self.world)
    }

    /// Runs until nothing can run at the present time; returns the next deadline, if there is one.
    pub fn run_ready(&self) -> Option<HrTime> {
        while self.step() {}
        self.world.next_deadline()
    }

    /// Runs until virtual time has moved on by `duration` and what is due by then has run.
    pub fn run_for(&self, duration: Duration) {
        self.run_until(self.now().saturating_add(duration));
    }

    /// Runs until virtual time is `until` and what is due by then has run.
    pub fn run_until(&self, until: HrTime) {
        self.world.run_until(until);
    }

    /// Runs until nothing is left to do and no timer is pending. It does not return while something is periodic.
    pub fn run_to_end(&self) {
        while let Some(deadline) = self.run_ready() {
            self.run_until(deadline);
        }
    }

    /// Shuts the processor down, running its threads on the way.
    ///
    /// The deadline is virtual: what is not over by then is reported as unfinished.
    pub fn shutdown(self, options: ShutdownOptions) -> ShutdownReport {
        let began = self.now();
        let inner = Arc::clone(self.world.processor.inner());
        inner.begin_shutdown(options.queued_choice());
        let mut report = ShutdownReport::default();
        self.world.run_to_stop(began.saturating_add(options.limit()));
        for thread in self.world.threads.borrow().iter() {
            let name = thread.name.clone();
            if thread.state.get() == State::Ended {
                report.stopped.push(name);
            } else {
                report.unfinished.push(name);
            }
        }
        inner.end_shutdown(&mut report);
        report.took = self.now().saturating_duration_since(began);
        report
    }
}

impl Thread {
    fn can_run(&self, now: HrTime) -> bool {
        match self.state.get() {
            State::Ready => true,
            // Relaxed: see `Flag`.
            State::Asleep(deadline) => {
                self.woken.0.load(Ordering::Relaxed) || deadline.is_some_and(|deadline| deadline <= now)
            }
            State::Running | State::Ended => false,
        }
    }

    /// Runs one turn in this thread's context.
    fn run(&self, now: HrTime) {
        let asleep = matches!(self.state.get(), State::Asleep(_));
        self.state.set(State::Running);
        // Relaxed: see `Flag`.
        self.woken.0.store(false, Ordering::Relaxed);
        let state = self.context.enter(|| {
            if let Some(newborn) = self.newborn.take() {
                *self.starting.borrow_mut() = Some(newborn.begin(&NoWait(Arc::clone(&self.woken))));
            }
            let starting = self.starting.take();
            if let Some(mut starting) = starting {
                if !starting.make_calls(Busy::Return) {
                    *self.starting.borrow_mut() = Some(starting);
                    return State::Asleep(Some(now.saturating_add(START_RETRY)));
                }
                *self.here.borrow_mut() = Some(starting.finish());
            }
            let here = Here::current().expect("the context is an event thread since it started");
            if asleep {
                here.awake();
            }
            match here.turn() {
                Turn::Busy => State::Ready,
                Turn::Idle(deadline) => State::Asleep(deadline),
                Turn::Stop => {
                    here.finish();
                    drop(self.here.take());
                    State::Ended
                }
            }
        });
        self.state.set(state);
    }
}

impl World {
    fn draw(&self, bound: u64) -> u64 {
        assert!(bound > 0, "a number below zero cannot be drawn");
        // Splitmix64: one addition and a mix, good enough to choose an order.
        let state = self.random.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        self.random.set(state);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn adopt(&self) {
        let newborn = std::mem::take(&mut *self.processor.inner().newborn.lock());
        for newborn in newborn {
            let name = crate::EThread::from_shared(Arc::clone(&newborn.shared)).name().to_owned();
            self.threads.borrow_mut().push(Rc::new(Thread {
                context: SimulatedContext::new(name.clone()),
                name,
                newborn: RefCell::new(Some(newborn)),
                starting: RefCell::new(None),
                here: RefCell::new(None),
                woken: Arc::new(Flag::default()),
                state: Cell::new(State::Ready),
            }));
        }
    }

    fn step(self: &Rc<Self>) -> bool {
        self.adopt();
        let now = self.clock.now();
        let able: Vec<_> =
            self.threads.borrow().iter().filter(|thread| thread.can_run(now)).cloned().collect();
        if able.is_empty() {
            return false;
        }
        let chosen = &able[self.draw(able.len() as u64) as usize];
        self.steps.set(self.steps.get() + 1);
        let _inside = Inside::enter(self);
        chosen.run(now);
        true
    }

    fn next_deadline(&self) -> Option<HrTime> {
        self.threads
            .borrow()
            .iter()
            .filter_map(|thread| match thread.state.get() {
                State::Asleep(deadline) => deadline,
                _ => None,
            })
            .min()
    }

    fn run_until(self: &Rc<Self>, until: HrTime) {
        self.run_to_stop(until);
        self.move_to(until);
    }

    /// Runs until every thread has ended, or virtual time would be beyond `limit`, or nothing is left that could happen.
    ///
    /// Handlers that let time pass may carry it beyond the limit. What is left then has to wait for the next call: one that
    /// always goes on would never let this one return.
    fn run_to_stop(self: &Rc<Self>, limit: HrTime) {
        loop {
            while self.clock.now() <= limit && self.step() {}
            match self.next_deadline() {
                Some(deadline) if deadline <= limit && self.clock.now() <= limit => self.move_to(deadline),
                _ => break,
            }
        }
    }

    /// A handler further down the stack may have moved time beyond this already.
    fn move_to(&self, time: HrTime) {
        if time > self.clock.now() {
            self.clock.set(time).expect("time only moves on");
        }
    }
}

/// Which simulation runs on this thread, for [`pass`].
struct Inside;

impl Inside {
    fn enter(world: &Rc<World>) -> Self {
        CURRENT.with_borrow_mut(|worlds| worlds.push(Rc::clone(world)));
        Self
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        CURRENT.with_borrow_mut(Vec::pop);
    }
}

impl Drop for Simulation {
    /// Threads that still run are stopped, so that what they hold is dropped in their own contexts.
    fn drop(&mut self) {
        self.world.processor.inner().abandon();
        for thread in self.world.threads.borrow().iter() {
            if let Some(here) = thread.here.borrow().as_ref() {
                here.thread().shared().stop(Stop::Now);
            }
        }
        while self.step() {}
    }
}

impl fmt::Debug for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulation")
            .field("seed", &self.world.seed)
            .field("now", &self.now())
            .field("steps", &self.world.steps.get())
            .finish_non_exhaustive()
    }
}

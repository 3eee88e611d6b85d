//! Actors that the tests share: a log that can be waited for, worlds with a real or a virtual clock, places to call from.

#![allow(dead_code, unreachable_pub, reason = "each test file is a crate of its own and uses what it needs")]

use std::fmt::Debug;
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};
use ts_cont::simulate::Simulation;
use ts_cont::{
    Continuation, EThread, EventProcessor, EventType, MAX_EVENT_TYPES, Message, ProxyMutex, ShutdownOptions,
    ShutdownReport,
};

/// How long a test waits for something that has to happen. Far more than it takes: only a failing test waits so long.
pub const LIMIT: Duration = Duration::from_secs(30);

pub const MILLI: Duration = Duration::from_millis(1);

pub const HOUR: Duration = Duration::from_secs(3600);

/// What happened, in order, written by any thread.
pub struct Log<T>(Arc<(Mutex<Vec<T>>, Condvar)>);

impl<T> Clone for Log<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Clone + Debug> Log<T> {
    pub fn new() -> Self {
        Self(Arc::new((Mutex::new(Vec::new()), Condvar::new())))
    }

    pub fn push(&self, what: T) {
        self.0.0.lock().unwrap().push(what);
        self.0.1.notify_all();
    }

    pub fn all(&self) -> Vec<T> {
        self.0.0.lock().unwrap().clone()
    }

    pub fn len(&self) -> usize {
        self.0.0.lock().unwrap().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits on the real clock for `count` lines, and returns all there are.
    #[track_caller]
    pub fn wait(&self, count: usize) -> Vec<T> {
        let deadline = Instant::now() + LIMIT;
        let mut lines = self.0.0.lock().unwrap();
        while lines.len() < count {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{count} lines were to come, there are only {:?}", *lines);
            lines = self.0.1.wait_timeout(lines, left).unwrap().0;
        }
        lines.clone()
    }

    /// Something that writes `what` when it is dropped.
    pub fn on_drop(&self, what: T) -> OnDrop<T> {
        OnDrop { log: self.clone(), what: Some(what) }
    }
}

/// Writes a line into its log when it is dropped.
pub struct OnDrop<T: Clone + Debug> {
    log: Log<T>,
    what: Option<T>,
}

impl<T: Clone + Debug> Drop for OnDrop<T> {
    fn drop(&mut self) {
        if let Some(what) = self.what.take() {
            self.log.push(what);
        }
    }
}

/// A continuation with a mutex of its own that logs the cookie of each event.
#[track_caller]
pub fn counting(log: &Log<usize>) -> Continuation {
    let log = log.clone();
    Continuation::new(&ProxyMutex::new(), move |event| log.push(event.cookie()))
}

/// A message with nothing but a cookie.
pub fn cookie(cookie: usize) -> Message {
    Message::default().cookie(cookie)
}

/// Threads with a real clock, or simulated ones with a virtual clock.
pub enum World {
    Real(EventProcessor),
    Virtual(Simulation),
}

/// From where a call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// Thread 0 of the network group.
    First,
    /// Thread 1 of the network group.
    Second,
    /// A thread that is a guest of the processor.
    Guest,
    /// A thread that the processor does not know.
    Foreign,
}

impl From {
    pub const ALL: [Self; 4] = [Self::First, Self::Second, Self::Guest, Self::Foreign];
}

impl World {
    /// Runs a test with `net` network threads, with real threads and in some simulations.
    pub fn both(net: usize, test: impl Fn(Self)) {
        test(Self::real(net));
        for seed in 0..4 {
            test(Self::simulated(seed, net));
        }
    }

    pub fn real(net: usize) -> Self {
        let world = Self::Real(EventProcessor::builder().build());
        world.net(net);
        world
    }

    pub fn simulated(seed: u64, net: usize) -> Self {
        let world = Self::Virtual(Simulation::new(seed));
        world.net(net);
        world
    }

    fn net(&self, count: usize) {
        if count > 0 {
            self.processor().spawn_event_threads(EventType::NET, count, 0).unwrap();
            self.started(EventType::NET);
        }
    }

    /// Waits until the threads of a group have started.
    #[track_caller]
    pub fn started(&self, group: EventType) {
        match self {
            Self::Real(processor) => assert!(processor.wait_started(group, LIMIT)),
            Self::Virtual(simulation) => drop(simulation.run_ready()),
        }
    }

    pub fn is_virtual(&self) -> bool {
        matches!(self, Self::Virtual(_))
    }

    pub fn processor(&self) -> &EventProcessor {
        match self {
            Self::Real(processor) => processor,
            Self::Virtual(simulation) => simulation.processor(),
        }
    }

    pub fn thread(&self, index: usize) -> EThread {
        self.processor().threads(EventType::NET)[index].clone()
    }

    /// Waits for `count` lines; a virtual clock goes on meanwhile, as far as it takes.
    #[track_caller]
    pub fn wait<T: Clone + Debug>(&self, log: &Log<T>, count: usize) -> Vec<T> {
        let Self::Virtual(simulation) = self else { return log.wait(count) };
        while log.len() < count {
            if !simulation.step() {
                let Some(deadline) = simulation.run_ready() else {
                    panic!(
                        "{count} lines were to come, there are only {:?} and nothing is left to do",
                        log.all()
                    )
                };
                assert!(
                    deadline > simulation.now() || log.len() >= count,
                    "a deadline has passed and nothing runs; there are {:?}",
                    log.all()
                );
                simulation.run_until(deadline);
            }
        }
        log.all()
    }

    /// Returns when everything that is queued for now, and what that queued for now, has run.
    #[track_caller]
    pub fn settle(&self) {
        let Self::Real(processor) = self else {
            let Self::Virtual(simulation) = self else { unreachable!() };
            simulation.run_ready();
            return;
        };
        for _ in 0..3 {
            let passed = Log::new();
            let mut count = 0;
            for group in 0..MAX_EVENT_TYPES {
                for thread in processor.threads(EventType::new(group as u8)) {
                    let passed = passed.clone();
                    EventProcessor::run_on(thread, move |_| passed.push(()));
                    count += 1;
                }
            }
            passed.wait(count);
        }
    }

    /// Lets virtual time pass; with real threads only what is queued for now is waited for.
    pub fn run_for(&self, duration: Duration) {
        match self {
            Self::Real(_) => self.settle(),
            Self::Virtual(simulation) => simulation.run_for(duration),
        }
    }

    /// Runs `f` at a place, and waits for its result.
    #[track_caller]
    pub fn at<R: Send + 'static>(&self, from: From, f: impl FnOnce() -> R + Send + 'static) -> R {
        match from {
            From::First => self.on(&self.thread(0), f),
            From::Second => self.on(&self.thread(1), f),
            From::Guest => {
                let processor = self.processor().clone();
                thread::spawn(move || {
                    let _guest = processor.guest();
                    f()
                })
                .join()
                .unwrap()
            }
            From::Foreign => thread::spawn(f).join().unwrap(),
        }
    }

    /// Runs `f` on an event thread, and waits for its result.
    #[track_caller]
    pub fn on<R: Send + 'static>(&self, thread: &EThread, f: impl FnOnce() -> R + Send + 'static) -> R {
        let (sender, receiver) = mpsc::channel();
        EventProcessor::run_on(thread, move |_| drop(sender.send(f())));
        match self {
            Self::Real(_) => receiver.recv_timeout(LIMIT).expect("the thread was to answer"),
            Self::Virtual(simulation) => {
                simulation.run_ready();
                receiver.try_recv().expect("the thread was to answer without time passing")
            }
        }
    }

    pub fn end(self) -> ShutdownReport {
        self.end_with(ShutdownOptions::default().deadline(LIMIT))
    }

    pub fn end_with(self, options: ShutdownOptions) -> ShutdownReport {
        match self {
            Self::Real(processor) => processor.shutdown(options),
            Self::Virtual(simulation) => simulation.shutdown(options),
        }
    }
}

/// A foreign thread that holds a mutex until told.
pub struct Holder {
    release: Option<mpsc::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Holder {
    pub fn hold(mutex: &ProxyMutex) -> Self {
        let mutex = mutex.clone();
        let (held, is_held) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let thread = thread::spawn(move || {
            let guard = mutex.lock();
            held.send(()).unwrap();
            // An error is a release as well.
            let _ = released.recv();
            drop(guard);
        });
        is_held.recv_timeout(LIMIT).unwrap();
        Self { release: Some(release), thread: Some(thread) }
    }

    /// Lets go of the mutex; it is free when this returns.
    pub fn release(mut self) {
        self.end();
    }

    fn end(&mut self) {
        drop(self.release.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.end();
    }
}

/// An event thread that is inside a handler until told.
pub struct Busy(Option<mpsc::Sender<()>>);

impl Busy {
    pub fn make(thread: &EThread) -> Self {
        let (inside, is_inside) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        EventProcessor::run_on(thread, move |_| {
            inside.send(()).unwrap();
            // An error is a release as well.
            let _ = released.recv();
        });
        is_inside.recv_timeout(LIMIT).unwrap();
        Self(Some(release))
    }

    pub fn release(mut self) {
        drop(self.0.take());
    }
}

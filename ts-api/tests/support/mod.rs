//! A system to test on, with the real clock or in a simulation, and ways to act on its threads.
#![allow(dead_code, reason = "each test takes what it needs")]

use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;
use ts_api::runtime::{ShutdownOptions, ShutdownReport, Simulated};
use ts_api::{Cont, EventCode, EventThread, Mutex, PluginThread, Pool, Runtime};
use ts_cont::{EThread, EventProcessor};

/// Longer than anything here takes, unless it is broken.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// A shutdown that is to be clean however busy the machine is.
pub(crate) fn patiently() -> ShutdownOptions {
    ShutdownOptions::default().deadline(Duration::from_secs(30))
}

/// A runtime with two network threads and two task threads.
pub(crate) enum System {
    Real(Runtime),
    Simulated(Box<Simulated>),
}

/// Runs a test on operating-system threads, and in simulations with several orders.
pub(crate) fn on_both_clocks(test: impl Fn(&System)) {
    let real = System::real();
    test(&real);
    real.end();
    for seed in 0..8 {
        let simulated = System::Simulated(Box::new(Runtime::simulated(seed).unwrap()));
        test(&simulated);
        simulated.end();
    }
}

impl System {
    pub(crate) fn real() -> Self {
        Self::Real(Runtime::builder().net_threads(2).task_threads(2).start().unwrap())
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        match self {
            Self::Real(runtime) => runtime,
            Self::Simulated(simulated) => simulated,
        }
    }

    /// Waits for something to arrive, letting virtual time pass as far as it takes.
    pub(crate) fn receive<T>(&self, receiver: &Receiver<T>) -> T {
        match self {
            Self::Real(_) => receiver.recv_timeout(LIMIT).expect("it never arrived"),
            Self::Simulated(simulated) => {
                for _ in 0..10_000 {
                    simulated.run_ready();
                    if let Ok(item) = receiver.try_recv() {
                        return item;
                    }
                    simulated.run_for(Duration::from_millis(1));
                }
                panic!("it never arrived");
            }
        }
    }

    pub(crate) fn ethread(&self, pool: Pool, index: usize) -> EThread {
        let group = self.runtime().group(pool).unwrap();
        self.runtime().processor().threads(group)[index].clone()
    }

    pub(crate) fn thread(&self, pool: Pool, index: usize) -> EventThread {
        self.ethread(pool, index).into()
    }

    /// Runs `f` on an event thread.
    pub(crate) fn on<T: Send + 'static>(
        &self,
        pool: Pool,
        index: usize,
        f: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        let (sender, receiver) = mpsc::channel();
        EventProcessor::run_on(&self.ethread(pool, index), move |_| sender.send(f()).unwrap());
        self.receive(&receiver)
    }

    /// Runs `f` on the calling thread, as a guest.
    pub(crate) fn as_guest<T>(&self, f: impl FnOnce() -> T) -> T {
        let _guest = self.runtime().guest();
        f()
    }

    /// Runs `f` on a plugin's thread; not in a simulation, which has none.
    pub(crate) fn on_plugin_thread<T: Send + 'static>(&self, f: impl FnOnce() -> T + Send + 'static) -> T {
        let (sender, receiver) = mpsc::channel();
        let thread = self.as_guest(|| PluginThread::spawn("actor", move || sender.send(f()).unwrap()));
        let answer = receiver.recv_timeout(LIMIT).expect("it never answered");
        thread.unwrap().wait().unwrap();
        answer
    }

    /// Waits until every thread has done what was queued on it for now.
    pub(crate) fn settle(&self) {
        for pool in [Pool::Net, Pool::Task] {
            for index in 0..2 {
                self.on(pool, index, || ());
            }
        }
    }

    /// Ends the system, and leaves nothing behind.
    pub(crate) fn end(self) {
        let report = self.shutdown();
        assert!(report.is_clean(), "{report}");
    }

    pub(crate) fn shutdown(self) -> ShutdownReport {
        match self {
            Self::Real(runtime) => runtime.shutdown(patiently()),
            Self::Simulated(simulated) => simulated.shutdown(patiently()),
        }
    }
}

/// What a handler saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) code: EventCode,
    pub(crate) thread: Option<EventThread>,
}

/// A continuation with a mutex that tells what it sees.
pub(crate) fn teller() -> (Cont, Receiver<Seen>) {
    let (sender, receiver) = mpsc::channel();
    (Cont::named("teller").exclusive(&Mutex::new(), tell(sender)), receiver)
}

/// The same without a mutex.
pub(crate) fn shared_teller() -> (Cont, Receiver<Seen>) {
    let (sender, receiver) = mpsc::channel();
    (Cont::named("shared teller").shared(tell(sender)), receiver)
}

fn tell(sender: Sender<Seen>) -> impl Fn(&mut ts_api::Event<'_>) + Send + Sync {
    // A test that has seen enough has dropped the receiver.
    move |event| _ = sender.send(Seen { code: event.code(), thread: event.thread() })
}

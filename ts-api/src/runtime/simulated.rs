//! A runtime whose threads all run on the thread that drives it, on a virtual clock.

use super::{Runtime, ShutdownOptions, ShutdownReport, shutdown};
use std::fmt;
use std::ops::Deref;
use std::time::Duration;
use ts_cont::EventType;
use ts_cont::simulate::Simulation;

/// A [`Runtime`] in a simulation: the same code, a virtual clock, an order drawn from a seed.
///
/// Be a guest of it to schedule, then let it run. It dereferences to the runtime.
///
/// # Examples
///
/// ```
/// use std::sync::{Arc, atomic::{AtomicU32, Ordering}};
/// use std::time::Duration;
/// use ts_api::{Cont, Mutex, Pool, Runtime};
///
/// let runtime = Runtime::simulated(7)?;
/// let guest = runtime.guest();
/// let ticks = Arc::new(AtomicU32::new(0));
/// let counted = Arc::clone(&ticks);
/// let clock = Cont::new(&Mutex::new(), move |_| _ = counted.fetch_add(1, Ordering::Relaxed));
/// clock.schedule_every_on_pool(Duration::from_secs(60), Pool::Task)?;
/// runtime.run_for(Duration::from_secs(3600));
/// assert_eq!(ticks.load(Ordering::Relaxed), 60);
/// # drop(guest);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Simulated {
    runtime: Runtime,
    simulation: Simulation,
}

impl Simulated {
    pub(super) fn new(runtime: Runtime, simulation: Simulation) -> Self {
        Self { runtime, simulation }
    }

    /// The simulation, for steps and draws.
    #[must_use]
    pub fn simulation(&self) -> &Simulation {
        &self.simulation
    }

    /// Runs until nothing can run at the present virtual time.
    pub fn run_ready(&self) {
        self.simulation.run_ready();
    }

    /// Runs until virtual time has moved on by `duration` and what is due by then has run.
    pub fn run_for(&self, duration: Duration) {
        self.simulation.run_for(duration);
    }

    /// As [`Runtime::shutdown`], running the threads on the way; the deadline is virtual.
    pub fn shutdown(self, options: ShutdownOptions) -> ShutdownReport {
        let inner = &self.runtime.inner;
        let began = self.simulation.now();
        let told =
            inner.processor.threads(EventType::NET).first().and_then(|first| shutdown::begin(inner, first));
        // Virtual time goes on only as far as the hooks make it.
        while told.as_ref().is_some_and(|told| told.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty)) {
            let passed = self.simulation.now().saturating_duration_since(began);
            match self.simulation.run_ready() {
                Some(deadline) if passed < options.limit() => self.simulation.run_until(deadline),
                _ => break,
            }
        }
        let untold = shutdown::close(inner);
        let passed = self.simulation.now().saturating_duration_since(began);
        let left = options.limit().saturating_sub(passed);
        let mut system = self.simulation.shutdown(options.deadline(left));
        system.took = system.took.saturating_add(passed);
        ShutdownReport { untold, system }
    }
}

impl Deref for Simulated {
    type Target = Runtime;

    fn deref(&self) -> &Runtime {
        &self.runtime
    }
}

impl fmt::Debug for Simulated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Simulated").field(&self.simulation).finish()
    }
}

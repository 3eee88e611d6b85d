//! Ending an event system, in stages, within a deadline, with a report.

use crate::cell::CellRef;
use crate::ethread::{EThread, Stop};
use crate::processor::spawn::Running;
use crate::processor::{EventProcessor, Inner};
use std::fmt;
use std::time::Duration;
use ts_thread::Clock;

/// What happens to events that are queued when the system shuts down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Queued {
    /// Those that are ready, or become ready by a mutex that is let go of, run; timers and futures are cancelled.
    #[default]
    Run,
    /// All are cancelled.
    Cancel,
}

/// How to shut down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "options do nothing until a shutdown uses them"]
pub struct ShutdownOptions {
    queued: Queued,
    deadline: Duration,
}

impl Default for ShutdownOptions {
    /// Runs what is queued, and waits at most five seconds.
    fn default() -> Self {
        Self { queued: Queued::default(), deadline: Duration::from_secs(5) }
    }
}

impl ShutdownOptions {
    /// What happens to queued events.
    pub fn queued(mut self, queued: Queued) -> Self {
        self.queued = queued;
        self
    }

    /// How long to wait for the threads, all together.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    pub(crate) fn queued_choice(self) -> Queued {
        self.queued
    }

    /// How long the shutdown waits, as [`ShutdownOptions::deadline`] set it.
    #[must_use]
    pub fn limit(self) -> Duration {
        self.deadline
    }
}

/// What a shutdown found and left behind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Names of the threads that ended.
    pub stopped: Vec<String>,
    /// Names of the threads that had not ended by the deadline, or that the shutdown was called on. They end by themselves
    /// as soon as their handlers return.
    pub unfinished: Vec<String>,
    /// Continuations that were neither destroyed nor dropped, by name and place, with how many there are of each.
    pub continuations: Vec<(String, usize)>,
    /// Events dispatched in the life of the threads that ended.
    pub dispatched: u64,
    /// Times that an event found its mutex busy.
    pub missed_locks: u64,
    /// Events that were cancelled by the shutdown.
    pub cancelled: u64,
    /// Futures that were dropped by the shutdown.
    pub tasks_dropped: u64,
    /// How long it took.
    pub took: Duration,
}

impl ShutdownReport {
    /// Whether all threads ended and no continuation is left.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.unfinished.is_empty() && self.continuations.is_empty()
    }
}

impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "shut down in {:.3} s: {} threads stopped, {} events dispatched, {} cancelled, {} futures dropped",
            self.took.as_secs_f64(),
            self.stopped.len(),
            self.dispatched,
            self.cancelled,
            self.tasks_dropped
        )?;
        for name in &self.unfinished {
            writeln!(f, "  thread {name} did not stop in time")?;
        }
        for (label, count) in &self.continuations {
            writeln!(f, "  still alive: {count} x {label}")?;
        }
        Ok(())
    }
}

impl EventProcessor {
    /// Shuts the event system down: stops intake, runs or cancels what is queued, stops loops, joins threads.
    ///
    /// It blocks until that is done or the deadline has passed; the report names what did not stop. Afterwards scheduling and
    /// spawning are errors. A second call reports what the first left. Called on one of the processor's own event
    /// threads it does not wait for that thread, which stops when its handler returns.
    ///
    /// In a simulation use [`crate::simulate::Simulation::shutdown`], which runs the threads on the way.
    pub fn shutdown(&self, options: ShutdownOptions) -> ShutdownReport {
        let inner = self.inner();
        let clock = Clock::real();
        let began = clock.now();
        let deadline = began.saturating_add(options.deadline);
        inner.begin_shutdown(options.queued);
        let mut report = ShutdownReport::default();
        let own = EThread::current();
        // A statement of its own: the lock must not be held while threads are waited for.
        let running = std::mem::take(&mut *inner.running.lock());
        for Running { thread, join } in running {
            if own.as_ref() == Some(&thread) {
                report.unfinished.push(thread.name().to_owned());
                inner.running.lock().push(Running { thread, join });
                continue;
            }
            match join.join_until(deadline) {
                Ok(result) => {
                    if result.is_err() {
                        tracing::error!(thread = thread.name(), "an event thread ended in a panic");
                    }
                    report.stopped.push(thread.name().to_owned());
                }
                Err(join) => {
                    // Whatever it still has queued is not worth waiting for.
                    thread.shared().stop(Stop::Now);
                    report.unfinished.push(thread.name().to_owned());
                    inner.running.lock().push(Running { thread, join });
                }
            }
        }
        inner.end_shutdown(&mut report);
        report.took = clock.now().saturating_duration_since(began);
        report
    }
}

impl Inner {
    /// Refuses new work and tells every thread to stop.
    pub(crate) fn begin_shutdown(&self, queued: Queued) {
        self.close();
        // A spawn that is under way publishes its threads first; one that comes later is refused.
        drop(self.running.lock());
        let stop = if queued == Queued::Run { Stop::Drain } else { Stop::Now };
        for thread in self.all_threads() {
            thread.shared().stop(stop);
        }
    }

    /// Fills in what the threads did and what is left.
    pub(crate) fn end_shutdown(&self, report: &mut ShutdownReport) {
        for group in self.groups() {
            report.cancelled += group.forget_waiting() as u64;
        }
        for (_, counts) in self.take_finished() {
            report.dispatched += counts.dispatched;
            report.missed_locks += counts.missed;
            report.cancelled += counts.cancelled;
            report.tasks_dropped += counts.tasks_dropped;
        }
        report.continuations = self.alive();
        self.closed();
    }

    /// The continuations of this processor that are neither destroyed nor dropped.
    fn alive(&self) -> Vec<(String, usize)> {
        let mut alive = std::collections::BTreeMap::<String, usize>::new();
        CellRef::for_each_of(self.core.id, |cell| {
            if !cell.life.is_destroyed() {
                *alive.entry(cell.label()).or_default() += 1;
            }
        });
        alive.into_iter().collect()
    }

    /// Nobody has a handle any more: the threads stop by themselves.
    pub(crate) fn abandon(&self) {
        if !self.close() {
            return;
        }
        let running = std::mem::take(&mut *self.running.lock());
        for thread in self.all_threads() {
            thread.shared().stop(Stop::Now);
        }
        // Dropping the handles leaves the operating-system threads to end by themselves.
        drop(running);
        // Threads that a simulation has not taken up refer to us.
        let newborn = std::mem::take(&mut *self.newborn.lock());
        drop(newborn);
    }
}

//! What all workloads measure with: how much to do, what came out, and two ways to wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use figures::Spread;
use figures::workload::LATENCY;

/// How much of the work is done: all of it at 1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale(pub(crate) f64);

impl Scale {
    /// So many times, at least once.
    pub(crate) fn count(self, full: u64) -> u64 {
        ((full as f64 * self.0) as u64).max(1)
    }

    /// So long, at least 1 ms.
    pub(crate) fn span(self, full: Duration) -> Duration {
        full.mul_f64(self.0).max(Duration::from_millis(1))
    }
}

/// What a workload found, by the names of its figures.
#[derive(Debug, Default)]
pub(crate) struct Findings(pub(crate) Vec<(String, f64)>);

impl Findings {
    pub(crate) fn one(&mut self, name: &str, number: f64) {
        self.0.push((name.to_owned(), number));
    }

    /// So many nanoseconds each.
    pub(crate) fn each(&mut self, name: &str, took: Duration, count: u64) {
        self.one(name, took.as_nanos() as f64 / count as f64);
    }

    /// The spread of samples in nanoseconds, in units of `unit` nanoseconds.
    pub(crate) fn latency(&mut self, name: &str, samples: &mut [u64], unit: f64) {
        let spread = Spread::of(samples).expect("a workload takes at least one sample");
        for (ending, nanos) in LATENCY.iter().zip(spread.numbers()) {
            self.one(&format!("{name}{ending}"), nanos as f64 / unit);
        }
    }

    /// What the threads of a contest did in a time: how many a second (times `per`), and the least thread against the most.
    pub(crate) fn contest(&mut self, name: &str, counts: &[u64], took: Duration, per: f64) {
        let most = counts.iter().max().copied().unwrap_or(0).max(1);
        let least = counts.iter().min().copied().unwrap_or(0);
        self.one(name, counts.iter().sum::<u64>() as f64 / took.as_secs_f64() / per);
        self.one(&format!("{name}_min_max"), least as f64 / most as f64);
    }
}

/// Nanoseconds per microsecond, for latencies in microseconds.
pub(crate) const US: f64 = 1000.0;

/// A number of nanoseconds, for samples.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Keeps the processor busy for so long from `since`, and returns the time at the end.
pub(crate) fn spin(since: Instant, length: Duration) -> Instant {
    loop {
        let now = Instant::now();
        if now.duration_since(since) >= length {
            return now;
        }
        std::hint::spin_loop();
    }
}

/// Says when the last of several is done.
pub(crate) struct Countdown {
    left: AtomicU64,
    tell: SyncSender<Instant>,
}

impl Countdown {
    pub(crate) fn new(count: u64) -> (Arc<Self>, Receiver<Instant>) {
        let (tell, told) = sync_channel(1);
        (Arc::new(Self { left: AtomicU64::new(count), tell }), told)
    }

    pub(crate) fn one_is_done(&self) {
        // AcqRel: the last one to count tells for the others too.
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.tell.send(Instant::now()).expect("whoever counts down is waited for");
        }
    }
}

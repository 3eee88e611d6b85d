//! What a thread has used: CPU time, and how often it went to sleep.

use std::fs;
use std::io;
use std::time::Duration;

use rustix::thread::{Pid, gettid};
use rustix::time::{ClockId, clock_gettime};

/// A thread of this process, for questions from other threads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Thread(Pid);

impl Thread {
    pub(crate) fn current() -> Self {
        Self(gettid())
    }

    /// The CPU time it has used so far, to the nanosecond, whether it runs or not.
    pub(crate) fn cpu(self) -> Duration {
        // The kernel's number for the scheduler's clock (2) of a thread (4): see `CPUCLOCK_PERTHREAD` in its sources.
        let clock = (!self.0.as_raw_nonzero().get() << 3) | 6;
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: `time` is a timespec of our own, for the length of the call.
        let answer = unsafe { libc::clock_gettime(clock, &raw mut time) };
        assert_eq!(answer, 0, "the thread is alive: {}", io::Error::last_os_error());
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    }

    /// How often it has gone to sleep of its own accord.
    pub(crate) fn sleeps(self) -> u64 {
        let status = format!("/proc/self/task/{}/status", self.0.as_raw_nonzero());
        let status = fs::read_to_string(status).expect("the thread is alive");
        let field = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        field.and_then(|count| count.trim().parse().ok()).expect("the kernel counts switches")
    }
}

/// The CPU time that all threads of this process have used so far.
pub(crate) fn process() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// CPU time of several threads together.
pub(crate) fn total(threads: &[Thread]) -> Duration {
    threads.iter().map(|thread| thread.cpu()).sum()
}

/// What part of one processor's time this is, in percent.
pub(crate) fn percent(cpu: Duration, elapsed: Duration) -> f64 {
    100.0 * cpu.as_secs_f64() / elapsed.as_secs_f64()
}

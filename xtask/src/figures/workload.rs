//! The workloads and the figures each of them gives.
//!
//! Peers and the machine's limits stand beside what they are compared with, so that they are measured right before or after
//! it: a machine that changes its speed then changes it for both.

use std::env;

/// Something that is measured in one go, in a process of its own.
#[derive(Debug, PartialEq, Eq)]
pub struct Workload {
    /// Its name: that of its first figure, or what the names of its figures begin with.
    pub name: &'static str,
    /// What it does.
    pub work: &'static str,
    /// What it prints.
    pub figures: &'static [Figure],
    /// Programs of others that it runs; without them it cannot be measured.
    pub programs: &'static [&'static str],
}

/// A number that is measured, or the four that tell of a latency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    /// One number: name and unit.
    One(&'static str, &'static str),
    /// Name and unit; the name gets each of [`LATENCY`] appended.
    Latency(&'static str, &'static str),
}

/// What a latency's name ends with: the percentiles 50, 99 and 99.9, and the longest.
pub const LATENCY: [&str; 4] = ["_p50", "_p99", "_p999", "_max"];

impl Figure {
    /// The names of the numbers, each with its unit.
    pub fn names(self) -> impl Iterator<Item = (String, &'static str)> {
        let (name, unit, endings): (_, _, &[&str]) = match self {
            Self::One(name, unit) => (name, unit, &[""]),
            Self::Latency(name, unit) => (name, unit, &LATENCY),
        };
        endings.iter().map(move |ending| (format!("{name}{ending}"), unit))
    }
}

impl Workload {
    /// The names of all its numbers, each with its unit, in the order in which they are printed.
    pub fn names(&self) -> impl Iterator<Item = (String, &'static str)> {
        self.figures.iter().flat_map(|figure| figure.names())
    }

    /// Those of its programs that are not in the path.
    pub fn lacks(&self) -> Vec<&'static str> {
        let path = env::var_os("PATH").unwrap_or_default();
        let is_here = |program: &str| env::split_paths(&path).any(|folder| folder.join(program).is_file());
        self.programs.iter().copied().filter(|program| !is_here(program)).collect()
    }

    /// Whether one of its numbers has this name.
    pub fn gives(&self, figure: &str) -> bool {
        self.names().any(|(name, _)| name == figure)
    }
}

/// The workload that gives the figure.
pub fn giver(figure: &str) -> Option<&'static Workload> {
    LIST.iter().find(|workload| workload.gives(figure))
}

use Figure::{Latency, One};

macro_rules! workloads {
    ($($name:literal, $work:literal $(, with $($program:literal),+)?:
        $($kind:ident($figure:literal, $unit:literal)),+;)+) => {
        &[$(Workload {
            name: $name,
            work: $work,
            figures: &[$($kind($figure, $unit)),+],
            programs: &[$($($program),+)?],
        }),+]
    };
}

/// All workloads, in the order in which they run.
pub const LIST: &[Workload] = workloads! {
    "limit_atomic_swap", "an atomic swap of a word in the thread's own cache":
        One("limit_atomic_swap", "ns");
    "limit_cas_store", "compare-exchange (acquire) and release store of one uncontended word":
        One("limit_cas_store", "ns");
    "limit_clock_read", "one read of the monotonic clock":
        One("limit_clock_read", "ns");
    "limit_malloc_free", "allocate and free 64 bytes":
        One("limit_malloc_free", "ns");

    "imm_local_1", "1 continuation schedules itself again for now on its own thread, 5 M dispatches":
        One("imm_local_1", "ns");
    "imm_local_1000", "the same with 1000 continuations that have a mutex each":
        One("imm_local_1000", "ns");
    "imm_local_plugin", "imm_local_1 by a plugin in Rust: the handler calls Cont::schedule_on_pool":
        One("imm_local_plugin", "ns");
    "imm_local_c", "imm_local_1 by a plugin in C: the handler calls TSContScheduleOnPool":
        One("imm_local_c", "ns");
    "handle_check", "one call of TSContDataGet, on 1024 continuations in turn":
        One("handle_check", "ns");
    "imm_reschedule", "the handler re-arms the event it was given, 5 M times":
        One("imm_reschedule", "ns");
    "tokio_yield_1", "current-thread runtime: 1 task yields 5 M times":
        One("tokio_yield_1", "ns");
    "tokio_yield_1000", "the same with 1000 tasks":
        One("tokio_yield_1000", "ns");

    "imm_remote", "an event thread schedules 2 M events on another, at most 32768 outstanding":
        One("imm_remote", "ns");
    "net_imm_remote", "the same on network threads":
        One("net_imm_remote", "ns");
    "crossbeam_closure", "2 M boxed closures through a bounded channel of 32768 to another thread, which calls them":
        One("crossbeam_closure", "ns");
    "imm_remote_from_outside", "a plain thread schedules 2 M events on an event thread, at most 32768 outstanding":
        One("imm_remote_from_outside", "ns");
    "tokio_spawn_remote", "spawn 1 M tasks on a current-thread runtime from another thread, at most 32768 outstanding":
        One("tokio_spawn_remote", "ns");

    "limit_cache_line_round_trip", "two threads that spin pass a cache line back and forth":
        One("limit_cache_line_round_trip", "ns");
    "limit_futex_round_trip", "two threads that sleep wake each other through futexes, 100 k times":
        One("limit_futex_round_trip", "ns"), Latency("limit_futex_round_trip", "ns");
    "pingpong_round_trip", "two idle event threads schedule each other, 100 k times":
        One("pingpong_round_trip", "ns"), Latency("pingpong_round_trip", "ns");
    "net_pingpong_round_trip", "the same on network threads":
        One("net_pingpong_round_trip", "ns"), Latency("net_pingpong_round_trip", "ns");
    "tokio_channel_round_trip", "two current-thread runtimes send to each other through unbounded channels, 100 k times":
        One("tokio_channel_round_trip", "ns"), Latency("tokio_channel_round_trip", "ns");

    "mutex_lock_unlock", "one uncontended lock and unlock":
        One("mutex_lock_unlock", "ns");
    "pl_mutex_lock_unlock", "the same with parking_lot's ReentrantMutex":
        One("pl_mutex_lock_unlock", "ns");
    "mutex_try_unlock", "one uncontended try and unlock":
        One("mutex_try_unlock", "ns");
    "pl_mutex_try_unlock", "the same with parking_lot's ReentrantMutex":
        One("pl_mutex_try_unlock", "ns");
    "mutex_recursive", "lock and unlock again while the mutex is held":
        One("mutex_recursive", "ns");
    "pl_mutex_recursive", "the same with parking_lot's ReentrantMutex":
        One("pl_mutex_recursive", "ns");
    "mutex_contended_2", "two threads lock and unlock in a tight loop for 1 s":
        One("mutex_contended_2", "Mops/s"), One("mutex_contended_2_min_max", "min/max");
    "pl_mutex_contended_2", "the same with parking_lot's ReentrantMutex":
        One("pl_mutex_contended_2", "Mops/s"), One("pl_mutex_contended_2_min_max", "min/max");

    "missed_lock_delay", "from the unlock of a mutex that was held for 3 ms to the handler of an idle thread that missed it":
        Latency("missed_lock_delay", "us"), One("missed_lock_delay_misses", "of_all");
    "contended_1us", "two continuations, one mutex, a thread each; each holds it for 1 us and schedules itself again, 3 s":
        One("contended_1us", "/s"), One("contended_1us_min_max", "min/max"), Latency("contended_1us_wait", "us");
    "pl_contended_1us", "the same loop on two plain threads with parking_lot's ReentrantMutex":
        One("pl_contended_1us", "/s"), One("pl_contended_1us_min_max", "min/max"), Latency("pl_contended_1us_wait", "us");
    "contended_20us", "the same, and each holds it for 20 us":
        One("contended_20us", "/s"), One("contended_20us_min_max", "min/max"), Latency("contended_20us_wait", "us");
    "pl_contended_20us", "the same loop on two plain threads with parking_lot's ReentrantMutex":
        One("pl_contended_20us", "/s"), One("pl_contended_20us_min_max", "min/max"),
        Latency("pl_contended_20us_wait", "us");

    "limit_sleep_lateness", "how late a thread wakes from a sleep of 1 ms, with a timer slack of 1 ns":
        Latency("limit_sleep_lateness", "us");
    "timer_fire_1k", "1 k one-shot timers of own continuations, due in 0.5..1.5 s; CPU of making, arming and firing them":
        One("timer_fire_1k_cpu", "ns"), One("timer_fire_1k_arming_cpu", "ns"),
        Latency("timer_fire_1k_lateness", "us"), One("timer_fire_1k_early", "timers");
    "tokio_timer_fire_1k", "1 k tasks that sleep until then on a current-thread runtime":
        One("tokio_timer_fire_1k_cpu", "ns"), Latency("tokio_timer_fire_1k_lateness", "us"),
        One("tokio_timer_fire_1k_early", "timers");
    "timer_fire_1m", "the same with 1 M timers":
        One("timer_fire_1m_cpu", "ns"), One("timer_fire_1m_arming_cpu", "ns"),
        Latency("timer_fire_1m_lateness", "us"), One("timer_fire_1m_early", "timers");
    "tokio_timer_fire_1m", "the same with 1 M tasks":
        One("tokio_timer_fire_1m_cpu", "ns"), Latency("tokio_timer_fire_1m_lateness", "us"),
        One("tokio_timer_fire_1m_early", "timers");
    "timer_insert_cancel", "1 M timers of one continuation, due in 20..60 s, then all cancelled, then 3 s of nothing":
        One("timer_insert", "ns"), One("timer_insert_cpu", "ns"), One("timer_cancel", "ns"),
        One("timer_cancelled_upkeep_cpu", "%");
    "tokio_delay_queue", "the same inserts into a DelayQueue, then all removed":
        One("tokio_delay_queue_insert", "ns"), One("tokio_delay_queue_insert_cpu", "ns"),
        One("tokio_delay_queue_remove", "ns");
    "every_10k_100ms", "10 k periodic continuations, every 100 ms, all started from one handler, 3 s":
        One("every_10k_100ms_cpu", "%"), One("every_10k_100ms_rate", "of_ideal");
    "idle", "two network threads and one task thread with nothing to do, 3 s":
        One("idle_cpu", "%"), One("idle_wakeups", "/s");
    "continuation_mutex_timer_memory", "resident bytes of a continuation with its own mutex and one pending timer, 1 M of them":
        One("continuation_mutex_timer_memory", "bytes");

    "spawn_future", "spawn a ready future on the own thread, 2 M in batches of 1000, until they have run":
        One("spawn_future", "ns");
    "wake_future", "wake a future on an idle thread from another one, until it is polled, 20 k times":
        One("wake_future", "ns"), Latency("wake_future", "ns");
    "scale_threads", "imm_local_1000 on each of 1, 2, 4, 8 event threads; imm_remote round a ring of as many; in total":
        One("scale_threads_local_1", "M/s"), One("scale_threads_local_2", "M/s"),
        One("scale_threads_local_4", "M/s"), One("scale_threads_local_8", "M/s"),
        One("scale_threads_remote_1", "M/s"), One("scale_threads_remote_2", "M/s"),
        One("scale_threads_remote_4", "M/s"), One("scale_threads_remote_8", "M/s");
    "scale_pending", "imm_local_1 with 0, 1 k, 1 M timers pending on its thread":
        One("scale_pending_0", "ns"), One("scale_pending_1k", "ns"), One("scale_pending_1m", "ns");
    "http_hooks", "a proxy before a local origin, 32 kept connections; 0, 1, 10 continuations at each hook, in turns":
        One("http_hooks_0", "/s"), One("http_hooks_1", "/s"), One("http_hooks_10", "/s");
    "http_proxy", "a proxy before nginx, wrk with 32 connections before it, a continuation for each transaction, threads bound to a processor each; nginx's own in turns, as it comes and bound",
        with "nginx", "wrk":
        One("http_proxy", "/cpu_s"), One("http_proxy_p99", "us"),
        One("nginx_proxy", "/cpu_s"), One("nginx_proxy_p99", "us"),
        One("nginx_proxy_bound", "/cpu_s"), One("nginx_proxy_bound_p99", "us");
};

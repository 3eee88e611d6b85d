//! Why a thread did not start.

use std::io;

/// Why a thread did not start, and which limit was hit.
///
/// The function that it should have run was dropped without being called.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A stack region is smaller than what the system asks for.
    #[error("a stack of {given} bytes is too small: a thread needs {needed} bytes at least")]
    StackTooSmall {
        /// The size of the region in bytes.
        given: usize,
        /// The least size in bytes.
        needed: usize,
    },
    /// There is no room for the stack.
    #[error(
        "no address space for a stack of {size} bytes and its guard: look at RLIMIT_AS (ulimit -v), \
         vm.max_map_count and vm.overcommit_memory ({source})"
    )]
    NoAddressSpace {
        /// The size asked for in bytes, without the guard.
        size: usize,
        /// What the system said.
        source: io::Error,
    },
    /// The system allows no further thread.
    #[error(
        "the system allows no further thread: look at RLIMIT_NPROC (ulimit -u, here {}), the control group's \
         pids.max, kernel.threads-max and kernel.pid_max ({source})", .nproc.map_or("unlimited".into(), |n| n.to_string())
    )]
    ThreadLimit {
        /// The process's `RLIMIT_NPROC`: how many threads its user may have, `None` for no limit.
        nproc: Option<u64>,
        /// What the system said.
        source: io::Error,
    },
    /// The thread cannot be bound to exactly these processors.
    #[error("a thread cannot be bound to CPUs {asked:?}: this process may use {allowed:?}")]
    CpuSet {
        /// The CPU numbers asked for.
        asked: Vec<usize>,
        /// The CPU numbers that the process's control group allows, as far as they can be found out.
        allowed: Vec<usize>,
    },
    /// The system keeps names as C strings, which end at the first NUL.
    #[error("the thread name {name:?} has a NUL in it")]
    NulInName {
        /// The name asked for.
        name: String,
    },
    /// Anything else.
    #[error("{call} failed: {source}")]
    Os {
        /// The system's function that failed.
        call: &'static str,
        /// What it said.
        source: io::Error,
    },
}

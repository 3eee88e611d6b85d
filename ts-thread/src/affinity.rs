//! Binding a thread to processors, all or nothing.

use rustix::process::getpid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::error::StartError;

/// Binds the calling thread to exactly `cpus`.
///
/// The kernel would quietly leave out the processors that the process may not use; that is an error here.
pub(crate) fn bind(cpus: &[usize]) -> Result<(), StartError> {
    let fits = !cpus.is_empty() && cpus.iter().all(|&cpu| cpu < CpuSet::MAX_CPU);
    let mut asked = CpuSet::new();
    if fits {
        cpus.iter().for_each(|&cpu| asked.set(cpu));
        if sched_setaffinity(None, &asked).is_ok() && sched_getaffinity(None).is_ok_and(|got| got == asked) {
            return Ok(());
        }
    }
    Err(StartError::CpuSet { asked: cpus.to_vec(), allowed: allowed() })
}

/// Lets the calling thread run wherever the process's first thread may, but on `cpu` only if there is no other: it inherited the
/// binding of the one that started it.
pub(crate) fn as_first_thread_but(cpu: usize) {
    // When it fails, the thread runs somewhere else.
    if let Ok(mut cpus) = sched_getaffinity(Some(getpid())) {
        if cpus.count() > 1 && cpu < CpuSet::MAX_CPU {
            cpus.unset(cpu);
        }
        let _ = sched_setaffinity(None, &cpus);
    }
}

/// The processors that the process may use.
///
/// Changes the calling thread's binding: it asks for all, and looks what it gets.
fn allowed() -> Vec<usize> {
    let mut all = CpuSet::new();
    (0..CpuSet::MAX_CPU).for_each(|cpu| all.set(cpu));
    // When it fails, what the thread has is still the best answer.
    let _ = sched_setaffinity(None, &all);
    let got = sched_getaffinity(None).unwrap_or_default();
    (0..CpuSet::MAX_CPU).filter(|&cpu| got.is_set(cpu)).collect()
}

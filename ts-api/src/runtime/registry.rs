//! The runtimes of the process, and which of them a call means.
//!
//! # Rules
//! * A thread that belongs to a runtime, as event thread or guest, means that one.
//! * Any other thread means the installed one, or else the one that was made first of those that live and are not shut down.

use super::{Inner, rules};
use parking_lot::Mutex;
use std::sync::{Arc, Weak};

static RUNTIMES: Mutex<Runtimes> = Mutex::new(Runtimes { installed: None, made: Vec::new() });

struct Runtimes {
    installed: Option<Weak<Inner>>,
    /// In the order in which they were made.
    made: Vec<Weak<Inner>>,
}

pub(super) fn enter(runtime: &Arc<Inner>) {
    let made = &mut RUNTIMES.lock().made;
    made.retain(|runtime| runtime.strong_count() > 0);
    made.push(Arc::downgrade(runtime));
}

pub(super) fn install(runtime: &Arc<Inner>) {
    RUNTIMES.lock().installed = Some(Arc::downgrade(runtime));
}

/// Threads that belong to none do not mean this one any more; its own threads still do.
pub(super) fn retire(runtime: &Arc<Inner>) {
    let mut runtimes = RUNTIMES.lock();
    let this = Arc::downgrade(runtime);
    if runtimes.installed.as_ref().is_some_and(|installed| installed.ptr_eq(&this)) {
        runtimes.installed = None;
    }
    // To the end, behind those that are not shut down.
    if let Some(position) = runtimes.made.iter().position(|made| made.ptr_eq(&this)) {
        let retired = runtimes.made.remove(position);
        runtimes.made.push(retired);
    }
}

/// The runtime that the calling thread means.
pub(super) fn current() -> Option<Arc<Inner>> {
    let member = rules::member().ok();
    // Looked through with the lock let go of: any of these may be the last handle by then, and a runtime's end runs
    // destructors of handlers.
    let alive: Vec<_> = {
        let runtimes = RUNTIMES.lock();
        runtimes.installed.iter().chain(&runtimes.made).filter_map(Weak::upgrade).collect()
    };
    let mut alive = alive.into_iter();
    match &member {
        Some(member) => alive.find(|runtime| runtime.processor.is_same(member.processor())),
        None => alive.next(),
    }
}

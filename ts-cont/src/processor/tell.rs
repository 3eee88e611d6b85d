//! What threads of a processor are told by number, from wherever an event is cancelled or a continuation destroyed.

use super::{find, find_thread, numbers, processors};
use crate::EThread;
use crate::affinity::ThreadRef;
use crate::ethread::Here;
use crate::work::Work;
use ts_event::Key;

/// Tells the thread `owner` to take a cancelled entry out of its queue.
pub(crate) fn tell_unlink(owner: u32, key: Key<Work>) {
    if let Some(thread) = numbers::thread(owner).and_then(find_thread) {
        // A thread that has closed its inbox has dropped the entry already.
        drop(thread.shared().send_work(Work::Unlink(key)));
    }
}

/// Tells one thread to look for dead events.
pub(crate) fn tell_sweep(thread: ThreadRef) {
    sweep_threads(find_thread(thread).into_iter().collect());
}

/// Tells all threads of a processor, or of all processors, to look for dead events.
pub(crate) fn tell_sweep_all(processor: Option<u32>) {
    let processors: Vec<_> = match processor {
        Some(id) => find(id).into_iter().collect(),
        None => processors(),
    };
    sweep_threads(processors.iter().flat_map(|inner| inner.all_threads()).collect());
}

fn sweep_threads(threads: Vec<EThread>) {
    for thread in threads {
        let shared = thread.shared();
        match shared.owner.here() {
            Some(here) => {
                // [home-inbox]: as if it were told through its inbox.
                shared.pass_inbox();
                here.request_sweep();
            }
            None => drop(shared.send_work(Work::Closure(Box::new(Here::request_sweep)))),
        }
    }
}

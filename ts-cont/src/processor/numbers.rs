//! Small numbers for event threads: what an event is tagged with, so that its slot needs not hold where its thread is.
//!
//! A number is never used again, so the table grows by a few bytes for each event thread that the process ever makes.

use crate::affinity::ThreadRef;
use parking_lot::RwLock;

/// The thread with number `n` is at `n - 1`.
static THREADS: RwLock<Vec<ThreadRef>> = RwLock::new(Vec::new());

/// A new number for a thread; it is not zero.
pub(crate) fn number(thread: ThreadRef) -> u32 {
    let mut threads = THREADS.write();
    threads.push(thread);
    u32::try_from(threads.len()).expect("no numbers left for event threads")
}

/// The thread with this number; none has zero.
pub(crate) fn thread(number: u32) -> Option<ThreadRef> {
    THREADS.read().get((number as usize).checked_sub(1)?).copied()
}

//! Small numbers for event threads: what stands in the slots of events and in continuations, where there is no room to say more.
//!
//! A number is never used again, so the table grows by a word for each event thread that the process ever makes.
//!
//! # Ordering
//! One pair, `[thread-number]`: from a thread's entry in the table to whoever looks a number up.

use crate::affinity::ThreadRef;
use parking_lot::Mutex;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// A packed [`ThreadRef`] for each number. Part `p` has those from `2^p` to before twice that, so that none ever moves.
static PARTS: [OnceLock<Box<[AtomicU64]>>; PARTS_AT_MOST] = [const { OnceLock::new() }; PARTS_AT_MOST];

/// The parts of all numbers below [`LIMIT`].
const PARTS_AT_MOST: usize = LIMIT.ilog2() as usize;

/// No thread has this number, or a higher one.
pub(crate) const LIMIT: u32 = 1 << 30;

/// The number that was given last.
static LAST: Mutex<u32> = Mutex::new(0);

/// A new number for a thread; it is not zero.
pub(crate) fn number(thread: ThreadRef) -> u32 {
    let mut last = LAST.lock();
    let number = *last + 1;
    assert!(number < LIMIT, "no numbers left for event threads");
    let part = number.ilog2();
    let entries =
        PARTS[part as usize].get_or_init(|| (0..1_u32 << part).map(|_| AtomicU64::new(0)).collect());
    // Release [thread-number]: as the pair is for the rest of what is known of the thread.
    entries[(number - (1 << part)) as usize].store(thread.pack(), Ordering::Release);
    *last = number;
    number
}

/// The thread with this number; none has zero.
pub(crate) fn thread(number: u32) -> Option<ThreadRef> {
    let part = number.checked_ilog2()?;
    let entries = PARTS.get(part as usize)?.get()?;
    // Acquire [thread-number]: the other end.
    ThreadRef::unpack(entries[(number - (1 << part)) as usize].load(Ordering::Acquire))
}

/// The processor of the thread with this number; zero if there is none.
pub(crate) fn processor_of(number: u32) -> u32 {
    thread(number).map_or(0, |thread| thread.processor)
}

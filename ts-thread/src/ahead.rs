//! Memory that is used soon, touched for the first time by a thread that has nothing else to do.
//!
//! The kernel makes a page when it is first written, and takes a microsecond or two for it; for units of 64 bytes that are taken
//! one after the other that is more than all else that is done with them. So a pool that grows by megabytes tells what it
//! comes to next, and a thread makes those pages meanwhile.
//!
//! # Rules
//! * To make a page changes nothing that a program can see: it may be done beside those who use the memory, too late, twice, or
//!   not at all. So nothing is handed over, and who asks never waits: what cannot be asked for at once is left to its user.
//! * Memory that is given back is withdrawn first, and that waits until nobody is at it. The child of a fork, which has no such
//!   thread, has to run another program before it gives any back.
//! * The thread is started when it is needed, and ends when it has not been for a tenth of a second. Nobody joins it.
//! * It runs where the process's first thread may, and not where the one that asks is bound to.
//!
//! Huge pages would be made at a fifth of the price, but where a host takes free ones back each takes milliseconds the
//! first time. To make several pages at a time, by the thread that uses them, saves nearly nothing: it is the pages that
//! cost, and not the faults.
//!
//! This module is hidden from the documentation: it exists for the ts crates.

use std::collections::VecDeque;
use std::ptr::NonNull;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use rustix::mm::{Advice, madvise};
use rustix::param::page_size;

use crate::affinity;
use crate::thread::Builder;

/// How far ahead of its use memory is asked for, and how much of it at a time, in bytes: at 30 ns for 64 bytes it is a quarter
/// of a millisecond.
pub const STRETCH: usize = 512 * 1024;

/// How long the thread waits for more before it ends.
const REST: Duration = Duration::from_millis(100);

/// For as long as these bytes take, nobody else can change the process's map of its memory, or withdraw any.
const STEP: usize = 64 * 1024;

/// How many stretches wait at most; then the oldest is used already, or soon.
const MOST: usize = 4;

const STACK: usize = 64 * 1024;

/// Memory that is to be made ready.
#[derive(Clone, Copy)]
struct Stretch {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: nothing is read or written through it, and the memory stays.
unsafe impl Send for Stretch {}

/// What the thread has to do.
struct Asked {
    stretches: VecDeque<Stretch>,
    /// What that one is at.
    step: Option<Stretch>,
    /// Whether there is a thread that will look here again.
    is_served: bool,
}

static ASKED: Mutex<Asked> = Mutex::new(Asked { stretches: VecDeque::new(), step: None, is_served: false });
/// The thread may have something to do.
static MORE: Condvar = Condvar::new();
/// It is through with what somebody withdraws.
static THROUGH: Condvar = Condvar::new();

/// Has the pages of this memory made, soon, by another thread. Any thread may call; it does not wait for that, and does not
/// fail. One call in a while starts the thread.
///
/// # Safety
///
/// The memory is an allocation of the program, or part of one, and is withdrawn before it is given back.
#[cold]
pub unsafe fn make_ready(start: NonNull<u8>, bytes: usize) {
    if cfg!(any(loom, miri)) {
        return;
    }
    let mut asked = match ASKED.try_lock() {
        Ok(asked) => asked,
        Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        Err(TryLockError::WouldBlock) => return,
    };
    if asked.stretches.len() == MOST {
        asked.stretches.pop_front();
    }
    asked.stretches.push_back(Stretch { start, bytes });
    let was_served = std::mem::replace(&mut asked.is_served, true);
    // Nobody who withdraws waits for the start of a thread.
    drop(asked);
    if was_served {
        MORE.notify_one();
    } else if Builder::new().name("[MEMORY]").stack_size(STACK).spawn(serve).is_err() {
        // It is as if nobody had asked.
        lock().is_served = false;
    }
}

/// Has nothing made ready in this memory any more; if somebody is at it, waits until 64 KiB are made: some tens of
/// microseconds, unless memory is short. Any thread may call.
pub fn withdraw(start: NonNull<u8>, bytes: usize) {
    let memory = Stretch { start, bytes };
    let mut asked = lock();
    asked.stretches.retain(|stretch| !stretch.overlaps(memory));
    while asked.step.is_some_and(|step| step.overlaps(memory)) {
        asked = THROUGH.wait(asked).unwrap_or_else(PoisonError::into_inner);
    }
}

fn lock() -> MutexGuard<'static, Asked> {
    // Nothing under the lock can panic halfway.
    ASKED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the thread does.
fn serve() {
    affinity::as_first_thread();
    let mut asked = lock();
    loop {
        if let Some(step) = asked.begin_step() {
            drop(asked);
            step.make_ready();
            asked = lock();
            asked.step = None;
            THROUGH.notify_all();
            continue;
        }
        let (guard, waited) = MORE.wait_timeout(asked, REST).unwrap_or_else(PoisonError::into_inner);
        asked = guard;
        if waited.timed_out() && asked.stretches.is_empty() {
            // Under the lock: whoever asks later finds it, and starts another.
            asked.is_served = false;
            return;
        }
    }
}

impl Asked {
    /// What to do next.
    fn begin_step(&mut self) -> Option<Stretch> {
        let first = self.stretches.front_mut()?;
        self.step = Some(Stretch { bytes: first.bytes.min(STEP), ..*first });
        if first.bytes > STEP {
            // SAFETY: the memory goes on behind the step.
            first.start = unsafe { first.start.add(STEP) };
            first.bytes -= STEP;
        } else {
            self.stretches.pop_front();
        }
        self.step
    }
}

impl Stretch {
    fn end(self) -> usize {
        self.start.addr().get() + self.bytes
    }

    fn overlaps(self, other: Self) -> bool {
        self.start.addr().get() < other.end() && other.start.addr().get() < self.end()
    }

    /// Makes the pages that lie in it as a whole.
    fn make_ready(self) {
        let page = page_size();
        let from = self.start.as_ptr().map_addr(|address| address.next_multiple_of(page));
        let bytes = self.end().saturating_sub(from.addr()) / page * page;
        // SAFETY: the memory stays for as long as it is not withdrawn, and making its pages does not change what is in them.
        // Kernels before 5.14 do not know how; then it is as if nobody had asked.
        let _ = unsafe { madvise(from.cast(), bytes, Advice::LinuxPopulateWrite) };
    }
}

#[cfg(all(test, not(any(loom, miri))))]
mod tests {
    use super::*;
    use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};
    use std::ptr;
    use std::thread;
    use std::time::Instant;

    /// New memory.
    fn fresh(bytes: usize) -> NonNull<u8> {
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a mapping of its own, where the system likes.
        let start = unsafe { mmap_anonymous(ptr::null_mut(), bytes, protection, MapFlags::PRIVATE) };
        let start = start.expect("there is memory");
        // A huge page would be made as a whole.
        // SAFETY: it is ours, and only its pages are concerned.
        let _ = unsafe { madvise(start, bytes, Advice::LinuxNoHugepage) };
        NonNull::new(start).expect("nothing is mapped at zero").cast()
    }

    /// How many bytes from here on are in memory, by what the kernel says of the process's pages.
    fn resident(start: NonNull<u8>, bytes: usize) -> usize {
        use std::os::unix::fs::FileExt;
        let pagemap = std::fs::File::open("/proc/self/pagemap").expect("proc is mounted");
        let mut entries = vec![0; bytes / page_size() * 8];
        let offset = start.addr().get() / page_size() * 8;
        pagemap.read_exact_at(&mut entries, offset as u64).expect("the memory is ours");
        entries.chunks_exact(8).filter(|entry| entry[7] & 0x80 != 0).count() * page_size()
    }

    /// One test at a time: what one asks for can push out what the other did.
    static ALONE: Mutex<()> = Mutex::new(());

    /// Longer than anything here takes.
    const DEADLINE: Duration = Duration::from_secs(30);

    /// Waits until it is so, and calls `again` meanwhile.
    fn until(what: &str, is_so: impl Fn() -> bool, again: impl Fn()) {
        let deadline = Instant::now() + DEADLINE;
        while !is_so() {
            assert!(Instant::now() < deadline, "in vain: {what}");
            again();
            thread::yield_now();
        }
    }

    fn until_nobody_serves() {
        until("the thread ends", || !lock().is_served, || ());
    }

    #[test]
    fn what_is_withdrawn_may_be_given_back_and_used_for_something_else() {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        for round in 0..20 {
            let bytes = 4 * STRETCH;
            let start = fresh(bytes);
            // SAFETY: it is withdrawn before it is given back, and another mapping put in its place.
            unsafe {
                make_ready(start, bytes);
                // At different points of the way.
                (0..round * 10_000).for_each(|_| std::hint::spin_loop());
                withdraw(start, bytes);
                munmap(start.as_ptr().cast(), bytes).expect("it is ours");
                let flags = MapFlags::PRIVATE | MapFlags::FIXED_NOREPLACE;
                let protection = ProtFlags::READ | ProtFlags::WRITE;
                if let Ok(next) = mmap_anonymous(start.as_ptr().cast(), bytes, protection, flags) {
                    assert_eq!(resident(start, bytes), 0, "somebody was at it");
                    munmap(next, bytes).expect("it is ours");
                }
            }
        }
    }

    #[test]
    fn what_is_asked_for_is_made_whether_the_thread_is_there_or_has_ended() {
        let probe = fresh(page_size());
        // SAFETY: it is ours.
        if unsafe { madvise(probe.as_ptr().cast(), page_size(), Advice::LinuxPopulateWrite) }.is_err() {
            // A kernel before 5.14: nothing is ever made.
            return;
        }
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        for round in 0..3 {
            let start = fresh(4 * STRETCH);
            // SAFETY: all of it is one mapping.
            let [written, third, last] = [1, 2, 3].map(|number| unsafe { start.add(number * STRETCH) });
            // SAFETY: it is ours.
            unsafe { written.write(7) };
            // It is asked for again, since what cannot be asked for at once is left: the thread may be about to look.
            // SAFETY: it is never given back.
            let ask = |from, bytes| unsafe { make_ready(from, bytes) };
            until("the first is made", || resident(start, STRETCH) == STRETCH, || ask(start, STRETCH + 100));
            until("the third is made", || resident(third, STRETCH) == STRETCH, || ask(third, STRETCH));
            assert_eq!(resident(last, STRETCH), 0, "round {round}: what nobody asked for");
            // SAFETY: it is ours, and was written above.
            assert_eq!(unsafe { written.read() }, 7, "what was written there stays");
            if round == 1 {
                until_nobody_serves();
            }
        }
        until_nobody_serves();
    }
}

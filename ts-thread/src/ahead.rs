//! Memory that is used soon, touched for the first time by a thread that has nothing else to do.
//!
//! The kernel makes a page when it is first written, and takes a microsecond or two for it; for units of 64 bytes that are taken
//! one after the other that is more than all else that is done with them. So a pool that grows by megabytes tells what it
//! comes to next, and a thread makes those pages meanwhile; and where it has not come to them yet, the pool's user takes its share
//! of the work, a step at a time.
//!
//! # Rules
//! * To make a page changes nothing that a program can see: it may be done beside those who use the memory, too late, twice, or
//!   not at all. So nothing is handed over, and who asks never waits: what cannot be asked for at once is left to its user.
//! * Memory that is given back is withdrawn first, and that waits until nobody is at it. The child of a fork, which has no such
//!   thread, has to run another program before it gives any back.
//! * The thread is started when it is needed, and ends when it has not been for a tenth of a second. Nobody joins it.
//! * It runs where the process's first thread may, and not where the one that asks is bound to; nor on the processor where that one
//!   is, unless there is no other: there it would take the time that it is to save.
//!
//! Huge pages would be made at a fifth of the price, but where a host takes free ones back each takes milliseconds the
//! first time. To have no thread for it, and make several pages at a time where they are used, saves a third of the price and no
//! more: it is the pages that cost, and not the faults.
//!
//! This module is hidden from the documentation: it exists for the ts crates.

use std::collections::VecDeque;
use std::ptr::NonNull;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use rustix::mm::{Advice, madvise};
use rustix::param::page_size;
use rustix::thread::sched_getcpu;

use crate::affinity;
use crate::thread::Builder;

/// How far ahead of its use memory is asked for, and how much of it at a time, in bytes: at 30 ns for 64 bytes it is a quarter
/// of a millisecond.
pub const STRETCH: usize = 512 * 1024;

/// How long the thread waits for more before it ends.
const REST: Duration = Duration::from_millis(100);

/// How many bytes are made at a time. For as long as these take, nobody else can change the process's map of its memory, or
/// withdraw any.
pub const STEP: usize = 64 * 1024;

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
    /// The processor that the one who asked last was on.
    asker: usize,
}

static ASKED: Mutex<Asked> =
    Mutex::new(Asked { stretches: VecDeque::new(), step: None, is_served: false, asker: 0 });
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
    let Some(mut asked) = try_lock() else { return };
    asked.asker = sched_getcpu();
    asked.ask(Stretch { start, bytes });
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

/// Has `bytes` from `start` on made ready by the caller, who is about to use them, if they were asked for and nobody has begun
/// with them. If somebody is at them just now, the caller makes some of the `behind` bytes that come next and were asked for as
/// well, if there are any, so that the two do not get into each other's way. Any thread may call; it takes as long as a step of
/// 64 KiB, and does not fail.
///
/// # Safety
///
/// The memory, with what is behind, was given to [`make_ready`], and not to [`withdraw`], and is not given back meanwhile.
#[cold]
pub unsafe fn take_share(start: NonNull<u8>, bytes: usize, behind: usize) {
    if cfg!(any(loom, miri)) {
        return;
    }
    let now = Stretch { start, bytes };
    // SAFETY: the memory goes on there, says the caller.
    let later = Stretch { start: unsafe { start.add(bytes) }, bytes: behind };
    let Some(mut asked) = try_lock() else { return };
    let share = asked.share(now, later);
    drop(asked);
    if let Some(share) = share {
        share.make_ready();
    }
}

/// Makes this memory ready, now and by the caller: for what is used before anybody could have been asked.
///
/// # Safety
///
/// The memory is an allocation of the program, or part of one, and is not given back meanwhile.
#[cold]
pub unsafe fn make_ready_here(start: NonNull<u8>, bytes: usize) {
    if !cfg!(any(loom, miri)) {
        Stretch { start, bytes }.make_ready();
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

/// As `lock`, for those who do not wait.
fn try_lock() -> Option<MutexGuard<'static, Asked>> {
    match ASKED.try_lock() {
        Ok(asked) => Some(asked),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// What the thread does.
fn serve() {
    let mut asked = lock();
    let mut avoided = None;
    loop {
        let asker = asked.asker;
        if avoided.replace(asker) != Some(asker) {
            // Nobody waits for that.
            drop(asked);
            affinity::as_first_thread_but(asker);
            asked = lock();
        }
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
    /// Puts it last; the oldest goes if there are too many.
    fn ask(&mut self, stretch: Stretch) {
        if self.stretches.len() == MOST {
            self.stretches.pop_front();
        }
        self.stretches.push_back(stretch);
    }

    /// What to do next.
    fn begin_step(&mut self) -> Option<Stretch> {
        self.step = if self.stretches.is_empty() { None } else { Some(self.cut(0, STEP)) };
        self.step
    }

    /// What he had best make by himself who uses `now` at once, and `later` after that.
    fn share(&mut self, now: Stretch, later: Stretch) -> Option<Stretch> {
        let waiting = |stretches: &VecDeque<Stretch>, what| {
            stretches.iter().position(|stretch: &Stretch| stretch.overlaps(what))
        };
        if let Some(index) = waiting(&self.stretches, now) {
            // What lies before is in use already.
            let bytes = now.end() - self.stretches[index].start.addr().get();
            self.cut(index, bytes);
            return Some(now);
        }
        if !self.step?.overlaps(now) {
            return None;
        }
        let index = waiting(&self.stretches, later)?;
        Some(self.cut(index, STEP))
    }

    /// Takes so much, or all that there is, from the front of a stretch.
    fn cut(&mut self, index: usize, bytes: usize) -> Stretch {
        let stretch = &mut self.stretches[index];
        let front = Stretch { bytes: stretch.bytes.min(bytes), ..*stretch };
        if stretch.bytes > bytes {
            // SAFETY: the memory goes on behind the front.
            stretch.start = unsafe { stretch.start.add(bytes) };
            stretch.bytes -= bytes;
        } else {
            self.stretches.remove(index);
        }
        front
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
    use rustix::process::getpid;
    use rustix::thread::{CpuSet, Pid, gettid, sched_getaffinity};
    use std::ptr;
    use std::thread;
    use std::time::Instant;

    /// New memory.
    fn fresh(bytes: usize) -> NonNull<u8> {
        map(ptr::null_mut(), bytes, MapFlags::empty()).expect("there is memory")
    }

    /// New memory in a certain place, if it is free, or where the system likes.
    fn map(place: *mut u8, bytes: usize, how: MapFlags) -> Option<NonNull<u8>> {
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a mapping of its own, which replaces none.
        let start =
            unsafe { mmap_anonymous(place.cast(), bytes, protection, MapFlags::PRIVATE | how) }.ok()?;
        // A huge page would be made as a whole.
        // SAFETY: it is ours, and only its pages are concerned.
        let _ = unsafe { madvise(start, bytes, Advice::LinuxNoHugepage) };
        NonNull::new(start.cast())
    }

    /// Whether the kernel is not one before 5.14, for which nothing is ever made.
    fn can_make_pages() -> bool {
        let probe = fresh(page_size());
        // SAFETY: it is ours.
        unsafe { madvise(probe.as_ptr().cast(), page_size(), Advice::LinuxPopulateWrite) }.is_ok()
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
        let mut used_again = Vec::new();
        for round in 0..1000 {
            // One step at which the thread may be just now, and one of several behind it.
            let memory = [page_size(), 3 * STEP].map(|bytes| (fresh(bytes), bytes));
            // SAFETY: it is withdrawn before it is given back.
            memory.iter().for_each(|(start, bytes)| unsafe { make_ready(*start, *bytes) });
            // At different points of the way.
            (0..round % 200 * 50).for_each(|_| std::hint::spin_loop());
            for (start, bytes) in memory {
                withdraw(start, bytes);
                let is_at_it = |step: Stretch| step.overlaps(Stretch { start, bytes });
                assert!(!lock().step.is_some_and(is_at_it), "round {round}: somebody is at it");
                // SAFETY: it is ours, and nobody else is at it.
                unsafe { munmap(start.as_ptr().cast(), bytes) }.expect("it is ours");
                used_again.extend(
                    map(start.as_ptr(), bytes, MapFlags::FIXED_NOREPLACE).map(|again| (again, bytes)),
                );
            }
        }
        // Somebody who is at it after all may come to it late.
        until_nobody_serves();
        assert!(!used_again.is_empty(), "nothing was mapped in the same place");
        let made: Vec<_> = used_again.iter().map(|(start, bytes)| resident(*start, *bytes)).collect();
        assert!(made.iter().all(|bytes| *bytes == 0), "somebody was at it: {made:?}");
        for (start, bytes) in used_again {
            // SAFETY: it is ours.
            unsafe { munmap(start.as_ptr().cast(), bytes) }.expect("it is ours");
        }
    }

    fn page(number: usize, bytes: usize) -> Stretch {
        let start = ptr::without_provenance_mut(number * page_size());
        Stretch { start: NonNull::new(start).expect("not the first"), bytes }
    }

    #[test]
    fn what_is_next_to_memory_that_is_withdrawn_is_made_all_the_same() {
        let two = page(10, 2 * page_size());
        for (other, is_of_it) in [
            (page(9, page_size()), false),
            (page(9, page_size() + 1), true),
            (page(9, 4 * page_size()), true),
            (page(11, 1), true),
            (page(12, page_size()), false),
        ] {
            assert_eq!((two.overlaps(other), other.overlaps(two)), (is_of_it, is_of_it), "{:?}", other.start);
        }
    }

    #[test]
    fn the_oldest_of_too_many_is_left_to_its_user_and_the_others_are_made_in_steps() {
        let mut asked = Asked { stretches: VecDeque::new(), step: None, is_served: true, asker: 0 };
        (1..=MOST + 1).for_each(|number| asked.ask(page(1000 * number, STEP + 5)));
        let mut steps = Vec::new();
        while let Some(step) = asked.begin_step() {
            assert!(asked.step.is_some_and(|now| now.start == step.start && now.bytes == step.bytes));
            steps.push((step.start.addr().get(), step.bytes));
        }
        let expected = (2..=MOST + 1).flat_map(|number| {
            let start = 1000 * number * page_size();
            [(start, STEP), (start + STEP, 5)]
        });
        assert_eq!(steps, expected.collect::<Vec<_>>());
    }

    #[test]
    fn who_comes_to_what_nobody_has_begun_with_makes_it_and_who_meets_somebody_at_it_makes_what_is_next() {
        let mut asked = Asked { stretches: VecDeque::new(), step: None, is_served: true, asker: 0 };
        let (other, mine) = (page(1000, STEP), page(2000, 4 * STEP));
        let steps = STEP / page_size();
        let step = |number: usize| page(2000 + number * steps, STEP);
        let later = |number: usize| page(2000 + number * steps, (4 - number) * STEP);
        [other, mine].into_iter().for_each(|stretch| asked.ask(stretch));
        let places = |stretch: Stretch| (stretch.start, stretch.bytes);
        let at = |share: Option<Stretch>| share.map(places);
        assert_eq!(at(asked.share(step(0), later(1))), Some(places(step(0))), "nobody has begun with it");
        assert_eq!(
            asked.stretches.iter().copied().map(places).collect::<Vec<_>>(),
            [other, later(1)].map(places)
        );
        asked.begin_step();
        assert_eq!(at(asked.begin_step()), Some(places(step(1))));
        assert_eq!(at(asked.share(step(1), later(2))), Some(places(step(2))), "somebody is at it");
        assert_eq!(at(asked.share(step(2), later(3))), None, "it is made");
        assert_eq!(at(asked.share(step(3), page(5000, 0))), Some(places(step(3))));
        assert!(asked.stretches.is_empty());
        assert_eq!(at(asked.share(step(1), later(2))), None, "there is nothing else to make");
    }

    #[test]
    fn what_is_behind_in_somebody_elses_memory_is_left_to_him() {
        let mut asked = Asked { stretches: VecDeque::new(), step: None, is_served: true, asker: 0 };
        asked.ask(page(2000, STEP));
        let step = asked.begin_step().expect("it was asked for");
        asked.ask(page(1000, STEP));
        let behind = page(2000 + STEP / page_size(), STEP);
        assert!(asked.share(step, behind).is_none());
        assert_eq!(asked.stretches.len(), 1);
    }

    #[test]
    fn pages_that_are_somebody_elses_in_part_are_not_made() {
        if !can_make_pages() {
            return;
        }
        let (page, start) = (page_size(), fresh(6 * page_size()));
        // SAFETY: it is within the mapping.
        let at = |number: usize| unsafe { start.add(number * page) };
        // SAFETY: as above.
        Stretch { start: unsafe { start.add(page + 100) }, bytes: 3 * page }.make_ready();
        let made: Vec<_> = (0..6).map(|number| resident(at(number), page) / page).collect();
        assert_eq!(made, [0, 0, 1, 1, 0, 0]);
    }

    /// The processors that a thread may run on.
    fn cpus_of(thread: Pid) -> Option<Vec<usize>> {
        let cpus = sched_getaffinity(Some(thread)).ok()?;
        Some((0..CpuSet::MAX_CPU).filter(|cpu| cpus.is_set(*cpu)).collect())
    }

    #[test]
    fn it_is_made_where_the_first_thread_may_run_but_not_where_the_one_that_asks_does() {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        until_nobody_serves();
        let first = cpus_of(getpid()).expect("there is a first thread");
        let address = fresh(STRETCH).expose_provenance();
        thread::spawn(move || {
            let mine = cpus_of(gettid()).expect("it may run somewhere");
            affinity::bind(&mine[..1]).expect("it may run there");
            let others = || first.iter().copied().filter(|cpu| *cpu != mine[0]).collect::<Vec<_>>();
            let expected = if first.len() > 1 { others() } else { first.clone() };
            let start = NonNull::with_exposed_provenance(address);
            // SAFETY: it is never given back.
            let ask = || unsafe { make_ready(start, STRETCH) };
            let is_there = || {
                let threads = std::fs::read_dir("/proc/self/task").expect("proc is mounted");
                threads.filter_map(|thread| thread.ok()?.file_name().into_string().ok()).any(|thread| {
                    let name = std::fs::read_to_string(format!("/proc/self/task/{thread}/comm"));
                    let number = thread.parse().ok().and_then(Pid::from_raw);
                    name.is_ok_and(|name| name.trim() == "[MEMORY]")
                        && number.and_then(cpus_of).as_ref() == Some(&expected)
                })
            };
            until("it runs on the others", is_there, ask);
        })
        .join()
        .expect("it is so");
        until_nobody_serves();
    }

    #[test]
    fn what_is_asked_for_is_made_whether_the_thread_is_there_or_has_ended() {
        if !can_make_pages() {
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

//! The bell of the readiness wait: a ring is never lost, though only a ring that finds the owner waiting notifies it.
#![cfg(loom)]

#[path = "../src/poller/bell.rs"]
mod bell;

use bell::Bell;
use loom::model::Builder;
use ts_thread::sync::atomic::{
    AtomicBool, AtomicU32,
    Ordering::{Relaxed, SeqCst},
};
use ts_thread::sync::{Arc, Condvar, Mutex, UnsafeCell, thread};

struct Shared {
    bell: Bell,
    /// The poller's own flag beside the notice: who finds it set sends none.
    notified: AtomicBool,
    /// A notice that waits for the owner to come into the kernel.
    notice: Mutex<bool>,
    arrived: Condvar,
    /// What the ringer wrote before it rang, in memory that loom watches.
    said: UnsafeCell<u32>,
}

// SAFETY: `said` is written before the ring and read after it was taken, and loom checks that.
unsafe impl Sync for Shared {}
// SAFETY: as above.
unsafe impl Send for Shared {}

impl Shared {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            bell: Bell::new(),
            notified: AtomicBool::new(false),
            notice: Mutex::new(false),
            arrived: Condvar::new(),
            said: UnsafeCell::new(0),
        })
    }

    /// As in `PollWait`'s wake-up.
    fn ring(&self) {
        if self.bell.ring() {
            self.notify();
        }
    }

    /// As in the poller, where it is one compare-exchange. Loom lets that see only the newest value; the language
    /// promises a failing one no more than a load, which may see an old one. Hence the load, which is Relaxed since
    /// loom runs SeqCst accesses in one order that the language does not promise for these either.
    fn notify(&self) {
        if !self.notified.load(Relaxed) && self.notified.compare_exchange(false, true, SeqCst, SeqCst).is_ok()
        {
            *self.notice.lock().unwrap() = true;
            self.arrived.notify_one();
        }
    }

    /// As in `PollWait::wait`, without deadline and sources.
    fn wait(&self) {
        loop {
            if !self.bell.begin_wait() {
                return;
            }
            let mut notice = self.notice.lock().unwrap();
            while !*notice {
                notice = self.arrived.wait(notice).unwrap();
            }
            *notice = false;
            drop(notice);
            self.notified.swap(false, SeqCst);
            if self.bell.end_wait() {
                return;
            }
        }
    }
}

fn model(run: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(3));
    builder.check(run);
}

#[test]
fn a_ring_ends_the_wait_and_brings_what_was_said() {
    model(|| {
        let shared = Shared::new();
        let ringer = shared.clone();
        let ringer = thread::spawn(move || {
            // SAFETY: nobody reads it before the ring below has been taken.
            ringer.said.with_mut(|said| unsafe { *said = 7 });
            ringer.ring();
        });
        shared.wait();
        // SAFETY: the only ring has been taken.
        assert_eq!(shared.said.with(|said| unsafe { *said }), 7);
        ringer.join().unwrap();
    });
}

#[test]
fn a_notice_left_over_by_an_early_ring_does_not_swallow_the_next() {
    model(|| {
        let shared = Shared::new();
        let ringer = shared.clone();
        let ringer = thread::spawn(move || {
            ringer.ring();
            ringer.ring();
        });
        shared.wait();
        ringer.join().unwrap();
        // Whatever notice is still there, one more ring ends one more wait.
        let ringer = shared.clone();
        let ringer = thread::spawn(move || ringer.ring());
        shared.wait();
        ringer.join().unwrap();
    });
}

#[test]
fn the_second_of_two_rings_is_not_lost_with_the_notice_of_the_first() {
    model(|| {
        let shared = Shared::new();
        let said = Arc::new(AtomicU32::new(0));
        let (ringer, speaker) = (shared.clone(), said.clone());
        let ringer = thread::spawn(move || {
            for word in 1..=2 {
                // Relaxed: the ring carries it.
                speaker.store(word, Relaxed);
                ringer.ring();
            }
        });
        // Relaxed: the ring that was taken has brought it.
        while said.load(Relaxed) < 2 {
            shared.wait();
        }
        ringer.join().unwrap();
    });
}

#[test]
fn a_ring_taken_without_a_notice_brings_what_was_said_too() {
    model(|| {
        let shared = Shared::new();
        let ringer = shared.clone();
        let ringer = thread::spawn(move || {
            // SAFETY: nobody reads it before the ring below has been taken.
            ringer.said.with_mut(|said| unsafe { *said = 7 });
            _ = ringer.bell.ring();
        });
        // Rung before it waits, or left by a deadline with a ring to take, or neither.
        let taken = !shared.bell.begin_wait() || shared.bell.end_wait();
        if taken {
            // SAFETY: the only ring has been taken.
            assert_eq!(shared.said.with(|said| unsafe { *said }), 7);
        }
        ringer.join().unwrap();
    });
}

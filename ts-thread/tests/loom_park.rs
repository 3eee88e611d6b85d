//! Promise: in every interleaving, no token is lost and its taker sees what its leavers did.
#![cfg(loom)]

use ts_thread::sync::atomic::{AtomicUsize, Ordering};
use ts_thread::sync::{Arc, UnsafeCell, thread};
use ts_thread::{HrTime, Parker, Unpark, current_id};

/// Plain memory that loom watches.
struct Plain(UnsafeCell<u32>);

// SAFETY: what the models below are about. loom finds the run in which it is wrong.
unsafe impl Send for Plain {}
// SAFETY: as above.
unsafe impl Sync for Plain {}

impl Plain {
    fn new() -> Arc<Self> {
        Arc::new(Self(UnsafeCell::new(0)))
    }

    fn set(&self, value: u32) {
        // SAFETY: loom checks that nobody else has access at the same time.
        self.0.with_mut(|place| unsafe { *place = value });
    }

    fn get(&self) -> u32 {
        // SAFETY: as above.
        self.0.with(|place| unsafe { *place })
    }
}

#[test]
fn a_token_is_not_lost_and_brings_what_was_written_before_it() {
    loom::model(|| {
        let parker = Parker::new();
        let unparker = parker.unparker();
        let plain = Plain::new();
        let theirs = plain.clone();
        let leaver = thread::spawn(move || {
            theirs.set(7);
            unparker.unpark();
        });
        parker.park();
        assert_eq!(plain.get(), 7);
        leaver.join().unwrap();
        assert!(!parker.take_token());
    });
}

#[test]
fn the_taker_of_one_token_sees_what_both_leavers_wrote() {
    // Three threads: every run with up to two switches that nobody asked for, which is where such mistakes show.
    let mut model = loom::model::Builder::new();
    model.preemption_bound = model.preemption_bound.or(Some(2));
    model.check(|| {
        let parker = Parker::new();
        let left = Arc::new(AtomicUsize::new(0));
        let plains = [Plain::new(), Plain::new()];
        let leavers = plains.clone().map(|plain| {
            let (unparker, left) = (parker.unparker(), left.clone());
            thread::spawn(move || {
                plain.set(1);
                unparker.unpark();
                // Relaxed: only the model's own count; it must not bring the writes along.
                left.fetch_add(1, Ordering::Relaxed);
            })
        });
        parker.park();
        // If both have left theirs by now, then either they fell together, and the one taken brings both, or a second is here.
        if left.load(Ordering::Relaxed) == 2 {
            parker.take_token();
            assert_eq!(plains.each_ref().map(|plain| plain.get()), [1, 1]);
        }
        leavers.into_iter().for_each(|leaver| leaver.join().unwrap());
    });
}

#[test]
fn a_deadline_and_a_token_at_once_lose_nothing() {
    loom::model(|| {
        let parker = Parker::new();
        let unparker = parker.unparker();
        let plain = Plain::new();
        let theirs = plain.clone();
        let leaver = thread::spawn(move || {
            theirs.set(7);
            unparker.unpark();
        });
        match parker.park_until(HrTime::ZERO) {
            Unpark::Notified => {}
            Unpark::DeadlineReached => parker.park(),
        }
        assert_eq!(plain.get(), 7);
        leaver.join().unwrap();
        assert!(!parker.take_token());
    });
}

#[test]
fn two_threads_that_wake_each_other_come_through() {
    loom::model(|| {
        let (ping, pong) = (Parker::new(), Parker::new());
        let (to_ping, to_pong) = (ping.unparker(), pong.unparker());
        let plain = Plain::new();
        let theirs = plain.clone();
        let other = thread::spawn(move || {
            pong.park();
            theirs.set(theirs.get() + 1);
            to_ping.unpark();
        });
        plain.set(1);
        to_pong.unpark();
        ping.park();
        assert_eq!(plain.get(), 2);
        other.join().unwrap();
    });
}

#[test]
fn modelled_threads_are_contexts_too() {
    loom::model(|| {
        let mine = current_id();
        let other = thread::spawn(|| (current_id(), current_id()));
        assert_eq!(current_id(), mine);
        let (first, second) = other.join().unwrap();
        assert_eq!(first, second);
        assert_ne!(first, mine);
    });
}

//! Both kinds of wait: woken at once, never early, and a token counts once.
#![cfg(not(loom))]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ts_event::{Clock, HrTime, ParkWait, PollWait, Wait};

fn both(promise: impl Fn(&mut dyn Wait)) {
    promise(&mut ParkWait::new());
    promise(&mut PollWait::new().unwrap());
}

fn now() -> HrTime {
    Clock::real().now()
}

#[test]
fn a_wait_never_ends_before_its_deadline() {
    both(|wait| {
        for micros in [0, 1, 30, 700, 1_300, 5_001] {
            for _ in 0..8 {
                let until = now().saturating_add(Duration::from_micros(micros));
                wait.wait(Some(until)).unwrap();
                assert!(now() >= until);
            }
        }
    });
}

#[test]
fn deadlines_may_come_in_any_order() {
    both(|wait| {
        let start = now();
        // A wake-up ends the long ones before their time, and leaves nothing behind for the short ones.
        for _ in 0..20 {
            wait.wakeup().wakeup();
            wait.wait(Some(start.saturating_add(Duration::from_secs(3600)))).unwrap();
            let until = now().saturating_add(Duration::from_micros(200));
            wait.wait(Some(until)).unwrap();
            assert!(now() >= until);
        }
    });
}

#[test]
fn a_deadline_in_the_past_ends_the_wait_at_once() {
    both(|wait| {
        wait.wait(Some(HrTime::ZERO)).unwrap();
        wait.wait(Some(now())).unwrap();
    });
}

#[test]
fn a_wake_up_given_before_the_wait_ends_it_at_once() {
    both(|wait| {
        wait.wakeup().wakeup();
        wait.wait(None).unwrap();
        wait.wakeup().wakeup();
        wait.visit().unwrap();
        wait.wait(Some(HrTime::MAX)).unwrap();
    });
}

#[test]
fn two_wake_ups_count_once() {
    both(|wait| {
        wait.wakeup().wakeup();
        wait.wakeup().wakeup();
        wait.wait(None).unwrap();
        let until = now().saturating_add(Duration::from_micros(500));
        wait.wait(Some(until)).unwrap();
        assert!(now() >= until, "the second wake-up was left over");
    });
}

#[test]
fn what_the_waker_wrote_is_seen_after_the_wait() {
    both(|wait| {
        for _ in 0..200 {
            let said = Arc::new(AtomicBool::new(false));
            let (speaker, wakeup) = (said.clone(), wait.wakeup());
            let waker = std::thread::spawn(move || {
                speaker.store(true, Ordering::Relaxed);
                wakeup.wakeup();
            });
            wait.wait(None).unwrap();
            assert!(said.load(Ordering::Relaxed), "woken by nobody, or blind");
            waker.join().unwrap();
        }
    });
}

#[test]
fn a_wake_up_may_outlive_the_wait() {
    let park = ParkWait::new().wakeup();
    let poll = PollWait::new().unwrap().wakeup();
    park.wakeup();
    poll.wakeup();
}

#[test]
fn only_the_readiness_wait_watches_io() {
    assert!(ParkWait::new().io().is_none());
    assert!(PollWait::new().unwrap().io().is_some());
}

//! Promise: a parker wakes for a token or at its deadline, never earlier and for no other reason.
#![cfg(not(loom))]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use ts_thread::{Clock, HrTime, Parker, Unpark, set_timer_slack, timer_slack};

/// Far beyond what anything here takes; only a failure ever waits so long.
fn far() -> HrTime {
    Clock::real().now() + Duration::from_secs(60)
}

#[test]
fn a_token_left_before_makes_the_next_wait_return_at_once() {
    let parker = Parker::new();
    assert!(!parker.unparker().unpark(), "nobody slept");
    parker.park();
    assert!(!parker.take_token());
}

#[test]
fn tokens_do_not_add_up() {
    let parker = Parker::new();
    let unparker = parker.unparker();
    unparker.unpark();
    unparker.clone().unpark();
    assert!(parker.take_token());
    assert!(!parker.take_token());
    assert_eq!(parker.park_until(HrTime::ZERO), Unpark::DeadlineReached);
}

#[test]
fn a_token_counts_more_than_a_deadline_that_has_passed() {
    let parker = Parker::new();
    parker.unparker().unpark();
    assert_eq!(parker.park_until(HrTime::ZERO), Unpark::Notified);
    assert_eq!(parker.park_until(HrTime::ZERO), Unpark::DeadlineReached);
}

#[test]
fn a_deadline_is_never_struck_early() {
    set_timer_slack(Duration::from_nanos(1)).unwrap();
    let (clock, parker) = (Clock::real(), Parker::new());
    for micros in (0..100).chain([1_000, 3_000]) {
        let deadline = clock.now() + Duration::from_micros(micros);
        assert_eq!(parker.park_until(deadline), Unpark::DeadlineReached);
        assert!(clock.now() >= deadline);
    }
    let before = clock.now();
    assert_eq!(parker.park_timeout(Duration::from_millis(1)), Unpark::DeadlineReached);
    assert!(clock.now() - before >= Duration::from_millis(1));
}

#[test]
fn a_sleeper_is_woken_from_another_thread() {
    let parker = Parker::new();
    let unparker = parker.unparker();
    let (ready, is_ready) = channel();
    let sleeper = std::thread::spawn(move || {
        ready.send(()).unwrap();
        parker.park();
        ready.send(()).unwrap();
        parker.park_timeout(Duration::MAX)
    });
    is_ready.recv().unwrap();
    unparker.unpark();
    is_ready.recv().unwrap();
    unparker.unpark();
    assert_eq!(sleeper.join().unwrap(), Unpark::Notified);
}

#[test]
fn a_token_wakes_well_before_the_deadline() {
    let parker = Parker::new();
    let unparker = parker.unparker();
    let waker = std::thread::spawn(move || unparker.unpark());
    assert_eq!(parker.park_until(far()), Unpark::Notified);
    waker.join().unwrap();
}

#[test]
fn no_token_is_lost_and_what_was_done_before_it_is_seen() {
    const ROUNDS: u64 = 20_000;
    let (ping, pong) = (Parker::new(), Parker::new());
    let (to_ping, to_pong) = (ping.unparker(), pong.unparker());
    let count = AtomicU64::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let pong = pong;
            for round in 0..ROUNDS {
                assert_eq!(pong.park_until(far()), Unpark::Notified);
                assert_eq!(count.load(Ordering::Relaxed), 2 * round + 1);
                count.store(2 * round + 2, Ordering::Relaxed);
                to_ping.unpark();
            }
        });
        for round in 0..ROUNDS {
            count.store(2 * round + 1, Ordering::Relaxed);
            to_pong.unpark();
            assert_eq!(ping.park_until(far()), Unpark::Notified);
            assert_eq!(count.load(Ordering::Relaxed), 2 * round + 2);
        }
    });
}

#[test]
fn a_signal_does_not_end_a_wait() {
    extern "C" fn nothing(_: libc::c_int) {}
    // SAFETY: the handler does nothing, which is safe in any state; no other test here uses this signal.
    unsafe { libc::signal(libc::SIGUSR1, nothing as *const () as libc::sighandler_t) };
    let parker = Parker::new();
    let unparker = parker.unparker();
    let (ready, is_ready) = channel();
    let sleeper = std::thread::spawn(move || {
        // SAFETY: a number.
        ready.send(unsafe { libc::pthread_self() }).unwrap();
        parker.park_until(far())
    });
    let id = is_ready.recv().unwrap();
    for _ in 0..100 {
        // SAFETY: the thread lives: it waits for the token below.
        assert_eq!(unsafe { libc::pthread_kill(id, libc::SIGUSR1) }, 0);
        std::thread::yield_now();
    }
    assert!(!sleeper.is_finished(), "a signal ended the wait");
    unparker.unpark();
    assert_eq!(sleeper.join().unwrap(), Unpark::Notified);
}

#[test]
fn an_unparker_outlives_its_parker_and_knows_which_one_it_wakes() {
    let (a, b) = (Parker::new(), Parker::default());
    assert!(a.unparker().is_same(&a.unparker()) && !a.unparker().is_same(&b.unparker()));
    let unparker = a.unparker();
    drop(a);
    assert!(!unparker.unpark());
}

#[test]
fn timer_slack_belongs_to_the_thread() {
    std::thread::spawn(|| {
        set_timer_slack(Duration::from_micros(123)).unwrap();
        assert_eq!(timer_slack().unwrap(), Duration::from_micros(123));
        set_timer_slack(Duration::ZERO).unwrap();
        assert_eq!(timer_slack().unwrap(), Duration::from_nanos(1));
    })
    .join()
    .unwrap();
}

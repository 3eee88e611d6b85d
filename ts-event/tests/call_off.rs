//! Calling off: what each answer means, on one thread step by step, and on several for real.
#![cfg(not(loom))]

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use ts_event::{Begin, Cache, CallOff, End, Key, Phase, Slots};

/// A pool of the test's own, so that no other test uses its slots.
fn slots() -> &'static Slots<u64> {
    Box::leak(Box::new(Slots::new()))
}

#[test]
fn an_event_that_waits_is_called_off_for_good() {
    let mut entry = slots().entry(0);
    let key = entry.key();
    assert_eq!(key.call_off(), CallOff::BeforeRun);
    assert_eq!(key.call_off(), CallOff::AlreadyCalledOff);
    assert!(entry.is_called_off());
    assert_eq!(key.phase(), Phase::CalledOff);
    assert_eq!(entry.begin(), Begin::CalledOff);
    assert_eq!(entry.begin(), Begin::CalledOff, "asking again changes nothing");
    assert!(key.is_live(), "it exists until its owner drops it");
    drop(entry);
    assert!(!key.is_live());
    assert_eq!(key.call_off(), CallOff::AlreadyCalledOff);
}

#[test]
fn an_event_that_runs_cannot_be_called_off_but_does_not_run_again() {
    let mut entry = slots().entry(0);
    let key = entry.key();
    assert_eq!(entry.begin(), Begin::Run);
    assert_eq!(key.call_off(), CallOff::Running);
    assert_eq!(key.call_off(), CallOff::Running);
    assert_eq!(entry.end(), End::CalledOff);
    assert_eq!(key.call_off(), CallOff::AlreadyCalledOff);
    assert_eq!(entry.begin(), Begin::CalledOff);
}

#[test]
fn calling_off_after_a_rearm_calls_off_the_rearm() {
    let mut entry = slots().entry(0);
    let key = entry.key();
    assert_eq!(entry.begin(), Begin::Run);
    assert_eq!(entry.end(), End::Ended);
    assert_eq!(key.phase(), Phase::Waiting);
    assert_eq!(key.call_off(), CallOff::BeforeRun);
    assert_eq!(entry.begin(), Begin::CalledOff);
}

#[test]
fn an_event_that_ran_says_so_until_its_slot_is_used_again() {
    let slots = slots();
    let mut entry = slots.entry(0);
    let key = entry.key();
    assert_eq!(entry.begin(), Begin::Run);
    drop(entry);
    assert_eq!(key.phase(), Phase::Ran);
    assert_eq!(key.call_off(), CallOff::AlreadyRan);
    let next = slots.entry(1);
    assert_eq!(next.key().to_raw().0, key.to_raw().0);
    assert_eq!(key.call_off(), CallOff::Stale);
    assert_eq!(next.phase(), Phase::Waiting);
}

#[test]
fn an_event_that_ran_after_it_was_called_off_in_its_run_says_that_it_ran() {
    let mut entry = slots().entry(0);
    let key = entry.key();
    assert_eq!(entry.begin(), Begin::Run);
    assert_eq!(key.call_off(), CallOff::Running);
    drop(entry);
    assert_eq!(key.call_off(), CallOff::AlreadyRan);
}

#[test]
fn an_event_dropped_by_its_owner_before_its_run_counts_as_called_off() {
    let slots = slots();
    let entry = slots.entry(0);
    let key = entry.key();
    drop(entry);
    assert_eq!(key.phase(), Phase::CalledOff);
    assert_eq!(key.call_off(), CallOff::AlreadyCalledOff);
}

#[test]
fn the_owners_thread_gets_the_same_answers_without_a_fence() {
    let mut entry = slots().entry(0);
    let key = entry.key();
    assert_eq!(entry.begin(), Begin::Run);
    assert_eq!(entry.end(), End::Ended);
    assert_eq!(entry.begin(), Begin::Run);
    assert_eq!(key.call_off_here(), CallOff::Running);
    assert_eq!(entry.end(), End::CalledOff);
    let other = slots().entry(0);
    assert_eq!(other.key().call_off_here(), CallOff::BeforeRun);
    assert_eq!(other.key().call_off_here(), CallOff::AlreadyCalledOff);
}

#[test]
#[should_panic(expected = "begin of an event that is running")]
fn a_run_does_not_begin_twice() {
    let mut entry = slots().entry(0);
    assert_eq!(entry.begin(), Begin::Run);
    let _ = entry.begin();
}

#[test]
#[should_panic(expected = "end of an event that is not running")]
fn a_run_that_did_not_begin_does_not_end() {
    let _ = slots().entry(0).end();
}

/// Two callers against an owner, each round with a new event in a recycled slot.
#[test]
fn for_each_event_the_answers_add_up() {
    const ROUNDS: usize = 3_000;
    let slots = slots();
    let (start, stop) = (Barrier::new(3), Barrier::new(3));
    let key: std::sync::Mutex<Option<Key<u64>>> = std::sync::Mutex::new(None);
    let answers = [const { std::sync::Mutex::new(CallOff::Stale) }; 2];
    let answered = AtomicBool::new(false);
    thread::scope(|scope| {
        for mine in &answers {
            scope.spawn(|| {
                for _ in 0..ROUNDS {
                    start.wait();
                    let key = key.lock().unwrap().unwrap();
                    let answer = key.call_off();
                    answered.store(true, Ordering::SeqCst);
                    *mine.lock().unwrap() = answer;
                    stop.wait();
                }
            });
        }
        let cache = Cache::new(slots);
        for round in 0..ROUNDS {
            let mut entry = cache.entry(round as u64);
            *key.lock().unwrap() = Some(entry.key());
            answered.store(false, Ordering::SeqCst);
            start.wait();
            let mut runs = 0;
            let mut is_off = false;
            // A periodic event with a last run, so that the round ends whatever the callers do.
            while !is_off && runs < round % 50 + 1 {
                let was_answered = answered.load(Ordering::SeqCst);
                is_off = entry.begin() == Begin::CalledOff;
                assert!(is_off || !was_answered, "a run began after the answer");
                runs += usize::from(!is_off);
                if !is_off && runs < round % 50 + 1 {
                    is_off = entry.end() == End::CalledOff;
                }
            }
            assert_eq!(cache.take(entry), round as u64);
            stop.wait();
            let answers = [*answers[0].lock().unwrap(), *answers[1].lock().unwrap()];
            let before = answers.iter().filter(|answer| **answer == CallOff::BeforeRun).count();
            assert!(before == 0 || before == 1 && is_off, "{answers:?}");
            assert!(!answers.contains(&CallOff::Stale), "{answers:?}");
            if runs == 0 {
                assert!(before == 1, "{answers:?}");
            }
        }
    });
    assert_eq!(slots.live(), 0);
}

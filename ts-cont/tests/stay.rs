//! Events of one mutex that run one after the other share an acquisition, and others do not wait longer for that.

#![cfg(not(loom))]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use ts_cont::{Continuation, EventProcessor, EventType, Message, ProxyMutex, ShutdownOptions};
use ts_thread::fence;

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

fn one_thread() -> EventProcessor {
    let processor = EventProcessor::builder().build();
    processor.spawn_event_threads(EventType::NET, 1, 0).unwrap();
    processor
}

fn await_it<T>(receiver: &Receiver<T>) -> T {
    receiver.recv_timeout(LONG).expect("it comes")
}

#[test]
fn a_continuation_that_goes_on_takes_its_mutex_once_for_many_events() {
    const RUNS: u64 = 1000;
    let processor = one_thread();
    let mutex = ProxyMutex::new();
    let (sender, done) = mpsc::channel();
    let mut left = RUNS;
    let again = Continuation::new(&mutex, move |event| {
        left -= 1;
        match left {
            0 => sender.send(()).unwrap(),
            left if left % 2 == 0 => event.reschedule_imm().unwrap(),
            _ => drop(event.here().unwrap().schedule_imm(event.continuation(), ()).unwrap()),
        }
    });
    processor.schedule_imm(&again, EventType::NET, ()).unwrap();
    await_it(&done);
    drop(processor.shutdown(ShutdownOptions::default()));
    if fence::is_asymmetric() {
        assert!(mutex.counts().acquired < RUNS / 10, "{:?}", mutex.counts());
    }
}

#[test]
fn once_somebody_waits_the_mutex_is_given_back_after_each_handler() {
    let processor = one_thread();
    let mutex = ProxyMutex::new();
    let stop = Arc::new(AtomicBool::new(false));
    // How often the mutex had been taken when the last handler ran that saw somebody wait; zero if that saw nobody.
    let taken = Arc::new(AtomicU64::new(0));
    let kept = Arc::new(AtomicBool::new(false));
    let (sender, done) = mpsc::channel();
    let again = Continuation::new(&mutex, {
        let (stop, taken, kept, mutex) =
            (Arc::clone(&stop), Arc::clone(&taken), Arc::clone(&kept), mutex.clone());
        move |event| {
            let now = mutex.counts().acquired;
            let before = taken.swap(if mutex.has_waiters() { now } else { 0 }, Ordering::Relaxed);
            if before == now {
                kept.store(true, Ordering::Relaxed);
            }
            if stop.load(Ordering::Relaxed) {
                sender.send(()).unwrap();
            } else {
                event.reschedule_imm().unwrap();
            }
        }
    });
    processor.schedule_imm(&again, EventType::NET, ()).unwrap();
    for _ in 0..20 {
        // It goes on for ever, and this blocks.
        drop(mutex.lock());
    }
    stop.store(true, Ordering::Relaxed);
    await_it(&done);
    assert!(!kept.load(Ordering::Relaxed), "the mutex was kept from one who waited");
    drop(processor.shutdown(ShutdownOptions::default()));
}

#[test]
fn what_is_left_for_the_holder_runs_before_the_next_event_of_the_mutex() {
    let processor = one_thread();
    let mutex = ProxyMutex::new();
    let has_run = Arc::new(AtomicBool::new(false));
    let (ask, asked) = mpsc::channel();
    let (answer, answered) = mpsc::channel();
    let (sender, done) = mpsc::channel();
    let mut runs = 0;
    let twice = Continuation::new(&mutex, {
        let has_run = Arc::clone(&has_run);
        move |event| {
            runs += 1;
            if runs == 1 {
                ask.send(()).unwrap();
                await_it(&answered);
                event.reschedule_imm().unwrap();
            } else {
                sender.send(has_run.load(Ordering::Relaxed)).unwrap();
            }
        }
    });
    processor.schedule_imm(&twice, EventType::NET, ()).unwrap();
    await_it(&asked);
    mutex.when_free(move |_| has_run.store(true, Ordering::Relaxed));
    answer.send(()).unwrap();
    assert!(await_it(&done), "the next event came first");
    drop(processor.shutdown(ShutdownOptions::default()));
}

#[test]
fn continuations_that_end_while_their_mutex_is_kept_for_the_next_are_freed() {
    const EVENTS: usize = 300;
    let processor = one_thread();
    let mutex = ProxyMutex::new();
    let held = Arc::new(());
    let (sender, done) = mpsc::channel();
    let make = {
        let (mutex, held) = (mutex.clone(), Arc::clone(&held));
        move || {
            let (held, sender) = (Arc::clone(&held), sender.clone());
            // The handler is all that keeps `held`, and its one event all that keeps the continuation.
            Continuation::new(&mutex, move |event| {
                assert_eq!(event.guard().unwrap().mutex().depth(), 1);
                let _ = &held;
                sender.send(event.cookie()).unwrap();
            })
        }
    };
    let first = Continuation::new(&mutex, move |event| {
        for number in 0..EVENTS {
            event.here().unwrap().schedule_imm(&make(), Message::default().cookie(number)).unwrap();
        }
    });
    processor.schedule_imm(&first, EventType::NET, ()).unwrap();
    for number in 0..EVENTS {
        assert_eq!(await_it(&done), number, "events of one mutex keep their order");
    }
    drop(first);
    drop(processor.shutdown(ShutdownOptions::default()));
    assert_eq!(Arc::strong_count(&held), 1);
    assert!(!mutex.is_locked());
}

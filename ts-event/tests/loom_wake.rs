//! Falling asleep against being pushed to, with a real parker: no wake-up is lost, none is given twice.
#![cfg(loom)]

use loom::model::Builder;
use ts_event::{Pushed, Receiver, Sender, Slots, When, inbox};
use ts_thread::sync::Arc;
use ts_thread::sync::atomic::{AtomicUsize, Ordering};
use ts_thread::sync::thread;
use ts_thread::{Parker, Unparker};

fn slots() -> &'static Slots<u32> {
    Box::leak(Box::new(Slots::new()))
}

fn model(preemptions: usize, run: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(preemptions));
    builder.check(run);
}

fn send(sender: &Sender<u32>, wakeup: &Unparker, value: u32, wakes: &AtomicUsize) {
    if sender.push(slots().entry(value), When::Now).unwrap() == Pushed::Sleeping {
        // Relaxed: a tally, read after joining.
        wakes.fetch_add(1, Ordering::Relaxed);
        wakeup.unpark();
    }
}

/// The receiver's loop: takes until `expected` entries came, sleeping in between. Returns how often it slept. A lost
/// wake-up leaves it asleep for ever, which loom reports as a deadlock.
fn receive(mut receiver: Receiver<u32>, parker: Parker, expected: usize) -> usize {
    let (mut got, mut sleeps) = (0, 0);
    loop {
        got += receiver.take().count();
        if got == expected {
            return sleeps;
        }
        if receiver.try_sleep() {
            sleeps += 1;
            parker.park();
            receiver.awake();
        }
    }
}

#[test]
fn a_push_always_wakes_the_receiver_that_sleeps() {
    model(3, || {
        let (sender, receiver) = inbox();
        let parker = Parker::new();
        let wakeup = parker.unparker();
        let wakes = Arc::new(AtomicUsize::new(0));
        let tally = wakes.clone();
        let pusher = thread::spawn(move || {
            send(&sender, &wakeup, 1, &tally);
            send(&sender, &wakeup, 2, &tally);
        });
        let sleeps = receive(receiver, parker, 2);
        pusher.join().unwrap();
        assert!(wakes.load(Ordering::Relaxed) <= sleeps, "woken more often than it slept");
    });
}

#[test]
fn of_two_senders_one_wakes_the_receiver() {
    model(2, || {
        let (sender, receiver) = inbox();
        let parker = Parker::new();
        let wakes = Arc::new(AtomicUsize::new(0));
        let pushers: Vec<_> = (0..2)
            .map(|value| {
                let (sender, wakeup, wakes) = (sender.clone(), parker.unparker(), wakes.clone());
                thread::spawn(move || send(&sender, &wakeup, value, &wakes))
            })
            .collect();
        let sleeps = receive(receiver, parker, 2);
        for pusher in pushers {
            pusher.join().unwrap();
        }
        assert!(wakes.load(Ordering::Relaxed) <= sleeps, "woken more often than it slept");
    });
}

#[test]
fn a_receiver_that_wakes_by_itself_misses_nothing() {
    model(3, || {
        let (sender, mut receiver) = inbox();
        assert!(receiver.try_sleep());
        let pusher = thread::spawn(move || sender.push(slots().entry(1), When::Now).unwrap());
        // A deadline: nobody is waited for.
        receiver.awake();
        let early = receiver.take().count();
        let pushed = pusher.join().unwrap();
        match pushed {
            Pushed::Sleeping => assert_eq!(early, 1, "awake() has seen the push on top of the sleep"),
            Pushed::First => assert_eq!(early + receiver.take().count(), 1),
            Pushed::Behind => unreachable!("nothing was in"),
        }
        assert!(receiver.is_empty());
    });
}

//! The inbox with real threads: order, answers, closing.
#![cfg(not(loom))]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use ts_event::{Closed, HrTime, ParkWait, Pushed, Slots, Wait, When, inbox};

#[test]
fn what_one_sender_sent_arrives_in_its_order() {
    const EACH: u64 = 20_000;
    static SLOTS: Slots<(usize, u64)> = Slots::new();
    let (sender, mut receiver) = inbox();
    let mut wait = ParkWait::new();
    let senders: Vec<_> = (0..4)
        .map(|me| {
            let (sender, wakeup) = (sender.clone(), wait.wakeup());
            thread::spawn(move || {
                for i in 0..EACH {
                    if sender.push(SLOTS.entry((me, i)), When::Poll(i)).unwrap() == Pushed::Sleeping {
                        wakeup.wakeup();
                    }
                }
            })
        })
        .collect();

    let mut next = [0; 4];
    while next.iter().sum::<u64>() < 4 * EACH {
        for (entry, when) in receiver.take() {
            let (from, i) = *entry;
            assert_eq!((i, when), (next[from], When::Poll(i)));
            next[from] += 1;
        }
        if next.iter().sum::<u64>() < 4 * EACH && receiver.try_sleep() {
            wait.wait(None).unwrap();
            receiver.awake();
        }
    }
    for sender in senders {
        sender.join().unwrap();
    }
    assert!(receiver.is_empty());
}

#[test]
fn every_kind_of_time_arrives_as_it_was_sent() {
    static SLOTS: Slots<When> = Slots::new();
    let (sender, mut receiver) = inbox();
    let sent = [
        When::Now,
        When::First,
        When::At(HrTime::ZERO),
        When::At(HrTime::from_nanos(1)),
        When::At(HrTime::MAX),
        When::Poll(0),
        When::Poll(u64::MAX),
    ];
    for when in sent {
        sender.push(SLOTS.entry(when), when).unwrap();
    }
    let got: Vec<_> = receiver.take().inspect(|(entry, when)| assert_eq!(**entry, *when)).collect();
    assert_eq!(got.len(), sent.len());
}

#[test]
fn exactly_one_push_is_told_to_wake_a_sleeper() {
    static SLOTS: Slots<u32> = Slots::new();
    let (sender, mut receiver) = inbox();
    let push = |value| sender.push(SLOTS.entry(value), When::Now).unwrap();

    assert_eq!(push(0), Pushed::First);
    assert!(!receiver.try_sleep(), "something is in");
    assert_eq!(push(1), Pushed::Behind);
    assert_eq!(receiver.take().count(), 2);

    assert!(receiver.try_sleep());
    assert!(receiver.try_sleep(), "asleep is asleep");
    assert!(receiver.is_empty());
    assert_eq!(receiver.take().count(), 0, "taking nothing does not end the sleep");
    assert_eq!(push(2), Pushed::Sleeping);
    assert_eq!(push(3), Pushed::Behind);
    receiver.awake();
    assert_eq!(receiver.take().count(), 2);

    assert!(receiver.try_sleep());
    receiver.awake();
    receiver.awake();
    assert_eq!(push(4), Pushed::First, "it woke by itself");
}

#[test]
fn a_closed_inbox_gives_the_entry_back() {
    static SLOTS: Slots<&str> = Slots::new();
    let (sender, mut receiver) = inbox();
    sender.push(SLOTS.entry("before"), When::Now).unwrap();
    assert!(!sender.is_closed());
    assert_eq!(receiver.close().map(|(entry, _)| *entry).collect::<Vec<_>>(), ["before"]);
    assert!(sender.is_closed());
    let Closed(entry) = sender.push(SLOTS.entry("after"), When::Now).unwrap_err();
    assert_eq!(*entry, "after");
    assert!(!receiver.try_sleep(), "nobody could wake it");
    assert_eq!(receiver.take().count(), 0);
    assert_eq!(receiver.close().count(), 0);
    drop(receiver);
    assert!(sender.clone().push(entry, When::Now).is_err());
}

#[test]
fn entries_that_nobody_takes_are_dropped_with_the_receiver() {
    static DROPPED: AtomicUsize = AtomicUsize::new(0);
    struct Counted;
    impl Drop for Counted {
        fn drop(&mut self) {
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
    }
    static SLOTS: Slots<Counted> = Slots::new();

    let (sender, mut receiver) = inbox();
    for _ in 0..3 {
        sender.push(SLOTS.entry(Counted), When::Now).unwrap();
    }
    let mut chain = receiver.take();
    drop(chain.next());
    assert_eq!(DROPPED.load(Ordering::Relaxed), 1);
    drop(chain);
    assert_eq!(DROPPED.load(Ordering::Relaxed), 3, "what is left of a chain goes with it");

    sender.push(SLOTS.entry(Counted), When::Now).unwrap();
    drop(receiver);
    assert_eq!(DROPPED.load(Ordering::Relaxed), 4);
    assert!(sender.push(SLOTS.entry(Counted), When::Now).is_err());
    assert_eq!(DROPPED.load(Ordering::Relaxed), 5);
    assert_eq!(SLOTS.live(), 0);
}

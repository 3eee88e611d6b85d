//! The inbox through every interleaving: nothing lost, nothing seen half written, order kept, closing is final.
#![cfg(loom)]

use loom::model::Builder;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering::Relaxed};
use ts_event::{Entry, Pushed, Slots, When, inbox};
use ts_thread::sync::{UnsafeCell, thread};

/// A message in plain memory that loom watches: reading it needs the pair that carries it.
struct Message(UnsafeCell<u32>);

// SAFETY: one thread has it at a time, and loom checks that.
unsafe impl Send for Message {}

fn slots() -> &'static Slots<Message> {
    Box::leak(Box::new(Slots::new()))
}

fn message(slots: &'static Slots<Message>, value: u32) -> Entry<Message> {
    let entry = slots.entry(Message(UnsafeCell::new(0)));
    // SAFETY: the entry is ours alone until it is pushed.
    entry.0.with_mut(|cell| unsafe { *cell = value });
    entry
}

fn read((entry, _): (Entry<Message>, When)) -> u32 {
    // SAFETY: the entry is ours alone since it was taken.
    entry.0.with(|cell| unsafe { *cell })
}

fn model(run: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(3));
    builder.check(run);
}

#[test]
fn two_senders_keep_their_orders_and_their_messages() {
    model(|| {
        let slots = slots();
        let (sender, mut receiver) = inbox();
        let other = sender.clone();
        let other = thread::spawn(move || {
            other.push(message(slots, 20), When::Now).unwrap();
        });
        // A thread that runs beside the senders, so that loom lets them be first as well as it.
        let taker = thread::spawn(move || {
            let mut got: Vec<_> = receiver.take().map(read).collect();
            got.extend(receiver.take().map(read));
            (receiver, got)
        });
        sender.push(message(slots, 10), When::Now).unwrap();
        sender.push(message(slots, 11), When::Now).unwrap();
        other.join().unwrap();
        let (mut receiver, mut got) = taker.join().unwrap();
        got.extend(receiver.take().map(read));
        assert_eq!(got.len(), 3);
        let at = |value| got.iter().position(|&it| it == value).unwrap();
        assert!(at(10) < at(11) && got.contains(&20));
    });
}

#[test]
fn a_push_against_a_close_is_taken_or_given_back() {
    model(|| {
        let slots = slots();
        let (sender, mut receiver) = inbox();
        let pusher = thread::spawn(move || match sender.push(message(slots, 1), When::Now) {
            Ok(pushed) => {
                assert_eq!(pushed, Pushed::First);
                1
            }
            Err(closed) => {
                assert_eq!(read((closed.0, When::Now)), 1);
                0
            }
        });
        let taken = receiver.close().map(read).inspect(|&value| assert_eq!(value, 1)).count();
        assert_eq!(pusher.join().unwrap(), taken);
        assert_eq!(receiver.take().count(), 0);
    });
}

#[test]
fn exactly_one_of_two_pushes_wakes_a_sleeper() {
    model(|| {
        let slots = slots();
        let (sender, mut receiver) = inbox();
        assert!(receiver.try_sleep());
        let other = sender.clone();
        let one =
            thread::spawn(move || sender.push(message(slots, 1), When::Now).unwrap() == Pushed::Sleeping);
        let two = other.push(message(slots, 2), When::Now).unwrap() == Pushed::Sleeping;
        assert!(one.join().unwrap() ^ two);
        receiver.awake();
        assert_eq!(receiver.take().map(read).count(), 2);
    });
}

#[test]
fn a_push_knows_what_was_done_before_the_push_that_it_comes_behind() {
    model(|| {
        let slots = slots();
        let (sender, receiver) = inbox();
        let done = Arc::new(AtomicBool::new(false));
        let first = {
            let (sender, done) = (sender.clone(), Arc::clone(&done));
            thread::spawn(move || {
                // Relaxed: it is the inbox that is to order it.
                done.store(true, Relaxed);
                sender.push(message(slots, 1), When::Now).unwrap();
            })
        };
        if sender.push(message(slots, 2), When::Now).unwrap() == Pushed::Behind {
            // Relaxed: as above.
            assert!(done.load(Relaxed), "it came behind the other push");
        }
        first.join().unwrap();
        drop(receiver);
    });
}

#[test]
fn a_push_knows_what_was_done_before_a_pass() {
    model(|| {
        let slots = slots();
        let (sender, receiver) = inbox();
        let (done, passed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let first = {
            let (sender, done, passed) = (sender.clone(), Arc::clone(&done), Arc::clone(&passed));
            thread::spawn(move || {
                // Relaxed, both: it is the inbox that is to order them.
                done.store(true, Relaxed);
                sender.pass();
                passed.store(true, Relaxed);
            })
        };
        // Relaxed: as above.
        let was_passed = passed.load(Relaxed);
        sender.push(message(slots, 1), When::Now).unwrap();
        if was_passed {
            // Relaxed: as above.
            assert!(done.load(Relaxed), "it comes after the pass");
        }
        first.join().unwrap();
        drop(receiver);
    });
}

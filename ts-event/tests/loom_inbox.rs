//! The inbox through every interleaving: nothing lost, nothing seen half written, order kept, closing is final.
#![cfg(loom)]

use loom::model::Builder;
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

//! What the queue promises to those who wait in it.
#![cfg(not(loom))]

use ts_event::{CallOff, HrTime, Phase, Queue, Slots, When, inbox};

const SECOND: u64 = 1_000_000_000;

fn at(nanos: u64) -> HrTime {
    HrTime::from_nanos(nanos)
}

/// A queue that stands at zero, with its sender.
fn queue() -> (ts_event::Sender<u32>, Queue<u32>) {
    let (sender, receiver) = inbox();
    (sender, Queue::new(receiver, HrTime::ZERO))
}

#[test]
fn an_event_that_always_comes_again_starves_nobody() {
    static SLOTS: Slots<u32> = Slots::new();
    let (sender, mut queue) = queue();
    queue.set_budget(10);
    queue.visit(HrTime::ZERO);
    queue.push(SLOTS.entry(0), When::Now);
    queue.push(SLOTS.entry(1), When::At(at(5)));
    sender.push(SLOTS.entry(2), When::Now).unwrap();

    let mut ran = [0; 3];
    for turn in 1..=3 {
        while let Some(entry) = queue.next() {
            ran[*entry as usize] += 1;
            assert!(ran.iter().sum::<u32>() <= turn as u32 * 10, "a budget without end");
            queue.push(entry, When::Now);
        }
        queue.visit(at(turn * 10));
    }
    assert_eq!(ran.iter().sum::<u32>(), 30, "three budgets");
    assert!(ran[1] >= 6 && ran[2] >= 6, "timer and sender had their turns: {ran:?}");
}

#[test]
fn what_was_ready_stays_ahead_of_what_comes_in() {
    static SLOTS: Slots<u32> = Slots::new();
    let (sender, mut queue) = queue();
    queue.push(SLOTS.entry(4), When::At(at(2)));
    queue.push(SLOTS.entry(3), When::At(at(1)));
    sender.push(SLOTS.entry(2), When::Now).unwrap();
    queue.push(SLOTS.entry(1), When::Now);
    queue.visit(at(2));
    queue.push(SLOTS.entry(5), When::Now);
    queue.push_front(SLOTS.entry(0));
    let order: Vec<_> = std::iter::from_fn(|| queue.next().map(|entry| *entry)).collect();
    assert_eq!(order, [0, 1, 2, 3, 4, 5]);
}

#[test]
fn a_timer_is_never_early_and_visiting_again_makes_it_ready_once() {
    static SLOTS: Slots<u32> = Slots::new();
    let (_sender, mut queue) = queue();
    queue.push(SLOTS.entry(0), When::At(at(SECOND)));
    for early in [0, 1, SECOND - 40_000, SECOND - 1] {
        assert_eq!(queue.visit(at(early)).due, 0);
        assert_eq!(queue.next_deadline(), Some(at(SECOND)));
    }
    assert_eq!(queue.visit(at(SECOND)).due, 1);
    assert_eq!(queue.visit(at(SECOND)).due, 0);
    assert!(queue.next().is_some() && queue.next().is_none());
}

#[test]
fn a_sender_may_set_timers_and_polls() {
    static SLOTS: Slots<u32> = Slots::new();
    let (sender, mut queue) = queue();
    sender.push(SLOTS.entry(0), When::At(at(SECOND))).unwrap();
    sender.push(SLOTS.entry(1), When::Poll(0)).unwrap();
    sender.push(SLOTS.entry(2), When::At(at(1))).unwrap();
    let visit = queue.visit(at(1));
    assert_eq!((visit.inbox, visit.due), (3, 1), "late already, and due in the same visit");
    assert_eq!((queue.timer_len(), queue.poll_len(), queue.ready_len()), (1, 1, 1));
}

#[test]
fn an_event_called_off_can_be_taken_out_wherever_it_waits() {
    static SLOTS: Slots<u32> = Slots::new();
    let (sender, mut queue) = queue();
    for when in [When::Now, When::At(at(SECOND)), When::At(HrTime::MAX), When::Poll(3)] {
        let entry = SLOTS.entry(7);
        let key = entry.key();
        queue.push(entry, when);
        assert_eq!(key.call_off(), CallOff::BeforeRun);
        drop(queue.remove(key).expect("it waits here"));
        assert!(queue.remove(key).is_none());
        assert_eq!(key.phase(), Phase::CalledOff);
    }
    assert!(queue.next_deadline().is_none() && !queue.has_ready() && !queue.has_poll());

    let entry = SLOTS.entry(8);
    let key = entry.key();
    sender.push(entry, When::At(at(SECOND))).unwrap();
    assert!(queue.remove(key).is_none(), "not filed yet");
    queue.visit(HrTime::ZERO);
    assert!(queue.remove(key).is_some());
    assert_eq!(SLOTS.live(), 0);
}

#[test]
fn an_event_of_another_queue_is_left_alone() {
    static SLOTS: Slots<u32> = Slots::new();
    let ((_one, mut mine), (_two, mut theirs)) = (queue(), queue());
    let entry = SLOTS.entry(0);
    let key = entry.key();
    theirs.push(entry, When::Now);
    assert!(mine.remove(key).is_none());
    assert!(theirs.remove(key).is_some());
}

#[test]
fn a_poll_event_runs_once_a_turn_though_it_comes_again() {
    static SLOTS: Slots<u32> = Slots::new();
    let (_sender, mut queue) = queue();
    queue.push(SLOTS.entry(2), When::Poll(20));
    queue.push(SLOTS.entry(1), When::Poll(10));
    for _ in 0..3 {
        assert_eq!(queue.begin_poll_turn(), 2);
        let mut turn = Vec::new();
        while let Some((entry, order)) = queue.next_poll() {
            turn.push(*entry);
            queue.push(entry, When::Poll(order));
        }
        assert_eq!(turn, [1, 2]);
    }
}

#[test]
fn a_queue_that_is_dropped_drops_all_that_waits_in_it() {
    static SLOTS: Slots<u32> = Slots::new();
    let (sender, mut queue) = queue();
    for when in [When::Now, When::At(at(SECOND)), When::At(HrTime::MAX), When::Poll(0)] {
        queue.push(SLOTS.entry(0), when);
        sender.push(SLOTS.entry(0), when).unwrap();
    }
    assert_eq!(SLOTS.live(), 8);
    drop(queue);
    assert_eq!(SLOTS.live(), 0);
    assert!(sender.is_closed());
}

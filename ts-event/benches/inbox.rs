//! What does it cost to send an event to another thread: alone, and with eight senders at once? And to let it pass
//! through the queue of its own thread?

use std::hint::black_box;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ts_event::{Cache, HrTime, ParkWait, Pushed, Queue, Slots, Wait, When, inbox};

static SLOTS: Slots<u64> = Slots::new();

/// How many events a sender sends before anybody looks at the clock again.
const BURST: u64 = 10_000;

/// `senders` threads send `each` events to this one, which sleeps whenever nothing is in.
fn send(senders: u64, each: u64) -> Duration {
    let (sender, mut receiver) = inbox();
    let mut wait = ParkWait::new();
    thread::scope(|scope| {
        let start = Instant::now();
        for _ in 0..senders {
            let (sender, wakeup) = (sender.clone(), wait.wakeup());
            scope.spawn(move || {
                let cache = Cache::new(&SLOTS);
                for i in 0..each {
                    if sender.push(cache.entry(i), When::Now).expect("open") == Pushed::Sleeping {
                        wakeup.wakeup();
                    }
                }
            });
        }
        let cache = Cache::new(&SLOTS);
        let mut got = 0;
        while got < senders * each {
            for (entry, _) in receiver.take() {
                black_box(cache.take(entry));
                got += 1;
            }
            if got < senders * each && receiver.try_sleep() {
                wait.wait(None).expect("parking does not fail");
                receiver.awake();
            }
        }
        start.elapsed()
    })
}

/// The same through a channel of the standard library, for comparison.
fn send_through_channel(senders: u64, each: u64) -> Duration {
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        let start = Instant::now();
        for _ in 0..senders {
            let sender = sender.clone();
            scope.spawn(move || (0..each).for_each(|i| sender.send(Box::new(i)).expect("open")));
        }
        drop(sender);
        receiver.iter().for_each(|value| _ = black_box(value));
        start.elapsed()
    })
}

fn senders(criterion: &mut Criterion) {
    for count in [1, 8] {
        let mut group = criterion.benchmark_group(format!("{count}_senders"));
        group.throughput(Throughput::Elements(count * BURST)).sample_size(20);
        group.bench_function("inbox", |bencher| {
            bencher.iter_custom(|times| (0..times).map(|_| send(count, BURST)).sum());
        });
        group.bench_function("std_channel_of_boxes", |bencher| {
            bencher.iter_custom(|times| (0..times).map(|_| send_through_channel(count, BURST)).sum());
        });
        group.finish();
    }
}

fn own_thread(criterion: &mut Criterion) {
    let (sender, receiver) = inbox();
    let mut queue = Queue::new(receiver, HrTime::ZERO);
    for i in 0..1_000 {
        sender.push(SLOTS.entry(i), When::Now).expect("open");
    }
    criterion.bench_function("next_and_push_among_1000", |bencher| {
        bencher.iter(|| match queue.next() {
            Some(entry) => queue.push(entry, When::Now),
            None => _ = queue.visit(HrTime::ZERO),
        });
    });
}

criterion_group!(benches, senders, own_thread);
criterion_main!(benches);

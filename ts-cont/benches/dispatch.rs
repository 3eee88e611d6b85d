//! What does one event cost: scheduled by its own handler, armed again, and sent from another thread?

#![cfg(not(loom))]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};
use ts_cont::{Continuation, EThread, EventProcessor, Message, ProxyMutex, ShutdownOptions};

/// How many events a run counts; a handler's data says how many are left.
fn counted(events: u64) -> Message {
    Message::default().data(events)
}

/// Runs `continuation` with so many events to go, and returns how long it took until it said that it was done.
fn run(thread: &EThread, continuation: &Continuation, events: u64, done: &Receiver<Instant>) -> Duration {
    let began = Instant::now();
    thread.schedule_imm(continuation, counted(events)).unwrap();
    done.recv().unwrap().duration_since(began)
}

fn dispatch(criterion: &mut Criterion) {
    let processor = EventProcessor::builder().build();
    let group = processor.spawn_event_threads("ET_BENCH", 1, 0).unwrap();
    let thread = &processor.threads(group)[0];
    let mut benches = criterion.benchmark_group("dispatch");
    benches.throughput(Throughput::Elements(1));

    // The handler schedules its continuation anew, by way of its thread: a new event each time.
    let (tell, done) = sync_channel(1);
    let mut left = 0;
    let imm_local = Continuation::new(&ProxyMutex::new(), move |event| {
        left = event.take_data::<u64>().unwrap_or(left) - 1;
        if left == 0 {
            tell.send(Instant::now()).unwrap();
        } else {
            event.here().unwrap().schedule_imm(event.continuation(), ()).unwrap();
        }
    });
    benches.bench_function("imm_local", |bencher| {
        bencher.iter_custom(|events| run(thread, &imm_local, events, &done));
    });

    // The handler arms its own event again: the same slot, nothing new.
    let (tell, done) = sync_channel(1);
    let mut left = 0;
    let reschedule = Continuation::new(&ProxyMutex::new(), move |event| {
        left = event.take_data::<u64>().unwrap_or(left) - 1;
        if left == 0 {
            tell.send(Instant::now()).unwrap();
        } else {
            event.reschedule_imm().unwrap();
        }
    });
    benches.bench_function("reschedule", |bencher| {
        bencher.iter_custom(|events| run(thread, &reschedule, events, &done));
    });

    // Another thread schedules as fast as it can, and the last event says that all have run.
    let (tell, done) = sync_channel(1);
    let remote = Continuation::new(&ProxyMutex::new(), move |event| {
        if black_box(event.cookie()) == 1 {
            tell.send(Instant::now()).unwrap();
        }
    });
    benches.bench_function("remote", |bencher| {
        bencher.iter_custom(|events| {
            let began = Instant::now();
            for _ in 1..events {
                thread.schedule_imm(&remote, ()).unwrap();
            }
            thread.schedule_imm(&remote, Message::default().cookie(1)).unwrap();
            done.recv().unwrap().duration_since(began)
        });
    });
    benches.finish();

    drop((imm_local, reschedule, remote));
    let report = processor.shutdown(ShutdownOptions::default());
    assert!(report.is_clean(), "{report}");
}

criterion_group!(benches, dispatch);
criterion_main!(benches);

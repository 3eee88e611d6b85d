//! tokio at the work of ours: its current-thread runtime, and the timer queue of tokio-util.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::time::DelayQueue;

use crate::cpu;
use crate::measure::{Findings, Scale, nanos};
use crate::pingpong::ROUND_TRIPS;
use crate::remote::{Handled, send};
use crate::timers::{Fired, due, later, random, room_for};

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().expect("a runtime without I/O")
}

pub(crate) fn yield_1(scale: Scale, found: &mut Findings) {
    yields("tokio_yield_1", 1, scale, found);
}

pub(crate) fn yield_1000(scale: Scale, found: &mut Findings) {
    yields("tokio_yield_1000", 1000, scale, found);
}

fn yields(name: &str, tasks: u64, scale: Scale, found: &mut Findings) {
    let each = (scale.count(5_000_000) / tasks).max(1);
    runtime().block_on(async move {
        let began = Instant::now();
        let yielding = (0..tasks).map(|_| {
            tokio::spawn(async move {
                for _ in 0..each {
                    tokio::task::yield_now().await;
                }
            })
        });
        for task in yielding.collect::<Vec<_>>() {
            task.await.expect("it only yields");
        }
        found.each(name, began.elapsed(), each * tasks);
    });
}

pub(crate) fn spawn_remote(scale: Scale, found: &mut Findings) {
    let events = scale.count(1_000_000);
    let runtime = runtime();
    let handle = runtime.handle().clone();
    let handled = Arc::new(Handled::default());
    let (tell, told) = oneshot::channel();
    let receiver = thread::spawn(move || runtime.block_on(told).expect("the last task tells"));

    let began = Instant::now();
    let mut tell = Some(tell);
    let mut sent = 0;
    send(events, &handled, || {
        sent += 1;
        let (count, handled) = (sent, Arc::clone(&handled));
        let tell = if count == events { tell.take() } else { None };
        // Tasks that are spawned from elsewhere run in the order in which they came.
        drop(handle.spawn(async move {
            handled.note(count);
            if let Some(tell) = tell {
                tell.send(Instant::now()).expect("it is waited for");
            }
        }));
    });
    let ended = receiver.join().expect("it only receives");
    found.each("tokio_spawn_remote", ended - began, events);
}

pub(crate) fn channel(scale: Scale, found: &mut Findings) {
    let rounds = scale.count(ROUND_TRIPS);
    let (there, mut arrives) = mpsc::unbounded_channel::<()>();
    let (back, mut returns) = mpsc::unbounded_channel::<()>();
    let echo = thread::spawn(move || {
        runtime().block_on(async move {
            while arrives.recv().await.is_some() {
                back.send(()).expect("the other side waits");
            }
        });
    });
    let mut samples: Vec<u64> = runtime().block_on(async move {
        let mut samples = Vec::with_capacity(rounds as usize);
        let mut last = Instant::now();
        for _ in 0..rounds {
            there.send(()).expect("the other side waits");
            returns.recv().await.expect("the other side lives");
            let now = Instant::now();
            samples.push(nanos(now - last));
            last = now;
        }
        samples
    });
    echo.join().expect("it only echoes");
    found.one("tokio_channel_round_trip", samples.iter().sum::<u64>() as f64 / rounds as f64);
    found.latency("tokio_channel_round_trip", &mut samples, 1.0);
}

pub(crate) fn fire_1k(scale: Scale, found: &mut Findings) {
    fire("tokio_timer_fire_1k", scale.count(1_000), scale, found);
}

pub(crate) fn fire_1m(scale: Scale, found: &mut Findings) {
    fire("tokio_timer_fire_1m", scale.count(1_000_000), scale, found);
}

/// The last of the tasks that sleep has run.
static ALL_FIRED: Notify = Notify::const_new();

/// Spawns tasks that sleep until they are due; they end when they have run.
fn fire(name: &str, timers: u64, scale: Scale, found: &mut Findings) {
    let (tell, told) = sync_channel(1);
    runtime().block_on(async move {
        Fired::begin(timers as usize, tell);
        let mut random = random();
        let began = Instant::now();
        for _ in 0..timers {
            let due = began + due(&mut random, scale);
            drop(tokio::spawn(async move {
                tokio::time::sleep_until(due.into()).await;
                if Fired::note(late(due)) {
                    ALL_FIRED.notify_one();
                }
            }));
        }
        ALL_FIRED.notified().await;
    });
    told.recv().expect("all fire").report(name, found);
}

/// Nanoseconds that have passed since it was due, negative if it is still to come.
fn late(due: Instant) -> i64 {
    let now = Instant::now();
    match now.checked_duration_since(due) {
        Some(late) => nanos(late).cast_signed(),
        None => -nanos(due - now).cast_signed(),
    }
}

pub(crate) fn delay_queue(scale: Scale, found: &mut Findings) {
    let timers = scale.count(1_000_000);
    runtime().block_on(async move {
        let mut random = random();
        let began = tokio::time::Instant::now();
        let dues: Vec<_> = (0..timers).map(|_| began + later(&mut random)).collect();
        let mut queue = DelayQueue::new();
        let one = queue.insert_at((), began + Duration::from_secs(60));
        queue.remove(&one);
        let mut keys = room_for(dues.len(), one);
        let (start, cpu) = (Instant::now(), cpu::process());
        for due in dues {
            keys.push(queue.insert_at((), due));
        }
        found.each("tokio_delay_queue_insert", start.elapsed(), timers);
        found.each("tokio_delay_queue_insert_cpu", cpu::process() - cpu, timers);
        let start = Instant::now();
        for key in keys {
            queue.remove(&key);
        }
        found.each("tokio_delay_queue_remove", start.elapsed(), timers);
    });
}

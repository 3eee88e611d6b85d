//! Futures on event threads: spawned where they run, and woken from elsewhere.

use std::future::poll_fn;
use std::hint::spin_loop;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use ts_cont::{Continuation, ProxyMutex};

use crate::measure::{Countdown, Findings, Scale, nanos, spin};
use crate::stage::Stage;

pub(crate) fn spawn(scale: Scale, found: &mut Findings) {
    const BATCH: u64 = 1000;
    let stage = Stage::parking(2);
    let batches = scale.count(2_000);
    let (countdown, done) = Countdown::new(1);
    let mut left = batches;
    let spawns = Continuation::new(&ProxyMutex::new(), move |event| {
        if left == 0 {
            // This event stood behind the futures of the last batch.
            countdown.one_is_done();
            return;
        }
        left -= 1;
        let here = event.here().expect("it was scheduled");
        for _ in 0..BATCH {
            drop(here.spawn_local(async {}));
        }
        event.reschedule_imm().expect("it was scheduled");
    });
    let began = Instant::now();
    stage.thread(0).schedule_imm(&spawns, ()).expect("the thread runs");
    let ended = done.recv().expect("it finishes");
    found.each("spawn_future", ended - began, batches * BATCH);
}

/// Where the one who wakes and the future meet.
#[derive(Default)]
struct Meeting {
    slot: Mutex<(Option<Instant>, Option<Waker>)>,
    polled: AtomicU64,
}

pub(crate) fn wake(scale: Scale, found: &mut Findings) {
    /// Long enough for an idle thread to fall asleep.
    const REST: Duration = Duration::from_micros(30);
    let stage = Stage::parking(2);
    let rounds = scale.count(20_000);
    let meeting = Arc::new(Meeting::default());

    let met = Arc::clone(&meeting);
    let future = async move {
        let mut samples = Vec::with_capacity(rounds as usize);
        for round in 0..rounds {
            let woken = poll_fn(|context| {
                let now = Instant::now();
                let mut slot = met.slot.lock().expect("nobody panics");
                match slot.0.take() {
                    Some(woken) => Poll::Ready(now.duration_since(woken)),
                    None => {
                        slot.1 = Some(context.waker().clone());
                        Poll::Pending
                    }
                }
            });
            samples.push(nanos(woken.await));
            // Release: to the one who wakes; the next round may begin.
            met.polled.store(round + 1, Ordering::Release);
        }
        samples
    };
    let handle = stage.thread(0).spawn(future).expect("the thread runs");

    for round in 0..rounds {
        let waker = loop {
            let mut slot = meeting.slot.lock().expect("nobody panics");
            if let Some(waker) = slot.1.take() {
                drop(slot);
                spin(Instant::now(), REST);
                break waker;
            }
            drop(slot);
            spin_loop();
        };
        meeting.slot.lock().expect("nobody panics").0 = Some(Instant::now());
        waker.wake();
        // Acquire: from the future.
        while meeting.polled.load(Ordering::Acquire) <= round {
            spin_loop();
        }
    }
    let mut samples = handle.wait().expect("it ran to its end");
    found.one("wake_future", samples.iter().sum::<u64>() as f64 / rounds as f64);
    found.latency("wake_future", &mut samples, 1.0);
}

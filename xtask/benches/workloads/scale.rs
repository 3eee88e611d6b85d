//! More event threads: what all of them together get done.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ts_cont::{Continuation, ProxyMutex};

use crate::local::again_and_again;
use crate::measure::{Countdown, Findings, Scale};
use crate::remote::{Handled, OUTSTANDING, receiver, send};
use crate::stage::Stage;

pub(crate) fn threads(scale: Scale, found: &mut Findings) {
    for count in [1, 2, 4, 8] {
        let stage = Stage::parking(count);
        let each = scale.count(4_000_000 / count as u64).max(1000);
        let took = again_and_again(&stage, count, 1000, each);
        found.one(&format!("scale_threads_local_{count}"), per_second(each * count as u64, took));
    }
    for count in [1, 2, 4, 8] {
        let stage = Stage::parking(count);
        let each = scale.count(2_000_000 / count as u64);
        let took = if count == 1 { from_outside(&stage, each) } else { ring(&stage, count, each) };
        found.one(&format!("scale_threads_remote_{count}"), per_second(each * count as u64, took));
    }
}

fn per_second(events: u64, took: Duration) -> f64 {
    events as f64 / took.as_secs_f64() / 1e6
}

/// A thread alone has nobody to send to it but a plain thread.
fn from_outside(stage: &Stage, events: u64) -> Duration {
    let handled = Arc::new(Handled::default());
    let (countdown, done) = Countdown::new(1);
    let receiver = receiver(events, &handled, &countdown);
    let began = Instant::now();
    send(events, &handled, || {
        stage.thread(0).schedule_imm(&receiver, ()).expect("the thread runs");
    });
    done.recv().expect("all arrive") - began
}

/// Each thread sends to the next and receives from the one before.
fn ring(stage: &Stage, threads: usize, events: u64) -> Duration {
    /// Sent in one run of a handler; then the thread looks at what it receives.
    const BATCH: u64 = 128;
    let (countdown, done) = Countdown::new(threads as u64);
    let began = Instant::now();
    for thread in 0..threads {
        let next = stage.thread((thread + 1) % threads).clone();
        let handled = Arc::new(Handled::default());
        let receiver = receiver(events, &handled, &countdown);
        let mut sent = 0;
        let sender = Continuation::new(&ProxyMutex::new(), move |event| {
            let room = OUTSTANDING - (sent - handled.read());
            for _ in 0..BATCH.min(room).min(events - sent) {
                next.schedule_imm(&receiver, ()).expect("the thread runs");
                sent += 1;
            }
            if sent < events {
                event.reschedule_imm().expect("it was scheduled");
            }
        });
        stage.thread(thread).schedule_imm(&sender, ()).expect("the thread runs");
    }
    done.recv().expect("all arrive") - began
}

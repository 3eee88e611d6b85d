//! Events of one continuation, sent to another thread as fast as they are taken there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crossbeam_utils::{Backoff, CachePadded};
use ts_cont::{Continuation, EThread, ProxyMutex};

use crate::measure::{Countdown, Findings, Scale};
use crate::stage::Stage;

pub(crate) const EVENTS: u64 = 2_000_000;

/// How many may be on their way.
pub(crate) const OUTSTANDING: u64 = 32_768;

/// How many of those sent were handled: told now and then, since a word that is written for each would be what is measured.
#[derive(Default)]
pub(crate) struct Handled(CachePadded<AtomicU64>);

impl Handled {
    const BATCH: u64 = 1024;

    /// The receiver's side: this many in all.
    pub(crate) fn note(&self, count: u64) {
        if count.is_multiple_of(Self::BATCH) {
            // Release: to `read`. Nothing else goes along with it.
            self.0.store(count, Ordering::Release);
        }
    }

    pub(crate) fn read(&self) -> u64 {
        // Acquire: from `note`.
        self.0.load(Ordering::Acquire)
    }
}

/// The sender's side: sends and waits while too many are on their way.
pub(crate) fn send(events: u64, handled: &Handled, mut send_one: impl FnMut()) {
    let mut known = 0;
    for sent in 0..events {
        if sent - known >= OUTSTANDING {
            let backoff = Backoff::new();
            loop {
                known = handled.read();
                if sent - known < OUTSTANDING {
                    break;
                }
                backoff.snooze();
            }
        }
        send_one();
    }
}

/// A continuation that counts its events and says when it has had them all.
pub(crate) fn receiver(events: u64, handled: &Arc<Handled>, countdown: &Arc<Countdown>) -> Continuation {
    let (handled, countdown) = (Arc::clone(handled), Arc::clone(countdown));
    let mut count = 0;
    Continuation::new(&ProxyMutex::new(), move |_| {
        count += 1;
        handled.note(count);
        if count == events {
            countdown.one_is_done();
        }
    })
}

fn send_to(thread: &EThread, receiver: &Continuation, events: u64, handled: &Handled) {
    send(events, handled, || {
        thread.schedule_imm(receiver, ()).expect("the thread runs");
    });
}

pub(crate) fn parking(scale: Scale, found: &mut Findings) {
    between_threads("imm_remote", &Stage::parking(2), scale, found);
}

pub(crate) fn network(scale: Scale, found: &mut Findings) {
    between_threads("net_imm_remote", &Stage::network(2), scale, found);
}

fn between_threads(name: &str, stage: &Stage, scale: Scale, found: &mut Findings) {
    let events = scale.count(EVENTS);
    let handled = Arc::new(Handled::default());
    let (countdown, done) = Countdown::new(1);
    let receiver = receiver(events, &handled, &countdown);
    let target = stage.thread(1).clone();
    let began = stage.on(0, move |_| {
        let began = Instant::now();
        send_to(&target, &receiver, events, &handled);
        began
    });
    let ended = done.recv().expect("all arrive");
    found.each(name, ended - began, events);
}

pub(crate) fn from_outside(scale: Scale, found: &mut Findings) {
    let stage = Stage::parking(2);
    let events = scale.count(EVENTS);
    let handled = Arc::new(Handled::default());
    let (countdown, done) = Countdown::new(1);
    let receiver = receiver(events, &handled, &countdown);
    let began = Instant::now();
    send_to(stage.thread(1), &receiver, events, &handled);
    let ended = done.recv().expect("all arrive");
    found.each("imm_remote_from_outside", ended - began, events);
}

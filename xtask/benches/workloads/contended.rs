//! A mutex that two threads want: how much gets done, how evenly, how long the one waits, and how soon a miss is made good.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::{Duration, Instant};

use ts_cont::{Continuation, ProxyMutex};

use crate::measure::{Findings, Scale, US, nanos, spin};
use crate::stage::Stage;

pub(crate) const SECONDS: Duration = Duration::from_secs(3);

/// One of two: when it asked, and how long it waited each time.
pub(crate) struct Contender {
    asked: Instant,
    waits: Vec<u64>,
}

impl Contender {
    pub(crate) fn new() -> Self {
        // Room for as many as there can be, so that no move of the samples is taken for a wait.
        Self { asked: Instant::now(), waits: Vec::with_capacity(4_000_000) }
    }

    /// It holds the mutex; returns the time.
    pub(crate) fn enters(&mut self) -> Instant {
        let now = Instant::now();
        self.waits.push(nanos(now.duration_since(self.asked)));
        now
    }

    pub(crate) fn asks_again(&mut self, now: Instant) {
        self.asked = now;
    }

    pub(crate) fn report(name: &str, contenders: [Self; 2], took: Duration, found: &mut Findings) {
        found.contest(name, &contenders.each_ref().map(|contender| contender.waits.len() as u64), took, 1.0);
        let mut waits = contenders.map(|contender| contender.waits).concat();
        found.latency(&format!("{name}_wait"), &mut waits, US);
    }
}

pub(crate) fn one_us(scale: Scale, found: &mut Findings) {
    contended("contended_1us", Duration::from_micros(1), scale, found);
}

pub(crate) fn twenty_us(scale: Scale, found: &mut Findings) {
    contended("contended_20us", Duration::from_micros(20), scale, found);
}

fn contended(name: &str, hold: Duration, scale: Scale, found: &mut Findings) {
    let stage = Stage::parking(2);
    let mutex = ProxyMutex::new();
    let stop = Arc::new(AtomicBool::new(false));
    let began = Instant::now();
    let contenders = [0, 1].map(|thread| {
        let (tell, told) = sync_channel(1);
        let stop = Arc::clone(&stop);
        let mut contender = Some(Contender::new());
        let contend = Continuation::new(&mutex, move |event| {
            let Some(mut one) = contender.take() else { return };
            let now = one.enters();
            one.asks_again(spin(now, hold));
            // Relaxed: a round more or less does not matter.
            if stop.load(Ordering::Relaxed) {
                tell.send(one).expect("it is waited for");
                return;
            }
            contender = Some(one);
            let here = event.here().expect("it was scheduled");
            here.schedule_imm(event.continuation(), ()).expect("the thread runs");
        });
        stage.thread(thread).schedule_imm(&contend, ()).expect("the thread runs");
        told
    });
    thread::sleep(scale.span(SECONDS));
    stop.store(true, Ordering::Relaxed);
    let contenders = contenders.map(|told| told.recv().expect("it gets its last turn"));
    Contender::report(name, contenders, began.elapsed(), found);
}

/// An event thread holds a mutex for 3 ms. In that time an event for it arrives on another, which is idle.
pub(crate) fn missed_lock(scale: Scale, found: &mut Findings) {
    const HOLD: Duration = Duration::from_millis(3);
    let stage = Stage::parking(2);
    let mutex = ProxyMutex::new();
    let wanted = scale.count(200) as usize;
    let (tell, told) = sync_channel(1);
    let waits = Continuation::new(&mutex, move |_| {
        tell.send(Instant::now()).expect("it is waited for");
    });
    let mut samples = Vec::with_capacity(wanted);
    let mut rounds = 0_u32;
    while samples.len() < wanted {
        rounds += 1;
        assert!(rounds as usize <= 10 * wanted, "the event hardly ever misses its lock");
        let (mutex, waits, idle) = (mutex.clone(), waits.clone(), stage.thread(0).clone());
        let misses = mutex.counts().missed;
        let (unlocked, missed) = stage.on(1, move |_| {
            let held = mutex.lock();
            let since = Instant::now();
            idle.schedule_imm(&waits, ()).expect("the thread runs");
            spin(since, HOLD);
            let missed = mutex.counts().missed > misses;
            let unlocked = Instant::now();
            drop(held);
            (unlocked, missed)
        });
        let ran = told.recv().expect("it runs when the mutex is free");
        // A round without a miss is no sample.
        if missed {
            samples.push(nanos(ran.duration_since(unlocked)));
        }
    }
    let share = samples.len() as f64 / f64::from(rounds);
    found.latency("missed_lock_delay", &mut samples, US);
    found.one("missed_lock_delay_misses", share);
}

//! Timers: thousands that fire, a million that fire, a million that are cancelled, and ten thousand that repeat.

use std::cell::RefCell;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use ts_cont::{Action, Continuation, Message, MissedTicks, ProxyMutex};

use crate::cpu::{self, Thread};
use crate::measure::{Findings, Scale, US};
use crate::stage::Stage;

/// The same due times for all.
pub(crate) fn random() -> Rng {
    Rng::with_seed(20_260_801)
}

/// How late the timers of one thread were, kept by that thread.
pub(crate) struct Fired {
    expected: usize,
    lateness: Vec<i64>,
    began: Duration,
    tell: SyncSender<Toll>,
}

/// CPU time of all, and the lateness of each in nanoseconds, negative for early ones.
pub(crate) struct Toll(Duration, Vec<i64>);

thread_local! {
    static FIRED: RefCell<Option<Fired>> = const { RefCell::new(None) };
}

impl Fired {
    /// From here on the process's CPU time counts: what a thread has others do for it is not left out.
    pub(crate) fn begin(expected: usize, tell: SyncSender<Toll>) {
        let lateness = Vec::with_capacity(expected);
        let began = cpu::process();
        FIRED.set(Some(Self { expected, lateness, began, tell }));
    }

    /// A timer of the calling thread fired so much too late; says whether it was the last.
    pub(crate) fn note(lateness: i64) -> bool {
        FIRED.with_borrow_mut(|fired| {
            let fired = fired.as_mut().expect("it was begun on this thread");
            fired.lateness.push(lateness);
            let is_last = fired.lateness.len() == fired.expected;
            if is_last {
                let took = cpu::process() - fired.began;
                let toll = Toll(took, std::mem::take(&mut fired.lateness));
                fired.tell.send(toll).expect("it is waited for");
            }
            is_last
        })
    }
}

impl Toll {
    pub(crate) fn report(self, name: &str, found: &mut Findings) {
        let Self(took, lateness) = self;
        found.each(&format!("{name}_cpu"), took, lateness.len() as u64);
        let early = lateness.iter().filter(|late| **late < 0).count();
        let mut late: Vec<u64> = lateness.into_iter().map(|late| u64::try_from(late).unwrap_or(0)).collect();
        found.latency(&format!("{name}_lateness"), &mut late, US);
        found.one(&format!("{name}_early"), early as f64);
    }
}

/// When timer number such and such is due, from the start: in 0.5..1.5 s.
pub(crate) fn due(random: &mut Rng, scale: Scale) -> Duration {
    scale.span(Duration::from_secs_f64(0.5 + random.f64()))
}

pub(crate) fn fire_1k(scale: Scale, found: &mut Findings) {
    fire("timer_fire_1k", scale.count(1_000), scale, found);
}

pub(crate) fn fire_1m(scale: Scale, found: &mut Findings) {
    fire("timer_fire_1m", scale.count(1_000_000), scale, found);
}

/// Makes continuations with mutexes of their own, arms a timer for each, and lets go of them; they end when they have run.
fn fire(name: &str, timers: u64, scale: Scale, found: &mut Findings) {
    let stage = Stage::parking(2);
    let (tell, told) = sync_channel(1);
    let arming = stage.on(0, move |here| {
        Fired::begin(timers as usize, tell);
        let cpu = cpu::process();
        let mut random = random();
        let began = here.now();
        for _ in 0..timers {
            let due = began + due(&mut random, scale);
            let fires = Continuation::new(&ProxyMutex::new(), move |event| {
                let now = event.here().expect("it was scheduled").now();
                Fired::note(now.as_nanos().cast_signed() - due.as_nanos().cast_signed());
            });
            here.schedule_at(&fires, due, ()).expect("the thread runs");
        }
        cpu::process() - cpu
    });
    told.recv().expect("all fire").report(name, found);
    // A part of the whole, for those who want to know which part is worth looking at.
    found.each(&format!("{name}_arming_cpu"), arming, timers);
}

pub(crate) fn insert_cancel(scale: Scale, found: &mut Findings) {
    let stage = Stage::parking(2);
    let timers = scale.count(1_000_000);
    let (inserted, insert_cpu, cancelled, thread) = stage.on(0, move |here| {
        let mut random = random();
        let began = here.now();
        // 20..60 s, whatever the scale: none of them is to fire.
        let dues: Vec<_> = (0..timers).map(|_| began + later(&mut random)).collect();
        let never = Continuation::new(&ProxyMutex::new(), |_| {});
        let one = here.schedule_at(&never, began + Duration::from_secs(60), ()).expect("the thread runs");
        assert!(one.cancel().is_cancelled());
        let mut actions: Vec<Action> = room_for(dues.len(), one);
        let (start, cpu) = (Instant::now(), cpu::process());
        for due in dues {
            actions.push(here.schedule_at(&never, due, ()).expect("the thread runs"));
        }
        let (inserted, insert_cpu) = (start.elapsed(), cpu::process() - cpu);
        let start = Instant::now();
        for action in actions {
            assert!(action.cancel().is_cancelled());
        }
        (inserted, insert_cpu, start.elapsed(), Thread::current())
    });
    found.each("timer_insert", inserted, timers);
    // Of all threads: memory is made ready by another one than that which is timed.
    found.each("timer_insert_cpu", insert_cpu, timers);
    found.each("timer_cancel", cancelled, timers);

    let (before, began) = (thread.cpu(), Instant::now());
    thread::sleep(scale.span(Duration::from_secs(3)));
    found.one("timer_cancelled_upkeep_cpu", cpu::percent(thread.cpu() - before, began.elapsed()));
}

/// An empty list whose memory has been written: what the kernel takes to make its pages is none of a timer's cost.
pub(crate) fn room_for<T: Clone>(count: usize, any: T) -> Vec<T> {
    let mut list = vec![any; count];
    black_box(&mut list).clear();
    list
}

/// 20..60 s.
pub(crate) fn later(random: &mut Rng) -> Duration {
    Duration::from_secs_f64(20.0 + 40.0 * random.f64())
}

pub(crate) fn every(scale: Scale, found: &mut Findings) {
    const PERIOD: Duration = Duration::from_millis(100);
    let stage = Stage::parking(2);
    let continuations = scale.count(10_000);
    let ticks = scale.count(30);
    let count = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&count);
    let (began, thread) = stage.on(0, move |here| {
        let began = Instant::now();
        for _ in 0..continuations {
            let count = Arc::clone(&counter);
            // Relaxed: all of them run on this thread, and who reads it does so between two ticks.
            let ticks = Continuation::new(&ProxyMutex::new(), move |_| {
                count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
            });
            let skip = Message::default().missed_ticks(MissedTicks::Skip);
            here.schedule_every(&ticks, PERIOD, skip).expect("the thread runs");
        }
        (began, Thread::current())
    });
    let sleep_until = |time: Instant| thread::sleep(time.saturating_duration_since(Instant::now()));
    // From the middle between two ticks to the middle between two others.
    let look = || (count.load(Ordering::Relaxed), thread.cpu(), Instant::now());
    let start = began + PERIOD + PERIOD / 2;
    sleep_until(start);
    let (count_before, cpu_before, from) = look();
    sleep_until(start + PERIOD * ticks as u32);
    let (count_after, cpu_after, to) = look();
    found.one("every_10k_100ms_cpu", cpu::percent(cpu_after - cpu_before, to - from));
    let ideal = continuations * ticks;
    found.one("every_10k_100ms_rate", (count_after - count_before) as f64 / ideal as f64);
}

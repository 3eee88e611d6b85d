//! A thread that beats in time until it is told to stop, and a simulation of the same on a clock moved by hand.
//!
//! `cargo run -p ts-thread --example metronome`

use std::cell::Cell;
use std::time::Duration;

use ts_thread::{
    Builder, Clock, ContextLocal, HrTime, ManualClock, Parker, SimulatedContext, StartError, Unpark, current,
};

const BEAT: Duration = Duration::from_millis(20);

/// Each metronome counts its own beats, whether it has an OS thread or not.
static BEATS: ContextLocal<Cell<u32>> = ContextLocal::new(|| Cell::new(0));

fn beat(now: HrTime, due: HrTime) {
    let beats = BEATS.with(|beats| {
        beats.set(beats.get() + 1);
        beats.get()
    });
    let name = current().name().unwrap_or("somebody").to_owned();
    println!("{now} {name}: beat {beats}, {:?} late", now - due);
}

fn main() -> Result<(), StartError> {
    let clock = Clock::real();
    let parker = Parker::new();
    let stop = parker.unparker();
    let start = clock.now();
    let metronome =
        Builder::new().name("[METRONOME 0]").timer_slack(Duration::from_nanos(1)).spawn(move || {
            let clock = Clock::real();
            let mut due = start + BEAT;
            while parker.park_until(due) == Unpark::DeadlineReached {
                beat(clock.now(), due);
                due += BEAT;
            }
            BEATS.with(Cell::get)
        })?;
    // Main has nothing to do for five beats and a half. Its own parker gets no token, so only the deadline ends this.
    let idle = Parker::new().park_until(start + BEAT * 5 + BEAT / 2);
    assert_eq!(idle, Unpark::DeadlineReached);
    stop.unpark();
    let beats = metronome.join().expect("a metronome does not panic");
    println!("the thread counted {beats}");

    // The same on one OS thread, in no time: two metronomes take turns, an hour passes.
    let hand = ManualClock::new();
    let (slow, fast) = (SimulatedContext::new("slow"), SimulatedContext::new("fast"));
    for minute in 1..=60 {
        let now = hand.advance(Duration::from_secs(60));
        if minute % 30 == 0 {
            slow.enter(|| beat(now, now));
        }
        if minute % 20 == 0 {
            fast.enter(|| beat(now, now));
        }
    }
    assert_eq!((slow.enter(|| BEATS.with(Cell::get)), fast.enter(|| BEATS.with(Cell::get))), (2, 3));
    Ok(())
}

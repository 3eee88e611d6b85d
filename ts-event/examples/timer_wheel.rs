//! A wheel on its own: requests with time limits, most of which are met, on a clock of the caller's choice.
//!
//! Run it with `cargo run -p ts-event --example timer_wheel`. Nothing of a loop is needed for this: the wheel
//! is told the time, says when it wants to be told again, and hands out what is due.
#![cfg_attr(loom, allow(unused, reason = "an example is not a model"))]

use std::time::Duration;

use ts_event::{Cache, Clock, Entry, Key, ParkWait, Slots, Wait, Wheel};

/// What has to be known when a request runs out of time.
struct Limit {
    request: u32,
}

static LIMITS: Slots<Limit> = Slots::new();

fn main() -> std::io::Result<()> {
    let clock = Clock::real();
    let limits = Cache::new(&LIMITS);
    let mut wheel = Wheel::new(clock.now());

    // Ten thousand requests arrive, each with some time to be answered in.
    let start = clock.now();
    let keys: Vec<Key<Limit>> = (0..10_000)
        .map(|request| {
            let limit = limits.entry(Limit { request });
            let key = limit.key();
            let within = Duration::from_micros(u64::from(request * 7_919 % 50_000));
            wheel.insert(limit, start.saturating_add(within));
            key
        })
        .collect();

    // Nearly all are answered in time: their limits leave the wheel at once.
    for (request, key) in keys.iter().enumerate() {
        if request % 1_000 != 0 {
            let limit = wheel.remove(*key).expect("no time has been told yet, so it is still in there");
            limits.take(limit);
        }
    }
    println!("{} limits stay, the first ends in {:?}", wheel.len(), until_next(&mut wheel, &clock));

    // The others run out, in order, each exactly at its time or a little later.
    let mut wait = ParkWait::new();
    while let Some(deadline) = wheel.next_deadline() {
        wait.wait(Some(deadline))?;
        let now = clock.now();
        assert!(now >= deadline);
        wheel.advance(now, |limit: Entry<Limit>| {
            println!(
                "request {:>5} ran out of time {:>9?} after the start",
                limit.request,
                now.saturating_duration_since(start)
            );
            limits.take(limit);
        });
    }
    assert_eq!(LIMITS.live(), 0);
    Ok(())
}

fn until_next(wheel: &mut Wheel<Limit>, clock: &Clock) -> Option<Duration> {
    wheel.next_deadline().map(|at| at.saturating_duration_since(clock.now()))
}

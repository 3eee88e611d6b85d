//! Two event threads that sleep until the other schedules something.

use std::sync::mpsc::sync_channel;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use ts_cont::{Continuation, ProxyMutex};

use crate::measure::{Findings, Scale, nanos};
use crate::stage::Stage;

pub(crate) const ROUND_TRIPS: u64 = 100_000;

pub(crate) fn parking(scale: Scale, found: &mut Findings) {
    round_trips("pingpong_round_trip", &Stage::parking(2), scale, found);
}

pub(crate) fn network(scale: Scale, found: &mut Findings) {
    round_trips("net_pingpong_round_trip", &Stage::network(2), scale, found);
}

fn round_trips(name: &str, stage: &Stage, scale: Scale, found: &mut Findings) {
    let rounds = scale.count(ROUND_TRIPS);
    let (tell, told) = sync_channel(1);
    let here = Arc::new(OnceLock::<Continuation>::new());

    let (back, this_side) = (Arc::clone(&here), stage.thread(0).clone());
    let there = Continuation::new(&ProxyMutex::new(), move |_| {
        let back = back.get().expect("it was set before the first event");
        this_side.schedule_imm(back, ()).expect("the thread runs");
    });

    let other_side = stage.thread(1).clone();
    let mut samples = Vec::with_capacity(rounds as usize);
    let mut last: Option<Instant> = None;
    let ping = Continuation::new(&ProxyMutex::new(), move |_| {
        let now = Instant::now();
        if let Some(last) = last {
            samples.push(nanos(now - last));
        }
        last = Some(now);
        if samples.len() as u64 == rounds {
            tell.send(std::mem::take(&mut samples)).expect("it is waited for");
        } else {
            other_side.schedule_imm(&there, ()).expect("the thread runs");
        }
    });
    let ping = here.get_or_init(|| ping);
    stage.thread(0).schedule_imm(ping, ()).expect("the thread runs");

    let mut samples: Vec<u64> = told.recv().expect("it comes back");
    found.one(name, samples.iter().sum::<u64>() as f64 / rounds as f64);
    found.latency(name, &mut samples, 1.0);
}

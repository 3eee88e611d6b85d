//! What a continuation with its own mutex and a pending timer takes.

use std::fs;
use std::time::Duration;

use ts_cont::{Continuation, ProxyMutex};

use crate::measure::{Findings, Scale};
use crate::stage::Stage;

pub(crate) fn memory(scale: Scale, found: &mut Findings) {
    let stage = Stage::parking(2);
    let count = scale.count(1_000_000);
    let (before, after) = stage.on(0, move |here| {
        let before = resident();
        let due = here.now() + Duration::from_secs(3600);
        for _ in 0..count {
            // Nobody keeps it but its timer.
            let waits = Continuation::new(&ProxyMutex::new(), |_| {});
            here.schedule_at(&waits, due, ()).expect("the thread runs");
        }
        (before, resident())
    });
    found.one("continuation_mutex_timer_memory", (after as f64 - before as f64) / count as f64);
}

/// Bytes of the process that are in memory.
fn resident() -> u64 {
    let sizes = fs::read_to_string("/proc/self/statm").expect("proc is mounted");
    let pages: u64 = sizes.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("the second number");
    pages * rustix::param::page_size() as u64
}

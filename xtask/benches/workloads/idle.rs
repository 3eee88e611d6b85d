//! Event threads with nothing to do.

use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use ts_cont::{EventProcessor, EventType, ShutdownOptions};

use crate::cpu::{self, Thread};
use crate::measure::{Findings, Scale};

pub(crate) fn idle(scale: Scale, found: &mut Findings) {
    let processor = EventProcessor::builder().build();
    let task = processor.register_event_type("ET_TASK").expect("a new name");
    let (tell, told) = channel();
    for group in [EventType::NET, task] {
        let tell = tell.clone();
        let name = move |_: &ts_cont::Here| tell.send(Thread::current()).expect("it is waited for");
        processor.schedule_spawn_fn(group, name).expect("it is registered");
    }
    processor.spawn_event_threads(EventType::NET, 2, 0).expect("threads start");
    processor.spawn_event_threads(task, 1, 0).expect("threads start");
    let threads: Vec<Thread> = told.iter().take(3).collect();
    // Until they have come to rest.
    thread::sleep(scale.span(Duration::from_millis(200)));

    let sleeps = || threads.iter().map(|thread| thread.sleeps()).sum::<u64>();
    let (cpu_before, sleeps_before, began) = (cpu::total(&threads), sleeps(), Instant::now());
    thread::sleep(scale.span(Duration::from_secs(3)));
    let (cpu_after, sleeps_after, elapsed) = (cpu::total(&threads), sleeps(), began.elapsed());
    found.one("idle_cpu", cpu::percent(cpu_after - cpu_before, elapsed));
    found.one("idle_wakeups", (sleeps_after - sleeps_before) as f64 / elapsed.as_secs_f64());
    processor.shutdown(ShutdownOptions::default());
}

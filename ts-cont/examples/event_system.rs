//! What a server starts from: thread groups, timers, cancelling, data under a mutex, and a shutdown with a report.
//!
//! `cargo run -p ts-cont --example event_system`

#![allow(clippy::print_stdout, reason = "an example talks")]

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;
use ts_cont::{
    Continuation, EventCode, EventProcessor, EventType, Guarded, Message, ProxyMutex, ShutdownOptions,
};

/// What one client has sent. It belongs to the client's mutex: whoever touches it shows that he holds that.
#[derive(Default)]
struct Session {
    requests: u32,
    bytes: usize,
}

const REQUEST: EventCode = EventCode::new(100_001);
const IDLE: EventCode = EventCode::new(100_002);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let processor = EventProcessor::builder().build();

    // Network threads wait for I/O and must not block; the group always exists. Another group is for slow work. Events
    // may be scheduled on it from here on, and wait until it has threads.
    let slow = processor.register_event_type("ET_SLOW")?;
    processor.schedule_spawn_fn(EventType::NET, |here| println!("{} is up", here.thread().name()))?;
    processor.spawn_event_threads(EventType::NET, 2, 0)?;
    processor.spawn_event_threads(slow, 1, 0)?;
    assert!(processor.wait_started(EventType::NET, Duration::from_secs(5)));

    // A session: its handler runs under its mutex, so it has its data to itself, on whichever thread it runs.
    let mutex = ProxyMutex::named("session");
    let session = Arc::new(Guarded::new(&mutex, Session::default()));
    let (log, lines) = mpsc::channel();
    let client = {
        let (session, log) = (Arc::clone(&session), log.clone());
        Continuation::named("client").reentrant(&mutex, move |event| {
            let guard = event.guard().expect("it has a mutex");
            let mut session = session.borrow_mut(guard).expect("nobody else has borrowed it");
            match event.code() {
                REQUEST => {
                    session.requests += 1;
                    session.bytes += event.data::<String>().map_or(0, |text| text.len());
                }
                IDLE => log.send(format!("idle after {} requests", session.requests)).unwrap(),
                other => log.send(format!("what is {other:?}?")).unwrap(),
            }
        })
    };

    // A time-out that is cancelled in time, and one that is not. The answer of a cancel is final.
    let timeout = processor.schedule_in(&client, Duration::from_secs(30), EventType::NET, IDLE)?;
    for text in ["hello", "how are you?", "good bye"] {
        processor.schedule_imm(&client, EventType::NET, Message::new(REQUEST).data(text.to_owned()))?;
    }
    println!("the time-out of 30 s: {:?}, and once more: {:?}", timeout.cancel(), timeout.cancel());
    processor.schedule_in(&client, Duration::from_millis(20), EventType::NET, IDLE)?;
    println!("{}", lines.recv()?);

    // A periodic event stops itself by its own action. It runs on the slow threads, so it might block.
    let mut ticks = 0;
    let report = {
        let log = log.clone();
        Continuation::named("report").exclusive(&ProxyMutex::new(), move |event| {
            ticks += 1;
            let thread = event.here().expect("it was scheduled").thread().name();
            log.send(format!("tick {ticks} on {thread}")).unwrap();
            if ticks == 3 {
                event.action().expect("it was scheduled").cancel();
            }
        })
    };
    processor.schedule_every(&report, Duration::from_millis(5), slow, ())?;
    for line in lines.iter().take(3) {
        println!("{line}");
    }

    // From any thread, the data may be read by who takes the mutex.
    let guard = mutex.lock();
    let bytes = session.borrow(&guard)?.bytes;
    drop(guard);
    println!("{bytes} bytes came in");

    // The report of the shutdown names what is still alive: here the client, which was neither dropped nor destroyed.
    report.destroy();
    let report = processor.shutdown(ShutdownOptions::default().deadline(Duration::from_secs(1)));
    print!("{report}");
    println!("scheduling now: {}", processor.schedule_imm(&client, EventType::NET, ()).unwrap_err());
    Ok(())
}

//! Futures on event threads, side by side with continuations: sleep, wait for a lock, for a scheduled call, for each other.
//!
//! `cargo run -p ts-cont --example futures`

#![allow(clippy::print_stdout, reason = "an example talks")]

use std::sync::Arc;
use std::time::Duration;
use ts_cont::future::{sleep, timeout};
use ts_cont::{Continuation, EventProcessor, EventType, Guarded, Message, ProxyMutex, ShutdownOptions};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let processor = EventProcessor::builder().build();
    processor.spawn_event_threads(EventType::NET, 2, 0)?;

    let mutex = ProxyMutex::new();
    let total = Arc::new(Guarded::new(&mutex, 0));

    // A continuation and futures share a mutex. No guard lives across an await: `run` has it for the length of a function.
    let add = {
        let total = Arc::clone(&total);
        Continuation::named("add").exclusive(&mutex, move |event| {
            let amount = event.cookie();
            let guard = event.guard().expect("it has a mutex");
            *total.borrow_mut(guard).expect("nobody else has borrowed it") += amount;
        })
    };
    let adder = |amount| {
        let (mutex, total) = (mutex.clone(), Arc::clone(&total));
        async move {
            sleep(Duration::from_millis(2)).await;
            mutex.run(|guard| *total.borrow_mut(guard).expect("nobody else has borrowed it") += amount).await;
            amount
        }
    };
    let first = processor.spawn(EventType::NET, adder(1))?;
    let second = processor.spawn(EventType::NET, adder(20))?;
    let (message, finished) = Message::default().cookie(300).completion();
    processor.schedule_in(&add, Duration::from_millis(1), EventType::NET, message)?;

    let all = processor.spawn(EventType::NET, {
        let (mutex, total) = (mutex.clone(), Arc::clone(&total));
        async move {
            println!("futures: {:?} and {:?}, event: {:?}", first.await, second.await, finished.await);
            mutex.run(|guard| *total.borrow(guard).expect("nobody else has borrowed it")).await
        }
    })?;
    println!("in all {:?}", all.wait());

    // A limit for anything that may take too long. What was not done is dropped.
    let impatient = processor.spawn(EventType::NET, async {
        timeout(Duration::from_millis(5), sleep(Duration::from_secs(60))).await
    })?;
    if let Some(Err(elapsed)) = impatient.wait() {
        println!("{elapsed}");
    }

    // A shutdown drops the futures that are left, on their threads; who waits for one hears of it.
    let endless = processor.spawn(EventType::NET, std::future::pending::<()>())?;
    drop(add);
    print!("{}", processor.shutdown(ShutdownOptions::default()));
    println!("the endless future: {:?}", endless.wait());
    Ok(())
}

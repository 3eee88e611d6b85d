//! A continuation that comes back every so often, as the simplest plugin does, and cancels itself.
//!
//! Run it with `cargo run -p ts-api --example periodic`.

use std::sync::mpsc;
use std::time::Duration;
use ts_api::{Action, Cont, Mutex, MutexData, Pool, Runtime, ScheduleError};

/// How often it comes, and how often altogether.
const PERIOD: Duration = Duration::from_millis(20);
const TIMES: u32 = 5;

/// The plugin: call it on a thread that may schedule.
pub fn start(done: mpsc::Sender<u32>) -> Result<Action, ScheduleError> {
    let mutex = Mutex::new();
    let count = MutexData::new(&mutex, 0);
    let cont = Cont::named("periodic").reentrant(&mutex, move |event| {
        let guard = event.guard().expect("it has a mutex");
        let mut count = count.borrow_mut(&guard).expect("nobody else borrows it");
        *count += 1;
        let thread = event.thread().map(|thread| thread.name()).unwrap_or_default();
        println!("tick {count} on {thread}: {}", event.code());
        if *count == TIMES {
            if let Some(action) = event.action() {
                action.cancel();
            }
            // Whoever waits may have gone.
            let _ = done.send(*count);
        }
    });
    // On the task pool: what it does may block there.
    cont.schedule_every_on_pool(PERIOD, Pool::Task)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = Runtime::builder().net_threads(1).task_threads(1).prepare();
    let (done, count) = mpsc::channel();
    {
        // While plugins are set up the main thread is a guest. What they schedule waits for the threads.
        let _guest = runtime.guest();
        start(done)?;
    }
    runtime.start()?;
    println!("it came {} times", count.recv()?);
    print!("{}", runtime.shutdown(Default::default()));
    Ok(())
}

//! A whole event loop from this crate alone: one thread that runs events, and another that sends it some.
//!
//! Run it with `cargo run -p ts-event --example event_loop`.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ts_event::{
    Begin, Clock, Closed, Entry, ParkWait, Pushed, Queue, Sender, Slots, Wait, Wakeup, When, inbox,
};

/// What can happen on the loop's thread.
enum Event {
    Say(&'static str),
    /// Comes again after `every`, until it has come `left` times.
    Tick {
        every: Duration,
        left: u32,
    },
    Stop,
}

static EVENTS: Slots<Event> = Slots::new();

/// What other threads need to reach the loop.
#[derive(Clone)]
struct Remote {
    sender: Sender<Event>,
    wakeup: Arc<dyn Wakeup>,
}

impl Remote {
    fn send(&self, event: Event, when: When) -> Result<(), Closed<Entry<Event>>> {
        // The one push that finds the loop asleep wakes it; all others cost no system call.
        if self.sender.push(EVENTS.entry(event), when)? == Pushed::Sleeping {
            self.wakeup.wakeup();
        }
        Ok(())
    }
}

struct Loop {
    clock: Clock,
    queue: Queue<Event>,
    wait: ParkWait,
    running: bool,
}

impl Loop {
    fn new() -> (Self, Remote) {
        let clock = Clock::real();
        let (sender, receiver) = inbox();
        let wait = ParkWait::new();
        let remote = Remote { sender, wakeup: wait.wakeup() };
        (Self { queue: Queue::new(receiver, clock.now()), clock, wait, running: true }, remote)
    }

    fn run(&mut self) -> io::Result<()> {
        while self.running {
            while let Some(entry) = self.queue.next() {
                self.dispatch(entry);
            }
            self.queue.visit(self.clock.now());
            self.wait.visit()?;
            if self.running && self.queue.try_sleep() {
                self.wait.wait(self.queue.next_deadline())?;
                self.queue.awake();
            }
        }
        Ok(())
    }

    fn dispatch(&mut self, mut entry: Entry<Event>) {
        if entry.begin() == Begin::CalledOff {
            return;
        }
        match &mut *entry {
            Event::Say(words) => println!("{words}"),
            Event::Tick { left: 0, .. } => println!("no more ticks"),
            Event::Tick { every, left } => {
                println!("tick, {left} to come");
                *left -= 1;
                let again = When::after(self.clock.now(), *every);
                // Re-armed in its slot: no allocation, and its key stays good.
                _ = entry.end();
                self.queue.push(entry, again);
            }
            Event::Stop => self.running = false,
        }
    }
}

fn main() -> io::Result<()> {
    let (mut event_loop, remote) = Loop::new();
    let other = thread::spawn(move || {
        let in_millis = |millis| When::after(Clock::real().now(), Duration::from_millis(millis));
        let tick = Event::Tick { every: Duration::from_millis(5), left: 3 };
        let sent = remote
            .send(tick, in_millis(5))
            .and_then(|()| remote.send(Event::Say("hello from another thread"), When::Now))
            .and_then(|()| remote.send(Event::Say("half way"), in_millis(12)))
            .and_then(|()| remote.send(Event::Stop, in_millis(30)));
        if sent.is_err() {
            eprintln!("the loop has gone before it was told to");
        }
    });
    event_loop.run()?;
    other.join().expect("it only sends");
    Ok(())
}

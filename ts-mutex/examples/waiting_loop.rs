//! Two little event loops whose handlers share a mutex, and neither ever blocks for it.
//!
//! A handler that misses the mutex is put aside until its loop is told; meanwhile the loop does other work. Run it with
//! `cargo run -p ts-mutex --example waiting_loop`.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use ts_mutex::{Guarded, ProxyMutex, Waiter, Wake};
use ts_thread::{Clock, Parker, Unparker, fence};

const HANDLERS: u32 = 20_000;

/// How the holder of the mutex reaches a loop.
struct Bell {
    told: AtomicBool,
    busy: AtomicBool,
    unparker: Unparker,
}

impl Wake for Bell {
    fn wake(&self) {
        self.told.store(true, Ordering::Release);
        self.unparker.unpark();
    }

    fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed)
    }
}

impl Bell {
    /// Says that the loop turns to something else; true if it was told to try again just before.
    fn turn_to_something_else(&self) -> bool {
        self.busy.store(true, Ordering::Relaxed);
        fence::light();
        let told = self.told.load(Ordering::Acquire);
        if told {
            self.busy.store(false, Ordering::Relaxed);
        }
        !told
    }
}

fn event_loop(mutex: &ProxyMutex, total: &Guarded<u64>, start: &Barrier) -> u32 {
    let parker = Parker::new();
    let bell = Arc::new(Bell {
        told: AtomicBool::new(false),
        busy: AtomicBool::new(false),
        unparker: parker.unparker(),
    });
    let waiter = Waiter::new(bell.clone(), Clock::real());
    let mut other_work = 0;
    start.wait();
    for _ in 0..HANDLERS {
        loop {
            bell.told.store(false, Ordering::Release);
            if let Some(guard) = mutex.try_lock_or_wait(&waiter) {
                *total.borrow_mut(&guard).expect("nobody borrows it further up") += 1;
                (0..100).for_each(|_| spin_loop());
                break;
            }
            // The handler is put aside, and the loop has one piece of other work before it sleeps.
            if bell.turn_to_something_else() {
                other_work += 1;
                bell.busy.store(false, Ordering::Relaxed);
            }
            while !bell.told.load(Ordering::Acquire) {
                parker.park();
            }
        }
    }
    other_work
}

fn main() {
    let mutex = ProxyMutex::named("shared");
    let total = Guarded::new(&mutex, 0_u64);
    let start = Barrier::new(2);
    thread::scope(|scope| {
        let loops = [(); 2].map(|()| scope.spawn(|| event_loop(&mutex, &total, &start)));
        for (i, event_loop) in loops.into_iter().enumerate() {
            println!("loop {i} did other work {} times", event_loop.join().expect("the loop ends"));
        }
    });
    let counts = mutex.counts();
    println!(
        "taken {} times, missed {} times, after a wait {} times",
        counts.acquired, counts.missed, counts.waited
    );
    assert_eq!(total.into_inner(), u64::from(2 * HANDLERS));
}

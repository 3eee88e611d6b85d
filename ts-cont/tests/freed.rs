//! A continuation that only events refer to goes when the last of them does, whoever ends that one, and nothing of it is
//! touched afterwards. Freed memory is overwritten at once in this program, so that touching it does not go unnoticed.

#![cfg(not(loom))]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;
use ts_cont::simulate::{Simulation, pass};
use ts_cont::{Action, Continuation, EventType, ProxyMutex};

struct Poison;

// SAFETY: memory comes from and goes to the system's allocator, with the same layouts.
unsafe impl GlobalAlloc for Poison {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: by contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: by contract the memory is ours to give back, all `size` bytes of it.
        unsafe {
            memory.write_bytes(0xDD, layout.size());
            System.dealloc(memory, layout);
        }
    }
}

#[global_allocator]
static POISON: Poison = Poison;

thread_local! {
    static LATER: Cell<Option<Action>> = const { Cell::new(None) };
}

/// The handler of the first event holds the mutex while the second is cancelled on another thread; so the second is counted
/// off by the unlock of the first, and with it goes the last reference to the continuation and to its mutex.
#[test]
fn an_unlock_that_ends_the_last_event_frees_the_continuation_after_it_is_done() {
    let simulation = Simulation::new(1);
    let processor = simulation.processor();
    processor.spawn_event_threads(EventType::NET, 2, 0).unwrap();
    let mutex = ProxyMutex::new();
    let continuation = Continuation::new(&mutex, |_| {
        // While the mutex is held the other thread hears of the cancelled event and drops it.
        pass(Duration::from_micros(10)).unwrap();
    });
    let [first, second] = processor.threads(EventType::NET) else { panic!("two threads were spawned") };
    {
        // Scheduled by the holder, both events are counted under the mutex.
        let _held = mutex.lock();
        first.schedule_imm(&continuation, ()).unwrap();
        let later = second.schedule_in(&continuation, Duration::from_secs(1), ()).unwrap();
        LATER.set(Some(later));
    }
    let canceller = Continuation::shared(|_| {
        assert!(LATER.take().expect("cancelled once").cancel().is_cancelled());
    });
    drop((continuation, mutex));
    second.schedule_in(&canceller, Duration::from_micros(5), ()).unwrap();
    drop(canceller);
    simulation.run_for(Duration::from_micros(100));
    let report = simulation.shutdown(Default::default());
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.dispatched, 2);
}

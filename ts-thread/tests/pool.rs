//! Units of memory: each is one taker's until it is given back, on whatever thread.

#![cfg(not(loom))]

use std::collections::BTreeSet;
use std::ptr::NonNull;
use std::sync::Barrier;
use std::thread;
use ts_thread::pool::{PAGE, Pool, Stock};

const UNIT: usize = 40;

/// A pool of its own for each test, and how to take from it and give back to it.
macro_rules! pool {
    ($take:ident, $give:ident, $pool:ident) => {
        static $pool: Pool = Pool::new(UNIT);
        thread_local! {
            static STOCK: Stock = const { Stock::new(&$pool) };
        }
        let $take = || $pool.take(&STOCK);
        // SAFETY: the tests give back what they took, once.
        let $give = |unit: NonNull<u8>| unsafe { $pool.give(&STOCK, unit) };
    };
}

/// A unit that a thread may hand to another.
struct Owned(NonNull<u8>);

// SAFETY: it is its only owner's.
unsafe impl Send for Owned {}

#[test]
fn units_do_not_overlap_and_lie_within_a_page() {
    pool!(take, give, POOL);
    let units: Vec<_> = (0..10_000).map(|_| take()).collect();
    let starts: BTreeSet<usize> = units.iter().map(|unit| unit.addr().get()).collect();
    assert_eq!(starts.len(), units.len(), "each is there once");
    let starts: Vec<_> = starts.into_iter().collect();
    assert!(starts.windows(2).all(|pair| pair[1] - pair[0] >= UNIT));
    assert!(starts.iter().all(|start| start % PAGE + UNIT <= PAGE && start % 8 == 0));
    for unit in units {
        // SAFETY: the unit is ours.
        unsafe { unit.write_bytes(0x5a, UNIT) };
        give(unit);
    }
}

#[test]
fn what_was_given_back_is_used_again_by_any_thread() {
    pool!(take, give, POOL);
    let first: BTreeSet<_> = {
        let units: Vec<_> = (0..1_000).map(|_| take()).collect();
        units.into_iter().map(|unit| (unit.addr(), give(unit)).0).collect()
    };
    // The stock of a thread that has ended is the pool's, and what is left over a batch is anybody's before that.
    let second: BTreeSet<_> = thread::spawn(move || {
        let units: Vec<_> = (0..1_000).map(|_| take()).collect();
        units.into_iter().map(|unit| (unit.addr(), give(unit)).0).collect()
    })
    .join()
    .unwrap();
    assert!(first.intersection(&second).count() >= 800, "most are the same");
}

#[test]
fn units_that_travel_between_threads_are_never_two_threads_at_once() {
    pool!(take, give, POOL);
    let barrier = Barrier::new(4);
    thread::scope(|scope| {
        for mark in 1..=4_u8 {
            let barrier = &barrier;
            scope.spawn(move || {
                barrier.wait();
                let mut held: Vec<Owned> = Vec::new();
                for round in 0..20_000_usize {
                    let unit = Owned(take());
                    // SAFETY: the unit is ours.
                    unsafe { unit.0.write_bytes(mark, UNIT) };
                    held.push(unit);
                    if round % 3 != 0 {
                        let unit = held.swap_remove(round * 7_919 % held.len()).0;
                        // SAFETY: the unit is ours, and was written above.
                        let bytes = unsafe { unit.cast::<[u8; UNIT]>().read() };
                        assert_eq!(bytes, [mark; UNIT], "somebody else wrote into it");
                        give(unit);
                    }
                }
                for unit in held {
                    give(unit.0);
                }
            });
        }
    });
}

#[test]
fn all_that_was_ever_taken_is_found_by_looking_through_the_pool() {
    pool!(take, give, POOL);
    let units: Vec<_> = (0..500).map(|_| take()).collect();
    let mut known = BTreeSet::new();
    POOL.for_each(|unit| assert!(known.insert(unit.addr()), "each is met once"));
    assert!(units.iter().all(|unit| known.contains(&unit.addr())));
    units.into_iter().for_each(give);
}

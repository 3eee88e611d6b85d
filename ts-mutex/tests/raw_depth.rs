//! Raw levels have an end, which is told before anything is wrong.

#![cfg(not(loom))]

use std::panic::{AssertUnwindSafe, catch_unwind};
use ts_mutex::ProxyMutex;

#[test]
fn more_raw_levels_than_can_be_counted_are_refused_with_a_panic() {
    let mutex = ProxyMutex::new();
    for _ in 0..u16::MAX {
        mutex.raw_lock();
    }
    assert!(catch_unwind(AssertUnwindSafe(|| mutex.raw_lock())).is_err());
    // The level itself was taken before it was found to be one too many of its kind.
    for _ in 0..u16::MAX {
        mutex.raw_unlock().expect("so many were counted");
    }
    assert!(mutex.raw_unlock().is_err());
}

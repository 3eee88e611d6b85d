//! Promise: of two threads that write and then read with the pair between, one at least sees the other.
#![cfg(loom)]

use ts_thread::fence;
use ts_thread::sync::atomic::{AtomicU32, Ordering};
use ts_thread::sync::{Arc, thread};

fn one_sees_the_other(left: fn(), right: fn()) {
    loom::model(move || {
        let words = Arc::new([AtomicU32::new(0), AtomicU32::new(0)]);
        let theirs = words.clone();
        let other = thread::spawn(move || {
            theirs[1].store(1, Ordering::Relaxed);
            right();
            theirs[0].load(Ordering::Relaxed)
        });
        words[0].store(1, Ordering::Relaxed);
        left();
        let here = words[1].load(Ordering::Relaxed);
        let there = other.join().unwrap();
        assert!(here == 1 || there == 1, "both have missed the other");
    });
}

#[test]
fn light_pairs_with_heavy() {
    one_sees_the_other(fence::light, fence::heavy);
}

#[test]
fn light_of_those_who_know_pairs_with_heavy() {
    let known = || fence::Asymmetric::known().expect("in a model it is").light();
    one_sees_the_other(known, fence::heavy);
}

#[test]
fn heavy_pairs_with_heavy() {
    one_sees_the_other(fence::heavy, fence::heavy);
}

#[test]
#[should_panic = "both have missed the other"]
fn without_fences_both_can_miss() {
    one_sees_the_other(|| (), || ());
}

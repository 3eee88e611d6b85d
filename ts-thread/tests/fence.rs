//! Promise: of two threads that write and then read, one at least sees the other, with either kind of fence.
#![cfg(not(loom))]

mod support;

use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};

use ts_thread::fence;

/// How often the two threads meet when the heavy half is a system call, and when it is not.
const ROUNDS: [usize; 2] = [20_000, 100_000];

/// Runs the store-buffer test with these fences and returns in how many rounds both have missed the other.
fn both_missed(left: fn(), right: fn()) -> usize {
    let rounds = if fence::is_asymmetric() { ROUNDS[0] } else { ROUNDS[1] };
    let x: Vec<AtomicU32> = (0..rounds).map(|_| AtomicU32::new(0)).collect();
    let y: Vec<AtomicU32> = (0..rounds).map(|_| AtomicU32::new(0)).collect();
    let start = Barrier::new(2);
    // A rendezvous without the kernel, so that the two are close together in each round.
    let turn = [AtomicU32::new(0), AtomicU32::new(0)];
    let side = |me: usize, mine: &[AtomicU32], theirs: &[AtomicU32], half: fn()| -> Vec<u32> {
        start.wait();
        (0..rounds)
            .map(|round| {
                turn[me].store(round as u32 + 1, Ordering::Release);
                let mut spins = 0_u32;
                while turn[1 - me].load(Ordering::Acquire) <= round as u32 {
                    spins += 1;
                    if spins.is_multiple_of(64) {
                        std::thread::yield_now();
                    }
                    std::hint::spin_loop();
                }
                // Who arrives last goes first. Since it is not known by how much, try a different lead in each round.
                for lead in 0..(round * (7 + 4 * me)) % 61 {
                    std::hint::black_box(lead);
                }
                mine[round].store(1, Ordering::Relaxed);
                half();
                theirs[round].load(Ordering::Relaxed)
            })
            .collect()
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(|| side(1, &y, &x, right));
        let seen = side(0, &x, &y, left);
        let seen_there = other.join().unwrap();
        seen.iter().zip(&seen_there).filter(|&(&here, &there)| here == 0 && there == 0).count()
    })
}

fn the_pair_holds() {
    assert_eq!(both_missed(fence::light, fence::heavy), 0);
    assert_eq!(both_missed(fence::heavy, fence::heavy), 0);
    if fence::Asymmetric::known().is_some() {
        let known = || fence::Asymmetric::known().expect("it stays").light();
        assert_eq!(both_missed(known, fence::heavy), 0);
    }
}

#[test]
fn the_pair_holds_in_the_way_that_this_kernel_offers() {
    the_pair_holds();
}

#[test]
fn the_pair_holds_without_membarrier() {
    if !support::is_child() {
        let without = ("TS_THREAD_NO_MEMBARRIER", "1");
        return support::passes_as_child("the_pair_holds_without_membarrier", &[without]);
    }
    assert!(!fence::is_asymmetric());
    assert!(fence::Asymmetric::known().is_none());
    the_pair_holds();
    assert!(!fence::is_asymmetric());
}

#[test]
fn the_choice_is_made_by_whoever_is_first_and_stays() {
    if !support::is_child() {
        let name = "the_choice_is_made_by_whoever_is_first_and_stays";
        return support::passes_as_child(name, &[("TS_THREAD_NO_MEMBARRIER", "")]);
    }
    let offered = rustix::thread::membarrier_query()
        .contains_command(rustix::thread::MembarrierCommand::PrivateExpedited);
    let answers: Vec<bool> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|n| {
                scope.spawn(move || {
                    [fence::light, fence::heavy, fence::prepare][n % 3]();
                    fence::is_asymmetric()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|&answer| answer == offered), "{offered} {answers:?}");
}

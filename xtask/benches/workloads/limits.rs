//! What the machine itself takes: whoever does better than this does less.
//!
//! Timer slack is 1 ns here, as event threads ask for.

use std::hint::{black_box, spin_loop};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;
use rustix::thread::futex;

use crate::measure::{Findings, Scale, US, nanos};
use crate::rounds::tight;

pub(crate) fn atomic_swap(scale: Scale, found: &mut Findings) {
    let word = AtomicU64::new(0);
    tight("limit_atomic_swap", scale, found, || {
        // AcqRel, alone: only its cost counts.
        black_box(black_box(&word).swap(1, Ordering::AcqRel));
    });
}

pub(crate) fn cas_store(scale: Scale, found: &mut Findings) {
    let word = AtomicU64::new(0);
    tight("limit_cas_store", scale, found, || {
        let word = black_box(&word);
        // Acquire and Release as in a lock, alone: only their cost counts.
        let _ = black_box(word.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed));
        word.store(0, Ordering::Release);
    });
}

pub(crate) fn clock_read(scale: Scale, found: &mut Findings) {
    tight("limit_clock_read", scale, found, || {
        black_box(Instant::now());
    });
}

pub(crate) fn malloc_free(scale: Scale, found: &mut Findings) {
    tight("limit_malloc_free", scale, found, || {
        black_box(Vec::<u8>::with_capacity(black_box(64)).as_mut_ptr());
    });
}

pub(crate) fn cache_line(scale: Scale, found: &mut Findings) {
    let rounds = scale.count(2_000_000);
    let turn = CachePadded::new(AtomicU64::new(0));
    // The one waits for even numbers, the other for odd ones.
    let play = |first: u64| {
        for round in 0..rounds {
            let mine = 2 * round + first;
            // Acquire and Release: as whoever passes data along would.
            while turn.load(Ordering::Acquire) != mine {
                spin_loop();
            }
            turn.store(mine + 1, Ordering::Release);
        }
    };
    let began = Instant::now();
    thread::scope(|scope| {
        scope.spawn(|| play(1));
        play(0);
    });
    found.each("limit_cache_line_round_trip", began.elapsed(), rounds);
}

pub(crate) fn futex(scale: Scale, found: &mut Findings) {
    let rounds = scale.count(100_000);
    let turn = AtomicU32::new(0);
    let wait_for = |mine: u32| {
        // Acquire and Release: as whoever passes data along would.
        while turn.load(Ordering::Acquire) != mine {
            // Woken for nothing or too late to sleep: the loop looks again.
            let _ = futex::wait(&turn, futex::Flags::PRIVATE, 1 - mine, None);
        }
    };
    let pass_to = |other: u32| {
        turn.store(other, Ordering::Release);
        futex::wake(&turn, futex::Flags::PRIVATE, 1).expect("a word of our own");
    };
    let mut samples = Vec::with_capacity(rounds as usize);
    let began = Instant::now();
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..rounds {
                wait_for(1);
                pass_to(0);
            }
        });
        let mut last = began;
        for _ in 0..rounds {
            pass_to(1);
            wait_for(0);
            let now = Instant::now();
            samples.push(nanos(now - last));
            last = now;
        }
    });
    found.each("limit_futex_round_trip", began.elapsed(), rounds);
    found.latency("limit_futex_round_trip", &mut samples, 1.0);
}

pub(crate) fn sleep(scale: Scale, found: &mut Findings) {
    const NAP: Duration = Duration::from_millis(1);
    ts_thread::set_timer_slack(Duration::from_nanos(1)).expect("the kernel lets us be on time");
    let mut samples: Vec<u64> = (0..scale.count(1000))
        .map(|_| {
            let due = Instant::now() + NAP;
            thread::sleep(NAP);
            nanos(due.elapsed())
        })
        .collect();
    found.latency("limit_sleep_lateness", &mut samples, US);
}

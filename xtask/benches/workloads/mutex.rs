//! The mutex alone: taken again and again by one thread, and by two at once.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ts_mutex::ProxyMutex;

use crate::measure::{Findings, Scale};
use crate::rounds::tight;

pub(crate) fn lock_unlock(scale: Scale, found: &mut Findings) {
    let mutex = ProxyMutex::new();
    tight("mutex_lock_unlock", scale, found, || drop(black_box(&mutex).lock()));
}

pub(crate) fn try_unlock(scale: Scale, found: &mut Findings) {
    let mutex = ProxyMutex::new();
    tight("mutex_try_unlock", scale, found, || drop(black_box(&mutex).try_lock()));
}

pub(crate) fn recursive(scale: Scale, found: &mut Findings) {
    let mutex = ProxyMutex::new();
    let _held = mutex.lock();
    tight("mutex_recursive", scale, found, || drop(black_box(&mutex).lock()));
}

pub(crate) fn contended_2(scale: Scale, found: &mut Findings) {
    let mutex = ProxyMutex::new();
    contest("mutex_contended_2", scale, found, || drop(mutex.lock()));
}

/// Two threads call it for a second.
pub(crate) fn contest(name: &str, scale: Scale, found: &mut Findings, lock_unlock: impl Fn() + Sync) {
    let stop = AtomicBool::new(false);
    let count = || {
        let mut count = 0_u64;
        // Relaxed: a round more or less does not matter.
        while !stop.load(Ordering::Relaxed) {
            lock_unlock();
            count += 1;
        }
        count
    };
    let (counts, took) = thread::scope(|scope| {
        let began = Instant::now();
        let threads = [scope.spawn(count), scope.spawn(count)];
        thread::sleep(scale.span(Duration::from_secs(1)));
        stop.store(true, Ordering::Relaxed);
        let counts = threads.map(|thread| thread.join().expect("it only counts"));
        (counts, began.elapsed())
    });
    found.contest(name, &counts, took, 1e6);
}

//! parking_lot's recursive mutex at the work of ours.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::ReentrantMutex;

use crate::contended::{Contender, SECONDS};
use crate::measure::{Findings, Scale, spin};
use crate::mutex::contest;
use crate::rounds::tight;

pub(crate) fn lock_unlock(scale: Scale, found: &mut Findings) {
    let mutex = ReentrantMutex::new(());
    tight("pl_mutex_lock_unlock", scale, found, || drop(black_box(&mutex).lock()));
}

pub(crate) fn try_unlock(scale: Scale, found: &mut Findings) {
    let mutex = ReentrantMutex::new(());
    tight("pl_mutex_try_unlock", scale, found, || drop(black_box(&mutex).try_lock()));
}

pub(crate) fn recursive(scale: Scale, found: &mut Findings) {
    let mutex = ReentrantMutex::new(());
    let _held = mutex.lock();
    tight("pl_mutex_recursive", scale, found, || drop(black_box(&mutex).lock()));
}

pub(crate) fn contended_2(scale: Scale, found: &mut Findings) {
    let mutex = ReentrantMutex::new(());
    contest("pl_mutex_contended_2", scale, found, || drop(mutex.lock()));
}

pub(crate) fn one_us(scale: Scale, found: &mut Findings) {
    contended("pl_contended_1us", Duration::from_micros(1), scale, found);
}

pub(crate) fn twenty_us(scale: Scale, found: &mut Findings) {
    contended("pl_contended_20us", Duration::from_micros(20), scale, found);
}

fn contended(name: &str, hold: Duration, scale: Scale, found: &mut Findings) {
    let mutex = ReentrantMutex::new(());
    let stop = AtomicBool::new(false);
    let contend = || {
        let mut contender = Contender::new();
        // Relaxed: a round more or less does not matter.
        while !stop.load(Ordering::Relaxed) {
            let held = mutex.lock();
            let now = contender.enters();
            contender.asks_again(spin(now, hold));
            drop(held);
        }
        contender
    };
    let (contenders, took) = thread::scope(|scope| {
        let began = Instant::now();
        let threads = [scope.spawn(contend), scope.spawn(contend)];
        thread::sleep(scale.span(SECONDS));
        stop.store(true, Ordering::Relaxed);
        let contenders = threads.map(|thread| thread.join().expect("it only counts"));
        (contenders, began.elapsed())
    });
    Contender::report(name, contenders, took, found);
}

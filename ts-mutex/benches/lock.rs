//! What does it cost to take a mutex and to give it back: alone, again, and against another thread?
//!
//! `limit` is one compare-and-swap and one release store, `parking_lot` its recursive mutex.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use criterion::{Criterion, criterion_group, criterion_main};
use parking_lot::ReentrantMutex;
use ts_mutex::ProxyMutex;

fn uncontended(c: &mut Criterion) {
    let mut group = c.benchmark_group("lock_unlock");
    let word = AtomicU64::new(0);
    group.bench_function("limit", |b| {
        b.iter(|| {
            black_box(&word).compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed).unwrap();
            black_box(&word).store(0, Ordering::Release);
        });
    });
    let mutex = ProxyMutex::new();
    group.bench_function("lock", |b| b.iter(|| drop(black_box(&mutex).lock())));
    group.bench_function("try_lock", |b| b.iter(|| drop(black_box(&mutex).try_lock().unwrap())));
    let peer = ReentrantMutex::new(());
    group.bench_function("parking_lot", |b| b.iter(|| drop(black_box(&peer).lock())));
    group.finish();
}

fn again(c: &mut Criterion) {
    let mut group = c.benchmark_group("recursive");
    let mutex = ProxyMutex::new();
    let _held = mutex.lock();
    group.bench_function("lock", |b| b.iter(|| drop(black_box(&mutex).lock())));
    let peer = ReentrantMutex::new(());
    let _held_too = peer.lock();
    group.bench_function("parking_lot", |b| b.iter(|| drop(black_box(&peer).lock())));
    group.finish();
}

/// Both threads do nothing but take it and give it back; the figure is one of them's.
fn against_another(c: &mut Criterion) {
    let mut group = c.benchmark_group("contended_2");
    let mutex = ProxyMutex::new();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                drop(mutex.lock());
            }
        });
        group.bench_function("lock", |b| b.iter(|| drop(black_box(&mutex).lock())));
        stop.store(true, Ordering::Relaxed);
    });
    let peer = ReentrantMutex::new(());
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                drop(peer.lock());
            }
        });
        group.bench_function("parking_lot", |b| b.iter(|| drop(black_box(&peer).lock())));
        stop.store(true, Ordering::Relaxed);
    });
    group.finish();
}

criterion_group!(benches, uncontended, again, against_another);
criterion_main!(benches);

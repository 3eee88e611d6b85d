//! What do the pieces cost that are on the path of every dispatch: who am I, my storage, the clock, the light fence? And what
//! does it cost to look a handle up?
#![cfg(not(loom))]

use std::cell::Cell;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ts_thread::register::Register;
use ts_thread::{Clock, ContextLocal, Parker, SimulatedContext, cached_now, current_id, fence};

static COUNT: ContextLocal<Cell<u64>> = ContextLocal::new(|| Cell::new(0));

static REGISTER: Register<u64> = Register::new();

fn ground(c: &mut Criterion) {
    c.bench_function("current_id", |b| b.iter(|| black_box(current_id())));
    c.bench_function("context_local", |b| b.iter(|| COUNT.with(|count| count.set(count.get() + 1))));
    let simulated = SimulatedContext::new("sim");
    c.bench_function("enter_simulated", |b| b.iter(|| simulated.enter(|| black_box(current_id()))));

    let clock = Clock::real();
    c.bench_function("clock_now", |b| b.iter(|| black_box(clock.now())));
    c.bench_function("cached_now", |b| b.iter(|| black_box(cached_now())));

    fence::prepare();
    c.bench_function("fence_light", |b| b.iter(fence::light));
    c.bench_function("fence_heavy", |b| b.iter(fence::heavy));

    let handle = REGISTER.insert(0).expect("it is not full");
    c.bench_function("register_with", |b| b.iter(|| REGISTER.with(black_box(handle), |count| *count += 1)));
    c.bench_function("register_insert_and_remove", |b| {
        b.iter(|| REGISTER.insert(black_box(1)).map(|handle| REGISTER.remove(handle)));
    });

    let parker = Parker::new();
    let unparker = parker.unparker();
    c.bench_function("unpark_then_park", |b| {
        b.iter(|| {
            unparker.unpark();
            parker.park();
        });
    });
}

criterion_group!(benches, ground);
criterion_main!(benches);

//! What does a timer cost: to arm, to cancel, to let it fire, with few and with a million others about? And
//! its slot?
#![cfg_attr(loom, allow(unused, reason = "a bench is not a model"))]

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use ts_event::{Begin, Cache, End, Entry, HrTime, Key, Ready, Slots, Wheel};

/// About as much as an event carries.
type Value = [u64; 4];

static EVENTS: Slots<Value> = Slots::new();

const SECOND: u64 = 1_000_000_000;

/// A cheap, repeatable source of scattered numbers.
struct Scatter(u64);

impl Scatter {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) * limit) >> 31
    }
}

/// Runs `batch` as often as wanted and returns the time that it says it took, for `size` operations a batch.
fn per_op(iterations: u64, size: u64, mut batch: impl FnMut() -> Duration) -> Duration {
    let batches = iterations.div_ceil(size);
    let total: Duration = (0..batches).map(|_| batch()).sum();
    total.mul_f64(iterations as f64 / (batches * size) as f64)
}

fn insert_all(
    cache: &Cache<Value>,
    wheel: &mut Wheel<Value>,
    from: u64,
    width: u64,
    count: u64,
) -> (Vec<Key<Value>>, Duration) {
    let mut scatter = Scatter(7);
    let entries: Vec<Entry<Value>> = (0..count).map(|n| cache.entry([n; 4])).collect();
    let dues: Vec<HrTime> = (0..count).map(|_| HrTime::from_nanos(from + scatter.below(width))).collect();
    let keys = entries.iter().map(Entry::key).collect();
    let start = Instant::now();
    for (entry, due) in entries.into_iter().zip(dues) {
        wheel.insert(entry, due);
    }
    (keys, start.elapsed())
}

fn arm(c: &mut Criterion) {
    let cache = Cache::new(&EVENTS);
    for count in [1_000, 1_000_000] {
        let mut group = c.benchmark_group(format!("wheel_{count}"));
        group.sample_size(10);
        group.bench_function("insert", |b| {
            b.iter_custom(|iterations| {
                per_op(iterations, count, || {
                    let mut wheel = Wheel::new(HrTime::ZERO);
                    let (_, time) = insert_all(&cache, &mut wheel, 20 * SECOND, 40 * SECOND, count);
                    while let Some(entry) = wheel.pop_any() {
                        cache.take(entry);
                    }
                    time
                })
            });
        });
        group.bench_function("remove", |b| {
            b.iter_custom(|iterations| {
                per_op(iterations, count, || {
                    let mut wheel = Wheel::new(HrTime::ZERO);
                    let (keys, _) = insert_all(&cache, &mut wheel, 20 * SECOND, 40 * SECOND, count);
                    let start = Instant::now();
                    for key in keys {
                        cache.take(wheel.remove(key).expect("it was put in"));
                    }
                    start.elapsed()
                })
            });
        });
        // Told the time every 10 us, as a busy loop would.
        group.bench_function("fire", |b| {
            b.iter_custom(|iterations| {
                per_op(iterations, count, || {
                    let mut wheel = Wheel::new(HrTime::ZERO);
                    insert_all(&cache, &mut wheel, SECOND / 2, SECOND, count);
                    let start = Instant::now();
                    while let Some(next) = wheel.next_deadline() {
                        wheel.advance(next.saturating_add(Duration::from_micros(10)), |entry| {
                            black_box(cache.take(entry));
                        });
                    }
                    start.elapsed()
                })
            });
        });
        group.finish();
    }
}

fn slots(c: &mut Criterion) {
    let cache = Cache::new(&EVENTS);
    c.bench_function("slot_make_and_end", |b| {
        b.iter(|| cache.take(cache.entry(black_box([1; 4]))));
    });
    c.bench_function("slot_make_and_end_without_a_cache", |b| {
        b.iter(|| EVENTS.entry(black_box([1; 4])).into_inner());
    });
    c.bench_function("slot_begin_and_end", |b| {
        let mut entry = cache.entry([1; 4]);
        b.iter(|| (entry.begin() == Begin::Run, entry.end() == End::Ended));
    });
    c.bench_function("ready_make_push_pop_run_end", |b| {
        let mut ready = Ready::new();
        for n in 0..1_000 {
            ready.push_back(cache.entry([n; 4]));
        }
        b.iter(|| {
            ready.push_back(cache.entry(black_box([1; 4])));
            let mut entry = ready.pop_front().expect("one was just put in");
            assert_eq!(entry.begin(), Begin::Run);
            cache.take(entry)
        });
    });
    c.bench_function("call_off_elsewhere", |b| {
        b.iter_custom(|iterations| {
            let entries: Vec<_> = (0..iterations).map(|n| cache.entry([n; 4])).collect();
            let start = Instant::now();
            for entry in &entries {
                let _ = black_box(entry.key().call_off());
            }
            start.elapsed()
        });
    });
}

criterion_group!(benches, arm, slots);
criterion_main!(benches);

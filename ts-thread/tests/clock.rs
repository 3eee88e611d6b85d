//! Promise: time goes forward only, never wraps, and a manual clock moves when it is told to.
#![cfg(not(loom))]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proptest::prelude::*;
use ts_thread::{Clock, HrTime, ManualClock, cached_now, refresh_now};

const MAX: u128 = u64::MAX as u128;

fn any_duration() -> impl Strategy<Value = Duration> {
    prop_oneof![
        (any::<u64>(), 0_u32..1_000_000_000).prop_map(|(secs, nanos)| Duration::new(secs, nanos)),
        any::<u64>().prop_map(Duration::from_nanos),
        Just(Duration::ZERO),
        Just(Duration::MAX),
    ]
}

fn any_time() -> impl Strategy<Value = HrTime> {
    prop_oneof![any::<u64>().prop_map(HrTime::from_nanos), Just(HrTime::ZERO), Just(HrTime::MAX)]
}

proptest! {
    #[test]
    fn sums_and_differences_are_exact_or_saturate(time in any_time(), duration in any_duration()) {
        let (t, d) = (u128::from(time.as_nanos()), duration.as_nanos());
        let sum = t + d;
        let exact = (sum <= MAX).then(|| HrTime::from_nanos(sum as u64));
        prop_assert_eq!(time.checked_add(duration), exact);
        prop_assert_eq!(u128::from(time.saturating_add(duration).as_nanos()), sum.min(MAX));
        prop_assert_eq!(time + duration, time.saturating_add(duration));
        let mut moved = time;
        moved += duration;
        prop_assert_eq!(moved, time + duration);

        let exact = t.checked_sub(d).map(|rest| HrTime::from_nanos(rest as u64));
        prop_assert_eq!(time.checked_sub(duration), exact);
        prop_assert_eq!(u128::from(time.saturating_sub(duration).as_nanos()), t.saturating_sub(d));
        prop_assert_eq!(time - duration, time.saturating_sub(duration));
    }

    #[test]
    fn distances_are_exact_or_zero(a in any_time(), b in any_time()) {
        let exact = a.as_nanos().checked_sub(b.as_nanos()).map(Duration::from_nanos);
        prop_assert_eq!(a.checked_duration_since(b), exact);
        prop_assert_eq!(a.saturating_duration_since(b), exact.unwrap_or(Duration::ZERO));
        prop_assert_eq!(a - b, exact.unwrap_or(Duration::ZERO));
        prop_assert_eq!(a < b, exact.is_none());
    }

    #[test]
    fn a_manual_clock_is_where_its_moves_add_up_to(
        start in any_time(),
        moves in prop::collection::vec((any::<bool>(), any_duration()), 0..20),
    ) {
        let hand = ManualClock::starting_at(start);
        let clock = hand.clock();
        let mut model = start;
        for (set, duration) in moves {
            if set {
                let to = HrTime::ZERO + duration;
                let answer = hand.set(to);
                prop_assert_eq!(answer.is_ok(), to >= model);
                model = model.max(to);
            } else {
                model += duration;
                prop_assert_eq!(hand.advance(duration), model);
            }
            prop_assert_eq!((clock.now(), hand.now()), (model, model));
        }
    }

    #[test]
    fn the_wall_of_a_manual_clock_there_and_back_is_the_same_time(time in any_time(), origin in 0_u64..1 << 40) {
        let origin = UNIX_EPOCH + Duration::from_secs(origin);
        let clock = ManualClock::with_wall(HrTime::from_nanos(5), origin).clock();
        prop_assert_eq!(clock.wall(time), origin + Duration::from_nanos(time.as_nanos()));
        prop_assert_eq!(clock.from_wall(clock.wall(time)), time);
    }
}

#[test]
fn times_are_printed_in_seconds_with_microseconds() {
    for (nanos, text) in [
        (0, "0.000000s"),
        (999, "0.000000s"),
        (12_345_678_999, "12.345678s"),
        (1_000_000_000, "1.000000s"),
        (u64::MAX - 1, "18446744073.709551s"),
        (u64::MAX, "never"),
    ] {
        assert_eq!(HrTime::from_nanos(nanos).to_string(), text);
    }
    assert_eq!(format!("{:>12}", HrTime::from_nanos(1)), "   0.000000s");
}

#[test]
fn the_real_clock_never_goes_back() {
    let clock = Clock::real();
    let mut last = clock.now();
    for _ in 0..10_000 {
        let now = clock.now();
        assert!(now >= last);
        last = now;
    }
}

#[test]
fn the_real_clock_is_the_systems_monotonic_one() {
    let of_system = || {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        HrTime::from_nanos(now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64)
    };
    let before = of_system();
    let ours = Clock::real().now();
    assert!((before..=of_system()).contains(&ours));
}

#[test]
fn clocks_are_equal_if_they_are_the_same() {
    let (a, b) = (ManualClock::new(), ManualClock::new());
    assert!(Clock::real() == Clock::default() && Clock::real().is_real());
    assert!(a.clock() == a.clone().clock() && !a.clock().is_real());
    assert!(a.clock() != b.clock() && a.clock() != Clock::real());
}

#[test]
fn a_manual_clock_cannot_be_set_back() {
    let hand = ManualClock::starting_at(HrTime::from_nanos(10));
    let refused = hand.set(HrTime::from_nanos(9)).unwrap_err();
    assert_eq!((refused.now(), refused.asked()), (HrTime::from_nanos(10), HrTime::from_nanos(9)));
    assert!(refused.to_string().contains("cannot go back"));
    assert_eq!(hand.now(), HrTime::from_nanos(10));
    hand.set(HrTime::from_nanos(10)).unwrap();
}

#[test]
fn moves_of_a_manual_clock_by_several_threads_add_up() {
    let hand = ManualClock::new();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                (0..1000).for_each(|_| assert!(hand.advance(Duration::from_nanos(3)) <= hand.now()))
            });
        }
    });
    assert_eq!(hand.now(), HrTime::from_nanos(12_000));
}

#[test]
fn the_real_wall_is_the_systems() {
    let clock = Clock::real();
    let (before, before_wall) = (clock.now(), SystemTime::now());
    let wall = clock.wall(before);
    // Between the two reads of this test lies at most what it took, and nobody sets the system's clock by an hour.
    let hour = Duration::from_secs(3600);
    assert!(wall > before_wall - hour && wall < before_wall + hour);
    let far = before + hour;
    let distance = clock.wall(far).duration_since(wall).unwrap();
    assert!(distance > hour / 2 && distance < hour * 2);
    let back = clock.from_wall(clock.wall(far));
    assert!(back > before && back < far + hour);
}

#[test]
fn walls_out_of_range_saturate() {
    let clock = Clock::real();
    assert_eq!(clock.from_wall(UNIX_EPOCH - Duration::from_secs(1 << 40)), HrTime::ZERO);
    assert_eq!(clock.from_wall(UNIX_EPOCH + Duration::from_secs(1 << 60)), HrTime::MAX);
    assert!(clock.wall(HrTime::MAX) > SystemTime::now());

    let last = UNIX_EPOCH + Duration::from_secs(i64::MAX as u64);
    let late = ManualClock::with_wall(HrTime::ZERO, last).clock();
    assert!(late.wall(HrTime::MAX) >= last);
}

#[test]
fn the_cached_now_follows_every_reader_of_the_real_clock_and_never_goes_back() {
    let refreshed = refresh_now();
    assert!(cached_now() >= refreshed);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let clock = Clock::real();
                let mut last = cached_now();
                for _ in 0..20_000 {
                    let now = clock.now();
                    let cached = cached_now();
                    assert!(cached >= last, "it went back");
                    assert!(now - cached <= Duration::from_micros(100), "a read did not refresh it");
                    last = cached;
                }
            });
        }
    });
    // Whatever it says has been read by somebody already.
    assert!(cached_now() <= Clock::real().now());
}

#[test]
fn a_slow_thread_does_not_turn_the_cached_now_back() {
    let start = std::sync::Barrier::new(3);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                start.wait();
                let mut last = cached_now();
                for _ in 0..1_000_000 {
                    let now = refresh_now();
                    let cached = cached_now();
                    assert!(cached >= last && cached >= now, "it went back");
                    last = cached;
                }
            });
        }
    });
}

#[test]
fn a_manual_clock_leaves_the_cached_now_alone() {
    let hand = ManualClock::starting_at(HrTime::MAX);
    assert_eq!(hand.clock().now(), HrTime::MAX);
    assert!(cached_now() < HrTime::MAX);
}

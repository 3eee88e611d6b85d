//! The wheel's promises one by one.
#![cfg(not(loom))]

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ts_event::{HrTime, Slots, Wheel};

static TIMERS: Slots<u64> = Slots::new();

const SECOND: u64 = 1_000_000_000;
const TICK: u64 = Wheel::<u64>::TICK_NANOS;

fn at(nanos: u64) -> HrTime {
    HrTime::from_nanos(nanos)
}

fn insert(wheel: &mut Wheel<u64>, nanos: u64) {
    wheel.insert(TIMERS.entry(nanos), at(nanos));
}

fn advance(wheel: &mut Wheel<u64>, nanos: u64) -> Vec<u64> {
    let mut fired = Vec::new();
    wheel.advance(at(nanos), |entry| fired.push(*entry));
    fired
}

#[test]
fn a_timer_is_never_early_by_a_single_nanosecond() {
    for due in [1, TICK - 1, TICK, TICK + 1, 64 * TICK, SECOND, 3_600 * SECOND, u64::MAX - 1] {
        let mut wheel = Wheel::new(HrTime::ZERO);
        insert(&mut wheel, due);
        assert!(advance(&mut wheel, due - 1).is_empty(), "{due} ns");
        assert_eq!(wheel.next_deadline(), Some(at(due)));
        assert_eq!(advance(&mut wheel, due), [due]);
    }
}

#[test]
fn timers_of_one_tick_come_out_one_by_one() {
    let mut wheel = Wheel::new(at(5 * TICK));
    for offset in [300, 100, 200, 100] {
        insert(&mut wheel, 7 * TICK + offset);
    }
    assert_eq!(advance(&mut wheel, 7 * TICK + 100), [7 * TICK + 100, 7 * TICK + 100]);
    assert_eq!(wheel.next_deadline(), Some(at(7 * TICK + 200)));
    assert_eq!(advance(&mut wheel, 7 * TICK + 299), [7 * TICK + 200]);
    assert_eq!(advance(&mut wheel, 7 * TICK + 300), [7 * TICK + 300]);
}

#[test]
fn a_pause_of_any_length_hands_out_all_that_is_due_in_order() {
    // Among them the pauses after which the original's buckets looked as if no time had passed.
    for pause in [2_560_000_000, 2 * 2_560_000_000, 64 * TICK, 4_096 * TICK, 3_600 * SECOND, u64::MAX / 2] {
        let mut wheel = Wheel::new(at(12_345));
        let mut dues: Vec<u64> = (0..200).map(|n| 12_345 + (pause / 150 * n) % (2 * pause)).collect();
        dues.reverse();
        for due in &dues {
            insert(&mut wheel, *due);
        }
        let now = 12_345 + pause;
        dues.retain(|due| *due <= now);
        dues.sort_unstable();
        assert_eq!(advance(&mut wheel, now), dues, "after {pause} ns");
    }
}

#[test]
fn what_is_past_is_due_at_the_next_advance_even_if_time_stands_still() {
    let mut wheel = Wheel::new(at(SECOND));
    for due in [SECOND, 5, 0, SECOND - 1] {
        insert(&mut wheel, due);
    }
    assert_eq!(wheel.next_deadline(), Some(HrTime::ZERO));
    assert_eq!(advance(&mut wheel, SECOND), [0, 5, SECOND - 1, SECOND]);
}

#[test]
fn what_is_never_due_never_comes_and_wakes_nobody() {
    let mut wheel = Wheel::new(HrTime::ZERO);
    let entry = TIMERS.entry(1);
    let key = entry.key();
    wheel.insert(entry, HrTime::MAX);
    assert_eq!(wheel.next_deadline(), None);
    assert!(advance(&mut wheel, u64::MAX).is_empty());
    assert_eq!(wheel.len(), 1);
    assert!(wheel.remove(key).is_some());
}

#[test]
fn time_that_goes_backwards_changes_nothing() {
    let mut wheel = Wheel::new(at(10 * SECOND));
    insert(&mut wheel, 10 * SECOND + 1);
    insert(&mut wheel, 9 * SECOND);
    assert!(advance(&mut wheel, 8 * SECOND).is_empty());
    assert_eq!(advance(&mut wheel, 10 * SECOND), [9 * SECOND]);
    assert_eq!(advance(&mut wheel, 11 * SECOND), [10 * SECOND + 1]);
}

#[test]
fn a_removed_timer_is_gone_at_once() {
    let mut wheel = Wheel::new(HrTime::ZERO);
    let entries: Vec<_> = (0..1_000).map(|n| TIMERS.entry(n)).collect();
    let keys: Vec<_> = entries.iter().map(|entry| entry.key()).collect();
    for entry in entries {
        let due = (*entry + 1) * SECOND;
        wheel.insert(entry, at(due));
    }
    for key in keys.iter().step_by(2) {
        drop(wheel.remove(*key));
        assert!(!key.is_live());
        assert!(wheel.remove(*key).is_none());
    }
    assert_eq!(wheel.len(), 500);
    assert_eq!(advance(&mut wheel, 2_000 * SECOND), (0..1_000).skip(1).step_by(2).collect::<Vec<_>>());
}

#[test]
fn a_deadline_told_after_removals_is_never_too_late_and_soon_exact() {
    let mut wheel = Wheel::new(HrTime::ZERO);
    // Thousands within one bucket of a high level; then the earlier half is taken out, the earliest first.
    let dues: Vec<u64> = (0..4_000).map(|n| 100_000 * SECOND + n * 1_000_000).collect();
    let mut keys = Vec::new();
    for due in &dues {
        let entry = TIMERS.entry(*due);
        keys.push(entry.key());
        wheel.insert(entry, at(*due));
    }
    for key in &keys[..2_000] {
        assert!(wheel.remove(*key).is_some());
    }
    let truth = at(dues[2_000]);
    let mut steps = 0;
    loop {
        let told = wheel.next_deadline().unwrap();
        assert!(told <= truth);
        if told == truth {
            break;
        }
        assert_eq!(wheel.advance(told, |_| unreachable!("nothing is due yet")), 0);
        steps += 1;
        assert!(steps <= 9, "one step a level at most");
    }
    assert_eq!(advance(&mut wheel, dues[2_000]), [dues[2_000]]);
}

#[test]
fn a_handler_that_panics_loses_nothing() {
    let mut wheel = Wheel::new(HrTime::ZERO);
    let last = TIMERS.entry(4);
    let key = last.key();
    wheel.insert(last, at(4));
    for due in [1, 2, 3] {
        insert(&mut wheel, due);
    }
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        wheel.advance(at(10), |entry| assert!(*entry != 2, "on purpose"));
    }));
    assert!(outcome.is_err());
    assert_eq!(wheel.len(), 2);
    assert_eq!(wheel.next_deadline(), Some(at(3)));
    assert!(wheel.remove(key).is_some(), "what is due but not handed out can still be taken out");
    assert_eq!(advance(&mut wheel, 10), [3]);
}

#[test]
fn a_sweep_meets_in_one_round_all_that_stays_whatever_moves_meanwhile() {
    let mut wheel = Wheel::new(HrTime::ZERO);
    let mut stays = HashSet::new();
    for n in 1..500 {
        insert(&mut wheel, 40 * SECOND + n * n * n * 1_000);
        stays.insert(40 * SECOND + n * n * n * 1_000);
        insert(&mut wheel, n * 60_000_000);
    }
    let (mut now, mut met) = (0, HashSet::new());
    loop {
        // Time goes on during the round, so timers move to lower levels and come due.
        now += 300_000_000;
        advance(&mut wheel, now.min(39 * SECOND));
        insert(&mut wheel, now + 20 * SECOND);
        let sweep = wheel.sweep(
            9,
            |entry| {
                met.insert(**entry);
                false
            },
            |_| unreachable!(),
        );
        assert!(sweep.visited <= 9);
        if sweep.is_round_done {
            break;
        }
        assert!(now < 1_000 * SECOND, "the round must end");
    }
    assert!(stays.is_subset(&met), "missed {}", stays.difference(&met).count());
}

#[test]
fn a_sweep_goes_on_with_what_left_its_bucket_in_the_middle_of_it() {
    // In one bucket of each of the lowest levels; the time told in between empties that bucket, or part of
    // it.
    for (first, until) in
        [(3 * TICK, 3 * TICK + 10), (100 * TICK, 90 * TICK), (10_000 * TICK, 10_000 * TICK + 10)]
    {
        let mut wheel = Wheel::new(HrTime::ZERO);
        (0..40).for_each(|n| insert(&mut wheel, first + n));
        let mut met = HashSet::new();
        let mut look = |wheel: &mut Wheel<u64>, limit| {
            let sweep = wheel.sweep(
                limit,
                |entry| {
                    met.insert(**entry);
                    false
                },
                |_| unreachable!(),
            );
            sweep.is_round_done
        };
        assert!(!look(&mut wheel, 5));
        advance(&mut wheel, until);
        assert!(look(&mut wheel, 1_000));
        assert!((0..40).map(|n| first + n).filter(|due| *due > until).all(|due| met.contains(&due)));
    }
}

#[test]
fn a_sweep_meets_all_that_stays_while_its_neighbours_are_taken_out() {
    // All in one bucket, in many blocks of it. Each step takes out three of four around where the sweep stands, before it
    // and behind it, and puts some in: so blocks become empty, are joined and closed up under its feet.
    for limit in [1, 5, 29, 64] {
        let mut wheel = Wheel::new(HrTime::ZERO);
        let keys: Vec<_> = (0..3_000)
            .map(|n| {
                let entry = TIMERS.entry(n);
                let key = entry.key();
                wheel.insert(entry, at(100_000 * SECOND + n));
                key
            })
            .collect();
        let (mut met, mut gone, mut step) = (HashSet::new(), HashSet::new(), 0);
        loop {
            let sweep = wheel.sweep(
                limit,
                |entry| {
                    met.insert(**entry);
                    **entry % 11 == 3
                },
                |entry| {
                    gone.insert(*entry);
                },
            );
            if sweep.is_round_done {
                break;
            }
            let stands = met.len() + gone.len();
            for (n, key) in keys.iter().enumerate().take(stands + 70).skip(stands.saturating_sub(70)) {
                // Of some stretches all goes, of the others most.
                let goes = n / 90 % 3 == 0 || (n * 7 % 4 != 0 && (n + step) % 3 == 0);
                if goes && wheel.remove(*key).is_some() {
                    gone.insert(n as u64);
                }
            }
            for n in 0..u64::from(step % 50 == 0) * 3 {
                insert(&mut wheel, 100_000 * SECOND + 10_000 + n);
            }
            step += 1;
            assert!(step < 100_000, "the round must end");
        }
        let missed = (0..3_000).filter(|n| !gone.contains(n) && !met.contains(n)).count();
        assert_eq!(missed, 0, "looking at {limit} at a time");
        assert!(gone.len() > 1_000);
    }
}

#[test]
fn a_sweep_between_two_panics_still_meets_what_is_due() {
    let mut wheel = Wheel::new(HrTime::ZERO);
    (1..=40).for_each(|n| insert(&mut wheel, n));
    let mut fail = |until: u64| {
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            wheel.advance(at(100), |entry| assert!(*entry != until, "on purpose"));
        }));
        assert!(outcome.is_err());
        let mut met = Vec::new();
        let mut look = |entry: &ts_event::Entry<u64>| {
            met.push(**entry);
            false
        };
        // Half a round, and the rest of it in the next call.
        while !wheel.sweep(5, &mut look, |_| unreachable!()).is_round_done && until != 13 {}
        met
    };
    assert_eq!(fail(10).len(), 30);
    let first = fail(13);
    let second = fail(16);
    assert!((17..=40).all(|n| first.contains(&n) || second.contains(&n)), "{first:?} {second:?}");
    assert_eq!(advance(&mut wheel, 100), (17..=40).collect::<Vec<_>>());
}

#[test]
fn a_sweep_takes_out_what_is_dead_and_nothing_else() {
    let mut wheel = Wheel::new(HrTime::ZERO);
    for n in 0..300 {
        wheel.insert(TIMERS.entry(n), if n % 5 == 0 { HrTime::MAX } else { at(n * n * n * SECOND) });
    }
    let (mut out, mut rounds) = (Vec::new(), 0);
    while rounds < 2 {
        let sweep = wheel.sweep(10, |entry| **entry % 3 == 0, |entry| out.push(*entry));
        rounds += usize::from(sweep.is_round_done);
    }
    out.sort_unstable();
    assert_eq!(out, (0..300).step_by(3).collect::<Vec<_>>());
    assert_eq!(wheel.len(), 200);
}

#[test]
fn an_idle_sweep_ends_at_once() {
    let mut wheel = Wheel::<u64>::new(HrTime::ZERO);
    let sweep = wheel.sweep(100, |_| true, |_| unreachable!());
    assert!(sweep.is_round_done && sweep.visited == 0);
}

#[test]
fn a_dropped_wheel_drops_its_timers() {
    let mut wheel = Wheel::new(HrTime::ZERO);
    let keys: Vec<_> = (0..50)
        .map(|n| {
            let entry = TIMERS.entry(n);
            let key = entry.key();
            wheel.insert(entry, if n == 7 { HrTime::MAX } else { at(n << n) });
            key
        })
        .collect();
    drop(wheel);
    assert!(keys.iter().all(|key| !key.is_live()));
}

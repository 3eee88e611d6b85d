//! The wheel against a sorted map: whatever is put in, taken out, called off and waited for, in whatever
//! order.
#![cfg(not(loom))]

use std::collections::BTreeMap;

use proptest::prelude::*;
use ts_event::{Entry, HrTime, Key, Slots, Wheel};

static TIMERS: Slots<u64> = Slots::new();

/// What happens next. Times are relative to the wheel's, since what is near matters most.
#[derive(Clone, Debug)]
enum Step {
    Insert {
        delay: i128,
    },
    InsertAt(u64),
    /// As many with a time near each other's: they share a bucket, and blocks in it.
    InsertMany {
        delay: u64,
        apart: u64,
        count: usize,
    },
    Remove(usize),
    /// Of all that were ever put in, from the number on, those at these steps.
    RemoveMany {
        from: usize,
        step: usize,
        count: usize,
    },
    PopAny,
    CallOff(usize),
    Advance(u64),
    AdvanceToDeadline {
        minus: u64,
    },
    Sweep {
        limit: usize,
    },
}

/// Lengths of time from nanoseconds to centuries, all magnitudes alike.
fn length() -> impl Strategy<Value = u64> {
    (0u32..64, any::<u64>()).prop_map(|(bits, random)| random >> (63 - bits))
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => length().prop_map(|delay| Step::Insert { delay: i128::from(delay) }),
        3 => (0u64..200_000).prop_map(|delay| Step::Insert { delay: i128::from(delay) }),
        1 => length().prop_map(|delay| Step::Insert { delay: -i128::from(delay) }),
        1 => prop_oneof![Just(u64::MAX), Just(u64::MAX - 1), Just(0), any::<u64>()].prop_map(Step::InsertAt),
        2 => (length(), 0u64..2_000, 1usize..120)
            .prop_map(|(delay, apart, count)| Step::InsertMany { delay, apart, count }),
        3 => any::<usize>().prop_map(Step::Remove),
        2 => (any::<usize>(), 1usize..4, 1usize..120)
            .prop_map(|(from, step, count)| Step::RemoveMany { from, step, count }),
        1 => Just(Step::PopAny),
        1 => any::<usize>().prop_map(Step::CallOff),
        1 => length().prop_map(Step::Advance),
        2 => (0u64..100_000).prop_map(Step::Advance),
        3 => (0u64..3).prop_map(|minus| Step::AdvanceToDeadline { minus }),
        1 => (0usize..20).prop_map(|limit| Step::Sweep { limit }),
    ]
}

/// Timers by deadline and order of arrival.
#[derive(Default)]
struct Model {
    timers: BTreeMap<(u64, u64), Key<u64>>,
    /// By number: the key, and the deadline.
    all: Vec<(Key<u64>, u64)>,
}

impl Model {
    fn due(&mut self, now: u64) -> Vec<u64> {
        let due: Vec<_> = self
            .timers
            .range(..=(now, u64::MAX))
            .map(|(at, _)| *at)
            .filter(|(at, _)| *at != u64::MAX)
            .collect();
        for at in &due {
            self.timers.remove(at);
        }
        due.into_iter().map(|(_, number)| number).collect()
    }

    /// Notes a timer that is put in, and makes it.
    fn insert(&mut self, due: u64) -> Entry<u64> {
        let number = self.all.len() as u64;
        let entry = TIMERS.entry(number);
        self.timers.insert((due, number), entry.key());
        self.all.push((entry.key(), due));
        entry
    }

    fn next_deadline(&self) -> Option<u64> {
        self.timers.keys().next().map(|(at, _)| *at).filter(|at| *at != u64::MAX)
    }
}

/// Among many a removal may leave the deadline a lower bound; among few it is exact.
fn check_deadline(wheel: &mut Wheel<u64>, model: &Model) -> Result<(), TestCaseError> {
    let (told, truth) = (wheel.next_deadline(), model.next_deadline().map(HrTime::from_nanos));
    if model.timers.len() <= 64 {
        prop_assert_eq!(told, truth);
    } else {
        prop_assert!(told.is_some() == truth.is_some() && told <= truth, "{told:?} for {truth:?}");
    }
    Ok(())
}

fn check(start: u64, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let at = HrTime::from_nanos;
    let mut now = start;
    let mut wheel = Wheel::new(at(now));
    let mut model = Model::default();
    for step in steps {
        let mut advance_to = None;
        match step {
            Step::Insert { .. } | Step::InsertAt(_) => {
                let due = match step {
                    Step::Insert { delay } => (i128::from(now) + delay).clamp(0, i128::from(u64::MAX)) as u64,
                    Step::InsertAt(due) => due,
                    _ => unreachable!(),
                };
                wheel.insert(model.insert(due), at(due));
            }
            Step::InsertMany { delay, apart, count } => {
                for n in 0..count as u64 {
                    // Back and forth, so that they do not come in the order of their times.
                    let due = now.saturating_add(delay).saturating_add((n * 37 % 64) * apart);
                    wheel.insert(model.insert(due), at(due));
                }
            }
            Step::RemoveMany { from, step, count } => {
                let Some(from) = from.checked_rem(model.all.len()) else { continue };
                for number in (from..model.all.len()).step_by(step).take(count) {
                    let (key, due) = model.all[number];
                    let was_there = model.timers.remove(&(due, number as u64)).is_some();
                    prop_assert_eq!(
                        wheel.remove(key).map(|entry| *entry),
                        was_there.then_some(number as u64)
                    );
                }
            }
            Step::PopAny => {
                let popped = wheel.pop_any().map(|entry| *entry);
                prop_assert_eq!(popped.is_some(), !model.timers.is_empty());
                if let Some(number) = popped {
                    let due = model.all[number as usize].1;
                    prop_assert!(model.timers.remove(&(due, number)).is_some());
                }
            }
            Step::Remove(which) => {
                let Some(number) = which.checked_rem(model.all.len()) else { continue };
                let (key, due) = model.all[number];
                let was_there = model.timers.remove(&(due, number as u64)).is_some();
                let removed = wheel.remove(key).map(|entry| *entry);
                prop_assert_eq!(removed, was_there.then_some(number as u64));
            }
            Step::CallOff(which) => {
                let Some(number) = which.checked_rem(model.all.len()) else { continue };
                // It stays where it is: whoever owns the wheel meets it there.
                let _ = model.all[number].0.call_off();
            }
            Step::Advance(by) => advance_to = Some(now.saturating_add(by)),
            Step::AdvanceToDeadline { minus } => {
                advance_to = model.next_deadline().map(|next| next.saturating_sub(minus).max(now));
            }
            Step::Sweep { limit } => {
                let mut seen = 0;
                let sweep = wheel.sweep(
                    limit,
                    |entry| {
                        seen += 1;
                        entry.is_called_off()
                    },
                    |entry| {
                        model.timers.remove(&(model.all[*entry as usize].1, *entry));
                    },
                );
                prop_assert_eq!(sweep.visited, seen);
                prop_assert!(seen <= limit);
            }
        }
        if let Some(to) = advance_to {
            now = to;
            let mut fired = Vec::new();
            let count = wheel.advance(at(now), |entry| fired.push(*entry));
            prop_assert_eq!(count, fired.len());
            prop_assert_eq!(fired, model.due(now), "at {}", now);
        }
        prop_assert_eq!(wheel.len(), model.timers.len());
        check_deadline(&mut wheel, &model)?;
    }
    // Two rounds: the first may have begun in the middle.
    let mut met = std::collections::BTreeSet::new();
    for _ in 0..2 {
        let mut look = |entry: &Entry<u64>| {
            met.insert(**entry);
            false
        };
        while !wheel.sweep(7, &mut look, |_| unreachable!()).is_round_done {}
    }
    prop_assert_eq!(met.len(), wheel.len(), "a round meets everything");
    let mut rest = 0;
    while wheel.pop_any().is_some() {
        rest += 1;
    }
    prop_assert_eq!(rest, model.timers.len());
    prop_assert!(wheel.is_empty() && wheel.next_deadline().is_none());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_wheel_does_what_a_sorted_map_does(start in length(), steps in prop::collection::vec(step(), 1..200)) {
        check(start, steps)?;
    }
}

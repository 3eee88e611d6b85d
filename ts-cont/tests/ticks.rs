//! When periodic events run, held to plain arithmetic: whatever the handler's delays, to the nanosecond of virtual time.

#![cfg(not(loom))]

use proptest::prelude::*;
use std::cell::RefCell;
use std::time::Duration;
use ts_cont::simulate::{Simulation, pass};
use ts_cont::{Continuation, EventType, HrTime, Message, MissedTicks, ProxyMutex};

thread_local! {
    static STARTS: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// Runs a periodic event whose handler takes these times, one after the other; returns when it began.
fn observed(period: u64, policy: MissedTicks, takes: Vec<u64>) -> Vec<u64> {
    let simulation = Simulation::new(1);
    let processor = simulation.processor();
    processor.spawn_event_threads(EventType::NET, 1, 0).unwrap();
    STARTS.take();
    let clock = processor.clock().clone();
    let mut left = takes.into_iter();
    let slow = Continuation::new(&ProxyMutex::new(), move |event| {
        STARTS.with_borrow_mut(|starts| starts.push(clock.now().as_nanos()));
        match left.next() {
            Some(takes) => pass(Duration::from_nanos(takes)).unwrap(),
            None => drop(event.action().unwrap().cancel()),
        }
    });
    let message = Message::default().missed_ticks(policy);
    processor.schedule_every(&slow, Duration::from_nanos(period), EventType::NET, message).unwrap();
    simulation.run_to_end();
    STARTS.take()
}

/// The same by the words of [`MissedTicks`], counted out tick by tick.
fn expected(period: u64, policy: MissedTicks, takes: &[u64]) -> Vec<u64> {
    let (mut due, mut free, mut starts) = (period, 0, Vec::new());
    for takes in takes.iter().copied().chain([0]) {
        let start = due.max(free);
        starts.push(start);
        free = start + takes;
        match policy {
            MissedTicks::Delay => due = free + period,
            MissedTicks::Burst => due += period,
            MissedTicks::Skip => {
                due += period;
                while due <= free {
                    due += period;
                }
            }
        }
    }
    starts
}

fn policy() -> impl Strategy<Value = MissedTicks> {
    prop_oneof![Just(MissedTicks::Delay), Just(MissedTicks::Skip), Just(MissedTicks::Burst)]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn ticks_come_when_the_policy_says(
        period in prop_oneof![1_u64..2_000, 1_000_000_u64..90_000_000_000],
        policy in policy(),
        takes in proptest::collection::vec((0_u64..8, 0_u64..=1_000), 0..12),
    ) {
        // Quarters of a period, and a little more or nothing more: the edges are where rules differ.
        let takes: Vec<_> = takes.into_iter().map(|(quarters, more)| period * quarters / 4 + more % 2).collect();
        let expected = expected(period, policy, &takes);
        prop_assert_eq!(observed(period, policy, takes), expected);
    }

    #[test]
    fn a_timer_runs_at_its_time_and_a_delay_ends_exactly_when_it_is_over(
        delays in proptest::collection::vec(0_u64..500_000_000_000, 1..20),
    ) {
        let simulation = Simulation::new(1);
        let processor = simulation.processor();
        processor.spawn_event_threads(EventType::NET, 2, 0).unwrap();
        STARTS.take();
        let clock = processor.clock().clone();
        let late = Continuation::shared(move |event| {
            assert_eq!(event.cookie() as u64, clock.now().as_nanos());
            STARTS.with_borrow_mut(|starts| starts.push(clock.now().as_nanos()));
        });
        for (index, delay) in delays.iter().enumerate() {
            let message = Message::default().cookie(*delay as usize);
            if index % 2 == 0 {
                processor.schedule_in(&late, Duration::from_nanos(*delay), EventType::NET, message).unwrap();
            } else {
                processor.schedule_at(&late, HrTime::from_nanos(*delay), EventType::NET, message).unwrap();
            }
        }
        simulation.run_to_end();
        let mut sorted = delays.clone();
        sorted.sort_unstable();
        prop_assert_eq!(STARTS.take(), sorted);
        prop_assert!(!late.is_destroyed());
    }
}

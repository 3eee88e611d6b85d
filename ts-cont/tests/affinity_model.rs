//! Which thread gets an event, held to a model of a few lines: the four scenarios, schedules without a pool, and turns.

#![cfg(not(loom))]

use proptest::prelude::*;
use std::cell::RefCell;
use std::time::Duration;
use ts_cont::simulate::Simulation;
use ts_cont::{Continuation, EventProcessor, EventType, Here};

type Place = (EventType, usize);

thread_local! {
    static RAN_ON: RefCell<Vec<Place>> = const { RefCell::new(Vec::new()) };
}

#[derive(Debug, Clone)]
enum Step {
    Prefer(usize, usize),
    Forget,
    /// From a thread, or from outside; on a group, or on none.
    Schedule {
        from: Option<(usize, usize)>,
        on: Option<usize>,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => (0_usize..3, 0_usize..4).prop_map(|(group, index)| Step::Prefer(group, index)),
        1 => Just(Step::Forget),
        4 => (proptest::option::of((0_usize..3, 0_usize..4)), proptest::option::of(0_usize..3))
            .prop_map(|(from, on)| Step::Schedule { from, on }),
    ]
}

/// What the documents say, by group and place in it.
struct Model {
    counts: Vec<usize>,
    turns: Vec<usize>,
    affinity: Option<(usize, usize)>,
}

impl Model {
    fn schedule(&mut self, from: Option<(usize, usize)>, on: Option<usize>) -> (usize, usize) {
        let follows = self.affinity.filter(|affinity| on.is_none_or(|group| group == affinity.0));
        let caller = from.filter(|from| self.affinity.is_none() && on.is_none_or(|group| group == from.0));
        let chosen = follows.or(caller).unwrap_or_else(|| {
            let group = on.unwrap_or(0);
            let index = self.turns[group] % self.counts[group];
            // A group of one has no turns to take.
            self.turns[group] += 1;
            (group, index)
        });
        self.affinity.get_or_insert(chosen);
        chosen
    }
}

fn thread(
    processor: &EventProcessor,
    groups: &[EventType],
    (group, index): (usize, usize),
) -> ts_cont::EThread {
    let threads = processor.threads(groups[group]);
    threads[index % threads.len()].clone()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_thread_and_the_affinity_are_those_of_the_model(
        counts in proptest::collection::vec(1_usize..4, 3),
        steps in proptest::collection::vec(step(), 1..40),
    ) {
        let simulation = Simulation::new(1);
        let processor = simulation.processor();
        let mut groups = vec![EventType::NET];
        groups.extend(["ET_ONE", "ET_TWO"].map(|name| processor.register_event_type(name).unwrap()));
        for (group, count) in groups.iter().zip(&counts) {
            processor.spawn_event_threads(*group, *count, 0).unwrap();
        }
        simulation.run_ready();
        let place = |group: usize, index: usize| (group, index % counts[group]);
        let mut model = Model { counts: counts.clone(), turns: vec![0; 3], affinity: None };
        let roaming = Continuation::shared(|event| {
            let thread = event.here().unwrap().thread();
            RAN_ON.with_borrow_mut(|ran| ran.push((thread.group().unwrap(), thread.index())));
        });
        for step in steps {
            match step {
                Step::Prefer(group, index) => {
                    roaming.set_affinity(&thread(processor, &groups, (group, index)));
                    model.affinity = Some(place(group, index));
                }
                Step::Forget => {
                    roaming.clear_affinity();
                    model.affinity = None;
                }
                Step::Schedule { from, on } => {
                    let wanted = on.map(|group| groups[group]);
                    let schedule = {
                        let (processor, roaming) = (processor.clone(), roaming.clone());
                        move || {
                            let explained = processor.explain(&roaming, wanted);
                            match wanted {
                                Some(group) => processor.schedule_imm(&roaming, group, ()).unwrap(),
                                None => processor.schedule(&roaming, Duration::ZERO, ()).unwrap(),
                            };
                            let goes = explained.thread.or(processor.explain(&roaming, wanted).thread);
                            assert!(!explained.becomes_affinity || goes.is_some());
                        }
                    };
                    match from {
                        Some(from) => EventProcessor::run_on(
                            &thread(processor, &groups, from),
                            move |_: &Here| schedule(),
                        ),
                        None => schedule(),
                    }
                    simulation.run_ready();
                    let (group, index) = model.schedule(from.map(|(group, index)| place(group, index)), on);
                    prop_assert_eq!(RAN_ON.take(), [(groups[group], index)]);
                }
            }
            let affinity = roaming.affinity().map(|thread| (thread.group().unwrap(), thread.index()));
            prop_assert_eq!(affinity, model.affinity.map(|(group, index)| (groups[group], index)));
        }
    }
}

//! Which thread gets an event: the documented scenarios, every row of the table, and an explanation that comes true.

#![cfg(not(loom))]

mod support;

use std::time::Duration;
use support::{From, Log, MILLI, World};
use ts_cont::affinity::{Caller, Choice, Reason, ThreadRef, choose};
use ts_cont::{
    Action, Continuation, EThread, EventProcessor, EventType, Here, Message, ProxyMutex, Refusal,
    ScheduleError,
};

const NET: EventType = EventType::NET;

/// Two network threads and two task threads.
fn pools(world: &World) -> EventType {
    let task = world.processor().spawn_event_threads("ET_TASK", 2, 0).unwrap();
    world.started(task);
    task
}

/// Logs on which thread it runs.
fn whereabouts(log: &Log<EThread>) -> Continuation {
    let log = log.clone();
    Continuation::new(&ProxyMutex::new(), move |event| log.push(event.here().unwrap().thread().clone()))
}

/// Schedules from a task thread and returns where the handler ran.
fn schedule_from_task(world: &World, task: EventType, continuation: &Continuation, wanted: EventType) {
    let (processor, target) = (world.processor().clone(), continuation.clone());
    let caller = world.processor().threads(task)[0].clone();
    world.on(&caller, move || processor.schedule_in(&target, MILLI, wanted, ()).unwrap());
}

#[test]
fn scenario_1_no_affinity_and_a_caller_of_another_type_the_next_in_turn_becomes_the_affinity() {
    World::both(2, |world| {
        let task = pools(&world);
        let log = Log::new();
        let mut threads = Vec::new();
        for round in 1..=4 {
            let continuation = whereabouts(&log);
            schedule_from_task(&world, task, &continuation, NET);
            let ran_on = world.wait(&log, round).pop().unwrap();
            assert_eq!(ran_on.group(), Some(NET));
            assert_eq!(continuation.affinity(), Some(ran_on.clone()));
            threads.push(ran_on);
        }
        assert_ne!(threads[0], threads[1], "threads take turns");
        assert_eq!(threads[..2], threads[2..]);
    });
}

#[test]
fn scenario_2_no_affinity_and_a_caller_of_the_wanted_type_the_caller_becomes_the_affinity() {
    World::both(2, |world| {
        let task = pools(&world);
        let log = Log::new();
        for round in 1..=3 {
            let continuation = whereabouts(&log);
            schedule_from_task(&world, task, &continuation, task);
            let caller = world.processor().threads(task)[0].clone();
            assert_eq!(world.wait(&log, round).pop(), Some(caller.clone()));
            assert_eq!(continuation.affinity(), Some(caller));
        }
    });
}

#[test]
fn scenario_3_an_affinity_of_another_type_is_neither_used_nor_changed() {
    World::both(2, |world| {
        let task = pools(&world);
        let log = Log::new();
        let continuation = whereabouts(&log);
        let affinity = world.processor().threads(task)[0].clone();
        continuation.set_affinity(&affinity);
        for round in 1..=4 {
            schedule_from_task(&world, task, &continuation, NET);
            world.wait(&log, round);
            assert_eq!(continuation.affinity(), Some(affinity.clone()));
        }
        let threads = log.all();
        assert!(threads.iter().all(|thread| thread.group() == Some(NET)));
        assert_ne!(threads[0], threads[1], "threads take turns");
        // Whoever calls: a network thread is no more preferred than any other (the documents win over the original's code).
        let log = Log::new();
        let caller = world.thread(0);
        for round in 1..=4 {
            let continuation = whereabouts(&log);
            continuation.set_affinity(&affinity);
            let processor = world.processor().clone();
            world.on(&caller, move || processor.schedule_imm(&continuation, NET, ()).unwrap());
            world.wait(&log, round);
        }
        let mut indexes: Vec<_> = log.all().iter().map(EThread::index).collect();
        indexes.sort_unstable();
        assert_eq!(indexes, [0, 0, 1, 1], "it is round robin, whoever calls");
    });
}

#[test]
fn scenario_4_an_affinity_of_the_wanted_type_is_followed() {
    World::both(2, |world| {
        let task = pools(&world);
        let log = Log::new();
        let continuation = whereabouts(&log);
        let affinity = world.processor().threads(task)[1].clone();
        continuation.set_affinity(&affinity);
        for round in 1..=3 {
            schedule_from_task(&world, task, &continuation, task);
            assert_eq!(world.wait(&log, round).pop(), Some(affinity.clone()));
            assert_eq!(continuation.affinity(), Some(affinity.clone()));
        }
    });
}

/// References to a network thread and a task thread, by the only way there is to get one: being asked from them.
fn references(world: &World, task: EventType) -> [(ThreadRef, EThread); 2] {
    [NET, task].map(|group| {
        let thread = world.processor().threads(group)[1].clone();
        let continuation = whereabouts(&Log::new());
        continuation.set_affinity(&thread);
        let choice = world.processor().explain(&continuation, Some(group));
        (choice.thread.expect("an affinity of the wanted group is followed"), thread)
    })
}

#[test]
fn every_row_of_the_table_is_as_documented() {
    let world = World::simulated(1, 2);
    let task = pools(&world);
    let [(net_thread, _), (task_thread, _)] = references(&world, task);
    let affinities = [None, Some(net_thread), Some(task_thread)];
    let callers = [Caller::Guest, Caller::EventThread(net_thread), Caller::EventThread(task_thread)];
    let mut rows = 0;
    for affinity in affinities {
        for caller in callers {
            for wanted in [None, Some(NET), Some(task)] {
                let caller_thread = match caller {
                    Caller::EventThread(thread) => Some(thread),
                    Caller::Guest => None,
                };
                let expected = match (affinity, wanted) {
                    // No pool: the affinity wherever it points, else the caller, else the next network thread.
                    (Some(affinity), None) => (affinity.group(), Some(affinity), false, Reason::Affinity),
                    (None, None) => match caller_thread {
                        Some(caller) => (caller.group(), Some(caller), true, Reason::Caller),
                        None => (NET, None, true, Reason::InTurn),
                    },
                    (Some(affinity), Some(group)) if affinity.group() == group => {
                        (group, Some(affinity), false, Reason::Affinity)
                    }
                    (Some(_), Some(group)) => (group, None, false, Reason::InTurnAffinityElsewhere),
                    (None, Some(group)) => match caller_thread.filter(|caller| caller.group() == group) {
                        Some(caller) => (group, Some(caller), true, Reason::Caller),
                        None => (group, None, true, Reason::InTurn),
                    },
                };
                let (group, thread, becomes_affinity, reason) = expected;
                assert_eq!(
                    choose(affinity, caller, wanted),
                    Choice { group, thread, becomes_affinity, reason },
                    "affinity {affinity:?}, caller {caller:?}, wanted {wanted:?}"
                );
                rows += 1;
            }
        }
    }
    assert_eq!(rows, 27);
}

#[derive(Debug, Clone, Copy)]
enum Origin {
    Net,
    Task,
    Guest,
    Foreign,
}

#[test]
fn what_explain_says_is_what_then_happens() {
    World::both(2, |world| {
        let task = pools(&world);
        let log = Log::new();
        let mut runs = 0;
        for origin in [Origin::Net, Origin::Task, Origin::Guest, Origin::Foreign] {
            for affinity in [None, Some(NET), Some(task)] {
                for wanted in [None, Some(NET), Some(task)] {
                    let row = format!("{origin:?} calls, affinity {affinity:?}, wanted {wanted:?}");
                    let continuation = whereabouts(&log);
                    let affinity = affinity.map(|group| world.processor().threads(group)[1].clone());
                    if let Some(thread) = &affinity {
                        continuation.set_affinity(thread);
                    }
                    let call = {
                        let (processor, target) = (world.processor().clone(), continuation.clone());
                        move || {
                            let choice = processor.explain(&target, wanted);
                            assert_eq!(choice, processor.explain(&target, wanted), "asking changes nothing");
                            let scheduled = match wanted {
                                Some(group) => processor.schedule_imm(&target, group, ()),
                                None => processor.schedule(&target, Duration::ZERO, ()),
                            };
                            scheduled.unwrap();
                            choice
                        }
                    };
                    let (caller, choice) = match origin {
                        Origin::Net => (Some(world.thread(0)), world.at(From::First, call)),
                        Origin::Task => {
                            let caller = world.processor().threads(task)[0].clone();
                            (Some(caller.clone()), world.on(&caller, call))
                        }
                        Origin::Guest => (None, world.at(From::Guest, call)),
                        Origin::Foreign => (None, world.at(From::Foreign, call)),
                    };
                    runs += 1;
                    let ran_on = world.wait(&log, runs).pop().unwrap();
                    assert_eq!(ran_on.group(), Some(choice.group), "{row}");
                    if let Some(thread) = choice.thread {
                        assert_eq!(
                            (ran_on.group(), ran_on.index()),
                            (Some(thread.group()), thread.index()),
                            "{row}"
                        );
                    }
                    match choice.reason {
                        Reason::Affinity => assert_eq!(Some(&ran_on), affinity.as_ref(), "{row}"),
                        Reason::Caller => assert_eq!(Some(&ran_on), caller.as_ref(), "{row}"),
                        Reason::InTurn => assert!(affinity.is_none(), "{row}"),
                        _ => assert_ne!(affinity.as_ref().and_then(EThread::group), wanted, "{row}"),
                    }
                    let afterwards = if choice.becomes_affinity { Some(ran_on) } else { affinity };
                    assert_eq!(continuation.affinity(), afterwards, "{row}");
                    assert!(!choice.reason.to_string().is_empty());
                }
            }
        }
    });
}

#[test]
fn a_guest_without_affinity_gets_the_next_network_thread() {
    World::both(2, |world| {
        let log = Log::new();
        for round in 1..=2 {
            let (processor, continuation) = (world.processor().clone(), whereabouts(&log));
            let target = continuation.clone();
            world.at(From::Guest, move || processor.schedule(&target, Duration::ZERO, ()).unwrap());
            world.wait(&log, round);
            assert_eq!(continuation.affinity(), log.all().pop());
        }
        let threads = log.all();
        assert_ne!(threads[0], threads[1]);
    });
}

#[test]
fn scheduling_on_a_thread_neither_uses_nor_changes_the_affinity() {
    type Call = fn(&EThread, &Continuation) -> Result<Action, ScheduleError>;
    let calls: [Call; 5] = [
        |thread, c| thread.schedule_imm(c, ()),
        |thread, c| thread.schedule_in(c, MILLI, ()),
        |thread, c| thread.schedule_at(c, ts_cont::HrTime::ZERO, ()),
        |thread, c| thread.schedule_every(c, MILLI, ()),
        |thread, c| thread.schedule_poll(c, 0, ()),
    ];
    World::both(2, |world| {
        for call in calls {
            for affinity in [None, Some(world.thread(0))] {
                let log = Log::new();
                let continuation = Continuation::new(&ProxyMutex::new(), {
                    let log = log.clone();
                    move |event| {
                        event.action().unwrap().cancel();
                        log.push(event.here().unwrap().thread().clone());
                    }
                });
                if let Some(thread) = &affinity {
                    continuation.set_affinity(thread);
                }
                call(&world.thread(1), &continuation).unwrap();
                assert_eq!(world.wait(&log, 1), [world.thread(1)]);
                assert_eq!(continuation.affinity(), affinity);
            }
        }
    });
}

#[test]
fn an_affinity_can_be_set_and_forgotten_from_any_thread() {
    World::both(2, |world| {
        for from in From::ALL {
            let (continuation, thread) = (whereabouts(&Log::new()), world.thread(1));
            let (target, wanted) = (continuation.clone(), thread.clone());
            world.at(from, move || target.set_affinity(&wanted));
            assert_eq!(continuation.affinity(), Some(thread));
            let target = continuation.clone();
            world.at(from, move || target.clear_affinity());
            assert_eq!(continuation.affinity(), None);
        }
    });
}

#[test]
fn an_affinity_to_another_processor_is_left_out() {
    World::both(2, |world| {
        let other = EventProcessor::builder().build();
        other.spawn_event_threads(NET, 1, 0).unwrap();
        let log = Log::new();
        let continuation = whereabouts(&log);
        continuation.set_affinity(&other.threads(NET)[0]);
        world.processor().schedule_imm(&continuation, NET, ()).unwrap();
        let ran_on = world.wait(&log, 1).pop().unwrap();
        assert!(world.processor().threads(NET).contains(&ran_on));
        other.shutdown(ts_cont::ShutdownOptions::default());
    });
}

#[test]
fn an_event_thread_of_another_processor_calls_like_a_guest() {
    let mine = World::real(2);
    let other = World::real(1);
    let log = Log::new();
    let continuation = whereabouts(&log);
    let (processor, target) = (mine.processor().clone(), continuation.clone());
    other.at(From::First, move || processor.schedule(&target, Duration::ZERO, ()).unwrap());
    let ran_on = log.wait(1).pop().unwrap();
    assert!(mine.processor().threads(NET).contains(&ran_on));
    assert_eq!(continuation.affinity(), Some(ran_on));
    other.end();
    mine.end();
}

#[test]
fn a_refused_schedule_leaves_the_affinity_alone() {
    World::both(2, |world| {
        let continuation = whereabouts(&Log::new());
        let processor = world.processor();
        let refused = processor.schedule_every(&continuation, Duration::ZERO, NET, ());
        assert_eq!(refused.unwrap_err().refusal(), Refusal::ZeroPeriod);
        assert_eq!(continuation.affinity(), None);
        let unknown = processor.schedule_imm(&continuation, EventType::new(20), Message::default());
        assert_eq!(unknown.unwrap_err().refusal(), Refusal::UnknownGroup(EventType::new(20)));
        assert_eq!(continuation.affinity(), None);
        let _ = processor.explain(&continuation, Some(NET));
        assert_eq!(continuation.affinity(), None);
    });
}

#[test]
fn a_thread_that_starts_is_a_caller_of_its_own_group() {
    // Its group is not up before all its threads are, and yet the rules hold.
    for simulated in [false, true] {
        let world = if simulated { World::simulated(3, 1) } else { World::real(1) };
        let log = Log::new();
        let task = world.processor().register_event_type("ET_TASK").unwrap();
        let run = log.clone();
        world
            .processor()
            .schedule_spawn_fn(task, move |here| {
                if here.thread().index() != 2 {
                    return;
                }
                let (mine, run) = (here.thread().clone(), run.clone());
                let continuation = Continuation::new(&ProxyMutex::new(), move |event| {
                    run.push((mine.clone(), event.here().unwrap().thread().clone()));
                });
                assert!(Here::current().is_some());
                here.processor().schedule_imm(&continuation, task, ()).unwrap();
                assert_eq!(continuation.affinity().unwrap_or_else(|| here.thread().clone()), *here.thread());
            })
            .unwrap();
        world.processor().spawn_event_threads(task, 4, 0).unwrap();
        for (wanted, ran_on) in world.wait(&log, 1) {
            assert_eq!(ran_on, wanted);
        }
        world.end();
    }
}

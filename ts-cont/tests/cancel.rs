//! Cancelling: from anywhere, at any time, any number of times, and always with an answer that holds.

#![cfg(not(loom))]

mod support;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;
use support::{Busy, From, HOUR, Holder, Log, MILLI, World, cookie, counting};
use ts_cont::simulate::{self, Simulation};
use ts_cont::{
    Action, Cancel, Continuation, Destroyed, EThread, EventProcessor, EventType, Here, Message, ProxyMutex,
    RearmError, ShutdownOptions,
};

const NET: EventType = EventType::NET;
const DEADLINE: Duration = Duration::from_secs(30);

/// A message whose end is seen.
fn witnessed(drops: &Log<usize>, number: usize) -> Message {
    cookie(number).data(drops.on_drop(number))
}

/// The answers to two cancels in a row.
fn twice(world: &World, from: From, action: Action) -> (Cancel, Cancel) {
    world.at(from, move || (action.cancel(), action.cancel()))
}

#[test]
fn a_timer_is_cancelled_from_every_kind_of_thread_and_leaves_the_wheel_at_once() {
    World::both(2, |world| {
        for from in From::ALL {
            let (log, drops) = (Log::new(), Log::new());
            let continuation = counting(&log);
            let action = world.thread(0).schedule_in(&continuation, HOUR, witnessed(&drops, 1)).unwrap();
            world.settle();
            assert!(action.is_pending() && !action.is_done());
            assert_eq!(
                twice(&world, from, action),
                (Cancel::Cancelled, Cancel::AlreadyCancelled),
                "{from:?}"
            );
            world.settle();
            assert_eq!(drops.all(), [1], "it is out of the queue without time passing, {from:?}");
            assert!(!action.is_pending());
            world.run_for(2 * HOUR);
            assert!(log.is_empty(), "{from:?}");
        }
        assert_eq!(world.end().cancelled, 0);
    });
}

#[test]
fn a_periodic_event_is_cancelled_from_every_kind_of_thread() {
    World::both(2, |world| {
        for from in From::ALL {
            let (log, drops) = (Log::new(), Log::new());
            let continuation = counting(&log);
            let message = witnessed(&drops, 1);
            let action = world.thread(0).schedule_every(&continuation, 2 * MILLI, message).unwrap();
            world.wait(&log, 3);
            let (first, second) = twice(&world, from, action);
            assert!(matches!(first, Cancel::Cancelled | Cancel::Running), "{from:?}: {first:?}");
            assert_ne!(second, Cancel::Cancelled);
            world.wait(&drops, 1);
            let runs = log.len();
            world.run_for(HOUR);
            assert_eq!(log.len(), runs, "{from:?}");
            assert!(!action.is_pending());
        }
    });
}

#[test]
fn a_poll_event_is_cancelled_from_every_kind_of_thread() {
    World::both(2, |world| {
        for from in From::ALL {
            let (log, drops) = (Log::new(), Log::new());
            let continuation = counting(&log);
            let action = world.thread(0).schedule_poll(&continuation, 1, witnessed(&drops, 1)).unwrap();
            world.wait(&log, 2);
            let (first, second) = twice(&world, from, action);
            assert!(matches!(first, Cancel::Cancelled | Cancel::Running), "{from:?}: {first:?}");
            assert_ne!(second, Cancel::Cancelled);
            world.wait(&drops, 1);
            let runs = log.len();
            world.run_for(MILLI * 100);
            assert_eq!(log.len(), runs, "{from:?}");
        }
    });
}

#[test]
fn an_event_in_the_inbox_of_a_busy_thread_is_cancelled_from_elsewhere() {
    for from in [From::Second, From::Guest, From::Foreign] {
        let world = World::real(2);
        let (log, drops) = (Log::new(), Log::new());
        let continuation = counting(&log);
        let busy = Busy::make(&world.thread(0));
        let now = world.thread(0).schedule_imm(&continuation, witnessed(&drops, 1)).unwrap();
        let later = world.thread(0).schedule_in(&continuation, MILLI, witnessed(&drops, 2)).unwrap();
        for action in [now, later] {
            assert_eq!(twice(&world, from, action), (Cancel::Cancelled, Cancel::AlreadyCancelled));
        }
        busy.release();
        drops.wait(2);
        world.settle();
        assert!(log.is_empty());
        world.end();
    }
}

#[test]
fn an_event_in_the_inbox_is_cancelled_by_its_own_thread() {
    let world = World::real(1);
    let (log, drops) = (Log::new(), Log::new());
    let continuation = counting(&log);
    let (target, message) = (continuation.clone(), witnessed(&drops, 1));
    let thread = world.thread(0);
    let answer = world.on(&world.thread(0), move || {
        // Scheduled elsewhere while this thread is here, so it is in the inbox.
        let action =
            std::thread::spawn(move || thread.schedule_imm(&target, message).unwrap()).join().unwrap();
        (action.cancel(), action.cancel(), action.is_done())
    });
    assert_eq!(answer, (Cancel::Cancelled, Cancel::AlreadyCancelled, false));
    drops.wait(1);
    world.settle();
    assert!(log.is_empty());
    world.end();
}

#[test]
fn a_ready_event_is_cancelled_by_its_own_thread() {
    World::both(1, |world| {
        let (log, drops) = (Log::new(), Log::new());
        let (continuation, message) = (counting(&log), witnessed(&drops, 1));
        let seen = drops.clone();
        let answer = world.on(&world.thread(0), move || {
            let action = Here::current().unwrap().schedule_imm(&continuation, message).unwrap();
            let answer = (action.cancel(), seen.len(), action.cancel());
            drop(continuation);
            answer
        });
        assert_eq!(answer, (Cancel::Cancelled, 1, Cancel::AlreadyCancelled));
        world.settle();
        assert!(log.is_empty());
    });
}

#[test]
fn an_event_that_waits_for_a_mutex_is_cancelled_from_every_kind_of_thread() {
    World::both(2, |world| {
        for from in From::ALL {
            let (log, drops) = (Log::new(), Log::new());
            let continuation = counting(&log);
            let holder = Holder::hold(continuation.mutex().unwrap());
            let action = world.thread(0).schedule_imm(&continuation, witnessed(&drops, 1)).unwrap();
            let other = world.thread(0).schedule_imm(&continuation, witnessed(&drops, 2)).unwrap();
            world.settle();
            assert_eq!(
                twice(&world, from, action),
                (Cancel::Cancelled, Cancel::AlreadyCancelled),
                "{from:?}"
            );
            world.settle();
            assert_eq!(drops.all(), [1], "it no longer waits, {from:?}");
            holder.release();
            world.wait(&drops, 2);
            assert_eq!(log.all(), [2], "the other does not go with it");
            world.settle();
            assert!(other.is_done());
        }
    });
}

#[test]
fn a_mutex_that_only_cancelled_events_waited_for_is_not_waited_for() {
    let world = World::real(1);
    let log = Log::new();
    let continuation = counting(&log);
    let holder = Holder::hold(continuation.mutex().unwrap());
    let action = world.thread(0).schedule_imm(&continuation, ()).unwrap();
    world.settle();
    assert_eq!(action.cancel(), Cancel::Cancelled);
    let report = world.end();
    assert_eq!(report.stopped.len(), 1, "the thread has nothing to wait for: {report}");
    holder.release();
    assert!(log.is_empty());
}

#[test]
fn a_running_event_answers_so_from_inside_and_is_over_afterwards() {
    World::both(1, |world| {
        let answers = Log::new();
        let continuation = Continuation::new(&ProxyMutex::new(), {
            let answers = answers.clone();
            move |event| {
                let action = event.action().unwrap();
                assert!(action.is_pending() && !action.is_done());
                answers.push(action.cancel());
            }
        });
        let action = world.thread(0).schedule_imm(&continuation, ()).unwrap();
        assert_eq!(world.wait(&answers, 1), [Cancel::Running]);
        world.settle();
        assert!(matches!(action.cancel(), Cancel::AlreadyRan | Cancel::Stale));
        assert!(action.is_done());
    });
}

#[test]
fn a_running_event_answers_so_from_another_thread() {
    for from in [From::Second, From::Guest, From::Foreign] {
        for periodic in [false, true] {
            let world = World::real(2);
            let (inside, leave) = (Log::new(), mpsc::channel::<()>());
            let (leave, left) = (leave.0, leave.1);
            let rearm = Log::new();
            let continuation = Continuation::new(&ProxyMutex::new(), {
                let (inside, rearm) = (inside.clone(), rearm.clone());
                move |event| {
                    inside.push(event.action().unwrap());
                    let _ = left.recv();
                    if !periodic {
                        rearm.push(event.reschedule_imm());
                    }
                }
            });
            let action = if periodic {
                world.thread(0).schedule_every(&continuation, MILLI, ())
            } else {
                world.thread(0).schedule_imm(&continuation, ())
            }
            .unwrap();
            assert_eq!(inside.wait(1), [action]);
            let (first, second) = twice(&world, from, action);
            assert_eq!(first, Cancel::Running);
            assert!(matches!(second, Cancel::Running | Cancel::AlreadyCancelled), "{second:?}");
            drop(leave);
            world.settle();
            assert_eq!(inside.len(), 1, "neither period nor re-arming brings it back");
            assert!(!action.is_pending());
            world.end();
        }
    }
}

#[test]
fn a_running_event_answers_so_from_another_simulated_thread() {
    for seed in 0..8 {
        let world = World::simulated(seed, 2);
        let log = Log::new();
        let continuation = Continuation::new(&ProxyMutex::new(), {
            let log = log.clone();
            move |_| {
                simulate::pass(10 * MILLI).unwrap();
                log.push(());
            }
        });
        let action = world.thread(0).schedule_every(&continuation, MILLI, ()).unwrap();
        let answers = Log::new();
        let canceller = Continuation::new(&ProxyMutex::new(), {
            let answers = answers.clone();
            move |_| answers.push(action.cancel())
        });
        world.thread(1).schedule_in(&canceller, 5 * MILLI, ()).unwrap();
        world.run_for(HOUR);
        assert_eq!(answers.all(), [Cancel::Running]);
        assert_eq!(log.len(), 1);
    }
}

#[test]
fn a_periodic_event_cancelled_in_its_own_handler_stops() {
    World::both(1, |world| {
        for poll in [false, true] {
            let (answers, drops) = (Log::new(), Log::new());
            let continuation = Continuation::new(&ProxyMutex::new(), {
                let (answers, mut runs) = (answers.clone(), 0);
                move |event| {
                    runs += 1;
                    if runs == 3 {
                        answers.push((runs, event.action().unwrap().cancel()));
                        assert_eq!(event.reschedule_imm(), Err(RearmError::Cancelled));
                    }
                    assert!(runs <= 3);
                }
            });
            if poll {
                world.thread(0).schedule_poll(&continuation, 1, witnessed(&drops, 1))
            } else {
                world.thread(0).schedule_every(&continuation, MILLI, witnessed(&drops, 1))
            }
            .unwrap();
            assert_eq!(world.wait(&answers, 1), [(3, Cancel::Running)]);
            world.wait(&drops, 1);
            world.run_for(HOUR);
            assert!(!continuation.is_destroyed(), "no assertion failed in the handler");
        }
    });
}

#[test]
fn cancelling_after_a_rearm_cancels_the_rearm() {
    World::both(1, |world| {
        let answers = Log::new();
        let continuation = Continuation::new(&ProxyMutex::new(), {
            let answers = answers.clone();
            move |event| {
                match event.cookie() {
                    0 => event.reschedule_imm().unwrap(),
                    1 => event.reschedule_in(MILLI).unwrap(),
                    _ => event.reschedule_every(MILLI).unwrap(),
                }
                answers.push(event.action().unwrap().cancel());
            }
        });
        for number in 0..3 {
            let action = world.thread(0).schedule_imm(&continuation, cookie(number)).unwrap();
            world.wait(&answers, number + 1);
            world.run_for(HOUR);
            assert!(!action.is_pending());
        }
        assert_eq!(answers.all(), [Cancel::Cancelled; 3]);
    });
}

#[test]
fn an_event_that_arms_itself_for_ever_is_stopped_from_another_thread() {
    let processor = EventProcessor::builder().build();
    processor.spawn_event_threads(EventType::NET, 1, 0).unwrap();
    for destroys in [false, true] {
        let runs = Arc::new(AtomicU64::new(0));
        let (sender, began) = mpsc::channel();
        let mutex = ProxyMutex::new();
        let for_ever = Continuation::new(&mutex, {
            let runs = Arc::clone(&runs);
            move |event| {
                if runs.fetch_add(1, Ordering::Relaxed) == 1000 {
                    sender.send(()).unwrap();
                }
                // In the last run of one that was destroyed it is in vain.
                event.reschedule_imm().unwrap();
            }
        });
        let action = processor.schedule_imm(&for_ever, EventType::NET, ()).unwrap();
        began.recv_timeout(DEADLINE).unwrap();
        if destroys {
            assert_ne!(for_ever.destroy(), Destroyed::Already);
        } else {
            assert!(matches!(action.cancel(), Cancel::Cancelled | Cancel::Running));
        }
        // The run that may be going on comes to its end.
        drop(mutex.lock());
        let after = runs.load(Ordering::Relaxed);
        let (sender, done) = mpsc::channel();
        let next = Continuation::new(&ProxyMutex::new(), move |_| sender.send(()).unwrap());
        processor.schedule_imm(&next, EventType::NET, ()).unwrap();
        done.recv_timeout(DEADLINE).unwrap();
        assert_eq!(runs.load(Ordering::Relaxed), after);
        assert!(!action.is_pending());
    }
    drop(processor.shutdown(ShutdownOptions::default()));
}

#[test]
fn a_rearmed_event_that_waits_again_is_cancelled_by_the_action_it_always_had() {
    World::both(2, |world| {
        for from in From::ALL {
            let (log, drops) = (Log::new(), Log::new());
            let continuation = Continuation::new(&ProxyMutex::new(), {
                let log = log.clone();
                move |event| {
                    log.push(());
                    event.reschedule_in(HOUR).unwrap();
                }
            });
            let action = world.thread(0).schedule_imm(&continuation, witnessed(&drops, 1)).unwrap();
            world.wait(&log, 1);
            world.settle();
            assert_eq!(
                twice(&world, from, action),
                (Cancel::Cancelled, Cancel::AlreadyCancelled),
                "{from:?}"
            );
            world.settle();
            assert_eq!(drops.all(), [1]);
            world.run_for(2 * HOUR);
            assert_eq!(log.len(), 1);
        }
    });
}

#[test]
fn an_event_that_ran_answers_so_to_everybody() {
    World::both(2, |world| {
        let log = Log::new();
        let continuation = counting(&log);
        let action = world.thread(0).schedule_imm(&continuation, ()).unwrap();
        world.wait(&log, 1);
        world.settle();
        assert!(action.is_done());
        for from in From::ALL {
            let (first, second) = twice(&world, from, action);
            for answer in [first, second] {
                // Its slot may serve another event of this process by now.
                assert!(matches!(answer, Cancel::AlreadyRan | Cancel::Stale), "{from:?}: {answer:?}");
            }
        }
    });
}

#[test]
fn an_event_for_a_group_that_is_not_up_is_cancelled_from_every_kind_of_thread() {
    World::both(2, |world| {
        let later = world.processor().register_event_type("later").unwrap();
        let (log, drops) = (Log::new(), Log::new());
        let continuation = counting(&log);
        for (number, from) in From::ALL.into_iter().enumerate() {
            let message = witnessed(&drops, number);
            let delay = if number % 2 == 0 { HOUR } else { Duration::ZERO };
            let action = world.processor().schedule_in(&continuation, delay, later, message).unwrap();
            assert_eq!(
                twice(&world, from, action),
                (Cancel::Cancelled, Cancel::AlreadyCancelled),
                "{from:?}"
            );
            assert!(!action.is_done());
        }
        world.processor().spawn_event_threads(later, 1, 0).unwrap();
        world.started(later);
        world.settle();
        assert_eq!(drops.len(), 4, "those that were cancelled do not wait until they are due");
        world.run_for(2 * HOUR);
        assert!(log.is_empty());
    });
}

#[test]
fn a_stale_action_never_touches_another_event() {
    // T-12: the original may cancel somebody else's event.
    World::both(1, |world| {
        let log = Log::new();
        let continuation = counting(&log);
        let mut old = Vec::new();
        for round in 0..50 {
            let action = world.thread(0).schedule_imm(&continuation, cookie(round)).unwrap();
            world.wait(&log, round + 1);
            old.push(action);
        }
        world.settle();
        let (target, stale) = (continuation.clone(), old.clone());
        let young = world.on(&world.thread(0), move || {
            let here = Here::current().unwrap();
            let young: Vec<_> = (0..100)
                .map(|number| here.schedule_in(&target, MILLI, cookie(1000 + number)).unwrap())
                .collect();
            for action in &stale {
                assert!(matches!(action.cancel(), Cancel::AlreadyRan | Cancel::Stale));
                assert!(action.is_done() && !action.is_pending());
            }
            young
        });
        for action in &old {
            assert!(matches!(action.cancel(), Cancel::AlreadyRan | Cancel::Stale));
        }
        assert_eq!(world.wait(&log, 150)[50..], (1000..1100).collect::<Vec<_>>());
        assert!(old.iter().all(|action| !young.contains(action)), "no action is ever used twice");
    });
}

#[test]
fn an_action_survives_its_processor() {
    let action = {
        let world = World::real(1);
        let continuation = counting(&Log::new());
        let action = world.thread(0).schedule_in(&continuation, HOUR, ()).unwrap();
        world.end();
        action
    };
    assert!(!action.is_pending());
    assert_ne!(action.cancel(), Cancel::Cancelled);
    // SAFETY: the pointer comes from an action.
    let same = unsafe {
        let (slot, generation) = action.into_raw();
        Action::from_raw(slot, generation)
    };
    assert_eq!(same, action);
}

#[test]
fn of_many_who_cancel_at_once_one_is_told_that_it_was_the_one() {
    let world = World::real(1);
    let log = Log::new();
    let continuation = counting(&log);
    for _ in 0..200 {
        let action = world.thread(0).schedule_in(&continuation, HOUR, ()).unwrap();
        let answers: Vec<_> = std::thread::scope(|scope| {
            let cancellers: Vec<_> = (0..3).map(|_| scope.spawn(move || action.cancel())).collect();
            cancellers.into_iter().map(|canceller| canceller.join().unwrap()).collect()
        });
        let firsts = answers.iter().filter(|answer| answer.is_cancelled()).count();
        assert_eq!(firsts, 1, "{answers:?}");
        assert!(
            answers
                .iter()
                .all(|answer| matches!(answer, Cancel::Cancelled | Cancel::AlreadyCancelled | Cancel::Stale))
        );
    }
    assert_eq!(world.end().dispatched, 0);
}

#[test]
fn an_event_runs_or_is_cancelled_and_never_both() {
    let world = World::real(1);
    let log = Log::new();
    let continuation = counting(&log);
    let mut cancelled = Vec::new();
    for number in 0..2000 {
        let action = world.thread(0).schedule_imm(&continuation, cookie(number)).unwrap();
        if number % 3 == 0 {
            std::thread::yield_now();
        }
        if action.cancel().is_cancelled() {
            cancelled.push(number);
        }
    }
    world.settle();
    let mut all = log.all();
    all.extend(&cancelled);
    all.sort_unstable();
    assert_eq!(all, (0..2000).collect::<Vec<_>>());
    world.end();
}

#[test]
fn an_event_runs_or_is_cancelled_and_never_both_in_any_order_of_simulated_threads() {
    for seed in 0..50 {
        let simulation = Simulation::new(seed);
        let processor = simulation.processor();
        processor.spawn_event_threads(NET, 3, 0).unwrap();
        let log = Log::new();
        let continuation = Continuation::shared({
            let log = log.clone();
            move |event| log.push(event.cookie())
        });
        let cancelled = Log::new();
        for number in 0..30 {
            let thread: &EThread = &processor.threads(NET)[number % 3];
            let delay = Duration::from_nanos(simulation.draw(3));
            let action = thread.schedule_in(&continuation, delay, cookie(number)).unwrap();
            let answers = cancelled.clone();
            let canceller = Continuation::shared(move |event| {
                if action.cancel().is_cancelled() {
                    answers.push(event.cookie());
                }
            });
            let delay = Duration::from_nanos(simulation.draw(3));
            processor.threads(NET)[(number + 1) % 3].schedule_in(&canceller, delay, cookie(number)).unwrap();
        }
        simulation.run_to_end();
        let mut all = log.all();
        all.extend(cancelled.all());
        all.sort_unstable();
        assert_eq!(all, (0..30).collect::<Vec<_>>(), "seed {seed}");
    }
}

#[test]
fn data_that_cancels_and_schedules_when_it_is_dropped_finds_the_system_in_order() {
    struct Meddler(EventProcessor, Continuation, Action);
    impl Drop for Meddler {
        fn drop(&mut self) {
            assert_eq!(self.2.cancel(), Cancel::Cancelled);
            self.0.schedule_imm(&self.1, NET, cookie(7)).unwrap();
            if let Some(here) = Here::current() {
                here.schedule_imm(&self.1, cookie(8)).unwrap();
            } else {
                self.0.schedule_imm(&self.1, NET, cookie(8)).unwrap();
            }
        }
    }
    World::both(2, |world| {
        for from in From::ALL {
            let log = Log::new();
            let continuation = counting(&log);
            let other = world.thread(0).schedule_in(&continuation, HOUR, cookie(1)).unwrap();
            let meddler = Meddler(world.processor().clone(), continuation.clone(), other);
            let message = Message::default().data(meddler);
            let action = world.thread(0).schedule_in(&continuation, HOUR, message).unwrap();
            world.settle();
            assert_eq!(world.at(from, move || action.cancel()), Cancel::Cancelled);
            assert_eq!(world.wait(&log, 2), [7, 8], "{from:?}");
        }
        world.end_with(ShutdownOptions::default());
    });
}

/// More than the references that a thread draws at once for the timers of one continuation.
const MANY: usize = 200;

/// Timers of a continuation whose end is seen, set on the thread that calls.
fn timers(drops: &Log<usize>) -> (Continuation, Vec<Action>) {
    so_many_timers(MANY, drops)
}

fn so_many_timers(count: usize, drops: &Log<usize>) -> (Continuation, Vec<Action>) {
    let witness = drops.on_drop(1);
    let continuation = Continuation::new(&ProxyMutex::new(), move |_| {
        let _ = &witness;
    });
    let here = Here::current().expect("it is an event thread");
    let set = |_| here.schedule_in(&continuation, HOUR, ()).unwrap();
    let actions = (0..count).map(set).collect();
    (continuation, actions)
}

#[test]
fn a_continuation_that_only_timers_refer_to_goes_with_the_cancel_of_the_last() {
    World::both(2, |world| {
        let drops = Log::new();
        let ends = drops.clone();
        world.at(From::First, move || {
            for (number, count) in [1, 1, 2, 2, 3, 3, MANY, MANY].into_iter().enumerate() {
                let (continuation, mut actions) = so_many_timers(count, &ends);
                drop(continuation);
                let last = actions.pop().expect("there is one at least");
                assert!(actions.into_iter().all(|action| action.cancel().is_cancelled()));
                // The timers of another one make no difference.
                let (_other, others) = so_many_timers(number % 2, &Log::new());
                assert!(ends.len() == number && last.is_pending());
                assert!(last.cancel().is_cancelled());
                assert_eq!(ends.len(), number + 1);
                assert!(others.into_iter().all(|action| action.cancel().is_cancelled()));
            }
        });
        world.end();
    });
}

#[test]
fn timers_that_the_holder_of_the_mutex_has_set_are_counted_like_all_others() {
    World::both(2, |world| {
        let drops = Log::new();
        let ends = drops.clone();
        let action = world.at(From::First, move || {
            let here = Here::current().unwrap();
            let (continuation, mut actions) = so_many_timers(1, &ends);
            for holds in [true, false, true] {
                let mutex = continuation.mutex().unwrap();
                let guard = holds.then(|| mutex.lock());
                let set = |_| here.schedule_in(&continuation, HOUR, ()).unwrap();
                actions.extend((0..MANY).map(set));
                // Of those that were set with the mutex and without, some are cancelled with it and some without.
                let (kept, gone): (Vec<_>, Vec<_>) = actions.chunks(3).partition(|chunk| chunk.len() == 3);
                assert!(gone.into_iter().flatten().all(|action| action.cancel().is_cancelled()));
                actions = kept
                    .into_iter()
                    .flat_map(|chunk| {
                        assert!(chunk[0].cancel().is_cancelled());
                        chunk[1..].to_vec()
                    })
                    .collect();
                drop(guard);
            }
            drop(continuation);
            let last = actions.pop().unwrap();
            assert!(actions.into_iter().all(|action| action.cancel().is_cancelled()));
            last
        });
        world.settle();
        assert!(drops.is_empty() && action.is_pending(), "its last timer keeps it");
        assert!(world.at(From::First, move || action.cancel()).is_cancelled());
        assert_eq!(world.wait(&drops, 1), [1]);
        world.end();
    });
}

#[test]
fn a_continuation_whose_timers_are_cancelled_goes_when_the_handler_that_did_so_returns_or_before() {
    World::both(2, |world| {
        for from in From::ALL {
            let drops = Log::new();
            let ends = drops.clone();
            let (continuation, actions) = world.at(From::First, move || timers(&ends));
            world.at(from, move || {
                assert!(actions.into_iter().all(|action| action.cancel().is_cancelled()));
                drop(continuation);
            });
            assert_eq!(world.wait(&drops, 1), [1], "{from:?}");
        }
        world.end();
    });
}

#[test]
fn timers_of_two_continuations_in_turns_keep_and_free_each_for_itself() {
    World::both(2, |world| {
        let (drops, others) = (Log::new(), Log::new());
        let (ends, other_ends) = (drops.clone(), others.clone());
        let (kept, action) = world.at(From::First, move || {
            let (continuation, actions) = timers(&ends);
            let (other, other_actions) = timers(&other_ends);
            let kept = other_actions[MANY - 1];
            for (one, two) in actions.into_iter().zip(other_actions) {
                assert!(one.cancel().is_cancelled() && (two == kept || two.cancel().is_cancelled()));
                let again = Here::current().unwrap().schedule_in(&other, HOUR, ()).unwrap();
                assert!(again.cancel().is_cancelled());
            }
            drop(continuation);
            (other, kept)
        });
        assert_eq!(world.wait(&drops, 1), [1]);
        drop(kept);
        world.settle();
        assert!(others.is_empty() && action.is_pending(), "its last timer keeps it");
        world.end();
        assert_eq!(others.all(), [1]);
    });
}

/// Cancels when it is dropped, and lets go of the continuation then.
struct Late(Vec<Action>, Option<Continuation>);

impl Drop for Late {
    fn drop(&mut self) {
        for action in self.0.drain(..) {
            // Those that the end of the thread has come to before are over.
            let _ = action.cancel();
        }
        self.1 = None;
    }
}

#[test]
fn a_thread_that_ends_keeps_no_continuation_whose_timers_were_cancelled_meanwhile() {
    World::both(2, |world| {
        let drops = Log::new();
        let ends = drops.clone();
        world.at(From::First, move || {
            let here = Here::current().unwrap();
            // The data of an event, which goes with all other events, and a future, which goes before them.
            let (continuation, actions) = timers(&ends);
            let never = Continuation::new(&ProxyMutex::new(), |_| ());
            let message = Message::default().data(Late(actions, Some(continuation)));
            here.schedule_in(&never, HOUR / 2, message).unwrap();
            let (continuation, actions) = timers(&ends);
            let late = Late(actions, Some(continuation));
            let future = async move {
                let _late = late;
                std::future::pending::<()>().await;
            };
            drop(here.spawn_local(future));
        });
        world.settle();
        assert!(drops.is_empty());
        assert_eq!(world.end().continuations, []);
        assert_eq!(drops.all(), [1, 1]);
    });
}

#[test]
fn what_a_continuation_leaves_behind_that_goes_at_the_very_end_of_its_thread_is_dropped_there() {
    /// Says whether it is dropped on an event thread.
    struct Left(Log<bool>);
    impl Drop for Left {
        fn drop(&mut self) {
            self.0.push(Here::current().is_some());
        }
    }
    /// Leaves something in the queue of a thread.
    struct Leaves(EThread, Log<bool>);
    impl Drop for Leaves {
        fn drop(&mut self) {
            let left = Left(self.1.clone());
            EventProcessor::run_on(&self.0, move |_| drop(left));
        }
    }
    World::both(1, |world| {
        let log = Log::new();
        let leaves = Leaves(world.thread(0), log.clone());
        world.at(From::First, move || {
            let here = Here::current().unwrap();
            let continuation = Continuation::new(&ProxyMutex::new(), move |_| {
                let _ = &leaves;
            });
            let set = |_| here.schedule_in(&continuation, HOUR, ()).unwrap();
            let late = Late((0..MANY).map(set).collect(), Some(continuation.clone()));
            drop(here.spawn_local(async move {
                let _late = late;
                std::future::pending::<()>().await;
            }));
        });
        world.settle();
        assert!(log.is_empty());
        world.end();
        assert_eq!(log.all(), [true]);
    });
}

//! The end of a continuation: when handler and data go, what becomes of its events, and what a call says before and after.

#![cfg(not(loom))]

mod support;

use std::sync::{Arc, mpsc};
use std::time::Duration;
use support::{From, HOUR, Holder, Log, MILLI, World, cookie, counting};
use ts_cont::simulate;
use ts_cont::{
    CallError, Continuation, Destroyed, EventCode, EventType, Guarded, Message, ProxyMutex, Refusal,
    SWEEP_DELAY,
};

const NET: EventType = EventType::NET;

/// A continuation that logs its calls and whose data tells of its end.
fn mortal(log: &Log<usize>, ends: &Log<&'static str>) -> Continuation {
    let log = log.clone();
    Continuation::with_data(&ProxyMutex::new(), ends.on_drop("data"), move |_, event| {
        log.push(event.cookie())
    })
}

#[test]
fn one_that_was_never_scheduled_is_gone_at_once_and_only_once() {
    World::both(2, |world| {
        for from in From::ALL {
            let (log, ends) = (Log::new(), Log::new());
            let continuation = mortal(&log, &ends);
            let target = continuation.clone();
            assert!(!continuation.is_destroyed());
            let answers = world.at(from, move || (target.destroy(), target.destroy()));
            assert_eq!(answers, (Destroyed::Now, Destroyed::Already), "{from:?}");
            assert_eq!(ends.len(), 1, "dropped before destroy returns");
            assert!(continuation.is_destroyed());
            assert_eq!(continuation.call(()), Err(CallError::Destroyed));
            drop(continuation);
            assert_eq!(ends.len(), 1);
        }
    });
}

#[test]
fn the_last_handle_takes_the_handler_with_it() {
    let (log, ends) = (Log::new(), Log::new());
    let continuation = mortal(&log, &ends);
    let other = continuation.clone();
    assert!(continuation == other && continuation.id() == other.id());
    drop(continuation);
    assert!(ends.is_empty());
    drop(other);
    assert_eq!(ends.len(), 1);
}

#[test]
fn pending_events_of_every_kind_are_dead_and_swept_within_the_bound() {
    for seed in 0..4 {
        for from in From::ALL {
            let world = World::simulated(seed, 2);
            let (log, ends, drops) = (Log::new(), Log::new(), Log::new());
            let continuation = mortal(&log, &ends);
            let message = |number| cookie(number).data(drops.on_drop(number));
            for thread in [world.thread(0), world.thread(1)] {
                thread.schedule_in(&continuation, HOUR, message(0)).unwrap();
                thread.schedule_in(&continuation, 1000 * HOUR, message(1)).unwrap();
                thread.schedule_every(&continuation, HOUR, message(2)).unwrap();
                thread.schedule_poll(&continuation, 1, message(3)).unwrap();
            }
            world.settle();
            let (target, calls) = (continuation.clone(), log.clone());
            let (answer, runs) = world.at(from, move || (target.destroy(), calls.len()));
            assert_eq!((answer, ends.len()), (Destroyed::Now, 1));
            world.run_for(SWEEP_DELAY + 20 * MILLI);
            assert_eq!(drops.len(), 8, "seed {seed}, {from:?}");
            assert_eq!(log.len(), runs, "it is not called any more");
            world.run_for(2000 * HOUR);
            assert_eq!((log.len(), drops.len(), ends.len()), (runs, 8, 1));
        }
    }
}

#[track_caller]
fn thread_destroys(world: &World, from: From, continuation: &Continuation, expected: Destroyed) {
    let target = continuation.clone();
    assert_eq!(world.at(from, move || target.destroy()), expected);
}

#[test]
fn thousands_of_dead_timers_are_swept_within_the_bound() {
    let world = World::simulated(9, 1);
    let drops = Log::new();
    let (dead, alive) = (counting(&Log::new()), Log::new());
    let survivor = counting(&alive);
    for number in 0..5000_usize {
        let at = Duration::from_millis(10_000 + 37 * number as u64);
        world.thread(0).schedule_in(&dead, at, cookie(number).data(drops.on_drop(number))).unwrap();
        world.thread(0).schedule_in(&survivor, at, cookie(number)).unwrap();
    }
    world.settle();
    dead.destroy();
    world.run_for(SWEEP_DELAY + MILLI);
    assert_eq!(drops.len(), 5000);
    world.run_for(HOUR);
    assert_eq!(alive.all(), (0..5000).collect::<Vec<_>>(), "the others are where they were");
}

#[test]
fn those_that_come_due_before_the_sweep_are_skipped() {
    World::both(2, |world| {
        let (log, ends, drops) = (Log::new(), Log::new(), Log::new());
        let continuation = mortal(&log, &ends);
        for number in 0..20_usize {
            let delay = Duration::from_micros(500 * number as u64 + 3000);
            let message = cookie(number).data(drops.on_drop(number));
            world.thread(number % 2).schedule_in(&continuation, delay, message).unwrap();
        }
        continuation.destroy();
        let runs = log.len();
        world.wait(&drops, 20);
        assert_eq!(log.len(), runs);
    });
}

#[test]
fn events_for_a_group_that_is_not_up_die_with_their_continuation() {
    World::both(1, |world| {
        let later = world.processor().register_event_type("later").unwrap();
        let (log, ends, drops) = (Log::new(), Log::new(), Log::new());
        let continuation = mortal(&log, &ends);
        for delay in [Duration::ZERO, HOUR] {
            let message = cookie(0).data(drops.on_drop(()));
            world.processor().schedule_in(&continuation, delay, later, message).unwrap();
        }
        assert_eq!(continuation.destroy(), Destroyed::Now);
        world.processor().spawn_event_threads(later, 1, 0).unwrap();
        world.settle();
        assert_eq!(drops.len(), 2);
        assert!(log.is_empty());
    });
}

#[test]
fn a_handler_that_destroys_its_continuation_is_dropped_when_it_returns() {
    World::both(1, |world| {
        let (ends, log, drops) = (Log::new(), Log::new(), Log::new());
        let mutex = ProxyMutex::new();
        let continuation = Continuation::with_data(&mutex, ends.on_drop("data"), {
            let (ends, log) = (ends.clone(), log.clone());
            move |_, event| {
                let me = event.continuation();
                log.push((me.destroy(), me.destroy(), ends.len()));
                assert_eq!(me.call(()), Err(CallError::Destroyed));
                let refused = event.here().unwrap().schedule_imm(me, ()).unwrap_err();
                assert_eq!(refused.refusal(), Refusal::Destroyed);
                let _ = event.reschedule_imm();
                ends.push("returned");
            }
        });
        let (target, thread, witness) = (continuation.clone(), world.thread(0), drops.clone());
        world.on(&world.thread(0), move || {
            for delay in [Duration::ZERO, MILLI, HOUR] {
                let message = Message::default().data(witness.on_drop(()));
                thread.schedule_in(&target, delay, message).unwrap();
            }
            thread.schedule_imm(&target, ()).unwrap();
        });
        assert_eq!(world.wait(&log, 1), [(Destroyed::AfterHandler, Destroyed::Already, 0)]);
        world.settle();
        assert_eq!(ends.all(), ["returned", "data"]);
        assert!(!mutex.is_locked());
        if world.is_virtual() {
            world.run_for(SWEEP_DELAY + 20 * MILLI);
            assert_eq!(drops.len(), 3);
        }
        assert_eq!(log.len(), 1);
    });
}

#[test]
fn another_handler_that_holds_the_mutex_destroys_at_once() {
    World::both(1, |world| {
        let (log, ends, answers) = (Log::new(), Log::new(), Log::new());
        let mutex = ProxyMutex::new();
        let victim = Continuation::with_data(&mutex, ends.on_drop("data"), {
            let log = log.clone();
            move |_, _| log.push(())
        });
        let killer = Continuation::new(&mutex, {
            let (answers, ends, victim) = (answers.clone(), ends.clone(), victim.clone());
            move |_| answers.push((victim.destroy(), ends.len()))
        });
        let (thread, target) = (world.thread(0), victim.clone());
        world.on(&world.thread(0), move || {
            thread.schedule_imm(&killer, ()).unwrap();
            thread.schedule_imm(&target, ()).unwrap();
        });
        assert_eq!(world.wait(&answers, 1), [(Destroyed::Now, 1)]);
        world.settle();
        assert!(log.is_empty());
    });
}

#[test]
fn destroyed_from_another_thread_while_it_runs_it_goes_when_the_mutex_is_let_go_of() {
    for from in [From::Second, From::Guest, From::Foreign] {
        let world = World::real(2);
        let (inside, ends) = (Log::new(), Log::new());
        let (leave, left) = mpsc::channel::<()>();
        let mutex = ProxyMutex::new();
        let continuation = Continuation::with_data(&mutex, ends.on_drop("data"), {
            let (inside, ends) = (inside.clone(), ends.clone());
            move |_, _| {
                inside.push(());
                let _ = left.recv();
                ends.push("returned");
            }
        });
        world.thread(0).schedule_imm(&continuation, ()).unwrap();
        world.thread(0).schedule_imm(&continuation, ()).unwrap();
        inside.wait(1);
        thread_destroys(&world, from, &continuation, Destroyed::AtUnlock);
        thread_destroys(&world, from, &continuation, Destroyed::Already);
        assert!(ends.is_empty(), "it is in use");
        drop(leave);
        assert_eq!(ends.wait(2), ["returned", "data"]);
        world.settle();
        assert_eq!((inside.len(), ends.len()), (1, 2));
        assert!(!mutex.is_locked());
        world.end();
    }
}

#[test]
fn destroyed_while_its_mutex_is_held_elsewhere_it_goes_at_the_unlock() {
    World::both(2, |world| {
        for from in From::ALL {
            let (log, ends, drops) = (Log::new(), Log::new(), Log::new());
            let continuation = mortal(&log, &ends);
            let holder = Holder::hold(continuation.mutex().unwrap());
            // One event waits at the mutex, one comes after the end.
            for _ in 0..2 {
                let message = cookie(0).data(drops.on_drop(()));
                world.thread(0).schedule_imm(&continuation, message).unwrap();
            }
            world.settle();
            thread_destroys(&world, from, &continuation, Destroyed::AtUnlock);
            assert_eq!(continuation.destroy(), Destroyed::Already);
            assert!(ends.is_empty());
            holder.release();
            assert_eq!(ends.len(), 1, "the unlock dropped it, {from:?}");
            world.wait(&drops, 2);
            assert!(log.is_empty());
        }
    });
}

#[test]
fn destroying_never_blocks_also_when_the_last_handle_goes_right_after() {
    World::both(1, |world| {
        let (log, ends) = (Log::new(), Log::new());
        let continuation = mortal(&log, &ends);
        let mutex = continuation.mutex().unwrap().clone();
        let holder = Holder::hold(&mutex);
        assert_eq!(continuation.destroy(), Destroyed::AtUnlock);
        drop(continuation);
        assert!(ends.is_empty());
        holder.release();
        assert_eq!(ends.len(), 1);
        world.end();
    });
}

#[test]
fn events_own_what_they_call() {
    // T-26: in the original they call through a dangling pointer.
    World::both(2, |world| {
        let (log, ends) = (Log::new(), Log::new());
        for (number, delay) in [Duration::ZERO, MILLI, 3 * MILLI].into_iter().enumerate() {
            let continuation = mortal(&log, &ends);
            world.thread(number % 2).schedule_in(&continuation, delay, cookie(number)).unwrap();
        }
        let mut runs = world.wait(&log, 3);
        runs.sort_unstable();
        assert_eq!(runs, [0, 1, 2]);
        assert_eq!(world.wait(&ends, 3).len(), 3);
    });
}

#[test]
fn a_cancelled_event_lets_go_of_what_it_owned() {
    World::both(2, |world| {
        for from in From::ALL {
            let (log, ends) = (Log::new(), Log::new());
            let continuation = mortal(&log, &ends);
            let action = world.thread(0).schedule_in(&continuation, HOUR, ()).unwrap();
            drop(continuation);
            world.settle();
            assert!(ends.is_empty());
            world.at(from, move || action.cancel());
            world.settle();
            assert_eq!(ends.len(), 1, "{from:?}");
        }
    });
}

#[test]
fn events_scheduled_under_the_mutex_own_it_too() {
    World::both(2, |world| {
        let (ends, runs) = (Log::new(), Log::new());
        let continuation = Continuation::with_data(&ProxyMutex::new(), ends.on_drop("data"), {
            let runs = runs.clone();
            move |_, event| {
                runs.push(event.cookie());
                if event.cookie() < 3 {
                    // Counted under the mutex, on this thread and on the other.
                    let processor = event.here().unwrap().processor();
                    let next = &processor.threads(NET)[(event.cookie() + 1) % 2];
                    next.schedule_in(event.continuation(), MILLI, cookie(event.cookie() + 1)).unwrap();
                }
            }
        });
        world.thread(0).schedule_imm(&continuation, cookie(0)).unwrap();
        drop(continuation);
        assert_eq!(world.wait(&runs, 4), [0, 1, 2, 3]);
        world.wait(&ends, 1);
        world.settle();
        assert_eq!(ends.len(), 1);
    });
}

#[test]
fn an_exclusive_handler_refuses_to_be_entered_again() {
    type Make = fn(Log<Result<i32, CallError>>) -> Continuation;
    let makes: [Make; 2] = [
        |log| {
            Continuation::new(&ProxyMutex::new(), move |event| {
                let again = event.continuation().call(EventCode::CALL);
                log.push(again);
            })
        },
        |log| {
            Continuation::with_data(&ProxyMutex::new(), 0, move |count, event| {
                *count += 1;
                let again = event.continuation().call(EventCode::CALL);
                log.push(again);
                *count
            })
        },
    ];
    for make in makes {
        let log = Log::new();
        assert!(make(log.clone()).call(()).is_ok());
        assert_eq!(log.all(), [Err(CallError::Reentrant)]);
        World::both(1, |world| {
            let log = Log::new();
            let continuation = make(log.clone());
            world.thread(0).schedule_imm(&continuation, ()).unwrap();
            assert_eq!(world.wait(&log, 1), [Err(CallError::Reentrant)]);
            assert!(!continuation.is_destroyed(), "a refusal is no failure");
        });
    }
}

#[test]
fn a_reentrant_handler_is_entered_again_and_its_data_refuses_a_second_borrow() {
    let mutex = ProxyMutex::new();
    let depth = Arc::new(Guarded::new(&mutex, 0));
    let seen = Log::new();
    let continuation = Continuation::reentrant(&mutex, {
        let (depth, seen) = (Arc::clone(&depth), seen.clone());
        move |event| {
            let level = {
                let mut depth = depth.borrow_mut(event.guard().unwrap()).unwrap();
                *depth += 1;
                *depth
            };
            if level < 4 {
                assert_eq!(event.continuation().call(()), Ok(level + 1));
            } else {
                let first = depth.borrow_mut(event.guard().unwrap()).unwrap();
                seen.push(depth.borrow_mut(event.guard().unwrap()).is_err());
                drop(first);
            }
            level
        }
    });
    assert_eq!(continuation.call(()), Ok(1));
    assert_eq!(seen.all(), [true]);
    assert!(!mutex.is_locked());
}

#[test]
fn a_reentrant_handler_destroyed_in_an_inner_call_goes_when_the_outermost_returns() {
    World::both(1, |world| {
        let steps = Log::new();
        let end = steps.on_drop("data");
        let continuation = Continuation::reentrant(&ProxyMutex::new(), {
            let steps = steps.clone();
            move |event| {
                let _ = &end;
                if event.cookie() == 0 {
                    assert_eq!(event.continuation().call(cookie(1)), Ok(0));
                    steps.push("outer returns");
                } else {
                    assert_eq!(event.continuation().destroy(), Destroyed::AfterHandler);
                    steps.push("inner returns");
                }
            }
        });
        world.thread(0).schedule_imm(&continuation, ()).unwrap();
        assert_eq!(world.wait(&steps, 3), ["inner returns", "outer returns", "data"]);
    });
}

#[test]
fn a_shared_handler_runs_on_several_threads_at_once_and_goes_after_the_last() {
    let world = World::real(2);
    let (inside, ends) = (Log::new(), Log::new());
    let (leave, left) = mpsc::channel::<()>();
    let left = std::sync::Mutex::new(left);
    let end = ends.on_drop("data");
    let continuation = Continuation::shared({
        let (inside, ends) = (inside.clone(), ends.clone());
        move |event| {
            let _ = &end;
            inside.push(event.cookie());
            while inside.len() < 2 {
                std::thread::yield_now();
            }
            if event.cookie() == 1 {
                let _ = left.lock().unwrap().recv();
            }
            ends.push("returned");
        }
    });
    world.thread(0).schedule_imm(&continuation, cookie(0)).unwrap();
    world.thread(1).schedule_imm(&continuation, cookie(1)).unwrap();
    ends.wait(1);
    assert_eq!(continuation.destroy(), Destroyed::AfterHandler, "one is still inside");
    assert_eq!(ends.len(), 1);
    assert_eq!(continuation.call(()), Err(CallError::Destroyed));
    leave.send(()).unwrap();
    assert_eq!(ends.wait(3), ["returned", "returned", "data"]);
    world.end();
}

#[test]
fn a_shared_handler_may_call_itself_and_end_itself() {
    let ends = Log::new();
    let end = ends.on_drop("data");
    let continuation = Continuation::shared({
        let ends = ends.clone();
        move |event| {
            let _ = &end;
            if event.cookie() < 3 {
                return event.continuation().call(cookie(event.cookie() + 1)).unwrap();
            }
            assert_eq!(event.continuation().destroy(), Destroyed::AfterHandler);
            assert!(ends.is_empty());
            99
        }
    });
    assert_eq!(continuation.call(()), Ok(99));
    assert_eq!(ends.len(), 1);
}

#[test]
fn a_call_from_any_thread_takes_the_mutex_and_does_not_wait_for_it() {
    // T-11, T-13: in the original a foreign thread runs the handler without a lock.
    World::both(2, |world| {
        for from in From::ALL {
            let mutex = ProxyMutex::new();
            let inside = mutex.clone();
            let continuation =
                Continuation::new(&mutex, move |event| (i32::from(inside.held_by_current()), event.code()).0);
            let target = continuation.clone();
            let call = move || target.call(());
            assert_eq!(world.at(from, call.clone()), Ok(1), "{from:?}");
            assert!(!mutex.is_locked());
            let holder = Holder::hold(&mutex);
            assert_eq!(world.at(from, call.clone()), Err(CallError::Busy), "{from:?}");
            holder.release();
            assert_eq!(world.at(from, call), Ok(1));
        }
    });
}

#[test]
fn a_direct_call_lends_data_and_brings_the_number_back() {
    let continuation = Continuation::new(&ProxyMutex::new(), |event| {
        assert_eq!(event.code(), EventCode::new(5000));
        assert!(event.data::<u8>().is_none(), "it is no number");
        let text = event.data::<String>().unwrap();
        text.push_str(" was here");
        i32::try_from(text.len()).unwrap()
    });
    let mut text = String::from("somebody");
    assert_eq!(continuation.call_with(EventCode::new(5000), &mut text), Ok(17));
    assert_eq!(text, "somebody was here");
    let plain = Continuation::shared(|event| event.code().number());
    assert_eq!(plain.call(()), Ok(EventCode::CALL.number()));
}

#[test]
fn scheduling_one_without_a_mutex_binds_it_to_no_thread() {
    // T-5: the original gives it the thread's mutex, and elsewhere it can never be locked again.
    World::both(2, |world| {
        let log = Log::new();
        let continuation = Continuation::shared({
            let log = log.clone();
            move |event| log.push((event.here().unwrap().thread().index(), event.guard().is_none()))
        });
        let _guards =
            (!world.is_virtual()).then(|| [0, 1].map(|index| Holder::hold(world.thread(index).mutex())));
        for index in [0, 1, 0, 1] {
            let before = log.len();
            world.thread(index).schedule_imm(&continuation, ()).unwrap();
            assert_eq!(world.wait(&log, before + 1)[before], (index, true));
            assert!(continuation.mutex().is_none());
        }
    });
}

#[test]
fn a_handler_that_lets_time_pass_may_be_destroyed_by_a_simulated_neighbour() {
    for seed in 0..8 {
        let world = World::simulated(seed, 2);
        let steps = Log::new();
        let continuation = Continuation::with_data(&ProxyMutex::new(), steps.on_drop("data"), {
            let steps = steps.clone();
            move |_, _| {
                simulate::pass(10 * MILLI).unwrap();
                steps.push("returned");
            }
        });
        world.thread(0).schedule_imm(&continuation, ()).unwrap();
        let killer = Continuation::shared({
            let (steps, victim) = (steps.clone(), continuation.clone());
            move |_| {
                assert_eq!(victim.destroy(), Destroyed::AtUnlock);
                steps.push("destroyed");
            }
        });
        world.thread(1).schedule_in(&killer, 5 * MILLI, ()).unwrap();
        world.run_for(HOUR);
        assert_eq!(steps.all(), ["destroyed", "returned", "data"], "seed {seed}");
    }
}

#[test]
fn the_raw_form_of_a_handle_keeps_what_the_handle_keeps() {
    let (log, ends) = (Log::new(), Log::new());
    let raw = mortal(&log, &ends).into_raw();
    assert!(ends.is_empty());
    // SAFETY: the pointer comes from `into_raw`, and is made a handle once.
    let continuation = unsafe { Continuation::from_raw(raw) };
    continuation.call(cookie(3)).unwrap();
    drop(continuation);
    assert_eq!((log.all(), ends.len()), (vec![3], 1));
}

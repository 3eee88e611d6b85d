//! Which thread gets an event: the four scenarios as the page on scheduling on a pool tells them, and every row of the table.

mod support;

use std::time::Duration;
use support::{Seen, System, on_both_clocks, teller};
use ts_api::{Action, Cont, EventThread, Pool, Reason, ScheduleError};

/// Thread "A" of the page: a task thread on which the plugin calls, and that is the affinity in scenarios 3 and 4.
const A: (Pool, usize) = (Pool::Task, 1);

fn pool_of(thread: &Option<EventThread>) -> Option<Pool> {
    thread.as_ref().and_then(EventThread::pool)
}

fn schedule_on_a(system: &System, cont: &Cont, pool: Pool) -> Result<Action, ScheduleError> {
    let cont = cont.clone();
    system.on(A.0, A.1, move || cont.schedule_on_pool(Duration::ZERO, pool))
}

fn affinity(system: &System, cont: &Cont) -> Option<EventThread> {
    system.as_guest(|| cont.affinity()).unwrap()
}

#[test]
fn scenario_1_no_affinity_and_another_type_takes_the_next_thread_which_becomes_the_affinity() {
    on_both_clocks(|system| {
        let mut got = Vec::new();
        for _ in 0..4 {
            let (cont, seen) = teller();
            schedule_on_a(system, &cont, Pool::Net).unwrap();
            let b = system.receive(&seen).thread;
            assert_eq!(pool_of(&b), Some(Pool::Net));
            assert_eq!(affinity(system, &cont), b);
            got.push(b);
        }
        assert_ne!(got[0], got[1], "round robin");
        assert_eq!((&got[0], &got[1]), (&got[2], &got[3]), "round robin");
    });
}

#[test]
fn scenario_2_no_affinity_and_the_same_type_takes_the_calling_thread_which_becomes_the_affinity() {
    on_both_clocks(|system| {
        let a = Some(system.thread(A.0, A.1));
        for _ in 0..3 {
            let (cont, seen) = teller();
            schedule_on_a(system, &cont, Pool::Task).unwrap();
            assert_eq!(system.receive(&seen).thread, a);
            assert_eq!(affinity(system, &cont), a);
        }
    });
}

#[test]
fn scenario_3_an_affinity_of_another_type_is_neither_used_nor_overwritten() {
    on_both_clocks(|system| {
        let a = system.thread(A.0, A.1);
        let (cont, seen) = teller();
        system.as_guest(|| cont.set_affinity(&a)).unwrap();
        let mut got = Vec::new();
        for _ in 0..4 {
            schedule_on_a(system, &cont, Pool::Net).unwrap();
            let b = system.receive(&seen).thread;
            assert_eq!(pool_of(&b), Some(Pool::Net));
            assert_eq!(affinity(system, &cont), Some(a.clone()));
            got.push(b);
        }
        assert_ne!(got[0], got[1], "round robin, though it is the same continuation");
    });
}

#[test]
fn scenario_3_does_not_care_which_thread_calls() {
    on_both_clocks(|system| {
        let a = system.thread(A.0, A.1);
        let (cont, seen) = teller();
        system.as_guest(|| cont.set_affinity(&a)).unwrap();
        // Also not for a caller that is itself of the wanted type.
        let mut got = Vec::new();
        for _ in 0..4 {
            let other = cont.clone();
            system.on(Pool::Net, 0, move || other.schedule_on_pool(Duration::ZERO, Pool::Net)).unwrap();
            got.push(system.receive(&seen).thread);
        }
        assert_ne!(got[0], got[1], "round robin");
        assert_eq!((&got[0], &got[1]), (&got[2], &got[3]), "round robin");
        assert_eq!(affinity(system, &cont), Some(a));
    });
}

#[test]
fn scenario_4_an_affinity_of_the_same_type_is_used_whoever_calls() {
    on_both_clocks(|system| {
        let a = system.thread(A.0, A.1);
        let (cont, seen) = teller();
        system.as_guest(|| cont.set_affinity(&a)).unwrap();
        for (pool, index) in [A, (Pool::Task, 0), (Pool::Net, 0), (Pool::Net, 1)] {
            let other = cont.clone();
            system.on(pool, index, move || other.schedule_on_pool(Duration::ZERO, Pool::Task)).unwrap();
            assert_eq!(system.receive(&seen).thread.as_ref(), Some(&a));
        }
        assert_eq!(affinity(system, &cont), Some(a));
    });
}

/// Who calls in the table.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Caller {
    Event(Pool, usize),
    Guest,
    PluginThread,
}

fn call<T: Send + 'static>(system: &System, caller: Caller, f: impl FnOnce() -> T + Send + 'static) -> T {
    match caller {
        Caller::Event(pool, index) => system.on(pool, index, f),
        Caller::Guest => system.as_guest(f),
        Caller::PluginThread => system.on_plugin_thread(f),
    }
}

fn callers(system: &System) -> Vec<Caller> {
    let mut callers = vec![Caller::Event(Pool::Net, 0), Caller::Event(Pool::Task, 0), Caller::Guest];
    if matches!(system, System::Real(_)) {
        callers.push(Caller::PluginThread);
    }
    callers
}

/// The table of the module `schedule`, written once more.
fn expected(
    affinity: Option<(Pool, usize)>,
    caller: Caller,
    wanted: Option<Pool>,
) -> (Pool, Option<usize>, Reason) {
    match (affinity, wanted) {
        (Some((pool, index)), wanted) if wanted.is_none_or(|wanted| wanted == pool) => {
            (pool, Some(index), Reason::Affinity)
        }
        (Some(_), wanted) => (wanted.unwrap(), None, Reason::InTurnAffinityElsewhere),
        (None, wanted) => match caller {
            Caller::Event(pool, index) if wanted.is_none_or(|wanted| wanted == pool) => {
                (pool, Some(index), Reason::Caller)
            }
            _ => (wanted.unwrap_or(Pool::Net), None, Reason::InTurn),
        },
    }
}

fn check_row(
    system: &System,
    before: Option<(Pool, usize)>,
    caller: Caller,
    wanted: Option<Pool>,
    every: bool,
) {
    let row = format!("affinity {before:?}, caller {caller:?}, wanted {wanted:?}, every {every}");
    let (cont, seen) = teller();
    if let Some((pool, index)) = before {
        let thread = system.thread(pool, index);
        system.as_guest(|| cont.set_affinity(&thread)).unwrap();
    }
    let called = cont.clone();
    let (explained, action) = call(system, caller, move || {
        let explained = called.explain(wanted).unwrap();
        let time = Duration::from_millis(1);
        let action = match (wanted, every) {
            (None, false) => called.schedule(time),
            (None, true) => called.schedule_every(time),
            (Some(pool), false) => called.schedule_on_pool(time, pool),
            (Some(pool), true) => called.schedule_every_on_pool(time, pool),
        };
        (explained, action.unwrap())
    });
    let Seen { thread, .. } = system.receive(&seen);
    action.cancel();

    let (pool, index, reason) = expected(before, caller, wanted);
    assert_eq!(pool_of(&thread), Some(pool), "{row}");
    if let Some(index) = index {
        assert_eq!(thread, Some(system.thread(pool, index)), "{row}");
    }
    let after = affinity(system, &cont);
    match before {
        Some((pool, index)) => assert_eq!(after, Some(system.thread(pool, index)), "kept: {row}"),
        None => assert_eq!(after, thread, "set: {row}"),
    }
    assert_eq!(explained.reason, reason, "{row}");
    assert_eq!(explained.pool, Some(pool), "{row}");
    assert_eq!(explained.thread, index.map(|index| system.thread(pool, index)), "{row}");
    assert_eq!(explained.becomes_affinity, before.is_none(), "{row}");
}

#[test]
fn every_row_of_the_table_holds_from_every_kind_of_thread() {
    on_both_clocks(|system| {
        for before in [None, Some((Pool::Net, 0)), Some((Pool::Net, 1)), Some((Pool::Task, 0)), Some(A)] {
            for caller in callers(system) {
                for wanted in [None, Some(Pool::Net), Some(Pool::Task)] {
                    for every in [false, true] {
                        check_row(system, before, caller, wanted, every);
                    }
                }
            }
        }
    });
}

#[test]
fn a_schedule_on_a_thread_takes_that_thread_which_becomes_the_affinity_if_there_was_none() {
    on_both_clocks(|system| {
        let (wanted, other) = (system.thread(Pool::Net, 1), system.thread(Pool::Task, 0));
        for caller in callers(system) {
            for before in [None, Some(other.clone())] {
                for every in [false, true] {
                    let (cont, seen) = teller();
                    if let Some(thread) = &before {
                        system.as_guest(|| cont.set_affinity(thread)).unwrap();
                    }
                    let (called, thread) = (cont.clone(), wanted.clone());
                    let action = call(system, caller, move || match every {
                        false => called.schedule_on_thread(Duration::ZERO, &thread),
                        true => called.schedule_every_on_thread(Duration::from_millis(1), &thread),
                    });
                    assert_eq!(system.receive(&seen).thread.as_ref(), Some(&wanted));
                    action.unwrap().cancel();
                    let after = affinity(system, &cont);
                    assert_eq!(after.as_ref(), Some(before.as_ref().unwrap_or(&wanted)));
                }
            }
        }
    });
}

#[test]
fn clearing_the_affinity_makes_the_next_schedule_choose_anew() {
    on_both_clocks(|system| {
        let (cont, seen) = teller();
        let a = system.thread(A.0, A.1);
        system.as_guest(|| {
            cont.set_affinity(&a).unwrap();
            cont.clear_affinity().unwrap();
            assert_eq!(cont.affinity(), Ok(None));
        });
        let other = cont.clone();
        system.on(Pool::Net, 1, move || other.schedule(Duration::ZERO)).unwrap();
        assert_eq!(system.receive(&seen).thread, Some(system.thread(Pool::Net, 1)));
        assert_eq!(affinity(system, &cont), Some(system.thread(Pool::Net, 1)));
    });
}

#[test]
fn guests_without_affinity_and_pool_take_network_threads_in_turn() {
    on_both_clocks(|system| {
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let (cont, seen) = teller();
                system.as_guest(|| cont.schedule(Duration::ZERO)).unwrap();
                system.receive(&seen).thread
            })
            .collect();
        assert_ne!(threads[0], threads[1]);
        assert!(threads.iter().all(|thread| pool_of(thread) == Some(Pool::Net)));
    });
}

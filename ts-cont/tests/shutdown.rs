//! Ending a system: what is queued runs or is cancelled, threads are joined, the report tells, and nothing is left behind.

#![cfg(not(loom))]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use support::{Busy, From, HOUR, LIMIT, Log, MILLI, World, cookie, counting};
use ts_cont::{
    Cancel, Continuation, EventProcessor, EventType, Finished, Message, ProxyMutex, Queued, RearmError,
    Refusal, RegisterError, ShutdownOptions, SpawnError,
};

const NET: EventType = EventType::NET;

fn run() -> ShutdownOptions {
    ShutdownOptions::default().deadline(LIMIT)
}

fn cancel() -> ShutdownOptions {
    run().queued(Queued::Cancel)
}

#[test]
fn what_is_ready_runs_and_what_is_not_is_cancelled() {
    World::both(2, |world| {
        let (log, drops) = (Log::new(), Log::new());
        let continuation = counting(&log);
        for number in 0..100_usize {
            let message = cookie(number).data(drops.on_drop(number));
            world.thread(number % 2).schedule_imm(&continuation, message).unwrap();
        }
        let mut timers = Vec::new();
        for number in 0..50 {
            let message = cookie(1000).data(drops.on_drop(1000));
            let thread = world.thread(number % 2);
            timers.push(match number % 3 {
                0 => thread.schedule_in(&continuation, HOUR, message).unwrap(),
                _ => thread.schedule_every(&continuation, HOUR, message).unwrap(),
            });
        }
        drop(continuation);
        let report = world.end_with(run());
        let mut runs = log.all();
        runs.sort_unstable();
        assert_eq!(runs, (0..100).collect::<Vec<_>>());
        assert_eq!((report.dispatched, report.cancelled, drops.len()), (100, 50, 150));
        assert!(report.is_clean(), "{report}");
        for timer in timers {
            assert!(matches!(timer.cancel(), Cancel::AlreadyCancelled | Cancel::Stale));
        }
    });
}

#[test]
fn everything_is_cancelled_if_so_asked() {
    for seed in 0..4 {
        let world = World::simulated(seed, 1);
        let (log, drops) = (Log::new(), Log::new());
        let continuation = counting(&log);
        for number in 0..100_usize {
            let message = cookie(number).data(drops.on_drop(number));
            world.thread(0).schedule_imm(&continuation, message).unwrap();
        }
        let report = world.end_with(cancel());
        assert_eq!(drops.all(), (0..100).collect::<Vec<_>>());
        assert_eq!(report.dispatched, log.len() as u64);
        assert_eq!(report.dispatched + report.cancelled, 100);
        // A thread looks at its orders after each handler, so at most one ran.
        assert!(log.len() <= 1);
    }
}

#[test]
fn a_busy_thread_that_is_told_to_cancel_runs_nothing_more() {
    let world = World::real(1);
    let (log, drops, inside) = (Log::new(), Log::new(), Log::new());
    let continuation = counting(&log);
    // It stays in its handler until the shutdown has begun, and has been told to stop then or soon after.
    let processor = world.processor().clone();
    let (target, witness, entered) = (continuation.clone(), drops.clone(), inside.clone());
    EventProcessor::run_on(&world.thread(0), move |here| {
        for number in 0..100_usize {
            here.schedule_imm(&target, cookie(number).data(witness.on_drop(number))).unwrap();
        }
        // A shutdown from inside tells all threads before it waits for others.
        entered.push(processor.shutdown(cancel()));
    });
    assert_eq!(inside.wait(1)[0].unfinished, ["[ET_NET 0]"]);
    let report = world.end_with(cancel());
    assert_eq!((report.stopped.len(), report.dispatched, report.cancelled), (1, 0, 100));
    assert_eq!(drops.len(), 100);
    assert!(log.is_empty());
}

#[test]
fn every_message_is_dropped_once_when_a_loaded_system_ends() {
    for options in [run(), cancel()] {
        let world = World::real(2);
        let (made, dropped) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        struct Counted(Arc<AtomicUsize>);
        impl Drop for Counted {
            fn drop(&mut self) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let mutex = ProxyMutex::new();
        let started = Log::new();
        for number in 0..8 {
            let (made, dropped, started) = (Arc::clone(&made), Arc::clone(&dropped), started.clone());
            let mut runs = 0;
            let continuation = Continuation::new(&mutex, move |event| {
                runs += 1;
                if runs == 10 {
                    started.push(());
                }
                let processor = event.here().unwrap().processor();
                for delay in [Duration::ZERO, MILLI, HOUR] {
                    made.fetch_add(1, Ordering::Relaxed);
                    let message = Message::default().data(Counted(Arc::clone(&dropped)));
                    let thread = &processor.threads(NET)[runs % 2];
                    // One that is refused drops its message as well.
                    if delay < HOUR || runs % 16 == 0 {
                        let _ = thread.schedule_in(event.continuation(), delay, message);
                    }
                    if runs > 40 {
                        return;
                    }
                }
            });
            world.thread(number % 2).schedule_imm(&continuation, ()).unwrap();
        }
        started.wait(8);
        let report = world.end_with(options);
        assert_eq!(made.load(Ordering::Relaxed), dropped.load(Ordering::Relaxed));
        assert!(report.is_clean(), "{report}");
    }
}

#[test]
fn all_calls_are_refused_afterwards_and_a_second_shutdown_finds_nothing() {
    World::both(1, |world| {
        let processor = world.processor().clone();
        let thread = world.thread(0);
        let continuation = counting(&Log::new());
        let report = world.end_with(run());
        assert_eq!(report.stopped, ["[ET_NET 0]"]);
        assert_eq!(thread.schedule_imm(&continuation, ()).unwrap_err().refusal(), Refusal::ShuttingDown);
        let refused = processor.schedule(&continuation, MILLI, ()).unwrap_err();
        assert_eq!(refused.refusal(), Refusal::ShuttingDown);
        assert_eq!(thread.spawn(async {}).map(drop), Err(Refusal::ShuttingDown));
        assert_eq!(processor.spawn(NET, async {}).map(drop), Err(Refusal::ShuttingDown));
        assert_eq!(processor.register_event_type("late"), Err(RegisterError::ShuttingDown));
        let late = processor.spawn_event_threads(NET, 1, 0);
        assert!(matches!(late, Err(SpawnError::ShuttingDown)), "{late:?}");
        let late = processor.spawn_event_threads("late", 1, 0);
        assert!(late.is_err(), "{late:?}");
        let second = processor.shutdown(run());
        assert!(second.stopped.is_empty() && second.unfinished.is_empty(), "{second}");
        assert_eq!(second.dispatched, 0);
        // Closures and what they own are dropped.
        let drops = Log::new();
        let witness = drops.on_drop(());
        EventProcessor::run_on(&thread, move |_| drop(witness));
        assert_eq!(drops.len(), 1);
    });
}

#[test]
fn handlers_that_run_during_the_shutdown_cannot_go_on() {
    // Only where time is real: in a simulation everything else stands still while a handler runs.
    let world = World::real(1);
    let (answers, inside) = (Log::new(), Log::new());
    let continuation = Continuation::new(&ProxyMutex::new(), {
        let (answers, inside) = (answers.clone(), inside.clone());
        move |event| {
            inside.push(());
            let here = event.here().unwrap();
            // What runs when the shutdown begins stays until it is refused something.
            while here.schedule_imm(event.continuation(), ()).is_ok() {
                std::thread::park_timeout(MILLI);
            }
            answers.push(event.reschedule_imm());
        }
    });
    world.thread(0).schedule_every(&continuation, MILLI, ()).unwrap();
    inside.wait(1);
    let report = world.end_with(run());
    assert!(report.unfinished.is_empty(), "{report}");
    assert!(!answers.is_empty());
    assert!(answers.all().iter().all(|answer| *answer == Err(RearmError::ShuttingDown)));
}

#[test]
fn a_shutdown_from_inside_does_not_wait_for_its_own_thread() {
    let world = World::real(2);
    let processor = world.processor().clone();
    let report = world.at(From::First, move || processor.shutdown(run()));
    assert_eq!(report.unfinished, ["[ET_NET 0]"]);
    assert_eq!(report.stopped, ["[ET_NET 1]"]);
    let second = world.processor().shutdown(run());
    assert_eq!((second.stopped, second.unfinished), (vec!["[ET_NET 0]".to_owned()], vec![]));
}

#[test]
fn the_report_names_a_thread_that_is_stuck_when_the_time_is_over() {
    let world = World::real(2);
    let (drops, log) = (Log::new(), Log::new());
    let busy = Busy::make(&world.thread(1));
    let continuation = counting(&log);
    world.thread(1).schedule_imm(&continuation, Message::default().data(drops.on_drop(()))).unwrap();
    let report = world.processor().shutdown(run().deadline(20 * MILLI));
    // The other thread may need longer than that, where there is much else to do; then it is named as well.
    let stuck = "[ET_NET 1]".to_owned();
    assert!(report.unfinished.contains(&stuck) && !report.stopped.contains(&stuck), "{report}");
    assert!(report.to_string().contains("[ET_NET 1]") && !report.is_clean());
    assert!(report.took >= 20 * MILLI);
    // It ends by itself as soon as it can, and a second shutdown joins it.
    busy.release();
    let second = world.processor().shutdown(run());
    assert!(second.stopped.contains(&stuck) && second.unfinished.is_empty(), "{second}");
    assert_eq!(drops.len(), 1, "what it had queued is dropped");
}

#[test]
fn a_simulated_thread_that_is_stuck_is_named_too() {
    let world = World::simulated(1, 2);
    let mutex = ProxyMutex::new();
    let continuation = Continuation::new(&mutex, |_| {});
    let holder = support::Holder::hold(&mutex);
    world.thread(1).schedule_imm(&continuation, ()).unwrap();
    world.settle();
    let report = world.end_with(run().deadline(Duration::from_secs(3)));
    assert_eq!(
        (report.stopped, report.unfinished),
        (vec!["[ET_NET 0]".to_owned()], vec!["[ET_NET 1]".to_owned()])
    );
    holder.release();
}

#[test]
fn a_simulation_with_nothing_to_wait_for_ends_without_time_passing() {
    let world = World::simulated(1, 2);
    let report = world.end_with(run());
    assert_eq!((report.stopped.len(), report.took), (2, Duration::ZERO));
}

#[test]
fn the_report_lists_living_continuations_by_name_and_place() {
    World::both(1, |world| {
        let make = || Continuation::named("leaked").shared(|_| {});
        let line = line!() - 1;
        let leaked: Vec<_> = (0..3).map(|_| make()).collect();
        let nameless = counting(&Log::new());
        let (gone, destroyed, foreign) = (make(), make(), make());
        for continuation in leaked.iter().chain([&nameless, &gone, &destroyed]) {
            world.thread(0).schedule_imm(continuation, ()).unwrap();
        }
        world.settle();
        drop(gone);
        destroyed.destroy();
        let report = world.end_with(run());
        let names = &report.continuations;
        assert_eq!(names.len(), 2, "{names:?}");
        let place = format!("shutdown.rs:{line}");
        let named = names.iter().find(|(name, _)| name.starts_with("leaked")).unwrap();
        assert!(named.0.contains(&place) && named.1 == 3, "{named:?}");
        let nameless_line = names.iter().find(|(name, _)| !name.starts_with("leaked")).unwrap();
        assert!(nameless_line.0.contains("shutdown.rs") && nameless_line.1 == 1, "{nameless_line:?}");
        assert!(!report.is_clean());
        assert!(report.to_string().contains("leaked"));
        drop((foreign, nameless));
    });
}

#[test]
fn a_continuation_made_on_an_event_thread_or_by_a_guest_is_listed_without_being_scheduled() {
    World::both(1, |world| {
        let inside = world.at(From::First, || Continuation::named("inside").shared(|_| {}));
        let guest = world.at(From::Guest, || Continuation::named("guest").shared(|_| {}));
        let report = world.end_with(run());
        let names: Vec<_> =
            report.continuations.iter().map(|(name, _)| name.split(' ').next().unwrap()).collect();
        assert_eq!(names, ["guest", "inside"]);
        drop((inside, guest));
    });
}

#[test]
fn work_for_a_group_that_never_came_up_is_cancelled() {
    World::both(1, |world| {
        let later = world.processor().register_event_type("later").unwrap();
        let (log, drops) = (Log::new(), Log::new());
        let continuation = counting(&log);
        let mut finished = Vec::new();
        for _ in 0..10 {
            let (message, completion) = Message::default().data(drops.on_drop(())).completion();
            world.processor().schedule_imm(&continuation, later, message).unwrap();
            finished.push(completion);
        }
        assert_eq!(world.end_with(run()).cancelled, 10);
        assert_eq!(drops.len(), 10);
        for completion in finished {
            assert_eq!(poll_once(completion), Some(Finished::Cancelled));
        }
        assert!(log.is_empty());
    });
}

fn poll_once<F: Future>(future: F) -> Option<F::Output> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}

#[test]
fn the_drop_of_the_last_handle_stops_the_threads() {
    let (log, drops, thread) = {
        let world = World::real(2);
        let (log, drops) = (Log::new(), Log::new());
        let continuation = counting(&log);
        for index in 0..2 {
            let message = cookie(index).data(drops.on_drop(index));
            world.thread(index).schedule_in(&continuation, HOUR, message).unwrap();
        }
        world.settle();
        (log, drops, world.thread(0))
    };
    drops.wait(2);
    assert!(log.is_empty());
    let refused = thread.schedule_imm(&counting(&log), ()).unwrap_err();
    assert_eq!(refused.refusal(), Refusal::ShuttingDown);
}

#[test]
fn the_drop_of_a_simulation_drops_what_its_threads_have() {
    let drops = Log::new();
    {
        let world = World::simulated(1, 2);
        let continuation = Continuation::with_data(&ProxyMutex::new(), drops.on_drop(0), |_, _| {});
        for index in 0..2 {
            let message = Message::default().data(drops.on_drop(index + 1));
            world.thread(index).schedule_in(&continuation, HOUR, message).unwrap();
        }
        world.settle();
    }
    let mut gone = drops.all();
    gone.sort_unstable();
    assert_eq!(gone, [0, 1, 2]);
}

#[test]
fn two_threads_may_shut_down_at_once() {
    let world = World::real(2);
    let processor = world.processor();
    let reports: Vec<_> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..4).map(|_| scope.spawn(|| processor.shutdown(run()))).collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    });
    let mut stopped: Vec<_> = reports.iter().flat_map(|report| report.stopped.clone()).collect();
    stopped.sort_unstable();
    assert_eq!(stopped, ["[ET_NET 0]", "[ET_NET 1]"]);
}

#[test]
fn a_shutdown_leaves_the_continuations_of_other_processors_alone() {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                assert!(EventProcessor::builder().build().shutdown(run()).is_clean());
            }
        });
        let processor = EventProcessor::builder().build();
        let _guest = processor.guest();
        for round in 0..10_000 {
            let drops = Log::new();
            let continuation = Continuation::with_data(&ProxyMutex::new(), drops.on_drop(0), |_, _| {});
            // Nobody else has a handle, so its handler is dropped here and now.
            drop(continuation);
            if drops.len() != 1 {
                is_over.store(true, Ordering::Relaxed);
                panic!("round {round}: somebody else had it");
            }
        }
        is_over.store(true, Ordering::Relaxed);
    });
}

//! How groups come up: both forms of spawning, what runs first on each thread, names, stacks, and what is refused.

#![cfg(not(loom))]

mod support;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use support::{Holder, LIMIT, Log, MILLI, World, cookie, counting};
use ts_cont::{
    Continuation, EThread, EventCode, EventProcessor, EventType, GroupAttributes, Here, MAX_EVENT_TYPES,
    MAX_THREADS_IN_GROUP, MakeWait, Message, ParkWait, ProxyMutex, Refusal, RegisterError, ShutdownOptions,
    SpawnError, ThreadOptions, ThreadType, Wait, WaitKind,
};
use ts_thread::StackRegion;

const NET: EventType = EventType::NET;

#[test]
fn a_group_is_spawned_by_its_type_or_by_a_new_name() {
    World::both(0, |world| {
        let processor = world.processor();
        let first = processor.register_event_type("ET_FIRST").unwrap();
        assert_eq!(processor.spawn_event_threads(first, 2, 0).unwrap(), first);
        let second = processor.spawn_event_threads("ET_SECOND", 1, 0).unwrap();
        assert_ne!(first, second);
        assert_eq!(processor.event_type("ET_SECOND"), Some(second));
        assert_eq!(processor.group_name(second), Some("ET_SECOND"));
        world.started(first);
        world.started(second);
        let names = |group| processor.threads(group).iter().map(|t| t.name().to_owned()).collect::<Vec<_>>();
        assert_eq!(names(first), ["[ET_FIRST 0]", "[ET_FIRST 1]"]);
        assert_eq!(names(second), ["[ET_SECOND 0]"]);
        for (index, thread) in processor.threads(first).iter().enumerate() {
            assert_eq!((thread.group(), thread.index()), (Some(first), index));
            assert_eq!(thread.kind(), ThreadType::Regular);
            assert!(!thread.is_current());
            let same = thread.clone();
            assert!(world.on(thread, move || same.is_current() && EThread::current() == Some(same)));
        }
        assert_eq!(world.end().stopped.len(), 3);
    });
}

#[test]
fn a_thread_has_the_name_of_its_group_and_index_also_for_the_operating_system() {
    let world = World::real(2);
    for thread in world.processor().threads(NET) {
        let (name, ours) = world.on(thread, || {
            (
                std::fs::read_to_string("/proc/thread-self/comm").unwrap(),
                ts_thread::current().name().map(|n| n.to_string()),
            )
        });
        assert_eq!(name.trim_end(), thread.name());
        assert_eq!(ours.as_deref(), Some(thread.name()));
    }
    world.end();
}

#[test]
#[allow(deprecated, reason = "the old name is what is tested")]
fn et_call_is_a_synonym_of_et_net() {
    World::both(1, |world| {
        assert_eq!(EventType::CALL, NET);
        assert_eq!(world.processor().event_type("ET_CALL"), Some(NET));
        assert_eq!(world.processor().event_type("ET_NET"), Some(NET));
        assert_eq!(world.processor().group_name(EventType::CALL), Some("ET_NET"));
        let taken = world.processor().register_event_type("ET_CALL").unwrap_err();
        assert!(matches!(taken, RegisterError::NameTaken(_)), "{taken:?}");
    });
}

#[test]
fn start_calls_run_on_each_thread_in_the_order_of_addition_before_anything_else() {
    World::both(0, |world| {
        let processor = world.processor();
        let group = processor.register_event_type("ET_TEST").unwrap();
        let log = Log::new();
        let note = |what: &'static str| {
            let log = log.clone();
            move |thread: usize| log.push((thread, what))
        };
        let first = note("function");
        processor.schedule_spawn_fn(group, move |here| first(here.thread().index())).unwrap();
        let second = note("continuation");
        let continuation =
            Continuation::new(&ProxyMutex::new(), move |_| second(Here::current().unwrap().thread().index()));
        processor.schedule_spawn(&continuation, group, ()).unwrap();
        let third = note("another function");
        processor.schedule_spawn_fn(group, move |here| third(here.thread().index())).unwrap();
        let fourth = note("event");
        let event = Continuation::shared(move |event| fourth(event.here().unwrap().thread().index()));
        for _ in 0..8 {
            processor.schedule_imm(&event, group, ()).unwrap();
        }
        processor.spawn_event_threads(group, 3, 0).unwrap();
        let lines = world.wait(&log, 3 * 3 + 8);
        for thread in 0..3 {
            let mine: Vec<_> = lines.iter().filter(|line| line.0 == thread).map(|line| line.1).collect();
            assert_eq!(mine[..3], ["function", "continuation", "another function"], "thread {thread}");
            assert!(mine[3..].iter().all(|what| *what == "event"), "thread {thread}: {mine:?}");
        }
        drop((continuation, event));
        assert!(world.end_with(ShutdownOptions::default().deadline(LIMIT)).unfinished.is_empty());
    });
}

#[test]
fn what_runs_first_on_a_thread_is_told_the_thread_by_its_number() {
    World::both(0, |world| {
        let processor = world.processor();
        let group = processor.register_event_type("ET_TEST").unwrap();
        let log = Log::new();
        let look = |log: Log<bool>| {
            move |here: &Here| {
                let found = EThread::from_number(here.number());
                log.push(found.as_ref() == Some(here.thread()));
            }
        };
        processor.schedule_spawn_fn(group, look(log.clone())).unwrap();
        let looks = look(log.clone());
        let event = Continuation::shared(move |event| looks(event.here().unwrap()));
        for _ in 0..8 {
            processor.schedule_imm(&event, group, ()).unwrap();
        }
        processor.spawn_event_threads(group, 4, 0).unwrap();
        assert_eq!(world.wait(&log, 4 + 8), [true; 4 + 8]);
        drop(event);
        world.end();
    });
}

#[test]
fn a_start_continuation_with_a_mutex_is_called_once_per_thread_under_its_mutex() {
    // T-16: the original aborts with a mutex, and runs it on all threads at once without one.
    World::both(0, |world| {
        let processor = world.processor();
        let group = processor.register_event_type("ET_TEST").unwrap();
        let log = Log::new();
        let mutex = ProxyMutex::new();
        let inside = Arc::new(AtomicUsize::new(0));
        let continuation = Continuation::new(&mutex, {
            let (log, mutex, simulated) = (log.clone(), mutex.clone(), world.is_virtual());
            move |event| {
                assert!(mutex.held_by_current());
                assert_eq!(inside.fetch_add(1, Ordering::Relaxed), 0, "one at a time");
                if simulated {
                    ts_cont::simulate::pass(MILLI).unwrap();
                } else {
                    std::thread::yield_now();
                }
                inside.fetch_sub(1, Ordering::Relaxed);
                log.push((Here::current().unwrap().thread().index(), event.code(), event.cookie()));
            }
        });
        processor.schedule_spawn(&continuation, group, Message::new(EventCode::new(123)).cookie(45)).unwrap();
        processor.spawn_event_threads(group, 4, 0).unwrap();
        let mut calls = world.wait(&log, 4);
        calls.sort_unstable();
        assert_eq!(calls, [0, 1, 2, 3].map(|thread| (thread, EventCode::new(123), 45)));
        world.end();
        assert_eq!(log.len(), 4);
    });
}

#[test]
fn a_start_continuation_waits_for_its_mutex() {
    let world = World::real(0);
    let group = world.processor().register_event_type("ET_TEST").unwrap();
    let log = Log::new();
    let mutex = ProxyMutex::new();
    let continuation = Continuation::new(&mutex, {
        let log = log.clone();
        move |_| log.push(())
    });
    let holder = Holder::hold(&mutex);
    world.processor().schedule_spawn(&continuation, group, ()).unwrap();
    world.processor().spawn_event_threads(group, 2, 0).unwrap();
    // Until a thread has come as far as the mutex, which is when it would have called.
    let deadline = Instant::now() + LIMIT;
    while !mutex.has_waiters() {
        assert!(Instant::now() < deadline, "nobody waits for the mutex; calls so far: {}", log.len());
        std::thread::park_timeout(MILLI);
    }
    assert!(log.is_empty());
    assert!(!world.processor().wait_started(group, Duration::ZERO));
    holder.release();
    log.wait(2);
    assert!(world.processor().wait_started(group, LIMIT));
    world.end();
}

#[test]
fn a_start_continuation_without_a_mutex_gets_the_usual_code() {
    World::both(0, |world| {
        let group = world.processor().register_event_type("ET_TEST").unwrap();
        let log = Log::new();
        let continuation = Continuation::shared({
            let log = log.clone();
            move |event| log.push((event.code(), event.cookie()))
        });
        world.processor().schedule_spawn(&continuation, group, ()).unwrap();
        world.processor().spawn_event_threads(group, 2, 0).unwrap();
        assert_eq!(world.wait(&log, 2), [(EventCode::IMMEDIATE, 0); 2]);
    });
}

#[test]
fn start_calls_for_an_unknown_group_are_refused() {
    let world = World::simulated(1, 1);
    let unknown = EventType::new(9);
    let refusal = Refusal::UnknownGroup(unknown);
    let continuation = counting(&Log::new());
    assert_eq!(world.processor().schedule_spawn_fn(unknown, |_| {}), Err(refusal));
    assert_eq!(world.processor().schedule_spawn(&continuation, unknown, ()).unwrap_err().refusal(), refusal);
    assert_eq!(world.processor().after_start(unknown, |_| {}), Err(refusal));
    assert!(!world.processor().wait_started(unknown, Duration::ZERO));
}

#[test]
fn threads_that_run_already_are_not_affected_by_later_start_calls() {
    World::both(2, |world| {
        let log = Log::new();
        let note = log.clone();
        world.processor().schedule_spawn_fn(NET, move |_| note.push(())).unwrap();
        world.settle();
        assert!(log.is_empty());
    });
}

#[test]
fn after_start_runs_once_on_the_last_thread_to_start() {
    World::both(0, |world| {
        let processor = world.processor();
        let group = processor.register_event_type("ET_TEST").unwrap();
        let log = Log::new();
        let each = log.clone();
        processor.schedule_spawn_fn(group, move |_| each.push("start")).unwrap();
        for what in ["first", "second"] {
            let after = log.clone();
            processor.after_start(group, move |_| after.push(what)).unwrap();
        }
        processor.spawn_event_threads(group, 3, 0).unwrap();
        assert_eq!(world.wait(&log, 5), ["start", "start", "start", "first", "second"]);
        let after = log.clone();
        processor
            .after_start(group, move |here| {
                assert_eq!(here.thread().group(), Some(group));
                after.push("at once");
            })
            .unwrap();
        assert_eq!(world.wait(&log, 6).pop(), Some("at once"));
    });
}

#[test]
fn who_waits_for_the_start_finds_what_runs_after_it_done() {
    let world = World::real(0);
    let processor = world.processor();
    let group = processor.register_event_type("ET_TEST").unwrap();
    let (go, gone) = mpsc::channel::<()>();
    let inside = Log::new();
    let note = inside.clone();
    processor
        .after_start(group, move |_| {
            note.push(());
            let _ = gone.recv();
        })
        .unwrap();
    processor.spawn_event_threads(group, 2, 0).unwrap();
    inside.wait(1);
    assert!(
        !processor.wait_started(group, Duration::ZERO),
        "the function that runs at the start is not through"
    );
    go.send(()).unwrap();
    assert!(processor.wait_started(group, LIMIT));
    world.end();
}

#[test]
fn waiting_for_a_group_that_does_not_come_up_ends_at_its_limit() {
    let world = World::real(0);
    assert!(!world.processor().wait_started(NET, MILLI));
    world.processor().spawn_event_threads(NET, 1, 0).unwrap();
    assert!(world.processor().wait_started(NET, Duration::MAX));
    world.end();
}

#[test]
fn groups_without_threads_with_too_many_or_twice_are_refused() {
    World::both(1, |world| {
        let processor = world.processor();
        assert!(matches!(processor.spawn_event_threads("ET_TEST", 0, 0), Err(SpawnError::NoThreads)));
        assert!(matches!(
            processor.spawn_event_threads("ET_TEST", MAX_THREADS_IN_GROUP + 1, 0),
            Err(SpawnError::TooManyThreads { asked, limit }) if asked == limit + 1
        ));
        assert_eq!(processor.event_type("ET_TEST"), None, "a refused spawn registers nothing");
        assert!(matches!(processor.spawn_event_threads(NET, 1, 0), Err(SpawnError::AlreadySpawned(NET))));
        assert!(matches!(
            processor.spawn_event_threads("ET_NET", 1, 0),
            Err(SpawnError::Register(RegisterError::NameTaken(_)))
        ));
        let unknown = EventType::new(9);
        assert!(matches!(processor.spawn_event_threads(unknown, 1, 0), Err(SpawnError::UnknownGroup(_))));
        assert!(matches!(processor.register_event_type("ET_NET"), Err(RegisterError::NameTaken(_))));
        assert_eq!(processor.threads(NET).len(), 1);
        assert!(processor.threads(unknown).is_empty());
    });
}

#[test]
fn only_so_many_groups_can_be_registered() {
    // T-1, T-15: the original writes past its table.
    let world = World::simulated(1, 1);
    for number in 1..MAX_EVENT_TYPES {
        let group = world.processor().register_event_type(&format!("group {number}")).unwrap();
        assert_eq!(usize::from(group.index()), number);
    }
    let error = world.processor().register_event_type("one more").unwrap_err();
    assert_eq!(error, RegisterError::TooMany { name: "one more".to_owned(), limit: MAX_EVENT_TYPES });
    assert!(matches!(world.processor().spawn_event_threads("one more", 1, 0), Err(SpawnError::Register(_))));
}

/// A wait that cannot be made for the thread whose turn is `fails`.
fn failing(fails: usize) -> GroupAttributes {
    let made = AtomicUsize::new(0);
    let make: MakeWait = Arc::new(move || {
        if made.fetch_add(1, Ordering::Relaxed) == fails {
            return Err(io::Error::other("no way to wait"));
        }
        Ok(Box::new(ParkWait::new()) as Box<dyn Wait>)
    });
    GroupAttributes { wait: WaitKind::Custom(make), ..GroupAttributes::default() }
}

#[test]
fn a_group_that_failed_to_start_can_be_spawned_again() {
    let world = World::real(0);
    let processor = world.processor();
    let group = processor.register_event_type_with("ET_TEST", failing(2)).unwrap();
    let log = Log::new();
    let event = counting(&log);
    processor.schedule_imm(&event, group, cookie(1)).unwrap();
    let failed = processor.spawn_event_threads(group, 4, 0);
    assert!(matches!(&failed, Err(SpawnError::Wait { name, .. }) if name == "[ET_TEST 2]"), "{failed:?}");
    assert!(processor.threads(group).is_empty());
    assert!(log.is_empty(), "what waits for the group goes on waiting");

    let after = Log::new();
    let note = after.clone();
    processor.after_start(group, move |_| note.push(())).unwrap();
    let (go, gone) = mpsc::channel::<()>();
    let gone = std::sync::Mutex::new(gone);
    processor
        .schedule_spawn_fn(group, move |here| {
            if here.thread().index() == 3 {
                let _ = gone.lock().unwrap().recv();
            }
        })
        .unwrap();
    processor.spawn_event_threads(group, 4, 0).unwrap();
    assert_eq!(log.wait(1), [1]);
    assert!(!processor.wait_started(group, 20 * MILLI), "a thread has not run its start calls");
    assert!(after.is_empty());
    go.send(()).unwrap();
    assert!(processor.wait_started(group, LIMIT));
    assert_eq!(after.len(), 1);
    let report = processor.shutdown(ShutdownOptions::default().deadline(LIMIT));
    assert_eq!(report.stopped.len(), 4);
}

#[test]
fn threads_that_cannot_be_had_are_an_error_with_the_name() {
    let world = World::real(0);
    let processor = world.processor();
    let group = processor.register_event_type("ET_TEST").unwrap();
    let nowhere = ThreadOptions::new().cpu_sets(vec![vec![100_000]]);
    let error = processor.spawn_event_threads_with(group, 2, nowhere).unwrap_err();
    assert!(matches!(&error, SpawnError::Start { name, .. } if name == "[ET_TEST 0]"), "{error:?}");
    assert!(error.to_string().contains("[ET_TEST 0]"));
    assert!(processor.threads(group).is_empty());
    processor.spawn_event_threads(group, 2, 0).unwrap();
    assert!(processor.wait_started(group, LIMIT));
    let nul = processor.spawn_thread(&counting(&Log::new()), "n\0l", 0, ()).unwrap_err();
    assert!(matches!(nul, SpawnError::Start { .. }), "{nul:?}");
    world.end();
}

#[test]
fn a_start_function_that_panics_does_not_take_its_thread_with_it() {
    World::both(0, |world| {
        let processor = world.processor();
        let group = processor.register_event_type("ET_TEST").unwrap();
        processor.schedule_spawn_fn(group, |_| panic!("on purpose")).unwrap();
        let log = Log::new();
        let after = log.clone();
        processor.schedule_spawn_fn(group, move |_| after.push(0)).unwrap();
        processor.spawn_event_threads(group, 1, 0).unwrap();
        processor.schedule_imm(&counting(&log), group, cookie(1)).unwrap();
        assert_eq!(world.wait(&log, 2), [0, 1]);
        world.started(group);
        assert_eq!(world.end().stopped, ["[ET_TEST 0]"]);
    });
}

/// Where the stack of the calling thread is, and how large.
fn address_on_stack() -> usize {
    let here = 0_u8;
    std::ptr::from_ref(&here).addr()
}

#[test]
fn stacks_are_as_large_as_was_asked_and_where_the_caller_put_them() {
    let world = World::real(0);
    let processor = world.processor();
    let region = StackRegion::from_mmap(2 << 20, 1).unwrap();
    let (base, size) = (region.base().addr().get(), region.size());
    let options = ThreadOptions::new().stack_size(512 << 10).guard_pages(2).stacks(vec![region]);
    let group = processor.spawn_event_threads_with("ET_TEST", 2, options).unwrap();
    let within = |thread: &EThread| {
        let address = world.on(thread, address_on_stack);
        (base..base + size).contains(&address)
    };
    assert!(within(&processor.threads(group)[0]), "the first thread has the first region");
    assert!(!within(&processor.threads(group)[1]), "there is no second");

    // A handler that needs more than the default stack of one megabyte has it.
    fn deep(levels: usize) -> u8 {
        let room = std::hint::black_box([levels as u8; 64 << 10]);
        if levels == 0 { room[0] } else { deep(levels - 1).wrapping_add(room[1]) }
    }
    let large = processor.spawn_event_threads("ET_LARGE", 1, 16 << 20).unwrap();
    world.on(&processor.threads(large)[0], || deep(100));
    world.end();
}

#[test]
fn a_dedicated_thread_runs_its_continuation_once_and_is_the_current_thread_meanwhile() {
    let world = World::real(0);
    let log = Log::new();
    let mutex = ProxyMutex::new();
    let continuation = Continuation::new(&mutex, {
        let log = log.clone();
        move |event| {
            let current = EThread::current().unwrap();
            log.push((event.code(), event.cookie(), current.name().to_owned(), current.is_current()));
        }
    });
    let thread = world.processor().spawn_thread(&continuation, "dedicated", 0, ()).unwrap();
    assert_eq!((thread.kind(), thread.group(), thread.name()), (ThreadType::Dedicated, None, "dedicated"));
    assert_eq!(log.wait(1), [(EventCode::IMMEDIATE, 0, "dedicated".to_owned(), true)]);
    world
        .processor()
        .spawn_thread(&continuation, "with a stack", 4 << 20, Message::new(EventCode::new(8)).cookie(9))
        .unwrap();
    assert_eq!(log.wait(2)[1], (EventCode::new(8), 9, "with a stack".to_owned(), true));
    drop(continuation);
    let report = world.end();
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.stopped, ["dedicated", "with a stack"]);
}

#[test]
fn dedicated_threads_that_have_ended_leave_no_stacks_behind() {
    const STACK: usize = 8 << 20;
    let world = World::real(0);
    let log = Log::new();
    let continuation = counting(&log);
    let mapped = || {
        let text = std::fs::read_to_string("/proc/self/statm").unwrap();
        text.split(' ').next().unwrap().parse::<usize>().unwrap() * 4096
    };
    let run = |threads: usize, seen: usize| {
        for thread in 1..=threads {
            world.processor().spawn_thread(&continuation, "brief", STACK, ()).unwrap();
            log.wait(seen + thread);
        }
    };
    run(100, 0);
    let before = mapped();
    run(300, 100);
    // Others of this process map something meanwhile, but not the stacks of 100 threads.
    assert!(mapped() < before + 100 * STACK, "{} bytes more", mapped() - before);
    drop(continuation);
    assert!(world.end().is_clean());
}

#[test]
fn a_dedicated_thread_uses_the_mutex_that_its_continuation_has() {
    // T-20: the original replaces it, and other holders of the old one exclude nobody any more.
    let world = World::real(0);
    let mutex = ProxyMutex::new();
    let log = Log::new();
    let continuation = Continuation::new(&mutex, {
        let (log, mutex) = (log.clone(), mutex.clone());
        move |_| log.push(mutex.held_by_current())
    });
    let holder = Holder::hold(&mutex);
    world.processor().spawn_thread(&continuation, "dedicated", 0, ()).unwrap();
    assert!(log.is_empty(), "the mutex is held elsewhere");
    assert_eq!(continuation.mutex(), Some(&mutex));
    holder.release();
    assert_eq!(log.wait(1), [true]);
    world.end();
}

#[test]
fn a_simulation_has_no_dedicated_threads() {
    let world = World::simulated(1, 1);
    let error = world.processor().spawn_thread(&counting(&Log::new()), "dedicated", 0, ()).unwrap_err();
    assert!(matches!(error, SpawnError::Simulated));
}

#[test]
fn a_threads_own_mutex_is_a_free_mutex() {
    // T-2: in the original it is never free.
    World::both(2, |world| {
        let thread = world.thread(0);
        assert!(thread.mutex().try_lock().is_some());
        assert_ne!(thread.mutex(), world.thread(1).mutex());
        let log = Log::new();
        let continuation = Continuation::new(thread.mutex(), {
            let log = log.clone();
            move |event| {
                let mutex = event.here().unwrap().thread().mutex().clone();
                log.push(mutex.held_by_current());
            }
        });
        thread.schedule_imm(&continuation, ()).unwrap();
        world.thread(1).schedule_imm(&continuation, ()).unwrap();
        world.wait(&log, 2);
        assert_eq!(
            log.all().iter().filter(|held| **held).count(),
            1,
            "on its own thread it is the thread's mutex"
        );
        world.settle();
        assert!(!thread.mutex().is_locked());
    });
}

#[test]
fn the_processors_of_a_process_are_independent() {
    let one = EventProcessor::builder().build();
    let two = EventProcessor::builder().build();
    assert!(!one.is_same(&two) && one.is_same(&one.clone()));
    assert!(EventProcessor::global().is_same(EventProcessor::global()));
    one.spawn_event_threads("ET_TEST", 1, 0).unwrap();
    assert_eq!(two.event_type("ET_TEST"), None);
    assert!(one.shutdown(ShutdownOptions::default().deadline(LIMIT)).is_clean());
    two.spawn_event_threads("ET_TEST", 1, 0).unwrap();
    let log = Log::new();
    two.schedule_imm(&counting(&log), two.event_type("ET_TEST").unwrap(), cookie(3)).unwrap();
    assert_eq!(log.wait(1), [3]);
    two.shutdown(ShutdownOptions::default().deadline(LIMIT));
}

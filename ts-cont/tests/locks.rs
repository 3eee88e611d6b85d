//! Events whose mutex is busy: nobody polls for it, the unlock tells, and order and fairness survive.

#![cfg(not(loom))]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use support::{HOUR, Holder, LIMIT, Log, MILLI, World, cookie, counting};
use ts_cont::simulate;
use ts_cont::{Continuation, EventProcessor, EventType, HrTime, ProxyMutex, Queued, ShutdownOptions};

const NET: EventType = EventType::NET;

fn at(nanos: u64) -> HrTime {
    HrTime::from_nanos(nanos)
}

#[test]
fn an_event_that_missed_its_mutex_runs_at_the_very_time_of_the_unlock() {
    for seed in 0..16 {
        let world = World::simulated(seed, 2);
        let log = Log::new();
        let mutex = ProxyMutex::new();
        // Shorter and longer than the fair slice, and longer than the original's 10 ms.
        let holds = [Duration::from_nanos(7), Duration::from_micros(100), 3 * MILLI, 25 * MILLI];
        for hold in holds {
            let before = log.len();
            let begin = world.processor().now().saturating_add(MILLI);
            let holder = Continuation::new(&mutex, move |_| simulate::pass(hold).unwrap());
            let waiter = Continuation::new(&mutex, {
                let log = log.clone();
                move |event| log.push(event.here().unwrap().now())
            });
            world.thread(0).schedule_at(&holder, begin, ()).unwrap();
            world.thread(1).schedule_at(&waiter, begin.saturating_add(Duration::from_nanos(3)), ()).unwrap();
            let ran = world.wait(&log, before + 1)[before];
            assert_eq!(ran, begin.saturating_add(hold), "seed {seed}, held for {hold:?}");
        }
        assert_eq!(world.end().missed_locks, holds.len() as u64);
    }
}

#[test]
fn waiting_for_a_mutex_costs_no_turns() {
    // A thread that polled every 10 ms, or every turn, would make thousands.
    let world = World::simulated(1, 2);
    let mutex = ProxyMutex::new();
    let holder = Continuation::new(&mutex, |_| simulate::pass(HOUR).unwrap());
    let log = Log::new();
    let waiter = Continuation::new(&mutex, {
        let log = log.clone();
        move |_| log.push(())
    });
    world.thread(0).schedule_imm(&holder, ()).unwrap();
    world.thread(1).schedule_in(&waiter, MILLI, ()).unwrap();
    let World::Virtual(simulation) = &world else { unreachable!() };
    let before = simulation.steps();
    simulation.run_for(2 * HOUR);
    assert_eq!(log.len(), 1);
    let steps = simulation.steps() - before;
    assert!(steps < 20, "{steps} turns");
}

#[test]
fn an_unlock_on_a_foreign_thread_tells_the_event_thread() {
    // T-13, T-14: what a foreign thread holds, it holds.
    World::both(2, |world| {
        let log = Log::new();
        let continuation = counting(&log);
        for round in 0..20 {
            let holder = Holder::hold(continuation.mutex().unwrap());
            world.thread(round % 2).schedule_imm(&continuation, cookie(round)).unwrap();
            world.settle();
            assert_eq!(log.len(), round, "the mutex is held");
            holder.release();
            assert_eq!(world.wait(&log, round + 1).pop(), Some(round));
        }
        assert_eq!(world.end().missed_locks, 20);
    });
}

#[test]
fn events_of_one_mutex_on_one_thread_keep_their_order_across_a_miss() {
    World::both(1, |world| {
        let log = Log::new();
        let mutex = ProxyMutex::new();
        let continuations: Vec<_> = (0..4)
            .map(|_| {
                let log = log.clone();
                Continuation::new(&mutex, move |event| log.push(event.cookie()))
            })
            .collect();
        let holder = Holder::hold(&mutex);
        for number in 0..300 {
            world.thread(0).schedule_imm(&continuations[number % 4], cookie(number)).unwrap();
            if number % 50 == 0 {
                world.settle();
            }
        }
        holder.release();
        for number in 300..400 {
            world.thread(0).schedule_imm(&continuations[number % 4], cookie(number)).unwrap();
        }
        assert_eq!(world.wait(&log, 400), (0..400).collect::<Vec<_>>());
    });
}

#[test]
fn others_run_while_an_event_waits_for_its_mutex() {
    World::both(1, |world| {
        let (waiting, others) = (Log::new(), Log::new());
        let continuation = counting(&waiting);
        let holder = Holder::hold(continuation.mutex().unwrap());
        world.thread(0).schedule_imm(&continuation, cookie(1)).unwrap();
        let other = counting(&others);
        world.thread(0).schedule_imm(&other, cookie(2)).unwrap();
        world.thread(0).schedule_in(&other, MILLI, cookie(3)).unwrap();
        assert_eq!(world.wait(&others, 2), [2, 3]);
        assert!(waiting.is_empty());
        holder.release();
        assert_eq!(world.wait(&waiting, 1), [1]);
    });
}

#[test]
fn a_thread_that_is_told_of_two_mutexes_lets_others_have_the_one_that_it_does_not_turn_to() {
    for seed in 0..64 {
        let world = World::simulated(seed, 2);
        let World::Virtual(simulation) = &world else { unreachable!() };
        let mutexes = [ProxyMutex::new(), ProxyMutex::new()];
        let holders = mutexes.each_ref().map(Holder::hold);
        let log = Log::new();
        let waiting = mutexes.each_ref().map(|mutex| {
            let (log, number) = (log.clone(), mutex.id());
            Continuation::new(mutex, move |event| {
                log.push((number, event.here().unwrap().now()));
                simulate::pass(25 * MILLI).unwrap();
            })
        });
        // The first thread has waited for both for so long that both are kept for it.
        for thread in 0..2 {
            for continuation in &waiting {
                world.thread(thread).schedule_imm(continuation, ()).unwrap();
            }
            simulation.run_for(MILLI);
        }
        let free = simulation.now();
        holders.into_iter().for_each(Holder::release);
        let lines = world.wait(&log, 4);
        for mutex in &mutexes {
            let (_, first) = lines.iter().find(|(ran, _)| *ran == mutex.id()).unwrap();
            assert_eq!(*first, free, "seed {seed}: a mutex stood idle");
        }
    }
}

#[test]
fn many_mutexes_can_be_waited_for_at_once() {
    World::both(2, |world| {
        const COUNT: usize = 100;
        let log = Log::new();
        let continuations: Vec<_> = (0..COUNT).map(|_| counting(&log)).collect();
        // Each is held by a foreign thread of its own; they let go one after the other, from the last to the first.
        let mutexes: Vec<_> = continuations.iter().map(|c| c.mutex().unwrap().clone()).collect();
        let mut holders: Vec<_> = mutexes.iter().map(Holder::hold).collect();
        for (number, continuation) in continuations.iter().enumerate() {
            for thread in 0..2 {
                world.thread(thread).schedule_imm(continuation, cookie(number)).unwrap();
            }
        }
        world.settle();
        assert!(log.is_empty());
        for number in (0..COUNT).rev() {
            holders.pop().unwrap().release();
            let lines = world.wait(&log, 2 * (COUNT - number));
            assert_eq!(lines[lines.len() - 2..], [number, number]);
        }
        assert_eq!(world.end().missed_locks, 2 * COUNT as u64);
    });
}

#[test]
fn two_threads_that_want_one_mutex_for_ever_both_get_it() {
    let world = World::real(2);
    let (stop, runs) = (Arc::new(AtomicBool::new(false)), Log::new());
    let mutex = ProxyMutex::new();
    let counts = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    let continuations = [0, 1].map(|who| {
        let (stop, runs, counts, mutex) =
            (Arc::clone(&stop), runs.clone(), Arc::clone(&counts), mutex.clone());
        Continuation::new(&mutex.clone(), move |event| {
            assert!(mutex.held_by_current());
            if counts[who].fetch_add(1, Ordering::Relaxed) == 200 {
                runs.push(who);
            }
            if !stop.load(Ordering::Relaxed) {
                event.reschedule_imm().unwrap();
            }
        })
    });
    for (who, continuation) in continuations.iter().enumerate() {
        world.thread(who).schedule_imm(continuation, ()).unwrap();
    }
    let mut both = runs.wait(2);
    both.sort_unstable();
    assert_eq!(both, [0, 1]);
    stop.store(true, Ordering::Relaxed);
    world.end();
}

#[test]
fn two_simulated_threads_share_a_mutex_about_equally() {
    for seed in 0..3 {
        let world = World::simulated(seed, 2);
        let mutex = ProxyMutex::new();
        let log = Log::new();
        let continuations = [0, 1].map(|who| {
            let log = log.clone();
            Continuation::new(&mutex, move |event| {
                simulate::pass(Duration::from_micros(20)).unwrap();
                log.push(who);
                event.reschedule_imm().unwrap();
            })
        });
        for (who, continuation) in continuations.iter().enumerate() {
            world.thread(who).schedule_imm(continuation, ()).unwrap();
        }
        world.run_for(100 * MILLI);
        let runs = log.all();
        let ones = runs.iter().filter(|who| **who == 1).count();
        assert!(runs.len() > 4000, "the mutex was hardly ever idle: {} runs", runs.len());
        let share = ones * 100 / runs.len();
        assert!((20..=80).contains(&share), "seed {seed}: one thread had {share} percent");
        // The fair slice is 500 us, so nobody is passed over for much longer.
        let longest = runs.chunk_by(|a, b| a == b).map(<[usize]>::len).max().unwrap();
        assert!(longest <= 100, "seed {seed}: {longest} times in a row");
        for continuation in continuations {
            continuation.destroy();
        }
    }
}

#[test]
fn handlers_of_one_mutex_never_overlap_and_no_event_is_lost() {
    let world = World::real(3);
    const EVENTS: usize = 3000;
    let mutex = ProxyMutex::new();
    let (inside, log) = (Arc::new(AtomicBool::new(false)), Log::new());
    let continuations: Vec<_> = (0..3)
        .map(|_| {
            let (inside, log) = (Arc::clone(&inside), log.clone());
            Continuation::new(&mutex, move |event| {
                assert!(!inside.swap(true, Ordering::Relaxed), "two at once");
                std::hint::black_box((0..50).sum::<u32>());
                inside.store(false, Ordering::Relaxed);
                log.push(event.cookie());
            })
        })
        .collect();
    let foreign = {
        let (mutex, inside) = (mutex.clone(), Arc::clone(&inside));
        std::thread::spawn(move || {
            for _ in 0..2000 {
                let _guard = mutex.lock();
                assert!(!inside.swap(true, Ordering::Relaxed), "two at once");
                inside.store(false, Ordering::Relaxed);
            }
        })
    };
    for number in 0..EVENTS {
        world.thread(number % 3).schedule_imm(&continuations[(number / 3) % 3], cookie(number)).unwrap();
    }
    let mut runs = log.wait(EVENTS);
    foreign.join().unwrap();
    for thread in 0..3 {
        let mine: Vec<_> = runs.iter().filter(|number| **number % 3 == thread).collect();
        assert!(mine.is_sorted(), "events of one mutex on one thread keep their order");
    }
    runs.sort_unstable();
    assert_eq!(runs, (0..EVENTS).collect::<Vec<_>>());
    world.end();
}

#[test]
fn a_thread_that_shuts_down_runs_what_waits_for_a_mutex_that_is_let_go_of() {
    let world = World::real(1);
    let (log, drops) = (Log::new(), Log::new());
    let continuation = counting(&log);
    let holder = Holder::hold(continuation.mutex().unwrap());
    for number in 0..5 {
        world.thread(0).schedule_imm(&continuation, cookie(number).data(drops.on_drop(number))).unwrap();
    }
    world.settle();
    let processor = world.processor().clone();
    let ending = std::thread::spawn(move || processor.shutdown(ShutdownOptions::default().deadline(LIMIT)));
    // The shutdown has begun when work is refused.
    while world.processor().schedule_imm(&counting(&Log::new()), NET, ()).is_ok() {
        std::thread::yield_now();
    }
    assert!(log.is_empty());
    holder.release();
    let report = ending.join().unwrap();
    assert_eq!(log.all(), [0, 1, 2, 3, 4]);
    assert_eq!((report.stopped.len(), report.cancelled, drops.len()), (1, 0, 5));
}

#[test]
fn a_thread_that_is_stopped_drops_what_waits_for_a_mutex() {
    World::both(1, |world| {
        let (log, drops) = (Log::new(), Log::new());
        let continuation = counting(&log);
        let holder = Holder::hold(continuation.mutex().unwrap());
        for number in 0..5 {
            world.thread(0).schedule_imm(&continuation, cookie(number).data(drops.on_drop(number))).unwrap();
        }
        world.settle();
        let report = world.end_with(ShutdownOptions::default().queued(Queued::Cancel).deadline(LIMIT));
        assert_eq!((report.stopped.len(), report.cancelled), (1, 5));
        assert_eq!(drops.all(), [0, 1, 2, 3, 4]);
        holder.release();
        assert!(log.is_empty());
        assert!(continuation.mutex().unwrap().try_lock().is_some(), "nobody has it reserved");
    });
}

#[test]
fn a_mutex_with_a_dead_waiter_is_free_for_others() {
    let world = World::real(1);
    let log = Log::new();
    let continuation = counting(&log);
    let mutex = continuation.mutex().unwrap().clone();
    let holder = Holder::hold(&mutex);
    world.thread(0).schedule_imm(&continuation, ()).unwrap();
    world.settle();
    world.end_with(ShutdownOptions::default().queued(Queued::Cancel).deadline(LIMIT));
    holder.release();
    let second = Holder::hold(&mutex);
    second.release();
    let other = EventProcessor::builder().build();
    other.spawn_event_threads(NET, 1, 0).unwrap();
    other.schedule_imm(&continuation, NET, cookie(4)).unwrap();
    assert_eq!(log.wait(1), [4]);
    other.shutdown(ShutdownOptions::default().deadline(LIMIT));
}

#[test]
fn a_timer_that_misses_its_mutex_is_late_by_the_hold_alone() {
    let world = World::simulated(3, 2);
    let mutex = ProxyMutex::new();
    let log = Log::new();
    let holder = Continuation::new(&mutex, |_| simulate::pass(10 * MILLI).unwrap());
    let periodic = Continuation::new(&mutex, {
        let log = log.clone();
        move |event| {
            log.push(event.here().unwrap().now());
            if log.len() == 3 {
                event.action().unwrap().cancel();
            }
        }
    });
    world.thread(0).schedule_at(&holder, at(1_000_000), ()).unwrap();
    world.thread(1).schedule_every(&periodic, 4 * MILLI, ()).unwrap();
    world.run_for(HOUR);
    // Due at 4 ms, missed until 11 ms; then a period after each run.
    assert_eq!(log.all(), [at(11_000_000), at(15_000_000), at(19_000_000)]);
}

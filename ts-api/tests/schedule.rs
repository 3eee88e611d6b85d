//! What a schedule promises besides the thread: the code, never inside the call, never early, cancel and done.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc;
use std::time::Duration;
use support::{System, on_both_clocks, shared_teller, teller};
use ts_api::{Cancel, Cont, EventCode, EventThread, Mutex, Pool, Runtime, ScheduleError};

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn a_timeout_of_zero_delivers_immediate_and_any_other_timeout() {
    on_both_clocks(|system| {
        let (cont, seen) = teller();
        for (timeout, code) in [
            (Duration::ZERO, EventCode::IMMEDIATE),
            (Duration::from_nanos(1), EventCode::TIMEOUT),
            (Duration::from_millis(1), EventCode::TIMEOUT),
        ] {
            let thread = system.thread(Pool::Net, 1);
            system.as_guest(|| cont.schedule(timeout)).unwrap();
            assert_eq!(system.receive(&seen).code, code);
            system.as_guest(|| cont.schedule_on_pool(timeout, Pool::Task)).unwrap();
            assert_eq!(system.receive(&seen).code, code);
            system.as_guest(|| cont.schedule_on_thread(timeout, &thread)).unwrap();
            assert_eq!(system.receive(&seen).code, code);
        }
        let action = system.as_guest(|| cont.schedule_every(Duration::from_millis(1))).unwrap();
        assert_eq!(system.receive(&seen).code, EventCode::TIMEOUT);
        action.cancel();
    });
}

#[test]
fn a_timeout_of_zero_never_runs_inside_the_call() {
    on_both_clocks(|system| {
        for (pool, index) in [(Pool::Net, 0), (Pool::Task, 1)] {
            let (sender, receiver) = mpsc::channel();
            let cont = Cont::new(&Mutex::new(), move |_| sender.send("handler").unwrap());
            // On its own thread, so that nobody else can run it meanwhile.
            let ran_inside = system.on(pool, index, move || {
                let thread = ts_api::EventThread::current().unwrap();
                let mut ran = false;
                for action in [
                    cont.schedule(Duration::ZERO),
                    cont.schedule_on_pool(Duration::ZERO, pool),
                    cont.schedule_on_thread(Duration::ZERO, &thread),
                ] {
                    ran |= action.unwrap().is_done();
                }
                (ran, receiver.try_recv().is_ok(), receiver)
            });
            assert_eq!((ran_inside.0, ran_inside.1), (false, false));
            for _ in 0..3 {
                system.receive(&ran_inside.2);
            }
        }
    });
}

#[test]
fn an_event_is_never_early_and_a_period_comes_back() {
    let runtime = Runtime::simulated(3).unwrap();
    let system = System::Simulated(Box::new(runtime));
    let System::Simulated(runtime) = &system else { unreachable!() };
    let (cont, seen) = teller();
    let count = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&count);
    let ticker = Cont::new(&Mutex::new(), move |_| _ = counted.fetch_add(1, Ordering::Relaxed));
    system.as_guest(|| {
        cont.schedule_on_pool(HOUR, Pool::Net).unwrap();
        ticker.schedule_every_on_pool(HOUR, Pool::Task).unwrap();
    });
    runtime.run_for(HOUR - Duration::from_nanos(1));
    assert!(seen.try_recv().is_err());
    assert_eq!(count.load(Ordering::Relaxed), 0);
    runtime.run_for(Duration::from_nanos(1));
    assert!(seen.try_recv().is_ok());
    runtime.run_for(23 * HOUR);
    assert_eq!(count.load(Ordering::Relaxed), 24);
    drop((cont, ticker));
    drop(system);
}

#[test]
fn cancel_says_what_it_found_and_done_is_true_once_it_ran() {
    on_both_clocks(|system| {
        let (cont, seen) = teller();
        let action = system.as_guest(|| cont.schedule_on_pool(HOUR, Pool::Task)).unwrap();
        assert!(action.is_pending() && !action.is_done());
        assert_eq!(action.cancel(), Cancel::Cancelled);
        assert_eq!(action.cancel(), Cancel::AlreadyCancelled);
        assert!(!action.is_pending() && !action.is_done());

        let action = system.as_guest(|| cont.schedule_on_pool(Duration::ZERO, Pool::Task)).unwrap();
        system.receive(&seen);
        // The handler has told; the event is over when its thread goes on.
        system.settle();
        assert!(action.is_done() && !action.is_pending());
        assert!(matches!(action.cancel(), Cancel::AlreadyRan | Cancel::Stale));
        assert!(action.is_done());
    });
}

#[test]
fn a_periodic_event_cancelled_in_its_own_handler_answers_running_and_stops() {
    on_both_clocks(|system| {
        let (sender, receiver) = mpsc::channel();
        let cont = Cont::new(&Mutex::new(), move |event| {
            let action = event.action().unwrap();
            sender.send((action, action.cancel())).unwrap();
        });
        let action =
            system.as_guest(|| cont.schedule_every_on_pool(Duration::from_millis(1), Pool::Net)).unwrap();
        assert_eq!(system.receive(&receiver), (action, Cancel::Running));
        system.settle();
        assert!(action.is_done());
        assert!(receiver.try_recv().is_err());
    });
}

#[test]
fn an_entire_pool_runs_it_on_each_of_its_threads_and_leaves_the_affinity_alone() {
    on_both_clocks(|system| {
        for pool in [Pool::Net, Pool::Task] {
            for timeout in [Duration::ZERO, Duration::from_millis(1)] {
                let (cont, seen) = shared_teller();
                let actions = system.as_guest(|| cont.schedule_on_entire_pool(timeout, pool)).unwrap();
                assert_eq!(actions.len(), 2);
                let mut names: Vec<_> =
                    (0..2).map(|_| system.receive(&seen).thread.unwrap().name()).collect();
                names.sort();
                assert_eq!(names, [system.thread(pool, 0).name(), system.thread(pool, 1).name()]);
                system.settle();
                assert!(actions.iter().all(|action| action.is_done()));
            }
        }
    });
}

#[test]
fn an_entire_pool_goes_on_periodically_until_each_action_is_cancelled() {
    on_both_clocks(|system| {
        let (cont, seen) = shared_teller();
        let period = Duration::from_millis(1);
        let actions = system.as_guest(|| cont.schedule_every_on_entire_pool(period, Pool::Task)).unwrap();
        let second = system.thread(Pool::Task, 1);
        // The first thread's is cancelled; the second's goes on.
        actions[0].cancel();
        system.settle();
        while seen.try_recv().is_ok() {}
        for _ in 0..3 {
            assert_eq!(system.receive(&seen).thread.as_ref(), Some(&second));
        }
        actions[1].cancel();
    });
}

#[test]
fn threads_of_an_entire_pool_may_run_it_at_the_same_time() {
    let system = System::real();
    let met = Arc::new(std::sync::Barrier::new(2));
    let (sender, receiver) = mpsc::channel();
    let cont = Cont::shared(move |_| {
        // Returns only if both threads are inside.
        met.wait();
        sender.send(()).unwrap();
    });
    system.as_guest(|| cont.schedule_on_entire_pool(Duration::ZERO, Pool::Task)).unwrap();
    system.receive(&receiver);
    system.receive(&receiver);
    drop(cont);
    system.end();
}

#[test]
fn what_the_family_asks_of_a_continuation_is_a_typed_error() {
    on_both_clocks(|system| {
        let _guest = system.runtime().guest();
        let thread = system.thread(Pool::Net, 0);
        let (shared, _) = shared_teller();
        let zero = Duration::ZERO;
        assert_eq!(shared.schedule(zero), Err(ScheduleError::NeedsMutex));
        assert_eq!(shared.schedule_every(HOUR), Err(ScheduleError::NeedsMutex));
        assert_eq!(shared.schedule_on_pool(zero, Pool::Net), Err(ScheduleError::NeedsMutex));
        assert_eq!(shared.schedule_every_on_pool(HOUR, Pool::Net), Err(ScheduleError::NeedsMutex));
        assert_eq!(shared.schedule_on_thread(zero, &thread), Err(ScheduleError::NeedsMutex));
        assert_eq!(shared.schedule_every_on_thread(HOUR, &thread), Err(ScheduleError::NeedsMutex));
        assert_eq!(shared.set_affinity(&thread), Err(ScheduleError::NeedsMutex));
        assert_eq!(shared.affinity(), Err(ScheduleError::NeedsMutex));
        assert_eq!(shared.clear_affinity(), Err(ScheduleError::NeedsMutex));
        assert_eq!(shared.explain(None), Err(ScheduleError::NeedsMutex));

        let (cont, _) = teller();
        assert_eq!(cont.schedule_on_entire_pool(zero, Pool::Net), Err(ScheduleError::NeedsNoMutex));
        assert_eq!(cont.schedule_every_on_entire_pool(HOUR, Pool::Net), Err(ScheduleError::NeedsNoMutex));

        assert_eq!(cont.schedule_every(zero), Err(ScheduleError::ZeroPeriod));
        assert_eq!(cont.schedule_every_on_pool(zero, Pool::Task), Err(ScheduleError::ZeroPeriod));
        assert_eq!(cont.schedule_every_on_thread(zero, &thread), Err(ScheduleError::ZeroPeriod));
        assert_eq!(shared.schedule_every_on_entire_pool(zero, Pool::Task), Err(ScheduleError::ZeroPeriod));
        assert_eq!(cont.affinity(), Ok(None), "a refused schedule leaves no affinity behind");

        for pool in [Pool::Dns, Pool::Udp] {
            assert_eq!(cont.schedule_on_pool(zero, pool), Err(ScheduleError::NoSuchPool(pool)));
            assert_eq!(shared.schedule_on_entire_pool(zero, pool), Err(ScheduleError::NoSuchPool(pool)));
            assert_eq!(cont.explain(Some(pool)), Err(ScheduleError::NoSuchPool(pool)));
        }

        cont.destroy();
        assert_eq!(cont.schedule(zero), Err(ScheduleError::Destroyed));
        assert_eq!(cont.schedule_on_thread(zero, &thread), Err(ScheduleError::Destroyed));
        assert_eq!(cont.set_affinity(&thread), Err(ScheduleError::Destroyed));
    });
}

#[test]
fn dns_and_udp_pools_exist_if_the_host_was_started_with_them() {
    let runtime = Runtime::builder().net_threads(1).task_threads(1).dns_threads(1).udp_threads(1);
    let runtime = runtime.start().unwrap();
    for pool in Pool::ALL {
        let (cont, seen) = teller();
        let guest = runtime.guest();
        cont.schedule_on_pool(Duration::ZERO, pool).unwrap();
        drop(guest);
        let thread = seen.recv_timeout(support::LIMIT).unwrap().thread.unwrap();
        assert_eq!(thread.pool(), Some(pool));
    }
    assert!(runtime.shutdown(support::patiently()).is_clean());
}

#[test]
fn what_is_scheduled_before_the_start_waits_for_the_threads() {
    let runtime = Runtime::builder().net_threads(1).task_threads(2).prepare();
    let (cont, seen) = teller();
    let (shared, _) = shared_teller();
    {
        let _guest = runtime.guest();
        cont.schedule_on_pool(Duration::ZERO, Pool::Task).unwrap();
        assert_eq!(shared.schedule_on_entire_pool(Duration::ZERO, Pool::Task), Err(ScheduleError::NotReady));
        let cancelled = cont.schedule_on_pool(Duration::ZERO, Pool::Task).unwrap();
        assert_eq!(cancelled.cancel(), Cancel::Cancelled);
    }
    runtime.start().unwrap();
    let thread = seen.recv_timeout(support::LIMIT).unwrap().thread.unwrap();
    assert_eq!(thread.pool(), Some(Pool::Task), "not on a network thread");
    drop((cont, shared));
    let report = runtime.shutdown(support::patiently());
    assert!(report.is_clean(), "{report}");
    assert!(seen.try_recv().is_err());
}

#[test]
fn after_the_shutdown_the_family_refuses() {
    let system = System::real();
    let runtime = system.runtime().clone();
    let (cont, _) = teller();
    let thread = system.thread(Pool::Net, 0);
    drop(system.shutdown());
    let _guest = runtime.guest();
    assert_eq!(cont.schedule(Duration::ZERO), Err(ScheduleError::ShuttingDown));
    assert_eq!(cont.schedule_on_pool(HOUR, Pool::Task), Err(ScheduleError::ShuttingDown));
    assert_eq!(cont.schedule_on_thread(HOUR, &thread), Err(ScheduleError::ShuttingDown));
}

#[test]
fn extreme_timeouts_do_not_wrap() {
    let runtime = Runtime::simulated(1).unwrap();
    let (cont, seen) = teller();
    {
        let _guest = runtime.guest();
        cont.schedule_on_pool(Duration::MAX, Pool::Net).unwrap();
        cont.schedule_every_on_pool(Duration::MAX, Pool::Net).unwrap();
    }
    runtime.run_for(Duration::from_secs(100 * 365 * 24 * 3600));
    assert!(seen.try_recv().is_err());
}

#[test]
fn handlers_that_share_a_mutex_exclude_each_other() {
    let system = System::real();
    let mutex = Mutex::new();
    let inside = Arc::new(AtomicBool::new(false));
    let (sender, receiver) = mpsc::channel();
    let conts: Vec<_> = (0..4)
        .map(|_| {
            let (inside, sender) = (Arc::clone(&inside), sender.clone());
            Cont::new(&mutex, move |_| {
                assert!(!inside.swap(true, Ordering::SeqCst), "two at once");
                std::thread::yield_now();
                inside.store(false, Ordering::SeqCst);
                sender.send(()).unwrap();
            })
        })
        .collect();
    system.as_guest(|| {
        for round in 0..200 {
            let cont = &conts[round % conts.len()];
            cont.clear_affinity().unwrap();
            cont.schedule_on_pool(Duration::ZERO, if round % 3 == 0 { Pool::Net } else { Pool::Task })
                .unwrap();
        }
    });
    for _ in 0..200 {
        system.receive(&receiver);
    }
    drop(conts);
    system.end();
}

/// Where a continuation's handler ran, and what it was told.
type Ran = (Option<Pool>, EventCode);

/// A continuation whose handler does these things, one at each call, and says where it is and what it got.
fn steps<const N: usize>(
    steps: [fn(&Cont) -> Option<ScheduleError>; N],
) -> (Cont, mpsc::Receiver<(Ran, Option<ScheduleError>)>) {
    let (sender, receiver) = mpsc::channel();
    let mut steps = steps.into_iter();
    let cont = Cont::new(&Mutex::new(), move |event| {
        let ran = (EventThread::current().and_then(|thread| thread.pool()), event.code());
        let said = steps.next().and_then(|step| step(event.cont()));
        sender.send((ran, said)).unwrap();
    });
    (cont, receiver)
}

fn on(cont: &Cont, pool: Pool) -> Option<ScheduleError> {
    cont.schedule_on_pool(Duration::ZERO, pool).err()
}

#[test]
fn a_handler_schedules_itself_on_its_pool_or_another_as_anybody_else_would() {
    on_both_clocks(|system| {
        let (cont, ran) = steps([
            // The first time on this thread, and then as one that is known.
            |cont| on(cont, Pool::Task),
            |cont| on(cont, Pool::Task),
            |cont| on(cont, Pool::Task),
            |cont| on(cont, Pool::Net),
            |cont| on(cont, Pool::Net),
            |cont| {
                cont.clear_affinity().unwrap();
                on(cont, Pool::Net)
            },
            |cont| on(cont, Pool::Dns),
        ]);
        system.as_guest(|| on(&cont, Pool::Task));
        let immediate = |pool| (Some(pool), EventCode::IMMEDIATE);
        for _ in 0..4 {
            assert_eq!(system.receive(&ran), (immediate(Pool::Task), None));
        }
        for _ in 0..2 {
            assert_eq!(system.receive(&ran), (immediate(Pool::Net), None));
        }
        assert_eq!(system.receive(&ran), (immediate(Pool::Net), Some(ScheduleError::NoSuchPool(Pool::Dns))));
    });
}

#[test]
fn a_handler_that_prefers_another_thread_of_its_pool_goes_there() {
    on_both_clocks(|system| {
        let threads = [0, 1].map(|index| system.thread(Pool::Net, index));
        let (sender, ran) = mpsc::channel();
        let (mut at, both) = (0, threads.clone());
        let cont = Cont::new(&Mutex::new(), move |event| {
            sender.send(EventThread::current()).unwrap();
            if at < 5 {
                // Once where it is, and once where it was not.
                at += 1;
                event.cont().set_affinity(&both[at / 2 % 2]).unwrap();
                event.cont().schedule_on_pool(Duration::ZERO, Pool::Net).unwrap();
            }
        });
        system.as_guest(|| cont.schedule_on_thread(Duration::ZERO, &threads[0])).unwrap();
        for index in [0, 0, 1, 1, 0, 0] {
            assert_eq!(system.receive(&ran), Some(threads[index].clone()));
        }
    });
}

#[test]
fn a_handler_that_schedules_itself_may_cancel_that_and_not_come_back_once_it_is_destroyed() {
    on_both_clocks(|system| {
        let (cont, ran) = steps([
            |cont| on(cont, Pool::Net),
            |cont| {
                let first = cont.schedule_on_pool(Duration::ZERO, Pool::Net).unwrap();
                let second = cont.schedule_on_pool(Duration::ZERO, Pool::Net).unwrap();
                assert_ne!(first, second);
                assert_eq!(first.cancel(), Cancel::Cancelled);
                None
            },
            |cont| {
                cont.destroy();
                on(cont, Pool::Net)
            },
        ]);
        system.as_guest(|| on(&cont, Pool::Net));
        let told = [None, None, Some(ScheduleError::Destroyed)];
        for said in told {
            assert_eq!(system.receive(&ran).1, said);
        }
    });
}

#[test]
fn a_handler_that_is_called_in_another_one_schedules_either_of_them() {
    on_both_clocks(|system| {
        let (sender, ran) = mpsc::channel();
        let mutex = Mutex::new();
        let told = sender.clone();
        let inner = Cont::new(&mutex, move |event| {
            told.send(("inner", event.code())).unwrap();
            if event.code() == EventCode::CONTINUE {
                // No event brought it here, and its thread's event is another one's.
                event.cont().schedule_on_pool(Duration::ZERO, Pool::Net).unwrap();
            }
        });
        let mut rounds = 3;
        let outer = Cont::new(&mutex, move |event| {
            sender.send(("outer", event.code())).unwrap();
            rounds -= 1;
            if rounds > 0 {
                inner.call(EventCode::CONTINUE).unwrap();
                event.cont().schedule_on_pool(Duration::ZERO, Pool::Net).unwrap();
            }
        });
        system.as_guest(|| on(&outer, Pool::Net));
        let mut got: Vec<_> = (0..7).map(|_| system.receive(&ran)).collect();
        assert_eq!(got[..2], [("outer", EventCode::IMMEDIATE), ("inner", EventCode::CONTINUE)]);
        got.sort_by_key(|(who, code)| (*who, code.number()));
        let count = |wanted| got.iter().filter(|told| **told == wanted).count();
        assert_eq!(count(("outer", EventCode::IMMEDIATE)), 3);
        assert_eq!(count(("inner", EventCode::CONTINUE)), 2);
        assert_eq!(count(("inner", EventCode::IMMEDIATE)), 2);
    });
}

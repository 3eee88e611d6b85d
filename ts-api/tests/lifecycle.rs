//! Life-cycle hooks: who is told what, when, where, and in which order.

mod support;

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::Duration;
use support::{LIMIT, System, on_both_clocks};
use ts_api::lifecycle::{self, LifecycleHook};
use ts_api::runtime::ShutdownOptions;
use ts_api::{Cont, EventCode, EventThread, HostError, Mutex, Pool, Runtime};
use ts_cont::{Continuation, EventProcessor, ProxyMutex};

type Told = (u32, EventCode, Option<Pool>);

/// A continuation that tells its number; every other one has a mutex, which must be held.
fn numbered(number: u32, sender: &Sender<Told>) -> Cont {
    let sender = sender.clone();
    let tell = move |event: &mut ts_api::Event<'_>| {
        let held = event.cont().mutex().is_none_or(|mutex| mutex.held_by_current());
        assert!(held, "under its mutex");
        let pool = event.thread().and_then(|thread| thread.pool());
        sender.send((number, event.code(), pool)).unwrap();
    };
    if number.is_multiple_of(2) { Cont::new(&Mutex::new(), tell) } else { Cont::shared(tell) }
}

fn add(system: &System, hook: LifecycleHook, cont: &Cont) {
    system.as_guest(|| lifecycle::add(hook, cont)).unwrap();
}

fn all(receiver: &Receiver<Told>) -> Vec<Told> {
    receiver.try_iter().collect()
}

#[test]
fn ports_hooks_are_told_on_the_thread_that_starts_the_server_in_order_and_once() {
    on_both_clocks(|system| {
        let (sender, receiver) = mpsc::channel();
        let conts: Vec<_> = (0..4).map(|number| numbered(number, &sender)).collect();
        for cont in &conts {
            add(system, LifecycleHook::PortsInitialized, cont);
        }
        add(system, LifecycleHook::PortsInitialized, &conts[0]);
        add(system, LifecycleHook::PortsReady, &conts[3]);
        let runtime = system.runtime();
        runtime.ports_initialized();
        let code = EventCode::LIFECYCLE_PORTS_INITIALIZED;
        let expected: Vec<_> = [0, 1, 2, 3, 0].map(|number| (number, code, None)).to_vec();
        assert_eq!(all(&receiver), expected);
        runtime.ports_ready();
        assert_eq!(all(&receiver), [(3, EventCode::LIFECYCLE_PORTS_READY, None)]);
        runtime.ports_initialized();
        runtime.ports_ready();
        add(system, LifecycleHook::PortsReady, &conts[1]);
        assert_eq!(all(&receiver), [], "told once, and not those that come late");
    });
}

#[test]
fn task_threads_ready_is_told_on_a_task_thread_when_all_are_up() {
    let runtime = Runtime::builder().net_threads(1).task_threads(3).prepare();
    let (sender, receiver) = mpsc::channel();
    let started = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let counted = std::sync::Arc::clone(&started);
    let count = move |_: &ts_cont::Here| _ = counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    runtime.processor().schedule_spawn_fn(runtime.task(), count).unwrap();
    let hook = {
        let (sender, started) = (sender.clone(), std::sync::Arc::clone(&started));
        Cont::new(&Mutex::new(), move |event| {
            assert_eq!(started.load(std::sync::atomic::Ordering::SeqCst), 3);
            sender.send((0, event.code(), event.thread().and_then(|thread| thread.pool()))).unwrap();
        })
    };
    let second = numbered(1, &sender);
    let _guest = runtime.guest();
    lifecycle::add(LifecycleHook::TaskThreadsReady, &hook).unwrap();
    lifecycle::add(LifecycleHook::TaskThreadsReady, &second).unwrap();
    assert!(receiver.try_recv().is_err());
    runtime.start().unwrap();
    let code = EventCode::LIFECYCLE_TASK_THREADS_READY;
    for number in 0..2 {
        assert_eq!(receiver.recv_timeout(LIMIT), Ok((number, code, Some(Pool::Task))));
    }
    // One that comes late is told all the same.
    let late = numbered(2, &sender);
    lifecycle::add(LifecycleHook::TaskThreadsReady, &late).unwrap();
    assert_eq!(receiver.recv_timeout(LIMIT), Ok((2, code, Some(Pool::Task))));
    drop((hook, second, late));
    let report = runtime.shutdown(support::patiently());
    assert!(report.is_clean(), "{report}");
}

#[test]
fn a_late_hook_is_told_of_the_task_threads_under_both_clocks() {
    on_both_clocks(|system| {
        let (sender, receiver) = mpsc::channel();
        for number in 0..3 {
            add(system, LifecycleHook::TaskThreadsReady, &numbered(number, &sender));
            let code = EventCode::LIFECYCLE_TASK_THREADS_READY;
            assert_eq!(system.receive(&receiver), (number, code, Some(Pool::Task)));
        }
    });
}

#[test]
fn shutdown_is_told_on_a_network_thread_in_order_before_the_threads_end() {
    for simulated in [false, true] {
        let system = match simulated {
            false => System::real(),
            true => System::Simulated(Box::new(Runtime::simulated(5).unwrap())),
        };
        let (sender, receiver) = mpsc::channel();
        for number in 0..4 {
            add(&system, LifecycleHook::Shutdown, &numbered(number, &sender));
        }
        // Threads still run: a hook may schedule, and it is done before the end.
        let (last_words, heard) = mpsc::channel();
        let words = Cont::new(&Mutex::new(), move |event| {
            if event.code() == EventCode::LIFECYCLE_SHUTDOWN {
                event.cont().schedule_on_pool(Duration::ZERO, Pool::Task).unwrap();
            } else {
                last_words.send(EventThread::current().unwrap().pool()).unwrap();
            }
        });
        add(&system, LifecycleHook::Shutdown, &words);
        drop(words);
        let report = system.shutdown();
        assert!(report.is_clean(), "{report}");
        let code = EventCode::LIFECYCLE_SHUTDOWN;
        let expected: Vec<_> = (0..4).map(|number| (number, code, Some(Pool::Net))).collect();
        assert_eq!(all(&receiver), expected);
        assert_eq!(heard.recv_timeout(LIMIT), Ok(Some(Pool::Task)));
    }
}

#[test]
fn a_busy_mutex_is_waited_for_without_losing_the_order() {
    let system = System::real();
    let (sender, receiver) = mpsc::channel();
    let first = numbered(0, &sender);
    let second = numbered(1, &sender);
    let mutex = first.mutex().unwrap();
    let guard = mutex.lock();
    add(&system, LifecycleHook::TaskThreadsReady, &first);
    add(&system, LifecycleHook::TaskThreadsReady, &second);
    system.settle();
    assert!(receiver.try_recv().is_err(), "the second waits for the first");
    drop(guard);
    assert_eq!(system.receive(&receiver).0, 0);
    assert_eq!(system.receive(&receiver).0, 1);
    drop((first, second));
    system.end();
}

#[test]
fn hooks_that_cannot_be_told_in_time_are_named_in_the_report() {
    let runtime = Runtime::builder().net_threads(1).task_threads(1).start().unwrap();
    let (sender, receiver) = mpsc::channel();
    let stuck = Cont::named("stuck").exclusive(&Mutex::new(), |_| ());
    let behind = numbered(1, &sender);
    let mutex = stuck.mutex().unwrap();
    let guard = mutex.lock();
    {
        let _guest = runtime.guest();
        lifecycle::add(LifecycleHook::Shutdown, &stuck).unwrap();
        lifecycle::add(LifecycleHook::Shutdown, &behind).unwrap();
    }
    let report = runtime.shutdown(ShutdownOptions::default().deadline(Duration::from_millis(50)));
    assert_eq!(report.untold.len(), 2, "{report}");
    assert!(report.untold[0].starts_with("stuck (") && report.to_string().contains("stuck ("), "{report}");
    assert!(receiver.try_recv().is_err());
    drop(guard);
}

#[test]
fn a_shutdown_on_the_only_network_thread_ends_within_its_deadline_and_names_who_was_not_told() {
    let runtime = Runtime::builder().net_threads(1).task_threads(1).start().unwrap();
    let (sender, receiver) = mpsc::channel();
    // One of the host's own, without a name.
    let mutex = ProxyMutex::new();
    let stuck = Cont::from(Continuation::new(&mutex, |_| {}));
    let (first, behind) = (numbered(0, &sender), numbered(1, &sender));
    {
        let _guest = runtime.guest();
        for cont in [&first, &stuck, &behind] {
            lifecycle::add(LifecycleHook::Shutdown, cont).unwrap();
        }
    }
    let guard = mutex.lock();
    let (reports, reported) = mpsc::channel();
    let (other, system) = (runtime.clone(), runtime.processor().threads(runtime.net())[0].clone());
    EventProcessor::run_on(&system, move |_| {
        let options = ShutdownOptions::default().deadline(Duration::from_millis(500));
        reports.send(other.shutdown(options)).unwrap();
    });
    let report = reported.recv_timeout(LIMIT).expect("the mutex is not waited for beyond the deadline");
    drop(guard);
    assert!(report.untold.len() >= 2, "{report}");
    let unnamed = report.untold.iter().position(|name| name.starts_with("continuation made at "));
    let place = unnamed.map(|at| report.untold[at].as_str());
    assert!(place.is_some_and(|place| place.contains("lifecycle.rs:")), "{report}");
    assert!(report.untold.last().is_some_and(|name| name.contains("lifecycle.rs:")), "{report}");
    assert!(all(&receiver).iter().all(|told| told.0 == 0), "nobody is told before their turn");
    drop((first, stuck, behind));
    let report = runtime.shutdown(support::patiently());
    assert!(report.is_clean(), "{report}");
}

#[test]
fn a_hook_that_finds_no_thread_to_be_told_on_is_refused_and_not_kept() {
    let runtime = Runtime::builder().net_threads(1).task_threads(1).start().unwrap();
    let _guest = runtime.guest();
    let (sender, receiver) = mpsc::channel();
    let hook = LifecycleHook::TaskThreadsReady;
    lifecycle::add(hook, &numbered(0, &sender)).unwrap();
    assert_eq!(receiver.recv_timeout(LIMIT).map(|told| told.0), Ok(0));
    // The event system ends, and its runtime is not asked.
    let report = runtime.processor().shutdown(support::patiently());
    assert!(report.is_clean(), "{report}");
    for number in 1..3 {
        assert_eq!(lifecycle::add(hook, &numbered(number, &sender)), Err(HostError::ShuttingDown));
    }
    drop(sender);
    assert_eq!(receiver.recv_timeout(LIMIT), Err(RecvTimeoutError::Disconnected), "told, or kept");
}

#[test]
fn destroyed_continuations_are_passed_over_and_a_panic_does_not_stop_the_others() {
    on_both_clocks(|system| {
        let (sender, receiver) = mpsc::channel();
        let destroyed = numbered(0, &sender);
        let faulty = Cont::shared(|event| {
            assert_ne!(event.code(), EventCode::LIFECYCLE_PORTS_READY, "expected by the test");
        });
        for cont in [&destroyed, &faulty, &numbered(2, &sender)] {
            add(system, LifecycleHook::PortsReady, cont);
        }
        destroyed.destroy();
        system.runtime().ports_ready();
        assert_eq!(all(&receiver), [(2, EventCode::LIFECYCLE_PORTS_READY, None)]);
    });
}

#[test]
fn after_the_shutdown_nothing_can_be_added() {
    let runtime = Runtime::builder().net_threads(1).task_threads(1).start().unwrap();
    assert!(runtime.shutdown(support::patiently()).is_clean());
    let _guest = runtime.guest();
    let cont = Cont::shared(|_| {});
    assert_eq!(lifecycle::add(LifecycleHook::Shutdown, &cont), Err(HostError::ShuttingDown));
}

#[test]
fn log_initialized_is_told_by_whoever_has_set_up_the_plugins() {
    on_both_clocks(|system| {
        let (sender, receiver) = mpsc::channel();
        let conts: Vec<_> = (0..2).map(|number| numbered(number, &sender)).collect();
        for cont in &conts {
            add(system, LifecycleHook::LogInitialized, cont);
        }
        system.runtime().log_initialized();
        system.runtime().log_initialized();
        assert_eq!(all(&receiver), [0, 1].map(|number| (number, EventCode::LIFECYCLE_LOG_INITIALIZED, None)));
    });
}

#[test]
fn messages_are_told_in_order_to_all_that_listen_and_a_busy_mutex_is_waited_for() {
    on_both_clocks(|system| {
        let (sender, receiver) = mpsc::channel();
        let busy = Mutex::new();
        let listener = |number: u32, mutex: Option<&Mutex>| {
            let sender = sender.clone();
            let tell = move |event: &mut ts_api::Event<'_>| {
                let message = event.plugin_message().expect("a message");
                let text = format!("{number} {} {:?}", message.tag().to_str().unwrap(), message.data());
                let pool = event.thread().and_then(|thread| thread.pool());
                assert_eq!((event.code(), pool), (EventCode::LIFECYCLE_MSG, Some(Pool::Task)));
                sender.send(text).unwrap();
            };
            mutex.map_or_else(|| Cont::shared(tell.clone()), |mutex| Cont::new(mutex, tell.clone()))
        };
        let runtime = system.runtime();
        assert_eq!(runtime.send_message(c"early", b""), Ok(0), "nobody listens");
        let (first, gone, second) = (listener(1, Some(&busy)), listener(2, None), listener(3, None));
        for cont in [&first, &gone, &second] {
            add(system, LifecycleHook::Message, cont);
        }
        gone.destroy();
        let held = busy.lock();
        assert_eq!(runtime.send_message(c"one", b"\0"), Ok(2));
        assert_eq!(runtime.send_message(c"two", b""), Ok(2));
        if let System::Simulated(simulated) = system {
            simulated.run_ready();
        }
        assert!(receiver.try_recv().is_err(), "the first waits, and the others behind it");
        drop(held);
        let told: Vec<_> = (0..4).map(|_| system.receive(&receiver)).collect();
        assert_eq!(told, ["1 one [0]", "3 one [0]", "1 two []", "3 two []"]);
    });
}

#[test]
fn after_the_shutdown_no_message_is_taken() {
    let system = System::real();
    let cont = Cont::shared(|_| -> () { panic!("nobody is called any more") });
    add(&system, LifecycleHook::Message, &cont);
    let runtime = system.runtime().clone();
    system.end();
    assert_eq!(runtime.send_message(c"late", b""), Err(HostError::ShuttingDown));
    let _guest = runtime.guest();
    assert_eq!(lifecycle::add(LifecycleHook::Message, &cont), Err(HostError::ShuttingDown));
}

//! Threads of a plugin's own.

mod support;

use std::sync::mpsc;
use std::time::Duration;
use support::{LIMIT, System, teller};
use ts_api::runtime::ShutdownOptions;
use ts_api::{EventThread, HostError, Mutex, PluginThread, Pool, Runtime, ScheduleError};
use ts_cont::{Continuation, EThread};

#[test]
fn a_plugin_thread_is_a_guest_while_it_runs_and_no_event_thread() {
    let system = System::real();
    let (cont, seen) = teller();
    let other = cont.clone();
    let (me, current) = system.on_plugin_thread(move || {
        other.schedule_on_pool(Duration::ZERO, Pool::Task).unwrap();
        other.schedule_on_pool(Duration::ZERO, Pool::Task).unwrap();
        (PluginThread::current(), EventThread::current())
    });
    assert_eq!(me.map(|thread| thread.name()), Some(String::from("actor")));
    assert_eq!(current, None);
    let first = system.receive(&seen).thread.unwrap();
    assert_eq!(first.pool(), Some(Pool::Task));
    assert_eq!(system.receive(&seen).thread, Some(first.clone()));
    assert_eq!(system.as_guest(|| cont.affinity()), Ok(Some(first)), "the chosen thread, as for any guest");
    drop(cont);
    system.end();
}

#[test]
fn waiting_ends_when_the_function_has_returned_for_everybody_who_waits() {
    let system = System::real();
    let (go, gate) = mpsc::channel::<()>();
    let thread = system.as_guest(|| PluginThread::spawn("waited for", move || gate.recv().unwrap())).unwrap();
    assert!(!thread.is_over());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                thread.wait().unwrap();
                assert!(thread.is_over());
            });
        }
        go.send(()).unwrap();
    });
    assert_eq!(thread.wait(), Ok(()), "also afterwards");
    system.end();
}

#[test]
fn a_panic_on_a_plugin_thread_ends_there_and_is_told_to_who_waits() {
    let system = System::real();
    let thread =
        system.as_guest(|| PluginThread::spawn("faulty", || panic!("expected by the test"))).unwrap();
    assert_eq!(thread.wait(), Err(HostError::Panicked));
    system.end();
}

#[test]
fn a_plugin_thread_cannot_wait_for_itself() {
    let system = System::real();
    let answer = system.on_plugin_thread(|| PluginThread::current().unwrap().wait());
    assert_eq!(answer, Err(HostError::Itself));
    system.end();
}

#[test]
fn an_event_thread_is_refused_to_wait_and_does_not_block() {
    let system = System::real();
    let (go, gate) = mpsc::channel::<()>();
    let thread = system.as_guest(|| PluginThread::spawn("waited for", move || gate.recv().unwrap())).unwrap();
    for pool in [Pool::Net, Pool::Task] {
        let waited = thread.clone();
        assert_eq!(system.on(pool, 0, move || waited.wait()), Err(HostError::EventThread));
    }
    go.send(()).unwrap();
    assert_eq!(thread.wait(), Ok(()));
    system.end();
}

#[test]
fn a_plugin_thread_may_block_for_a_mutex() {
    let system = System::real();
    let mutex = Mutex::new();
    let guard = mutex.lock();
    let (sender, receiver) = mpsc::channel();
    let wanted = mutex.clone();
    let thread = system.as_guest(|| {
        PluginThread::spawn("locker", move || {
            sender.send("about to").unwrap();
            let _guard = wanted.lock();
            sender.send("has it").unwrap();
        })
    });
    assert_eq!(system.receive(&receiver), "about to");
    drop(guard);
    assert_eq!(system.receive(&receiver), "has it");
    thread.unwrap().wait().unwrap();
    system.end();
}

#[test]
fn the_shutdown_waits_for_a_plugin_thread_within_the_deadline_and_names_it() {
    let runtime = Runtime::builder().net_threads(1).task_threads(1).start().unwrap();
    let (go, gate) = mpsc::channel::<()>();
    let guest = runtime.guest();
    let thread = PluginThread::spawn("stubborn", move || gate.recv().unwrap()).unwrap();
    drop(guest);
    let report = runtime.shutdown(ShutdownOptions::default().deadline(Duration::from_millis(50)));
    // Others may be late as well, on a busy machine.
    assert!(report.system.unfinished.iter().any(|name| name == "stubborn"), "{report}");
    go.send(()).unwrap();
    thread.wait().unwrap();
    let report = runtime.shutdown(ShutdownOptions::default().deadline(LIMIT));
    assert!(report.is_clean(), "{report}");
    let _guest = runtime.guest();
    assert_eq!(PluginThread::spawn("late", || {}).unwrap_err(), HostError::ShuttingDown);
}

#[test]
fn a_dedicated_thread_of_the_host_is_no_target_either() {
    let system = System::real();
    let idle = Continuation::shared(|_| {});
    let thread: EThread = system.runtime().processor().spawn_thread(&idle, "dedicated", 0, ()).unwrap();
    let thread = EventThread::from(thread);
    let (cont, _seen) = teller();
    system.as_guest(|| {
        assert_eq!(cont.schedule_on_thread(Duration::ZERO, &thread), Err(ScheduleError::NoLoop));
        let every = cont.schedule_every_on_thread(Duration::from_secs(1), &thread);
        assert_eq!(every, Err(ScheduleError::NoLoop));
        assert_eq!(cont.set_affinity(&thread), Err(ScheduleError::NoLoop));
        assert_eq!(cont.affinity(), Ok(None));
    });
    drop((cont, idle));
    system.end();
}

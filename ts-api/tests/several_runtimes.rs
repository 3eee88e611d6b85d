//! Several event systems in one process: a call means the one that its thread belongs to.

mod support;

use std::sync::{Mutex as StdMutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;
use support::{LIMIT, teller};
use ts_api::lifecycle::{self, LifecycleHook};
use ts_api::runtime::StartError;
use ts_api::{Cont, EventCode, HostError, PluginThread, Pool, Runtime};

/// Which runtime a foreign thread means is a matter of the whole process.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: StdMutex<()> = StdMutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn start() -> Runtime {
    Runtime::builder().net_threads(1).task_threads(1).start().unwrap()
}

fn is_current(runtime: &Runtime) -> bool {
    Runtime::current().is_some_and(|current| current.processor().is_same(runtime.processor()))
}

fn end(runtime: Runtime) {
    let report = runtime.shutdown(support::patiently());
    assert!(report.is_clean(), "{report}");
}

#[test]
fn a_thread_that_belongs_to_none_means_the_first_or_the_installed_one() {
    let _alone = alone();
    assert!(Runtime::current().is_none());
    assert_eq!(PluginThread::spawn("nowhere", || {}).unwrap_err(), HostError::NoRuntime);
    let cont = Cont::shared(|_| {});
    assert_eq!(lifecycle::add(LifecycleHook::Shutdown, &cont), Err(HostError::NoRuntime));
    drop(cont);

    let (first, second, third) = (start(), start(), start());
    assert!(is_current(&first));
    third.install();
    assert!(is_current(&third));
    let guest = second.guest();
    assert!(is_current(&second), "whose guest it is");
    drop(guest);
    end(third.clone());
    assert!(is_current(&first), "one that is shut down is not meant");
    end(first.clone());
    assert!(is_current(&second));
    drop((first, third));
    end(second);
}

#[test]
fn events_and_hooks_stay_in_the_runtime_of_their_caller() {
    let _alone = alone();
    let runtimes = [start(), start()];
    let hooks: Vec<_> = runtimes
        .iter()
        .map(|runtime| {
            let _guest = runtime.guest();
            let (cont, seen) = teller();
            cont.schedule_on_pool(Duration::ZERO, Pool::Task).unwrap();
            let thread = seen.recv_timeout(LIMIT).unwrap().thread.unwrap();
            assert_eq!(thread, runtime.processor().threads(runtime.task())[0].clone().into());

            let (hook, told) = teller();
            lifecycle::add(LifecycleHook::PortsReady, &hook).unwrap();
            told
        })
        .collect();
    let code = |told: &mpsc::Receiver<support::Seen>| told.try_recv().ok().map(|seen| seen.code);
    runtimes[1].ports_ready();
    assert_eq!([code(&hooks[0]), code(&hooks[1])], [None, Some(EventCode::LIFECYCLE_PORTS_READY)]);
    runtimes[0].ports_ready();
    assert_eq!([code(&hooks[0]), code(&hooks[1])], [Some(EventCode::LIFECYCLE_PORTS_READY), None]);
    runtimes.into_iter().for_each(end);
}

#[test]
fn an_affinity_of_another_runtime_counts_for_nothing() {
    let _alone = alone();
    let (one, other) = (start(), start());
    let (cont, seen) = teller();
    {
        let _guest = one.guest();
        cont.schedule_on_pool(Duration::ZERO, Pool::Net).unwrap();
        seen.recv_timeout(LIMIT).unwrap();
    }
    {
        let _guest = other.guest();
        cont.schedule_on_pool(Duration::ZERO, Pool::Net).unwrap();
        let thread = seen.recv_timeout(LIMIT).unwrap().thread.unwrap();
        assert_eq!(thread, other.processor().threads(other.net())[0].clone().into());
    }
    drop(cont);
    end(one);
    end(other);
}

#[test]
fn a_start_that_fails_leaves_no_thread_behind_and_a_second_start_is_refused() {
    let _alone = alone();
    let refused: StartError = Runtime::builder().net_threads(1).task_threads(0).start().unwrap_err();
    assert!(refused.to_string().contains("at least one thread"), "{refused}");
    let runtime = start();
    let second = runtime.start().unwrap_err();
    assert!(second.to_string().contains("already"), "{second}");
    // It runs on all the same.
    let _guest = runtime.guest();
    let (cont, seen) = teller();
    cont.schedule_on_pool(Duration::ZERO, Pool::Net).unwrap();
    seen.recv_timeout(LIMIT).unwrap();
    drop(cont);
    end(runtime);
}

#[test]
fn many_runtimes_come_and_go() {
    let _alone = alone();
    for seed in 0..50 {
        let runtime = Runtime::simulated(seed).unwrap();
        let (cont, seen) = teller();
        {
            let _guest = runtime.guest();
            cont.schedule_on_pool(Duration::from_secs(1), Pool::Task).unwrap();
        }
        runtime.run_for(Duration::from_secs(1));
        assert!(seen.try_recv().is_ok());
        drop(cont);
        assert!(runtime.shutdown(support::patiently()).is_clean());
    }
    assert!(Runtime::current().is_none());
}

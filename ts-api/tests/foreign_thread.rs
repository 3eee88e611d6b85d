//! Threads that are neither event threads nor guests: the whole scheduling family refuses them, and everything else works.

mod support;

use std::thread;
use std::time::Duration;
use support::{System, shared_teller, teller};
use ts_api::{Cancel, Cont, EventCode, EventThread, Mutex, PluginThread, Pool, ScheduleError};

type Member = (&'static str, fn(&Cont, &EventThread) -> Option<ScheduleError>);

const TIME: Duration = Duration::from_millis(1);

const FAMILY: &[Member] = &[
    ("schedule", |cont, _| cont.schedule(TIME).err()),
    ("schedule_every", |cont, _| cont.schedule_every(TIME).err()),
    ("schedule_on_pool", |cont, _| cont.schedule_on_pool(TIME, Pool::Net).err()),
    ("schedule_every_on_pool", |cont, _| cont.schedule_every_on_pool(TIME, Pool::Task).err()),
    ("schedule_on_thread", |cont, thread| cont.schedule_on_thread(TIME, thread).err()),
    ("schedule_every_on_thread", |cont, thread| cont.schedule_every_on_thread(TIME, thread).err()),
    ("schedule_on_entire_pool", |cont, _| cont.schedule_on_entire_pool(TIME, Pool::Net).err()),
    ("schedule_every_on_entire_pool", |cont, _| cont.schedule_every_on_entire_pool(TIME, Pool::Net).err()),
    ("set_affinity", |cont, thread| cont.set_affinity(thread).err()),
    ("affinity", |cont, _| cont.affinity().err()),
    ("clear_affinity", |cont, _| cont.clear_affinity().err()),
    ("explain", |cont, _| cont.explain(None).err()),
];

#[test]
fn the_whole_family_refuses_a_foreign_thread_whatever_the_arguments() {
    let system = System::real();
    let target = system.thread(Pool::Net, 0);
    // With a mutex or without, affinity set or not, alive or destroyed: the thread comes first.
    let (plain, _plain) = teller();
    let (bound, _bound) = teller();
    system.as_guest(|| bound.set_affinity(&target)).unwrap();
    let (shared, _shared) = shared_teller();
    let (dead, _dead) = teller();
    dead.destroy();
    thread::scope(|scope| {
        let foreign = || {
            for (name, member) in FAMILY {
                for cont in [&plain, &bound, &shared, &dead] {
                    assert_eq!(member(cont, &target), Some(ScheduleError::ForeignThread), "{name}");
                }
            }
        };
        scope.spawn(foreign);
    });
    let unchanged = system.as_guest(|| (plain.affinity(), bound.affinity()));
    assert_eq!(unchanged, (Ok(None), Ok(Some(target.clone()))));
    drop((plain, bound, shared, dead));
    system.end();
}

#[test]
fn the_message_says_how_to_become_a_guest() {
    let text = ScheduleError::ForeignThread.to_string();
    assert!(text.contains("PluginThread::spawn") && text.contains("Runtime::guest"), "{text}");
}

#[test]
fn the_family_accepts_the_same_thread_once_it_is_a_guest_and_not_afterwards() {
    let system = System::real();
    let target = system.thread(Pool::Net, 0);
    let (cont, _seen) = teller();
    let (shared, _shared) = shared_teller();
    {
        let _guest = system.runtime().guest();
        for (name, member) in FAMILY {
            let entire = name.ends_with("entire_pool");
            let cont = if entire { &shared } else { &cont };
            assert_eq!(member(cont, &target), None, "{name}");
        }
    }
    for (name, member) in FAMILY {
        assert_eq!(member(&cont, &target), Some(ScheduleError::ForeignThread), "{name}");
    }
    cont.destroy();
    shared.destroy();
    system.end();
}

#[test]
fn create_call_destroy_mutex_and_cancel_work_on_a_foreign_thread() {
    let system = System::real();
    let (pending, _seen) = teller();
    let action = system.as_guest(|| pending.schedule_on_pool(Duration::from_secs(3600), Pool::Net)).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            assert_eq!((EventThread::current(), PluginThread::current()), (None, None));
            let mutex = Mutex::new();
            let held = mutex.clone();
            let cont = Cont::with_data(&mutex, 40, move |data, event| {
                assert!(held.held_by_current());
                assert_eq!(event.thread(), None);
                *data += 1;
                *data
            });
            assert_eq!(cont.call(EventCode::CONTINUE), Ok(41));
            let guard = mutex.lock();
            assert_eq!(cont.call(EventCode::CONTINUE), Ok(42));
            // A lock taken here is a real lock for every other thread.
            thread::scope(|scope| {
                scope.spawn(|| assert!(mutex.try_lock().is_none()));
            });
            drop(guard);
            cont.destroy();
            assert_eq!(action.cancel(), Cancel::Cancelled);
        });
    });
    drop(pending);
    system.end();
}

#[test]
fn a_lock_of_a_foreign_thread_keeps_an_event_from_its_handler() {
    let system = System::real();
    let (cont, seen) = teller();
    let mutex = cont.mutex().unwrap();
    let guard = mutex.lock();
    system.as_guest(|| cont.schedule_on_pool(Duration::ZERO, Pool::Net)).unwrap();
    // Its thread has had its turn with the event, and met the busy mutex.
    system.settle();
    assert!(seen.try_recv().is_err());
    drop(guard);
    system.receive(&seen);
    drop(cont);
    system.end();
}

//! Mutexes and the data that belongs to them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use ts_api::{Cont, DataError, EventCode, Mutex, MutexData};

#[test]
fn a_mutex_counts_its_levels() {
    let mutex = Mutex::new();
    let outer = mutex.lock();
    let inner = mutex.try_lock().unwrap();
    drop(outer);
    thread::scope(|scope| {
        scope.spawn(|| {
            assert!(mutex.try_lock().is_none());
            assert!(!mutex.held_by_current());
        });
    });
    drop(inner);
    thread::scope(|scope| {
        scope.spawn(|| assert!(mutex.try_lock().is_some()));
    });
}

#[test]
fn a_lock_waits_until_the_holder_lets_go() {
    let mutex = Mutex::new();
    let let_go = AtomicBool::new(false);
    let held = Barrier::new(2);
    thread::scope(|scope| {
        scope.spawn(|| {
            let guard = mutex.lock();
            held.wait();
            let_go.store(true, Ordering::SeqCst);
            drop(guard);
        });
        held.wait();
        let _guard = mutex.lock();
        assert!(let_go.load(Ordering::SeqCst));
    });
}

#[test]
fn a_mutex_outlives_the_continuations_that_had_it() {
    let mutex = Mutex::named("survivor");
    let cont = Cont::new(&mutex, |_| {});
    let guard = mutex.lock();
    cont.destroy();
    drop(cont);
    drop(guard);
    assert!(mutex.try_lock().is_some());
}

#[test]
fn data_of_a_mutex_is_only_for_a_guard_of_that_mutex() {
    let (mutex, other) = (Mutex::new(), Mutex::new());
    let data = MutexData::new(&mutex, 1);
    let wrong = other.lock();
    assert_eq!(data.borrow(&wrong).unwrap_err(), DataError::WrongMutex);
    assert_eq!(data.borrow_mut(&wrong).unwrap_err(), DataError::WrongMutex);
    let guard = mutex.lock();
    let reading = data.borrow(&guard).unwrap();
    assert_eq!(*data.borrow(&guard).unwrap(), 1);
    assert_eq!(data.borrow_mut(&guard).unwrap_err(), DataError::AlreadyBorrowed);
    drop(reading);
    *data.borrow_mut(&guard).unwrap() = 2;
    drop(guard);
    assert_eq!(data.into_inner(), 2);
}

#[test]
fn data_of_a_mutex_is_never_seen_by_two_threads_at_once() {
    let mutex = Mutex::new();
    let data = Arc::new(MutexData::new(&mutex, 0));
    let cont = Cont::reentrant(&mutex, {
        let data = Arc::clone(&data);
        move |event| *data.borrow_mut(&event.guard().unwrap()).unwrap() += 1
    });
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..500 {
                    let guard = mutex.lock();
                    *data.borrow_mut(&guard).unwrap() += 1;
                    cont.call(EventCode::CONTINUE).unwrap();
                }
            });
        }
    });
    assert_eq!(*data.borrow(&mutex.lock()).unwrap(), 4 * 500 * 2);
}

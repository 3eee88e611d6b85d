//! A function that is left for the holder to run.
#![cfg(not(loom))]

mod support;

use std::sync::Arc;
use std::sync::mpsc::channel;

use support::Bell;
use ts_mutex::{Guarded, ProxyMutex};
use ts_thread::{ManualClock, SimulatedContext};

#[test]
fn it_runs_at_once_if_the_mutex_can_be_had() {
    let mutex = ProxyMutex::new();
    let (send, receive) = channel();
    let again = send.clone();
    mutex.when_free(move |guard| send.send(guard.mutex().depth()).unwrap());
    assert_eq!(receive.try_recv(), Ok(1));
    let _guard = mutex.lock();
    mutex.when_free(move |guard| again.send(guard.mutex().depth()).unwrap());
    assert_eq!(receive.try_recv(), Ok(2));
}

#[test]
fn otherwise_the_holder_runs_it_with_the_last_level_and_under_the_mutex() {
    let mutex = ProxyMutex::new();
    let data = Arc::new(Guarded::new(&mutex, Vec::new()));
    let (holder, other) = (SimulatedContext::new("holder"), SimulatedContext::new("other"));
    let (outer, inner) = holder.enter(|| (mutex.lock(), mutex.lock()));
    for i in 0..2 {
        let data = data.clone();
        other.enter(|| {
            mutex.when_free(move |guard| data.borrow_mut(guard).unwrap().push((i, ts_thread::current_id())));
        });
    }
    assert!(mutex.has_waiters());
    holder.enter(|| drop(inner));
    assert!(data.borrow(&outer).unwrap().is_empty());
    holder.enter(|| drop(outer));
    assert!(!mutex.is_locked() && !mutex.has_waiters());
    assert_eq!(*data.borrow(&mutex.lock()).unwrap(), [(0, holder.id()), (1, holder.id())]);
}

#[test]
fn what_it_locks_and_leaves_in_its_turn_is_done_too() {
    let mutex = ProxyMutex::new();
    let (send, receive) = channel();
    let (holder, other) = (SimulatedContext::new("holder"), SimulatedContext::new("other"));
    let guard = holder.enter(|| mutex.lock());
    other.enter(|| {
        mutex.when_free(move |guard| {
            let mutex = guard.mutex();
            drop(mutex.lock());
            assert!(mutex.held_by_current(), "a level that ends inside does not end the hold");
            let from_elsewhere = SimulatedContext::new("from elsewhere");
            from_elsewhere.enter(|| mutex.when_free(move |_| send.send(()).unwrap()));
        });
    });
    holder.enter(|| drop(guard));
    assert_eq!(receive.try_recv(), Ok(()));
    assert!(!mutex.is_locked());
}

#[test]
fn it_comes_before_those_that_wait() {
    let mutex = ProxyMutex::new();
    let (holder, other) = (SimulatedContext::new("holder"), SimulatedContext::new("other"));
    let bell = Bell::new();
    let waiter = bell.waiter(&ManualClock::new());
    let guard = holder.enter(|| mutex.lock());
    other.enter(|| {
        assert!(mutex.try_lock_or_wait(&waiter).is_none());
        let bell = bell.clone();
        mutex.when_free(move |_| assert_eq!(bell.rings(), 0));
    });
    holder.enter(|| drop(guard));
    assert_eq!(bell.rings(), 1);
}

#[test]
fn a_panic_in_it_is_not_the_unlockers() {
    let mutex = ProxyMutex::new();
    let (send, receive) = channel();
    let (holder, other) = (SimulatedContext::new("holder"), SimulatedContext::new("other"));
    let guard = holder.enter(|| mutex.lock());
    other.enter(|| {
        mutex.when_free(|_| panic!("on purpose"));
        mutex.when_free(move |_| send.send(()).unwrap());
    });
    holder.enter(|| drop(guard));
    assert_eq!(receive.try_recv(), Ok(()));
    assert!(!mutex.is_locked());
}

#[test]
fn it_is_dropped_unrun_if_the_mutex_is_never_given_back() {
    let mutex = ProxyMutex::new();
    let owned = Arc::new(());
    let other = SimulatedContext::new("other");
    mutex.raw_lock();
    let captured = owned.clone();
    other.enter(|| mutex.when_free(move |_| drop(captured)));
    assert_eq!(Arc::strong_count(&owned), 2);
    drop(mutex);
    assert_eq!(Arc::strong_count(&owned), 1);
}

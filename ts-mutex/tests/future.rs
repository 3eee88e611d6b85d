//! Waiting for the mutex in a future. Polled by hand, on one thread.
#![cfg(not(loom))]

mod support;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use support::{Bell, OVERDUE, until};
use ts_mutex::ProxyMutex;
use ts_thread::{Clock, ManualClock, SimulatedContext};

fn poll<F: Future + Unpin>(future: &mut F, bell: &Arc<Bell>) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(&Waker::from(bell.clone())))
}

#[test]
fn it_runs_at_once_if_the_mutex_is_free() {
    let mutex = ProxyMutex::new();
    let mut run = mutex.run(|guard| guard.mutex().depth());
    assert_eq!(mutex.counts().acquired, 0, "nothing happens before the first poll");
    assert_eq!(poll(&mut run, &Bell::new()), Poll::Ready(1));
    assert!(!mutex.is_locked());
}

#[test]
fn its_task_is_woken_when_the_mutex_is_given_back() {
    let mutex = ProxyMutex::new();
    let holder = SimulatedContext::new("holder");
    let bell = Bell::new();
    let guard = holder.enter(|| mutex.lock());
    let mut run = mutex.run(|_| "done");
    assert_eq!(poll(&mut run, &bell), Poll::Pending);
    assert_eq!(bell.rings(), 0);
    holder.enter(|| drop(guard));
    assert_eq!(bell.rings(), 1);
    assert_eq!(poll(&mut run, &bell), Poll::Ready("done"));
    assert!(!mutex.is_locked() && !mutex.has_waiters());
}

#[test]
fn the_latest_waker_is_the_one_that_is_woken() {
    let mutex = ProxyMutex::new();
    let holder = SimulatedContext::new("holder");
    let (old, new) = (Bell::new(), Bell::new());
    let guard = holder.enter(|| mutex.lock());
    let mut run = mutex.run(|_| ());
    assert_eq!(poll(&mut run, &old), Poll::Pending);
    assert_eq!(poll(&mut run, &new), Poll::Pending);
    holder.enter(|| drop(guard));
    assert_eq!((old.rings(), new.rings()), (0, 1));
}

#[test]
fn dropping_it_passes_the_call_on() {
    let mutex = ProxyMutex::new();
    let holder = SimulatedContext::new("holder");
    let (one, two) = (Bell::new(), Bell::new());
    let guard = holder.enter(|| mutex.lock());
    let (mut first, mut second) = (mutex.run(|_| 1), mutex.run(|_| 2));
    assert_eq!(poll(&mut first, &one), Poll::Pending);
    assert_eq!(poll(&mut second, &two), Poll::Pending);
    holder.enter(|| drop(guard));
    assert_eq!((one.rings(), two.rings()), (1, 0));
    drop(first);
    assert_eq!(two.rings(), 1);
    drop(second);
    assert!(!mutex.has_waiters());
}

#[test]
fn the_mutex_is_never_reserved_for_a_future_that_may_not_come_back() {
    let mutex = ProxyMutex::new();
    let holder = SimulatedContext::new("holder");
    let (bell, clock) = (Bell::new(), ManualClock::new());
    let (task, other) = (Bell::new(), SimulatedContext::new("other"));
    let guard = holder.enter(|| mutex.lock());
    let mut forgotten = mutex.run(|_| ());
    assert_eq!(poll(&mut forgotten, &task), Poll::Pending);
    let waiter = bell.waiter(&clock);
    assert!(other.enter(|| mutex.try_lock_or_wait(&waiter).is_none()));
    // A future's age is measured by the real clock.
    let overdue = Clock::real().now().saturating_add(OVERDUE);
    until(|| Clock::real().now() > overdue);
    clock.advance(OVERDUE);
    holder.enter(|| drop(guard));
    assert_eq!(task.rings(), 1);
    assert!(!mutex.is_locked());
    assert!(other.enter(|| mutex.try_lock_or_wait(&waiter).is_some()));
}

#[test]
fn it_may_be_sent_between_polls() {
    let mutex = ProxyMutex::new();
    let guard = mutex.lock();
    let mut run = mutex.run(|guard| guard.mutex().holder());
    let bell = Bell::new();
    std::thread::scope(|scope| {
        let mut run = scope
            .spawn(|| {
                assert_eq!(poll(&mut run, &bell), Poll::Pending);
                run
            })
            .join()
            .unwrap();
        drop(guard);
        assert_eq!(bell.rings(), 1);
        assert_eq!(poll(&mut run, &bell), Poll::Ready(Some(ts_thread::current_id())));
    });
}

#[test]
#[should_panic(expected = "polled after it was ready")]
fn it_is_ready_once() {
    let mutex = ProxyMutex::new();
    let mut run = mutex.run(|_| ());
    let bell = Bell::new();
    assert_eq!(poll(&mut run, &bell), Poll::Ready(()));
    let _ = poll(&mut run, &bell);
}

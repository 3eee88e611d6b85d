//! Data that belongs to a mutex is touched by its holder only, and not twice at once.
#![cfg(not(loom))]

use ts_mutex::{Guarded, GuardedError, ProxyMutex};

#[test]
fn the_guard_of_another_mutex_opens_nothing() {
    let (mutex, other) = (ProxyMutex::new(), ProxyMutex::new());
    let data = Guarded::new(&mutex, 1);
    let wrong = other.lock();
    assert_eq!(data.borrow(&wrong).unwrap_err(), GuardedError::WrongMutex);
    assert_eq!(data.borrow_mut(&wrong).unwrap_err(), GuardedError::WrongMutex);
    // Also when the right one happens to be held.
    let right = mutex.lock();
    assert_eq!(data.borrow(&wrong).unwrap_err(), GuardedError::WrongMutex);
    assert_eq!(*data.borrow(&right).unwrap(), 1);
}

#[test]
fn a_clone_of_the_mutex_is_as_good() {
    let mutex = ProxyMutex::new();
    let data = Guarded::new(&mutex, 1);
    let clone = mutex.clone();
    *data.borrow_mut(&clone.lock()).unwrap() = 2;
    assert_eq!(*data.borrow(&mutex.lock()).unwrap(), 2);
    assert_eq!(data.mutex(), &clone);
}

#[test]
fn an_inner_level_cannot_borrow_what_an_outer_one_is_writing() {
    let mutex = ProxyMutex::new();
    let data = Guarded::new(&mutex, vec![1]);
    let outer = mutex.lock();
    let mut writing = data.borrow_mut(&outer).unwrap();
    let inner = mutex.lock();
    assert_eq!(data.borrow(&inner).unwrap_err(), GuardedError::AlreadyBorrowed);
    assert_eq!(data.borrow_mut(&inner).unwrap_err(), GuardedError::AlreadyBorrowed);
    writing.push(2);
    drop(writing);
    assert_eq!(*data.borrow(&inner).unwrap(), [1, 2]);
}

#[test]
fn readers_share_and_keep_writers_out() {
    let mutex = ProxyMutex::new();
    let data = Guarded::new(&mutex, 1);
    let guard = mutex.lock();
    let (a, b) = (data.borrow(&guard).unwrap(), data.borrow(&guard).unwrap());
    assert_eq!(*a + *b, 2);
    drop(a);
    assert_eq!(data.borrow_mut(&guard).unwrap_err(), GuardedError::AlreadyBorrowed);
    drop(b);
    *data.borrow_mut(&guard).unwrap() = 5;
    assert_eq!(*data.borrow(&guard).unwrap(), 5);
}

#[test]
fn a_panic_ends_the_borrow() {
    let mutex = ProxyMutex::new();
    let data = Guarded::new(&mutex, 0);
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let guard = mutex.lock();
        let mut writing = data.borrow_mut(&guard).unwrap();
        *writing = 1;
        panic!("on purpose");
    }));
    assert!(caught.is_err());
    assert_eq!(*data.borrow(&mutex.lock()).unwrap(), 1);
}

#[test]
fn whoever_has_it_all_needs_no_guard() {
    let mut data = Guarded::new(&ProxyMutex::new(), String::from("a"));
    data.get_mut().push('b');
    assert_eq!(data.into_inner(), "ab");
}

#[test]
fn a_value_that_may_move_but_not_be_shared_can_be_guarded() {
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&Guarded::new(&ProxyMutex::new(), std::cell::Cell::new(1)));
}

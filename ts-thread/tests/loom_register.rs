//! Promise: in every interleaving a handle names its own value and no other, one thread at a time has it, and it sees all that
//! was done to it before.
#![cfg(loom)]

use std::iter;

use ts_thread::register::{Handle, Register, Stale};
use ts_thread::sync::atomic::{AtomicU64, Ordering};
use ts_thread::sync::{Arc, thread};

fn model(f: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(3));
    builder.check(f);
}

/// A register with one value, 7.
fn seven() -> (Arc<Register<u32>>, Handle) {
    let register = Arc::new(Register::new());
    let handle = register.insert(7).unwrap();
    (register, handle)
}

#[test]
fn of_two_accesses_at_once_the_second_sees_what_the_first_did() {
    model(|| {
        let (register, handle) = seven();
        let theirs = register.clone();
        let other = thread::spawn(move || theirs.with(handle, |value| *value += 1));
        assert_eq!(register.with(handle, |value| *value += 1), Ok(()));
        assert_eq!(other.join().unwrap(), Ok(()));
        assert_eq!(register.remove(handle), Ok(9));
    });
}

#[test]
fn who_removes_a_value_sees_the_access_that_came_before_and_none_comes_after() {
    model(|| {
        let (register, handle) = seven();
        let theirs = register.clone();
        let other = thread::spawn(move || theirs.with(handle, |value| *value += 1));
        let removed = register.remove(handle);
        match other.join().unwrap() {
            Ok(()) => assert_eq!(removed, Ok(8)),
            Err(stale) => assert_eq!((stale, removed), (Stale::Removed, Ok(7))),
        }
    });
}

#[test]
fn of_two_who_remove_a_value_one_gets_it() {
    model(|| {
        let (register, handle) = seven();
        let theirs = register.clone();
        let other = thread::spawn(move || theirs.remove(handle));
        let both = [register.remove(handle), other.join().unwrap()];
        assert!(both == [Ok(7), Err(Stale::Removed)] || both == [Err(Stale::Removed), Ok(7)], "{both:?}");
    });
}

#[test]
fn an_old_handle_never_reaches_the_next_value_in_its_place() {
    model(|| {
        let (register, old) = seven();
        let theirs = register.clone();
        let other = thread::spawn(move || {
            assert_eq!(theirs.remove(old), Ok(7));
            let new = theirs.insert(9).unwrap();
            assert_eq!(new.place(), old.place(), "this is what the model is about");
            new
        });
        let seen = register.with(old, |value| *value);
        assert!(seen == Ok(7) || seen == Err(Stale::Removed), "{seen:?}");
        let new = other.join().unwrap();
        assert_eq!(register.with(new, |value| *value), Ok(9));
        assert!(!register.is_live(old));
    });
}

#[test]
fn a_value_is_whole_for_whoever_knows_its_handle_however_that_came() {
    model(|| {
        let register = Arc::new(Register::new());
        let told = Arc::new(AtomicU64::new(0));
        let (theirs, tell) = (register.clone(), told.clone());
        let other = thread::spawn(move || {
            let handle = theirs.insert(7).unwrap();
            // Relaxed: it must not bring the value along.
            tell.store(handle.get().get(), Ordering::Relaxed);
        });
        let handle = Handle::from_bits(told.load(Ordering::Relaxed));
        if let Some(handle) = handle {
            let seen = register.with(handle, |value| *value);
            assert!(seen == Ok(7) || seen == Err(Stale::NeverWas), "{seen:?}");
        }
        other.join().unwrap();
        assert_eq!(handle.map_or(Ok(7), |handle| register.remove(handle)), Ok(7));
    });
}

#[test]
fn values_that_two_threads_put_in_at_once_have_places_of_their_own() {
    model(|| {
        let register = Arc::new(Register::new());
        let theirs = register.clone();
        let other = thread::spawn(move || [1, 2].map(|value| theirs.insert(value).unwrap()));
        let here = register.insert(3).unwrap();
        let handles = other.join().unwrap().into_iter().chain(iter::once(here));
        for (handle, value) in handles.zip(1..) {
            assert_eq!(register.remove(handle), Ok(value));
        }
        assert_eq!(register.live(), 0);
    });
}

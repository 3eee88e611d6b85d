//! Continuations: the four ways to make one, calling, data, ending, and panics.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;
use support::{LIMIT, System, on_both_clocks, teller};
use ts_api::{CallError, Cont, DataError, Destroyed, EventCode, Mutex, MutexData, Pool};

/// Counts how often it is dropped.
struct Dropped(Arc<AtomicU32>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn counter() -> (Arc<AtomicU32>, Dropped) {
    let count = Arc::new(AtomicU32::new(0));
    (Arc::clone(&count), Dropped(count))
}

#[test]
fn a_call_runs_the_handler_under_its_mutex_and_returns_its_number() {
    let mutex = Mutex::new();
    let held = mutex.clone();
    let cont = Cont::new(&mutex, move |event| {
        assert!(held.held_by_current());
        assert_eq!(event.action(), None, "nobody scheduled it");
        event.code().number() + 1
    });
    assert_eq!(cont.call(100_041), Ok(100_042));
    assert!(!mutex.held_by_current());
    assert_eq!(cont.mutex(), Some(mutex));
}

#[test]
fn a_handler_that_returns_nothing_answers_zero() {
    assert_eq!(Cont::new(&Mutex::new(), |_| ()).call(EventCode::CONTINUE), Ok(0));
}

#[test]
fn a_re_entrant_call_is_an_error_value_for_new_and_runs_for_reentrant() {
    let nested = |event: &mut ts_api::Event<'_>| match event.code() {
        EventCode::CONTINUE => event.cont().call(EventCode::ERROR),
        _ => Ok(7),
    };
    let plain = Cont::new(&Mutex::new(), move |event| match nested(event) {
        Err(CallError::Reentrant) => 1,
        other => panic!("{other:?}"),
    });
    assert_eq!(plain.call(EventCode::CONTINUE), Ok(1));
    let reentrant = Cont::reentrant(&Mutex::new(), move |event| nested(event).unwrap());
    assert_eq!(reentrant.call(EventCode::CONTINUE), Ok(7));
    let shared = Cont::shared(move |event| nested(event).unwrap());
    assert_eq!(shared.call(EventCode::CONTINUE), Ok(7));
    assert_eq!(shared.mutex(), None);
}

#[test]
fn data_of_a_re_entrant_handler_refuses_a_second_borrow_that_would_conflict() {
    let mutex = Mutex::new();
    let data = MutexData::new(&mutex, 0);
    let cont = Cont::reentrant(&mutex, move |event| {
        let guard = event.guard().unwrap();
        match data.borrow_mut(&guard) {
            Ok(mut value) => {
                *value += 1;
                event.cont().call(EventCode::ERROR).unwrap()
            }
            Err(DataError::AlreadyBorrowed) => 5,
            Err(other) => panic!("{other}"),
        }
    });
    assert_eq!(cont.call(EventCode::CONTINUE), Ok(5));
    assert_eq!(cont.call(EventCode::CONTINUE), Ok(5), "the first borrow has ended");
}

#[test]
fn data_comes_with_each_call_and_is_dropped_with_the_continuation() {
    let (drops, dropped) = counter();
    let cont = Cont::with_data(&Mutex::new(), (dropped, 0), |(_, calls), _| {
        *calls += 1;
        *calls
    });
    assert_eq!((cont.call(EventCode::CONTINUE), cont.call(EventCode::CONTINUE)), (Ok(1), Ok(2)));
    let other = cont.clone();
    drop(cont);
    assert_eq!(drops.load(Ordering::SeqCst), 0, "a handle is left");
    drop(other);
    assert_eq!(drops.load(Ordering::SeqCst), 1);
}

#[test]
fn lent_data_is_seen_as_its_own_type_only_and_comes_back_changed() {
    let cont = Cont::new(&Mutex::new(), |event| {
        assert!(event.data::<u32>().is_none());
        event.data::<Vec<i32>>().map_or(-1, |data| {
            data.push(3);
            data.len() as i32
        })
    });
    let mut data = vec![1, 2];
    assert_eq!(cont.call_with(EventCode::CONTINUE, &mut data), Ok(3));
    assert_eq!(data, [1, 2, 3]);
    assert_eq!(cont.call(EventCode::CONTINUE), Ok(-1));
}

#[test]
fn a_call_does_not_wait_for_a_mutex_that_another_thread_holds() {
    let (cont, _seen) = teller();
    let mutex = cont.mutex().unwrap();
    let guard = mutex.lock();
    thread::scope(|scope| {
        scope.spawn(|| assert_eq!(cont.call(EventCode::CONTINUE), Err(CallError::Busy)));
    });
    drop(guard);
}

#[test]
fn destroy_says_when_the_handler_goes_and_works_once_from_anywhere() {
    let (drops, dropped) = counter();
    let cont = Cont::with_data(&Mutex::new(), dropped, |_, _| ());
    assert_eq!(cont.destroy(), Destroyed::Now);
    assert_eq!(drops.load(Ordering::SeqCst), 1);
    assert_eq!(cont.destroy(), Destroyed::Already);
    assert_eq!(cont.call(EventCode::CONTINUE), Err(CallError::Destroyed));
    assert!(cont.is_destroyed());

    let (drops, dropped) = counter();
    let seen = Arc::clone(&drops);
    let cont = Cont::with_data(&Mutex::new(), dropped, move |_, event| {
        assert_eq!(event.cont().destroy(), Destroyed::AfterHandler);
        assert_eq!(seen.load(Ordering::SeqCst), 0);
    });
    cont.call(EventCode::CONTINUE).unwrap();
    assert_eq!(drops.load(Ordering::SeqCst), 1);

    let (drops, dropped) = counter();
    let cont = Cont::with_data(&Mutex::new(), dropped, |_, _| ());
    let mutex = cont.mutex().unwrap();
    let guard = mutex.lock();
    thread::scope(|scope| {
        scope.spawn(|| assert_eq!(cont.destroy(), Destroyed::AtUnlock));
    });
    assert_eq!(drops.load(Ordering::SeqCst), 0);
    drop(guard);
    assert_eq!(drops.load(Ordering::SeqCst), 1);
}

#[test]
fn a_destroyed_continuation_is_not_run_by_its_pending_events() {
    on_both_clocks(|system| {
        let (cont, seen) = teller();
        let thread = system.thread(Pool::Net, 0);
        let other = cont.clone();
        // On the thread that has the events, so that none runs in between.
        system.on(Pool::Net, 0, move || {
            other.schedule_on_thread(Duration::ZERO, &thread).unwrap();
            other.schedule_every_on_thread(Duration::from_millis(1), &thread).unwrap();
            other.destroy();
        });
        system.settle();
        assert_eq!(
            seen.recv_timeout(LIMIT),
            Err(RecvTimeoutError::Disconnected),
            "the handler is gone, unseen"
        );
    });
}

#[test]
fn a_panicking_handler_retires_its_continuation_and_nobody_else() {
    on_both_clocks(|system| {
        let mutex = Mutex::new();
        let (drops, dropped) = counter();
        let faulty = Cont::named("faulty").with_data(&mutex, dropped, |_, event| {
            assert_ne!(event.code(), EventCode::IMMEDIATE, "expected by the test");
        });
        let (sender, receiver) = mpsc::channel();
        let healthy = Cont::new(&mutex, move |_| sender.send(()).unwrap());
        system.as_guest(|| {
            faulty.schedule_on_pool(Duration::ZERO, Pool::Net).unwrap();
            system.settle();
            healthy.schedule_on_pool(Duration::ZERO, Pool::Net).unwrap();
        });
        system.receive(&receiver);
        assert!(faulty.is_destroyed());
        assert_eq!(drops.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn a_panic_comes_back_from_a_call_as_an_error() {
    let cont = Cont::new(&Mutex::new(), |event| {
        assert_ne!(event.code(), EventCode::ERROR, "expected by the test");
    });
    assert_eq!(cont.call(EventCode::CONTINUE), Ok(0));
    assert_eq!(cont.call(EventCode::ERROR), Err(CallError::Panicked));
    assert_eq!(cont.call(EventCode::CONTINUE), Err(CallError::Destroyed));
    assert!(!cont.mutex().unwrap().held_by_current());
}

#[test]
fn a_destructor_that_panics_does_not_get_out() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("expected by the test");
        }
    }
    let cont = Cont::with_data(&Mutex::new(), Bomb, |_, _| ());
    assert_eq!(cont.destroy(), Destroyed::Now);
}

#[test]
fn reports_name_a_forgotten_continuation_with_its_place_in_the_plugins_source() {
    let system = System::real();
    let forgotten = system.as_guest(|| Cont::named("forgotten").shared(|_| {}));
    let unnamed = system.as_guest(|| Cont::new(&Mutex::new(), |_| {}));
    let report = system.shutdown();
    assert!(!report.is_clean());
    let labels: Vec<_> = report.system.continuations.iter().map(|(label, _)| label.as_str()).collect();
    assert!(
        labels.iter().any(|label| label.starts_with("forgotten (") && label.contains("conts.rs:")),
        "{labels:?}"
    );
    assert!(
        labels.iter().any(|label| label.contains("made at") && label.contains("conts.rs:")),
        "{labels:?}"
    );
    assert!(report.to_string().contains("forgotten"));
    assert!(forgotten.name().starts_with("forgotten (") && unnamed.name().contains("conts.rs:"));
}

//! Calling off, in every interleaving: the answers fit what the owner does, and one caller at most is told
//! "before its run".
//!
//! The flags that say which call had returned when another began are the standard library's on purpose: they
//! record the order in which loom lets things happen, and order nothing themselves.
#![cfg(loom)]

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use loom::thread;
use ts_event::{Begin, Begun, Cache, CallOff, End, Entry, Key, Slots};
use ts_thread::fence::Asymmetric;

fn model(f: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(3));
    builder.check(f);
}

fn slots<T: 'static>() -> &'static Slots<T> {
    Box::leak(Box::new(Slots::new()))
}

/// Set when the answer to a call that forbids further runs has been given.
fn flag() -> &'static AtomicBool {
    Box::leak(Box::new(AtomicBool::new(false)))
}

/// Begins a run, and checks that none begins after somebody was told that none will.
fn begin<T>(entry: &mut Entry<T>, answered: &AtomicBool) -> Begin {
    let was_answered = answered.load(Relaxed);
    let begin = entry.begin();
    assert!(!was_answered || begin == Begin::CalledOff, "a run began after the answer");
    begin
}

/// The same, by the way that is for those who know how fences are.
fn run<T>(entry: Entry<T>, answered: &AtomicBool) -> Result<Begun<T>, Entry<T>> {
    let was_answered = answered.load(Relaxed);
    let run = entry.run(known());
    assert!(!was_answered || run.is_err(), "a run began after the answer");
    run
}

/// The same once more, by the way that is for an event that is known to wait.
fn run_waiting<T>(entry: Entry<T>, answered: &AtomicBool) -> Result<Begun<T>, Entry<T>> {
    let was_answered = answered.load(Relaxed);
    // SAFETY: it was armed again, and has not begun since.
    let run = unsafe { entry.run_waiting(known()) };
    assert!(!was_answered || run.is_err(), "a run began after the answer");
    run
}

fn known() -> Asymmetric {
    Asymmetric::known().expect("in a model it is")
}

fn call_off<T>(key: Key<T>, answered: &AtomicBool) -> CallOff {
    let answer = key.call_off();
    answered.store(true, Relaxed);
    answer
}

/// Takes slots from the pool: the one that `key` names has to be among them, once, like all others.
fn assert_came_home(slots: &'static Slots<u32>, key: Key<u32>) {
    let taken: Vec<_> = (0..8).map(|n| slots.entry(n)).collect();
    let mut home: Vec<_> = taken.iter().map(|entry| entry.key().to_raw().0).collect();
    assert!(home.contains(&key.to_raw().0), "the slot was lost");
    home.sort();
    home.dedup();
    assert_eq!(home.len(), taken.len(), "a slot came home twice");
}

#[test]
fn a_single_run_either_happens_or_is_called_off() {
    model(|| {
        let (slots, answered) = (slots::<u32>(), flag());
        let mut entry = slots.entry(1);
        let key = entry.key();
        let caller = thread::spawn(move || {
            let answer = call_off(key, answered);
            // In case the slot was left to this thread, it must be able to use it.
            drop(slots.entry(2));
            answer
        });
        let has_run = begin(&mut entry, answered) == Begin::Run;
        assert_eq!(*entry, 1);
        drop(entry);
        match caller.join().unwrap() {
            CallOff::BeforeRun => assert!(!has_run),
            CallOff::Running | CallOff::AlreadyRan | CallOff::Stale => assert!(has_run),
            other @ CallOff::AlreadyCalledOff => panic!("{other:?} with one caller"),
        }
        assert_came_home(slots, key);
    });
}

#[test]
fn of_an_owner_and_a_caller_who_call_off_at_once_one_was_first() {
    model(|| {
        let (slots, answered) = (slots::<u32>(), flag());
        let cache = Cache::new(slots);
        let entry = cache.entry(1);
        let key = entry.key();
        let caller = thread::spawn(move || call_off(key, answered));
        let (value, own) = cache.call_off(entry);
        assert_eq!(value, 1);

        let mut next = cache.entry(2);
        assert_eq!(next.begin(), Begin::Run, "nobody has called off the next one");
        assert_eq!(cache.take(next), 2);

        match (own, caller.join().unwrap()) {
            (CallOff::BeforeRun, CallOff::AlreadyCalledOff | CallOff::Stale) => {}
            (CallOff::AlreadyCalledOff, CallOff::BeforeRun) => {}
            other => panic!("{other:?}"),
        }
        drop(cache);
        assert_came_home(slots, key);
    });
}

#[test]
fn the_next_event_in_a_slot_is_not_called_off_by_a_call_for_the_last() {
    model(|| {
        let (slots, answered) = (slots::<u32>(), flag());
        let cache = Cache::new(slots);
        let mut entry = cache.entry(1);
        let key = entry.key();
        let caller = thread::spawn(move || call_off(key, answered));
        let has_run = begin(&mut entry, answered) == Begin::Run;
        let _ = cache.take(entry);

        let mut next = cache.entry(2);
        let next_key = next.key();
        assert_eq!(next.begin(), Begin::Run);
        let next_answer = next_key.call_off();
        assert_eq!(next_answer, CallOff::Running);
        assert_eq!(cache.take(next), 2);

        match caller.join().unwrap() {
            CallOff::BeforeRun => assert!(!has_run),
            CallOff::Running | CallOff::AlreadyRan | CallOff::Stale => assert!(has_run),
            other @ CallOff::AlreadyCalledOff => panic!("{other:?} with one caller"),
        }
    });
}

#[test]
fn an_event_that_is_armed_again_stops_for_one_answer() {
    model(|| {
        let (slots, answered) = (slots::<u32>(), flag());
        let mut entry = slots.entry(1);
        let key = entry.key();
        let caller = thread::spawn(move || call_off(key, answered));
        let (mut runs, mut is_off) = (0, false);
        while runs < 2 && !is_off {
            match begin(&mut entry, answered) {
                Begin::Run => runs += 1,
                Begin::CalledOff => is_off = true,
            }
            if runs == 1 && !is_off && entry.end() == End::CalledOff {
                is_off = true;
            }
        }
        drop(entry);
        match caller.join().unwrap() {
            CallOff::BeforeRun => assert!(is_off && runs < 2),
            CallOff::Running => assert!(if is_off { runs == 1 } else { runs == 2 }),
            CallOff::AlreadyRan => assert!(!is_off),
            other => panic!("{other:?} with one caller and one event"),
        }
    });
}

#[test]
fn of_two_callers_one_is_told_that_it_was_before_the_run() {
    model(|| {
        let (slots, answered) = (slots::<u32>(), flag());
        let mut entry = slots.entry(1);
        let key = entry.key();
        let callers = [0, 1].map(|_| thread::spawn(move || call_off(key, answered)));
        let has_run = begin(&mut entry, answered) == Begin::Run;
        drop(entry);
        let answers = callers.map(|caller| caller.join().unwrap());
        let before = answers.iter().filter(|answer| **answer == CallOff::BeforeRun).count();
        assert_eq!(before, usize::from(!has_run), "{answers:?}");
        for answer in answers {
            match answer {
                CallOff::BeforeRun | CallOff::AlreadyCalledOff => assert!(!has_run, "{answers:?}"),
                CallOff::Running | CallOff::AlreadyRan => assert!(has_run, "{answers:?}"),
                CallOff::Stale => panic!("the slot was not used again"),
            }
        }
        assert_came_home(slots, key);
    });
}

#[test]
fn of_two_callers_of_an_event_that_is_armed_again_neither_sees_another_run() {
    model(|| {
        let (slots, answered) = (slots::<u32>(), flag());
        let mut entry = slots.entry(1);
        let key = entry.key();
        let callers = [0, 1].map(|_| thread::spawn(move || call_off(key, answered)));
        let mut runs = 0;
        let mut is_off = begin(&mut entry, answered) == Begin::CalledOff;
        if !is_off {
            runs += 1;
            is_off = entry.end() == End::CalledOff;
        }
        if !is_off {
            is_off = begin(&mut entry, answered) == Begin::CalledOff;
            runs += u32::from(!is_off);
        }
        drop(entry);
        let answers = callers.map(|caller| caller.join().unwrap());
        let before = answers.iter().filter(|answer| **answer == CallOff::BeforeRun).count();
        assert!(before <= 1, "{answers:?}");
        assert!(before == 0 || is_off && runs < 2, "{answers:?} {runs}");
        assert!(!is_off || runs > 0 || before == 1, "who called it off? {answers:?}");
        assert!(!answers.contains(&CallOff::Stale));
    });
}

#[test]
fn an_event_dropped_by_its_owner_is_not_called_off_twice() {
    model(|| {
        let slots = slots::<u32>();
        let entry = slots.entry(1);
        let key = entry.key();
        let caller = thread::spawn(move || key.call_off());
        drop(entry);
        drop(slots.entry(2));
        let answer = caller.join().unwrap();
        assert!(
            matches!(answer, CallOff::BeforeRun | CallOff::AlreadyCalledOff | CallOff::Stale),
            "{answer:?}"
        );
        assert_came_home(slots, key);
    });
}

#[test]
fn what_a_run_did_is_seen_by_who_is_told_that_it_ran() {
    model(|| {
        let slots = slots::<u32>();
        let trace: &'static loom::cell::UnsafeCell<u32> = Box::leak(Box::new(loom::cell::UnsafeCell::new(0)));
        let mut entry = slots.entry(1);
        let key = entry.key();
        let caller = thread::spawn(move || {
            let answer = key.call_off();
            // SAFETY: an event that ran or does not run changes the trace no more; loom checks just that.
            let seen = (answer != CallOff::Running).then(|| trace.with(|trace| unsafe { *trace }));
            (answer, seen)
        });
        if entry.begin() == Begin::Run {
            // SAFETY: as above.
            trace.with_mut(|trace| unsafe { *trace = 1 });
        }
        drop(entry);
        match caller.join().unwrap() {
            (CallOff::BeforeRun, seen) => assert_eq!(seen, Some(0)),
            (CallOff::AlreadyRan, seen) => assert_eq!(seen, Some(1)),
            _ => {}
        }
    });
}

#[test]
fn a_slot_that_is_used_again_at_once_has_nothing_left_of_a_call_for_the_event_that_ran() {
    model(|| {
        let (slots, answered) = (slots::<u32>(), flag());
        let cache = Cache::new(slots);
        let entry = cache.entry(1);
        let key = entry.key();
        let caller = thread::spawn(move || call_off(key, answered));
        let has_run = match run(entry, answered) {
            Ok(begun) => {
                // SAFETY: it is of the pool of the cache.
                unsafe { cache.forget_own(begun) };
                true
            }
            Err(off) => {
                drop(off);
                false
            }
        };

        let next = cache.entry(2).run(known()).expect("nobody has called this one off");
        // SAFETY: as above.
        unsafe { cache.forget_own(next) };

        match caller.join().unwrap() {
            CallOff::BeforeRun => assert!(!has_run),
            CallOff::Running | CallOff::AlreadyRan | CallOff::Stale => assert!(has_run),
            other @ CallOff::AlreadyCalledOff => panic!("{other:?} with one caller"),
        }
        drop(cache);
        assert_came_home(slots, key);
    });
}

#[test]
fn an_event_that_goes_on_without_a_pause_stops_for_one_answer() {
    model(|| {
        let (slots, answered) = (slots::<u32>(), flag());
        let entry = slots.entry(1);
        let key = entry.key();
        let callers = [(); 2].map(|()| thread::spawn(move || call_off(key, answered)));
        let mut runs = 0;
        let off = run(entry, answered).and_then(|begun| {
            runs += 1;
            let was_answered = answered.load(Relaxed);
            if begun.goes_on(known()) {
                assert!(!was_answered, "a run began after the answer");
                runs += 1;
            }
            begun.again(known())
        });
        drop(off);
        let answers = callers.map(|caller| caller.join().unwrap());
        for answer in answers {
            match answer {
                CallOff::Running => assert!(runs > 0, "it had not begun"),
                CallOff::AlreadyRan => panic!("it was dropped before its next run"),
                CallOff::BeforeRun | CallOff::AlreadyCalledOff | CallOff::Stale => {}
            }
        }
        assert!(answers.iter().filter(|answer| **answer == CallOff::BeforeRun).count() <= 1);
        assert_came_home(slots, key);
    });
}

#[test]
fn an_event_that_is_armed_again_by_who_knows_the_fences_stops_for_one_answer() {
    model(|| {
        let (slots, answered) = (slots::<u32>(), flag());
        let entry = slots.entry(1);
        let key = entry.key();
        let caller = thread::spawn(move || call_off(key, answered));
        let (mut runs, mut is_off) = (0, false);
        let off = run(entry, answered).and_then(|begun| {
            runs += 1;
            run_waiting(begun.again(known())?, answered)
        });
        match off {
            Ok(begun) => {
                runs += 1;
                drop(begun.into_entry());
            }
            Err(off) => {
                is_off = true;
                drop(off);
            }
        }
        match caller.join().unwrap() {
            CallOff::BeforeRun => assert!(is_off && runs < 2),
            CallOff::Running => assert!(if is_off { runs == 1 } else { runs == 2 }),
            CallOff::AlreadyRan => assert!(!is_off),
            other => panic!("{other:?} with one caller and one event"),
        }
    });
}

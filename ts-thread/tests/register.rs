//! Promise: a handle names its own value for as long as that is in the register, and no number names anything else.
#![cfg(not(loom))]

use std::collections::{BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;

use proptest::prelude::*;
use ts_thread::register::{Full, Handle, Register, Stale};

#[test]
fn a_value_can_be_changed_until_it_is_removed_and_removed_once() {
    static REGISTER: Register<String> = Register::new();
    let handle = REGISTER.insert("one".to_owned()).unwrap();
    assert!(REGISTER.is_live(handle));
    assert_eq!(REGISTER.with(handle, |value| value.push_str(", two")), Ok(()));
    assert_eq!(REGISTER.remove(handle).as_deref(), Ok("one, two"));
    assert!(!REGISTER.is_live(handle));
    assert_eq!(REGISTER.remove(handle), Err(Stale::Removed));
    assert_eq!(REGISTER.with(handle, |_| ()), Err(Stale::Removed));
}

#[test]
fn any_number_may_be_tried() {
    let register = Register::new();
    let handles: Vec<_> = (0..200).map(|value| register.insert(value).unwrap()).collect();
    let tries = (0..64)
        .flat_map(|bit| [1 << bit, (1 << bit) - 1, u64::MAX << bit, handles[7].get().get() ^ 1 << bit]);
    for bits in tries {
        let Some(handle) = Handle::from_bits(bits) else {
            assert!(bits == 0 || bits >= 1 << Handle::BITS);
            continue;
        };
        match handles.iter().position(|known| *known == handle) {
            Some(value) => assert_eq!(register.with(handle, |found| *found), Ok(value)),
            None => {
                assert_eq!(register.with(handle, |found| *found), Err(Stale::NeverWas), "{handle:?}");
                assert_eq!(register.remove(handle), Err(Stale::NeverWas), "{handle:?}");
                assert!(!register.is_live(handle));
            }
        }
    }
    assert_eq!(register.live(), handles.len());
}

#[test]
fn a_panic_inside_of_an_access_gives_the_value_back() {
    let register = Register::new();
    let handle = register.insert(1).unwrap();
    let access = || {
        register.with(handle, |value| {
            *value = 2;
            panic!("in the middle");
        })
    };
    assert!(catch_unwind(AssertUnwindSafe(access)).is_err());
    assert_eq!(register.with(handle, |value| *value), Ok(2));
    assert_eq!(register.remove(handle), Ok(2));
}

#[cfg(debug_assertions)]
#[test]
fn an_access_inside_of_an_access_to_the_same_value_is_a_panic_in_debug_builds() {
    let register = Register::new();
    let [outer, other] = [1, 2].map(|value| register.insert(value).unwrap());
    assert_eq!(
        register.with(outer, |_| register.with(other, |value| *value)),
        Ok(Ok(2)),
        "another one may be had"
    );
    let nested = || register.with(outer, |_| register.with(outer, |_| ()));
    assert!(catch_unwind(AssertUnwindSafe(nested)).is_err());
    let nested = || register.with(outer, |_| register.remove(outer));
    assert!(catch_unwind(AssertUnwindSafe(nested)).is_err());
    assert_eq!(register.remove(outer), Ok(1));
}

#[test]
fn a_full_register_gives_the_value_back_and_has_room_after_a_removal() {
    let register = Register::with_limit(100);
    let handles: Vec<_> = (0..100).map(|value| register.insert(value).unwrap()).collect();
    assert_eq!(register.insert(100), Err(Full(100)));
    // Wherever the place went, whoever needs it finds it.
    let theirs = thread::scope(|scope| {
        scope.spawn(|| register.remove(handles[3]).unwrap()).join().unwrap();
        scope.spawn(|| register.insert(200).unwrap()).join().unwrap()
    });
    assert_eq!(theirs.place(), handles[3].place());
    assert_eq!(register.insert(100), Err(Full(100)));
    assert_eq!(register.remove(theirs), Ok(200));
    assert_eq!(register.live(), 99);
    assert_eq!(Register::with_limit(0).insert("none"), Err(Full("none")));
}

#[test]
fn what_is_left_in_a_register_is_dropped_with_it() {
    let value = Rc::new(());
    let register = Register::new();
    let handles: Vec<_> = (0..10_000).map(|_| register.insert(value.clone()).unwrap()).collect();
    register.remove(handles[17]).unwrap();
    assert_eq!(Rc::strong_count(&value), 10_000);
    drop(register);
    assert_eq!(Rc::strong_count(&value), 1);
}

#[test]
fn places_that_others_have_emptied_are_used_again() {
    let register = Register::new();
    let (send, receive) = mpsc::sync_channel(10);
    let places: BTreeSet<u32> = thread::scope(|scope| {
        scope.spawn(|| receive.into_iter().for_each(|handle| assert_eq!(register.remove(handle), Ok(1))));
        let made = (0..20_000).map(|_| register.insert(1).unwrap());
        let made: BTreeSet<_> = made.map(|handle| (handle.place(), send.send(handle).unwrap()).0).collect();
        drop(send);
        made
    });
    assert!(places.len() < 1_000, "{} places for about ten values", places.len());
    assert_eq!(register.live(), 0);
}

#[test]
fn threads_that_use_the_same_values_have_each_for_themselves() {
    const ROUNDS: usize = 20_000;
    let register = Register::new();
    let handles: Vec<_> = (0..4).map(|_| register.insert([0; 8]).unwrap()).collect();
    let removed: usize = thread::scope(|scope| {
        let add = |round: usize| {
            let added =
                register.with(handles[round % 4], |value| value.iter_mut().for_each(|part| *part += 1));
            assert_eq!(added, Ok(()));
            let own = register.insert([round; 8]).unwrap();
            assert_eq!(register.remove(own), Ok([round; 8]));
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(move || (0..ROUNDS).for_each(add))).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let (register, handles) = (&register, &handles);
        let remove =
            move || handles.iter().filter(|handle| register.remove(**handle) == Ok([ROUNDS; 8])).count();
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(remove)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(removed, handles.len(), "each was removed once, and whole");
}

/// What is done to a register, and to a map. `which` is one of all handles that ever were.
#[derive(Debug, Clone)]
enum Step {
    Insert,
    Add { which: usize },
    Remove { which: usize },
    Try { bits: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Insert),
        3 => any::<usize>().prop_map(|which| Step::Add { which }),
        3 => any::<usize>().prop_map(|which| Step::Remove { which }),
        // Near to those that are given out.
        1 => (0..200_u64, 0..4_u64).prop_map(|(place, generation)| Step::Try { bits: generation << 26 | place }),
        1 => any::<u64>().prop_map(|bits| Step::Try { bits }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_register_does_as_a_map_from_handles_to_values(
        limit in 1..150_u32,
        steps in prop::collection::vec(step(), 1..600),
    ) {
        let register = Register::with_limit(limit);
        let mut map: HashMap<Handle, usize> = HashMap::new();
        let mut given: Vec<Handle> = Vec::new();
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Insert => match register.insert(number) {
                    Ok(handle) => {
                        prop_assert!(!given.contains(&handle), "a handle is given out once");
                        given.push(handle);
                        map.insert(handle, number);
                    }
                    Err(Full(value)) => prop_assert_eq!((value, map.len()), (number, limit as usize)),
                },
                Step::Add { which } if !given.is_empty() => {
                    let handle = given[which % given.len()];
                    let expected = map.get_mut(&handle).map(|value| { *value += 1; *value });
                    let found = register.with(handle, |value| { *value += 1; *value });
                    prop_assert_eq!(found, expected.ok_or(Stale::Removed));
                }
                Step::Remove { which } if !given.is_empty() => {
                    let handle = given[which % given.len()];
                    prop_assert_eq!(register.remove(handle), map.remove(&handle).ok_or(Stale::Removed));
                }
                Step::Try { bits } => {
                    let Some(handle) = Handle::from_bits(bits) else { continue };
                    let absent = if given.contains(&handle) { Stale::Removed } else { Stale::NeverWas };
                    prop_assert_eq!(register.with(handle, |value| *value), map.get(&handle).copied().ok_or(absent));
                }
                _ => {}
            }
            prop_assert!(given.last().is_none_or(|handle| register.is_live(*handle) == map.contains_key(handle)));
        }
        let mut met = HashMap::new();
        register.for_each_live(|handle| {
            let value = register.with(handle, |value| *value).expect("nobody removes it");
            assert_eq!(met.insert(handle, value), None, "each is met once");
        });
        prop_assert_eq!(register.live(), map.len());
        prop_assert_eq!(met, map);
    }
}

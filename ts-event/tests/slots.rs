//! Slots, entries, caches and keys: a key means one event for ever, and slots are used again.
#![cfg(not(loom))]

use std::cell::Cell;
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;

use proptest::prelude::*;
use ts_event::{Begin, Cache, CallOff, Entry, Key, Phase, Slots};
use ts_thread::fence::Asymmetric;

/// A pool of the test's own.
fn slots<T: 'static>() -> &'static Slots<T> {
    Box::leak(Box::new(Slots::new()))
}

#[test]
fn an_entry_holds_its_value_until_it_is_dropped() {
    struct Loud(Rc<Cell<u32>>);
    impl Drop for Loud {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    let drops = Rc::new(Cell::new(0));
    let slots = slots();
    let mut entry = slots.entry(Loud(drops.clone()));
    entry.0 = drops.clone();
    assert_eq!(drops.get(), 0);
    drop(entry);
    assert_eq!(drops.get(), 1);
    let loud = slots.entry(Loud(drops.clone())).into_inner();
    assert_eq!(drops.get(), 1);
    drop(loud);
    assert_eq!(drops.get(), 2);
}

#[test]
fn a_key_outlives_its_event_and_never_means_the_next_one_in_its_slot() {
    let slots = slots();
    let cache = Cache::new(slots);
    let mut keys: HashSet<Key<u32>> = HashSet::new();
    let first = cache.entry(0);
    let (slot, _) = first.key().to_raw();
    let _ = cache.take(first);
    for n in 0..1_000 {
        let entry = cache.entry(n);
        assert_eq!(entry.key().to_raw().0, slot, "one event at a time needs one slot");
        assert!(keys.iter().all(|key| !key.is_live()));
        assert!(keys.insert(entry.key()), "keys are unique");
        assert!(entry.key().is_live());
        let _ = cache.take(entry);
    }
    let last = cache.entry(0);
    for key in keys {
        assert_eq!(key.phase(), Phase::Stale);
        assert_eq!(key.call_off(), CallOff::Stale);
        assert_eq!(key.tag(), None);
    }
    assert_eq!(last.key().phase(), Phase::Waiting);
}

#[test]
fn a_tag_is_read_through_the_key_as_long_as_the_event_lives() {
    let slots = slots();
    let entry = slots.entry("x");
    let key = entry.key();
    assert_eq!((entry.tag(), key.tag()), (0, Some(0)));
    entry.set_tag(77);
    assert_eq!((entry.tag(), key.tag()), (77, Some(77)));
    drop(entry);
    assert_eq!(key.tag(), None);
    let next = slots.entry("y");
    assert_eq!((next.tag(), key.tag()), (0, None), "the tag does not go over to the next event");
}

#[test]
fn entries_and_keys_survive_being_taken_apart() {
    let slots = slots();
    let entry = slots.entry(5);
    let key = entry.key();
    let raw = entry.into_raw();
    assert!(key.is_live());
    // SAFETY: the pointer came from `into_raw` of this very type, just now.
    let entry: Entry<i32> = unsafe { Entry::from_raw(raw) };
    assert_eq!((*entry, entry.key()), (5, key));
    let (slot, generation) = key.to_raw();
    // SAFETY: the words came from `to_raw` of this very type.
    assert_eq!(unsafe { Key::from_raw(slot, generation) }, key);
    // SAFETY: as above, with a generation that does not exist yet.
    assert!(!unsafe { Key::<i32>::from_raw(slot, generation + 1) }.is_live());
}

#[test]
fn a_leaked_entry_stays_live() {
    let slots = slots();
    let key = slots.entry([1u8; 100]).leak();
    assert!(key.is_live());
    assert_eq!(slots.live(), 1);
}

#[test]
fn live_counts_what_is_held_and_for_each_key_names_it() {
    let slots = slots();
    let cache = Cache::new(slots);
    let mut held: Vec<_> = (0..1_000).map(|n| cache.entry(n)).collect();
    held.extend((1_000..1_500).map(|n| slots.entry(n)));
    assert_eq!(slots.live(), 1_500);
    drop(held.split_off(700));
    assert_eq!(slots.live(), 700);
    let mut named = HashSet::new();
    slots.for_each_key(|key| assert!(named.insert(key)));
    assert_eq!(named, held.iter().map(Entry::key).collect());
    drop(held);
    drop(cache);
    assert_eq!(slots.live(), 0);
}

#[test]
fn a_pool_does_not_grow_while_slots_come_home() {
    let slots = slots();
    let mut seen = HashSet::new();
    // Made on one thread, ended on another, with caches on both sides: slots go round in batches.
    let (there, ends) = mpsc::channel::<Vec<Entry<usize>>>();
    let (done, back) = mpsc::channel();
    let ender = thread::spawn(move || {
        let cache = Cache::new(slots);
        for entries in ends {
            let sum: usize = entries.into_iter().map(|entry| cache.take(entry)).sum();
            done.send(sum).unwrap();
        }
    });
    let cache = Cache::new(slots);
    for round in 0..200 {
        let entries: Vec<_> = (0..100).map(|n| cache.entry(n)).collect();
        let fresh = entries.iter().filter(|entry| seen.insert(entry.key().to_raw().0)).count();
        assert!(round < 10 || fresh == 0, "round {round} still met {fresh} new slots");
        there.send(entries).unwrap();
        assert_eq!(back.recv().unwrap(), 4_950);
    }
    drop(there);
    ender.join().unwrap();
    drop(cache);
    assert_eq!(slots.live(), 0);
}

#[test]
fn an_entry_given_to_the_cache_of_another_pool_goes_home() {
    let (mine, other) = (slots(), slots());
    let entry = mine.entry(1);
    let (slot, _) = entry.key().to_raw();
    assert_eq!(Cache::new(other).take(entry), 1);
    assert_eq!(mine.entry(2).key().to_raw().0, slot);
}

#[test]
fn a_value_may_be_larger_than_a_small_chunk() {
    let slots = slots();
    let entries: Vec<_> = (0..200u8).map(|n| slots.entry([n; 3_000])).collect();
    assert!(entries.iter().zip(0..).all(|(entry, n)| entry.iter().all(|byte| *byte == n)));
    assert_eq!(slots.live(), 200);
}

#[test]
fn a_destructor_that_panics_costs_no_slot() {
    struct Bomb(bool);
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(!self.0, "on purpose");
        }
    }
    let slots = slots();
    let entry = slots.entry(Bomb(true));
    let key = entry.key();
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(entry)));
    assert!(outcome.is_err());
    assert_eq!(slots.live(), 0);
    assert_eq!(slots.entry(Bomb(false)).key().to_raw().0, key.to_raw().0);
}

/// What a random history does next.
#[derive(Clone, Debug)]
enum Step {
    Make { cached: bool },
    End { which: usize, runs: bool, cached: bool },
    CallOff { which: usize },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        any::<bool>().prop_map(|cached| Step::Make { cached }),
        (any::<usize>(), any::<bool>(), any::<bool>()).prop_map(|(which, runs, cached)| Step::End {
            which,
            runs,
            cached
        }),
        any::<usize>().prop_map(|which| Step::CallOff { which }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_key_answers_for_its_own_event_alone(steps in prop::collection::vec(step(), 1..400)) {
        let slots = slots();
        let cache = Cache::new(slots);
        let mut held: Vec<(Entry<usize>, bool)> = Vec::new();
        let mut gone: Vec<(Key<usize>, Phase)> = Vec::new();
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Make { cached } => {
                    let entry = if cached { cache.entry(number) } else { slots.entry(number) };
                    held.push((entry, false));
                }
                Step::End { which, runs, cached } if !held.is_empty() => {
                    let (mut entry, is_off) = held.swap_remove(which % held.len());
                    let key = entry.key();
                    if runs {
                        prop_assert_eq!(entry.begin() == Begin::CalledOff, is_off);
                    }
                    gone.push((key, if runs && !is_off { Phase::Ran } else { Phase::CalledOff }));
                    if cached {
                        let _ = cache.take(entry);
                    }
                }
                Step::CallOff { which } if !held.is_empty() => {
                    let at = which % held.len();
                    let (entry, is_off) = &mut held[at];
                    let expected = if *is_off { CallOff::AlreadyCalledOff } else { CallOff::BeforeRun };
                    prop_assert_eq!(entry.key().call_off(), expected);
                    prop_assert!(entry.is_called_off());
                    *is_off = true;
                }
                _ => {}
            }
            prop_assert_eq!(slots.live(), held.len());
        }
        for (entry, is_off) in &held {
            let expected = if *is_off { Phase::CalledOff } else { Phase::Waiting };
            prop_assert_eq!(entry.key().phase(), expected);
        }
        for (key, phase) in gone {
            prop_assert!(!key.is_live());
            prop_assert!(key.phase() == phase || key.phase() == Phase::Stale);
        }
    }
}

#[test]
fn a_forgotten_event_is_over_and_its_value_is_left_alone() {
    // Without the kernel's barrier nobody has the evidence that it takes.
    let Some(fence) = Asymmetric::known() else { return };
    let value = Rc::new(());
    let cache = Cache::new(slots());
    let entry = cache.entry(Rc::clone(&value));
    let key = entry.key();
    let begun = entry.run(fence).expect("nobody has called it off");
    assert_eq!((key.phase(), begun.spot().key()), (Phase::Running, key));
    // SAFETY: the entry is of the pool that the cache was made for.
    unsafe { cache.forget_own(begun) };
    assert_eq!(key.phase(), Phase::Ran);
    assert_eq!(Rc::strong_count(&value), 2, "nobody dropped it");
    let again = cache.entry(value);
    assert_eq!(again.key().to_raw().0, key.to_raw().0, "the slot is used again");
    assert_eq!(key.phase(), Phase::Stale);
}

#[test]
fn an_event_that_was_called_off_is_handed_back_instead_of_begun_or_armed_again() {
    let Some(fence) = Asymmetric::known() else { return };
    let events = slots();
    let entry = events.entry(1);
    assert_eq!(entry.key().call_off(), CallOff::BeforeRun);
    let off = entry.run(fence).expect_err("it was called off");
    assert_eq!(off.phase(), Phase::CalledOff);

    let begun = events.entry(2).run(fence).expect("nobody has called this one off");
    assert_eq!(begun.spot().key().call_off(), CallOff::Running);
    let off = begun.again(fence).expect_err("it was called off while it ran");
    assert_eq!((*off, off.phase()), (2, Phase::CalledOff));
}

#[test]
fn a_vacant_slot_that_is_not_filled_goes_back() {
    let events = slots();
    let cache = Cache::new(events);
    let first = cache.vacant().fill(1, 7);
    let slot = first.key().to_raw().0;
    assert_eq!((*first, first.tag(), events.live()), (1, 7, 1));
    assert_eq!(cache.take(first), 1);
    drop(cache.vacant_at_hand().expect("there is the one of before"));
    assert_eq!(cache.entry(2).key().to_raw().0, slot);
}

//! The ready list and the poll list, against plain vectors.
#![cfg(not(loom))]

use std::collections::VecDeque;

use proptest::prelude::*;
use ts_event::{Entry, Key, PollList, Ready, Slots};

static EVENTS: Slots<u64> = Slots::new();

/// A key for a number that was handed out; so that removing what is not there is tried too.
fn key_of(keys: &[Key<u64>], which: usize) -> Option<(u64, Key<u64>)> {
    let at = which.checked_rem(keys.len())?;
    Some((at as u64, keys[at]))
}

fn new_entry(keys: &mut Vec<Key<u64>>) -> Entry<u64> {
    let entry = EVENTS.entry(keys.len() as u64);
    keys.push(entry.key());
    entry
}

#[derive(Clone, Debug)]
enum ReadyStep {
    PushBack,
    PushFront,
    Pop,
    Remove(usize),
    RemoveFromTheOther(usize),
    Append,
    Settle,
    WithRoom,
}

fn ready_step() -> impl Strategy<Value = ReadyStep> {
    prop_oneof![
        4 => Just(ReadyStep::PushBack),
        2 => Just(ReadyStep::PushFront),
        2 => Just(ReadyStep::Pop),
        2 => any::<usize>().prop_map(ReadyStep::Remove),
        1 => any::<usize>().prop_map(ReadyStep::RemoveFromTheOther),
        1 => Just(ReadyStep::Append),
        2 => Just(ReadyStep::Settle),
        2 => Just(ReadyStep::WithRoom),
    ]
}

#[derive(Clone, Debug)]
enum PollStep {
    Insert(u64),
    BeginTurn,
    Next { put_back: bool },
    Remove(usize),
}

fn poll_step() -> impl Strategy<Value = PollStep> {
    prop_oneof![
        2 => (0u64..6).prop_map(PollStep::Insert),
        1 => Just(PollStep::BeginTurn),
        3 => any::<bool>().prop_map(|put_back| PollStep::Next { put_back }),
        1 => any::<usize>().prop_map(PollStep::Remove),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_ready_list_is_a_queue_with_a_way_out_of_the_middle(steps in prop::collection::vec(ready_step(), 1..200)) {
        let (mut ready, mut other) = (Ready::new(), Ready::new());
        let (mut model, mut other_model) = (VecDeque::new(), VecDeque::new());
        let mut keys = Vec::new();
        for step in steps {
            match step {
                ReadyStep::PushBack => {
                    model.push_back(keys.len() as u64);
                    ready.push_back(new_entry(&mut keys));
                    other_model.push_back(keys.len() as u64);
                    other.push_back(new_entry(&mut keys));
                }
                ReadyStep::PushFront => {
                    model.push_front(keys.len() as u64);
                    ready.push_front(new_entry(&mut keys));
                }
                ReadyStep::Pop => prop_assert_eq!(ready.pop_front().map(|entry| *entry), model.pop_front()),
                ReadyStep::Remove(which) => {
                    let Some((number, key)) = key_of(&keys, which) else { continue };
                    let at = model.iter().position(|there| *there == number);
                    prop_assert_eq!(ready.remove(key).map(|entry| *entry), at.and_then(|at| model.remove(at)));
                }
                ReadyStep::RemoveFromTheOther(which) => {
                    let Some((number, key)) = key_of(&keys, which) else { continue };
                    let at = other_model.iter().position(|there| *there == number);
                    prop_assert_eq!(other.remove(key).map(|entry| *entry), at.and_then(|at| other_model.remove(at)));
                }
                ReadyStep::Append => {
                    ready.append(&mut other);
                    model.append(&mut other_model);
                }
                ReadyStep::Settle => ready.settle(),
                ReadyStep::WithRoom => {
                    let number = keys.len() as u64;
                    let pushed = ready.with_room(|room| {
                        room.push(new_entry(&mut keys));
                        Some(())
                    });
                    if pushed.is_some() {
                        model.push_back(number);
                    }
                }
            }
            let ahead: Vec<_> = ready.look_ahead(3).copied().collect();
            prop_assert!(model.iter().zip(&ahead).all(|(there, ahead)| there == ahead) && ahead.len() <= 3);
            prop_assert_eq!(ready.len(), model.len());
            prop_assert_eq!(ready.is_empty(), model.is_empty());
            prop_assert_eq!(other.len(), other_model.len());
        }
        while let Some(entry) = ready.pop_front() {
            prop_assert_eq!(Some(*entry), model.pop_front());
        }
        prop_assert!(model.is_empty());
        drop(other);
        prop_assert!(other_model.into_iter().all(|number| !keys[number as usize].is_live()));
    }

    #[test]
    fn a_poll_list_meets_each_entry_once_a_turn_in_order(steps in prop::collection::vec(poll_step(), 1..200)) {
        let mut polls = PollList::new();
        // (order, arrival, number), sorted: of this turn and of the next.
        let (mut turn, mut next): (Vec<(u64, u64, u64)>, Vec<_>) = (Vec::new(), Vec::new());
        let mut arrivals = 0;
        let mut keys = Vec::new();
        for step in steps {
            match step {
                PollStep::Insert(order) => {
                    arrivals += 1;
                    next.push((order, arrivals, keys.len() as u64));
                    polls.insert(new_entry(&mut keys), order);
                }
                PollStep::BeginTurn => {
                    if turn.is_empty() {
                        turn = std::mem::take(&mut next);
                    }
                    prop_assert_eq!(polls.begin_turn(), turn.len());
                }
                PollStep::Next { put_back } => {
                    let expected = if turn.is_empty() { None } else { Some(turn.remove(0)) };
                    let found = polls.take_next();
                    prop_assert_eq!(
                        found.as_ref().map(|(entry, order)| (**entry, *order)),
                        expected.map(|(order, _, number)| (number, order))
                    );
                    if let (true, Some((entry, order))) = (put_back, found) {
                        arrivals += 1;
                        next.push((order, arrivals, *entry));
                        polls.insert(entry, order);
                    }
                }
                PollStep::Remove(which) => {
                    let Some((number, key)) = key_of(&keys, which) else { continue };
                    let was_there = turn.iter().chain(&next).any(|there| there.2 == number);
                    turn.retain(|there| there.2 != number);
                    next.retain(|there| there.2 != number);
                    prop_assert_eq!(polls.remove(key).map(|entry| *entry), was_there.then_some(number));
                }
            }
            next.sort_unstable();
            prop_assert_eq!(polls.len(), turn.len() + next.len());
        }
        let mut rest = turn.len() + next.len();
        while polls.pop_any().is_some() {
            rest -= 1;
        }
        prop_assert_eq!(rest, 0);
    }
}

#[test]
fn an_entry_is_found_where_it_is_and_nowhere_else() {
    let (mut ready, mut polls) = (Ready::new(), PollList::new());
    let entry = EVENTS.entry(1);
    let key = entry.key();
    assert!(ready.remove(key).is_none(), "it is held");
    polls.insert(entry, 0);
    assert!(ready.remove(key).is_none(), "it is in the other list");
    let entry = polls.remove(key).unwrap();
    ready.push_back(entry);
    assert!(polls.remove(key).is_none());
    drop(ready.pop_front());
    assert!(ready.remove(key).is_none(), "it is gone");
    let next = EVENTS.entry(2);
    ready.push_back(next);
    assert!(ready.remove(key).is_none(), "another is in its slot, at most");
}

#[test]
fn a_list_moves_to_another_thread_with_what_is_in_it() {
    let mut ready = Ready::new();
    let key = EVENTS.entry(7).key();
    assert!(ready.remove(key).is_none());
    let entry = EVENTS.entry(8);
    let key = entry.key();
    ready.push_back(entry);
    let found = std::thread::spawn(move || ready.remove(key).map(|entry| *entry)).join().unwrap();
    assert_eq!(found, Some(8));
}

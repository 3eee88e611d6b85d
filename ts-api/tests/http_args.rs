//! What plugins keep with transactions and sessions, under reserved names.
#![cfg(all(feature = "http", feature = "runtime"))]

#[path = "support/http.rs"]
mod support;

use std::sync::mpsc::{Sender, channel};

use support::{Bed, DEADLINE, Diary, OF_A_REQUEST, Origin, go_on, holding, hook_of};
use ts_api::Cont;
use ts_api::http::{
    Arg, ArgError, HookId, Reenable, ReserveError, Session, Transaction, arg_named, arg_numbered,
};

/// Says when it is dropped.
struct Told(&'static str, Sender<&'static str>);

impl Drop for Told {
    fn drop(&mut self) {
        self.1.send(self.0).unwrap();
    }
}

#[test]
fn a_name_is_reserved_once_and_found_by_name_and_number() {
    let first = Arg::<Transaction, u8>::reserve("once", "the first words").unwrap();
    let again = Arg::<Transaction, u8>::reserve("once", "others").unwrap();
    let session = Arg::<Session, u8>::reserve("once", "a session's").unwrap();
    assert_eq!(first.index(), again.index());
    assert!((1000..2000).contains(&first.index()) && (2000..3000).contains(&session.index()));
    let info = arg_named::<Transaction>("once").unwrap();
    assert_eq!((info.index, info.description.as_str()), (first.index(), "the first words"));
    assert_eq!(arg_numbered::<Transaction>(first.index()), Some(info));
    assert_eq!(arg_numbered::<Session>(session.index()).unwrap().description, "a session's");
    assert_eq!((arg_named::<Session>("never"), arg_numbered::<Transaction>(session.index())), (None, None));
    assert_eq!(Arg::<Session, u8>::reserve("", "no name").err(), Some(ReserveError::NoName));
}

#[test]
fn names_are_reserved_by_many_threads_at_once_without_doubles() {
    let reserve = |n: u32| Arg::<Session, u8>::reserve(&format!("race {}", n % 8), "").unwrap().index();
    let threads: Vec<_> =
        (0..8).map(|_| std::thread::spawn(move || (0..64).map(reserve).collect::<Vec<_>>())).collect();
    let all: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    let mut numbers = all[0][..8].to_vec();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 8);
    for thread in &all {
        assert!(thread.iter().enumerate().all(|(n, number)| *number == all[0][n % 8]));
    }
}

#[test]
fn a_transactions_value_lives_until_after_its_close_and_a_sessions_until_after_its_own() {
    let bed = Bed::new(Origin::echo().address);
    let (tell, told) = channel();
    let diary = Diary::new();
    let of_transaction = Arg::<Transaction, Told>::reserve("life", "").unwrap();
    let of_session = Arg::<Session, Told>::reserve("life", "").unwrap();
    let start = Cont::shared(move |event| {
        let txn = event.transaction().unwrap();
        assert!(of_transaction.set(txn, Told("transaction", tell.clone())).unwrap().is_none());
        let session = txn.session().unwrap();
        if of_session.with(session, |_| ()).unwrap().is_none() {
            of_session.set(session, Told("session", tell.clone())).unwrap();
        }
        go_on(event);
    });
    let pen = diary.pen();
    let close = Cont::shared(move |event| {
        if let Some(txn) = event.transaction() {
            assert_eq!(of_transaction.with(txn, |told| told.0), Ok(Some("transaction")));
        } else {
            assert_eq!(of_session.with(event.session().unwrap(), |told| told.0), Ok(Some("session")));
        }
        pen(hook_of(event).to_string());
        go_on(event);
    });
    bed.hook(HookId::TxnStart, &start);
    bed.hook(HookId::TxnClose, &close);
    bed.hook(HookId::SsnClose, &close);
    let mut client = bed.client();
    for _ in 0..2 {
        client.get("/");
        assert_eq!(diary.next(), "TXN_CLOSE");
        assert_eq!(told.recv_timeout(DEADLINE), Ok("transaction"));
    }
    assert!(told.try_recv().is_err());
    drop(client);
    assert_eq!(diary.next(), "SSN_CLOSE");
    assert_eq!(told.recv_timeout(DEADLINE), Ok("session"));
    drop((start, close));
    bed.end();
}

#[test]
fn a_value_is_replaced_taken_and_shown_to_one_at_a_time() {
    let bed = Bed::new(Origin::echo().address);
    let (hold, held) = holding();
    bed.hook(HookId::ReadRequestHdr, &hold);
    let mut client = bed.client();
    client.ask("/");
    let (_, txn) = held.recv_timeout(DEADLINE).unwrap();
    let (number, text) = (
        Arg::<Transaction, u64>::reserve("typed", "").unwrap(),
        Arg::<Transaction, String>::reserve("typed", "").unwrap(),
    );
    assert_eq!((number.take(txn), number.with(txn, |_| ())), (Ok(None), Ok(None)));
    assert_eq!(number.set(txn, 1), Ok(None));
    assert_eq!(number.set(txn, 2), Ok(Some(1)));
    assert_eq!(text.with(txn, |_| ()), Err(ArgError::OtherType));
    assert_eq!(number.with(txn, |value| std::mem::replace(value, 3)), Ok(Some(2)));
    let inner = number.with(txn, |_| {
        assert_eq!((number.set(txn, 4), number.take(txn)), (Err(ArgError::InUse), Err(ArgError::InUse)));
        number.with(txn, |_| ())
    });
    assert_eq!(inner, Ok(Some(Err(ArgError::InUse))));
    let panicked = std::panic::catch_unwind(|| number.with(txn, |_| -> () { panic!("as a test asked for") }));
    assert!(panicked.is_err());
    assert_eq!(number.take(txn), Ok(Some(3)), "a panic leaves it in its place");
    assert_eq!(text.set(txn, "a".into()), Ok(None));
    assert_eq!(number.take(txn), Ok(None));
    assert_eq!(text.take(txn), Ok(None), "it was taken away with the wrong type");

    // Lent over the end, it is dropped by whoever has it.
    let (tell, told) = channel();
    let long = Arg::<Transaction, Told>::reserve("long", "").unwrap();
    long.set(txn, Told("over", tell)).unwrap();
    let over = long.with(txn, |value| {
        txn.reenable(Reenable::Continue).unwrap();
        client.answer();
        support::wait_until("it is over", || txn.mutex().is_err());
        assert!(told.try_recv().is_err());
        value.0
    });
    assert_eq!((over, told.recv_timeout(DEADLINE)), (Ok(Some("over")), Ok("over")));
    assert_eq!(long.with(txn, |_| ()), Err(ArgError::Gone));
    assert_eq!(number.set(txn, 5), Err(ArgError::Gone));
    drop((client, hold));
    bed.end();
}

#[test]
fn every_transaction_has_its_own_values() {
    let bed = Bed::new(Origin::echo().address);
    let count = Arg::<Transaction, u32>::reserve("own", "").unwrap();
    let (tell, told) = channel();
    let note = Cont::shared(move |event| {
        let txn = event.transaction().unwrap();
        if count.with(txn, |count| *count += 1).unwrap().is_none() {
            count.set(txn, 1).unwrap();
        }
        if hook_of(event) == HookId::TxnClose {
            tell.send(count.take(txn).unwrap()).unwrap();
        }
        go_on(event);
    });
    OF_A_REQUEST.into_iter().for_each(|hook| bed.hook(hook, &note));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut client = bed.client();
                (0..20).for_each(|_| assert_eq!(client.get("/").status(), 200));
            });
        }
    });
    drop(note);
    bed.end();
    let counts: Vec<_> = told.iter().collect();
    assert_eq!(counts.len(), 80);
    assert!(counts.iter().all(|count| *count == Some(OF_A_REQUEST.len() as u32)), "{counts:?}");
}

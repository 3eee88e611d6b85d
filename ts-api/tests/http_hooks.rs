//! At each hook the continuations are called in their order, once, and things go on when they say so.
#![cfg(all(feature = "http", feature = "runtime"))]

#[path = "support/http.rs"]
mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, OnceLock};

use support::{Bed, DEADLINE, Diary, OF_A_REQUEST, Origin, get, go_on, holding, hook_of};
use ts_api::http::{Added, HookError, HookId, MessageError, Reenable, ReenableError, Session, Transaction};
use ts_api::{Cont, Mutex, MutexData, PluginThread, Pool};

#[test]
fn global_then_session_then_transaction_continuations_are_called() {
    let origin = Origin::echo();
    let bed = Bed::new(origin.address);
    let diary = Diary::new();
    let (of_session, of_transaction) = (diary.cont("session"), diary.cont("transaction"));
    let (global, again) = (diary.cont("global"), diary.cont("again"));

    // The one that adds the others: the session's at SSN_START, the transaction's at TXN_START.
    let (session_cont, transaction_cont) = (of_session.clone(), of_transaction.clone());
    let adder = Cont::shared(move |event| {
        if let Some(session) = event.session() {
            for hook in HookId::ALL.into_iter().filter(|hook| *hook != HookId::SsnStart) {
                assert_eq!(session.add_hook(hook, &session_cont), Ok(Added::Yes));
            }
        } else if let Some(txn) = event.transaction() {
            for hook in
                HookId::ALL.into_iter().filter(|hook| !hook.is_of_session() && *hook != HookId::TxnStart)
            {
                assert_eq!(txn.add_hook(hook, &transaction_cont), Ok(Added::Yes));
            }
        }
        go_on(event);
    });
    for hook in HookId::ALL {
        bed.hook(hook, &global);
        bed.hook(hook, &again);
    }
    bed.hook(HookId::SsnStart, &adder);
    bed.hook(HookId::TxnStart, &adder);

    assert_eq!(get(bed.address(), "/").status(), 200);
    let lines = diary.until("session SSN_CLOSE");
    let mut expected = vec!["global SSN_START".to_owned(), "again SSN_START".into()];
    expected.extend(["global TXN_START", "again TXN_START", "session TXN_START"].map(String::from));
    for hook in OF_A_REQUEST.into_iter().skip(1) {
        expected.extend(["global", "again", "session", "transaction"].map(|who| format!("{who} {hook}")));
    }
    expected.extend(["global SSN_CLOSE", "again SSN_CLOSE", "session SSN_CLOSE"].map(String::from));
    assert_eq!(lines, expected);
    drop((global, again, of_session, of_transaction, adder));
    assert!(bed_end_clean(bed));
}

fn bed_end_clean(bed: Bed) -> bool {
    bed.end();
    true
}

#[test]
fn a_continuation_added_to_a_list_that_is_not_passed_is_called_in_the_same_pass() {
    let origin = Origin::echo();
    let bed = Bed::new(origin.address);
    let diary = Diary::new();
    let late = diary.cont("late");
    let last = diary.cont("last");
    let (late_cont, pen) = (late.clone(), diary.pen());
    let adder = Cont::shared(move |event| {
        let txn = event.transaction().unwrap();
        let session = txn.session().unwrap();
        pen("adder".into());
        // Both lists are empty, and so not passed.
        assert_eq!(txn.add_hook(hook_of(event), &late_cont), Ok(Added::Yes));
        assert_eq!(session.add_hook(hook_of(event), &late_cont), Ok(Added::Yes));
        go_on(event);
    });
    bed.hook(HookId::ReadRequestHdr, &adder);
    bed.hook(HookId::ReadRequestHdr, &last);
    get(bed.address(), "/");
    let hook = HookId::ReadRequestHdr;
    let expected =
        ["adder".to_owned(), format!("last {hook}"), format!("late {hook}"), format!("late {hook}")];
    assert_eq!(std::array::from_fn(|_| diary.next()), expected);
    drop((late, last, adder));
    bed.end();
    assert!(diary.rest().is_empty());
}

#[test]
fn a_continuation_added_by_the_last_of_its_list_waits_for_the_next_pass() {
    let origin = Origin::echo();
    let bed = Bed::new(origin.address);
    let diary = Diary::new();
    let late = diary.cont("late");
    let late_cont = late.clone();
    let added = Arc::new(OnceLock::new());
    let told = Arc::clone(&added);
    let in_session = Cont::shared(move |event| {
        let session = event.transaction().unwrap().session().unwrap();
        if told.get().is_none() {
            told.set(session.add_hook(hook_of(event), &late_cont)).unwrap();
        }
        go_on(event);
    });
    let session_cont = in_session.clone();
    let starter = Cont::shared(move |event| {
        event.session().unwrap().add_hook(HookId::SendRequestHdr, &session_cont).unwrap();
        go_on(event);
    });
    bed.hook(HookId::SsnStart, &starter);
    let mut client = bed.client();
    client.get("/one");
    assert_eq!(added.get(), Some(&Ok(Added::NotInThisPass)));
    assert!(diary.rest().is_empty());
    client.get("/two");
    assert_eq!(diary.next(), "late SEND_REQUEST_HDR");
    drop((client, late, in_session, starter));
    bed.end();
    assert!(diary.rest().is_empty());
}

#[test]
fn a_transaction_takes_the_same_continuation_once_for_a_hook_and_tells_what_is_too_late() {
    let origin = Origin::echo();
    let bed = Bed::new(origin.address);
    let diary = Diary::new();
    let twice = diary.cont("twice");
    let cont = twice.clone();
    let adder = Cont::shared(move |event| {
        let txn = event.transaction().unwrap();
        assert_eq!(txn.add_hook(HookId::TxnClose, &cont), Ok(Added::Yes));
        assert_eq!(txn.add_hook(HookId::TxnClose, &cont), Ok(Added::Already));
        assert_eq!(txn.add_hook(HookId::TxnStart, &cont), Ok(Added::TooLate));
        assert_eq!(
            txn.add_hook(HookId::SsnClose, &cont),
            Err(HookError::NotOfTransactions(HookId::SsnClose))
        );
        go_on(event);
    });
    bed.hook(HookId::ReadRequestHdr, &adder);
    get(bed.address(), "/");
    assert_eq!(diary.next(), "twice TXN_CLOSE");
    drop((twice, adder));
    bed.end();
    assert!(diary.rest().is_empty());
}

#[test]
fn a_global_continuation_added_twice_is_called_twice_and_a_destroyed_one_is_passed_over() {
    let origin = Origin::echo();
    let bed = Bed::new(origin.address);
    let diary = Diary::new();
    let (twice, gone, last) = (diary.cont("twice"), diary.cont("gone"), diary.cont("last"));
    for cont in [&twice, &gone, &twice, &last] {
        bed.hook(HookId::TxnStart, cont);
    }
    gone.destroy();
    {
        let _guest = bed.runtime.guest();
        assert_eq!(ts_api::http::add(HookId::TxnStart, &gone), Err(HookError::Destroyed));
    }
    get(bed.address(), "/");
    assert_eq!(
        std::array::from_fn(|_| diary.next()),
        ["twice TXN_START", "twice TXN_START", "last TXN_START"]
    );
    drop((twice, gone, last));
    bed.end();
    assert!(diary.rest().is_empty());
}

#[test]
fn a_continuation_destroyed_between_two_hooks_is_passed_over_at_the_second() {
    let origin = Origin::echo();
    let bed = Bed::new(origin.address);
    let diary = Diary::new();
    let close = diary.cont("close");
    let pen = diary.pen();
    let once = Cont::shared(move |event| {
        pen(format!("once {}", hook_of(event)));
        event.cont().destroy();
        go_on(event);
    });
    bed.hook(HookId::TxnStart, &once);
    bed.hook(HookId::SendResponseHdr, &once);
    bed.hook(HookId::TxnClose, &close);
    get(bed.address(), "/");
    assert_eq!(diary.until("close TXN_CLOSE"), ["once TXN_START", "close TXN_CLOSE"]);
    drop((once, close));
    bed.end();
}

#[test]
fn global_hooks_may_be_added_while_requests_run() {
    let origin = Origin::echo();
    let bed = Bed::new(origin.address);
    let called = Arc::new(AtomicUsize::new(0));
    let counter = {
        let called = Arc::clone(&called);
        Cont::shared(move |event| {
            called.fetch_add(1, Ordering::Relaxed);
            go_on(event);
        })
    };
    let hooks = [&[HookId::SsnStart, HookId::SsnClose], &OF_A_REQUEST[..]].concat();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut client = bed.client();
                (0..50).for_each(|_| assert_eq!(client.get("/").status(), 200));
            });
        }
        (0..50).for_each(|n| bed.hook(hooks[n % hooks.len()], &counter));
    });
    // From now on all fifty are called: 5 at each of two hooks of the session, 4 or 5 at each of the transaction's.
    let mut client = bed.client();
    let before = called.load(Ordering::Relaxed);
    client.get("/");
    drop((client, counter));
    let counts = bed.end();
    assert!(called.load(Ordering::Relaxed) >= before + 50 - 5);
    assert_eq!(counts.call_outs, called.load(Ordering::Relaxed) as u64);
    assert_eq!((counts.requests, counts.transactions, counts.responses_2xx), (201, 201, 201));
}

#[test]
fn a_transaction_stands_still_until_it_is_re_enabled_from_wherever() {
    let origin = Origin::echo();
    let bed = Bed::new(origin.address);
    let (hold, held) = holding();
    for hook in OF_A_REQUEST {
        bed.hook(hook, &hold);
    }
    let mut client = bed.client();
    client.ask("/");
    for (n, hook) in OF_A_REQUEST.into_iter().enumerate() {
        let (at, txn) = held.recv_timeout(DEADLINE).unwrap();
        assert_eq!(at, hook);
        assert_eq!(origin.requests().len(), usize::from(n > 5));
        // From the test's thread, from a plugin's thread, from a task thread.
        match n % 3 {
            0 => txn.reenable(Reenable::Continue).unwrap(),
            1 => {
                let _guest = bed.runtime.guest();
                let thread =
                    PluginThread::spawn("answers", move || txn.reenable(Reenable::Continue).unwrap());
                thread.unwrap().wait().unwrap();
            }
            _ => {
                let _guest = bed.runtime.guest();
                let later = Cont::new(&Mutex::new(), move |_| txn.reenable(Reenable::Continue).unwrap());
                later.schedule_on_pool(std::time::Duration::ZERO, Pool::Task).unwrap();
            }
        }
    }
    assert_eq!(client.answer().status(), 200);
    drop((client, hold));
    bed.end();
}

#[test]
fn a_second_re_enable_is_an_error_and_changes_nothing() {
    let origin = Origin::echo();
    let bed = Bed::new(origin.address);
    let (hold, held) = holding();
    let (twice, told) = channel();
    let double = Cont::shared(move |event| {
        let txn = event.transaction().unwrap();
        txn.reenable(Reenable::Continue).unwrap();
        twice.send(txn.reenable(Reenable::Error)).unwrap();
    });
    bed.hook(HookId::TxnStart, &double);
    bed.hook(HookId::ReadRequestHdr, &hold);
    bed.hook(HookId::SendResponseHdr, &hold);
    let mut client = bed.client();
    client.ask("/");
    assert_eq!(told.recv_timeout(DEADLINE).unwrap(), Err(ReenableError::AlreadyReenabled));

    let (_, first) = held.recv_timeout(DEADLINE).unwrap();
    first.reenable(Reenable::Continue).unwrap();
    let (_, second) = held.recv_timeout(DEADLINE).unwrap();
    // The handle of the first call-out does not answer the second, which is under way.
    assert_eq!(first.reenable(Reenable::Error), Err(ReenableError::AlreadyReenabled));
    second.reenable(Reenable::Continue).unwrap();
    assert_eq!(client.answer().status(), 200);
    drop((client, hold, double));
    bed.end();
    for txn in [first, second] {
        assert_eq!(txn.reenable(Reenable::Continue), Err(ReenableError::Gone));
        assert_eq!(txn.request().method(), Err(MessageError::Gone));
        assert!(txn.mutex().is_err() && txn.session().is_err() && txn.client_addr().is_err());
        assert_eq!(txn.add_hook(HookId::TxnClose, &Cont::shared(|_| ())), Err(HookError::Gone));
    }
}

#[test]
fn a_re_enable_runs_nothing_on_the_callers_stack() {
    let origin = Origin::echo();
    let bed = Bed::new(origin.address);
    let diary = Diary::new();
    let (pen, second_pen) = (diary.pen(), diary.pen());
    let first = Cont::shared(move |event| {
        pen("first begins".into());
        go_on(event);
        pen("first ends".into());
    });
    let second = Cont::shared(move |event| {
        second_pen("second".into());
        go_on(event);
    });
    bed.hook(HookId::TxnStart, &first);
    bed.hook(HookId::TxnStart, &second);
    get(bed.address(), "/");
    assert_eq!(std::array::from_fn(|_| diary.next()), ["first begins", "first ends", "second"]);
    drop((first, second));
    bed.end();
}

#[test]
fn sessions_stand_still_until_they_are_re_enabled() {
    let origin = Origin::echo();
    let bed = Bed::new(origin.address);
    let (sender, held) = channel::<Session>();
    let hold = Cont::shared(move |event| sender.send(event.session().unwrap()).unwrap());
    bed.hook(HookId::SsnStart, &hold);
    bed.hook(HookId::SsnClose, &hold);
    let mut client = bed.client();
    client.ask("/");
    let session = held.recv_timeout(DEADLINE).unwrap();
    assert!(origin.requests().is_empty());
    assert_eq!(session.client_addr().unwrap(), client.stream.get_ref().local_addr().unwrap());
    session.reenable(Reenable::Continue).unwrap();
    assert_eq!(session.reenable(Reenable::Continue), Err(ReenableError::AlreadyReenabled));
    assert_eq!(client.answer().status(), 200);
    drop(client);
    let closing = held.recv_timeout(DEADLINE).unwrap();
    assert_eq!(closing.number(), session.number());
    assert_eq!(bed.server.open_connections(), 1);
    closing.reenable(Reenable::Continue).unwrap();
    drop(hold);
    bed.end();
    assert_eq!(closing.reenable(Reenable::Continue), Err(ReenableError::Gone));
}

#[test]
fn a_busy_mutex_is_waited_for_without_holding_the_thread() {
    let origin = Origin::echo();
    let bed = Bed::new(origin.address);
    let mutex = Mutex::new();
    let called = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&called);
    let hooked = Cont::new(&mutex, move |event| {
        count.fetch_add(1, Ordering::Relaxed);
        go_on(event);
    });
    let diary = Diary::new();
    let before = diary.cont("before");
    bed.hook(HookId::TxnStart, &before);
    bed.hook(HookId::TxnStart, &hooked);
    let guard = mutex.lock();
    let mut waiting: Vec<_> = (0..4).map(|_| bed.client()).collect();
    waiting.iter_mut().for_each(|client| client.ask("/"));
    for _ in 0..4 {
        assert_eq!(diary.next(), "before TXN_START");
    }
    // Both threads go on meanwhile: each has a connection that stands at the mutex, and takes another.
    waiting.extend((0..4).map(|_| bed.client()));
    waiting[4..].iter_mut().for_each(|client| client.ask("/"));
    for _ in 0..4 {
        assert_eq!(diary.next(), "before TXN_START");
    }
    assert_eq!(called.load(Ordering::Relaxed), 0);
    drop(guard);
    for mut client in waiting {
        assert_eq!(client.answer().status(), 200);
    }
    drop((before, hooked));
    bed.end();
    assert_eq!(called.load(Ordering::Relaxed), 8);
}

#[test]
fn the_transactions_mutex_is_held_while_its_hooks_are_called() {
    let origin = Origin::echo();
    let bed = Bed::new(origin.address);
    let (told, was_told) = channel();
    let check = Cont::shared(move |event| {
        let held = match (event.transaction(), event.session()) {
            (Some(txn), None) => txn.mutex().unwrap().held_by_current(),
            (None, Some(session)) => session.mutex().unwrap().held_by_current(),
            _ => false,
        };
        told.send((hook_of(event), held)).unwrap();
        go_on(event);
    });
    for hook in HookId::ALL {
        bed.hook(hook, &check);
    }
    get(bed.address(), "/");
    for hook in [&[HookId::SsnStart], &OF_A_REQUEST[..], &[HookId::SsnClose]].concat() {
        assert_eq!(was_told.recv_timeout(DEADLINE).unwrap(), (hook, true));
    }
    drop(check);
    bed.end();
}

#[test]
fn what_a_handler_does_to_another_transaction_or_to_the_session_is_theirs_and_not_its_own() {
    let origin = Origin::echo();
    let bed = Bed::with_threads(origin.address, 1);
    let (hold, was_held) = channel();
    let (told, was_told) = channel();
    let other = std::sync::Mutex::new(None);
    let handler = Cont::shared(move |event| {
        let txn = event.transaction().unwrap();
        if txn.request().target().unwrap() == "/held" {
            *other.lock().unwrap() = Some((txn, txn.mutex().unwrap()));
            return hold.send(()).unwrap();
        }
        let (held, mutex) = other.lock().unwrap().take().unwrap();
        let [mine, of_session] = [txn.mutex().unwrap(), txn.session().unwrap().mutex().unwrap()];
        told.send((held.mutex().unwrap() == mutex, mutex != mine && of_session != mine)).unwrap();
        assert_eq!(held.reenable(Reenable::Continue), Ok(()));
        assert_eq!(txn.reenable(Reenable::Error), Ok(()));
    });
    bed.hook(HookId::ReadRequestHdr, &handler);
    let [mut one, mut two] = [bed.client(), bed.client()];
    one.ask("/held");
    was_held.recv_timeout(DEADLINE).unwrap();
    assert_eq!(two.get("/").status(), 500);
    assert_eq!(one.answer().status(), 200);
    assert_eq!(was_told.recv_timeout(DEADLINE), Ok((true, true)));
    drop((one, two, handler));
    bed.end();
}

#[test]
fn a_continuation_of_a_transaction_shares_its_mutex_and_has_its_own_data() {
    let origin = Origin::echo();
    let bed = Bed::new(origin.address);
    let (sums, sum) = channel();
    let (made, was_made) = channel();
    let starter = Cont::shared(move |event| {
        let txn = event.transaction().unwrap();
        let sums = sums.clone();
        let cont = txn.continuation("counts its hooks", 0, move |count, event| {
            *count += 1;
            if hook_of(event) == HookId::TxnClose {
                sums.send(*count).unwrap();
                event.cont().destroy();
            }
            go_on(event);
        });
        let cont = cont.unwrap();
        assert_eq!(cont.mutex(), Some(txn.mutex().unwrap()));
        for hook in [HookId::ReadRequestHdr, HookId::SendResponseHdr, HookId::TxnClose] {
            txn.add_hook(hook, &cont).unwrap();
        }
        made.send(cont).unwrap();
        go_on(event);
    });
    bed.hook(HookId::TxnStart, &starter);
    get(bed.address(), "/");
    assert_eq!(sum.recv_timeout(DEADLINE), Ok(3));
    drop(starter);
    bed.end();
    assert!(was_made.recv_timeout(DEADLINE).unwrap().is_destroyed());
}

#[test]
fn a_panicking_handler_is_retired_and_its_transaction_ends_in_an_error() {
    let origin = Origin::echo();
    let bed = Bed::new(origin.address);
    let diary = Diary::new();
    let close = diary.cont("close");
    let bad = Cont::shared(|event| {
        if event.transaction().is_some() {
            panic!("as a test asked for");
        }
    });
    bed.hook(HookId::ReadRequestHdr, &bad);
    bed.hook(HookId::TxnClose, &close);
    let mut client = bed.client();
    assert_eq!(client.get("/").status(), 500);
    assert_eq!(diary.next(), "close TXN_CLOSE");
    assert!(bad.is_destroyed());
    assert_eq!(client.get("/").status(), 200);
    drop((client, bad, close));
    bed.end();
}

#[test]
fn data_of_a_mutex_is_shared_between_hooks_and_scheduled_events() {
    let origin = Origin::echo();
    let bed = Bed::new(origin.address);
    let mutex = Mutex::new();
    let seen = Arc::new(MutexData::new(&mutex, 0));
    let data = Arc::clone(&seen);
    let hooked = Cont::new(&mutex, move |event| {
        *data.borrow_mut(&event.guard().unwrap()).unwrap() += 1;
        go_on(event);
    });
    bed.hook(HookId::SendResponseHdr, &hooked);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..25).for_each(|_| assert_eq!(get(bed.address(), "/").status(), 200)));
        }
    });
    assert_eq!(*seen.borrow(&mutex.lock()).unwrap(), 100);
    drop(hooked);
    bed.end();
}

#[test]
fn a_transaction_that_began_without_hooks_is_not_looked_at_again() {
    let origin = Origin::new(|_, stream| support::respond(stream, "200 OK", "ok"));
    let bed = Bed::new(origin.address);
    let mut client = bed.client();
    client.get("/");
    let diary = Diary::new();
    let close = diary.cont("close");
    bed.hook(HookId::TxnClose, &close);
    client.get("/");
    assert_eq!(diary.next(), "close TXN_CLOSE");
    drop((client, close));
    assert_eq!(bed.end().call_outs, 1);
}

#[test]
fn handles_are_numbers_that_may_be_sent_and_copied() {
    fn is_plain<T: Copy + Send + Sync + 'static>() {}
    is_plain::<Transaction>();
    is_plain::<Session>();
}

#[test]
fn a_tunnel_has_a_hook_of_its_own_and_none_of_a_requests_up_to_it() {
    let bed = Bed::new(Origin::echo().address);
    let diary = Diary::new();
    let pen = diary.pen();
    let all = Cont::shared(move |event| {
        pen(hook_of(event).to_string());
        let txn = event.transaction().unwrap();
        if hook_of(event) == HookId::TunnelStart {
            assert_eq!(txn.request().method(), Ok("CONNECT".into()));
            assert_eq!(txn.request().target(), Ok("a.example:443".into()));
            txn.set_error(403, "no tunnels\n").unwrap();
            return txn.reenable(Reenable::Error).unwrap();
        }
        go_on(event);
    });
    HookId::ALL.into_iter().filter(|hook| !hook.is_of_session()).for_each(|hook| bed.hook(hook, &all));
    let mut client = bed.client();
    client.send("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n");
    assert_eq!(client.answer().status(), 403);
    drop((client, all));
    bed.end();
    assert_eq!(diary.rest(), ["TXN_START", "TUNNEL_START", "SEND_RESPONSE_HDR", "TXN_CLOSE"]);
}

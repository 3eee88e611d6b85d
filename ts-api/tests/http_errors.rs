//! Whatever goes wrong, and wherever: the client is told, and a transaction is closed exactly once.
#![cfg(all(feature = "http", feature = "runtime"))]

#[path = "support/http.rs"]
mod support;

use std::io::Read;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;

use support::{
    Bed, Client, DEADLINE, Diary, Nobody, OF_A_REQUEST, Origin, get, go_on, holding, holding_sessions,
    hook_of, respond, shut_down, wait_until,
};
use ts_api::Cont;
use ts_api::http::{HookId, Reenable};

/// A continuation that ends the transaction in an error at one hook.
fn refusing(at: HookId, diary: &Diary) -> Cont {
    let pen = diary.pen();
    Cont::shared(move |event| {
        pen(format!("first {}", hook_of(event)));
        if hook_of(event) == at {
            let txn = event.transaction().unwrap();
            txn.set_error(451, "not here\n").unwrap();
            txn.reenable(Reenable::Error).unwrap();
        } else {
            go_on(event);
        }
    })
}

#[test]
fn an_error_at_any_hook_skips_the_rest_and_answers_the_client() {
    for at in OF_A_REQUEST {
        let origin = Origin::echo();
        let bed = Bed::new(origin.address);
        let diary = Diary::new();
        let (first, second) = (refusing(at, &diary), diary.cont("second"));
        for hook in OF_A_REQUEST {
            bed.hook(hook, &first);
            bed.hook(hook, &second);
        }
        let mut client = bed.client();
        let answer = client.get("/");
        if at == HookId::TxnClose {
            assert_eq!(answer.status(), 200);
        } else {
            assert_eq!((answer.status(), answer.text().as_str()), (451, "not here\n"), "{at}");
            assert_eq!(answer.field("content-type"), Some("text/plain; charset=utf-8"));
        }
        // The connection is as good as before, and so is the origin's; the next transaction fares likewise.
        client.ask("/again");
        client.answer();
        drop((client, first, second));
        let counts = bed.end();
        let lines = diary.rest();
        let mut expected = Vec::new();
        for hook in OF_A_REQUEST {
            let place = |hook| OF_A_REQUEST.iter().position(|at| *at == hook);
            let left_out = place(hook) > place(at) && place(hook) < place(HookId::SendResponseHdr);
            if !left_out {
                expected.push(format!("first {hook}"));
            }
            if !left_out && hook != at {
                expected.push(format!("second {hook}"));
            }
        }
        assert_eq!(lines, [expected.clone(), expected].concat(), "an error at {at}");
        let reached =
            at == HookId::ReadResponseHdr || at == HookId::SendResponseHdr || at == HookId::TxnClose;
        assert_eq!(origin.requests().len(), if reached { 2 } else { 0 }, "{at}");
        assert_eq!((counts.requests, counts.transactions, counts.client_aborts), (2, 2, 0), "{at}");
    }
}

#[test]
fn an_error_without_words_is_a_500() {
    let bed = Bed::new(Origin::echo().address);
    let refuse = Cont::shared(|event| event.transaction().unwrap().reenable(Reenable::Error).unwrap());
    bed.hook(HookId::ReadRequestHdr, &refuse);
    let answer = get(bed.address(), "/");
    assert_eq!((answer.status(), answer.text().as_str()), (500, "500 Internal Server Error\n"));
    drop(refuse);
    bed.end();
}

#[test]
fn an_error_response_passes_the_hook_for_responses_where_it_may_be_changed() {
    let bed = Bed::new(Origin::echo().address);
    let diary = Diary::new();
    let refuse = refusing(HookId::TxnStart, &diary);
    let change = Cont::shared(|event| {
        let response = event.transaction().unwrap().response();
        assert_eq!(response.status(), Ok(451));
        response.set_status(410).unwrap();
        response.set("X-Why", "a plugin").unwrap();
        go_on(event);
    });
    bed.hook(HookId::TxnStart, &refuse);
    bed.hook(HookId::SendResponseHdr, &change);
    let answer = get(bed.address(), "/");
    assert_eq!((answer.status(), answer.field("x-why")), (410, Some("a plugin")));
    assert_eq!(answer.text(), "not here\n");
    drop((refuse, change));
    bed.end();
}

#[test]
fn an_error_whose_status_a_plugin_changes_at_the_last_hook_says_that_status() {
    let bed = Bed::new(Origin::echo().address);
    let refuse = Cont::shared(|event| event.transaction().unwrap().reenable(Reenable::Error).unwrap());
    let change = Cont::shared(|event| {
        event.transaction().unwrap().response().set_status(407).unwrap();
        go_on(event);
    });
    bed.hook(HookId::ReadRequestHdr, &refuse);
    bed.hook(HookId::SendResponseHdr, &change);
    let answer = get(bed.address(), "/");
    assert_eq!((answer.status(), answer.text().as_str()), (407, "407 Proxy Authentication Required\n"));
    drop((refuse, change));
    bed.end();
}

#[test]
fn an_error_at_the_start_of_a_session_closes_the_connection() {
    let origin = Origin::echo();
    let bed = Bed::new(origin.address);
    let diary = Diary::new();
    let (second, close) = (diary.cont("second"), diary.cont("close"));
    let refuse = Cont::shared(|event| event.session().unwrap().reenable(Reenable::Error).unwrap());
    bed.hook(HookId::SsnStart, &refuse);
    bed.hook(HookId::SsnStart, &second);
    bed.hook(HookId::SsnClose, &close);
    let mut client = bed.client();
    assert!(client.is_closed());
    assert_eq!(diary.next(), "close SSN_CLOSE");
    drop((refuse, second, close));
    assert_eq!(bed.end().requests, 0);
    assert!(diary.rest().is_empty());
}

#[test]
fn a_client_that_goes_at_either_hook_of_its_session_leaves_one_that_is_closed_once() {
    for (at, answer, with_request) in [
        (HookId::SsnStart, Reenable::Continue, false),
        (HookId::SsnStart, Reenable::Error, false),
        (HookId::SsnClose, Reenable::Continue, false),
        (HookId::SsnClose, Reenable::Error, false),
        (HookId::SsnClose, Reenable::Continue, true),
        (HookId::SsnClose, Reenable::Error, true),
    ] {
        let bed = Bed::new(Origin::echo().address);
        let diary = Diary::new();
        let (hold, held) = holding_sessions();
        let (before, after) = (diary.cont("before"), diary.cont("after"));
        for hook in HookId::ALL {
            bed.hook(hook, &before);
            if hook == at {
                bed.hook(at, &hold);
            }
            bed.hook(hook, &after);
        }
        let mut client = bed.client();
        if with_request {
            // The server closes, and the client is still there when the hook is reached.
            client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
            assert_eq!(client.answer().status(), 200);
        } else if at == HookId::SsnClose {
            client.stream.get_ref().shutdown(std::net::Shutdown::Write).unwrap();
        }
        let session = held.recv_timeout(DEADLINE).unwrap();
        client.vanish();
        assert_eq!(bed.server.open_connections(), 1, "a session is open until it is re-enabled");
        session.reenable(answer).unwrap();
        drop((hold, before, after));
        let counts = bed.end();
        let lines = diary.rest();
        let of =
            |who: &str, hook: HookId| lines.iter().filter(|line| **line == format!("{who} {hook}")).count();
        let told = format!("{answer:?} at {at}: {lines:?}");
        for hook in [HookId::SsnStart, HookId::SsnClose] {
            assert_eq!(of("before", hook), 1, "{told}");
            let left_out = hook == at && answer == Reenable::Error;
            assert_eq!(of("after", hook), usize::from(!left_out), "{told}");
        }
        let requests = usize::from(with_request);
        assert_eq!(
            (of("before", HookId::TxnStart), of("before", HookId::TxnClose)),
            (requests, requests),
            "{told}"
        );
        assert_eq!((counts.requests, counts.transactions), (requests as u64, requests as u64), "{told}");
        assert_eq!((counts.connections, counts.client_aborts), (1, 0), "{told}");
        assert_eq!(session.reenable(Reenable::Continue), Err(ts_api::http::ReenableError::Gone));
    }
}

#[test]
fn a_client_that_goes_at_any_hook_leaves_a_transaction_that_is_closed_once() {
    for at in OF_A_REQUEST {
        let origin = Origin::echo();
        let bed = Bed::new(origin.address);
        let diary = Diary::new();
        let (hold, held) = holding();
        let (after, session) = (diary.cont("after"), diary.cont("session"));
        bed.hook(at, &hold);
        for hook in OF_A_REQUEST {
            bed.hook(hook, &after);
        }
        bed.hook(HookId::SsnClose, &session);
        let mut client = bed.client();
        client.ask("/");
        let (_, txn) = held.recv_timeout(DEADLINE).unwrap();
        client.vanish();
        // The session ends only after its transaction, and that only when it is re-enabled.
        assert_eq!(bed.server.open_connections(), 1);
        txn.reenable(Reenable::Continue).unwrap();
        let lines = diary.until("session SSN_CLOSE");
        let of = |hook: HookId| lines.iter().filter(|line| **line == format!("after {hook}")).count();
        // The call-out that was under way went on to its end.
        assert_eq!(of(at), 1, "{at}: {lines:?}");
        assert_eq!(of(HookId::TxnClose), 1, "{at}: {lines:?}");
        assert_eq!(lines.len(), lines.iter().collect::<std::collections::HashSet<_>>().len());
        drop((hold, after, session));
        let counts = bed.end();
        assert_eq!((counts.requests, counts.transactions), (1, 1), "{at}");
        assert!(diary.rest().is_empty());
    }
}

#[test]
fn an_error_after_the_client_has_gone_goes_straight_to_the_close() {
    let bed = Bed::new(Origin::echo().address);
    let diary = Diary::new();
    let (hold, held) = holding();
    let all = diary.cont("all");
    bed.hook(HookId::ReadRequestHdr, &hold);
    bed.hook(HookId::SendResponseHdr, &all);
    bed.hook(HookId::TxnClose, &all);
    let (gone, is_gone) = channel();
    let session = Cont::shared(move |event| {
        gone.send(()).unwrap();
        go_on(event);
    });
    bed.hook(HookId::SsnClose, &session);
    let mut client = bed.client();
    client.ask("/");
    let (_, txn) = held.recv_timeout(DEADLINE).unwrap();
    // The server has seen the end when a second connection, made later on the same thread, is served.
    client.vanish();
    for _ in 0..2 {
        let mut other = bed.client();
        other.ask("/other");
        let (_, other_txn) = held.recv_timeout(DEADLINE).unwrap();
        other_txn.reenable(Reenable::Continue).unwrap();
        other.answer();
        drop(other);
        is_gone.recv_timeout(DEADLINE).unwrap();
    }
    diary.rest();
    txn.reenable(Reenable::Error).unwrap();
    assert_eq!(diary.next(), "all TXN_CLOSE");
    is_gone.recv_timeout(DEADLINE).unwrap();
    drop((hold, all, session));
    assert_eq!(bed.end().client_aborts, 1);
    assert!(diary.rest().is_empty());
}

#[test]
fn a_client_that_goes_while_the_origin_thinks_ends_the_request() {
    let (asked, is_asked) = channel();
    let (ended, has_ended) = channel();
    let origin = Origin::new(move |_, stream| {
        asked.send(()).unwrap();
        // Nothing is said; the proxy is to close.
        ended.send(stream.read(&mut [0]).unwrap_or(0)).unwrap();
        false
    });
    for with_hooks in [false, true] {
        let bed = Bed::new(origin.address);
        let diary = Diary::new();
        let close = diary.cont("close");
        if with_hooks {
            bed.hook(HookId::TxnClose, &close);
        }
        let mut client = bed.client();
        client.ask("/");
        is_asked.recv_timeout(DEADLINE).unwrap();
        client.vanish();
        assert_eq!(has_ended.recv_timeout(DEADLINE), Ok(0));
        drop(close);
        let counts = bed.end();
        assert_eq!((counts.client_aborts, counts.origin_failures, counts.transactions), (1, 0, 1));
        assert_eq!(diary.rest().len(), usize::from(with_hooks));
    }
}

#[test]
fn a_client_that_goes_in_the_middle_of_its_request_is_no_failure_of_the_origin() {
    for with_hooks in [false, true] {
        let origin = Origin::echo();
        let bed = Bed::new(origin.address);
        let diary = Diary::new();
        let (close, sent) = (diary.cont("close"), diary.cont("sent"));
        if with_hooks {
            bed.hook(HookId::SendRequestHdr, &sent);
            bed.hook(HookId::TxnClose, &close);
        }
        let mut client = bed.client();
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf");
        if with_hooks {
            assert_eq!(diary.next(), "sent SEND_REQUEST_HDR");
        } else {
            // Otherwise there is no telling when the request has been taken up, but by the connection that it opens.
            wait_until("a connection to the origin", || bed.server.counts().origin_connections == 1);
        }
        client.vanish();
        if with_hooks {
            assert_eq!(diary.next(), "close TXN_CLOSE");
        }
        drop((close, sent));
        let counts = bed.end();
        assert_eq!((counts.client_aborts, counts.origin_failures, counts.transactions), (1, 0, 1));
    }
}

#[test]
fn a_client_that_goes_in_the_middle_of_the_response_closes_the_transaction() {
    let origin = Origin::endless();
    let bed = Bed::new(origin.address);
    let diary = Diary::new();
    let close = diary.cont("close");
    bed.hook(HookId::TxnClose, &close);
    let mut client = bed.client();
    client.ask("/");
    client.stream.read_exact(&mut vec![0; 1 << 20]).unwrap();
    assert!(diary.rest().is_empty());
    client.vanish();
    assert_eq!(diary.next(), "close TXN_CLOSE");
    drop(close);
    let counts = bed.end();
    assert_eq!((counts.client_aborts, counts.origin_failures), (1, 0));
}

#[test]
fn an_origin_that_fails_is_answered_through_the_hooks() {
    let nobody = Nobody::new();
    let bed = Bed::new(nobody.address);
    let diary = Diary::new();
    let all = diary.cont("all");
    OF_A_REQUEST.into_iter().for_each(|hook| bed.hook(hook, &all));
    assert_eq!(get(bed.address(), "/").status(), 502);
    drop(all);
    bed.end();
    let expected = [
        "all TXN_START",
        "all READ_REQUEST_HDR",
        "all PRE_REMAP",
        "all POST_REMAP",
        "all OS_DNS",
        "all SEND_RESPONSE_HDR",
        "all TXN_CLOSE",
    ];
    assert_eq!(diary.rest(), expected);
}

#[test]
fn an_origin_that_fails_while_its_request_or_response_is_held_is_found_out_after_the_re_enable() {
    // At READ_RESPONSE_HDR the origin promises a body and goes; while SEND_REQUEST_HDR is held a kept connection goes.
    let (go, may_go) = channel::<()>();
    let may_go = Mutex::new(may_go);
    let (gone, is_gone) = channel();
    let origin = Origin::new(move |request, stream| {
        if request.target() == "/keep" {
            respond(stream, "200 OK", "kept");
        } else {
            use std::io::Write;
            stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf").unwrap();
        }
        may_go.lock().unwrap().recv_timeout(DEADLINE).unwrap();
        let _ = stream.get_ref().shutdown(std::net::Shutdown::Both);
        gone.send(()).unwrap();
        false
    });
    let bed = Bed::new(origin.address);
    let diary = Diary::new();
    let (hold, held) = holding();
    let close = diary.cont("close");
    bed.hook(HookId::SendRequestHdr, &hold);
    bed.hook(HookId::ReadResponseHdr, &hold);
    bed.hook(HookId::TxnClose, &close);
    let pass = || held.recv_timeout(DEADLINE).unwrap().1;
    let mut client = bed.client();

    client.ask("/keep");
    pass().reenable(Reenable::Continue).unwrap();
    pass().reenable(Reenable::Continue).unwrap();
    assert_eq!(client.answer().text(), "kept");

    client.ask("/half");
    let txn = pass();
    go.send(()).unwrap();
    is_gone.recv_timeout(DEADLINE).unwrap();
    txn.reenable(Reenable::Continue).unwrap();
    // The second attempt, over another connection.
    pass().reenable(Reenable::Continue).unwrap();
    let txn = pass();
    go.send(()).unwrap();
    is_gone.recv_timeout(DEADLINE).unwrap();
    txn.reenable(Reenable::Continue).unwrap();
    assert!(client.try_answer().is_err());
    assert_eq!([diary.next(), diary.next()], ["close TXN_CLOSE", "close TXN_CLOSE"]);
    drop((client, hold, close));
    let counts = bed.end();
    assert_eq!((counts.origin_failures, counts.transactions), (1, 2));
}

#[test]
fn a_continuation_that_never_re_enables_is_named_when_the_server_drains() {
    let bed = Bed::new(Origin::echo().address);
    let (sender, held) = channel();
    let hold =
        Cont::named("forgetful").shared(move |event| sender.send(event.transaction().unwrap()).unwrap());
    bed.hook(HookId::ReadRequestHdr, &hold);
    let mut client = bed.client();
    client.ask("/");
    let txn = held.recv_timeout(DEADLINE).unwrap();
    let report = bed.server.drain(Duration::ZERO);
    assert_eq!((report.dropped, report.left), (1, 1), "{report}");
    assert!(report.to_string().contains("not re-enabled by forgetful"), "{report}");
    // It may come to its senses.
    txn.reenable(Reenable::Continue).unwrap();
    drop((client, hold));
    bed.end();
}

#[test]
fn shutting_the_runtime_down_in_the_middle_leaves_handles_that_say_so() {
    let bed = Bed::new(Origin::echo().address);
    let (hold, held) = holding();
    bed.hook(HookId::ReadRequestHdr, &hold);
    let mut client: Client = bed.client();
    client.ask("/");
    let (_, txn) = held.recv_timeout(DEADLINE).unwrap();
    drop(hold);
    let report = shut_down(&bed.runtime);
    assert!(report.system.unfinished.is_empty(), "{report}");
    assert!(client.is_closed());
    assert_eq!(txn.reenable(Reenable::Continue), Err(ts_api::http::ReenableError::Gone));
}

//! What plugins may see and change of a transaction's messages, and when.
#![cfg(all(feature = "http", feature = "runtime"))]

#[path = "support/http.rs"]
mod support;

use std::io::Write;
use std::sync::mpsc::channel;

use support::{Bed, DEADLINE, OF_A_REQUEST, Origin, get, go_on, holding, hook_of};
use ts_api::Cont;
use ts_api::http::{HookId, Message, MessageError, Reenable, Transaction};

/// The four messages, each with the hook at which it may be changed.
fn messages(txn: Transaction) -> [(HookId, Message); 4] {
    [
        (HookId::ReadRequestHdr, txn.request()),
        (HookId::SendRequestHdr, txn.origin_request()),
        (HookId::ReadResponseHdr, txn.origin_response()),
        (HookId::SendResponseHdr, txn.response()),
    ]
}

#[test]
fn each_message_is_there_from_its_hook_on_and_is_changed_only_at_it() {
    let bed = Bed::new(Origin::echo().address);
    let (told, was_told) = channel();
    let look = Cont::shared(move |event| {
        let at = hook_of(event);
        for (own, message) in messages(event.transaction().unwrap()) {
            let place = |hook| OF_A_REQUEST.iter().position(|at| *at == hook);
            let (read, changed) = (message.fields(), message.set("x-seen", "yes"));
            // The client's request may be changed until the one to the origin is made of it.
            let still =
                own == HookId::ReadRequestHdr && (place(own)..=place(HookId::OsDns)).contains(&place(at));
            let own = if still { at } else { own };
            match place(at).cmp(&place(own)) {
                std::cmp::Ordering::Less => {
                    assert_eq!((read, changed), (Err(MessageError::Absent), Err(MessageError::Absent)));
                }
                std::cmp::Ordering::Equal => assert!(read.is_ok() && changed == Ok(()), "{own} at {at}"),
                std::cmp::Ordering::Greater => {
                    assert!(read.is_ok() && changed == Err(MessageError::ReadOnly), "{own} at {at}");
                    assert_eq!(message.get("X-Seen"), Ok(Some("yes".into())));
                }
            }
        }
        told.send(at).unwrap();
        go_on(event);
    });
    OF_A_REQUEST.into_iter().for_each(|hook| bed.hook(hook, &look));
    assert_eq!(get(bed.address(), "/").field("x-seen"), Some("yes"));
    for hook in OF_A_REQUEST {
        assert_eq!(was_told.recv_timeout(DEADLINE), Ok(hook));
    }
    drop(look);
    bed.end();
}

#[test]
fn changes_of_the_request_reach_the_origin() {
    let origin = Origin::echo();
    let bed = Bed::new(origin.address);
    let change = Cont::shared(|event| {
        let txn = event.transaction().unwrap();
        match hook_of(event) {
            HookId::ReadRequestHdr => {
                let request = txn.request();
                assert_eq!(request.method(), Ok("GET".into()));
                assert_eq!(request.target(), Ok("/from?a".into()));
                assert_eq!(request.host(), Ok(Some("test.example".into())));
                assert_eq!(request.status(), Err(MessageError::WrongKind));
                request.set_target("/to?b").unwrap();
                request.append("X-Many", "1").unwrap();
                request.append("X-Many", "2").unwrap();
                assert_eq!(request.get_all("x-many"), Ok(vec![b"1".to_vec(), b"2".to_vec()]));
            }
            _ => {
                let request = txn.origin_request();
                assert_eq!(request.target(), Ok("/to?b".into()));
                request.set_method("DELETE").unwrap();
                request.set("host", "inner.example").unwrap();
                request.set("x-many", "3").unwrap();
                assert_eq!(request.remove("X-Away"), Ok(1));
                assert_eq!(request.remove("X-Away"), Ok(0));
                assert_eq!(txn.request().get("x-many"), Ok(Some("1".into())), "the client's is as it was");
            }
        }
        go_on(event);
    });
    bed.hook(HookId::ReadRequestHdr, &change);
    bed.hook(HookId::SendRequestHdr, &change);
    let mut client = bed.client();
    client.send("GET /from?a HTTP/1.1\r\nHost: Test.Example:8080\r\nX-Away: 1\r\nX-Stay: 2\r\n\r\n");
    assert_eq!(client.answer().text(), "DELETE /to?b HTTP/1.1 ");
    let seen = &origin.requests()[0];
    assert_eq!(seen.field("host"), Some("inner.example"));
    assert_eq!(seen.fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case("x-many")).count(), 1);
    assert_eq!((seen.field("x-away"), seen.field("x-stay")), (None, Some("2")));
    drop((client, change));
    bed.end();
}

#[test]
fn changes_of_the_response_reach_the_client() {
    let origin = Origin::new(|_, stream| {
        let text =
            "HTTP/1.1 200 OK\r\nX-Case: a\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 2\r\n\r\nok";
        stream.get_mut().write_all(text.as_bytes()).is_ok()
    });
    let bed = Bed::new(origin.address);
    let change = Cont::shared(|event| {
        let txn = event.transaction().unwrap();
        match hook_of(event) {
            HookId::ReadResponseHdr => {
                let response = txn.origin_response();
                assert_eq!(response.status(), Ok(200));
                assert_eq!(response.method(), Err(MessageError::WrongKind));
                let names: Vec<_> = response.fields().unwrap().into_iter().map(|(name, _)| name).collect();
                assert_eq!(names, ["x-case", "set-cookie", "set-cookie", "content-length"]);
                response.set_status(203).unwrap();
                response.append("set-cookie", "c").unwrap();
            }
            _ => {
                assert_eq!(txn.response().status(), Ok(203));
                assert_eq!(txn.response().get_all("Set-Cookie").unwrap().len(), 3);
                txn.response().set("x-new", "n").unwrap();
            }
        }
        go_on(event);
    });
    bed.hook(HookId::ReadResponseHdr, &change);
    bed.hook(HookId::SendResponseHdr, &change);
    let answer = get(bed.address(), "/");
    assert_eq!((answer.status(), answer.text().as_str()), (203, "ok"));
    let cookies: Vec<_> = answer.fields.iter().filter(|(name, _)| name == "Set-Cookie").collect();
    assert_eq!(cookies.len(), 3);
    assert!(answer.fields.contains(&("X-Case".into(), "a".into())), "{answer:?}");
    assert_eq!(answer.field("x-new"), Some("n"));
    drop(change);
    bed.end();
}

#[test]
fn what_is_not_valid_or_frames_the_body_is_refused() {
    let bed = Bed::new(Origin::echo().address);
    let try_all = Cont::shared(|event| {
        let txn = event.transaction().unwrap();
        let request = txn.request();
        for (name, value) in [("", "a"), ("a b", "a"), ("a", "b\r\nc: d"), ("a\n", "b")] {
            assert_eq!(request.set(name, value), Err(MessageError::Invalid), "{name:?}: {value:?}");
            assert_eq!(request.append(name, value), Err(MessageError::Invalid));
        }
        assert_eq!(request.set_method("a b"), Err(MessageError::Invalid));
        assert_eq!(request.set_target("a b"), Err(MessageError::Invalid));
        assert_eq!(request.set_status(200), Err(MessageError::WrongKind));
        for name in ["Content-Length", "transfer-encoding"] {
            assert_eq!(request.set(name, "5"), Err(MessageError::Framing));
            assert_eq!(request.append(name, "5"), Err(MessageError::Framing));
            assert_eq!(request.remove(name), Err(MessageError::Framing));
        }
        for status in [0, 200, 399, 600] {
            assert_eq!(txn.set_error(status, ""), Err(MessageError::Invalid));
        }
        assert_eq!(txn.set_error_of_type(400, "", "a\nb"), Err(MessageError::Invalid));
        go_on(event);
    });
    bed.hook(HookId::ReadRequestHdr, &try_all);
    assert_eq!(get(bed.address(), "/").status(), 200);
    drop(try_all);
    bed.end();
}

#[test]
fn messages_may_be_changed_from_another_thread_until_the_re_enable() {
    let origin = Origin::echo();
    let bed = Bed::new(origin.address);
    let (hold, held) = holding();
    bed.hook(HookId::SendRequestHdr, &hold);
    bed.hook(HookId::TxnClose, &hold);
    let mut client = bed.client();
    client.ask("/");
    let (_, txn) = held.recv_timeout(DEADLINE).unwrap();
    txn.origin_request().set("x-from", "the test").unwrap();
    txn.reenable(Reenable::Continue).unwrap();
    let (_, txn) = held.recv_timeout(DEADLINE).unwrap();
    assert_eq!(txn.origin_request().get("x-from"), Ok(Some("the test".into())));
    txn.reenable(Reenable::Continue).unwrap();
    assert!(matches!(txn.request().method(), Err(MessageError::NotCalledOut | MessageError::Gone)));
    client.answer();
    assert_eq!(origin.requests()[0].field("x-from"), Some("the test"));
    drop((client, hold));
    bed.end();
}

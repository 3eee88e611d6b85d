//! What plugins may see and change of a transaction's messages, and when.
#![cfg(all(feature = "http", feature = "runtime"))]

#[path = "support/http.rs"]
mod support;

use std::io::Write;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use support::{Bed, DEADLINE, OF_A_REQUEST, Origin, get, go_on, holding, hook_of, respond};
use ts_api::Cont;
use ts_api::http::{HookId, Message, MessageError, Reenable, Remap, Rule, Settings, Transaction, Version};

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
fn names_are_written_with_the_case_that_plugins_give_them() {
    let origin = Origin::echo();
    let bed = Bed::new(origin.address);
    let names = ["x-LOWER-first", "ETAG", "all-lower", "Usual-Case"];
    let change = Cont::shared(move |event| {
        let txn = event.transaction().unwrap();
        let message =
            if hook_of(event) == HookId::SendRequestHdr { txn.origin_request() } else { txn.response() };
        names.into_iter().for_each(|name| message.append(name, "1").unwrap());
        message.remove("x-odd").unwrap();
        go_on(event);
    });
    bed.hook(HookId::SendRequestHdr, &change);
    bed.hook(HookId::SendResponseHdr, &change);
    let mut client = bed.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nx-ODD: 1\r\naccept: 1\r\nX-Plain: 1\r\n\r\n");
    let answer = client.answer();
    let seen = &origin.requests()[0];
    let has = |fields: &[(String, String)], name: &str| fields.iter().any(|(other, _)| other == name);
    for name in names {
        assert!(has(&seen.fields, name), "{name} in {:?}", seen.fields);
        assert!(has(&answer.fields, name), "{name} in {:?}", answer.fields);
    }
    assert!(has(&seen.fields, "accept") && has(&seen.fields, "X-Plain"), "{:?}", seen.fields);
    assert!(seen.field("x-odd").is_none());
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
                assert_eq!(names, ["X-Case", "Set-Cookie", "Set-Cookie", "Content-Length"]);
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
    let cookies = answer.fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
    let cookies: Vec<_> = cookies.map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(cookies, [("Set-Cookie", "a"), ("Set-Cookie", "b"), ("set-cookie", "c")]);
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

#[test]
fn fields_are_walked_and_changed_one_by_one() {
    let origin = Origin::echo();
    let bed = Bed::new(origin.address);
    let change = Cont::shared(|event| {
        let request = event.transaction().unwrap().request();
        assert_eq!(request.version(), Ok(Version { major: 1, minor: 1 }));
        assert_eq!(request.field_count(), Ok(5));
        assert_eq!(request.field(5), Ok(None));
        let names: Vec<_> = (0..5).map(|n| request.field(n).unwrap().unwrap().name().unwrap()).collect();
        assert_eq!(names, ["Host", "X-A", "X-A", "X-A", "X-List"]);

        let first = request.first("X-A").unwrap().unwrap();
        let second = first.next().unwrap().unwrap();
        assert_eq!((second.value(), second.next().unwrap().is_some()), (Ok(b"2".to_vec()), true));
        assert_eq!(request.nth("x-a", 1), Ok(Some(second)));
        assert_eq!((request.nth("x-a", 3), request.first("x-b")), (Ok(None), Ok(None)));
        let last = request.last("x-a").unwrap().unwrap();
        assert_eq!(last.value(), Ok(b"3".to_vec()));

        second.remove().unwrap();
        assert_eq!(second.value(), Err(MessageError::NoField));
        assert_eq!(second.remove(), Err(MessageError::NoField));
        assert_eq!(second.insert_before("x", "y"), Err(MessageError::NoField));
        last.set_value("4").unwrap();
        first.set_name("X-Renamed").unwrap();
        let new = last.insert_before("X-New", "5").unwrap();
        assert_eq!(new.name(), Ok("X-New".into()));
        assert_eq!(request.push("x-end", "6").unwrap().value(), Ok(b"6".to_vec()));
        for refused in [last.set_value("a\nb"), last.set_name("a b")] {
            assert_eq!(refused, Err(MessageError::Invalid));
        }
        assert_eq!(last.set_name("content-length"), Err(MessageError::Framing));
        assert_eq!(request.list("x-list").unwrap(), [&b"a"[..], b"\"b,c\"", b"d"]);
        go_on(event);
    });
    bed.hook(HookId::ReadRequestHdr, &change);
    let mut client = bed.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nX-A: 2\r\nX-A: 3\r\nX-List: a, \"b,c\" ,,d\r\n\r\n");
    assert_eq!(client.answer().status(), 200);
    let seen = &origin.requests()[0];
    let got = ["x-renamed", "x-a", "x-new", "x-end"].map(|name| seen.field(name).unwrap_or_default());
    assert_eq!(got, ["1", "4", "5", "6"]);
    drop((client, change));
    bed.end();
}

#[test]
fn the_url_is_read_and_changed_in_parts() {
    let origin = Origin::echo();
    let bed = Bed::new(origin.address);
    let change = Cont::shared(|event| {
        let url = event.transaction().unwrap().request().url();
        assert_eq!(url.text(), Ok("http://a.example:81/p?q".into()));
        assert_eq!((url.scheme(), url.host()), (Ok("http".into()), Ok(Some("a.example".into()))));
        assert_eq!(
            (url.port(), url.path(), url.query()),
            (Ok(Some(81)), Ok("/p".into()), Ok(Some("q".into())))
        );
        assert_eq!((url.user(), url.password()), (Ok(None), Ok(None)));
        url.set_host("b.example").unwrap();
        url.set_port(None).unwrap();
        url.set_path("/r").unwrap();
        url.set_query(Some("s=t")).unwrap();
        assert_eq!(url.text(), Ok("http://b.example/r?s=t".into()));
        for refused in
            [url.set_path("r"), url.set_host("a/b"), url.set_port(Some(0)), url.set_query(Some("a b"))]
        {
            assert_eq!(refused, Err(MessageError::Invalid));
        }
        go_on(event);
    });
    let close = Cont::shared(|event| {
        let txn = event.transaction().unwrap();
        assert_eq!(txn.request().url().text(), Ok("http://b.example/r?s=t".into()));
        assert_eq!(txn.request().url().set_path("/x"), Err(MessageError::ReadOnly));
        assert_eq!(txn.response().url().text(), Err(MessageError::WrongKind));
        go_on(event);
    });
    bed.hook(HookId::PreRemap, &change);
    bed.hook(HookId::TxnClose, &close);
    let mut client = bed.client();
    client.send("GET /p?q HTTP/1.1\r\nHost: a.example:81\r\n\r\n");
    assert_eq!(client.answer().text(), "GET /r?s=t HTTP/1.1 ");
    assert_eq!(origin.requests()[0].field("host"), Some("b.example"));
    drop((client, change, close));
    bed.end();
}

#[test]
fn a_reason_is_the_origins_the_plugins_or_the_usual_one() {
    let origin = Origin::new(|request, stream| {
        let reason = if request.target() == "/own" { "Fine" } else { "OK" };
        stream
            .get_mut()
            .write_all(format!("HTTP/1.1 200 {reason}\r\nContent-Length: 0\r\n\r\n").as_bytes())
            .is_ok()
    });
    let bed = Bed::new(origin.address);
    let change = Cont::shared(|event| {
        let txn = event.transaction().unwrap();
        let target = txn.request().target().unwrap();
        let expected = if target == "/own" { "Fine" } else { "OK" };
        assert_eq!(txn.response().reason(), Ok(expected.into()));
        assert_eq!(txn.request().reason(), Err(MessageError::WrongKind));
        match target.as_str() {
            "/set" => {
                txn.response().set_reason("Splendid").unwrap();
                assert_eq!(txn.response().set_reason("a\r\nb"), Err(MessageError::Invalid));
            }
            "/status" => {
                txn.response().set_reason("Splendid").unwrap();
                txn.response().set_status(404).unwrap();
                assert_eq!(txn.response().reason(), Ok("Not Found".into()));
            }
            _ => {}
        }
        go_on(event);
    });
    bed.hook(HookId::SendResponseHdr, &change);
    for (target, expected) in [
        ("/own", "HTTP/1.1 200 Fine"),
        ("/", "HTTP/1.1 200 OK"),
        ("/set", "HTTP/1.1 200 Splendid"),
        ("/status", "HTTP/1.1 404 Not Found"),
    ] {
        assert_eq!(get(bed.address(), target).start, expected);
    }
    drop(change);
    bed.end();
}

#[test]
fn a_request_is_shown_in_the_order_and_with_the_case_in_which_it_came() {
    let bed = Bed::new(Origin::echo().address);
    let (told, was_told) = channel();
    let look = Cont::shared(move |event| {
        let txn = event.transaction().unwrap();
        let message = match hook_of(event) {
            HookId::SendRequestHdr => txn.origin_request(),
            _ => txn.request(),
        };
        let fields = message.fields().unwrap().into_iter();
        let lines: Vec<_> =
            fields.map(|(name, value)| format!("{name}: {}", String::from_utf8(value).unwrap())).collect();
        if hook_of(event) == HookId::PreRemap {
            message.push("X-NEW", "4").unwrap();
        }
        told.send(lines).unwrap();
        go_on(event);
    });
    let hooks = [HookId::ReadRequestHdr, HookId::PreRemap, HookId::TxnClose, HookId::SendRequestHdr];
    hooks.into_iter().for_each(|hook| bed.hook(hook, &look));
    let mut client = bed.client();
    client.send("GET / HTTP/1.1\r\nX-B: 1\r\nhOST: a\r\nTE: x\r\nx-A: 2\r\nX-b: 3\r\n\r\n");
    assert_eq!(client.answer().status(), 200);
    let next = || was_told.recv_timeout(DEADLINE).unwrap();
    let received = ["X-B: 1", "hOST: a", "TE: x", "x-A: 2", "X-b: 3"];
    assert_eq!(next(), received);
    assert_eq!(next(), received);
    assert_eq!(next(), ["X-B: 1", "hOST: a", "x-A: 2", "X-b: 3", "X-NEW: 4"]);
    assert_eq!(next(), [&received[..], &["X-NEW: 4"]].concat());
    drop((client, look));
    bed.end();
}

#[test]
fn a_response_is_shown_as_it_came_though_its_connection_has_the_next_request_already() {
    let (asked, was_asked) = channel();
    let (answer, may_answer) = channel::<()>();
    let (answered, was_answered) = channel();
    let may_answer = Mutex::new(may_answer);
    let origin = Origin::new(move |request, stream| {
        if request.target() != "/first" {
            return respond(stream, "200 OK", "");
        }
        asked.send(()).unwrap();
        may_answer.lock().unwrap().recv_timeout(DEADLINE).unwrap();
        let text = "HTTP/1.1 200 OK\r\nx-ODD: 1\r\nCONTENT-length: 0\r\n\r\n";
        let written = stream.get_mut().write_all(text.as_bytes()).is_ok();
        answered.send(()).unwrap();
        written
    });
    let bed = Bed::with_threads(origin.address, 1);
    let (held, was_held) = channel();
    let (go, may_go) = channel::<()>();
    let may_go = Mutex::new(may_go);
    // While it has the only thread, whatever happens is found at once.
    let hold = Cont::shared(move |event| {
        let txn = event.transaction().unwrap();
        if txn.request().target().unwrap() == "/held" {
            held.send(()).unwrap();
            may_go.lock().unwrap().recv_timeout(DEADLINE).unwrap();
            return txn.reenable(Reenable::Error).unwrap();
        }
        go_on(event);
    });
    bed.hook(HookId::ReadRequestHdr, &hold);
    let (told, was_told) = channel();
    let look = bed.at(&[HookId::ReadResponseHdr], move |txn, _| {
        if txn.request().target().unwrap() == "/first" {
            let fields = txn.origin_response().fields().unwrap().into_iter();
            told.send(fields.map(|(name, _)| name).collect::<Vec<_>>()).unwrap();
        }
    });
    let [mut first, mut holding, mut next] = [bed.client(), bed.client(), bed.client()];
    assert_eq!(next.get("/before").status(), 200);
    first.ask("/first");
    was_asked.recv_timeout(DEADLINE).unwrap();
    holding.ask("/held");
    was_held.recv_timeout(DEADLINE).unwrap();
    next.ask("/next");
    answer.send(()).unwrap();
    was_answered.recv_timeout(DEADLINE).unwrap();
    go.send(()).unwrap();
    assert_eq!(was_told.recv_timeout(DEADLINE).unwrap(), ["x-ODD", "CONTENT-length"]);
    assert_eq!([first.answer(), next.answer()].map(|answer| answer.status()), [200, 200]);
    assert_eq!(holding.answer().status(), 500);
    drop((first, holding, next, hold, look));
    bed.end();
}

/// All that there is to see of a transaction's messages.
fn sight(txn: Transaction) -> String {
    let messages = messages(txn).map(|(_, message)| {
        let start = (message.method(), message.target(), message.status(), message.reason());
        (start, message.version(), message.fields().map(|fields| format!("{fields:?}")))
    });
    format!("{messages:#?} {:?} {:?}", txn.origin_url(), txn.pristine_url())
}

#[test]
fn messages_are_the_same_whenever_they_are_first_looked_at() {
    let origin = Origin::new(|_, stream| {
        let head = "HTTP/1.1 203 My Own Words\r\nETag: \"a\"\r\nConnection: X-Hop\r\nset-cookie: a\r\nX-Hop: 1\r\n\
                    LOCATION: http://inner.example/b\r\nSet-Cookie: b\r\nKeep-Alive: timeout=5\r\nContent-Length: 0\r\n\r\n";
        stream.get_mut().write_all(head.as_bytes()).is_ok()
    });
    let rule = || Rule::new("/", &format!("http://{}/prefix/", origin.address)).unwrap();
    for rule in [rule(), rule().keep_host(true)] {
        let bed = Bed::with(origin.address, |builder| {
            let mut settings = Settings::default();
            settings.remap = Remap::new([rule.clone()]).unwrap();
            builder.settings(settings)
        });
        let looking = Arc::new(Mutex::new(Vec::new()));
        let (told, was_told) = channel();
        let asked = Arc::clone(&looking);
        let look = Cont::shared(move |event| {
            let at = hook_of(event);
            if asked.lock().unwrap().contains(&at) {
                let seen = sight(event.transaction().unwrap());
                if at == HookId::TxnClose {
                    told.send(seen).unwrap();
                }
            }
            go_on(event);
        });
        OF_A_REQUEST.into_iter().for_each(|hook| bed.hook(hook, &look));
        let mut client = bed.client();
        let mut sights = Vec::new();
        let each = OF_A_REQUEST.map(|hook| vec![hook, HookId::TxnClose]);
        for hooks in [vec![HookId::TxnClose], OF_A_REQUEST.to_vec()].into_iter().chain(each) {
            *looking.lock().unwrap() = hooks;
            client.send(
                "GET /a/b?c HTTP/1.1\r\nuser-AGENT: me\r\nHost: Test.example\r\nX-A: 1\r\nConnection: x-drop\r\n\
                 TE: trailers\r\nX-Drop: 1\r\nX-A: 2\r\nDNT: 1\r\n\r\n",
            );
            assert_eq!(client.answer().status(), 203);
            sights.push(was_told.recv_timeout(DEADLINE).unwrap());
        }
        assert!(sights[0].contains("user-AGENT") && sights[0].contains("My Own Words"), "{}", sights[0]);
        for sight in &sights {
            assert_eq!(*sight, sights[0]);
        }
        drop((client, look));
        bed.end();
    }
}

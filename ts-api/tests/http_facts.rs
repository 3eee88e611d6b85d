//! What else plugins may know of a transaction and its session, and set.
#![cfg(all(feature = "http", feature = "runtime"))]

#[path = "support/http.rs"]
mod support;

use std::io::Write;
use std::net::SocketAddr;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use support::{
    Bed, Client, DEADLINE, Diary, OF_A_REQUEST, Origin, get, go_on, holding, hook_of, respond,
    with_a_short_limit,
};
use ts_api::Cont;
use ts_api::http::{Answer, HookId, Limit, MessageError, Milestone, Reenable};

#[test]
fn a_transaction_knows_its_number_its_place_and_whom_it_is_between() {
    let origin = Origin::echo();
    let bed = Bed::new(origin.address);
    let (tell, told) = channel();
    let look = Cont::shared(move |event| {
        let txn = event.transaction().unwrap();
        let session = txn.session().unwrap();
        tell.send((
            (txn.number(), txn.ordinal(), session.number(), session.transaction_count()),
            (txn.client_addr(), session.client_addr(), txn.incoming_addr(), session.incoming_addr()),
            (txn.origin_addr(), txn.outgoing_addr()),
        ))
        .unwrap();
        go_on(event);
    });
    bed.hook(HookId::ReadResponseHdr, &look);
    let mut first = bed.client();
    first.get("/1");
    first.get("/2");
    let mut second = bed.client();
    second.get("/3");
    let local = |client: &Client| client.stream.get_ref().local_addr().unwrap();
    let mut numbers = Vec::new();
    let mut sessions = Vec::new();
    for (client, place) in [(&first, 1), (&first, 2), (&second, 1)] {
        let ((number, ordinal, session, count), addresses, to) = told.recv_timeout(DEADLINE).unwrap();
        assert_eq!((ordinal, count), (Ok(place), Ok(place)));
        let (client, server): (_, Option<SocketAddr>) = (local(client), Some(bed.address()));
        assert_eq!(addresses, (Ok(client), Ok(client), Ok(server), Ok(server)));
        assert_eq!(to.0, Ok(Some(origin.address)));
        assert!(to.1.unwrap().is_some_and(|outgoing| outgoing != origin.address));
        numbers.push(number);
        sessions.push(session);
    }
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 3);
    assert!(sessions[0] == sessions[1] && sessions[1] != sessions[2]);
    drop((first, second, look));
    bed.end();
}

#[test]
fn a_plugin_may_answer_at_any_hook_before_the_origin_is_asked() {
    for at in OF_A_REQUEST {
        let origin = Origin::echo();
        let bed = Bed::new(origin.address);
        let diary = Diary::new();
        let pen = diary.pen();
        let answer = Cont::shared(move |event| {
            let txn = event.transaction().unwrap();
            pen(hook_of(event).to_string());
            if hook_of(event) == at {
                let wrong = Answer::new(200).field("a b", "c");
                assert_eq!(txn.answer(&wrong), Err(MessageError::Invalid));
                assert_eq!(txn.answer(&Answer::new(100)), Err(MessageError::Invalid));
                let framing = Answer::new(200).field("Content-Length", "5");
                assert_eq!(txn.answer(&framing), Err(MessageError::Framing));
                let mine = Answer::new(203).field("x-mine", "yes").body("from the plugin");
                assert_eq!(txn.answer(&Answer::new(404)), txn.answer(&mine));
                let late = HookId::SendRequestHdr;
                let in_time = OF_A_REQUEST.iter().position(|hook| *hook == at)
                    <= OF_A_REQUEST.iter().position(|hook| *hook == late);
                assert_eq!(txn.answer(&mine), if in_time { Ok(()) } else { Err(MessageError::TooLate) });
            }
            if hook_of(event) == HookId::SendResponseHdr {
                txn.response().append("x-seen", "yes").unwrap();
            }
            go_on(event);
        });
        OF_A_REQUEST.into_iter().for_each(|hook| bed.hook(hook, &answer));
        let mut client = bed.client();
        let got = client.get("/");
        assert_eq!(got.field("x-seen"), Some("yes"));
        let place = OF_A_REQUEST.iter().position(|hook| *hook == at).unwrap();
        if place <= 5 {
            assert_eq!((got.status(), got.text().as_str()), (203, "from the plugin"), "{at}");
            assert_eq!(got.field("x-mine"), Some("yes"));
            assert!(origin.requests().is_empty());
        } else {
            assert_eq!(got.status(), 200, "{at}");
        }
        // The connection is as good as before.
        assert_eq!(client.get("/again").status(), if place <= 5 { 203 } else { 200 });
        drop((client, answer));
        bed.end();
        let mut expected: Vec<_> = OF_A_REQUEST.iter().map(ToString::to_string).collect();
        if place <= 5 {
            expected.drain(place + 1..7);
        }
        assert_eq!(diary.rest(), [expected.clone(), expected].concat(), "{at}");
    }
}

#[test]
fn an_answer_may_have_no_body_and_goes_without_one_to_whoever_asks_for_the_head() {
    let bed = Bed::new(Origin::echo().address);
    let answer = Cont::shared(|event| {
        let txn = event.transaction().unwrap();
        let status = if txn.request().target().unwrap() == "/none" { 204 } else { 200 };
        txn.answer(&Answer::new(status).body("four")).unwrap();
        go_on(event);
    });
    bed.hook(HookId::ReadRequestHdr, &answer);
    let mut client = bed.client();
    let none = client.get("/none");
    assert_eq!((none.status(), none.body.len()), (204, 0));
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.bare_answer().field("content-length"), Some("4"));
    assert_eq!(client.get("/").text(), "four");
    drop((client, answer));
    bed.end();
}

#[test]
fn an_error_goes_before_an_answer() {
    let bed = Bed::new(Origin::echo().address);
    let both = Cont::shared(|event| {
        let txn = event.transaction().unwrap();
        txn.answer(&Answer::new(200)).unwrap();
        txn.reenable(Reenable::Error).unwrap();
    });
    bed.hook(HookId::PreRemap, &both);
    assert_eq!(get(bed.address(), "/").status(), 500);
    drop(both);
    bed.end();
}

#[test]
fn the_error_response_is_set_and_read_in_parts() {
    let bed = Bed::new(Origin::echo().address);
    let refuse = Cont::shared(|event| {
        let txn = event.transaction().unwrap();
        assert_eq!(txn.error(), Ok(ts_api::http::ErrorResponse::default()));
        txn.set_error_body("{}", "application/json").unwrap();
        txn.set_error_status(429).unwrap();
        txn.set_error_reason("Slow Down").unwrap();
        assert_eq!(txn.set_error_status(200), Err(MessageError::Invalid));
        assert_eq!(txn.answer_when_mapped(Some(0)), Err(MessageError::Invalid));
        assert_eq!(txn.answer_when_mapped(Some(199)), Err(MessageError::Invalid));
        txn.answer_when_mapped(Some(303)).unwrap();
        assert_eq!(txn.answered_when_mapped(), Ok(Some(303)));
        txn.answer_when_mapped(None).unwrap();
        assert_eq!(txn.answered_when_mapped(), Ok(None));
        assert_eq!(txn.set_error_reason("a\nb"), Err(MessageError::Invalid));
        assert_eq!(txn.set_error_body("", "a\nb"), Err(MessageError::Invalid));
        let error = txn.error().unwrap();
        assert_eq!((error.status, error.reason.as_deref()), (Some(429), Some("Slow Down")));
        assert_eq!(error.body.as_deref(), Some(&b"{}"[..]));
        assert_eq!(error.content_type.as_deref(), Some("application/json"));
        if txn.request().target().unwrap() == "/plain" {
            txn.take_back_error_body().unwrap();
            let error = txn.error().unwrap();
            assert_eq!((error.status, error.body, error.content_type), (Some(429), None, None));
        }
        txn.reenable(Reenable::Error).unwrap();
    });
    bed.hook(HookId::PostRemap, &refuse);
    let got = get(bed.address(), "/");
    assert_eq!((got.start.as_str(), got.text().as_str()), ("HTTP/1.1 429 Slow Down", "{}"));
    assert_eq!(got.field("content-type"), Some("application/json"));
    assert_eq!(get(bed.address(), "/plain").text(), "429 Too Many Requests\n");
    drop(refuse);
    bed.end();
}

#[test]
fn a_plugin_may_say_where_the_origin_is_until_it_is_looked_for() {
    for at in OF_A_REQUEST {
        let (theirs, mine) = (Origin::echo(), Origin::echo());
        let bed = Bed::new(theirs.address);
        let to = mine.address;
        let (tell, told) = channel();
        let set = Cont::shared(move |event| {
            let txn = event.transaction().unwrap();
            if hook_of(event) == at {
                let set = txn.set_origin_addr(to);
                if set.is_ok() {
                    assert_eq!(txn.origin_addr(), Ok(Some(to)));
                }
                tell.send(set).unwrap();
            }
            go_on(event);
        });
        OF_A_REQUEST.into_iter().for_each(|hook| bed.hook(hook, &set));
        assert_eq!(get(bed.address(), "/").status(), 200);
        drop(set);
        bed.end();
        let in_time = OF_A_REQUEST[..5].contains(&at);
        assert_eq!(
            told.recv_timeout(DEADLINE).unwrap(),
            if in_time { Ok(()) } else { Err(MessageError::TooLate) }
        );
        assert_eq!((theirs.requests().len(), mine.requests().len()), if in_time { (0, 1) } else { (1, 0) });
    }
}

#[test]
fn limits_of_one_transaction_are_its_own() {
    let origin = Origin::new(|request, stream| {
        match request.target() {
            // Never a word.
            "/slow" => return stream.get_mut().write_all(b"").is_ok(),
            // A head, and then nothing.
            "/half" => {
                return stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab").is_ok();
            }
            _ => {}
        }
        respond(stream, "200 OK", "fast")
    });
    let bed = Bed::new(origin.address);
    let hurry = Cont::shared(|event| {
        let txn = event.transaction().unwrap();
        let seconds = |n| Some(Duration::from_secs(n));
        assert_eq!(txn.limit(Limit::Connect), Ok(seconds(5)));
        assert_eq!(
            (txn.limit(Limit::Response), txn.limit(Limit::Silence)),
            (Ok(seconds(30)), Ok(seconds(30)))
        );
        // Only the one that is to be too short: any other could be it as well when the machine is slow.
        let short = match &*txn.request().target().unwrap() {
            "/slow" => Some(Limit::Response),
            "/half" => Some(Limit::Silence),
            _ => None,
        };
        if let Some(limit) = short {
            let soon = Some(Duration::from_millis(1));
            txn.set_limit(limit, soon).unwrap();
            assert_eq!(txn.limit(limit), Ok(soon));
            assert_eq!(txn.limit(Limit::Lookup), Ok(seconds(5)));
            txn.set_limit(Limit::Lookup, seconds(7)).unwrap();
            assert_eq!(txn.limit(Limit::Lookup), Ok(seconds(7)));
            txn.set_limit(Limit::Connect, None).unwrap();
            assert_eq!(txn.limit(Limit::Connect), Ok(None));
        }
        go_on(event);
    });
    bed.hook(HookId::ReadRequestHdr, &hurry);
    assert_eq!(get(bed.address(), "/slow").status(), 504);
    assert_eq!(get(bed.address(), "/").status(), 200);
    let mut client = bed.client();
    client.ask("/half");
    assert!(client.try_answer().is_err());
    drop((client, hurry));
    assert_eq!(bed.end().origin_failures, 2);
}

#[test]
fn a_request_body_may_be_read_as_a_whole_before_the_origin_is_asked() {
    let origin = Origin::echo();
    let bed = Bed::new(origin.address);
    let diary = Diary::new();
    let pen = diary.pen();
    let look = Cont::shared(move |event| {
        let txn = event.transaction().unwrap();
        pen(hook_of(event).to_string());
        match hook_of(event) {
            HookId::ReadRequestHdr => {
                assert_eq!(txn.request_body(), Err(MessageError::Absent));
                txn.buffer_request(8).unwrap();
                txn.buffer_request(4).unwrap();
            }
            HookId::RequestBufferReadComplete => {
                assert_eq!(txn.request_body(), Ok(b"12345678".to_vec()));
                assert_eq!(txn.buffer_request(9), Err(MessageError::TooLate));
                txn.request().append("x-length", "8").unwrap();
            }
            HookId::SendRequestHdr => {
                let body = txn.request_body();
                assert!(body == Ok(b"12345678".to_vec()) || body == Err(MessageError::Absent));
            }
            _ => assert_eq!(txn.request_body(), Err(MessageError::Absent)),
        }
        go_on(event);
    });
    let hooks = [
        HookId::ReadRequestHdr,
        HookId::RequestBufferReadComplete,
        HookId::SendRequestHdr,
        HookId::ReadResponseHdr,
    ];
    hooks.into_iter().for_each(|hook| bed.hook(hook, &look));
    let mut client = bed.client();
    client.send("POST /l HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n1234");
    // It is not asked for with half a body.
    assert_eq!(diary.next(), "READ_REQUEST_HDR");
    client.send("5678");
    assert_eq!(client.answer().text(), "POST /l HTTP/1.1 12345678");
    assert_eq!(
        std::array::from_fn(|_| diary.next()),
        ["REQUEST_BUFFER_READ_COMPLETE", "SEND_REQUEST_HDR", "READ_RESPONSE_HDR"]
    );
    client.send("POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n123\r\n5\r\n45678\r\n0\r\n\r\n");
    assert_eq!(client.answer().text(), "POST /c HTTP/1.1 12345678");
    assert_eq!(origin.requests()[1].field("content-length"), Some("8"));
    assert_eq!(origin.requests()[1].field("x-length"), Some("8"));
    // A client that waits to be asked for its body is asked.
    client.send("POST /e HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 8\r\n\r\n");
    assert_eq!(client.bare_answer().status(), 100);
    client.send("12345678");
    assert_eq!(client.answer().text(), "POST /e HTTP/1.1 12345678");
    diary.until("READ_RESPONSE_HDR");
    // Without a body there is nothing to wait for.
    assert_eq!(client.get("/n").status(), 200);
    diary.until("READ_RESPONSE_HDR");
    let rest = diary.until("READ_RESPONSE_HDR");
    assert!(!rest.contains(&"REQUEST_BUFFER_READ_COMPLETE".into()), "{rest:?}");
    for too_long in [
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n4\r\n6789\r\n0\r\n\r\n",
    ] {
        let mut client = bed.client();
        client.send(too_long);
        assert_eq!(client.answer().status(), 413);
    }
    assert_eq!(origin.requests().len(), 4);
    drop((client, look));
    bed.end();
}

#[test]
fn a_client_that_goes_while_its_body_is_gathered_is_an_abort() {
    let bed = Bed::new(Origin::echo().address);
    let diary = Diary::new();
    let (hold, held) = holding();
    let close = diary.cont("close");
    bed.hook(HookId::PostRemap, &hold);
    bed.hook(HookId::TxnClose, &close);
    let mut client = bed.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n1234");
    let (_, txn) = held.recv_timeout(DEADLINE).unwrap();
    txn.buffer_request(100).unwrap();
    txn.reenable(Reenable::Continue).unwrap();
    client.vanish();
    assert_eq!(diary.next(), "close TXN_CLOSE");
    drop((hold, close));
    let counts = bed.end();
    assert_eq!((counts.client_aborts, counts.origin_failures, counts.transactions), (1, 0, 1));
}

#[test]
fn the_moments_of_a_transaction_are_noted_in_their_order() {
    let origin = Origin::echo();
    let bed = Bed::new(origin.address);
    let (tell, told) = channel();
    let look = Cont::shared(move |event| {
        let txn = event.transaction().unwrap();
        tell.send(Milestone::ALL.map(|milestone| txn.milestone(milestone).unwrap())).unwrap();
        go_on(event);
    });
    bed.hook(HookId::ReadRequestHdr, &look);
    bed.hook(HookId::TxnClose, &look);
    assert_eq!(get(bed.address(), "/").status(), 200);
    let at = |times: &[Option<u64>], milestone: Milestone| {
        times[Milestone::ALL.iter().position(|other| *other == milestone).unwrap()]
    };
    let early = told.recv_timeout(DEADLINE).unwrap();
    assert!(at(&early, Milestone::UaReadHeaderDone).is_some());
    assert_eq!(at(&early, Milestone::ServerFirstConnect), None);
    let late = told.recv_timeout(DEADLINE).unwrap();
    let order = [
        Milestone::UaBegin,
        Milestone::UaFirstRead,
        Milestone::SmStart,
        Milestone::ServerFirstConnect,
        Milestone::ServerConnect,
        Milestone::ServerConnectEnd,
        Milestone::ServerBeginWrite,
        Milestone::ServerFirstRead,
        Milestone::ServerReadHeaderDone,
        Milestone::UaBeginWrite,
        Milestone::ServerClose,
        Milestone::UaClose,
        Milestone::SmFinish,
    ];
    let times =
        order.map(|milestone| at(&late, milestone).unwrap_or_else(|| panic!("{milestone} was not noted")));
    assert!(times.is_sorted(), "{times:?}");
    let (start, active, total) = (
        at(&late, Milestone::SmStart),
        at(&late, Milestone::PluginActive),
        at(&late, Milestone::PluginTotal),
    );
    assert!(start < active && active <= total, "{start:?} {active:?} {total:?}");
    drop(look);
    bed.end();
}

#[test]
fn a_time_that_a_plugin_takes_to_answer_is_noted_and_so_is_what_follows_as_later() {
    let bed = Bed::new(Origin::echo().address);
    let (hold, held) = holding();
    let (tell, told) = channel();
    let look = Cont::shared(move |event| {
        let txn = event.transaction().unwrap();
        let start = txn.milestone(Milestone::SmStart).unwrap().unwrap();
        let since = |milestone| txn.milestone(milestone).unwrap().map(|at| at - start);
        let times = [Milestone::PluginActive, Milestone::PluginTotal, Milestone::ServerConnect].map(since);
        tell.send(times.map(|time| Duration::from_nanos(time.unwrap()))).unwrap();
        go_on(event);
    });
    bed.hook(HookId::OsDns, &hold);
    bed.hook(HookId::TxnClose, &look);
    let mut client = bed.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let (_, txn) = held.recv_timeout(DEADLINE).unwrap();
    // Much longer than a handler runs.
    let (called, answered) = (Instant::now(), Duration::from_millis(20));
    while called.elapsed() < answered {
        std::thread::yield_now();
    }
    txn.reenable(Reenable::Continue).unwrap();
    let [active, total, connect] = told.recv_timeout(DEADLINE).unwrap();
    assert!(active <= total && total >= answered && connect >= answered, "{active:?} {total:?} {connect:?}");
    drop((client, hold, look));
    bed.end();
}

#[test]
fn a_plugin_may_say_where_a_request_goes_whatever_the_rules_say() {
    for at in [HookId::TxnStart, HookId::ReadRequestHdr, HookId::PreRemap, HookId::PostRemap, HookId::OsDns] {
        let (theirs, mine) = (Origin::echo(), Origin::echo());
        let bed = Bed::new(theirs.address);
        let url = format!("http://{}/there?x=y", mine.address);
        let (to, was) = (url.clone(), format!("http://{}/here", theirs.address));
        let set = Cont::shared(move |event| {
            let txn = event.transaction().unwrap();
            let hook = hook_of(event);
            let place = |hook| OF_A_REQUEST.iter().position(|at| *at == hook).unwrap();
            if hook == at {
                for wrong in ["/there", "https://a.example/", "http:///", "http://a b/", ""] {
                    assert_eq!(txn.set_origin_url(wrong), Err(MessageError::Invalid), "{wrong}");
                }
                let late = at == HookId::OsDns;
                assert_eq!(txn.set_origin_url(&to), if late { Err(MessageError::TooLate) } else { Ok(()) });
            }
            if hook != HookId::TxnStart {
                assert_eq!(txn.pristine_url(), Ok("http://test.example/here".into()), "{hook}");
            }
            let known = place(hook) >= place(HookId::PostRemap);
            let by_rules = at == HookId::OsDns || (at == HookId::PostRemap && hook == at);
            match txn.origin_url() {
                Ok(url) if known => {
                    assert_eq!(url, if by_rules { was.clone() } else { to.clone() }, "{hook}")
                }
                other => assert_eq!((other, known), (Err(MessageError::Absent), false), "{hook}"),
            }
            go_on(event);
        });
        OF_A_REQUEST.into_iter().for_each(|hook| bed.hook(hook, &set));
        assert_eq!(get(bed.address(), "/here").status(), 200);
        drop(set);
        bed.end();
        let moved = at != HookId::OsDns;
        assert_eq!(
            (theirs.requests().len(), mine.requests().len()),
            if moved { (0, 1) } else { (1, 0) },
            "{at}"
        );
        if moved {
            let seen = &mine.requests()[0];
            assert_eq!((seen.target(), seen.field("host")), ("/there?x=y", Some(&*mine.address.to_string())));
        }
    }
}

#[test]
fn a_transaction_may_have_less_time_as_a_whole() {
    let origin = Origin::new(|request, stream| match request.target().split('?').next().unwrap() {
        "/slow" => stream.get_mut().write_all(b"").is_ok(),
        "/half" => stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab").is_ok(),
        _ => respond(stream, "200 OK", "fast"),
    });
    let bed = Bed::new(origin.address);
    let hurry = Cont::shared(|event| {
        let txn = event.transaction().unwrap();
        assert_eq!(txn.limit(Limit::ClientActive), Ok(None));
        assert_eq!(txn.limit(Limit::ClientIdle), Ok(Some(Duration::from_secs(60))));
        let target = txn.request().target().unwrap();
        let soon = target.split_once('?').map_or(30_000, |(_, millis)| millis.parse().unwrap());
        let soon = Some(Duration::from_millis(soon));
        txn.set_limit(Limit::ClientActive, soon).unwrap();
        assert_eq!(txn.limit(Limit::ClientActive), Ok(soon));
        go_on(event);
    });
    bed.hook(HookId::ReadRequestHdr, &hurry);
    assert_eq!(get(bed.address(), "/slow?50").status(), 504);
    assert_eq!(get(bed.address(), "/").text(), "fast");
    let mut tries = 0;
    with_a_short_limit(|limit| {
        tries += 1;
        let mut client = bed.client();
        client.ask(&format!("/half?{}", limit.as_millis()));
        let status = client.try_answer().ok().map(|answer| answer.status());
        assert!(matches!(status, None | Some(504)), "{status:?}");
        status.is_none()
    });
    drop(hurry);
    assert_eq!(bed.end().transactions, 2 + tries);
}

#[test]
fn a_client_that_takes_nothing_may_be_given_up_sooner() {
    let origin = Origin::endless();
    let bed = Bed::new(origin.address);
    let diary = Diary::new();
    let close = diary.cont("close");
    let hurry = Cont::shared(|event| {
        let txn = event.transaction().unwrap();
        txn.set_limit(Limit::ClientIdle, Some(Duration::from_millis(20))).unwrap();
        assert_eq!(txn.limit(Limit::ClientIdle), Ok(Some(Duration::from_millis(20))));
        go_on(event);
    });
    bed.hook(HookId::ReadResponseHdr, &hurry);
    bed.hook(HookId::TxnClose, &close);
    let mut client = bed.client();
    client.ask("/");
    // It reads nothing, and without the limit would be waited for during a minute.
    assert_eq!(diary.next(), "close TXN_CLOSE");
    drop((client, close, hurry));
    assert_eq!(bed.end().client_aborts, 1);
}

#[test]
fn the_response_may_be_given_another_body_when_it_is_about_to_go_and_not_before() {
    let origin = Origin::echo();
    let bed = Bed::new(origin.address);
    let other = Cont::shared(|event| {
        let txn = event.transaction().unwrap();
        let at = hook_of(event);
        let content_type =
            if txn.request().target().is_ok_and(|target| target == "/keep") { "" } else { "a/b" };
        let done = txn.set_response_body("another", content_type);
        assert_eq!(done.is_ok(), at == HookId::SendResponseHdr, "{at}: {done:?}");
        go_on(event);
    });
    let refuse = Cont::shared(|event| {
        let txn = event.transaction().unwrap();
        let refused = txn.request().target().is_ok_and(|target| target == "/refused");
        if refused {
            txn.set_error(404, "no such thing").unwrap();
        }
        txn.reenable(if refused { Reenable::Error } else { Reenable::Continue }).unwrap();
    });
    bed.hook(HookId::ReadRequestHdr, &refuse);
    for at in [HookId::ReadRequestHdr, HookId::ReadResponseHdr, HookId::SendResponseHdr, HookId::TxnClose] {
        bed.hook(at, &other);
    }
    let mut client = bed.client();
    let answer = client.get("/");
    assert_eq!((answer.status(), &*answer.text()), (200, "another"));
    assert_eq!(answer.field("content-type"), Some("a/b"));
    let answer = client.get("/keep");
    assert_eq!(
        (&*answer.text(), answer.field("content-type")),
        ("another", None),
        "the origin names no type"
    );
    let answer = client.get("/refused");
    assert_eq!((answer.status(), &*answer.text()), (404, "another"), "whoever made the response");
    drop(client);
    other.destroy();
    refuse.destroy();
    bed.end();
}

#[test]
fn a_transaction_says_at_its_end_who_broke_it_off() {
    use ts_api::http::Aborted;
    let origin = Origin::new(|request, stream| {
        let end = match request.target() {
            "/short" => "Content-Length: 10\r\n\r\nshort",
            "/whole" => "Content-Length: 5\r\n\r\nwhole",
            _ => "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n",
        };
        stream.get_mut().write_all(format!("HTTP/1.1 200 OK\r\n{end}").as_bytes()).unwrap();
        // Without end, until the client goes away.
        while request.target() == "/long" && stream.get_mut().write_all(b"4\r\nbody\r\n").is_ok() {}
        request.target() == "/whole"
    });
    let bed = Bed::new(origin.address);
    let (tell, told) = channel();
    let look = Cont::shared(move |event| {
        tell.send(event.transaction().unwrap().aborted()).unwrap();
        go_on(event);
    });
    bed.hook(HookId::SendResponseHdr, &look);
    bed.hook(HookId::TxnClose, &look);
    for (target, end) in
        [("/whole", None), ("/short", Some(Aborted::ByOrigin)), ("/long", Some(Aborted::ByClient))]
    {
        let mut client = bed.client();
        client.ask(target);
        client.bare_answer();
        if target == "/short" {
            assert!(!client.is_closed(), "the part that there was has come");
        }
        if target == "/long" {
            client.vanish();
        }
        assert_eq!(told.recv_timeout(DEADLINE).unwrap(), Ok(None), "{target}: nothing is wrong yet");
        assert_eq!(told.recv_timeout(DEADLINE).unwrap(), Ok(end), "{target}");
    }
    look.destroy();
    bed.end();
}

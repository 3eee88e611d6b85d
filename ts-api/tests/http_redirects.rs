//! Asking another URL instead, because of the origin's response or its failure.
#![cfg(all(feature = "http", feature = "runtime"))]

#[path = "support/http.rs"]
mod support;

use support::{Bed, Diary, Nobody, OF_A_REQUEST, Origin, hook_of, respond};
use ts_api::http::{HookId, MessageError, OriginState, Remap, Settings};

/// Answers 404 to everything.
fn nowhere() -> Origin {
    Origin::new(|_, stream| respond(stream, "404 Not Found", "not here"))
}

#[test]
fn what_the_origin_does_not_have_is_asked_for_elsewhere_and_the_client_sees_nothing_of_it() {
    let (first, second) = (nowhere(), Origin::echo());
    let bed = Bed::new(first.address);
    let there = second.address;
    let diary = Diary::new();
    let pen = diary.pen();
    let escalate = bed.at(&OF_A_REQUEST, move |txn, event| {
        pen(hook_of(event).to_string());
        if hook_of(event) != HookId::ReadResponseHdr {
            return;
        }
        let is_first = txn.origin_response().status().unwrap() == 404;
        assert_eq!(txn.redirects(), Ok(u64::from(!is_first)));
        if is_first {
            for wrong in ["https://a.example/", "/path", "a", "http://"] {
                assert_eq!(txn.set_redirect(wrong), Err(MessageError::Invalid), "{wrong}");
            }
            txn.set_redirect(&format!("http://{there}/other?x")).unwrap();
            txn.set_redirect("").unwrap();
            assert_eq!(txn.redirect(), Ok(None));
            let url = format!("http://{there}/elsewhere?y");
            txn.set_redirect(&url).unwrap();
            assert_eq!(txn.redirect(), Ok(Some(url)));
        } else {
            assert_eq!(txn.redirect(), Ok(None), "it is followed once");
            assert_eq!(txn.origin_name(), Ok(Some(there.to_string())));
            assert_eq!(txn.pristine_url().unwrap(), "http://test.example/path");
            assert_eq!(txn.origin_addr(), Ok(Some(there)));
        }
    });
    let mut client = bed.client();
    for _ in 0..2 {
        client.send("GET /path HTTP/1.1\r\nHost: test.example\r\nX-Own: yes\r\n\r\n");
        let answer = client.answer();
        assert_eq!((answer.status(), answer.text().as_str()), (200, "GET /elsewhere?y HTTP/1.1 "));
    }
    let asked = &second.requests()[1];
    assert_eq!(asked.field("host"), Some(&*there.to_string()));
    assert_eq!(asked.field("x-own"), Some("yes"));
    assert_eq!((first.requests().len(), second.requests().len()), (2, 2));
    drop((client, escalate));
    bed.end();
    let mut hooks: Vec<_> = OF_A_REQUEST.iter().map(ToString::to_string).collect();
    let again = hooks[4..7].to_vec();
    hooks.splice(7..7, again);
    assert_eq!(diary.rest(), [hooks.clone(), hooks].concat());
}

#[test]
fn an_origin_that_fails_may_be_replaced_before_the_client_is_told() {
    let nobody = Nobody::new();
    let second = Origin::echo();
    let there = second.address;
    let bed = Bed::new(nobody.address);
    let replace = bed.at(&[HookId::SendResponseHdr], move |txn, _| {
        let url = format!("http://{there}/");
        if txn.redirects() == Ok(0) {
            assert_eq!(txn.origin_state(), Ok(OriginState::Unreachable));
            txn.set_redirect(&url).unwrap();
            // Both are for a response that nobody gets.
            txn.set_response_body("gone", "").unwrap();
            txn.response().set("x-gone", "yes").unwrap();
        } else {
            assert_eq!(txn.origin_state(), Ok(OriginState::Alive));
            assert_eq!(txn.set_redirect(&url), Err(MessageError::TooLate));
            txn.response().set("x-seen", "yes").unwrap();
        }
    });
    let answer = support::get(bed.address(), "/");
    assert_eq!((answer.status(), answer.field("x-seen")), (200, Some("yes")));
    assert_eq!((answer.text().as_str(), answer.field("x-gone")), ("GET / HTTP/1.1 ", None));
    drop(replace);
    bed.end();
}

#[test]
fn nobody_goes_elsewhere_for_ever() {
    let origin = nowhere();
    let bed = Bed::new(origin.address);
    let there = origin.address;
    let to_and_fro = bed.at(&[HookId::ReadResponseHdr], move |txn, _| {
        txn.set_redirect(&format!("http://{there}/again")).unwrap();
    });
    let answer = support::get(bed.address(), "/");
    assert_eq!((answer.status(), answer.text().as_str()), (404, "not here"));
    assert_eq!(origin.requests().len(), 11);
    drop(to_and_fro);
    bed.end();
}

#[test]
fn the_connection_of_a_response_that_nobody_gets_is_given_up_before_another_is_asked_for() {
    let origin = Origin::new(|request, stream| {
        if request.target() == "/there" {
            return respond(stream, "200 OK", "there");
        }
        // What comes next of the body is never sent.
        let head = "HTTP/1.1 404 Not Found\r\nContent-Length: 10\r\n\r\nnot ";
        std::io::Write::write_all(stream.get_mut(), head.as_bytes()).is_ok()
    });
    let mut settings = Settings::default();
    settings.remap = Remap::to(origin.address);
    settings.origin.connections = Some(1);
    let bed = Bed::with_builder(1, |builder| builder.settings(settings));
    let there = origin.address;
    for hops in [1, 2] {
        let escalate = bed.at(&[HookId::ReadResponseHdr], move |txn, _| match txn.redirects().unwrap() + 1 {
            hop if hop < hops => txn.set_redirect(&format!("http://{there}/{hop}")).unwrap(),
            hop if hop == hops => txn.set_redirect(&format!("http://{there}/there")).unwrap(),
            _ => {}
        });
        let answer = support::get(bed.address(), "/");
        assert_eq!((answer.status(), answer.text().as_str()), (200, "there"), "{hops}");
        drop(escalate);
    }
    bed.end();
}

#[test]
fn a_body_goes_along_if_it_was_kept_and_otherwise_its_request_stays() {
    let (first, second) = (nowhere(), Origin::echo());
    let bed = Bed::new(first.address);
    let there = second.address;
    let escalate = bed.at(&[HookId::ReadRequestHdr, HookId::ReadResponseHdr], move |txn, event| {
        if hook_of(event) == HookId::ReadResponseHdr {
            txn.set_redirect(&format!("http://{there}/")).unwrap();
        } else if txn.request().target().unwrap() == "/kept" {
            txn.buffer_request(100).unwrap();
        }
    });
    let mut client = bed.client();
    let send = |client: &mut support::Client, target: &str| {
        let framed = "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
        client.send(format!("POST {target} HTTP/1.1\r\nHost: a\r\n{framed}"));
        client.answer()
    };
    assert_eq!(send(&mut client, "/streamed").status(), 404);
    assert_eq!(second.requests().len(), 0);
    // The origin sends it elsewhere again, body and all.
    assert_eq!(send(&mut client, "/kept").text(), "POST / HTTP/1.1 abcde");
    let asked = second.requests();
    assert_eq!((asked.len(), asked[0].field("content-length")), (11 - 1, Some("5")));
    assert!(asked.iter().all(|asked| asked.text() == "abcde" && asked.field("transfer-encoding").is_none()));
    drop((client, escalate));
    bed.end();
}

#[test]
fn an_origin_address_that_was_set_is_the_first_origins_and_may_be_set_again() {
    let (first, second) = (nowhere(), Origin::echo());
    let bed = Bed::new(first.address);
    let there = second.address;
    let escalate = bed.at(&[HookId::OsDns, HookId::ReadResponseHdr], move |txn, event| {
        if hook_of(event) == HookId::ReadResponseHdr {
            if txn.redirects() == Ok(0) {
                txn.set_redirect("http://nowhere.test/").unwrap();
            }
        } else if txn.redirects() == Ok(1) {
            assert_eq!(txn.origin_addr(), Ok(None));
            txn.set_origin_addr(there).unwrap();
        }
    });
    assert_eq!(support::get(bed.address(), "/").status(), 200);
    assert_eq!(second.requests()[0].field("host"), Some("nowhere.test"));
    drop(escalate);
    bed.end();
}

#[test]
fn requests_go_from_the_address_that_a_plugin_says_over_connections_of_their_own() {
    let origin = Origin::echo();
    let bed = Bed::with_threads(origin.address, 1);
    let choose = bed.at(&[HookId::OsDns, HookId::SendRequestHdr], |txn, event| {
        let target = txn.request().target().unwrap();
        let from = target.strip_prefix("/from/").map(|from| from.parse().unwrap());
        if hook_of(event) == HookId::OsDns {
            txn.set_outgoing_addr(from).unwrap();
            assert_eq!(txn.outgoing_addr(), Ok(None));
        } else {
            let ours = txn.outgoing_addr().unwrap().unwrap();
            assert!(from.is_none_or(|from: std::net::SocketAddr| from.ip() == ours.ip()));
            assert_eq!(txn.set_outgoing_addr(None), Err(MessageError::TooLate));
        }
    });
    let mut client = bed.client();
    let reused = || bed.server.counts().origin_reused;
    for (target, status, kept) in [
        ("/", 200, 0),
        ("/from/127.0.0.2:0", 200, 0),
        ("/from/127.0.0.3:0", 200, 0),
        ("/from/127.0.0.2:0", 200, 1),
        ("/", 200, 2),
        // Of the other kind; not ours.
        ("/from/[::1]:0", 502, 2),
        ("/from/192.0.2.1:0", 502, 2),
    ] {
        assert_eq!((client.get(target).status(), reused()), (status, kept), "{target}");
    }
    assert_eq!(origin.open_connections(), 3);
    drop((client, choose));
    bed.end();
}

#[test]
fn a_plugin_tells_others_the_address_of_the_client_that_it_has_made_sure_of() {
    let bed = Bed::new(Origin::echo().address);
    let sure = bed.at(&[HookId::ReadRequestHdr, HookId::TxnClose], |txn, event| {
        let client: std::net::SocketAddr = "[2001:db8::7]:99".parse().unwrap();
        if hook_of(event) == HookId::ReadRequestHdr {
            assert_eq!(txn.verified_addr(), Ok(None));
            txn.set_verified_addr(client).unwrap();
        } else {
            assert_eq!(txn.verified_addr(), Ok(Some(client)));
            txn.set_verified_addr(None).unwrap();
            assert_eq!(txn.verified_addr(), Ok(None));
        }
    });
    assert_eq!(support::get(bed.address(), "/").status(), 200);
    drop(sure);
    bed.end();
}

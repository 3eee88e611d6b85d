//! What plugins may say of a transaction's connections: whether they are kept, and how long.
#![cfg(all(feature = "http", feature = "runtime"))]

#[path = "support/http.rs"]
mod support;

use std::time::Duration;

use support::{Bed, Origin, go_on, hook_of, wait_until, with_a_short_limit};
use ts_api::Cont;
use ts_api::http::{HookId, Limit, MessageError};

#[test]
fn the_clients_connection_ends_with_the_response_after_which_it_is_not_kept() {
    let origin = Origin::echo();
    let bed = Bed::new(origin.address);
    let last = Cont::shared(|event| {
        let txn = event.transaction().unwrap();
        if hook_of(event) == HookId::TxnClose {
            assert_eq!(txn.set_keep_client(true), Err(MessageError::TooLate));
        } else if txn.request().target().unwrap() == "/last" {
            assert_eq!(txn.keep_client(), Ok(true));
            txn.set_keep_client(false).unwrap();
            assert_eq!(txn.keep_client(), Ok(false));
        }
        go_on(event);
    });
    bed.hook(HookId::SendResponseHdr, &last);
    bed.hook(HookId::TxnClose, &last);
    let mut client = bed.client();
    assert_eq!(client.get("/first").field("connection"), None);
    assert_eq!(client.get("/last").field("connection"), Some("close"));
    assert!(client.is_closed());
    drop((client, last));
    bed.end();
}

#[test]
fn the_origins_connection_serves_no_other_request_if_it_is_not_kept() {
    let origin = Origin::echo();
    let bed = Bed::with_threads(origin.address, 1);
    let alone = bed.at(&[HookId::SendRequestHdr], |txn, _| {
        assert_eq!(txn.keep_origin(), Ok(true));
        if txn.request().target().unwrap() == "/alone" {
            txn.set_keep_origin(false).unwrap();
            assert_eq!(txn.keep_origin(), Ok(false));
        }
    });
    let mut client = bed.client();
    for target in ["/", "/", "/alone"] {
        assert_eq!(client.get(target).status(), 200);
    }
    wait_until("it closes", || origin.open_connections() == 0);
    let reused = || bed.server.counts().origin_reused;
    assert_eq!((client.get("/").status(), reused()), (200, 2));
    assert_eq!((client.get("/").status(), reused()), (200, 3));
    drop((client, alone));
    bed.end();
}

#[test]
fn how_long_connections_wait_for_the_next_request_may_be_said_for_each_transaction() {
    let origin = Origin::echo();
    let bed = Bed::with_threads(origin.address, 1);
    let soon = Duration::from_millis(20);
    let short = bed.at(&[HookId::SendRequestHdr], move |txn, _| match &*txn.request().target().unwrap() {
        "/client" => {
            assert_eq!(txn.limit(Limit::NextRequest), Ok(Some(Duration::from_secs(60))));
            txn.set_limit(Limit::NextRequest, soon).unwrap();
            assert_eq!(txn.limit(Limit::NextRequest), Ok(Some(soon)));
        }
        "/origin" => {
            assert_eq!(txn.limit(Limit::OriginIdle), Ok(Some(Duration::from_secs(60))));
            txn.set_limit(Limit::OriginIdle, soon).unwrap();
        }
        _ => {}
    });
    let mut client = bed.client();
    assert_eq!(client.get("/").status(), 200);
    assert_eq!(client.get("/origin").status(), 200);
    wait_until("the origin's closes", || origin.open_connections() == 0);
    assert_eq!(client.get("/client").status(), 200);
    assert!(client.is_closed());
    assert_eq!(origin.open_connections(), 1);
    drop((client, short));
    bed.end();
}

#[test]
fn a_response_may_take_no_longer_than_was_said_from_the_connection_on() {
    let endless = Origin::endless();
    let silent = Origin::new(|_, _| true);
    let outcome = |origin: &Origin, limit| {
        let bed = Bed::new(origin.address);
        let short = bed.at(&[HookId::OsDns], move |txn, _| {
            assert_eq!(txn.limit(Limit::Exchange), Ok(None));
            txn.set_limit(Limit::Exchange, limit).unwrap();
        });
        let mut client = bed.client();
        client.ask("/");
        // Once its head has been passed on it breaks off.
        let status = client.try_answer().ok().map(|answer| answer.status());
        drop((client, short));
        bed.end();
        status
    };
    assert_eq!(outcome(&silent, Duration::from_millis(50)), Some(504));
    with_a_short_limit(|limit| {
        let status = outcome(&endless, limit);
        assert!(matches!(status, None | Some(504)), "{status:?}");
        status.is_none()
    });
}

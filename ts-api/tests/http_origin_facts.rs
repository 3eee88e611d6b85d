//! What plugins may know of a transaction's origin, and whom debug output is wanted for.
#![cfg(all(feature = "http", feature = "runtime"))]

#[path = "support/http.rs"]
mod support;

use std::sync::mpsc::channel;
use std::time::Duration;

use support::{Bed, DEADLINE, Nobody, Origin, go_on, hook_of, respond};
use ts_api::Cont;
use ts_api::http::{HookId, Limit, OriginState, Version};

/// How the origin fares at SEND_RESPONSE_HDR and TXN_CLOSE, and the status.
#[track_caller]
fn states(bed: Bed) -> ([OriginState; 2], u16) {
    states_if_it_answers_within(bed, DEADLINE)
}

#[track_caller]
fn states_if_it_answers_within(bed: Bed, limit: Duration) -> ([OriginState; 2], u16) {
    let (tell, told) = channel();
    let look = Cont::shared(move |event| {
        let txn = event.transaction().unwrap();
        match hook_of(event) {
            HookId::TxnStart => {
                assert_eq!(txn.origin_state(), Ok(OriginState::Unknown));
                txn.set_limit(Limit::Response, limit).unwrap();
            }
            _ => tell.send(txn.origin_state().unwrap()).unwrap(),
        }
        go_on(event);
    });
    for hook in [HookId::TxnStart, HookId::SendResponseHdr, HookId::TxnClose] {
        bed.hook(hook, &look);
    }
    let status = support::get(bed.address(), "/").status();
    let states = [(); 2].map(|()| told.recv_timeout(DEADLINE).unwrap());
    drop(look);
    bed.end();
    (states, status)
}

#[test]
fn how_the_origin_fares_tells_its_responses_from_its_failures() {
    let origin = Origin::echo();
    let (fares, status) = states(Bed::new(origin.address));
    assert_eq!((fares, status), ([OriginState::Alive, OriginState::Complete], 200));

    let silent = Origin::new(|_, _| true);
    let (fares, status) = states_if_it_answers_within(Bed::new(silent.address), Duration::from_millis(50));
    assert_eq!((fares, status), ([OriginState::TooLate; 2], 504));

    let closes = Origin::new(|_, _| false);
    let (fares, status) = states(Bed::new(closes.address));
    assert_eq!((fares, status), ([OriginState::Closed; 2], 502));

    let babbles = Origin::new(|_, stream| respond(stream, "two hundred", ""));
    let (fares, status) = states(Bed::new(babbles.address));
    assert_eq!((fares, status), ([OriginState::Garbled; 2], 502));

    let nobody = Nobody::new();
    let (fares, status) = states(Bed::new(nobody.address));
    assert_eq!((fares, status), ([OriginState::Unreachable; 2], 502));
}

#[test]
fn the_origin_has_a_name_and_its_connection_a_past() {
    let origin = Origin::echo();
    let bed = Bed::new(origin.address);
    let (tell, told) = channel();
    let look = Cont::shared(move |event| {
        let txn = event.transaction().unwrap();
        let session = txn.session().unwrap();
        let version = session.version().unwrap();
        assert_eq!(version, Some(Version { major: 1, minor: 1 }));
        assert_eq!(txn.is_tunnel(), Ok(false));
        tell.send((hook_of(event), txn.origin_name().unwrap(), txn.origin_reuses().unwrap())).unwrap();
        go_on(event);
    });
    bed.hook(HookId::ReadRequestHdr, &look);
    bed.hook(HookId::ReadResponseHdr, &look);
    let mut client = bed.client();
    for reuses in 0..3 {
        assert_eq!(client.get("/").status(), 200);
        assert_eq!(told.recv_timeout(DEADLINE).unwrap(), (HookId::ReadRequestHdr, None, 0));
        let name = Some(origin.address.to_string());
        assert_eq!(told.recv_timeout(DEADLINE).unwrap(), (HookId::ReadResponseHdr, name, reuses));
    }
    drop((client, look));
    bed.end();
}

#[test]
fn debug_output_is_wanted_for_a_session_or_for_one_transaction_of_it() {
    let bed = Bed::new(Origin::echo().address);
    let (tell, told) = channel();
    let choose = Cont::shared(move |event| {
        if let Some(session) = event.session() {
            assert_eq!((session.debug(), session.version()), (Ok(false), Ok(None)));
            session.set_debug(true).unwrap();
            return go_on(event);
        }
        let txn = event.transaction().unwrap();
        let session = txn.session().unwrap();
        let as_its_session = txn.debug().unwrap();
        session.set_debug(true).unwrap();
        txn.set_debug(false).unwrap();
        assert_eq!((txn.debug(), session.debug()), (Ok(false), Ok(true)));
        txn.set_debug(None).unwrap();
        assert_eq!(txn.debug(), Ok(true));
        session.set_debug(false).unwrap();
        assert_eq!(txn.debug(), Ok(false));
        txn.set_debug(true).unwrap();
        assert_eq!((txn.debug(), session.debug()), (Ok(true), Ok(false)));
        tell.send(as_its_session).unwrap();
        go_on(event);
    });
    bed.hook(HookId::SsnStart, &choose);
    bed.hook(HookId::ReadRequestHdr, &choose);
    let mut client = bed.client();
    client.get("/");
    client.get("/");
    assert_eq!([told.recv_timeout(DEADLINE), told.recv_timeout(DEADLINE)], [Ok(true), Ok(false)]);
    drop((client, choose));
    bed.end();
}

//! What else plugins may switch of a transaction, and the sockets at its ends.
#![cfg(all(feature = "http", feature = "runtime"))]

#[path = "support/http.rs"]
mod support;

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use support::{Bed, DEADLINE, Diary, OF_A_REQUEST, Origin, hook_of};
use ts_api::http::{HookId, LogPolicy, MessageError, Record, Sink};

/// Keeps the targets of what is logged.
struct Kept(Mutex<std::sync::mpsc::Sender<String>>);

impl Sink for Kept {
    fn record(&self, record: &Record) {
        self.0.lock().unwrap().send(record.target.to_string()).unwrap();
    }
}

#[test]
fn access_logs_are_not_told_of_a_transaction_that_is_not_to_be_logged() {
    let bed = Bed::new(Origin::echo().address);
    let (keep, kept) = channel();
    let mut settings = bed.server.settings();
    settings.log = LogPolicy::to(Arc::new(Kept(Mutex::new(keep))));
    bed.server.reload(settings);
    let quiet = bed.at(&[HookId::ReadRequestHdr], |txn, _| {
        assert_eq!(txn.logged(), Ok(true));
        let target = txn.request().target().unwrap();
        txn.set_logged(target != "/quiet").unwrap();
        assert_eq!(txn.logged(), Ok(target != "/quiet"));
    });
    let mut client = bed.client();
    for target in ["/", "/quiet", "/told"] {
        assert_eq!(client.get(target).status(), 200);
    }
    assert_eq!(
        [kept.recv_timeout(DEADLINE), kept.recv_timeout(DEADLINE)],
        [Ok("/".into()), Ok("/told".into())]
    );
    drop((client, quiet));
    bed.end();
    assert!(kept.try_recv().is_err());
}

#[test]
fn a_request_goes_where_its_client_says_if_a_plugin_wants_no_rule_asked() {
    let (ruled, named) = (Origin::echo(), Origin::echo());
    for inner in [true, false] {
        let bed = Bed::new(ruled.address);
        let mut settings = bed.server.settings();
        settings.targets.inner_addresses = inner;
        bed.server.reload(settings);
        let diary = Diary::new();
        let pen = diary.pen();
        let skip = bed.at(&OF_A_REQUEST, move |txn, event| {
            pen(hook_of(event).to_string());
            let target =
                if hook_of(event) == HookId::TxnStart { "" } else { &*txn.request().target().unwrap() };
            match (target, hook_of(event)) {
                ("/at_once", HookId::ReadRequestHdr) | ("/then", HookId::PreRemap) => {
                    assert_eq!(txn.skips_remap(), Ok(false));
                    txn.skip_remap(true).unwrap();
                    assert_eq!(txn.skips_remap(), Ok(true));
                }
                (_, HookId::OsDns) => assert_eq!(txn.skip_remap(true), Err(MessageError::TooLate)),
                _ => {}
            }
        });
        let mut client = bed.client();
        // At once neither PRE_REMAP nor POST_REMAP comes, then only the latter does not.
        for (target, left_out) in [("/at_once", &[2, 3][..]), ("/then", &[3]), ("/ruled", &[])] {
            client.send(format!("GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", named.address));
            let answer = client.answer();
            let mut hooks: Vec<_> = OF_A_REQUEST.iter().map(ToString::to_string).collect();
            if left_out.is_empty() || inner {
                assert_eq!(answer.status(), 200);
            } else {
                // What clients may not be taken to is refused all the same.
                assert_eq!(answer.status(), 403);
                hooks.drain(5..7);
            }
            left_out.iter().rev().for_each(|place| drop(hooks.remove(*place)));
            assert_eq!(diary.until(&HookId::TxnClose.to_string()), hooks, "{target}");
        }
        drop((client, skip));
        bed.end();
    }
    assert_eq!((ruled.requests().len(), named.requests().len()), (2, 2));
}

#[test]
fn sockets_are_told_while_they_are_open() {
    let origin = Origin::echo();
    let bed = Bed::with_threads(origin.address, 1);
    let (tell, told) = channel();
    let look = bed.at(&OF_A_REQUEST, move |txn, event| {
        let peer = |socket: Option<i32>| {
            let socket = socket?;
            // SAFETY: it is open as long as this handler runs.
            let socket = unsafe { std::os::fd::BorrowedFd::borrow_raw(socket) };
            let peer = rustix::net::getpeername(socket).unwrap().unwrap();
            std::net::SocketAddr::try_from(peer).ok()
        };
        let client = txn.client_socket().unwrap();
        assert_eq!(peer(client), txn.client_addr().ok());
        assert_eq!(txn.session().unwrap().client_socket(), Ok(client));
        tell.send((hook_of(event), peer(txn.origin_socket().unwrap()))).unwrap();
    });
    let mut client = bed.client();
    assert_eq!(client.get("/").status(), 200);
    for hook in OF_A_REQUEST {
        let (at, peer) = told.recv_timeout(DEADLINE).unwrap();
        let there = OF_A_REQUEST.iter().position(|hook| *hook == at).unwrap() >= 5;
        assert_eq!((at, peer), (hook, there.then_some(origin.address)));
    }
    drop((client, look));
    bed.end();
}

#[test]
fn a_socket_that_was_closed_has_no_number_any_more() {
    let origin = Origin::new(|_, stream| {
        let _ = support::respond(stream, "200 OK\r\nConnection: close", "");
        false
    });
    let bed = Bed::with_threads(origin.address, 1);
    let (tell, told) = channel();
    let look = bed.at(&[HookId::SendRequestHdr, HookId::TxnClose], move |txn, _| {
        tell.send(txn.origin_socket().unwrap().is_some()).unwrap();
    });
    assert_eq!(support::get(bed.address(), "/").status(), 200);
    assert_eq!([told.recv_timeout(DEADLINE), told.recv_timeout(DEADLINE)], [Ok(true), Ok(false)]);
    drop(look);
    bed.end();
}

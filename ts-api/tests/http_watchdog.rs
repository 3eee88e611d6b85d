//! A continuation that does not re-enable is named, and after a while things go on without it.
#![cfg(all(feature = "http", feature = "runtime"))]

#[path = "support/log.rs"]
mod log;
#[path = "support/http.rs"]
mod support;

use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::Duration;

use log::Log;
use support::{Bed, DEADLINE, Diary, OF_A_REQUEST, Origin, holding, holding_sessions, hook_of, wait_until};
use ts_api::Cont;
use ts_api::http::{HookId, HookPolicy, Reenable, ReenableError};

/// What all tests of this process have said.
static LOG: LazyLock<Log> = LazyLock::new(|| {
    let log = Log::default();
    tracing::subscriber::set_global_default(log.clone()).unwrap();
    log
});

fn bed(origin: SocketAddr, report: Duration, end: Option<Duration>) -> Bed {
    LazyLock::force(&LOG);
    let mut policy = HookPolicy::default();
    (policy.report_after, policy.end_after) = (report, end);
    Bed::with(origin, |builder| builder.hook_policy(policy))
}

const SOON: Duration = Duration::from_millis(1);

#[test]
fn a_transaction_goes_on_without_the_continuation_that_holds_it_wherever_that_is() {
    for at in OF_A_REQUEST {
        let bed = bed(Origin::echo().address, SOON, Some(2 * SOON));
        let diary = Diary::new();
        let (hold, held) = holding();
        let (after, close) = (diary.cont("after"), diary.cont("close"));
        bed.hook(at, &hold);
        bed.hook(at, &after);
        bed.hook(HookId::TxnClose, &close);
        let mut client = bed.client();
        let status = client.get("/").status();
        assert_eq!(status, if at == HookId::TxnClose { 200 } else { 500 }, "{at}");
        let (_, txn) = held.recv_timeout(DEADLINE).unwrap();
        if at == HookId::TxnClose {
            wait_until("the call-out is ended", || bed.server.counts().call_outs_ended == 1);
        } else {
            assert_eq!(diary.next(), "close TXN_CLOSE");
        }
        // The connection is as good as before.
        hold.destroy();
        assert_eq!(client.get("/").status(), 200);
        assert_eq!(txn.reenable(Reenable::Continue), Err(ReenableError::Ended), "{at}");
        assert_eq!(txn.reenable(Reenable::Error), Err(ReenableError::Ended), "as often as it is tried");
        let late = LOG.with("came after its call-out was ended");
        assert!(late.iter().any(|line| line.contains(&format!("hook={at} "))), "{late:?}");
        drop((client, hold, after, close));
        let counts = bed.end();
        assert_eq!((counts.call_outs_reported, counts.call_outs_ended), (1, 1), "{at}");
        assert_eq!(counts.transactions, 2);
        let after = diary.rest().into_iter().filter(|line| *line == format!("after {at}")).count();
        assert_eq!(after, 1, "those behind it are left out the first time");
    }
}

#[test]
fn a_session_goes_on_without_the_continuation_that_holds_it() {
    for at in [HookId::SsnStart, HookId::SsnClose] {
        let bed = bed(Origin::echo().address, SOON, Some(2 * SOON));
        let diary = Diary::new();
        let (hold, held) = holding_sessions();
        let close = diary.cont("close");
        bed.hook(HookId::SsnClose, &close);
        bed.hook(at, &hold);
        let mut client = bed.client();
        if at == HookId::SsnClose {
            assert_eq!(client.get("/").status(), 200);
            client.vanish();
        } else {
            assert!(client.is_closed());
        }
        let session = held.recv_timeout(DEADLINE).unwrap();
        wait_until("the session is over", || bed.server.open_connections() == 0);
        assert_eq!(session.reenable(Reenable::Continue), Err(ReenableError::Ended), "{at}");
        assert_eq!(diary.next(), "close SSN_CLOSE");
        drop((hold, close));
        assert_eq!(bed.end().call_outs_ended, 1);
    }
}

#[test]
fn the_log_names_hook_and_continuation_and_an_answer_after_that_still_counts() {
    let bed = bed(Origin::echo().address, SOON, None);
    let (sender, held) = std::sync::mpsc::channel();
    let hold = Cont::named("the slow one").shared(move |event| {
        sender.send((hook_of(event), event.transaction().unwrap())).unwrap();
    });
    bed.hook(HookId::PreRemap, &hold);
    let mut client = bed.client();
    client.ask("/");
    let (_, txn) = held.recv_timeout(DEADLINE).unwrap();
    wait_until("the report", || !LOG.with("the slow one (").is_empty());
    wait_until("it is counted", || bed.server.counts().call_outs_reported == 1);
    let lines = LOG.with("the slow one (");
    assert!(
        lines[0].contains("hook=PRE_REMAP") && lines[0].contains("has not re-enabled for 1ms"),
        "{lines:?}"
    );
    assert!(lines[0].contains("tests/http_watchdog.rs:"), "{lines:?}");
    txn.reenable(Reenable::Continue).unwrap();
    assert_eq!(client.answer().status(), 200);
    // It depends on how far the transaction has got whether there is still somebody to say so.
    let again = txn.reenable(Reenable::Continue);
    assert!(matches!(again, Err(ReenableError::AlreadyReenabled | ReenableError::Gone)), "{again:?}");
    drop((client, hold));
    let counts = bed.end();
    assert_eq!((counts.call_outs_reported, counts.call_outs_ended), (1, 0));
}

#[test]
fn a_mutex_that_is_not_given_back_holds_nobody_for_ever() {
    let bed = bed(Origin::echo().address, SOON, Some(2 * SOON));
    let mutex = ts_api::Mutex::new();
    let never = Cont::new(&mutex, |_| -> () { panic!("its mutex is held") });
    bed.hook(HookId::ReadRequestHdr, &never);
    let held = mutex.lock();
    let mut client = bed.client();
    assert_eq!(client.get("/").status(), 500);
    assert!(!LOG.with("has not been called").is_empty());
    never.destroy();
    drop(held);
    assert_eq!(client.get("/").status(), 200);
    drop((client, never));
    assert_eq!(bed.end().call_outs_ended, 1);
}

//! How the host divides the time that a shutdown has: a stage that hangs takes its own share and nothing of the others'.
//!
//! The stage that hangs has a short share here, and all others an hour, so a stage that takes more than its own is still at
//! it when the test gives up.

#![cfg(feature = "host")]

#[path = "../src/host/stages.rs"]
mod stages;
#[path = "support/http.rs"]
mod support;

use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use stages::Shares;
use support::{Bed, DEADLINE, Diary, Origin};
use ts_api::http::HookId;
use ts_api::{Cont, Pool};

const HOUR: Duration = Duration::from_secs(3600);
const SHORT: Duration = Duration::from_millis(50);

/// An origin that tells when it is asked, and never answers.
fn mute(asked: Sender<()>) -> Origin {
    Origin::new(move |_, _| {
        let _ = asked.send(());
        loop {
            std::thread::park();
        }
    })
}

/// Ends what is in the bed, which has to happen; whether all that runs ended, and what was printed.
#[track_caller]
fn end(bed: Bed, shares: Shares) -> (bool, String) {
    let (sender, ended) = channel();
    std::thread::spawn(move || {
        let mut out = Vec::new();
        let clean = stages::end(&bed.runtime, &bed.server, (), shares, &mut out);
        sender.send((clean, String::from_utf8(out).unwrap())).unwrap();
    });
    ended.recv_timeout(DEADLINE).expect("no stage takes more than its share")
}

#[test]
fn the_shares_fit_into_the_deadline_and_leave_the_threads_as_much_as_the_closing_hooks() {
    for millis in [0, 1, 3, 100, 999, 4000, 10_000, 3_600_000] {
        let deadline = Duration::from_millis(millis);
        let Shares { requests, closing_hooks, whole } = Shares::of(deadline);
        assert_eq!(whole, deadline);
        assert_eq!(whole - requests - closing_hooks, closing_hooks, "{deadline:?}");
        assert!(closing_hooks <= Duration::from_secs(1) && requests >= closing_hooks, "{deadline:?}");
        assert_eq!(closing_hooks.is_zero(), deadline.is_zero(), "{deadline:?}");
    }
}

#[test]
fn requests_that_hang_leave_their_closing_hooks_and_the_threads_their_time() {
    let (sender, asked) = channel();
    let bed = Bed::new(mute(sender).address);
    let diary = Diary::new();
    let closing = diary.cont("close");
    bed.hook(HookId::TxnClose, &closing);
    bed.hook(HookId::SsnClose, &closing);
    let mut client = bed.client();
    client.ask("/");
    asked.recv_timeout(DEADLINE).expect("the request is under way");

    let (clean, printed) = end(bed, Shares { requests: SHORT, closing_hooks: HOUR, whole: 2 * HOUR });
    assert_eq!([diary.next(), diary.next()], ["close TXN_CLOSE", "close SSN_CLOSE"], "{printed}");
    assert!(!clean && printed.contains("0 connections finished, 1 dropped, 0 left"), "{printed}");
    assert!(printed.contains("3 threads stopped") && !printed.contains("did not stop"), "{printed}");
    assert!(client.is_closed());
}

#[test]
fn closing_hooks_that_hang_leave_the_threads_their_time() {
    let (sender, held) = channel();
    let bed = Bed::new(Origin::echo().address);
    let forgetful =
        Cont::named("forgetful").shared(move |event| sender.send(event.transaction().unwrap()).unwrap());
    bed.hook(HookId::TxnClose, &forgetful);
    let mut client = bed.client();
    assert_eq!(client.get("/").status(), 200);
    held.recv_timeout(DEADLINE).expect("the hook was called and does not re-enable");

    let shares = Shares { requests: SHORT, closing_hooks: SHORT, whole: 2 * HOUR };
    let (clean, printed) = end(bed, shares);
    assert!(!clean && printed.contains("1 dropped, 1 left"), "{printed}");
    assert!(printed.contains("not re-enabled by forgetful"), "{printed}");
    assert!(printed.contains("3 threads stopped") && !printed.contains("did not stop"), "{printed}");
}

#[test]
fn threads_that_hang_are_named_when_the_whole_time_is_over() {
    let bed = Bed::new(Origin::echo().address);
    let (sender, inside) = channel();
    let (release, released) = channel::<()>();
    let hanging = Cont::named("hanging").exclusive(&ts_api::Mutex::new(), move |_| {
        sender.send(()).unwrap();
        // An error is a release as well.
        let _ = released.recv();
    });
    {
        let _guest = bed.runtime.guest();
        hanging.schedule_on_pool(Duration::ZERO, Pool::Task).unwrap();
    }
    inside.recv_timeout(DEADLINE).expect("the handler runs");

    // Nothing is left to do for the first two, so they take nothing of their hours.
    let (clean, printed) = end(bed, Shares { requests: HOUR, closing_hooks: HOUR, whole: SHORT });
    assert!(!clean && printed.contains("thread [ET_TASK 0] did not stop in time"), "{printed}");
    drop(release);
}

#[test]
fn a_continuation_that_is_left_is_told_and_no_failure() {
    let bed = Bed::new(Origin::echo().address);
    let left = {
        let _guest = bed.runtime.guest();
        Cont::named("left").shared(|_| {})
    };
    let (clean, printed) = end(bed, Shares { requests: HOUR, closing_hooks: HOUR, whole: HOUR });
    assert!(clean && printed.contains("still alive: 1 x left"), "{printed}");
    drop(left);
}

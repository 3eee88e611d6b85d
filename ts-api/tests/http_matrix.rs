//! Each thing that a plugin may do, at each hook, with each way in which an origin and a client may fail.
#![cfg(all(feature = "http", feature = "runtime"))]

#[path = "support/http.rs"]
mod support;

use std::io::{BufReader, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;
use support::{Bed, Client, DEADLINE, OF_A_REQUEST, Origin, go_on, hook_of, respond, wait_until};
use ts_api::http::{HookId, Reenable, Transaction};
use ts_api::{Cont, Event};

/// What the plugin does at the one hook that it has something against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plugin {
    GoesOn,
    Refuses,
    Panics,
    /// Its own continuation, in the handler, before it answers.
    DestroysItself,
    AnswersFromElsewhere,
    AddsAnother,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Behind {
    Answers,
    ClosesAtOnce,
    Resets,
    AnswersGarbage,
    ClosesInTheHead,
    ClosesInTheBody,
    HalfClosesAfterTheAnswer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    Waits,
    HalfCloses,
    Vanishes,
    VanishesInItsBody,
}

#[derive(Debug, Clone, Copy)]
struct Case {
    hook: HookId,
    plugin: Plugin,
    behind: Behind,
    before: Before,
}

const PLUGINS: [Plugin; 6] = [
    Plugin::GoesOn,
    Plugin::Refuses,
    Plugin::Panics,
    Plugin::DestroysItself,
    Plugin::AnswersFromElsewhere,
    Plugin::AddsAnother,
];

const BEHIND: [Behind; 7] = [
    Behind::Answers,
    Behind::ClosesAtOnce,
    Behind::Resets,
    Behind::AnswersGarbage,
    Behind::ClosesInTheHead,
    Behind::ClosesInTheBody,
    Behind::HalfClosesAfterTheAnswer,
];

const BEFORE: [Before; 4] = [Before::Waits, Before::HalfCloses, Before::Vanishes, Before::VanishesInItsBody];

impl Case {
    /// Whether the plugin's part ends the way to the response.
    fn stops(&self, hooks: &[HookId]) -> bool {
        matches!(self.plugin, Plugin::Refuses | Plugin::Panics) && hooks.contains(&self.hook)
    }

    /// What a client that waits is answered; none for a connection that is closed without a word.
    fn status(&self) -> Option<u16> {
        let before_the_origin = &OF_A_REQUEST[..6];
        let origin_answers = matches!(
            self.behind,
            Behind::Answers | Behind::ClosesInTheBody | Behind::HalfClosesAfterTheAnswer
        );
        if self.stops(&[HookId::SsnStart]) {
            None
        } else if self.stops(before_the_origin) || self.stops(&[HookId::SendResponseHdr]) {
            Some(500)
        } else if !origin_answers {
            Some(502)
        } else if self.stops(&[HookId::ReadResponseHdr]) {
            Some(500)
        } else {
            Some(200)
        }
    }

    fn breaks_off(&self) -> bool {
        self.status() == Some(200) && self.behind == Behind::ClosesInTheBody
    }
}

fn origin(case: Arc<Mutex<Option<Case>>>) -> Origin {
    Origin::of_heads(move |_, stream| {
        let case = case.lock().unwrap().expect("there is a case");
        match case.behind {
            Behind::Answers => respond(stream, "200 OK", "hello"),
            Behind::ClosesAtOnce => false,
            Behind::Resets => {
                // A close that does not linger, or one with a body that was not read, is a reset.
                set_socket_linger(stream.get_ref(), Some(Duration::ZERO)).unwrap();
                false
            }
            Behind::AnswersGarbage => say(stream, "\0\u{1}garbage\r\n\r\n"),
            Behind::ClosesInTheHead => say(stream, "HTTP/1.1 200 OK\r\nContent-Le"),
            Behind::ClosesInTheBody => say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe"),
            Behind::HalfClosesAfterTheAnswer => {
                respond(stream, "200 OK", "hello") && stream.get_ref().shutdown(Shutdown::Write).is_ok()
            }
        }
    })
}

/// Says something, and closes.
fn say(stream: &mut BufReader<TcpStream>, text: &str) -> bool {
    let _ = stream.get_mut().write_all(text.as_bytes());
    false
}

/// A transaction that was called out for, on its way to somebody who answers for it.
enum Left {
    Transaction(Transaction),
    Session(ts_api::http::Session),
}

fn answer_from_elsewhere(left: Receiver<Left>) {
    for left in left {
        // The subject may have ended meanwhile, when its client went away.
        _ = match left {
            Left::Transaction(txn) => txn.reenable(Reenable::Continue),
            Left::Session(session) => session.reenable(Reenable::Continue),
        };
    }
}

fn refuse(event: &Event<'_>) {
    match event.transaction() {
        Some(txn) => txn.reenable(Reenable::Error).unwrap(),
        None => event.session().unwrap().reenable(Reenable::Error).unwrap(),
    }
}

fn act(case: Case, event: &Event<'_>, left: &Sender<Left>) {
    match case.plugin {
        Plugin::GoesOn => go_on(event),
        Plugin::Refuses => refuse(event),
        // Not with `panic!`, which would fill the output with what is meant to happen.
        Plugin::Panics => std::panic::resume_unwind(Box::new("as it is meant to")),
        Plugin::DestroysItself => {
            event.cont().destroy();
            go_on(event);
        }
        Plugin::AnswersFromElsewhere => {
            let subject = match event.transaction() {
                Some(txn) => Left::Transaction(txn),
                None => Left::Session(event.session().unwrap()),
            };
            left.send(subject).unwrap();
        }
        Plugin::AddsAnother => {
            let more = Cont::shared(|event| go_on(event));
            match event.transaction() {
                Some(txn) => _ = txn.add_hook(hook_of(event), &more).unwrap(),
                None => _ = event.session().unwrap().add_hook(hook_of(event), &more).unwrap(),
            }
            go_on(event);
        }
    }
}

#[test]
fn whatever_fails_wherever_each_session_and_transaction_is_closed_once() {
    let now = Arc::new(Mutex::new(None::<Case>));
    let origin = origin(Arc::clone(&now));
    let bed = Bed::new(origin.address);
    let mut settings = bed.server.settings();
    settings.limits.half_close = true;
    bed.server.reload(settings);
    let (left, answers) = channel();
    let elsewhere = std::thread::spawn(move || answer_from_elsewhere(answers));
    let (sender, closed) = channel();

    // Of each session: which hooks were reached. The watchers are the last of each list, so that they see only what the
    // plugin let through; at the ends of life they are first, and see it all.
    let watcher = Cont::shared(move |event: &mut Event<'_>| {
        sender.send(hook_of(event)).unwrap();
        go_on(event);
    });
    let hooks = || OF_A_REQUEST.into_iter().chain([HookId::SsnStart, HookId::SsnClose]);
    for hook in [HookId::TxnClose, HookId::SsnClose, HookId::TxnStart] {
        bed.hook(hook, &watcher);
    }

    let mut cases = 0;
    let mut transactions = 0;
    for hook in hooks() {
        for plugin in PLUGINS {
            // Added anew each time, since it may be gone after each time; so the lists grow, as they never do elsewhere.
            for (behind, before) in
                BEHIND.into_iter().flat_map(|behind| BEFORE.map(|before| (behind, before)))
            {
                let case = Case { hook, plugin, behind, before };
                *now.lock().unwrap() = Some(case);
                let actor = {
                    let left = left.clone();
                    Cont::shared(move |event: &mut Event<'_>| act(case, event, &left))
                };
                bed.hook(hook, &actor);
                let began = run(&bed, case, &closed);
                transactions += u64::from(began);
                actor.destroy();
                cases += 1;
            }
        }
    }
    assert_eq!(cases, 11 * 6 * 7 * 4);
    drop(left);
    elsewhere.join().unwrap();
    let counts = bed.end();
    assert_eq!(counts.connections, cases);
    assert_eq!((counts.requests, counts.transactions), (transactions, transactions));
}

/// One connection with one request; whether there was a transaction.
fn run(bed: &Bed, case: Case, closed: &Receiver<HookId>) -> bool {
    let mut client = bed.client();
    let head = "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: ";
    if case.before == Before::VanishesInItsBody {
        client.send_in_vain(format!("{head}10\r\n\r\n12345"));
    } else {
        client.send_in_vain(format!("{head}2\r\n\r\n12"));
    }
    match case.before {
        Before::Waits | Before::HalfCloses => {
            if case.before == Before::HalfCloses {
                // The server may have closed already.
                let _ = client.stream.get_ref().shutdown(Shutdown::Write);
            }
            check(case, &mut client);
            client.vanish();
        }
        Before::Vanishes | Before::VanishesInItsBody => client.vanish(),
    }
    let mut seen = Vec::new();
    while seen.last() != Some(&HookId::SsnClose) {
        let hook = closed.recv_timeout(DEADLINE);
        seen.push(hook.unwrap_or_else(|_| panic!("{case:?}: the session is not closed; {seen:?}")));
    }
    wait_until("the connection is counted out", || bed.server.open_connections() == 0);
    assert_eq!(closed.try_recv().ok(), None, "{case:?}");
    let began = seen.contains(&HookId::TxnStart);
    let expected: &[HookId] =
        if began { &[HookId::TxnStart, HookId::TxnClose, HookId::SsnClose] } else { &[HookId::SsnClose] };
    assert_eq!(seen, expected, "{case:?}");
    began
}

fn check(case: Case, client: &mut Client) {
    match (case.status(), client.try_answer()) {
        (Some(status), Ok(answer)) => {
            assert_eq!(answer.status(), status, "{case:?}");
            assert!(!case.breaks_off(), "{case:?}: half a body is not a whole one");
            assert_eq!(status == 200, answer.text() == "hello", "{case:?}");
        }
        (None, Ok(answer)) => panic!("{case:?}: {answer:?}"),
        (None, Err(_)) => {}
        (Some(status), Err(error)) => {
            assert!(case.breaks_off() && status == 200, "{case:?}: no answer: {error}");
        }
    }
}

//! The example plugins do what they say, alone and together, with few requests and with many.
#![cfg(all(feature = "http", feature = "runtime"))]

#[path = "support/http.rs"]
mod support;

#[path = "../examples/data_per_transaction.rs"]
#[allow(dead_code, unreachable_pub, reason = "the example's own program is not used")]
mod data_per_transaction;
#[path = "../src/host/deny_list.rs"]
#[allow(dead_code, unreachable_pub, reason = "as the example includes it")]
mod deny_list;
#[path = "../examples/periodic.rs"]
#[allow(dead_code, unreachable_pub, reason = "the example's own program is not used")]
mod periodic;

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use data_per_transaction::{DataPerTransaction, Record};
use deny_list::{DenyList, StartError};
use support::{Bed, Client, DEADLINE, Origin, shut_down, wait_until};

/// A file that goes with the test.
struct List(PathBuf);

impl List {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ts-api-{}-{name}.txt", std::process::id()));
        let list = Self(path);
        list.write(text);
        list
    }

    fn write(&self, text: &str) {
        // Put in place at once, so that no half of it is read.
        let fresh = self.0.with_extension("new");
        fs::write(&fresh, text).unwrap();
        fs::rename(&fresh, &self.0).unwrap();
    }
}

impl Drop for List {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn status(client: &mut Client, host: &str) -> u16 {
    client.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    client.answer().status()
}

#[test]
fn hosts_on_the_list_are_refused_with_a_body_and_others_are_not() {
    let origin = Origin::echo();
    let bed = Bed::new(origin.address);
    let file = List::new("hosts", "# some\n\nbad.example  # and below\n.Worse.Example.\n");
    let plugin = {
        let _guest = bed.runtime.guest();
        DenyList::start(&file.0, DEADLINE).unwrap()
    };
    let mut client = bed.client();
    for (host, expected) in [
        ("good.example", 200),
        ("bad.example", 403),
        ("BAD.example:8080", 403),
        ("a.b.bad.example", 403),
        ("bad.example.", 403),
        ("worse.example", 403),
        ("notbad.example", 200),
        ("example", 200),
    ] {
        assert_eq!(status(&mut client, host), expected, "{host}");
    }
    client.send("GET http://bad.example/ HTTP/1.1\r\nHost: good.example\r\n\r\n");
    let answer = client.answer();
    assert_eq!((answer.status(), answer.text().as_str()), (403, "Access to this site is denied.\n"));
    assert_eq!(plugin.refused(), 6);
    assert_eq!(origin.requests().len(), 3);
    drop(plugin);
    assert_eq!(status(&mut client, "bad.example"), 200);
    drop(client);
    bed.end();
}

#[test]
fn a_host_that_cannot_be_understood_is_refused_too() {
    let origin = Origin::echo();
    let bed = Bed::new(origin.address);
    let file = List::new("unclear", "bad.example\n");
    let plugin = {
        let _guest = bed.runtime.guest();
        DenyList::start(&file.0, DEADLINE).unwrap()
    };
    let mut client = bed.client();
    for host in ["bad%2eexample", ""] {
        assert_eq!(status(&mut client, host), 400, "{host:?}");
    }
    assert_eq!((plugin.refused(), origin.requests().len()), (2, 0));
    // What is no host at all does not come as far as a plugin.
    for host in ["bad.example/", "bad.example bad.example", "b\u{e4}d.example"] {
        assert_eq!(status(&mut bed.client(), host), 400, "{host:?}");
    }
    assert_eq!((plugin.refused(), origin.requests().len()), (2, 0));
    // An old client may name none; there is nothing to refuse it for.
    let mut old = bed.client();
    old.send("GET / HTTP/1.0\r\n\r\n");
    assert_eq!(old.answer().status(), 200);
    drop((client, old, plugin));
    bed.end();
}

#[test]
fn the_list_is_read_again_and_one_that_cannot_be_read_leaves_the_last_in_use() {
    let bed = Bed::new(Origin::echo().address);
    let file = List::new("again", "one.example\n");
    let plugin = {
        let _guest = bed.runtime.guest();
        DenyList::start(&file.0, Duration::from_millis(1)).unwrap()
    };
    let mut client = bed.client();
    assert_eq!([status(&mut client, "one.example"), status(&mut client, "two.example")], [403, 200]);
    file.write("two.example\n");
    wait_until("the new list is in place", || plugin.lists() == 2);
    assert_eq!([status(&mut client, "one.example"), status(&mut client, "two.example")], [200, 403]);
    fs::remove_file(&file.0).unwrap();
    assert_eq!([status(&mut client, "one.example"), status(&mut client, "two.example")], [200, 403]);
    file.write("one.example\n");
    wait_until("the third list is in place", || plugin.lists() == 3);
    assert_eq!([status(&mut client, "one.example"), status(&mut client, "two.example")], [403, 200]);
    drop((client, plugin));
    bed.end();
}

#[test]
fn a_list_that_cannot_be_read_at_the_start_is_an_error_that_names_it() {
    let bed = Bed::new(Origin::echo().address);
    let _guest = bed.runtime.guest();
    let error = DenyList::start("/nowhere/list.txt", DEADLINE).unwrap_err();
    assert!(matches!(error, StartError::Unreadable { .. }));
    assert!(error.to_string().contains("/nowhere/list.txt"), "{error}");
    drop(_guest);
    bed.end();
}

#[test]
fn data_per_transaction_is_freed_at_its_end_and_what_is_forgotten_is_reported() {
    let bed = Bed::new(Origin::echo().address);
    let (sender, records) = channel();
    let plugin = {
        let _guest = bed.runtime.guest();
        DataPerTransaction::start(sender).unwrap()
    };
    let mut client = bed.client();
    for target in ["/a", "/b", "/forget", "/forget"] {
        client.get(target);
        let record = records.recv_timeout(DEADLINE).unwrap();
        assert_eq!(record, Record { target: target.into(), status: 200 });
    }
    drop(client);
    assert!(bed.server.drain(DEADLINE).is_clean());
    assert_eq!(plugin.alive(), 2);
    let _forgotten = plugin.stop();
    let report = shut_down(&bed.runtime);
    assert!(!report.is_clean());
    let text = report.to_string();
    assert!(text.contains("still alive: 2 x data per transaction"), "{text}");
}

#[test]
fn ten_thousand_requests_over_thirty_two_connections_add_up() {
    const CONNECTIONS: usize = 32;
    const REQUESTS: usize = 10_000;
    let origin = Origin::new(|_, stream| support::respond(stream, "200 OK", "hello"));
    let bed = Bed::new(origin.address);
    let file = List::new("load", "bad.example\n");
    let ((sender, records), (ticks, ticked)) = (channel(), channel());
    let (deny, data, clock) = {
        let _guest = bed.runtime.guest();
        let deny = DenyList::start(&file.0, Duration::from_millis(1)).unwrap();
        (deny, DataPerTransaction::start(sender).unwrap(), periodic::start(ticks).unwrap())
    };
    let next = std::sync::atomic::AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    let address = bed.address();
    std::thread::scope(|scope| {
        // The list changes all the time, but what is asked for stays on it, or off it.
        let writer = scope.spawn(|| {
            let mut n = 0;
            while !stop.load(Ordering::Relaxed) {
                n += 1;
                file.write(&format!("bad.example\nother{n}.example\n"));
                std::thread::yield_now();
            }
        });
        let clients: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = Client::connect(address);
                    loop {
                        let n = next.fetch_add(1, Ordering::Relaxed);
                        if n >= REQUESTS {
                            return;
                        }
                        let bad = n.is_multiple_of(4);
                        let host = if bad { "bad.example" } else { "good.example" };
                        client.send(format!("GET /{n} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
                        assert_eq!(client.answer().status(), if bad { 403 } else { 200 });
                    }
                })
            })
            .collect();
        clients.into_iter().for_each(|client| client.join().unwrap());
        stop.store(true, Ordering::Relaxed);
        writer.join().unwrap();
    });
    assert!(ticked.recv_timeout(DEADLINE).is_ok());
    clock.cancel();
    let drained = bed.server.drain(DEADLINE);
    assert!(drained.is_clean(), "{drained}");

    let (ok, refused) = (REQUESTS * 3 / 4, REQUESTS / 4);
    assert_eq!((data.alive(), deny.refused()), (0, refused as u64));
    drop((data.stop(), deny));
    let by_status = records.iter().fold(HashMap::new(), |mut sums, record| {
        *sums.entry(record.status).or_insert(0) += 1;
        sums
    });
    assert_eq!(by_status, HashMap::from([(200, ok), (403, refused)]));
    assert_eq!(origin.requests().len(), ok);
    let counts = bed.server.counts();
    assert_eq!((counts.connections, counts.requests), (CONNECTIONS as u64, REQUESTS as u64));
    assert_eq!((counts.responses_2xx, counts.responses_4xx), (ok as u64, refused as u64));
    assert_eq!((counts.transactions, counts.client_aborts, counts.origin_failures), (REQUESTS as u64, 0, 0));
    // TXN_START once, the list once, the data's three; the data's first is left out by a refusal.
    assert_eq!(counts.call_outs, (5 * ok + 4 * refused) as u64);
    let report = shut_down(&bed.runtime);
    assert!(report.is_clean(), "{report}");
}

#[test]
fn shutting_down_under_load_loses_no_close_and_no_memory() {
    let origin = Origin::new(|_, stream| support::respond(stream, "200 OK", "hello"));
    let bed = Bed::new(origin.address);
    let (sender, records) = channel();
    let data = {
        let _guest = bed.runtime.guest();
        DataPerTransaction::start(sender).unwrap()
    };
    let address = bed.address();
    let running = Arc::new(std::sync::Barrier::new(9));
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let running = Arc::clone(&running);
            std::thread::spawn(move || {
                let mut client = Client::connect(address);
                let mut answers = 0;
                for n in 0.. {
                    if n == 20 {
                        running.wait();
                    }
                    let request = "GET /x HTTP/1.1\r\nHost: a.example\r\n\r\n";
                    use std::io::Write;
                    if client.stream.get_mut().write_all(request.as_bytes()).is_err() {
                        break;
                    }
                    match client.try_answer() {
                        Ok(answer) => assert_eq!(answer.status(), 200),
                        Err(_) => break,
                    }
                    answers += 1;
                }
                answers
            })
        })
        .collect();
    running.wait();
    let report = bed.server.drain(DEADLINE);
    assert!(report.is_clean(), "{report}");
    let answered: u64 = clients.into_iter().map(|client| client.join().unwrap()).sum();
    let counts = bed.server.counts();
    assert_eq!(counts.transactions, counts.requests);
    assert_eq!(data.alive(), 0);
    assert_eq!(counts.responses_2xx, answered, "who was answered was counted, and the other way round");
    drop(data.stop());
    assert_eq!(records.iter().count() as u64, counts.requests);
    assert!(shut_down(&bed.runtime).is_clean());
}

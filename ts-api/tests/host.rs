//! The program `ts-host`, as somebody who starts it sees it.

#![cfg(feature = "host")]

#[path = "support/host.rs"]
mod support;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use rustix::process::Signal;
use support::{Host, LIMIT, get, refused, run};

#[test]
fn without_more_than_a_port_it_serves_an_origin_of_its_own_and_denies_the_examples() {
    let host = Host::start(&[]);
    let (status, body) = get(host.address(), "www.example");
    assert_eq!((status, &*body), (200, "The embedded origin was asked to GET /a.\n"));
    for denied in ["denied.example", "DENIED.example:80", "ads.example."] {
        let (status, body) = get(host.address(), denied);
        assert_eq!((status, &*body), (403, "Access to this site is denied.\n"), "{denied}");
    }
    host.signal(Signal::TERM);
    let (printed, status) = host.end();
    assert!(status.success(), "{printed:?}");
    assert!(printed.iter().any(|line| line.contains("1 x 2xx, 0 x 3xx, 3 x 4xx, 0 x 5xx")), "{printed:?}");
    assert!(printed.iter().any(|line| line.starts_with("drained in")), "{printed:?}");
    assert!(printed.iter().any(|line| line.starts_with("shut down in")), "{printed:?}");
}

#[test]
fn the_curls_that_it_prints_are_answered_as_it_says() {
    let host = Host::start(&[]);
    let curls: Vec<_> = host.greeting.iter().filter(|line| line.trim_start().starts_with("curl")).collect();
    assert_eq!(curls.len(), 2);
    for line in curls {
        let name = line.split("Host: ").nth(1).map_or("www.example", |rest| rest.split('\'').next().unwrap());
        let (status, _) = get(host.address(), name);
        assert!(line.contains(&format!("answered {status}")), "{line}, not {status}");
    }
}

#[test]
fn its_threads_have_the_names_it_prints_and_the_main_thread_keeps_its_own() {
    let host = Host::start(&["--threads", "2", "--task-threads", "1"]);
    let names: Vec<_> = host.threads().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["[ET_NET 0]", "[ET_NET 1]", "[ET_TASK 0]", "ts-host"]);
    assert!(host.greeting.iter().any(|line| line.contains("[ET_NET 0..1]")));
}

#[test]
fn an_idle_host_does_not_wake_up() {
    let host = Host::start(&["--threads", "2"]);
    assert_eq!(get(host.address(), "www.example").0, 200);
    // The threads go to sleep a moment after the answer; from some second on nothing happens any more. A thread that woke
    // would count one more sleep.
    let quiet_second = || {
        let before = host.threads();
        let silence = host.lines.recv_timeout(Duration::from_secs(1));
        assert_eq!(silence, Err(RecvTimeoutError::Timeout), "it has nothing to say");
        before == host.threads()
    };
    assert!((0..5).any(|_| quiet_second()), "some thread of an idle host woke in each of five seconds");
}

#[test]
fn a_list_of_ones_own_is_used_and_read_again_when_it_is_asked_to() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("deny.txt");
    fs::write(&file, "# mine\nOne.example  # a comment\n\n").unwrap();
    let host = Host::start(&["--deny-list", file.to_str().unwrap()]);
    assert_eq!(get(host.address(), "one.example").0, 403);
    assert_eq!(get(host.address(), "two.example").0, 200);

    fs::write(&file, "two.example\n").unwrap();
    host.signal(Signal::HUP);
    let began = std::time::Instant::now();
    while get(host.address(), "two.example").0 != 403 {
        assert!(began.elapsed() < LIMIT, "the list was not read again");
    }
    assert_eq!(get(host.address(), "one.example").0, 200, "it is not on the list any more");

    fs::remove_file(&file).unwrap();
    host.signal(Signal::HUP);
    host.logged("the deny list stays as it is");
    assert_eq!(get(host.address(), "two.example").0, 403, "a list that cannot be read changes nothing");
    host.signal(Signal::INT);
    assert!(host.end().1.success());
}

#[test]
fn an_origin_of_ones_own_is_asked() {
    let origin = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = origin.local_addr().unwrap().to_string();
    let host = Host::start(&["--origin", &address]);
    let answers = std::thread::spawn(move || {
        let (mut stream, _) = origin.accept().unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\nmine").unwrap();
    });
    assert_eq!(get(host.address(), "www.example"), (200, "mine".to_owned()));
    answers.join().unwrap();
}

#[test]
fn an_origin_that_is_not_there_is_answered_502() {
    // Where nobody listens who has not been given the port by name.
    let host = Host::start(&["--origin", "127.0.0.1:1"]);
    assert_eq!(get(host.address(), "www.example").0, 502);
}

#[test]
fn a_port_in_use_is_one_line_and_nothing_starts() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let line = refused(&["--port", &port]);
    assert!(line.contains(&port) && line.contains("--port"), "{line}");
}

#[test]
fn a_list_that_cannot_be_read_is_one_line_and_nothing_starts() {
    let line = refused(&["--port", "0", "--deny-list", "no/such/file"]);
    assert!(line.contains("no/such/file") && line.contains("--deny-list"), "{line}");
}

#[test]
fn a_flag_that_does_not_exist_is_one_line_that_names_the_nearest() {
    let line = refused(&["--prot", "0"]);
    assert!(line.contains("--prot") && line.contains("--port"), "{line}");
    assert_eq!(run(&["--prot"]).status.code(), Some(2));
}

#[test]
fn help_and_version_are_printed_and_nothing_starts() {
    let help = run(&["--help"]);
    assert!(help.status.success() && String::from_utf8_lossy(&help.stdout).contains("--deny-list"));
    let version = run(&["--version"]);
    assert_eq!(
        String::from_utf8_lossy(&version.stdout).trim(),
        concat!("ts-host ", env!("CARGO_PKG_VERSION"))
    );
}

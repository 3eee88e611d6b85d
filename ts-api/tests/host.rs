//! The program `ts-host`, as somebody who starts it sees it.

#![cfg(feature = "host")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// Longer than anything here takes; whoever waits that long has failed.
const LIMIT: Duration = Duration::from_secs(30);

/// A host that runs, and what it prints.
struct Host {
    child: Child,
    lines: Receiver<String>,
    log: Receiver<String>,
    greeting: Vec<String>,
}

impl Host {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ts-host"))
            .args(["--port", "0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let lines = read_lines(child.stdout.take().expect("it is piped"));
        let log = read_lines(child.stderr.take().expect("it is piped"));
        let mut greeting = Vec::new();
        while greeting.last().is_none_or(|line: &String| !line.starts_with("stop with")) {
            greeting.push(lines.recv_timeout(LIMIT).expect("a greeting"));
        }
        Self { child, lines, log, greeting }
    }

    fn address(&self) -> SocketAddr {
        let line = &self.greeting[0];
        let (_, rest) = line.split_once("http://").expect("an address");
        rest.split_whitespace().next().and_then(|address| address.parse().ok()).expect("an address")
    }

    /// Waits until it has logged a line with `text` in it.
    fn logged(&self, text: &str) {
        while !self.log.recv_timeout(LIMIT).expect("one more line in the log").contains(text) {}
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process");
        kill_process(pid, signal).expect("it runs");
    }

    /// What it prints until it ends, and how it ends.
    fn end(mut self) -> (Vec<String>, ExitStatus) {
        let mut rest = Vec::new();
        loop {
            match self.lines.recv_timeout(LIMIT) {
                Ok(line) => rest.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end; it printed {rest:?}"),
            }
        }
        let status = self.child.wait().expect("it ended");
        (rest, status)
    }

    /// The names of its threads, and how often each has gone to sleep.
    fn threads(&self) -> Vec<(String, u64)> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("it runs");
        let mut threads: Vec<_> = tasks
            .map(|task| {
                let status =
                    fs::read_to_string(task.unwrap().path().join("status")).expect("the thread lives");
                let field = |name: &str| {
                    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a field");
                    line.trim().to_owned()
                };
                (field("Name:"), field("voluntary_ctxt_switches:").parse().unwrap())
            })
            .collect();
        threads.sort();
        threads
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // A test that failed leaves nothing behind. One that ended has been waited for already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_lines(out: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            // Read on even if nobody listens, so that the program never waits.
            let _ = sender.send(line);
        }
    });
    lines
}

/// The status and body of an answer.
fn get(proxy: SocketAddr, host: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(proxy).expect("it listens");
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    write!(stream, "GET /a HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a head");
    (status, body.to_owned())
}

/// Runs the program to its end, which comes at once.
fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ts-host")).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn refused(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(!output.status.success(), "{arguments:?} ran");
    assert!(output.stdout.is_empty(), "{arguments:?} was greeted");
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text.lines().count(), 1, "{text:?} is more than a line");
    assert!(text.starts_with("ts-host: "), "{text:?}");
    text
}

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
    let gone = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let host = Host::start(&["--origin", &gone.to_string()]);
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

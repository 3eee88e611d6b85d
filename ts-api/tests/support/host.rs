//! The program `ts-host` as a process: started, asked, told by signals, ended.
#![allow(dead_code, unreachable_pub, reason = "each test file is a crate of its own and uses a part of it")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// Longer than anything here takes; whoever waits that long has failed.
pub const LIMIT: Duration = Duration::from_secs(30);

/// A host that runs, and what it prints.
pub struct Host {
    pub child: Child,
    pub lines: Receiver<String>,
    pub log: Receiver<String>,
    pub greeting: Vec<String>,
}

impl Host {
    /// Starts it at a port that the system chooses.
    pub fn start(arguments: &[&str]) -> Self {
        Self::command(Command::new(env!("CARGO_BIN_EXE_ts-host")).args(["--port", "0"]).args(arguments))
    }

    pub fn command(command: &mut Command) -> Self {
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let lines = read_lines(child.stdout.take().expect("it is piped"));
        let log = read_lines(child.stderr.take().expect("it is piped"));
        let mut greeting = Vec::new();
        while greeting.last().is_none_or(|line: &String| !line.starts_with("stop with")) {
            let line = lines.recv_timeout(LIMIT);
            greeting.push(line.unwrap_or_else(|error| {
                panic!(
                    "no greeting: {error}; it said {greeting:?} and logged {:?}",
                    log.try_iter().collect::<Vec<_>>()
                )
            }));
        }
        Self { child, lines, log, greeting }
    }

    pub fn address(&self) -> SocketAddr {
        let line = &self.greeting[0];
        let (_, rest) = line.split_once("http://").expect("an address");
        rest.split_whitespace().next().and_then(|address| address.parse().ok()).expect("an address")
    }

    /// Waits until it has logged a line with `text` in it.
    pub fn logged(&self, text: &str) {
        while !self.log.recv_timeout(LIMIT).expect("one more line in the log").contains(text) {}
    }

    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process");
        kill_process(pid, signal).expect("it runs");
    }

    /// What it prints until it ends, and how it ends.
    pub fn end(mut self) -> (Vec<String>, ExitStatus) {
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
    pub fn threads(&self) -> Vec<(String, u64)> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("it runs");
        let mut threads: Vec<_> = tasks
            .filter_map(|task| {
                // One that has ended since is none of them.
                let status = fs::read_to_string(task.ok()?.path().join("status")).ok()?;
                let field = |name: &str| {
                    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a field");
                    line.trim().to_owned()
                };
                Some((field("Name:"), field("voluntary_ctxt_switches:").parse().unwrap()))
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

pub fn read_lines(out: impl Read + Send + 'static) -> Receiver<String> {
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
pub fn get(proxy: SocketAddr, host: &str) -> (u16, String) {
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
pub fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ts-host")).args(arguments).stdin(Stdio::null()).output().unwrap()
}

pub fn refused(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(!output.status.success(), "{arguments:?} ran");
    assert!(output.stdout.is_empty(), "{arguments:?} was greeted");
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text.lines().count(), 1, "{text:?} is more than a line");
    assert!(text.starts_with("ts-host: "), "{text:?}");
    text
}

//! Plugins in C and C++ at the hooks of a server, in a process of its own, which the test asks as a client.
//!
//! ```text
//! let served = serve(&Plugin::compile("hooks.c"), "three_levels", &[], origin.address);
//! assert_eq!(served.client().get("/").status(), 200);
//! assert_eq!(served.next(), "global TXN_START");      // a line of the plugin's
//! served.end();                                       // drains, shuts down; the rest of its lines
//! ```
//!
//! # Rules
//! * The process goes through the stages of a start as `ts-host` does: the entry is called as the plugin's initialisation before
//!   the threads run.
//! * With `TS_API_SERVE_PATIENCE` in the environment (milliseconds) the host waits for a re-enable no longer than that.
//! * A fault ends the process, and not the test: [`Served::fault`].
#![allow(dead_code, unreachable_pub, reason = "each test file is a crate of its own and uses a part of it")]

use std::env;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use ts_api::Runtime;
use ts_api::http::{HookPolicy, Server};
use ts_api::runtime::{Queued, ShutdownOptions};

use crate::c::{self, LIMIT, Plugin};
use crate::support::Client;

const ORIGIN: &str = "TS_API_SERVE_ORIGIN";
const PATIENCE: &str = "TS_API_SERVE_PATIENCE";
/// Before what the plugin says, before the address, and behind everything.
const BEGIN: &str = "-- the plugin begins --";
const AT: &str = "-- it serves at ";
const END: &str = "-- it ended, and left continuations: ";

/// A plugin at work.
pub struct Served {
    pub address: SocketAddr,
    /// The plugin's lines until it served.
    pub began: Vec<String>,
    child: Child,
    lines: Receiver<String>,
    log: Receiver<String>,
}

/// Starts a process with a server, and the plugin's `entry` called in it.
pub fn serve(plugin: &Plugin, entry: &str, arguments: &[&str], origin: SocketAddr) -> Served {
    serve_with(plugin, entry, arguments, origin, |_| {})
}

/// As `serve`; the host waits no longer for a re-enable than that.
pub fn serve_impatiently(plugin: &Plugin, entry: &str, origin: SocketAddr, patience: Duration) -> Served {
    serve_with(plugin, entry, &[], origin, |command| {
        command.env(PATIENCE, patience.as_millis().to_string());
    })
}

fn serve_with(
    plugin: &Plugin,
    entry: &str,
    arguments: &[&str],
    origin: SocketAddr,
    choose: impl FnOnce(&mut Command),
) -> Served {
    let mut command = plugin.command("serve::a_server_that_was_asked_for_serves", entry, arguments);
    choose(command.env(ORIGIN, origin.to_string()));
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("this program starts");
    let lines = read_lines(child.stdout.take().expect("it is piped"));
    let log = read_lines(child.stderr.take().expect("it is piped"));
    let mut began = Vec::new();
    let address = loop {
        let line = lines
            .recv_timeout(LIMIT)
            .unwrap_or_else(|_| panic!("no server: {:?}", log.iter().collect::<Vec<_>>()));
        match line.strip_prefix(AT) {
            Some(address) => break address.parse().expect("an address"),
            // What is before is the harness's.
            None if line == BEGIN => began.clear(),
            None => began.push(line),
        }
    };
    Served { address, began, child, lines, log }
}

impl Served {
    pub fn client(&self) -> Client {
        Client::connect(self.address)
    }

    /// The next line of the plugin's.
    #[track_caller]
    pub fn next(&self) -> String {
        let line = self.lines.recv_timeout(LIMIT);
        line.unwrap_or_else(|_| {
            panic!("one more line; it logged {:?}", self.log.try_iter().collect::<Vec<_>>())
        })
    }

    /// So many more lines.
    #[track_caller]
    pub fn take(&self, count: usize) -> Vec<String> {
        (0..count).map(|_| self.next()).collect()
    }

    /// Sends the plugins a message.
    pub fn message(&mut self, tag: &str, data: &str) {
        let stdin = self.child.stdin.as_mut().expect("it is piped");
        writeln!(stdin, "{tag} {data}").expect("it listens");
    }

    /// Ends it, and returns the lines that are left and how many continuations are. It must end well.
    #[track_caller]
    pub fn end(mut self) -> (Vec<String>, usize) {
        drop(self.child.stdin.take());
        let status = self.child.wait().expect("it ends");
        let mut rest: Vec<_> = self.lines.iter().collect();
        let log: Vec<_> = self.log.iter().collect();
        assert!(status.success(), "{status}: {rest:?} {log:?}");
        let left = rest.iter().position(|line| line.starts_with(END)).expect("a last line");
        let left = rest.remove(left)[END.len()..].parse().expect("a number");
        (rest, left)
    }

    /// The one line that the process was ended with.
    #[track_caller]
    pub fn fault(mut self) -> String {
        let mut log: Vec<_> = self.log.iter().collect();
        let status = self.child.wait().expect("it ends");
        assert_eq!((status.signal(), log.len()), (Some(6), 1), "a fault aborts, with one line: {log:?}");
        log.remove(0)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // A test that failed leaves nothing behind. One that ended has been waited for already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_lines(out: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            // Read on even if nobody listens, so that the program never waits.
            let _ = sender.send(line);
        }
    });
    lines
}

/// The other side: does nothing unless [`serve`] asks for it.
#[test]
fn a_server_that_was_asked_for_serves() {
    let (Some(asked), Ok(origin)) = (c::asked(), env::var(ORIGIN)) else { return };
    let origin: SocketAddr = origin.parse().expect("an address");
    let runtime = Runtime::builder().net_threads(2).task_threads(2).prepare();
    c::say(&format!("\n{BEGIN}\n"));
    runtime.as_plugin(&asked.name, || asked.call());
    runtime.log_initialized();
    runtime.start().expect("the threads start");
    runtime.ports_initialized();
    let mut policy = HookPolicy::default();
    if let Some(patience) = env::var(PATIENCE).ok().and_then(|patience| patience.parse().ok()) {
        policy.end_after = Some(Duration::from_millis(patience));
    }
    let server = Server::builder().listen("127.0.0.1:0").origin(origin).hook_policy(policy);
    let server = server.start(&runtime).expect("a server");
    runtime.ports_ready();
    c::say(&format!("{AT}{}\n", server.local_addr()));
    for line in std::io::stdin().lines().map_while(Result::ok) {
        let (tag, data) = line.split_once(' ').expect("a tag and data");
        let tag = std::ffi::CString::new(tag).expect("a C text");
        let _ = runtime.send_message(&tag, data.as_bytes());
    }
    let drained = server.drain(LIMIT);
    let report = runtime.shutdown(ShutdownOptions::default().queued(Queued::Cancel).deadline(LIMIT));
    let left: usize = report.system.continuations.iter().map(|(_, count)| count).sum();
    c::say(&format!("{END}{left}\n"));
    asked.keep();
    std::process::exit(if drained.is_clean() && report.system.unfinished.is_empty() { 0 } else { 3 })
}

//! The life of the program `ts-host` as a plugin in C is told of it, and messages to it through the admin port.
#![cfg(feature = "host")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use rustix::process::Signal;

mod support {
    pub mod c;
    pub mod host;
}

use support::c::Plugin;
use support::host::{Host, LIMIT};

/// The status and body of an answer to one request.
fn ask(admin: SocketAddr, head: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(admin).expect("it listens");
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let length = body.len();
    let request = format!("{head}Host: h\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
    // What is too long may be answered before it is read.
    let _ = stream.write_all(request.as_bytes());
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, answer.split_once("\r\n\r\n").expect("a head").1.to_owned())
}

fn admin(host: &Host) -> SocketAddr {
    let line = host.greeting.iter().find(|line| line.contains("/metrics")).expect("an admin port");
    let (_, address) = line.split_once("http://").expect("an address");
    let end = address.find('/').expect("a path");
    address[..end].parse().expect("an address")
}

/// The plugin's next line.
fn next(host: &Host) -> String {
    loop {
        let line = host.lines.recv_timeout(LIMIT).expect("one more line");
        if let Some(said) = line.strip_prefix("life: ") {
            return said.to_owned();
        }
    }
}

#[test]
fn a_plugin_is_told_of_the_hosts_life_and_gets_messages() {
    let plugin = Plugin::compile("host_life.c");
    let host = Host::start(&["--admin", "127.0.0.1:0", "--plugin", plugin.library()]);
    let mut began: Vec<_> = host.greeting.iter().filter_map(|line| line.strip_prefix("life: ")).collect();
    // On a task thread, whenever the last of them is up.
    began.retain(|line| *line != "TASK_THREADS_READY");
    assert_eq!(began, ["initialised", "LOG_INITIALIZED", "PORTS_INITIALIZED", "PORTS_READY"]);
    let admin = admin(&host);
    assert_eq!(ask(admin, "POST /plugin/colour HTTP/1.1\r\n", "deep blue"), (202, "sent to 1\n".into()));
    let told = std::iter::repeat_with(|| next(&host)).find(|line| line != "TASK_THREADS_READY");
    assert_eq!(told.as_deref(), Some("colour says deep blue"));
    assert_eq!(ask(admin, "POST /plugin/ HTTP/1.1\r\n", "").0, 404, "it has no tag");
    assert_eq!(ask(admin, "GET /plugin/colour HTTP/1.1\r\n", "").0, 405);
    let page = "POST /plugin/colour HTTP/1.1\r\nOrigin: http://page.example\r\n";
    assert_eq!(ask(admin, page, "red").0, 403, "a page in a browser is nobody who may");
    assert_eq!(ask(admin, "POST /plugin/colour HTTP/1.1\r\n", &"x".repeat((1 << 20) + 1)).0, 413);
    assert_eq!(ask(admin, "POST /plugin/last HTTP/1.1\r\n", "").0, 202);
    assert_eq!(next(&host), "last says ", "and nothing of what was refused");
    host.signal(Signal::TERM);
    let (rest, status) = host.end();
    assert!(rest.iter().any(|line| line == "life: SHUTDOWN"), "{rest:?}");
    assert!(status.success());
}

#[test]
fn a_message_to_nobody_is_refused() {
    let host = Host::start(&["--admin", "127.0.0.1:0"]);
    let answer = ask(admin(&host), "POST /plugin/colour HTTP/1.1\r\n", "blue");
    assert_eq!(answer, (404, "no plugin listens to messages\n".into()));
}

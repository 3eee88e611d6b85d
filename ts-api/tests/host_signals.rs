//! The signals that end the program `ts-host`.

#![cfg(feature = "host")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// Longer than anything here takes; whoever waits that long has failed.
const LIMIT: Duration = Duration::from_secs(30);

/// A process that a failed test does not leave behind.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_second_signal_ends_a_patient_shutdown_at_once() {
    let origin = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = origin.local_addr().unwrap().to_string();
    let mut host = Command::new(env!("CARGO_BIN_EXE_ts-host"))
        .args(["--port", "0", "--threads", "1", "--deadline", "3600", "--origin", &address])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map(Ended)
        .unwrap();
    let out = BufReader::new(host.0.stdout.take().unwrap());
    let (sender, lines) = channel();
    std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    let first = lines.recv_timeout(LIMIT).unwrap();
    let proxy = first.split_once("http://").unwrap().1.split_whitespace().next().unwrap().to_owned();
    while !lines.recv_timeout(LIMIT).unwrap().starts_with("stop with") {}
    let pid = i32::try_from(host.0.id()).ok().and_then(Pid::from_raw).unwrap();

    // A request that is under way, since the origin has it and does not answer.
    let mut busy = TcpStream::connect(&proxy).unwrap();
    busy.write_all(b"GET / HTTP/1.1\r\nHost: patient.example\r\n\r\n").unwrap();
    let (sender, asked) = channel();
    std::thread::spawn(move || {
        let (mut stream, _) = origin.accept().unwrap();
        stream.read_exact(&mut [0]).unwrap();
        sender.send(stream).unwrap();
    });
    let _unanswered = asked.recv_timeout(LIMIT).expect("the origin is asked");
    let mut idle = TcpStream::connect(&proxy).unwrap();
    idle.set_read_timeout(Some(LIMIT)).unwrap();

    kill_process(pid, Signal::TERM).unwrap();
    // The drain closes what is idle, or refuses it, with 503 if it was not accepted: it has begun.
    let mut first = [0];
    match idle.read(&mut first) {
        Ok(read) => assert!(read == 0 || first == *b"H"),
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}"),
    }
    kill_process(pid, Signal::TERM).unwrap();
    let ended = loop {
        // Its output ends with it.
        match lines.recv_timeout(LIMIT) {
            Ok(_) => {}
            Err(end) => break end,
        }
    };
    assert_eq!(ended, std::sync::mpsc::RecvTimeoutError::Disconnected, "it does not end");
    assert_eq!(
        host.0.wait().unwrap().code(),
        Some(130),
        "by the second signal, and not in the end by itself"
    );
}

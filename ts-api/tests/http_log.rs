//! The access log: a line for each transaction, whatever clients send and however slow the disk is.
#![cfg(all(feature = "http", feature = "runtime"))]

#[path = "support/http.rs"]
mod support;

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use serde_json::Value;
use support::{Bed, Client, DEADLINE, Origin, holding, respond, wait_until};
use ts_api::http::{AccessLog, End, Format, HookId, LogPolicy, Record, Reenable, Settings, Sink};

/// A proxy whose transactions are told to `log`.
fn told(bed: &Bed, log: LogPolicy) {
    let mut settings: Settings = bed.server.settings();
    settings.log = log;
    bed.server.reload(settings);
}

/// Waits until so many transactions are over, and their lines written.
fn settle(bed: &Bed, log: &AccessLog, transactions: u64) {
    wait_until("the transactions end", || bed.server.counts().transactions == transactions);
    assert!(log.flush(DEADLINE));
}

fn lines(file: &Path) -> Vec<String> {
    fs::read_to_string(file).unwrap().lines().map(str::to_owned).collect()
}

/// The fields of a line in the combined format, unescaped; quotes and brackets hold them together.
fn fields(line: &str) -> Vec<Vec<u8>> {
    let bytes = line.as_bytes();
    let mut fields = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let end = match bytes[at] {
            b'"' => b'"',
            b'[' => b']',
            _ => b' ',
        };
        at += usize::from(end != b' ');
        let mut field = Vec::new();
        while at < bytes.len() && bytes[at] != end {
            match (bytes[at], bytes.get(at + 1)) {
                (b'\\', Some(b'x')) => {
                    field.push(u8::from_str_radix(&line[at + 2..at + 4], 16).expect("two digits"));
                    at += 4;
                }
                (b'\\', Some(next)) => {
                    field.push(*next);
                    at += 2;
                }
                (byte, _) => {
                    field.push(byte);
                    at += 1;
                }
            }
        }
        at += usize::from(end != b' ') + 1;
        fields.push(field);
    }
    fields
}

fn text(field: &[u8]) -> &str {
    std::str::from_utf8(field).unwrap()
}

#[test]
fn each_transaction_is_a_line_in_each_format() {
    let folder = tempfile::tempdir().unwrap();
    let origin = Origin::echo();
    let bed = Bed::new(origin.address);
    for (name, format) in [("common", Format::Common), ("combined", Format::Combined), ("json", Format::Json)]
    {
        let file = folder.path().join(name);
        let log = AccessLog::open(&bed.runtime, &file, format).unwrap();
        told(&bed, LogPolicy::to(log.sink()));
        let before = bed.server.counts().transactions;
        let mut client = bed.client();
        client.send("POST /a?b=c HTTP/1.1\r\nHost: test.example\r\nReferer: http://r.example/\r\nUser-Agent: tester/1\r\nContent-Length: 4\r\n\r\nbody");
        let body = client.answer().body.len();
        client.get("/second");
        settle(&bed, &log, before + 2);
        let lines = lines(&file);
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert_eq!((log.counts().written, log.counts().dropped), (2, 0));
        if format == Format::Json {
            let record: Value = serde_json::from_str(&lines[0]).unwrap();
            assert_eq!(record["method"], "POST");
            assert_eq!(record["target"], "/a?b=c");
            assert_eq!(record["host"], "test.example");
            assert_eq!(record["user_agent"], "tester/1");
            assert_eq!(record["status"], 200);
            assert_eq!(record["request_bytes"], 4);
            assert_eq!(record["response_bytes"], body);
            assert_eq!(record["origin_address"], origin.address.to_string());
            assert_eq!((&record["tries"], &record["end"]), (&1.into(), &"complete".into()));
            assert_eq!(record["failure"], Value::Null);
            let (answered, all) = (record["answered_after"].as_f64(), record["seconds"].as_f64());
            assert!(0.0 < answered.unwrap() && answered.unwrap() <= all.unwrap(), "{record}");
            let time = record["time"].as_str().unwrap();
            assert!(time.len() == 24 && time.starts_with("20") && time.ends_with('Z'), "{time}");
            continue;
        }
        let fields = fields(&lines[0]);
        assert_eq!(fields.len(), if format == Format::Combined { 9 } else { 7 }, "{}", lines[0]);
        assert_eq!(text(&fields[0]), "127.0.0.1");
        assert!(text(&fields[3]).ends_with(" +0000"), "{}", lines[0]);
        assert_eq!(text(&fields[4]), "POST /a?b=c HTTP/1.1");
        assert_eq!((text(&fields[5]), text(&fields[6])), ("200", &*body.to_string()));
        if format == Format::Combined {
            assert_eq!((text(&fields[7]), text(&fields[8])), ("http://r.example/", "tester/1"));
        }
    }
    bed.end();
}

#[test]
fn nothing_that_a_client_sends_ends_a_field_or_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let bed = Bed::new(Origin::echo().address);
    let nasty: &[u8] = b"x\" 200 1 \"-\" \\\" \\x22\xc2\x9b31m \xff\xe2\x80\xae { } [ ] \t end";
    let start = b"GET /%0d%0a%22?quote HTTP/1.1\r\nHost: test.example\r\nUser-Agent: ";
    let request = [&start[..], nasty, b"\r\nReferer: \\\r\n\r\n"].concat();
    for (name, format) in [("combined", Format::Combined), ("json", Format::Json)] {
        let file = folder.path().join(name);
        let log = AccessLog::open(&bed.runtime, &file, format).unwrap();
        told(&bed, LogPolicy::to(log.sink()));
        let before = bed.server.counts();
        let mut client = bed.client();
        client.send(&request);
        // The origin of these tests may take exception to it; that is not what is looked at here.
        client.answer();
        settle(&bed, &log, before.transactions + 1);
        let written = fs::read(&file).unwrap();
        assert_eq!(written.iter().filter(|byte| **byte == b'\n').count(), 1);
        let line = String::from_utf8(written).unwrap();
        let line = line.trim_end_matches('\n');
        assert!(!line.chars().any(char::is_control), "{line:?}");
        if format == Format::Json {
            let record: Value = serde_json::from_str(line).unwrap();
            assert_eq!(record["referer"], "\\");
            assert_eq!(record["user_agent"], String::from_utf8_lossy(nasty).into_owned());
        } else {
            assert!(line.is_ascii());
            let fields = fields(line);
            assert_eq!(fields.len(), 9, "{line}");
            assert_eq!((&*fields[7], &*fields[8]), (&b"\\"[..], nasty));
        }
    }
    bed.end();
}

#[test]
fn a_log_that_is_opened_anew_loses_no_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("access.log");
    let bed = Bed::new(Origin::echo().address);
    let log = AccessLog::open(&bed.runtime, &file, Format::Common).unwrap();
    told(&bed, LogPolicy::to(log.sink()));
    bed.client().get("/before");
    settle(&bed, &log, 1);
    let old = folder.path().join("access.log.1");
    fs::rename(&file, &old).unwrap();
    bed.client().get("/between");
    settle(&bed, &log, 2);
    log.reopen();
    assert!(log.flush(DEADLINE), "it is opened before what comes after");
    bed.client().get("/after");
    settle(&bed, &log, 3);
    let targets = |file: &Path| {
        let target = |line: &String| text(&fields(line)[4]).split(' ').nth(1).unwrap().to_owned();
        lines(file).iter().map(target).collect::<Vec<_>>()
    };
    assert_eq!(targets(&old), ["/before", "/between"]);
    assert_eq!(targets(&file), ["/after"]);

    fs::remove_dir_all(folder.path()).unwrap();
    log.reopen();
    bed.client().get("/last");
    settle(&bed, &log, 4);
    assert_eq!(log.counts().written, 4, "the old file stays in use if there is no new one");
    bed.end();
}

#[test]
fn a_line_waits_no_longer_than_a_moment_for_others() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("access.log");
    let bed = Bed::new(Origin::echo().address);
    let log = AccessLog::open(&bed.runtime, &file, Format::Common).unwrap();
    told(&bed, LogPolicy::to(log.sink()));
    bed.client().get("/alone");
    // Nobody flushes it.
    wait_until("the line is written", || log.counts().written == 1);
    assert_eq!(lines(&file).len(), 1);
    bed.end();
}

#[test]
fn a_disk_that_does_not_keep_up_costs_lines_and_keeps_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, 0o600.into()).unwrap();
    // A pipe that somebody has open for both can be opened by the log at once. Nobody reads it yet.
    let reader = File::options().read(true).write(true).open(&pipe).unwrap();
    let bed = Bed::new(Origin::echo().address);
    let log = AccessLog::open_with(&bed.runtime, &pipe, Format::Common, 128 << 10).unwrap();
    told(&bed, LogPolicy::to(log.sink()));
    let target = format!("/{}", "a".repeat(4000));
    let mut client = bed.client();
    let mut sent = 0;
    while log.counts().dropped == 0 {
        assert_eq!(client.get(&target).status(), 200);
        sent += 1;
        assert!(sent < 10_000, "nothing is dropped");
    }
    // It goes on like that: the writing thread still stands in its write.
    assert_eq!(client.get(&target).status(), 200);
    sent += 1;

    let (line, read) = channel();
    std::thread::spawn(move || {
        for text in BufReader::new(reader).lines().map_while(Result::ok) {
            if line.send(text).is_err() {
                return;
            }
        }
    });
    settle(&bed, &log, sent);
    let counts = log.counts();
    assert_eq!(counts.written + counts.dropped, sent, "{counts:?}");
    for _ in 0..counts.written {
        let line = read.recv_timeout(DEADLINE).expect("a line that counts as written");
        assert_eq!(text(&fields(&line)[4]), format!("GET {target} HTTP/1.1"));
    }
    // What comes now is written again.
    client.get("/again");
    settle(&bed, &log, sent + 1);
    assert!(read.recv_timeout(DEADLINE).unwrap().contains("/again"));
    bed.end();
}

/// Sends records to the test.
struct Told(Mutex<Sender<Record>>);

impl Sink for Told {
    fn record(&self, record: &Record) {
        self.0.lock().unwrap().send(record.clone()).unwrap();
    }
}

fn telling(bed: &Bed) -> Receiver<Record> {
    let (sender, records) = channel();
    told(bed, LogPolicy::to(std::sync::Arc::new(Told(Mutex::new(sender)))));
    records
}

#[test]
fn a_record_says_how_a_transaction_ended() {
    let origin = Origin::new(|request, stream| match request.target() {
        "/broken" => {
            let _ = stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
            false
        }
        "/gone" => false,
        _ => respond(stream, "200 OK", "whole"),
    });
    let bed = Bed::new(origin.address);
    let records = telling(&bed);
    let next = || records.recv_timeout(DEADLINE).expect("a record");

    bed.client().get("/whole");
    let record = next();
    assert_eq!((record.end, record.status, record.response_bytes), (End::Complete, Some(200), 5));
    assert_eq!((record.tries, record.origin_address), (1, Some(origin.address)));

    let mut client = bed.client();
    client.ask("/broken");
    assert!(client.try_answer().is_err());
    let record = next();
    assert_eq!((record.end, record.status, record.response_bytes), (End::OriginGone, Some(200), 4));

    assert_eq!(bed.client().get("/gone").status(), 502);
    let record = next();
    assert_eq!((record.end, record.status), (End::Complete, Some(502)));
    assert!(record.failure.is_some(), "{record:?}");
    bed.end();
}

#[test]
fn a_client_that_leaves_is_in_the_record() {
    let (asked, is_asked) = channel();
    let origin = Origin::new(move |_, _| {
        asked.send(()).unwrap();
        // It never answers, and keeps the connection.
        std::thread::park_timeout(DEADLINE);
        true
    });
    let bed = Bed::new(origin.address);
    let records = telling(&bed);
    let mut client: Client = bed.client();
    client.ask("/left");
    is_asked.recv_timeout(DEADLINE).unwrap();
    assert!(records.try_recv().is_err(), "it is not over");
    client.vanish();
    let record = records.recv_timeout(DEADLINE).unwrap();
    assert_eq!((record.status, record.end), (None, End::ClientGone));
    assert_eq!((record.target.path(), record.tries, record.response_bytes), ("/left", 1, 0));
    bed.end();
}

#[test]
fn how_long_continuations_take_is_measured_when_it_is_asked_for() {
    let bed = Bed::new(Origin::echo().address);
    let (cont, held) = holding();
    bed.hook(HookId::ReadRequestHdr, &cont);
    let go_on = |client: &mut Client| {
        client.ask("/");
        held.recv_timeout(DEADLINE).unwrap().1.reenable(Reenable::Continue).unwrap();
        assert_eq!(client.answer().status(), 200);
    };
    let mut client = bed.client();
    go_on(&mut client);
    assert!(bed.server.latencies().is_empty(), "nobody has asked");
    bed.server.measure(true);
    (0..5).for_each(|_| go_on(&mut client));
    let latencies = bed.server.latencies();
    assert_eq!(latencies.len(), 1, "{latencies:?}");
    let latency = &latencies[0];
    assert_eq!(latency.hook, HookId::ReadRequestHdr);
    assert!(latency.plugin.contains("http.rs"), "it has no name but its place: {}", latency.plugin);
    assert_eq!((latency.handler.count(), latency.answer.count()), (5, 5));
    assert!(latency.handler.sum() <= latency.answer.sum(), "{latency:?}");
    bed.server.measure(false);
    go_on(&mut client);
    assert_eq!(bed.server.latencies()[0].handler.count(), 5);
    cont.destroy();
    drop(client);
    bed.end();
}

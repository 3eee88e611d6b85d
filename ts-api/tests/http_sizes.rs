//! How many bytes a transaction's messages have.
#![cfg(all(feature = "http", feature = "runtime"))]

#[path = "support/http.rs"]
mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use support::{Bed, DEADLINE, Origin, Wire, go_on, hook_of};
use ts_api::Cont;
use ts_api::http::{HookId, LogPolicy, Message, Record, Sink, Size, Transaction};

/// The four messages of a transaction.
fn sizes(txn: Transaction) -> [Size; 4] {
    let messages: [fn(Transaction) -> Message; 4] = [
        Transaction::request,
        Transaction::origin_request,
        Transaction::origin_response,
        Transaction::response,
    ];
    messages.map(|message| message(txn).size().unwrap())
}

/// Tells the sizes at some hooks.
fn telling(bed: &Bed, hooks: &[HookId]) -> (Cont, Receiver<(HookId, [Size; 4])>) {
    let (tell, told) = channel();
    let look = Cont::shared(move |event| {
        tell.send((hook_of(event), sizes(event.transaction().unwrap()))).unwrap();
        go_on(event);
    });
    hooks.iter().for_each(|hook| bed.hook(*hook, &look));
    (look, told)
}

/// What comes back for `text` until the connection ends: the head's length and what follows.
fn exchange(bed: &Bed, text: &str) -> (u64, Vec<u8>) {
    let mut stream = TcpStream::connect(bed.address()).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4;
    let body = answer.split_off(end);
    (answer.len() as u64, body)
}

/// How long a head was that came over a wire as it is written here.
fn head(wire: &Wire) -> u64 {
    let fields = wire.fields.iter().map(|(name, value)| name.len() + value.len() + 4);
    (wire.start.len() + 4 + fields.sum::<usize>()) as u64
}

fn size(head: u64, body: usize) -> Size {
    Size { head, body: body as u64 }
}

#[test]
fn heads_and_bodies_of_all_four_messages_are_counted_as_they_pass() {
    let origin = Origin::echo();
    let bed = Bed::new(origin.address);
    let hooks = [HookId::TxnStart, HookId::ReadRequestHdr, HookId::ReadResponseHdr, HookId::TxnClose];
    let (look, told) = telling(&bed, &hooks);
    let request = "POST /a?b HTTP/1.1\r\nHost:  test.example\r\nX-A:b \r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    let (answered, body) = exchange(&bed, &format!("{request}3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"));
    let next = || told.recv_timeout(DEADLINE).unwrap();
    assert_eq!(next(), (HookId::TxnStart, [Size::default(); 4]));
    let asked = request.len() as u64;
    assert_eq!(next(), (HookId::ReadRequestHdr, [size(asked, 0), size(0, 0), size(0, 0), size(0, 0)]));
    let sent = head(&origin.requests()[0]);
    let expected = "HTTP/1.1 200 OK\r\nContent-Length: 29\r\nX-Origin: yes\r\n\r\n";
    let length = "POST /a?b HTTP/1.1 abcde".len();
    assert_eq!(body.len(), length);
    let came = (expected.len() - "29".len() + length.to_string().len()) as u64;
    let all = [size(asked, 5), size(sent, 5), size(came, 0), size(0, 0)];
    assert_eq!(next(), (HookId::ReadResponseHdr, all));
    let all = [size(asked, 5), size(sent, 5), size(came, length), size(answered, length)];
    assert_eq!(next(), (HookId::TxnClose, all));
    drop(look);
    bed.end();
}

#[test]
fn each_transaction_of_a_connection_counts_for_itself() {
    let origin = Origin::echo();
    let bed = Bed::new(origin.address);
    let (look, told) = telling(&bed, &[HookId::TxnClose]);
    let mut client = bed.client();
    for target in ["/", "/longer", "/"] {
        let answer = client.get(target);
        let (_, [asked, sent, came, answered]) = told.recv_timeout(DEADLINE).unwrap();
        assert_eq!(answered, size(head(&answer), answer.body.len()));
        assert_eq!(came.body, answered.body);
        assert_eq!((asked.body, sent.body), (0, 0));
        assert_eq!(sent.head, head(origin.requests().last().unwrap()));
    }
    // Nothing of the origin's, and nothing but a head.
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\nExpect: nothing\r\n\r\n");
    let answer = client.bare_answer();
    assert_eq!(answer.status(), 417);
    let (_, all) = told.recv_timeout(DEADLINE).unwrap();
    assert_eq!(all[1..], [size(0, 0), size(0, 0), size(head(&answer), 0)]);
    drop((client, look));
    bed.end();
}

#[test]
fn interim_responses_are_no_part_of_the_head() {
    let origin = Origin::echo();
    let bed = Bed::new(origin.address);
    let (look, told) = telling(&bed, &[HookId::TxnClose]);
    let mut client = bed.client();
    client.send("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    let interim = client.bare_answer();
    assert_eq!(interim.status(), 100);
    client.send("body");
    let answer = client.answer();
    let (_, [asked, sent, _, answered]) = told.recv_timeout(DEADLINE).unwrap();
    assert_eq!((asked.body, sent.body), (4, 4));
    assert_eq!(answered, size(head(&answer), answer.body.len()));
    drop((client, look));
    bed.end();
}

#[test]
fn who_goes_before_the_answer_has_not_been_sent_the_one_before() {
    let origin = Origin::new(|request, stream| match request.target() {
        "/" => support::respond(stream, "200 OK", "answer"),
        _ => true,
    });
    let bed = Bed::new(origin.address);
    let (look, told) = telling(&bed, &[HookId::SendRequestHdr, HookId::TxnClose]);
    let next = || told.recv_timeout(DEADLINE).unwrap();
    let mut client = bed.client();
    assert_eq!(client.get("/").status(), 200);
    assert_eq!(next().0, HookId::SendRequestHdr);
    assert!(next().1[3].head > 0);
    client.ask("/never");
    assert_eq!(next().0, HookId::SendRequestHdr);
    client.vanish();
    assert_eq!(next().1[2..], [Size::default(); 2]);
    drop(look);
    bed.end();
}

/// Keeps records.
struct Kept(std::sync::Mutex<std::sync::mpsc::Sender<Record>>);

impl Sink for Kept {
    fn record(&self, record: &Record) {
        self.0.lock().unwrap().send(record.clone()).unwrap();
    }
}

#[test]
fn a_body_that_was_read_as_a_whole_before_counts_like_any() {
    let origin = Origin::echo();
    let (keep, kept) = channel();
    let sink = Arc::new(Kept(std::sync::Mutex::new(keep)));
    let bed = Bed::new(origin.address);
    let mut settings = bed.server.settings();
    settings.log = LogPolicy::to(sink);
    bed.server.reload(settings);
    let (look, told) = telling(&bed, &[HookId::TxnClose]);
    let whole = Cont::shared(|event| {
        event.transaction().unwrap().buffer_request(1000).unwrap();
        go_on(event);
    });
    bed.hook(HookId::ReadRequestHdr, &whole);
    let mut client = bed.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    assert_eq!(client.answer().status(), 200);
    let (_, [asked, sent, ..]) = told.recv_timeout(DEADLINE).unwrap();
    assert_eq!((asked.body, sent.body), (3, 3));
    assert_eq!(sent.head, head(&origin.requests()[0]));
    assert_eq!(kept.recv_timeout(DEADLINE).unwrap().request_bytes, 3);
    drop((client, look, whole));
    bed.end();
}

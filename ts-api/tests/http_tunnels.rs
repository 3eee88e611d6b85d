//! Tunnels: what a client gets that asks for one, what goes through it, and how it ends.
#![cfg(all(feature = "http", feature = "runtime"))]

#[path = "support/http.rs"]
mod support;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::channel;
use std::time::Duration;

use support::{Bed, Client, DEADLINE, Diary, Nobody, get, wait_until, with_a_short_limit};
use ts_api::Cont;
use ts_api::http::{HookId, Reenable, Settings};

/// Tunnels to `port` of this machine are allowed.
fn settings(port: u16) -> Settings {
    let mut settings = Settings::default();
    settings.remap = ts_api::http::Remap::to("127.0.0.1:9".parse().unwrap());
    settings.targets.tunnels = true;
    settings.targets.tunnel_ports = vec![port];
    settings.targets.inner_addresses = true;
    settings
}

fn bed(settings: Settings) -> Bed {
    Bed::with_builder(2, |builder| builder.settings(settings))
}

fn connect(client: &mut Client, to: impl std::fmt::Display) -> u16 {
    client.send(format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n\r\n"));
    let head = client.bare_answer();
    if head.status() == 200 {
        assert_eq!((head.field("content-length"), head.field("transfer-encoding")), (None, None));
    }
    head.status()
}

/// Listens, and gives whoever connects to `serve`.
fn listen(serve: impl Fn(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            stream.set_read_timeout(Some(DEADLINE)).unwrap();
            stream.set_write_timeout(Some(DEADLINE)).unwrap();
            serve(stream);
        }
    });
    address
}

#[test]
fn bytes_go_both_ways_and_those_that_came_early_go_first() {
    let target = listen(|mut stream| {
        let mut asked = [0; 5];
        stream.read_exact(&mut asked).unwrap();
        assert_eq!(&asked, b"hello");
        stream.write_all(b"world").unwrap();
        // The rest as an echo.
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        stream.write_all(&rest).unwrap();
    });
    let bed = bed(settings(target.port()));
    let mut client = bed.client();
    client.send(format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\nhel"));
    assert_eq!(client.bare_answer().status(), 200);
    client.send("lo");
    let mut answer = [0; 5];
    client.stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"world");
    // What looks like a request is none.
    client.send("GET / HTTP/1.1\r\n\r\n\r\n");
    client.stream.get_ref().shutdown(Shutdown::Write).unwrap();
    let mut rest = String::new();
    client.stream.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "GET / HTTP/1.1\r\n\r\n\r\n");
    drop(client);
    let counts = bed.end();
    assert_eq!((counts.tunnels, counts.tunnel_bytes_up, counts.tunnel_bytes_down), (1, 25, 25));
    assert_eq!((counts.requests, counts.transactions, counts.client_aborts), (1, 1, 0));
    assert_eq!((counts.responses_2xx, counts.refused_heads), (1, 0));
}

#[test]
fn a_side_that_has_said_all_still_hears_the_other() {
    let (heard, was_heard) = channel();
    let target = listen(move |mut stream| {
        // It is done at once, and listens.
        stream.write_all(b"all I say").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut rest = String::new();
        stream.read_to_string(&mut rest).unwrap();
        heard.send(rest).unwrap();
    });
    let bed = bed(settings(target.port()));
    let mut client = bed.client();
    assert_eq!(connect(&mut client, target), 200);
    let mut said = String::new();
    client.stream.read_to_string(&mut said).unwrap();
    assert_eq!(said, "all I say");
    client.send("late ");
    client.send("words");
    drop(client);
    assert_eq!(was_heard.recv_timeout(DEADLINE).unwrap(), "late words");
    bed.end();
}

#[test]
fn what_one_side_does_not_take_waits_and_nothing_is_lost() {
    const LENGTH: usize = 8 << 20;
    let target = listen(|mut stream| {
        let mut other = stream.try_clone().unwrap();
        let writer = std::thread::spawn(move || {
            let body: Vec<u8> = (0..LENGTH).map(|n| (n % 251) as u8).collect();
            other.write_all(&body).unwrap();
            other.shutdown(Shutdown::Write).unwrap();
        });
        let mut sum = 0;
        let mut chunk = vec![0; 1 << 16];
        while let Ok(length @ 1..) = stream.read(&mut chunk) {
            assert!(chunk[..length].iter().enumerate().all(|(n, byte)| *byte == ((sum + n) % 241) as u8));
            sum += length;
        }
        assert_eq!(sum, LENGTH);
        writer.join().unwrap();
    });
    let bed = bed(settings(target.port()));
    let mut client = bed.client();
    assert_eq!(connect(&mut client, target), 200);
    let mut other = client.stream.get_ref().try_clone().unwrap();
    let writer = std::thread::spawn(move || {
        let body: Vec<u8> = (0..LENGTH).map(|n| (n % 241) as u8).collect();
        other.write_all(&body).unwrap();
        other.shutdown(Shutdown::Write).unwrap();
    });
    // It reads only when everything that fits stands in the way.
    writer.is_finished();
    let mut body = Vec::new();
    client.stream.read_to_end(&mut body).unwrap();
    assert!(body.len() == LENGTH && body.iter().enumerate().all(|(n, byte)| *byte == (n % 251) as u8));
    writer.join().unwrap();
    drop(client);
    let counts = bed.end();
    assert_eq!((counts.tunnel_bytes_up, counts.tunnel_bytes_down), (LENGTH as u64, LENGTH as u64));
}

#[test]
fn a_tunnel_leads_only_where_it_may() {
    let target = listen(drop);
    let nobody = Nobody::new();
    let mut allowed = settings(target.port());
    allowed.targets.tunnel_ports.push(nobody.address.port());
    let bed = bed(allowed.clone());
    let asked = |to: &str| connect(&mut bed.client(), to);
    assert_eq!(asked(&target.to_string()), 200);
    assert_eq!(asked(&format!("localhost:{}", target.port())), 200);
    assert_eq!(asked("127.0.0.1:1"), 403);
    assert_eq!(asked(&nobody.address.to_string()), 502);
    assert_eq!(asked("127.0.0.1"), 400);
    allowed.targets.inner_addresses = false;
    bed.server.reload(allowed.clone());
    assert_eq!(asked(&target.to_string()), 403);
    assert_eq!(asked(&format!("localhost:{}", target.port())), 403);
    allowed.targets.tunnels = false;
    bed.server.reload(allowed);
    assert_eq!(asked(&target.to_string()), 501);
    // A connection on which a tunnel was refused is as good as before.
    let mut client = bed.client();
    assert_eq!(connect(&mut client, "a.example:443"), 501);
    let mut body = vec![0; "501 Not Implemented\n".len()];
    client.stream.read_exact(&mut body).unwrap();
    assert_eq!(client.get("/").status(), 502);
    drop(client);
    let counts = bed.end();
    assert_eq!((counts.tunnels, counts.origin_forbidden), (2, 2));
}

#[test]
fn a_forward_proxy_leads_no_client_to_inner_addresses_unless_it_may() {
    let origin = support::Origin::echo();
    let mut forward = Settings::default();
    forward.remap = ts_api::http::Remap::default().unmapped(ts_api::http::Unmapped::ForwardProxy);
    let bed = bed(forward.clone());
    let target = format!("http://{}/x", origin.address);
    let refused = get(bed.address(), &target);
    assert_eq!(
        (refused.status(), refused.text().as_str()),
        (403, "403 Forbidden\nThe target is not allowed.\n")
    );
    forward.targets.inner_addresses = true;
    bed.server.reload(forward.clone());
    let mut client = bed.client();
    assert_eq!(client.get(&target).status(), 200);
    // A connection that is kept from then is no way around.
    forward.targets.inner_addresses = false;
    bed.server.reload(forward);
    assert_eq!(client.get(&target).status(), 403);
    drop(client);
    assert_eq!(bed.end().origin_failures, 0);
}

#[test]
fn the_hooks_of_a_tunnel_are_called_in_order_and_its_close_when_it_is_over() {
    let (connected, is_connected) = channel();
    let target = listen(move |stream| connected.send(stream).unwrap());
    let bed = bed(settings(target.port()));
    let diary = Diary::new();
    let all = diary.cont("all");
    HookId::ALL.into_iter().for_each(|hook| bed.hook(hook, &all));
    let mut client = bed.client();
    assert_eq!(connect(&mut client, target), 200);
    let expected = ["SSN_START", "TXN_START", "TUNNEL_START", "OS_DNS", "SEND_RESPONSE_HDR"];
    expected.into_iter().for_each(|hook| assert_eq!(diary.next(), format!("all {hook}")));
    let mut stream = is_connected.recv_timeout(DEADLINE).unwrap();
    stream.write_all(b"still open").unwrap();
    client.stream.read_exact(&mut [0; 10]).unwrap();
    assert!(diary.rest().is_empty());
    drop((stream, client));
    assert_eq!([diary.next(), diary.next()], ["all TXN_CLOSE", "all SSN_CLOSE"]);
    drop(all);
    bed.end();
    assert!(diary.rest().is_empty());
}

#[test]
fn a_plugin_may_refuse_a_tunnel_before_and_after_it_is_there() {
    for at in [HookId::TunnelStart, HookId::SendResponseHdr] {
        let target = listen(|mut stream| _ = stream.read(&mut [0]));
        let bed = bed(settings(target.port()));
        let refuse = Cont::shared(|event| {
            let txn = event.transaction().unwrap();
            txn.set_error(403, "no tunnels\n").unwrap();
            txn.reenable(Reenable::Error).unwrap();
        });
        bed.hook(at, &refuse);
        let mut client = bed.client();
        client.send(format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n"));
        let answer = client.answer();
        assert_eq!((answer.status(), answer.text().as_str()), (403, "no tunnels\n"), "{at}");
        drop((client, refuse));
        assert_eq!(bed.end().client_aborts, 0);
    }
}

#[test]
fn a_tunnel_through_which_nothing_goes_is_closed_after_a_while() {
    let (ended, has_ended) = channel();
    let target = listen(move |mut stream| ended.send(stream.read(&mut [0]).unwrap_or(0)).unwrap());
    let mut short = settings(target.port());
    short.timeouts.tunnel = Duration::from_millis(50);
    let bed = bed(short);
    let mut client = bed.client();
    assert_eq!(connect(&mut client, target), 200);
    assert!(client.is_closed());
    assert_eq!(has_ended.recv_timeout(DEADLINE), Ok(0));
    drop(client);
    assert_eq!(bed.end().transactions, 1);
}

#[test]
fn a_client_that_vanishes_ends_the_tunnel() {
    let (ended, has_ended) = channel();
    let target = listen(move |mut stream| {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        ended.send(()).unwrap();
    });
    let bed = bed(settings(target.port()));
    let mut client = bed.client();
    assert_eq!(connect(&mut client, target), 200);
    client.vanish();
    has_ended.recv_timeout(DEADLINE).unwrap();
    wait_until("the session to end", || bed.server.open_connections() == 0);
    bed.end();
}

#[test]
fn draining_lets_a_tunnel_go_on_for_as_long_as_there_is_time_and_then_drops_it() {
    let target = listen(|mut stream| {
        let mut byte = [0];
        while stream.read_exact(&mut byte).is_ok() && stream.write_all(&byte).is_ok() {}
    });
    with_a_short_limit(|limit| {
        let bed = bed(settings(target.port()));
        let diary = Diary::new();
        let close = diary.cont("close");
        bed.hook(HookId::TxnClose, &close);
        let mut client = bed.client();
        assert_eq!(connect(&mut client, target), 200);
        // One at rest tells when the server begins to drain.
        let mut idle = bed.client();
        assert_eq!(idle.get("/").status(), 502);
        let drained = std::thread::spawn(move || (bed.server.drain(4 * limit), bed));
        assert!(idle.is_closed());
        client.send_in_vain("x");
        let goes_on = client.stream.read_exact(&mut [0]).is_ok();
        let (report, bed) = drained.join().unwrap();
        // The one at rest may be dropped as well if it cannot be counted out in time.
        assert!(report.open == 2 && (1..=2).contains(&report.dropped), "{report}");
        assert!(client.is_closed());
        assert_eq!(diary.next(), "close TXN_CLOSE");
        drop(close);
        bed.end();
        goes_on && report.dropped == 1
    });
}

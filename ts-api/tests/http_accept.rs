//! Accepting: by whom, at several addresses, up to a limit, and without descriptors.
#![cfg(all(feature = "http", feature = "runtime"))]

#[path = "support/http.rs"]
mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use support::{Bed, Client, DEADLINE, Origin, shut_down, wait_until};
use ts_api::Runtime;
use ts_api::http::{Accept, Limits, Server, SocketOptions};

const HOWS: [Accept; 3] = [Accept::One, Accept::PerThread, Accept::Dedicated(NonZeroUsize::new(2).unwrap())];

#[test]
fn however_connections_are_accepted_all_of_them_are_served() {
    for how in HOWS {
        let bed = Bed::with(Origin::echo().address, |builder| builder.accept(how));
        let mut clients: Vec<_> = (0..50).map(|_| bed.client()).collect();
        for client in &mut clients {
            assert_eq!(client.get("/a").status(), 200, "{how:?}");
        }
        assert_eq!(bed.server.open_connections(), 50);
        drop(clients);
        let counts = bed.end();
        assert_eq!((counts.connections, counts.requests), (50, 50), "{how:?}");
    }
}

#[test]
fn a_server_listens_at_several_places() {
    for how in HOWS {
        let given = TcpListener::bind("127.0.0.1:0").unwrap();
        let first = given.local_addr().unwrap();
        let bed = Bed::with(Origin::echo().address, |builder| {
            builder.listener(given).listen("[::1]:0").listen("localhost:0").accept(how)
        });
        let addresses = bed.server.local_addrs().to_vec();
        assert_eq!((addresses.len(), addresses[0], bed.address()), (4, first, first), "{how:?}");
        assert!(addresses.iter().all(|address| address.port() != 0));
        for address in addresses {
            assert_eq!(support::get(address, "/").status(), 200, "{how:?} {address}");
        }
        bed.end();
    }
}

#[test]
fn a_place_that_is_taken_stops_the_start_and_everything_that_had_begun() {
    for how in HOWS {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let runtime = Runtime::builder().net_threads(2).task_threads(1).start().unwrap();
        let builder = Server::builder().origin("127.0.0.1:9".parse().unwrap()).accept(how);
        let refused = builder.listen("127.0.0.1:0").listen(taken.local_addr().unwrap()).start(&runtime);
        assert!(refused.unwrap_err().to_string().contains(&taken.local_addr().unwrap().to_string()));
        assert!(shut_down(&runtime).is_clean());
    }
}

#[test]
fn sockets_have_what_was_chosen() {
    let mut options = SocketOptions::default();
    options.backlog = 7;
    options.keep_alive = Some(Duration::from_secs(42));
    options.receive_buffer = Some(1 << 16);
    options.send_buffer = Some(1 << 16);
    options.only_ipv6 = true;
    let bed = Bed::with(Origin::echo().address, |builder| builder.listen("[::1]:0").socket_options(options));
    for address in bed.server.local_addrs() {
        assert_eq!(support::get(*address, "/").status(), 200);
    }
    bed.end();
}

#[test]
fn draining_closes_every_place_however_connections_are_accepted() {
    for how in HOWS {
        let bed = Bed::with(Origin::echo().address, |builder| builder.listen("127.0.0.1:0").accept(how));
        let addresses = bed.server.local_addrs().to_vec();
        assert!(bed.server.drain(DEADLINE).is_clean());
        for address in addresses {
            // Its threads may still be on the way to close it; until then they answer 503.
            wait_until("the socket is closed", || TcpStream::connect(address).is_err());
        }
        bed.end();
    }
}

/// What a connection gets that asks for nothing.
fn answer_to(mut client: Client) -> u16 {
    client.ask("/");
    let answer = client.answer();
    assert!(answer.status() == 200 || answer.field("connection") == Some("close"));
    answer.status()
}

#[test]
fn a_connection_too_many_is_answered_503() {
    let mut limits = Limits::default();
    limits.connections = Some(3);
    let bed = Bed::with(Origin::echo().address, |builder| builder.limits(limits));
    let mut kept: Vec<_> = (0..3).map(|_| bed.client()).collect();
    for client in &mut kept {
        assert_eq!(client.get("/").status(), 200);
    }
    assert_eq!(answer_to(bed.client()), 503);
    kept.pop();
    wait_until("a place is free", || bed.server.open_connections() == 2);
    assert_eq!(answer_to(bed.client()), 200);
    drop(kept);
    let counts = bed.end();
    assert_eq!((counts.connections, counts.refused_connections, counts.requests), (4, 1, 4));
}

#[test]
fn one_client_cannot_take_all_places() {
    let mut limits = Limits::default();
    limits.connections_per_client = NonZeroUsize::new(2);
    let bed = Bed::with(Origin::echo().address, |builder| builder.limits(limits).listen("[::1]:0"));
    let mut kept: Vec<_> = (0..2).map(|_| bed.client()).collect();
    for client in &mut kept {
        assert_eq!(client.get("/").status(), 200);
    }
    assert_eq!(answer_to(bed.client()), 503);
    // Another client's address.
    assert_eq!(answer_to(Client::connect(bed.server.local_addrs()[1])), 200);
    drop(kept);
    assert_eq!(bed.end().refused_connections, 1);
}

const CHILD: &str = "TS_API_TEST_SERVER_WITHOUT_DESCRIPTORS";

/// The server of the test below, in a process of its own: it has few descriptors.
#[test]
fn a_server_without_descriptors() {
    let Ok(origin) = std::env::var(CHILD) else { return };
    let origin: SocketAddr = origin.parse().unwrap();
    let runtime = Runtime::builder().net_threads(1).task_threads(1).start().unwrap();
    let server = Server::builder().listen("127.0.0.1:0").origin(origin).start(&runtime).unwrap();
    let now = std::fs::read_dir("/proc/self/fd").unwrap().count() as u64;
    let hard = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: Some(now + 20), maximum: hard }).unwrap();
    println!("\nlistening {}", server.local_addr());
    let mut lines = std::io::stdin().lines();
    while lines.next().is_some() {
        let counts = server.counts();
        println!("\ncounts {} {}", counts.accept_failures, counts.refused_connections);
    }
    assert!(server.drain(DEADLINE).is_clean());
    assert!(shut_down(&runtime).is_clean());
}

#[test]
fn without_descriptors_clients_are_told_so_and_accepting_pauses_and_goes_on() {
    let origin = Origin::echo();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_server_without_descriptors", "--nocapture"])
        .env(CHILD, origin.address.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut line = |word: &str| {
        loop {
            let line = lines.next().unwrap().unwrap();
            if let Some(rest) = line.strip_prefix(word) {
                return rest.trim().to_owned();
            }
        }
    };
    let address: SocketAddr = line("listening").parse().unwrap();
    // More than it has descriptors for. Some are served, some are told, and some wait.
    let mut kept: Vec<_> = (0..100).map(|_| Client::connect(address)).collect();
    let began = Instant::now();
    let mut turned_away = 0;
    while turned_away == 0 {
        assert!(began.elapsed() < DEADLINE, "nobody was told");
        kept.retain_mut(|client| {
            client.stream.get_ref().set_read_timeout(Some(Duration::from_millis(20))).unwrap();
            let mut start = [0; 12];
            let is_told = client.stream.read_exact(&mut start).is_ok();
            if is_told {
                assert_eq!(&start, b"HTTP/1.1 503");
                turned_away += 1;
            }
            !is_told
        });
    }
    assert!(!kept.is_empty(), "all were told");
    let mut counts = || {
        writeln!(stdin).unwrap();
        let counts = line("counts");
        let (failures, refused) = counts.split_once(' ').unwrap();
        (failures.parse::<u64>().unwrap(), refused.parse::<u64>().unwrap())
    };
    let (failures, refused) = counts();
    assert!(refused >= turned_away);
    // Spinning, it would have failed many thousand times by now.
    assert!((1..1000).contains(&failures), "{failures} failures");
    drop(kept);
    // All is well again; a pause may still have to pass.
    let mut client = Client::connect(address);
    client.ask("/");
    let status = client.try_answer().map(|answer| answer.status());
    assert!(matches!(status, Ok(200 | 503)), "{status:?}");
    drop(client);
    wait_until("requests are served again", || {
        let mut client = Client::connect(address);
        client.send_in_vain("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        client.try_answer().is_ok_and(|answer| answer.status() == 200)
    });
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

//! A long run of everything that may happen leaves nothing behind: no memory, no descriptor, no number that does not add up.
//!
//! Alone in its process, whose memory and descriptors are looked at.
#![cfg(all(feature = "http", feature = "runtime"))]

#[path = "support/http.rs"]
mod support;

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use support::{Bed, Client, Origin, go_on, hook_of, respond, wait_until};
use ts_api::http::{HookId, Reenable};
use ts_api::{Cont, Event};

const CLIENTS: u64 = 4;
const REQUESTS_PER_ROUND: u64 = 400;
/// Rounds until everything has its size: pools, buffers, the allocator's arenas.
const FIRST: u64 = 4;
const THEN: u64 = 12;

/// What a leak of 250 bytes a request would be.
const GROWTH: u64 = THEN * CLIENTS * REQUESTS_PER_ROUND * 250;

/// Bytes of memory that this process has of its own.
fn memory() -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().trim().parse::<u64>().unwrap() * 1024
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// An origin that now and then closes or breaks off.
fn moody() -> Origin {
    let asked = AtomicU64::new(0);
    Origin::new(move |request, stream| match asked.fetch_add(1, Ordering::Relaxed) % 13 {
        5 => false,
        7 => {
            let _ = std::io::Write::write_all(
                stream.get_mut(),
                b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nha",
            );
            false
        }
        _ => respond(stream, "200 OK", request.target()),
    })
}

/// A plugin with a continuation for each transaction, which refuses some.
fn plugin(alive: &Arc<AtomicU64>) -> Cont {
    let alive = Arc::clone(alive);
    Cont::shared(move |event| {
        let txn = event.transaction().unwrap();
        alive.fetch_add(1, Ordering::Relaxed);
        let counted = Arc::clone(&alive);
        let own = move |calls: &mut Vec<HookId>, event: &mut Event<'_>| {
            let txn = event.transaction().unwrap();
            calls.push(hook_of(event));
            match hook_of(event) {
                HookId::TxnClose => {
                    event.cont().destroy();
                    counted.fetch_sub(1, Ordering::Relaxed);
                }
                HookId::ReadRequestHdr if txn.number() % 11 == 3 => {
                    txn.set_error(403, "not this one\n").unwrap();
                    return txn.reenable(Reenable::Error).unwrap();
                }
                _ => {}
            }
            go_on(event);
        };
        let own = txn.continuation("a transaction's", Vec::new(), own).unwrap();
        for hook in [HookId::ReadRequestHdr, HookId::SendResponseHdr, HookId::TxnClose] {
            txn.add_hook(hook, &own).unwrap();
        }
        go_on(event);
    })
}

/// What a client does with its turn, in turn.
fn ask(proxy: SocketAddr, kept: &mut Option<Client>, n: u64) {
    match n % 8 {
        // Without waiting for the answer.
        2 => {
            let mut client = Client::connect(proxy);
            client.ask("/gone");
            client.vanish();
        }
        4 => {
            let mut client = Client::connect(proxy);
            client.send_in_vain("GET / HTTP/1.1\r\nHost : a\r\n\r\n");
            assert_eq!(client.answer().status(), 400);
        }
        6 => {
            let mut client = Client::connect(proxy);
            client.send_in_vain(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {n}\r\n\r\n12"));
            client.vanish();
        }
        7 => assert!(matches!(get_or_nothing(proxy), None | Some(200 | 403 | 502))),
        _ => {
            let client = kept.get_or_insert_with(|| Client::connect(proxy));
            client.ask("/kept");
            match client.try_answer() {
                Ok(answer) => assert!([200, 403, 502].contains(&answer.status())),
                // The origin broke off, and so did we.
                Err(_) => *kept = None,
            }
        }
    }
}

fn get_or_nothing(proxy: SocketAddr) -> Option<u16> {
    let mut client = Client::connect(proxy);
    client.ask("/once");
    client.try_answer().ok().map(|answer| answer.status())
}

fn rounds(count: u64, proxy: SocketAddr) {
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut kept = None;
                (0..count * REQUESTS_PER_ROUND).for_each(|n| ask(proxy, &mut kept, n));
            });
        }
    });
}

#[test]
fn memory_and_descriptors_stay_flat_and_the_counts_add_up() {
    let origin = moody();
    let bed = Bed::new(origin.address);
    let alive = Arc::new(AtomicU64::new(0));
    let plugin = plugin(&alive);
    bed.hook(HookId::TxnStart, &plugin);
    let quiet = || {
        wait_until("everybody is gone", || bed.server.open_connections() == 0);
        wait_until("all transactions are closed", || alive.load(Ordering::Relaxed) == 0);
    };

    rounds(FIRST, bed.address());
    quiet();
    origin.seen.lock().unwrap().clear();
    let before = (memory(), descriptors());
    rounds(THEN, bed.address());
    quiet();
    origin.seen.lock().unwrap().clear();
    origin.seen.lock().unwrap().shrink_to_fit();
    let after = (memory(), descriptors());

    let grown = after.0.saturating_sub(before.0);
    assert!(grown < GROWTH, "memory has grown by {grown} bytes, from {}", before.0);
    // Connections to the origin are kept, up to a limit; a descriptor lost with each failure would be thousands.
    assert!(after.1 < before.1 + 200, "{} descriptors, then {}", before.1, after.1);

    let counts = bed.end();
    let asked = CLIENTS * REQUESTS_PER_ROUND * (FIRST + THEN);
    assert_eq!(counts.transactions, counts.requests);
    assert_eq!(counts.refused_heads, asked / 8, "each head with a space before the colon, and no other");
    assert!(counts.requests <= asked && counts.requests > asked / 2, "{} of {asked}", counts.requests);
}

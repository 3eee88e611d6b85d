//! Connections in memory inside a simulation: what arrives, in which order and at which virtual time, is the seed's choice
//! and nothing else's.

#![cfg(not(loom))]

mod support;

use std::io;
use std::time::Duration;
use support::Log;
use ts_cont::simulate::{Pipe, Simulation, pass, pipe};
use ts_cont::{EventType, Here, HrTime, ProxyMutex, future};

const NET: EventType = EventType::NET;
const CLIENTS: usize = 4;
/// Less than most messages, so that writers wait for readers.
const ROOM: usize = 5;

/// Who got what, when.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Arrival {
    at: HrTime,
    who: Who,
    bytes: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Server { of: usize },
    Client(usize),
}

/// What a client says, and how long it waits before each message.
type Speech = Vec<(Duration, Vec<u8>)>;

fn micros(count: u64) -> Duration {
    Duration::from_micros(count)
}

/// What each client says, without any choice: all do the same at the same time.
fn in_step() -> Vec<Speech> {
    let message = |client: usize, number: u8| vec![client as u8 * 16 + number; 7];
    (0..CLIENTS).map(|client| (0..8).map(|number| (micros(10), message(client, number))).collect()).collect()
}

/// What each client says, drawn from the simulation's seed.
fn drawn(simulation: &Simulation) -> Vec<Speech> {
    let message = || {
        let bytes = (0..simulation.draw(20)).map(|_| simulation.draw(256) as u8).collect();
        (micros(simulation.draw(30)), bytes)
    };
    (0..CLIENTS).map(|_| (0..10).map(|_| message()).collect()).collect()
}

fn note(log: &Log<Arrival>, who: Who, bytes: &[u8]) {
    let at = Here::current().unwrap().now();
    log.push(Arrival { at, who, bytes: bytes.to_vec() });
}

/// Sends back what it gets, with a mutex that all connections share held for a while each time.
async fn serve(of: usize, mut end: Pipe, mutex: ProxyMutex, log: Log<Arrival>) -> io::Result<()> {
    let mut buffer = [0; 3];
    loop {
        let count = end.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        let got = &buffer[..count];
        mutex
            .run(|_| {
                note(&log, Who::Server { of }, got);
                pass(micros(2)).unwrap();
            })
            .await;
        end.write_all(got).await?;
    }
}

/// Says everything, and listens in between as far as it must.
async fn converse(client: usize, speech: Speech, mut end: Pipe, log: Log<Arrival>) -> io::Result<Vec<u8>> {
    let (mut heard, mut buffer) = (Vec::new(), [0; 4]);
    for (pause, message) in speech {
        future::sleep(pause).await;
        // Both directions are narrow: whoever only wrote would wait for an answer that nobody reads.
        for part in message.chunks(ROOM) {
            end.write_all(part).await?;
            let before = heard.len();
            while heard.len() < before + part.len() {
                let count = end.read(&mut buffer).await?;
                note(&log, Who::Client(client), &buffer[..count]);
                heard.extend_from_slice(&buffer[..count]);
            }
        }
    }
    end.shut_down();
    assert_eq!(end.read(&mut buffer).await?, 0, "the server has seen the end and leaves");
    Ok(heard)
}

/// Runs a system of some clients and servers to its end.
fn run(seed: u64, speeches: impl FnOnce(&Simulation) -> Vec<Speech>) -> Vec<Arrival> {
    let simulation = Simulation::new(seed);
    let processor = simulation.processor();
    processor.spawn_event_threads(NET, 3, 0).unwrap();
    let threads = processor.threads(NET);
    let (log, mutex) = (Log::new(), ProxyMutex::new());
    let speeches = speeches(&simulation);
    let mut ends = Vec::new();
    for (client, speech) in speeches.into_iter().enumerate() {
        let said: Vec<u8> = speech.iter().flat_map(|(_, message)| message).copied().collect();
        let (near, far) = pipe(ROOM);
        let server = serve(client, far, mutex.clone(), log.clone());
        let server = threads[client % 3].spawn(server).unwrap();
        let client = threads[(client + 1) % 3].spawn(converse(client, speech, near, log.clone())).unwrap();
        ends.push((said, server, client));
    }
    simulation.run_to_end();
    for (said, server, client) in ends {
        assert!(server.is_finished() && client.is_finished(), "seed {seed}: somebody waits for ever");
        server.wait().unwrap().unwrap();
        assert_eq!(client.wait().unwrap().unwrap(), said, "seed {seed}: what comes back is what was said");
    }
    drop(simulation.shutdown(Default::default()));
    log.all()
}

#[test]
fn one_seed_brings_the_same_bytes_in_the_same_order_at_the_same_times() {
    for seed in 0..32 {
        let first = run(seed, drawn);
        assert!(!first.is_empty());
        assert!(first.is_sorted_by_key(|arrival| arrival.at), "seed {seed}: time goes on");
        assert_eq!(first, run(seed, drawn), "seed {seed}");
    }
}

#[test]
fn seeds_choose_the_order_of_what_may_come_in_any() {
    let runs: Vec<_> = (0..32).map(|seed| run(seed, |_| in_step())).collect();
    for (seed, arrivals) in runs.iter().enumerate() {
        assert_eq!(*arrivals, run(seed as u64, |_| in_step()), "seed {seed}");
    }
    let different = runs.iter().enumerate().filter(|(seed, run)| !runs[..*seed].contains(run)).count();
    // The clients do the same in every run, so nothing but the order of the turns can differ.
    assert!(different > runs.len() / 2, "{different} different runs");
}

/// The bytes of each direction, put together, are the same in every order.
#[test]
fn no_order_mixes_up_what_one_end_wrote() {
    for seed in 0..32 {
        let arrivals = run(seed, |_| in_step());
        for client in 0..CLIENTS {
            let said: Vec<u8> = in_step()[client].iter().flat_map(|(_, message)| message).copied().collect();
            for who in [Who::Server { of: client }, Who::Client(client)] {
                let got = arrivals.iter().filter(|arrival| arrival.who == who);
                let got: Vec<u8> = got.flat_map(|arrival| &arrival.bytes).copied().collect();
                assert_eq!(got, said, "seed {seed}: {who:?}");
            }
        }
    }
}

#[test]
fn an_end_that_is_dropped_ends_both_directions_at_that_time() {
    for seed in 0..16 {
        let simulation = Simulation::new(seed);
        let processor = simulation.processor();
        processor.spawn_event_threads(NET, 2, 0).unwrap();
        let (mut near, far) = pipe(ROOM);
        let stays = async move {
            let written = near.write_all(&[1; ROOM + 1]).await.map_err(|error| error.kind());
            (written, near.read(&mut [0]).await.unwrap(), Here::current().unwrap().now())
        };
        let leaves = async move {
            future::sleep(micros(7)).await;
            drop(far);
        };
        let stays = processor.threads(NET)[0].spawn(stays).unwrap();
        drop(processor.threads(NET)[1].spawn(leaves).unwrap());
        simulation.run_to_end();
        let at = HrTime::ZERO.saturating_add(micros(7));
        assert_eq!(stays.wait(), Some((Err(io::ErrorKind::BrokenPipe), 0, at)), "seed {seed}");
    }
}

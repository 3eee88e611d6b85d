//! A proxy with hooks: requests a second with no, one and ten continuations at each of them.
//!
//! Three servers run in one process and take turns, a fifth of a second each, so that a machine that changes its speed does so
//! for all three. The client is a thread with 32 connections that reads one answer after the other and asks again at once:
//! all connections but one have a request under way, and the client costs as little as it can.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use ts_api::http::{self, HookId, Reenable, Server};
use ts_api::{Cont, Event, Runtime};

use crate::measure::{Findings, Scale};

const CONNECTIONS: usize = 32;
const TURNS: u64 = 12;
const TURN: Duration = Duration::from_millis(200);

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n";
const BODY: &[u8] = b"hello\n";

pub(crate) fn hooks(scale: Scale, found: &mut Findings) {
    let origin = origin().expect("an origin");
    let mut sides = [0, 1, 10].map(|continuations| Side::start(continuations, origin));
    let turns = scale.count(TURNS);
    for side in &mut sides {
        side.turn(scale.span(TURN));
        side.served = (0, Duration::ZERO);
    }
    for _ in 0..turns {
        sides.iter_mut().for_each(|side| side.turn(scale.span(TURN)));
    }
    for side in sides {
        let (requests, took) = side.served;
        found.one(&format!("http_hooks_{}", side.continuations.len()), requests as f64 / took.as_secs_f64());
        side.stop();
    }
}

/// A server with its client.
struct Side {
    runtime: Runtime,
    server: Server,
    continuations: Vec<Cont>,
    connections: Vec<TcpStream>,
    served: (u64, Duration),
}

impl Side {
    fn start(continuations: usize, origin: SocketAddr) -> Self {
        let runtime = Runtime::builder().net_threads(2).task_threads(1).start().expect("threads start");
        let server = Server::builder().listen("127.0.0.1:0").origin(origin).start(&runtime).expect("a port");
        let guest = runtime.guest();
        let continuations: Vec<Cont> = (0..continuations).map(|_| Cont::shared(go_on)).collect();
        for hook in HookId::ALL {
            for continuation in &continuations {
                http::add(hook, continuation).expect("the runtime serves");
            }
        }
        drop(guest);
        let connect = |_| {
            let connection = TcpStream::connect(server.local_addr()).expect("the server listens");
            connection.set_nodelay(true).expect("an option of every socket");
            connection
        };
        let connections = (0..CONNECTIONS).map(connect).collect();
        Self { runtime, server, continuations, connections, served: (0, Duration::ZERO) }
    }

    /// Asks for a while on all connections, and counts the answers.
    fn turn(&mut self, length: Duration) {
        let began = Instant::now();
        let mut requests = 0;
        for connection in &mut self.connections {
            connection.write_all(REQUEST).expect("the server reads");
        }
        while began.elapsed() < length {
            for connection in &mut self.connections {
                read_answer(connection).expect("the server answers");
                connection.write_all(REQUEST).expect("the server reads");
                requests += 1;
            }
        }
        for connection in &mut self.connections {
            read_answer(connection).expect("the server answers");
            requests += 1;
        }
        self.served.0 += requests;
        self.served.1 += began.elapsed();
    }

    fn stop(self) {
        drop(self.connections);
        self.server.drain(Duration::from_secs(5));
        drop(self.continuations);
        self.runtime.shutdown(Default::default());
    }
}

/// What each continuation does at each hook: nothing but let it go on.
fn go_on(event: &mut Event<'_>) {
    let done = match (event.transaction(), event.session()) {
        (Some(transaction), _) => transaction.reenable(Reenable::Continue),
        (None, Some(session)) => session.reenable(Reenable::Continue),
        (None, None) => return,
    };
    done.expect("it stands at the hook");
}

/// Reads to the end of the body, which is always the same.
fn read_answer(connection: &mut TcpStream) -> io::Result<()> {
    let mut buffer = [0; 1024];
    let mut length = 0;
    loop {
        match connection.read(&mut buffer[length..])? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => length += read,
        }
        if buffer[..length].ends_with(BODY) {
            return Ok(());
        }
    }
}

/// Answers every request at once; a thread a connection, of which the servers keep few.
fn origin() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || {
                stream.set_nodelay(true)?;
                let mut buffer = [0; 4096];
                let mut length = 0;
                // Until the server closes it.
                while let read @ 1.. = stream.read(&mut buffer[length..])? {
                    length += read;
                    if buffer[..length].ends_with(b"\r\n\r\n") {
                        length = 0;
                        stream.write_all(RESPONSE)?;
                    }
                }
                io::Result::Ok(())
            });
        }
    });
    Ok(address)
}

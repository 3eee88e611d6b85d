//! Actors for the HTTP tests: an origin and clients on plain sockets, and a proxy between them.
#![allow(dead_code, unreachable_pub, reason = "each test file is a crate of its own and uses a part of it")]

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with};
use ts_api::Runtime;
use ts_api::http::{Builder, HookId, Reenable, Server, Session, Transaction};
use ts_api::runtime::{ShutdownOptions, ShutdownReport};
use ts_api::{Cont, Event, Mutex as ContMutex};

/// Longer than anything here takes; a signal that has not come by then does not come.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// The hooks of a plain request, in order.
pub const OF_A_REQUEST: [HookId; 9] = [
    HookId::TxnStart,
    HookId::ReadRequestHdr,
    HookId::PreRemap,
    HookId::PostRemap,
    HookId::OsDns,
    HookId::SendRequestHdr,
    HookId::ReadResponseHdr,
    HookId::SendResponseHdr,
    HookId::TxnClose,
];

/// Waits for what gives no signal.
#[track_caller]
pub fn wait_until(what: &str, done: impl Fn() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < DEADLINE, "{what}");
        std::thread::yield_now();
    }
}

/// Tries something with a time limit that it is to come to. If the machine was too slow for what goes before that, `comes_to_it`
/// returns false, and it is tried again with twice the time.
#[track_caller]
pub fn with_a_short_limit(mut comes_to_it: impl FnMut(Duration) -> bool) {
    let mut limit = Duration::from_millis(50);
    while !comes_to_it(limit) {
        limit *= 2;
        assert!(limit < DEADLINE, "the machine is too slow for any limit, or it is never come to");
    }
}

/// Ends a runtime, with all the time it may need.
pub fn shut_down(runtime: &Runtime) -> ShutdownReport {
    runtime.shutdown(ShutdownOptions::default().deadline(DEADLINE))
}

/// A request or response as it came over the wire.
#[derive(Debug, Clone, Default)]
pub struct Wire {
    pub start: String,
    pub fields: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Wire {
    pub fn status(&self) -> u16 {
        self.start.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
    }

    pub fn target(&self) -> &str {
        self.start.split(' ').nth(1).unwrap_or_default()
    }

    /// The value of a field, whatever the case of its name.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Reads a head; none at the end of the stream.
pub fn read_head(from: &mut impl BufRead) -> io::Result<Option<Wire>> {
    let mut wire = Wire::default();
    let mut line = String::new();
    loop {
        line.clear();
        if from.read_line(&mut line)? == 0 {
            return if wire.start.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
        }
        let text = line.trim_end();
        if text.is_empty() {
            return Ok(Some(wire));
        }
        if wire.start.is_empty() {
            wire.start = text.to_owned();
        } else if let Some((name, value)) = text.split_once(':') {
            wire.fields.push((name.to_owned(), value.trim().to_owned()));
        }
    }
}

/// Reads the body that the head announces; `to_end` if it may go on to the end of the stream.
pub fn read_body(from: &mut impl BufRead, wire: &mut Wire, to_end: bool) -> io::Result<()> {
    if wire.field("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        loop {
            let mut line = String::new();
            if from.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let size = usize::from_str_radix(line.trim_end(), 16).map_err(|_| io::ErrorKind::InvalidData)?;
            let start = wire.body.len();
            wire.body.resize(start + size, 0);
            from.read_exact(&mut wire.body[start..])?;
            from.read_line(&mut line)?;
            if size == 0 {
                return Ok(());
            }
        }
    }
    match wire.field("content-length").map(str::parse::<usize>) {
        Some(Ok(length)) => {
            wire.body.resize(length, 0);
            from.read_exact(&mut wire.body)
        }
        _ if to_end => from.read_to_end(&mut wire.body).map(drop),
        _ => Ok(()),
    }
}

/// A client on a plain socket.
pub struct Client {
    pub stream: BufReader<TcpStream>,
}

impl Client {
    pub fn connect(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_write_timeout(Some(DEADLINE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream: BufReader::new(stream) }
    }

    pub fn send(&mut self, text: impl AsRef<[u8]>) {
        self.stream.get_mut().write_all(text.as_ref()).unwrap();
    }

    /// Sends what the server may refuse before it has read it all.
    pub fn send_in_vain(&mut self, text: impl AsRef<[u8]>) {
        let _ = self.stream.get_mut().write_all(text.as_ref());
    }

    pub fn ask(&mut self, target: &str) {
        self.send(format!("GET {target} HTTP/1.1\r\nHost: test.example\r\n\r\n"));
    }

    pub fn try_answer(&mut self) -> io::Result<Wire> {
        let mut wire = read_head(&mut self.stream)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let bodiless = matches!(wire.status(), 100..=199 | 204 | 304);
        read_body(&mut self.stream, &mut wire, !bodiless)?;
        Ok(wire)
    }

    pub fn answer(&mut self) -> Wire {
        self.try_answer().unwrap()
    }

    /// The answer to a HEAD request.
    pub fn bare_answer(&mut self) -> Wire {
        read_head(&mut self.stream).unwrap().unwrap()
    }

    pub fn get(&mut self, target: &str) -> Wire {
        self.ask(target);
        self.answer()
    }

    /// Reads until the server closes; true if nothing more came.
    pub fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        // A reset is an end as well.
        self.stream.read_to_end(&mut rest).map_or(true, |_| rest.is_empty())
    }

    /// Whether nothing has come that has not been read.
    pub fn has_nothing_to_read(&mut self) -> bool {
        let stream = self.stream.get_ref();
        stream.set_nonblocking(true).unwrap();
        let nothing = stream.peek(&mut [0]).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        stream.set_nonblocking(false).unwrap();
        nothing && self.stream.buffer().is_empty()
    }

    /// Goes away for good: the next write to it fails.
    pub fn vanish(self) {
        let _ = self.stream.get_ref().shutdown(Shutdown::Both);
    }
}

/// One get over a connection of its own.
pub fn get(from: SocketAddr, target: &str) -> Wire {
    Client::connect(from).get(target)
}

/// Holds an address at which connections are refused. A port that was merely free a moment ago is given to the next test
/// that asks for one.
pub struct Nobody {
    pub address: SocketAddr,
    _held: TcpListener,
}

impl Nobody {
    pub fn new() -> Self {
        let socket =
            socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
        bind(&socket, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        // It has an address, and does not listen.
        let held = TcpListener::from(socket);
        Self { address: held.local_addr().unwrap(), _held: held }
    }
}

/// What an origin does with a request; false to close the connection afterwards.
pub type Answer = dyn Fn(&Wire, &mut BufReader<TcpStream>) -> bool + Send + Sync;

/// An origin on plain sockets; it ends with the process.
pub struct Origin {
    pub address: SocketAddr,
    pub seen: Arc<Mutex<Vec<Wire>>>,
    pub connections: Arc<Mutex<usize>>,
    open: Arc<AtomicUsize>,
}

/// Counts a connection out.
struct Leaving(Arc<AtomicUsize>);

impl Drop for Leaving {
    fn drop(&mut self) {
        // Relaxed: whoever looks waits for the number alone.
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Origin {
    /// Reads whole requests, bodies included, and gives each to `answer`.
    pub fn new(answer: impl Fn(&Wire, &mut BufReader<TcpStream>) -> bool + Send + Sync + 'static) -> Self {
        Self::start(true, answer)
    }

    /// As `new`, but leaves bodies on the wire.
    pub fn of_heads(
        answer: impl Fn(&Wire, &mut BufReader<TcpStream>) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self::start(false, answer)
    }

    fn start(
        bodies: bool,
        answer: impl Fn(&Wire, &mut BufReader<TcpStream>) -> bool + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(Mutex::new(0));
        let answer: Arc<Answer> = Arc::new(answer);
        let open = Arc::<AtomicUsize>::default();
        let origin = Self {
            address,
            seen: Arc::clone(&seen),
            connections: Arc::clone(&connections),
            open: Arc::clone(&open),
        };
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                *connections.lock().unwrap() += 1;
                // Relaxed: see `Leaving`.
                open.fetch_add(1, Ordering::Relaxed);
                let leaving = Leaving(Arc::clone(&open));
                std::thread::spawn(move || {
                    let _leaving = leaving;
                    let stream = stream.unwrap();
                    stream.set_nodelay(true).unwrap();
                    let mut stream = BufReader::new(stream);
                    while let Ok(Some(mut request)) = read_head(&mut stream) {
                        if bodies && read_body(&mut stream, &mut request, false).is_err() {
                            return;
                        }
                        seen.lock().unwrap().push(request.clone());
                        if !answer(&request, &mut stream) {
                            return;
                        }
                    }
                });
            }
        });
        origin
    }

    /// Answers 200 with the method, target and body of the request.
    pub fn echo() -> Self {
        Self::new(|request, stream| {
            let text = format!("{} {}", request.start, request.text());
            respond(stream, "200 OK", &text)
        })
    }

    /// How many connections are open at this end.
    pub fn open_connections(&self) -> usize {
        // Relaxed: see `Leaving`.
        self.open.load(Ordering::Relaxed)
    }

    /// Answers with a body without end, until nobody takes any more.
    pub fn endless() -> Self {
        Self::new(|_, stream| {
            let chunk = "10000\r\n".to_owned() + &"x".repeat(1 << 16) + "\r\n";
            let stream = stream.get_mut();
            stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
            while stream.write_all(chunk.as_bytes()).is_ok() {}
            false
        })
    }

    pub fn requests(&self) -> Vec<Wire> {
        self.seen.lock().unwrap().clone()
    }
}

/// Writes a plain response; whether that worked.
pub fn respond(stream: &mut BufReader<TcpStream>, status: &str, body: &str) -> bool {
    let text = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nX-Origin: yes\r\n\r\n{body}", body.len());
    stream.get_mut().write_all(text.as_bytes()).is_ok()
}

/// A runtime with a proxy on it.
pub struct Bed {
    pub runtime: Runtime,
    pub server: Server,
}

impl Bed {
    pub fn new(origin: SocketAddr) -> Self {
        Self::with(origin, |builder| builder)
    }

    pub fn with(origin: SocketAddr, choose: impl FnOnce(Builder) -> Builder) -> Self {
        Self::make(origin, 2, choose)
    }

    /// With so many network threads.
    pub fn with_threads(origin: SocketAddr, count: usize) -> Self {
        Self::make(origin, count, |builder| builder)
    }

    fn make(origin: SocketAddr, threads: usize, choose: impl FnOnce(Builder) -> Builder) -> Self {
        Self::with_builder(threads, |builder| choose(builder.origin(origin)))
    }

    /// With so many network threads, and no origin but what is chosen.
    pub fn with_builder(threads: usize, choose: impl FnOnce(Builder) -> Builder) -> Self {
        let runtime = Runtime::builder().net_threads(threads).task_threads(1).start().unwrap();
        let builder = Server::builder().listen("127.0.0.1:0");
        let server = choose(builder).start(&runtime).unwrap();
        Self { runtime, server }
    }

    pub fn address(&self) -> SocketAddr {
        self.server.local_addr()
    }

    pub fn client(&self) -> Client {
        Client::connect(self.address())
    }

    /// Adds a global continuation.
    pub fn hook(&self, hook: HookId, cont: &Cont) {
        let _guest = self.runtime.guest();
        ts_api::http::add(hook, cont).unwrap();
    }

    /// Calls `f` with each transaction at some hooks, and has it go on.
    pub fn at(&self, hooks: &[HookId], f: impl Fn(Transaction, &Event<'_>) + Send + Sync + 'static) -> Cont {
        let cont = Cont::shared(move |event| {
            f(event.transaction().unwrap(), event);
            go_on(event);
        });
        hooks.iter().for_each(|hook| self.hook(*hook, &cont));
        cont
    }

    /// Drains the server and ends the runtime; all must be clean.
    pub fn end(self) -> ts_api::http::Counts {
        let drained = self.server.drain(DEADLINE);
        assert!(drained.is_clean(), "{drained}");
        let counts = self.server.counts();
        let report = shut_down(&self.runtime);
        assert!(report.is_clean(), "{report}");
        counts
    }
}

/// Lets whatever an event's subject is go on.
pub fn go_on(event: &Event<'_>) {
    if let Some(txn) = event.transaction() {
        txn.reenable(Reenable::Continue).unwrap();
    } else if let Some(session) = event.session() {
        session.reenable(Reenable::Continue).unwrap();
    } else {
        panic!("not an HTTP event: {:?}", event.code());
    }
}

/// The name of the hook that an event is of.
pub fn hook_of(event: &Event<'_>) -> HookId {
    HookId::from_event(event.code()).expect("an event of a hook")
}

/// What hooks say, in order.
pub struct Diary {
    sender: Sender<String>,
    receiver: Receiver<String>,
}

impl Diary {
    pub fn new() -> Self {
        let (sender, receiver) = channel();
        Self { sender, receiver }
    }

    pub fn pen(&self) -> impl Fn(String) + Send + Sync + Clone + use<> {
        let sender = self.sender.clone();
        move |line| sender.send(line).unwrap()
    }

    /// A continuation that notes its hook under `name` and goes on.
    pub fn cont(&self, name: &'static str) -> Cont {
        let pen = self.pen();
        Cont::shared(move |event| {
            pen(format!("{name} {}", hook_of(event)));
            go_on(event);
        })
    }

    /// The next line.
    #[track_caller]
    pub fn next(&self) -> String {
        self.receiver.recv_timeout(DEADLINE).expect("one more line")
    }

    /// All lines until `last` has been noted, `last` included.
    #[track_caller]
    pub fn until(&self, last: &str) -> Vec<String> {
        let mut lines = Vec::new();
        while lines.last().is_none_or(|line| line != last) {
            lines.push(self.next());
        }
        lines
    }

    /// What has been noted so far.
    pub fn rest(&self) -> Vec<String> {
        self.receiver.try_iter().collect()
    }
}

/// A continuation that sends each transaction it is called for to the test, and leaves it standing there.
pub fn holding() -> (Cont, Receiver<(HookId, Transaction)>) {
    let (sender, receiver) = channel();
    let cont = Cont::shared(move |event| {
        sender.send((hook_of(event), event.transaction().unwrap())).unwrap();
    });
    (cont, receiver)
}

/// The same for sessions.
pub fn holding_sessions() -> (Cont, Receiver<Session>) {
    let (sender, receiver) = channel();
    let cont = Cont::shared(move |event| sender.send(event.session().unwrap()).unwrap());
    (cont, receiver)
}

/// A mutex of the facade, for tests that also use std's.
pub fn cont_mutex() -> ContMutex {
    ContMutex::new()
}

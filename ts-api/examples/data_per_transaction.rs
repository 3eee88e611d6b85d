//! A plugin that keeps data for each transaction: made at TXN_START, freed at TXN_CLOSE.
//!
//! Run it with `cargo run -p ts-api --features http --example data_per_transaction`. One of its transactions is forgotten on
//! purpose; the report of the shutdown names it.

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use ts_api::http::{self, HookError, HookId, Reenable, Server, Transaction};
use ts_api::{Cont, Event, Runtime};

/// What is known of a transaction. One continuation owns it, and shares the transaction's mutex, so no other lock is needed.
struct Data {
    target: String,
    status: u16,
    alive: Arc<AtomicUsize>,
}

impl Drop for Data {
    fn drop(&mut self) {
        // Relaxed: a count that is only shown.
        self.alive.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a transaction was, told at its end.
#[derive(Debug, PartialEq, Eq)]
pub struct Record {
    /// What was asked for; empty if the transaction ended before that was known.
    pub target: String,
    /// What the client was told; 0 if nothing.
    pub status: u16,
}

/// The plugin.
pub struct DataPerTransaction {
    start: Cont,
    alive: Arc<AtomicUsize>,
    /// Here the plugin keeps what it should have let go.
    forgotten: Arc<Mutex<Vec<Cont>>>,
}

impl DataPerTransaction {
    /// Tells `records` of each transaction. Those for `/forget` it forgets to destroy.
    pub fn start(records: mpsc::Sender<Record>) -> Result<Self, HookError> {
        let alive = Arc::new(AtomicUsize::new(0));
        let forgotten = Arc::new(Mutex::new(Vec::new()));
        let (count, kept) = (Arc::clone(&alive), Arc::clone(&forgotten));
        let start = Cont::named("starts data per transaction").shared(move |event| {
            let Some(txn) = event.transaction() else { return };
            if let Err(error) = begin(txn, &records, &count, &kept) {
                eprintln!("a transaction goes unrecorded: {error}");
            }
            answer(txn);
        });
        http::add(HookId::TxnStart, &start)?;
        Ok(Self { start, alive, forgotten })
    }

    /// For how many transactions there is data.
    pub fn alive(&self) -> usize {
        // Relaxed: see `Data`.
        self.alive.load(Ordering::Relaxed)
    }

    /// Takes no more transactions; what it has forgotten stays forgotten, as with a plugin that leaks.
    pub fn stop(self) -> Arc<Mutex<Vec<Cont>>> {
        self.start.destroy();
        self.forgotten
    }
}

/// At TXN_START: makes the data and what looks after it.
fn begin(
    txn: Transaction,
    records: &mpsc::Sender<Record>,
    alive: &Arc<AtomicUsize>,
    forgotten: &Arc<Mutex<Vec<Cont>>>,
) -> Result<(), Box<dyn Error>> {
    alive.fetch_add(1, Ordering::Relaxed);
    let data = Data { target: String::new(), status: 0, alive: Arc::clone(alive) };
    let (records, forgotten) = (records.clone(), Arc::clone(forgotten));
    let cont = txn.continuation("data per transaction", data, move |data, event| {
        if let Some(txn) = event.transaction() {
            follow(txn, data, event, &records, &forgotten);
            answer(txn);
        }
    })?;
    for hook in [HookId::ReadRequestHdr, HookId::SendResponseHdr, HookId::TxnClose] {
        txn.add_hook(hook, &cont)?;
    }
    Ok(())
}

/// At the later hooks.
fn follow(
    txn: Transaction,
    data: &mut Data,
    event: &Event<'_>,
    records: &mpsc::Sender<Record>,
    forgotten: &Mutex<Vec<Cont>>,
) {
    match HookId::from_event(event.code()) {
        Some(HookId::ReadRequestHdr) => data.target = txn.request().target().unwrap_or_default(),
        Some(HookId::SendResponseHdr) => data.status = txn.response().status().unwrap_or_default(),
        _ => {
            // Whoever wants the records may have gone.
            let _ = records.send(Record { target: data.target.clone(), status: data.status });
            if data.target == "/forget" {
                forgotten.lock().unwrap_or_else(PoisonError::into_inner).push(event.cont().clone());
            } else {
                // The data goes when this handler returns.
                event.cont().destroy();
            }
        }
    }
}

fn answer(txn: Transaction) {
    if let Err(error) = txn.reenable(Reenable::Continue) {
        eprintln!("{txn:?} is not re-enabled: {error}");
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = Runtime::builder().net_threads(2).task_threads(1).start()?;
    let (sender, records) = mpsc::channel();
    let plugin = {
        let _guest = runtime.guest();
        DataPerTransaction::start(sender)?
    };
    let server = Server::builder().listen("127.0.0.1:0").origin(origin()?).start(&runtime)?;
    for target in ["/one", "/two", "/forget"] {
        ask(server.local_addr(), target)?;
        println!("{:?}", records.recv()?);
    }
    println!("{}", server.drain(Duration::from_secs(5)));
    println!("data of {} transactions is left", plugin.alive());
    let _forgotten = plugin.stop();
    print!("{}", runtime.shutdown(Default::default()));
    Ok(())
}

/// An origin that greets everybody.
fn origin() -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut lines = BufReader::new(&stream).lines();
                while let Some(Ok(line)) = lines.next() {
                    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n";
                    if line.is_empty() && (&stream).write_all(answer.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    Ok(address)
}

/// Asks for a target and reads the answer to its end.
fn ask(server: SocketAddr, target: &str) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(server)?;
    write!(stream, "GET {target} HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n")?;
    stream.read_to_string(&mut String::new()).map(drop)
}

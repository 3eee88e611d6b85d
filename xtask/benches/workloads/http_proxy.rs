//! The same origin behind our proxy and behind nginx's: requests for each second of processor time that the proxy takes.
//!
//! Origin (nginx) and client (wrk) are programs of others, so that what they cost is not ours. Ours has a plugin as people
//! write them: a continuation for each transaction, made at its start, called with the response, freed at the close.
//!
//! Our network threads are bound to a processor each. The system looks after four busy threads on two processors once a tick:
//! two of ours on one of them take turns of 4 ms and longer. nginx is there twice, as it comes and bound likewise. They all
//! take turns.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use figures::median;
use rustix::process::{Pid, Signal, kill_process};
use rustix::time::{ClockId, clock_gettime};
use tempfile::TempDir;
use ts_api::http::{self, HookId, Reenable, Server, Transaction};
use ts_api::{Cont, Event, Runtime};
use ts_thread::{Level, Topology};

use crate::measure::{Findings, Scale};

const TURNS: u64 = 7;
const THREADS: usize = 2;

pub(crate) fn compare(scale: Scale, found: &mut Findings) {
    let origin = Nginx::start(1, "", |address| {
        format!("server {{ listen {address}; location / {{ return 200 \"hello from the origin\\n\"; }} }}")
    });
    let nginx = |main| {
        Nginx::start(THREADS, main, |address| {
            format!(
                "upstream origin {{ server {}; keepalive 64; keepalive_requests 100000000; }}
                 server {{ listen {address}; location / {{ proxy_pass http://origin; proxy_http_version 1.1;
                                                          proxy_set_header Connection \"\"; }} }}",
                origin.address
            )
        })
    };
    let theirs = [nginx(""), nginx("worker_cpu_affinity auto;")];
    let ours = Ours::start(origin.address);
    let mut ours_took = Turns::default();
    let mut theirs_took = [Turns::default(), Turns::default()];
    for _ in 0..scale.count(TURNS) {
        ours_took.take(ours.address(), own_cpu);
        for (nginx, took) in theirs.iter().zip(&mut theirs_took) {
            took.take(nginx.address, || nginx.cpu());
        }
    }
    ours_took.tell("http_proxy", found);
    for (mut took, name) in theirs_took.into_iter().zip(["nginx_proxy", "nginx_proxy_bound"]) {
        took.tell(name, found);
    }
    ours.stop();
}

/// What one of the proxies did in its turns.
#[derive(Default)]
struct Turns {
    per_cpu_second: Vec<f64>,
    p99: Vec<f64>,
}

impl Turns {
    fn take(&mut self, proxy: SocketAddr, cpu: impl Fn() -> Duration) {
        let before = cpu();
        let said = wrk(proxy);
        let used = cpu() - before;
        self.per_cpu_second.push(number(&said, "requests in") / used.as_secs_f64());
        self.p99.push(micros(&said));
    }

    fn tell(&mut self, name: &str, found: &mut Findings) {
        let each = [("", &self.per_cpu_second), ("_p99", &self.p99)];
        for (ending, numbers) in each {
            found.one(&format!("{name}{ending}"), median(numbers).expect("there was a turn"));
        }
    }
}

/// The processor time of this process, which has only the proxy to run meanwhile.
fn own_cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Asks for a second over 32 connections.
fn wrk(proxy: SocketAddr) -> String {
    let output = Command::new("wrk")
        .args(["-t", "1", "-c", "32", "-d", "1s", "--latency", "-H", "Host: a.example"])
        .arg(format!("http://{proxy}/"))
        .output()
        .expect("wrk is installed");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "wrk failed: {said}");
    assert!(!said.contains("Non-2xx") && !said.contains("Socket errors"), "{said}");
    said
}

/// The number before these words.
fn number(said: &str, words: &str) -> f64 {
    let line = said.lines().find(|line| line.contains(words)).expect("wrk sums up");
    line.split_whitespace()
        .next()
        .and_then(|word| word.parse().ok())
        .expect("the line begins with the number")
}

/// The 99th percentile, in microseconds.
fn micros(said: &str) -> f64 {
    let line = said.lines().find_map(|line| line.trim().strip_prefix("99%")).expect("wrk was asked for it");
    let units = [("us", 1.0), ("ms", 1e3), ("s", 1e6)];
    let (number, unit) = units
        .iter()
        .find_map(|(unit, micros)| line.trim().strip_suffix(unit).map(|number| (number, micros)))
        .expect("a time has a unit");
    number.parse::<f64>().expect("a time has a number") * unit
}

/// Our proxy with its plugin.
struct Ours {
    runtime: Runtime,
    server: Server,
    plugin: Cont,
}

impl Ours {
    fn start(origin: SocketAddr) -> Self {
        let each = Topology::of_this_thread().expect("the system tells").objects(Level::ProcessingUnit);
        let runtime = Runtime::builder()
            .net_threads(THREADS)
            .net_cpus(each)
            .task_threads(1)
            .start()
            .expect("threads start");
        let server = Server::builder().listen("127.0.0.1:0").origin(origin).start(&runtime).expect("a port");
        let guest = runtime.guest();
        let plugin = Cont::shared(|event| {
            let transaction = event.transaction().expect("it is added for transactions only");
            let of_this_one =
                transaction.continuation("per transaction", 0_u64, follow).expect("it has just begun");
            for hook in [HookId::SendResponseHdr, HookId::TxnClose] {
                transaction.add_hook(hook, &of_this_one).expect("both are to come");
            }
            go_on(transaction);
        });
        http::add(HookId::TxnStart, &plugin).expect("the runtime serves");
        drop(guest);
        Self { runtime, server, plugin }
    }

    fn address(&self) -> SocketAddr {
        self.server.local_addr()
    }

    fn stop(self) {
        self.server.drain(Duration::from_secs(5));
        self.plugin.destroy();
        self.runtime.shutdown(Default::default());
    }
}

/// A transaction's own continuation.
fn follow(calls: &mut u64, event: &mut Event<'_>) {
    *calls += 1;
    if HookId::from_event(event.code()) == Some(HookId::TxnClose) {
        event.cont().destroy();
    }
    go_on(event.transaction().expect("it is added for transactions only"));
}

fn go_on(transaction: Transaction) {
    transaction.reenable(Reenable::Continue).expect("it stands at the hook");
}

/// An nginx with a configuration of its own.
struct Nginx {
    process: Child,
    address: SocketAddr,
    _folder: TempDir,
}

impl Nginx {
    /// `main` is what else is said of the process.
    fn start(workers: usize, main: &str, http: impl Fn(SocketAddr) -> String) -> Self {
        let folder = TempDir::new().expect("a folder for nginx");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("it is bound");
        drop(listener);
        let text = format!(
            "daemon off; worker_processes {workers}; {main} pid nginx.pid; error_log error.log;
             events {{ worker_connections 512; }}
             http {{ access_log off; keepalive_requests 100000000; client_body_temp_path bodies; proxy_temp_path proxy;
                     fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi; {} }}",
            http(address)
        );
        fs::write(folder.path().join("nginx.conf"), text).expect("the folder is ours");
        let process = Command::new("nginx")
            .arg("-p")
            .arg(folder.path())
            .args(["-c", "nginx.conf", "-e", "error.log"])
            .stdin(Stdio::null())
            .spawn()
            .expect("nginx is installed");
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(began.elapsed() < Duration::from_secs(20), "nginx does not listen");
            thread::yield_now();
        }
        Self { process, address, _folder: folder }
    }

    /// The processor time of its workers.
    fn cpu(&self) -> Duration {
        let id = self.process.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).expect("it has workers");
        let nanos = |child: &str| -> u64 {
            let times = fs::read_to_string(format!("/proc/{child}/schedstat")).expect("it runs");
            times.split(' ').next().and_then(|time| time.parse().ok()).expect("the kernel counts time")
        };
        Duration::from_nanos(children.split_whitespace().map(nanos).sum())
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Asked, and not killed: it takes its workers along.
        let _ = kill_process(Pid::from_child(&self.process), Signal::TERM);
        let _ = self.process.wait();
    }
}

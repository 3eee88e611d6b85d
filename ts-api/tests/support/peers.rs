//! Real programs on the other side: nginx as an origin, curl, wrk and h2load as clients.
//!
//! They are looked for on the machine. A test whose peer is not installed says so and looks at nothing, unless
//! `TS_PEERS=required` is set, as in CI, where the peers are installed first; then it fails.
#![allow(dead_code, unreachable_pub, reason = "each test file is a crate of its own and uses a part of it")]

use std::fs;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_reuseport;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Longer than any peer takes to start or to stop.
const DEADLINE: Duration = Duration::from_secs(30);

/// Whether all of these are installed; a test that gets `false` returns.
pub fn are_here(peers: &[&str]) -> bool {
    let missing: Vec<_> = peers.iter().copied().filter(|peer| find(peer).is_none()).collect();
    if missing.is_empty() {
        return true;
    }
    let text = format!("not installed: {}; nothing was looked at", missing.join(", "));
    assert!(std::env::var_os("TS_PEERS").is_none_or(|value| value != "required"), "{text}");
    eprintln!("{text}");
    false
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Where servers are installed, which is not on everybody's path.
    let places =
        std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/local/sbin")]);
    places.map(|place| place.join(program)).find(|file| file.is_file())
}

/// Runs a peer to its end and gives what it printed; it must succeed.
#[track_caller]
pub fn run(program: &str, arguments: &[&str]) -> String {
    let output = try_run(program, arguments);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{program} {arguments:?}: {}\n{out}\n{err}", output.status);
    out.into_owned()
}

/// As `run`, for a peer that may fail.
pub fn try_run(program: &str, arguments: &[&str]) -> Output {
    let program = find(program).expect("the test has asked whether it is here");
    Command::new(program).args(arguments).stdin(Stdio::null()).output().expect("it is installed")
}

/// curl with a time limit and without a progress bar.
#[track_caller]
pub fn curl(arguments: &[&str]) -> String {
    run("curl", &[&["-sS", "--max-time", "30"], arguments].concat())
}

/// An nginx of the test's own. It is one process, so that a signal stops all of it.
pub struct Nginx {
    process: Ended,
    pub address: SocketAddr,
    place: Place,
    folder: TempDir,
}

/// An address that is the test's for as long as it wants, whether or not anybody listens there. Connections are refused
/// while nobody does.
struct Place(TcpListener);

impl Place {
    fn new() -> Self {
        let socket = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None);
        let socket = socket.expect("a socket");
        set_socket_reuseport(&socket, true).expect("others of this user may have the same");
        bind(&socket, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("a port");
        // It has an address, and does not listen.
        Self(socket.into())
    }

    fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("it is bound")
    }
}

impl Nginx {
    /// Starts one with these lines in its `server` block; `www` in its folder is what it serves.
    pub fn start(server: &str) -> Self {
        Self::start_at(Place::new(), server)
    }

    fn start_at(place: Place, server: &str) -> Self {
        let folder = TempDir::new().expect("a folder for nginx");
        fs::create_dir(folder.path().join("www")).expect("a folder for its files");
        let process = launch(folder.path(), &place, server);
        Self { process, address: place.address(), place, folder }
    }

    /// The folder whose files it serves.
    pub fn www(&self) -> PathBuf {
        self.folder.path().join("www")
    }

    /// The bodies of requests that it has written to files, if its configuration says so.
    pub fn bodies(&self) -> Vec<Vec<u8>> {
        let files = fs::read_dir(self.folder.path().join("bodies")).expect("nginx makes the folder");
        files.map(|file| fs::read(file.unwrap().path()).unwrap()).collect()
    }

    /// Takes its life without a warning: its connections are gone, and nobody listens.
    pub fn kill(self) -> Fallen {
        let Self { mut process, place, .. } = self;
        process.0.kill().expect("it runs");
        process.0.wait().expect("it can be waited for");
        Fallen(place)
    }

    /// It stays alive and does nothing more; the kernel still accepts connections for it.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process.0), signal).expect("it runs");
    }
}

/// A process that does not outlive the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Where an nginx was.
pub struct Fallen(Place);

impl Fallen {
    /// Another one in the same place.
    pub fn rise(self, server: &str) -> Nginx {
        Nginx::start_at(self.0, server)
    }
}

/// Starts nginx in a place that is held for it, and waits until it accepts.
fn launch(folder: &Path, place: &Place, server: &str) -> Ended {
    let address = place.address();
    let text = format!(
        "daemon off; master_process off; pid nginx.pid; error_log error.log;
         events {{ worker_connections 512; }}
         http {{
             access_log off; keepalive_requests 1000000; default_type text/plain;
             client_body_temp_path bodies; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
             uwsgi_temp_path uwsgi; scgi_temp_path scgi;
             server {{ listen {address} reuseport; root www; {server} }}
         }}"
    );
    let configuration = folder.join("nginx.conf");
    fs::write(&configuration, text).expect("the folder is ours");
    let nginx = find("nginx").expect("the test has asked whether it is here");
    let process = Command::new(nginx)
        .arg("-p")
        .arg(folder)
        .arg("-c")
        .arg(&configuration)
        .args(["-e", "error.log"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let mut process = Ended(process.expect("it is installed"));
    let began = Instant::now();
    while let Err(error) = TcpStream::connect(address) {
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{error}");
        let ended = process.0.try_wait().expect("it is a child").is_some();
        if ended || began.elapsed() > DEADLINE {
            let errors = fs::read_to_string(folder.join("error.log")).unwrap_or_default();
            panic!("nginx does not start: {errors}");
        }
        std::thread::yield_now();
    }
    process
}

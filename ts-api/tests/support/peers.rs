//! Real programs on the other side: nginx as an origin, curl, wrk and h2load as clients.
//!
//! They are looked for on the machine. A test whose peer is not installed says so and looks at nothing, unless
//! `TS_PEERS=required` is set, as in CI, where the peers are installed first; then it fails.
#![allow(dead_code, unreachable_pub, reason = "each test file is a crate of its own and uses a part of it")]

use std::fs;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

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
    process: Child,
    pub address: SocketAddr,
    folder: TempDir,
}

impl Nginx {
    /// Starts one with these lines in its `server` block; `www` in its folder is what it serves.
    pub fn start(server: &str) -> Self {
        let folder = TempDir::new().expect("a folder for nginx");
        fs::create_dir(folder.path().join("www")).expect("a folder for its files");
        // The port is free when it is chosen and may be taken before nginx has it: then another one is tried.
        for _ in 0..10 {
            let address =
                TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port");
            if let Some(process) = launch(folder.path(), address, server) {
                return Self { process, address, folder };
            }
        }
        let errors = fs::read_to_string(folder.path().join("error.log")).unwrap_or_default();
        panic!("nginx does not start: {errors}");
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
    pub fn kill(mut self) -> Fallen {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it can be waited for");
        Fallen { address: self.address }
    }

    /// It stays alive and does nothing more; the kernel still accepts connections for it.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).expect("it runs");
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Where an nginx was.
pub struct Fallen {
    pub address: SocketAddr,
}

impl Fallen {
    /// Another one in the same place.
    pub fn rise(&self, server: &str) -> Nginx {
        let folder = TempDir::new().expect("a folder for nginx");
        fs::create_dir(folder.path().join("www")).expect("a folder for its files");
        let process = launch(folder.path(), self.address, server).expect("its port is free again");
        Nginx { process, address: self.address, folder }
    }
}

/// Starts nginx and waits until it accepts; none if it ends before.
fn launch(folder: &Path, address: SocketAddr, server: &str) -> Option<Child> {
    let text = format!(
        "daemon off; master_process off; pid nginx.pid; error_log error.log;
         events {{ worker_connections 512; }}
         http {{
             access_log off; keepalive_requests 1000000; default_type text/plain;
             client_body_temp_path bodies; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
             uwsgi_temp_path uwsgi; scgi_temp_path scgi;
             server {{ listen {address}; root www; {server} }}
         }}"
    );
    let configuration = folder.join("nginx.conf");
    fs::write(&configuration, text).expect("the folder is ours");
    let nginx = find("nginx").expect("the test has asked whether it is here");
    let mut process = Command::new(nginx)
        .arg("-p")
        .arg(folder)
        .arg("-c")
        .arg(&configuration)
        .args(["-e", "error.log"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it is installed");
    let began = Instant::now();
    loop {
        if process.try_wait().expect("it is a child").is_some() {
            return None;
        }
        match TcpStream::connect(address) {
            Ok(_) => return Some(process),
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                assert!(began.elapsed() < DEADLINE, "nginx does not accept");
                std::thread::yield_now();
            }
            Err(error) => panic!("{error}"),
        }
    }
}

//! A registry on loopback: a sparse index, downloads, and the upload that `cargo publish` makes.
//!
//! It holds what was uploaded to it and, if told so, what cargo has already fetched from elsewhere. It runs as long as its
//! value lives, and says which requests it was sent.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

#[derive(Default)]
struct State {
    /// Lines of the index, by crate.
    index: BTreeMap<String, Vec<Value>>,
    packages: BTreeMap<(String, String), Vec<u8>>,
    uploads: Vec<String>,
    /// Crates whose upload is answered with a failure.
    refused: Vec<String>,
    is_down: bool,
}

pub(crate) struct Registry {
    address: String,
    state: Arc<Mutex<State>>,
}

impl Registry {
    pub(crate) fn start() -> Registry {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port on loopback");
        let address = listener.local_addr().expect("the port").to_string();
        let state = Arc::new(Mutex::new(State::default()));
        let registry = Registry { address: address.clone(), state: state.clone() };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (state, address) = (state.clone(), address.clone());
                // A client that goes away in the middle is its own affair.
                thread::spawn(move || serve(stream, &state, &address));
            }
        });
        registry
    }

    /// What cargo has to be told so that `test` is this registry, and everything else comes from it too.
    pub(crate) fn configuration(&self) -> String {
        format!(
            "[registries.test]\nindex = \"sparse+http://{}/index/\"\n\n[source.crates-io]\nreplace-with = \"test\"\n",
            self.address
        )
    }

    /// Offers what this cargo home has fetched from the public registry, and the index lines it knows beyond that. The
    /// tool that judges versions is left out: a release that finds it would install it, which takes minutes.
    pub(crate) fn offer_fetched(&self, home: &Path) {
        let mut state = self.state();
        for index in folders(&home.join("registry/index")) {
            for line in cached_lines(&index.join(".cache")) {
                let name = line["name"].as_str().expect("a name").to_owned();
                if name == "cargo-semver-checks" {
                    continue;
                }
                state.index.entry(name).or_default().push(line);
            }
        }
        for cache in folders(&home.join("registry/cache")) {
            for file in folders(&cache) {
                let name = file.file_stem().and_then(|name| name.to_str()).expect("UTF-8").to_owned();
                // The version begins at the first dash before a digit and a dot.
                let at = name.match_indices('-').map(|(at, _)| at).find(|at| {
                    name[at + 1..].split('.').next().is_some_and(|part| part.parse::<u64>().is_ok())
                });
                let Some(at) = at else { continue };
                let key = (name[..at].to_owned(), name[at + 1..].to_owned());
                state.packages.insert(key, fs::read(&file).expect("a package"));
            }
        }
    }

    /// From now on this crate's upload fails.
    pub(crate) fn refuse(&self, name: &str) {
        self.state().refused.push(name.to_owned());
    }

    pub(crate) fn accept_all(&self) {
        self.state().refused.clear();
    }

    /// From now on every request is answered with 503.
    pub(crate) fn go_down(&self) {
        self.state().is_down = true;
    }

    /// What was uploaded, as `name version`, in order.
    pub(crate) fn uploads(&self) -> Vec<String> {
        self.state().uploads.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no request panics")
    }
}

fn folders(folder: &Path) -> Vec<std::path::PathBuf> {
    let Ok(list) = fs::read_dir(folder) else { return vec![] };
    list.map(|entry| entry.expect("an entry").path()).collect()
}

/// The lines of the index that cargo has kept. Its files hold more; the lines stand between zeros.
fn cached_lines(folder: &Path) -> Vec<Value> {
    let mut lines = Vec::new();
    for path in folders(folder) {
        if path.is_dir() {
            lines.extend(cached_lines(&path));
        } else {
            let bytes = fs::read(&path).expect("a file of the index");
            let parts = bytes.split(|byte| *byte == 0).filter(|part| part.first() == Some(&b'{'));
            lines.extend(parts.filter_map(|part| serde_json::from_slice(part).ok()));
        }
    }
    lines
}

fn serve(mut stream: TcpStream, state: &Mutex<State>, address: &str) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if reader.read_until(b'\n', &mut head).ok()? == 0 {
            return None;
        }
    }
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    request.parse(&head).ok()?;
    let header = |name: &str| {
        let found = request.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        found.and_then(|header| std::str::from_utf8(header.value).ok())
    };
    if header("expect").is_some() {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").ok()?;
    }
    let length = header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;

    let mut state = state.lock().ok()?;
    let (code, answer) = match (request.method?, request.path?) {
        _ if state.is_down => (503, vec![]),
        ("GET", "/index/config.json") => {
            let config = json!({"dl": format!("http://{address}/dl"), "api": format!("http://{address}")});
            (200, config.to_string().into_bytes())
        }
        ("GET", path) if path.starts_with("/index/") => {
            let name = path.rsplit('/').next()?;
            match state.index.iter().find(|(known, _)| known.to_lowercase() == name) {
                Some((_, lines)) => {
                    (200, lines.iter().map(|line| format!("{line}\n")).collect::<String>().into_bytes())
                }
                None => (404, vec![]),
            }
        }
        ("GET", path) if path.starts_with("/dl/") => {
            let mut parts = path.split('/').skip(2);
            let key = (parts.next()?.to_owned(), parts.next()?.to_owned());
            state.packages.get(&key).map_or((404, vec![]), |package| (200, package.clone()))
        }
        ("PUT", "/api/v1/crates/new") => upload(&mut state, &body)?,
        _ => (404, vec![]),
    };
    drop(state);
    let head =
        format!("HTTP/1.1 {code} Answer\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", answer.len());
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(&answer).ok()
}

/// Length and text of the description, length and bytes of the package.
fn upload(state: &mut State, body: &[u8]) -> Option<(u16, Vec<u8>)> {
    let part = |from: usize| {
        let length = u32::from_le_bytes(body.get(from..from + 4)?.try_into().ok()?) as usize;
        Some((body.get(from + 4..from + 4 + length)?, from + 4 + length))
    };
    let (description, end) = part(0)?;
    let (package, _) = part(end)?;
    let told: Value = serde_json::from_slice(description).ok()?;
    let name = told["name"].as_str()?.to_owned();
    let version = told["vers"].as_str()?.to_owned();
    let lines = state.index.get(&name);
    if lines.is_some_and(|lines| lines.iter().any(|line| line["vers"] == told["vers"])) {
        return Some((
            200,
            json!({"errors": [{"detail": "this version is there already"}]}).to_string().into_bytes(),
        ));
    }
    if state.refused.contains(&name) {
        return Some((500, b"out of order".to_vec()));
    }
    let dependencies = told["deps"].as_array()?.iter().map(|told| {
        let mut line = told.clone();
        line["req"] = told["version_req"].clone();
        if let Some(alias) = told["explicit_name_in_toml"].as_str() {
            line["package"] = told["name"].clone();
            line["name"] = json!(alias);
        }
        line
    });
    let sum: String = Sha256::digest(package).iter().map(|byte| format!("{byte:02x}")).collect();
    let mut line = json!({
        "name": name, "vers": version, "deps": dependencies.collect::<Vec<_>>(), "cksum": sum, "features": {},
        "features2": told["features"], "v": 2, "yanked": false, "rust_version": told["rust_version"],
    });
    // The public one leaves out what was not told.
    line.as_object_mut()?.retain(|_, value| !value.is_null());
    state.index.entry(name.clone()).or_default().push(line);
    state.packages.insert((name.clone(), version.clone()), package.to_vec());
    state.uploads.push(format!("{name} {version}"));
    Some((200, b"{\"warnings\":{\"invalid_categories\":[],\"invalid_badges\":[],\"other\":[]}}".to_vec()))
}

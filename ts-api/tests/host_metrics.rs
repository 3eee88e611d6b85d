//! What the program `ts-host` tells of itself: the admin port, and the access log.

#![cfg(feature = "host")]

#[path = "support/host.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use rustix::process::Signal;
use support::{Host, LIMIT, get};

/// Labels, sorted.
type Labels = BTreeMap<String, String>;

/// A page, read as strictly as its format is.
#[derive(Debug, Default)]
struct Page {
    types: BTreeMap<String, String>,
    samples: BTreeMap<(String, Labels), f64>,
}

impl Page {
    fn read(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line ends");
        let mut page = Self::default();
        let mut helps = BTreeSet::new();
        // The family whose samples stand here.
        let mut family = String::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, about) = rest.split_once(' ').expect("a name and a text");
                assert!(is_name(name) && !about.is_empty(), "{line}");
                assert!(helps.insert(name.to_owned()), "{name} is there twice");
                family = name.to_owned();
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect("a name and a type");
                assert_eq!(name, family, "the two lines belong together");
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert!(page.types.insert(name.to_owned(), kind.to_owned()).is_none(), "{line}");
            } else {
                let (name, labels, value) = sample(line);
                let suffix =
                    name.strip_prefix(family.as_str()).unwrap_or_else(|| panic!("{line} is no {family}"));
                let allowed: &[&str] = match page.types[&family].as_str() {
                    "histogram" => &["_bucket", "_sum", "_count"],
                    _ => &[""],
                };
                assert!(allowed.contains(&suffix), "{line}");
                assert_eq!(suffix == "_bucket", labels.contains_key("le"), "{line}");
                assert!(page.samples.insert((name, labels), value).is_none(), "{line} is there twice");
            }
        }
        assert_eq!(page.types.keys().collect::<Vec<_>>(), helps.iter().collect::<Vec<_>>());
        page.histograms();
        page
    }

    /// Buckets only grow, and the last has all.
    fn histograms(&self) {
        for (name, _) in self.types.iter().filter(|(_, kind)| *kind == "histogram") {
            let counts = self.samples.iter().filter(|((sample, _), _)| *sample == format!("{name}_count"));
            for ((_, labels), count) in counts {
                let mut buckets: Vec<_> = self
                    .samples
                    .iter()
                    .filter(|((sample, _), _)| *sample == format!("{name}_bucket"))
                    .filter_map(|((_, with), value)| {
                        let mut with = with.clone();
                        let bound = with.remove("le").expect("a bound");
                        let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().unwrap() };
                        (with == *labels).then_some((bound, *value))
                    })
                    .collect();
                buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
                assert!(
                    buckets.windows(2).all(|pair| pair[0].1 <= pair[1].1),
                    "{name} {labels:?}: {buckets:?}"
                );
                assert_eq!(buckets.last(), Some(&(f64::INFINITY, *count)), "{name} {labels:?}");
            }
        }
    }

    fn get(&self, name: &str) -> f64 {
        self.with(name, &[])
    }

    fn with(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let labels = labels.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        *self.samples.get(&(name.to_owned(), labels)).unwrap_or_else(|| panic!("there is no {name}"))
    }

    /// The sum over all labels.
    fn sum(&self, name: &str) -> f64 {
        self.samples.iter().filter(|((sample, _), _)| sample == name).map(|(_, value)| value).sum()
    }
}

fn is_name(name: &str) -> bool {
    let first = |letter: char| letter.is_ascii_alphabetic() || letter == '_' || letter == ':';
    name.starts_with(first) && name.chars().all(|letter| first(letter) || letter.is_ascii_digit())
}

fn sample(line: &str) -> (String, Labels, f64) {
    let (name, mut rest) = line.split_at(line.find(['{', ' ']).expect("a value"));
    assert!(is_name(name), "{line}");
    let mut labels = Labels::new();
    if rest.starts_with('{') {
        loop {
            rest = &rest[1..];
            let (label, after) = rest.split_once("=\"").expect("a label");
            assert!(is_name(label) && !label.contains(':'), "{line}");
            let mut value = String::new();
            let mut letters = after.char_indices();
            let end = loop {
                match letters.next().expect("an end") {
                    (end, '"') => break end,
                    (_, '\\') => match letters.next().expect("what is escaped").1 {
                        'n' => value.push('\n'),
                        letter @ ('"' | '\\') => value.push(letter),
                        letter => panic!("{line}: \\{letter}"),
                    },
                    (_, letter) => value.push(letter),
                }
            };
            assert!(labels.insert(label.to_owned(), value).is_none(), "{line}");
            rest = &after[end + 1..];
            if !rest.starts_with(',') {
                break;
            }
        }
        rest = rest.strip_prefix('}').expect("a brace that closes");
    }
    let value = rest.strip_prefix(' ').expect("a space");
    (name.to_owned(), labels, value.parse().unwrap_or_else(|_| panic!("{line}")))
}

/// Asks the admin port: head and body.
fn ask(admin: SocketAddr, method: &str, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(admin).expect("it listens");
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    write!(stream, "{method} {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    (head.to_ascii_lowercase(), body.to_owned())
}

fn admin(host: &Host) -> SocketAddr {
    let line = host.greeting.iter().find(|line| line.contains("/metrics")).expect("it tells of the port");
    let (_, rest) = line.split_once("http://").unwrap();
    rest.split('/').next().unwrap().parse().unwrap()
}

fn scrape(admin: SocketAddr) -> Page {
    let (head, body) = ask(admin, "GET", "/metrics");
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
    Page::read(&body)
}

/// Scrapes until a number is what it is to be.
fn scrape_until(admin: SocketAddr, done: impl Fn(&Page) -> bool) -> Page {
    let began = Instant::now();
    loop {
        let page = scrape(admin);
        if done(&page) {
            return page;
        }
        assert!(began.elapsed() < LIMIT, "{page:#?}");
    }
}

#[test]
fn the_counts_add_up_with_the_requests_made() {
    let host = Host::start(&["--admin", "127.0.0.1:0", "--threads", "2"]);
    let admin = admin(&host);
    let first = scrape(admin);
    assert_eq!(first.get("ts_http_requests_total"), 0.0, "what the admin port is asked is none of them");
    for number in 0..8 {
        let denied = number < 3;
        let name = if denied { "denied.example" } else { "www.example" };
        assert_eq!(get(host.address(), name).0, if denied { 403 } else { 200 });
    }
    let mut bad = TcpStream::connect(host.address()).unwrap();
    bad.write_all(b"no request at all\r\n\r\n").unwrap();
    bad.read_to_end(&mut Vec::new()).unwrap();

    let page = scrape_until(admin, |page| {
        page.get("ts_http_transactions_total") >= 8.0 && page.get("ts_http_open_connections") == 0.0
    });
    assert_eq!(page.get("ts_http_connections_total"), 9.0);
    assert_eq!(page.get("ts_http_requests_total"), 8.0);
    assert_eq!(page.get("ts_http_transactions_total"), 8.0);
    assert_eq!(page.get("ts_http_refused_heads_total"), 1.0);
    assert_eq!(page.with("ts_http_responses_total", &[("class", "2xx")]), 5.0);
    assert_eq!(page.with("ts_http_responses_total", &[("class", "4xx")]), 3.0);
    assert_eq!(page.sum("ts_http_responses_total"), 8.0);

    // The deny list is called once for each, and that is all that is called.
    assert_eq!(page.get("ts_http_call_outs_total"), 8.0);
    for family in ["ts_http_hook_handler_seconds", "ts_http_hook_answer_seconds"] {
        assert_eq!(page.sum(&format!("{family}_count")), 8.0);
        let deny = |(sample, labels): &&(String, Labels)| {
            *sample == format!("{family}_count")
                && labels["plugin"].starts_with("deny list (")
                && labels["hook"].contains("READ_REQUEST_HDR")
        };
        assert_eq!(page.samples.keys().filter(deny).count(), 1, "{:?}", page.samples);
    }
    let api: f64 = page
        .samples
        .iter()
        .filter(|((name, _), _)| name.starts_with("proxy_process_api_time_"))
        .map(|(_, count)| count)
        .sum();
    assert_eq!(api, 8.0, "each handler is in one bucket");
    host.signal(Signal::TERM);
    assert!(host.end().1.success());
}

#[test]
fn event_loops_are_told_of_under_the_names_of_the_original() {
    let host = Host::start(&["--admin", "127.0.0.1:0", "--threads", "2"]);
    let admin = admin(&host);
    for _ in 0..20 {
        assert_eq!(get(host.address(), "www.example").0, 200);
    }
    let net = [("group", "ET_NET")];
    // A second is told of when it is over.
    let page = scrape_until(admin, |page| page.with("proxy_process_eventloop_events_10s", &net) >= 40.0);
    for window in ["10s", "100s", "1000s"] {
        let get = |stem: &str| page.with(&format!("proxy_process_eventloop_{stem}_{window}"), &net);
        let total = page.sum("ts_loop_turns_total");
        assert!(0.0 < get("wait") && get("wait") <= get("count") && get("count") <= total, "{page:#?}");
        assert!(get("events_min") <= get("events_max") && get("events_max") <= get("events"));
        assert!(0.0 < get("time_min") && get("time_min") <= get("time_max"));
        assert!(get("drain_queue_max") <= get("time_max") && get("io_work_max") <= get("time_max"));
        assert!(get("io_wait_max") > 0.0);
    }
    let buckets: Vec<_> = page
        .samples
        .iter()
        .filter(|((name, labels), _)| {
            name.starts_with("proxy_process_eventloop_time_") && labels["group"] == "ET_NET"
        })
        .filter(|((name, _), _)| name.ends_with("ms"))
        .collect();
    assert_eq!(buckets.len(), 33);
    for bound in [0, 5, 40, 50, 2560] {
        page.with(&format!("proxy_process_eventloop_time_{bound}ms"), &net);
    }
    let turns: f64 = ["[ET_NET 0]", "[ET_NET 1]"]
        .iter()
        .map(|thread| page.with("ts_loop_turns_total", &[("thread", thread)]))
        .sum();
    let in_buckets: f64 = buckets.iter().map(|(_, count)| **count).sum();
    // The threads go on while the page is written.
    assert!((in_buckets - turns).abs() <= 4.0, "{in_buckets} turns in buckets, {turns} in all");
    for bound in [0, 1, 2, 10, 512] {
        page.get(&format!("proxy_process_api_time_{bound}ms"));
    }
    assert_eq!(page.types.keys().filter(|name| name.starts_with("proxy_process_")).count(), 96);
}

#[test]
fn the_admin_port_answers_what_it_knows_and_nothing_else() {
    let host = Host::start(&["--admin", "127.0.0.1:0"]);
    let admin = admin(&host);
    let (head, body) = ask(admin, "GET", "/healthz");
    assert!(head.starts_with("http/1.1 200 ") && body == "ok\n", "{head}");
    let (head, body) = ask(admin, "HEAD", "/metrics");
    assert!(head.starts_with("http/1.1 200 ") && body.is_empty(), "{head}");
    let (head, _) = ask(admin, "POST", "/metrics");
    assert!(head.starts_with("http/1.1 405 ") && head.contains("allow: get, head"), "{head}");
    assert!(ask(admin, "GET", "/metrics/more").0.starts_with("http/1.1 404 "));
    assert_eq!(get(host.address(), "www.example").0, 200);
}

#[test]
fn the_access_log_has_a_line_for_each_request_across_a_rotation() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let config = path("host.toml");
    let text = format!(
        "[admin]\naddress = \"127.0.0.1:0\"\n[access-log]\nfile = {:?}\nformat = \"json\"\n",
        path("log")
    );
    fs::write(&config, &text).unwrap();
    let host = Host::start(&["--config", config.to_str().unwrap()]);
    let admin = admin(&host);
    let written = |count: f64| {
        scrape_until(admin, |page| page.with("ts_access_log_lines_total", &[("fate", "written")]) >= count)
    };
    (0..3).for_each(|_| assert_eq!(get(host.address(), "a.example").0, 200));
    written(3.0);
    fs::rename(path("log"), path("log.1")).unwrap();
    host.signal(Signal::HUP);
    host.logged("was read again");
    (0..2).for_each(|_| assert_eq!(get(host.address(), "b.example").0, 200));
    written(5.0);
    // Another file, by a change of the configuration.
    fs::write(&config, text.replace("log\"", "other\"")).unwrap();
    host.signal(Signal::HUP);
    host.logged("taken up: access-log.file");
    assert_eq!(get(host.address(), "c.example").0, 200);
    // What has not been written yet is when the host ends.
    host.signal(Signal::TERM);
    assert!(host.end().1.success());
    let hosts = |name: &str| -> Vec<String> {
        let log = fs::read_to_string(path(name)).unwrap();
        let line = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
        log.lines().map(|text| line(text)["host"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(hosts("log.1"), ["a.example"; 3]);
    assert_eq!(hosts("log"), ["b.example"; 2]);
    assert_eq!(hosts("other"), ["c.example"]);
}

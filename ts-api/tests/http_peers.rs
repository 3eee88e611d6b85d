//! The proxy between programs that are not ours: curl, wrk and h2load before it, nginx behind it.
#![cfg(all(feature = "http", feature = "runtime"))]

#[path = "support/peers.rs"]
mod peers;
#[path = "support/http.rs"]
mod support;

use std::fs;
use std::time::Duration;

use peers::{Nginx, are_here, curl, run};
use support::{Bed, Client, DEADLINE, Diary, get, wait_until};
use ts_api::http::{HookId, Remap, Settings};

/// An origin whose answers say what it was asked.
const ECHO: &str = r#"
    location / { return 200 "$request_method $request_uri $http_x_extra $content_length\n"; }
"#;

/// What `wrk` or another client says it did: the number before these words.
#[track_caller]
fn number_before(text: &str, words: &str) -> u64 {
    let end = text.find(words).unwrap_or_else(|| panic!("no {words:?} in {text}"));
    let digits = text[..end].trim_end().rsplit(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
    digits.parse().unwrap_or_else(|_| panic!("no number before {words:?} in {text}"))
}

#[test]
fn curl_reaches_nginx_through_the_proxy_with_each_method() {
    if !are_here(&["curl", "nginx"]) {
        return;
    }
    let nginx = Nginx::start(ECHO);
    let bed = Bed::new(nginx.address);
    let url = format!("http://{}/a/b?c=d", bed.address());

    assert_eq!(curl(&[&url]), "GET /a/b?c=d  \n");
    assert_eq!(curl(&["-H", "X-Extra: e", &url]), "GET /a/b?c=d e \n");
    assert_eq!(curl(&["-d", "twelve bytes", &url]), "POST /a/b?c=d  12\n");
    for method in ["PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND"] {
        assert_eq!(curl(&["-X", method, &url]), format!("{method} /a/b?c=d  \n"));
    }
    let head = curl(&["-I", &url]);
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("Server: nginx"), "{head}");
    assert_eq!(curl(&["--http1.0", &url]), "GET /a/b?c=d  \n");
    let counts = bed.end();
    assert_eq!((counts.transactions, counts.client_aborts, counts.origin_failures), (10, 0, 0));
}

#[test]
fn curl_asks_twice_over_one_connection() {
    if !are_here(&["curl", "nginx"]) {
        return;
    }
    let nginx = Nginx::start(ECHO);
    let bed = Bed::new(nginx.address);
    let url = |path: &str| format!("http://{}/{path}", bed.address());
    assert_eq!(curl(&[&url("1"), &url("2")]), "GET /1  \nGET /2  \n");
    let counts = bed.end();
    assert_eq!((counts.connections, counts.transactions, counts.origin_connections), (1, 2, 1));
}

#[test]
fn a_large_file_arrives_as_it_is_and_a_part_of_it_too() {
    if !are_here(&["curl", "nginx"]) {
        return;
    }
    let nginx = Nginx::start("");
    let bytes: Vec<u8> =
        (0..5_000_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    fs::write(nginx.www().join("large"), &bytes).unwrap();
    let bed = Bed::new(nginx.address);
    let url = format!("http://{}/large", bed.address());

    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    curl(&["-o", path, &url]);
    assert!(fs::read(path).unwrap() == bytes);
    curl(&["-o", path, "-r", "1000-1999", &url]);
    assert_eq!(fs::read(path).unwrap(), bytes[1000..2000]);
    // A client that reads slowly holds the origin back, and gets everything all the same.
    curl(&["-o", path, "--limit-rate", "40M", &url]);
    assert!(fs::read(path).unwrap() == bytes);
    assert_eq!(bed.end().responses_2xx, 3);
}

#[test]
fn an_upload_arrives_as_it_is_whether_or_not_it_waits_to_be_asked_for() {
    if !are_here(&["curl", "nginx"]) {
        return;
    }
    // nginx keeps a request's body only for a handler that wants it, such as its own proxy.
    let nginx = Nginx::start(
        "client_max_body_size 0;
         location / { client_body_in_file_only on; proxy_pass http://$server_addr:$server_port/sink/; }
         location /sink/ { return 200; }",
    );
    let bytes: Vec<u8> = (0..500_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), &bytes).unwrap();
    let bed = Bed::new(nginx.address);
    let url = format!("http://{}/up", bed.address());
    let data = format!("@{}", file.path().display());

    for (n, expect) in ["Expect: 100-continue", "Expect:"].into_iter().enumerate() {
        for framing in ["Content-Type: a/b", "Transfer-Encoding: chunked"] {
            let status = ["-o", "/dev/null", "-w", "%{http_code}"];
            let upload = ["-H", expect, "-H", framing, "--data-binary", &data, &url];
            assert_eq!(curl(&[&status[..], &upload[..]].concat()), "200", "{n} {framing}");
        }
    }
    let bodies = nginx.bodies();
    assert_eq!(bodies.len(), 4);
    assert!(bodies.iter().all(|body| *body == bytes), "each is what was sent");
    assert_eq!(bed.end().responses_2xx, 4);
}

#[test]
fn an_origin_that_is_killed_and_comes_back_costs_only_what_was_asked_meanwhile() {
    if !are_here(&["nginx"]) {
        return;
    }
    let nginx = Nginx::start(ECHO);
    let bed = Bed::new(nginx.address);
    let mut client = bed.client();
    assert_eq!(client.get("/1").status(), 200);
    let fallen = nginx.kill();
    for _ in 0..3 {
        assert_eq!(client.get("/2").status(), 502);
    }
    let _nginx = fallen.rise(ECHO);
    assert_eq!(client.get("/3").text(), "GET /3  \n");
    let counts = bed.end();
    assert_eq!((counts.connections, counts.transactions, counts.origin_failures), (1, 5, 3));
}

#[test]
fn an_origin_that_freezes_is_a_504_and_is_asked_again_when_it_thaws() {
    if !are_here(&["nginx"]) {
        return;
    }
    let nginx = Nginx::start(ECHO);
    let bed = Bed::new(nginx.address);
    // Only while it is frozen: on a slow machine it may take as long otherwise.
    let wait_for_the_origin = |limit| {
        let mut settings = bed.server.settings();
        settings.timeouts.response = limit;
        bed.server.reload(settings);
    };
    assert_eq!(get(bed.address(), "/1").status(), 200);
    nginx.freeze();
    wait_for_the_origin(Duration::from_millis(100));
    assert_eq!(get(bed.address(), "/2").status(), 504);
    nginx.thaw();
    wait_for_the_origin(DEADLINE);
    assert_eq!(get(bed.address(), "/3").text(), "GET /3  \n");
    assert_eq!(bed.end().origin_failures, 1);
}

#[test]
fn an_origin_that_closes_without_an_answer_is_a_502() {
    if !are_here(&["nginx"]) {
        return;
    }
    // 444 is nginx's word for it.
    let nginx = Nginx::start("location / { return 444; } location /ok { return 200; }");
    let bed = Bed::new(nginx.address);
    let mut client = bed.client();
    assert_eq!(client.get("/").status(), 502);
    assert_eq!(client.get("/ok").status(), 200);
    assert_eq!(client.get("/").status(), 502, "over a kept connection as well");
    assert_eq!(bed.end().origin_failures, 2);
}

#[test]
fn an_origin_that_dies_in_the_middle_of_a_body_breaks_the_response_off() {
    if !are_here(&["nginx"]) {
        return;
    }
    let nginx = Nginx::start("location / { limit_rate 10k; }");
    fs::write(nginx.www().join("slow"), vec![b'x'; 1_000_000]).unwrap();
    let bed = Bed::new(nginx.address);
    let diary = Diary::new();
    let note = diary.cont("note");
    bed.hook(HookId::SendResponseHdr, &note);
    bed.hook(HookId::TxnClose, &note);
    let mut client = bed.client();
    client.ask("/slow");
    assert_eq!(diary.next(), "note SEND_RESPONSE_HDR");
    assert_eq!(client.bare_answer().status(), 200);
    drop(nginx);
    let mut rest = Vec::new();
    let ended = std::io::Read::read_to_end(&mut client.stream, &mut rest);
    assert!(ended.is_err() || rest.len() < 1_000_000, "it is not taken for the whole");
    assert_eq!(diary.next(), "note TXN_CLOSE");
    drop(client);
    let counts = bed.end();
    assert_eq!((counts.transactions, counts.origin_failures), (1, 1));
}

#[test]
fn what_wrk_asks_is_answered_and_counted() {
    if !are_here(&["nginx", "wrk"]) {
        return;
    }
    const CONNECTIONS: u64 = 16;
    let nginx = Nginx::start(ECHO);
    let bed = Bed::new(nginx.address);
    let diary = Diary::new();
    let note = diary.cont("note");
    bed.hook(HookId::TxnClose, &note);
    let url = format!("http://{}/", bed.address());
    let said = run("wrk", &["-t", "1", "-c", &CONNECTIONS.to_string(), "-d", "1s", "--timeout", "30s", &url]);
    assert!(!said.contains("Non-2xx") && !said.contains("Socket errors"), "{said}");
    let asked = number_before(&said, " requests in");
    let counts = bed.end();
    // wrk stops in the middle of what each connection was about to ask.
    assert!((asked..=asked + CONNECTIONS).contains(&counts.requests), "{asked} {counts:?}");
    assert_eq!(counts.transactions, counts.requests);
    assert_eq!(diary.rest().len() as u64, counts.requests, "each was closed once");
}

#[test]
fn an_origin_that_is_killed_under_load_leaves_no_request_without_an_answer() {
    if !are_here(&["nginx"]) {
        return;
    }
    const CLIENTS: usize = 8;
    const AFTER: usize = 50;
    let nginx = Nginx::start(ECHO);
    let bed = Bed::new(nginx.address);
    let address = bed.address();
    let (running, fallen) = (std::sync::Barrier::new(CLIENTS + 1), std::sync::OnceLock::new());
    let statuses: Vec<(u64, u64)> = std::thread::scope(|scope| {
        let client = || {
            let mut client = Client::connect(address);
            let (mut good, mut bad) = (0, 0);
            assert_eq!(client.get("/").status(), 200);
            good += 1;
            running.wait();
            let mut left = AFTER;
            while left > 0 {
                if fallen.get().is_some() {
                    left -= 1;
                }
                match client.get("/").status() {
                    200 => good += 1,
                    502 => bad += 1,
                    status => panic!("{status}"),
                }
            }
            (good, bad)
        };
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
        running.wait();
        wait_until("the clients are at work", || bed.server.counts().requests > 100);
        fallen.set(nginx.kill()).ok().unwrap();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    let (good, bad) = statuses.iter().fold((0, 0), |sum, each| (sum.0 + each.0, sum.1 + each.1));
    assert!(bad as usize >= CLIENTS * (AFTER - 1), "nobody answered for the dead");
    let counts = bed.end();
    assert_eq!((counts.responses_2xx, counts.responses_5xx), (good, bad));
    assert_eq!((counts.transactions, counts.origin_failures), (good + bad, bad));
}

#[test]
fn an_idle_connection_of_a_peer_that_is_gone_is_noticed() {
    if !are_here(&["curl", "nginx"]) {
        return;
    }
    let nginx = Nginx::start("keepalive_timeout 0; location / { return 200 ok; }");
    let bed = Bed::new(nginx.address);
    // The origin closes after each answer; whoever comes next gets a fresh connection, and never an error.
    for _ in 0..20 {
        assert_eq!(get(bed.address(), "/").text(), "ok");
    }
    wait_until("clients that are gone are let go", || bed.server.open_connections() == 0);
    let counts = bed.end();
    assert_eq!((counts.origin_connections, counts.origin_failures), (20, 0));
}

#[test]
fn curl_and_h2load_speak_http_2_to_the_proxy() {
    if !are_here(&["curl", "nginx", "h2load"]) {
        return;
    }
    const REQUESTS: u64 = 2000;
    // curl 7.88 may fail if it is answered before it has sent its body: nginx reads all of it for its own proxy.
    let whole = "location /whole { proxy_pass http://$server_addr:$server_port/two; }";
    let nginx = Nginx::start(&(ECHO.to_owned() + whole));
    let bed = Bed::new(nginx.address);
    let diary = Diary::new();
    let note = diary.cont("note");
    bed.hook(HookId::TxnClose, &note);
    let [url, whole] = ["two", "whole"].map(|path| format!("http://{}/{path}", bed.address()));

    let with_version = ["-w", "%{http_version}", "--http2-prior-knowledge"];
    assert_eq!(curl(&[&with_version[..], &[&url]].concat()), "GET /two  \n2");
    assert_eq!(curl(&[&with_version[..], &["-d", "twelve bytes", &whole]].concat()), "POST /two  12\n2");
    let said = run("h2load", &["-n", &REQUESTS.to_string(), "-c", "4", "-m", "20", &url]);
    assert_eq!(number_before(&said, " succeeded"), REQUESTS, "{said}");
    assert_eq!(number_before(&said, " 2xx"), REQUESTS, "{said}");
    let counts = bed.end();
    assert_eq!((counts.transactions, counts.responses_2xx), (REQUESTS + 2, REQUESTS + 2));
    assert_eq!((counts.client_aborts, counts.origin_failures), (0, 0));
    assert_eq!(diary.rest().len() as u64, REQUESTS + 2, "each was closed once");
}

#[test]
fn curl_reaches_nginx_through_a_tunnel() {
    if !are_here(&["curl", "nginx"]) {
        return;
    }
    let nginx = Nginx::start(ECHO);
    let bed = Bed::with(nginx.address, |builder| {
        let mut settings = Settings::default();
        settings.remap = Remap::to(nginx.address);
        settings.targets.tunnels = true;
        settings.targets.tunnel_ports = vec![nginx.address.port()];
        settings.targets.inner_addresses = true;
        builder.settings(settings)
    });
    let proxy = format!("http://{}", bed.address());
    let url = |path: &str| format!("http://{}/{path}", nginx.address);
    // Both requests in one tunnel: what passes through it is nothing to the proxy.
    assert_eq!(curl(&["-p", "-x", &proxy, &url("1"), &url("2")]), "GET /1  \nGET /2  \n");
    assert_eq!(bed.end().transactions, 1);
}

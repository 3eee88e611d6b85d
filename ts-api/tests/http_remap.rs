//! Which requests go to which origin, and what becomes of their heads on the way there and back.
#![cfg(all(feature = "http", feature = "runtime"))]

#[path = "support/http.rs"]
mod support;

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, listen, socket_with};

use support::{Bed, Client, DEADLINE, Diary, Origin, go_on, respond};
use ts_api::Cont;
use ts_api::http::{HookId, Redirection, Remap, RemapError, Resolve, Rule, RuleError, Unmapped};

fn named(name: &'static str) -> Origin {
    Origin::new(move |request, stream| {
        let text = format!("{name} {} {}", request.target(), request.field("host").unwrap_or_default());
        respond(stream, "200 OK", &text)
    })
}

fn table<const N: usize>(rules: [(&str, String); N]) -> Remap {
    Remap::new(rules.map(|(from, to)| Rule::new(from, &to).unwrap())).unwrap()
}

fn bed(remap: Remap) -> Bed {
    Bed::with("127.0.0.1:9".parse().unwrap(), |builder| {
        let mut settings = ts_api::http::Settings::default();
        settings.remap = remap;
        // All of these tests' origins are this machine's.
        settings.targets.inner_addresses = true;
        builder.settings(settings)
    })
}

/// The text of an answer to a request for `target` at `host`.
fn ask(client: &mut Client, host: &str, target: &str) -> (u16, String) {
    client.send(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    let answer = client.answer();
    (answer.status(), answer.text())
}

#[test]
fn requests_go_where_the_longest_prefix_and_the_most_particular_host_send_them() {
    let (shop, pictures, rest) = (named("shop"), named("pictures"), named("rest"));
    let at = |origin: &Origin| format!("http://{}", origin.address);
    let bed = bed(table([
        ("http://shop.example/", at(&shop)),
        ("http://shop.example/pictures/", at(&pictures) + "/p/q"),
        ("//*.example", at(&rest) + "/rest"),
    ]));
    let (shop, pictures, rest) = (shop.address, pictures.address, rest.address);
    let mut client = bed.client();
    let mut text = |host: &str, target: &str| ask(&mut client, host, target).1;
    assert_eq!(text("shop.example", "/a?b"), format!("shop /a?b {shop}"));
    assert_eq!(text("SHOP.example.:81", "/"), format!("shop / {shop}"));
    assert_eq!(text("shop.example", "/pictures/1?x"), format!("pictures /p/q/1?x {pictures}"));
    assert_eq!(text("shop.example", "/pictures"), format!("shop /pictures {shop}"));
    assert_eq!(text("shop.example", "http://www.example/z"), format!("rest /rest/z {rest}"));
    assert_eq!(text("example", "/"), "421 Misdirected Request\n");
    drop(client);
    let counts = bed.end();
    assert_eq!((counts.responses_4xx, counts.origin_connections), (1, 3));
}

#[test]
fn a_rule_may_keep_the_host_and_a_whole_server_has_no_path_to_rewrite() {
    let origin = named("origin");
    let to = format!("http://{}/under/", origin.address);
    let bed = bed(Remap::new([Rule::new("/", &to).unwrap().keep_host(true)]).unwrap());
    let mut client = bed.client();
    assert_eq!(ask(&mut client, "a.example", "/x").1, "origin /under/x a.example");
    assert_eq!(ask(&mut client, "a.example", "http://b.example/?y").1, "origin /under/?y b.example");
    client.send("OPTIONS * HTTP/1.1\r\nHost: c.example\r\n\r\n");
    assert_eq!(client.answer().text(), "origin * c.example");
    drop(client);
    bed.end();
}

#[test]
fn a_rule_may_send_clients_elsewhere_and_no_origin_is_asked() {
    let origin = named("origin");
    let redirect = |from: &str, to: &str, status| {
        let with = Redirection::of(status).expect("there is one with that status");
        Rule::redirect(from, to, with).expect("it is a rule")
    };
    let bed = bed(Remap::new([
        redirect("http://old.example/", "https://new.example/old", 301),
        redirect("http://old.example/now", "http://new.example:8443/", 307),
        redirect("//*.old.example", "http://new.example:80/", 302),
        redirect("//kept.old.example/", "https://new.example:443/", 308),
        Rule::new("http://old.example/still/", &format!("http://{}/", origin.address)).unwrap(),
    ])
    .unwrap());
    let mut client = bed.client();
    let mut ask = |host: &str, method: &str, target: &str| {
        client.send(format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        let answer = client.answer();
        (answer.status(), answer.field("location").unwrap_or_default().to_owned())
    };
    let sent = |status, location: &str| (status, location.to_owned());
    assert_eq!(ask("old.example", "GET", "/a?b"), sent(301, "https://new.example/old/a?b"));
    assert_eq!(ask("OLD.example:81", "DELETE", "/"), sent(301, "https://new.example/old"));
    assert_eq!(ask("old.example", "GET", "/now/c"), sent(307, "http://new.example:8443/c"));
    assert_eq!(ask("a.old.example", "GET", "http://b.old.example?c"), sent(302, "http://new.example/?c"));
    assert_eq!(ask("kept.old.example", "OPTIONS", "*"), sent(308, "https://new.example/"));
    assert_eq!(ask("old.example", "GET", "/still/there"), sent(200, ""));
    assert_eq!(Redirection::of(304), None);
    drop(client);
    let counts = bed.end();
    assert_eq!((counts.responses_3xx, counts.origin_connections), (5, 1));
}

#[test]
fn a_rule_for_the_way_back_is_for_every_response_and_asked_first() {
    let origin = Origin::new(|request, stream| {
        let location = request.target().strip_prefix("/in/").unwrap();
        let text = format!("HTTP/1.1 201 Created\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
        stream.get_mut().write_all(text.as_bytes()).is_ok()
    });
    let to = format!("http://{}/in/", origin.address);
    let bed = bed(Remap::new([
        Rule::new("/out/", &to).unwrap(),
        Rule::reverse(&to, "https://us.example/out/").unwrap(),
        Rule::reverse("https://other.example/a/", "http://us.example/other/").unwrap(),
        Rule::reverse("https://other.example/a/b", "http://us.example/b").unwrap(),
    ])
    .unwrap());
    let mut client = bed.client();
    let mut location = |location: &str| {
        client.send(format!("GET /out/{location} HTTP/1.1\r\nHost: a.example\r\n\r\n"));
        client.answer().field("location").unwrap().to_owned()
    };
    assert_eq!(location(&format!("{to}x?y")), "https://us.example/out/x?y");
    assert_eq!(location("https://OTHER.example/a/c"), "http://us.example/other/c");
    assert_eq!(location("https://other.example:443/a/b?c"), "http://us.example/b?c");
    // Its own rule's, another scheme, not under the path, relative.
    assert_eq!(location(&format!("http://{}/in", origin.address)), "http://a.example/out/");
    assert_eq!(location("http://other.example/a/c"), "http://other.example/a/c");
    assert_eq!(location("https://other.example/ab"), "https://other.example/ab");
    assert_eq!(location("/a/c"), "/a/c");
    drop(client);
    bed.end();
    let remap = Remap::new([Rule::reverse("//a/", "http://b/").unwrap()]).unwrap();
    assert!(remap.find("http://a/").is_none(), "it is for no request");
    let twice = Remap::new(["http://b/", "http://c/"].map(|to| Rule::reverse("//a/", to).unwrap()));
    assert!(matches!(twice, Err(RemapError::Twice { .. })));
}

#[test]
fn a_location_that_names_the_origin_names_us_afterwards() {
    let origin = Origin::new(|request, stream| {
        let location = request
            .target()
            .strip_prefix("/in/")
            .unwrap()
            .replace("SELF", &stream.get_ref().local_addr().unwrap().to_string());
        let text = format!(
            "HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Location: {location}\r\nContent-Length: 0\r\n\r\n"
        );
        stream.get_mut().write_all(text.as_bytes()).is_ok()
    });
    let to = format!("http://{}/in/", origin.address);
    let kept = Rule::new("//kept.example/out/", &to).unwrap().keep_location(true);
    let bed = bed(Remap::new([Rule::new("/out/", &to).unwrap(), kept]).unwrap());
    let mut client = bed.client();
    let mut location = |host: &str, location: &str| {
        client.send(format!("GET /out/{location} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        let answer = client.answer();
        assert_eq!(answer.field("location"), answer.field("content-location"));
        answer.field("location").unwrap().to_owned()
    };
    let own = |path: &str| format!("http://{}{path}", origin.address);
    assert_eq!(location("a.example:81", "http://SELF/in/x?y"), "http://a.example:81/out/x?y");
    assert_eq!(location("a.example", "HTTP://SELF/in"), "http://a.example/out/");
    // What is not under the rule's path, not the origin's, or relative, stays.
    assert_eq!(location("a.example", "http://SELF/inner"), own("/inner"));
    assert_eq!(location("a.example", "http://other.example/in/x"), "http://other.example/in/x");
    assert_eq!(location("a.example", "/in/x"), "/in/x");
    assert_eq!(location("kept.example", "http://SELF/in/x"), own("/in/x"));
    drop(client);
    bed.end();
}

#[test]
fn plugins_see_the_rewritten_request_after_remapping() {
    let origin = named("origin");
    let bed = bed(table([("/a", format!("http://{}/b", origin.address))]));
    let diary = Diary::new();
    let pen = diary.pen();
    let look = Cont::shared(move |event| {
        let request = event.transaction().unwrap().request();
        pen(format!("{} {}", request.target().unwrap(), request.get("host").unwrap().unwrap_or_default()));
        go_on(event);
    });
    bed.hook(HookId::PreRemap, &look);
    bed.hook(HookId::PostRemap, &look);
    let mut client = bed.client();
    assert_eq!(ask(&mut client, "x", "/a/1").1, format!("origin /b/1 {}", origin.address));
    assert_eq!(diary.next(), "/a/1 x");
    assert_eq!(diary.next(), format!("/b/1 {}", origin.address));
    drop((client, look));
    bed.end();
}

#[test]
fn what_no_rule_fits_is_denied_or_goes_where_it_says() {
    let (own, other) = (named("own"), named("other"));
    let rules = || table([("//own.example", format!("http://{}", own.address))]);
    let denied = bed(rules());
    let forwards = bed(rules().unmapped(Unmapped::ForwardProxy));
    let there = format!("http://{}/x", other.address);
    let mut client = denied.client();
    assert_eq!(ask(&mut client, "own.example", &there).0, 421);
    drop(client);
    let mut client = forwards.client();
    assert_eq!(ask(&mut client, "own.example", &there).1, format!("other /x {}", other.address));
    assert!(ask(&mut client, "", "http://own.example/").1.starts_with("own /"));
    // Only a request that says where it goes is meant for a forward proxy.
    assert_eq!(ask(&mut client, &other.address.to_string(), "/x").0, 421);
    assert_eq!(ask(&mut client, "", "https://own.test/").0, 501);
    drop(client);
    denied.end();
    forwards.end();
}

#[test]
fn a_host_without_a_rule_is_misdirected_and_a_path_without_one_is_not_found() {
    let origin = named("origin");
    let to = || format!("http://{}", origin.address);
    let bed = bed(table([
        ("//shop.example/a/", to()),
        ("//*.suffix.example/a/", to()),
        ("http://port.example:81/", to()),
    ]));
    let mut client = bed.client();
    let mut status = |host: &str, target: &str| ask(&mut client, host, target).0;
    assert_eq!(status("shop.example", "/a/"), 200);
    assert_eq!(status("shop.example", "/b/"), 404);
    assert_eq!(status("x.suffix.example", "/b/"), 404);
    assert_eq!(status("suffix.example", "/a/"), 421);
    assert_eq!(status("other.example", "/a/"), 421);
    assert_eq!(status("port.example:81", "/"), 200);
    assert_eq!(status("port.example", "/"), 421);
    drop(client);
    assert_eq!(bed.end().responses_4xx, 5);
}

type Addresses = dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync;

/// Counts how often it was asked.
#[derive(Clone)]
struct Book {
    asked: Arc<AtomicUsize>,
    addresses: Arc<Addresses>,
}

impl Resolve for Book {
    fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        // Relaxed: it is read when everything has ended.
        self.asked.fetch_add(1, Ordering::Relaxed);
        (self.addresses)(host)
    }
}

fn bed_with_names(
    remap: Remap,
    addresses: impl Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync + 'static,
) -> (Bed, Arc<AtomicUsize>) {
    let book = Book { asked: Arc::default(), addresses: Arc::new(addresses) };
    let asked = Arc::clone(&book.asked);
    let bed = Bed::with_builder(1, |builder| {
        let mut settings = ts_api::http::Settings::default();
        settings.remap = remap;
        // Each request gets a connection of its own.
        settings.origin.idle = 0;
        builder.settings(settings).resolver(book)
    });
    (bed, asked)
}

#[test]
fn a_name_is_looked_up_once_and_all_its_addresses_are_tried() {
    let origin = named("origin");
    let port = origin.address.port();
    let remap =
        table([("/", format!("http://many.example:{port}/")), ("/none", "http://none.example/".into())]);
    // Nobody listens at the first two.
    let (bed, asked) = bed_with_names(remap, |host| match host {
        "many.example" => Ok([2, 3, 1].map(|last| Ipv4Addr::new(127, 0, 0, last).into()).to_vec()),
        _ => Ok(Vec::new()),
    });
    let mut client = bed.client();
    for _ in 0..3 {
        assert_eq!(client.get("/x").text(), format!("origin /x many.example:{port}"));
    }
    let answer = client.get("/none");
    assert_eq!(answer.status(), 502);
    assert_eq!(answer.text(), "502 Bad Gateway\nThe origin's name could not be looked up.\n");
    drop(client);
    let counts = bed.end();
    assert_eq!(asked.load(Ordering::Relaxed), 2);
    assert_eq!((counts.origin_failures, counts.origin_lookup_failures, counts.origin_connections), (1, 1, 3));
}

#[test]
fn those_who_want_the_same_name_wait_for_one_look_up_which_outlives_the_first_of_them() {
    let origin = named("origin");
    let (go, may_go) = channel::<()>();
    let may_go = Mutex::new(may_go);
    let (began, has_begun) = channel();
    let began = Mutex::new(began);
    let remap = table([("/", format!("http://slow.example:{}/", origin.address.port()))]);
    let (bed, asked) = bed_with_names(remap, move |_| {
        began.lock().unwrap().send(()).unwrap();
        may_go.lock().unwrap().recv_timeout(DEADLINE).unwrap();
        Ok(vec![Ipv4Addr::LOCALHOST.into()])
    });
    let mut first = bed.client();
    first.ask("/first");
    has_begun.recv_timeout(DEADLINE).unwrap();
    first.vanish();
    let mut clients: Vec<_> = (0..5).map(|_| bed.client()).collect();
    clients.iter_mut().for_each(|client| client.ask("/"));
    support::wait_until("six requests", || bed.server.counts().requests == 6);
    go.send(()).unwrap();
    clients.iter_mut().for_each(|client| assert_eq!(client.answer().status(), 200));
    drop(clients);
    bed.end();
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

/// An address at which connections are never made: its queue is full. What is returned keeps it so.
fn stuck(port: u16) -> (OwnedFd, Vec<OwnedFd>) {
    let address = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), port));
    let open = |flags| socket_with(AddressFamily::INET, SocketType::STREAM, flags, None).unwrap();
    let listener = open(SocketFlags::CLOEXEC);
    bind(&listener, &address).unwrap();
    listen(&listener, 0).unwrap();
    let queued = (0..4).map(|_| {
        let socket = open(SocketFlags::CLOEXEC | SocketFlags::NONBLOCK);
        let _ = connect(&socket, &address);
        socket
    });
    let queued = queued.collect();
    (listener, queued)
}

#[test]
fn an_address_that_does_not_answer_leaves_time_for_the_next() {
    let origin = named("origin");
    let port = origin.address.port();
    let _full = stuck(port);
    let remap = table([("/", format!("http://two.example:{port}/"))]);
    support::with_a_short_limit(|limit| {
        let (bed, _) = bed_with_names(remap.clone(), |_| {
            Ok([2, 1].map(|last| Ipv4Addr::new(127, 0, 0, last).into()).to_vec())
        });
        let mut settings = bed.server.settings();
        settings.timeouts.connect = limit * 8;
        bed.server.reload(settings);
        let answer = bed.client().get("/x");
        let failures = bed.end().origin_connect_failures;
        // The second address may come too late as well.
        assert_eq!((answer.status(), failures), if failures == 0 { (200, 0) } else { (504, 1) });
        assert!(failures == 1 || answer.text() == format!("origin /x two.example:{port}"));
        failures == 0
    });
}

#[test]
fn a_look_up_and_a_connection_that_take_too_long_are_504() {
    let (go, may_go) = channel::<()>();
    let may_go = Mutex::new(may_go);
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let _full = stuck(port);
    let remap =
        table([("/slow", "http://slow.example/".into()), ("/stuck", format!("http://127.0.0.2:{port}/"))]);
    let (bed, _) = bed_with_names(remap, move |_| {
        let _ = may_go.lock().unwrap().recv_timeout(DEADLINE);
        Ok(Vec::new())
    });
    let mut settings = bed.server.settings();
    settings.timeouts.connect = Duration::from_millis(30);
    settings.timeouts.lookup = Duration::from_millis(30);
    bed.server.reload(settings);
    let told = |target: &str| {
        let answer = bed.client().get(target);
        (answer.status(), answer.text().lines().nth(1).unwrap_or_default().to_owned())
    };
    assert_eq!(told("/slow"), (504, "The origin's name could not be looked up.".to_owned()));
    assert_eq!(told("/stuck"), (504, "The origin could not be reached in time.".to_owned()));
    go.send(()).unwrap();
    let counts = bed.end();
    assert_eq!((counts.origin_lookup_failures, counts.origin_connect_failures), (1, 1));
}

#[test]
fn what_is_no_rule_says_why() {
    let refused = |from: &str, to: &str| Rule::new(from, to).unwrap_err();
    assert!(matches!(refused("a.example", "http://b"), RuleError::NotUrl(text) if text == "a.example"));
    assert!(matches!(refused("ftp://a", "http://b"), RuleError::Scheme(text) if text == "ftp"));
    assert!(matches!(refused("/", "https://b"), RuleError::TargetScheme(_)));
    assert!(matches!(refused("/", "b"), RuleError::NotUrl(_)));
    for host in ["", "a..b", "a b", "a*b", "*a", "[::1", "[:::]", "ä"] {
        assert!(matches!(refused(&format!("//{host}/"), "http://b"), RuleError::Host(..)), "{host}");
    }
    assert!(matches!(refused("/", "http://*/"), RuleError::Host(_, false)));
    for port in ["0", "65536", "-1", "x", ""] {
        assert!(matches!(refused(&format!("//a:{port}/"), "http://b"), RuleError::Port(_, true)), "{port}");
    }
    assert!(matches!(refused("/", "http://b:*"), RuleError::Port(_, false)));
    for path in ["/a?b", "/a#b", "/ä", "/a b"] {
        assert!(matches!(refused(path, "http://b"), RuleError::Path(_)), "{path}");
    }
    let rule = |from: &str| Rule::new(from, "http://[::1]:81").unwrap();
    assert_eq!(rule("HTTP://[0::1]:8/a").to_string(), "http://[::1]:8/a -> http://[::1]:81/");
    assert_eq!(rule("//*:*").to_string(), rule("/").to_string());
    let RemapError::Twice { first, second } = Remap::new([rule("//A.b"), rule("//a.B./")]).unwrap_err()
    else {
        panic!("another error")
    };
    assert_eq!(first, second);
}

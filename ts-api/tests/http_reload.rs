//! What may be changed while a server runs, and from when on it holds.
#![cfg(all(feature = "http", feature = "runtime"))]

#[path = "support/http.rs"]
mod support;

use std::sync::Mutex;
use std::sync::mpsc::channel;

use support::{Bed, DEADLINE, Origin, respond};
use ts_api::http::{Remap, Settings};

fn settings(remap: Remap) -> Settings {
    let mut settings = Settings::default();
    settings.remap = remap;
    settings
}

#[test]
fn new_settings_hold_for_the_next_request_on_every_thread_and_connection() {
    let (first, second) = (
        Origin::new(|_, stream| respond(stream, "200 OK", "first")),
        Origin::new(|_, stream| respond(stream, "200 OK", "second")),
    );
    let bed = Bed::new(first.address);
    let mut clients: Vec<_> = (0..4).map(|_| bed.client()).collect();
    clients.iter_mut().for_each(|client| assert_eq!(client.get("/").text(), "first"));
    assert_eq!(bed.server.generation(), 0);
    assert_eq!(bed.server.reload(settings(Remap::to(second.address))), 1);
    clients.iter_mut().for_each(|client| assert_eq!(client.get("/").text(), "second"));
    assert_eq!(bed.server.reload(settings(Remap::default())), 2);
    clients.iter_mut().for_each(|client| assert_eq!(client.get("/").status(), 421));
    assert_eq!(bed.server.generation(), 2);
    drop(clients);
    assert_eq!(bed.end().origin_failures, 0);
}

#[test]
fn a_request_under_way_keeps_the_settings_it_began_with() {
    let (asked, is_asked) = channel();
    let (go, may_go) = channel::<()>();
    let may_go = Mutex::new(may_go);
    let origin = Origin::new(move |_, stream| {
        asked.send(()).unwrap();
        may_go.lock().unwrap().recv_timeout(DEADLINE).unwrap();
        respond(stream, "200 OK", "late")
    });
    let bed = Bed::new(origin.address);
    let mut client = bed.client();
    client.ask("/");
    is_asked.recv_timeout(DEADLINE).unwrap();
    let mut hasty = settings(Remap::default());
    hasty.timeouts.response = std::time::Duration::ZERO;
    bed.server.reload(hasty);
    go.send(()).unwrap();
    assert_eq!(client.answer().text(), "late");
    assert_eq!(client.get("/").status(), 421);
    drop(client);
    bed.end();
}

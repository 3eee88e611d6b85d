//! What is counted, in the text format that Prometheus reads.

mod page;

use ts_cont::EventProcessor;

use self::page::{Page, Type};
use crate::http::{Counts, Server};

/// The whole page.
pub(super) fn page(_processor: &EventProcessor, server: &Server) -> String {
    let mut page = Page::default();
    counts(&mut page, &server.counts());
    page.family("ts_http_open_connections", Type::Gauge, "Connections of clients that are open.")
        .sample(&[], server.open_connections());
    page.finish()
}

fn counts(page: &mut Page, counts: &Counts) {
    let mut responses = Vec::new();
    counts.each(|name, about, count| match name.strip_prefix("responses_") {
        Some(class) => responses.push((class, count)),
        None => page.family(&format!("ts_http_{name}_total"), Type::Counter, about).sample(&[], count),
    });
    let mut family = page.family(
        "ts_http_responses_total",
        Type::Counter,
        "Responses handed to clients, by the class of their status.",
    );
    for (class, count) in responses {
        family.sample(&[("class", class)], count);
    }
}

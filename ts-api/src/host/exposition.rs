//! What is counted and measured, in the text format that Prometheus reads.
//!
//! What the host counts begins with `ts_`. What the original publishes of its event loops has the original's names, with
//! underscores for dots: `proxy.process.eventloop.count.10s` is `proxy_process_eventloop_count_10s`. See
//! [`ts_cont::metrics`] for what they mean, and where that is another thing than in the original.

mod page;

use std::time::Duration;

use ts_cont::metrics::{LOOP_UNIT, LoopStats, LoopTotals, Times};
use ts_cont::{EventProcessor, EventType};

use self::page::{Page, Type};
use crate::ffi::stat;
use crate::http::{Counts, Latency, LogCounts, Server};

/// The windows of the original.
const WINDOWS: [(&str, Duration); 3] = [
    ("10s", Duration::from_secs(10)),
    ("100s", Duration::from_secs(100)),
    ("1000s", Duration::from_secs(1000)),
];

/// Where the original's buckets begin, in its units.
const BOUNDS: [u32; 33] = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192,
    224, 256, 320, 384, 448, 512,
];

/// The unit of what plugins take.
const API_UNIT: Duration = Duration::from_millis(1);

/// The bounds of our own histograms: from a 1024th of a millisecond on, twice as long each, to more than half a minute.
fn doublings() -> impl Iterator<Item = Duration> {
    (0..26).map(|doubling| Duration::from_millis(1 << doubling) / 1024)
}

/// The whole page.
pub(super) fn page(processor: &EventProcessor, server: &Server, logs: LogCounts) -> String {
    let mut page = Page::default();
    counts(&mut page, &server.counts());
    page.family("ts_http_open_connections", Type::Gauge, "Connections of clients that are open.")
        .sample(&[], server.open_connections());
    let about = "Lines of the access log, by what became of them.";
    let mut family = page.family("ts_access_log_lines_total", Type::Counter, about);
    family.sample(&[("fate", "written")], logs.written);
    family.sample(&[("fate", "dropped")], logs.dropped);
    let latencies = server.latencies();
    plugins(&mut page, &latencies);
    loops(&mut page, processor);
    original(&mut page, processor, &latencies);
    statistics(&mut page);
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

fn plugins(page: &mut Page, latencies: &[Latency]) {
    type Of = fn(&Latency) -> &Times;
    let families: [(&str, &str, Of); 2] = [
        ("ts_http_hook_handler_seconds", "How long handlers ran at hooks.", |latency| &latency.handler),
        (
            "ts_http_hook_answer_seconds",
            "How long it took at hooks until a continuation had re-enabled.",
            |latency| &latency.answer,
        ),
    ];
    for (name, about, of) in families {
        let mut family = page.family(name, Type::Histogram, about);
        for latency in latencies {
            let hook = latency.hook.to_string();
            let labels = [("hook", hook.as_str()), ("plugin", latency.plugin.as_str())];
            family.histogram(&labels, of(latency), doublings());
        }
    }
}

/// What plugins in C count, under their names. They may go up and down, all of them.
fn statistics(page: &mut Page) {
    let mut family = page.family("ts_plugin_stat", Type::Gauge, "Statistics that plugins keep, by name.");
    stat::each(|name, value| family.sample(&[("name", name)], value));
}

/// The groups that there are, with their names.
fn groups(processor: &EventProcessor) -> Vec<(EventType, String)> {
    (0..)
        .map(EventType::new)
        .map_while(|group| processor.group_name(group).map(|name| (group, name.to_owned())))
        .collect()
}

fn loops(page: &mut Page, processor: &EventProcessor) {
    let mut threads = Vec::new();
    for (group, _) in groups(processor) {
        let names = processor.threads(group).iter().map(|thread| thread.name().to_owned());
        threads.extend(names.zip(processor.loop_totals(group)));
    }
    type Of = fn(&LoopTotals) -> u64;
    let families: [(&str, &str, Of); 3] = [
        ("ts_loop_turns_total", "Turns of event loops.", |totals: &ts_cont::metrics::LoopTotals| {
            totals.loops
        }),
        ("ts_loop_waits_total", "Turns at whose end the thread waited.", |totals| totals.waits),
        ("ts_loop_events_total", "Events dispatched, futures polled, closures called.", |totals| {
            totals.events
        }),
    ];
    for (name, about, of) in families {
        let mut family = page.family(name, Type::Counter, about);
        for (thread, totals) in &threads {
            family.sample(&[("thread", thread)], of(totals));
        }
    }
}

/// What the original publishes, under its names.
fn original(page: &mut Page, processor: &EventProcessor, latencies: &[Latency]) {
    type Of = fn(&LoopStats) -> u64;
    let stems: [(&str, &str, Of); 10] = [
        ("count", "Turns of the loop", |stats| stats.count),
        ("wait", "Turns at whose end the thread waited", |stats| stats.wait),
        ("events", "Events dispatched, futures polled, closures called", |stats| stats.events),
        ("events_min", "The fewest events in a turn", |stats| stats.events_min),
        ("events_max", "The most events in a turn", |stats| stats.events_max),
        ("time_min", "The shortest turn without its wait, in nanoseconds", |stats| stats.time_min),
        ("time_max", "The longest turn without its wait, in nanoseconds", |stats| stats.time_max),
        ("drain_queue_max", "The longest time on timers and events in a turn, in nanoseconds", |stats| {
            stats.drain_queue_max
        }),
        ("io_wait_max", "The longest wait, in nanoseconds", |stats| stats.io_wait_max),
        ("io_work_max", "The longest time on looking for I/O in a turn, in nanoseconds", |stats| {
            stats.io_work_max
        }),
    ];
    let groups = groups(processor);
    let stats = WINDOWS.map(|(window, time)| {
        let of_groups = groups.iter().map(|(group, name)| (name, processor.loop_stats(*group, time)));
        (window, of_groups.collect::<Vec<_>>())
    });
    for (stem, about, of) in stems {
        for (window, of_groups) in &stats {
            let about = format!("{about}, within the last {window}.");
            let mut family =
                page.family(&format!("proxy_process_eventloop_{stem}_{window}"), Type::Gauge, &about);
            for (group, stats) in of_groups {
                family.sample(&[("group", group)], of(stats));
            }
        }
    }
    let times: Vec<_> = groups.iter().map(|(group, name)| (name, processor.loop_times(*group))).collect();
    for (index, milliseconds, about) in buckets(LOOP_UNIT, "Turns, without their waits, that took more than")
    {
        let name = format!("proxy_process_eventloop_time_{milliseconds}ms");
        let mut family = page.family(&name, Type::Counter, &about);
        for (group, times) in &times {
            family.sample(&[("group", group)], in_bucket(times, index, LOOP_UNIT));
        }
    }
    let mut times = Times::none(API_UNIT);
    latencies.iter().for_each(|latency| times += latency.handler.clone());
    for (index, milliseconds, about) in buckets(API_UNIT, "Handlers at hooks that took more than") {
        let name = format!("proxy_process_api_time_{milliseconds}ms");
        page.family(&name, Type::Counter, &about).sample(&[], in_bucket(&times, index, API_UNIT));
    }
}

/// The original's buckets: index, where it begins in milliseconds, and what it is.
fn buckets(unit: Duration, about: &str) -> impl Iterator<Item = (usize, u128, String)> {
    BOUNDS.into_iter().enumerate().map(move |(index, bound)| {
        let milliseconds = (unit * bound).as_millis();
        let end =
            BOUNDS.get(index + 1).map(|end| format!(", and no more than {}", (unit * *end).as_millis()));
        let about = format!("{about} {milliseconds} milliseconds{}.", end.unwrap_or_default());
        (index, milliseconds, about)
    })
}

fn in_bucket(times: &Times, index: usize, unit: Duration) -> u64 {
    let before = if index == 0 { 0 } else { times.up_to(unit * BOUNDS[index]) };
    let end = BOUNDS.get(index + 1).map_or(times.count(), |end| times.up_to(unit * *end));
    end - before
}

//! What a server counts.

use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_utils::CachePadded;

use super::gate::Refusal;
use super::latency::Latencies;

macro_rules! counts {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {
        /// What a server has done so far, at one moment.
        ///
        /// Each number is right by itself; numbers of requests under way may be a step apart.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        #[non_exhaustive]
        pub struct Counts {
            $($(#[doc = $doc])* pub $name: u64,)*
        }

        impl Counts {
            /// Goes over all of them: name, what it counts, how many.
            pub fn each(&self, mut f: impl FnMut(&'static str, &'static str, u64)) {
                $(f(stringify!($name), concat!($($doc),*).trim_start(), self.$name);)*
            }
        }

        /// The same, while it is counted: one for each network thread, and one for all who accept.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: Counter,)*
            pub(crate) latencies: Latencies,
        }

        impl Counters {
            /// Adds up what all have counted.
            pub(crate) fn sum(all: &[CachePadded<Self>]) -> Counts {
                let mut sum = Counts::default();
                for counters in all {
                    $(sum.$name += counters.$name.get();)*
                }
                sum
            }
        }
    };
}

counts! {
    /// Connections accepted.
    connections,
    /// Requests whose head was complete.
    requests,
    /// Transactions that have ended, with or without hooks.
    transactions,
    /// Responses handed to the client with a status of 100 to 199.
    responses_1xx,
    /// Responses handed to the client with a status of 200 to 299.
    responses_2xx,
    /// Responses handed to the client with a status of 300 to 399.
    responses_3xx,
    /// Responses handed to the client with a status of 400 to 499.
    responses_4xx,
    /// Responses handed to the client with a status of 500 and more.
    responses_5xx,
    /// Heads that were refused before there was a request, for whatever reason.
    refused_heads,
    /// Refused heads that were malformed, or could be read in two ways: 400.
    refused_malformed,
    /// Refused heads that took too long: 408.
    refused_late,
    /// Refused heads that announced too large a body: 413.
    refused_bodies,
    /// Refused heads with too long a target: 414.
    refused_targets,
    /// Refused heads that were too large, or had too many fields: 431.
    refused_large,
    /// Refused heads with a method or transfer coding that is not let pass: 501.
    refused_unknown,
    /// Refused heads of another version of HTTP: 505.
    refused_versions,
    /// Heads that clients broke off.
    broken_heads,
    /// Connections that were one too many, or came when the server drained: 503.
    refused_connections,
    /// Attempts to accept a connection that failed for want of descriptors or memory.
    accept_failures,
    /// Requests whose client went away before it had the whole response.
    client_aborts,
    /// Requests to the origin that failed: no connection, no response, too late, or a response that broke off.
    origin_failures,
    /// Of them: the origin's name could not be looked up.
    origin_lookup_failures,
    /// Of them: too many waited for a connection, or one did for too long (503).
    origin_busy,
    /// Of them: no connection, or none in time.
    origin_connect_failures,
    /// Of them: the connection broke, or what came was no response.
    origin_broken_answers,
    /// Of them: no response's head in time.
    origin_late_answers,
    /// Of them: the response's body broke off, or did not go on in time.
    origin_broken_bodies,
    /// Connections made to origins.
    origin_connections,
    /// Requests sent over a connection that had served one before.
    origin_reused,
    /// Requests for a target that nobody may be taken to (403).
    origin_forbidden,
    /// Tunnels made for clients.
    tunnels,
    /// Bytes that went through tunnels from clients to origins.
    tunnel_bytes_up,
    /// Bytes that went through tunnels from origins to clients.
    tunnel_bytes_down,
    /// Requests that a kept connection turned out to be dead for, and that went over another one.
    origin_retries,
    /// Sessions and transactions made for plugins to see. Where nobody is to be called there are none.
    handles,
    /// Call-outs: hook continuations called.
    call_outs,
    /// Call-outs that were named in the log since nobody had re-enabled for long.
    call_outs_reported,
    /// Call-outs that were ended since nobody had re-enabled for longer.
    call_outs_ended,
}

/// One number, read by any thread, and written by one alone or by several that know of each other.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// On the thread that alone writes it.
    pub(crate) fn add(&self) {
        self.add_many(1);
    }

    /// As `add`.
    pub(crate) fn add_many(&self, count: u64) {
        // Relaxed: a statistic; nothing else is read through it. No exchange, since nobody else writes it.
        self.0.store(self.get().wrapping_add(count), Ordering::Relaxed);
    }

    /// On one of several threads that write it, all of them in this way.
    pub(crate) fn add_among_others(&self) {
        // Relaxed: see `add_many`.
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        // Relaxed: see `add_many`.
        self.0.load(Ordering::Relaxed)
    }
}

impl Counters {
    /// A head was refused.
    pub(crate) fn refuse(&self, refusal: Refusal) {
        self.refused_heads.add();
        match refusal.status() {
            408 => &self.refused_late,
            413 => &self.refused_bodies,
            414 => &self.refused_targets,
            431 => &self.refused_large,
            501 => &self.refused_unknown,
            505 => &self.refused_versions,
            _ => &self.refused_malformed,
        }
        .add();
    }

    pub(crate) fn response(&self, status: u16) {
        match status {
            0..200 => &self.responses_1xx,
            200..300 => &self.responses_2xx,
            300..400 => &self.responses_3xx,
            400..500 => &self.responses_4xx,
            500.. => &self.responses_5xx,
        }
        .add();
    }
}

//! How origins' connections are used and kept.

use std::time::Duration;

/// How connections to origins are used, kept and limited.
///
/// Each network thread has connections of its own; all numbers are for one thread and one origin, an origin being a name or an
/// address, with its port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct OriginPolicy {
    /// How many connections there may be at most. Default: as many as are asked for.
    pub connections: Option<usize>,
    /// How many requests may wait for one of them; one more is answered with 503. Default: 1024.
    pub queue: usize,
    /// How long a request may wait for one of them; then it is answered with 503. Default: 5 seconds.
    pub queue_time: Duration,
    /// How many connections without work are kept; beyond that the one that has been idle for longest is closed. Default: 64.
    pub idle: usize,
    /// How long a connection without work is kept. Default: 60 seconds.
    pub keep_alive: Duration,
    /// How old a connection may be when a request is sent over it. Default: any age.
    pub max_age: Option<Duration>,
    /// How many requests one connection serves. Default: any number.
    pub max_requests: Option<u64>,
    /// How long the addresses of a name are used before they are looked up again. Default: 60 seconds.
    pub lookup_kept: Duration,
    /// How long it is taken for granted that a name has no address. Default: 1 second.
    pub lookup_failure_kept: Duration,
}

impl Default for OriginPolicy {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            connections: None,
            queue: 1024,
            queue_time: seconds(5),
            idle: 64,
            keep_alive: seconds(60),
            max_age: None,
            max_requests: None,
            lookup_kept: seconds(60),
            lookup_failure_kept: seconds(1),
        }
    }
}

//! How long everything may take.

use std::time::Duration;

/// How long everything may take; what takes longer is ended, and its client is told if there is still a way to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// How long a client may take for a request's head, from its first byte to its last; then it is answered 408. Default:
    /// 60 seconds.
    pub client_head: Duration,
    /// How long a connection is kept on which no request comes. Default: 60 seconds.
    pub client_idle: Duration,
    /// How long a client may take nothing of what is sent to it; then its connection is dropped. Default: 60 seconds.
    pub client_stall: Duration,
    /// How long a connection to an origin may take to be made. Default: 5 seconds.
    pub connect: Duration,
    /// How long an origin may take for a response's head once it has the request. Default: 30 seconds.
    pub response: Duration,
    /// How long an origin may say nothing within a response's body. Default: 30 seconds.
    pub silence: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            client_head: seconds(60),
            client_idle: seconds(60),
            client_stall: seconds(60),
            connect: seconds(5),
            response: seconds(30),
            silence: seconds(30),
        }
    }
}

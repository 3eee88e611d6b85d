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
    /// How long a request's body may be waited for, all of it; then it is answered 408. Default: 30 minutes.
    pub client_body: Duration,
    /// How long the pace of a request's body is watched before it is judged by `Limits::body_rate`. Default: 10 seconds.
    pub client_pace: Duration,
    /// How long the look-up of an origin's name may take. Default: 5 seconds.
    pub lookup: Duration,
    /// How long a connection to an origin may take to be made; its addresses, tried in turn, share it. Default: 5 seconds.
    pub connect: Duration,
    /// How long an origin may take to ask for a body that its client holds back (`Expect: 100-continue`); then the body is sent
    /// unasked. Default: 1 second.
    pub expect: Duration,
    /// How long an origin may take for a response's head once it has the request. Default: 30 seconds.
    pub response: Duration,
    /// How long an origin may say nothing within a response's body. Default: 30 seconds.
    pub silence: Duration,
    /// How long nothing may go through a tunnel in either direction; then it is closed. Default: 300 seconds.
    pub tunnel: Duration,
    /// How long all of it may take, from when a connection is there to the end of the response's body. Default: any time.
    pub exchange: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            client_head: seconds(60),
            client_idle: seconds(60),
            client_stall: seconds(60),
            client_body: seconds(1800),
            client_pace: seconds(10),
            lookup: seconds(5),
            connect: seconds(5),
            expect: seconds(1),
            response: seconds(30),
            silence: seconds(30),
            tunnel: seconds(300),
            exchange: None,
        }
    }
}

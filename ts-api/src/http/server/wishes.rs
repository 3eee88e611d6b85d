//! What plugins have set of a transaction, besides its messages.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, HeaderValue};
use http::uri::PathAndQuery;
use http::{Response, Uri, request};

use super::remap::{OriginName, Scheme};
use super::settings::Settings;
use super::timeouts::Timeouts;
use crate::http::door::Limit;

/// What plugins have set of a transaction, besides its messages.
pub(crate) struct Wishes {
    /// The response, without asking the origin.
    pub(crate) answer: Option<Box<Response<Bytes>>>,
    /// The body of the response to the client, instead of its own, and its type.
    pub(crate) body: Option<Box<(Bytes, Option<HeaderValue>)>>,
    pub(crate) origin: OriginAddress,
    /// The client's address, as a plugin has made sure of it.
    pub(crate) verified: Option<SocketAddr>,
    /// Where the request goes, whatever the rules say.
    pub(crate) target: Option<Box<Target>>,
    /// Where it goes instead when the origin has answered, as a plugin has put it.
    pub(crate) redirect: Option<Box<(String, Target)>>,
    pub(crate) limits: Limits,
    pub(crate) keep: Keep,
    /// It goes where the client says, whatever the rules do.
    pub(crate) skip_remap: bool,
    /// No record of it is wanted.
    pub(crate) unlogged: bool,
    /// The request's body is wanted as a whole, if it is not longer.
    pub(crate) buffer: Option<usize>,
}

impl Wishes {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            answer: None,
            body: None,
            origin: OriginAddress::default(),
            verified: None,
            target: None,
            redirect: None,
            limits: Limits::new(&settings.timeouts, settings.origin.keep_alive),
            keep: Keep {
                client: settings.limits.requests_per_connection.is_none_or(|most| most.get() > 1),
                origin: settings.origin.idle > 0,
                ..Keep::default()
            },
            skip_remap: false,
            unlogged: false,
            buffer: None,
        }
    }
}

/// Whether connections are kept for other requests.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Keep {
    pub(crate) client: bool,
    pub(crate) origin: bool,
    /// It is not as the server has it.
    pub(crate) client_is_set: bool,
    pub(crate) origin_is_set: bool,
}

/// A URL that a plugin wants the request to go to.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) origin: OriginName,
    /// What `host` becomes.
    pub(crate) host: HeaderValue,
    pub(crate) path: PathAndQuery,
}

impl Target {
    /// None if there is no origin at such a URL.
    pub(crate) fn parse(url: &[u8]) -> Option<Self> {
        let url = Uri::try_from(url).ok()?;
        let scheme = url.scheme_str().and_then(Scheme::parse).filter(|scheme| *scheme == Scheme::Http)?;
        let origin = OriginName::parse(url.authority()?.as_str(), scheme.port())?;
        let host = HeaderValue::from_str(&origin.to_string()).ok()?;
        let path = url.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        Some(Self { origin, host, path })
    }

    /// Makes the request one for it.
    pub(crate) fn rewrite(&self, parts: &mut request::Parts) {
        parts.uri = Uri::from(self.path.clone());
        parts.headers.insert(HOST, self.host.clone());
    }
}

/// The origin's end of a transaction.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct OriginAddress {
    /// Ours to go from, as a plugin wishes it.
    pub(crate) from: Option<SocketAddr>,
    /// As a plugin wishes it.
    pub(crate) wished: Option<SocketAddr>,
    /// Whom the request goes to.
    pub(crate) found: Option<SocketAddr>,
    /// Our address there.
    pub(crate) outgoing: Option<SocketAddr>,
}

impl OriginAddress {
    pub(crate) fn address(self) -> Option<SocketAddr> {
        self.found.or(self.wished)
    }
}

/// The times of one transaction that plugins may set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    lookup: Duration,
    connect: Duration,
    response: Duration,
    silence: Duration,
    /// The client, without taking anything.
    stall: Duration,
    /// The whole transaction.
    active: Option<Duration>,
    /// The request and its response, once there is a connection to the origin.
    exchange: Option<Duration>,
    /// The client's connection, without another request.
    next_request: Duration,
    /// The origin's connection, without work.
    origin_idle: Duration,
    /// Of all those that are the request's on its way to the origin, one is not the server's.
    is_set: bool,
    /// These are not the server's.
    stall_is_set: bool,
    next_request_is_set: bool,
    origin_idle_is_set: bool,
}

impl Limits {
    pub(crate) fn new(server: &Timeouts, origin_idle: Duration) -> Self {
        Self {
            lookup: server.lookup,
            connect: server.connect,
            response: server.response,
            silence: server.silence,
            stall: server.client_stall,
            active: None,
            exchange: server.exchange,
            next_request: server.client_idle,
            origin_idle,
            is_set: false,
            stall_is_set: false,
            next_request_is_set: false,
            origin_idle_is_set: false,
        }
    }

    /// What a transaction that has taken so long may still use of the server's times; none if it is all of them.
    pub(crate) fn after(
        &self,
        server: &Timeouts,
        passed: impl FnOnce() -> Duration,
    ) -> Option<Box<Timeouts>> {
        if !self.is_set {
            return None;
        }
        let Self { lookup, connect, response, silence, exchange, .. } = *self;
        let mut left = Box::new(Timeouts { lookup, connect, response, silence, exchange, ..*server });
        if let Some(active) = self.active {
            let rest = active.saturating_sub(passed());
            left.exchange = Some(left.exchange.map_or(rest, |exchange| exchange.min(rest)));
            let Timeouts { lookup, connect, response, .. } = &mut *left;
            for limit in [lookup, connect, response] {
                *limit = rest.min(*limit);
            }
        }
        Some(left)
    }

    /// How long the client may take nothing, if a plugin has said so.
    pub(crate) fn stall(&self) -> Option<Duration> {
        self.stall_is_set.then_some(self.stall)
    }

    /// How long the client's connection is kept for another request, if a plugin has said so.
    pub(crate) fn next_request(&self) -> Option<Duration> {
        self.next_request_is_set.then_some(self.next_request)
    }

    /// How long the origin's connection is kept without work, if a plugin has said so.
    pub(crate) fn origin_idle(&self) -> Option<Duration> {
        self.origin_idle_is_set.then_some(self.origin_idle)
    }

    /// None for one that is not known.
    pub(crate) fn get(&self, of: Limit) -> Option<Duration> {
        Some(match of {
            Limit::CLIENT_ACTIVE => self.active.unwrap_or(Duration::MAX),
            Limit::CLIENT_IDLE => self.stall,
            Limit::CONNECT => self.connect,
            Limit::RESPONSE => self.response,
            Limit::SILENCE => self.silence,
            Limit::LOOKUP => self.lookup,
            Limit::EXCHANGE => self.exchange.unwrap_or(Duration::MAX),
            Limit::NEXT_REQUEST => self.next_request,
            Limit::ORIGIN_IDLE => self.origin_idle,
            _ => return None,
        })
    }

    /// None for one that is not known.
    pub(crate) fn set(&mut self, of: Limit, to: Duration) -> Option<()> {
        match of {
            Limit::CLIENT_ACTIVE => self.active = (to != Duration::MAX).then_some(to),
            Limit::CLIENT_IDLE => {
                (self.stall, self.stall_is_set) = (to, true);
                return Some(());
            }
            Limit::CONNECT => self.connect = to,
            Limit::RESPONSE => self.response = to,
            Limit::SILENCE => self.silence = to,
            Limit::LOOKUP => self.lookup = to,
            Limit::EXCHANGE => self.exchange = (to != Duration::MAX).then_some(to),
            Limit::NEXT_REQUEST => {
                (self.next_request, self.next_request_is_set) = (to, true);
                return Some(());
            }
            Limit::ORIGIN_IDLE => {
                (self.origin_idle, self.origin_idle_is_set) = (to, true);
                return Some(());
            }
            _ => return None,
        }
        self.is_set = true;
        Some(())
    }
}

//! What plugins have set of a transaction, besides its messages.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, HeaderValue};
use http::uri::PathAndQuery;
use http::{Response, Uri, request};

use super::remap::{OriginName, Scheme};
use super::timeouts::Timeouts;
use crate::http::door::Limit;

/// What plugins have set of a transaction, besides its messages.
#[derive(Default)]
pub(crate) struct Wishes {
    /// The response, without asking the origin.
    pub(crate) answer: Option<Response<Bytes>>,
    pub(crate) origin: OriginAddress,
    /// Where the request goes, whatever the rules say.
    pub(crate) target: Option<Target>,
    pub(crate) limits: Limits,
    /// The request's body is wanted as a whole, if it is not longer.
    pub(crate) buffer: Option<usize>,
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

/// The times of one transaction.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Limits {
    timeouts: Timeouts,
    /// The whole transaction.
    active: Option<Duration>,
    /// The client, without taking anything, if that is not the server's.
    stall: Option<Duration>,
}

impl Limits {
    pub(crate) fn new(timeouts: Timeouts) -> Self {
        Self { timeouts, active: None, stall: None }
    }

    /// What may still be used of them, for a transaction that has taken so long.
    pub(crate) fn after(self, passed: impl FnOnce() -> Duration) -> Timeouts {
        let mut left = self.timeouts;
        if let Some(active) = self.active {
            let rest = active.saturating_sub(passed());
            left.exchange = Some(left.exchange.map_or(rest, |exchange| exchange.min(rest)));
            for limit in [&mut left.lookup, &mut left.connect, &mut left.response] {
                *limit = rest.min(*limit);
            }
        }
        left
    }

    /// How long the client may take nothing, if a plugin has said so.
    pub(crate) fn stall(&self) -> Option<Duration> {
        self.stall
    }

    /// None for one that is not known.
    pub(crate) fn get(&self, of: Limit) -> Option<Duration> {
        Some(match of {
            Limit::CLIENT_ACTIVE => self.active.unwrap_or(Duration::MAX),
            Limit::CLIENT_IDLE => self.stall.unwrap_or(self.timeouts.client_stall),
            Limit::CONNECT => self.timeouts.connect,
            Limit::RESPONSE => self.timeouts.response,
            Limit::SILENCE => self.timeouts.silence,
            _ => return None,
        })
    }

    /// None for one that is not known.
    pub(crate) fn set(&mut self, of: Limit, to: Duration) -> Option<()> {
        *match of {
            Limit::CLIENT_ACTIVE => {
                self.active = (to != Duration::MAX).then_some(to);
                return Some(());
            }
            Limit::CLIENT_IDLE => self.stall.insert(to),
            Limit::CONNECT => &mut self.timeouts.connect,
            Limit::RESPONSE => &mut self.timeouts.response,
            Limit::SILENCE => &mut self.timeouts.silence,
            _ => return None,
        } = to;
        Some(())
    }
}

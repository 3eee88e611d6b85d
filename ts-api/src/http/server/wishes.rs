//! What plugins have set of a transaction, besides its messages.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::Response;

use super::timeouts::Timeouts;
use crate::http::door::Limit;

/// What plugins have set of a transaction, besides its messages.
#[derive(Default)]
pub(crate) struct Wishes {
    /// The response, without asking the origin.
    pub(crate) answer: Option<Response<Bytes>>,
    pub(crate) origin: OriginAddress,
    pub(crate) limits: Limits,
    /// The request's body is wanted as a whole, if it is not longer.
    pub(crate) buffer: Option<usize>,
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
pub(crate) struct Limits(Timeouts);

impl Limits {
    pub(crate) fn new(timeouts: Timeouts) -> Self {
        Self(timeouts)
    }

    pub(crate) fn timeouts(self) -> Timeouts {
        self.0
    }

    /// None for one that is not known.
    pub(crate) fn get(&self, of: Limit) -> Option<Duration> {
        Some(match of {
            Limit::CONNECT => self.0.connect,
            Limit::RESPONSE => self.0.response,
            Limit::SILENCE => self.0.silence,
            _ => return None,
        })
    }

    /// None for one that is not known.
    pub(crate) fn set(&mut self, of: Limit, to: Duration) -> Option<()> {
        *match of {
            Limit::CONNECT => &mut self.0.connect,
            Limit::RESPONSE => &mut self.0.response,
            Limit::SILENCE => &mut self.0.silence,
            _ => return None,
        } = to;
        Some(())
    }
}

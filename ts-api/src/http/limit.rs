//! Times that a plugin may set for one transaction.

/// A time that a plugin may set for one transaction, see [`Transaction::set_limit`](super::Transaction::set_limit).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Limit {
    /// How long the transaction may take as a whole, from its start to the end of the response's body.
    ClientActive,
    /// How long the client may take nothing of what is sent to it.
    ClientIdle,
    /// How long a connection to the origin may take to be made.
    Connect,
    /// How long the origin may take for a response's head once it has the request.
    Response,
    /// How long the origin may say nothing within a response's body. It is set before the request is sent.
    Silence,
    /// How long the look-up of the origin's name may take. It is set before OS_DNS is over.
    Lookup,
    /// How long all of it may take, from when a connection to the origin is there to the end of the response's body. It is set
    /// before the request is sent.
    Exchange,
    /// How long the client's connection is kept for another request after this one. It is set before the response is sent.
    NextRequest,
    /// How long the origin's connection is kept without work after this request. It is set before the request is sent.
    OriginIdle,
}

impl From<Limit> for super::door::Limit {
    fn from(limit: Limit) -> Self {
        match limit {
            Limit::ClientActive => Self::CLIENT_ACTIVE,
            Limit::ClientIdle => Self::CLIENT_IDLE,
            Limit::Connect => Self::CONNECT,
            Limit::Response => Self::RESPONSE,
            Limit::Silence => Self::SILENCE,
            Limit::Lookup => Self::LOOKUP,
            Limit::Exchange => Self::EXCHANGE,
            Limit::NextRequest => Self::NEXT_REQUEST,
            Limit::OriginIdle => Self::ORIGIN_IDLE,
        }
    }
}

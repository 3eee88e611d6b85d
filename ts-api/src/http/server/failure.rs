//! What can go wrong on the way to an origin's response, and what the client is told.

use std::io;

use http::StatusCode;
use thiserror::Error;

use super::counts::Counters;
use super::gate::origin::is_garbage;
use super::resolve::LookupError;
use crate::http::OriginState;

/// Why there is no response.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error("the origin's name could not be looked up: {0}")]
    Lookup(LookupError),
    #[error("clients may not be taken to the target")]
    Forbidden,
    #[error("too many requests wait for a connection to the origin")]
    QueueFull,
    #[error("no connection to the origin became free in time")]
    QueueTooLate,
    #[error("no connection to the origin: {0}")]
    Connect(io::Error),
    #[error("no connection to the origin in time")]
    ConnectTooLate,
    #[error("the origin did not answer: {0}")]
    Broken(hyper::Error),
    #[error("the origin switched to another protocol, which nobody had asked for")]
    Switched,
    #[error("the origin did not answer in time")]
    TooLate,
}

impl Failure {
    /// What the client gets.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::QueueFull | Self::QueueTooLate => StatusCode::SERVICE_UNAVAILABLE,
            Self::Lookup(LookupError::TooLate) | Self::ConnectTooLate | Self::TooLate => {
                StatusCode::GATEWAY_TIMEOUT
            }
            Self::Lookup(_) | Self::Connect(_) | Self::Broken(_) | Self::Switched => StatusCode::BAD_GATEWAY,
        }
    }

    /// The stage that failed, in words for the client: no address, and nothing that the origin said.
    pub(crate) fn stage(&self) -> &'static str {
        match self {
            Self::Lookup(_) => "The origin's name could not be looked up.",
            Self::Forbidden => "The target is not allowed.",
            Self::QueueFull => "Too many requests wait for the origin.",
            Self::QueueTooLate => "The origin was busy for too long.",
            Self::Connect(_) => "The origin could not be reached.",
            Self::ConnectTooLate => "The origin could not be reached in time.",
            Self::Broken(error) if is_garbage(error) => "The origin's answer could not be understood.",
            Self::Broken(_) => "The origin did not answer.",
            Self::Switched => "The origin switched to another protocol.",
            Self::TooLate => "The origin did not answer in time.",
        }
    }

    /// What plugins are told of the origin.
    pub(crate) fn state(&self) -> OriginState {
        match self {
            // It was not asked.
            Self::Forbidden => OriginState::Unknown,
            Self::QueueFull | Self::QueueTooLate => OriginState::Busy,
            Self::Lookup(LookupError::TooLate) | Self::ConnectTooLate | Self::TooLate => OriginState::TooLate,
            Self::Lookup(_) | Self::Connect(_) => OriginState::Unreachable,
            Self::Broken(error) if is_garbage(error) => OriginState::Garbled,
            Self::Switched => OriginState::Garbled,
            Self::Broken(_) => OriginState::Closed,
        }
    }

    /// Counts it: as a failure, and by its kind.
    pub(crate) fn count(&self, counters: &Counters) {
        let of_kind = match self {
            // It is the client's failure.
            Self::Forbidden => return counters.origin_forbidden.add(),
            Self::Lookup(_) => &counters.origin_lookup_failures,
            Self::QueueFull | Self::QueueTooLate => &counters.origin_busy,
            Self::Connect(_) | Self::ConnectTooLate => &counters.origin_connect_failures,
            Self::Broken(_) | Self::Switched => &counters.origin_broken_answers,
            Self::TooLate => &counters.origin_late_answers,
        };
        counters.origin_failures.add();
        of_kind.add();
    }
}

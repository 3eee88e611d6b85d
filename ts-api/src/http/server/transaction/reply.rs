//! What a transaction answers with, before the last hook has seen it.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, TRANSFER_ENCODING};
use http::{StatusCode, response};
use hyper::Response;

use super::Transaction;
use crate::http::server::body::Source;

/// A response that is ready but for the last hook.
pub(crate) struct Reply {
    pub(crate) parts: response::Parts,
    pub(crate) source: Source,
}

impl Reply {
    /// A plugin has another body for it. What follows the head of a tunnel is no body.
    pub(super) fn give_body(&mut self, (body, content_type): (Bytes, Option<HeaderValue>)) {
        if matches!(self.source, Source::Tunnel(_)) && self.parts.status.is_success() {
            return;
        }
        self.parts.headers.remove(CONTENT_LENGTH);
        self.parts.headers.remove(TRANSFER_ENCODING);
        if let Some(content_type) = content_type {
            self.parts.headers.insert(CONTENT_TYPE, content_type);
        }
        self.source = Source::Text(Some(body));
    }
}

impl Transaction {
    /// The response to a transaction that ended in an error: as a plugin set it, or `default` and why.
    pub(super) fn error_reply(&self, default: StatusCode, why: &str) -> Reply {
        let mut status = default;
        let mut text = None;
        let mut content_type = None;
        let mut reason = None;
        self.wished(|content| {
            let Some(error) = &content.error else { return };
            reason.clone_from(&error.reason);
            let set = error.status.filter(|status| *status >= 400);
            status = set.and_then(|set| StatusCode::from_u16(set).ok()).unwrap_or(default);
            text.clone_from(&error.body);
            content_type.clone_from(&error.content_type);
        });
        let (text, content_type) = if has_no_body(status) {
            (Bytes::new(), HeaderValue::from_static(""))
        } else {
            let usual = || HeaderValue::from_static("text/plain; charset=utf-8");
            (text.unwrap_or_else(|| error_text(status, why)), content_type.unwrap_or_else(usual))
        };
        let mut response = Response::new(());
        *response.status_mut() = status;
        if !content_type.is_empty() {
            response.headers_mut().insert(CONTENT_TYPE, content_type);
        }
        if let Some(reason) = reason {
            response.extensions_mut().insert(reason);
        }
        Reply { parts: response.into_parts().0, source: Source::Text(Some(text)) }
    }
}

/// What the response to an error says if no plugin has it say something else.
pub(super) fn error_text(status: StatusCode, why: &str) -> Bytes {
    let line = if why.is_empty() { "" } else { "\n" };
    Bytes::from(format!("{status}\n{why}{line}"))
}

/// Whether a response with this status ends behind its head.
pub(super) fn has_no_body(status: StatusCode) -> bool {
    matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

/// The response to a request that a plugin answers.
pub(super) fn answer_reply(answer: Response<Bytes>) -> Reply {
    let (parts, mut body) = answer.into_parts();
    if has_no_body(parts.status) {
        body = Bytes::new();
    }
    Reply { parts, source: Source::Text(Some(body)) }
}

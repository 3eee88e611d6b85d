//! A request's body as a whole, for plugins that want to see it before the origin does.

use std::future::poll_fn;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use hyper::body::Frame;

use super::gate::Refusal;
use super::intake::Taken;

/// A body that has been read.
#[derive(Debug, Clone)]
pub(crate) struct Gathered {
    pub(crate) bytes: Bytes,
    pub(crate) trailers: Option<HeaderMap>,
}

/// Why a body is not there as a whole.
pub(crate) enum NotGathered {
    /// It is longer than somebody wants it.
    TooLong,
    /// The client may not go on.
    Refused(Refusal),
    /// The client has broken off.
    BrokeOff,
}

/// Reads a body of at most `limit` bytes.
pub(crate) async fn gather(mut body: Taken, limit: usize) -> Result<Gathered, NotGathered> {
    // A length that was announced need not be read to be too long.
    if usize::try_from(body.size_hint().lower()).is_ok_and(|length| length > limit) {
        return Err(NotGathered::TooLong);
    }
    let mut bytes = BytesMut::new();
    let mut trailers = None;
    while let Some(frame) = poll_fn(|cx| body.poll_frame(cx)).await {
        let frame = frame.map_err(|error| match Refusal::of(&error) {
            Some(refusal) => NotGathered::Refused(refusal),
            None => NotGathered::BrokeOff,
        })?;
        match frame.into_data() {
            Ok(data) if data.len() > limit - bytes.len() => return Err(NotGathered::TooLong),
            Ok(data) => bytes.extend_from_slice(&data),
            Err(frame) => trailers = frame.into_trailers().ok(),
        }
    }
    Ok(Gathered { bytes: bytes.freeze(), trailers })
}

impl Gathered {
    /// The next frame to be sent.
    pub(crate) fn next(&mut self) -> Option<Frame<Bytes>> {
        if !self.bytes.is_empty() {
            return Some(Frame::data(std::mem::take(&mut self.bytes)));
        }
        self.trailers.take().map(Frame::trailers)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.bytes.is_empty() && self.trailers.is_none()
    }
}

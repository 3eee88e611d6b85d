//! A plugin's own answer to a request.

/// A response that a plugin gives instead of the origin's.
///
/// See [`Transaction::answer`](super::Transaction::answer).
///
/// # Examples
///
/// ```
/// use ts_api::http::Answer;
///
/// let robots = Answer::new(200).field("content-type", "text/plain").body("User-agent: *\nDisallow: /\n");
/// # drop(robots);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "it is given to a transaction"]
pub struct Answer {
    pub(super) status: u16,
    pub(super) fields: Vec<(String, Vec<u8>)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// With a status from 200 to 599, no fields and no body.
    pub fn new(status: u16) -> Self {
        Self { status, fields: Vec::new(), body: Vec::new() }
    }

    /// With one more field. Those that frame the body are the host's.
    pub fn field(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }

    /// With this body. A status that has none, and a request for the head alone, leave it out.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }
}

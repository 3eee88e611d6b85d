//! Why a message is not passed on, and what its sender is told.

use std::fmt;
use std::time::SystemTime;

/// Why a message is refused: a status for its sender, and a reason for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    status: u16,
    why: &'static str,
}

impl Refusal {
    pub(crate) const fn new(status: u16, why: &'static str) -> Self {
        Self { status, why }
    }

    /// It is no message, or one that could be read in two ways.
    pub(crate) const fn malformed(why: &'static str) -> Self {
        Self::new(400, why)
    }

    /// The status that a client is answered with; 502 stands for all of them if it was an origin that sent it.
    #[must_use]
    pub fn status(self) -> u16 {
        self.status
    }

    /// The reason, for a log.
    #[must_use]
    pub fn why(self) -> &'static str {
        self.why
    }

    /// The refusal that an error was made of, if it was.
    pub(crate) fn of(error: &(dyn std::error::Error + 'static)) -> Option<Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            let inner = error.downcast_ref::<std::io::Error>().and_then(|error| error.get_ref());
            let refusal = inner.and_then(|inner| inner.downcast_ref::<Self>());
            if let Some(refusal) = refusal.or_else(|| error.downcast_ref::<Self>()) {
                return Some(*refusal);
            }
            next = error.source();
        }
        None
    }

    /// The whole response to a client, after which the connection is closed.
    pub(crate) fn response(self, with_body: bool) -> Vec<u8> {
        let status = http::StatusCode::from_u16(self.status).unwrap_or(http::StatusCode::BAD_REQUEST);
        let text = format!("{status}\n");
        let mut response = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
             Connection: close\r\nDate: {}\r\n\r\n",
            text.len(),
            httpdate::fmt_http_date(SystemTime::now()),
        );
        if with_body {
            response.push_str(&text);
        }
        response.into_bytes()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.why, self.status)
    }
}

impl std::error::Error for Refusal {}

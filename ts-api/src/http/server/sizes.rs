//! How many bytes a transaction's messages have: heads as they stand on a connection of HTTP/1, bodies without their framing.
//!
//! Heads of HTTP/1 are counted where they pass. Those of HTTP/2 are compressed together with all others, so what counts is what
//! they would be in HTTP/1.

use std::cell::Cell;

use http::header::HeaderMap;
use http::{Uri, request, response};

use crate::http::Size;
use crate::http::door::Which;

/// Of the four messages, by their numbers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sizes([Size; 4]);

impl Sizes {
    /// None of a number that is no message's.
    pub(crate) fn of(&self, which: Which) -> Option<Size> {
        self.0.get(which.0 as usize).copied()
    }

    pub(crate) fn head(&mut self, which: Which, bytes: u64) {
        self.0[which.0 as usize].head = bytes;
    }

    pub(crate) fn body(&mut self, which: Which, bytes: u64) {
        self.0[which.0 as usize].body = bytes;
    }
}

/// A request's head.
pub(crate) fn of_request(parts: &request::Parts) -> u64 {
    let line = parts.method.as_str().len() + " ".len() + of_target(&parts.uri) + " HTTP/1.1\r\n".len();
    line as u64 + of_fields(&parts.headers)
}

/// A response's head, without what the parser adds.
pub(crate) fn of_response(parts: &response::Parts) -> u64 {
    let reason = match parts.extensions.get::<hyper::ext::ReasonPhrase>() {
        Some(reason) => reason.as_bytes().len(),
        None => parts.status.canonical_reason().map_or(0, str::len),
    };
    ("HTTP/1.1 200 \r\n".len() + reason) as u64 + of_fields(&parts.headers)
}

fn of_target(uri: &Uri) -> usize {
    let before = uri.scheme_str().map_or(0, |scheme| scheme.len() + "://".len());
    let authority = uri.authority().map_or(0, |authority| authority.as_str().len());
    before + authority + uri.path_and_query().map_or(0, |target| target.as_str().len())
}

fn of_fields(fields: &HeaderMap) -> u64 {
    let lines = fields.iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len());
    (lines.sum::<usize>() + "\r\n".len()) as u64
}

/// Counts the bytes of a head that is written to a client, up to the empty line. Heads of interim responses do not count.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    state: Cell<Metered>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Metered {
    /// It is to be counted, and is not complete.
    on: bool,
    bytes: u64,
    /// How many of the four bytes that end a head have come.
    end: usize,
    interim: bool,
}

/// Where a status begins.
const STATUS: u64 = "HTTP/1.1 ".len() as u64;

impl Meter {
    /// The next head counts.
    pub(crate) fn begin(&self) {
        self.state.set(Metered { on: true, ..Metered::default() });
    }

    /// How long the head is; none before all of it was written.
    pub(crate) fn bytes(&self) -> Option<u64> {
        let Metered { on, bytes, .. } = self.state.get();
        (!on && bytes > 0).then_some(bytes)
    }

    pub(crate) fn is_on(&self) -> bool {
        self.state.get().on
    }

    /// So much has been written.
    pub(crate) fn pass(&self, written: &[u8]) {
        let mut state = self.state.get();
        let mut left = written;
        while state.on {
            if state.end == 0 && state.bytes > STATUS {
                // Nothing else matters until the end of a line, and that only if it may be the last.
                let end = memchr::memchr(b'\r', left).unwrap_or(left.len());
                let goes_on = matches!(left.get(end..end + 3), Some(&[_, b'\n', next]) if next != b'\r');
                let line = if goes_on { end + 3 } else { end };
                state.bytes += line as u64;
                left = &left[line..];
                if goes_on {
                    continue;
                }
            } else if state.bytes == 0 && left.len() > STATUS as usize {
                state.interim = left[STATUS as usize] == b'1';
                state.bytes = STATUS + 1;
                left = &left[STATUS as usize + 1..];
            }
            let Some((&byte, after)) = left.split_first() else { break };
            left = after;
            state.interim |= state.bytes == STATUS && byte == b'1';
            state.bytes += 1;
            state.end = match byte {
                byte if byte == b"\r\n\r\n"[state.end] => state.end + 1,
                b'\r' => 1,
                _ => 0,
            };
            if state.end == 4 {
                state = Metered {
                    on: state.interim,
                    bytes: if state.interim { 0 } else { state.bytes },
                    ..Metered::default()
                };
            }
        }
        self.state.set(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_measured_wherever_it_is_cut_and_what_is_not_the_head_does_not_count() {
        let interim = "HTTP/1.1 100 Continue\r\n\r\n";
        let head = "HTTP/1.1 200 OK\r\nx: \r\r\n\r\n";
        let text = format!("{interim}{head}1\r\n\r\n\r\n");
        for cut in 0..text.len() {
            let meter = Meter::default();
            meter.pass(b"before\r\n\r\n");
            assert_eq!(meter.bytes(), None);
            meter.begin();
            meter.pass(&text.as_bytes()[..cut]);
            assert_eq!(meter.bytes().is_some(), cut >= interim.len() + head.len());
            meter.pass(&text.as_bytes()[cut..]);
            assert_eq!(meter.bytes(), Some(head.len() as u64), "cut at {cut}");
        }
    }
}

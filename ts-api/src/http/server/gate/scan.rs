//! The end of a head, found line by line while it comes in.
//!
//! # Rules
//! * What is refused depends on the bytes alone, not on how they were split: the first flaw from the front decides.
//! * A head in memory is never longer than the limit and one read.

use httparse::Header;
use memchr::memchr;

use super::head::is_token;
use super::refusal::Refusal;
use crate::http::server::limits::Limits;

/// Room in a first line beside the target, for the method and the version.
const BESIDE_TARGET: usize = 64;

/// How far a head has been looked at.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Scan {
    /// Bytes looked at.
    seen: usize,
    /// Where the line begins that has no end yet.
    line: usize,
    /// Lines with something in them.
    lines: usize,
    /// An empty line came before the first one. One is let pass, as the RFC wants it: some clients send it after a body.
    led: bool,
}

impl Scan {
    /// Looks at what has come since the last call; the length of the head once it is complete.
    ///
    /// `bytes` is the head from its first byte.
    pub(super) fn find_end(
        &mut self,
        bytes: &[u8],
        limits: &Limits,
        request: bool,
    ) -> Result<Option<usize>, Refusal> {
        // A copy, since what is changed at each line is better not in memory.
        let mut scan = *self;
        let end = scan.go_on(bytes, limits, request);
        *self = scan;
        end
    }

    fn go_on(&mut self, bytes: &[u8], limits: &Limits, request: bool) -> Result<Option<usize>, Refusal> {
        loop {
            self.check_first_byte(bytes)?;
            let Some(feed) = memchr(b'\n', &bytes[self.seen..]).map(|index| self.seen + index) else {
                self.seen = bytes.len();
                // Nothing of a line is no flaw in it: that was looked at with the line before.
                let begun = self.seen > self.line;
                return if begun { self.check_length(self.seen, limits, request) } else { Ok(()) }
                    .map(|()| None);
            };
            self.check_length(feed, limits, request)?;
            if feed == self.line || bytes[feed - 1] != b'\r' {
                return Err(Refusal::malformed("a line ends in a bare line feed"));
            }
            let empty = feed - 1 == self.line;
            self.seen = feed + 1;
            self.line = feed + 1;
            match (empty, self.lines) {
                (true, 0) if self.led => return Err(Refusal::malformed("empty lines before a head")),
                (true, 0) => self.led = true,
                (true, _) => return Ok(Some(feed + 1)),
                (false, lines) if lines > limits.fields => {
                    return Err(Refusal::new(431, "too many fields"));
                }
                (false, _) => self.lines += 1,
            }
        }
    }

    /// Whether nothing of the head has been looked at.
    pub(super) fn is_fresh(&self) -> bool {
        self.seen == 0
    }

    /// Something that is no HTTP at all, TLS for instance, is known by its first byte and not waited for.
    fn check_first_byte(&self, bytes: &[u8]) -> Result<(), Refusal> {
        if self.lines > 0 {
            return Ok(());
        }
        match bytes.get(self.line) {
            Some(&byte) if !is_token(byte) && byte != b'\r' && byte != b'\n' => {
                Err(Refusal::malformed("not HTTP"))
            }
            _ => Ok(()),
        }
    }

    /// Whether `find_end` would find the end of this head where the parser has found it, and no flaw before it. May be wrong in
    /// one way: it does not say yes unless it is so.
    ///
    /// The parser takes empty lines before a head, and line ends of one byte; there are no others but between its fields.
    pub(super) fn would_pass(head: &[u8], fields: &[Header<'_>], limits: &Limits, request: bool) -> bool {
        let first = if request { limits.target.saturating_add(BESIDE_TARGET) } else { usize::MAX };
        let (mut line, mut most) = (0, first);
        let begin = |field: &Header<'_>| field.name.as_ptr().addr() - head.as_ptr().addr();
        for next in fields.iter().map(begin).chain([head.len() - 2]) {
            if next < line + 3 || head[next - 2..next] != *b"\r\n" || next - 1 - line > most {
                return false;
            }
            (line, most) = (next, limits.field);
        }
        is_token(head[0])
            && head.ends_with(b"\r\n")
            && limits.field > 0
            && head.len() - 1 <= limits.head
            && fields.len() <= limits.fields
    }

    /// `end` bytes are there of a head that goes on. Of two limits that these go beyond, the one that was reached first counts.
    fn check_length(&self, end: usize, limits: &Limits, request: bool) -> Result<(), Refusal> {
        let (most, flaw) = match (self.lines, request) {
            (1.., _) => (limits.field, Refusal::new(431, "a field is too long")),
            (0, true) => {
                (limits.target.saturating_add(BESIDE_TARGET), Refusal::new(414, "the target is too long"))
            }
            (0, false) => (usize::MAX, Refusal::new(431, "the head is too long")),
        };
        let most = self.line.saturating_add(most);
        if end > most && most <= limits.head {
            return Err(flaw);
        }
        if end > limits.head {
            return Err(Refusal::new(431, "the head is too long"));
        }
        Ok(())
    }
}

//! The framing of a chunked body, followed byte by byte.
//!
//! # Rules
//! * Sizes are hexadecimal digits and nothing else: no sign, no prefix, no more digits than a number has.
//! * Lines end in CR LF. A bare one of either, in an extension as well, is where others disagree about the end of a chunk.

use super::head::{is_token, is_value};
use super::refusal::Refusal;
use crate::http::server::limits::Limits;

/// More digits than these are no size, leading zeros or not.
const SIZE_DIGITS: u8 = 16;

/// Extensions of all chunks of a body, in bytes. Nobody uses them; there is only harm in many.
const EXTENSIONS: usize = 4096;

/// Trailers of a body, in bytes: half of what the parser behind takes.
const TRAILERS: usize = 8192;

#[derive(Debug, Clone)]
pub(super) struct Chunks {
    at: At,
    /// Of the chunk that is coming in: what its size line says, then what is left.
    size: u64,
    digits: u8,
    extensions: usize,
    trailers: usize,
    trailer_lines: usize,
    /// Blanks between a size and the end of its line are let pass; some origins pad their sizes.
    padded: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Size,
    Padding,
    Extension,
    SizeFeed,
    Data,
    DataReturn,
    DataFeed,
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerFeed,
    LastFeed,
    End,
}

impl Chunks {
    pub(super) fn new(padded: bool) -> Self {
        let at = At::Size;
        Self { at, size: 0, digits: 0, extensions: 0, trailers: 0, trailer_lines: 0, padded }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.at == At::End
    }

    /// Looks at what has come; how many bytes of it belong to the body and are good.
    ///
    /// A flaw is only told when nothing good comes before it.
    pub(super) fn pass(&mut self, bytes: &[u8], limits: &Limits) -> Result<usize, Refusal> {
        let mut passed = 0;
        while passed < bytes.len() && self.at != At::End {
            if self.at == At::Data {
                let here = self.size.min((bytes.len() - passed) as u64);
                self.size -= here;
                passed += here as usize;
                if self.size == 0 {
                    self.at = At::DataReturn;
                }
                continue;
            }
            match self.step(bytes[passed], limits) {
                Ok(next) => self.at = next,
                Err(refusal) if passed == 0 => return Err(refusal),
                Err(_) => return Ok(passed),
            }
            passed += 1;
        }
        Ok(passed)
    }

    fn step(&mut self, byte: u8, limits: &Limits) -> Result<At, Refusal> {
        const CR: u8 = b'\r';
        const LF: u8 = b'\n';
        Ok(match (self.at, byte) {
            (At::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => return self.digit(byte),
            (At::Size | At::Padding | At::Extension, _) if self.digits == 0 => {
                return Err(Refusal::malformed("a chunk without a size"));
            }
            (At::Size | At::Padding | At::Extension, CR) => At::SizeFeed,
            (At::Size | At::Padding, b' ' | b'\t') if self.padded => At::Padding,
            (At::Size | At::Padding, b';') => At::Extension,
            (At::Extension, byte) if is_value(byte) => {
                self.extensions += 1;
                if self.extensions > EXTENSIONS {
                    return Err(Refusal::malformed("too many chunk extensions"));
                }
                At::Extension
            }
            (At::SizeFeed, LF) => {
                self.digits = 0;
                if self.size == 0 { At::TrailerStart } else { At::Data }
            }
            (At::DataReturn, CR) => At::DataFeed,
            (At::DataFeed, LF) => At::Size,
            (At::TrailerStart, CR) => At::LastFeed,
            (At::LastFeed, LF) => At::End,
            (At::TrailerStart, byte) if is_token(byte) => {
                self.trailer_lines += 1;
                if self.trailer_lines > limits.fields.min(100) {
                    return Err(Refusal::new(431, "too many trailers"));
                }
                return self.trailer(At::TrailerName);
            }
            (At::TrailerName, b':') => return self.trailer(At::TrailerValue),
            (At::TrailerName, byte) if is_token(byte) => return self.trailer(At::TrailerName),
            (At::TrailerValue, CR) => return self.trailer(At::TrailerFeed),
            (At::TrailerValue, byte) if is_value(byte) => return self.trailer(At::TrailerValue),
            (At::TrailerFeed, LF) => return self.trailer(At::TrailerStart),
            (At::TrailerStart | At::TrailerName | At::TrailerValue | At::TrailerFeed | At::LastFeed, _) => {
                return Err(Refusal::malformed("a malformed trailer"));
            }
            (At::DataReturn | At::DataFeed, _) => {
                return Err(Refusal::malformed("a chunk is longer than its size"));
            }
            _ => return Err(Refusal::malformed("a malformed chunk size")),
        })
    }

    fn digit(&mut self, byte: u8) -> Result<At, Refusal> {
        let value = char::from(byte).to_digit(16).unwrap_or(0);
        if self.digits == 0 {
            self.size = 0;
        }
        self.digits += 1;
        // One that is left out of the range of signed numbers leaves room to add up sizes.
        if self.digits > SIZE_DIGITS || self.size >> (u64::BITS - 5) != 0 {
            return Err(Refusal::malformed("a chunk size beyond all numbers"));
        }
        self.size = self.size << 4 | u64::from(value);
        Ok(At::Size)
    }

    fn trailer(&mut self, next: At) -> Result<At, Refusal> {
        self.trailers += 1;
        if self.trailers > TRAILERS {
            return Err(Refusal::new(431, "trailers that are too long"));
        }
        Ok(next)
    }
}

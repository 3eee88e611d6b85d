//! Follows one direction of a connection from message to message, and says which bytes may go on.
//!
//! It knows no socket. What it says depends on the bytes and not on how they were split into reads.

use super::chunks::Chunks;
use super::head::{self, Asked, Framing};
use super::raw::RawHead;
use super::refusal::Refusal;
use super::scan::Scan;
use super::spelling::OddNames;
use crate::http::server::limits::Limits;

/// Whose messages they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// A client's: requests.
    Client,
    /// An origin's: responses.
    Origin,
}

/// What may go on of some bytes.
#[derive(Debug)]
pub enum Step {
    /// The head of a message is not complete: show it again from its first byte when there is more.
    More,
    /// So many bytes are a head, and good.
    Head(usize, Head),
    /// So many bytes are of a body, and good.
    Body(usize),
}

/// What there is to tell of a head that may pass.
#[derive(Debug)]
pub struct Head {
    /// How the body that follows is framed.
    pub framing: Framing,
    /// The method, as far as it makes a difference.
    pub asked: Asked,
    /// As it was received, if that was asked for.
    pub raw: Option<RawHead>,
    /// It is an interim response.
    pub interim: bool,
    /// The names, unless they are all spelled with capitals at the beginning of their words, and only there.
    pub odd: Option<OddNames>,
}

/// Where a connection's bytes are, in one direction.
#[derive(Debug)]
pub struct Framer {
    side: Side,
    at: At,
    asked: Asked,
}

#[derive(Debug)]
enum At {
    Head(Scan),
    Length(u64),
    Chunks(Chunks),
    /// What follows is not framed: a response to the end of the stream, a tunnel.
    Open,
    /// Nothing may follow.
    Refused(Refusal),
}

impl Framer {
    /// At the beginning of a connection.
    #[must_use]
    pub fn new(side: Side) -> Self {
        Self { side, at: At::Head(Scan::default()), asked: Asked::default() }
    }

    /// A request has been sent to which the next response is.
    pub fn expect(&mut self, asked: Asked) {
        self.asked = asked;
    }

    /// Whether the next byte is the first of a head, or within one.
    #[must_use]
    pub fn is_at_head(&self) -> bool {
        matches!(self.at, At::Head(_))
    }

    /// Why nothing may follow, if that is so.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        match self.at {
            At::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// Whether the message goes on to the end of the stream.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.at, At::Open)
    }

    /// Lets everything pass from now on: what follows is a tunnel, or another protocol.
    pub fn open(&mut self) {
        self.at = At::Open;
    }

    /// Judges what has come. `note` asks for the head as it was received.
    ///
    /// # Errors
    ///
    /// The first byte, or the head that it begins, must not pass, and nothing after it.
    pub fn step(&mut self, bytes: &[u8], limits: &Limits, note: bool) -> Result<Step, Refusal> {
        // Once refused it stays so: what follows could be anything.
        self.advance(bytes, limits, note).inspect_err(|refusal| self.at = At::Refused(*refusal))
    }

    fn advance(&mut self, bytes: &[u8], limits: &Limits, note: bool) -> Result<Step, Refusal> {
        match &mut self.at {
            At::Head(scan) => {
                // Most heads come in one piece, and without a flaw. It is tried once for each: whoever sends one byte by byte must
                // not have it parsed each time.
                let whole = match (scan.is_fresh(), self.side) {
                    (false, _) => None,
                    (true, Side::Client) => head::whole_request(bytes, limits, note),
                    (true, Side::Origin) => head::whole_response(bytes, self.asked, limits, note),
                };
                let (length, judged) = match whole {
                    Some(whole) => whole,
                    None => {
                        let Some(length) = scan.find_end(bytes, limits, self.side == Side::Client)? else {
                            return Ok(Step::More);
                        };
                        let judged = match self.side {
                            Side::Client => head::request(&bytes[..length], limits, note),
                            Side::Origin => head::response(&bytes[..length], self.asked, limits, note),
                        }?;
                        (length, judged)
                    }
                };
                self.enter(judged.framing);
                Ok(Step::Head(length, judged))
            }
            At::Length(left) => {
                let here = (*left).min(bytes.len() as u64);
                *left -= here;
                if *left == 0 {
                    self.at = At::Head(Scan::default());
                }
                Ok(Step::Body(here as usize))
            }
            At::Chunks(chunks) => {
                let passed = chunks.pass(bytes, limits)?;
                if chunks.is_complete() {
                    self.at = At::Head(Scan::default());
                }
                Ok(Step::Body(passed))
            }
            At::Open => Ok(Step::Body(bytes.len())),
            At::Refused(refusal) => Err(*refusal),
        }
    }

    fn enter(&mut self, framing: Framing) {
        self.at = match framing {
            Framing::None => At::Head(Scan::default()),
            Framing::Length(length) => At::Length(length),
            Framing::Chunked => At::Chunks(Chunks::new(self.side == Side::Origin)),
            Framing::ToTheEnd => At::Open,
        };
    }
}

//! The gate between a socket and the parser: only what can be read in one way passes.
//!
//! Parsers are lenient, and two that are lenient in different ways read different messages out of the same bytes. So before
//! the parser sees a head it is judged here, strictly; the framing of bodies is followed, so that it is known where the next
//! head begins; and what does not pass is answered here. What the parser does not keep, the case of field names and their
//! order, is noted on the way.
//!
//! | module | has |
//! |---|---|
//! | `scan` | where a head ends |
//! | `head` | what a head must be |
//! | `chunks` | what a chunked body must be |
//! | `framer` | one direction of a connection, message by message |
//! | `raw` | a head as it was received |
//! | `spelling` | how its names are spelled, for who writes them |
//! | `refusal` | why not, and the answer |
//! | `client` | a client's socket behind its gate |
//! | `origin` | an origin's, likewise |
//!
//! # Rules
//! * The next request passes when the response to the one before has been handed over, not earlier. So a refusal is never
//!   written into the middle of a response, and one request's head is under way at a time.
//! * A request that is refused is no transaction.

mod chunks;
pub(crate) mod client;
mod framer;
mod head;
pub(crate) mod origin;
mod raw;
mod refusal;
mod scan;
mod spelling;

pub use self::framer::{Framer, Head, Side, Step};
pub use self::head::{Asked, Framing};
pub use self::raw::RawHead;
pub use self::refusal::Refusal;
pub use self::spelling::OddNames;
pub(crate) use self::spelling::note_changed;

//! How the names of a head's fields are spelled, as the parser takes it when it writes them.
//!
//! It writes names with capitals at the beginning of their words, as most come, unless a message carries a note of how
//! they came. To have it take that note of every message costs a twelfth of all that a request costs, and the note is the
//! parser's own type, which nobody else can make. So it takes none by itself; a head with other names is noted here, and
//! the parser is given a head with these names to make the note of. The last few are kept for each connection, since who
//! sends one such head mostly sends the next with the same names. A head that a plugin has changed is noted in the same way
//! when it is written back, and its notes are kept for each thread.
//!
//! # Rules
//! * A note says how all names of the head are spelled, the usual ones too.
//! * `Transfer-Encoding` and `Upgrade` mean something to the parser, and are never passed on as they came: their names
//!   are not noted.

use std::borrow::Cow;
use std::cell::RefCell;
use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use http::Extensions;
use httparse::Header;
use hyper::body::Incoming;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper::{Request, Response};

/// What the parser's buffer holds at least.
const LEAST_BUFFER: usize = 8192;

/// How many notes are kept.
const KEPT: usize = 4;

/// The names of a head, of which some are not spelled as the parser would spell them: a line of a head for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OddNames(Box<[u8]>);

impl OddNames {
    /// None if the names have capitals at the beginning of their words, and only there.
    pub(super) fn of(headers: &[Header<'_>]) -> Option<Self> {
        let mut names = headers.iter().map(|header| header.name.as_bytes());
        if names.clone().all(is_plain) { None } else { Some(Self::all(&mut names)) }
    }

    /// These names, odd or not.
    fn all(names: &mut dyn Iterator<Item = &[u8]>) -> Self {
        let means_something = |name: &[u8]| {
            [&b"transfer-encoding"[..], b"upgrade"].iter().any(|other| name.eq_ignore_ascii_case(other))
        };
        let noted = names.filter(|name| !means_something(name));
        // With a value that is good for every field.
        Self(noted.flat_map(|name| [name, b": 0\r\n"]).flatten().copied().collect())
    }

    /// The parser's note, made by having it read a head with these names.
    fn note(&self) -> Extensions {
        let noted = RefCell::new(Extensions::new());
        let service = service_fn(|request: Request<Incoming>| {
            noted.replace(request.into_parts().0.extensions);
            pending::<Result<Response<String>, Infallible>>()
        });
        let head = [b"GET / HTTP/1.1\r\n", &self.0[..], b"\r\n"].concat();
        let mut builder = Builder::new();
        builder
            .preserve_header_case(true)
            .header_read_timeout(None)
            .max_headers(self.0.split(|byte| *byte == b'\n').count())
            .max_buf_size(head.len().max(LEAST_BUFFER));
        let connection = builder.serve_connection(Once { head, given: 0 }, service);
        // It stops where the head has been handed over.
        let _ = pin!(connection).poll(&mut Context::from_waker(Waker::noop()));
        noted.into_inner()
    }
}

/// Whether the parser would spell a name like this.
fn is_plain(name: &[u8]) -> bool {
    // What may not come next: a small letter at the beginning of a word, a capital within.
    let mut odd = SMALL;
    let mut found = 0;
    for &byte in name {
        found |= KINDS[usize::from(byte)] & odd;
        odd = if byte == b'-' { SMALL } else { CAPITAL };
    }
    found == 0
}

const SMALL: u8 = 1;
const CAPITAL: u8 = 2;

/// Of each byte, what kind of letter it is.
static KINDS: [u8; 256] = {
    let mut kinds = [0; 256];
    let mut letter = b'a';
    while letter <= b'z' {
        kinds[letter as usize] = SMALL;
        kinds[letter.to_ascii_uppercase() as usize] = CAPITAL;
        letter += 1;
    }
    kinds
};

/// A name in lower case as the parser would write it.
fn plain(name: &str) -> Vec<u8> {
    let mut name = name.as_bytes().to_vec();
    let mut begins = true;
    for byte in &mut name {
        if begins {
            byte.make_ascii_uppercase();
        }
        begins = *byte == b'-';
    }
    name
}

/// Notes in what belongs to a message how the names of its fields are spelled: each in lower case, and as it is to be, where
/// that matters.
pub(crate) fn note_changed<'a>(
    names: impl Iterator<Item = (&'a str, Option<&'a [u8]>)> + Clone,
    extensions: &mut Extensions,
) {
    thread_local! {
        static CHANGED: RefCell<Spelling> = RefCell::default();
    }
    let is_odd = |(_, spelled): (&str, Option<&[u8]>)| spelled.is_some_and(|spelled| !is_plain(spelled));
    // The head that was received may have a note already, that fits no more.
    if !names.clone().any(is_odd) && !has_note(extensions) {
        return;
    }
    let names: Vec<_> =
        names.map(|(name, spelled)| spelled.map_or_else(|| Cow::from(plain(name)), Cow::from)).collect();
    let names = OddNames::all(&mut names.iter().map(|name| &**name));
    CHANGED.with_borrow_mut(|spelling| {
        spelling.set(Some(names));
        spelling.note_in(extensions);
    });
}

/// Whether the parser's note is among these. Nobody else can name its type, but another note takes its place.
fn has_note(extensions: &Extensions) -> bool {
    thread_local! {
        static ANOTHER: Extensions = OddNames::all(&mut [&b"a"[..]].into_iter()).note();
    }
    if extensions.is_empty() {
        return false;
    }
    let mut with_another = extensions.clone();
    with_another.extend(ANOTHER.with(Extensions::clone));
    with_another.len() == extensions.len()
}

/// How the names of the last head are spelled.
#[derive(Debug, Default)]
pub(super) struct Spelling {
    names: Option<OddNames>,
    /// The last notes that were made, the oldest first, and of what.
    kept: Vec<(OddNames, Extensions)>,
}

impl Spelling {
    /// A head has come with these names; none if they are as the parser would spell them.
    pub(super) fn set(&mut self, names: Option<OddNames>) {
        self.names = names;
    }

    /// Adds the note to what belongs to the message, if it needs one.
    pub(super) fn note_in(&mut self, extensions: &mut Extensions) {
        let Some(names) = self.names.take() else { return };
        let note = match self.kept.iter().find(|(kept, _)| *kept == names) {
            Some((_, note)) => note.clone(),
            None => {
                let note = names.note();
                self.kept.drain(..(self.kept.len() + 1).saturating_sub(KEPT));
                self.kept.push((names, note.clone()));
                note
            }
        };
        extensions.extend(note);
    }
}

/// A connection on which one head comes.
struct Once {
    head: Vec<u8>,
    given: usize,
}

impl Read for Once {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut into: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let left = &self.head[self.given..];
        if left.is_empty() {
            return Poll::Pending;
        }
        let length = left.len().min(into.remaining());
        into.put_slice(&left[..length]);
        self.given += length;
        Poll::Ready(Ok(()))
    }
}

/// Nothing is answered.
impl Write for Once {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Pending
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn odd<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<OddNames> {
        let headers: Vec<_> = names.into_iter().map(|name| Header { name, value: b"of no matter" }).collect();
        OddNames::of(&headers)
    }

    #[test]
    fn usual_names_need_no_note() {
        assert_eq!(odd(["Host", "X-Forwarded-For", "Etag", "X-1"]), None);
        for name in ["host", "ETag", "X-forwarded-For", "WWW-Authenticate"] {
            assert!(odd(["Host", name]).is_some(), "{name}");
        }
    }

    #[test]
    fn the_parser_makes_a_note_of_all_names_however_many_there_are() {
        for count in [1, 99, 100, 101, 4000] {
            let names: Vec<String> = (0..count).map(|number| format!("ODD-name-{number}")).collect();
            let all = names.iter().map(String::as_str);
            let framing = ["content-length", "content-length", "transfer-encoding", "connection", "upgrade"];
            let note = odd(all.chain(framing)).unwrap().note();
            assert_eq!(note.len(), 1, "{count}");
        }
    }

    #[test]
    fn a_head_that_was_changed_is_noted_if_its_names_are_odd_or_it_has_a_note_of_others() {
        let plain = [("host", None), ("x-one", Some(&b"X-One"[..]))];
        let odd = [("host", None), ("x-one", Some(&b"x-ONE"[..]))];
        let mut extensions = Extensions::new();
        extensions.insert("what else belongs to it");
        note_changed(plain.into_iter(), &mut extensions);
        assert_eq!(extensions.len(), 1, "usual names need none");
        note_changed(odd.into_iter(), &mut extensions);
        assert_eq!(extensions.len(), 2);
        assert!(has_note(&extensions), "which is looked for before it is replaced");
        note_changed(plain.into_iter(), &mut extensions);
        assert_eq!(extensions.len(), 2);
    }

    #[test]
    fn a_note_is_added_once_for_each_head_that_needs_one() {
        let mut spelling = Spelling::default();
        for turn in 0..20 {
            let last = format!("last-{}", turn / 2 % 6);
            spelling.set(odd(["host", &last]));
            assert!(spelling.kept.len() <= KEPT);
            for notes in [1, 0] {
                let mut extensions = Extensions::new();
                spelling.note_in(&mut extensions);
                assert_eq!(extensions.len(), notes);
            }
        }
        spelling.set(odd(["Host"]));
        let mut extensions = Extensions::new();
        spelling.note_in(&mut extensions);
        assert!(extensions.is_empty());
    }
}

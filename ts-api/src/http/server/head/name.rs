//! The name of a field, with those that no wire knows.

use bytes::Bytes;
use http::header::HeaderName;

use super::is_framing;

/// What the name of a field begins with that stays within the host.
const INNER: u8 = b'@';

/// The name of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    /// Without the sign before it.
    name: HeaderName,
    is_inner: bool,
}

impl Name {
    /// The name with this text; none if it is no name.
    pub(super) fn of(text: &[u8]) -> Option<Self> {
        let (is_inner, text) = match text.split_first() {
            Some((&INNER, rest)) => (true, rest),
            _ => (false, text),
        };
        HeaderName::from_bytes(text).ok().map(|name| Self { name, is_inner })
    }

    /// As it is on a wire; none if it is on none.
    pub(super) fn on_wire(&self) -> Option<&HeaderName> {
        (!self.is_inner).then_some(&self.name)
    }

    pub(super) fn is_framing(&self) -> bool {
        !self.is_inner && is_framing(&self.name)
    }

    /// Whether it is the name with this text, in whatever case.
    pub(super) fn is(&self, text: &[u8]) -> bool {
        let rest = if self.is_inner { text.strip_prefix(&[INNER]) } else { Some(text) };
        rest.is_some_and(|rest| self.name.as_str().as_bytes().eq_ignore_ascii_case(rest))
    }

    /// In lower case.
    pub(super) fn text(&self) -> Bytes {
        let name = self.name.as_str().as_bytes();
        if self.is_inner { [&[INNER], name].concat().into() } else { Bytes::copy_from_slice(name) }
    }
}

impl From<HeaderName> for Name {
    fn from(name: HeaderName) -> Self {
        Self { name, is_inner: false }
    }
}

impl PartialEq<HeaderName> for Name {
    fn eq(&self, other: &HeaderName) -> bool {
        self.on_wire() == Some(other)
    }
}

//! What a continuation is called in reports, without a handle of it: that would be counted, and what plugins add to global
//! lists is called on all threads.

use std::fmt;
use std::panic::Location;

use ts_cont::Continuation;

/// Its name, if it has one, and the place where it was made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Label {
    pub(crate) name: Option<&'static str>,
    place: &'static Location<'static>,
}

impl Label {
    pub(crate) fn of(continuation: &Continuation) -> Self {
        Self { name: continuation.name(), place: continuation.place() }
    }
}

/// Places are told apart by where they stand in memory, which is cheaper, and of which there is one for each.
impl PartialEq for Label {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.place, other.place) && self.name == other.name
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name {
            Some(name) => write!(f, "{name} ({})", self.place),
            None => self.place.fmt(f),
        }
    }
}

//! Places in the code, and those that others lock for.
//!
//! A `Location` cannot be made of its parts. A table of functions is given places by the plugins that call it, as text and
//! numbers, and a report that named the table's own source instead would help nobody.

use std::cell::Cell;
use std::fmt;
use std::panic::Location;

use ts_thread::ContextLocal;

/// A place in the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    file: &'static str,
    line: u32,
    column: u32,
}

/// The place that is meant, whatever the callers of the functions that lock are.
static MEANT: ContextLocal<Cell<Option<Place>>> = ContextLocal::new(|| Cell::new(None));

/// Runs `f`, which takes or gives back one mutex, for somebody at another place: reports name that one.
///
/// For tables of functions. It costs one branch while nothing is checked.
pub fn on_behalf_of<R>(file: &'static str, line: u32, column: u32, f: impl FnOnce() -> R) -> R {
    if !super::is_on() {
        return f();
    }
    let before = replace(Some(Place { file, line, column }));
    let _restore = Restore(before);
    f()
}

/// Whatever happens meanwhile, what was meant before is meant again.
struct Restore(Option<Place>);

impl Drop for Restore {
    fn drop(&mut self) {
        replace(self.0);
    }
}

/// In a context whose storage is being torn down, callers are named.
fn replace(place: Option<Place>) -> Option<Place> {
    MEANT.try_with(|meant| meant.replace(place)).unwrap_or(None)
}

impl Place {
    /// The place that is meant by a lock at `caller`.
    pub(super) fn meant(caller: &'static Location<'static>) -> Self {
        MEANT.try_with(Cell::get).unwrap_or(None).unwrap_or_else(|| caller.into())
    }

    /// The place that is meant by giving back at `caller`. After that others may run, and they mean themselves.
    pub(super) fn meant_at_release(caller: Option<&'static Location<'static>>) -> Option<Self> {
        replace(None).or_else(|| caller.map(Self::from))
    }
}

impl From<&'static Location<'static>> for Place {
    fn from(place: &'static Location<'static>) -> Self {
        Self { file: place.file(), line: place.line(), column: place.column() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

//! What reports call a continuation that came through the door: its name, and the place in the plugin's source.
//!
//! Labels are made once for each place and kept for good: there are as many as there are places that make continuations,
//! and reports may be made when the plugin's text is long gone from view.

use crate::table::Place;
use parking_lot::RwLock;
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::LazyLock;
use ts_cont::Continuation;

/// Address and length of the name, address of the file, line and column: all are constant for a place.
type Key = (usize, usize, usize, u32, u32);

static LABELS: LazyLock<RwLock<HashMap<Key, &'static str>>> = LazyLock::new(RwLock::default);

thread_local! {
    /// What this thread was told last: a plugin makes most of its continuations at one place, for one request after the other.
    static LAST: Cell<Option<(Key, &'static str)>> = const { Cell::new(None) };
}

pub(super) fn label(name: &'static str, place: Place) -> &'static str {
    let file = place.file.as_str();
    // The empty name has an address of no meaning.
    let address = if name.is_empty() { 0 } else { name.as_ptr().addr() };
    let key = (address, name.len(), file.as_ptr().addr(), place.line, place.column);
    if let Some((last, label)) = LAST.get()
        && last == key
    {
        return label;
    }
    let label = look_up(key, name, place);
    LAST.set(Some((key, label)));
    label
}

fn look_up(key: Key, name: &'static str, place: Place) -> &'static str {
    if let Some(label) = LABELS.read().get(&key) {
        return label;
    }
    let file = place.file.as_str();
    let Place { line, column, .. } = place;
    let label = if name.is_empty() {
        format!("continuation made at {file}:{line}:{column}")
    } else {
        format!("{name} ({file}:{line}:{column})")
    };
    LABELS.write().entry(key).or_insert_with(|| label.leak())
}

/// What reports call the continuation that starts a plugin's thread.
pub(super) const PLUGIN_THREAD: &str = "the start of a plugin's thread";

/// What reports call a continuation, also one of the host's own, which may have no name.
pub(super) fn of(cont: &Continuation) -> String {
    match cont.name() {
        Some(name) => name.to_owned(),
        None => format!("continuation made at {}", cont.place()),
    }
}

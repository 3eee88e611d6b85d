//! `[access-log]`: a line for each transaction.

use std::path::PathBuf;

use super::keys::{Key, Keys, Section};
use super::kinds::{Choice, File, Maybe, Size};
use crate::http::{DEFAULT_QUEUE, Format};

/// The access log.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AccessLog {
    /// None: there is no such log.
    pub(crate) file: Option<PathBuf>,
    pub(crate) format: Format,
    pub(crate) queue: usize,
}

impl Default for AccessLog {
    fn default() -> Self {
        Self { file: None, format: Format::Combined, queue: DEFAULT_QUEUE }
    }
}

const FORMATS: [(&str, Format); 3] =
    [("common", Format::Common), ("combined", Format::Combined), ("json", Format::Json)];

impl Section for AccessLog {
    fn keys<K: Keys>(&mut self, keys: &mut K) {
        let key = Key::new(
            "file",
            "Where it is written, a line for each transaction; opened anew at a reload. Without it there is no such log.",
        );
        keys.value(key.reloads(), Maybe(File), &mut self.file);
        let key = Key::new("format", "The form of a line.");
        keys.value(key.reloads(), Choice(&FORMATS), &mut self.format);
        let key = Key::new(
            "queue",
            "Bytes on their way to the file; if the disk does not keep up, lines beyond that are dropped, and counted.",
        );
        keys.value(key.reloads(), Size(64 << 10, 1 << 30), &mut self.queue);
    }
}

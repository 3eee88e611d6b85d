//! `[[plugin]]`: what is set up before the host serves.

use std::path::PathBuf;

use super::keys::{Key, Keys, Section};
use super::kinds::{File, Maybe, Several, Text};
use crate::host::plugins;

/// A plugin.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Plugin {
    /// One that the host brings along; empty if it is loaded from a file.
    pub(crate) name: String,
    /// A shared library.
    pub(crate) file: Option<PathBuf>,
    pub(crate) arguments: Vec<String>,
}

impl Section for Plugin {
    fn keys<K: Keys>(&mut self, keys: &mut K) {
        let key = Key::new("name", "One of those that the host brings along. Either this or `file`.");
        keys.value(key, plugins::Name, &mut self.name);
        let key = Key::new("file", "A shared library, for plugins in C and C++.");
        keys.value(key, Maybe(File), &mut self.file);
        let key =
            Key::new("arguments", "What it is told; each plugin has its own. One of a file is told once.");
        keys.value(key.reloads(), Several(Text), &mut self.arguments);
    }

    fn check(&self, complain: &mut dyn FnMut(Option<&'static str>, String)) {
        if self.file.is_some() && !self.name.is_empty() {
            let text = "a plugin that the host brings along has none: leave out this, or `name`";
            complain(Some("file"), text.to_owned());
        }
    }
}

impl Plugin {
    /// What it is called where several are told apart.
    pub(crate) fn called(&self) -> String {
        self.file.as_ref().map_or_else(|| self.name.clone(), |file| file.display().to_string())
    }

    /// Whether it is neither.
    pub(crate) fn is_nothing(&self) -> bool {
        self.name.is_empty() && self.file.is_none()
    }

    /// One that is loaded from the file that the first word names, and told the others.
    pub(crate) fn of_words(words: Vec<String>) -> Option<Self> {
        let mut words = words.into_iter();
        let file = words.next()?;
        Some(Self { name: String::new(), file: Some(file.into()), arguments: words.collect() })
    }
}

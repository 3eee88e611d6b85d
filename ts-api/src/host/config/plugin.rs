//! `[[plugin]]`: what is set up before the host serves.

use super::keys::{Key, Keys, Section};
use super::kinds::{Several, Text};
use crate::host::plugins;

/// A plugin.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Plugin {
    /// One that the host brings along.
    pub(crate) name: String,
    pub(crate) arguments: Vec<String>,
}

impl Section for Plugin {
    fn keys<K: Keys>(&mut self, keys: &mut K) {
        let key = Key::new("name", "One of those that the host brings along.").required();
        keys.value(key, plugins::Name, &mut self.name);
        let key = Key::new("arguments", "What it is told; each plugin has its own.").reloads();
        keys.value(key, Several(Text), &mut self.arguments);
    }
}

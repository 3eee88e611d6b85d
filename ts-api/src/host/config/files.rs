//! `[files]`: configuration that has a format of its own.

use std::path::PathBuf;

use super::keys::{Key, Keys, Section};
use super::kinds::{File, Maybe};

/// Files with formats of their own.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Files {
    pub(crate) records: Option<PathBuf>,
    pub(crate) plugin_config: Option<PathBuf>,
    pub(crate) remap_config: Option<PathBuf>,
}

impl Section for Files {
    fn keys<K: Keys>(&mut self, keys: &mut K) {
        let about = "`records.yaml`: settings under the original's names; they win over this file's.";
        keys.value(Key::new("records", about), Maybe(File), &mut self.records);
        let about = "`plugin.config`: a shared library and its arguments on each line; loaded after those of [[plugin]].";
        keys.value(Key::new("plugin-config", about), Maybe(File), &mut self.plugin_config);
        let about = "`remap.config`: a rule on each line, besides those of [[remap]].";
        keys.value(Key::new("remap-config", about).reloads(), Maybe(File), &mut self.remap_config);
    }
}

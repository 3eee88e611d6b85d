//! `[log]`: what the host says of itself.

use tracing_subscriber::filter::{LevelFilter, Targets};

use super::keys::{Key, Keys, Section};
use super::kinds::Parsed;

/// What is logged.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Log {
    pub(crate) filter: Targets,
}

impl Default for Log {
    fn default() -> Self {
        Self { filter: Targets::new().with_default(LevelFilter::WARN) }
    }
}

impl Section for Log {
    fn keys<K: Keys>(&mut self, keys: &mut K) {
        let key = Key::new("filter", "From which level on, in all or for some targets.").reloads();
        keys.value(key, Parsed::new("a filter such as \"info\" or \"warn,ts_api=debug\""), &mut self.filter);
    }
}

//! `[shutdown]`: how the host ends.

use std::time::Duration;

use super::keys::{Key, Keys, Section};
use super::kinds::Span;

/// How the host ends.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shutdown {
    pub(crate) deadline: Duration,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self { deadline: Duration::from_secs(10) }
    }
}

impl Section for Shutdown {
    fn keys<K: Keys>(&mut self, keys: &mut K) {
        let key =
            Key::new("deadline", "How long it may take, requests that are under way included.").reloads();
        keys.value(key, Span(Duration::ZERO, Duration::from_secs(u32::MAX.into())), &mut self.deadline);
    }
}

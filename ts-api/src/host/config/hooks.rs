//! `[hooks]`: how long plugins may keep others waiting.

use std::time::Duration;

use super::keys::{Key, Keys, Section};
use super::kinds::{OrWord, Span};
use crate::http::HookPolicy;

/// From hardly any time to as good as for ever.
const ANY: Span = Span(Duration::from_millis(1), Duration::from_secs(7 * 24 * 3600));

impl Section for HookPolicy {
    fn keys<K: Keys>(&mut self, keys: &mut K) {
        let about = "After how long the log says which continuation has not re-enabled.";
        keys.value(Key::new("report-after", about).reloads(), ANY, &mut self.report_after);
        let about = "After how long things go on without it, in an error.";
        keys.value(Key::new("end-after", about).reloads(), OrWord("never", ANY), &mut self.end_after);
    }
}

//! `[timeouts]`: how long everything may take.

use std::time::Duration;

use super::keys::{Key, Keys, Section};
use super::kinds::Span;
use crate::http::Timeouts;

/// From no time at all to as good as for ever.
const ANY: Span = Span(Duration::from_millis(1), Duration::from_secs(24 * 3600));

impl Section for Timeouts {
    fn keys<K: Keys>(&mut self, keys: &mut K) {
        let mut time = |name, about, value| keys.value(Key::new(name, about).reloads(), ANY, value);
        time(
            "client-head",
            "How long a client may take for a request's head; then it is answered 408.",
            &mut self.client_head,
        );
        time(
            "client-idle",
            "How long a connection is kept on which no request comes.",
            &mut self.client_idle,
        );
        time(
            "client-stall",
            "How long a client may take nothing of what is sent to it.",
            &mut self.client_stall,
        );
        time("connect", "How long a connection to an origin may take to be made.", &mut self.connect);
        time(
            "response",
            "How long an origin may take for a response's head once it has the request.",
            &mut self.response,
        );
        time("silence", "How long an origin may say nothing within a response's body.", &mut self.silence);
    }
}

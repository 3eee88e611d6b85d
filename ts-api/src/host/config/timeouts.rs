//! `[timeouts]`: how long everything may take.

use std::time::Duration;

use super::keys::{Key, Keys, Section};
use super::kinds::{OrWord, Span};
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
        time(
            "client-body",
            "How long a request's body may be waited for, all of it; then it is answered 408.",
            &mut self.client_body,
        );
        time(
            "client-pace",
            "How long the pace of a request's body is watched before `limits.body-rate` judges it.",
            &mut self.client_pace,
        );
        time("lookup", "How long the look-up of an origin's name may take.", &mut self.lookup);
        time("connect", "How long a connection to an origin may take to be made.", &mut self.connect);
        time(
            "expect",
            "How long an origin may take to ask for a body that its client holds back; then it is sent unasked.",
            &mut self.expect,
        );
        time(
            "response",
            "How long an origin may take for a response's head once it has the request.",
            &mut self.response,
        );
        time("silence", "How long an origin may say nothing within a response's body.", &mut self.silence);
        let about = "How long all of it may take once there is a connection to the origin.";
        keys.value(Key::new("exchange", about).reloads(), OrWord("any", ANY), &mut self.exchange);
    }
}

//! `[limits]`: how much clients may send.

use std::num::{NonZeroU64, NonZeroUsize};

use super::keys::{Key, Keys, Section};
use super::kinds::{Count, Flag, OrWord, Several, Size, Text};
use crate::http::{Http2Limits, Limits};

impl Section for Limits {
    fn keys<K: Keys>(&mut self, keys: &mut K) {
        let key =
            Key::new("connections", "Connections of clients at the same time; one more is answered 503.");
        keys.value(key.reloads(), OrWord("any", Count(0, usize::MAX)), &mut self.connections);
        let about = "The same for each client: an IPv4 address, or a network of 64 bits of IPv6.";
        let kind = OrWord("any", Count(NonZeroUsize::MIN, NonZeroUsize::MAX));
        keys.value(
            Key::new("connections-per-client", about).reloads(),
            kind,
            &mut self.connections_per_client,
        );
        let key = Key::new("head", "Bytes of a whole head; more is answered 431.");
        keys.value(key.reloads(), Size(256, 1 << 20), &mut self.head);
        let key = Key::new("fields", "Fields of a head; more are answered 431.");
        keys.value(key.reloads(), Count(1, 10_000), &mut self.fields);
        let key = Key::new("field", "Bytes of one field, name and value; more is answered 431.");
        keys.value(key.reloads(), Size(16, 1 << 20), &mut self.field);
        let key = Key::new("target", "Bytes of a request's target; more is answered 414.");
        keys.value(key.reloads(), Size(1, 65_000), &mut self.target);
        let key = Key::new("body", "Bytes of a request's body; more is answered 413.");
        keys.value(key.reloads(), OrWord("any", Size(0, 1 << 60)), &mut self.body);
        let key = Key::new("methods", "The methods that are let pass; others are answered 501.");
        keys.value(key.reloads(), OrWord("any", Several(Text)), &mut self.methods);
        let key = Key::new("body-rate", "Bytes a second of a request's body at least; less is answered 408.");
        keys.value(key.reloads(), Count(0, 1 << 40), &mut self.body_rate);
        let key = Key::new("requests-per-connection", "Requests on one connection at most.");
        let kind = OrWord("any", Count(NonZeroU64::MIN, NonZeroU64::MAX));
        keys.value(key.reloads(), kind, &mut self.requests_per_connection);
        let about = "Whether a client that has closed its sending half still gets its response.";
        keys.value(Key::new("half-close", about).reloads(), Flag, &mut self.half_close);
        keys.table(Key::new("http2", "What holds for HTTP/2 only."), &mut self.http2);
    }
}

impl Section for Http2Limits {
    fn keys<K: Keys>(&mut self, keys: &mut K) {
        let about =
            "Whether it is spoken with clients that begin with its preface; otherwise they are answered 505.";
        keys.value(Key::new("enabled", about).reloads(), Flag, &mut self.enabled);
        let key = Key::new("streams", "Requests at the same time.");
        keys.value(key.reloads(), Count(1, 1 << 20), &mut self.streams);
        let about = "Bytes of a request's body that a client may send before any of them has been taken.";
        keys.value(
            Key::new("stream-window", about).reloads(),
            Size(1, (1 << 31) - 1),
            &mut self.stream_window,
        );
        let key = Key::new("connection-window", "The same for all requests of a connection together.");
        keys.value(key.reloads(), Size(65_535, (1 << 31) - 1), &mut self.connection_window);
        let key = Key::new("frame", "Bytes of one frame.");
        keys.value(key.reloads(), Size(16_384, 16_777_215), &mut self.frame);
        let key =
            Key::new("send-buffer", "Bytes of a response that wait in memory for the client to take them.");
        keys.value(key.reloads(), Size(1 << 10, 1 << 30), &mut self.send_buffer);
        let about =
            "Requests that a client may reset before they have been begun; one more closes the connection.";
        keys.value(Key::new("pending-resets", about).reloads(), Count(0, 1 << 20), &mut self.pending_resets);
        let about = "Requests that are reset for errors of the client's; one more closes the connection.";
        keys.value(Key::new("error-resets", about).reloads(), Count(0, 1 << 20), &mut self.error_resets);
        let about = "By how many more requests a client may lose interest in than let be answered.";
        keys.value(Key::new("resets", about).reloads(), Count(0, 1 << 40), &mut self.resets);
    }
}

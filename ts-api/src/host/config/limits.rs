//! `[limits]`: how much clients may send.

use super::keys::{Key, Keys, Section};
use super::kinds::{Count, Flag, OrWord, Several, Size, Text};
use crate::http::Limits;

impl Section for Limits {
    fn keys<K: Keys>(&mut self, keys: &mut K) {
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
        let key = Key::new(
            "half-close",
            "Whether a client that has closed its sending half still gets its response.",
        );
        keys.value(key.reloads(), Flag, &mut self.half_close);
    }
}

//! `[targets]`: where clients may be taken that name their target themselves.

use super::keys::{Key, Keys, Section};
use super::kinds::{Count, Flag, Several};
use crate::http::Targets;

impl Section for Targets {
    fn keys<K: Keys>(&mut self, keys: &mut K) {
        let key = Key::new("tunnels", "Whether CONNECT makes tunnels; otherwise it is answered 501.");
        keys.value(key.reloads(), Flag, &mut self.tunnels);
        let key = Key::new("tunnel-ports", "The ports that tunnels may lead to.");
        keys.value(key.reloads(), Several(Count(1, u16::MAX)), &mut self.tunnel_ports);
        let about = "Whether addresses may be reached that are this machine's or its network's own.";
        keys.value(Key::new("inner-addresses", about).reloads(), Flag, &mut self.inner_addresses);
    }
}

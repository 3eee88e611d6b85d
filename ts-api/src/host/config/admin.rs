//! `[admin]`: a port for those who look after the host.

use std::net::SocketAddr;

use super::keys::{Key, Keys, Section};
use super::kinds::{Maybe, Parsed};
use super::listen::ADDRESS;

/// The admin port.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Admin {
    /// None: there is no such port, and nothing is measured for it.
    pub(crate) address: Option<SocketAddr>,
}

impl Section for Admin {
    fn keys<K: Keys>(&mut self, keys: &mut K) {
        let key = Key::new(
            "address",
            "Where /metrics and /healthz are answered, and messages to plugins taken (POST /plugin/TAG), from anybody who can reach it. Without it there is no such port.",
        );
        keys.value(key, Maybe(Parsed::new(ADDRESS)), &mut self.address);
    }
}

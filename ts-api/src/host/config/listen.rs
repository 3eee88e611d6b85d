//! `[[listen]]`: where connections are accepted.

use std::net::{Ipv4Addr, SocketAddr};

use super::keys::{Key, Keys, Section};
use super::kinds::Parsed;

/// Where the host listens unless it is told otherwise.
pub(crate) const DEFAULT_PORT: u16 = 8080;

/// What an address looks like.
pub(crate) const ADDRESS: &str = "an address and a port such as \"127.0.0.1:8080\" or \"[::]:8080\"";

/// A place to listen at.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Listen {
    pub(crate) address: SocketAddr,
}

impl Default for Listen {
    fn default() -> Self {
        Self { address: (Ipv4Addr::LOCALHOST, DEFAULT_PORT).into() }
    }
}

impl Section for Listen {
    fn keys<K: Keys>(&mut self, keys: &mut K) {
        let key = Key::new("address", "The address and port; port 0 lets the system choose.").required();
        keys.value(key, Parsed::new(ADDRESS), &mut self.address);
    }
}

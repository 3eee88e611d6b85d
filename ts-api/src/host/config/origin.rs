//! `[origin]`: where requests go.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::str::FromStr;

use super::keys::{Key, Keys, Section};
use super::kinds::Parsed;

/// The word for an origin that the host brings along.
const EMBEDDED: &str = "embedded";

/// Where requests go.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Origin {
    pub(crate) address: Destination,
}

/// One origin.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Destination {
    /// The host's own, which answers everything.
    #[default]
    Embedded,
    /// Another, under the name that it was given.
    At { name: String, address: SocketAddr },
}

impl FromStr for Destination {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == EMBEDDED {
            return Ok(Self::Embedded);
        }
        let found = text.to_socket_addrs().map_err(|error| error.to_string())?;
        let mut found: Vec<_> = found.collect();
        // Names such as localhost stand for both; most origins listen at the older one.
        found.sort_by_key(SocketAddr::is_ipv6);
        let address = found.first().copied().ok_or("it has no address")?;
        Ok(Self::At { name: text.to_owned(), address })
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded => f.write_str(EMBEDDED),
            Self::At { name, .. } => f.write_str(name),
        }
    }
}

impl Section for Origin {
    fn keys<K: Keys>(&mut self, keys: &mut K) {
        keys.value(
            Key::new("address", "The origin; \"embedded\" is one of the host's own, for a first look.")
                .reloads(),
            Parsed::new("a host and a port such as \"127.0.0.1:9000\", or \"embedded\""),
            &mut self.address,
        );
    }
}

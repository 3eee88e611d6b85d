//! `[[listen]]` and `[accept]`: where connections are accepted, and by whom.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::time::Duration;

use toml::Spanned;
use toml::de::DeValue;

use super::keys::{Key, Keys, Kind, Section, Wrong};
use super::kinds::{Choice, Count, Flag, OrWord, Parsed, Size, Span};
use super::threads::MOST_THREADS;
use crate::http::{Accept, SocketOptions};

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

/// Who accepts, on what sockets.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Accepting {
    pub(crate) by: Accept,
    pub(crate) sockets: SocketOptions,
}

const BY: [(&str, Accept); 2] = [("one", Accept::One), ("each", Accept::PerThread)];

/// Who accepts: a word, or how many threads that do nothing else.
struct By;

impl By {
    const THREADS: Count<usize> = Count(1, MOST_THREADS);
}

impl Kind for By {
    type Value = Accept;

    fn read(&self, value: &Spanned<DeValue<'_>>) -> Result<Accept, Vec<Wrong>> {
        if value.get_ref().is_str() {
            return Choice(&BY).read(value);
        }
        let count = Self::THREADS.read(value)?;
        NonZeroUsize::new(count).map(Accept::Dedicated).ok_or_else(|| Wrong::here(value))
    }

    fn wanted(&self) -> String {
        format!("{}, or {} for as many threads of their own", Choice(&BY).wanted(), Self::THREADS.wanted())
    }

    fn show(&self, value: &Accept) -> Option<String> {
        match value {
            Accept::Dedicated(count) => Some(count.to_string()),
            by => Choice(&BY).show(by),
        }
    }
}

impl Section for Accepting {
    fn keys<K: Keys>(&mut self, keys: &mut K) {
        let about = "Who accepts: one network thread for each address, handing out in turn; each network thread on a socket of its own; or threads that do nothing else.";
        keys.value(Key::new("by", about), By, &mut self.by);
        self.sockets.keys(keys);
    }
}

impl Section for SocketOptions {
    fn keys<K: Keys>(&mut self, keys: &mut K) {
        let key = Key::new("backlog", "Connections that may wait to be accepted.");
        keys.value(key, Count(1, 1 << 20), &mut self.backlog);
        let about = "After how long a silence the system asks whether the client is still there.";
        let span = Span(Duration::from_secs(1), Duration::from_secs(32_767));
        keys.value(Key::new("keep-alive", about), OrWord("never", span), &mut self.keep_alive);
        let key = Key::new("receive-buffer", "What the system keeps of what came in and is not read yet.");
        keys.value(key, OrWord("system", Size(1 << 10, 1 << 30)), &mut self.receive_buffer);
        let key = Key::new("send-buffer", "What the system keeps of what is to go out.");
        keys.value(key, OrWord("system", Size(1 << 10, 1 << 30)), &mut self.send_buffer);
        let key = Key::new("only-ipv6", "Whether an IPv6 address takes no IPv4 connections.");
        keys.value(key, Flag, &mut self.only_ipv6);
    }
}

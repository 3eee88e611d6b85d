//! `[origin]`: where requests go that no rule is for, and how connections to origins are used.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use super::keys::{Key, Keys, Section};
use super::kinds::{Choice, Count, Maybe, OrWord, Parsed, Span};
use crate::http::{OriginPolicy, Rule, Unmapped};

/// The word for an origin that the host brings along.
const EMBEDDED: &str = "embedded";

/// Where requests go that no rule is for, and how connections to origins are used.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Origin {
    pub(crate) address: Option<Destination>,
    pub(crate) unmapped: Unmapped,
    pub(crate) policy: OriginPolicy,
}

/// One origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Destination {
    /// The host's own, which answers everything.
    Embedded,
    /// Another: host and port.
    At(String),
}

impl Destination {
    /// The rule that sends everything there. `embedded` is where the host's own origin is.
    pub(crate) fn rule(&self, embedded: Option<SocketAddr>) -> Option<Rule> {
        let origin = match self {
            Self::At(origin) => origin.clone(),
            Self::Embedded => embedded?.to_string(),
        };
        everything_to(&origin).ok()
    }
}

fn everything_to(origin: &str) -> Result<Rule, String> {
    let rule = Rule::new("/", &format!("http://{origin}/")).map_err(|error| error.to_string())?;
    Ok(rule.keep_host(true).keep_location(true))
}

impl FromStr for Destination {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == EMBEDDED {
            return Ok(Self::Embedded);
        }
        let port = text.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
        if port.is_none() {
            return Err("it has no port from 0 to 65535".to_owned());
        }
        everything_to(text)?;
        Ok(Self::At(text.to_owned()))
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Embedded => EMBEDDED,
            Self::At(origin) => origin,
        })
    }
}

const UNMAPPED: [(&str, Unmapped); 2] = [("deny", Unmapped::Deny), ("forward-proxy", Unmapped::ForwardProxy)];

/// Up to as good as for ever.
const ANY: Span = Span(Duration::ZERO, Duration::from_secs(7 * 24 * 3600));

impl Section for Origin {
    fn keys<K: Keys>(&mut self, keys: &mut K) {
        keys.value(
            Key::new(
                "address",
                "Where requests go that no rule is for, as they are; \"embedded\" is an origin of the host's own, for a first look, and what there is if nothing is said of origins at all.",
            )
            .reloads(),
            Maybe(Parsed::new("a host and a port such as \"127.0.0.1:9000\", or \"embedded\"")),
            &mut self.address,
        );
        let about = "What becomes of a request that neither a rule nor `address` is for: 421 or 404, or it goes where it says.";
        keys.value(Key::new("unmapped", about).reloads(), Choice(&UNMAPPED), &mut self.unmapped);
        self.policy.keys(keys);
    }
}

impl Section for OriginPolicy {
    fn keys<K: Keys>(&mut self, keys: &mut K) {
        let key = Key::new("connections", "Connections to one origin at most, for each network thread.");
        keys.value(key.reloads(), OrWord("any", Count(1, 1 << 20)), &mut self.connections);
        let key = Key::new("queue", "Requests that may wait for one of them; one more is answered 503.");
        keys.value(key.reloads(), Count(0, 1 << 30), &mut self.queue);
        let key = Key::new("queue-time", "How long a request may wait for one; then it is answered 503.");
        keys.value(key.reloads(), ANY, &mut self.queue_time);
        let key =
            Key::new("idle", "Connections without work that are kept, for each network thread and origin.");
        keys.value(key.reloads(), Count(0, 1 << 20), &mut self.idle);
        let key = Key::new("keep-alive", "How long a connection without work is kept.");
        keys.value(key.reloads(), ANY, &mut self.keep_alive);
        let key = Key::new("max-age", "How old a connection may be when a request is sent over it.");
        keys.value(key.reloads(), OrWord("any", ANY), &mut self.max_age);
        let key = Key::new("max-requests", "How many requests one connection serves.");
        keys.value(key.reloads(), OrWord("any", Count(1, u64::MAX)), &mut self.max_requests);
        let key = Key::new(
            "lookup-kept",
            "How long the addresses of a name are used before they are looked up again.",
        );
        keys.value(key.reloads(), ANY, &mut self.lookup_kept);
        let key =
            Key::new("lookup-failure-kept", "How long it is taken for granted that a name has no address.");
        keys.value(key.reloads(), ANY, &mut self.lookup_failure_kept);
    }
}

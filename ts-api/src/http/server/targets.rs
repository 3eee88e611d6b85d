//! Where clients may be taken that name their target themselves: by tunnel, or through a forward proxy.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where clients may be taken that name their target themselves: with CONNECT, or, if
/// [`Unmapped::ForwardProxy`](super::Unmapped::ForwardProxy) lets them, in the request's target. Rules of the remap table may
/// lead anywhere.
///
/// A plugin may refuse more, at TUNNEL_START or any hook after it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Targets {
    /// Whether CONNECT makes tunnels. Default: no, it is answered with 501.
    pub tunnels: bool,
    /// The ports that tunnels may lead to. Default: 443.
    pub tunnel_ports: Vec<u16>,
    /// Whether addresses may be reached that are this machine's or its network's own: loopback, link-local, private, shared
    /// and unspecified ones, and those that belong to nobody in particular. A name counts by its addresses. Default: no.
    pub inner_addresses: bool,
}

impl Default for Targets {
    fn default() -> Self {
        Self { tunnels: false, tunnel_ports: vec![443], inner_addresses: false }
    }
}

impl Targets {
    /// Whether a client may be taken to `address`.
    pub(crate) fn allow(&self, address: IpAddr) -> bool {
        self.inner_addresses || !is_inner(address)
    }
}

fn is_inner(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_inner_v4(address),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(mapped) => is_inner_v4(mapped),
            None => is_inner_v6(address),
        },
    }
}

fn is_inner_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    // 0.0.0.0/8 is this network, 100.64.0.0/10 what providers share, and from 224.0.0.0 on there is no host.
    let odd = first == 0 || first >= 224 || (first == 100 && second & 0xc0 == 64);
    odd || address.is_loopback() || address.is_private() || address.is_link_local()
}

fn is_inner_v6(address: Ipv6Addr) -> bool {
    // ::/8 has loopback, the unspecified address and what stands for IPv4.
    let odd = address.segments()[0] >> 8 == 0 || address.is_multicast();
    odd || address.is_unique_local() || address.is_unicast_link_local()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inner_addresses_are_known_in_every_notation() {
        let inner = |text: &str| is_inner(text.parse().unwrap());
        for text in [
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.9.9",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.127.9.9",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::7f00:1",
            "fe80::1",
            "fc00::1",
            "fdff::1",
            "ff02::1",
        ] {
            assert!(inner(text), "{text}");
        }
        for text in ["1.1.1.1", "172.32.0.1", "100.128.0.1", "11.0.0.1", "2001:db8::1", "::ffff:8.8.8.8"] {
            assert!(!inner(text), "{text}");
        }
    }
}

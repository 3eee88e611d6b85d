//! Which requests go to which origin.

use std::net::SocketAddr;

/// Which requests go to which origin.
#[derive(Debug, Clone, Default)]
pub struct Remap {
    everything: Option<SocketAddr>,
}

impl Remap {
    /// Sends everything to one origin, as it is.
    #[must_use]
    pub fn to(origin: SocketAddr) -> Self {
        Self { everything: Some(origin) }
    }

    /// Whether there is nothing to send anywhere.
    pub(crate) fn is_empty(&self) -> bool {
        self.everything.is_none()
    }

    pub(crate) fn find(&self) -> Option<SocketAddr> {
        self.everything
    }
}

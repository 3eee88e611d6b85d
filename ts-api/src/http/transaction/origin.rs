//! What a plugin may know of the origin of a transaction, besides its messages and addresses.

use super::Transaction;
use crate::http::door::{self, Fact, Kind};
use crate::http::{Gone, OriginState};

impl Transaction {
    /// The origin as host and port, as it was decided where the request goes; none before POST_REMAP. The port is left out if it
    /// is the usual one.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    pub fn origin_name(self) -> Result<Option<String>, Gone> {
        door::origin_name(self.number).map_err(|_| Gone)
    }

    /// How the origin fares. At SEND_RESPONSE_HDR it tells a response of the origin's from one that is there because of its
    /// failure.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    pub fn origin_state(self) -> Result<OriginState, Gone> {
        let number = self.number_of(Fact::ORIGIN_STATE)?;
        Ok(u32::try_from(number).ok().and_then(OriginState::from_number).unwrap_or_default())
    }

    /// How many requests the connection to the origin had been given before this one; zero if it is a new one, and before
    /// SEND_REQUEST_HDR.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    pub fn origin_reuses(self) -> Result<u64, Gone> {
        self.number_of(Fact::ORIGIN_REUSES)
    }

    /// Whether the client asks for a tunnel (CONNECT); told from TUNNEL_START on.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    pub fn is_tunnel(self) -> Result<bool, Gone> {
        Ok(self.number_of(Fact::TUNNEL)? != 0)
    }

    pub(super) fn number_of(self, fact: Fact) -> Result<u64, Gone> {
        door::fact(Kind::TRANSACTION, self.number, fact).map_err(|_| Gone)
    }
}

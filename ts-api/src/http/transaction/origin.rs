//! What a plugin may know of the origin of a transaction, besides its messages and addresses.

use std::net::SocketAddr;

use super::Transaction;
use crate::http::door::{self, Address, Fact, Kind};
use crate::http::{Gone, MessageError, OriginState};

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

    /// Asks this `http` URL instead when the origin has answered, or takes that back with `""`.
    ///
    /// It may be set at all hooks up to READ_RESPONSE_HDR, and is followed when the continuations of that have all let the
    /// transaction go on, whatever the response is; that is thrown away. If the origin failed it may also be set at
    /// SEND_RESPONSE_HDR. Then the hooks from OS_DNS on come again, for the client's request with its method and fields, the new
    /// target, and the URL's host as `host`. Each URL is followed once; a transaction that has gone elsewhere ten times stays
    /// with what it has. So does one whose body was passed on as it came: have it [read as a
    /// whole](Self::buffer_request) before.
    ///
    /// # Security
    ///
    /// The URL is yours, as in [`set_origin_url`](Self::set_origin_url): the server's target policy is not asked. If you take it
    /// from a response, such as from `location`, somebody else says where the request goes, perhaps to this machine's own
    /// network; look first. All fields of the client's go along, `authorization` and `cookie` too; what another host is not to
    /// see is removed at SEND_REQUEST_HDR.
    ///
    /// # Errors
    ///
    /// [`MessageError::Invalid`], [`MessageError::TooLate`], also for a tunnel; [`MessageError::NotCalledOut`],
    /// [`MessageError::Gone`].
    ///
    /// # Examples
    ///
    /// ```
    /// use ts_api::Cont;
    /// use ts_api::http::Reenable;
    ///
    /// // At READ_RESPONSE_HDR: whoever is not found here is looked for elsewhere.
    /// let escalate = Cont::shared(|event| {
    ///     let Some(txn) = event.transaction() else { return };
    ///     if txn.redirects() == Ok(0) && txn.origin_response().status() == Ok(404) {
    ///         let path = txn.request().url().path().unwrap_or_default();
    ///         txn.set_redirect(&format!("http://archive.example{path}")).unwrap();
    ///     }
    ///     txn.reenable(Reenable::Continue).unwrap();
    /// });
    /// # escalate.destroy();
    /// ```
    pub fn set_redirect(self, url: &str) -> Result<(), MessageError> {
        door::set_redirect(self.number, url)
    }

    /// The URL that is to be asked instead, until it is.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    pub fn redirect(self) -> Result<Option<String>, Gone> {
        door::redirect(self.number).map_err(|_| Gone)
    }

    /// How often another URL has been asked instead.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    pub fn redirects(self) -> Result<u64, Gone> {
        self.number_of(Fact::REDIRECTS)
    }

    /// Goes to the origin from this address of ours, or takes that back; port 0 is any.
    ///
    /// It may be set at all hooks up to OS_DNS. Connections are not shared with requests that go from elsewhere. Addresses of the
    /// origin's that are of the other kind (IPv4, IPv6) are left out; without any, and if the address is not ours, the client
    /// gets 502.
    ///
    /// # Errors
    ///
    /// [`MessageError::TooLate`] after OS_DNS, [`MessageError::NotCalledOut`], [`MessageError::Gone`].
    pub fn set_outgoing_addr(self, from: impl Into<Option<SocketAddr>>) -> Result<(), MessageError> {
        door::set_address(self.number, Address::OUTGOING, from.into())
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

//! What becomes of a transaction's two connections after it.

use super::Transaction;
use crate::http::door::{self, Fact, Kind};
use crate::http::{Gone, MessageError};

impl Transaction {
    /// Whether the client's connection is kept for other requests, as far as that is for us to say.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    pub fn keep_client(self) -> Result<bool, Gone> {
        Ok(self.number_of(Fact::KEEP_CLIENT)? != 0)
    }

    /// Says whether the client's connection is kept for other requests after this one. One that is kept still ends when the
    /// server's limits say so, or the client.
    ///
    /// In HTTP/1 the response has `connection: close`; in HTTP/2 requests that are under way are served to their end.
    ///
    /// # Errors
    ///
    /// [`MessageError::TooLate`] after SEND_RESPONSE_HDR, [`MessageError::NotCalledOut`], [`MessageError::Gone`].
    pub fn set_keep_client(self, keep: bool) -> Result<(), MessageError> {
        door::set_fact(Kind::TRANSACTION, self.number, Fact::KEEP_CLIENT, keep.into())
    }

    /// Whether the origin's connection is kept for other requests, as far as that is for us to say.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    pub fn keep_origin(self) -> Result<bool, Gone> {
        Ok(self.number_of(Fact::KEEP_ORIGIN)? != 0)
    }

    /// Says whether the origin's connection is kept for other requests after this one. One that is kept still ends when the
    /// server's limits say so, or the origin.
    ///
    /// # Errors
    ///
    /// [`MessageError::TooLate`] after SEND_REQUEST_HDR, [`MessageError::NotCalledOut`], [`MessageError::Gone`].
    pub fn set_keep_origin(self, keep: bool) -> Result<(), MessageError> {
        door::set_fact(Kind::TRANSACTION, self.number, Fact::KEEP_ORIGIN, keep.into())
    }
}

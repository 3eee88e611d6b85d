//! What else a plugin may know of a transaction, and set.

use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::time::Duration;

use super::Transaction;
use crate::http::door::{self, Address, ErrorPart, Fact, Kind};
use crate::http::{Answer, Gone, Limit, MessageError, Milestone};

/// What the client gets if a transaction ends in [`Reenable::Error`](crate::http::Reenable::Error), as plugins have set it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ErrorResponse {
    /// The status.
    pub status: Option<u16>,
    /// The reason phrase.
    pub reason: Option<String>,
    /// The body.
    pub body: Option<Vec<u8>>,
    /// The body's type.
    pub content_type: Option<String>,
}

/// Who broke a transaction off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Aborted {
    /// The client went away before it had the whole response.
    ByClient,
    /// The origin broke off within the response's body.
    ByOrigin,
}

impl Transaction {
    /// Which of its session's transactions it is, from one on.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    pub fn ordinal(self) -> Result<u64, Gone> {
        door::count(Kind::TRANSACTION, self.number)
    }

    /// The client's address.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    pub fn client_addr(self) -> Result<SocketAddr, Gone> {
        door::address(Kind::TRANSACTION, self.number, Address::CLIENT)?.ok_or(Gone)
    }

    /// The client's address as a plugin has [made sure](Self::set_verified_addr) of it; none if none has.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    pub fn verified_addr(self) -> Result<Option<SocketAddr>, Gone> {
        door::address(Kind::TRANSACTION, self.number, Address::VERIFIED)
    }

    /// Says which address the client really has, for a plugin that knows, such as from a field that a trusted proxy before this
    /// one has set; or takes that back. Other plugins can ask for it. Nothing else becomes of it.
    ///
    /// # Errors
    ///
    /// [`MessageError::NotCalledOut`], [`MessageError::Gone`].
    pub fn set_verified_addr(self, client: impl Into<Option<SocketAddr>>) -> Result<(), MessageError> {
        door::set_address(self.number, Address::VERIFIED, client.into())
    }

    /// Our address that the client has connected to; none if the system did not say.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    pub fn incoming_addr(self) -> Result<Option<SocketAddr>, Gone> {
        door::address(Kind::TRANSACTION, self.number, Address::INCOMING)
    }

    /// The origin's address: the one that was [set](Self::set_origin_addr), and from SEND_REQUEST_HDR on the one that the
    /// request goes to.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    pub fn origin_addr(self) -> Result<Option<SocketAddr>, Gone> {
        door::address(Kind::TRANSACTION, self.number, Address::ORIGIN)
    }

    /// Our address that the origin sees; there from SEND_REQUEST_HDR on.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    pub fn outgoing_addr(self) -> Result<Option<SocketAddr>, Gone> {
        door::address(Kind::TRANSACTION, self.number, Address::OUTGOING)
    }

    /// Sends the request to this address, whatever the origin's name stands for, or takes that back. Nothing is looked up.
    ///
    /// It may be set at all hooks up to OS_DNS.
    ///
    /// # Errors
    ///
    /// [`MessageError::TooLate`] after OS_DNS, [`MessageError::NotCalledOut`], [`MessageError::Gone`].
    pub fn set_origin_addr(self, to: impl Into<Option<SocketAddr>>) -> Result<(), MessageError> {
        door::set_origin_address(self.number, to.into())
    }

    /// The URL that the origin is asked for, with the origin's own host; there from POST_REMAP on, where
    /// [`request`](Self::request) names the same path.
    ///
    /// # Errors
    ///
    /// [`MessageError::Absent`] before, [`MessageError::NotCalledOut`], [`MessageError::Gone`].
    pub fn origin_url(self) -> Result<String, MessageError> {
        door::origin_url(self.number)?.ok_or(MessageError::Absent)
    }

    /// The URL that the client asked for, before it was decided where the request goes.
    ///
    /// # Errors
    ///
    /// [`MessageError::Absent`] at TXN_START, [`MessageError::NotCalledOut`], [`MessageError::Gone`].
    pub fn pristine_url(self) -> Result<String, MessageError> {
        door::pristine_url(self.number)
    }

    /// Decides where the request goes: an `http` URL with host, path and query. `host` becomes what it says.
    ///
    /// It may be set at all hooks up to POST_REMAP: at PRE_REMAP and before, the server's rules are then not asked; at
    /// POST_REMAP it goes before what they say.
    ///
    /// # Errors
    ///
    /// [`MessageError::Invalid`], [`MessageError::TooLate`] after POST_REMAP, [`MessageError::NotCalledOut`],
    /// [`MessageError::Gone`].
    pub fn set_origin_url(self, url: &str) -> Result<(), MessageError> {
        door::set_origin_url(self.number, url)
    }

    /// Who broke the transaction off, if somebody did by the time of the last hook's event.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    pub fn aborted(self) -> Result<Option<Aborted>, Gone> {
        door::aborted(self.number)
    }

    /// The number of the client's socket, for looking at it and setting its options; none if it is closed.
    ///
    /// It is good on the transaction's thread until the handler that asked returns: then it may be closed, and the number
    /// another's. Whoever reads, writes or closes it harms the connection.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    pub fn client_socket(self) -> Result<Option<RawFd>, Gone> {
        self.number_of(Fact::CLIENT_SOCKET).map(door::socket)
    }

    /// The number of the socket to the origin, from SEND_REQUEST_HDR on; none if it is closed. See
    /// [`Transaction::client_socket`]. Its connection serves others afterwards.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    pub fn origin_socket(self) -> Result<Option<RawFd>, Gone> {
        self.number_of(Fact::ORIGIN_SOCKET).map(door::socket)
    }

    /// Whether access logs are told of this transaction.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    pub fn logged(self) -> Result<bool, Gone> {
        Ok(self.number_of(Fact::LOGGED)? != 0)
    }

    /// Says whether access logs are told of this transaction. It may be said at any time.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    pub fn set_logged(self, logged: bool) -> Result<(), Gone> {
        door::set_fact(Kind::TRANSACTION, self.number, Fact::LOGGED, logged.into()).map_err(|_| Gone)
    }

    /// Whether the request goes where its client says.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    pub fn skips_remap(self) -> Result<bool, Gone> {
        Ok(self.number_of(Fact::SKIP_REMAP)? != 0)
    }

    /// Sends the request where its client says, with its URL or `host`: the server's rules are not asked, and there is neither
    /// PRE_REMAP, if it is said before, nor POST_REMAP. What clients may not be taken to, as
    #[cfg_attr(feature = "runtime", doc = "    [`Targets`](crate::http::Targets) says, is refused.")]
    #[cfg_attr(not(feature = "runtime"), doc = "    the server's target policy says, is refused.")]
    ///
    /// # Errors
    ///
    /// [`MessageError::TooLate`] after PRE_REMAP, [`MessageError::NotCalledOut`], [`MessageError::Gone`].
    pub fn skip_remap(self, skip: bool) -> Result<(), MessageError> {
        door::set_fact(Kind::TRANSACTION, self.number, Fact::SKIP_REMAP, skip.into())
    }

    /// Whether debug output is wanted for this transaction in particular: as it was [set](Self::set_debug), and otherwise as for
    /// its [session](super::Session::debug).
    ///
    /// # Errors
    ///
    /// [`Gone`].
    pub fn debug(self) -> Result<bool, Gone> {
        Ok(self.number_of(Fact::DEBUG)? != 0)
    }

    /// Says whether debug output is wanted for this transaction in particular; none for as its session has it.
    ///
    /// Plugins look at it, and write more. With the record `diags.debug.enabled` at 2, debug output of plugins in C is written
    /// while they are called for such transactions and sessions, and not otherwise.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    pub fn set_debug(self, on: impl Into<Option<bool>>) -> Result<(), Gone> {
        let value = on.into().map_or(2, u64::from);
        door::set_fact(Kind::TRANSACTION, self.number, Fact::DEBUG, value).map_err(|_| Gone)
    }

    /// When something happened, in nanoseconds of the monotonic clock; none if it has not yet, or does not.
    ///
    /// # Errors
    ///
    /// [`MessageError::NotCalledOut`], [`MessageError::Gone`].
    pub fn milestone(self, milestone: Milestone) -> Result<Option<u64>, MessageError> {
        door::milestone(self.number, milestone).map(|at| (at != 0).then_some(at))
    }

    /// How long something may take in this transaction; none if there is no end to it.
    ///
    /// # Errors
    ///
    /// [`MessageError::NotCalledOut`], [`MessageError::Gone`].
    pub fn limit(self, of: Limit) -> Result<Option<Duration>, MessageError> {
        door::limit(self.number, of.into())
    }

    /// Changes how long something may take in this transaction, none for without end. It holds for what begins after the
    /// call-out; [`Limit::ClientActive`] has begun with the transaction.
    ///
    /// What takes longer ends as the host's own limits have it: the client gets 504 if there was no response yet, and the
    /// connection breaks off otherwise.
    ///
    /// # Errors
    ///
    /// [`MessageError::NotCalledOut`], [`MessageError::Gone`].
    pub fn set_limit(self, of: Limit, to: impl Into<Option<Duration>>) -> Result<(), MessageError> {
        door::set_limit(self.number, of.into(), to.into())
    }

    /// Answers the request without asking the origin.
    ///
    /// It may be called at all hooks up to SEND_REQUEST_HDR; the last call holds. When the continuations of the hook have all
    /// let the transaction go on, it goes to SEND_RESPONSE_HDR with this answer, where it is
    /// [the response](Self::response), and what lies between is left out.
    ///
    /// # Errors
    ///
    /// [`MessageError::TooLate`] after SEND_REQUEST_HDR; [`MessageError::Invalid`] and [`MessageError::Framing`] for a status
    /// or field that cannot be; [`MessageError::NotCalledOut`], [`MessageError::Gone`].
    ///
    /// # Examples
    ///
    /// ```
    /// use ts_api::Cont;
    /// use ts_api::http::{Answer, Reenable};
    ///
    /// let robots = Cont::shared(|event| {
    ///     let Some(txn) = event.transaction() else { return };
    ///     if txn.request().url().path().is_ok_and(|path| path == "/robots.txt") {
    ///         txn.answer(&Answer::new(200).field("content-type", "text/plain").body("User-agent: *\n")).unwrap();
    ///     }
    ///     txn.reenable(Reenable::Continue).unwrap();
    /// });
    /// # robots.destroy();
    /// ```
    pub fn answer(self, answer: &Answer) -> Result<(), MessageError> {
        door::answer(self.number, answer.status, &answer.fields, &answer.body)
    }

    /// Gives the response to the client another body, and a type that goes with it; without a type (`""`) it keeps its own.
    ///
    /// It may be called at SEND_RESPONSE_HDR; the last call holds. The body that the response had is not sent, whoever made it.
    /// An answer that ends the transaction in an error takes it back: then [`Transaction::set_error`] says what is sent.
    ///
    /// # Errors
    ///
    /// [`MessageError::ReadOnly`] at any other hook; [`MessageError::Invalid`] if the type is no field value;
    /// [`MessageError::NotCalledOut`], [`MessageError::Gone`].
    pub fn set_response_body(self, body: impl AsRef<[u8]>, content_type: &str) -> Result<(), MessageError> {
        door::set_response_body(self.number, body.as_ref(), content_type)
    }

    /// Asks for the request's body to be read as a whole before the origin is asked, if it is not longer than `limit` bytes.
    ///
    /// It may be asked for at all hooks up to POST_REMAP. Then, if the request has a body, REQUEST_BUFFER_READ_COMPLETE comes
    /// when it is there, and [`Transaction::request_body`] gives it. The client of a longer one gets 413. Of several calls
    /// the largest limit holds.
    ///
    /// # Errors
    ///
    /// [`MessageError::TooLate`] after POST_REMAP, [`MessageError::NotCalledOut`], [`MessageError::Gone`].
    pub fn buffer_request(self, limit: usize) -> Result<(), MessageError> {
        door::buffer_body(self.number, limit as u64)
    }

    /// How long a body may be that is read as a whole; none if nobody has [asked for](Self::buffer_request) that.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    pub fn buffer_limit(self) -> Result<Option<usize>, Gone> {
        let more = self.number_of(Fact::BUFFER)?;
        Ok(more.checked_sub(1).map(|limit| usize::try_from(limit).unwrap_or(usize::MAX)))
    }

    /// The request's body, if it was [asked for](Self::buffer_request); there from REQUEST_BUFFER_READ_COMPLETE until it is
    /// sent to the origin.
    ///
    /// # Errors
    ///
    /// [`MessageError::Absent`], [`MessageError::NotCalledOut`], [`MessageError::Gone`].
    pub fn request_body(self) -> Result<Vec<u8>, MessageError> {
        door::read_body(self.number)
    }

    /// Sets what the client gets if the transaction ends in [`Reenable::Error`](crate::http::Reenable::Error): a status from 400 to 599, and a body of
    /// plain text.
    ///
    /// # Errors
    ///
    /// [`MessageError::Invalid`] for another status, [`MessageError::NotCalledOut`], [`MessageError::Gone`].
    pub fn set_error(self, status: u16, body: impl AsRef<[u8]>) -> Result<(), MessageError> {
        self.set_error_of_type(status, body, "text/plain; charset=utf-8")
    }

    /// As [`Transaction::set_error`], with a body of another type.
    ///
    /// # Errors
    ///
    /// As for [`Transaction::set_error`]; also if the type is no field value.
    pub fn set_error_of_type(
        self,
        status: u16,
        body: impl AsRef<[u8]>,
        content_type: &str,
    ) -> Result<(), MessageError> {
        door::set_error(self.number, status, body.as_ref(), content_type)
    }

    /// Sets only the status that the client gets if the transaction ends in an error.
    ///
    /// # Errors
    ///
    /// As for [`Transaction::set_error`].
    pub fn set_error_status(self, status: u16) -> Result<(), MessageError> {
        door::error_change(self.number, ErrorPart::STATUS, b"", status.into())
    }

    /// Has the request answered with a status, from 200 to 599, when it has been mapped, in place of asking an origin; `None` takes
    /// that back.
    ///
    /// That is after PRE_REMAP, unless a rule sends the client elsewhere. Reason and body are those of an error
    /// ([`Transaction::set_error_reason`], [`Transaction::set_error_body`]), or the host's own; [`Transaction::answer`] has
    /// fields as well. When the request has been mapped it changes nothing any more.
    ///
    /// # Errors
    ///
    /// [`MessageError::Invalid`] for another status, [`MessageError::NotCalledOut`], [`MessageError::Gone`].
    pub fn answer_when_mapped(self, status: Option<u16>) -> Result<(), MessageError> {
        // Zero is none.
        let status =
            status.map_or(Ok(0), |status| if status == 0 { Err(MessageError::Invalid) } else { Ok(status) });
        door::error_change(self.number, ErrorPart::WHEN_MAPPED, b"", status?.into())
    }

    /// The status that was set with [`Transaction::answer_when_mapped`].
    ///
    /// # Errors
    ///
    /// [`MessageError::NotCalledOut`], [`MessageError::Gone`].
    pub fn answered_when_mapped(self) -> Result<Option<u16>, MessageError> {
        let (_, status) = door::error_read(self.number, ErrorPart::WHEN_MAPPED)?;
        Ok(u16::try_from(status).ok().filter(|status| *status != 0))
    }

    /// Sets the reason phrase that goes with that status.
    ///
    /// # Errors
    ///
    /// [`MessageError::Invalid`] for what is none, [`MessageError::NotCalledOut`], [`MessageError::Gone`].
    pub fn set_error_reason(self, reason: &str) -> Result<(), MessageError> {
        door::error_change(self.number, ErrorPart::REASON, reason.as_bytes(), 0)
    }

    /// Sets only the body that the client gets if the transaction ends in an error, and its type; with `""` it has none.
    ///
    /// # Errors
    ///
    /// [`MessageError::Invalid`] if the type is no field value, [`MessageError::NotCalledOut`], [`MessageError::Gone`].
    pub fn set_error_body(self, body: impl AsRef<[u8]>, content_type: &str) -> Result<(), MessageError> {
        door::error_change(self.number, ErrorPart::CONTENT_TYPE, content_type.as_bytes(), 0)?;
        door::error_change(self.number, ErrorPart::BODY, body.as_ref(), 0)
    }

    /// Takes back what was set as the body that the client gets if the transaction ends in an error, and its type: the client then
    /// gets the host's own words.
    ///
    /// # Errors
    ///
    /// [`MessageError::NotCalledOut`], [`MessageError::Gone`].
    pub fn take_back_error_body(self) -> Result<(), MessageError> {
        door::error_change(self.number, ErrorPart::BODY, b"", door::TAKE_BACK)
    }

    /// What plugins have set for the case that the transaction ends in an error.
    ///
    /// # Errors
    ///
    /// [`MessageError::NotCalledOut`], [`MessageError::Gone`].
    pub fn error(self) -> Result<ErrorResponse, MessageError> {
        let read = |part| door::error_read(self.number, part);
        let text = |value: Option<Vec<u8>>| value.map(|value| String::from_utf8_lossy(&value).into_owned());
        let (_, status) = read(ErrorPart::STATUS)?;
        Ok(ErrorResponse {
            status: u16::try_from(status).ok().filter(|status| *status != 0),
            reason: text(read(ErrorPart::REASON)?.0),
            body: read(ErrorPart::BODY)?.0,
            content_type: text(read(ErrorPart::CONTENT_TYPE)?.0),
        })
    }
}

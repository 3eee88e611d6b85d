//! The heads of a transaction's messages: what plugins may read of them and change.

use thiserror::Error;

use super::door::{self, Change, Part};

pub(crate) use super::door::Which;

/// The head of one of a transaction's four messages.
///
/// It is a view: each method looks at the transaction itself. It works while the transaction is called out, that is from a
/// hook's event until that is re-enabled, also on another thread. A message may be changed at the hook that is named for it,
/// and read at that and all later ones; the client's request may be changed at all hooks from READ_REQUEST_HDR (or
/// TUNNEL_START) to OS_DNS, since the request to the origin is made of it then.
///
/// Fields keep their order; those of one name stand together, where the first of them came. Names compare without regard to
/// case, and are told in lower case; on the wire those that came in keep the case they had. `content-length` and
/// `transfer-encoding` frame the body and are the host's to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Message {
    transaction: u64,
    which: Which,
}

/// Why a message was neither read nor changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum MessageError {
    /// The transaction is over.
    #[error("the transaction is over")]
    Gone,
    /// The transaction has been re-enabled and is at work.
    #[error(
        "the transaction has been re-enabled: its messages are looked at between a hook's event and that"
    )]
    NotCalledOut,
    /// There is no such message yet.
    #[error("there is no such message yet, or there was none")]
    Absent,
    /// The message is changed at the hook named for it.
    #[error("this message cannot be changed at this hook")]
    ReadOnly,
    /// A request has no status, and a response neither method nor target.
    #[error("a request has no status, and a response neither method nor target")]
    WrongKind,
    /// It is no method, target, status, field name or field value.
    #[error("not a valid method, target, status, field name or field value")]
    Invalid,
    /// The field frames the body.
    #[error("this field frames the body and is the host's to change")]
    Framing,
    /// The host answered with a number that this version does not know.
    #[error("the host refused for a reason that this version does not know ({0})")]
    Unknown(i32),
}

impl Message {
    pub(super) fn new(transaction: u64, which: Which) -> Self {
        Self { transaction, which }
    }

    /// The method of a request.
    ///
    /// # Errors
    ///
    /// [`MessageError`], as for all methods.
    pub fn method(self) -> Result<String, MessageError> {
        self.read(Part::METHOD, b"").map(|(parts, _)| first_text(parts).unwrap_or_default())
    }

    /// The target of a request, as it stands in its first line.
    ///
    /// # Errors
    ///
    /// [`MessageError`], as for all methods.
    pub fn target(self) -> Result<String, MessageError> {
        self.read(Part::TARGET, b"").map(|(parts, _)| first_text(parts).unwrap_or_default())
    }

    /// The host that a request is for, without its port and in lower case: from its target, or from the field `host`.
    ///
    /// # Errors
    ///
    /// [`MessageError`], as for all methods.
    pub fn host(self) -> Result<Option<String>, MessageError> {
        self.read(Part::HOST, b"").map(|(parts, _)| first_text(parts))
    }

    /// The status of a response.
    ///
    /// # Errors
    ///
    /// [`MessageError`], as for all methods.
    pub fn status(self) -> Result<u16, MessageError> {
        self.read(Part::STATUS, b"").map(|(_, number)| number as u16)
    }

    /// The first value of a field, as text; what is not UTF-8 in it is replaced.
    ///
    /// # Errors
    ///
    /// [`MessageError`], as for all methods.
    pub fn get(self, name: &str) -> Result<Option<String>, MessageError> {
        self.read(Part::VALUES, name.as_bytes()).map(|(values, _)| first_text(values))
    }

    /// All values of a field, in order.
    ///
    /// # Errors
    ///
    /// [`MessageError`], as for all methods.
    pub fn get_all(self, name: &str) -> Result<Vec<Vec<u8>>, MessageError> {
        self.read(Part::VALUES, name.as_bytes()).map(|(values, _)| values)
    }

    /// All fields, in order.
    ///
    /// # Errors
    ///
    /// [`MessageError`], as for all methods.
    pub fn fields(self) -> Result<Vec<(String, Vec<u8>)>, MessageError> {
        let (parts, _) = self.read(Part::FIELDS, b"")?;
        let mut parts = parts.into_iter();
        let mut fields = Vec::with_capacity(parts.len() / 2);
        while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
            fields.push((text(name), value));
        }
        Ok(fields)
    }

    /// Changes the method of a request.
    ///
    /// # Errors
    ///
    /// [`MessageError`], as for all methods.
    pub fn set_method(self, method: &str) -> Result<(), MessageError> {
        self.change(Change::METHOD, method.as_bytes(), b"", 0).map(drop)
    }

    /// Changes the target of a request. The origin is asked for its path and query, whatever else it says.
    ///
    /// # Errors
    ///
    /// [`MessageError`], as for all methods.
    pub fn set_target(self, target: &str) -> Result<(), MessageError> {
        self.change(Change::TARGET, target.as_bytes(), b"", 0).map(drop)
    }

    /// Changes the status of a response, to one from 200 to 599.
    ///
    /// # Errors
    ///
    /// [`MessageError`], as for all methods.
    pub fn set_status(self, status: u16) -> Result<(), MessageError> {
        self.change(Change::STATUS, b"", b"", status.into()).map(drop)
    }

    /// Gives a field this one value: in the place of its first one, or behind all others.
    ///
    /// # Errors
    ///
    /// [`MessageError`], as for all methods.
    pub fn set(self, name: &str, value: impl AsRef<[u8]>) -> Result<(), MessageError> {
        self.change(Change::SET, name.as_bytes(), value.as_ref(), 0).map(drop)
    }

    /// Adds a field behind all others.
    ///
    /// # Errors
    ///
    /// [`MessageError`], as for all methods.
    pub fn append(self, name: &str, value: impl AsRef<[u8]>) -> Result<(), MessageError> {
        self.change(Change::APPEND, name.as_bytes(), value.as_ref(), 0).map(drop)
    }

    /// Removes all values of a field, and says how many there were.
    ///
    /// # Errors
    ///
    /// [`MessageError`], as for all methods.
    pub fn remove(self, name: &str) -> Result<usize, MessageError> {
        self.change(Change::REMOVE, name.as_bytes(), b"", 0)
    }

    fn read(self, part: Part, name: &[u8]) -> Result<(Vec<Vec<u8>>, u32), MessageError> {
        door::message_read(self.transaction, self.which, part, name)
    }

    fn change(self, change: Change, name: &[u8], value: &[u8], number: u32) -> Result<usize, MessageError> {
        door::message_change(self.transaction, self.which, change, name, value, number)
    }
}

fn first_text(parts: Vec<Vec<u8>>) -> Option<String> {
    parts.into_iter().next().map(text)
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

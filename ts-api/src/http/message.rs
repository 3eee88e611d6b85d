//! The heads of a transaction's messages: what plugins may read of them and change.

mod field;
mod url;

use std::fmt;

use thiserror::Error;

use super::Gone;
use super::door::{self, Change, Fact, Kind, Part};

pub(crate) use super::door::Which;
pub use field::Field;
pub use url::Url;

/// The head of one of a transaction's four messages.
///
/// It is a view: each method looks at the transaction itself. It works while the transaction is called out, that is from a
/// hook's event until that is re-enabled, also on another thread. A message may be changed at the hook that is named for it,
/// and read at that and all later ones; the client's request may be changed at all hooks from READ_REQUEST_HDR (or
/// TUNNEL_START) to OS_DNS, since the request to the origin is made of it then.
///
/// Fields keep their order and names their case, as they were received or set. Names compare without regard to case.
/// `content-length` and `transfer-encoding` frame the body and are the host's to change. On the wire fields of one name stand
/// together where the first of them came, which means the same; names that a plugin has added begin each word with a capital.
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
    /// It is no method, target, status, reason, field name, field value, address or part of a URL.
    #[error("not a valid method, target, status, reason, field name, field value, address or part of a URL")]
    Invalid,
    /// The field frames the body.
    #[error("this field frames the body and is the host's to change")]
    Framing,
    /// The field is not there any more.
    #[error("the message has no such field any more")]
    NoField,
    /// The transaction is past the point at which this has an effect.
    #[error("the transaction is past the point at which this has an effect")]
    TooLate,
    /// The host answered with a number that this version does not know.
    #[error("the host refused for a reason that this version does not know ({0})")]
    Unknown(i32),
}

/// How many bytes a message has, as far as it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Size {
    /// Its head, as it stands on a connection of HTTP/1, with the empty line; zero before it is there.
    pub head: u64,
    /// What has gone by of its body, without framing and trailers.
    pub body: u64,
}

/// A version of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// The first number.
    pub major: u16,
    /// The second.
    pub minor: u16,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP/{}.{}", self.major, self.minor)
    }
}

impl Message {
    pub(super) fn new(transaction: u64, which: Which) -> Self {
        Self { transaction, which }
    }

    /// How many bytes it had when the last hook was reached. At TXN_CLOSE it is all of it.
    ///
    /// It may be asked at any time. A request that was sent to an origin more than once counts as it was sent last; heads of
    /// HTTP/2, which are compressed with others, count as they would be in HTTP/1.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    pub fn size(self) -> Result<Size, Gone> {
        let read = |fact: Fact| {
            let fact = Fact(fact.0 + self.which.0);
            door::fact(Kind::TRANSACTION, self.transaction, fact).map_err(|_| Gone)
        };
        Ok(Size { head: read(Fact::HEAD_BYTES)?, body: read(Fact::BODY_BYTES)? })
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

    /// The URL that a request is for, to be read and changed in parts.
    #[must_use]
    pub fn url(self) -> Url {
        Url::new(self)
    }

    /// The version that it came with, or goes with. It is the connection's, and nobody's to change.
    ///
    /// # Errors
    ///
    /// [`MessageError`], as for all methods.
    pub fn version(self) -> Result<Version, MessageError> {
        let number = self.number(Part::VERSION, b"", 0)?;
        Ok(Version { major: (number >> 16) as u16, minor: number as u16 })
    }

    /// The status of a response.
    ///
    /// # Errors
    ///
    /// [`MessageError`], as for all methods.
    pub fn status(self) -> Result<u16, MessageError> {
        self.number(Part::STATUS, b"", 0).map(|number| number as u16)
    }

    /// The reason phrase of a response: its own, or the usual one for its status.
    ///
    /// # Errors
    ///
    /// [`MessageError`], as for all methods.
    pub fn reason(self) -> Result<String, MessageError> {
        self.read(Part::REASON, b"").map(|(parts, _)| first_text(parts).unwrap_or_default())
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

    /// The members of a field that is a list, of all its lines together: what stands between the commas that are not in
    /// quotes, without blanks around it.
    ///
    /// # Errors
    ///
    /// [`MessageError`], as for all methods.
    pub fn list(self, name: &str) -> Result<Vec<Vec<u8>>, MessageError> {
        self.read(Part::LIST, name.as_bytes()).map(|(members, _)| members)
    }

    /// How many fields there are.
    ///
    /// # Errors
    ///
    /// [`MessageError`], as for all methods.
    pub fn field_count(self) -> Result<usize, MessageError> {
        self.number(Part::COUNT, b"", 0).map(|count| count as usize)
    }

    /// The field in a place, from zero on.
    ///
    /// # Errors
    ///
    /// [`MessageError`], as for all methods.
    pub fn field(self, place: usize) -> Result<Option<Field>, MessageError> {
        let Ok(place) = u32::try_from(place) else { return Ok(None) };
        self.number(Part::FIELD_AT, b"", place).map(|number| Field::new(self, number))
    }

    /// The first field of a name; [`Field::next`] is the one after it.
    ///
    /// # Errors
    ///
    /// [`MessageError`], as for all methods.
    pub fn first(self, name: &str) -> Result<Option<Field>, MessageError> {
        self.find(name.as_bytes(), 0)
    }

    /// The last field of a name.
    ///
    /// # Errors
    ///
    /// [`MessageError`], as for all methods.
    pub fn last(self, name: &str) -> Result<Option<Field>, MessageError> {
        let mut last = self.first(name)?;
        while let Some(field) = last {
            match self.find(name.as_bytes(), field.number())? {
                Some(next) => last = Some(next),
                None => break,
            }
        }
        Ok(last)
    }

    /// The field of a name that has `n` of the same name before it.
    ///
    /// # Errors
    ///
    /// [`MessageError`], as for all methods.
    pub fn nth(self, name: &str, n: usize) -> Result<Option<Field>, MessageError> {
        let mut field = self.first(name)?;
        for _ in 0..n {
            let Some(before) = field else { break };
            field = self.find(name.as_bytes(), before.number())?;
        }
        Ok(field)
    }

    /// Changes the method of a request. CONNECT it neither becomes nor ceases to be.
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

    /// Changes the status of a response, to one from 200 to 599; its reason becomes the usual one.
    ///
    /// # Errors
    ///
    /// [`MessageError`], as for all methods.
    pub fn set_status(self, status: u16) -> Result<(), MessageError> {
        self.change(Change::STATUS, b"", b"", status.into()).map(drop)
    }

    /// Changes the reason phrase of a response. Only HTTP/1 has one on the wire.
    ///
    /// # Errors
    ///
    /// [`MessageError`], as for all methods.
    pub fn set_reason(self, reason: &str) -> Result<(), MessageError> {
        self.change(Change::REASON, reason.as_bytes(), b"", 0).map(drop)
    }

    /// Gives a field this one value: in the place of its first one, or behind all others.
    ///
    /// # Errors
    ///
    /// [`MessageError`], as for all methods.
    pub fn set(self, name: &str, value: impl AsRef<[u8]>) -> Result<(), MessageError> {
        self.change(Change::SET, name.as_bytes(), value.as_ref(), 0).map(drop)
    }

    /// Adds a field behind all others. One whose name begins with `@` stays within the host: plugins tell each other things in
    /// it, and no peer sees it.
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
        self.change(Change::REMOVE, name.as_bytes(), b"", 0).map(|count| count as usize)
    }

    /// Adds a field behind all others, and tells which it is.
    ///
    /// # Errors
    ///
    /// [`MessageError`], as for all methods.
    pub fn push(self, name: &str, value: impl AsRef<[u8]>) -> Result<Field, MessageError> {
        self.insert(name.as_bytes(), value.as_ref(), 0)
    }

    fn insert(self, name: &[u8], value: &[u8], before: u32) -> Result<Field, MessageError> {
        let number = self.change(Change::INSERT, name, value, before)?;
        Field::new(self, number).ok_or(MessageError::NoField)
    }

    fn find(self, name: &[u8], after: u32) -> Result<Option<Field>, MessageError> {
        self.number(Part::FIND, name, after).map(|number| Field::new(self, number))
    }

    fn read(self, part: Part, name: &[u8]) -> Result<(Vec<Vec<u8>>, u32), MessageError> {
        self.read_at(part, name, 0)
    }

    fn number(self, part: Part, name: &[u8], number: u32) -> Result<u32, MessageError> {
        self.read_at(part, name, number).map(|(_, number)| number)
    }

    fn read_at(self, part: Part, name: &[u8], number: u32) -> Result<(Vec<Vec<u8>>, u32), MessageError> {
        door::message_read(self.transaction, self.which, part, name, number)
    }

    fn change(self, change: Change, name: &[u8], value: &[u8], number: u32) -> Result<u32, MessageError> {
        door::message_change(self.transaction, self.which, change, name, value, number)
    }
}

fn first_text(parts: Vec<Vec<u8>>) -> Option<String> {
    parts.into_iter().next().map(text)
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

//! One field line of a message.

use std::num::NonZeroU32;

use super::{Message, MessageError, text};
use crate::http::door::{Change, Part};

/// One field line of a message.
///
/// It is a number, like [`Message`], with the same rules. It means this line whatever is added, changed or removed around it;
/// once it is removed itself, every method says so.
///
/// # Examples
///
/// ```
/// use ts_api::http::{MessageError, Transaction};
///
/// /// Keeps the first two cookies that an origin sets.
/// fn two_cookies(txn: Transaction) -> Result<(), MessageError> {
///     let response = txn.origin_response();
///     while let Some(third) = response.nth("set-cookie", 2)? {
///         third.remove()?;
///     }
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Field {
    message: Message,
    number: NonZeroU32,
}

impl Field {
    pub(super) fn new(message: Message, number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(|number| Self { message, number })
    }

    pub(super) fn number(self) -> u32 {
        self.number.get()
    }

    /// The name, with its case.
    ///
    /// # Errors
    ///
    /// [`MessageError::NoField`], and as for [`Message`]'s methods.
    pub fn name(self) -> Result<String, MessageError> {
        self.read().map(|[name, _]| text(name))
    }

    /// The value.
    ///
    /// # Errors
    ///
    /// [`MessageError::NoField`], and as for [`Message`]'s methods.
    pub fn value(self) -> Result<Vec<u8>, MessageError> {
        self.read().map(|[_, value]| value)
    }

    /// The next field of the same name.
    ///
    /// # Errors
    ///
    /// [`MessageError::NoField`], and as for [`Message`]'s methods.
    pub fn next(self) -> Result<Option<Self>, MessageError> {
        let [name, _] = self.read()?;
        self.message.find(&name, self.number())
    }

    /// Changes the name.
    ///
    /// # Errors
    ///
    /// [`MessageError::NoField`], and as for [`Message`]'s methods.
    pub fn set_name(self, name: &str) -> Result<(), MessageError> {
        self.change(Change::FIELD_NAME, name.as_bytes())
    }

    /// Changes the value.
    ///
    /// # Errors
    ///
    /// [`MessageError::NoField`], and as for [`Message`]'s methods.
    pub fn set_value(self, value: impl AsRef<[u8]>) -> Result<(), MessageError> {
        self.change(Change::FIELD_VALUE, value.as_ref())
    }

    /// Puts a field before this one.
    ///
    /// # Errors
    ///
    /// [`MessageError::NoField`], and as for [`Message`]'s methods.
    pub fn insert_before(self, name: &str, value: impl AsRef<[u8]>) -> Result<Self, MessageError> {
        self.message.insert(name.as_bytes(), value.as_ref(), self.number())
    }

    /// Removes it.
    ///
    /// # Errors
    ///
    /// [`MessageError::NoField`], and as for [`Message`]'s methods.
    pub fn remove(self) -> Result<(), MessageError> {
        self.change(Change::FIELD_REMOVE, b"")
    }

    fn read(self) -> Result<[Vec<u8>; 2], MessageError> {
        let (items, _) = self.message.read_at(Part::FIELD, b"", self.number())?;
        items.try_into().map_err(|_| MessageError::NoField)
    }

    fn change(self, change: Change, to: &[u8]) -> Result<(), MessageError> {
        self.message.change(change, b"", to, self.number()).map(drop)
    }
}

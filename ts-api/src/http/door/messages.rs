//! A transaction's messages, through the door.

use super::{Change, Code, Part, RawBytes, Which, gather, http};
use crate::http::MessageError;

pub(crate) fn message_read(
    transaction: u64,
    which: Which,
    part: Part,
    name: &[u8],
    mut number: u32,
) -> Result<(Vec<Vec<u8>>, u32), MessageError> {
    let table = http().ok_or(MessageError::Gone)?;
    let mut items = Vec::new();
    let name = RawBytes::new(name);
    // SAFETY: any numbers will do; name, sink and place are lent for the call.
    let code =
        unsafe { (table.message_read)(transaction, which, part, name, gather(&mut items), &raw mut number) };
    message_error(code).map(|()| (items, number))
}

pub(crate) fn message_change(
    transaction: u64,
    which: Which,
    change: Change,
    name: &[u8],
    value: &[u8],
    mut number: u32,
) -> Result<u32, MessageError> {
    let table = http().ok_or(MessageError::Gone)?;
    let (name, value) = (RawBytes::new(name), RawBytes::new(value));
    // SAFETY: any numbers will do; name, value and place are lent for the call.
    let code = unsafe { (table.message_change)(transaction, which, change, name, value, &raw mut number) };
    message_error(code).map(|()| number)
}

/// What a number means for somebody who reads or changes a transaction.
pub(super) fn message_error(code: Code) -> Result<(), MessageError> {
    Err(match code {
        Code::OK => return Ok(()),
        Code::GONE => MessageError::Gone,
        Code::NOT_CALLED_OUT => MessageError::NotCalledOut,
        Code::ABSENT => MessageError::Absent,
        Code::READ_ONLY => MessageError::ReadOnly,
        Code::WRONG_KIND => MessageError::WrongKind,
        Code::INVALID => MessageError::Invalid,
        Code::FRAMING => MessageError::Framing,
        Code::NO_FIELD => MessageError::NoField,
        Code::TOO_LATE => MessageError::TooLate,
        Code(number) => MessageError::Unknown(number),
    })
}

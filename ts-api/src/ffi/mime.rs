//! Marshal buffers and the places in them: heads of messages, URLs, header fields, as the C interface names them.
//!
//! # Rules
//! * A buffer is either one of a transaction's four messages, and then a view of the transaction's own model, or a plugin's own.
//!   The former ends with the transaction, whose messages are looked at between a hook's event and the re-enable.
//! * A place is a number of its buffer's, never used again. One of another buffer, one that was released, and a field that was
//!   destroyed are told apart and end the process with one line.
//! * What a getter lends stays where it is, with a NUL behind it, for as long as the buffer: also when the field is changed.
//! * A change that is refused (a message that is not to be changed at this hook, a field that frames the body, text that would
//!   be read as something else) is `TS_ERROR`, and nothing has changed.

mod buffer;
mod field;
mod header;
pub(super) mod lent;
mod mime_header;
mod out;
mod own_url;
mod print;
mod url;
mod url_part;
mod value;

use self::buffer::{HeadKind, OwnHead, Refused, with};
use super::call::Call;
use super::handle::Raw;
use super::types::{TS_ERROR, TS_SUCCESS, TSMBuffer, TSMLoc, TSReturnCode};
use crate::http::server::head::Head;

pub(crate) use self::buffer::{Buffers, end, lend_url, message, own_url, take_back_urls, url_of_message};

/// No place.
const NULL: TSMLoc = TSMLoc::NULL;

fn is_null(loc: TSMLoc) -> bool {
    loc.bits() == 0
}

fn code(done: Result<(), Refused>) -> TSReturnCode {
    if done.is_ok() { TS_SUCCESS } else { TS_ERROR }
}

/// Puts a place where the caller wants it; null if there is none.
///
/// # Safety
///
/// `locp`, if it is not null, is a place for a handle.
unsafe fn write_loc(
    call: Call,
    argument: &'static str,
    locp: *mut TSMLoc,
    loc: Result<TSMLoc, Refused>,
) -> TSReturnCode {
    // SAFETY: the caller gave a place for it.
    unsafe { call.place(argument, locp).write(loc.unwrap_or(NULL)) };
    code(loc.map(drop))
}

/// A head without anything in a plugin's own buffer; null in another.
fn create_head(call: Call, bufp: TSMBuffer) -> TSMLoc {
    let own = OwnHead { kind: HeadKind::Unknown, head: Head::free(false) };
    with(call, bufp, |access| access.new_head(own)).unwrap_or(NULL)
}

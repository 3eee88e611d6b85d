//! The functions for what one number tells of a session or transaction.

use super::facts::up_to;
use super::{find_session, find_transaction, guarded};
use crate::http::HookId;
use crate::http::door::{Fact, Kind, Which};
use crate::http::server::socket::Socket;
use crate::table::Code;

pub(super) unsafe extern "C" fn fact(kind: Kind, subject: u64, which: Fact, value: *mut u64) -> Code {
    guarded(|| {
        let number = match kind {
            Kind::SESSION => of_session(subject, which)?,
            Kind::TRANSACTION => of_transaction(subject, which)?,
            _ => return Err(Code::UNKNOWN),
        };
        // SAFETY: the place is lent for the call.
        unsafe { value.write(number) };
        Ok(())
    })
}

fn of_session(session: u64, which: Fact) -> Result<u64, Code> {
    let session = find_session(session)?;
    match which {
        Fact::DEBUG => Ok(session.wants_debug().into()),
        Fact::HTTP_MAJOR => Ok(session.major().into()),
        Fact::CLIENT_SOCKET => Ok(one_more(Some(&session.socket))),
        _ => Err(Code::UNKNOWN),
    }
}

// What is told of each message has a number for each.
const _: () = assert!(Fact::HEAD_BYTES.0 + Which::CLIENT_RESPONSE.0 < Fact::BODY_BYTES.0);

fn of_transaction(transaction: u64, which: Fact) -> Result<u64, Code> {
    let transaction = find_transaction(transaction)?;
    if which == Fact::DEBUG {
        return Ok(transaction.wants_debug().into());
    }
    transaction.content(|content| {
        Ok(match which {
            Fact::ORIGIN_STATE => content.origin_state.number().into(),
            Fact::ORIGIN_REUSES => content.origin_reuses,
            Fact::TUNNEL => content.is_tunnel.into(),
            Fact::CLIENT_SOCKET => one_more(Some(&transaction.session.socket)),
            Fact::ORIGIN_SOCKET => one_more(content.origin_socket.as_ref()),
            Fact::LOGGED => (!content.wishes.unlogged).into(),
            Fact::SKIP_REMAP => content.wishes.skip_remap.into(),
            Fact::REDIRECTS => content.redirects.into(),
            Fact::KEEP_CLIENT => content.wishes.keep.client.into(),
            Fact::KEEP_ORIGIN => content.wishes.keep.origin.into(),
            Fact::BUFFER => content.wishes.buffer.map_or(0, |limit| (limit as u64).saturating_add(1)),
            Fact(number) => {
                let bytes = |from: Fact| {
                    let size = content.sizes.of(Which(number.checked_sub(from.0)?))?;
                    Some(if from == Fact::HEAD_BYTES { size.head } else { size.body })
                };
                bytes(Fact::HEAD_BYTES).or_else(|| bytes(Fact::BODY_BYTES)).ok_or(Code::UNKNOWN)?
            }
        })
    })
}

/// A socket's number and one, zero if there is none.
fn one_more(socket: Option<&Socket>) -> u64 {
    socket.and_then(Socket::number).map_or(0, |number| u64::from(number.cast_unsigned()) + 1)
}

pub(super) unsafe extern "C" fn fact_set(kind: Kind, subject: u64, which: Fact, value: u64) -> Code {
    guarded(|| match (kind, which, value) {
        (Kind::SESSION, Fact::DEBUG, 0 | 1) => {
            find_session(subject)?.debug.set(Some(value == 1));
            Ok(())
        }
        (Kind::TRANSACTION, Fact::DEBUG, 0..=2) => {
            find_transaction(subject)?.debug.set((value < 2).then_some(value == 1));
            Ok(())
        }
        (Kind::TRANSACTION, Fact::KEEP_CLIENT, 0 | 1) => up_to(HookId::SendResponseHdr, subject, |content| {
            (content.wishes.keep.client, content.wishes.keep.client_is_set) = (value == 1, true);
            Ok(())
        }),
        (Kind::TRANSACTION, Fact::KEEP_ORIGIN, 0 | 1) => up_to(HookId::SendRequestHdr, subject, |content| {
            (content.wishes.keep.origin, content.wishes.keep.origin_is_set) = (value == 1, true);
            Ok(())
        }),
        (Kind::TRANSACTION, Fact::SKIP_REMAP, 0 | 1) => up_to(HookId::PreRemap, subject, |content| {
            content.wishes.skip_remap = value == 1;
            Ok(())
        }),
        (Kind::TRANSACTION, Fact::LOGGED, 0 | 1) => {
            find_transaction(subject)?.content(|content| content.wishes.unlogged = value == 0);
            Ok(())
        }
        _ => Err(Code::UNKNOWN),
    })
}

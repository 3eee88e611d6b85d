//! The functions for what plugins keep with a session or transaction.

use super::{find_session, find_transaction, guarded, send};
use crate::http::door::{BytesSink, Kind, RawArg, RawBytes};
use crate::http::server::args::{Args, Names};
use crate::table::Code;

pub(super) unsafe extern "C" fn reserve(
    kind: Kind,
    name: RawBytes,
    description: RawBytes,
    index: *mut u32,
) -> Code {
    guarded(|| {
        // SAFETY: both are lent for the call.
        let (name, description) = unsafe { (name.as_slice(), description.as_slice()) };
        let (name, description) = (text(name)?, text(description)?);
        if name.is_empty() {
            return Err(Code::INVALID);
        }
        let reserved = Names::of(kind).ok_or(Code::UNKNOWN)?.reserve(name, description).ok_or(Code::FULL)?;
        // SAFETY: the place is lent for the call.
        unsafe { index.write(reserved) };
        Ok(())
    })
}

pub(super) unsafe extern "C" fn find(kind: Kind, name: RawBytes, sink: BytesSink, index: *mut u32) -> Code {
    guarded(|| {
        // SAFETY: the name is lent for the call.
        let name = text(unsafe { name.as_slice() })?;
        let (number, found) = Names::of(kind).ok_or(Code::UNKNOWN)?.find(name).ok_or(Code::ABSENT)?;
        send(&sink, found.description.as_bytes());
        // SAFETY: the place is lent for the call.
        unsafe { index.write(number) };
        Ok(())
    })
}

pub(super) unsafe extern "C" fn describe(kind: Kind, index: u32, sink: BytesSink) -> Code {
    guarded(|| {
        let found = Names::of(kind).ok_or(Code::UNKNOWN)?.get(index).ok_or(Code::ABSENT)?;
        send(&sink, found.name.as_bytes());
        send(&sink, found.description.as_bytes());
        Ok(())
    })
}

pub(super) unsafe extern "C" fn set(
    kind: Kind,
    subject: u64,
    index: u32,
    value: RawArg,
    old: *mut RawArg,
) -> Code {
    guarded(|| {
        of(kind, subject, |args| {
            // SAFETY: the caller gives a value that any thread may have and drop.
            let was = unsafe { args.set(index, value) }?;
            // SAFETY: the place is lent for the call.
            unsafe { old.write(was) };
            Ok(())
        })
    })
}

pub(super) unsafe extern "C" fn lend(kind: Kind, subject: u64, index: u32, value: *mut RawArg) -> Code {
    guarded(|| {
        let lent = of(kind, subject, |args| args.lend(index))?;
        // SAFETY: the place is lent for the call.
        unsafe { value.write(lent) };
        Ok(())
    })
}

pub(super) unsafe extern "C" fn put_back(kind: Kind, subject: u64, index: u32, value: RawArg) -> Code {
    // SAFETY: the caller gives back what it was lent.
    guarded(|| of(kind, subject, |args| unsafe { args.put_back(index, value) }))
}

pub(super) unsafe extern "C" fn plain(kind: Kind, subject: u64, index: u32, value: *mut RawArg) -> Code {
    guarded(|| {
        let plain = of(kind, subject, |args| args.plain(index))?;
        // SAFETY: the place is lent for the call.
        unsafe { value.write(plain) };
        Ok(())
    })
}

fn of<R>(kind: Kind, subject: u64, f: impl FnOnce(&Args) -> Result<R, Code>) -> Result<R, Code> {
    match kind {
        Kind::SESSION => find_session(subject).and_then(|session| f(&session.args)),
        Kind::TRANSACTION => find_transaction(subject).and_then(|transaction| f(&transaction.args)),
        _ => Err(Code::UNKNOWN),
    }
}

fn text(bytes: &[u8]) -> Result<&str, Code> {
    str::from_utf8(bytes).map_err(|_| Code::INVALID)
}

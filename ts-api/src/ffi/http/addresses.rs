//! The addresses at the four ends of a transaction, as C looks at them.
//!
//! # Rules
//! * What a plugin is given a pointer to stays as it is, and where it is, as long as the session or transaction that it was asked
//!   of. An address that has changed is another one beside it.
//! * An address of IPv6 is one also if it stands for one of IPv4.

use std::net::SocketAddr;
use std::ptr;
use std::sync::{Mutex, PoisonError};

use rustix::net::{AddressFamily, SocketAddrAny, addr::SocketAddrStorage};

use super::{gone, number};
use crate::ffi::call::{self, Call};
use crate::ffi::types::{TS_ERROR, TS_SUCCESS, TSHttpSsn, TSHttpTxn, TSReturnCode};
use crate::http::server::subjects::{SessionSubject, TransactionSubject};
use crate::http::{MessageError, Transaction};

/// `struct sockaddr`, which is only pointed to.
#[repr(C)]
pub struct Sockaddr {
    family: u16,
}

/// Addresses that somebody looks at.
#[derive(Default)]
#[expect(clippy::vec_box, reason = "each is pointed to, and stays where it is when there are more")]
pub(crate) struct Addresses(Mutex<Vec<Box<SocketAddrAny>>>);

impl Addresses {
    /// Keeps an address for as long as this lives, and says where; null if there is none.
    fn keep(&self, address: Option<SocketAddr>) -> *const Sockaddr {
        let Some(address) = address.map(SocketAddrAny::from) else { return ptr::null() };
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // There are few: each is another end, or another attempt.
        let place = kept.iter().position(|kept| **kept == address).unwrap_or_else(|| {
            kept.push(Box::new(address));
            kept.len() - 1
        });
        kept[place].as_ptr().cast()
    }
}

/// Which address of a transaction.
#[derive(Debug, Clone, Copy)]
enum End {
    Client,
    Incoming,
    Outgoing,
    Origin,
    NextHop,
}

fn of_transaction(name: &'static str, txnp: TSHttpTxn, end: End) -> *const Sockaddr {
    call::enter(name, |call| {
        let found = TransactionSubject::find(number(call, "txnp", txnp));
        let transaction = found.unwrap_or_else(|| gone(call, "txnp", txnp));
        let origin = transaction.content(|content| content.wishes.origin);
        let address = match end {
            End::Client => Some(transaction.session.client),
            End::Incoming => transaction.session.incoming,
            End::Outgoing => origin.outgoing,
            End::Origin => origin.address(),
            End::NextHop => origin.found,
        };
        transaction.addresses.keep(address)
    })
}

fn of_session(
    name: &'static str,
    ssnp: TSHttpSsn,
    which: impl FnOnce(&SessionSubject) -> Option<SocketAddr>,
) -> *const Sockaddr {
    call::enter(name, |call| {
        let found = SessionSubject::find(number(call, "ssnp", ssnp));
        let session = found.unwrap_or_else(|| gone(call, "ssnp", ssnp));
        session.addresses.keep(which(&session))
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpTxnClientAddrGet(txnp: TSHttpTxn) -> *const Sockaddr {
    of_transaction("TSHttpTxnClientAddrGet", txnp, End::Client)
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpTxnIncomingAddrGet(txnp: TSHttpTxn) -> *const Sockaddr {
    of_transaction("TSHttpTxnIncomingAddrGet", txnp, End::Incoming)
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpTxnOutgoingAddrGet(txnp: TSHttpTxn) -> *const Sockaddr {
    of_transaction("TSHttpTxnOutgoingAddrGet", txnp, End::Outgoing)
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpTxnServerAddrGet(txnp: TSHttpTxn) -> *const Sockaddr {
    of_transaction("TSHttpTxnServerAddrGet", txnp, End::Origin)
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpTxnNextHopAddrGet(txnp: TSHttpTxn) -> *const Sockaddr {
    of_transaction("TSHttpTxnNextHopAddrGet", txnp, End::NextHop)
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpSsnClientAddrGet(ssnp: TSHttpSsn) -> *const Sockaddr {
    of_session("TSHttpSsnClientAddrGet", ssnp, |session| Some(session.client))
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpSsnIncomingAddrGet(ssnp: TSHttpSsn) -> *const Sockaddr {
    of_session("TSHttpSsnIncomingAddrGet", ssnp, |session| session.incoming)
}

/// Has `set` set an address that a plugin lends.
///
/// # Safety
///
/// If it is not null there is an address, as long as its family says.
unsafe fn set(
    name: &'static str,
    txnp: TSHttpTxn,
    addr: *const Sockaddr,
    set: impl FnOnce(Transaction, SocketAddr) -> Result<(), MessageError>,
) -> TSReturnCode {
    call::enter(name, |call| {
        super::check(call, txnp);
        // SAFETY: the caller says so.
        match unsafe { read(call, addr) } {
            Some(address) => super::code(call, txnp, set(super::transaction(call, txnp), address)),
            None => TS_ERROR,
        }
    })
}

/// # Safety
///
/// If it is not null there is an address, as long as its family says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSHttpTxnServerAddrSet(txnp: TSHttpTxn, addr: *const Sockaddr) -> TSReturnCode {
    // SAFETY: the caller says so.
    unsafe {
        set("TSHttpTxnServerAddrSet", txnp, addr, |transaction, address| transaction.set_origin_addr(address))
    }
}

/// # Safety
///
/// If it is not null there is an address, as long as its family says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSHttpTxnOutgoingAddrSet(txnp: TSHttpTxn, addr: *const Sockaddr) -> TSReturnCode {
    // SAFETY: the caller says so.
    unsafe {
        set("TSHttpTxnOutgoingAddrSet", txnp, addr, |transaction, address| {
            transaction.set_outgoing_addr(address)
        })
    }
}

/// # Safety
///
/// If it is not null there is an address, as long as its family says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSHttpTxnVerifiedAddrSet(txnp: TSHttpTxn, addr: *const Sockaddr) -> TSReturnCode {
    // SAFETY: the caller says so.
    unsafe {
        set("TSHttpTxnVerifiedAddrSet", txnp, addr, |transaction, address| {
            transaction.set_verified_addr(address)
        })
    }
}

/// # Safety
///
/// If it is not null there is room for a place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSHttpTxnVerifiedAddrGet(
    txnp: TSHttpTxn,
    addr: *mut *const Sockaddr,
) -> TSReturnCode {
    call::enter("TSHttpTxnVerifiedAddrGet", |call| {
        let place = call.place("addr", addr);
        let transaction = super::texts::subject(call, txnp);
        let kept = transaction.addresses.keep(transaction.content(|content| content.wishes.verified));
        // SAFETY: the caller says so.
        unsafe { place.write(kept) };
        if kept.is_null() { TS_ERROR } else { TS_SUCCESS }
    })
}

/// The address at a place; none if it is of another family than those of IP.
///
/// # Safety
///
/// If it is not null there is an address, as long as its family says.
unsafe fn read(call: Call, address: *const Sockaddr) -> Option<SocketAddr> {
    if address.is_null() {
        call.fault("addr is null");
    }
    // SAFETY: it is there, says the caller, and begins with its family, wherever it stands.
    let family = unsafe { (&raw const (*address).family).read_unaligned() };
    let length = match AddressFamily::from_raw(family) {
        AddressFamily::INET => 16,
        AddressFamily::INET6 => 28,
        _ => return None,
    };
    // SAFETY: such addresses have this length, and it is copied from there byte by byte.
    let address = unsafe { SocketAddrAny::read(address.cast::<SocketAddrStorage>(), length) };
    SocketAddr::try_from(address).ok()
}

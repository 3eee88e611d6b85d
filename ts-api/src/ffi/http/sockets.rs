//! The sockets of a transaction's two ends, and options of the client's.
//!
//! # Rules
//! * What is set of the client's holds for its connection from now on, and so for the transactions that come after.

use std::ffi::c_int;
use std::net::IpAddr;
use std::os::fd::RawFd;

use super::{session, there, transaction};
use crate::ffi::call::{self, Call};
use crate::ffi::types::{TS_ERROR, TS_SUCCESS, TSHttpSsn, TSHttpTxn, TSReturnCode};

/// # Safety
///
/// If it is not null there is room for the number.
unsafe fn give(call: Call, socket: Option<RawFd>, fdp: *mut c_int) -> TSReturnCode {
    let place = call.place("fdp", fdp);
    // SAFETY: the caller says so.
    unsafe { place.write(socket.unwrap_or(-1)) };
    if socket.is_some() { TS_SUCCESS } else { TS_ERROR }
}

/// # Safety
///
/// If it is not null there is room for the number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSHttpSsnClientFdGet(ssnp: TSHttpSsn, fdp: *mut c_int) -> TSReturnCode {
    call::enter("TSHttpSsnClientFdGet", |call| {
        let socket = there(call, "ssnp", ssnp, session(call, ssnp).client_socket());
        // SAFETY: the caller says so.
        unsafe { give(call, socket, fdp) }
    })
}

/// # Safety
///
/// If it is not null there is room for the number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSHttpTxnClientFdGet(txnp: TSHttpTxn, fdp: *mut c_int) -> TSReturnCode {
    call::enter("TSHttpTxnClientFdGet", |call| {
        let socket = there(call, "txnp", txnp, transaction(call, txnp).client_socket());
        // SAFETY: the caller says so.
        unsafe { give(call, socket, fdp) }
    })
}

/// # Safety
///
/// If it is not null there is room for the number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSHttpTxnServerFdGet(txnp: TSHttpTxn, fdp: *mut c_int) -> TSReturnCode {
    call::enter("TSHttpTxnServerFdGet", |call| {
        let socket = there(call, "txnp", txnp, transaction(call, txnp).origin_socket());
        // SAFETY: the caller says so.
        unsafe { give(call, socket, fdp) }
    })
}

/// Sets an option of the client's socket, which is a number.
fn set(socket: RawFd, (level, option): (c_int, c_int), value: c_int) -> TSReturnCode {
    let length = size_of::<c_int>() as libc::socklen_t;
    // SAFETY: the value is read, and is that long. A number that is no socket would be refused.
    let done = unsafe { libc::setsockopt(socket, level, option, (&raw const value).cast(), length) };
    if done == 0 { TS_SUCCESS } else { TS_ERROR }
}

/// Sets the upper six bits of what stands in each packet to the client for its kind of service.
fn set_service(call: Call, txnp: TSHttpTxn, dscp: c_int) -> TSReturnCode {
    let transaction = transaction(call, txnp);
    let socket = there(call, "txnp", txnp, transaction.client_socket());
    let client = there(call, "txnp", txnp, transaction.client_addr());
    match socket {
        Some(socket) if (0..64).contains(&dscp) => set(socket, service(client.ip()), dscp << 2),
        _ => TS_ERROR,
    }
}

/// The option for packets to this address. Those to one of IPv6 that stands for one of IPv4 are packets of IPv4.
fn service(client: IpAddr) -> (c_int, c_int) {
    match client.to_canonical() {
        IpAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_TOS),
        IpAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_TCLASS),
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpTxnClientPacketDscpSet(txnp: TSHttpTxn, dscp: c_int) -> TSReturnCode {
    call::enter("TSHttpTxnClientPacketDscpSet", |call| set_service(call, txnp, dscp))
}

/// The lower two bits are the network's, and are not set.
#[unsafe(no_mangle)]
pub extern "C" fn TSHttpTxnClientPacketTosSet(txnp: TSHttpTxn, tos: c_int) -> TSReturnCode {
    call::enter("TSHttpTxnClientPacketTosSet", |call| set_service(call, txnp, tos >> 2))
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpTxnClientPacketMarkSet(txnp: TSHttpTxn, mark: c_int) -> TSReturnCode {
    call::enter("TSHttpTxnClientPacketMarkSet", |call| {
        let socket = there(call, "txnp", txnp, transaction(call, txnp).client_socket());
        socket.map_or(TS_ERROR, |socket| set(socket, (libc::SOL_SOCKET, libc::SO_MARK), mark))
    })
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, TcpStream};
    use std::os::fd::AsRawFd as _;

    use rustix::net::sockopt::{ip_tos, ipv6_v6only};

    use super::*;

    #[test]
    fn packets_of_ipv4_are_marked_whatever_kind_of_socket_they_leave_from() {
        let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).unwrap();
        assert!(!ipv6_v6only(&listener).unwrap(), "it is for both, as the host's are");
        let client =
            TcpStream::connect((Ipv4Addr::LOCALHOST, listener.local_addr().unwrap().port())).unwrap();
        let (served, from) = listener.accept().unwrap();
        assert!(from.is_ipv6() && client.local_addr().unwrap().is_ipv4());
        assert_eq!(set(served.as_raw_fd(), service(from.ip()), 46 << 2), TS_SUCCESS);
        assert_eq!(ip_tos(&served).unwrap(), 46 << 2);
    }
}

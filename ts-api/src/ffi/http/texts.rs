//! Texts that C looks at: each stays as it is, and where it is, as long as the transaction that it was asked of.

use std::ffi::{c_char, c_int};
use std::ptr;
use std::sync::{Mutex, PoisonError};

use super::{gone, number};
use crate::ffi::call::{self, Call};
use crate::ffi::mime::lent::Lent;
use crate::ffi::types::TSHttpTxn;
use crate::http::server::remap::{OriginName, split_authority};
use crate::http::server::subjects::TransactionSubject;

/// Texts that somebody looks at.
#[derive(Default)]
pub(crate) struct Texts(Mutex<Lent>);

impl Texts {
    /// Keeps a text for as long as this lives, and says where; null if there is none.
    pub(super) fn keep(&self, text: Option<&[u8]>) -> *const c_char {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        text.map_or(ptr::null(), |text| kept.lend(text).as_ptr())
    }
}

/// A transaction that is not over.
pub(super) fn subject(call: Call, txnp: TSHttpTxn) -> std::sync::Arc<TransactionSubject> {
    TransactionSubject::find(number(call, "txnp", txnp)).unwrap_or_else(|| gone(call, "txnp", txnp))
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpTxnNextHopNameGet(txnp: TSHttpTxn) -> *const c_char {
    call::enter("TSHttpTxnNextHopNameGet", |call| {
        let transaction = subject(call, txnp);
        let name = transaction.content(|content| content.origin.as_ref().map(OriginName::to_string));
        let host = name.as_deref().map(|name| split_authority(name).0.as_bytes());
        transaction.texts.keep(host)
    })
}

/// Below zero while it is not known.
#[unsafe(no_mangle)]
pub extern "C" fn TSHttpTxnNextHopPortGet(txnp: TSHttpTxn) -> c_int {
    call::enter("TSHttpTxnNextHopPortGet", |call| {
        let port = subject(call, txnp).content(|content| content.origin.as_ref().map(OriginName::port));
        port.map_or(-1, c_int::from)
    })
}

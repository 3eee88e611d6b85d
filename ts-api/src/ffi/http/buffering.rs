//! The request's body as a whole.
//!
//! # Rules
//! * A body that is read as a whole is copied into one IO buffer, which ends with the transaction, and so do its readers.

use std::sync::{Mutex, PoisonError};

use super::{allowed, gone, number, transaction};
use crate::ffi::handle::Raw as _;
use crate::ffi::types::{TSHttpTxn, TSIOBuffer, TSIOBufferReader};
use crate::ffi::{call, io};
use crate::http::server::subjects::TransactionSubject;

/// The IO buffer with the request's body, if a plugin has looked at it, and a reader at its begin.
#[derive(Default)]
pub(crate) struct Body(Mutex<Option<(TSIOBuffer, TSIOBufferReader)>>);

impl Drop for Body {
    fn drop(&mut self) {
        let buffer = self.0.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((buffer, _)) = buffer {
            io::end(buffer);
        }
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpTxnPostBufferReaderGet(txnp: TSHttpTxn) -> TSIOBufferReader {
    call::enter("TSHttpTxnPostBufferReaderGet", |call| {
        let subject = TransactionSubject::find(number(call, "txnp", txnp));
        let subject = subject.unwrap_or_else(|| gone(call, "txnp", txnp));
        let Some(bytes) = allowed(call, txnp, transaction(call, txnp).request_body()) else {
            return TSIOBufferReader::from_bits(0);
        };
        let mut kept = subject.body.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, begin) = *kept.get_or_insert_with(|| {
            let buffer = io::TSIOBufferCreate();
            // First: what nobody is to read is not kept.
            let begin = io::TSIOBufferReaderAlloc(buffer);
            io::write(call, "txnp", buffer, &bytes);
            (buffer, begin)
        });
        io::TSIOBufferReaderClone(begin)
    })
}

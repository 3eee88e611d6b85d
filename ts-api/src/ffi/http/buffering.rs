//! Settings of one transaction under the original's names, and the request's body as a whole.
//!
//! # Rules
//! * Only settings that are some transaction's own here can be set; any other is [`TS_ERROR`].
//! * A body that is read as a whole is copied into one IO buffer, which ends with the transaction, and so do its readers.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::{allowed, code, gone, number, there, transaction};
use crate::ffi::handle::Raw as _;
use crate::ffi::types::{
    TS_ERROR, TSHttpTxn, TSIOBuffer, TSIOBufferReader, TSOverridableConfigKey, TSReturnCode,
};
use crate::ffi::{call, io};
use crate::http::Limit;
use crate::http::server::subjects::TransactionSubject;

/// How long a body may be that is read as a whole: what a plugin looks at as one piece is a form or a call, and no upload.
const LONGEST_BODY: usize = 1 << 20;

/// What a key stands for.
enum Setting {
    Buffered,
    Seconds(&'static [Limit]),
}

/// The setting of a key, by its number in the headers.
fn setting(key: TSOverridableConfigKey) -> Option<Setting> {
    Some(match key {
        40 => Setting::Seconds(&[Limit::ClientIdle]),
        41 => Setting::Seconds(&[Limit::Response, Limit::Silence]),
        46 => Setting::Seconds(&[Limit::Connect]),
        88 => Setting::Seconds(&[Limit::ClientActive]),
        105 => Setting::Buffered,
        _ => return None,
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpTxnConfigIntSet(
    txnp: TSHttpTxn,
    conf: TSOverridableConfigKey,
    value: i64,
) -> TSReturnCode {
    call::enter("TSHttpTxnConfigIntSet", |call| {
        let transaction = transaction(call, txnp);
        there(call, "txnp", txnp, transaction.ordinal());
        let (Some(setting), Ok(value)) = (setting(conf), u64::try_from(value)) else { return TS_ERROR };
        match setting {
            // It cannot be taken back: somebody else may have asked for it.
            Setting::Buffered if value == 0 => TS_ERROR,
            Setting::Buffered => code(call, txnp, transaction.buffer_request(LONGEST_BODY)),
            Setting::Seconds(limits) => limits
                .iter()
                .map(|limit| code(call, txnp, transaction.set_limit(*limit, Duration::from_secs(value))))
                .fold(0, TSReturnCode::min),
        }
    })
}

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

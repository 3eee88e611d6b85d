//! Switches of one transaction.

use super::{check, code, there, transaction};
use crate::ffi::call;
use crate::ffi::types::{TS_ERROR, TSHttpCntlType, TSHttpTxn, TSReturnCode};
use crate::http::{Gone, MessageError};

const LOGGING_MODE: TSHttpCntlType = 0;
const TXN_DEBUG: TSHttpCntlType = 5;
const SKIP_REMAPPING: TSHttpCntlType = 6;

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpTxnCntlSet(txnp: TSHttpTxn, cntl: TSHttpCntlType, data: bool) -> TSReturnCode {
    call::enter("TSHttpTxnCntlSet", |call| {
        check(call, txnp);
        let transaction = transaction(call, txnp);
        let over = |Gone| MessageError::Gone;
        let done = match cntl {
            LOGGING_MODE => transaction.set_logged(data).map_err(over),
            TXN_DEBUG => transaction.set_debug(data).map_err(over),
            SKIP_REMAPPING => transaction.skip_remap(data),
            _ => return TS_ERROR,
        };
        code(call, txnp, done)
    })
}

/// False of one that there is not.
#[unsafe(no_mangle)]
pub extern "C" fn TSHttpTxnCntlGet(txnp: TSHttpTxn, cntl: TSHttpCntlType) -> bool {
    call::enter("TSHttpTxnCntlGet", |call| {
        let transaction = transaction(call, txnp);
        let found = match cntl {
            LOGGING_MODE => transaction.logged(),
            TXN_DEBUG => transaction.debug(),
            SKIP_REMAPPING => transaction.skips_remap(),
            _ => transaction.ordinal().map(|_| false),
        };
        there(call, "txnp", txnp, found)
    })
}

//! What time it is.

use std::time::{SystemTime, UNIX_EPOCH};

use super::call;
use super::types::TSHRTime;

/// The clock of the wall: nanoseconds since the beginning of 1970.
#[unsafe(no_mangle)]
pub extern "C" fn TShrtime() -> TSHRTime {
    call::enter("TShrtime", |_| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        TSHRTime::try_from(since.as_nanos()).unwrap_or(TSHRTime::MAX)
    })
}

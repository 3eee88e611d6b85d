//! The time of day of this place, and this machine's name, as the names of files have them.

use std::mem::MaybeUninit;
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since the beginning of 1970.
pub(super) fn seconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).ok().and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or(0)
}

fn broken_down(seconds: i64) -> libc::tm {
    let mut parts = MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both places are there. A time that it cannot tell leaves the zeros.
    unsafe {
        libc::localtime_r(&seconds, parts.as_mut_ptr());
        parts.assume_init()
    }
}

/// By how many seconds this place is ahead of Greenwich.
pub(super) fn ahead(seconds: i64) -> i64 {
    broken_down(seconds).tm_gmtoff
}

/// `20270131.09h05m59s`.
pub(super) fn stamp(time: SystemTime) -> String {
    let parts = broken_down(seconds(time));
    format!(
        "{:04}{:02}{:02}.{:02}h{:02}m{:02}s",
        parts.tm_year + 1900,
        parts.tm_mon + 1,
        parts.tm_mday,
        parts.tm_hour,
        parts.tm_min,
        parts.tm_sec
    )
}

/// This machine's name.
pub(super) fn machine() -> String {
    let mut name = [0_u8; 256];
    // SAFETY: there is so much room.
    let told = unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len() - 1) };
    let end = name.iter().position(|byte| *byte == 0).unwrap_or(0);
    let text = String::from_utf8_lossy(&name[..end]).replace('/', "_");
    if told == 0 && !text.is_empty() { text } else { "localhost".to_owned() }
}

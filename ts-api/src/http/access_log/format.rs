//! The form of a line.

use std::fmt;
use std::io::Write as _;
use std::time::SystemTime;

use http::HeaderValue;

use super::escape::{json, quoted};
use crate::http::server::Record;

/// The form of a line in an access log. Times are UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Format {
    /// `client - - [time] "request line" status bytes`, as many programs read it. What a client sent has everything but
    /// printable ASCII as `\xHH`, quotes and backslashes after a backslash.
    Common,
    /// The same, then `"referer" "user-agent"`.
    #[default]
    Combined,
    /// A JSON object: `time`, `client`, `method`, `target`, `version`, `host`, `referer`, `user_agent`, `status`,
    /// `request_bytes`, `response_bytes`, `seconds`, `answered_after`, `origin`, `origin_address`, `tries`, `end`, `failure`. What there is none
    /// of is `null`.
    Json,
}

impl Format {
    /// Adds the line of a record, line end included.
    pub(super) fn write(self, record: &Record, line: &mut Vec<u8>) {
        match self {
            Self::Common => common(record, line),
            Self::Combined => {
                common(record, line);
                for field in [&record.referer, &record.user_agent] {
                    line.extend(b" \"");
                    quoted(field.as_ref().map_or(b"-", HeaderValue::as_bytes), line);
                    line.push(b'"');
                }
            }
            Self::Json => object(record, line),
        }
        line.push(b'\n');
    }
}

/// Writing to memory does not fail.
macro_rules! add {
    ($line:expr, $($what:tt)*) => {
        let _ = write!($line, $($what)*);
    };
}

fn common(record: &Record, line: &mut Vec<u8>) {
    let Moment { year, month, day, hour, minute, second, .. } = Moment::of(record.began);
    let month = MONTHS[month as usize - 1];
    add!(
        line,
        "{} - - [{day:02}/{month}/{year}:{hour:02}:{minute:02}:{second:02} +0000] \"",
        record.client.ip()
    );
    quoted(record.method.as_str().as_bytes(), line);
    line.push(b' ');
    quoted(record.target.to_string().as_bytes(), line);
    add!(line, " {:?}\" ", record.version);
    match record.status {
        Some(status) => {
            add!(line, "{status} {}", record.response_bytes);
        }
        None => line.extend(b"- -"),
    }
}

fn object(record: &Record, line: &mut Vec<u8>) {
    let Moment { year, month, day, hour, minute, second, millisecond } = Moment::of(record.began);
    add!(
        line,
        "{{\"time\":\"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}Z\""
    );
    add!(line, ",\"client\":\"{}\",\"method\":", record.client);
    json(record.method.as_str().as_bytes(), line);
    line.extend(b",\"target\":");
    json(record.target.to_string().as_bytes(), line);
    add!(line, ",\"version\":\"{:?}\"", record.version);
    for (name, field) in
        [("host", &record.host), ("referer", &record.referer), ("user_agent", &record.user_agent)]
    {
        add!(line, ",\"{name}\":");
        text(field.as_ref().map(HeaderValue::as_bytes), line);
    }
    add!(line, ",\"status\":{}", OrNull(record.status));
    add!(line, ",\"request_bytes\":{},\"response_bytes\":{}", record.request_bytes, record.response_bytes);
    add!(line, ",\"seconds\":{:.6}", record.took.as_secs_f64());
    let answered = record.answered_after.map(|after| format!("{:.6}", after.as_secs_f64()));
    add!(line, ",\"answered_after\":{}", OrNull(answered));
    line.extend(b",\"origin\":");
    text(record.origin.as_deref().map(str::as_bytes), line);
    line.extend(b",\"origin_address\":");
    text(record.origin_address.map(|address| address.to_string()).as_deref().map(str::as_bytes), line);
    add!(line, ",\"tries\":{},\"end\":\"{}\",\"failure\":", record.tries, record.end.name());
    text(record.failure.as_deref().map(str::as_bytes), line);
    line.push(b'}');
}

fn text(text: Option<&[u8]>, line: &mut Vec<u8>) {
    match text {
        Some(text) => json(text, line),
        None => line.extend(b"null"),
    }
}

struct OrNull<T>(Option<T>);

impl<T: fmt::Display> fmt::Display for OrNull<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(value) => value.fmt(f),
            None => f.write_str("null"),
        }
    }
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A point in time, as people write it.
#[derive(Debug, PartialEq, Eq)]
struct Moment {
    year: u64,
    month: u64,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
    millisecond: u32,
}

impl Moment {
    /// In UTC. What is before 1970 counts as its begin.
    fn of(time: SystemTime) -> Self {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
        // The days are counted from the 1st of March in the year 0, so that the leap day comes last in its year; 400 years
        // have 146097 days.
        let days = days + 719_468;
        let (era, of_era) = (days / 146_097, days % 146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        Self {
            year: 400 * era + year_of_era + u64::from(month <= 2),
            month,
            day,
            hour: second / 3600,
            minute: second / 60 % 60,
            second: second % 60,
            millisecond: since.subsec_millis(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn day(seconds: u64) -> (u64, u64, u64) {
        let Moment { year, month, day, .. } =
            Moment::of(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        (year, month, day)
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        assert_eq!(day(0), (1970, 1, 1));
        assert_eq!(day(951_782_399), (2000, 2, 28));
        assert_eq!(day(951_782_400), (2000, 2, 29));
        assert_eq!(day(951_868_800), (2000, 3, 1));
        assert_eq!(day(1_735_689_599), (2024, 12, 31));
        assert_eq!(day(4_107_542_400), (2100, 3, 1));
        let moment = Moment::of(SystemTime::UNIX_EPOCH + Duration::from_millis(1_000_000_000_042));
        assert_eq!((moment.hour, moment.minute, moment.second, moment.millisecond), (1, 46, 40, 42));
    }
}

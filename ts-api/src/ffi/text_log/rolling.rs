//! When a file is begun anew.
//!
//! # Rules
//! * Times are those of this place. An interval begins at the hour that is said, and is a part of a day without a rest, so that
//!   files end at the same times every day.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::local;

const DAY: u64 = 24 * 3600;
const SHORTEST: u64 = 60;

/// What counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    Never,
    Time,
    Size,
    Either,
    /// When the time comes, if the file is as large by then.
    Both,
}

impl When {
    pub(super) fn from_number(number: i64) -> Option<Self> {
        let all = [Self::Never, Self::Time, Self::Size, Self::Either, Self::Both];
        all.get(usize::try_from(number).ok()?).copied()
    }
}

/// When a file is begun anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rolling {
    pub(super) when: When,
    /// Seconds.
    pub(super) interval: u64,
    /// The hour of the day that intervals are counted from.
    pub(super) offset: u64,
    /// Bytes.
    pub(super) size: u64,
}

impl Rolling {
    /// Whether an interval of so many seconds will do.
    pub(super) fn is_interval(seconds: u64) -> bool {
        (SHORTEST..=DAY).contains(&seconds) && DAY.is_multiple_of(seconds)
    }

    /// When the time comes for a file that was begun at `since`; none if it is not for the time to say.
    pub(super) fn due(&self, since: SystemTime) -> Option<SystemTime> {
        if matches!(self.when, When::Never | When::Size) {
            return None;
        }
        let since = local::seconds(since);
        let (interval, offset) =
            (i64::try_from(self.interval).ok()?, i64::try_from(self.offset).ok()? * 3600);
        let shift = local::ahead(since) - offset;
        let next = ((since + shift).div_euclid(interval) + 1) * interval - shift;
        Some(UNIX_EPOCH + Duration::from_secs(u64::try_from(next).ok()?))
    }

    /// Whether it is time now for a file of `size` bytes that was begun at `since`.
    pub(super) fn is_due(&self, since: SystemTime, size: u64, now: SystemTime) -> bool {
        let time = self.due(since).is_some_and(|due| now >= due);
        let size = size >= self.size;
        match self.when {
            When::Never => false,
            When::Time => time,
            When::Size => size,
            When::Either => time || size,
            When::Both => time && size,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn a_file_ends_at_the_next_hour_that_intervals_are_counted_from() {
        let rolling = Rolling { when: When::Time, interval: 6 * 3600, offset: 1, size: 0 };
        // Noon at this place, on some day.
        let day = DAY as i64;
        let noon = 1_800_000_000 / day * day + 12 * 3600;
        let noon = (noon - local::ahead(noon)) as u64;
        assert_eq!(rolling.due(at(noon)), Some(at(noon + 3600)));
        assert_eq!(rolling.due(at(noon + 3599)), Some(at(noon + 3600)));
        assert_eq!(rolling.due(at(noon + 3600)), Some(at(noon + 7 * 3600)));
        assert!(
            !rolling.is_due(at(noon), 1, at(noon + 3599)) && rolling.is_due(at(noon), 1, at(noon + 3600))
        );
    }

    #[test]
    fn size_and_time_count_as_they_are_asked_to() {
        let due = |when| {
            let rolling = Rolling { when, interval: 60, offset: 0, size: 10 };
            let (soon, late) = (at(1_800_000_001), at(1_800_000_600));
            let since = at(1_800_000_000);
            [(9, soon), (10, soon), (9, late), (10, late)].map(|(size, now)| rolling.is_due(since, size, now))
        };
        assert_eq!(due(When::Never), [false; 4]);
        assert_eq!(due(When::Time), [false, false, true, true]);
        assert_eq!(due(When::Size), [false, true, false, true]);
        assert_eq!(due(When::Either), [false, true, true, true]);
        assert_eq!(due(When::Both), [false, false, false, true]);
        assert_eq!((When::from_number(5), When::from_number(-1)), (None, None));
    }

    #[test]
    fn an_interval_is_a_part_of_a_day() {
        let good = [60, 3600, 21_600, 86_400].map(Rolling::is_interval);
        let bad = [0, 59, 61, 100_000, 86_401].map(Rolling::is_interval);
        assert_eq!((good, bad), ([true; 4], [false; 5]));
    }
}

//! When an event that ran runs again: what its handler said, or else its period.

use crate::event::{Extras, MissedTicks, Period, Rearm};
use std::time::Duration;
use ts_event::When;
use ts_thread::HrTime;

/// When the event runs again, if it does.
pub(super) fn next_run(rearm: Rearm, extra: &mut Extras, now: impl FnOnce() -> HrTime) -> Option<When> {
    match rearm {
        Rearm::Stopped | Rearm::Over(_) => None,
        Rearm::Now => {
            forget_period(extra);
            Some(When::Now)
        }
        Rearm::At(at) => {
            forget_period(extra);
            Some(When::At(at))
        }
        Rearm::Every(period) => {
            let due = now().saturating_add(period);
            extra.get_or_insert().period = Some(Period::Every { period, due });
            Some(When::At(due))
        }
        Rearm::Unsaid => {
            let extra = extra.get_mut()?;
            match extra.period? {
                Period::Poll(order) => Some(When::Poll(order)),
                Period::Every { period, due } => {
                    let due = next_tick(extra.missed, period, due, now());
                    extra.period = Some(Period::Every { period, due });
                    Some(When::At(due))
                }
            }
        }
    }
}

fn forget_period(extra: &mut Extras) {
    if let Some(extra) = extra.get_mut() {
        extra.period = None;
    }
}

/// The tick after the one that was due at `due` and is through at `now`.
fn next_tick(missed: MissedTicks, period: Duration, due: HrTime, now: HrTime) -> HrTime {
    match missed {
        MissedTicks::Delay => now.saturating_add(period),
        MissedTicks::Burst => due.saturating_add(period),
        MissedTicks::Skip => {
            let next = due.saturating_add(period);
            if next > now {
                return next;
            }
            // The first whole multiple after `now`. The period is not zero; see `Timing::check`.
            let late = now.saturating_duration_since(due).as_nanos();
            let period = period.as_nanos();
            let ticks = (late / period + 1).saturating_mul(period);
            due.saturating_add(Duration::from_nanos(u64::try_from(ticks).unwrap_or(u64::MAX)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(nanos: u64) -> HrTime {
        HrTime::from_nanos(nanos)
    }

    #[test]
    fn a_delayed_tick_is_a_period_after_the_handler() {
        assert_eq!(next_tick(MissedTicks::Delay, Duration::from_nanos(10), at(100), at(137)), at(147));
    }

    #[test]
    fn a_skipping_tick_is_the_next_multiple_still_to_come() {
        let tick = |now| next_tick(MissedTicks::Skip, Duration::from_nanos(10), at(100), at(now));
        assert_eq!((tick(100), tick(109), tick(110), tick(137)), (at(110), at(110), at(120), at(140)));
    }

    #[test]
    fn a_bursting_tick_makes_up_for_those_that_were_missed() {
        assert_eq!(next_tick(MissedTicks::Burst, Duration::from_nanos(10), at(100), at(137)), at(110));
    }

    #[test]
    fn a_tick_beyond_the_end_of_time_is_never() {
        for missed in [MissedTicks::Delay, MissedTicks::Skip, MissedTicks::Burst] {
            assert_eq!(next_tick(missed, Duration::MAX, HrTime::MAX, HrTime::MAX), HrTime::MAX);
        }
    }
}

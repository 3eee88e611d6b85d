//! The time that a client may take: one timer for each connection, which is set anew only when it goes off too early.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use ts_cont::Here;
use ts_cont::future::{Sleep, sleep_until};
use ts_thread::HrTime;

/// A deadline that may move with every request, and nearly always moves away.
#[derive(Default)]
pub(crate) struct Watch {
    /// Since when the time runs, and of which turn.
    since: Option<(u64, HrTime)>,
    timer: Option<Sleep>,
}

impl Watch {
    /// Ready when `limit` is over since `turn` was first seen here. Without a limit it never is.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, turn: u64, limit: Duration) -> Poll<()> {
        let since = match self.since {
            Some((seen, since)) if seen == turn => since,
            _ => {
                let now = Here::current().expect("connections are served on event threads").now();
                self.since = Some((turn, now));
                now
            }
        };
        let due = since.saturating_add(limit);
        loop {
            let timer = self.timer.get_or_insert_with(|| sleep_until(due));
            let at = timer.deadline().unwrap_or(due);
            if at > due {
                timer.reset(due);
            }
            std::task::ready!(Pin::new(&mut *timer).poll(cx));
            if at >= due {
                self.timer = None;
                return Poll::Ready(());
            }
            timer.reset(due);
        }
    }
}

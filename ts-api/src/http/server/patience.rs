//! The time that a call-out has, in two stages. One timer, armed when it is first waited for.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use ts_cont::future::{Sleep, sleep_until};
use ts_thread::HrTime;

use super::hook_policy::HookPolicy;
use super::marks::now;

/// The time that a call-out has.
pub(crate) struct Patience {
    policy: HookPolicy,
    began: Option<HrTime>,
    reported: bool,
    timer: Option<Sleep>,
}

/// What is to be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Say so.
    Report,
    /// Go on without.
    End,
}

impl Patience {
    pub(crate) fn new(policy: HookPolicy) -> Self {
        Self { policy, began: None, reported: false, timer: None }
    }

    /// Waits for the next stage. After [`Stage::End`] there is none.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Stage> {
        let HookPolicy { report_after, end_after } = self.policy;
        let began = *self.began.get_or_insert_with(now);
        let ends_first = end_after.is_some_and(|end_after| end_after <= report_after);
        let (limit, stage) = match (self.reported || ends_first, end_after) {
            (false, _) => (report_after, Stage::Report),
            (true, Some(end_after)) => (end_after, Stage::End),
            (true, None) => return Poll::Pending,
        };
        let timer = self.timer.get_or_insert_with(|| sleep_until(began.saturating_add(limit)));
        std::task::ready!(Pin::new(timer).poll(cx));
        self.timer = None;
        self.reported = true;
        Poll::Ready(stage)
    }
}

//! How long a continuation may keep a session or transaction waiting.

use std::time::Duration;

/// How long a continuation that was called at a hook may keep its session or transaction waiting.
///
/// The time runs from the moment at which it is to be called, so a wait for its mutex counts as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct HookPolicy {
    /// After this long the log says which continuation has not re-enabled, and at which hook. Default: 10 seconds, far longer
    /// than anybody means to take.
    pub report_after: Duration,
    /// After this long things go on without it, as with [`Reenable::Error`](crate::http::Reenable::Error); what it answers
    /// later is logged and refused. Without it they wait for ever. Default: 120 seconds, when few clients still wait.
    pub end_after: Option<Duration>,
}

impl Default for HookPolicy {
    fn default() -> Self {
        Self { report_after: Duration::from_secs(10), end_after: Some(Duration::from_secs(120)) }
    }
}

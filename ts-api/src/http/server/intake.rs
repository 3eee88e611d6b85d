//! How much of a request's body is taken, and how fast it has to come.
//!
//! Only the time counts in which somebody waits for the client. While nobody asks for the body, it may take as long as it
//! likes.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use ts_cont::Here;
use ts_cont::future::{Sleep, sleep_until};
use ts_thread::HrTime;

use super::body::BodyError;
use super::gate::Refusal;
use super::settings::Settings;

/// A request's body, as far as it may come.
pub(crate) struct Taken {
    body: Incoming,
    intake: Intake,
}

/// What has come of a body, and what may.
struct Intake {
    most: Option<u64>,
    came: u64,
    pace: Pace,
}

/// The time of the waiting.
struct Pace {
    whole: Duration,
    window: Duration,
    rate: u64,
    /// Since when it is waited.
    since: Option<HrTime>,
    /// Before that.
    waited: Duration,
    /// How long it had been waited, and how much had come, when the window began.
    window_began: (Duration, u64),
    timer: Option<Sleep>,
}

impl Taken {
    pub(crate) fn new(body: Incoming, settings: &Settings) -> Self {
        Self { body, intake: Intake::new(settings) }
    }

    /// The next frame, as of any body.
    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
            return self.intake.poll_wait(cx).map(|refusal| Some(Err(refusal.into())));
        };
        let length = match &frame {
            Some(Ok(frame)) => frame.data_ref().map_or(0, Bytes::len),
            _ => 0,
        };
        if let Err(refusal) = self.intake.arrived(length) {
            return Poll::Ready(Some(Err(refusal.into())));
        }
        Poll::Ready(frame.map(|frame| frame.map_err(BodyError::from)))
    }

    pub(crate) fn is_over(&self) -> bool {
        self.body.is_end_stream()
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Intake {
    fn new(settings: &Settings) -> Self {
        let pace = Pace {
            whole: settings.timeouts.client_body,
            window: settings.timeouts.client_pace,
            rate: settings.limits.body_rate,
            since: None,
            waited: Duration::ZERO,
            window_began: (Duration::ZERO, 0),
            timer: None,
        };
        Self { most: settings.limits.body, came: 0, pace }
    }

    /// Something has come, if only the end.
    ///
    /// # Errors
    ///
    /// It is more than may come.
    fn arrived(&mut self, length: usize) -> Result<(), Refusal> {
        self.came = self.came.saturating_add(length as u64);
        if let Some(since) = self.pace.since.take() {
            self.pace.waited += passed(since);
        }
        match self.most {
            Some(most) if self.came > most => Err(Refusal::new(413, "the body is too large")),
            _ => Ok(()),
        }
    }

    /// Nothing is there; ready when that is so for too long.
    fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<Refusal> {
        let pace = &mut self.pace;
        let since = *pace.since.get_or_insert_with(now);
        loop {
            let due = since.saturating_add(pace.next().saturating_sub(pace.waited));
            let timer = pace.timer.get_or_insert_with(|| sleep_until(due));
            ready!(Pin::new(timer).poll(cx));
            let waited = pace.waited + passed(since);
            if waited >= pace.whole {
                return Poll::Ready(Refusal::new(408, "the body took too long"));
            }
            let (began, before) = pace.window_began;
            if waited >= began + pace.window {
                let least = pace.rate.saturating_mul(pace.window.as_millis() as u64) / 1000;
                if self.came - before < least {
                    return Poll::Ready(Refusal::new(408, "the body comes too slowly"));
                }
                pace.window_began = (waited, self.came);
            }
            pace.timer = None;
        }
    }
}

impl Pace {
    /// How long it may have been waited when it is looked at again.
    fn next(&self) -> Duration {
        self.whole.min(self.window_began.0.saturating_add(self.window))
    }
}

fn now() -> HrTime {
    Here::current().expect("bodies are read on event threads").now()
}

fn passed(since: HrTime) -> Duration {
    Duration::from_nanos(now().as_nanos().saturating_sub(since.as_nanos()))
}

//! Awaiting a scheduled call.

use crate::Message;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

/// How a scheduled call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Finished {
    /// The handler ran.
    Ran,
    /// It did not run: the action was cancelled, the continuation destroyed, or the system shut down.
    Cancelled,
}

/// A future that resolves when the call it belongs to is over. A periodic event completes it at its first run.
///
/// # Examples
///
/// ```
/// use ts_cont::{Continuation, EventProcessor, EventType, Finished, Message, ProxyMutex, ShutdownOptions};
///
/// let processor = EventProcessor::builder().build();
/// processor.spawn_event_threads(EventType::NET, 1, 0)?;
/// let work = Continuation::new(&ProxyMutex::new(), |_| {});
/// let (message, finished) = Message::default().completion();
/// processor.schedule_imm(&work, EventType::NET, message)?;
/// assert_eq!(processor.spawn(EventType::NET, finished)?.wait(), Some(Finished::Ran));
/// processor.shutdown(ShutdownOptions::default());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Completion {
    shared: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    finished: Option<Finished>,
    waker: Option<Waker>,
}

/// The other end: belongs to the event. Dropped without a word it says that the event did not run.
pub(crate) struct Notify {
    shared: Arc<Mutex<State>>,
}

impl Message {
    /// Adds a future that resolves when the call is over; see [`Completion`].
    pub fn completion(mut self) -> (Self, Completion) {
        let shared = Arc::new(Mutex::new(State::default()));
        self.extra_mut().notify = Some(Notify { shared: Arc::clone(&shared) });
        (self, Completion { shared })
    }
}

impl Notify {
    pub(crate) fn ran(self) {
        self.finish(Finished::Ran);
    }

    fn finish(&self, finished: Finished) {
        let waker = {
            let mut state = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
            if state.finished.is_none() {
                state.finished = Some(finished);
            }
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Drop for Notify {
    fn drop(&mut self) {
        self.finish(Finished::Cancelled);
    }
}

impl Future for Completion {
    type Output = Finished;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Finished> {
        let mut state = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        match state.finished {
            Some(finished) => Poll::Ready(finished),
            None => {
                state.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

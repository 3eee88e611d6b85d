//! Waiting for a time in a future.

use crate::ethread::Here;
use crate::work::Work;
use crate::{Action, processor};
use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use thiserror::Error;
use ts_event::When;
use ts_thread::HrTime;

/// Waits at least `duration` from its first poll, on the clock of the thread that polls it.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use ts_cont::{EventProcessor, EventType, ShutdownOptions, future};
///
/// let processor = EventProcessor::builder().build();
/// processor.spawn_event_threads(EventType::NET, 1, 0)?;
/// let nap = processor.spawn(EventType::NET, async {
///     future::sleep(Duration::from_millis(1)).await;
///     "rested"
/// })?;
/// assert_eq!(nap.wait(), Some("rested"));
/// processor.shutdown(ShutdownOptions::default());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn sleep(duration: Duration) -> Sleep {
    Sleep { when: Asleep::For(duration), armed: None }
}

/// Waits until `at` on the clock of the thread that first polls it, never less.
pub fn sleep_until(at: HrTime) -> Sleep {
    Sleep { when: Asleep::Until(at), armed: None }
}

/// Waits for `future`, but no longer than `limit` from the first poll.
///
/// # Errors
///
/// [`Elapsed`] if the time was over first; the future has been dropped.
///
/// # Panics
///
/// As [`Sleep`], when it is polled on a thread that is no event thread.
pub async fn timeout<F: Future>(limit: Duration, future: F) -> Result<F::Output, Elapsed> {
    let mut future = pin!(future);
    let mut sleep = sleep(limit);
    std::future::poll_fn(|cx| {
        if let Poll::Ready(value) = future.as_mut().poll(cx) {
            return Poll::Ready(Ok(value));
        }
        Pin::new(&mut sleep).poll(cx).map(|()| Err(Elapsed(())))
    })
    .await
}

/// The time was over before the future was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the time was over before the future was done")]
pub struct Elapsed(());

/// A future that resolves when its time has come.
///
/// It is `Send` and `Sync`. Its timer belongs to the event thread that polls it first; dropped elsewhere, it cancels the
/// timer by message.
///
/// # Panics
///
/// When it is first polled on a thread that is no event thread: there is nobody to wake it.
#[must_use = "futures do nothing unless polled"]
pub struct Sleep {
    when: Asleep,
    armed: Option<(Arc<SleepState>, Action)>,
}

#[derive(Debug, Clone, Copy)]
enum Asleep {
    For(Duration),
    Until(HrTime),
}

pub(crate) struct SleepState {
    fired: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl SleepState {
    /// The time has come.
    pub(crate) fn fire(&self) {
        // Release [slept]: whoever sees it goes on after what the timer's thread did before.
        self.fired.store(true, Ordering::Release);
        let waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Sleep {
    /// When it resolves; none before the first poll of a sleep for a duration.
    #[must_use]
    pub fn deadline(&self) -> Option<HrTime> {
        match self.when {
            Asleep::For(_) => None,
            Asleep::Until(at) => Some(at),
        }
    }

    /// Makes it resolve at `at` instead. It may be called at any time, also after it resolved.
    pub fn reset(&mut self, at: HrTime) {
        self.disarm();
        self.when = Asleep::Until(at);
    }

    fn disarm(&mut self) {
        if let Some((_, action)) = self.armed.take() {
            action.cancel();
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let Some((state, _)) = &self.armed {
            let mut waker = state.waker.lock().unwrap_or_else(PoisonError::into_inner);
            // Acquire [slept]: the other end of `fire`. The lock makes sure that either it is seen here, or `fire` finds the
            // new waker.
            if state.fired.load(Ordering::Acquire) {
                return Poll::Ready(());
            }
            match &mut *waker {
                Some(waker) => waker.clone_from(cx.waker()),
                None => *waker = Some(cx.waker().clone()),
            }
            return Poll::Pending;
        }
        let state = Arc::new(SleepState {
            fired: AtomicBool::new(false),
            waker: Mutex::new(Some(cx.waker().clone())),
        });
        let when = self.when;
        let armed = Here::with_current(|here| {
            let now = here.now();
            let at = match when {
                Asleep::For(duration) => now.saturating_add(duration),
                Asleep::Until(at) => at,
            };
            if at <= now {
                return (at, None);
            }
            let key = here.push_keyed(Work::Sleep(Arc::clone(&state)), When::At(at));
            (at, Some(Action::new(key)))
        });
        match armed {
            Some((_, None)) => Poll::Ready(()),
            Some((at, Some(action))) => {
                self.when = Asleep::Until(at);
                self.armed = Some((state, action));
                Poll::Pending
            }
            None => panic!(
                "a sleep was polled on a thread that is no event thread{}",
                if processor::current_id().is_some() { " (a guest has no timers)" } else { "" }
            ),
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some((state, action)) = self.armed.take()
            // Relaxed: a timer that has fired is over; cancelling one that has just fired is answered so.
            && !state.fired.load(Ordering::Relaxed)
        {
            action.cancel();
        }
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep").field("when", &self.when).field("armed", &self.armed.is_some()).finish()
    }
}

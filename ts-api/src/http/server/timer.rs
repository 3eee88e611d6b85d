//! The timers that `hyper` asks for, on the clock of the event thread.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use ts_cont::future;

/// Makes timers of the thread that polls them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ThreadTimer;

struct Sleep(future::Sleep);

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl hyper::rt::Sleep for Sleep {}

impl hyper::rt::Timer for ThreadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(Sleep(future::sleep(duration)))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        // The parser arms a timer right before it polls it, so the way over a duration loses nothing that counts.
        self.sleep(deadline.saturating_duration_since(Instant::now()))
    }
}

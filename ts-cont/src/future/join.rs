//! Waiting for a future that runs on an event thread.

use async_task::FallibleTask;
use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use ts_thread::{Parker, Unparker};

/// The result of a future that runs on an event thread.
///
/// Await it for the value, or `None` if the future was dropped before it was done: by [`JoinHandle::cancel`] or because its
/// thread stopped. A panic in the future comes out of the await. Dropping the handle lets the future run on.
#[must_use = "dropping it lets the future run on, and forgets its result"]
pub struct JoinHandle<T> {
    /// Only `None` while it is being dropped.
    task: Option<FallibleTask<T>>,
}

impl<T> JoinHandle<T> {
    pub(super) fn new(task: async_task::Task<T>) -> Self {
        Self { task: Some(task.fallible()) }
    }

    /// Drops the future, unless it is done: once the result is polled or dropped, and after the poll that is under way, if
    /// one is. The result resolves when the future is gone, to the value if there was one.
    #[must_use = "await it to know that the future is gone, or drop it to let that happen by itself"]
    pub fn cancel(mut self) -> impl Future<Output = Option<T>> {
        let task = self.task.take();
        async move {
            match task {
                Some(task) => task.cancel().await,
                None => None,
            }
        }
    }

    /// Whether the result is there, or will never come.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.task.as_ref().is_none_or(FallibleTask::is_finished)
    }

    /// Blocks the calling thread until the future is done, for threads that run no events.
    ///
    /// # Panics
    ///
    /// With the future's panic, if it panicked. It also panics on an event thread, which would wait for itself or keep
    /// others waiting.
    pub fn wait(self) -> Option<T> {
        assert!(
            crate::Here::with_current(|_| ()).is_none(),
            "JoinHandle::wait blocks; on an event thread await the handle instead"
        );
        let parker = Parker::new();
        let waker = Waker::from(Arc::new(Unpark(parker.unparker())));
        let mut context = Context::from_waker(&waker);
        let mut this = pin!(self);
        loop {
            match this.as_mut().poll(&mut context) {
                Poll::Ready(value) => return value,
                Poll::Pending => parker.park(),
            }
        }
    }
}

struct Unpark(Unparker);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        match &mut self.task {
            Some(task) => Pin::new(task).poll(cx),
            None => Poll::Ready(None),
        }
    }
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.detach();
        }
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").field("finished", &self.is_finished()).finish()
    }
}

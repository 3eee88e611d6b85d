//! Futures on event threads: spawn them, sleep in them, wait for them.
//!
//! A future lives on one event thread and is polled between its events. Its wakers may be called from any thread. It is
//! dropped on its thread, at the latest when the thread stops, so nothing leaks.
//!
//! Locks are awaited with [`ts_mutex::ProxyMutex::run`], schedules with [`crate::Message::completion`].

mod join;
mod sleep;

pub use join::JoinHandle;
pub(crate) use sleep::SleepState;
pub use sleep::{Elapsed, Sleep, sleep, sleep_until, timeout};

use crate::ethread::{Here, Shared, new_entry};
use crate::work::Work;
use crate::{EThread, EventProcessor, EventType, Refusal};
use async_task::Runnable;
use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use ts_event::When;

impl EThread {
    /// Runs a future on this thread.
    ///
    /// Any thread may call it. The future is first polled after what is queued there for now. A panic in it comes out of the
    /// [`JoinHandle`], or nowhere if that was dropped.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoLoop`] for a dedicated thread, [`Refusal::ShuttingDown`].
    pub fn spawn<F>(&self, future: F) -> Result<JoinHandle<F::Output>, Refusal>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let shared = self.shared();
        if self.group().is_none() {
            return Err(Refusal::NoLoop);
        }
        if shared.core.is_closing() {
            return Err(Refusal::ShuttingDown);
        }
        let target = Arc::clone(shared);
        let schedule = move |runnable| enqueue(&target, runnable);
        let (runnable, task) = async_task::Builder::new()
            .propagate_panic(true)
            .spawn(move |()| Registered { index: None, future }, schedule);
        runnable.schedule();
        Ok(JoinHandle::new(task))
    }
}

impl Here {
    /// Runs a future on this thread, which it never leaves, so that it need not be `Send`. See [`EThread::spawn`].
    ///
    /// Once the thread is stopping the future is dropped at once and the handle says so.
    pub fn spawn_local<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        if const { size_of::<F>() > MOVED_AT_MOST } {
            self.spawn_small(Box::pin(future))
        } else {
            self.spawn_small(future)
        }
    }

    fn spawn_small<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let target = Arc::clone(self.thread().shared());
        let schedule = move |runnable| enqueue(&target, runnable);
        let (runnable, task) = async_task::Builder::new()
            .propagate_panic(true)
            .spawn_local(move |()| Registered { index: None, future }, schedule);
        runnable.schedule();
        JoinHandle::new(task)
    }
}

impl EventProcessor {
    /// Runs a future on the next thread of `group` in turn. See [`EThread::spawn`].
    ///
    /// # Errors
    ///
    /// [`Refusal::UnknownGroup`], [`Refusal::NotReady`] while the group has no threads, [`Refusal::ShuttingDown`].
    pub fn spawn<F>(&self, group: EventType, future: F) -> Result<JoinHandle<F::Output>, Refusal>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let known = self.inner().group(group).ok_or(Refusal::UnknownGroup(group))?;
        known.next_in_turn().ok_or(Refusal::NotReady(group))?.spawn(future)
    }
}

/// A future goes through several hands on its way to its place, and is copied from one to the next as a whole, what it has
/// not filled yet included. One of more bytes than this gets its place first.
const MOVED_AT_MOST: usize = 512;

thread_local! {
    /// Whether the futures that are woken just now go before all others.
    static FIRST: Cell<bool> = const { Cell::new(false) };
}

/// Wakes a future that goes before everything else that is ready on its thread.
///
/// For the answer to somebody who stands still until it comes: he has been at the head of the queue before. The waker is of
/// a future on an event thread; any other is woken in its own way.
pub fn wake_first(waker: Waker) {
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            FIRST.set(self.0);
        }
    }
    let _before = Before(FIRST.replace(true));
    waker.wake();
}

/// Puts a woken future into its thread's queue.
fn enqueue(thread: &Arc<Shared>, runnable: Runnable) {
    let when = if FIRST.get() { When::First } else { When::Now };
    let mut runnable = Some(runnable);
    thread.owner.with_here(|here| {
        if let Some(runnable) = runnable.take() {
            here.push(Work::Task(runnable), when);
        }
    });
    if let Some(runnable) = runnable {
        // A thread that has closed its inbox has dropped all its futures before; what comes back can only be one that was
        // sent and never polled, and it may be dropped anywhere.
        drop(thread.send(new_entry(Work::Task(runnable), thread.number), when));
    }
}

/// A future whose waker its thread knows from the first poll to the end, so that it can be found and dropped at shutdown.
struct Registered<F> {
    index: Option<usize>,
    future: F,
}

impl<F: Future> Future for Registered<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: `future` is pinned with `self` and never moved out of it; `index` is not pinned.
        let (index, future) = unsafe {
            let this = self.get_unchecked_mut();
            (&mut this.index, Pin::new_unchecked(&mut this.future))
        };
        if index.is_none() {
            *index = Here::with_current(|here| here.enter_task(cx.waker().clone()));
        }
        future.poll(cx)
    }
}

impl<F> Drop for Registered<F> {
    fn drop(&mut self) {
        // A polled future is dropped on its thread: by its own run, or from the thread's queue.
        if let Some(index) = self.index {
            Here::with_current(|here| here.leave_task(index));
        }
    }
}

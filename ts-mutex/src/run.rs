//! Waiting for a mutex in a future.
//!
//! # Rules
//! * The function runs inside `poll`, and its guard ends there: no guard lives across an await.
//! * The task's waker is stored before the mutex is tried, so whoever gives it back later finds the latest one.
//! * The mutex is not reserved for a future. One that lost a `select` but is still alive would never take it, and its task
//!   might be waiting for this very mutex by another way. It is called in its turn, and takes it if it is free.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};

use ts_thread::Clock;
use ts_thread::sync::Mutex;

use crate::guard::MutexGuard;
use crate::proxy::ProxyMutex;
use crate::waiter::{Target, Waiter};

/// The waker of a future that waits.
pub(crate) struct TaskWake(Mutex<Waker>);

impl TaskWake {
    fn set(&self, waker: &Waker) {
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !current.will_wake(waker) {
            let old = std::mem::replace(&mut *current, waker.clone());
            drop(current);
            // A waker's drop is foreign code.
            drop(old);
        }
    }

    pub(crate) fn wake(&self) {
        let waker = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        waker.wake();
    }
}

/// Runs a function under a mutex when it can be had; the future that [`ProxyMutex::run`] gives.
///
/// It waits in the mutex's queue, in order of arrival, but the mutex is never reserved for it: others that come while
/// it is being woken may go first, however long it has waited. Dropping it leaves the queue, and passes on a call that
/// it has not answered. It may be sent to another thread between polls if the function may.
#[must_use = "futures do nothing unless they are polled"]
pub struct Run<F> {
    mutex: ProxyMutex,
    f: Option<F>,
    wait: Option<(Waiter, Arc<TaskWake>)>,
}

impl<F> Run<F> {
    pub(crate) fn new(mutex: ProxyMutex, f: F) -> Self {
        Self { mutex, f: Some(f), wait: None }
    }
}

// The function is moved out when it runs and is never pinned.
impl<F> Unpin for Run<F> {}

impl<F, R> Future for Run<F>
where
    F: FnOnce(&MutexGuard<'_>) -> R,
{
    type Output = R;

    /// # Panics
    ///
    /// If polled after it was ready; and when the function panics.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R> {
        let this = self.get_mut();
        assert!(this.f.is_some(), "polled after it was ready");
        let guard = match &this.wait {
            None => match this.mutex.try_lock_uncounted() {
                Some(guard) => Some(guard),
                None => {
                    let wake = Arc::new(TaskWake(Mutex::new(cx.waker().clone())));
                    let waiter = Waiter::with(Target::Task(wake.clone()), Clock::real());
                    let (waiter, _) = this.wait.insert((waiter, wake));
                    this.mutex.try_lock_or_wait(waiter)
                }
            },
            Some((waiter, wake)) => {
                wake.set(cx.waker());
                this.mutex.try_lock_or_wait(waiter)
            }
        };
        match guard {
            Some(guard) => {
                let f = this.f.take().expect("looked at above");
                Poll::Ready(f(&guard))
            }
            None => Poll::Pending,
        }
    }
}

impl<F> fmt::Debug for Run<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("mutex", &self.mutex)
            .field("done", &self.f.is_none())
            .finish_non_exhaustive()
    }
}

//! Calling the continuations of a hook, one after the other, each until it has re-enabled.
//!
//! # Rules
//! * The subject's mutex, and the continuation's own if it has one, are held while its handler runs. Both are taken without
//!   blocking the thread: whoever misses one waits at it, holding none.
//! * A continuation that has been called has the call-out until it answers. An answer is taken once, and only from a handle
//!   of this very call-out: each has a serial number.
//! * An answer never runs anything on the answering stack. It wakes the subject's task, which goes on when its turn comes.
//! * A handler that panics without having answered has answered with an error: it may have been there to refuse.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use ts_cont::{CallError, Continuation, EventCode, ProxyMutex, future};

use super::counts::Counters;
use super::hooks::{List, Lists, OwnHooks, Walk};
use crate::http::{Added, HookId, Reenable, ReenableError};
use crate::runtime::door::LentData;
use crate::table::RawData;

/// After this long without an answer the log says who has not re-enabled: far longer than anybody means to take.
const REPORT_AFTER: Duration = Duration::from_secs(10);

/// What sessions and transactions have in common: continuations are called for them.
pub(crate) struct Subject {
    pub(crate) number: u64,
    pub(crate) mutex: ProxyMutex,
    pub(crate) hooks: OwnHooks,
    state: Mutex<State>,
}

struct State {
    serial: u32,
    phase: Phase,
    /// The hook whose lists are being walked, and how far.
    walk: Option<(HookId, Walk)>,
    /// Who has the call-out.
    called: Option<Continuation>,
    waker: Option<Waker>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nobody is called.
    Between,
    /// Somebody is, and has not answered.
    Open,
    /// Somebody was, and has.
    Answered(Reenable),
    /// Nobody will be called any more.
    Over,
}

impl Subject {
    pub(crate) fn new(number: u64, name: &'static str) -> Self {
        Self {
            number,
            mutex: ProxyMutex::named(name),
            hooks: OwnHooks::default(),
            state: Mutex::new(State {
                serial: 0,
                phase: Phase::Between,
                walk: None,
                called: None,
                waker: None,
            }),
        }
    }

    /// Calls the continuations at `hook`; the first that answers with an error is the last that is called.
    pub(crate) async fn call_out(
        &self,
        lists: Lists<'_>,
        hook: HookId,
        owner: usize,
        counters: &Counters,
    ) -> Reenable {
        self.state().walk = Some((hook, Walk::default()));
        let mut verdict = Reenable::Continue;
        while verdict == Reenable::Continue
            && let Some(continuation) = self.next(&lists)
        {
            counters.call_outs.add();
            verdict = self.call(&continuation, hook, owner).await;
        }
        self.state().walk = None;
        verdict
    }

    fn next(&self, lists: &Lists<'_>) -> Option<Continuation> {
        let mut state = self.state();
        let (hook, walk) = state.walk.as_mut()?;
        let hook = *hook;
        walk.next(lists, hook)
    }

    async fn call(&self, continuation: &Continuation, hook: HookId, owner: usize) -> Reenable {
        self.open(continuation);
        let code = EventCode::new(hook.event().number());
        let value = std::ptr::without_provenance_mut(self.number as usize);
        let mut data = LentData(RawData { owner, value });
        match self.enter(continuation, code, &mut data).await {
            Ok(_) => self.answer(hook).await,
            // Destroyed between being taken from its list and being called: stepped over, like one found so in the list.
            Err(CallError::Destroyed) => self.answer_now(Reenable::Continue),
            Err(error) => {
                tracing::error!(%hook, ?continuation, %error, "a hook was not answered");
                self.answer_now(Reenable::Error)
            }
        }
    }

    /// Runs the handler with both mutexes held.
    async fn enter(
        &self,
        continuation: &Continuation,
        code: EventCode,
        data: &mut LentData,
    ) -> Result<i32, CallError> {
        loop {
            let entered = self.mutex.run(|_| continuation.call_with(code, data)).await;
            let (Err(CallError::Busy), Some(own)) = (entered, continuation.mutex()) else { return entered };
            // The continuation's mutex is the one to wait for; then ours is as good as free.
            let entered =
                own.run(|_| self.mutex.try_lock().map(|_guard| continuation.call_with(code, data))).await;
            if let Some(entered) = entered
                && entered != Err(CallError::Busy)
            {
                return entered;
            }
        }
    }

    fn open(&self, continuation: &Continuation) {
        let mut state = self.state();
        state.serial = state.serial.checked_add(1).unwrap_or(1);
        state.phase = Phase::Open;
        state.called = Some(continuation.clone());
    }

    /// Waits for the answer.
    async fn answer(&self, hook: HookId) -> Reenable {
        if let Poll::Ready(answer) = self.poll_answer(None) {
            return answer;
        }
        let answer = poll_fn(|cx| self.poll_answer(Some(cx)));
        let mut answer = pin!(answer);
        if let Ok(answer) = future::timeout(REPORT_AFTER, answer.as_mut()).await {
            return answer;
        }
        let name = self.waits_for();
        tracing::warn!(%hook, continuation = ?name, "a continuation has not re-enabled for {REPORT_AFTER:?}");
        answer.await
    }

    fn poll_answer(&self, cx: Option<&mut Context<'_>>) -> Poll<Reenable> {
        let mut state = self.state();
        if let Phase::Answered(answer) = state.phase {
            state.phase = Phase::Between;
            let called = state.called.take();
            drop(state);
            // It may be the last handle, and then a plugin's data goes with it.
            drop(called);
            return Poll::Ready(answer);
        }
        if let Some(cx) = cx {
            state.waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Answers in the continuation's stead, unless it has done so itself.
    fn answer_now(&self, answer: Reenable) -> Reenable {
        let mut state = self.state();
        if state.phase == Phase::Open {
            state.phase = Phase::Answered(answer);
        }
        drop(state);
        match self.poll_answer(None) {
            Poll::Ready(answer) => answer,
            Poll::Pending => answer,
        }
    }

    /// Takes an answer from any thread.
    ///
    /// `serial` is that of the handle, or zero for a caller that means whatever is under way.
    pub(crate) fn reenable(&self, serial: u32, answer: Reenable) -> Result<(), ReenableError> {
        let mut state = self.state();
        match state.phase {
            Phase::Over => return Err(ReenableError::Gone),
            Phase::Open if serial == 0 || serial == state.serial => state.phase = Phase::Answered(answer),
            _ => return Err(ReenableError::AlreadyReenabled),
        }
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            // Whoever was called out had had its turn, and only comes back to it.
            future::wake_first(waker);
        }
        Ok(())
    }

    /// The serial number of the call-out that is, or was last, under way.
    pub(crate) fn serial(&self) -> u32 {
        self.state().serial
    }

    /// Whether somebody is called, so that messages may be looked at.
    pub(crate) fn is_called_out(&self) -> bool {
        self.state().phase == Phase::Open
    }

    /// Whether the lists of `hook` are being walked.
    pub(crate) fn walks(&self, hook: HookId) -> bool {
        self.state().walk.is_some_and(|(walked, _)| walked == hook)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.state().phase == Phase::Over
    }

    /// Whose answer is waited for.
    pub(crate) fn waits_for(&self) -> Option<Continuation> {
        let state = self.state();
        (state.phase == Phase::Open).then(|| state.called.clone()).flatten()
    }

    /// Adds a continuation to this subject's own list. `walker` is the subject whose call-outs walk over that list just now.
    pub(crate) fn add(
        &self,
        hook: HookId,
        continuation: Continuation,
        list: List,
        walker: &Self,
    ) -> Option<Added> {
        if self.is_over() {
            return None;
        }
        let walk = walker.state().walk;
        let passed = walk.is_some_and(|(walked, walk)| walked == hook && walk.has_passed(list));
        let added = self.hooks.add(hook, continuation, list == List::Transaction);
        Some(match (added, passed) {
            (false, _) => Added::Already,
            (true, true) => Added::NotInThisPass,
            (true, false) => Added::Yes,
        })
    }

    /// Ends it: handles say so from now on, and its continuations are let go.
    pub(crate) fn end(&self) {
        let mut state = self.state();
        state.phase = Phase::Over;
        let called = state.called.take();
        drop(state);
        drop(called);
        self.hooks.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A name for somebody who reads a report.
pub(crate) fn label(continuation: &Continuation) -> String {
    match continuation.name() {
        Some(name) => format!("{name} ({})", continuation.place()),
        None => continuation.place().to_string(),
    }
}

/// Anything that has a [`Subject`].
pub(crate) trait HasSubject {
    fn subject(&self) -> &Subject;
}

impl<T: HasSubject> HasSubject for Arc<T> {
    fn subject(&self) -> &Subject {
        (**self).subject()
    }
}

//! Calling the continuations of a hook, one after the other, each until it has re-enabled.
//!
//! # Rules
//! * The subject's mutex, and the continuation's own if it has one, are held while its handler runs. Both are taken without
//!   blocking the thread: whoever misses one waits at it, holding none.
//! * A continuation that has been called has the call-out until it answers. An answer is taken once, and only from a handle
//!   of this very call-out: each has a serial number.
//! * An answer never runs anything on the answering stack. It wakes the subject's task, which goes on when its turn comes.
//! * A handler that panics without having answered has answered with an error: it may have been there to refuse.
//! * Who does not answer is named in the log after a while, and after another one has answered with an error. The time runs
//!   from the call on, or from the wait for the mutexes; a timer is armed only if the answer is not there at once.

use std::borrow::Cow;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use ts_cont::{CallError, Continuation, EventCode, ProxyMutex, future};
use ts_thread::HrTime;

use super::calling;
use super::counts::Counters;
use super::ended::{self, Ended};
use super::hook_policy::HookPolicy;
use super::hooks::{List, Lists, OwnHooks, Walk};
use super::label::Label;
use super::latency::Watch;
use super::marks::Marks;
use super::patience::{Patience, Stage};
use crate::http::{Added, HookId, Milestone, Reenable, ReenableError};
use crate::runtime::door::LentData;
use crate::table::RawData;

/// What a call-out needs besides its subject.
#[derive(Clone, Copy)]
pub(crate) struct CallOut<'a> {
    pub(crate) hook: HookId,
    pub(crate) lists: Lists<'a>,
    /// Whose number is lent with the event.
    pub(crate) owner: usize,
    pub(crate) counters: &'a Counters,
    pub(crate) policy: &'a HookPolicy,
    /// The transaction's times.
    pub(crate) marks: Option<&'a Marks>,
}

/// Who has the call-out, if anybody is left, and its serial number. In two parts, since each fits into registers.
type Next<'a> = (Option<Cow<'a, Continuation>>, u32);

/// One continuation that is called.
struct Call<'a> {
    continuation: Cow<'a, Continuation>,
    serial: u32,
    /// When it was to be called, if times are noted.
    began: Option<HrTime>,
    watch: Watch,
    /// Its handler has run.
    entered: bool,
}

impl<'a> Call<'a> {
    /// It is to be called now.
    fn new(continuation: Cow<'a, Continuation>, serial: u32, out: &CallOut<'_>) -> Self {
        out.counters.call_outs.add();
        let began = out.marks.map(Marks::at_once);
        let watch = out.counters.latencies.begin();
        Self { continuation, serial, began, watch, entered: false }
    }

    /// It has answered.
    fn note(&self, out: &CallOut<'_>) {
        out.counters.latencies.end(&self.watch, out.hook, &self.continuation);
        if let (Some(marks), Some(began)) = (out.marks, self.began) {
            marks.add(Milestone::PluginTotal, marks.at_once().saturating_duration_since(began));
        }
    }
}

/// What those who are called say, all together. Most answer at once, so waiting takes no room of all the others.
pub(crate) enum Verdict<'a> {
    There(Reenable),
    ToCome(Pin<Box<dyn Future<Output = Reenable> + 'a>>),
}

impl Future for Verdict<'_> {
    type Output = Reenable;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Reenable> {
        match self.get_mut() {
            Self::There(verdict) => Poll::Ready(*verdict),
            Self::ToCome(verdict) => verdict.as_mut().poll(cx),
        }
    }
}

/// What sessions and transactions have in common: continuations are called for them.
pub(crate) struct Subject {
    pub(crate) number: u64,
    pub(crate) mutex: ProxyMutex,
    pub(crate) hooks: OwnHooks,
    /// The serial number of the last call-out whose handler was called. Stored by whoever calls it, with both mutexes held and
    /// before it is entered: one that waits for a mutex has not been called.
    entered: AtomicU32,
    state: Mutex<State>,
}

struct State {
    serial: u32,
    phase: Phase,
    /// The hook whose lists are being walked.
    walked: Option<HookId>,
    /// How far.
    walk: Walk,
    /// Who has the call-out. By name: a handle would be counted, and those of global lists are called on all threads.
    called: Option<Label>,
    waker: Option<Waker>,
}

impl State {
    /// Begins to walk over the lists of a hook.
    fn first<'a>(&mut self, out: &CallOut<'a>) -> Next<'a> {
        self.walked = Some(out.hook);
        self.walk = Walk::default();
        self.next(out)
    }

    /// Gives the call-out to the next one; if there is none, it is over.
    fn next<'a>(&mut self, out: &CallOut<'a>) -> Next<'a> {
        let next = self.walk.next(&out.lists, out.hook);
        match &next {
            Some(continuation) => {
                self.serial = self.serial.checked_add(1).unwrap_or(1);
                self.phase = Phase::Open;
                self.called = Some(Label::of(continuation));
            }
            None => self.walked = None,
        }
        (next, self.serial)
    }

    /// As `next`, once the one before has answered: if that was with an error, nobody is next.
    fn next_after<'a>(&mut self, answer: Reenable, out: &CallOut<'a>) -> Next<'a> {
        if answer == Reenable::Error {
            self.walked = None;
            return (None, self.serial);
        }
        self.next(out)
    }

    /// How far the walk over the lists of `hook` is, if there is one.
    fn walk(&self, hook: HookId) -> Option<&Walk> {
        (self.walked == Some(hook)).then_some(&self.walk)
    }

    /// The answer if it is there.
    fn take_answer(&mut self) -> Option<Reenable> {
        let Phase::Answered(answer) = self.phase else { return None };
        self.phase = Phase::Between;
        Some(answer)
    }
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
            entered: AtomicU32::new(0),
            state: Mutex::new(State {
                serial: 0,
                phase: Phase::Between,
                walked: None,
                walk: Walk::default(),
                called: None,
                waker: None,
            }),
        }
    }

    /// Calls the continuations at the hook; the first that answers with an error is the last that is called.
    pub(crate) fn call_out<'a>(&'a self, out: CallOut<'a>) -> Verdict<'a> {
        let first = self.state().first(&out);
        match self.call_at_once(first, &out) {
            Ok(verdict) => Verdict::There(verdict),
            Err(call) => Verdict::ToCome(Box::pin(self.call_in_turn(call, out))),
        }
    }

    /// Calls one after the other up to the first that is to be waited for.
    fn call_at_once<'a>(&self, mut next: Next<'a>, out: &CallOut<'a>) -> Result<Reenable, Call<'a>> {
        let mut verdict = Reenable::Continue;
        while let (Some(continuation), serial) = next {
            let mut call = Call::new(continuation, serial, out);
            let Some(turn) = self.try_call(&mut call, out) else { return Err(call) };
            call.note(out);
            (verdict, next) = turn;
        }
        Ok(verdict)
    }

    /// Waits for `call`, then goes on with the others.
    async fn call_in_turn<'a>(&self, mut call: Call<'a>, out: CallOut<'a>) -> Reenable {
        loop {
            let answer = self.call_in_time(&mut call, &out).await;
            call.note(&out);
            let next = self.state().next_after(answer, &out);
            match self.call_at_once(next, &out) {
                Ok(Reenable::Continue) => return answer,
                Ok(Reenable::Error) => return Reenable::Error,
                Err(next) => call = next,
            }
        }
    }

    /// Runs `f` with the mutex held, as a call-out that is answered when it returns.
    pub(crate) async fn run_out<R>(&self, f: impl FnOnce() -> R) -> R {
        let run = || {
            let mut state = self.state();
            state.serial = state.serial.checked_add(1).unwrap_or(1);
            state.phase = Phase::Open;
            self.enters(state.serial);
            drop(state);
            let value = f();
            // Whoever has answered as well has done so for nothing.
            self.state().phase = Phase::Between;
            value
        };
        self.mutex.run(|_held| run()).await
    }

    /// Calls it if both mutexes are free; the answer if that is there at once, and who is next.
    fn try_call<'a>(&self, call: &mut Call<'a>, out: &CallOut<'a>) -> Option<(Reenable, Next<'a>)> {
        let began = call.began;
        let entered = self.mutex.try_lock().map_or(Err(CallError::Busy), |_guard| self.run(call, out, began));
        match entered {
            Err(CallError::Busy) => None,
            Ok(_) => {
                let mut state = self.state();
                let answer = state.take_answer()?;
                Some((answer, state.next_after(answer, out)))
            }
            failed => {
                let answer = self.after_handler(failed, call, out)?;
                Some((answer, self.state().next_after(answer, out)))
            }
        }
    }

    /// What has come of the handler; the answer if it is there.
    fn after_handler(
        &self,
        entered: Result<i32, CallError>,
        call: &Call<'_>,
        out: &CallOut<'_>,
    ) -> Option<Reenable> {
        match entered {
            Ok(_) => match self.poll_answer(None) {
                Poll::Ready(answer) => Some(answer),
                Poll::Pending => None,
            },
            // Destroyed between being taken from its list and being called: stepped over, like one found so in the list.
            Err(CallError::Destroyed) => Some(self.answer_now(Reenable::Continue)),
            Err(error) => {
                let (hook, continuation) = (out.hook, &call.continuation);
                tracing::error!(%hook, ?continuation, %error, "a hook was not answered");
                Some(self.answer_now(Reenable::Error))
            }
        }
    }

    /// Waits for the answer, but not longer than the policy has it.
    async fn call_in_time(&self, call: &mut Call<'_>, out: &CallOut<'_>) -> Reenable {
        let mut answer = pin!(self.call(call, out));
        let mut patience = Patience::new(*out.policy);
        let answer = poll_fn(|cx| {
            if let Poll::Ready(answer) = answer.as_mut().poll(cx) {
                return Poll::Ready(Some(answer));
            }
            loop {
                match std::task::ready!(patience.poll(cx)) {
                    Stage::Report => self.report(out),
                    Stage::End => return Poll::Ready(None),
                }
            }
        });
        match answer.await {
            Some(answer) => answer,
            None => self.go_on_without(out),
        }
    }

    async fn call(&self, call: &mut Call<'_>, out: &CallOut<'_>) -> Reenable {
        if !call.entered {
            let entered = self.enter(call, out).await;
            if let Some(answer) = self.after_handler(entered, call, out) {
                return answer;
            }
        }
        poll_fn(|cx| self.poll_answer(Some(cx))).await
    }

    /// Runs the handler with both mutexes held, as soon as they can be had.
    async fn enter(&self, call: &mut Call<'_>, out: &CallOut<'_>) -> Result<i32, CallError> {
        loop {
            let entered = self.mutex.run(|_| self.run(call, out, out.marks.map(Marks::at_once))).await;
            let (Err(CallError::Busy), Some(own)) = (entered, call.continuation.mutex().cloned()) else {
                return entered;
            };
            // The continuation's mutex is the one to wait for; then ours is as good as free.
            let mut run = || self.run(call, out, out.marks.map(Marks::at_once));
            let entered = own.run(|_| self.mutex.try_lock().map(|_guard| run())).await;
            if let Some(entered) = entered
                && entered != Err(CallError::Busy)
            {
                return entered;
            }
        }
    }

    /// Runs the handler with ours held, if its own is free.
    fn run(&self, call: &mut Call<'_>, out: &CallOut<'_>, began: Option<HrTime>) -> Result<i32, CallError> {
        let place = call.continuation.place();
        let own = match call.continuation.mutex() {
            // As the call below does, which takes it once more.
            Some(own) => Some(own.try_lock_at(place).ok_or(CallError::Busy)?),
            None => None,
        };
        self.enters(call.serial);
        let code = EventCode::new(out.hook.event().number());
        let value = std::ptr::without_provenance_mut(self.number as usize);
        let mut data = LentData(RawData { owner: out.owner, value });
        let handler = || call.continuation.call_with(code, &mut data);
        let entered = call.watch.handler(|| calling::during(out.owner, call.serial, self, handler));
        if let Some(own) = own {
            own.unlock_at(place);
        }
        call.entered = entered != Err(CallError::Busy);
        if let (Some(marks), Some(began)) = (out.marks, began) {
            marks.add(Milestone::PluginActive, marks.now().saturating_duration_since(began));
        }
        entered
    }

    /// Says who has not answered for long.
    fn report(&self, out: &CallOut<'_>) {
        let Some((continuation, does)) = self.late() else { return };
        let (hook, subject, after) = (out.hook, self.number, out.policy.report_after);
        out.counters.call_outs_reported.add();
        tracing::warn!(%hook, continuation, subject, "a continuation {does} for {after:?}");
    }

    /// Answers in the continuation's stead, since it has not done so for longer.
    fn go_on_without(&self, out: &CallOut<'_>) -> Reenable {
        let late = self.late();
        let serial = self.serial();
        if let Some((who, does)) = late {
            let (hook, subject) = (out.hook, self.number);
            let after = out.policy.end_after.unwrap_or_default();
            out.counters.call_outs_ended.add();
            tracing::error!(%hook, continuation = who, subject, "a continuation {does} for {after:?}: going on without");
            // Noted before it is answered: whoever is too late finds it there.
            ended::note(Ended { owner: out.owner, subject, serial, hook, who });
        }
        self.answer_now(Reenable::Error)
    }

    /// Who has not answered, and what it does instead.
    fn late(&self) -> Option<(String, &'static str)> {
        let state = self.state();
        let called = (state.phase == Phase::Open).then_some(state.called).flatten()?;
        let does = if self.has_entered(&state) {
            "has not re-enabled"
        } else {
            "has not been called, since a mutex is held,"
        };
        Some((called.to_string(), does))
    }

    fn poll_answer(&self, cx: Option<&mut Context<'_>>) -> Poll<Reenable> {
        let mut state = self.state();
        if let Some(answer) = state.take_answer() {
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
        self.take_answer(answer, |state| serial == 0 || serial == state.serial)
    }

    /// Takes an answer from somebody whose handle does not tell one call-out from another: it is for the one that is under way,
    /// unless that cannot be meant. Nobody has been called yet, or somebody that is known not to be the answering one.
    #[cfg(feature = "ffi")]
    pub(crate) fn reenable_unnumbered(
        &self,
        answer: Reenable,
        may_be: impl FnOnce(Label) -> bool,
    ) -> Result<(), ReenableError> {
        self.take_answer(answer, |state| self.has_entered(state) && state.called.is_some_and(may_be))
    }

    fn take_answer(
        &self,
        answer: Reenable,
        is_meant: impl FnOnce(&State) -> bool,
    ) -> Result<(), ReenableError> {
        let mut state = self.state();
        match state.phase {
            Phase::Over => return Err(ReenableError::Gone),
            Phase::Open if is_meant(&state) => state.phase = Phase::Answered(answer),
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
        self.state().walked == Some(hook)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.state().phase == Phase::Over
    }

    /// Whose answer is waited for.
    pub(crate) fn waits_for(&self) -> Option<Label> {
        let state = self.state();
        (state.phase == Phase::Open).then_some(state.called).flatten()
    }

    /// Adds a continuation to this subject's own list. `walker` is the subject whose call-outs walk over that list just now.
    pub(crate) fn add(
        &self,
        hook: HookId,
        continuation: Continuation,
        list: List,
        walker: &Self,
    ) -> Option<Added> {
        let state = self.state();
        if state.phase == Phase::Over {
            return None;
        }
        let has_passed = |state: &State| state.walk(hook).is_some_and(|walk| walk.has_passed(list));
        let own = ptr::eq(self, walker).then(|| has_passed(&state));
        drop(state);
        let passed = own.unwrap_or_else(|| has_passed(&walker.state()));
        let added = self.hooks.add(hook, continuation, list == List::Transaction);
        Some(match (added, passed) {
            (false, _) => Added::Already,
            (true, true) => Added::NotInThisPass,
            (true, false) => Added::Yes,
        })
    }

    /// Ends it: handles say so from now on, and its continuations are let go.
    pub(crate) fn end(&self) {
        self.state().phase = Phase::Over;
        self.hooks.clear();
    }

    /// The handler of this call-out is called now.
    fn enters(&self, serial: u32) {
        // Relaxed: who learns of the call-out from its handler sees it by whatever tells him; others guess.
        self.entered.store(serial, Ordering::Relaxed);
    }

    /// Whether the handler of the call-out under way has been called.
    fn has_entered(&self, state: &State) -> bool {
        // Relaxed: see `enters`.
        self.entered.load(Ordering::Relaxed) == state.serial
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ts_cont::{EventProcessor, EventType};

    use super::*;
    use crate::http::server::hooks::GlobalHooks;
    use crate::{Cont, Mutex as ContMutex, Runtime};

    /// A call-out to one continuation, on a virtual clock.
    struct Stage {
        runtime: crate::runtime::Simulated,
        subject: Arc<Subject>,
        counters: Arc<Counters>,
        verdict: std::sync::mpsc::Receiver<Reenable>,
    }

    impl Stage {
        fn new(policy: HookPolicy, cont: &Cont) -> Self {
            let runtime = Runtime::simulated(1).unwrap();
            let subject = Arc::new(Subject::new(77, "a subject"));
            let counters = Arc::new(Counters::default());
            let hooks = GlobalHooks::default();
            let last = Cont::shared(|_| -> () { panic!("those behind one that was ended are left out") });
            for cont in [cont.clone(), last] {
                hooks.add(HookId::OsDns, cont.into());
            }
            let (its, counts) = (Arc::clone(&subject), Arc::clone(&counters));
            let (tell, verdict) = std::sync::mpsc::channel();
            let thread = &runtime.processor().threads(EventType::NET)[0];
            EventProcessor::run_on(thread, move |here| {
                let call_out = async move {
                    let lists = Lists { global: &hooks, session: None, transaction: None };
                    let (hook, policy) = (HookId::OsDns, &policy);
                    let out = CallOut { hook, lists, owner: 2, counters: &counts, policy, marks: None };
                    tell.send(its.call_out(out).await).unwrap();
                };
                drop(here.spawn_local(call_out));
            });
            Self { runtime, subject, counters, verdict }
        }

        /// How many were called, reported, and ended after so many seconds more.
        fn after(&self, seconds: u64) -> [u64; 3] {
            self.runtime.run_for(Duration::from_secs(seconds));
            let counters = &self.counters;
            [&counters.call_outs, &counters.call_outs_reported, &counters.call_outs_ended]
                .map(|counter| counter.get())
        }
    }

    fn policy(report: u64, end: Option<u64>) -> HookPolicy {
        HookPolicy { report_after: Duration::from_secs(report), end_after: end.map(Duration::from_secs) }
    }

    #[test]
    fn who_does_not_answer_is_reported_and_then_ended_each_at_its_time() {
        let cont = Cont::shared(|_| ());
        let stage = Stage::new(policy(10, Some(120)), &cont);
        assert_eq!(stage.after(9), [1, 0, 0]);
        assert_eq!(stage.after(1), [1, 1, 0]);
        assert_eq!(stage.after(109), [1, 1, 0]);
        assert_eq!(stage.subject.waits_for(), Some(Label::of(&cont.clone().into())));
        assert_eq!(stage.after(1), [1, 1, 1]);
        assert_eq!(stage.verdict.try_recv(), Ok(Reenable::Error));
        assert_eq!(ended::find(2, 77, 1).map(|ended| ended.hook), Some(HookId::OsDns));
        assert_eq!(stage.subject.reenable(1, Reenable::Continue), Err(ReenableError::AlreadyReenabled));
    }

    #[test]
    fn who_answers_late_but_in_time_is_heard() {
        let cont = Cont::shared(|_| ());
        let stage = Stage::new(policy(10, None), &cont);
        assert_eq!(stage.after(1_000_000), [1, 1, 0]);
        assert_eq!(stage.subject.reenable(1, Reenable::Error), Ok(()));
        assert_eq!(stage.after(1), [1, 1, 0]);
        assert_eq!(stage.verdict.try_recv(), Ok(Reenable::Error));
    }

    #[test]
    #[cfg(feature = "ffi")]
    fn an_answer_without_a_number_is_for_somebody_who_has_been_called_and_is_not_known_to_be_another() {
        let mutex = ContMutex::new();
        let cont = Cont::new(&mutex, |_| ());
        let held = std::thread::scope(|scope| {
            // Another thread has the mutex, so nobody is called yet.
            let (tell, told) = std::sync::mpsc::channel();
            let (end, ended) = std::sync::mpsc::channel::<()>();
            let mutex = &mutex;
            scope.spawn(move || {
                let held = mutex.lock();
                tell.send(()).unwrap();
                let _ = ended.recv();
                drop(held);
            });
            told.recv().unwrap();
            let stage = Stage::new(policy(10, None), &cont);
            assert_eq!(stage.after(1)[0], 1);
            let refused = Err(ReenableError::AlreadyReenabled);
            assert_eq!(stage.subject.reenable_unnumbered(Reenable::Continue, |_| true), refused);
            drop(end);
            stage
        });
        let stage = held;
        assert_eq!(stage.after(1)[0], 1);
        let refused = Err(ReenableError::AlreadyReenabled);
        assert_eq!(stage.subject.reenable_unnumbered(Reenable::Continue, |_| false), refused);
        let own = |called: Label| called == Label::of(&Continuation::from(&cont));
        assert_eq!(stage.subject.reenable_unnumbered(Reenable::Error, own), Ok(()));
        assert_eq!(stage.subject.reenable_unnumbered(Reenable::Error, own), refused, "once");
        stage.after(1);
        assert_eq!(stage.verdict.try_recv(), Ok(Reenable::Error));
        stage.subject.end();
        assert_eq!(stage.subject.reenable_unnumbered(Reenable::Error, own), Err(ReenableError::Gone));
    }

    #[test]
    #[cfg(feature = "ffi")]
    fn nobody_answers_without_a_number_for_one_that_is_only_to_be_called() {
        let mutex = ContMutex::new();
        let cont = Cont::new(&mutex, |_| -> () { panic!("its mutex is held") });
        let runtime = Runtime::simulated(1).unwrap();
        let subject = Arc::new(Subject::new(78, "a subject"));
        std::thread::scope(|scope| {
            let (tell, told) = std::sync::mpsc::channel();
            let (end, ended) = std::sync::mpsc::channel::<()>();
            let (mutex, its) = (&mutex, &subject);
            scope.spawn(move || {
                let _held = mutex.lock();
                tell.send(()).unwrap();
                while ended.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
                    let answered = its.reenable_unnumbered(Reenable::Error, |_| true);
                    assert_eq!(answered, Err(ReenableError::AlreadyReenabled));
                }
            });
            told.recv().unwrap();
            let its = Arc::clone(&subject);
            EventProcessor::run_on(&runtime.processor().threads(EventType::NET)[0], move |_| {
                let (hooks, counters, policy) =
                    (GlobalHooks::default(), Counters::default(), policy(10, None));
                hooks.add(HookId::OsDns, cont.into());
                let lists = Lists { global: &hooks, session: None, transaction: None };
                let (hook, counters, policy) = (HookId::OsDns, &counters, &policy);
                let out = CallOut { hook, lists, owner: 2, counters, policy, marks: None };
                let mut cx = Context::from_waker(Waker::noop());
                for _ in 0..5_000 {
                    assert!(pin!(its.call_out(out)).poll(&mut cx).is_pending());
                }
            });
            runtime.run_for(Duration::ZERO);
            drop(end);
        });
    }

    #[test]
    fn an_end_that_comes_before_the_report_needs_none() {
        let stage = Stage::new(policy(10, Some(3)), &Cont::shared(|_| ()));
        assert_eq!(stage.after(2), [1, 0, 0]);
        assert_eq!(stage.after(1), [1, 0, 1]);
        assert_eq!(stage.after(100), [1, 0, 1]);
        assert_eq!(stage.verdict.try_recv(), Ok(Reenable::Error));
    }

    #[test]
    fn a_mutex_that_nobody_gives_back_is_waited_for_no_longer_either() {
        let mutex = ContMutex::new();
        let held = mutex.lock();
        let stage =
            Stage::new(policy(10, Some(20)), &Cont::new(&mutex, |_| -> () { panic!("it is not called") }));
        assert_eq!(stage.after(10), [1, 1, 0]);
        assert_eq!(stage.subject.late().map(|(_, does)| does.contains("mutex")), Some(true));
        assert_eq!(stage.after(10), [1, 1, 1]);
        drop(held);
        assert_eq!(stage.after(1), [1, 1, 1]);
        assert_eq!(stage.verdict.try_recv(), Ok(Reenable::Error));
    }
}

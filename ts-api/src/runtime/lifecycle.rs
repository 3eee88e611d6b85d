//! The lists of the life-cycle hooks, and telling them.
//!
//! # Rules
//! * A list is told by one teller at a time, front to back, so the order of addition holds also for those that are added
//!   while it is told.
//! * On an event thread the teller is a future: it waits for a busy mutex without blocking. Elsewhere it blocks, and at
//!   shutdown not beyond the deadline.
//! * A teller does not keep the runtime alive.
//! * Messages are told by a teller of their own, in the order in which they were sent, to those that are in the list when their
//!   turn comes.

use super::door::LentData;
use super::{Inner, labels};
use crate::EventCode;
use crate::lifecycle::{LifecycleHook, OWNER_MESSAGE, PluginMessage};
use crate::table::{Code, RawData};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::ffi::{CStr, CString};
use std::sync::{Arc, Weak};
use ts_cont::{CallError, Continuation, EventType};
use ts_thread::{Clock, HrTime};

/// Those that come once.
const HOOKS: [LifecycleHook; 5] = [
    LifecycleHook::LogInitialized,
    LifecycleHook::PortsInitialized,
    LifecycleHook::PortsReady,
    LifecycleHook::TaskThreadsReady,
    LifecycleHook::Shutdown,
];

#[derive(Default)]
pub(super) struct Lifecycle {
    lists: Mutex<[List; HOOKS.len()]>,
    messages: Mutex<Messages>,
}

/// Those that are told messages, and the messages that they have not been told.
#[derive(Default)]
struct Messages {
    listeners: Vec<Continuation>,
    waiting: VecDeque<Sent>,
    telling: bool,
    closed: bool,
}

struct Sent {
    tag: CString,
    data: Vec<u8>,
}

#[derive(Default)]
struct List {
    waiting: VecDeque<Continuation>,
    moment: Moment,
    /// The one that is being told.
    current: Option<Continuation>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Moment {
    /// Has not come.
    #[default]
    ToCome,
    /// Somebody is telling the list.
    Telling,
    /// Everybody has been told.
    Past,
    /// Will not come (again): the runtime is shutting down.
    Never,
}

fn place(hook: LifecycleHook) -> usize {
    HOOKS.iter().position(|other| *other == hook).expect("all of them are listed")
}

fn code(hook: LifecycleHook) -> EventCode {
    match hook {
        LifecycleHook::PortsInitialized => EventCode::LIFECYCLE_PORTS_INITIALIZED,
        LifecycleHook::PortsReady => EventCode::LIFECYCLE_PORTS_READY,
        LifecycleHook::TaskThreadsReady => EventCode::LIFECYCLE_TASK_THREADS_READY,
        LifecycleHook::Shutdown => EventCode::LIFECYCLE_SHUTDOWN,
        LifecycleHook::LogInitialized => EventCode::LIFECYCLE_LOG_INITIALIZED,
        LifecycleHook::Message => EventCode::LIFECYCLE_MSG,
    }
}

impl Lifecycle {
    /// The moment has come. True if the caller is to tell the list.
    fn begin(&self, hook: LifecycleHook) -> bool {
        let list = &mut self.lists.lock()[place(hook)];
        let begins = list.moment == Moment::ToCome;
        if begins {
            list.moment = Moment::Telling;
        }
        begins
    }

    /// The next to be told; none when the list is at its end.
    fn next(&self, hook: LifecycleHook) -> Option<Continuation> {
        let mut lists = self.lists.lock();
        let list = &mut lists[place(hook)];
        let next = list.waiting.pop_front();
        let told = std::mem::replace(&mut list.current, next.clone());
        if next.is_none() && list.moment == Moment::Telling {
            list.moment = Moment::Past;
        }
        drop(lists);
        // It may be the last handle, and its handler's destructor may add hooks.
        drop(told);
        next
    }

    /// Lets go of all continuations; returns how those are called that were still to be told of `hook`.
    pub(super) fn close(&self, hook: LifecycleHook) -> Vec<String> {
        let mut closed = Vec::new();
        let mut lists = self.lists.lock();
        for list in lists.iter_mut() {
            list.moment = Moment::Never;
            closed.push((list.current.take(), std::mem::take(&mut list.waiting)));
        }
        drop(lists);
        let messages = {
            let mut messages = self.messages.lock();
            messages.closed = true;
            std::mem::take(&mut messages.waiting);
            std::mem::take(&mut messages.listeners)
        };
        // They may be the last handles.
        drop(messages);
        let (current, waiting) = &closed[place(hook)];
        let left = current.iter().chain(waiting);
        left.filter(|cont| !cont.is_destroyed()).map(labels::of).collect()
    }

    /// There is no thread left to tell the list on; lets go of those that wait for it.
    fn give_up(&self, hook: LifecycleHook) {
        let mut lists = self.lists.lock();
        let list = &mut lists[place(hook)];
        list.moment = Moment::Never;
        let waiting = std::mem::take(&mut list.waiting);
        drop(lists);
        // They may be the last handles, and their handlers' destructors may add hooks.
        drop(waiting);
    }
}

/// Adds a continuation to a hook, by the hook's number.
pub(super) fn add(inner: &Arc<Inner>, number: i32, cont: &Continuation) -> Result<(), Code> {
    if number == LifecycleHook::Message as i32 {
        return inner.lifecycle.listen(cont);
    }
    let hook = HOOKS.into_iter().find(|hook| *hook as i32 == number).ok_or(Code::UNKNOWN)?;
    let mut lists = inner.lifecycle.lists.lock();
    let list = &mut lists[place(hook)];
    match list.moment {
        Moment::ToCome | Moment::Telling => list.waiting.push_back(cont.clone()),
        Moment::Past if hook == LifecycleHook::TaskThreadsReady => {
            list.waiting.push_back(cont.clone());
            list.moment = Moment::Telling;
            drop(lists);
            let group = inner.pools[crate::Pool::Task as usize].map(|pool| pool.group);
            let group = group.expect("every runtime has it");
            if inner.processor.spawn(group, tell(Arc::downgrade(inner), hook)).is_err() {
                inner.lifecycle.give_up(hook);
                return Err(Code::SHUTTING_DOWN);
            }
        }
        Moment::Past => {}
        Moment::Never => return Err(Code::SHUTTING_DOWN),
    }
    Ok(())
}

impl Lifecycle {
    fn listen(&self, cont: &Continuation) -> Result<(), Code> {
        let mut messages = self.messages.lock();
        if messages.closed {
            return Err(Code::SHUTTING_DOWN);
        }
        messages.listeners.push(cont.clone());
        Ok(())
    }

    /// Takes a message in: how many it is for, and whether the caller is to see to it that it is told.
    fn take_in(&self, tag: &CStr, data: &[u8]) -> Result<(usize, bool), Code> {
        let mut messages = self.messages.lock();
        if messages.closed {
            return Err(Code::SHUTTING_DOWN);
        }
        let (kept, gone) =
            std::mem::take(&mut messages.listeners).into_iter().partition(|cont| !cont.is_destroyed());
        messages.listeners = kept;
        let count = messages.listeners.len();
        let mut begins = false;
        if count > 0 {
            messages.waiting.push_back(Sent { tag: tag.to_owned(), data: data.to_vec() });
            begins = !std::mem::replace(&mut messages.telling, true);
        }
        drop(messages);
        // They may be the last handles, and their handlers' destructors may add hooks.
        drop::<Vec<_>>(gone);
        Ok((count, begins))
    }

    /// The next message, and whom it is told; none when there is none, and then the teller is done.
    fn next_message(&self) -> Option<(Sent, Vec<Continuation>)> {
        let mut messages = self.messages.lock();
        let next = messages.waiting.pop_front();
        messages.telling = next.is_some();
        next.map(|sent| (sent, messages.listeners.clone()))
    }
}

/// Sends the plugins a message; how many continuations it is for.
pub(super) fn send(inner: &Arc<Inner>, tag: &CStr, data: &[u8]) -> Result<usize, Code> {
    let (count, begins) = inner.lifecycle.take_in(tag, data)?;
    if begins {
        let group = inner.pools[crate::Pool::Task as usize].map(|pool| pool.group);
        let group = group.expect("every runtime has it");
        if inner.processor.spawn(group, tell_messages(Arc::downgrade(inner))).is_err() {
            return Err(Code::SHUTTING_DOWN);
        }
    }
    Ok(count)
}

async fn tell_messages(inner: Weak<Inner>) {
    while let Some((sent, listeners)) = inner.upgrade().and_then(|inner| inner.lifecycle.next_message()) {
        for cont in listeners {
            let called = match cont.mutex().cloned() {
                Some(mutex) => mutex.run(|_held| tell_message(&cont, &sent)).await,
                None => tell_message(&cont, &sent),
            };
            report(LifecycleHook::Message, &cont, called);
        }
    }
}

fn tell_message(cont: &Continuation, sent: &Sent) -> Result<i32, CallError> {
    let mut raw = PluginMessage::raw(&sent.tag, &sent.data);
    let mut lent = LentData(RawData { owner: OWNER_MESSAGE, value: (&raw mut raw).cast() });
    cont.call_with(code(LifecycleHook::Message).into(), &mut lent)
}

/// Sees to it that `TaskThreadsReady` is told when the threads of `task` are up.
pub(super) fn tell_when_ready(inner: &Arc<Inner>, task: EventType) {
    let weak = Arc::downgrade(inner);
    let told = inner.processor.after_start(task, move |here| {
        let hook = LifecycleHook::TaskThreadsReady;
        if weak.upgrade().is_some_and(|inner| inner.lifecycle.begin(hook)) {
            // The future runs on without its handle.
            drop(here.spawn_local(tell(weak, hook)));
        }
    });
    told.expect("the group is registered");
}

/// Tells a list on an event thread, if its moment has come for the first time.
pub(super) async fn tell_first(inner: Weak<Inner>, hook: LifecycleHook) {
    if inner.upgrade().is_some_and(|inner| inner.lifecycle.begin(hook)) {
        tell(inner, hook).await;
    }
}

async fn tell(inner: Weak<Inner>, hook: LifecycleHook) {
    while let Some(cont) = inner.upgrade().and_then(|inner| inner.lifecycle.next(hook)) {
        let code = ts_cont::EventCode::from(code(hook));
        let called = match cont.mutex().cloned() {
            Some(mutex) => mutex.run(|_held| cont.call(code)).await,
            None => cont.call(code),
        };
        report(hook, &cont, called);
    }
}

/// Tells a list on the calling thread, waiting for mutexes by blocking.
pub(super) fn tell_here(inner: &Arc<Inner>, hook: LifecycleHook) {
    if !inner.lifecycle.begin(hook) {
        return;
    }
    while let Some(cont) = inner.lifecycle.next(hook) {
        let held = cont.mutex().map(ts_cont::ProxyMutex::lock);
        let called = cont.call(ts_cont::EventCode::from(code(hook)));
        drop(held);
        report(hook, &cont, called);
    }
}

/// As [`tell_here`], up to a deadline of the real clock: whoever was not told by then is left in the list.
pub(super) fn tell_here_until(inner: &Arc<Inner>, hook: LifecycleHook, deadline: HrTime) {
    if !inner.lifecycle.begin(hook) {
        return;
    }
    while let Some(cont) = inner.lifecycle.next(hook) {
        if Clock::real().now() >= deadline {
            return;
        }
        let held = match cont.mutex().map(|mutex| mutex.lock_until(deadline)) {
            Some(None) => return,
            Some(held) => held,
            None => None,
        };
        let called = cont.call(ts_cont::EventCode::from(code(hook)));
        drop(held);
        report(hook, &cont, called);
    }
}

fn report(hook: LifecycleHook, cont: &Continuation, called: Result<i32, CallError>) {
    match called {
        // A panic has been reported where it was caught.
        Ok(_) | Err(CallError::Destroyed | CallError::Panicked) => {}
        Err(error) => tracing::error!(?hook, ?cont, %error, "a life-cycle hook was not told"),
    }
}

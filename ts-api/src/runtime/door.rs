//! The host's side of the door: the table of the linked event system.
//!
//! # Rules
//! * Functions here only turn raw handles into references and back; what they do is said in safe rooms beside this one.
//! * A raw handle is the pointer of `into_raw` of the type behind it, and owns or lends one count, as the table says.
//! * No panic leaves: what may panic is caught and becomes a code; in an `extern "C"` function anything else would abort.

use super::plugin_thread::PluginThread;
use super::{home, labels, lifecycle, plugin_thread, registry, rules};
use crate::table::{
    ActionSink, Code, ContKind, EventHead, Handler, HostTable, Place, RawAction, RawChoice, RawCont, RawData,
    RawEvent, RawMutex, RawPluginThread, RawThread, TABLE_VERSION, Target, Task, Text, TextSink, Timing,
};
use crate::{Cancel, Destroyed};
use parking_lot::Mutex;
use std::cell::RefCell;
use std::collections::HashSet;
use std::mem::{self, ManuallyDrop};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::NonNull;
use std::sync::Arc;
use ts_cont::{Action, Continuation, EThread, Event, EventCode, Here, Message, ProxyMutex};
use ts_mutex::diagnostics;

static IDENTITY: u8 = 0;

/// The table.
pub(crate) static TABLE: HostTable = HostTable {
    size: size_of::<HostTable>(),
    version: TABLE_VERSION,
    identity: (&raw const IDENTITY).cast(),
    mutex_create,
    mutex_clone,
    mutex_drop,
    mutex_lock,
    mutex_try_lock,
    mutex_unlock,
    mutex_is_held,
    cont_create,
    cont_clone,
    cont_drop,
    cont_call,
    cont_destroy,
    cont_is_destroyed,
    cont_mutex,
    cont_name,
    event_data,
    event_action,
    panicked,
    schedule,
    schedule_entire,
    explain,
    affinity_set,
    affinity,
    affinity_clear,
    action_cancel,
    action_is_done,
    action_is_pending,
    thread_current,
    thread_clone,
    thread_drop,
    thread_name,
    thread_pool,
    thread_is_current,
    plugin_thread_spawn,
    plugin_thread_current,
    plugin_thread_wait,
    plugin_thread_is_over,
    plugin_thread_name,
    plugin_thread_clone,
    plugin_thread_drop,
    lifecycle_add,
    http: HTTP,
};

/// The functions for HTTP, if they are compiled in.
#[cfg(feature = "http")]
const HTTP: *const () = (&raw const crate::http::door::TABLE).cast();
#[cfg(not(feature = "http"))]
const HTTP: *const () = std::ptr::null();

thread_local! {
    /// What the panic said that a plugin has just caught on this thread.
    static PANIC_TEXT: RefCell<Option<String>> = const { RefCell::new(None) };
}

fn code(done: Result<(), Code>) -> Code {
    done.err().unwrap_or(Code::OK)
}

// Raw handles, lent.

/// # Safety
///
/// The handle is alive for as long as the result is used.
unsafe fn mutex(raw: RawMutex) -> ManuallyDrop<ProxyMutex> {
    // SAFETY: the caller lends a count; it is not given back here.
    ManuallyDrop::new(unsafe { ProxyMutex::from_raw(raw.0) })
}

/// # Safety
///
/// The handle is alive for as long as the result is used.
unsafe fn cont(raw: RawCont) -> ManuallyDrop<Continuation> {
    // SAFETY: the caller lends a count; it is not given back here.
    ManuallyDrop::new(unsafe { Continuation::from_raw(raw.0) })
}

/// # Safety
///
/// The handle is alive for as long as the result is used.
unsafe fn thread(raw: RawThread) -> ManuallyDrop<EThread> {
    // SAFETY: the caller lends a count; it is not given back here.
    ManuallyDrop::new(unsafe { EThread::from_raw(raw.0) })
}

/// # Safety
///
/// The handle is alive for as long as the result is used.
unsafe fn plugin_thread(raw: RawPluginThread) -> ManuallyDrop<Arc<PluginThread>> {
    // SAFETY: the caller lends a count; it is not given back here.
    ManuallyDrop::new(unsafe { Arc::from_raw(raw.0.as_ptr().cast::<PluginThread>().cast_const()) })
}

fn plugin_thread_raw(thread: Arc<PluginThread>) -> RawPluginThread {
    let pointer = Arc::into_raw(thread).cast_mut().cast();
    RawPluginThread(NonNull::new(pointer).expect("an Arc is never null"))
}

fn action(raw: RawAction) -> Action {
    // SAFETY: the table gave it out, says who calls.
    unsafe { Action::from_raw(raw.slot, raw.generation) }
}

fn action_raw(action: Action) -> RawAction {
    let (slot, generation) = action.into_raw();
    RawAction { slot, generation }
}

/// The event of a raw handle.
///
/// # Safety
///
/// The handle is that of an event whose handler is on the stack, and nothing else uses the event for `'a`.
pub(crate) unsafe fn event<'a>(raw: RawEvent) -> &'a mut Event<'a> {
    // SAFETY: `Crossed::call` made the handle of an event that waits for its handler to return. The lifetime inside is
    // shortened, which is sound for all that is read through it.
    unsafe { &mut *raw.0.cast::<Event<'a>>().as_ptr() }
}

// Mutexes.

impl Place {
    /// Runs `f`, which takes or gives back a mutex for the other side: reports name its place.
    fn mean<R>(&self, f: impl FnOnce() -> R) -> R {
        diagnostics::on_behalf_of(self.file.as_str(), self.line, self.column, f)
    }
}

unsafe extern "C" fn mutex_create(name: Text<'static>) -> RawMutex {
    let mutex = match name.as_str() {
        "" => ProxyMutex::new(),
        name => ProxyMutex::named(name),
    };
    RawMutex(mutex.into_raw())
}

unsafe extern "C" fn mutex_clone(raw: RawMutex) -> RawMutex {
    // SAFETY: lent by the caller.
    let mutex = unsafe { mutex(raw) };
    RawMutex(ProxyMutex::clone(&mutex).into_raw())
}

unsafe extern "C" fn mutex_drop(raw: RawMutex) {
    // SAFETY: the caller gives its count back.
    drop(unsafe { ProxyMutex::from_raw(raw.0) });
}

unsafe extern "C" fn mutex_lock(raw: RawMutex, place: Place) -> Code {
    // SAFETY: lent by the caller.
    let mutex = unsafe { mutex(raw) };
    let allowed = diagnostics::blocking_allowed();
    if !allowed {
        report_blocking(place);
        // It has been reported, with a better place than the one that is seen below.
        diagnostics::set_blocking_allowed(true);
    }
    let lock = || place.mean(|| mem::forget(mutex.lock()));
    let taken = catch_unwind(AssertUnwindSafe(lock));
    if !allowed {
        diagnostics::set_blocking_allowed(false);
    }
    if taken.is_ok() { Code::OK } else { Code::BUSY }
}

#[cold]
fn report_blocking(place: Place) {
    static REPORTED: Mutex<Option<HashSet<(usize, u32, u32)>>> = Mutex::new(None);
    let file = place.file.as_str();
    let key = (file.as_ptr().addr(), place.line, place.column);
    if REPORTED.lock().get_or_insert_default().insert(key) {
        tracing::warn!(
            thread = ts_thread::current().name(),
            place = %format_args!("{file}:{}:{}", place.line, place.column),
            "a blocking lock on a thread that must not block: use try_lock, or a plugin's own thread"
        );
    }
}

unsafe extern "C" fn mutex_try_lock(raw: RawMutex, place: Place) -> bool {
    // SAFETY: lent by the caller.
    let mutex = unsafe { mutex(raw) };
    place.mean(|| mutex.try_lock().map(mem::forget).is_some())
}

unsafe extern "C" fn mutex_unlock(raw: RawMutex, place: Option<&Place>) -> Code {
    // SAFETY: lent by the caller.
    let mutex = unsafe { mutex(raw) };
    if !mutex.held_by_current() {
        return Code::UNKNOWN;
    }
    let unlock = || {
        // SAFETY: the caller ends a level that it took with one of the two functions above, which forgot its guard.
        unsafe { mutex.unlock_forgotten() };
    };
    match place {
        Some(place) => place.mean(unlock),
        None => unlock(),
    }
    Code::OK
}

unsafe extern "C" fn mutex_is_held(raw: RawMutex) -> bool {
    // SAFETY: lent by the caller.
    unsafe { mutex(raw) }.held_by_current()
}

// Continuations.

/// A handler of the other side, owned.
struct Crossed(Handler);

// SAFETY: the facade makes handlers of `Send` closures only, and of `Sync` ones for `ContKind::SHARED`; other kinds are called
// by one thread at a time.
unsafe impl Send for Crossed {}
// SAFETY: as above.
unsafe impl Sync for Crossed {}

impl Crossed {
    /// Calls the handler; `Event`'s kind of call is the one that the continuation was made for.
    fn call(&self, event: &mut Event<'_>) -> i32 {
        let mut number = 0;
        let called = home::run(event, |event| {
            let head = EventHead {
                code: event.code().number(),
                cont: RawCont(event.continuation().as_raw()),
                event: RawEvent(NonNull::from(event).cast()),
            };
            // SAFETY: function and data belong together; the head lives until the call returns, and so does what it lends.
            unsafe { (self.0.call)(self.0.data, &raw const head, &raw mut number) }
        });
        match called {
            Code::OK => number,
            // The panic goes on on our side, where the dispatcher catches it and retires the continuation.
            _ => resume_unwind(Box::new(take_panic_text())),
        }
    }
}

impl Drop for Crossed {
    fn drop(&mut self) {
        // SAFETY: function and data belong together, and this is the one drop.
        if unsafe { (self.0.drop)(self.0.data) } != Code::OK {
            tracing::error!(panic = take_panic_text(), "dropping a plugin's handler panicked");
        }
    }
}

unsafe extern "C" fn cont_create(
    kind: ContKind,
    under: Option<RawMutex>,
    name: Text<'static>,
    place: Place,
    handler: Handler,
) -> RawCont {
    let handler = Crossed(handler);
    let named = Continuation::labelled(labels::label(name.as_str(), place));
    let call = move |event: &mut Event<'_>| handler.call(event);
    // SAFETY: lent by the caller.
    let continuation = match under.map(|raw| unsafe { mutex(raw) }) {
        Some(mutex) if kind == ContKind::REENTRANT => named.reentrant(&mutex, call),
        Some(mutex) => named.exclusive(&mutex, call),
        None => named.shared(call),
    };
    RawCont(continuation.into_raw())
}

unsafe extern "C" fn cont_clone(raw: RawCont) -> RawCont {
    // SAFETY: lent by the caller.
    let cont = unsafe { cont(raw) };
    RawCont(Continuation::clone(&cont).into_raw())
}

unsafe extern "C" fn cont_drop(raw: RawCont) {
    // SAFETY: the caller gives its count back.
    drop(unsafe { Continuation::from_raw(raw.0) });
}

unsafe extern "C" fn cont_call(raw: RawCont, code: i32, data: Option<&RawData>, number: *mut i32) -> Code {
    // SAFETY: lent by the caller.
    let cont = unsafe { cont(raw) };
    let code = EventCode::new(code);
    let called = match data {
        Some(data) => cont.call_with(code, &mut LentData(*data)),
        None => cont.call(Message::new(code)),
    };
    match called {
        Ok(value) => {
            // SAFETY: the caller gave a place for it.
            unsafe { number.write(value) };
            Code::OK
        }
        Err(error) => rules::call_code(error),
    }
}

/// Data of another copy of the facade, as an event of ours carries it.
pub(crate) struct LentData(pub(crate) RawData);

unsafe extern "C" fn cont_destroy(raw: RawCont) -> i32 {
    // SAFETY: lent by the caller.
    let destroyed = match unsafe { cont(raw) }.destroy() {
        ts_cont::Destroyed::Now => Destroyed::Now,
        ts_cont::Destroyed::AfterHandler => Destroyed::AfterHandler,
        ts_cont::Destroyed::AtUnlock => Destroyed::AtUnlock,
        _ => Destroyed::Already,
    };
    destroyed as i32
}

unsafe extern "C" fn cont_is_destroyed(raw: RawCont) -> bool {
    // SAFETY: lent by the caller.
    unsafe { cont(raw) }.is_destroyed()
}

unsafe extern "C" fn cont_mutex(raw: RawCont) -> Option<RawMutex> {
    // SAFETY: lent by the caller.
    unsafe { cont(raw) }.mutex().map(|mutex| RawMutex(mutex.clone().into_raw()))
}

unsafe extern "C" fn cont_name(raw: RawCont, sink: TextSink) {
    // SAFETY: lent by the caller.
    let cont = unsafe { cont(raw) };
    give(&sink, &labels::of(&cont));
}

fn give(sink: &TextSink, text: &str) {
    // SAFETY: the sink is the caller's, for the length of the call.
    unsafe { (sink.take)(sink.to, Text::new(text)) }
}

// Events.

unsafe extern "C" fn event_data(raw: RawEvent, data: *mut RawData) -> bool {
    // SAFETY: the handler is on the stack, says the caller.
    let event = unsafe { event(raw) };
    let Some(LentData(lent)) = event.data() else { return false };
    // SAFETY: the caller gave a place for it.
    unsafe { data.write(*lent) };
    true
}

unsafe extern "C" fn event_action(raw: RawEvent, place: *mut RawAction) -> bool {
    // SAFETY: the handler is on the stack, says the caller.
    let Some(action) = (unsafe { event(raw) }).action() else { return false };
    // SAFETY: the caller gave a place for it.
    unsafe { place.write(action_raw(action)) };
    true
}

unsafe extern "C" fn panicked(text: Text<'_>) {
    // A thread whose storage is gone has nobody to tell.
    let _ = PANIC_TEXT.try_with(|place| *place.borrow_mut() = Some(text.as_str().to_owned()));
}

fn take_panic_text() -> String {
    let text = PANIC_TEXT.try_with(|place| place.borrow_mut().take()).ok().flatten();
    text.unwrap_or_else(|| String::from("a panic without a text"))
}

// Scheduling and affinity.

unsafe extern "C" fn schedule(
    raw: RawCont,
    timing: Timing,
    target: Target,
    action_place: *mut RawAction,
) -> Code {
    // SAFETY: lent by the caller.
    let cont = unsafe { cont(raw) };
    if (timing.nanoseconds, timing.periodic) == (0, false)
        && target.thread.is_none()
        && let Some(action) = home::schedule(&cont, target.pool)
    {
        // SAFETY: the caller gave a place for it.
        unsafe { action_place.write(action_raw(action)) };
        return Code::OK;
    }
    // SAFETY: the caller's promise is the same.
    unsafe { schedule_any(&cont, timing, target, action_place) }
}

/// As the table's `schedule`, wherever from and to.
///
/// # Safety
///
/// The target's thread is lent, and there is a place for the action.
#[inline(never)]
unsafe fn schedule_any(
    cont: &Continuation,
    timing: Timing,
    target: Target,
    action_place: *mut RawAction,
) -> Code {
    // SAFETY: lent by the caller.
    let target_thread = target.thread.map(|raw| unsafe { thread(raw) });
    let place = match &target_thread {
        Some(thread) => rules::Place::Thread(thread),
        None => rules::Place::Pool(target.pool),
    };
    let scheduled = rules::member().and_then(|member| rules::schedule(&member, cont, timing.into(), place));
    code(scheduled.map(|action| {
        // SAFETY: the caller gave a place for it.
        unsafe { action_place.write(action_raw(action)) };
    }))
}

unsafe extern "C" fn schedule_entire(raw: RawCont, timing: Timing, pool: i32, sink: ActionSink) -> Code {
    // SAFETY: lent by the caller.
    let cont = unsafe { cont(raw) };
    let scheduled =
        rules::member().and_then(|member| rules::schedule_entire(&member, &cont, timing.into(), pool));
    code(scheduled.map(|actions| {
        for action in actions {
            // SAFETY: the sink is the caller's, for the length of the call.
            unsafe { (sink.take)(sink.to, action_raw(action)) };
        }
    }))
}

unsafe extern "C" fn explain(raw: RawCont, pool: i32, place: *mut RawChoice) -> Code {
    // SAFETY: lent by the caller.
    let cont = unsafe { cont(raw) };
    code(rules::explain(&cont, pool).map(|(choice, thread, pool)| {
        let choice = RawChoice {
            thread: thread.map(|thread| RawThread(thread.into_raw())),
            pool,
            becomes_affinity: choice.becomes_affinity,
            reason: rules::reason_number(choice.reason),
        };
        // SAFETY: the caller gave a place for it.
        unsafe { place.write(choice) };
    }))
}

unsafe extern "C" fn affinity_set(raw: RawCont, to: RawThread) -> Code {
    // SAFETY: lent by the caller.
    let (cont, thread) = unsafe { (cont(raw), thread(to)) };
    code(rules::set_affinity(&cont, &thread))
}

unsafe extern "C" fn affinity(raw: RawCont, place: *mut Option<RawThread>) -> Code {
    // SAFETY: lent by the caller.
    let cont = unsafe { cont(raw) };
    code(rules::affinity(&cont).map(|thread| {
        // SAFETY: the caller gave a place for it.
        unsafe { place.write(thread.map(|thread| RawThread(thread.into_raw()))) };
    }))
}

unsafe extern "C" fn affinity_clear(raw: RawCont) -> Code {
    // SAFETY: lent by the caller.
    let cont = unsafe { cont(raw) };
    code(rules::clear_affinity(&cont))
}

// Actions.

unsafe extern "C" fn action_cancel(raw: RawAction) -> i32 {
    let cancel = match action(raw).cancel() {
        ts_cont::Cancel::Cancelled => Cancel::Cancelled,
        ts_cont::Cancel::Running => Cancel::Running,
        ts_cont::Cancel::AlreadyRan => Cancel::AlreadyRan,
        ts_cont::Cancel::AlreadyCancelled => Cancel::AlreadyCancelled,
        _ => Cancel::Stale,
    };
    cancel as i32
}

unsafe extern "C" fn action_is_done(raw: RawAction) -> bool {
    action(raw).is_done()
}

unsafe extern "C" fn action_is_pending(raw: RawAction) -> bool {
    action(raw).is_pending()
}

// Threads.

unsafe extern "C" fn thread_current() -> Option<RawThread> {
    Here::current().map(|here| RawThread(here.thread().clone().into_raw()))
}

unsafe extern "C" fn thread_clone(raw: RawThread) -> RawThread {
    // SAFETY: lent by the caller.
    let thread = unsafe { thread(raw) };
    RawThread(EThread::clone(&thread).into_raw())
}

unsafe extern "C" fn thread_drop(raw: RawThread) {
    // SAFETY: the caller gives its count back.
    drop(unsafe { EThread::from_raw(raw.0) });
}

unsafe extern "C" fn thread_name(raw: RawThread, sink: TextSink) {
    // SAFETY: lent by the caller.
    give(&sink, unsafe { thread(raw) }.name());
}

unsafe extern "C" fn thread_pool(raw: RawThread) -> i32 {
    // SAFETY: lent by the caller.
    let thread = unsafe { thread(raw) };
    rules::pool_of(&thread)
}

unsafe extern "C" fn thread_is_current(raw: RawThread) -> bool {
    // SAFETY: lent by the caller.
    unsafe { thread(raw) }.is_current()
}

/// A function of the other side that runs at most once.
pub(super) struct OnceTask(Task);

// SAFETY: the facade makes tasks of `Send` closures only.
unsafe impl Send for OnceTask {}

impl OnceTask {
    /// Runs the function. A panic of it ended on the other side.
    pub(super) fn run(self) -> Code {
        let Task { run, data, .. } = ManuallyDrop::new(self).0;
        // SAFETY: function and data belong together; running it drops it, and `drop` is not called any more.
        unsafe { run(data) }
    }
}

impl Drop for OnceTask {
    fn drop(&mut self) {
        // SAFETY: function and data belong together, and it has not run.
        if unsafe { (self.0.drop)(self.0.data) } != Code::OK {
            tracing::error!(panic = take_panic_text(), "dropping the function of a plugin's thread panicked");
        }
    }
}

unsafe extern "C" fn plugin_thread_spawn(
    name: Text<'_>,
    task: Task,
    place: *mut Option<RawPluginThread>,
) -> Code {
    code(plugin_thread::spawn(name.as_str(), OnceTask(task)).map(|thread| {
        // SAFETY: the caller gave a place for it.
        unsafe { place.write(Some(plugin_thread_raw(thread))) };
    }))
}

unsafe extern "C" fn plugin_thread_current() -> Option<RawPluginThread> {
    plugin_thread::current().map(plugin_thread_raw)
}

unsafe extern "C" fn plugin_thread_wait(raw: RawPluginThread) -> Code {
    // SAFETY: lent by the caller.
    unsafe { plugin_thread(raw) }.wait()
}

unsafe extern "C" fn plugin_thread_is_over(raw: RawPluginThread) -> bool {
    // SAFETY: lent by the caller.
    unsafe { plugin_thread(raw) }.is_over()
}

unsafe extern "C" fn plugin_thread_name(raw: RawPluginThread, sink: TextSink) {
    // SAFETY: lent by the caller.
    give(&sink, unsafe { plugin_thread(raw) }.name());
}

unsafe extern "C" fn plugin_thread_clone(raw: RawPluginThread) -> RawPluginThread {
    // SAFETY: lent by the caller.
    let thread = unsafe { plugin_thread(raw) };
    plugin_thread_raw(Arc::clone(&thread))
}

unsafe extern "C" fn plugin_thread_drop(raw: RawPluginThread) {
    // SAFETY: the caller gives its count back.
    drop(ManuallyDrop::into_inner(unsafe { plugin_thread(raw) }));
}

// The life cycle.

unsafe extern "C" fn lifecycle_add(hook: i32, raw: RawCont) -> Code {
    let Some(runtime) = registry::current() else { return Code::NO_RUNTIME };
    // SAFETY: lent by the caller.
    let cont = unsafe { cont(raw) };
    code(lifecycle::add(&runtime, hook, &cont))
}

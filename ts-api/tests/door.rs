//! Every call of the facade goes through the table: with another one than the static, nothing passes by.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex as StdMutex, mpsc};
use std::time::Duration;
use ts_api::lifecycle::{self, LifecycleHook};
use ts_api::runtime::ShutdownOptions;
use ts_api::table::{self, *};
use ts_api::{Cont, EventCode, EventThread, Mutex, PluginThread, Pool, Runtime, TableError};

/// Longer than anything here takes.
const LIMIT: Duration = Duration::from_secs(20);

static CALLS: LazyLock<StdMutex<BTreeMap<&'static str, u32>>> = LazyLock::new(StdMutex::default);

fn calls(name: &str) -> u32 {
    CALLS.lock().unwrap().get(name).copied().unwrap_or(0)
}

macro_rules! counting {
    ($($name:ident($($arg:ident: $type:ty),*) $(-> $result:ty)?;)*) => {
        $(
            unsafe extern "C" fn $name($($arg: $type),*) $(-> $result)? {
                *CALLS.lock().unwrap().entry(stringify!($name)).or_default() += 1;
                // SAFETY: what is asked of the caller is what the function behind asks.
                unsafe { (table::linked().$name)($($arg),*) }
            }
        )*

        const FUNCTIONS: &[&str] = &[$(stringify!($name)),*];

        /// A table that counts and passes on.
        fn counting_table() -> HostTable {
            let HostTable { size, version, identity, http, .. } = *table::linked();
            // Written out in full, so that a new function cannot be forgotten here.
            HostTable { size, version, identity, $($name,)* http }
        }
    };
}

counting! {
    mutex_create(name: Text<'static>) -> RawMutex;
    mutex_clone(mutex: RawMutex) -> RawMutex;
    mutex_drop(mutex: RawMutex);
    mutex_lock(mutex: RawMutex, place: Place) -> Code;
    mutex_try_lock(mutex: RawMutex, place: Place) -> bool;
    mutex_unlock(mutex: RawMutex, place: Option<&Place>) -> Code;
    mutex_is_held(mutex: RawMutex) -> bool;
    cont_create(kind: ContKind, mutex: Option<RawMutex>, name: Text<'static>, place: Place, handler: Handler) -> RawCont;
    cont_clone(cont: RawCont) -> RawCont;
    cont_drop(cont: RawCont);
    cont_call(cont: RawCont, code: i32, data: Option<&RawData>, number: *mut i32) -> Code;
    cont_destroy(cont: RawCont) -> i32;
    cont_is_destroyed(cont: RawCont) -> bool;
    cont_mutex(cont: RawCont) -> Option<RawMutex>;
    cont_name(cont: RawCont, sink: TextSink);
    event_data(event: RawEvent, data: *mut RawData) -> bool;
    event_action(event: RawEvent, action: *mut RawAction) -> bool;
    panicked(text: Text<'_>);
    schedule(cont: RawCont, timing: Timing, target: Target, action: *mut RawAction) -> Code;
    schedule_entire(cont: RawCont, timing: Timing, pool: i32, sink: ActionSink) -> Code;
    explain(cont: RawCont, pool: i32, choice: *mut RawChoice) -> Code;
    affinity_set(cont: RawCont, thread: RawThread) -> Code;
    affinity(cont: RawCont, thread: *mut Option<RawThread>) -> Code;
    affinity_clear(cont: RawCont) -> Code;
    action_cancel(action: RawAction) -> i32;
    action_is_done(action: RawAction) -> bool;
    action_is_pending(action: RawAction) -> bool;
    thread_current() -> Option<RawThread>;
    thread_clone(thread: RawThread) -> RawThread;
    thread_drop(thread: RawThread);
    thread_name(thread: RawThread, sink: TextSink);
    thread_pool(thread: RawThread) -> i32;
    thread_is_current(thread: RawThread) -> bool;
    plugin_thread_spawn(name: Text<'_>, task: Task, thread: *mut Option<RawPluginThread>) -> Code;
    plugin_thread_current() -> Option<RawPluginThread>;
    plugin_thread_wait(thread: RawPluginThread) -> Code;
    plugin_thread_is_over(thread: RawPluginThread) -> bool;
    plugin_thread_name(thread: RawPluginThread, sink: TextSink);
    plugin_thread_clone(thread: RawPluginThread) -> RawPluginThread;
    plugin_thread_drop(thread: RawPluginThread);
    lifecycle_add(hook: i32, cont: RawCont) -> Code;
}

/// A plugin that uses all there is.
fn use_everything() {
    let (sender, receiver) = mpsc::channel();
    let mutex = Mutex::new();
    drop((mutex.lock(), mutex.clone().try_lock()));
    mutex.lock().unlock();
    assert!(!mutex.held_by_current());

    let cont = Cont::reentrant(&mutex, move |event| {
        assert!(event.data::<u32>().is_none());
        assert!(!event.cont().is_destroyed());
        let _ = sender.send((event.action(), EventThread::current()));
    });
    assert_eq!(cont.call(EventCode::CONTINUE), Ok(0));
    receiver.recv_timeout(LIMIT).unwrap();
    assert_eq!(cont.mutex(), Some(mutex));
    assert!(cont.name().contains("door.rs"));

    let hour = Duration::from_secs(3600);
    assert!(cont.explain(Some(Pool::Task)).unwrap().becomes_affinity);
    let action = cont.schedule_on_pool(Duration::ZERO, Pool::Task).unwrap();
    let (seen, thread) = receiver.recv_timeout(LIMIT).unwrap();
    let thread = thread.unwrap();
    assert_eq!(seen, Some(action));
    assert_eq!(thread.pool(), Some(Pool::Task));
    assert_eq!(thread.name(), "[ET_TASK 0]");
    assert!(!thread.is_current());
    assert_eq!(cont.affinity(), Ok(Some(thread.clone())));
    cont.clear_affinity().unwrap();
    cont.set_affinity(&thread).unwrap();
    let action = cont.schedule_every_on_thread(hour, &thread).unwrap();
    assert!(action.is_pending() && !action.is_done());
    action.cancel();

    let shared = Cont::shared(|event| assert_ne!(event.code(), EventCode::CONTINUE, "expected by the test"));
    let actions = shared.clone().schedule_on_entire_pool(hour, Pool::Net).unwrap();
    assert_eq!(actions.len(), 1);
    assert!(shared.call(EventCode::CONTINUE).is_err());
    shared.destroy();
    assert!(shared.is_destroyed());

    let own = PluginThread::spawn("all of it", || assert!(PluginThread::current().is_some())).unwrap();
    own.clone().wait().unwrap();
    assert!(own.is_over());
    assert_eq!(own.name(), "all of it");
    lifecycle::add(LifecycleHook::PortsReady, &cont).unwrap();
}

#[test]
fn every_function_of_the_table_is_used_and_nothing_passes_it_by() {
    let counting: &'static HostTable = Box::leak(Box::new(counting_table()));
    table::install(counting).unwrap();
    assert_eq!(table::install(counting), Ok(()), "the same one again");
    assert_eq!(table::install(table::linked()), Err(TableError::AnotherInUse));

    let runtime = Runtime::builder().net_threads(1).task_threads(1).start().unwrap();
    {
        let _guest = runtime.guest();
        use_everything();
    }
    let unused: Vec<_> = FUNCTIONS.iter().filter(|name| calls(name) == 0).collect();
    assert!(unused.is_empty(), "not called through the table: {unused:?}");
    let report = runtime.shutdown(ShutdownOptions::default().deadline(LIMIT));
    assert!(report.is_clean(), "{report}");

    // What was created or cloned through the table was dropped through it: a mutex's handles as well as a continuation's.
    let made = |create: &str, clone: &str| calls(create) + calls(clone);
    assert_eq!(calls("mutex_drop"), made("mutex_create", "mutex_clone") + calls("cont_mutex"));
    assert_eq!(calls("cont_drop"), made("cont_create", "cont_clone"));
}

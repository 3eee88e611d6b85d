//! Continuations, mutexes, what is scheduled, and the handlers that all of it comes to.

use std::ffi::{c_int, c_void};
use std::ptr;
use std::time::Duration;

use super::declared::*;
use super::{Kind, World, caught, step, world};

/// Timers end no more than so much late.
const SLACK: Duration = Duration::from_millis(1);
/// So deep handlers may call each other.
const DEPTH: usize = 4;

pub(super) struct Mutex {
    pub(super) handle: Handle,
    /// The caller that holds it: the event thread's handle, null outside of them.
    pub(super) holder: Option<Handle>,
    /// How often plugins hold it, and how often the host does, around handlers.
    pub(super) levels: usize,
    hosts: usize,
    /// Events may have had to wait for it, and then it may be kept for one of them although nobody has it.
    kept: bool,
    /// How many continuations have it, if one ever had it.
    pub(super) conts: Option<usize>,
}

impl Mutex {
    pub(super) fn is_free_for(&self, caller: Handle) -> bool {
        self.holder.is_none_or(|holder| holder == caller)
    }

    /// Whether nobody and nothing keeps the caller from it.
    pub(super) fn is_open_for(&self, caller: Handle) -> bool {
        self.holder.map_or(!self.kept, |holder| holder == caller)
    }
}

#[derive(Clone, Copy)]
pub(super) struct Cont {
    pub(super) handle: Handle,
    /// Null if it has none.
    pub(super) mutex: Handle,
    data: *mut c_void,
}

#[derive(Clone, Copy)]
struct Event {
    action: Handle,
    cont: Handle,
    due: Duration,
    code: c_int,
    period: Option<Duration>,
    /// Where it has to run.
    thread: Option<Handle>,
}

/// A handler that runs, or the outermost caller.
#[derive(Default)]
struct Frame {
    locks: Vec<Handle>,
}

#[derive(Default)]
pub(super) struct Model {
    pub(super) mutexes: Vec<Mutex>,
    pub(super) conts: Vec<Cont>,
    events: Vec<Event>,
    /// Actions of events that are over.
    over: Vec<Handle>,
    frames: Vec<Frame>,
    threads: Vec<Handle>,
    /// A direct call that is to come.
    direct: Option<(Handle, c_int, *mut c_void)>,
    now: Duration,
}

impl World {
    fn now(&self) -> Duration {
        Duration::from_nanos(self.runtime().simulation().now().as_nanos())
    }

    fn mutex(&mut self, handle: Handle) -> Option<&mut Mutex> {
        self.events.mutexes.iter_mut().find(|mutex| mutex.handle == handle)
    }

    /// One of the mutexes that `which` holds for.
    pub(super) fn some_mutex(&mut self, which: impl Fn(&Mutex) -> bool) -> Option<Handle> {
        let some: Vec<_> = self.events.mutexes.iter().filter(|it| which(it)).map(|it| it.handle).collect();
        self.pick(some.len()).map(|at| some[at])
    }

    pub(super) fn some_cont(&mut self, which: impl Fn(&Cont) -> bool) -> Option<Handle> {
        let some: Vec<_> = self.events.conts.iter().filter(|it| which(it)).map(|it| it.handle).collect();
        self.pick(some.len()).map(|at| some[at])
    }

    /// An event thread that was seen to run.
    fn some_thread(&mut self) -> Option<Handle> {
        self.pick(self.events.threads.len()).map(|at| self.events.threads[at])
    }

    /// Its mutex, if it has one.
    pub(super) fn mutex_of(&self, cont: &Cont) -> Option<&Mutex> {
        self.events.mutexes.iter().find(|mutex| mutex.handle == cont.mutex)
    }

    fn give_back(&mut self, handle: Handle, level: impl FnOnce(&mut Mutex)) {
        let Some(mutex) = self.mutex(handle) else { return };
        level(mutex);
        if mutex.levels + mutex.hosts == 0 {
            mutex.holder = None;
        }
        self.bury_mutex(handle);
    }

    /// A mutex that continuations had goes with the last of them, unless a plugin holds it.
    fn bury_mutex(&mut self, handle: Handle) {
        self.events.mutexes.retain(|mutex| {
            let over = mutex.handle == handle && mutex.conts == Some(0) && mutex.levels == 0;
            if over {
                self.gone.push((Kind::Mutex, handle));
            }
            !over
        });
    }

    fn add_event(
        &mut self,
        action: Handle,
        cont: Handle,
        timeout: i64,
        period: Option<i64>,
        thread: Option<Handle>,
    ) {
        assert!(!action.is_null());
        assert!(self.events.events.iter().all(|event| event.action != action), "it is nobody else's");
        let milliseconds = |time: i64| Duration::from_millis(time.try_into().unwrap_or(0));
        let due = self.now() + milliseconds(period.unwrap_or(timeout));
        let code = if period.is_none() && timeout == 0 { 1 } else { 2 };
        self.events.events.push(Event { action, cont, due, code, period: period.map(milliseconds), thread });
    }

    fn end_event(&mut self, action: Handle) {
        self.events.events.retain(|event| event.action != action);
        self.events.over.push(action);
    }
}

pub(super) fn begin() {
    world(|world| world.events.frames.push(Frame::default()));
}

/// What a handler finds is what the model waits for; then it goes on with the sequence.
unsafe extern "C" fn handler(cont: Handle, code: c_int, data: *mut c_void) -> c_int {
    caught(|| handle(cont, code, data));
    code.wrapping_mul(2) + 1
}

fn handle(cont: Handle, code: c_int, data: *mut c_void) {
    let caller = TSEventThreadSelf();
    let found = world(|world| {
        let direct = world.events.direct.take_if(|direct| *direct == (cont, code, data));
        let event = if direct.is_some() { None } else { Some(delivered(world, cont, code, data, caller)) };
        let own = world.events.conts.iter().find(|it| it.handle == cont).expect("it is not destroyed").mutex;
        if let Some(mutex) = world.mutex(own) {
            assert!(mutex.is_free_for(caller), "somebody else holds its mutex");
            mutex.holder = Some(caller);
            mutex.hosts += 1;
        }
        world.events.frames.push(Frame::default());
        if !caller.is_null() && !world.events.threads.contains(&caller) {
            world.events.threads.push(caller);
        }
        (event, own, world.byte() % 4)
    });
    let (event, own, steps) = found;
    for _ in 0..steps {
        step();
    }
    leave_frame();
    world(|world| {
        world.give_back(own, |mutex| mutex.hosts -= 1);
        let now = world.now();
        let again = event.and_then(|action| world.events.events.iter_mut().find(|it| it.action == action));
        if let Some(again) = again {
            again.due = now + again.period.expect("others are over when they begin");
        }
    });
}

/// An event that came must have been pending, for this continuation, by now.
fn delivered(world: &mut World, cont: Handle, code: c_int, data: *mut c_void, caller: Handle) -> Handle {
    let action = data.map_addr(|bits| bits | 1);
    let event = world.events.events.iter().find(|event| event.action == action).copied();
    let event = event.expect("it was scheduled, not cancelled, and did not come yet");
    assert_eq!((event.cont, event.code), (cont, code));
    assert!(event.due <= world.now(), "it is not early");
    assert!(!caller.is_null() && event.thread.is_none_or(|thread| thread == caller), "where it was to run");
    if event.period.is_none() {
        world.end_event(action);
    }
    action
}

/// Unlocks what was locked.
fn leave_frame() {
    let locks = world(|world| world.events.frames.pop().expect("it was entered").locks);
    for lock in locks.into_iter().rev() {
        TSMutexUnlock(lock);
        world(|world| world.give_back(lock, |mutex| mutex.levels -= 1));
    }
}

pub(super) fn create_mutex() {
    let handle = TSMutexCreate();
    let mutex = Mutex { handle, holder: None, levels: 0, hosts: 0, kept: false, conts: None };
    world(|world| world.events.mutexes.push(mutex));
}

pub(super) fn destroy_mutex() {
    let free = world(|world| world.some_mutex(|mutex| mutex.conts.is_none() && mutex.levels == 0));
    let Some(mutex) = free else { return };
    TSMutexDestroy(mutex);
    world(|world| {
        world.mutex(mutex).expect("it was picked").conts = Some(0);
        world.bury_mutex(mutex);
    });
}

pub(super) fn lock() {
    let caller = TSEventThreadSelf();
    let Some(handle) = world(|world| world.some_mutex(|_| true)) else { return };
    let (is_free, is_open, waits) = world(|world| {
        let waits = world.byte() % 2 == 0;
        let mutex = world.mutex(handle).expect("it was picked");
        (mutex.is_free_for(caller), mutex.is_open_for(caller), waits)
    });
    let got = if waits && is_open {
        TSMutexLock(handle);
        true
    } else {
        let got = TSMutexLockTry(handle) == 0;
        assert!(is_free || !got, "somebody else has it");
        assert!(got || !is_open, "nobody has it");
        got
    };
    world(|world| {
        if got {
            let mutex = world.mutex(handle).expect("it was picked");
            mutex.levels += 1;
            mutex.holder = Some(caller);
            world.events.frames.last_mut().expect("somebody calls").locks.push(handle);
        }
    });
}

pub(super) fn unlock() {
    let lock = world(|world| {
        let count = world.events.frames.last().map_or(0, |frame| frame.locks.len());
        let at = world.pick(count)?;
        Some(world.events.frames.last_mut()?.locks.swap_remove(at))
    });
    let Some(lock) = lock else { return };
    TSMutexUnlock(lock);
    world(|world| world.give_back(lock, |mutex| mutex.levels -= 1));
}

pub(super) fn create() {
    let mutex = world(|world| {
        let without = world.byte() % 3 == 0;
        if without { None } else { world.some_mutex(|_| true) }
    });
    let mutex = mutex.unwrap_or(ptr::null_mut());
    let handle = TSContCreate(Some(handler), mutex);
    world(|world| {
        if let Some(mutex) = world.mutex(mutex) {
            *mutex.conts.get_or_insert(0) += 1;
        }
        world.events.conts.push(Cont { handle, mutex, data: ptr::null_mut() });
    });
}

pub(super) fn destroy() {
    if let Some(cont) = world(|world| world.some_cont(|_| true)) {
        destroy_this(cont);
    }
}

fn destroy_this(handle: Handle) {
    TSContDestroy(handle);
    world(|world| {
        let at = world.events.conts.iter().position(|cont| cont.handle == handle).expect("it was there");
        let cont = world.events.conts.swap_remove(at);
        world.gone.push((Kind::Cont, handle));
        let (dead, rest) = world.events.events.drain(..).partition(|event| event.cont == handle);
        world.events.events = rest;
        let dead: Vec<Event> = dead;
        world.events.over.extend(dead.iter().map(|event| event.action));
        if let Some(conts) = world.mutex(cont.mutex).and_then(|mutex| mutex.conts.as_mut()) {
            *conts -= 1;
        }
        world.bury_mutex(cont.mutex);
    });
}

/// Data and mutex.
pub(super) fn keep() {
    let Some(handle) = world(|world| world.some_cont(|_| true)) else { return };
    let (cont, data) = world(|world| {
        let data = ptr::without_provenance_mut(world.byte());
        let cont = world.events.conts.iter_mut().find(|cont| cont.handle == handle).expect("it was picked");
        (std::mem::replace(cont, Cont { data, ..*cont }), data)
    });
    assert_eq!(TSContDataGet(handle), cont.data);
    assert_eq!(TSContDataSet(handle, data), 0);
    assert_eq!(TSContMutexGet(handle), cont.mutex);
}

pub(super) fn call() {
    let caller = TSEventThreadSelf();
    let called = world(|world| {
        if world.events.frames.len() > DEPTH {
            return None;
        }
        let is_open = |cont: &&Cont| world.mutex_of(cont).is_none_or(|mutex| mutex.is_open_for(caller));
        let open: Vec<_> = world.events.conts.iter().filter(is_open).map(|cont| cont.handle).collect();
        let cont = open[world.pick(open.len())?];
        let code = [0, 1, 2, 4, 60012, 77_777][world.byte() % 6];
        let data = ptr::without_provenance_mut(world.byte());
        world.events.direct = Some((cont, code, data));
        Some((cont, code, data))
    });
    let Some((cont, code, data)) = called else { return };
    assert_eq!(TSContCall(cont, code, data), code.wrapping_mul(2) + 1);
}

pub(super) fn schedule() {
    let chosen = world(|world| {
        let cont = world.some_cont(|cont| !cont.mutex.is_null())?;
        let thread = world.some_thread();
        Some((cont, thread, world.byte(), world.byte()))
    });
    let Some((cont, thread, how, time)) = chosen else { return };
    let (timeout, every) = ((time % 24) as i64 - 2, (time % 9) as i64 + 4);
    let pool = (how / 8 % 2) as c_int;
    let (action, period, thread) = match (how % 6, thread) {
        (0, _) => (TSContSchedule(cont, timeout), None, None),
        (1, _) => (TSContScheduleEvery(cont, every), Some(every), None),
        (2, Some(thread)) => (TSContScheduleOnThread(cont, timeout, thread), None, Some(thread)),
        (3, Some(thread)) => (TSContScheduleEveryOnThread(cont, every, thread), Some(every), Some(thread)),
        (4, _) => (TSContScheduleEveryOnPool(cont, every, pool), Some(every), None),
        _ => (TSContScheduleOnPool(cont, timeout, pool), None, None),
    };
    world(|world| world.add_event(action, cont, timeout, period, thread));
}

pub(super) fn schedule_entire() {
    let chosen = world(|world| {
        let cont = world.some_cont(|cont| cont.mutex.is_null())?;
        Some((cont, world.byte(), world.byte()))
    });
    let Some((cont, how, time)) = chosen else { return };
    let (timeout, pool) = ((time % 24) as i64, (how % 2) as c_int);
    let mut actions = [ptr::null_mut(); 3];
    let places = (how / 2 % 4) as c_int;
    // SAFETY: there are as many places as it is told, but one that it does not know of.
    let threads =
        unsafe { TSContScheduleOnEntirePoolInto(cont, timeout, pool, actions.as_mut_ptr(), places) };
    assert_eq!(threads, 2);
    let scheduled = if places < threads { 0 } else { 2 };
    for (at, action) in actions.into_iter().enumerate() {
        assert_eq!(!action.is_null(), at < scheduled);
        if at < scheduled {
            world(|world| world.add_event(action, cont, timeout, None, None));
        }
    }
}

pub(super) fn bind() {
    let chosen = world(|world| {
        let cont = world.some_cont(|cont| !cont.mutex.is_null())?;
        let thread = world.some_thread()?;
        Some((cont, thread, world.byte()))
    });
    let Some((cont, thread, how)) = chosen else { return };
    assert_eq!(TSContThreadAffinitySet(cont, thread), 0);
    assert_eq!(TSContThreadAffinityGet(cont), thread);
    if how % 2 == 0 {
        TSContThreadAffinityClear(cont);
        assert!(TSContThreadAffinityGet(cont).is_null());
    }
}

pub(super) fn cancel() {
    let action = world(|world| {
        let pending = world.events.events.iter().map(|event| event.action);
        let any: Vec<_> = pending.chain(world.events.over.iter().copied()).collect();
        world.pick(any.len() + 1).and_then(|at| any.get(at).copied())
    });
    let action = action.unwrap_or(ptr::null_mut());
    TSActionCancel(action);
    world(|world| world.end_event(action));
}

pub(super) fn ask() {
    let pending = world(|world| {
        let at = world.pick(world.events.events.len())?;
        Some(world.events.events[at].action)
    });
    if let Some(action) = pending {
        assert_eq!(TSActionDone(action), 0);
    }
    assert_eq!(TSActionDone(ptr::null_mut()), 0);
}

/// Time passes, if nobody is in a handler.
pub(super) fn pass() {
    let runtime = world(|world| {
        let time = Duration::from_millis((world.byte() % 40) as u64);
        (world.events.frames.len() == 1).then(|| (world.runtime(), time))
    });
    let Some((runtime, time)) = runtime else { return };
    runtime.run_for(time);
    drop(runtime);
    world(|world| {
        let now = world.now();
        for event in &world.events.events {
            let cont = world.events.conts.iter().find(|cont| cont.handle == event.cont).expect("it is there");
            let is_held = world.mutex_of(cont).is_some_and(|mutex| mutex.holder.is_some());
            assert!(
                event.due + SLACK > now || is_held,
                "what was due has come, unless somebody holds its mutex"
            );
        }
        world.events.mutexes.iter_mut().for_each(|mutex| mutex.kept = mutex.holder.is_some());
    });
}

pub(super) fn end() {
    leave_frame();
    while let Some(cont) = world(|world| world.events.conts.first().map(|cont| cont.handle)) {
        destroy_this(cont);
    }
    for mutex in world(|world| std::mem::take(&mut world.events.mutexes)) {
        assert_eq!((mutex.levels, mutex.hosts, mutex.conts), (0, 0, None));
        TSMutexDestroy(mutex.handle);
    }
}

//! Threads that are started here: built, named, placed, joined with or without a deadline.
//!
//! # Rules
//! * Everything about a thread is settled before its function runs: name, processors, timer slack. What cannot be settled is
//!   an error of `spawn`, and the function is not called.
//! * The thread's per-context storage is dropped before it counts as finished, so a join never returns before that.
//! * Dropping a [`JoinHandle`] leaves the thread: it goes on, and nobody hears its answer.
//!
//! # Ordering
//! One pair, `[thread-end]`: from the thread's last step to who finds it finished. The answer itself travels under a
//! mutex. A started thread sees what its starter did before: the system's promise for starting a thread.

use std::ffi::CString;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::param::page_size;

use crate::affinity;
use crate::context::ContextId;
use crate::current::{self, current_id};
use crate::error::StartError;
use crate::fence;
use crate::futex::{Waited, real::Futex};
use crate::slack::set_timer_slack;
use crate::stack::{DEFAULT_STACK_SIZE, StackRegion};
use crate::start::{self, OsThread, Stack};
use crate::time::HrTime;

/// The system keeps 15 bytes of a thread's name.
const OS_NAME_BYTES: usize = 15;

/// The guard below a stack unless something else is said: one page, what the system's library does too.
const DEFAULT_GUARD_PAGES: usize = 1;

/// The thread has not settled in yet.
const STARTING: u32 = 0;
/// It runs its function.
const RUNNING: u32 = 1;
/// It could not settle in, and ends.
const REFUSED: u32 = 2;
/// Its function has returned, its answer is there, its storage is dropped.
const FINISHED: u32 = 3;

/// A type that runs as a thread: for threads that are more than a function.
///
/// # Examples
///
/// ```
/// use ts_thread::{Builder, Execute};
///
/// struct Sum(Vec<u32>);
///
/// impl Execute for Sum {
///     type Output = u32;
///     fn execute(self) -> u32 {
///         self.0.iter().sum()
///     }
/// }
///
/// let thread = Builder::new().name("sum").spawn_thread(Sum(vec![1, 2, 3]))?;
/// assert_eq!(thread.join().unwrap(), 6);
/// # Ok::<(), ts_thread::StartError>(())
/// ```
pub trait Execute: Send + 'static {
    /// What the thread answers when it is joined.
    type Output: Send + 'static;

    /// Runs on the new thread.
    fn execute(self) -> Self::Output;
}

/// What a thread will be like: name, stack, processors, timer slack.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use ts_thread::{Builder, timer_slack};
///
/// let thread = Builder::new()
///     .name("[ET_NET 0]")
///     .stack_size(512 << 10)
///     .timer_slack(Duration::from_nanos(1))
///     .spawn(|| timer_slack().unwrap())?;
/// assert_eq!(thread.name(), Some("[ET_NET 0]"));
/// assert_eq!(thread.join().unwrap(), Duration::from_nanos(1));
/// # Ok::<(), ts_thread::StartError>(())
/// ```
#[derive(Debug)]
#[must_use = "nothing starts before `spawn`"]
pub struct Builder {
    name: Option<String>,
    stack_size: usize,
    guard_pages: usize,
    region: Option<StackRegion>,
    cpus: Option<Vec<usize>>,
    slack: Option<Duration>,
}

impl Builder {
    /// A thread without a name, with a stack of [`DEFAULT_STACK_SIZE`] above one guard page, on any processor, with the
    /// timer slack of whoever starts it.
    pub fn new() -> Self {
        Self {
            name: None,
            stack_size: DEFAULT_STACK_SIZE,
            guard_pages: DEFAULT_GUARD_PAGES,
            region: None,
            cpus: None,
            slack: None,
        }
    }

    /// The thread's name.
    ///
    /// The system (`ps -T`, debuggers) sees the first 15 bytes, cut between characters; [`current`](crate::current()) gives
    /// it in full. A NUL in it is an error of `spawn`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The size of the stack in bytes, without the guard.
    ///
    /// Raised to [`min_stack_size`](crate::min_stack_size), then rounded up to whole pages. Does nothing for a thread
    /// with a [`stack_region`](Self::stack_region). The system keeps a few kilobytes of it for itself.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = bytes;
        self
    }

    /// How many pages below the stack cannot be touched. Does nothing for a thread with a
    /// [`stack_region`](Self::stack_region), which has its own.
    ///
    /// One page catches a recursion without end. A function with large local arrays may step over it; more pages cost
    /// only address space.
    pub fn guard_pages(mut self, pages: usize) -> Self {
        self.guard_pages = pages;
        self
    }

    /// Memory for the stack that the caller chose; freed when the thread is really over, or when it does not start.
    pub fn stack_region(mut self, region: StackRegion) -> Self {
        self.region = Some(region);
        self
    }

    /// The processors that the thread may run on, by the system's numbers, exactly these.
    ///
    /// An empty set, or one with a processor that the process may not use, is an error of `spawn`.
    pub fn cpu_set(mut self, cpus: &[usize]) -> Self {
        self.cpus = Some(cpus.to_vec());
        self
    }

    /// How late the system may wake the thread from a timed sleep; see [`set_timer_slack`].
    pub fn timer_slack(mut self, slack: Duration) -> Self {
        self.slack = Some(slack);
        self
    }

    /// Starts a thread that runs `f`.
    ///
    /// Any thread may call it. If processors or a timer slack are asked for, it waits until the new thread has them.
    ///
    /// # Errors
    ///
    /// [`StartError`] says which limit was hit; `f` is dropped without being called.
    pub fn spawn<F, T>(self, f: F) -> Result<JoinHandle<T>, StartError>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        // The registration with the kernel is cheap only while the process has one thread.
        fence::prepare();
        let os_name = self.name.as_deref().map(os_name).transpose()?;
        let packet = Arc::new(Packet {
            id: ContextId::fresh(),
            name: self.name.map(Arc::from),
            state: Futex::new(STARTING),
            refusal: Mutex::new(None),
            answer: Mutex::new(None),
        });
        let stack = match self.region {
            Some(region) => Stack::Region(region),
            None => Stack::Allocated {
                size: self.stack_size,
                guard: self.guard_pages.saturating_mul(page_size()),
            },
        };
        let place = Place { os_name, cpus: self.cpus, slack: self.slack };
        let can_be_refused = place.cpus.is_some() || place.slack.is_some();
        let theirs = packet.clone();
        let os = start::start(stack, Box::new(move || theirs.run(place, f)))?;
        if can_be_refused && packet.wait_while(STARTING) == REFUSED {
            os.join();
            return Err(take(&packet.refusal).expect("who refuses says why"));
        }
        Ok(JoinHandle { packet, os: Some(os) })
    }

    /// Starts a thread that runs [`Execute::execute`] of `thread`.
    ///
    /// # Errors
    ///
    /// As for [`spawn`](Self::spawn).
    pub fn spawn_thread<E: Execute>(self, thread: E) -> Result<JoinHandle<E::Output>, StartError> {
        self.spawn(move || thread.execute())
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

/// The name as the system takes it.
fn os_name(name: &str) -> Result<CString, StartError> {
    let refused = |_| StartError::NulInName { name: name.to_owned() };
    // The whole of it, so that a NUL behind the cut is not a matter of luck.
    CString::new(name).map_err(refused)?;
    CString::new(&name[..name.floor_char_boundary(OS_NAME_BYTES)]).map_err(refused)
}

/// What a new thread settles before it runs its function.
struct Place {
    os_name: Option<CString>,
    cpus: Option<Vec<usize>>,
    slack: Option<Duration>,
}

impl Place {
    fn settle(self) -> Result<(), StartError> {
        if let Some(name) = self.os_name {
            // A sandbox may refuse it. A thread without its name is no reason not to work.
            let _ = rustix::thread::set_name(&name);
        }
        if let Some(cpus) = self.cpus {
            affinity::bind(&cpus)?;
        }
        if let Some(slack) = self.slack {
            let call = "prctl(PR_SET_TIMERSLACK)";
            set_timer_slack(slack).map_err(|source| StartError::Os { call, source })?;
        }
        Ok(())
    }
}

/// What a thread and its handle share.
struct Packet<T> {
    id: ContextId,
    name: Option<Arc<str>>,
    state: Futex,
    refusal: Mutex<Option<StartError>>,
    answer: Mutex<Option<std::thread::Result<T>>>,
}

impl<T> Packet<T> {
    /// The whole life of the thread. Does not unwind.
    fn run(self: Arc<Self>, place: Place, f: impl FnOnce() -> T) {
        current::begin_thread(self.id, self.name.clone());
        if let Err(error) = place.settle() {
            // `f` may have a destructor that panics; nobody would hear of it.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(f)));
            put(&self.refusal, error);
            current::end_thread();
            self.enter(REFUSED);
            return;
        }
        self.enter(RUNNING);
        let mut answer = catch_unwind(AssertUnwindSafe(f));
        if let Err(panic) = catch_unwind(current::end_thread) {
            // Of two panics the first one counts. A good answer is dropped, behind the same protection.
            if let Ok(value) = std::mem::replace(&mut answer, Err(panic)) {
                let _ = catch_unwind(AssertUnwindSafe(|| drop(value)));
            }
        }
        put(&self.answer, answer);
        self.enter(FINISHED);
        // If the handle is gone, this drops the answer, whose destructor may panic too.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(self)));
    }

    fn enter(&self, state: u32) {
        // Release [thread-end]: everything that the thread did is visible to who sees the state.
        self.state.word().store(state, Ordering::Release);
        self.state.wake_all();
    }

    fn state(&self) -> u32 {
        // Acquire [thread-end]: what the thread did before it entered the state is visible.
        self.state.word().load(Ordering::Acquire)
    }

    /// Waits until the state is another one than `state`, and returns that.
    fn wait_while(&self, state: u32) -> u32 {
        loop {
            match self.state() {
                same if same == state => {
                    self.state.wait(state, HrTime::MAX);
                }
                other => return other,
            }
        }
    }

    /// Waits until the thread is finished, or the deadline; returns whether it is.
    fn wait_finished(&self, deadline: HrTime) -> bool {
        loop {
            let state = self.state();
            if state == FINISHED {
                return true;
            }
            if self.state.wait(state, deadline) == Waited::DeadlineReached {
                return self.state() == FINISHED;
            }
        }
    }
}

fn put<V>(place: &Mutex<Option<V>>, value: V) {
    *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
}

fn take<V>(place: &Mutex<Option<V>>) -> Option<V> {
    place.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// The right to wait for a thread and to have its answer.
///
/// Dropping it leaves the thread: it goes on alone, and its answer is dropped.
#[must_use = "dropping the handle leaves the thread to itself"]
pub struct JoinHandle<T> {
    packet: Arc<Packet<T>>,
    /// Present until joined or left.
    os: Option<OsThread>,
}

impl<T> JoinHandle<T> {
    /// The id of the thread's context, known before the thread has begun.
    pub fn id(&self) -> ContextId {
        self.packet.id
    }

    /// The thread's full name.
    pub fn name(&self) -> Option<&str> {
        self.packet.name.as_deref()
    }

    /// Whether the thread's function has returned or panicked, and its storage is dropped. A join would not wait for it.
    pub fn is_finished(&self) -> bool {
        self.packet.state() == FINISHED
    }

    /// Waits for the end of the thread and returns its answer.
    ///
    /// # Errors
    ///
    /// The payload, if the thread panicked, be it in its function or in a destructor of its storage.
    ///
    /// # Panics
    ///
    /// When a thread joins itself.
    pub fn join(self) -> std::thread::Result<T> {
        assert_ne!(self.packet.id, current_id(), "a thread cannot wait for its own end");
        self.packet.wait_finished(HrTime::MAX);
        self.take_answer()
    }

    /// Waits for the end of the thread until `deadline`, a point of the real clock, and returns its answer.
    ///
    /// Once the thread counts as [finished](Self::is_finished), what the system still has to do is waited for without a
    /// deadline; that includes destructors of the standard library's thread-locals.
    ///
    /// # Errors
    ///
    /// The handle, if the thread is not finished at the deadline. The inner result is that of [`join`](Self::join).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::mpsc::channel;
    /// use std::time::Duration;
    /// use ts_thread::{Builder, Clock};
    ///
    /// let (stop, stopped) = channel::<()>();
    /// let thread = Builder::new().spawn(move || stopped.recv().is_err())?;
    /// let soon = Clock::real().now() + Duration::from_millis(1);
    /// let thread = thread.join_until(soon).expect_err("it waits for us");
    /// drop(stop);
    /// assert!(thread.join().unwrap());
    /// # Ok::<(), ts_thread::StartError>(())
    /// ```
    pub fn join_until(self, deadline: HrTime) -> Result<std::thread::Result<T>, Self> {
        if self.packet.wait_finished(deadline) { Ok(self.take_answer()) } else { Err(self) }
    }

    /// The answer of a thread that is finished.
    fn take_answer(mut self) -> std::thread::Result<T> {
        if let Some(os) = self.os.take() {
            os.join();
        }
        take(&self.packet.answer)
            .expect("a finished thread has put its answer, and only a consumed handle takes it")
    }
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        if let Some(os) = self.os.take() {
            os.leave();
        }
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle")
            .field("id", &self.packet.id)
            .field("name", &self.packet.name)
            .field("finished", &self.is_finished())
            .finish_non_exhaustive()
    }
}

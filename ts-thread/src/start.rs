//! Starting OS threads, and finding out when they are gone: the one place that talks to the system's thread library.
//!
//! # Rules
//! * A thread that was started is either joined or left, exactly once ([`OsThread`] is consumed by both).
//! * The memory of a stack region outlives the thread. For a thread that was left nobody waits, so its region goes to a
//!   list; who starts or leaves a thread later looks there for threads that have ended meanwhile.
//! * No panic crosses into the system's library: what a thread runs catches its own.
//!
//! The standard library's `Builder` would do for most threads, but it takes neither stack memory nor a guard size, and
//! two ways to start a thread would have to be kept alike. The price: the standard library has no name for our threads,
//! so its panic message calls them unnamed; `current().name()` and the system know it.

use std::ffi::c_void;
use std::io;
use std::mem::MaybeUninit;
use std::process::abort;
use std::ptr;
use std::sync::{Mutex, PoisonError};

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use rustix::process::{Resource, getrlimit};

use crate::error::StartError;
use crate::stack::{StackRegion, min_stack_size, whole_pages};

/// Which memory a thread runs on.
pub(crate) enum Stack {
    /// The system finds some: so many bytes, above a guard of so many bytes.
    Allocated { size: usize, guard: usize },
    /// The caller's.
    Region(StackRegion),
}

/// What a thread runs. It must not unwind.
pub(crate) type Main = Box<dyn FnOnce() + Send>;

/// A thread of the operating system that nobody has joined or left yet.
pub(crate) struct OsThread {
    thread: libc::pthread_t,
    region: Option<StackRegion>,
}

// SAFETY: the handle may be used by any thread (it is an integer or an opaque pointer that only the library follows).
unsafe impl Send for OsThread {}
// SAFETY: nothing can be done with a shared reference.
unsafe impl Sync for OsThread {}

/// Starts a thread that runs `main` on `stack`.
pub(crate) fn start(stack: Stack, main: Main) -> Result<OsThread, StartError> {
    sweep();
    let mut attributes = Attributes::new()?;
    let needed = min_stack_size();
    let (size, guard, region) = match stack {
        Stack::Allocated { size, guard } => {
            let size = whole_pages(size.max(needed));
            attributes.set_size(size, guard)?;
            (size, guard, None)
        }
        Stack::Region(region) => {
            if region.size() < needed {
                return Err(StartError::StackTooSmall { given: region.size(), needed });
            }
            attributes.set_region(&region)?;
            (region.size(), 0, Some(region))
        }
    };

    let mut thread = MaybeUninit::uninit();
    // A box in a box: a `dyn` pointer is two words, and the library hands on one.
    let argument = Box::into_raw(Box::new(main));
    // SAFETY: attributes that were initialised, a function of the right type, and an argument that `run` takes over. The
    // region, if any, is kept in the `OsThread` until the thread has ended.
    let code =
        unsafe { libc::pthread_create(thread.as_mut_ptr(), attributes.as_ptr(), run, argument.cast()) };
    if code != 0 {
        // SAFETY: no thread was started, so `run` did not take it, and we take it back.
        drop(unsafe { Box::from_raw(argument) });
        return Err(explain(code, size, guard, region.is_some()));
    }
    // SAFETY: `pthread_create` succeeded, so it has written the handle.
    let thread = unsafe { thread.assume_init() };
    Ok(OsThread { thread, region })
}

extern "C" fn run(argument: *mut c_void) -> *mut c_void {
    // SAFETY: the box that `start` made, handed over to this thread alone.
    let main = unsafe { Box::from_raw(argument.cast::<Main>()) };
    main();
    ptr::null_mut()
}

impl OsThread {
    /// Waits until the thread is gone, then frees its region. Not to be called by the thread itself.
    pub(crate) fn join(self) {
        // SAFETY: neither joined nor detached before, since that consumes the handle.
        let code = unsafe { libc::pthread_join(self.thread, ptr::null_mut()) };
        if code != 0 {
            // The only reason left is a deadlock: two threads join each other. Going on would free a stack in use.
            eprintln!("ts-thread: joining a thread failed: {}", io::Error::from_raw_os_error(code));
            abort();
        }
    }

    /// Lets the thread go on alone. Its region is freed after it has ended.
    pub(crate) fn leave(self) {
        if self.region.is_some() {
            left().push(self);
            sweep();
        } else {
            // SAFETY: neither joined nor detached before, since that consumes the handle.
            let code = unsafe { libc::pthread_detach(self.thread) };
            debug_assert_eq!(code, 0, "detaching a joinable thread failed");
        }
    }
}

/// Threads that were left while they may still use their region.
static LEFT: Mutex<Vec<OsThread>> = Mutex::new(Vec::new());

fn left() -> std::sync::MutexGuard<'static, Vec<OsThread>> {
    // A poisoned list is still a list: nothing that can panic happens halfway through a change.
    LEFT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Frees the regions of left threads that are gone, without waiting for others.
fn sweep() {
    let gone: Vec<OsThread> = left()
        .extract_if(.., |left| {
            // SAFETY: neither joined nor detached before: joining it here takes it off the list. It answers "busy" until
            // the kernel has reported that the thread runs no more.
            unsafe { libc::pthread_tryjoin_np(left.thread, ptr::null_mut()) == 0 }
        })
        .collect();
    // With the list unlocked, since this runs foreign code.
    drop(gone);
}

/// The library's description of a thread to be.
struct Attributes(Box<libc::pthread_attr_t>);

impl Attributes {
    fn new() -> Result<Self, StartError> {
        let mut attributes = Box::new(MaybeUninit::uninit());
        // SAFETY: room for one description, which is initialised thereby.
        check("pthread_attr_init", unsafe { libc::pthread_attr_init(attributes.as_mut_ptr()) })?;
        // SAFETY: initialised by the call above, which has succeeded.
        Ok(Self(unsafe { attributes.assume_init() }))
    }

    fn set_size(&mut self, size: usize, guard: usize) -> Result<(), StartError> {
        // SAFETY: an initialised description that only this thread uses.
        check("pthread_attr_setstacksize", unsafe {
            libc::pthread_attr_setstacksize(&raw mut *self.0, size)
        })?;
        // SAFETY: as above.
        check("pthread_attr_setguardsize", unsafe {
            libc::pthread_attr_setguardsize(&raw mut *self.0, guard)
        })
    }

    fn set_region(&mut self, region: &StackRegion) -> Result<(), StartError> {
        let base = region.base().as_ptr().cast();
        // SAFETY: an initialised description; that the memory is fit for it is what a `StackRegion` promises.
        check("pthread_attr_setstack", unsafe {
            libc::pthread_attr_setstack(&raw mut *self.0, base, region.size())
        })
    }

    fn as_ptr(&self) -> *const libc::pthread_attr_t {
        &raw const *self.0
    }
}

impl Drop for Attributes {
    fn drop(&mut self) {
        // SAFETY: initialised in `new`, and not used afterwards.
        unsafe { libc::pthread_attr_destroy(&raw mut *self.0) };
    }
}

fn check(call: &'static str, code: libc::c_int) -> Result<(), StartError> {
    match code {
        0 => Ok(()),
        code => Err(StartError::Os { call, source: io::Error::from_raw_os_error(code) }),
    }
}

/// Which limit made `pthread_create` fail.
fn explain(code: libc::c_int, size: usize, guard: usize, has_region: bool) -> StartError {
    let source = io::Error::from_raw_os_error(code);
    // The library says "try again" both when the stack cannot be mapped and when the kernel refuses the thread, so try
    // the former.
    if !has_region && !can_map(size.saturating_add(guard)) {
        return StartError::NoAddressSpace { size, source };
    }
    match code {
        libc::EAGAIN => StartError::ThreadLimit { nproc: getrlimit(Resource::Nproc).current, source },
        // Only when the program's thread-local variables, which lie on the stack, leave too little of it.
        libc::EINVAL => StartError::StackTooSmall { given: size, needed: size.saturating_add(1) },
        _ => StartError::Os { call: "pthread_create", source },
    }
}

fn can_map(size: usize) -> bool {
    let flags = MapFlags::PRIVATE | MapFlags::NORESERVE | MapFlags::STACK;
    // SAFETY: a new private mapping at a place that the system chooses.
    match unsafe { mmap_anonymous(ptr::null_mut(), size, ProtFlags::READ | ProtFlags::WRITE, flags) } {
        // SAFETY: exactly the mapping just made, which nobody uses.
        Ok(mapping) => unsafe { munmap(mapping, size) }.is_ok(),
        Err(_) => false,
    }
}

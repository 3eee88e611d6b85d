//! Memory for a thread's stack that its caller chose.
//!
//! # Rules
//! * A region belongs to one thread from the start of the thread until the system is done with it, which is later than the
//!   return of the thread's function. Only then is it freed.
//! * Stacks grow downwards, so the guard is at the low end.

use std::fmt;
use std::io;
use std::ptr::{self, NonNull};

use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect, munmap};
use rustix::param::page_size;

/// The stack that a thread gets if nothing else is said: 1 MiB.
///
/// A compromise: handlers of event threads nest a few deep and may call C libraries, and a thousand such threads take a
/// gigabyte of address space, of which only what is touched becomes memory.
pub const DEFAULT_STACK_SIZE: usize = 1 << 20;

/// Below this a Rust program does not even get through a panic with a backtrace: 64 KiB.
const LEAST_USEFUL: usize = 64 << 10;

/// The smallest stack that a thread gets here, in bytes: what the system asks for, but 64 KiB at least.
///
/// [`Builder::stack_size`](crate::Builder::stack_size) raises smaller requests to this.
pub fn min_stack_size() -> usize {
    // SAFETY: asks for a number, touches no memory of ours.
    let asked = unsafe { libc::sysconf(libc::_SC_THREAD_STACK_MIN) };
    usize::try_from(asked).unwrap_or(0).max(libc::PTHREAD_STACK_MIN).max(LEAST_USEFUL)
}

/// `size` rounded up to whole pages, or the largest such number.
pub(crate) fn whole_pages(size: usize) -> usize {
    let page = page_size();
    size.checked_next_multiple_of(page).unwrap_or(usize::MAX - (page - 1))
}

/// Memory for the stack of one thread.
///
/// Given to [`Builder::stack_region`](crate::Builder::stack_region), it belongs to the thread, and is freed when the thread has
/// really ended: at [`join`](crate::JoinHandle::join), or, for a thread that was left, some time later.
///
/// # Examples
///
/// ```
/// use ts_thread::{Builder, StackRegion};
///
/// let region = StackRegion::from_mmap(256 << 10, 4)?;
/// let thread = Builder::new().stack_region(region).spawn(|| 6 * 7)?;
/// assert_eq!(thread.join().unwrap(), 42);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct StackRegion {
    base: NonNull<u8>,
    size: usize,
    release: Option<Box<dyn FnOnce() + Send>>,
}

// SAFETY: the region is memory that nothing else refers to, and `release` is `Send`.
unsafe impl Send for StackRegion {}

impl StackRegion {
    /// Maps `size` bytes, rounded up to whole pages, above `guard_pages` pages that cannot be touched.
    ///
    /// An overflow of the stack by less than the guard ends the process with a segmentation fault instead of writing on
    /// somebody else's memory. The memory is reserved, and becomes real page by page when it is touched.
    ///
    /// # Errors
    ///
    /// What the system says when it refuses the mapping, usually that there is no memory or address space.
    pub fn from_mmap(size: usize, guard_pages: usize) -> io::Result<Self> {
        let size = whole_pages(size.max(1));
        let guard = guard_pages.saturating_mul(page_size());
        let whole = size.checked_add(guard).ok_or(io::ErrorKind::OutOfMemory)?;
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE | MapFlags::STACK;
        // SAFETY: a new private mapping at a place that the system chooses; nobody's memory changes.
        let low = unsafe { mmap_anonymous(ptr::null_mut(), whole, ProtFlags::empty(), flags)? };
        let unmap = Unmap { low: low as usize, whole };
        // SAFETY: `guard` is less than the mapping's length, so this stays within it.
        let base = unsafe { low.byte_add(guard) };
        // SAFETY: the upper `size` bytes of the mapping just made, which nobody uses yet.
        unsafe { mprotect(base, size, MprotectFlags::READ | MprotectFlags::WRITE)? };
        let base = NonNull::new(base.cast()).expect("a mapping is never at address zero");
        Ok(Self { base, size, release: Some(Box::new(move || drop(unmap))) })
    }

    /// Takes memory that the caller has: `size` bytes from `base` upwards, without a guard unless they lie above one.
    ///
    /// `release` is called once, by whichever thread finds out, when neither the thread nor the system uses the memory any
    /// more: also when the region was never used, or the thread did not start. It must not block for long.
    ///
    /// # Safety
    ///
    /// The memory must be readable and writable, `base` and `size` multiples of 16, and nobody else may use it from now
    /// until `release` is called.
    pub unsafe fn from_raw_parts(
        base: NonNull<u8>,
        size: usize,
        release: impl FnOnce() + Send + 'static,
    ) -> Self {
        Self { base, size, release: Some(Box::new(release)) }
    }

    /// The lowest address of the stack proper, above the guard.
    pub fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// The size of the stack proper in bytes, without the guard.
    pub fn size(&self) -> usize {
        self.size
    }
}

impl Drop for StackRegion {
    fn drop(&mut self) {
        if let Some(release) = self.release.take() {
            release();
        }
    }
}

impl fmt::Debug for StackRegion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StackRegion")
            .field("base", &self.base)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

/// Unmaps the mapping when dropped.
struct Unmap {
    low: usize,
    whole: usize,
}

impl Drop for Unmap {
    fn drop(&mut self) {
        // SAFETY: exactly the mapping that `from_mmap` made. It is dropped with the region, which is kept until no
        // thread uses it.
        let unmapped = unsafe { munmap(ptr::with_exposed_provenance_mut(self.low), self.whole) };
        debug_assert!(unmapped.is_ok(), "unmapping a stack failed: {unmapped:?}");
    }
}

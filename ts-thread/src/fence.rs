//! A pair of fences of which one side is free: for protocols where one side runs all the time and the other rarely.
//!
//! Two threads each write one word and then read the other's. With a full fence between write and read on both
//! sides, at least one of them sees the other's write. [`light`] and [`heavy`] keep that promise but move its cost: the
//! side that calls `light` pays (almost) nothing, the side that calls `heavy` pays for both.
//!
//! # Rules
//! * `light` pairs with `heavy`, and `heavy` with `heavy`. Two `light`s promise nothing to each other.
//! * Both sides put their fence between their write and their read. The accesses themselves may be Relaxed atomics.
//!
//! # Ordering
//! Call the light side's accesses `W1; light; R1` and the heavy side's `W2; heavy; R2`, where `R1` reads what `W2` writes and
//! `R2` what `W1` writes. Not both reads may miss. On Linux `heavy` is `membarrier(PRIVATE_EXPEDITED)`: the kernel lets
//! every processor that runs a thread of this process pass through a full barrier before the call returns; a thread
//! that is not running has passed through one when it was switched out. So, for the light thread, there is a moment
//! inside the call at which it executes a full barrier. `light` keeps the *compiler* from moving `W1` and `R1` across
//! each other, hence that moment is, in program order, either before `R1` or after `W1`:
//! * after `W1`: `W1` is visible before the call returns, and `R2`, which comes after the call, sees it;
//! * before `R1`: `W2` was made visible before the call began, and `R1` comes after the barrier, so it sees `W2`.
//!
//! Which of the two ways is used is chosen once, at the first use of either half or of [`prepare`], and never changes
//! (`[fence-mode]`). A `light` that does not know the choice yet is a full fence, which is right with either kind of
//! `heavy`. Where the kernel refuses (an old kernel, a sandbox), or the environment has `TS_THREAD_NO_MEMBARRIER` set to
//! something that is not empty, both halves are `SeqCst` fences. So they are under loom, which cannot model the
//! kernel's barrier.
//!
//! Rust's memory model has no word for this call. The argument above is the one that every user of `membarrier`
//! makes; it rests on the kernel's promise and on the compiler fence.
//!
//! A read-modify-write on both sides would do without fences, but the light side is every unlock of every mutex.

#[cfg(not(loom))]
#[path = "fence/membarrier.rs"]
mod half;

#[cfg(loom)]
#[path = "fence/model.rs"]
mod half;

/// Orders this thread's earlier writes before its later reads, as far as threads that call [`heavy`] can tell.
///
/// The cheap half: one load of a word that never changes, a branch that always goes the same way, and a compiler
/// fence. Any thread may call it.
#[inline(always)]
pub fn light() {
    half::light();
}

/// Orders this thread's earlier writes before its later reads, as far as any thread that calls [`light`] or `heavy` can tell.
///
/// The dear half: a system call that interrupts every other processor on which this process runs, about a
/// microsecond. Any thread may call it.
///
/// # Aborts
///
/// If the kernel stops to offer the barrier after it was chosen (a sandbox that was entered later and forbids it).
/// Going on would break every protocol that relies on the pair.
#[inline]
pub fn heavy() {
    half::heavy();
}

/// Whether the kernel's barrier is used, so that [`light`] is nearly free; chooses if nobody has.
///
/// For diagnostics and tests: the pair keeps its promise either way.
pub fn is_asymmetric() -> bool {
    half::is_asymmetric()
}

/// Chooses how the pair works, if that was not done yet.
///
/// Nobody has to call it. The registration with the kernel takes milliseconds when the process already has several
/// threads and next to nothing when it has one, so a program that cares calls this early in `main`.
pub fn prepare() {
    half::is_asymmetric();
}

/// Evidence that the kernel's barrier is used: whoever has it runs the light half without asking for that each time.
///
/// For loops that run it often and can be made twice: one with the evidence, and one for systems where there is none.
///
/// # Examples
///
/// ```
/// use ts_thread::fence;
///
/// let known = fence::Asymmetric::known();
/// assert_eq!(known.is_some(), fence::is_asymmetric());
/// match known {
///     Some(fence) => fence.light(),
///     None => fence::light(),
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Asymmetric(());

impl Asymmetric {
    /// The evidence, if the kernel's barrier is used; chooses if nobody has. In a model there always is.
    #[inline]
    pub fn known() -> Option<Self> {
        half::is_known_asymmetric().then_some(Self(()))
    }

    /// As [`light`]: a fence for the compiler, and no instruction.
    #[inline(always)]
    pub fn light(self) {
        half::light_asymmetric();
    }
}

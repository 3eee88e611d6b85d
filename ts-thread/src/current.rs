//! Which context runs here: the thread-local slot.
//!
//! The slot holds the id of the running context and a pointer to its block (name and storage). It is constant at the
//! start and has no destructor, so reading it is one load from thread-local memory, at any time of a thread's life,
//! also while its other thread-locals are being destroyed.
//!
//! # Rules
//! * The id is given at the first question, not at the start of the thread: foreign threads do not announce themselves.
//! * The block pointer is null or points to a block that lives as long as the pointer stands here. The block of an
//!   OS thread belongs to [`Owner`], a second thread-local whose destructor tears it down; the block of a simulated
//!   context belongs to that, which is borrowed while it is entered.
//! * Only [`Scope`] changes which context a thread runs, and it changes it back, also when a panic passes.
//!
//! One thread-local with a destructor would be simpler, but each access to such a one asks whether it still lives.

use std::cell::Cell;
use std::ptr;
use std::sync::Arc;

use crate::context::{ContextId, ContextKind, Current};
use crate::storage::Block;

/// What the thread knows about who runs. Copied out and in by [`Scope`].
#[derive(Clone, Copy)]
struct Running {
    /// [`UNASKED`] until somebody asks.
    id: u64,
    kind: ContextKind,
    /// Null until something is stored.
    block: *const Block,
    /// The block was torn down; there will be no other.
    gone: bool,
}

/// No id, and not the number that stands for nobody either: so a word that says who holds something can be compared with
/// the slot at once, whatever it says.
const UNASKED: u64 = u64::MAX;

struct Slot {
    id: Cell<u64>,
    kind: Cell<ContextKind>,
    block: Cell<*const Block>,
    gone: Cell<bool>,
}

impl Slot {
    const fn new() -> Self {
        Self {
            id: Cell::new(UNASKED),
            kind: Cell::new(ContextKind::Foreign),
            block: Cell::new(ptr::null()),
            gone: Cell::new(false),
        }
    }

    fn get(&self) -> Running {
        Running { id: self.id.get(), kind: self.kind.get(), block: self.block.get(), gone: self.gone.get() }
    }

    fn set(&self, running: Running) {
        self.id.set(running.id);
        self.kind.set(running.kind);
        self.block.set(running.block);
        self.gone.set(running.gone);
    }
}

crate::sync::thread_local! {
    static SLOT: Slot = const { Slot::new() };
    static OWNER: Owner = const { Owner(Cell::new(ptr::null_mut())) };
}

/// The id of the context that runs here.
///
/// One load from thread-local memory and a branch that is taken the same way but for the first call. Any thread may
/// call it, at any time, also while its thread-locals are destroyed; a thread keeps its id to its end.
#[inline]
pub fn current_id() -> ContextId {
    // Only under loom can the slot be gone, while a modelled thread ends. Whoever asks then is nobody we know.
    SLOT.try_with(|slot| match ContextId::from_raw(slot.id.get()) {
        Some(id) => id,
        None => assign(slot),
    })
    .unwrap_or_else(|_| ContextId::fresh())
}

/// Whether `id` is that of the running context: [`current_id`]` == id` without its branch for a context that has no id yet.
///
/// # Examples
///
/// ```
/// let me = ts_thread::current_id();
/// assert!(ts_thread::is_current(me));
/// std::thread::spawn(move || assert!(!ts_thread::is_current(me))).join().unwrap();
/// ```
#[inline]
pub fn is_current(id: ContextId) -> bool {
    is_current_raw(id.get())
}

/// Whether `raw` is the number of the running context's id; for words that hold an id or something else.
///
/// One comparison with thread-local memory, whether `raw` is the number of an id or not. Any number may be asked for but
/// `u64::MAX`, which may look like the id of a context that has none yet.
///
/// # Examples
///
/// ```
/// let word = ts_thread::current_id().get();
/// assert!(ts_thread::is_current_raw(word));
/// assert!(!ts_thread::is_current_raw(0), "nobody");
/// ```
#[inline(always)]
pub fn is_current_raw(raw: u64) -> bool {
    debug_assert_ne!(raw, UNASKED, "it looks like one that has no id yet");
    SLOT.try_with(|slot| slot.id.get() == raw).unwrap_or(false)
}

#[cold]
#[inline(never)]
fn assign(slot: &Slot) -> ContextId {
    let id = ContextId::fresh();
    slot.id.set(id.get());
    id
}

/// Who runs here: id, kind and name.
///
/// Dearer than [`current_id`], since it may have to copy a name. Any thread may call it.
///
/// # Examples
///
/// ```
/// use ts_thread::ContextKind;
///
/// let main = ts_thread::current();
/// assert_eq!(main.kind(), ContextKind::Foreign);
///
/// let thread = ts_thread::Builder::new().name("[ET_NET 0]").spawn(ts_thread::current)?;
/// let id = thread.id();
/// let seen = thread.join().unwrap();
/// assert_eq!(seen.kind(), ContextKind::Started);
/// assert_eq!(seen.name(), Some("[ET_NET 0]"));
/// assert_eq!(seen.id(), id);
/// # Ok::<(), ts_thread::StartError>(())
/// ```
pub fn current() -> Current {
    let id = current_id();
    let kind = SLOT.try_with(|slot| slot.kind.get()).unwrap_or(ContextKind::Foreign);
    let name = match block() {
        Some(block) if kind != ContextKind::Foreign => block.name(),
        _ if kind == ContextKind::Foreign => std::thread::current().name().map(Arc::from),
        _ => None,
    };
    Current { id, kind, name }
}

/// The block of the running context, if there is one.
///
/// The reference must not outlive the caller's call: it is handed out as `'static` only because nothing shorter can be
/// named. Everybody in this crate uses it within one expression or one call of a user's closure.
#[inline]
pub(crate) fn block() -> Option<&'static Block> {
    let block = SLOT.try_with(|slot| slot.block.get()).unwrap_or(ptr::null());
    // SAFETY: null, or a block that lives while the pointer stands in the slot (see the rules above). Code that runs
    // below the caller can enter other contexts, but leaves them before it returns; the block goes only when its
    // thread ends or its simulated context is dropped, which is borrowed for as long as it is entered.
    unsafe { block.as_ref() }
}

/// The block of the running context, made if there is none, or `None` if it was torn down.
#[cold]
#[inline(never)]
pub(crate) fn block_or_new() -> Option<&'static Block> {
    if let Some(block) = block() {
        return Some(block);
    }
    // A simulated context always has its block, so this is an OS thread that stores something for the first time.
    if SLOT.try_with(|slot| slot.gone.get()).unwrap_or(true) {
        return None;
    }
    own(Block::new(None))
}

/// Makes `block` this OS thread's own, to be torn down when the thread ends; `None` if that is already happening.
fn own(block: Block) -> Option<&'static Block> {
    OWNER
        .try_with(|owner| {
            let block = Box::into_raw(Box::new(block));
            owner.0.set(block);
            SLOT.with(|slot| slot.block.set(block));
        })
        .ok()?;
    self::block()
}

/// Tells this OS thread, which has just begun, who it is.
pub(crate) fn begin_thread(id: ContextId, name: Option<Arc<str>>) {
    SLOT.with(|slot| {
        slot.id.set(id.get());
        slot.kind.set(ContextKind::Started);
    });
    own(Block::new(name));
}

/// Tears down this OS thread's storage now, ahead of its thread-locals.
pub(crate) fn end_thread() {
    // An error means that the thread-locals are being destroyed, and `Owner` with them.
    let _ = OWNER.try_with(Owner::tear_down);
}

/// Owns the block of an OS thread. The destructor runs when the thread ends.
struct Owner(Cell<*mut Block>);

impl Owner {
    fn tear_down(&self) {
        let block = self.0.replace(ptr::null_mut());
        if block.is_null() {
            return;
        }
        /// Frees the block even when the destructor of a stored value panics.
        struct Free(*mut Block);
        impl Drop for Free {
            fn drop(&mut self) {
                // An error means, under loom only, that the slot went first.
                let _ = SLOT.try_with(|slot| {
                    slot.block.set(ptr::null());
                    slot.gone.set(true);
                });
                // SAFETY: it was boxed in `own` and taken out of the owner above, so this happens once; the slot no
                // longer points to it, and the values' destructors, the last that used it, have returned.
                drop(unsafe { Box::from_raw(self.0) });
            }
        }
        let free = Free(block);
        // SAFETY: alive until `free` is dropped, after this call.
        unsafe { (*free.0).tear_down() };
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.tear_down();
    }
}

/// While it lives, another context runs on this OS thread. Made and dropped by [`Scope::run`] only.
pub(crate) struct Scope {
    before: Running,
}

impl Scope {
    /// Runs `f` as the simulated context `id`, whose block is `block`.
    pub(crate) fn run<R>(id: ContextId, block: &Block, f: impl FnOnce() -> R) -> R {
        let now = Running { id: id.get(), kind: ContextKind::Simulated, block, gone: false };
        let _scope = SLOT.with(|slot| {
            let before = slot.get();
            slot.set(now);
            Scope { before }
        });
        f()
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        SLOT.with(|slot| slot.set(self.before));
    }
}

//! What a context stores: a table from slot index to value, and the order in which the values came.
//!
//! # Rules
//! * A block is used by one OS thread only (it is neither `Send` nor `Sync`).
//! * The table holds thin pointers to boxed values, so it may grow while somebody looks at a value. It is touched in
//!   short steps that call no foreign code; constructors and destructors run between them.
//! * An index belongs to one [`ContextLocal`](crate::ContextLocal) for ever, which is what makes the type of a slot known.
//! * Slot 0 stays empty: it is the index of a `ContextLocal` that was never used.

use std::any::Any;
use std::cell::{Cell, RefCell, UnsafeCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr;
use std::sync::Arc;

/// A stored value that has to be dropped.
struct Stored {
    index: usize,
    value: *mut (),
    drop: unsafe fn(*mut ()),
}

/// The name and the storage of one context.
pub(crate) struct Block {
    name: Option<Arc<str>>,
    /// Null: nothing there, or not to be seen any more.
    table: UnsafeCell<Vec<*const ()>>,
    /// In order of creation.
    stored: RefCell<Vec<Stored>>,
    /// Slots whose constructor is running.
    in_making: RefCell<Vec<usize>>,
    closing: Cell<bool>,
}

impl Block {
    pub(crate) fn new(name: Option<Arc<str>>) -> Self {
        Self {
            name,
            table: UnsafeCell::new(Vec::new()),
            stored: RefCell::new(Vec::new()),
            in_making: RefCell::new(Vec::new()),
            closing: Cell::new(false),
        }
    }

    pub(crate) fn name(&self) -> Option<Arc<str>> {
        self.name.clone()
    }

    /// The value in slot `index`, or null.
    #[inline]
    pub(crate) fn get(&self, index: usize) -> *const () {
        // SAFETY: one OS thread, and the reference ends in this expression, during which nothing else runs.
        unsafe { (&*self.table.get()).get(index).copied().unwrap_or(ptr::null()) }
    }

    fn set(&self, index: usize, value: *const ()) {
        // SAFETY: one OS thread, and the reference ends with this function, which calls nothing foreign.
        let table = unsafe { &mut *self.table.get() };
        if table.len() <= index {
            table.resize(index + 1, ptr::null());
        }
        table[index] = value;
    }

    /// Whether the context is being torn down, so that nothing new can be stored.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing.get()
    }

    /// Makes a value with `init` and stores it in slot `index`, which is empty.
    ///
    /// # Panics
    ///
    /// If the constructor for this very slot is running.
    pub(crate) fn create<T: 'static>(&self, index: usize, init: fn() -> T) -> *const () {
        /// Forgets that the constructor is running, however it ends.
        struct InMaking<'a>(&'a Block);
        impl Drop for InMaking<'_> {
            fn drop(&mut self) {
                self.0.in_making.borrow_mut().pop();
            }
        }
        unsafe fn drop_boxed<T>(value: *mut ()) {
            // SAFETY: `value` was boxed as a `T` below and is handed here once, by `tear_down`.
            drop(unsafe { Box::from_raw(value.cast::<T>()) });
        }

        assert!(
            !self.in_making.borrow().contains(&index),
            "a ContextLocal was used by its own init function, in the same context"
        );
        self.in_making.borrow_mut().push(index);
        let in_making = InMaking(self);
        let value = Box::into_raw(Box::new(init())).cast::<()>();
        drop(in_making);
        self.stored.borrow_mut().push(Stored { index, value, drop: drop_boxed::<T> });
        self.set(index, value);
        value
    }

    /// Drops what is stored, the last created first.
    ///
    /// A value cannot be seen any more from the moment its destructor begins; the older ones still can. When destructors
    /// panic, the others run nevertheless, and the first panic goes on from here.
    pub(crate) fn tear_down(&self) {
        self.closing.set(true);
        let mut panic: Option<Box<dyn Any + Send>> = None;
        loop {
            // A statement of its own, so that the borrow ends before the destructor runs.
            let last = self.stored.borrow_mut().pop();
            let Some(last) = last else { break };
            self.set(last.index, ptr::null());
            // SAFETY: it was popped, so this happens once; the table no longer shows it, and nobody who looked at it
            // earlier still does: this context runs us, not them.
            let dropped = catch_unwind(AssertUnwindSafe(|| unsafe { (last.drop)(last.value) }));
            if let Err(payload) = dropped {
                panic.get_or_insert(payload);
            }
        }
        if let Some(payload) = panic
            && !std::thread::panicking()
        {
            resume_unwind(payload);
        }
    }
}

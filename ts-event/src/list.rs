//! The intrusive list that the ready list and the poll list are made of: two pointers outside, two in each slot.
//!
//! Nearly all pointer work of the two is here. A list owns the entries in it; they come in and go out as
//! [`Entry`], and between that they are slots linked to each other.
//!
//! # Rules
//! * A slot is in one list at most, and then the list owns its plain part (see `slot.rs`).
//! * `head.prev` and `tail.next` are null; an empty list is two nulls.
//! * The list does not know its place: whoever has it marks the slots, and so can check what `unlink`
//!   demands.
//!
//! A `VecDeque` of entries would be safe code, but nothing can be taken out of its middle in one step.

use std::ptr::{self, NonNull};

use crate::entry::Entry;
use crate::slot::Slot;

/// A doubly linked list of slots with entries in them.
pub(crate) struct List<T: 'static> {
    head: *mut Slot<T>,
    tail: *mut Slot<T>,
}

impl<T> List<T> {
    pub(crate) const fn new() -> Self {
        Self { head: ptr::null_mut(), tail: ptr::null_mut() }
    }

    /// The last slot, or null.
    #[inline]
    pub(crate) fn tail(&self) -> *mut Slot<T> {
        self.tail
    }

    /// Adds an entry before all others.
    #[inline]
    pub(crate) fn push_front(&mut self, entry: Entry<T>) {
        let slot = entry.into_slot();
        // SAFETY: the entry owned `slot`, and is given up for it; the list owns `head`.
        unsafe {
            slot.as_ref().set_prev(ptr::null_mut());
            slot.as_ref().set_next(self.head);
            match NonNull::new(self.head) {
                Some(head) => head.as_ref().set_prev(slot.as_ptr()),
                None => self.tail = slot.as_ptr(),
            }
        }
        self.head = slot.as_ptr();
    }

    /// Takes the first entry out.
    #[inline]
    pub(crate) fn pop_front(&mut self) -> Option<Entry<T>> {
        let slot = NonNull::new(self.head)?;
        // SAFETY: the head is in this list.
        unsafe {
            self.unlink(slot);
            Some(Entry::from_slot(slot))
        }
    }

    /// Adds a slot at the end.
    ///
    /// # Safety
    ///
    /// The slot holds an entry, is in no list, and belongs to the caller, who gives it up.
    #[inline]
    pub(crate) unsafe fn link_back(&mut self, slot: NonNull<Slot<T>>) {
        // SAFETY: the caller owned `slot`, and the list owns `tail`.
        unsafe {
            slot.as_ref().set_next(ptr::null_mut());
            slot.as_ref().set_prev(self.tail);
            match NonNull::new(self.tail) {
                Some(tail) => tail.as_ref().set_next(slot.as_ptr()),
                None => self.head = slot.as_ptr(),
            }
        }
        self.tail = slot.as_ptr();
    }

    /// Adds a slot behind `before`, or in front of all others when that is null.
    ///
    /// # Safety
    ///
    /// As for [`link_back`](Self::link_back); and `before` is null or in this list.
    pub(crate) unsafe fn link_behind(&mut self, before: *mut Slot<T>, slot: NonNull<Slot<T>>) {
        // SAFETY: the caller owned `slot`, and the list owns `before` and its neighbour.
        unsafe {
            let Some(before) = NonNull::new(before) else { return self.push_front(Entry::from_slot(slot)) };
            let behind = before.as_ref().next();
            let Some(behind) = NonNull::new(behind) else { return self.link_back(slot) };
            slot.as_ref().set_prev(before.as_ptr());
            slot.as_ref().set_next(behind.as_ptr());
            before.as_ref().set_next(slot.as_ptr());
            behind.as_ref().set_prev(slot.as_ptr());
        }
    }

    /// Takes a slot out; it belongs to the caller then.
    ///
    /// # Safety
    ///
    /// The slot is in this list.
    #[inline]
    pub(crate) unsafe fn unlink(&mut self, slot: NonNull<Slot<T>>) {
        // SAFETY: the list owns `slot` and its neighbours.
        unsafe {
            let (prev, next) = (slot.as_ref().prev(), slot.as_ref().next());
            match NonNull::new(prev) {
                Some(prev) => prev.as_ref().set_next(next),
                None => self.head = next,
            }
            match NonNull::new(next) {
                Some(next) => next.as_ref().set_prev(prev),
                None => self.tail = prev,
            }
        }
    }
}

//! Memory and texts, on the heap of `malloc`: what the host gives away here, `free` of any language frees, and `TSfree` frees
//! what `malloc` made.
//!
//! # Rules
//! * Nothing is null but what was asked for with a size of zero, or of null. Without memory the process ends.
//! * The copies of texts end with a NUL wherever they are cut off.

use std::ffi::{c_char, c_void};
use std::{ptr, slice};

use super::call::{self, Call};

fn allocate(call: Call, size: usize) -> *mut c_void {
    if size == 0 {
        return ptr::null_mut();
    }
    // SAFETY: any size will do.
    let memory = unsafe { libc::malloc(size) };
    if memory.is_null() {
        call.fault(format_args!("there are no {size} bytes of memory left"));
    }
    memory
}

/// A copy of `bytes` that ends with a NUL, for a plugin, which frees it.
pub(crate) fn copy_text(call: Call, bytes: &[u8]) -> *mut c_char {
    let copy: *mut c_char = allocate(call, bytes.len() + 1).cast();
    // SAFETY: there is room for all of them and the NUL, and nobody else knows of it.
    unsafe {
        ptr::copy_nonoverlapping(bytes.as_ptr().cast(), copy, bytes.len());
        copy.add(bytes.len()).write(0);
    }
    copy
}

/// Memory of `TSmalloc` that a plugin has given away.
pub(super) struct Given(pub(super) *mut c_void);

impl Drop for Given {
    fn drop(&mut self) {
        // SAFETY: it is null or came from there, says whoever gave it, and is nobody else's.
        unsafe { libc::free(self.0) };
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn TSmalloc(size: usize) -> *mut c_void {
    call::enter("TSmalloc", |call| allocate(call, size))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSrealloc(ptr: *mut c_void, size: usize) -> *mut c_void {
    call::enter("TSrealloc", |call| {
        if size == 0 {
            // SAFETY: the plugin says that it has `ptr` from here, or from `malloc`, and gives it up.
            unsafe { libc::free(ptr) };
            return ptr::null_mut();
        }
        // SAFETY: as above.
        let memory = unsafe { libc::realloc(ptr, size) };
        if memory.is_null() {
            call.fault(format_args!("there are no {size} bytes of memory left"));
        }
        memory
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSfree(ptr: *mut c_void) {
    // SAFETY: the plugin says that it is null, or that it has it from here, or from `malloc`, and gives it up.
    call::enter("TSfree", |_| unsafe { libc::free(ptr) });
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSstrdup(str: *const c_char) -> *mut c_char {
    call::enter("TSstrdup", |call| {
        if str.is_null() {
            return ptr::null_mut();
        }
        // SAFETY: the plugin says that it is a text.
        copy_text(call, unsafe { call.text("str", str) }.to_bytes())
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSstrndup(str: *const c_char, size: i64) -> *mut c_char {
    call::enter("TSstrndup", |call| {
        if str.is_null() {
            return ptr::null_mut();
        }
        let bytes = match usize::try_from(size) {
            // SAFETY: the plugin says that so many bytes can be read, or up to a NUL, where `strnlen` stops.
            Ok(most) => unsafe { slice::from_raw_parts(str.cast(), libc::strnlen(str, most)) },
            // SAFETY: it says that it is a text.
            Err(_) => unsafe { call.text("str", str) }.to_bytes(),
        };
        copy_text(call, bytes)
    })
}

/// Writes as much of `text` as fits into the `room` bytes from `to` on, with a NUL.
///
/// # Safety
///
/// So many bytes can be written, and none of them is `text`'s.
unsafe fn place(to: *mut c_char, room: usize, text: &[u8]) {
    let Some(most) = room.checked_sub(1) else { return };
    let length = text.len().min(most);
    // SAFETY: the caller says so; `length` and the NUL fit.
    unsafe {
        ptr::copy_nonoverlapping(text.as_ptr().cast(), to, length);
        to.add(length).write(0);
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSstrlcpy(dst: *mut c_char, str: *const c_char, siz: usize) -> usize {
    call::enter("TSstrlcpy", |call| {
        // SAFETY: the plugin says that it is a text.
        let text = unsafe { call.text("str", str) }.to_bytes();
        if siz > 0 {
            let to = call.place("dst", dst).as_ptr();
            // SAFETY: it says that there is so much room, apart from the text.
            unsafe { place(to, siz, text) };
        }
        text.len()
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSstrlcat(dst: *mut c_char, str: *const c_char, siz: usize) -> usize {
    call::enter("TSstrlcat", |call| {
        // SAFETY: the plugin says that it is a text.
        let text = unsafe { call.text("str", str) }.to_bytes();
        if siz == 0 {
            return text.len();
        }
        let to = call.place("dst", dst).as_ptr();
        // SAFETY: it says that so many bytes are there, or up to a NUL.
        let there = unsafe { libc::strnlen(to, siz) };
        // SAFETY: `there` is at most `siz`, so it is within, or there is no room left at all.
        unsafe { place(to.add(there), siz - there, text) };
        there + text.len()
    })
}

//! The frame of every exported function: who calls, what it is given, and how the process ends if that will not do.
//!
//! # Rules
//! * What a plugin does wrong ends the process, with one line on the standard error stream, before anything is harmed.
//! * The line names the function, the plugin whose code is running as far as that is known, the argument, and the fault.

use std::any::Any;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::fmt::{self, Display};
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::{process, slice};

use super::handle::{Bad, Kind};
use super::plugin::{self, Plugin};

/// A call of an exported function, under way.
#[derive(Clone, Copy)]
pub(crate) struct Call(&'static str);

/// Runs the body of the exported function `name`. If it panics the process ends.
#[inline(always)]
pub(crate) fn enter<R>(name: &'static str, body: impl FnOnce(Call) -> R) -> R {
    match catch_unwind(AssertUnwindSafe(|| body(Call(name)))) {
        Ok(value) => value,
        Err(panic) => panicked(name, &*panic),
    }
}

#[cold]
fn panicked(name: &'static str, panic: &(dyn Any + Send)) -> ! {
    let text = panic.downcast_ref::<&str>().copied().map(str::to_owned);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    Call(name)
        .fault(format_args!("a fault of the host: {}", text.as_deref().unwrap_or("a panic without a text")))
}

/// Ends the process with this line. Another thread that is about to do the same, or writes something else, comes too late.
pub(crate) fn end_with(line: &str) -> ! {
    // Kept to the end.
    let mut stderr = io::stderr().lock();
    // With nobody to read it there is nothing else to do.
    let _ = stderr.write_all(line.as_bytes());
    process::abort()
}

impl Call {
    /// A call of the exported function `name`, outside of [`enter`]: what is done with it must not panic.
    pub(crate) const fn of(name: &'static str) -> Self {
        Self(name)
    }

    /// Ends the process: the plugin, or the host, did what cannot be gone on from.
    #[cold]
    pub(crate) fn fault(self, fault: impl Display) -> ! {
        let whose = plugin::running().map(|plugin| format!(", called by {}", plugin.name()));
        self.end(&whose.unwrap_or_default(), &fault)
    }

    /// As [`Call::fault`]; if it is not known whose code calls, as on a foreign thread, then whose continuation it calls with.
    #[cold]
    pub(crate) fn fault_with(self, conts: Option<&Plugin>, fault: impl Display) -> ! {
        match conts {
            Some(plugin) if plugin::running().is_none() => {
                self.end(&format!(", called with a continuation of {}", plugin.name()), &fault)
            }
            _ => self.fault(fault),
        }
    }

    fn end(self, whose: &str, fault: &dyn Display) -> ! {
        let line = format!("ts: {}{whose}: {fault}\n", self.0);
        end_with(&line)
    }

    #[cold]
    pub(crate) fn bad_handle(self, argument: &'static str, bits: u64, wanted: Kind, bad: Bad) -> ! {
        match bad {
            Bad::Null => self.fault(format_args!("{argument} is null where {wanted} is needed")),
            Bad::Stale(_) => self.fault(format_args!("{argument} {bad} ({bits:#x})")),
            _ => self.fault(format_args!("{argument} {bad}, where {wanted} is needed ({bits:#x})")),
        }
    }

    /// Where to put a result.
    #[inline]
    pub(crate) fn place<T>(self, argument: &'static str, place: *mut T) -> NonNull<T> {
        let Some(place) = NonNull::new(place) else { self.fault(format_args!("{argument} is null")) };
        if !place.is_aligned() {
            self.fault(format_args!("{argument} is not aligned ({place:p})"));
        }
        place
    }

    /// Puts a result where the plugin wants it; null if it does not.
    ///
    /// # Safety
    ///
    /// If it is not null, there is room for the result.
    pub(crate) unsafe fn tell<T>(self, argument: &'static str, place: *mut T, result: T) {
        if !place.is_null() {
            // SAFETY: the caller says so.
            unsafe { self.place(argument, place).write(result) };
        }
    }

    /// Text that a plugin lends.
    ///
    /// # Safety
    ///
    /// If it is not null, it ends with a NUL and stays as it is for `'a`.
    pub(crate) unsafe fn text<'a>(self, argument: &'static str, text: *const c_char) -> &'a CStr {
        if text.is_null() {
            self.fault(format_args!("{argument} is null"));
        }
        // SAFETY: the caller says so.
        unsafe { CStr::from_ptr(text) }
    }

    /// Bytes that a plugin lends; a length below zero means up to the NUL. Null goes with a length of zero alone.
    ///
    /// # Safety
    ///
    /// If it is not null, so many bytes can be read there, or up to a NUL, and stay as they are for `'a`.
    pub(crate) unsafe fn bytes<'a>(
        self,
        argument: &'static str,
        bytes: *const c_char,
        length: c_int,
    ) -> &'a [u8] {
        match usize::try_from(length) {
            Ok(0) => &[],
            Ok(_) if bytes.is_null() => {
                self.fault(format_args!("{argument} is null, with a length of {length}"))
            }
            // SAFETY: the caller says so.
            Ok(length) => unsafe { slice::from_raw_parts(bytes.cast(), length) },
            // SAFETY: as above.
            Err(_) => unsafe { self.text(argument, bytes) }.to_bytes(),
        }
    }

    /// As [`Call::bytes`], where the length is a `size_t`. More than there can be, such as what was a negative number, is a fault.
    ///
    /// # Safety
    ///
    /// If it is not null, so many bytes can be read there, and stay as they are for `'a`.
    pub(crate) unsafe fn counted<'a>(
        self,
        argument: &'static str,
        bytes: *const c_char,
        length: usize,
    ) -> &'a [u8] {
        if length == 0 {
            return &[];
        }
        if bytes.is_null() || isize::try_from(length).is_err() {
            self.fault(format_args!("{argument} is {bytes:p}, with a length of {length}"));
        }
        // SAFETY: the caller says so; and no more than there can be.
        unsafe { slice::from_raw_parts(bytes.cast(), length) }
    }

    /// A function that must be there.
    pub(crate) fn function<F>(self, argument: &'static str, function: Option<F>) -> F {
        function.unwrap_or_else(|| self.fault(format_args!("{argument} is null")))
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// A pointer of a plugin's that the host only keeps and gives back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kept(pub(crate) *mut c_void);

// SAFETY: it is never followed here; whoever gave it is given it back, and knows on which threads.
unsafe impl Send for Kept {}
// SAFETY: as above.
unsafe impl Sync for Kept {}

//! What is said when the process dies of a signal, or a plugin ends it with `exit`: whose code was running on that thread, and
//! where it was.
//!
//! # Rules
//! * In the handler only what a signal handler may do: what was prepared is read, a line is put together on the stack and
//!   written with one system call, nothing is allocated and no lock is taken.
//! * Then whatever was to happen without us happens: what was installed before, as a rule the default, which dumps core, at the
//!   instruction that failed.
//! * The first thread that dies reports; others wait for it, and not for long.
//! * An overflow of the stack is reported on another stack, which the main thread, each event thread and each thread of a plugin
//!   have.
//!
//! # Ordering
//! None: the one flag only tells the first from the others.

use std::cell::RefCell;
use std::ffi::{c_int, c_void};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{io, mem, ptr};

use super::handle::Raw as _;
use super::image;
use super::plugin::{self, Running};
use crate::{Pool, Runtime};

/// What kills a process for what it did.
const SIGNALS: [(c_int, &str); 5] = [
    (libc::SIGSEGV, "SIGSEGV"),
    (libc::SIGBUS, "SIGBUS"),
    (libc::SIGILL, "SIGILL"),
    (libc::SIGFPE, "SIGFPE"),
    (libc::SIGABRT, "SIGABRT"),
];

/// What was to happen at each of them before.
static BEFORE: OnceLock<[libc::sigaction; SIGNALS.len()]> = OnceLock::new();

/// Somebody has reported.
static REPORTED: AtomicBool = AtomicBool::new(false);

/// Frames of plugins that are named; more of them only say that plugins call one another for ever.
const MOST_FRAMES: usize = 8;

/// Reports from now on, for the whole process.
pub(crate) fn install() -> io::Result<()> {
    // SAFETY: a structure of numbers, for which zeros are good.
    let mut before: [libc::sigaction; SIGNALS.len()] = unsafe { mem::zeroed() };
    for (place, (signal, _)) in before.iter_mut().zip(SIGNALS) {
        // SAFETY: a number of a signal, and a place for what was there.
        if unsafe { libc::sigaction(signal, ptr::null(), place) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    if BEFORE.set(before).is_err() {
        return Ok(());
    }
    guard_this_thread();
    for (signal, _) in SIGNALS {
        // SAFETY: as above.
        let mut action: libc::sigaction = unsafe { mem::zeroed() };
        action.sa_sigaction = handler as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        // SAFETY: a number of a signal, and a handler of the type that the flags say, which does what handlers may do.
        if unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    // SAFETY: a function for the process to call, which does not return to a plugin. That there is no room for it is no harm.
    unsafe { libc::atexit(left) };
    Ok(())
}

/// Called when the process ends by `exit`, or by a return from `main`, which is in nothing of a plugin's.
extern "C" fn left() {
    // Relaxed: who is first is all that is asked, and nothing is read that is written for it.
    if plugin::innermost().is_some() && !REPORTED.swap(true, Ordering::Relaxed) {
        let mut line = Line::new();
        line.text("ts: exit was called, on the thread ").thread_name().end();
        line.frames();
    }
}

/// Lets all threads that a runtime is going to start report an overflow of their stacks.
pub(crate) fn guard(runtime: &Runtime) {
    for group in Pool::ALL.into_iter().filter_map(|pool| runtime.group(pool)) {
        // A group that the runtime has is one that its processor knows.
        let _ = runtime.processor().schedule_spawn_fn(group, |_| guard_this_thread());
    }
}

/// A stack for the handler, as long as the thread lives.
struct Stack(Vec<u8>);

impl Drop for Stack {
    fn drop(&mut self) {
        let none = libc::stack_t { ss_sp: ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: 0 };
        // SAFETY: this thread has it, and is not on it; from now on it has none.
        unsafe { libc::sigaltstack(&raw const none, ptr::null_mut()) };
    }
}

thread_local! {
    static STACK: RefCell<Option<Stack>> = const { RefCell::new(None) };
}

/// Enough for the handler beside what the processor puts there.
const HANDLER_STACK: usize = 32 * 1024;

/// Lets this thread report an overflow of its stack, if anything is reported.
pub(super) fn guard_this_thread() {
    if BEFORE.get().is_none() {
        return;
    }
    // SAFETY: a structure of numbers, to be written to.
    let mut now: libc::stack_t = unsafe { mem::zeroed() };
    // SAFETY: a place for what this thread has.
    let asked = unsafe { libc::sigaltstack(ptr::null(), &raw mut now) };
    if asked != 0 || now.ss_flags & libc::SS_DISABLE == 0 {
        return;
    }
    // SAFETY: it only answers.
    let of_processor = unsafe { libc::getauxval(libc::AT_MINSIGSTKSZ) };
    let size = HANDLER_STACK + usize::try_from(of_processor).unwrap_or(0);
    let mut stack = Stack(vec![0; size]);
    let new = libc::stack_t { ss_sp: stack.0.as_mut_ptr().cast(), ss_flags: 0, ss_size: size };
    // SAFETY: memory that is ours until `Stack` is dropped, which takes it away from the thread first.
    if unsafe { libc::sigaltstack(&raw const new, ptr::null_mut()) } == 0 {
        // At the end of a thread there is no place for it, and it goes at once.
        let _ = STACK.try_with(|place| place.replace(Some(stack)));
    }
}

/// The handler.
unsafe extern "C" fn handler(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // Relaxed: who is first is all that is asked, and nothing is read that is written for it.
    if !REPORTED.swap(true, Ordering::Relaxed) {
        // SAFETY: the system gives both, and they stay while the handler runs.
        unsafe { report(signal, &*info, context) };
    } else {
        // Whoever is first may be another thread that is not done.
        let moment = libc::timespec { tv_sec: 0, tv_nsec: 200_000_000 };
        // SAFETY: a time, and nobody who wants to know how much was left.
        unsafe { libc::nanosleep(&raw const moment, ptr::null_mut()) };
    }
    let place = SIGNALS.iter().position(|(number, _)| *number == signal);
    if let (Some(before), Some(place)) = (BEFORE.get(), place) {
        let mut action = before[place];
        if action.sa_sigaction == libc::SIG_IGN {
            action.sa_sigaction = libc::SIG_DFL;
        }
        // SAFETY: what the system gave us for this signal.
        unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) };
    }
    // A fault comes again when its instruction does; what somebody sent does not.
    // SAFETY: the system gives it.
    if unsafe { (*info).si_code } <= 0 {
        // SAFETY: it may be called in a handler; it takes effect when this one returns.
        unsafe { libc::raise(signal) };
    }
}

/// # Safety
///
/// They are what the system gave a handler.
unsafe fn report(signal: c_int, info: &libc::siginfo_t, context: *mut c_void) {
    let mut line = Line::new();
    let name = SIGNALS.iter().find(|(number, _)| *number == signal).map_or("a signal", |(_, name)| name);
    line.text("ts: ").text(name);
    let is_fault = info.si_code > 0 && signal != libc::SIGABRT;
    if is_fault {
        if matches!(signal, libc::SIGSEGV | libc::SIGBUS) {
            // SAFETY: of these signals the system says the address.
            line.text(" at address ").hex(unsafe { info.si_addr() }.addr());
        }
        // SAFETY: the caller says so.
        match unsafe { instruction(context) }.map(|address| (address, image::find(address))) {
            Some((address, Some(_))) => line.text(", in ").place(address),
            Some(_) => line.text(", not in the code of a plugin"),
            None => &mut line,
        };
    }
    line.text(", on the thread ").thread_name().end();
    line.frames();
}

/// The instruction at which a thread was interrupted.
///
/// # Safety
///
/// `context` is what the system gave a handler.
unsafe fn instruction(context: *mut c_void) -> Option<usize> {
    let context = context.cast::<libc::ucontext_t>();
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the caller says so.
    let address = usize::try_from(unsafe { (*context).uc_mcontext.gregs[libc::REG_RIP as usize] }).ok();
    #[cfg(target_arch = "aarch64")]
    // SAFETY: the caller says so.
    let address = usize::try_from(unsafe { (*context).uc_mcontext.pc }).ok();
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let address = {
        let _ = context;
        None
    };
    address
}

/// A line on the stack. What does not fit is left out.
struct Line {
    bytes: [u8; 512],
    length: usize,
}

impl Line {
    fn new() -> Self {
        Self { bytes: [0; 512], length: 0 }
    }

    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        // One is kept for the end of the line.
        let room = self.bytes.len() - 1 - self.length;
        let bytes = &bytes[..bytes.len().min(room)];
        self.bytes[self.length..self.length + bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
        self
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    fn number(&mut self, mut number: usize, radix: usize) -> &mut Self {
        let mut digits = [0; 20];
        let mut at = digits.len();
        loop {
            at -= 1;
            digits[at] = b"0123456789abcdef"[number % radix];
            number /= radix;
            if number == 0 {
                return self.bytes(&digits[at..]);
            }
        }
    }

    fn hex(&mut self, number: usize) -> &mut Self {
        self.text("0x").number(number, 16)
    }

    /// `handler (hello.so+0x1149)`.
    fn place(&mut self, address: usize) -> &mut Self {
        let Some(place) = image::find(address) else { return self.hex(address) };
        if let Some(function) = place.function {
            self.text(function).text(" (");
        }
        self.text(place.name).text("+").hex(place.offset);
        if place.function.is_some() { self.text(")") } else { self }
    }

    fn frame(&mut self, frame: &Running) -> &mut Self {
        self.text(frame.plugin.map_or("no plugin", |plugin| plugin.name())).text(": ");
        if frame.function != 0 {
            self.place(frame.function);
        } else {
            self.text("its initialisation");
        }
        if let Some((continuation, event)) = frame.event {
            self.text(", event ");
            if event < 0 {
                self.text("-");
            }
            self.number(event.unsigned_abs() as usize, 10);
            self.text(", continuation ").hex(continuation.bits() as usize);
        }
        self
    }

    /// Lines of their own: what of plugins this thread is running.
    fn frames(&mut self) {
        let mut running = plugin::innermost();
        if running.is_none() {
            self.text("ts:   this thread was running nothing of a plugin's").end();
        }
        let mut before = "was running";
        for _ in 0..MOST_FRAMES {
            let Some(frame) = running else { return };
            self.text("ts:   ").text(before).text(" ").frame(&frame).end();
            before = "called by";
            running = frame.outer();
        }
    }

    fn thread_name(&mut self) -> &mut Self {
        let mut name = [0_u8; 16];
        // SAFETY: a place for sixteen bytes, the last of which is a NUL.
        unsafe { libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr()) };
        let length = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
        self.bytes(&name[..length])
    }

    /// Writes the line, and begins another.
    fn end(&mut self) {
        self.bytes[self.length] = b'\n';
        // SAFETY: so many bytes, of ours. Whether anybody reads them makes no difference.
        unsafe { libc::write(libc::STDERR_FILENO, self.bytes.as_ptr().cast(), self.length + 1) };
        self.length = 0;
    }
}

//! Whose handler is running: what it asks of its own subject is answered without a look-up.
//!
//! Nearly all that a handler asks of a session or transaction is asked of the one that it is called for.
//!
//! # Rules
//! * It is said before the handler is entered and taken back when that has returned, also by a panic. What was said before,
//!   further down the stack, is said again then.
//! * It is each thread's own. Whoever asks on another thread looks the number up.

use std::cell::Cell;
use std::ptr::NonNull;

use super::call_out::Subject;
use crate::http::door::Kind;

/// A call-out whose handler is running.
#[derive(Clone, Copy)]
struct Calling {
    /// Whose number is lent with the event.
    owner: usize,
    serial: u32,
    /// Borrowed by [`during`].
    subject: NonNull<Subject>,
}

thread_local! {
    static CALLING: Cell<Option<Calling>> = const { Cell::new(None) };
}

/// Runs a handler that is called for `subject`, with the serial number of the call-out.
pub(super) fn during<R>(owner: usize, serial: u32, subject: &Subject, handler: impl FnOnce() -> R) -> R {
    struct TakeBack(Option<Calling>);

    impl Drop for TakeBack {
        fn drop(&mut self) {
            CALLING.set(self.0);
        }
    }

    let calling = Calling { owner, serial, subject: NonNull::from_ref(subject) };
    let _take_back = TakeBack(CALLING.replace(Some(calling)));
    handler()
}

/// Gives `f` the subject with this number, and the serial number of its call-out, if its handler is running on this thread.
pub(super) fn with<R>(kind: Kind, number: u64, f: impl FnOnce(Option<(&Subject, u32)>) -> R) -> R {
    let calling = CALLING.get().filter(|calling| calling.owner == kind.0 as usize);
    // SAFETY: `during` has it borrowed, and is on this stack until it is said no more.
    let calling = calling.map(|calling| (unsafe { calling.subject.as_ref() }, calling.serial));
    f(calling.filter(|(subject, _)| subject.number == number))
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::http::door::{OWNER_SESSION, OWNER_TRANSACTION};

    fn found(kind: Kind, number: u64) -> Option<(u64, u32)> {
        with(kind, number, |called| called.map(|(subject, serial)| (subject.number, serial)))
    }

    #[test]
    fn one_is_found_while_its_handler_runs_and_on_no_other_thread() {
        let (outer, inner) = (Subject::new(5, "outer"), Subject::new(6, "inner"));
        let is_outer = || {
            assert_eq!(found(Kind::TRANSACTION, 5), Some((5, 3)));
            assert_eq!([found(Kind::SESSION, 5), found(Kind::TRANSACTION, 6)], [None; 2]);
        };
        during(OWNER_TRANSACTION, 3, &outer, || {
            is_outer();
            let panicked = catch_unwind(AssertUnwindSafe(|| {
                during(OWNER_SESSION, 9, &inner, || {
                    assert_eq!(found(Kind::SESSION, 6), Some((6, 9)));
                    assert_eq!(found(Kind::TRANSACTION, 5), None);
                    std::panic::resume_unwind(Box::new("seen"));
                })
            }));
            assert_eq!(panicked.unwrap_err().downcast_ref(), Some(&"seen"));
            is_outer();
            let elsewhere = std::thread::spawn(|| found(Kind::TRANSACTION, 5));
            assert_eq!(elsewhere.join().unwrap(), None);
        });
        assert_eq!(found(Kind::TRANSACTION, 5), None);
    }
}

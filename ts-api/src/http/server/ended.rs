//! Call-outs that were ended without an answer, so that an answer that comes after all is told from a wrong one.
//!
//! Kept apart from their sessions and transactions, which may be over by then.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::http::HookId;

/// How many are kept. Whoever answers after so many others have been ended is told that the transaction is over, or that the
/// call-out is answered.
const KEPT: usize = 1024;

static ENDED: Mutex<Last> = Mutex::new(Last(VecDeque::new()));

/// The last of them, oldest first.
struct Last(VecDeque<Ended>);

/// A call-out that was ended.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    /// A session's or a transaction's, as in a lent event.
    pub(crate) owner: usize,
    pub(crate) subject: u64,
    pub(crate) serial: u32,
    pub(crate) hook: HookId,
    /// Who has not answered.
    pub(crate) who: String,
}

impl Last {
    fn note(&mut self, ended: Ended) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(ended);
    }

    fn find(&self, owner: usize, subject: u64, serial: u32) -> Option<&Ended> {
        self.0.iter().rev().find(|ended| {
            (ended.owner, ended.subject) == (owner, subject) && (serial == 0 || ended.serial == serial)
        })
    }
}

/// Keeps one.
pub(crate) fn note(ended: Ended) {
    ENDED.lock().unwrap_or_else(PoisonError::into_inner).note(ended);
}

/// Whether a call-out was ended; zero is the last of its subject's.
pub(crate) fn find(owner: usize, subject: u64, serial: u32) -> Option<Ended> {
    ENDED.lock().unwrap_or_else(PoisonError::into_inner).find(owner, subject, serial).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_are_kept_and_found_by_all_their_numbers() {
        let ended =
            |subject, serial| Ended { owner: 7, subject, serial, hook: HookId::TxnStart, who: String::new() };
        let mut last = Last(VecDeque::new());
        for subject in 1..=KEPT as u64 + 1 {
            last.note(ended(subject, 1));
        }
        last.note(ended(2, 5));
        let serial = |owner, subject, serial| last.find(owner, subject, serial).map(|ended| ended.serial);
        assert_eq!(serial(7, 1, 1), None, "the oldest is forgotten");
        assert_eq!(serial(7, 3, 1), Some(1));
        assert_eq!(serial(7, 2, 0), Some(5));
        assert_eq!([serial(7, 3, 2), serial(8, 3, 1), serial(7, 0, 0)], [None; 3]);
    }
}

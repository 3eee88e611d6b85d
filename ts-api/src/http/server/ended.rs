//! Call-outs that were ended without an answer, so that an answer that comes after all is told from a wrong one.
//!
//! Kept apart from their sessions and transactions, which may be over by then.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::http::HookId;

/// How many are kept. Whoever answers after so many others have been ended is told that the transaction is over, or that the
/// call-out is answered.
const KEPT: usize = 1024;

static ENDED: Mutex<VecDeque<Ended>> = Mutex::new(VecDeque::new());

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

/// Keeps one.
pub(crate) fn note(ended: Ended) {
    let mut all = ENDED.lock().unwrap_or_else(PoisonError::into_inner);
    if all.len() == KEPT {
        all.pop_front();
    }
    all.push_back(ended);
}

/// Whether a call-out was ended; zero is the last of its subject's.
pub(crate) fn find(owner: usize, subject: u64, serial: u32) -> Option<Ended> {
    let all = ENDED.lock().unwrap_or_else(PoisonError::into_inner);
    let is_it = |ended: &&Ended| {
        (ended.owner, ended.subject) == (owner, subject) && (serial == 0 || ended.serial == serial)
    };
    all.iter().rev().find(is_it).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_are_kept_and_found_by_all_their_numbers() {
        let ended =
            |subject, serial| Ended { owner: 7, subject, serial, hook: HookId::TxnStart, who: String::new() };
        for subject in 1..=KEPT as u64 + 1 {
            note(ended(subject, 1));
        }
        note(ended(2, 5));
        assert!(find(7, 1, 1).is_none(), "the oldest is forgotten");
        assert_eq!(find(7, 3, 1).map(|ended| ended.serial), Some(1));
        assert_eq!(find(7, 2, 0).map(|ended| ended.serial), Some(5));
        assert!(find(7, 3, 2).is_none() && find(8, 3, 1).is_none() && find(7, 0, 0).is_none());
    }
}

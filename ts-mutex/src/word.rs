//! What the lock word can say.
//!
//! | word | meaning |
//! |---|---|
//! | 0 | free: whoever comes first takes it |
//! | id | held by the context with this id; nobody needs to be told when it is given back |
//! | id + [`LOOK`] | held; whoever gives it back has to look into the queue |
//! | [`RESERVED`] + ticket | nobody holds it, and only the waiter with this ticket may take it |
//!
//! Ids and tickets count up from 1, so even at one a nanosecond they stay below 2⁶² for more than a century.

/// Nobody holds the mutex, and anybody may take it.
pub(crate) const FREE: u64 = 0;

/// The holder has to look into the queue when it gives the mutex back.
pub(crate) const LOOK: u64 = 1 << 62;

/// Nobody holds the mutex; the rest of the word is the ticket of the waiter it is kept for.
pub(crate) const RESERVED: u64 = 1 << 63;

/// The id of the holder, or 0 if nobody holds the mutex.
#[inline(always)]
pub(crate) const fn holder(word: u64) -> u64 {
    if word & RESERVED == 0 { word & !LOOK } else { 0 }
}

/// The word that keeps the mutex for the waiter with this ticket.
pub(crate) const fn reserved(ticket: u64) -> u64 {
    RESERVED | ticket
}

/// The ticket the mutex is kept for, if it is kept for somebody.
pub(crate) const fn reserved_for(word: u64) -> Option<u64> {
    if word & RESERVED == 0 { None } else { Some(word & !RESERVED) }
}

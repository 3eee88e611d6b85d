//! A recursive mutex that knows its holder and tells its waiters.

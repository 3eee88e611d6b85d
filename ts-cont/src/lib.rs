//! Continuations on event threads: scheduling, cancelling, thread groups, affinity and futures.

//! How often a mutex was taken, missed and waited for.

/// Counts of one mutex since it was made, as [`ProxyMutex::counts`](crate::ProxyMutex::counts) gives them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct MutexCounts {
    /// How often somebody took it who did not hold it already. Re-entries do not count.
    pub acquired: u64,
    /// How often somebody asked and did not get it at once. Each attempt counts, also those of one that waits.
    pub missed: u64,
    /// How often somebody got it after having stood in its queue. These are among `acquired`.
    pub waited: u64,
}

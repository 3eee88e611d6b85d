//! The named thread pools.

use std::fmt;

/// A pool of event threads. (`TSContScheduleOnPool`, Pool.)
///
/// In practice any choice but [`Pool::Net`] and [`Pool::Task`] is strongly not recommended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(i32)]
pub enum Pool {
    /// Transaction processing threads, which also call the hooks. Continuations on them must not block.
    Net = 0,
    /// Background threads. Continuations may block, though others wait behind them.
    Task = 1,
    /// Threads for name resolution. They exist only if the host was started with them.
    Dns = 2,
    /// Threads for UDP. They exist only if the host was started with them.
    Udp = 3,
}

impl Pool {
    /// All pools.
    pub const ALL: [Self; 4] = [Self::Net, Self::Task, Self::Dns, Self::Udp];

    pub(crate) fn from_number(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|pool| *pool as i32 == number)
    }
}

impl fmt::Display for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Net => "the network pool",
            Self::Task => "the task pool",
            Self::Dns => "the DNS pool",
            Self::Udp => "the UDP pool",
        })
    }
}

//! Event codes as a type, with the numbers of the original, and who owns which block of them.

use std::fmt;

/// The number that tells a handler what happened.
///
/// The numbers are those of Traffic Server, so that a code means the same in a Rust handler, in a C handler and in a log
/// of either. A program is free to use numbers of its own above [`EventCode::USER`]; the blocks below belong to the
/// subsystems named here.
///
/// # Examples
///
/// ```
/// use ts_cont::EventCode;
///
/// assert_eq!(EventCode::INTERVAL.number(), 2);
/// assert_eq!(EventCode::new(60_002).to_string(), "60002");
/// assert_eq!(EventCode::IMMEDIATE.to_string(), "IMMEDIATE (1)");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[repr(transparent)]
pub struct EventCode(i32);

impl EventCode {
    /// Nothing in particular.
    pub const NONE: Self = Self(0);
    /// An event scheduled for now.
    pub const IMMEDIATE: Self = Self(1);
    /// A timer came due, once or periodically. Plugin authors know it as TIMEOUT.
    pub const INTERVAL: Self = Self(2);
    /// Something failed.
    pub const ERROR: Self = Self(3);
    /// A plain call. Plugin authors know it as CONTINUE.
    pub const CALL: Self = Self(4);
    /// A poll event had its turn.
    pub const POLL: Self = Self(5);

    /// First code of virtual connections.
    pub const VC_START: Self = Self(100);
    /// First code of the network.
    pub const NET_START: Self = Self(200);
    /// First code of disk access.
    pub const DISK_START: Self = Self(300);
    /// First code of the host database.
    pub const HOSTDB_START: Self = Self(500);
    /// First code of name resolution.
    pub const DNS_START: Self = Self(600);
    /// First code of configuration.
    pub const CONFIG_START: Self = Self(800);
    /// First code of logging.
    pub const LOG_START: Self = Self(900);
    /// First code of the reference-counted cache.
    pub const REFCOUNT_CACHE_START: Self = Self(1000);
    /// First code of the cache.
    pub const CACHE_START: Self = Self(1100);
    /// First code of the cache's directory.
    pub const CACHE_DIR_START: Self = Self(1200);
    /// First code of the cache's database.
    pub const CACHE_DB_START: Self = Self(1300);
    /// First code of HTTP connections.
    pub const HTTP_NET_START: Self = Self(1400);
    /// First code of the second block of HTTP's network side.
    pub const HTTP_NET_SECOND_START: Self = Self(1500);
    /// First code of garbage collection.
    pub const GC_START: Self = Self(1600);
    /// First code of transformations.
    pub const TRANSFORM_START: Self = Self(2000);
    /// First code of statistics pages.
    pub const STAT_PAGES_START: Self = Self(2100);
    /// First code of HTTP sessions.
    pub const HTTP_SESSION_START: Self = Self(2200);
    /// First code of HTTP/2.
    pub const HTTP2_START: Self = Self(2250);
    /// First code of tunnels.
    pub const TUNNEL_START: Self = Self(2300);
    /// First code of scheduled updates.
    pub const SCHEDULED_UPDATE_START: Self = Self(2400);
    /// First code of QUIC.
    pub const QUIC_START: Self = Self(2500);
    /// First code of HTTP/3.
    pub const HTTP3_START: Self = Self(2600);
    /// First code of QPACK.
    pub const QPACK_START: Self = Self(2700);
    /// First code of NT.
    pub const NT_START: Self = Self(3000);
    /// First code of the second block of NT.
    pub const NT_SECOND_START: Self = Self(3100);
    /// First code of simple messages.
    pub const SIMPLE_START: Self = Self(3300);
    /// First code of updates.
    pub const UPDATE_START: Self = Self(3500);
    /// First code of asynchronous disk I/O.
    pub const AIO_START: Self = Self(3900);
    /// First code of the block cache.
    pub const BLOCK_CACHE_START: Self = Self(4000);
    /// First code of utilities.
    pub const UTILS_START: Self = Self(5000);
    /// First code of the plugin interface; an HTTP hook's is `60002` and its number.
    pub const PLUGIN_START: Self = Self(60_000);
    /// First code of service records.
    pub const SRV_START: Self = Self(62_000);
    /// First code of remapping.
    pub const REMAP_START: Self = Self(63_000);
    /// First code that no subsystem of the original uses.
    pub const USER: Self = Self(100_000);

    /// The code with this number.
    #[must_use]
    pub const fn new(number: i32) -> Self {
        Self(number)
    }

    /// The number of this code.
    #[must_use]
    pub const fn number(self) -> i32 {
        self.0
    }
}

impl From<i32> for EventCode {
    fn from(number: i32) -> Self {
        Self(number)
    }
}

impl fmt::Display for EventCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match *self {
            Self::NONE => "NONE",
            Self::IMMEDIATE => "IMMEDIATE",
            Self::INTERVAL => "INTERVAL",
            Self::ERROR => "ERROR",
            Self::CALL => "CALL",
            Self::POLL => "POLL",
            _ => return write!(f, "{}", self.0),
        };
        write!(f, "{name} ({})", self.0)
    }
}

impl fmt::Debug for EventCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventCode({self})")
    }
}

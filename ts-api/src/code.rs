//! Event codes as a type, with the numbers that plugin authors know.

use std::fmt;

/// The number that tells a handler what happened.
///
/// The numbers are Traffic Server's. A plugin is free to use numbers of its own from [`EventCode::USER`] on.
///
/// # Examples
///
/// ```
/// use ts_api::EventCode;
///
/// assert_eq!(EventCode::TIMEOUT.number(), 2);
/// assert_eq!(EventCode::LIFECYCLE_SHUTDOWN.to_string(), "LIFECYCLE_SHUTDOWN (60107)");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[repr(transparent)]
pub struct EventCode(i32);

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal,)*) => {
        impl EventCode {
            $($(#[$doc])* pub const $name: Self = Self($number);)*

            fn name(self) -> Option<&'static str> {
                Some(match self.0 {
                    $($number => stringify!($name),)*
                    _ => return None,
                })
            }
        }
    };
}

codes! {
    /// Nothing in particular.
    NONE = 0,
    /// Scheduled with a timeout of zero.
    IMMEDIATE = 1,
    /// Scheduled with a timeout that is over now, or a period that is.
    TIMEOUT = 2,
    /// Something failed.
    ERROR = 3,
    /// A plain call.
    CONTINUE = 4,
    /// The hook's work is done; what follows may go on.
    HTTP_CONTINUE = 60000,
    /// The transaction is to end in an error.
    HTTP_ERROR = 60001,
    /// The listening ports are bound.
    LIFECYCLE_PORTS_INITIALIZED = 60100,
    /// The listening ports accept.
    LIFECYCLE_PORTS_READY = 60101,
    /// Somebody sends the plugins a message.
    LIFECYCLE_MSG = 60105,
    /// All task threads are up.
    LIFECYCLE_TASK_THREADS_READY = 60106,
    /// The host is about to stop.
    LIFECYCLE_SHUTDOWN = 60107,
    /// All plugins are set up, and what they log is written.
    LIFECYCLE_LOG_INITIALIZED = 60108,
}

impl EventCode {
    /// The first code that belongs to no part of the host.
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
        match self.name() {
            Some(name) => write!(f, "{name} ({})", self.0),
            None => write!(f, "{}", self.0),
        }
    }
}

impl fmt::Debug for EventCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventCode({self})")
    }
}

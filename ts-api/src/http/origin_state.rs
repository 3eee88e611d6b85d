//! How a transaction's origin fares.

use std::fmt;

macro_rules! states {
    ($($(#[$doc:meta])* $variant:ident = $number:literal, $name:literal;)*) => {
        /// How a transaction's origin fares, as far as it is known when the last hook's event came.
        ///
        /// Numbers and names are Traffic Server's; those that this host never comes to are left out.
        ///
        /// # Examples
        ///
        /// ```
        /// use ts_api::http::OriginState;
        ///
        /// assert_eq!(OriginState::Alive.to_string(), "TS_SRVSTATE_CONNECTION_ALIVE");
        /// assert_eq!(OriginState::from_number(5), Some(OriginState::Unreachable));
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
        #[non_exhaustive]
        #[repr(u32)]
        pub enum OriginState {
            $($(#[$doc])* $variant = $number,)*
        }

        impl OriginState {
            /// All states, by their numbers.
            pub const ALL: [Self; [$($number),*].len()] = [$(Self::$variant),*];

            /// Its name, as in Traffic Server's header.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!("TS_SRVSTATE_", $name),)*
                }
            }
        }
    };
}

states! {
    /// It has not been asked, or has not answered yet.
    #[default]
    Unknown = 0, "STATE_UNDEFINED";
    /// What it sent could not be understood.
    Garbled = 2, "BAD_INCOMING_RESPONSE";
    /// It has answered.
    Alive = 3, "CONNECTION_ALIVE";
    /// It closed the connection, before its response or within it.
    Closed = 4, "CONNECTION_CLOSED";
    /// No connection could be made, or its name has no address.
    Unreachable = 5, "CONNECTION_ERROR";
    /// It took too long: to be connected to, or to answer.
    TooLate = 6, "INACTIVE_TIMEOUT";
    /// Its response has been read, and sent to its end.
    Complete = 9, "TRANSACTION_COMPLETE";
    /// It has too many requests already.
    Busy = 11, "OUTBOUND_CONGESTION";
}

impl OriginState {
    /// Its number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// Whether there is no response of the origin's because of it.
    #[must_use]
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Garbled | Self::Closed | Self::Unreachable | Self::TooLate | Self::Busy)
    }

    /// The state with this number.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.number() == number)
    }
}

impl fmt::Display for OriginState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

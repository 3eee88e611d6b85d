//! The moments of a transaction whose times are noted.

use std::fmt;

macro_rules! milestones {
    ($($(#[$doc:meta])* $variant:ident = $number:literal, $name:literal;)*) => {
        /// A moment in a transaction's life whose time is noted.
        ///
        /// Names and numbers are Traffic Server's. Those of a cache and of TLS are not here, since the host has neither, nor are those
        /// of looking up a name, which a connection includes.
        ///
        /// A moment that follows another at once, with neither a wait nor a plugin's code between the two, has that one's time.
        ///
        /// # Examples
        ///
        /// ```
        /// use ts_api::http::Milestone;
        ///
        /// assert_eq!(Milestone::ServerConnectEnd.to_string(), "TS_MILESTONE_SERVER_CONNECT_END");
        /// assert_eq!(Milestone::from_number(18), Some(Milestone::SmStart));
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[repr(u32)]
        pub enum Milestone {
            $($(#[$doc])* $variant = $number,)*
        }

        impl Milestone {
            /// All milestones, by their numbers.
            pub const ALL: [Self; [$($number),*].len()] = [$(Self::$variant),*];

            /// Its name, as in Traffic Server's header.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!("TS_MILESTONE_", $name),)*
                }
            }
        }
    };
}

milestones! {
    /// The client's connection was accepted.
    UaBegin = 0, "UA_BEGIN";
    /// The first byte of the request was read; for a request that waited in a pipeline, when its turn came.
    UaFirstRead = 1, "UA_FIRST_READ";
    /// The request's head was complete.
    UaReadHeaderDone = 2, "UA_READ_HEADER_DONE";
    /// The response's head was given to the client's connection.
    UaBeginWrite = 3, "UA_BEGIN_WRITE";
    /// The client's connection had taken the whole response, or was found closed.
    UaClose = 4, "UA_CLOSE";
    /// A connection to an origin was asked for, for the first time.
    ServerFirstConnect = 5, "SERVER_FIRST_CONNECT";
    /// A connection to an origin was asked for, for the last time.
    ServerConnect = 6, "SERVER_CONNECT";
    /// That connection was there, new or kept, or failed.
    ServerConnectEnd = 7, "SERVER_CONNECT_END";
    /// The request was given to the origin's connection.
    ServerBeginWrite = 8, "SERVER_BEGIN_WRITE";
    /// The first byte of the origin's response was read; told as when its head was complete.
    ServerFirstRead = 9, "SERVER_FIRST_READ";
    /// The head of the origin's response was complete.
    ServerReadHeaderDone = 10, "SERVER_READ_HEADER_DONE";
    /// The origin's response had been read to its end, or broke off.
    ServerClose = 11, "SERVER_CLOSE";
    /// The transaction began.
    SmStart = 18, "SM_START";
    /// The transaction ended, but for TXN_CLOSE.
    SmFinish = 19, "SM_FINISH";
    /// When the transaction began, plus the time for which hook continuations were running.
    PluginActive = 20, "PLUGIN_ACTIVE";
    /// When the transaction began, plus the time from each call of a hook continuation to its answer.
    PluginTotal = 21, "PLUGIN_TOTAL";
}

impl Milestone {
    /// Its number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// The milestone with this number.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|milestone| milestone.number() == number)
    }
}

impl fmt::Display for Milestone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

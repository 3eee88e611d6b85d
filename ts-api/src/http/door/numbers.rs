//! The numbers that cross the door for HTTP.

use crate::table::Code;

macro_rules! numbers {
    ($(#[$doc:meta])* $name:ident { $($(#[$item_doc:meta])* $item:ident = $number:literal,)* }) => {
        $(#[$doc])*
        #[repr(transparent)]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name(pub u32);

        impl $name {
            $($(#[$item_doc])* pub const $item: Self = Self($number);)*
        }
    };
}

numbers! {
    /// What a number is the number of.
    Kind {
        /// A session.
        SESSION = 1,
        /// A transaction.
        TRANSACTION = 2,
    }
}

numbers! {
    /// Whose hook a continuation is added to.
    Scope {
        /// Everybody's.
        GLOBAL = 0,
        /// A session's.
        SESSION = 1,
        /// A transaction's.
        TRANSACTION = 2,
    }
}

numbers! {
    /// One of a transaction's four messages.
    Which {
        /// From the client.
        CLIENT_REQUEST = 0,
        /// To the origin.
        ORIGIN_REQUEST = 1,
        /// From the origin.
        ORIGIN_RESPONSE = 2,
        /// To the client.
        CLIENT_RESPONSE = 3,
    }
}

numbers! {
    /// What is read of a message.
    Part {
        /// The method, as one item.
        METHOD = 0,
        /// The target, as one item.
        TARGET = 1,
        /// The status, as a number.
        STATUS = 2,
        /// The values of the named field, an item each.
        VALUES = 3,
        /// All fields, each as two items.
        FIELDS = 4,
        /// The host that the request is for, as one item if there is one.
        HOST = 5,
        /// The version, as a number: the major one times 65536, and the minor one.
        VERSION = 6,
        /// The reason phrase, as one item.
        REASON = 7,
        /// How many fields there are, as a number.
        COUNT = 8,
        /// The number of the field in the place that the number says, from zero on; zero if there is none.
        FIELD_AT = 9,
        /// The field with the number, as two items.
        FIELD = 10,
        /// The number of the next field of the name behind the one with the number, or of the first; zero if there is none.
        FIND = 11,
        /// The members of the named field's lists, an item each.
        LIST = 12,
        /// The URL that the request is for, as one item; so are its parts, each if there is one.
        URL = 13,
        /// The URL's scheme.
        URL_SCHEME = 14,
        /// The URL's user.
        URL_USER = 15,
        /// The URL's password.
        URL_PASSWORD = 16,
        /// The URL's host.
        URL_HOST = 17,
        /// The URL's port, as text.
        URL_PORT = 18,
        /// The URL's path.
        URL_PATH = 19,
        /// The URL's query.
        URL_QUERY = 20,
    }
}

numbers! {
    /// What is changed of a message.
    Change {
        /// The method, to the name.
        METHOD = 0,
        /// The target, to the name.
        TARGET = 1,
        /// The status, to the number.
        STATUS = 2,
        /// The named field, to the value.
        SET = 3,
        /// One more named field.
        APPEND = 4,
        /// No more named field; the number becomes how many there were.
        REMOVE = 5,
        /// The reason phrase, to the name.
        REASON = 6,
        /// One more named field, before the one with the number or behind all; the number becomes its own.
        INSERT = 7,
        /// The name of the field with the number.
        FIELD_NAME = 8,
        /// The value of the field with the number.
        FIELD_VALUE = 9,
        /// No more field with the number.
        FIELD_REMOVE = 10,
        /// The URL, to the value; of its parts those that may be missing are taken away if the number is one.
        URL = 13,
        /// The URL's scheme.
        URL_SCHEME = 14,
        /// The URL's user.
        URL_USER = 15,
        /// The URL's password.
        URL_PASSWORD = 16,
        /// The URL's host.
        URL_HOST = 17,
        /// The URL's port, as text.
        URL_PORT = 18,
        /// The URL's path.
        URL_PATH = 19,
        /// The URL's query.
        URL_QUERY = 20,
    }
}

numbers! {
    /// One of the addresses of a session or transaction.
    Address {
        /// The client's.
        CLIENT = 0,
        /// Ours, that the client has connected to.
        INCOMING = 1,
        /// The origin's.
        ORIGIN = 2,
        /// Ours, that the origin sees.
        OUTGOING = 3,
        /// The client's, as a plugin has made sure of it.
        VERIFIED = 4,
    }
}

numbers! {
    /// What a number tells of a session or transaction.
    Fact {
        /// Whether debug output is wanted for it: 0 or 1. It may be set, of a transaction to 2 as well: as its session has it.
        DEBUG = 0,
        /// How the connection to the origin fares, by the numbers of [`OriginState`](crate::http::OriginState).
        ORIGIN_STATE = 1,
        /// How many requests the origin's connection had been given before this one.
        ORIGIN_REUSES = 2,
        /// Whether it is a tunnel: 0 or 1.
        TUNNEL = 3,
        /// The first number of the version of HTTP that a session's client speaks; zero before its first request.
        HTTP_MAJOR = 4,
        /// Whether the client's connection is kept after a transaction: 0 or 1. It may be set.
        KEEP_CLIENT = 5,
        /// Whether the origin's connection is kept after a transaction: 0 or 1. It may be set.
        KEEP_ORIGIN = 6,
        /// How long a request's body may be that is wanted as a whole, and one more; zero if it is not.
        BUFFER = 7,
        /// How often a transaction has gone elsewhere.
        REDIRECTS = 8,
        /// The number of the client's socket, and one more; zero if it is closed. Of a session too.
        CLIENT_SOCKET = 9,
        /// The same of the origin's; zero also before there is one.
        ORIGIN_SOCKET = 10,
        /// Whether a record is made of a transaction: 0 or 1. It may be set.
        LOGGED = 11,
        /// Whether a request goes where its client says: 0 or 1. It may be set.
        SKIP_REMAP = 12,
        /// How many bytes the head of a transaction's message has had so far. Of another message than the first it is so many
        /// more as its number says.
        HEAD_BYTES = 16,
        /// The same of its body.
        BODY_BYTES = 20,
    }
}

numbers! {
    /// A time that a plugin may set for a transaction.
    Limit {
        /// The whole transaction, from its start.
        CLIENT_ACTIVE = 0,
        /// The client, without taking anything of what is sent to it.
        CLIENT_IDLE = 1,
        /// A connection to the origin.
        CONNECT = 2,
        /// The head of the origin's response.
        RESPONSE = 3,
        /// The origin, without sending anything of a response's body.
        SILENCE = 4,
        /// The look-up of the origin's name.
        LOOKUP = 5,
        /// The request and its response, from when a connection to the origin is there.
        EXCHANGE = 6,
        /// The client's connection, without another request.
        NEXT_REQUEST = 7,
        /// The origin's connection, without work.
        ORIGIN_IDLE = 8,
    }
}

numbers! {
    /// What the client gets if the transaction ends in an error.
    ErrorPart {
        /// The status, as a number; zero if none is set.
        STATUS = 0,
        /// The reason phrase.
        REASON = 1,
        /// The body; with the number [`TAKE_BACK`] it is changed to none, and so is its type.
        BODY = 2,
        /// The body's type.
        CONTENT_TYPE = 3,
        /// The status that the request is answered with when it has been mapped, and no origin asked, as a number; zero if none.
        WHEN_MAPPED = 4,
    }
}

/// The number that goes with a part to say that it is to be as if it had not been set.
pub const TAKE_BACK: u32 = 1;

#[rustfmt::skip]
impl Code {
    /// The session or transaction is over.
    pub const GONE: Self = Self(100);
    /// The call-out has been answered.
    pub const ALREADY_REENABLED: Self = Self(101);
    /// Nobody is called out.
    pub const NOT_CALLED_OUT: Self = Self(102);
    /// There is no such message.
    pub const ABSENT: Self = Self(103);
    /// The message is not to be changed now.
    pub const READ_ONLY: Self = Self(104);
    /// The message has no such part.
    pub const WRONG_KIND: Self = Self(105);
    /// Not a valid part.
    pub const INVALID: Self = Self(106);
    /// The field frames the body.
    pub const FRAMING: Self = Self(107);
    /// A hook that transactions do not reach.
    pub const NOT_OF_TRANSACTIONS: Self = Self(108);
    /// The message has no such field.
    pub const NO_FIELD: Self = Self(109);
    /// The host has ended the call-out, which took too long.
    pub const ENDED: Self = Self(110);
    /// It is too late for this.
    pub const TOO_LATE: Self = Self(111);
    /// All places are taken.
    pub const FULL: Self = Self(112);
}

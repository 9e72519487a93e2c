//! The groups of peers that are compared with each other.

use crate::{
    database::Kind,
    servers::{Handler, Peer},
};

/// Where the sessions of a peer are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    /// In memory, or in the cookie; or there are none.
    Memory,
    Files,
    Sqlite,
    Redis,
    Postgres,
}

impl Group {
    pub(super) fn of(peer: Peer) -> Self {
        match peer.database() {
            Some(Kind::Redis) => Self::Redis,
            Some(Kind::Postgres) => Self::Postgres,
            None if peer.is_in_sqlite() => Self::Sqlite,
            None if peer.needs_folder() => Self::Files,
            None => Self::Memory,
        }
    }
}

/// The handlers, in the order of charts and tables: what they are called, and what they do.
pub(super) const HANDLERS: [(Handler, &str, &str); 4] = [
    (Handler::Untouched, "untouched", "the handler does not use its session"),
    (Handler::Read, "read", "one small entry"),
    (Handler::ReadWrite, "read and write", "a counter, one higher"),
    (Handler::Write, "write", "without reading"),
];

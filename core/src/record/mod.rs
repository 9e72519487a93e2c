//! What a storage keeps for one session, and how a request changes it.

mod access;
mod binary;
#[cfg(any(feature = "file", feature = "redis", feature = "postgres", feature = "sqlite"))]
mod change_log;
mod changes;
mod codec;
mod codec_error;
mod commit;
mod edit;
mod encode;
mod entries;
mod json_scan;
mod json_text;
mod lifespan;
mod limit_checks;
mod limits;
mod packed;
pub(crate) mod reserved;
mod snapshot;
mod stored_value;
mod typed_keys;
pub(crate) mod untyped;
mod value_error;

pub use access::{Access, Bounds, Extend};
#[cfg(all(feature = "bincode", feature = "fuzzing"))]
pub(crate) use binary::assert_same;
#[cfg(any(feature = "file", feature = "redis", feature = "postgres", feature = "sqlite"))]
pub(crate) use change_log::replay;
pub use changes::Changes;
pub use codec::{BincodeCodec, Codec};
pub use codec_error::CodecError;
#[cfg(feature = "conformance")]
pub(crate) use commit::ApplyHook;
pub use commit::{Applied, Commit, Expect};
pub(crate) use encode::{Encoded, Unwritable, encode};
pub use entries::Entries;
pub(crate) use json_scan::depth_of;
#[cfg(feature = "import-actix-session")]
pub(crate) use json_scan::has_inexact_integer;
pub use json_text::JsonText;
pub(crate) use json_text::Unreadable;
pub use lifespan::Lifespan;
pub use limits::{LimitExceeded, Limits};
pub use snapshot::Snapshot;
pub use stored_value::StoredValue;
pub use value_error::ValueError;

use std::{fmt, sync::Arc, time::Duration};

use crate::Timestamp;

/// What a storage keeps for one session.
///
/// `Debug` shows neither keys nor values nor the principal.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// When the session was created.
    pub created_at: Timestamp,
    /// When the session was last used, to the accuracy of the manager's touch interval.
    pub last_seen: Timestamp,
    /// The session ends when it has not been used for this long.
    pub idle_timeout: Duration,
    /// The session ends at this time, however much it is used. Neither touching nor renewing changes it; a login may.
    pub absolute_deadline: Option<Timestamp>,
    /// Whether these deadlines are the session's own, so that the manager's settings do not apply to it: its user asked to be
    /// remembered ([S17](crate::design#s17)).
    pub is_remembered: bool,
    /// Whose session this is, if the application said so.
    pub principal: Option<Arc<str>>,
    /// The data.
    pub entries: Entries,
}

impl Record {
    /// A session without data, created at `now`.
    #[must_use]
    pub const fn new(now: Timestamp, idle_timeout: Duration, absolute_deadline: Option<Timestamp>) -> Self {
        Self {
            created_at: now,
            last_seen: now,
            idle_timeout,
            absolute_deadline,
            is_remembered: false,
            principal: None,
            entries: Entries::EMPTY,
        }
    }

    /// Whether both have the same principal, the same entries, and the same deadlines of their own if they are remembered, whatever
    /// their other times are. If a commit changed nothing, a storage can spare itself a write.
    ///
    /// ```
    /// use gsession::{Record, Timestamp};
    ///
    /// let hour = std::time::Duration::from_secs(3600);
    /// let record = Record::new(Timestamp::from_millis(1_000), hour, None);
    /// assert!(record.has_same_content(&Record::new(Timestamp::from_millis(2_000), hour, None)));
    /// ```
    #[must_use]
    pub fn has_same_content(&self, other: &Self) -> bool {
        let Self { created_at: _, last_seen: _, idle_timeout, absolute_deadline, is_remembered, principal, entries } =
            self;
        (principal, entries, is_remembered) == (&other.principal, &other.entries, &other.is_remembered)
            && (!is_remembered || (idle_timeout, absolute_deadline) == (&other.idle_timeout, &other.absolute_deadline))
    }

    /// Whether it is the list by which sessions with a [tag](crate::Login::tag) are found, and no session. A storage that makes room for
    /// others drops it only after the sessions of visitors ([R21](crate::design#r21)).
    #[must_use]
    pub fn is_list_of_tag(&self) -> bool {
        self.entries.contains_key(reserved::NEEDED_UNTIL)
    }

    /// Whether it is a list of gsession's own, and no session: that of a [tag](crate::Login::tag), that of a user's logins which are
    /// under way ([`max_sessions`](crate::ManagerBuilder::max_sessions)), or the [note](Self::is_note) that a session of another library
    /// was taken over. [`count`](crate::Storage::count) leaves lists out.
    #[must_use]
    pub fn is_list(&self) -> bool {
        reserved::OF_LISTS.iter().any(|name| self.entries.contains_key(name))
    }

    /// Whether it is the note that a session of another library was taken over ([H9](crate::design#h9)), and no session. A storage that
    /// makes room for others never drops it: the other library's session could be taken over once more.
    #[must_use]
    pub fn is_note(&self) -> bool {
        self.entries.contains_key(reserved::TAKEN_OVER)
    }

    /// When the session ends if it is not used again.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.expires_if_last_seen(self.last_seen)
    }

    /// When the session ends if it was last used at `last_seen`.
    #[must_use]
    pub fn expires_if_last_seen(&self, last_seen: Timestamp) -> Timestamp {
        let idle = last_seen + self.idle_timeout;
        self.absolute_deadline.map_or(idle, |deadline| idle.min(deadline))
    }

    /// Whether the session has ended at `now`.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at() <= now
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("created_at", &self.created_at)
            .field("last_seen", &self.last_seen)
            .field("idle_timeout", &self.idle_timeout)
            .field("absolute_deadline", &self.absolute_deadline)
            .field("is_remembered", &self.is_remembered)
            .field("principal", &self.principal.as_ref().map(|_| "…"))
            .field("entries", &self.entries.len())
            .finish()
    }
}

//! The words of events, which are also the labels of metrics.

use crate::StorageErrorKind;

/// Why a session has ended, as far as gsession knows.
///
/// What a storage does on its own is known only where the storage says so: the memory and the file storage report each session they
/// remove. Redis removes expired sessions silently, and so do the lost commands of a failover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum EndReason {
    /// Its user has logged out: [`destroy`](crate::AsyncSession::destroy).
    #[default]
    LoggedOut,
    /// Its user has ended it from another session: [`end`](crate::AsyncSession::end).
    Elsewhere,
    /// Its user has ended all sessions but one: [`destroy_others`](crate::AsyncSession::destroy_others).
    Others,
    /// Its user has ended all sessions: [`destroy_everywhere`](crate::AsyncSession::destroy_everywhere).
    Everywhere,
    /// It was ended through the manager: by an operator, a job, or a logout at the identity provider.
    Operator,
    /// Its user has logged in once more than [`max_sessions`](crate::ManagerBuilder::max_sessions) allows.
    OverLimit,
    /// An old id of it was used again: [`OnReuse::EndSession`](crate::OnReuse::EndSession).
    IdReused,
    /// It was not used for its idle timeout, or has reached its absolute lifetime, and its storage has removed it.
    Expired,
    /// The memory storage was full.
    Evicted,
}

/// Why something was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefusalReason {
    /// An id that opens nothing: it never was one, or its session has ended, or it belongs to another [`Realm`](crate::Realm). A
    /// storage cannot tell these apart.
    Unknown,
    /// An id that another request has renewed, at most an hour ago. Usual in small numbers: requests overlap.
    Renewed,
    /// A text that cannot be an id. Once a request, however many there are.
    Malformed,
    /// A login over [`max_sessions`](crate::ManagerBuilder::max_sessions), with [`AtLimit::Refuse`](crate::AtLimit::Refuse).
    TooManySessions,
    /// A cookie of another library that is forged or damaged, or one whose session cannot be read, does not fit, is not wanted, or was taken
    /// over or ended before ([H9](crate::design#h9)).
    NotTakenOver,
}

/// What has become of a request's changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CommitOutcome {
    /// They are stored.
    Stored,
    /// They were dropped: the session has ended while the request was using it.
    Gone,
    /// They were dropped: another request has renewed the session. Over HTTP this is a 409, unless the method is safe.
    Overtaken,
    /// They were dropped: an [`update`](crate::AsyncSession::update) came too late 10,000 times.
    Contended,
}

/// What a storage is asked to do: the methods of [`Storage`](crate::Storage).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each is documented as a method of the trait")]
pub enum Operation {
    Load,
    Fetch,
    Create,
    Commit,
    Touch,
    MoveTo,
    Tombstone,
    Remove,
    Find,
    FindPage,
    Sweep,
    Count,
    Scan,
    Check,
}

/// How a call of a storage ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallOutcome {
    /// The storage has answered. That a session is not there is an answer.
    Answered,
    /// The storage has failed.
    Failed(StorageErrorKind),
    /// Nobody has waited for the answer, for example because the client has left.
    Dropped,
}

impl EndReason {
    /// As in logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LoggedOut => "logged_out",
            Self::Elsewhere => "elsewhere",
            Self::Others => "others",
            Self::Everywhere => "everywhere",
            Self::Operator => "operator",
            Self::OverLimit => "over_limit",
            Self::IdReused => "id_reused",
            Self::Expired => "expired",
            Self::Evicted => "evicted",
        }
    }
}

impl RefusalReason {
    /// As in logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Renewed => "renewed",
            Self::Malformed => "malformed",
            Self::TooManySessions => "too_many_sessions",
            Self::NotTakenOver => "not_taken_over",
        }
    }
}

impl CommitOutcome {
    /// As in logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Gone => "gone",
            Self::Overtaken => "overtaken",
            Self::Contended => "contended",
        }
    }
}

impl Operation {
    /// As in logs and metrics: the name of the method.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Fetch => "fetch",
            Self::Create => "create",
            Self::Commit => "commit",
            Self::Touch => "touch",
            Self::MoveTo => "move_to",
            Self::Tombstone => "tombstone",
            Self::Remove => "remove",
            Self::Find => "find",
            Self::FindPage => "find_page",
            Self::Sweep => "sweep",
            Self::Count => "count",
            Self::Scan => "scan",
            Self::Check => "check",
        }
    }
}

impl CallOutcome {
    /// As in logs and metrics: `ok`, the kind of the error, or `dropped`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "ok",
            Self::Dropped => "dropped",
            Self::Failed(kind) => match kind {
                StorageErrorKind::Unavailable => "unavailable",
                StorageErrorKind::Timeout => "timeout",
                StorageErrorKind::Full => "full",
                StorageErrorKind::Unsupported => "unsupported",
                StorageErrorKind::Limit(_) => "limit",
                StorageErrorKind::Setup => "setup",
                StorageErrorKind::Other => "other",
            },
        }
    }
}

/// Why a [sealed](crate::storage::sealed) session could not be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DecryptionFailure {
    /// It is not sealed: it was stored before sessions were, or by somebody without a key.
    NotSealed,
    /// It was sealed with a key that is not in the ring.
    UnknownKey,
    /// It was changed, or belongs to another session or another state of this one.
    Forged,
    /// It is cut short, or no sealed session at all.
    Damaged,
    /// A later version of gsession has sealed it.
    LaterVersion,
}

impl DecryptionFailure {
    /// How many there are.
    #[cfg(feature = "encryption")]
    pub(crate) const COUNT: usize = 5;

    /// As in logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotSealed => "not_sealed",
            Self::UnknownKey => "unknown_key",
            Self::Forged => "forged",
            Self::Damaged => "damaged",
            Self::LaterVersion => "later_version",
        }
    }
}

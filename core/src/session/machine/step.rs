//! What a machine asks the storage. Each step has its own type, and the machine a method that takes its answer, so a
//! step cannot get the answer to another one.

use crate::{
    Record, SessionId, StoreKey, Timestamp,
    record::{Access, Commit},
};

/// A request to the storage.
#[derive(Debug)]
pub(crate) enum Step {
    Remove(StoreKey),
    Create(Create),
    Commit(Write),
    Move(Move),
    Touch(StoreKey, Access),
    /// A touch that also confirms that the id the client presented is the current one.
    Confirm(Write),
    /// Looks whether the id that the client presented is the current one.
    CheckId(Need),
    /// Changes what the session keeps of its id.
    Rotate(Rotate),
    /// Looks whether an earlier attempt succeeded.
    LookForOwn(Look),
    /// Asks under which id another request renewed the session.
    Follow(Follow),
    /// Looks which principal a renewed session has.
    Recognise(Look),
}

/// What to load from the storage.
#[derive(Debug)]
pub(crate) struct Need {
    pub(crate) key: StoreKey,
    pub(crate) access: Access,
    /// Whether to ask for the entries that say which id is current.
    pub(crate) checks_id: bool,
}

/// A new session.
#[derive(Debug)]
pub(crate) struct Create {
    pub(super) id: SessionId,
    pub(crate) key: StoreKey,
    pub(crate) record: Record,
    pub(crate) now: Timestamp,
}

/// Changes to a session.
#[derive(Debug)]
pub(crate) struct Write {
    pub(crate) key: StoreKey,
    pub(crate) commit: Commit,
}

/// Changes to a session that gets a new id.
#[derive(Debug)]
pub(crate) struct Move {
    pub(super) id: SessionId,
    pub(crate) from: StoreKey,
    pub(crate) to: StoreKey,
    pub(crate) commit: Commit,
}

/// A change of what the session keeps of its id.
#[derive(Debug)]
pub(crate) struct Rotate {
    /// The new id, if it gets one.
    pub(super) id: Option<SessionId>,
    /// When the session ended if it were not used, as it was read.
    pub(super) expires_at: Timestamp,
    pub(crate) write: Write,
}

impl Rotate {
    /// Whether the session gets a new id.
    pub(crate) const fn gives_id(&self) -> bool {
        self.id.is_some()
    }
}

/// A look at what an id opens.
#[derive(Debug)]
pub(crate) struct Look {
    pub(super) id: SessionId,
    pub(crate) key: StoreKey,
    pub(crate) access: Access,
}

/// The question where a session was renewed to.
#[derive(Debug)]
pub(crate) struct Follow {
    pub(super) old: SessionId,
    pub(crate) key: StoreKey,
    pub(crate) now: Timestamp,
}

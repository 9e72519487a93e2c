//! What a machine asks the storage. Each step has its own type, and the machine a method that takes its answer, so a step and
//! the answer to another one do not fit together.

use crate::{
    Record, SessionId, StoreKey, Timestamp,
    record::{Access, Commit},
};

/// Something to ask the storage.
#[derive(Debug)]
pub(crate) enum Step {
    Remove(StoreKey),
    Create(Create),
    Commit(Write),
    Move(Move),
    Touch(StoreKey, Access),
    /// Looks whether an earlier attempt has succeeded after all.
    LookForOwn(Look),
    /// Asks to which id another request has renewed the session.
    Follow(Follow),
    /// Looks whose the session is that another request has renewed.
    Recognise(Look),
}

/// A new session.
#[derive(Debug)]
pub(crate) struct Create {
    pub(super) id: SessionId,
    pub(crate) key: StoreKey,
    pub(crate) record: Record,
    pub(crate) now: Timestamp,
}

/// A change of a session.
#[derive(Debug)]
pub(crate) struct Write {
    pub(crate) key: StoreKey,
    pub(crate) commit: Commit,
}

/// A change of a session, which gets a new id.
#[derive(Debug)]
pub(crate) struct Move {
    pub(super) id: SessionId,
    pub(crate) from: StoreKey,
    pub(crate) to: StoreKey,
    pub(crate) commit: Commit,
}

/// A look at what is under an id.
#[derive(Debug)]
pub(crate) struct Look {
    pub(super) id: SessionId,
    pub(crate) key: StoreKey,
    pub(crate) access: Access,
}

/// A question where a session was renewed to.
#[derive(Debug)]
pub(crate) struct Follow {
    pub(super) old: SessionId,
    pub(crate) key: StoreKey,
    pub(crate) now: Timestamp,
}

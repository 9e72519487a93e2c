//! What a request knows of the client's id, and what is to be done about it: see `rotation`.

use crate::{SessionId, Timestamp, record::JsonText, session::rotation::Issue};

/// What a request knows of the client's id.
#[derive(Debug, Default)]
pub(super) struct IdCheck {
    /// Whether a write found another id than the client's, so that the session has to be read.
    pub(super) must_read: bool,
    /// Whether the client must not be told to keep its id: it is a previous one, or may be one when the response arrives.
    pub(super) is_leaving: bool,
    /// Whether this was reported as an id that was used again. The session may not have ended yet.
    pub(super) is_reported: bool,
    /// What is to be done at the end of the request.
    pub(super) rotating: Option<Box<Rotating>>,
}

/// What is to be done about the id at the end of the request.
#[derive(Debug)]
pub(super) struct Rotating {
    pub(super) due: Due,
    /// What the session keeps of its id, as it was read.
    pub(super) issue: Option<(JsonText, Issue)>,
    pub(super) expires_at: Timestamp,
}

#[derive(Debug)]
pub(super) enum Due {
    /// Noting that the client has the current id.
    NoteUse,
    /// A new id.
    Rotation,
    /// Sending the current id to a client that may not have it.
    Delivery(SessionId),
}

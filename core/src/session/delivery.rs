//! What a save and the end of a request come to.

use crate::{SessionId, Timestamp};

/// What the transport has to tell the client at the end of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "the client has to learn its id"]
pub enum Delivery {
    /// Nothing: what the client holds is right, or was never looked at.
    Keep,
    /// The session's deadline was moved. Only a client that keeps an expiry of its own, as a persistent cookie, needs to hear.
    Refresh {
        /// The id the client already has.
        id: SessionId,
        /// When the session ends if it is not used again.
        expires_at: Timestamp,
    },
    /// The client's id is from now on this one.
    Send {
        /// The new id.
        id: SessionId,
        /// When the session ends if it is not used again.
        expires_at: Timestamp,
    },
    /// The session was destroyed; the client should forget its id. Never told to a client that merely came with an id that opens
    /// nothing: a removal names no id, so it could hit one that the client has got since, or another application's.
    Withdraw,
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Closed {
    /// What the client has to be told.
    pub delivery: Delivery,
    /// What was stored by closing; saves before it are not counted.
    pub saved: Saved,
    /// Whether something this request wrote is lost although the session lives: another request has renewed it meanwhile. An
    /// answer should not look as if it had been stored; the actix middleware makes it a 409, unless the request's method is safe.
    pub conflict: bool,
}

/// What a `save` came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "`Gone` means that the session ended or was renewed meanwhile, and nothing was stored"]
pub enum Saved {
    /// There was nothing to store.
    Nothing,
    /// A new session was stored.
    Created,
    /// The changes were stored.
    Committed,
    /// The session was stored under a new id; the old one is dead.
    Renewed,
    /// The session was ended; if something was written after `destroy`, it stands in a new one.
    Destroyed,
    /// The session had ended, or been renewed, while this request was using it: the changes were dropped ([S4](crate::design#s4), [S5](crate::design#s5)).
    Gone,
}

//! The result of a save, and of the end of a request.

use crate::{SessionId, Timestamp};

/// What the transport must tell the client at the end of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "the client must learn its id"]
pub enum Delivery {
    /// Nothing: the client's id is right, or was never looked up.
    Keep,
    /// The session's deadline moved. This matters only to a client with an expiry of its own, such as a persistent
    /// cookie; the cookie of a remembered session is one.
    Refresh {
        /// The id the client already has.
        id: SessionId,
        /// When the session ends if it is not used again.
        expires_at: Timestamp,
        /// Whether the client keeps the id after it is closed, as in [`Send`](Self::Send).
        is_remembered: bool,
    },
    /// The client has a new id.
    Send {
        /// The new id.
        id: SessionId,
        /// When the session ends if it is not used again.
        expires_at: Timestamp,
        /// Whether the client is to keep the id until then, even if it is closed and opened again, because the user asked to be
        /// [remembered](crate::Login::remember_for). If not, the client decides.
        is_remembered: bool,
    },
    /// The session was destroyed, and the client should forget its id. A client whose id merely opens nothing is never
    /// told so: a removal names no id, so it could hit a newer id, or one of another application.
    Withdraw,
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Closed {
    /// What the client must be told.
    pub delivery: Delivery,
    /// What the close stored. Earlier saves are not counted.
    pub saved: Saved,
    /// Whether changes were lost although the session lives, because another request renewed it. The response must not
    /// claim that they were stored: the actix middleware makes it a 409, unless the request's method is safe.
    pub conflict: bool,
}

/// The result of a `save`.
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
    /// The session was stored under a new id. The old id is dead.
    Renewed,
    /// The session was ended. Anything written after `destroy` is in a new one.
    Destroyed,
    /// The changes were dropped ([S4](crate::design#s4), [S5](crate::design#s5)): while this request was using the
    /// session, another one renewed it, or it ended, by a logout, its expiry or an eviction. At the level `debug` the
    /// log tells which. [How to find out why](crate::design#why-was-it-gone)
    Gone,
}

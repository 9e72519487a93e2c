//! Where the sessions of another library are.

use std::fmt;

use serde_json::{Map, Value};

use super::{PeerProtection, PeerValue};
use crate::{Timestamp, storage::StorageFuture};

/// Finds sessions of another library by what its cookie says. Implement it for a store of your own; those of actix-session and of
/// tower-sessions are here.
///
/// ```
/// use gsession::{Timestamp, http::import::{PeerLookup, PeerStore, PeerValue}, storage::StorageFuture};
///
/// /// Has no sessions.
/// struct Empty;
///
/// impl PeerStore for Empty {
///     fn load<'a>(&'a self, _: &'a PeerValue, _: Timestamp) -> StorageFuture<'a, PeerLookup> {
///         Box::pin(async { Ok(PeerLookup::Absent) })
///     }
///
///     fn remove<'a>(&'a self, _: &'a PeerValue) -> StorageFuture<'a, ()> {
///         Box::pin(async { Ok(()) })
///     }
/// }
/// ```
pub trait PeerStore: Send + Sync + 'static {
    /// The text that identifies the session: the same for each cookie of it, and known to nobody but the client and the store. `None` if the
    /// cookie cannot be of such a session; nothing is then looked up. Default: what the cookie says.
    fn identity<'a>(&self, cookie: &'a PeerValue) -> Option<&'a str> {
        Some(cookie.text())
    }

    /// The least protection that the cookie must have. The middleware cannot be built with a cookie that has less. Default:
    /// [`PeerProtection::None`], which is enough if the cookie has a random id that nobody can guess, and [`load`](Self::load) finds nothing
    /// but sessions. If the cookie has the values themselves, it must be [encrypted](PeerProtection::Encrypted): with a signature alone, two
    /// browsers with the same values would share a session.
    fn least_protection(&self) -> PeerProtection {
        PeerProtection::None
    }

    /// Loads the session, if it lives at `now`.
    ///
    /// # Errors
    ///
    /// [`StorageError`](crate::StorageError) if the store is broken; never for a session that is absent or unreadable. The request fails, and
    /// the next one tries again. What takes longer than 5 seconds is a timeout.
    fn load<'a>(&'a self, cookie: &'a PeerValue, now: Timestamp) -> StorageFuture<'a, PeerLookup>;

    /// Removes the session. It is called when the session was taken over, and at a logout; perhaps more than once.
    ///
    /// # Errors
    ///
    /// [`StorageError`](crate::StorageError) if the store is broken.
    fn remove<'a>(&'a self, cookie: &'a PeerValue) -> StorageFuture<'a, ()>;

    /// Whether sessions say when they end. If not, [`Import::until`](super::Import::until) must. Default: yes.
    fn knows_expiry(&self) -> bool {
        true
    }
}

/// What a [`PeerStore`] has found.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum PeerLookup {
    /// No session: there never was one, or it has ended.
    Absent,
    /// Something that cannot be read as a session, and why, without any of it.
    Unreadable(&'static str),
    /// A living session.
    Found(PeerSession),
}

/// A session of another library. `Debug` shows no values.
#[derive(Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct PeerSession {
    /// Its values.
    pub values: Map<String, Value>,
    /// When it ends, if it says so.
    pub expires_at: Option<Timestamp>,
}

impl PeerSession {
    /// With these values, and this end, if it is known.
    #[must_use]
    pub const fn new(values: Map<String, Value>, expires_at: Option<Timestamp>) -> Self {
        Self { values, expires_at }
    }
}

impl fmt::Debug for PeerSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { values, expires_at } = self;
        f.debug_struct("PeerSession").field("values", &values.len()).field("expires_at", expires_at).finish()
    }
}

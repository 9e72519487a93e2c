//! actix-session's `CookieSessionStore`, which keeps the whole session in the cookie.

use super::read;
use crate::{
    Timestamp,
    http::import::{PeerLookup, PeerProtection, PeerStore, PeerValue},
    storage::StorageFuture,
};

/// actix-session's `CookieSessionStore`: the whole state is in the cookie.
///
/// Nothing but the cookie says that there is a session, so actix-session cannot end one, and none says when it ends. Therefore
/// [`Import::until`](crate::http::import::Import::until) is needed.
///
/// The cookie must be encrypted (`CookieContentSecurity::Private`, actix-session's default). A signed one is refused: two users with the same
/// values have the same cookie, so they would share a session.
///
/// **Each cookie counts as a session.** actix-session issues a new cookie with each change, and the earlier ones stay valid there. An earlier
/// one that somebody has copied looks like the session of another browser, and can be taken over after a logout. If the values say when the
/// user logged in, let [`Import::convert`](crate::http::import::Import::convert) refuse what is old.
///
/// ```
/// use gsession::{Timestamp, http::import::{ActixSessionCookie, Import, PeerCookie}};
///
/// # fn import(master_key: &[u8]) -> Import {
/// /// 2027-03-01T00:00:00Z
/// const UNTIL: Timestamp = Timestamp::from_millis(1_803_859_200_000);
///
/// Import::new(PeerCookie::actix_session(master_key), ActixSessionCookie).until(UNTIL)
/// # }
/// # let _ = import;
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct ActixSessionCookie;

impl PeerStore for ActixSessionCookie {
    /// The cookie as the client holds it: sessions of two users may have the same values.
    fn identity<'a>(&self, cookie: &'a PeerValue) -> Option<&'a str> {
        Some(cookie.sealed())
    }

    /// Encrypted: of two users with the same values, a signature alone makes the same cookie.
    fn least_protection(&self) -> PeerProtection {
        PeerProtection::Encrypted
    }

    fn load<'a>(&'a self, cookie: &'a PeerValue, _: Timestamp) -> StorageFuture<'a, PeerLookup> {
        Box::pin(async { Ok(read(cookie.text(), None)) })
    }

    fn remove<'a>(&'a self, _: &'a PeerValue) -> StorageFuture<'a, ()> {
        Box::pin(async { Ok(()) })
    }

    fn knows_expiry(&self) -> bool {
        false
    }
}

//! Taking over the sessions of another library, so that nobody is logged out when a service changes to gsession ([H9](crate::design#h9)).
//!
//! An [`Import`] says how the other library's cookie is named and protected ([`PeerCookie`]), and where its sessions are ([`PeerStore`]).
//! Give it to the builder of the middleware or of the layer:
//!
//! ```
//! # #[cfg(all(feature = "import-actix-session", feature = "redis"))] {
//! use gsession::http::import::{ActixSessionRedis, Import, PeerCookie};
//!
//! # fn build(master_key: &[u8]) -> Result<(), gsession::StorageError> {
//! let cookie = PeerCookie::actix_session(master_key);
//! let import = Import::new(cookie, ActixSessionRedis::open("redis://127.0.0.1:6379")?);
//! // SessionMiddleware::builder(storage).import_from(import), or SessionLayer::builder(storage).import_from(import)
//! # let _ = import; Ok(()) }
//! # }
//! ```
//!
//! The guides `gsession_actix::coming_from_actix_session` and `gsession::coming_from_tower_sessions` (shown with the features
//! `import-actix-session` and `import-tower-sessions`) go through the whole change.
//!
//! | file | contents |
//! |---|---|
//! | `mod` | the settings: [`Import`] |
//! | `cookie` | the other library's cookie: [`PeerCookie`], [`PeerProtection`], [`PeerValue`] |
//! | `peer` | where its sessions are: [`PeerStore`], [`PeerLookup`], [`PeerSession`] |
//! | `converted` | what becomes of them: [`Converted`] |
//! | `presenter` | a request that presents the cookie |
//! | `actix_session`, `tower_sessions` | their stores |
//!
//! # What happens
//!
//! A request that uses its session, and whose ids open none, is searched for the other library's cookie. If that opens a living session
//! there, a new session with a new id takes its place: with the same values, or with what you [make of them](Import::convert). The
//! response sets the new cookie and removes the other library's, whose entry is removed from its store once the new session is stored. A
//! cookie that is forged, or whose session cannot be read, is none; the request goes on as a visitor's.
//!
//! - **Once.** A note in gsession's storage says that the session was taken over. However many requests come at once, there is one
//!   session. Those that come within the [grace period of rotations](super::Builder::rotation_grace) (60 seconds by default) go on with it,
//!   since their client may not have the new cookie yet. Until then, a stolen copy of the cookie opens the session as well, as it did before.
//!   Later it opens nothing, and the observer is told ([`RefusalReason::NotTakenOver`](crate::observe::RefusalReason::NotTakenOver)).
//! - **Nothing comes back.** A session that has ended in the other library is not found. One that has ended here is not taken over again,
//!   as the note stays. A logout also ends the session of a cookie that was never taken over.
//! - **Deadlines.** The new session ends when the other one would have ended at the time of the take-over, or by your settings, whichever
//!   comes first. A [login](crate::AsyncSession::log_in) sets new ones, as long as there is an import.
//! - **If the other library's store is down**, the request fails as if gsession's own were (503), and nothing is lost. A request whose session
//!   is already here does not ask it.
//! - **Limits** of gsession hold. A session that exceeds them is not taken over.
//! - `authenticated_at()` is unknown, so [`require_recent`](crate::AsyncSession::require_recent) asks for a login.
//! - [`ended`](crate::AsyncSession::ended) sees a session that was taken over once the request has read it.
//!
//! # What it does not do
//!
//! - End a user's sessions that are still in the other library. **A password change, [`destroy_all_of`](crate::AsyncManager::destroy_all_of) and
//!   [`destroy_others`](crate::AsyncSession::destroy_others) do not find them**, so a stolen cookie that was never taken over stays valid. Let
//!   [`convert`](Import::convert) refuse such sessions: the guides show how.
//! - Count towards [`max_sessions`](crate::ManagerBuilder::max_sessions). The limit applies to logins; a session that is taken over is none.
//! - Tell realms apart: of several middlewares with one storage, the one that comes first takes a session over.
//! - Know who has set a cookie. As long as there is an import, a site on a sibling domain can set a cookie of the other library, and so log a
//!   browser in as somebody else, as it could before.
//! - Make room. A full memory storage evicts no notes. Each takes as much room as a small session, until its end: set [`Import::until`].
//! - Undo what a running instance with the other library does. If it stores a session under a new key, that is another session.

#[cfg(feature = "import-actix-session")]
mod actix_session;
mod converted;
mod cookie;
mod peer;
mod presenter;
#[cfg(feature = "import-tower-sessions")]
mod tower_sessions;

use std::{fmt, sync::Arc, time::Duration};

#[cfg(feature = "import-actix-session")]
pub use self::actix_session::ActixSessionCookie;
#[cfg(all(feature = "import-actix-session", feature = "redis"))]
pub use self::actix_session::ActixSessionRedis;
#[cfg(all(feature = "import-tower-sessions", feature = "postgres"))]
pub use self::tower_sessions::TowerSessionsPostgres;
#[cfg(feature = "import-tower-sessions")]
pub use self::tower_sessions::TowerSessionsRecord;
#[cfg(all(feature = "import-tower-sessions", feature = "redis"))]
pub use self::tower_sessions::TowerSessionsRedis;
#[cfg(all(feature = "import-tower-sessions", feature = "sqlite"))]
pub use self::tower_sessions::TowerSessionsSqlite;
pub use self::{
    converted::Converted,
    cookie::{PeerCookie, PeerProtection, PeerValue},
    peer::{PeerLookup, PeerSession, PeerStore},
};
pub(in crate::http) use presenter::Presenter;

use super::{ConfigError, Transport};
use crate::{KeyScheme, Timestamp};

/// How long a note is kept at least, if the import has an end: an instance may have another clock.
const NOTED_FOR: Duration = Duration::from_secs(31 * 24 * 60 * 60);
/// The same if it has none. An instance with the other library may write the session back and make it live longer, but browsers keep no
/// cookie for longer than this (RFC 6265bis 5.5).
const LONGEST: Duration = Duration::from_secs(401 * 24 * 60 * 60);

type Convert = dyn Fn(PeerSession) -> Option<Converted> + Send + Sync;

/// Where sessions are taken from, and what becomes of them: see the [module](self). Clones share it.
#[derive(Clone)]
#[must_use = "pass it to `import_from`"]
pub struct Import {
    cookie: PeerCookie,
    store: Arc<dyn PeerStore>,
    convert: Option<Arc<Convert>>,
    until: Option<Timestamp>,
    /// Whether its cookie is the session's own, so that a new id replaces it.
    is_replaced: bool,
}

impl Import {
    /// Takes over the sessions in `store` whose ids are in `cookie`, with all their values.
    pub fn new(cookie: PeerCookie, store: impl PeerStore) -> Self {
        Self { cookie, store: Arc::new(store), convert: None, until: None, is_replaced: false }
    }

    /// Makes a session of gsession of one of the other library: who is logged in, and which values stay, under which names. `None` takes
    /// nothing over: the request goes on as a visitor's, and the next one asks again. It is also called at a logout, which ends the session
    /// whatever it returns. Default: all values stay, and nobody is [logged in](crate::AsyncSession::principal).
    ///
    /// Say who is logged in, so that the user's sessions can be listed and ended. The function is also called if several requests come at
    /// once, and of its results one counts.
    ///
    /// ```
    /// use gsession::http::import::{Converted, Import, PeerSession};
    ///
    /// # fn with(import: Import) -> Import {
    /// import.convert(|session: PeerSession| {
    ///     let user = session.values.get("user_id")?.as_i64()?;
    ///     Some(Converted::from(session).principal(user.to_string()))
    /// })
    /// # }
    /// # let _ = with;
    /// ```
    pub fn convert(mut self, convert: impl Fn(PeerSession) -> Option<Converted> + Send + Sync + 'static) -> Self {
        self.convert = Some(Arc::new(convert));
        self
    }

    /// Takes nothing over from this time on. Default: no end. Needed if the other library's sessions do not say when they end:
    /// [`ActixSessionCookie`]. In any case it spares room.
    ///
    /// Notes are kept until then, and without an end for 401 days, so choose a fixed date, not one that is counted from the start of the process, and **never move it
    /// further**: notes made before the move would end at the earlier date.
    ///
    /// ```
    /// use gsession::{Timestamp, http::import::Import};
    ///
    /// /// 2027-03-01T00:00:00Z
    /// const UNTIL: Timestamp = Timestamp::from_millis(1_803_859_200_000);
    ///
    /// # fn with(import: Import) -> Import {
    /// import.until(UNTIL)
    /// # }
    /// # let _ = with;
    /// ```
    pub const fn until(mut self, end: Timestamp) -> Self {
        self.until = Some(end);
        self
    }

    /// Checks it together with the settings of the middleware.
    pub(in crate::http) fn check(mut self, transport: &Transport, scheme: KeyScheme) -> Result<Self, ConfigError> {
        self.cookie.check()?;
        let least = self.store.least_protection();
        if self.cookie.protection() < least {
            return Err(ConfigError::ImportNeedsProtection(least.as_str()));
        }
        let Some(own) = transport.cookie.as_ref().filter(|_| transport.cookie_output) else {
            return Err(ConfigError::ImportNeedsCookie);
        };
        if self.until.is_none() && !self.store.knows_expiry() {
            return Err(ConfigError::ImportNeedsEnd);
        }
        if scheme == KeyScheme::RawIds {
            return Err(ConfigError::ImportIntoRawIds);
        }
        self.is_replaced = self.cookie.is_same_as(own);
        Ok(self)
    }

    fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }

    /// Until when to remember that a session was taken over which ends at this time.
    fn noted_until(&self, ends_at: Option<Timestamp>, now: Timestamp) -> Timestamp {
        let least = if self.until.is_some() { NOTED_FOR } else { LONGEST };
        [self.until, ends_at].into_iter().flatten().fold(now + least, Timestamp::max)
    }
}

impl fmt::Debug for Import {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Import").field("cookie", &self.cookie).field("until", &self.until).finish_non_exhaustive()
    }
}

//! Moving all sessions to another storage, without logging anybody out.
//!
//! ```
//! use gsession::{AnyStorage, AsyncManager, MemoryStorage, MovingStorage};
//!
//! # let (in_files, in_redis) = (MemoryStorage::new(), MemoryStorage::new());
//! // let (in_files, in_redis) = (FileStorage::open("sessions")?, RedisStorage::builder(url).build()?);
//! let manager = AsyncManager::new(MovingStorage::new(in_files, in_redis)?);
//! # Ok::<(), gsession::StorageError>(())
//! ```
//!
//! # In three deployments
//!
//! Instances of a service are replaced one by one, so two versions of it run side by side for a while. Three deployments, each
//! complete before the next one begins, move all sessions, and nobody notices:
//!
//! 1. [`prepared`](MovingStorage::prepared): sessions stay at the old place and begin there, so that the instances before it find them. Those that
//!    the next version has moved are found at the new place.
//! 2. [`MovingStorage::new`]: sessions begin at the new place, and move there when they are used. Then `gsession move` moves the rest.
//! 3. The new storage alone, at the earliest an hour later ([`TOMBSTONE_LIFETIME`](super::TOMBSTONE_LIFETIME)): until then the old place
//!    remembers where sessions were renewed to.
//!
//! If all instances are stopped before the new version is started, leave out the first.
//!
//! Meanwhile, sessions are in both places. `gsession list` and `gsession end` look into both if you add `--to` and the new place.
//!
//! **Without the first deployment**, an instance that knows nothing of the new place serves a user whose session has moved as somebody who
//! is not logged in: for an hour as one whose id was renewed by another request, then as a stranger. If it stores something for them,
//! their browser gets a new session. A write there either succeeds or fails; it is never lost. But **a logout there does not
//! end a session that has moved.** So do not leave it out in a rolling deployment.
//!
//! # How a session moves
//!
//! *K* is its key; *aside* is a key made of *K* by SHA-256, to which no id leads.
//!
//! 1. Old place: `move_to` from *K* to *aside*. A storage does this atomically, and one of all who try wins. From here on nobody writes
//!    to the session there, and a tombstone says where it is.
//! 2. Old place: `load` *aside*. All who come here read the same.
//! 3. New place: `create` *K* from it, with all its deadlines. One of all who try wins; from here on it is a session again.
//! 4. Old place: `remove` *aside*.
//!
//! A renewal (or a commit with other deadlines) first completes this, then changes the session at the new place. A logout removes *K* and
//! *aside* at the old place, then *K* at the new one. If there was anything at the old place within the last hour, it also leaves a
//! tombstone at the new one that leads nowhere: it creates an empty session under *K*, moves it away, and removes it. The empty session
//! has expired two minutes ago, so that no request can use it.
//!
//! **Nothing is lost**, whenever a process dies: before step 1 the session is under *K*. After it, the session is under *aside* until it
//! expires, and the next request that needs it continues with step 2. *aside* is removed only after the session is stored at the new place.
//!
//! **Nothing is stored twice or overwritten**, because `create` never overwrites. A request that has read *aside* and comes late to
//! step 3 finds the session at the new place, or the tombstone of its renewal, and leaves both alone.
//!
//! **Nothing comes back.** Only a request that has read *aside* can bring a session. A logout that finds *K* at the old place removes it
//! before step 1. One that finds its tombstone comes after step 1, when others may have read *aside* and be on their way. If they come
//! to step 3 before there is a tombstone at the new place, the logout removes what they bring; if they come later, `create` refuses.
//! A renewal leaves such a tombstone anyway. Both are remembered for an hour, as after every renewal
//! ([S5](crate::design#s5)): a request that stands still for longer between two steps could bring a session back.
//!
//! In a Redis cluster, step 1 is itself several steps, as every renewal is there. If the process dies between them, the session is lost
//! unless it is used again within a minute.
//!
//! If a process dies after step 3, *aside* is left over. A renewal and a logout remove it, `gsession move` does, and so does the
//! storage when it expires, which is no later than the session at the new place.
//!
//! While instances of the first two deployments run side by side, one thing is not exact: if both begin the same
//! [list](crate::Record::is_list) at the same moment, one at each place, the one at the old place is forgotten. Then a session may be
//! missing when those with its tag are ended, or a user may have one session more than allowed, or one of another library may be taken
//! over twice.
//!
//! # With encryption
//!
//! [`Sealed`](super::sealed) sessions move as they are: `Sealed::new(MovingStorage::new(old, new)?, keys)`. To begin to seal, move to another
//! place: `MovingStorage::new(old, Sealed::new(new, keys))`.
//!
//! # What it costs
//!
//! A session is moved once, with three operations at the old place and two at the new one beside those that find it. After that, an
//! operation on a session is one at the new place; what is unknown there is also looked for twice at the old one. A new session costs
//! two reads there, a renewal four, a logout two operations; and up to three more at the new place if the session was at the old one
//! within the hour.
//!
//! # What the storages must be able to do
//!
//! Both must be able to renew ([`move_to`](super::Storage::move_to)), and to list if you list. A session must fit into the new one, and with
//! 100 bytes more into the old one, where it is marked when it is set aside: if that exceeds the [`Limits`](crate::Limits) of a storage,
//! the request fails, and nothing is lost: it works again when the limits are raised. [`count`](super::Storage::count) is the sum of
//! both. [`find_page`](super::Storage::find_page) costs as much as [`find`](super::Storage::find).

mod apart;
mod asking;
mod asynchronous;
mod blocking;
mod clock;
mod names;
mod operations;
mod places;
mod rest;

pub use self::rest::MoveCounts;
use self::{
    apart::Apart,
    clock::ManagersClock,
    names::Names,
    places::{Places, Stage},
};
use super::{AnyStorage, IntoStorage, Storage, StorageError, StorageErrorKind};
use crate::{KeyScheme, Realm};

/// Two storages: the old one, from which sessions move when they are used, and the new one. The [module](self) has the three steps in
/// which to change from one to the other.
#[derive(Debug, Clone)]
pub struct MovingStorage(Places);

/// A [`MovingStorage`] for blocking code.
///
/// ```
/// use gsession::{BlockingMovingStorage, ClientInfo, Manager, MemoryStorage};
///
/// let manager = Manager::new(BlockingMovingStorage::new(MemoryStorage::new(), MemoryStorage::new())?);
/// # Ok::<(), gsession::StorageError>(())
/// ```
#[derive(Debug, Clone)]
pub struct BlockingMovingStorage(Places);

impl MovingStorage {
    /// Sessions begin in `new`. Those in `old` move when they are used.
    ///
    /// They must not share keys: in one server they need different prefixes, also if their layouts differ. Before the first session moves,
    /// and at a [`check`](crate::AsyncStorage::check), this is tried out; a shared place is refused with
    /// [`StorageErrorKind::Setup`], and nothing is moved.
    ///
    /// # Errors
    ///
    /// [`StorageErrorKind::Setup`] if one of them is in GoFrame's format.
    pub fn new(old: impl IntoStorage, new: impl IntoStorage) -> Result<Self, StorageError> {
        Places::hashed(AnyStorage::new(old), AnyStorage::new(new)).map(Self)
    }

    /// The same if `old` is in GoFrame's format, and `new` is not. `realm` is that of the manager that will use the new storage alone;
    /// in a middleware without one of its own it is the name of the cookie or the header.
    ///
    /// Until then the manager makes ids as GoFrame does, with [`GoFrameIds`](crate::GoFrameIds), and has no realm. Later it
    /// must still accept them.
    ///
    /// # Errors
    ///
    /// [`StorageErrorKind::Setup`] if `old` is not in GoFrame's format, or `new` is.
    pub fn from_goframe(
        old: impl IntoStorage,
        new: impl IntoStorage,
        realm: Option<Realm>,
    ) -> Result<Self, StorageError> {
        Places::raw_to_hashed(AnyStorage::new(old), AnyStorage::new(new), realm).map(Self)
    }

    /// The same for the first deployment: sessions begin in the old storage and stay there. Those that others have moved are found.
    #[must_use]
    pub fn prepared(self) -> Self {
        Self(Places { stage: Stage::Prepared, ..self.0 })
    }
}

impl BlockingMovingStorage {
    /// Same as [`MovingStorage::new`].
    ///
    /// # Errors
    ///
    /// Same as [`MovingStorage::new`].
    pub fn new(old: impl Storage + 'static, new: impl Storage + 'static) -> Result<Self, StorageError> {
        Places::hashed(AnyStorage::immediate(old), AnyStorage::immediate(new)).map(Self)
    }

    /// Same as [`MovingStorage::from_goframe`].
    ///
    /// # Errors
    ///
    /// Same as [`MovingStorage::from_goframe`].
    pub fn from_goframe(
        old: impl Storage + 'static,
        new: impl Storage + 'static,
        realm: Option<Realm>,
    ) -> Result<Self, StorageError> {
        Places::raw_to_hashed(AnyStorage::immediate(old), AnyStorage::immediate(new), realm).map(Self)
    }

    /// Same as [`MovingStorage::prepared`].
    #[must_use]
    pub fn prepared(self) -> Self {
        Self(Places { stage: Stage::Prepared, ..self.0 })
    }
}

impl Places {
    fn between(old: AnyStorage, new: AnyStorage, names: Names) -> Self {
        Self { old, new, names, stage: Stage::Moving, clock: ManagersClock::default(), apart: Apart::default() }
    }

    fn hashed(old: AnyStorage, new: AnyStorage) -> Result<Self, StorageError> {
        match (old.key_scheme(), new.key_scheme()) {
            (KeyScheme::Hashed, KeyScheme::Hashed) => Ok(Self::between(old, new, Names::Same)),
            (KeyScheme::RawIds, KeyScheme::Hashed) => {
                Err(setup("the old one is in GoFrame's format: use from_goframe"))
            }
            (_, KeyScheme::RawIds) => Err(setup("sessions cannot move to GoFrame's format")),
        }
    }

    fn raw_to_hashed(old: AnyStorage, new: AnyStorage, realm: Option<Realm>) -> Result<Self, StorageError> {
        match (old.key_scheme(), new.key_scheme()) {
            (KeyScheme::RawIds, KeyScheme::Hashed) => Ok(Self::between(old, new, Names::RawToHashed(realm))),
            (KeyScheme::Hashed, _) => Err(setup("the old one is not in GoFrame's format")),
            (_, KeyScheme::RawIds) => Err(setup("sessions cannot move to GoFrame's format")),
        }
    }
}

fn setup(reason: &'static str) -> StorageError {
    StorageError::new(StorageErrorKind::Setup, "moving sessions between two storages").with_source(reason)
}

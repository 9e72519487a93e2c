//! Sessions of another library, which are taken over once ([H9](crate::design#h9)), and the notes that say so.
//!
//! A session is taken over in this order, so that it stays one session, whenever a process dies and however many requests present it:
//!
//! 1. The successor is created under a new id. It ends after [`UNSETTLED`] unless the next step succeeds.
//! 2. The note is created, under a key that is a hash of what identifies the other library's session. A storage creates it once, so one of
//!    all who try wins. From here on, the other library's session opens nothing here. All others end the successor that they have created.
//! 3. The session is looked up again. If it has ended in the other library meanwhile, the successor ends, too.
//! 4. The successor gets its ordinary idle timeout.
//! 5. The session is removed from the other library's store.
//!
//! The note has the successor's id, sealed with what identifies the other library's session, which a storage does not know. A request that
//! comes within the grace period of [rotations](crate::ManagerBuilder::rotation_grace) goes on with that id: its client may not have got it
//! yet. Later it opens nothing.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::{config::Config, machine::check_key, values::refused};
use crate::{
    AnyStorage, ClientInfo, Entries, Error, Record, SessionId, StorageError, StorageErrorKind, StoreKey, Timestamp,
    id::SealedId,
    record::{Access, Changes, encode, reserved::TAKEN_OVER},
    storage::{Created, Lookup, StorageFuture},
};

/// How long a successor lives that may not be the one.
const UNSETTLED: Duration = Duration::from_secs(2 * 60);
const NOTING: &str = "noting that a session of another library is taken over";

/// The sessions of another library that a request presents.
pub(crate) trait Peers: Send + Sync {
    /// What it presents. Looked at when the session is needed.
    fn presented(&self) -> &Presented;

    /// Loads the session with this number, if it lives.
    fn load(&self, number: usize, now: Timestamp) -> StorageFuture<'_, Option<Theirs>>;

    /// Whether it still lives.
    fn lives(&self, number: usize, now: Timestamp) -> StorageFuture<'_, bool>;

    /// Removes it where it comes from.
    fn remove(&self, number: usize) -> StorageFuture<'_, ()>;

    /// What is presented opens nothing any more, so the client should forget it.
    fn forget(&self);

    /// What is presented has ended where it comes from. The client should forget it if it is known to be the other library's.
    fn forget_ended(&self);

    /// A session was taken over, and the client gets its id.
    fn take_over(&self);

    /// What is known about the client, for the id of the successor.
    fn client(&self) -> &ClientInfo;
}

/// What a request presents.
#[derive(Debug, Default)]
pub(crate) struct Presented {
    pub(crate) ids: Vec<PeerId>,
    /// Whether there was something else, which is forged or damaged.
    pub(crate) is_any_refused: bool,
}

/// What identifies a session of another library, in a form that reveals nothing.
#[derive(Debug)]
pub(crate) struct PeerId {
    /// The key of its note.
    note: StoreKey,
    /// Seals the id of its successor.
    secret: SessionId,
}

/// A living session of another library.
pub(crate) struct Theirs {
    /// Whether it can be read.
    pub(crate) is_readable: bool,
    /// Until when the note must be kept.
    pub(crate) noted_until: Timestamp,
    /// `None` if it is not to be taken over, or cannot be read.
    pub(crate) inheritance: Option<Inheritance>,
}

/// What is taken over.
pub(crate) struct Inheritance {
    pub(crate) values: Map<String, Value>,
    pub(crate) principal: Option<Arc<str>>,
    /// The successor ends at this time at the latest.
    pub(crate) ends_at: Option<Timestamp>,
}

/// What a note says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Note {
    /// When the session was taken over, in milliseconds since the Unix epoch.
    at: u64,
    /// The successor; `None` if the session was ended instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    successor: Option<Successor>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Successor {
    /// Its key, in hexadecimal digits.
    key: String,
    /// Its id, sealed, in base64url.
    sealed: String,
}

impl PeerId {
    /// Of a session that this text identifies, which only the client knows.
    pub(crate) fn of(secret: &str) -> Self {
        let hash = |tag: &[u8]| Sha256::new().chain_update(tag).chain_update(secret).finalize().into();
        Self {
            note: StoreKey::from_bytes(hash(b"gsession taken over\0")),
            secret: SessionId::from_random(hash(b"gsession of a peer\0")),
        }
    }
}

impl Note {
    /// Whether the session was taken over.
    pub(super) const fn has_successor(&self) -> bool {
        self.successor.is_some()
    }

    /// Whether the session was taken over, and its successor opens for no other request any more.
    pub(super) fn is_settled(&self, config: &Config) -> bool {
        self.has_successor() && !self.is_fresh(config)
    }

    /// Whether a request may still go on with the successor, or end it.
    fn is_fresh(&self, config: &Config) -> bool {
        config.clock.now() < Timestamp::from_millis(self.at) + config.rotation.grace
    }

    /// The key of the successor, while requests may go on with it.
    pub(super) fn successor(&self, config: &Config) -> Option<StoreKey> {
        StoreKey::parse(&self.successor.as_ref()?.key).filter(|_| self.is_fresh(config))
    }

    /// The id of the successor, while requests may go on with it.
    pub(super) fn id(&self, peer: &PeerId, config: &Config) -> Option<SessionId> {
        let key = self.successor(config)?;
        let sealed = URL_SAFE_NO_PAD.decode(&self.successor.as_ref()?.sealed).ok()?;
        let id = SealedId::from_bytes(&sealed).open(&key, &peer.secret)?;
        // In another realm it is the id of nothing.
        (config.keys.key_of(&id) == key).then_some(id)
    }

    fn of(now: Timestamp, peer: &PeerId, successor: Option<(&SessionId, &StoreKey)>) -> Self {
        let successor = successor.map(|(id, key)| Successor {
            key: key.to_string(),
            sealed: URL_SAFE_NO_PAD.encode(SealedId::seal(id, key, &peer.secret).as_bytes()),
        });
        Self { at: now.as_millis(), successor }
    }
}

/// The notes in a storage.
pub(super) struct Notes<'a> {
    pub(super) storage: &'a AnyStorage,
    pub(super) config: &'a Config,
}

impl Notes<'_> {
    /// The note of a session, if it was taken over or ended.
    pub(super) async fn read(&self, peer: &PeerId) -> Result<Option<Note>, StorageError> {
        let access = Access::passive(self.config.clock.now());
        Ok(match self.storage.load(&peer.note, &access).await? {
            Lookup::Found(found) => {
                let text = found.record.entries.get_str(TAKEN_OVER).unwrap_or_default();
                // One that cannot be read says that it was taken over, all the same.
                Some(serde_json::from_str(text).unwrap_or(Note { at: 0, successor: None }))
            }
            Lookup::Renewed(_) | Lookup::Absent => None,
        })
    }

    /// Notes that a session was taken over, or ended if there is no successor. Of all who try, one succeeds.
    pub(super) async fn create(
        &self,
        peer: &PeerId,
        successor: Option<(&SessionId, &StoreKey)>,
        until: Timestamp,
    ) -> Result<Created, StorageError> {
        let failed = || StorageError::new(StorageErrorKind::Other, NOTING);
        let now = self.config.clock.now();
        let text =
            serde_json::to_string(&Note::of(now, peer, successor)).map_err(|error| failed().with_source(error))?;
        // Not for less than a request may take that has loaded the session before.
        let mut record = Record::new(now, until.since(now).max(UNSETTLED), None);
        record.entries = Entries::pack([(TAKEN_OVER, text.as_str())]).ok_or_else(failed)?;
        self.storage.create(&peer.note, &record, now).await
    }
}

impl Inheritance {
    /// The successor's record, which ends soon unless it is [settled](settling).
    pub(super) fn record(&self, config: &Config) -> Result<Record, Error> {
        let mut changes = Changes::default();
        for (key, value) in &self.values {
            check_key(key)?;
            let value = encode(value).map_err(|reason| refused(key, reason, &config.limits))?;
            config.limits.check_encoded(key, &value)?;
            changes.set_bytes(key, &value.text);
        }
        config.limits.check_principal(self.principal.as_deref())?;
        let mut record = config.lifetime.new_record(config.clock.now());
        record.entries = changes.apply_to(&Entries::EMPTY, &config.limits)?;
        record.principal.clone_from(&self.principal);
        record.idle_timeout = record.idle_timeout.min(UNSETTLED);
        if let Some(ends_at) = self.ends_at {
            record.absolute_deadline = Some(record.absolute_deadline.map_or(ends_at, |deadline| deadline.min(ends_at)));
        }
        Ok(record)
    }
}

/// Gives a successor its ordinary idle timeout.
pub(super) fn settling(config: &Config) -> Access {
    let Config { lifetime, clock, .. } = config;
    let access = Access::active(clock.now(), lifetime.idle_timeout, Duration::ZERO);
    access.bounded(lifetime.idle_timeout, lifetime.absolute)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_opens_with_what_identifies_the_session_and_with_nothing_else() {
        let (mine, other) = (PeerId::of("one"), PeerId::of("two"));
        assert_ne!(mine.note, other.note);
        assert_ne!(mine.secret, other.secret);
        let id = SessionId::from_random([7; 32]);
        let key = StoreKey::of(&id);
        let note = Note::of(Timestamp::from_millis(5), &mine, Some((&id, &key)));
        let text = serde_json::to_string(&note).unwrap();
        assert!(!text.contains(id.as_str()) && !text.contains("one"), "{text}");
        let sealed = URL_SAFE_NO_PAD.decode(&note.successor.unwrap().sealed).unwrap();
        let sealed = SealedId::from_bytes(&sealed);
        assert_eq!(sealed.open(&key, &mine.secret), Some(id.clone()));
        assert_ne!(sealed.open(&key, &other.secret), Some(id));
        // Nobody who has the note's key, or the storage, has the secret.
        assert_ne!(mine.note, StoreKey::of(&mine.secret));
    }
}

//! Records as they are stored, and as they were before.

use super::{
    envelope::{self, Place},
    failures::Failures,
    key_ring::{Fingerprint, KeyRing},
};
use crate::{
    BincodeCodec, Changes, Codec as _, Entries, Limits, Record, StoreKey,
    observe::DecryptionFailure,
    record::{
        Snapshot, StoredValue,
        reserved::{OF_LISTS, SEALED, SEALED_STATE},
    },
    storage::{Found, Lookup, StorageError, StorageErrorKind},
};

const SEALING: &str = "sealing a session";
/// Whatever the application's limits are: what was sealed was within them.
const ANY: Limits = Limits::UNLIMITED;

/// What seals and opens the records of one storage.
#[derive(Debug)]
pub(super) struct Seal {
    pub(super) keys: KeyRing,
    pub(super) admits_unsealed: bool,
    pub(super) failures: Failures,
}

/// A session as it was opened.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) record: Record,
    /// The number of the state that was read, and which key had sealed it; `None` if it was not sealed.
    pub(super) seal: Option<(u64, Fingerprint)>,
}

/// What a commit changes in the storage.
pub(super) struct Resealed {
    pub(super) changes: Changes,
    pub(super) state: u64,
}

impl Seal {
    pub(super) fn new(keys: KeyRing, admits_unsealed: bool) -> Self {
        Self { keys, admits_unsealed, failures: Failures::default() }
    }

    /// A new record, as it is stored.
    pub(super) fn seal(&self, key: &StoreKey, record: &Record) -> Result<Record, StorageError> {
        let (sealed, state) = self.text(key, record)?;
        let state = state.to_string();
        let lists = OF_LISTS.into_iter().filter(|name| record.entries.contains_key(name)).map(|name| (name, "0"));
        let entries = Entries::pack([(SEALED, sealed.as_str()), (SEALED_STATE, &state)].into_iter().chain(lists));
        let entries = entries.ok_or_else(|| StorageError::new(StorageErrorKind::Other, SEALING))?;
        Ok(Record { entries, principal: self.pseudonym(record), ..*record })
    }

    /// The changes that replace a session.
    pub(super) fn reseal(
        &self,
        key: &StoreKey,
        before: &Session,
        after: &Record,
        made: &Changes,
    ) -> Result<Resealed, StorageError> {
        let (sealed, state) = self.text(key, after)?;
        let mut changes = Changes::default();
        if before.seal.is_none() {
            before.record.entries.iter().for_each(|(name, _)| changes.remove(name));
        }
        changes.set(SEALED, sealed);
        changes.set(SEALED_STATE, state.to_string());
        for name in OF_LISTS {
            let of = |record: &Record| record.entries.contains_key(name);
            match (of(&before.record), of(after)) {
                (_, true) => changes.set(name, "0"),
                (true, false) => changes.remove(name),
                (false, false) => {}
            }
        }
        if before.record.principal != after.principal || !self.is_by_first_key(before) {
            changes.set_principal(self.pseudonym(after));
        }
        if let Some(lifespan) = made.lifespan() {
            changes.set_lifespan(lifespan);
        }
        Ok(Resealed { changes, state })
    }

    /// Whether the first key has sealed this.
    pub(super) fn is_by_first_key(&self, session: &Session) -> bool {
        session.seal.is_some_and(|(_, sealed_by)| sealed_by == self.keys.first().fingerprint)
    }

    /// The sealed record, and the number of its state.
    fn text(&self, key: &StoreKey, record: &Record) -> Result<(String, u64), StorageError> {
        let failed = || StorageError::new(StorageErrorKind::Other, SEALING);
        let bytes = BincodeCodec.encode(record).map_err(|error| failed().with_source(error))?;
        envelope::seal(&self.keys, key, &bytes).ok_or_else(failed)
    }

    fn pseudonym(&self, record: &Record) -> Option<std::sync::Arc<str>> {
        record.principal.as_deref().map(|principal| self.keys.first().pseudonym(principal).into())
    }

    /// By what the sessions of a principal are found.
    pub(super) fn pseudonyms(&self, principal: &str) -> Vec<String> {
        let unsealed = self.admits_unsealed.then(|| principal.to_owned());
        self.keys.all().map(|key| key.pseudonym(principal)).chain(unsealed).collect()
    }

    /// The session that a storage has found; `None` if it cannot be opened, which was counted.
    pub(super) fn open(&self, key: &StoreKey, stored: &Record) -> Option<Session> {
        self.opened(key, stored).inspect_err(|failure| self.failures.note(key, *failure)).ok()
    }

    pub(super) fn look_up(&self, key: &StoreKey, lookup: Lookup) -> Lookup {
        let Lookup::Found(found) = lookup else { return lookup };
        match self.open(key, &found.record) {
            Some(session) => Lookup::Found(session.into_snapshot(found.extended)),
            None => Lookup::Absent,
        }
    }

    /// A session that was found by its principal, if it is theirs.
    pub(super) fn found(&self, principal: &str, found: &Found) -> Option<Found> {
        let session = self.open(&found.key, &found.record)?;
        let is_theirs = session.record.principal.as_deref() == Some(principal);
        if !is_theirs {
            self.failures.note(&found.key, DecryptionFailure::Forged);
        }
        is_theirs.then(|| Found::new(found.key, session.record))
    }

    fn opened(&self, key: &StoreKey, stored: &Record) -> Result<Session, DecryptionFailure> {
        let Some(sealed) = stored.entries.get_str(SEALED) else {
            let unsealed = Session { record: stored.clone(), seal: None };
            return if self.admits_unsealed { Ok(unsealed) } else { Err(DecryptionFailure::NotSealed) };
        };
        let state = stored.entries.get_str(SEALED_STATE).and_then(|state| state.parse().ok());
        let state = state.ok_or(DecryptionFailure::Damaged)?;
        let opened = envelope::open(&self.keys, Place { key, state }, sealed)?;
        let mut record = BincodeCodec.decode(opened.record(), &ANY).map_err(|_| DecryptionFailure::Damaged)?;
        let deadlines = |record: &Record| (record.created_at, record.absolute_deadline, record.is_remembered);
        if deadlines(&record) != deadlines(stored) {
            return Err(DecryptionFailure::Forged);
        }
        // A touch moves these without opening the session.
        (record.last_seen, record.idle_timeout) = (stored.last_seen, stored.idle_timeout);
        Ok(Session { record, seal: Some((state, opened.sealed_by)) })
    }
}

impl Session {
    fn into_snapshot(self, extended: bool) -> Snapshot {
        let (revision, stored) = match self.seal {
            Some((state, sealed_by)) => (state, Some(StoredValue::whole_of(sealed_by.to_vec()))),
            None => (0, None),
        };
        Snapshot { extended, revision, stored, ..Snapshot::complete(self.record) }
    }

    /// The session that a request has read, if nothing has come to it since.
    pub(super) fn of_snapshot(snapshot: &Snapshot) -> Option<Self> {
        let sealed_by = snapshot.stored.as_ref()?.whole()?.try_into().ok()?;
        let is_whole = snapshot.complete && snapshot.revision != 0;
        is_whole.then(|| Self { record: snapshot.record.clone(), seal: Some((snapshot.revision, sealed_by)) })
    }

    /// The number of its state as it is stored.
    pub(super) fn state(&self) -> Option<String> {
        self.seal.map(|(state, _)| state.to_string())
    }
}

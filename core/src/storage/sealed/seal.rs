//! Records as they are stored, and as they were before.

use std::sync::Arc;

use super::{
    envelope::{self, Place},
    failures::Failures,
    key_ring::KeyRing,
    outside::Outside,
};
use crate::{
    BincodeCodec, Changes, Codec as _, Entries, Limits, Record, StoreKey,
    observe::DecryptionFailure,
    record::{
        Snapshot,
        reserved::{OF_LISTS, SEALED, SEALED_STATE},
    },
    storage::{Found, Lookup, StorageError, StorageErrorKind},
};

const SEALING: &str = "sealing a session";

/// What seals and opens the records of one storage.
#[derive(Debug)]
pub(super) struct Seal {
    pub(super) keys: KeyRing,
    /// What texts begin with that the first key has sealed.
    first_head: String,
    pub(super) admits_unsealed: bool,
    pub(super) failures: Failures,
}

/// A session as it was opened.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) record: Record,
    /// As the storage has it.
    pub(super) below: Arc<Snapshot>,
    /// The number of the state; `None` if it is not sealed.
    state: Option<u64>,
}

/// What a commit changes in the storage.
pub(super) struct Resealed {
    pub(super) changes: Changes,
    /// The number of the state after it; 0 if it is not sealed.
    pub(super) state: u64,
}

impl Seal {
    pub(super) fn new(keys: KeyRing, admits_unsealed: bool) -> Self {
        let first_head = envelope::head(&keys.first().fingerprint);
        Self { keys, first_head, admits_unsealed, failures: Failures::default() }
    }

    /// A new record, as it is stored.
    pub(super) fn seal(&self, key: &StoreKey, record: &Record) -> Result<Record, StorageError> {
        let principal = self.pseudonym(record);
        let (sealed, state) = self.text(key, record, principal.as_deref())?;
        let state = state_text(state);
        let lists = OF_LISTS.into_iter().filter(|name| record.entries.contains_key(name)).map(|name| (name, "0"));
        let entries = Entries::pack([(SEALED, sealed.as_str()), (SEALED_STATE, &state)].into_iter().chain(lists));
        let entries = entries.ok_or_else(|| StorageError::new(StorageErrorKind::Other, SEALING))?;
        Ok(Record { entries, principal, ..*record })
    }

    /// The changes that replace a session. If nothing is to be changed that is sealed, there are none; but a session that moves to another key is
    /// always sealed anew.
    pub(super) fn reseal(
        &self,
        key: &StoreKey,
        before: &Session,
        after: &Record,
        made: &Changes,
        moves: bool,
    ) -> Result<Resealed, StorageError> {
        let mut changes = Changes::default();
        if let Some(lifespan) = made.lifespan() {
            changes.set_lifespan(lifespan);
        }
        let is_by_first_key = self.is_by_first_key(before);
        let is_as_it_was = !moves && is_by_first_key && changes.is_empty() && after.has_same_content(&before.record);
        if let (true, Some(state)) = (is_as_it_was, before.state) {
            // Nothing but the time of the last use, which is not sealed.
            return Ok(Resealed { changes, state });
        }
        let principal = if is_by_first_key && before.record.principal == after.principal {
            before.below.record.principal.clone()
        } else {
            let principal = self.pseudonym(after);
            changes.set_principal(principal.clone());
            principal
        };
        let (sealed, state) = self.text(key, after, principal.as_deref())?;
        if before.state.is_none() {
            before.below.record.entries.iter().for_each(|(name, _)| changes.remove(name));
        }
        changes.set(SEALED, sealed);
        changes.set(SEALED_STATE, state_text(state));
        for name in OF_LISTS {
            match (before.below.record.entries.contains_key(name), after.entries.contains_key(name)) {
                (_, true) => changes.set(name, "0"),
                (true, false) => changes.remove(name),
                (false, false) => {}
            }
        }
        Ok(Resealed { changes, state })
    }

    /// Whether the first key has sealed this.
    pub(super) fn is_by_first_key(&self, session: &Session) -> bool {
        let sealed = session.state.and_then(|_| session.below.record.entries.get_str(SEALED));
        sealed.is_some_and(|text| text.starts_with(&self.first_head))
    }

    /// The sealed record, and the number of its state.
    fn text(&self, key: &StoreKey, record: &Record, principal: Option<&str>) -> Result<(String, u64), StorageError> {
        let failed = || StorageError::new(StorageErrorKind::Other, SEALING);
        let bytes = BincodeCodec.encode(record).map_err(|error| failed().with_source(error))?;
        let outside = Outside::of(record, principal);
        envelope::seal(&self.keys, key, &outside, &bytes).ok_or_else(failed)
    }

    fn pseudonym(&self, record: &Record) -> Option<Arc<str>> {
        record.principal.as_deref().map(|principal| self.keys.first().pseudonym(principal).into())
    }

    /// By what the sessions of a principal are found, in the order in which to look: sessions move to the first key, and so none is missed. Other
    /// instances may have another first key for a while, so the first one is looked for twice if there are several.
    pub(super) fn pseudonyms(&self, principal: &str) -> Vec<String> {
        let mut all = Vec::new();
        let (first, older) = (self.keys.first().pseudonym(principal), self.keys.older());
        all.extend(self.admits_unsealed.then(|| principal.to_owned()));
        all.extend(older.map(|key| key.pseudonym(principal)));
        if !all.is_empty() {
            all.insert(0, first.clone());
        }
        all.push(first);
        all
    }

    /// The session that a storage has found; `None` if it cannot be opened, which was counted.
    pub(super) fn open(&self, key: &StoreKey, below: Snapshot) -> Option<Session> {
        let (record, state) = self.opened_or_noted(key, &below.record)?;
        Some(Session { record, below: Arc::new(below), state })
    }

    pub(super) fn look_up(&self, key: &StoreKey, lookup: Lookup) -> Lookup {
        let Lookup::Found(found) = lookup else { return lookup };
        self.open(key, found).map_or(Lookup::Absent, |session| Lookup::Found(session.into_snapshot()))
    }

    /// A session that was found by its principal, if it is theirs.
    pub(super) fn found(&self, principal: &str, found: &Found) -> Option<Found> {
        let (record, _) = self.opened_or_noted(&found.key, &found.record)?;
        let is_theirs = record.principal.as_deref() == Some(principal);
        is_theirs.then(|| Found::new(found.key, record))
    }

    /// Whether what is stored is a list that cannot be opened, for example because its key was given up.
    pub(super) fn is_broken_list(&self, key: &StoreKey, stored: &Record) -> bool {
        stored.is_list() && self.opened(key, stored).is_err()
    }

    fn opened_or_noted(&self, key: &StoreKey, stored: &Record) -> Option<(Record, Option<u64>)> {
        self.opened(key, stored).inspect_err(|failure| self.failures.note(key, *failure)).ok()
    }

    /// The record, and the number of its state if it is sealed.
    fn opened(&self, key: &StoreKey, stored: &Record) -> Result<(Record, Option<u64>), DecryptionFailure> {
        let state = stored.entries.get_str(SEALED_STATE);
        let (sealed, state) = match (stored.entries.get_str(SEALED), state) {
            (Some(sealed), Some(state)) => (sealed, state_of(state).ok_or(DecryptionFailure::Damaged)?),
            (None, None) if self.admits_unsealed => return Ok((stored.clone(), None)),
            (None, None) => return Err(DecryptionFailure::NotSealed),
            _ => return Err(DecryptionFailure::Damaged),
        };
        let outside = Outside::of(stored, stored.principal.as_deref());
        let opened = envelope::open(&self.keys, Place { key, state, outside: &outside }, sealed)?;
        // What was sealed was within the limits of then.
        let record = BincodeCodec.decode(opened.record(), &Limits::UNLIMITED);
        let mut record = record.map_err(|_| DecryptionFailure::Damaged)?;
        if deadlines(&record) != deadlines(stored) {
            return Err(DecryptionFailure::Forged);
        }
        // A touch moves these without opening the session.
        (record.last_seen, record.idle_timeout) = (stored.last_seen, stored.idle_timeout);
        Ok((record, Some(state)))
    }
}

impl Session {
    fn into_snapshot(self) -> Snapshot {
        let revision = self.state.unwrap_or(0);
        let extended = self.below.extended;
        Snapshot { extended, revision, below: Some(self.below), ..Snapshot::complete(self.record) }
    }

    /// The session that a request has read, if nothing has come to it since.
    pub(super) fn of_snapshot(snapshot: &Snapshot) -> Option<Self> {
        let below = snapshot.below.as_ref().filter(|_| snapshot.complete && snapshot.revision != 0)?;
        Some(Self { record: snapshot.record.clone(), below: Arc::clone(below), state: Some(snapshot.revision) })
    }

    /// A record in place of one that cannot be opened.
    pub(super) fn instead_of(below: Snapshot, record: Record) -> Self {
        Self { record, below: Arc::new(below), state: None }
    }

    /// The number of its state as it is stored; `None` if it is not sealed.
    pub(super) fn state_text(&self) -> Option<&str> {
        self.below.record.entries.get_str(SEALED_STATE)
    }

    pub(super) fn has_state(&self, state: u64) -> bool {
        self.state == Some(state)
    }
}

/// How many digits a number has: always the same, so that a session does not grow by it.
const DIGITS: usize = 16;

/// By hand, since `format!` takes as long as the encryption.
fn state_text(state: u64) -> String {
    let mut text = String::with_capacity(DIGITS + 2);
    text.push('"');
    for byte in state.to_be_bytes() {
        text.extend([byte >> 4, byte & 0xf].map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)])));
    }
    text.push('"');
    text
}

/// The number in a text; `None` unless it is written as above.
fn state_of(text: &str) -> Option<u64> {
    let digits = text.strip_prefix('"')?.strip_suffix('"')?;
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let is_as_above = digits.len() == DIGITS && digits.bytes().all(is_digit);
    u64::from_str_radix(digits, 16).ok().filter(|_| is_as_above)
}

/// The deadlines that a session keeps whether or not it is used. Storages take those in the far future for none.
fn deadlines(record: &Record) -> (crate::Timestamp, Option<u64>, bool) {
    let deadline = record.stored_deadline().filter(|deadline| *deadline != u64::MAX);
    (record.created_at, deadline, record.is_remembered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_has_one_spelling() {
        for state in [1, 0xfedc_ba98_7654_3210, u64::MAX] {
            let text = state_text(state);
            assert_eq!(text, format!("\"{state:016x}\""));
            assert_eq!(state_of(&text), Some(state));
        }
        for other in [
            "",
            "\"\"",
            "\"1\"",
            "\"000000000000000A\"",
            "\"+00000000000000a\"",
            "\"000000000000000aa\"",
            "000000000000000a",
        ] {
            assert_eq!(state_of(other), None, "{other}");
        }
    }
}

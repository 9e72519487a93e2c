//! Under which keys a session is on its way.

use sha2::{Digest as _, Sha256};

use crate::{
    Changes, KeyScheme, Limits, Realm, Record, SessionId, StoreKey,
    record::{Entries, reserved::MOVING},
};

/// No limit that could keep a session from moving.
pub(super) fn no_limits() -> Limits {
    let most = usize::MAX;
    let limits = Limits::default().max_entries(most).max_key_bytes(most).max_value_bytes(most);
    limits.max_record_bytes(most).max_principal_bytes(most)
}

/// How the two places name sessions.
#[derive(Debug, Clone)]
pub(super) enum Names {
    /// The same in both.
    Same,
    /// By raw ids in the old place, and by hashes in the new one, in this realm.
    RawToHashed(Option<Realm>),
}

impl Names {
    /// The key at the new place.
    pub(super) fn new_key(&self, key: &StoreKey) -> StoreKey {
        match (self, key.raw_id().and_then(|id| SessionId::custom(std::str::from_utf8(id).ok()?).ok())) {
            (Self::RawToHashed(Some(realm)), Some(id)) => realm.key_of(&id),
            (Self::RawToHashed(None), Some(id)) => StoreKey::of(&id),
            _ => *key,
        }
    }

    /// Whether there can be a session under this key at the old place.
    pub(super) fn is_at_old(&self, key: &StoreKey) -> bool {
        matches!(self, Self::Same) || key.raw_id().is_some()
    }

    /// The scheme of both, as others see it.
    pub(super) const fn scheme(&self) -> KeyScheme {
        match self {
            Self::Same => KeyScheme::Hashed,
            Self::RawToHashed(_) => KeyScheme::RawIds,
        }
    }
}

/// Where a session is set aside at the old place. No id leads there.
pub(super) fn aside_of(key: &StoreKey) -> StoreKey {
    derived(b"gsession moving: aside\0", key)
}

/// Where a key of the new place leads whose session has ended while it was on its way. There is never a session.
pub(super) fn nowhere_from(key: &StoreKey) -> StoreKey {
    derived(b"gsession moving: nowhere\0", key)
}

fn derived(tag: &[u8], key: &StoreKey) -> StoreKey {
    let scheme = if key.raw_id().is_some() { KeyScheme::RawIds } else { KeyScheme::Hashed };
    scheme.key_of_random(Sha256::new().chain_update(tag).chain_update(key.as_bytes()).finalize().into())
}

/// The changes that set a session aside: it says of whom it is.
pub(super) fn marking(key: &StoreKey) -> Changes {
    let text = match key.raw_id().map(String::from_utf8_lossy) {
        Some(id) => format!("raw {id}"),
        None => key.to_string(),
    };
    let mut changes = Changes::default();
    changes.set(MOVING, serde_json::Value::from(text).to_string());
    changes
}

/// The key from which a session was set aside, if it was.
pub(super) fn owner_of(record: &Record) -> Option<StoreKey> {
    let text: String = serde_json::from_str(record.entries.get_str(MOVING)?).ok()?;
    match text.strip_prefix("raw ") {
        Some(id) => StoreKey::from_raw_id(id.as_bytes()),
        None => StoreKey::parse(&text),
    }
}

/// The record as it was before it was set aside.
pub(super) fn unmarked(mut record: Record) -> Record {
    let mut changes = Changes::default();
    changes.remove(MOVING);
    let entries: Option<Entries> = changes.apply_to(&record.entries, &no_limits()).ok();
    record.entries = entries.unwrap_or(record.entries);
    record
}

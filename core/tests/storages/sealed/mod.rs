//! Sessions that are encrypted and authenticated at rest (R31), on every storage.

mod attacks;
mod files;
mod keys;
mod ring;
mod sizes;
mod told;
mod unsealed;

use std::sync::Arc;

use crate::support::{KINDS, NOW, Place, commit_at, found, key, record, setting};
use gsession::{
    Limits, Record, Storage, StoreKey,
    storage::{
        Snapshot,
        sealed::{KeyRing, Sealed, SealingKey},
    },
};

/// The entries of a sealed session, as the storage below has them.
const SEALED: &str = "gsession.sealed";
const STATE: &str = "gsession.sealed_state";

type SealedStorage = Sealed<Arc<dyn Storage>>;

fn sealing_key(byte: u8) -> SealingKey {
    SealingKey::from_bytes([byte; 32])
}

fn ring(byte: u8) -> KeyRing {
    KeyRing::new(sealing_key(byte))
}

fn sealed(place: &Place) -> SealedStorage {
    sealed_with(place, ring(1))
}

fn sealed_with(place: &Place, keys: KeyRing) -> SealedStorage {
    Sealed::new(Arc::clone(&place.storage), keys)
}

/// A session of a principal, with a secret value under a secret name.
fn secret(principal: &str) -> Record {
    let mut record = record(&[("card-number", "\"4929 1234\""), ("role", "\"user\"")]);
    record.principal = Some(principal.into());
    record
}

/// What the storage below has under a key.
fn raw(place: &Place, key: &StoreKey) -> Record {
    found(&*place.storage, key, NOW).unwrap().record
}

fn text(record: &Record, name: &str) -> String {
    record.entries.get_str(name).unwrap().to_owned()
}

/// A thief who may write the storage sets an entry.
fn forge(place: &Place, key: &StoreKey, name: &str, json: &str) {
    let mut commit = commit_at(setting(name, json), NOW);
    commit.limits = Limits::default().sealed();
    let _ = place.storage.commit(key, &commit).unwrap();
}

fn opened(storage: &SealedStorage, key: &StoreKey) -> Option<Snapshot> {
    found(storage, key, NOW)
}

fn role(snapshot: &Snapshot) -> String {
    text(&snapshot.record, "role")
}

//! A storage of one's own: sessions in a `BTreeMap` behind one lock, with the four required methods and nothing else.
//!
//! What a storage does not implement either has a default that is right (`touch`, `fetch`) or answers with a typed error
//! (`renew` needs `move_to`), as GoFrame's `StorageBase` allows for custom storages.
//!
//! Run `cargo run -p gsession --example custom_storage`.

use std::{collections::BTreeMap, error::Error, sync::Mutex, sync::PoisonError};

use gsession::{
    ClientInfo, Delivery, Manager, Record, Storage, StorageError, StorageErrorKind, StoreKey, Timestamp,
    record::{Applied, Commit},
    storage::{Access, Committed, Created, Lookup, Removed, Snapshot},
};

#[derive(Default)]
struct TreeStorage(Mutex<BTreeMap<StoreKey, Record>>);

impl TreeStorage {
    fn with<T>(&self, work: impl FnOnce(&mut BTreeMap<StoreKey, Record>) -> T) -> T {
        // Every operation leaves the map whole, so a panic elsewhere does not spoil it.
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Storage for TreeStorage {
    fn load(&self, key: &StoreKey, access: &Access) -> Result<Lookup, StorageError> {
        Ok(self.with(|sessions| match sessions.get(key) {
            Some(record) if !record.is_expired(access.now) => Lookup::Found(Snapshot::complete(record.clone())),
            _ => Lookup::Absent,
        }))
    }

    fn create(&self, key: &StoreKey, record: &Record, now: Timestamp) -> Result<Created, StorageError> {
        Ok(self.with(|sessions| {
            if sessions.get(key).is_some_and(|held| !held.is_expired(now)) {
                return Created::Exists;
            }
            sessions.insert(*key, record.clone());
            Created::Done
        }))
    }

    fn commit(&self, key: &StoreKey, commit: &Commit) -> Result<Committed, StorageError> {
        self.with(|sessions| {
            let Some(record) = sessions.get_mut(key) else { return Ok(Committed::Gone) };
            // `apply` checks expiry, the condition and the limits, merges the changes and moves the deadline.
            let applied = record
                .apply(commit)
                .map_err(|limit| StorageError::new(StorageErrorKind::Limit(limit), "committing"))?;
            Ok(match applied {
                Applied::Changed(changed) => {
                    *record = changed;
                    Committed::done(record, 0)
                }
                Applied::Expired => Committed::Gone,
                Applied::Conflict(current) => Committed::Conflict(current),
            })
        })
    }

    fn remove(&self, key: &StoreKey) -> Result<Removed, StorageError> {
        Ok(self.with(|sessions| if sessions.remove(key).is_some() { Removed::Done } else { Removed::Absent }))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let manager = Manager::new(TreeStorage::default());

    let session = manager.begin(None, ClientInfo::default);
    session.set("user", "ada")?;
    let Delivery::Send { id, .. } = session.close()?.delivery else { return Err("a new session has an id".into()) };

    let session = manager.begin(Some(id.as_str()), ClientInfo::default);
    println!("user: {:?}", session.get::<String>("user")?);
    println!("visits: {}", session.update("visits", |n: Option<u32>| n.unwrap_or(0) + 1)?);

    session.renew()?;
    match session.save() {
        Err(gsession::Error::Storage(error)) if error.kind() == StorageErrorKind::Unsupported => {
            println!("renew: {error}");
        }
        other => return Err(format!("renewing without move_to should be refused, not {other:?}").into()),
    }
    session.destroy();
    let _ = session.close()?;
    let gone = manager.begin(Some(id.as_str()), ClientInfo::default);
    println!("after logout: {:?}", gone.get::<String>("user")?);
    Ok(())
}

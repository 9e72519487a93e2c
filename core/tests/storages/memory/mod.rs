//! The memory storage stays within its bounds, and gives up the right sessions (R21).

mod bounds;
mod counts;
mod given_up;
mod sweeper;
mod tombstones;

use std::time::Duration;

use gsession::{
    Changes, ClientInfo, Delivery, Exchange, Manager, MemoryStorage, Record, Session, SessionId, Storage,
    StorageErrorKind, StoreKey, Timestamp, storage::Created,
};

use crate::support::{IDLE, NOW, entries, found, setting};

const MINUTE: Duration = Duration::from_secs(60);

fn bounded(sessions: usize) -> MemoryStorage {
    MemoryStorage::builder().max_sessions(sessions).sweep_interval(Duration::MAX).build()
}

fn bounded_in_bytes(bytes: usize) -> MemoryStorage {
    MemoryStorage::builder().max_bytes(bytes).sweep_interval(Duration::MAX).build()
}

fn anonymous(now: Timestamp) -> Record {
    let mut record = Record::new(now, IDLE, None);
    record.entries = entries(&[("seen", "1")]);
    record
}

fn of(principal: &str) -> Record {
    let mut record = anonymous(NOW);
    record.principal = Some(principal.into());
    record
}

/// The same, but it ends soon.
fn short(mut record: Record) -> Record {
    record.idle_timeout = MINUTE;
    record
}

fn create(storage: &MemoryStorage, key: &StoreKey, record: &Record, now: Timestamp) -> Result<(), StorageErrorKind> {
    match Storage::create(storage, key, record, now) {
        Ok(created) => {
            assert_eq!(created, Created::Done);
            Ok(())
        }
        Err(error) => Err(error.kind()),
    }
}

fn numbered(number: u32) -> StoreKey {
    let mut bytes = [0x5a; 32];
    bytes[..4].copy_from_slice(&number.to_le_bytes());
    bytes[31] = number.to_le_bytes()[0];
    StoreKey::from_bytes(bytes)
}

/// Keys of one shard, which is chosen by the last byte.
fn neighbour(number: u8) -> StoreKey {
    let mut bytes = [0x5a; 32];
    (bytes[0], bytes[31]) = (number, 7);
    StoreKey::from_bytes(bytes)
}

fn lives(storage: &MemoryStorage, key: &StoreKey, now: Timestamp) -> bool {
    found(storage, key, now).is_some()
}

fn big(len: usize) -> Changes {
    setting("big", &format!("\"{}\"", "x".repeat(len)))
}

/// Ends a request whose client is sent an id.
fn sent(session: &Exchange<Session>) -> SessionId {
    match session.close().unwrap().delivery {
        Delivery::Send { id, .. } => id,
        other => panic!("no id for the client: {other:?}"),
    }
}

/// Requests of so many clients that keep no cookies.
fn flood(manager: &Manager, strangers: u32) {
    for _ in 0..strangers {
        let stranger = manager.begin(None, ClientInfo::default);
        stranger.set("seen", &1).unwrap();
        let _ = stranger.close().unwrap();
    }
}

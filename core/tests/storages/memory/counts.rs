//! What is counted in is counted out.

use std::time::Duration;

use gsession::{
    ClientInfo, Manager, MemoryStorage, Storage,
    storage::{Created, Moved, Removed, TOMBSTONE_LIFETIME},
};

use super::{anonymous, big, bounded, create, numbered, of};
use crate::support::{IDLE, NOW, commit_at};

#[test]
fn reading_and_unknown_ids_and_logouts_store_nothing() {
    let storage = bounded(10);
    let manager = Manager::new(storage.clone());
    for number in 0..100 {
        let id = gsession::SessionId::from_random([number; 32]);
        for id in [None, Some(id.as_str()), Some("malformed")] {
            let reader = manager.begin(id, ClientInfo::default);
            assert_eq!(reader.get::<String>("user").unwrap(), None);
            let _ = reader.close().unwrap();
            let logout = manager.begin(id, ClientInfo::default);
            logout.remove("user").unwrap();
            logout.renew().unwrap();
            logout.destroy();
            let _ = logout.close().unwrap();
        }
    }
    assert!(storage.is_empty());
    assert_eq!(storage.bytes(), 0);
}

/// What is counted in is counted out, on every way out.
#[test]
fn the_counts_return_to_nothing() {
    let storage = bounded(1_000);
    for number in 0..200 {
        create(&storage, &numbered(number), &anonymous(NOW), NOW).unwrap();
        let _ = Storage::commit(&storage, &numbered(number), &commit_at(big(500), NOW)).unwrap();
        let _ = Storage::commit(&storage, &numbered(number), &commit_at(big(5), NOW)).unwrap();
    }
    for number in 0..50 {
        let commit = commit_at(big(300), NOW);
        let _ = Storage::move_to(&storage, &numbered(number), &numbered(500 + number), &commit).unwrap();
        assert_eq!(Storage::remove(&storage, &numbered(100 + number)).unwrap(), Removed::Done);
        assert_eq!(Storage::create(&storage, &numbered(150), &anonymous(NOW), NOW).unwrap(), Created::Exists);
        let taken = Storage::move_to(&storage, &numbered(150), &numbered(151), &commit).unwrap();
        assert_eq!(taken, Moved::Taken);
    }
    assert_eq!(storage.len(), 200);
    let end = NOW + IDLE + TOMBSTONE_LIFETIME;
    assert_eq!(Storage::sweep(&storage, end).unwrap().removed, 200);
    assert_eq!((storage.len(), storage.bytes()), (0, 0));
}

/// The same while threads get in each other's way: a count that passes below zero would look like a full storage.
#[test]
fn the_counts_hold_while_threads_commit_and_remove() {
    const ROUNDS: u32 = 10_000;
    let storage = MemoryStorage::builder().max_bytes(1 << 20).sweep_interval(Duration::MAX).build();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let storage = &storage;
            scope.spawn(move || {
                for number in 0..ROUNDS {
                    let key = numbered(number % 2);
                    assert!(Storage::create(storage, &key, &of("ada"), NOW).is_ok(), "there is room");
                    assert!(Storage::commit(storage, &key, &commit_at(big(2_000), NOW)).is_ok());
                    assert!(Storage::remove(storage, &key).is_ok());
                }
            });
        }
    });
    for number in 0..2 {
        Storage::remove(&storage, &numbered(number)).unwrap();
    }
    assert_eq!((storage.len(), storage.bytes()), (0, 0));
}

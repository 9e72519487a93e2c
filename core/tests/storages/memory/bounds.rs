//! The number of sessions and their bytes are bounded.

use gsession::{Storage, StorageErrorKind, storage::Committed};

use super::{anonymous, big, bounded, bounded_in_bytes, create, lives, numbered, of};
use crate::support::{NOW, commit_at, entries, found, key};

#[test]
fn the_number_of_sessions_is_bounded() {
    let storage = bounded(100);
    for number in 0..1_000 {
        create(&storage, &numbered(number), &anonymous(NOW), NOW).unwrap();
        assert!(storage.len() <= 100);
        assert!(lives(&storage, &numbered(number), NOW), "the new one is there");
    }
    assert_eq!(storage.len(), 100);
    assert_eq!((0..1_000).filter(|&number| lives(&storage, &numbered(number), NOW)).count(), 100);
}

#[test]
fn the_bytes_are_bounded_when_sessions_are_created() {
    let storage = bounded_in_bytes(100_000);
    let mut record = anonymous(NOW);
    record.entries = entries(&[("text", &format!("\"{}\"", "x".repeat(1_000)))]);
    for number in 0..1_000 {
        create(&storage, &numbered(number), &record, NOW).unwrap();
        assert!(storage.bytes() <= 100_000);
        assert!(lives(&storage, &numbered(number), NOW));
    }
    // Most of it is used.
    assert!(storage.bytes() > 80_000 && storage.len() > 60, "{storage:?}");
}

#[test]
fn the_bytes_are_bounded_when_sessions_grow() {
    let storage = bounded_in_bytes(100_000);
    for number in 0..20 {
        create(&storage, &numbered(number), &anonymous(NOW), NOW).unwrap();
    }
    for number in 0..20 {
        let commit = commit_at(big(20_000), NOW);
        if let Committed::Done { .. } = Storage::commit(&storage, &numbered(number), &commit).unwrap() {
            assert!(lives(&storage, &numbered(number), NOW), "answered as stored, and given up at once");
        }
        assert!(storage.bytes() <= 100_000, "{storage:?}");
    }
}

/// Sessions of principals are never given up, so their growth must be refused.
#[test]
fn the_bytes_are_bounded_when_sessions_of_principals_grow() {
    let storage = bounded_in_bytes(100_000);
    for number in 0..20 {
        create(&storage, &numbered(number), &of("ada"), NOW).unwrap();
    }
    let mut refused = 0;
    for number in 0..20 {
        match Storage::commit(&storage, &numbered(number), &commit_at(big(20_000), NOW)) {
            Ok(_) => {}
            Err(error) => {
                assert_eq!(error.kind(), StorageErrorKind::Full);
                let left = found(&storage, &numbered(number), NOW).expect("it is as it was").record;
                assert_eq!(left, of("ada"));
                refused += 1;
            }
        }
        assert!(storage.bytes() <= 100_000, "{storage:?}");
    }
    assert!(refused >= 15, "{refused}");
}

/// What a commit answers as stored is there for the next load, also if there was hardly room for it.
#[test]
fn a_session_that_grows_over_the_bound_is_kept_or_refused() {
    let storage = bounded_in_bytes(10_000);
    create(&storage, &key(1), &anonymous(NOW), NOW).unwrap();
    match Storage::commit(&storage, &key(1), &commit_at(big(20_000), NOW)) {
        Ok(Committed::Done { .. }) => assert!(lives(&storage, &key(1), NOW), "answered as stored, and it is gone"),
        Ok(other) => panic!("it was there: {other:?}"),
        Err(error) => {
            assert_eq!(error.kind(), StorageErrorKind::Full);
            assert_eq!(found(&storage, &key(1), NOW).expect("it is as it was").record, anonymous(NOW));
        }
    }
}

#[test]
fn a_session_larger_than_the_storage_is_refused() {
    let storage = bounded_in_bytes(10_000);
    create(&storage, &key(1), &of("ada"), NOW).unwrap();
    let mut record = anonymous(NOW);
    record.entries = entries(&[("text", &format!("\"{}\"", "x".repeat(20_000)))]);
    assert_eq!(create(&storage, &key(2), &record, NOW), Err(StorageErrorKind::Full));
    assert!(lives(&storage, &key(1), NOW) && !lives(&storage, &key(2), NOW));
    assert_eq!(storage.len(), 1);
}

//! Two places that are one: refused before anything is set aside.

use std::{error::Error as _, sync::Arc};

use gsession::{
    BlockingMovingStorage, Storage, StorageError, StorageErrorKind,
    storage::{Access, Created, Lookup},
};

use crate::support::{KINDS, NOW, Place, key, record};

fn is_refused(error: &StorageError) {
    assert_eq!(error.kind(), StorageErrorKind::Setup, "{error:?}");
    let reason = error.source().unwrap().to_string();
    assert!(reason.contains("both are the same place: give the new one another prefix"), "{reason}");
}

fn is_there(storage: &dyn Storage) -> bool {
    matches!(storage.load(&key(1), &Access::passive(NOW)).unwrap(), Lookup::Found(_))
}

/// The session stays where it is, and nothing else is left.
fn nothing_moves(old: &Arc<dyn Storage>, new: &Arc<dyn Storage>) {
    assert_eq!(old.create(&key(1), &record(&[("cart", "[1]")]), NOW).unwrap(), Created::Done);
    let moving = || BlockingMovingStorage::new(Arc::clone(old), Arc::clone(new)).unwrap();
    is_refused(&moving().check().unwrap_err());
    // Without a check it shows when the first session would move, and again at the next try.
    let service = moving();
    for _ in 0..2 {
        if !is_there(&**new) {
            is_refused(&service.load(&key(1), &Access::passive(NOW)).unwrap_err());
        }
    }
    assert!(is_there(&**old));
    assert_eq!(old.count(NOW).unwrap(), 1);
}

#[test]
fn a_storage_does_not_move_to_itself() {
    for kind in KINDS {
        let place = Place::new(kind);
        nothing_moves(&place.storage, &place.storage);
    }
}

/// The layouts have the same keys under the same prefix.
#[cfg(feature = "redis")]
#[test]
fn a_layout_of_redis_does_not_move_to_the_other_one_under_the_same_prefix() {
    use crate::support::redis;
    let strings = |prefix: &str| -> Arc<dyn Storage> { Arc::new(redis::strings_at(prefix)) };
    let hashes = |prefix: &str| -> Arc<dyn Storage> { Arc::new(redis::hashes_at(prefix)) };
    let prefix = redis::prefix();
    nothing_moves(&strings(&prefix), &hashes(&prefix));
    let prefix = redis::prefix();
    nothing_moves(&hashes(&prefix), &strings(&prefix));
}

/// What is stored to find it out does not stay.
#[test]
fn two_places_are_left_as_they_were() {
    for kind in KINDS {
        let (old, new) = (Place::new(kind), Place::new(kind));
        let moving = BlockingMovingStorage::new(Arc::clone(&old.storage), Arc::clone(&new.storage)).unwrap();
        moving.check().unwrap();
        assert_eq!((old.storage.count(NOW).unwrap(), new.storage.count(NOW).unwrap()), (0, 0), "{kind:?}");
    }
}

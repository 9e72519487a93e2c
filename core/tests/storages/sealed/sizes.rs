//! Limits, deadlines and formats at their edges: an error, or stored; never unreadable.

use std::{sync::Arc, time::Duration};

use gsession::{
    Changes, ClientInfo, FileStorage, Limits, Storage, StorageErrorKind,
    storage::{
        Committed,
        sealed::{Rekeyed, Sealed},
    },
};
use tempfile::TempDir;

use super::{KINDS, NOW, Place, commit_at, key, ring, sealed, sealed_with, sealing_key, setting};
use crate::support::{Kind, found, record};

fn grown(storage: &dyn Storage, bytes: usize) -> Result<Committed, StorageErrorKind> {
    let json = format!("\"{}\"", "x".repeat(bytes));
    storage.commit(&key(1), &commit_at(setting("large", &json), NOW)).map_err(|error| error.kind())
}

#[test]
fn a_session_that_its_storage_cannot_take_sealed_is_an_error_and_stays_as_it_was() {
    let folder = TempDir::new().unwrap();
    let files = |limits: Limits, name: &str| {
        Sealed::new(FileStorage::builder(folder.path().join(name)).limits(limits).build().unwrap(), ring(1))
    };
    // Made for sessions that are not sealed, and for ones that are.
    let (usual, larger) = (files(Limits::default(), "usual"), files(Limits::default().sealed(), "larger"));
    for storage in [&usual, &larger] {
        storage.create(&key(1), &record(&[("a", "1")]), NOW).unwrap();
    }
    let refused = grown(&usual, 250_000);
    assert!(matches!(refused, Err(StorageErrorKind::Limit(_))), "{refused:?}");
    assert_eq!(found(&usual, &key(1), NOW).unwrap().record.entries.len(), 1);
    // With entries as long as the session allows.
    let mut changes = setting("a", "1");
    for name in ["b", "c", "d", "e"] {
        changes.set(name, format!("\"{}\"", "x".repeat(262_000 - 20)));
    }
    let committed = larger.commit(&key(1), &commit_at(changes, NOW));
    assert!(matches!(committed, Ok(Committed::Done { .. })), "{committed:?}");
    assert_eq!(found(&larger, &key(1), NOW).unwrap().record.entries.len(), 5);
    let refused = grown(&larger, 10_000);
    assert!(matches!(refused, Err(StorageErrorKind::Limit(_))), "{refused:?}");
}

/// Settings may have been larger when a session was stored.
#[test]
fn a_session_beyond_the_usual_limits_is_sealed_anew() {
    let place = Place::new(Kind::Memory);
    let limits = Limits::default().max_record_bytes(8 << 20).max_value_bytes(8 << 20);
    let large = format!("\"{}\"", "x".repeat(2 << 20));
    let mut commit = commit_at(setting("large", &large), NOW);
    commit.limits = limits;
    let old = sealed_with(&place, ring(1));
    old.create(&key(1), &record(&[("a", "1")]), NOW).unwrap();
    place.storage.create(&key(2), &record(&[("a", "1")]), NOW).unwrap();
    assert!(matches!(old.commit(&key(1), &commit).unwrap(), Committed::Done { .. }));
    assert!(matches!(place.storage.commit(&key(2), &commit).unwrap(), Committed::Done { .. }));
    let new = sealed_with(&place, ring(2).with_older(sealing_key(1))).admitting_unsealed();
    for number in [1, 2] {
        assert_eq!(new.rekey(&key(number), NOW).unwrap(), Rekeyed::Done);
        // What is over its limit may change as long as it does not grow; its state has another number each time.
        for value in ["2", "3", "4", "5"] {
            let committed = new.commit(&key(number), &commit_at(setting("a", value), NOW));
            assert!(matches!(committed, Ok(Committed::Done { .. })), "{committed:?}");
        }
    }
}

/// The request has read the session before another one made room.
#[test]
fn a_limit_is_that_of_the_session_as_it_is() {
    for kind in KINDS {
        let place = Place::new(kind);
        let storage = sealed(&place);
        storage.create(&key(1), &record(&[("a", "1"), ("b", "2")]), NOW).unwrap();
        let mut commit = commit_at(setting("c", "3"), NOW);
        commit.limits = Limits::default().max_entries(2);
        commit.base = found(&storage, &key(1), NOW);
        let mut removing = Changes::default();
        removing.remove("b");
        let _ = storage.commit(&key(1), &commit_at(removing, NOW)).unwrap();
        let committed = storage.commit(&key(1), &commit);
        assert!(matches!(committed, Ok(Committed::Done { .. })), "{kind:?}: {committed:?}");
    }
}

/// Storages take deadlines in the far future for none.
#[test]
fn a_lifetime_without_an_end_is_one() {
    for kind in KINDS {
        for lifetime in [Duration::MAX, Duration::from_secs(4_503_600_000_000)] {
            let place = Place::new(kind);
            let manager = place.builder_over(sealed(&place)).absolute_lifetime(lifetime).build().unwrap();
            let session = manager.begin(None, ClientInfo::default);
            session.set("a", &1).unwrap();
            let _ = session.close().unwrap();
            let again = manager.begin([session.id().unwrap().as_str()], ClientInfo::default);
            assert_eq!(again.get::<u8>("a").unwrap(), Some(1), "{kind:?}: {lifetime:?}");
        }
    }
}

#[test]
fn a_write_that_changes_nothing_stores_nothing() {
    for kind in KINDS {
        let place = Place::new(kind);
        let storage = sealed(&place);
        storage.create(&key(1), &super::secret("ada"), NOW).unwrap();
        let before = super::raw(&place, &key(1)).entries;
        let mut commit = commit_at(setting("role", "\"user\""), NOW);
        for base in [None, found(&storage, &key(1), NOW)] {
            commit.base = base;
            assert!(matches!(storage.commit(&key(1), &commit), Ok(Committed::Done { .. })), "{kind:?}");
            assert_eq!(super::raw(&place, &key(1)).entries, before, "{kind:?}");
        }
    }
}

/// They have no place for what is sealed.
#[cfg(feature = "redis")]
#[test]
fn the_formats_of_goframe_are_refused_before_anything_is_stored() {
    use crate::support::redis;
    let storages: [Arc<dyn Storage>; 2] = [Arc::new(redis::goframe_strings()), Arc::new(redis::goframe_hashes())];
    for storage in storages {
        let sealed = Sealed::new(Arc::clone(&storage), ring(1));
        assert_eq!(sealed.check().unwrap_err().kind(), StorageErrorKind::Setup);
        let created = sealed.create(&key(1), &record(&[("a", "1")]), NOW);
        assert!(created.unwrap_err().to_string().contains("GoFrame"));
    }
}

//! Large sessions: an error, or stored; never unreadable.

use gsession::{
    FileStorage, Limits, Storage, StorageErrorKind,
    storage::{Committed, sealed::Sealed},
};
use tempfile::TempDir;

use super::{NOW, commit_at, key, ring, setting};
use crate::support::{found, record};

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

//! Limits hold exactly, although the database counts only what may have been added.

use gsession::{Changes, LimitExceeded, Limits, StorageErrorKind, record::Commit, storage::Committed};

use super::{blind, both, created, read, support::*};

fn limited(changes: Changes, limits: Limits) -> Commit {
    let mut commit = blind(changes);
    commit.limits = limits;
    commit
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_that_are_set_again_do_not_count_twice() {
    let limits = Limits::default().max_entries(3);
    for (name, storage) in both().storages {
        let a = created(&*storage, 1, &record(&[("a", "1"), ("b", "2")])).await;
        for n in 0..10 {
            let done = storage.commit(&a, &limited(setting("c", &n.to_string()), limits)).await.unwrap();
            assert!(matches!(done, Committed::Done { .. }), "{name}: {done:?}");
        }
        let error = storage.commit(&a, &limited(setting("d", "1"), limits)).await.unwrap_err();
        let kind = StorageErrorKind::Limit(LimitExceeded::Entries { limit: 3, actual: 4 });
        assert_eq!(error.kind(), kind, "{name}");
        let mut instead = setting("d", "1");
        instead.remove("a");
        let done = storage.commit(&a, &limited(instead, limits)).await.unwrap();
        assert!(matches!(done, Committed::Done { .. }), "{name}: {done:?}");
        assert_eq!(read(&*storage, &a).await.record.entries, entries(&[("b", "2"), ("c", "9"), ("d", "1")]), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_replaced_do_not_count_twice() {
    let limits = Limits::default().max_record_bytes(100);
    let text = |length: usize| format!("\"{}\"", "x".repeat(length));
    for (name, storage) in both().storages {
        let a = created(&*storage, 1, &record(&[("a", "1")])).await;
        for _ in 0..10 {
            let done = storage.commit(&a, &limited(setting("b", &text(80)), limits)).await.unwrap();
            assert!(matches!(done, Committed::Done { .. }), "{name}: {done:?}");
        }
        let error = storage.commit(&a, &limited(setting("c", &text(20)), limits)).await.unwrap_err();
        let is_limit = matches!(error.kind(), StorageErrorKind::Limit(LimitExceeded::Record { limit: 100, .. }));
        assert!(is_limit, "{name}: {error}");
        assert_eq!(read(&*storage, &a).await.record.entries.len(), 2, "{name}");
    }
}

/// A session of the largest size that is allowed, written and read by both ways.
#[tokio::test(flavor = "multi_thread")]
async fn the_largest_session_is_kept() {
    let long = format!("\"{}\"", "x".repeat(255 * 1024));
    for (name, storage) in both().storages {
        let a = created(&*storage, 1, &record(&[])).await;
        for entry in ["a", "b", "c", "d"] {
            storage.commit(&a, &blind(setting(entry, &long))).await.unwrap();
        }
        let error = storage.commit(&a, &blind(setting("e", &long))).await.unwrap_err();
        assert!(matches!(error.kind(), StorageErrorKind::Limit(_)), "{name}: {error}");
        let snapshot = read(&*storage, &a).await;
        assert_eq!(snapshot.record.entries.text_bytes(), 4 * (long.len() + 1), "{name}");
        let mut commit = blind(setting("f", "1"));
        commit.base = Some(snapshot);
        let done = storage.commit(&a, &commit).await.unwrap();
        assert!(matches!(done, Committed::Done { .. }), "{name}: {done:?}");
        assert_eq!(read(&*storage, &a).await.record.entries.len(), 5, "{name}");
    }
}

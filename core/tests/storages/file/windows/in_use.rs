//! Session files that somebody else has open, or has made read-only.

use std::{
    fs::{File, OpenOptions},
    os::windows::fs::OpenOptionsExt as _,
    path::Path,
    time::Duration,
};

use gsession::{
    StorageErrorKind,
    storage::{Committed, Moved, Removed},
};

use super::Ground;
use crate::support::{NOW, commit_at, found, key, record, setting, stored};

/// Opens a file as a reader of ours does: others may do with it what they like.
fn reading(path: &Path) -> File {
    File::open(path).unwrap()
}

/// Opens a file as some virus scanners do: nobody else may open it, rename it or remove it.
fn alone(path: &Path) -> File {
    OpenOptions::new().read(true).share_mode(0).open(path).unwrap()
}

fn with_session(ground: &Ground, number: u8) -> Box<dyn gsession::Storage> {
    let storage = ground.storage();
    storage.create(&key(number), &record(&[("a", "1")]), NOW).unwrap();
    storage
}

/// A change that no log has room for.
fn large() -> String {
    format!("\"{}\"", "x".repeat(20_000))
}

/// Opens a file as most programs do: others may read and write it, but neither rename nor remove it.
fn without_delete(path: &Path) -> File {
    OpenOptions::new().read(true).share_mode(3).open(path).unwrap()
}

fn is_done(committed: &Committed) -> bool {
    matches!(committed, Committed::Done { .. })
}

#[test]
fn a_file_that_is_being_read_is_appended_to_at_once() {
    let ground = Ground::new();
    let storage = with_session(&ground, 1);
    let _reader = reading(&ground.file(&key(1)));
    assert!(is_done(&storage.commit(&key(1), &commit_at(setting("b", "2"), NOW)).unwrap()));
    assert_eq!(stored(&*storage, &key(1), NOW).unwrap().len(), 2);
}

/// Whatever gives a file its name or takes it away, while another program has the file open for a moment.
#[test]
fn who_has_the_file_open_for_a_moment_is_waited_for() {
    for opened in [reading, alone, without_delete] {
        for operation in 0..4 {
            let ground = Ground::new();
            let storage = with_session(&ground, 1);
            let file = opened(&ground.file(&key(1)));
            // Nothing depends on how long it is, but an operation that meets no open file shows nothing.
            let closing = std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(50));
                drop(file);
            });
            match operation {
                0 => assert!(is_done(&storage.commit(&key(1), &commit_at(setting("b", &large()), NOW)).unwrap())),
                1 => assert!(is_done(&storage.commit(&key(1), &commit_at(setting("b", "2"), NOW)).unwrap())),
                2 => assert!(matches!(storage.remove(&key(1)).unwrap(), Removed::Done)),
                _ => {
                    let moved = storage.move_to(&key(1), &key(2), &commit_at(setting("b", "2"), NOW)).unwrap();
                    assert!(matches!(moved, Moved::Done { .. }), "{moved:?}");
                }
            }
            closing.join().unwrap();
            match operation {
                0 | 1 => assert_eq!(stored(&*storage, &key(1), NOW).unwrap().len(), 2),
                2 => assert!(found(&*storage, &key(1), NOW).is_none()),
                _ => assert_eq!(stored(&*storage, &key(2), NOW).unwrap().len(), 2),
            }
        }
    }
}

#[test]
fn who_keeps_the_file_to_itself_is_an_error_that_changes_nothing() {
    let ground = Ground::new();
    let storage = with_session(&ground, 1);
    let file = alone(&ground.file(&key(1)));
    for change in ["2", &large()] {
        let failed = storage.commit(&key(1), &commit_at(setting("b", change), NOW));
        assert!(matches!(&failed, Err(error) if error.kind() == StorageErrorKind::Unavailable), "{failed:?}");
    }
    assert!(
        storage.remove(&key(1)).is_err()
            && storage.move_to(&key(1), &key(2), &commit_at(setting("b", "2"), NOW)).is_err()
    );
    drop(file);
    assert_eq!(stored(&*storage, &key(1), NOW).unwrap(), [("a".to_owned(), "1".to_owned())]);
    assert!(found(&*storage, &key(2), NOW).is_none());
    assert!(is_done(&storage.commit(&key(1), &commit_at(setting("b", "2"), NOW)).unwrap()));
}

#[test]
fn a_read_only_file_is_replaced_and_removed() {
    let ground = Ground::new();
    let make_read_only = || {
        let file = reading(&ground.file(&key(1)));
        let mut permissions = file.metadata().unwrap().permissions();
        permissions.set_readonly(true);
        std::fs::set_permissions(ground.file(&key(1)), permissions).unwrap();
    };
    let storage = with_session(&ground, 1);
    make_read_only();
    assert!(is_done(&storage.commit(&key(1), &commit_at(setting("b", "2"), NOW)).unwrap()));
    assert_eq!(stored(&*storage, &key(1), NOW).unwrap().len(), 2);
    make_read_only();
    assert!(matches!(storage.remove(&key(1)).unwrap(), Removed::Done));
    assert!(!ground.file(&key(1)).exists());
}

/// Whoever keeps the file from losing its name does not keep the session alive.
#[test]
fn a_session_ends_while_its_file_stays() {
    let ground = Ground::new();
    let storage = with_session(&ground, 1);
    let held = without_delete(&ground.file(&key(1)));
    assert!(matches!(storage.remove(&key(1)).unwrap(), Removed::Done));
    assert!(ground.file(&key(1)).exists(), "the test would show nothing");
    assert!(found(&*storage, &key(1), NOW).is_none());
    assert!(matches!(storage.commit(&key(1), &commit_at(setting("b", "2"), NOW)).unwrap(), Committed::Gone));
    assert!(matches!(storage.remove(&key(1)).unwrap(), Removed::Absent));
    drop(held);
    // The sweep removes what is left of it, and a new session can take its place.
    assert_eq!(storage.sweep(NOW).unwrap().removed, 1);
    assert!(!ground.file(&key(1)).exists());
    storage.create(&key(1), &record(&[("c", "3")]), NOW).unwrap();
    assert_eq!(stored(&*storage, &key(1), NOW).unwrap(), [("c".to_owned(), "3".to_owned())]);
}

/// A process that is killed while it removes a session leaves an empty file.
#[test]
fn an_emptied_file_is_no_session() {
    let ground = Ground::new();
    let storage = with_session(&ground, 1);
    File::options().write(true).open(ground.file(&key(1))).unwrap().set_len(0).unwrap();
    assert!(found(&*storage, &key(1), NOW).is_none());
    storage.create(&key(1), &record(&[("c", "3")]), NOW).unwrap();
    assert_eq!(stored(&*storage, &key(1), NOW).unwrap().len(), 1);
}

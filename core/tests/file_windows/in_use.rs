//! Session files that somebody else has open, or has made read-only.

use std::{
    fs::{File, OpenOptions},
    os::windows::fs::OpenOptionsExt as _,
    path::Path,
    sync::mpsc,
};

use gsession::{
    StorageErrorKind,
    storage::{Committed, Moved, Removed},
};

use crate::{
    Ground,
    support::{NOW, commit_at, found, key, record, setting, stored},
};

/// Opens a file as a reader of ours does: others may do with it what they like.
fn reading(path: &Path) -> File {
    File::open(path).unwrap()
}

/// Opens a file as some virus scanners do: nobody else may open it, rename it or remove it.
fn alone(path: &Path) -> File {
    OpenOptions::new().read(true).share_mode(0).open(path).unwrap()
}

/// A session whose next commit replaces its file.
fn full(ground: &Ground, number: u8) -> Box<dyn gsession::Storage> {
    let storage = ground.storage();
    storage.create(&key(number), &record(&[("a", "1")]), NOW).unwrap();
    storage
}

/// A change that no log has room for.
fn large() -> String {
    format!("\"{}\"", "x".repeat(20_000))
}

fn is_done(committed: &Committed) -> bool {
    matches!(committed, Committed::Done { .. })
}

#[test]
fn a_file_that_is_being_read_is_appended_to_at_once() {
    let ground = Ground::new();
    let storage = full(&ground, 1);
    let _reader = reading(&ground.file(&key(1)));
    assert!(is_done(&storage.commit(&key(1), &commit_at(setting("b", "2"), NOW)).unwrap()));
    assert_eq!(stored(&*storage, &key(1), NOW).unwrap().len(), 2);
}

/// Whatever gives a file its name or takes it away, while another program has the file open for a moment.
#[test]
fn who_has_the_file_open_for_a_moment_is_waited_for() {
    for opened in [reading, alone] {
        for operation in 0..4 {
            let ground = Ground::new();
            let storage = full(&ground, 1);
            let file = opened(&ground.file(&key(1)));
            let (going, gone) = mpsc::channel();
            let closing = std::thread::spawn(move || {
                gone.recv().unwrap();
                // The operation may be anywhere by now. It must succeed wherever it is.
                std::thread::yield_now();
                drop(file);
            });
            going.send(()).unwrap();
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
    let storage = full(&ground, 1);
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
    let storage = full(&ground, 1);
    make_read_only();
    assert!(is_done(&storage.commit(&key(1), &commit_at(setting("b", "2"), NOW)).unwrap()));
    assert_eq!(stored(&*storage, &key(1), NOW).unwrap().len(), 2);
    make_read_only();
    assert!(matches!(storage.remove(&key(1)).unwrap(), Removed::Done));
    assert!(!ground.file(&key(1)).exists());
}

//! What reading and committing cost on files: exact numbers of system calls, and which.

use std::{path::Path, time::Duration};

use futures::FutureExt as _;
use gsession::{
    AnyStorage, FileStorage, Storage,
    storage::{Access, Committed, Lookup, file::Durability},
};
use tempfile::TempDir;

use crate::support::{
    NOW, child, commit_at, found, key, quiet_file, record, setting,
    strace::{calls, mark, names},
};

/// On a disk, which the usual place for temporary files may not be.
fn folder() -> TempDir {
    TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// The system calls of what `run` does between two marks, in a child, with a storage that has a session.
fn calls_of(name: &str, durability: Durability, run: impl FnOnce(&FileStorage)) -> Option<Vec<String>> {
    let Some(path) = child::role() else {
        let folder = folder();
        let path = folder.path().join("sessions");
        let storage: &dyn Storage = &quiet_file(&path);
        storage.create(&key(1), &record(&[("n", "1")]), NOW).unwrap();
        storage.create(&key(2), &record(&[("n", "1")]), NOW).unwrap();
        // Older than the tick of the clock in which it was created.
        std::thread::sleep(Duration::from_millis(50));
        return Some(calls(name, path.to_str().unwrap()));
    };
    let builder = FileStorage::builder(Path::new(&path)).durability(durability);
    let storage = builder.sweep_interval(Duration::MAX).touch_interval(Duration::MAX).build().unwrap();
    // What is done for the first time in a process may find out something about the processor.
    assert!(found(&storage, &key(2), NOW).is_some());
    assert!(is_done(&storage.commit(&key(2), &commit_at(setting("n", "2"), NOW)).unwrap()));
    run(&storage);
    None
}

fn is_done(committed: &Committed) -> bool {
    matches!(committed, Committed::Done { .. })
}

/// Of a session that this process has read or written, and that has not changed since.
#[test]
fn a_read_of_an_unchanged_session_is_one_system_call() {
    const NAME: &str = "file::costs::a_read_of_an_unchanged_session_is_one_system_call";
    let calls = calls_of(NAME, Durability::None, |storage| {
        assert!(found(storage, &key(1), NOW).is_some());
        mark();
        let lookup = storage.load_cached(&key(1), &Access::passive(NOW));
        mark();
        assert!(matches!(lookup, Some(Lookup::Found(_))));
    });
    let Some(calls) = calls else { return };
    assert_eq!(names(&calls), ["statx"], "{calls:#?}");
}

#[test]
fn a_read_of_a_session_that_is_not_known_is_four_system_calls() {
    const NAME: &str = "file::costs::a_read_of_a_session_that_is_not_known_is_four_system_calls";
    let calls = calls_of(NAME, Durability::None, |storage| {
        mark();
        let lookup = storage.load_cached(&key(1), &Access::passive(NOW));
        mark();
        assert!(matches!(lookup, Some(Lookup::Found(_))));
    });
    let Some(calls) = calls else { return };
    assert_eq!(names(&calls), ["openat2", "statx", "preadv2", "close"], "{calls:#?}");
}

/// Neither is the content of the file read nor that of a folder, and nothing is created or renamed.
#[test]
fn a_commit_to_a_known_session_is_six_system_calls() {
    const NAME: &str = "file::costs::a_commit_to_a_known_session_is_six_system_calls";
    let calls = calls_of(NAME, Durability::None, |storage| {
        assert!(found(storage, &key(1), NOW).is_some());
        let commit = commit_at(setting("n", "2"), NOW);
        mark();
        let committed = storage.commit(&key(1), &commit).unwrap();
        mark();
        assert!(is_done(&committed));
    });
    let Some(calls) = calls else { return };
    assert_eq!(names(&calls), ["openat2", "flock", "statx", "pwrite64", "utimensat", "close"], "{calls:#?}");
}

#[test]
fn a_commit_to_a_session_that_is_not_known_is_seven_system_calls() {
    const NAME: &str = "file::costs::a_commit_to_a_session_that_is_not_known_is_seven_system_calls";
    let calls = calls_of(NAME, Durability::None, |storage| {
        let commit = commit_at(setting("n", "2"), NOW);
        mark();
        let committed = storage.commit(&key(1), &commit).unwrap();
        mark();
        assert!(is_done(&committed));
    });
    let Some(calls) = calls else { return };
    let expected = ["openat2", "flock", "statx", "pread64", "pwrite64", "utimensat", "close"];
    assert_eq!(names(&calls), expected, "{calls:#?}");
}

#[test]
fn a_commit_that_changes_nothing_writes_nothing() {
    const NAME: &str = "file::costs::a_commit_that_changes_nothing_writes_nothing";
    let calls = calls_of(NAME, Durability::None, |storage| {
        let commit = commit_at(setting("n", "1"), NOW);
        assert!(is_done(&storage.commit(&key(1), &commit).unwrap()));
        mark();
        let committed = storage.commit(&key(1), &commit).unwrap();
        mark();
        assert!(is_done(&committed));
    });
    let Some(calls) = calls else { return };
    assert_eq!(names(&calls), ["openat2", "flock", "statx", "close"], "{calls:#?}");
}

#[test]
fn a_commit_that_must_survive_a_power_failure_syncs_once() {
    const NAME: &str = "file::costs::a_commit_that_must_survive_a_power_failure_syncs_once";
    let calls = calls_of(NAME, Durability::Commit, |storage| {
        let commit = commit_at(setting("n", "2"), NOW);
        mark();
        let committed = storage.commit(&key(1), &commit).unwrap();
        mark();
        assert!(is_done(&committed));
    });
    let Some(calls) = calls else { return };
    let names = names(&calls);
    assert_eq!(names.iter().filter(|name| name.contains("sync")).collect::<Vec<_>>(), [&"fdatasync"], "{calls:#?}");
    assert!(names.len() <= 8, "{calls:#?}");
}

/// In async code: on the thread of the request, without a word to any other thread.
#[test]
fn a_commit_that_need_not_wait_is_made_on_the_thread_of_the_request() {
    const NAME: &str = "file::costs::a_commit_that_need_not_wait_is_made_on_the_thread_of_the_request";
    let calls = calls_of(NAME, Durability::None, |storage| {
        let blocking = storage;
        let storage = AnyStorage::new(storage.clone());
        // The disk may be slow now and then, but not always.
        let is_done_at_once = |number: u32| {
            std::thread::sleep(Duration::from_millis(300));
            assert!(found(blocking, &key(1), NOW).is_some());
            let commit = commit_at(setting("n", &(number + 2).to_string()), NOW);
            mark();
            let committed = storage.commit(&key(1), &commit).now_or_never();
            mark();
            committed.is_some_and(|committed| is_done(&committed.unwrap()))
        };
        assert!((0..100).any(is_done_at_once));
    });
    let Some(calls) = calls else { return };
    let expected = ["openat2", "flock", "statx", "pwrite64", "utimensat", "close"];
    assert_eq!(names(&calls), expected, "{calls:#?}");
}

/// A small session takes one block of the disk, as without a log; five if it is written very often within seconds.
#[test]
fn a_small_session_takes_one_block_or_a_few_whatever_is_written() {
    let folder = folder();
    let path = folder.path().join("sessions");
    let storage: &dyn Storage = &quiet_file(&path);
    storage.create(&key(1), &record(&[("user", "\"ada\"")]), NOW).unwrap();
    let file = path.join("01").join(key(1).to_string());
    let (mut inodes, mut rewritten) = (std::collections::BTreeSet::new(), 0);
    for number in 0..3_000 {
        let committed = storage.commit(&key(1), &commit_at(setting("n", &number.to_string()), NOW)).unwrap();
        assert!(is_done(&committed));
        let data = std::fs::metadata(&file).unwrap();
        assert!(data.len() <= 5 * 4096, "{} bytes", data.len());
        rewritten += u32::from(inodes.insert((std::os::unix::fs::MetadataExt::ino(&data), data.created().ok())));
    }
    assert!(rewritten <= 3_000 / 500, "it was rewritten {rewritten} times");
}

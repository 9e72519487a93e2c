//! The session folder: what it may be, and that it comes back. Nothing a client sends leads out of it.

use std::{
    error::Error as _,
    fs,
    os::unix::fs::{MetadataExt as _, symlink},
};

use gsession::{
    ClientInfo, Manager, SessionId, Storage as _, StorageErrorKind, StoreKey,
    storage::{Committed, Created, Lookup, Removed},
};
use rustix::fs::FileType;

use super::{Ground, in_time, mode, pipe, refused, set_mode};
use crate::support::{NOW, active, commit_at, found, key, quiet_file, record, setting};

#[test]
fn a_root_that_is_no_folder_is_refused() {
    let ground = Ground::new();
    fs::write(ground.path("file"), "text").unwrap();
    assert!(refused(&ground.path("file")).contains("not a folder"));
    let in_the_way = ground.path("pipe");
    pipe(&in_the_way);
    assert!(in_time(move || refused(&in_the_way)).contains("not a folder"));
    // What a link leads to is judged as if it were given itself.
    for (name, target, why) in [
        ("to_a_file", "file", "not a folder"),
        ("to_a_pipe", "pipe", "not a folder"),
        ("to_nothing", "nowhere", "symbolic link that leads nowhere"),
        ("to_itself", "to_itself", "symbolic link that cannot be followed"),
    ] {
        symlink(ground.path(target), ground.path(name)).unwrap();
        for written in [name.to_owned(), format!("{name}/"), format!("{name}//")] {
            let path = ground.path(&written);
            let told = in_time(move || refused(&path));
            assert!(told.contains(why) && told.contains(ground.path(name).to_str().unwrap()), "{told}");
        }
    }
    assert!(!ground.path("nowhere").exists());
}

#[test]
fn a_folder_without_a_parent_says_what_to_do() {
    let ground = Ground::new();
    let why = refused(&ground.path("no/such/sessions"));
    assert!(why.contains("parent folder does not exist; create it first"), "{why}");
    assert!(!ground.path("no").exists());
}

#[test]
fn a_folder_open_to_others_is_made_private_only_if_it_is_ours() {
    let ground = Ground::new();
    // Empty, and with sessions: it is made private.
    fs::create_dir(ground.sessions()).unwrap();
    for _ in 0..2 {
        set_mode(&ground.sessions(), 0o755);
        let storage = ground.storage();
        assert_eq!(mode(&ground.sessions()), 0o700);
        storage.create(&key(1), &record(&[("a", "1")]), NOW).unwrap();
        storage.remove(&key(1)).unwrap();
    }
    // With other things: somebody would be locked out of them.
    fs::write(ground.sessions().join("index.html"), "text").unwrap();
    set_mode(&ground.sessions(), 0o755);
    let why = refused(&ground.sessions());
    assert!(why.contains("it holds other things than sessions"), "{why}");
    assert_eq!(mode(&ground.sessions()), 0o755);
    assert_eq!(fs::read_to_string(ground.sessions().join("index.html")).unwrap(), "text");
    // Private, they are none of our business.
    set_mode(&ground.sessions(), 0o700);
    let storage = ground.storage();
    storage.create(&key(1), &record(&[("a", "1")]), NOW).unwrap();
    assert_eq!(storage.sweep(NOW).unwrap().removed, 0);
    assert!(ground.sessions().join("index.html").exists());
}

/// It is what the next session would do, and what it would run into.
#[test]
fn a_check_makes_a_folder_that_has_gone_again_or_says_why_it_cannot() {
    let ground = Ground::new();
    fs::create_dir(ground.path("parent")).unwrap();
    let sessions = ground.path("parent/sessions");
    let storage = quiet_file(&sessions);
    storage.check().unwrap();
    fs::remove_dir_all(&sessions).unwrap();
    storage.check().unwrap();
    assert_eq!(mode(&sessions), 0o700);
    fs::remove_dir_all(ground.path("parent")).unwrap();
    let error = storage.check().unwrap_err();
    assert_eq!(error.kind(), StorageErrorKind::Setup);
    let why = error.source().unwrap().to_string();
    assert!(why.contains("parent folder does not exist"), "{why}");
    fs::create_dir(ground.path("parent")).unwrap();
    storage.check().unwrap();
    // Something else has taken its place.
    fs::remove_dir_all(&sessions).unwrap();
    fs::write(&sessions, "text").unwrap();
    assert_eq!(storage.check().unwrap_err().kind(), StorageErrorKind::Setup);
}

/// Each check tries another sub-folder.
#[test]
fn a_check_finds_a_sub_folder_that_cannot_be_used() {
    let ground = Ground::new();
    let storage = quiet_file(&ground.sessions());
    for number in 0..=u8::MAX {
        fs::write(ground.sessions().join(format!("{number:02x}")), "text").unwrap();
    }
    let error = storage.check().unwrap_err();
    assert!(error.source().unwrap().to_string().contains("is a link or a file; remove it"), "{error:?}");
}

#[test]
fn a_folder_that_is_deleted_is_made_again() {
    let ground = Ground::new();
    let storage = ground.storage();
    storage.create(&key(1), &record(&[("a", "1")]), NOW).unwrap();
    for whole in [true, false] {
        let deleted = if whole { ground.sessions() } else { ground.file(&key(1)).parent().unwrap().to_owned() };
        fs::remove_dir_all(deleted).unwrap();
        assert!(matches!(storage.load(&key(1), &active(NOW)).unwrap(), Lookup::Absent));
        assert!(matches!(storage.commit(&key(1), &commit_at(setting("a", "2"), NOW)).unwrap(), Committed::Gone));
        assert_eq!(storage.remove(&key(1)).unwrap(), Removed::Absent);
        storage.sweep(NOW).unwrap();
        assert_eq!(storage.create(&key(1), &record(&[("b", "1")]), NOW).unwrap(), Created::Done);
        assert!(ground.file(&key(1)).exists());
        assert_eq!(mode(&ground.sessions()), 0o700);
        assert!(found(&*storage, &key(1), NOW).is_some());
    }
    fs::remove_file(ground.file(&key(1)).with_file_name("lock")).unwrap();
    let commit = commit_at(setting("a", "2"), NOW);
    assert!(matches!(storage.commit(&key(1), &commit).unwrap(), Committed::Done { .. }));
}

/// One process makes the folder again; the others must not go on looking into the deleted one.
#[test]
fn a_folder_that_another_process_made_again_is_seen() {
    let ground = Ground::new();
    let (one, other) = (ground.storage(), ground.storage());
    one.create(&key(1), &record(&[("a", "1")]), NOW).unwrap();
    assert!(found(&*other, &key(1), NOW).is_some());
    fs::remove_dir_all(ground.sessions()).unwrap();
    one.create(&key(1), &record(&[("a", "2")]), NOW).unwrap();
    assert!(found(&*other, &key(1), NOW).is_some(), "answered as stored, and another process does not see it");
    assert_eq!(other.remove(&key(1)).unwrap(), Removed::Done, "a logout elsewhere must reach it");
}

/// What a client sends never forms a path: what is no id does not reach the storage, what is one is hashed.
#[test]
fn what_a_client_sends_forms_no_path() {
    let ground = Ground::new();
    let manager = Manager::new(quiet_file(&ground.sessions()));
    let hostile = ["../../../etc/passwd", "..", "/", "a/b", "\0", "lock", "%2e%2e%2f", &"A/".repeat(21)];
    for text in hostile {
        let session = manager.begin(Some(text), ClientInfo::default);
        assert_eq!(session.get::<String>("user").unwrap(), None);
        session.destroy();
        let _ = session.close().unwrap();
    }
    assert_eq!(fs::read_dir(ground.sessions()).unwrap().count(), 0);
    let names: Vec<_> = fs::read_dir(ground.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["sessions"]);
    let id = SessionId::custom(&format!("..{}", "/".repeat(20))).unwrap();
    let storage = ground.storage();
    storage.create(&StoreKey::of(&id), &record(&[]), NOW).unwrap();
    assert_eq!(
        ground.file(&StoreKey::of(&id)).metadata().unwrap().mode() & 0o170_000,
        FileType::RegularFile.as_raw_mode()
    );
}

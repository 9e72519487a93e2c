//! Something else in the place of a session, of a sub-folder or of a lock.

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt as _, chown, symlink},
        net::UnixListener,
    },
};

use gsession::{
    Changes,
    storage::{Committed, Created, Lookup, Moved, Removed, Touched},
};

use super::{Ground, in_time, is_root, pipe, text};
use crate::support::{IDLE, NOW, active, commit_at, found, key, record, setting};

/// Nothing reads, follows, changes or removes what is in the place of the session `key(1)`, and another session works.
fn is_left_alone(ground: Ground) -> Ground {
    in_time(move || {
        let storage = ground.storage();
        let file = ground.file(&key(1));
        let before = fs::symlink_metadata(&file).unwrap();
        let commit = commit_at(setting("x", "1"), NOW);
        assert!(matches!(storage.load(&key(1), &active(NOW)).unwrap(), Lookup::Absent));
        assert!(matches!(storage.commit(&key(1), &commit).unwrap(), Committed::Gone));
        assert_eq!(storage.touch(&key(1), &active(NOW)).unwrap(), Touched::Gone);
        assert_eq!(storage.move_to(&key(1), &key(2), &commit).unwrap(), Moved::Gone);
        assert_eq!(storage.create(&key(1), &record(&[("a", "1")]), NOW).unwrap(), Created::Exists);
        assert_eq!(storage.remove(&key(1)).unwrap(), Removed::Absent);
        // A renewal does not write over it either.
        storage.create(&key(3), &record(&[("a", "1")]), NOW).unwrap();
        assert_eq!(storage.move_to(&key(3), &key(1), &commit).unwrap(), Moved::Taken);
        assert!(found(&*storage, &key(3), NOW).is_some());
        assert!(storage.find("ada", NOW).unwrap().is_empty());
        let swept = storage.sweep(NOW).unwrap();
        assert_eq!((swept.removed, swept.kept, swept.foreign), (0, 1, 1), "it counts as foreign");
        let after = fs::symlink_metadata(&file).unwrap();
        assert_eq!((after.ino(), after.mode(), after.mtime()), (before.ino(), before.mode(), before.mtime()));
        ground
    })
}

#[test]
fn a_link_in_the_place_of_a_session_is_not_followed() {
    let ground = Ground::new();
    // To a living session of another key, whose content it would steal.
    ground.storage().create(&key(9), &record(&[("user", "\"ada\"")]), NOW).unwrap();
    let victim = ground.path("victim");
    fs::rename(ground.file(&key(9)), &victim).unwrap();
    let bytes = fs::read(&victim).unwrap();
    symlink(&victim, ground.place(&key(1))).unwrap();
    let _ground = is_left_alone(ground);
    assert_eq!(fs::read(&victim).unwrap(), bytes);
}

#[test]
fn a_dangling_link_in_the_place_of_a_session_is_not_followed() {
    let ground = Ground::new();
    symlink("/nonexistent/gsession", ground.place(&key(1))).unwrap();
    is_left_alone(ground);
}

#[test]
fn a_pipe_in_the_place_of_a_session_is_not_waited_for() {
    let ground = Ground::new();
    pipe(&ground.place(&key(1)));
    is_left_alone(ground);
}

#[test]
fn a_socket_in_the_place_of_a_session_is_left_alone() {
    let ground = Ground::new();
    let place = ground.place(&key(1));
    // The address of a socket is short, so it is made elsewhere.
    let socket = ground.path("s");
    let _listener = UnixListener::bind(&socket).unwrap();
    fs::rename(socket, place).unwrap();
    is_left_alone(ground);
}

#[test]
fn a_folder_in_the_place_of_a_session_is_left_alone() {
    let ground = Ground::new();
    fs::create_dir(ground.place(&key(1))).unwrap();
    is_left_alone(ground);
}

#[test]
fn other_content_in_the_place_of_a_session_is_left_alone() {
    let ground = Ground::new();
    fs::write(ground.place(&key(1)), "#!/bin/sh\necho a text that somebody needs\n").unwrap();
    is_left_alone(ground);
}

/// A living session, but somebody else's file. Only root can make one, so another user has nothing to try here.
#[test]
fn a_file_of_another_user_in_the_place_of_a_session_is_left_alone() {
    if !is_root() {
        return eprintln!("nothing tried: only root can give a file to another user");
    }
    let ground = Ground::new();
    ground.storage().create(&key(1), &record(&[("user", "\"ada\"")]), NOW).unwrap();
    chown(ground.file(&key(1)), Some(65_534), None).unwrap();
    // Nor is it waited for: its owner may lock it for ever.
    let theirs = fs::File::open(ground.file(&key(1))).unwrap();
    rustix::fs::flock(&theirs, rustix::fs::FlockOperation::LockExclusive).unwrap();
    is_left_alone(ground);
}

/// Sessions of the sub-folder of `key(1)` cannot be used, and the error says why; the others can.
fn is_an_error_for_one_sub_folder(ground: Ground) -> Ground {
    in_time(move || {
        let storage = ground.storage();
        let error = storage.create(&key(1), &record(&[("a", "1")]), NOW).unwrap_err();
        assert!(text(&error).contains("01") || text(&error).contains("lock"), "{}", text(&error));
        assert!(!matches!(storage.load(&key(1), &active(NOW)), Ok(Lookup::Found(_))));
        assert_eq!(storage.create(&key(2), &record(&[("a", "1")]), NOW).unwrap(), Created::Done);
        assert!(storage.move_to(&key(2), &key(1), &commit_at(Changes::default(), NOW)).is_err());
        assert!(found(&*storage, &key(2), NOW).is_some());
        let swept = storage.sweep(NOW + IDLE).unwrap();
        assert_eq!(swept.removed, 1, "one bad sub-folder keeps the others from being swept");
        ground
    })
}

#[test]
fn a_link_in_the_place_of_a_sub_folder_is_not_followed() {
    let ground = Ground::new();
    drop(ground.storage());
    fs::create_dir(ground.path("elsewhere")).unwrap();
    symlink(ground.path("elsewhere"), ground.sessions().join("01")).unwrap();
    let ground = is_an_error_for_one_sub_folder(ground);
    assert_eq!(fs::read_dir(ground.path("elsewhere")).unwrap().count(), 0);
}

#[test]
fn a_pipe_in_the_place_of_a_sub_folder_is_not_waited_for() {
    let ground = Ground::new();
    drop(ground.storage());
    pipe(&ground.sessions().join("01"));
    is_an_error_for_one_sub_folder(ground);
}

#[test]
fn a_file_in_the_place_of_a_sub_folder_is_left_alone() {
    let ground = Ground::new();
    drop(ground.storage());
    fs::write(ground.sessions().join("01"), "text").unwrap();
    let ground = is_an_error_for_one_sub_folder(ground);
    assert_eq!(fs::read_to_string(ground.sessions().join("01")).unwrap(), "text");
}

#[test]
fn a_link_in_the_place_of_a_lock_is_not_followed() {
    let ground = Ground::new();
    drop(ground.storage());
    symlink(ground.path("elsewhere"), ground.place(&key(1)).with_file_name("lock")).unwrap();
    let ground = is_an_error_for_one_sub_folder(ground);
    assert!(!ground.path("elsewhere").exists());
}

#[test]
fn a_folder_in_the_place_of_a_lock_is_an_error() {
    let ground = Ground::new();
    drop(ground.storage());
    fs::create_dir(ground.place(&key(1)).with_file_name("lock")).unwrap();
    is_an_error_for_one_sub_folder(ground);
}

#[test]
fn a_pipe_in_the_place_of_a_lock_is_not_waited_for() {
    let ground = Ground::new();
    drop(ground.storage());
    pipe(&ground.place(&key(1)).with_file_name("lock"));
    in_time(move || {
        let storage = ground.storage();
        // It may serve as a lock, or be refused.
        if storage.create(&key(1), &record(&[("a", "1")]), NOW).is_ok() {
            assert!(found(&*storage, &key(1), NOW).is_some());
        }
        assert_eq!(storage.create(&key(2), &record(&[("a", "1")]), NOW).unwrap(), Created::Done);
    });
}

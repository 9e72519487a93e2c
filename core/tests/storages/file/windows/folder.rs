//! The session folder: what it may be, where it may be, and that it stays there.

use std::fs;

use super::{Ground, refused};
use crate::support::{NOW, commit_at, found, key, quiet_file, record, setting, stored};

#[test]
fn a_root_that_is_no_folder_is_refused() {
    let ground = Ground::new();
    fs::write(ground.path("file"), "text").unwrap();
    assert!(refused(&ground.path("file")).contains("it is not a folder"));
    let why = refused(&ground.path("no\\such\\sessions"));
    assert!(why.contains("parent folder does not exist; create it first"), "{why}");
    assert!(refused(std::path::Path::new("")).contains("the path is empty"));
}

#[test]
fn what_is_in_the_way_is_left_alone() {
    let ground = Ground::new();
    let storage = ground.storage();
    let file = ground.file(&key(1));
    // A folder with the name of a session.
    fs::create_dir_all(&file).unwrap();
    assert!(found(&*storage, &key(1), NOW).is_none());
    storage.create(&key(1), &record(&[("a", "1")]), NOW).unwrap();
    storage.remove(&key(1)).unwrap();
    assert_eq!(storage.sweep(NOW).unwrap().foreign, 1);
    assert!(file.is_dir());
    // A file with the name of a sub-folder.
    fs::write(ground.sessions().join("02"), "text").unwrap();
    assert!(storage.create(&key(2), &record(&[]), NOW).is_err());
    assert_eq!(fs::read_to_string(ground.sessions().join("02")).unwrap(), "text");
}

#[test]
fn the_folder_of_a_running_service_keeps_its_name() {
    let ground = Ground::new();
    let storage = ground.storage();
    storage.create(&key(1), &record(&[("a", "1")]), NOW).unwrap();
    assert!(fs::rename(ground.sessions(), ground.path("elsewhere")).is_err());
    assert!(found(&*storage, &key(1), NOW).is_some());
    drop(storage);
    fs::rename(ground.sessions(), ground.path("elsewhere")).unwrap();
    assert!(found(&quiet_file(&ground.path("elsewhere")), &key(1), NOW).is_some());
}

/// A path may have 260 characters, unless it is written in a certain way.
#[test]
fn a_long_path_is_a_path_like_others() {
    let ground = Ground::new();
    // The folder itself is within the limit, as Wine does not know others; the files in it are not.
    let deep = ground.path(&"x".repeat(100)).join("x".repeat(220 - ground.path("").to_string_lossy().len() - 101));
    fs::create_dir_all(&deep).unwrap();
    let sessions = deep.join("sessions");
    assert!((229..250).contains(&sessions.to_string_lossy().len()));
    let storage = quiet_file(&sessions);
    gsession::Storage::create(&storage, &key(1), &record(&[("a", "1")]), NOW).unwrap();
    gsession::Storage::commit(&storage, &key(1), &commit_at(setting("b", "2"), NOW)).unwrap();
    assert_eq!(stored(&storage, &key(1), NOW).unwrap().len(), 2);
}

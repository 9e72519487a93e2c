//! Listing a user's sessions on files: what it costs, and what it must not miss; with the index of principals, and in folders from
//! before it.

use std::{
    fs,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    time::Duration,
};

use gsession::{
    FileStorage, Storage, StorageErrorKind, StoreKey,
    storage::{Removed, TOMBSTONE_LIFETIME},
};
use rustix::fs::FlockOperation;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::support::{
    NOW, key,
    listing::{Gate, ada, forget_the_index, listed, reads, renew},
    log, quiet_file,
};

/// Anybody may renew as often as they like.
#[test]
fn listing_reads_each_file_once_however_often_somebody_has_renewed() {
    const RENEWALS: u16 = 500;
    let numbered = |number: u16| {
        let mut bytes = [0xa5; 32];
        bytes[..2].copy_from_slice(&number.to_le_bytes());
        StoreKey::from_bytes(bytes)
    };
    let folder = TempDir::new().unwrap();
    let storage: &dyn Storage = &quiet_file(&folder.path().join("sessions"));
    storage.create(&numbered(0), &ada(), NOW).unwrap();
    for number in 0..RENEWALS {
        renew(storage, &numbered(number), &numbered(number + 1));
    }
    let before = reads();
    assert_eq!(listed(storage), [numbered(RENEWALS)]);
    let each = (reads() - before) / u64::from(RENEWALS);
    assert!(each <= 4, "{each} reads for each file");
}

/// The first of two sessions is being read when the other goes from a folder that is still to come to one that is done, twice.
fn renewed_meanwhile(is_indexed: bool) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("sessions");
    let other: &dyn Storage = &quiet_file(&path);
    other.create(&key(100), &ada(), NOW).unwrap();
    other.create(&key(200), &ada(), NOW).unwrap();
    if !is_indexed {
        forget_the_index(&path);
    }
    let gate = Gate::default();
    let slow = FileStorage::builder(&path).codec(gate.clone()).sweep_interval(Duration::MAX).build().unwrap();
    let walk = std::thread::spawn(move || listed(&slow));
    gate.wait_for(|(reached, _)| *reached);
    renew(other, &key(200), &key(50));
    renew(other, &key(50), &key(20));
    gate.set(|(_, opened)| *opened = true);
    let listed = walk.join().unwrap();
    assert_eq!(listed, [key(20), key(100)], "it was passed by");
    assert_eq!(other.remove(&listed[0]).unwrap(), Removed::Done);
}

#[test]
fn a_session_that_is_renewed_meanwhile_is_listed_and_can_be_ended() {
    renewed_meanwhile(true);
}

#[test]
fn a_session_that_is_renewed_during_a_walk_is_listed_and_can_be_ended() {
    renewed_meanwhile(false);
}

/// POSIX leaves open whether a folder's listing has a name that is renamed over meanwhile, so nobody may do that.
#[test]
fn the_names_of_a_sub_folder_are_read_under_its_lock() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("sessions");
    let storage = FileStorage::builder(&path).lock_timeout(Duration::from_millis(1)).build().unwrap();
    Storage::create(&storage, &key(7), &ada(), NOW).unwrap();
    forget_the_index(&path);
    let storage = FileStorage::builder(&path).lock_timeout(Duration::from_millis(1)).build().unwrap();
    let lock = fs::File::options().write(true).open(path.join("07/lock")).unwrap();
    rustix::fs::flock(&lock, FlockOperation::LockExclusive).unwrap();
    let error = Storage::find(&storage, "ada", NOW).unwrap_err();
    assert_eq!(error.kind(), StorageErrorKind::Timeout);
    drop(lock);
    assert_eq!(listed(&storage), [key(7)]);
}

/// A tombstone as the storage writes it.
fn plant(sessions: &Path, from: &StoreKey, to: &StoreKey) {
    let content = [&to.as_bytes()[..], &NOW.as_millis().to_le_bytes()].concat();
    let mut bytes = b"GSES\x01\x02\0\0".to_vec();
    bytes.extend_from_slice(&u64::try_from(TOMBSTONE_LIFETIME.as_millis()).unwrap().to_le_bytes());
    bytes.extend_from_slice(&0_u64.to_le_bytes());
    let sum = Sha256::new().chain_update(&bytes).chain_update(&content).finalize();
    bytes.extend_from_slice(&sum[..8]);
    bytes.extend_from_slice(&content);
    let name = from.to_string();
    let file: PathBuf = sessions.join(&name[..2]).join(&name);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, bytes).unwrap();
}

/// Only who can write into the folder can plant such tombstones; then listing must still come to an end, and say so.
#[test]
fn tombstones_in_a_cycle_are_logged_and_keep_no_session_from_being_listed() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("sessions");
    let storage: &dyn Storage = &quiet_file(&path);
    storage.create(&key(1), &ada(), NOW).unwrap();
    renew(storage, &key(1), &key(2));
    let before = log::mark();
    let cycles =
        || log::since(before).iter().filter(|line| line.contains("form a cycle") && line.contains("cycles=3")).count();
    assert_eq!(listed(storage), [key(2)]);
    assert_eq!(cycles(), 0);
    // One by itself, two, three, and tombstones that lead into a cycle or to nothing.
    for (from, to) in [(10, 10), (20, 21), (21, 20), (30, 31), (31, 32), (32, 30), (40, 30), (41, 40), (50, 51)] {
        plant(&path, &key(from), &key(to));
    }
    forget_the_index(&path);
    let storage: &dyn Storage = &quiet_file(&path);
    assert_eq!(listed(storage), [key(2)]);
    assert_eq!(cycles(), 1);
}

/// Half of the sessions are in the index, and half are not.
#[test]
fn a_page_has_sessions_from_before_the_index_too() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("sessions");
    let storage: &dyn Storage = &quiet_file(&path);
    for number in [1, 3, 5] {
        storage.create(&key(number), &ada(), NOW).unwrap();
    }
    forget_the_index(&path);
    let storage: &dyn Storage = &quiet_file(&path);
    for number in [2, 4, 6] {
        storage.create(&key(number), &ada(), NOW).unwrap();
    }
    let page = storage.find_page("ada", Some(key(1)), NonZeroUsize::new(4).unwrap(), NOW).unwrap();
    assert_eq!(page.iter().map(|found| found.key).collect::<Vec<_>>(), [key(2), key(3), key(4), key(5)]);
}

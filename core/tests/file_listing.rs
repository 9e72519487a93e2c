//! Listing a user's sessions on files: what it costs, and what it must not miss; with the index of principals, and in folders from
//! before it.
#![cfg(all(feature = "file", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use gsession::{
    BincodeCodec, Changes, Codec, CodecError, FileStorage, Limits, Record, Storage, StorageErrorKind, StoreKey,
    storage::{Moved, Removed, TOMBSTONE_LIFETIME},
};
use rustix::fs::FlockOperation;
use sha2::{Digest as _, Sha256};
use support::{NOW, PATIENCE, commit_at, key, log, quiet_file, record, wait_until};
use tempfile::TempDir;

fn ada() -> Record {
    let mut record = record(&[("a", "1")]);
    record.principal = Some("ada".into());
    record
}

fn listed(storage: &dyn Storage) -> Vec<StoreKey> {
    let mut keys: Vec<_> = storage.find("ada", NOW).unwrap().into_iter().map(|found| found.key).collect();
    keys.sort();
    keys
}

/// Makes the folder one from before the index: its lock files are empty.
fn forget_the_index(sessions: &Path) {
    for_each_lock(sessions, |lock| fs::File::options().write(true).open(lock).unwrap().set_len(0).unwrap());
}

/// Removes the index, and does something with the lock file of each sub-folder.
fn for_each_lock(sessions: &Path, change: fn(&Path)) {
    for sub in fs::read_dir(sessions).unwrap() {
        let sub = sub.unwrap().path();
        let _ = fs::remove_file(sub.join("principals"));
        let lock = sub.join("lock");
        if lock.exists() {
            change(&lock);
        }
    }
}

fn renew(storage: &dyn Storage, from: &StoreKey, to: &StoreKey) {
    let moved = storage.move_to(from, to, &commit_at(Changes::default(), NOW)).unwrap();
    assert!(matches!(moved, Moved::Done { .. }), "{moved:?}");
}

/// Read calls of this thread so far, by the kernel's count.
fn reads() -> u64 {
    let counts = fs::read_to_string("/proc/thread-self/io").expect("the kernel counts system calls");
    let count = counts.lines().find_map(|line| line.strip_prefix("syscr: ")).unwrap();
    count.parse().unwrap()
}

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

/// Holds up who decodes a record, once, until it is let go on.
#[derive(Debug, Clone, Default)]
struct Gate(Arc<(Mutex<(bool, bool)>, Condvar)>);

impl Gate {
    fn wait_for(&self, holds: impl Fn(&(bool, bool)) -> bool) {
        let (state, changed) = &*self.0;
        let waited = changed.wait_timeout_while(state.lock().unwrap(), PATIENCE, |state| !holds(state)).unwrap();
        assert!(!waited.1.timed_out(), "nobody came");
    }

    fn set(&self, change: impl FnOnce(&mut (bool, bool))) {
        change(&mut self.0.0.lock().unwrap());
        self.0.1.notify_all();
    }
}

impl Codec for Gate {
    fn encode(&self, record: &Record) -> Result<Vec<u8>, CodecError> {
        BincodeCodec.encode(record)
    }

    fn decode(&self, bytes: &[u8], limits: &Limits) -> Result<Record, CodecError> {
        self.set(|(reached, _)| *reached = true);
        self.wait_for(|(_, opened)| *opened);
        BincodeCodec.decode(bytes, limits)
    }
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

/// What listing costs is what the user has.
#[test]
fn sessions_of_others_are_not_read() {
    let folder = TempDir::new().unwrap();
    let storage: &dyn Storage = &quiet_file(&folder.path().join("sessions"));
    for number in 0..3 {
        storage.create(&key(number), &ada(), NOW).unwrap();
    }
    listed(storage);
    let cost = |storage: &dyn Storage| {
        let before = reads();
        assert_eq!(listed(storage).len(), 3);
        reads() - before
    };
    let before = cost(storage);
    for number in 3..=u8::MAX {
        let mut record = record(&[("a", "1")]);
        record.principal = Some(format!("user-{number}").into());
        storage.create(&key(number), &record, NOW).unwrap();
    }
    assert_eq!(cost(storage), before);
}

/// Until a sweep has noted them, the sessions of a folder from before the index are read; then they need not be.
#[test]
fn a_folder_from_before_the_index_misses_nobody_and_is_noted_by_a_sweep() {
    noted_by_a_sweep(|lock| fs::File::options().write(true).open(lock).unwrap().set_len(0).unwrap());
}

/// As the docs tell: a backup is restored without the lock files.
#[test]
fn a_restored_folder_misses_nobody_and_is_noted_by_a_sweep() {
    noted_by_a_sweep(|lock| fs::remove_file(lock).unwrap());
}

fn noted_by_a_sweep(forget: fn(&Path)) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("sessions");
    let storage: &dyn Storage = &quiet_file(&path);
    for number in 0..20 {
        storage.create(&key(number), &ada(), NOW).unwrap();
    }
    for_each_lock(&path, forget);
    let all: Vec<_> = (0..20).map(key).collect();
    let again: &dyn Storage = &quiet_file(&path);
    assert_eq!(listed(again), all);
    // New sessions are noted at once, also in sub-folders that are not.
    again.create(&key(30), &ada(), NOW).unwrap();
    assert_eq!(listed(again).len(), 21);
    again.sweep(NOW).unwrap();
    assert_eq!(listed(again).len(), 21);
    let third = quiet_file(&path);
    let before = reads();
    assert_eq!(listed(&third).len(), 21);
    let read = reads() - before;
    assert!(read <= 21 * 3 + 3, "{read} reads");
}

/// Of a user without sessions nothing is left, and of one with some nothing else.
#[test]
fn entries_without_a_session_are_removed_within_an_hour_of_sweeps() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("sessions");
    let storage: &dyn Storage = &quiet_file(&path);
    let buckets = || -> Vec<u64> {
        let subs = fs::read_dir(&path).unwrap().map(|sub| sub.unwrap().path().join("principals"));
        subs.filter_map(|bucket| Some(fs::metadata(bucket).ok()?.len())).collect()
    };
    for number in 0..10 {
        storage.create(&key(number), &ada(), NOW).unwrap();
    }
    renew(storage, &key(0), &key(100));
    assert_eq!(buckets(), [11 * 48]);
    for number in 2..10 {
        storage.remove(&key(number)).unwrap();
    }
    let hour = Duration::from_secs(60 * 60);
    storage.sweep(NOW).unwrap();
    assert_eq!(buckets(), [2 * 48], "of the renewed session only the new key is needed");
    assert_eq!(listed(storage), [key(1), key(100)]);
    storage.remove(&key(1)).unwrap();
    storage.remove(&key(100)).unwrap();
    storage.sweep(NOW + hour / 2).unwrap();
    storage.sweep(NOW + hour).unwrap();
    assert_eq!(buckets(), [0; 0]);
    storage.create(&key(1), &ada(), NOW).unwrap();
    assert_eq!(listed(storage), [key(1)]);
}

/// A login has noted its session, and waits for a lock before it makes it. What removes entries without a session must not remove
/// this one.
#[test]
fn an_entry_whose_session_is_being_made_stays() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("sessions");
    let storage = quiet_file(&path);
    // So that the sub-folder and its lock are there.
    Storage::create(&storage, &key(7), &record(&[]), NOW).unwrap();
    Storage::remove(&storage, &key(7)).unwrap();
    let lock = fs::File::options().write(true).open(path.join("07/lock")).unwrap();
    rustix::fs::flock(&lock, FlockOperation::LockExclusive).unwrap();
    let noted = || fs::read_dir(&path).unwrap().any(|sub| sub.unwrap().path().join("principals").exists());
    let login = std::thread::spawn({
        let storage = storage.clone();
        move || Storage::create(&storage, &key(7), &ada(), NOW).unwrap()
    });
    wait_until("the login has noted its session", noted);
    // It gives up on that part of the index, which the log says.
    let sweeper =
        FileStorage::builder(&path).lock_timeout(Duration::from_millis(1)).sweep_interval(Duration::MAX).build();
    Storage::sweep(&sweeper.unwrap(), NOW).unwrap();
    assert!(noted());
    drop(lock);
    login.join().unwrap();
    assert_eq!(listed(&storage), [key(7)]);
}

/// On a full disk half an entry may be written.
#[test]
fn half_an_entry_is_none_and_hides_none() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("sessions");
    let storage: &dyn Storage = &quiet_file(&path);
    storage.create(&key(1), &ada(), NOW).unwrap();
    let mut buckets = fs::read_dir(&path).unwrap().map(|sub| sub.unwrap().path().join("principals"));
    let bucket = buckets.find(|bucket| bucket.exists()).unwrap();
    let mut bytes = fs::read(&bucket).unwrap();
    bytes.extend_from_slice(&[0xa5; 20]);
    fs::write(&bucket, bytes).unwrap();
    assert_eq!(listed(storage), [key(1)]);
    storage.create(&key(2), &ada(), NOW).unwrap();
    assert_eq!(listed(storage), [key(1), key(2)]);
}

/// A session may have one principal after another.
#[test]
fn a_session_is_listed_as_that_of_its_principal_at_the_time() {
    let folder = TempDir::new().unwrap();
    let storage: &dyn Storage = &quiet_file(&folder.path().join("sessions"));
    storage.create(&key(1), &record(&[]), NOW).unwrap();
    for principal in [Some("ada"), Some("bob"), None, Some("ada")] {
        let mut changes = Changes::default();
        changes.set_principal(principal.map(Into::into));
        storage.commit(&key(1), &commit_at(changes, NOW)).unwrap();
        for name in ["ada", "bob"] {
            let is_listed = storage.find(name, NOW).unwrap().iter().any(|found| found.key == key(1));
            assert_eq!(is_listed, principal == Some(name), "{principal:?}, {name}");
        }
    }
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
    let cycles =
        || log::lines().iter().filter(|line| line.contains("form a cycle") && line.contains("cycles=3")).count();
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

//! The index of principals in files: that it misses nobody, whatever happens, and keeps nothing for ever.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use gsession::{Changes, FileStorage, Limits, Record, Storage, StoreKey};
use rustix::fs::FlockOperation;
use tempfile::TempDir;

use crate::support::{
    self, NOW, commit_at, key,
    listing::{Gate, ada, for_each_lock, forget_the_index, listed, reads, renew},
    quiet_file, record, setting, wait_until,
};

const HOUR: Duration = Duration::from_secs(60 * 60);

/// The lengths of the files of the index.
fn buckets(sessions: &Path) -> Vec<u64> {
    let subs = fs::read_dir(sessions).unwrap().map(|sub| sub.unwrap().path().join("principals"));
    subs.filter_map(|bucket| Some(fs::metadata(bucket).ok()?.len())).collect()
}

fn bucket_of_ada(sessions: &Path) -> std::path::PathBuf {
    let mut buckets = fs::read_dir(sessions).unwrap().map(|sub| sub.unwrap().path().join("principals"));
    buckets.find(|bucket| bucket.exists()).unwrap()
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
    for number in 0..10 {
        storage.create(&key(number), &ada(), NOW).unwrap();
    }
    renew(storage, &key(0), &key(100));
    assert_eq!(buckets(&path), [11 * 48]);
    for number in 2..10 {
        storage.remove(&key(number)).unwrap();
    }
    storage.sweep(NOW).unwrap();
    assert_eq!(buckets(&path), [2 * 48], "of the renewed session only the new key is needed");
    assert_eq!(listed(storage), [key(1), key(100)]);
    storage.remove(&key(1)).unwrap();
    storage.remove(&key(100)).unwrap();
    storage.sweep(NOW + HOUR / 2).unwrap();
    storage.sweep(NOW + HOUR).unwrap();
    assert_eq!(buckets(&path), [0; 0]);
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
    let bucket = bucket_of_ada(&path);
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

/// A listing of a folder from before the index is under way when a sweep notes what it has not come to yet.
#[test]
fn a_first_sweep_hides_nobody_from_a_listing() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("sessions");
    let other: &dyn Storage = &quiet_file(&path);
    for number in [100, 200] {
        other.create(&key(number), &ada(), NOW).unwrap();
    }
    forget_the_index(&path);
    let gate = Gate::default();
    let slow = FileStorage::builder(&path).codec(gate.clone()).sweep_interval(Duration::MAX).build().unwrap();
    let listing = std::thread::spawn(move || listed(&slow));
    gate.wait_for(|(reached, _)| *reached);
    other.sweep(NOW).unwrap();
    gate.set(|(_, opened)| *opened = true);
    assert_eq!(listing.join().unwrap(), [key(100), key(200)]);
}

/// A process with lower limits cannot note what it cannot read, so it must not say that all was noted.
#[test]
fn what_this_process_cannot_read_is_left_to_others() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("sessions");
    let roomy: &dyn Storage = &quiet_file(&path);
    let large = {
        let text = format!("\"{}\"", "x".repeat(200_000));
        let mut large = record(&[("a", &text)]);
        large.principal = Some("ada".into());
        large
    };
    roomy.create(&key(1), &large, NOW).unwrap();
    forget_the_index(&path);
    let limits = Limits::default().max_value_bytes(10_000).max_record_bytes(10_000);
    let strict = FileStorage::builder(&path).limits(limits).sweep_interval(Duration::MAX).build().unwrap();
    Storage::sweep(&strict, NOW).unwrap();
    assert_eq!(fs::metadata(path.join("01/lock")).unwrap().len(), 0);
    assert_eq!(listed(&quiet_file(&path)), [key(1)]);
    quiet_file(&path).sweep(NOW).unwrap();
    assert_eq!(fs::metadata(path.join("01/lock")).unwrap().len(), 1);
    assert_eq!(listed(&quiet_file(&path)), [key(1)]);
}

/// A power failure, a backup or an older build may have left sessions without an entry where all should have one.
#[test]
fn a_lost_entry_is_written_again_by_the_first_sweep_of_a_process_and_daily() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("sessions");
    let storage: &dyn Storage = &quiet_file(&path);
    storage.sweep(NOW).unwrap();
    storage.create(&key(1), &ada(), NOW).unwrap();
    let lose = || fs::remove_file(bucket_of_ada(&path)).unwrap();
    lose();
    assert_eq!(listed(storage), [], "the test would show nothing");
    quiet_file(&path).sweep(NOW).unwrap();
    assert_eq!(listed(storage), [key(1)]);
    lose();
    storage.touch(&key(1), &support::active(NOW + 23 * HOUR)).unwrap();
    storage.sweep(NOW + 23 * HOUR).unwrap();
    assert_eq!(listed(storage), []);
    storage.sweep(NOW + 24 * HOUR).unwrap();
    assert_eq!(listed(storage), [key(1)]);
}

#[test]
fn no_entry_is_written_twice_and_what_is_there_twice_or_half_is_removed() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("sessions");
    let forgetful = FileStorage::builder(&path).cache_bytes(0).sweep_interval(Duration::MAX).build().unwrap();
    let storage: &dyn Storage = &forgetful;
    storage.create(&key(1), &record(&[]), NOW).unwrap();
    for number in 0..10 {
        let mut changes = setting("n", &number.to_string());
        changes.set_principal(Some("ada".into()));
        storage.commit(&key(1), &commit_at(changes, NOW)).unwrap();
    }
    assert_eq!(buckets(&path), [48]);
    let entry = fs::read(bucket_of_ada(&path)).unwrap();
    fs::write(bucket_of_ada(&path), [&entry[..], &entry, &entry, &entry[..20]].concat()).unwrap();
    storage.sweep(NOW).unwrap();
    assert_eq!(buckets(&path), [48]);
    assert_eq!(listed(storage), [key(1)]);
}

/// As on a full disk: the index cannot be written, but what has expired goes.
#[test]
fn an_index_that_cannot_be_written_does_not_keep_sessions_from_being_swept() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("sessions");
    let storage: &dyn Storage = &quiet_file(&path);
    storage.create(&key(1), &ada(), NOW).unwrap();
    let bucket = bucket_of_ada(&path);
    let other = StoreKey::from_bytes({
        let mut bytes = *key(1).as_bytes();
        bytes[31] ^= 1;
        bytes
    });
    storage.create(&other, &Record::new(NOW, HOUR, None), NOW).unwrap();
    forget_the_index(&path);
    fs::create_dir(&bucket).unwrap();
    assert_eq!(storage.sweep(NOW + HOUR).unwrap().removed, 1);
    assert_eq!(fs::metadata(path.join("01/lock")).unwrap().len(), 0, "not all sessions there are noted");
    fs::remove_dir(&bucket).unwrap();
    assert_eq!(listed(storage), [key(1)]);
    storage.sweep(NOW + HOUR).unwrap();
    assert_eq!(fs::metadata(path.join("01/lock")).unwrap().len(), 1);
    assert_eq!(listed(storage), [key(1)]);
}

#[test]
fn what_cannot_be_looked_at_keeps_its_entry_and_no_other() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("sessions");
    let storage: &dyn Storage = &quiet_file(&path);
    for number in 1..4 {
        storage.create(&key(number), &ada(), NOW).unwrap();
    }
    storage.remove(&key(2)).unwrap();
    fs::rename(path.join("01"), folder.path().join("aside")).unwrap();
    fs::write(path.join("01"), "in the way").unwrap();
    storage.sweep(NOW).unwrap();
    assert_eq!(buckets(&path), [2 * 48]);
    fs::remove_file(path.join("01")).unwrap();
    fs::rename(folder.path().join("aside"), path.join("01")).unwrap();
    assert_eq!(listed(storage), [key(1), key(3)]);
}

/// What is known of one folder does not hold for the next one that the path leads to.
#[test]
fn another_folder_behind_the_link_is_looked_at_anew() {
    let folder = TempDir::new().unwrap();
    let (old, new, link) = (folder.path().join("old"), folder.path().join("new"), folder.path().join("sessions"));
    for number in [1, 2] {
        Storage::create(&quiet_file(&old), &key(number), &ada(), NOW).unwrap();
        Storage::create(&quiet_file(&new), &key(number + 10), &ada(), NOW).unwrap();
    }
    forget_the_index(&new);
    std::os::unix::fs::symlink(&old, &link).unwrap();
    let storage: &dyn Storage = &quiet_file(&link);
    assert_eq!(listed(storage), [key(1), key(2)]);
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(&new, &link).unwrap();
    fs::remove_dir_all(&old).unwrap();
    assert!(support::found(storage, &key(11), NOW).is_some());
    assert_eq!(listed(storage), [key(11), key(12)]);
}

/// Logins and renewals, while others compact the index all the time.
#[test]
fn nobody_is_lost_while_the_index_is_compacted() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("sessions");
    let is_over = AtomicBool::new(false);
    let numbered = |thread: u8, number: u8| {
        let mut bytes = [thread; 32];
        bytes[..2].copy_from_slice(&[number.wrapping_mul(37), number]);
        StoreKey::from_bytes(bytes)
    };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let storage: &dyn Storage = &quiet_file(&path);
                // A clock that is set back does not delay it, so it is due every time.
                for turn in 0_u32.. {
                    storage.sweep(NOW + HOUR * (turn % 2)).unwrap();
                    if is_over.load(Ordering::Relaxed) {
                        break;
                    }
                }
            });
        }
        let workers: Vec<_> = (1..5)
            .map(|thread| {
                let path = &path;
                scope.spawn(move || {
                    let storage: &dyn Storage = &quiet_file(path);
                    for number in 0..60 {
                        storage.create(&numbered(thread, number), &ada(), NOW).unwrap();
                        assert!(listed(storage).contains(&numbered(thread, number)));
                        if number % 3 == 0 {
                            renew(storage, &numbered(thread, number), &numbered(thread, 100 + number));
                            assert!(listed(storage).contains(&numbered(thread, 100 + number)));
                        } else if number % 3 == 1 {
                            storage.remove(&numbered(thread, number)).unwrap();
                        }
                    }
                })
            })
            .collect();
        workers.into_iter().for_each(|worker| worker.join().unwrap());
        is_over.store(true, Ordering::Relaxed);
    });
    assert_eq!(listed(&quiet_file(&path)).len(), 4 * 40);
}

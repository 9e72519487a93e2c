//! Appending against everything that gives a session's file another name or takes it away: forced interleavings, and threads
//! that do at random whatever they can.

use std::{
    collections::BTreeMap,
    fs::{self, File, Permissions},
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use gsession::{
    BincodeCodec, Changes, FileStorage, Storage, StorageErrorKind, StoreKey,
    storage::{Access, Committed, Created, Lookup, Moved, Removed},
};
use rustix::fs::FlockOperation;
use tempfile::TempDir;

use crate::support::{self, NOW, commit_at, found, key, quiet_file, record, setting, stored, wait_until, waits};

/// A folder with a session under `key(1)`, which this process knows.
struct Place {
    folder: TempDir,
    storage: FileStorage,
}

impl Place {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let storage = quiet_file(&folder.path().join("sessions"));
        Storage::create(&storage, &key(1), &record(&[("n", "1")]), NOW).unwrap();
        // Older than the tick of the clock in which it was created.
        std::thread::sleep(Duration::from_millis(50));
        assert!(found(&storage, &key(1), NOW).is_some());
        Self { folder, storage }
    }

    fn sessions(&self) -> PathBuf {
        self.folder.path().join("sessions")
    }

    fn file(&self) -> PathBuf {
        file(&self.sessions(), &key(1))
    }

    /// What a storage in another folder makes of a copy of the session.
    fn elsewhere(&self, change: impl FnOnce(&dyn Storage)) -> (TempDir, PathBuf) {
        let folder = TempDir::new().unwrap();
        let storage = quiet_file(folder.path());
        let copy = file(folder.path(), &key(1));
        fs::create_dir(copy.parent().unwrap()).unwrap();
        fs::copy(self.file(), &copy).unwrap();
        change(&storage);
        (folder, copy)
    }

    /// Commits `m` = 1 while the test holds the lock of the session's file, as another process does in the middle of something,
    /// and does `meanwhile`. Returns the answer.
    fn commit_behind(&self, name: &str, meanwhile: impl FnOnce(&File)) -> Committed {
        let held = File::open(self.file()).unwrap();
        rustix::fs::flock(&held, FlockOperation::LockExclusive).unwrap();
        let storage = self.storage.clone();
        let thread = std::thread::Builder::new().name(name.to_owned());
        let commit = move || Storage::commit(&storage, &key(1), &commit_at(setting("m", "1"), NOW)).unwrap();
        let commit = thread.spawn(commit).unwrap();
        // It has opened the file, and tries again and again to lock it.
        wait_until("it waits for the lock", || waits(name) >= 3);
        meanwhile(&held);
        drop(held);
        commit.join().unwrap()
    }

    fn stored(&self) -> Option<Vec<(String, String)>> {
        let seen = stored(&self.storage, &key(1), NOW);
        assert_eq!(stored(&quiet_file(&self.sessions()), &key(1), NOW), seen, "what another process sees");
        seen
    }
}

fn file(sessions: &Path, key: &StoreKey) -> PathBuf {
    let name = key.to_string();
    sessions.join(&name[..2]).join(name)
}

fn list(entries: &[(&str, &str)]) -> Option<Vec<(String, String)>> {
    Some(entries.iter().map(|&(key, json)| (key.to_owned(), json.to_owned())).collect())
}

fn is_done(committed: &Committed) -> bool {
    matches!(committed, Committed::Done { .. })
}

#[test]
fn an_append_behind_a_rewrite_goes_to_the_new_file() {
    let place = Place::new();
    let long = format!("\"{}\"", "x".repeat(5_000));
    let (_elsewhere, new) = place.elsewhere(|storage| {
        assert!(is_done(&storage.commit(&key(1), &commit_at(setting("long", &long), NOW)).unwrap()));
    });
    let committed = place.commit_behind("rewritten", |_| fs::rename(&new, place.file()).unwrap());
    assert!(is_done(&committed));
    assert_eq!(place.stored(), list(&[("long", &long), ("m", "1"), ("n", "1")]));
}

/// A file that a backup has linked does not lose its last name when it is replaced.
#[test]
fn an_append_behind_the_rewrite_of_a_linked_file_goes_to_the_new_file() {
    let place = Place::new();
    let backup = place.folder.path().join("backup");
    let (_elsewhere, new) = place.elsewhere(|storage| {
        assert!(is_done(&storage.commit(&key(1), &commit_at(setting("n", "2"), NOW)).unwrap()));
    });
    let committed = place.commit_behind("linked", |held| {
        fs::hard_link(place.file(), &backup).unwrap();
        // What a storage does before it replaces such a file.
        held.set_permissions(Permissions::from_mode(0o400)).unwrap();
        fs::rename(&new, place.file()).unwrap();
    });
    assert!(is_done(&committed));
    assert_eq!(place.stored(), list(&[("m", "1"), ("n", "2")]));
}

/// The storage does so, whoever replaces or removes the file.
#[test]
fn a_linked_file_is_made_read_only_before_it_loses_its_name() {
    type Change = fn(&FileStorage);
    let changes: [(&str, Change); 3] = [
        ("a commit", |storage| {
            assert!(is_done(&Storage::commit(storage, &key(1), &commit_at(setting("n", "2"), NOW)).unwrap()))
        }),
        ("a removal", |storage| assert_eq!(Storage::remove(storage, &key(1)).unwrap(), Removed::Done)),
        ("a move", |storage| {
            let moved = Storage::move_to(storage, &key(1), &key(2), &commit_at(Changes::default(), NOW)).unwrap();
            assert!(matches!(moved, Moved::Done { .. }));
        }),
    ];
    for (what, change) in changes {
        let place = Place::new();
        let backup = place.folder.path().join("backup");
        fs::hard_link(place.file(), &backup).unwrap();
        change(&place.storage);
        assert_eq!(fs::metadata(&backup).unwrap().permissions().mode() & 0o777, 0o400, "{what}");
    }
}

#[test]
fn an_append_behind_a_removal_is_refused() {
    let place = Place::new();
    let committed = place.commit_behind("removed", |_| fs::remove_file(place.file()).unwrap());
    assert!(matches!(committed, Committed::Gone), "{committed:?}");
    assert_eq!(place.stored(), None);
    assert!(!place.file().exists());
}

#[test]
fn an_append_behind_a_move_is_refused() {
    let place = Place::new();
    let (_elsewhere, tombstone) = place.elsewhere(|storage| {
        let moved = storage.move_to(&key(1), &key(2), &commit_at(Changes::default(), NOW)).unwrap();
        assert!(matches!(moved, Moved::Done { .. }));
    });
    let committed = place.commit_behind("moved", |_| fs::rename(&tombstone, place.file()).unwrap());
    assert!(matches!(committed, Committed::Renewed(at) if at == NOW), "{committed:?}");
}

#[test]
fn an_append_behind_another_one_loses_nothing() {
    let place = Place::new();
    let before = fs::read(place.file()).unwrap();
    let (_elsewhere, longer) = place.elsewhere(|storage| {
        assert!(is_done(&storage.commit(&key(1), &commit_at(setting("l", "1"), NOW)).unwrap()));
    });
    let longer = fs::read(longer).unwrap();
    let committed = place.commit_behind("appended", |_| {
        let mut file = File::options().append(true).open(place.file()).unwrap();
        file.write_all(&longer[before.len()..]).unwrap();
    });
    assert!(is_done(&committed));
    assert_eq!(place.stored(), list(&[("l", "1"), ("m", "1"), ("n", "1")]));
}

/// A process was killed in the middle of its append.
#[test]
fn an_append_behind_half_a_frame_loses_nothing_else() {
    let place = Place::new();
    let before = fs::read(place.file()).unwrap();
    let (_elsewhere, longer) = place.elsewhere(|storage| {
        assert!(is_done(&storage.commit(&key(1), &commit_at(setting("l", "1"), NOW)).unwrap()));
    });
    let longer = fs::read(longer).unwrap();
    let committed = place.commit_behind("half", |_| {
        let mut file = File::options().append(true).open(place.file()).unwrap();
        file.write_all(&longer[before.len()..longer.len() - 1]).unwrap();
    });
    assert!(is_done(&committed));
    assert_eq!(place.stored(), list(&[("m", "1"), ("n", "1")]));
}

/// A removal waits for an append that goes on, and fails if that takes too long: no false success.
#[test]
fn who_takes_a_name_away_waits_for_appends() {
    let place = Place::new();
    let builder = FileStorage::builder(place.sessions()).lock_timeout(Duration::from_millis(30));
    let storage: &dyn Storage = &builder.sweep_interval(Duration::MAX).build().unwrap();
    let held = File::open(place.file()).unwrap();
    rustix::fs::flock(&held, FlockOperation::LockExclusive).unwrap();
    let timeout = |kind: Option<StorageErrorKind>, what: &str| {
        assert_eq!(kind, Some(StorageErrorKind::Timeout), "{what}");
    };
    let commit = commit_at(setting("m", "1"), NOW);
    let long = commit_at(setting("m", &format!("\"{}\"", "x".repeat(5_000))), NOW);
    timeout(storage.remove(&key(1)).err().map(|error| error.kind()), "a removal");
    timeout(storage.move_to(&key(1), &key(2), &commit).err().map(|error| error.kind()), "a move");
    timeout(storage.commit(&key(1), &commit).err().map(|error| error.kind()), "an append");
    timeout(storage.commit(&key(1), &long).err().map(|error| error.kind()), "a rewrite");
    // Readers do not wait, and a thread that must not wait does not.
    assert!(storage.commit_cached(&key(1), &commit).is_none());
    assert_eq!(stored(storage, &key(1), NOW), list(&[("n", "1")]));
    drop(held);
    assert_eq!(storage.remove(&key(1)).unwrap(), Removed::Done);
}

/// What this process knows of a session does not outlast what another does to it, however fast that goes. Contents are equally
/// long, so that only the identity of the file tells them apart.
#[test]
fn what_another_process_does_is_seen_at_once() {
    let place = Place::new();
    let other: &dyn Storage = &quiet_file(&place.sessions());
    for round in 0..200_u32 {
        let n = (1000 + round).to_string();
        let expected = list(&[("n", &n)]);
        match round % 4 {
            0 => assert!(is_done(&other.commit(&key(1), &commit_at(setting("n", &n), NOW)).unwrap())),
            1 => {
                assert_eq!(other.remove(&key(1)).unwrap(), Removed::Done);
                assert_eq!(other.create(&key(1), &record(&[("n", &n)]), NOW).unwrap(), Created::Done);
            }
            2 => {
                assert_eq!(other.remove(&key(1)).unwrap(), Removed::Done);
                assert_eq!(stored(&place.storage, &key(1), NOW), None, "round {round}");
                assert_eq!(other.create(&key(1), &record(&[("n", &n)]), NOW).unwrap(), Created::Done);
            }
            _ => {
                // Another file takes the number of the inode.
                assert_eq!(other.create(&key(2), &record(&[("n", "0000")]), NOW).unwrap(), Created::Done);
                assert_eq!(other.remove(&key(1)).unwrap(), Removed::Done);
                let moved = other.move_to(&key(2), &key(1), &commit_at(setting("n", &n), NOW)).unwrap();
                assert!(matches!(moved, Moved::Done { .. }), "{moved:?}");
                fs::remove_file(file(&place.sessions(), &key(2))).unwrap();
            }
        }
        assert_eq!(stored(&place.storage, &key(1), NOW), expected, "round {round}");
        if round % 16 == 0 {
            // Older than a tick, so that it is kept in memory now and then.
            std::thread::sleep(Duration::from_millis(30));
            assert_eq!(stored(&place.storage, &key(1), NOW), expected, "round {round}");
        }
    }
    // A touch by another process changes the file's time alone.
    let later = NOW + Duration::from_secs(60);
    let touching = quiet_file(&place.sessions());
    Storage::touch(&touching, &key(1), &support::active(later)).unwrap();
    // It writes its touches at the end.
    drop(touching);
    assert_eq!(found(&place.storage, &key(1), NOW).unwrap().record.last_seen, later);
}

/// The kernel gives the number of an inode away again at once, and its clock ticks every few milliseconds. So a file that is
/// replaced twice may have the number and the time of birth that it had before.
#[test]
fn a_file_with_the_inode_of_a_former_one_is_another_one() {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = folder.path().join("sessions");
    let reader = quiet_file(&path);
    // With a codec of its own, if only by name, it replaces the file at each commit.
    let writer = FileStorage::builder(&path).codec(BincodeCodec).sweep_interval(Duration::MAX).build().unwrap();
    Storage::create(&writer, &key(1), &record(&[("n", "1000")]), NOW).unwrap();
    for n in 1001..1201_u32 {
        let commit = commit_at(setting("n", &n.to_string()), NOW);
        assert!(is_done(&Storage::commit(&writer, &key(1), &commit).unwrap()));
        if n % 2 == 0 {
            assert_eq!(stored(&reader, &key(1), NOW), list(&[("n", &n.to_string())]));
        }
    }
}

/// A small generator, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    }
}

fn seed() -> u64 {
    let given = std::env::var("GSESSION_SEED").ok().map(|seed| seed.parse().unwrap());
    given.unwrap_or_else(|| std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64 | 1)
}

/// Six threads over two storages, as in two processes, write to one session, append and rewrite, read and sweep, until one of them
/// moves or removes it. What was acknowledged before is there or has moved, and nothing is stored afterwards.
#[test]
fn nothing_acknowledged_is_lost_and_nothing_comes_back() {
    const ROUNDS: u64 = 60;
    const THREADS: u64 = 6;
    let seed = seed();
    println!("GSESSION_SEED={seed}");
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("sessions");
    let storages = [quiet_file(&path), quiet_file(&path)];
    for round in 0..ROUNDS {
        let mut choice = Random(seed.wrapping_add(round * 7919) | 1);
        let (old, new) = (numbered(2 * round), numbered(2 * round + 1));
        Storage::create(&storages[0], &old, &record(&[]), NOW).unwrap();
        let (ended, barrier) = (AtomicBool::new(false), Barrier::new(THREADS as usize + 1));
        let acknowledged = Mutex::new(BTreeMap::new());
        let moves = choice.below(2) == 0;
        let delay = Duration::from_micros(choice.below(3_000));
        let worker = |thread: u64| {
            let storage: &dyn Storage = &storages[(thread % 2) as usize];
            let mut random = Random((seed ^ (round << 20) ^ (thread << 40)) | 1);
            barrier.wait();
            for step in 0.. {
                let had_ended = ended.load(Ordering::SeqCst);
                let (entry, value) = (format!("{thread}-{}", random.below(4)), step.to_string());
                match random.below(10) {
                    0 => drop(storage.sweep(NOW).unwrap()),
                    1 | 2 => {
                        let lookup = storage.load(&old, &Access::passive(NOW)).unwrap();
                        assert!(!(had_ended && matches!(lookup, Lookup::Found(_))), "it is back, round {round}");
                    }
                    kind => {
                        let length = if kind == 3 { 3_000 } else { 0 };
                        let mut changes = setting(&entry, &value);
                        changes.set("filler", format!("\"{}\"", "x".repeat(length)));
                        let commit = commit_at(changes, NOW);
                        let at_once = if kind > 6 { storage.commit_cached(&old, &commit) } else { None };
                        match at_once.map_or_else(|| storage.commit(&old, &commit), Ok).unwrap() {
                            Committed::Done { .. } => {
                                assert!(!had_ended, "a commit after the end, round {round}");
                                acknowledged.lock().unwrap().insert(entry, value);
                            }
                            Committed::Gone | Committed::Renewed(_) => {}
                            other => panic!("{other:?}"),
                        }
                    }
                }
                if had_ended && step > 20 {
                    break;
                }
            }
        };
        std::thread::scope(|scope| {
            (0..THREADS).for_each(|thread| drop(scope.spawn(move || worker(thread))));
            barrier.wait();
            std::thread::sleep(delay);
            let storage: &dyn Storage = &storages[1];
            if moves {
                let moved = storage.move_to(&old, &new, &commit_at(Changes::default(), NOW)).unwrap();
                assert!(matches!(moved, Moved::Done { .. }), "{moved:?}");
            } else {
                assert_eq!(storage.remove(&old).unwrap(), Removed::Done);
            }
            ended.store(true, Ordering::SeqCst);
        });
        for storage in &storages {
            assert_eq!(stored(storage, &old, NOW), None, "round {round}");
            let held = stored(storage, &new, NOW).map(BTreeMap::from_iter);
            assert_eq!(held.is_some(), moves, "round {round}");
            let Some(mut held) = held else { continue };
            held.remove("filler");
            assert_eq!(held, *acknowledged.lock().unwrap(), "round {round}: what was acknowledged is what has moved");
        }
    }
}

/// All in one sub-folder, or in several.
fn numbered(number: u64) -> StoreKey {
    let mut bytes = [0xa5; 32];
    bytes[0] = (number % 3) as u8;
    bytes[24..].copy_from_slice(&number.to_be_bytes());
    StoreKey::from_bytes(bytes)
}

/// Atomic updates of one counter by threads of two storages, while the file is rewritten all the time.
#[test]
fn counters_are_exact() {
    const THREADS: u64 = 6;
    const EACH: u64 = 60;
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("sessions");
    let storages = Arc::new([quiet_file(&path), quiet_file(&path)]);
    Storage::create(&storages[0], &key(1), &record(&[("n", "0")]), NOW).unwrap();
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let storages = Arc::clone(&storages);
            std::thread::spawn(move || {
                let storage: &dyn Storage = &storages[(thread % 2) as usize];
                for step in 0..EACH {
                    let mut n = "0".to_owned();
                    loop {
                        let next = (n.parse::<u64>().unwrap() + 1).to_string();
                        let mut changes = setting("n", &next);
                        if step % 8 == 0 {
                            changes.set("filler", format!("\"{}\"", "x".repeat(2_500)));
                        }
                        match storage.commit(&key(1), &commit_at(changes, NOW).expecting("n", Some(&n))).unwrap() {
                            Committed::Done { .. } => break,
                            Committed::Conflict(current) => n = current.unwrap().as_str().to_owned(),
                            other => panic!("{other:?}"),
                        }
                    }
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let held: BTreeMap<_, _> = stored(&storages[0], &key(1), NOW).unwrap().into_iter().collect();
    assert_eq!(held["n"], (THREADS * EACH).to_string());
}

//! What is in the page cache is read on the spot; for everything else the request goes by way of the thread pool.

use std::{
    fs::File,
    os::unix::fs::{FileExt as _, PermissionsExt, symlink},
    path::{Path, PathBuf},
    sync::mpsc,
    time::Duration,
};

use futures::FutureExt as _;
use gsession::{
    AnyStorage, FileStorage, Record, Storage, StoreKey,
    storage::{Access, Committed, Lookup, file::Durability},
};
use rustix::fs::{Advice, FlockOperation, fadvise};
use tempfile::TempDir;

use crate::support::{IDLE, NOW, active, commit_at, entries, key, quiet_file, setting};

/// Bytes above which a file is not read on the thread of a request.
const LARGE: usize = 64 * 1024;

/// A storage with one session, and the file of that.
struct Place {
    folder: TempDir,
    storage: FileStorage,
    key: StoreKey,
}

impl Place {
    fn new() -> Self {
        Self::holding(&entries(&[("user", "\"ada\"")]))
    }

    fn holding(entries: &gsession::Entries) -> Self {
        // On a disk, which the usual place for temporary files may not be.
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let storage = quiet_file(&folder.path().join("sessions"));
        let mut record = Record::new(NOW, IDLE, None);
        record.entries = entries.clone();
        let place = Self { folder, storage, key: key(1) };
        Storage::create(&place.storage, &place.key, &record, NOW).unwrap();
        place
    }

    fn file(&self) -> PathBuf {
        let name = self.key.to_string();
        self.folder.path().join("sessions").join(&name[..2]).join(name)
    }

    fn at_once(&self) -> Option<Lookup> {
        self.at_once_with(&Access::passive(NOW))
    }

    fn at_once_with(&self, access: &Access) -> Option<Lookup> {
        self.storage.load_cached(&self.key, access)
    }
}

fn user(lookup: Lookup) -> Option<String> {
    let Lookup::Found(snapshot) = lookup else { return None };
    snapshot.record.entries.get("user").map(|text| String::from_utf8_lossy(text.as_bytes()).into_owned())
}

/// Runs `test` with one thread for what blocks, which is busy until the function that `test` is given is called.
fn with_a_busy_pool<T>(test: impl AsyncFnOnce(&dyn Fn()) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
    let (release, busy) = mpsc::channel::<()>();
    runtime.block_on(async {
        tokio::task::spawn_blocking(move || busy.recv());
        test(&move || release.send(()).unwrap()).await
    })
}

/// Takes a file out of the page cache.
fn evict(path: &Path) {
    let file = File::options().read(true).write(true).open(path).unwrap();
    file.sync_all().unwrap();
    fadvise(&file, 0, None, Advice::DontNeed).unwrap();
}

#[test]
fn what_is_in_memory_needs_no_other_thread() {
    let place = Place::new();
    let storage = AnyStorage::new(place.storage.clone());
    with_a_busy_pool(async |_| {
        for _ in 0..2 {
            let loaded = storage.load(&place.key, &Access::passive(NOW)).now_or_never();
            assert_eq!(
                user(
                    loaded
                        .expect("read at once, which needs Linux 5.12 and a sandbox that lets openat2 through")
                        .unwrap()
                )
                .as_deref(),
                Some("\"ada\"")
            );
            let fetched = storage.fetch(&place.key, &["user"], &Access::passive(NOW)).now_or_never();
            assert_eq!(
                user(
                    fetched
                        .expect("read at once, which needs Linux 5.12 and a sandbox that lets openat2 through")
                        .unwrap()
                )
                .as_deref(),
                Some("\"ada\"")
            );
        }
    });
}

#[test]
fn what_is_on_disk_only_is_read_by_another_thread() {
    let place = Place::new();
    let storage = AnyStorage::new(place.storage.clone());
    with_a_busy_pool(async |release| {
        let access = Access::passive(NOW);
        // The system may have its reasons to keep a file in memory, but not always.
        for _ in 0..100 {
            evict(&place.file());
            let load = storage.load(&place.key, &access);
            futures::pin_mut!(load);
            if futures::poll!(&mut load).is_pending() {
                release();
                assert_eq!(user(load.await.unwrap()).as_deref(), Some("\"ada\""));
                return;
            }
        }
        panic!("{} keeps everything in memory, as no disk does", place.folder.path().display());
    });
    // And now it is in memory.
    assert_eq!(place.at_once().and_then(user).as_deref(), Some("\"ada\""));
}

#[test]
fn a_large_session_is_not_decoded_on_the_thread_of_the_request() {
    let text = |bytes: usize| format!("\"{}\"", "x".repeat(bytes));
    let small = Place::holding(&entries(&[("user", &text(LARGE - 1_000))]));
    assert!(small.at_once().is_some());
    let large = Place::holding(&entries(&[("user", &text(LARGE))]));
    assert!(large.at_once().is_none());
}

#[test]
fn a_commit_that_need_not_wait_needs_no_other_thread() {
    let place = Place::new();
    let storage = AnyStorage::new(place.storage.clone());
    with_a_busy_pool(async |_| {
        // The disk may be slow now and then, but not always.
        let is_done_at_once = |number: u32| {
            let commit = commit_at(setting("user", &format!("\"ada {number}\"")), NOW);
            let Some(committed) = storage.commit(&place.key, &commit).now_or_never() else {
                std::thread::sleep(Duration::from_millis(300));
                return false;
            };
            assert!(matches!(committed.unwrap(), Committed::Done { .. }));
            assert_eq!(place.at_once().and_then(user), Some(format!("\"ada {number}\"")));
            true
        };
        assert!((0..100).filter(|number| is_done_at_once(*number)).take(20).count() == 20);
    });
}

#[test]
fn a_commit_that_waits_for_another_process_is_made_by_another_thread() {
    let place = Place::new();
    let storage = AnyStorage::new(place.storage.clone());
    let held = File::open(place.file()).unwrap();
    rustix::fs::flock(&held, FlockOperation::LockExclusive).unwrap();
    with_a_busy_pool(async |release| {
        let commit = commit_at(setting("user", "\"eve\""), NOW);
        let commit = storage.commit(&place.key, &commit);
        futures::pin_mut!(commit);
        assert!(futures::poll!(&mut commit).is_pending());
        release();
        drop(held);
        assert!(matches!(commit.await.unwrap(), Committed::Done { .. }));
    });
    assert_eq!(place.at_once().and_then(user).as_deref(), Some("\"eve\""));
}

#[test]
fn a_commit_that_replaces_the_file_is_made_by_another_thread() {
    let place = Place::new();
    let long = commit_at(setting("user", &format!("\"{}\"", "x".repeat(5_000))), NOW);
    assert!(place.storage.commit_cached(&place.key, &long).is_none());
    let sessions = place.folder.path().join("sessions");
    let durable = FileStorage::builder(&sessions).durability(Durability::Commit).build().unwrap();
    let short = commit_at(setting("user", "\"eve\""), NOW);
    assert!(durable.commit_cached(&place.key, &short).is_none(), "a commit that is synced waits for the disk");
    assert_eq!(place.at_once().and_then(user).as_deref(), Some("\"ada\""), "nothing was changed");
    // What has gone is left to the ordinary way, too.
    let _ = Storage::remove(&place.storage, &place.key).unwrap();
    assert!(place.storage.commit_cached(&place.key, &short).is_none());
}

#[test]
fn a_touch_at_once_is_a_touch() {
    let place = Place::new();
    let later = NOW + IDLE / 2;
    let access = active(later);
    let Some(Lookup::Found(snapshot)) = place.at_once_with(&access) else { panic!("it is in memory") };
    assert!(snapshot.extended);
    assert_eq!(snapshot.record.last_seen, later);
    let Lookup::Found(snapshot) = Storage::load(&place.storage, &place.key, &Access::passive(later)).unwrap() else {
        panic!("it lives")
    };
    assert_eq!(snapshot.record.last_seen, later);
}

#[test]
fn what_has_ended_is_not_found_at_once_either() {
    let place = Place::new();
    let late = Access::passive(NOW + IDLE);
    assert!(matches!(place.at_once_with(&late), None | Some(Lookup::Absent)));
    let _ = Storage::remove(&place.storage, &place.key).unwrap();
    assert!(matches!(place.at_once(), None | Some(Lookup::Absent)));
}

#[test]
fn what_is_out_of_the_ordinary_is_left_to_the_ordinary_way() {
    // A link to a sound session.
    let place = Place::new();
    let aside = place.folder.path().join("aside");
    std::fs::rename(place.file(), &aside).unwrap();
    symlink(&aside, place.file()).unwrap();
    assert!(place.at_once().is_none());
    assert!(matches!(Storage::load(&place.storage, &place.key, &Access::passive(NOW)).unwrap(), Lookup::Absent));

    // A folder that is a link to a sound one.
    let place = Place::new();
    let sub = place.file().parent().unwrap().to_owned();
    let aside = place.folder.path().join("aside");
    std::fs::rename(&sub, &aside).unwrap();
    symlink(&aside, &sub).unwrap();
    assert!(place.at_once().is_none());
    assert!(Storage::load(&place.storage, &place.key, &Access::passive(NOW)).is_err());

    // A folder in the place of the file, and a pipe.
    let place = Place::new();
    std::fs::remove_file(place.file()).unwrap();
    std::fs::create_dir(place.file()).unwrap();
    assert!(place.at_once().is_none());
    std::fs::remove_dir(place.file()).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, place.file(), rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).unwrap();
    assert!(place.at_once().is_none());

    // A damaged file is no session, whichever way it is read.
    let place = Place::new();
    File::options().write(true).open(place.file()).unwrap().write_at(b"!", 40).unwrap();
    assert!(matches!(place.at_once(), None | Some(Lookup::Absent)));

    // Nobody may read it: an error, which only the ordinary way can give. (Root may read anything.)
    let place = Place::new();
    std::fs::set_permissions(place.file(), PermissionsExt::from_mode(0o000)).unwrap();
    assert!(place.at_once().is_none() || rustix::process::geteuid().is_root());

    // The whole folder is gone, and another process has made it anew.
    let place = Place::new();
    let sessions = place.folder.path().join("sessions");
    std::fs::remove_dir_all(&sessions).unwrap();
    assert!(place.at_once().is_none());
    let other = quiet_file(&sessions);
    let record = Record::new(NOW, IDLE, None);
    Storage::create(&other, &place.key, &record, NOW).unwrap();
    assert!(place.at_once().is_none(), "the old folder has nothing");
    assert!(matches!(Storage::load(&place.storage, &place.key, &Access::passive(NOW)).unwrap(), Lookup::Found(_)));
    assert!(place.at_once().is_some(), "from then on it is the new one");
}

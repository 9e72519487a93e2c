//! Things in the way of the file storage, and files that are not what they seem (R17, R18, R20).
#![cfg(all(feature = "file", unix))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::{
    fs::{self, File, FileTimes, Permissions},
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _, chown, symlink},
        net::UnixListener,
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    sync::mpsc,
    time::SystemTime,
};

use gsession::{
    Changes, ClientInfo, Delivery, FileStorage, Manager, Saved, SessionId, Storage, StorageError, StorageErrorKind,
    StoreKey,
    storage::{Committed, Created, Lookup, Moved, Removed, Touched},
};
use rustix::fs::{CWD, FileType, Mode};
use sha2::{Digest as _, Sha256};
use support::{IDLE, NOW, PATIENCE, active, child, commit_at, found, key, quiet_file, record, setting, stored};
use tempfile::TempDir;

/// A folder for one test; the sessions are in a folder in it.
struct Ground {
    folder: TempDir,
}

impl Ground {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn sessions(&self) -> PathBuf {
        self.path("sessions")
    }

    fn storage(&self) -> Box<dyn Storage> {
        Box::new(quiet_file(&self.sessions()))
    }

    /// Where the storage puts a session.
    fn file(&self, key: &StoreKey) -> PathBuf {
        let name = key.to_string();
        self.sessions().join(&name[..2]).join(name)
    }

    /// The same, with its folder made.
    fn place(&self, key: &StoreKey) -> PathBuf {
        let file = self.file(key);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        file
    }
}

/// An operation that would wait for a pipe fails the test instead of holding it up.
fn in_time<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    let (tell, told) = mpsc::channel();
    let running = std::thread::spawn(move || tell.send(run()));
    match told.recv_timeout(PATIENCE) {
        Ok(answer) => answer,
        Err(mpsc::RecvTimeoutError::Disconnected) => panic!("it panicked: {:?}", running.join().err().map(drop)),
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("it waits for something in its way"),
    }
}

/// An error with everything that caused it, as a log shows it.
fn text(error: &StorageError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

fn refused(path: &Path) -> String {
    let error = FileStorage::open(path).expect_err("it must be refused");
    assert_eq!(error.kind(), StorageErrorKind::Setup, "{}", text(&error));
    text(&error)
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

fn age(path: &Path, modified: SystemTime) {
    File::options().write(true).open(path).unwrap().set_times(FileTimes::new().set_modified(modified)).unwrap();
}

fn pipe(path: &Path) {
    rustix::fs::mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR).unwrap();
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

// The modes of files and folders.

/// In the child: makes files and folders in every way there is.
fn make_everything(sessions: &Path) {
    let storage: &dyn Storage = &quiet_file(sessions);
    for number in 0..3 {
        storage.create(&key(number), &record(&[("a", "1")]), NOW).unwrap();
        let commit = commit_at(setting("b", "2"), NOW);
        assert!(matches!(storage.commit(&key(number), &commit).unwrap(), Committed::Done { .. }));
        let moved = storage.move_to(&key(number), &key(100 + number), &commit).unwrap();
        assert!(matches!(moved, Moved::Done { .. }));
        assert!(found(storage, &key(100 + number), NOW).is_some());
    }
}

fn assert_private(sessions: &Path) {
    assert_eq!(mode(sessions), 0o700, "{}", sessions.display());
    let mut files = 0;
    for sub in fs::read_dir(sessions).unwrap() {
        let sub = sub.unwrap().path();
        assert_eq!(mode(&sub), 0o700, "{}", sub.display());
        for file in fs::read_dir(&sub).unwrap() {
            let file = file.unwrap().path();
            assert_eq!(mode(&file), 0o600, "{}", file.display());
            files += 1;
        }
    }
    // Three sessions, three tombstones, and a lock for each sub-folder.
    assert_eq!(files, 12);
}

/// The umask is one for the whole process, so another process has it. The permissions of root would hide a mistake.
fn is_private_under(umask: &str, name: &str) {
    match child::role() {
        None => {
            let ground = Ground::new();
            let with_umask = format!("umask {umask} && exec \"$0\" \"$@\"");
            unprivileged(&ground, &["sh", "-c", &with_umask], name);
            assert_private(&ground.sessions());
        }
        Some(folder) => make_everything(&Path::new(&folder).join("sessions")),
    }
}

/// Runs the test `name` in another process as a user who is not root, with the ground as its folder.
fn unprivileged(ground: &Ground, words: &[&str], name: &str) {
    const NOBODY: u32 = 65_534;
    let folder = ground.folder.path();
    // The binary may lie where only its owner can reach it.
    let binary = ground.path("test");
    // By another process: whatever another thread starts meanwhile would inherit the open file, and a file that is open for
    // writing cannot be run.
    let copied = std::process::Command::new("cp").arg(std::env::current_exe().unwrap()).arg(&binary).status().unwrap();
    assert!(copied.success());
    set_mode(&binary, 0o755);
    let mut command = child::command_of(words, &binary, name, folder.to_str().unwrap());
    if is_root() {
        chown(folder, Some(NOBODY), Some(NOBODY)).unwrap();
        command.uid(NOBODY).gid(NOBODY);
    }
    child::Process::start(command).finish();
}

#[test]
fn everything_is_private_under_no_umask() {
    is_private_under("000", "everything_is_private_under_no_umask");
}

#[test]
fn everything_is_private_under_a_common_umask() {
    is_private_under("022", "everything_is_private_under_a_common_umask");
}

#[test]
fn everything_is_private_under_a_strict_umask() {
    is_private_under("077", "everything_is_private_under_a_strict_umask");
}

#[test]
fn everything_is_private_and_usable_under_a_umask_against_the_owner() {
    is_private_under("0277", "everything_is_private_and_usable_under_a_umask_against_the_owner");
}

#[test]
fn a_folder_that_cannot_be_made_says_what_to_do() {
    match child::role() {
        None => {
            let ground = Ground::new();
            fs::create_dir_all(ground.path("closed")).unwrap();
            set_mode(&ground.path("closed"), 0o555);
            unprivileged(&ground, &[], "a_folder_that_cannot_be_made_says_what_to_do");
            assert!(!ground.path("closed/sessions").exists());
        }
        Some(folder) => {
            let path = Path::new(&folder).join("closed/sessions");
            let why = refused(&path);
            assert!(why.contains("cannot be created") && why.contains(path.to_str().unwrap()), "{why}");
        }
    }
}

/// Another user's folder, as root sees it and as the other sees root's.
#[test]
fn a_folder_of_another_user_is_refused() {
    match child::role() {
        None => {
            let ground = Ground::new();
            fs::create_dir(ground.path("others")).unwrap();
            if is_root() {
                set_mode(&ground.path("others"), 0o777);
                unprivileged(&ground, &[], "a_folder_of_another_user_is_refused");
                chown(ground.path("others"), Some(65_534), None).unwrap();
                let why = refused(&ground.path("others"));
                assert!(why.contains("belongs to another user"), "{why}");
            } else {
                // Only root can give a folder away; the system's own folders belong to others.
                assert!(refused(Path::new("/")).contains("belongs to another user"));
            }
        }
        Some(folder) => {
            let why = refused(&Path::new(&folder).join("others"));
            assert!(why.contains("belongs to another user"), "{why}");
        }
    }
}

// The session folder.

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
        ("to_itself", "to_itself", "symbolic link that leads in a circle"),
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

// Something in the place of a session.

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
    is_left_alone(ground);
}

// Something in the place of a sub-folder or of a lock.

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

// Sweeping.

#[test]
fn the_sweeper_removes_its_own_and_nothing_else() {
    let ground = Ground::new();
    let storage = ground.storage();
    let other = key(7).to_string();
    for number in [1, 2] {
        storage.create(&key(number), &record(&[("a", "1")]), NOW).unwrap();
    }
    let later = NOW + 2 * IDLE;
    storage.touch(&key(2), &active(later)).unwrap_or(Touched::Gone);
    assert!(found(&*storage, &key(2), NOW + IDLE / 2).is_some());
    let mut living = record(&[("a", "1")]);
    (living.created_at, living.last_seen) = (later, later);
    storage.create(&key(3), &living, later).unwrap();
    let sub = ground.file(&key(1)).parent().unwrap().to_owned();
    let (old, fresh) = (NOW.to_system_time().unwrap(), later.to_system_time().unwrap());
    let foreign = [
        "notes.txt".to_owned(),
        other.to_uppercase(),
        format!("{other}.bak"),
        format!("{other}.tmp-"),
        format!("{other}.tmp-1-x"),
        format!("{other}.tmp-1"),
        format!("x{other}.tmp-1-1"),
        "lock.old".to_owned(),
    ];
    for name in &foreign {
        fs::write(sub.join(name), "text").unwrap();
        age(&sub.join(name), old);
    }
    for name in ["zz", "100"] {
        fs::create_dir(ground.sessions().join(name)).unwrap();
        fs::copy(ground.file(&key(1)), ground.sessions().join(name).join(&other)).unwrap();
        age(&ground.sessions().join(name).join(&other), old);
    }
    // A link to an expired session, and a folder with the name of one.
    symlink(ground.file(&key(1)), sub.join(&other)).unwrap();
    let abandoned = sub.join(format!("{other}.tmp-71-4"));
    let being_written = sub.join(format!("{other}.tmp-71-5"));
    fs::write(&abandoned, "half").unwrap();
    fs::write(&being_written, "half").unwrap();
    age(&abandoned, old);
    age(&being_written, fresh);

    let swept = storage.sweep(later).unwrap();
    assert_eq!(swept.removed, 2);
    assert_eq!(swept.kept, 1);
    assert_eq!(swept.foreign, foreign.len() as u64 + 1);
    assert!(!ground.file(&key(1)).exists() && !ground.file(&key(2)).exists() && !abandoned.exists());
    assert!(being_written.exists());
    for name in &foreign {
        assert_eq!(fs::read_to_string(sub.join(name)).unwrap(), "text", "{name}");
    }
    assert!(fs::symlink_metadata(sub.join(&other)).unwrap().is_symlink());
    for name in ["zz", "100"] {
        assert!(ground.sessions().join(name).join(&other).exists());
    }
    assert!(found(&*storage, &key(3), later).is_some());
}

/// `Swept::foreign` counts what cannot be read, too.
#[test]
fn what_cannot_be_read_is_left_alone_and_reported() {
    let ground = Ground::new();
    let storage = ground.storage();
    fs::write(ground.place(&key(1)), "text").unwrap();
    fs::write(ground.place(&key(2)), "").unwrap();
    storage.create(&key(3), &record(&[]), NOW).unwrap();
    let swept = storage.sweep(NOW).unwrap();
    assert_eq!((swept.removed, swept.kept, swept.foreign), (0, 1, 2));
    assert_eq!(fs::read_to_string(ground.file(&key(1))).unwrap(), "text");
}

// Files that are not what they seem.

/// A session file with these bytes as its record, and a right checksum.
fn framed(version: u8, kind: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = [b"GSES".as_slice(), &[version, kind, 0, 0]].concat();
    bytes.extend_from_slice(&u64::try_from(IDLE.as_millis()).unwrap().to_le_bytes());
    bytes.extend_from_slice(&0_u64.to_le_bytes());
    let sum = Sha256::new().chain_update(&bytes).chain_update(content).finalize();
    bytes.extend_from_slice(&sum[..8]);
    bytes.extend_from_slice(content);
    bytes
}

/// A record's head: created and last seen at the epoch, idle for ever, no deadline, nobody's.
const HEAD: &[u8] = b"\x01\x00\x00\xfd\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00";

fn with_value(json: &[u8]) -> Vec<u8> {
    let len = u16::try_from(json.len()).unwrap().to_le_bytes();
    framed(1, 1, &[HEAD, b"\x01\x01a\xfb", &len, json].concat())
}

/// A file with these bytes is no session; nothing panics; the client's next write stands under a fresh id.
fn counts_as_no_session(what: &str, bytes: &[u8]) {
    let ground = Ground::new();
    let storage = quiet_file(&ground.sessions());
    let manager = Manager::new(storage.clone());
    let id = SessionId::from_random([3; 32]);
    let place = ground.place(&StoreKey::of(&id));
    for blind in [false, true] {
        fs::write(&place, bytes).unwrap();
        let session = manager.begin(Some(id.as_str()), ClientInfo::default);
        if !blind {
            assert_eq!(session.get::<String>("user").unwrap(), None, "{what}");
            assert!(session.is_empty().unwrap());
        }
        session.set("user", "ada").unwrap();
        let closed = session.close().unwrap();
        assert_eq!(closed.saved, Saved::Created, "{what}");
        let Delivery::Send { id: new, .. } = closed.delivery else { panic!("{what}: a new session has an id") };
        assert_ne!(new, id);
        let next = manager.begin(Some(new.as_str()), ClientInfo::default);
        assert_eq!(next.get::<String>("user").unwrap().as_deref(), Some("ada"));
        assert_eq!(fs::read(&place).unwrap(), bytes, "{what}: it was changed");
        assert!(manager.sessions_of("ada").unwrap().is_empty());
        Storage::sweep(&storage, NOW).unwrap();
        assert_eq!(fs::read(&place).unwrap(), bytes, "{what}: it was swept");
        // A logout is final: a later version, or a process with larger limits, might read what this one cannot. What is no
        // session of any version stays.
        let logout = manager.begin(Some(id.as_str()), ClientInfo::default);
        logout.destroy();
        let _ = logout.close().unwrap();
        assert_eq!(place.exists(), !bytes.starts_with(b"GSES"), "{what}: after a logout");
    }
}

#[test]
fn what_is_damaged_counts_as_no_session() {
    let good = with_value(b"\"ada\"");
    assert_is_read(&good);
    counts_as_no_session("nothing", b"");
    counts_as_no_session("a byte", b"G");
    counts_as_no_session("garbage", &[0xa5; 5_000]);
    counts_as_no_session("zeros", &[0; 5_000]);
    for len in [4, 5, 6, 8, 31, 32, 33, good.len() - 1] {
        counts_as_no_session(&format!("cut at {len}"), &good[..len]);
    }
    let mut flipped = good.clone();
    *flipped.last_mut().unwrap() ^= 1;
    counts_as_no_session("a flipped bit", &flipped);
    counts_as_no_session("more than there was", &[&good, b"x".as_slice()].concat());
}

/// Under the key of the application's own choice (`set_id`), the next write works where nobody can read what is there, and
/// only there (S11, S6).
fn gives_way(what: &str, bytes: &[u8], is_free: bool) {
    let ground = Ground::new();
    let storage = ground.storage();
    let id = SessionId::from_random([3; 32]);
    let wanted = StoreKey::of(&id);
    storage.create(&key(3), &record(&[("a", "1")]), NOW).unwrap();
    fs::write(ground.place(&wanted), bytes).unwrap();
    // As long ago as now, so that nothing has expired.
    age(&ground.file(&wanted), NOW.to_system_time().unwrap());
    let moved = storage.move_to(&key(3), &wanted, &commit_at(setting("b", "2"), NOW)).unwrap();
    assert_eq!(matches!(moved, Moved::Done { .. }), is_free, "{what}: a renewal was answered {moved:?}");
    fs::write(ground.place(&wanted), bytes).unwrap();
    age(&ground.file(&wanted), NOW.to_system_time().unwrap());
    if !is_free {
        assert_eq!(storage.create(&wanted, &record(&[("a", "1")]), NOW).unwrap(), Created::Exists, "{what}");
        assert_eq!(fs::read(ground.file(&wanted)).unwrap(), bytes, "{what}: it was changed");
        return;
    }
    let manager = Manager::builder(ground.storage()).clock(gsession::ManualClock::new(NOW)).build().unwrap();
    let session = manager.begin(None, ClientInfo::default);
    session.set_id(id.clone()).unwrap();
    session.set("user", "ada").unwrap();
    assert_eq!(session.save().unwrap(), Saved::Created, "{what}");
    let next = manager.begin(Some(id.as_str()), ClientInfo::default);
    assert_eq!(next.get::<String>("user").unwrap().as_deref(), Some("ada"), "{what}");
}

#[test]
fn what_nobody_can_read_gives_way_to_a_session() {
    let good = with_value(b"\"ada\"");
    for len in [8, 31, 32, 33, good.len() - 1] {
        gives_way(&format!("cut at {len}"), &good[..len], true);
    }
    let mut flipped = good.clone();
    *flipped.last_mut().unwrap() ^= 1;
    gives_way("a flipped bit", &flipped, true);
    gives_way("more than there was", &[&good, b"x".as_slice()].concat(), true);
    gives_way("a tombstone cut short", &framed(1, 2, b"")[..30], true);
    // What a power failure leaves of a file that never reached the disk.
    gives_way("nothing", b"", true);
    gives_way("zeros", &[0; 5_000], true);
}

#[test]
fn what_somebody_may_read_never_gives_way_to_a_session() {
    gives_way("a living session", &with_value(b"\"ada\""), false);
    gives_way("a tombstone", &framed(1, 2, &[&[7; 32][..], &NOW.as_millis().to_le_bytes()].concat()), false);
    gives_way("a later file", &framed(2, 1, HEAD), false);
    gives_way("an encrypted file", &framed(1, 3, HEAD), false);
    gives_way("a record of another codec", &framed(1, 1, b"of another codec"), false);
    gives_way("over the limits of this process", &with_value(&[vec![b'['; 200], vec![b']'; 200]].concat()), false);
    gives_way("larger than this process reads", &[framed(1, 1, HEAD), vec![1; 2 << 20]].concat(), false);
    gives_way("garbage", &[0xa5; 5_000], false);
    gives_way("a text", b"#!/bin/sh\necho a text that somebody needs\n", false);
}

/// The frame of this test is the storage's: what it refuses, it refuses for what is in it.
fn assert_is_read(good: &[u8]) {
    let ground = Ground::new();
    let storage = ground.storage();
    fs::write(ground.place(&key(1)), good).unwrap();
    let expected = vec![("a".to_owned(), "\"ada\"".to_owned())];
    assert_eq!(stored(&*storage, &key(1), NOW), Some(expected));
}

#[test]
fn what_a_later_version_wrote_counts_as_no_session() {
    counts_as_no_session("a later file", &framed(2, 1, HEAD));
    counts_as_no_session("an encrypted file", &framed(1, 3, HEAD));
    counts_as_no_session("a kind that is none", &framed(1, 0, HEAD));
    counts_as_no_session("a later record", &framed(1, 1, &[b"\x02", &HEAD[1..], b"\x00"].concat()));
}

#[test]
fn what_announces_more_than_it_has_counts_as_no_session() {
    let with = |tail: &[u8]| framed(1, 1, &[HEAD, tail].concat());
    counts_as_no_session("4 billion entries", &with(b"\xfc\xff\xff\xff\xff"));
    counts_as_no_session("an endless key", &with(b"\x01\xfd\xff\xff\xff\xff\xff\xff\xff\x7f"));
    counts_as_no_session("an endless value", &with(b"\x01\x01a\xfd\xff\xff\xff\xff\xff\xff\xff\xff"));
    counts_as_no_session("a tombstone without a key", &framed(1, 2, b"short"));
    counts_as_no_session("a text that is none", &with(b"\x01\x01\xff\x011"));
}

#[test]
fn what_is_nested_too_deeply_counts_as_no_session() {
    let deep = [vec![b'['; 10_000], vec![b']'; 10_000]].concat();
    counts_as_no_session("nesting", &with_value(&deep));
}

/// A file far over the limit is not read at all: this one would fill every memory.
#[test]
fn what_is_too_large_counts_as_no_session() {
    let ground = Ground::new();
    let storage = quiet_file(&ground.sessions());
    let manager = Manager::new(storage);
    let id = SessionId::from_random([3; 32]);
    let place = ground.place(&StoreKey::of(&id));
    fs::write(&place, with_value(b"\"ada\"")).unwrap();
    File::options().write(true).open(&place).unwrap().set_len(1 << 40).unwrap();
    let session = manager.begin(Some(id.as_str()), ClientInfo::default);
    assert_eq!(session.get::<String>("a").unwrap(), None);
    session.set("a", "new").unwrap();
    assert_eq!(session.close().unwrap().saved, Saved::Created);
    assert!(manager.sessions_of("ada").unwrap().is_empty());
    assert_eq!(fs::metadata(&place).unwrap().len(), 1 << 40);
}

/// A value that is not JSON spoils itself, not the session.
#[test]
fn a_value_that_is_not_json_is_absent_and_can_be_replaced() {
    let ground = Ground::new();
    let manager = Manager::new(quiet_file(&ground.sessions()));
    let id = SessionId::from_random([3; 32]);
    fs::write(ground.place(&StoreKey::of(&id)), with_value(b"{oops")).unwrap();
    let session = manager.begin(Some(id.as_str()), ClientInfo::default);
    assert_eq!(session.get::<String>("a").unwrap(), None);
    session.set("a", "good").unwrap();
    assert_eq!(session.close().unwrap().saved, Saved::Committed);
    let next = manager.begin(Some(id.as_str()), ClientInfo::default);
    assert_eq!(next.get::<String>("a").unwrap().as_deref(), Some("good"));
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

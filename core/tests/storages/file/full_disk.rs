//! A full disk: a typed error, the old session as it was, nothing left behind, and everything works when there is room again.
//! A read-only one: what needs no writing works.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use gsession::{
    ClientInfo, Delivery, Error, Exchange, FileStorage, Manager, Saved, Session, SessionId, StorageErrorKind, StoreKey,
    storage::file::Durability,
};
use tempfile::TempDir;

use crate::support::child;

/// A disk of this size is filled within moments.
const DISK: &str = "size=512k,mode=0700";
const PAGE: usize = 4096;

/// Runs the test `name` again in a namespace where it may mount a tiny disk over `folder`.
fn on_a_tiny_disk(name: &str) {
    let folder = TempDir::new().unwrap();
    let unshare: &[&str] = if rustix::process::geteuid().is_root() { &["unshare", "-m"] } else { &["unshare", "-rm"] };
    let probe = Command::new(unshare[0]).args(&unshare[1..]).arg("true").output();
    let works = probe.as_ref().is_ok_and(|probe| probe.status.success());
    assert!(
        works,
        "this test mounts a tiny disk and needs `{}` (package util-linux, and user namespaces or CAP_SYS_ADMIN): {probe:?}",
        unshare.join(" ")
    );
    child::Process::start(child::command_after(unshare, name, folder.path().to_str().unwrap())).finish();
}

/// In the child: the disk.
fn mount(folder: &Path) {
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", DISK, "tmpfs"]).arg(folder).output();
    let works = mount.as_ref().is_ok_and(|mount| mount.status.success());
    assert!(works, "this test mounts a tiny disk and needs `mount` to make a tmpfs: {mount:?}");
}

/// Fills the disk to the last page.
struct Ballast {
    file: File,
    path: PathBuf,
    len: u64,
}

impl Ballast {
    fn fill(folder: &Path) -> Self {
        let path = folder.join("ballast");
        let mut file = File::create(&path).unwrap();
        let mut len = 0;
        while let Ok(written @ 1..) = file.write(&[1; PAGE]) {
            len += written as u64;
        }
        Self { file, path, len }
    }

    /// Makes room for one more page.
    fn free_a_page(&mut self) {
        self.len -= PAGE as u64;
        self.file.set_len(self.len).unwrap();
    }

    fn throw(self) {
        fs::remove_file(&self.path).unwrap();
    }
}

/// Every file in the sub-folders but the locks, and the bytes in it.
fn files(sessions: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for sub in fs::read_dir(sessions).unwrap() {
        for file in fs::read_dir(sub.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            if path.file_name().unwrap() != "lock" {
                files.push((path.clone(), fs::read(path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

fn request(manager: &Manager, id: &SessionId) -> Exchange<Session> {
    let session = manager.begin(Some(id.as_str()), ClientInfo::default);
    assert_eq!(session.get::<String>("state").unwrap().as_deref(), Some("old"), "the old session is as it was");
    session
}

fn new_session(manager: &Manager) -> Exchange<Session> {
    let session = manager.begin(None, ClientInfo::default);
    session.set("state", "old").unwrap();
    session
}

fn sent(session: &Exchange<Session>) -> SessionId {
    match session.close().unwrap().delivery {
        Delivery::Send { id, .. } => id,
        other => panic!("no id for the client: {other:?}"),
    }
}

fn is_full<T: std::fmt::Debug>(result: Result<T, Error>) {
    assert!(matches!(&result, Err(Error::Storage(error)) if error.kind() == StorageErrorKind::Full), "{result:?}");
}

/// A session that makes a file of many pages.
fn grow(session: &Exchange<Session>) {
    session.set("state", "new").unwrap();
    session.set("text", &"x".repeat(64 * 1024)).unwrap();
}

fn survive_a_full_disk(disk: &Path, durability: Durability) {
    let sessions = disk.join("sessions");
    let storage = FileStorage::builder(&sessions).durability(durability).build().unwrap();
    let manager = Manager::new(storage);
    let id = sent(&new_session(&manager));
    let before = files(&sessions);
    assert_eq!(before.len(), 1);
    let ballast = Ballast::fill(disk);

    let (writer, renewer, updater) = (request(&manager, &id), request(&manager, &id), request(&manager, &id));
    grow(&writer);
    is_full(writer.close());
    renewer.renew().unwrap();
    is_full(renewer.close());
    is_full(updater.update("text", |_: Option<String>| "x".repeat(64 * 1024)));
    let newcomer = new_session(&manager);
    is_full(newcomer.close());
    assert_eq!(files(&sessions), before, "nothing has changed and nothing lies about");
    // A short change finds room in the block that the session's file takes anyway.
    assert_eq!(updater.update("n", |n: Option<u32>| n.unwrap_or(0) + 1).unwrap(), 1);
    // Reading, and that is touching too, needs no room.
    let _ = request(&manager, &id).close().unwrap();

    ballast.throw();
    assert_eq!(writer.close().unwrap().saved, Saved::Committed);
    assert_eq!(request_new(&manager, &id), 64 * 1024);
    let newcomer = sent(&newcomer);
    let _ = request(&manager, &newcomer);
    assert_eq!(renewer.close().unwrap().saved, Saved::Renewed);
    updater.abandon();
    // Two sessions, and the tombstone of the renewal.
    assert_eq!(files(&sessions).len(), 3);
}

fn request_new(manager: &Manager, id: &SessionId) -> usize {
    let session = manager.begin(Some(id.as_str()), ClientInfo::default);
    assert_eq!(session.get::<String>("state").unwrap().as_deref(), Some("new"));
    session.get::<String>("text").unwrap().unwrap().len()
}

#[test]
fn a_full_disk_leaves_the_old_session() {
    match child::role() {
        None => on_a_tiny_disk("file::full_disk::a_full_disk_leaves_the_old_session"),
        Some(disk) => {
            mount(Path::new(&disk));
            survive_a_full_disk(Path::new(&disk), Durability::None);
        }
    }
}

#[test]
fn a_full_disk_leaves_the_old_session_also_when_every_commit_is_synced() {
    match child::role() {
        None => on_a_tiny_disk("file::full_disk::a_full_disk_leaves_the_old_session_also_when_every_commit_is_synced"),
        Some(disk) => {
            mount(Path::new(&disk));
            survive_a_full_disk(Path::new(&disk), Durability::Commit);
        }
    }
}

/// A renewal writes two files. Whichever does not fit, one session lives, under the old id.
#[test]
fn a_renewal_for_which_there_is_half_the_room_changes_nothing() {
    let Some(disk) = child::role() else {
        return on_a_tiny_disk("file::full_disk::a_renewal_for_which_there_is_half_the_room_changes_nothing");
    };
    let disk = Path::new(&disk);
    mount(disk);
    let sessions = disk.join("sessions");
    let manager = Manager::new(FileStorage::open(&sessions).unwrap());
    let first = new_session(&manager);
    first.set("text", &"x".repeat(3 * PAGE)).unwrap();
    let id = sent(&first);
    let before = files(&sessions);
    let mut ballast = Ballast::fill(disk);
    let mut failures = 0;
    let renewed = loop {
        let session = request(&manager, &id);
        session.renew().unwrap();
        match session.close() {
            Ok(closed) => break closed,
            failed => is_full(failed),
        }
        assert_eq!(files(&sessions), before, "after {failures} pages");
        failures += 1;
        ballast.free_a_page();
    };
    // The new session alone takes more than three.
    assert!(failures > 4, "{failures}");
    let Delivery::Send { id: new, .. } = renewed.delivery else { panic!("it was renewed: {renewed:?}") };
    let _ = request(&manager, &new);
    assert!(manager.begin(Some(id.as_str()), ClientInfo::default).is_empty().unwrap());
    drop(ballast);
}

/// A logout must not depend on room.
#[test]
fn a_session_can_be_ended_on_a_full_disk() {
    let Some(disk) = child::role() else {
        return on_a_tiny_disk("file::full_disk::a_session_can_be_ended_on_a_full_disk");
    };
    let disk = Path::new(&disk);
    mount(disk);
    let sessions = disk.join("sessions");
    let manager = Manager::new(FileStorage::open(&sessions).unwrap());
    let (plain, renewed) = (sent(&new_session(&manager)), sent(&new_session(&manager)));
    let session = request(&manager, &renewed);
    session.renew().unwrap();
    let _ = sent(&session);
    let _ballast = Ballast::fill(disk);
    for id in [plain, renewed] {
        let logout = manager.begin(Some(id.as_str()), ClientInfo::default);
        logout.destroy();
        assert_eq!(logout.close().unwrap().saved, Saved::Destroyed);
        assert!(!manager.destroy(StoreKey::of(&id)).unwrap(), "it was ended");
    }
    // The tombstone of the renewal is all that is left.
    assert_eq!(files(&sessions).len(), 1);
}

/// Sessions could not be stored, so the service is not ready.
#[test]
fn a_check_finds_a_full_disk_and_leaves_nothing_on_it() {
    const NAME: &str = "file::full_disk::a_check_finds_a_full_disk_and_leaves_nothing_on_it";
    let Some(disk) = child::role() else { return on_a_tiny_disk(NAME) };
    let disk = Path::new(&disk);
    mount(disk);
    let sessions = disk.join("sessions");
    for durability in [Durability::None, Durability::Commit] {
        let manager = Manager::new(FileStorage::builder(&sessions).durability(durability).build().unwrap());
        manager.check().unwrap();
        let ballast = Ballast::fill(disk);
        for _ in 0..10 {
            let error = manager.check().unwrap_err();
            assert_eq!(error.kind(), StorageErrorKind::Full, "{error}");
        }
        ballast.throw();
        manager.check().unwrap();
    }
    assert!(files(&sessions).is_empty(), "a check has left something");
    let remount = Command::new("mount").args(["-o", "remount,ro"]).arg(disk).output().unwrap();
    assert!(remount.status.success(), "{remount:?}");
    let error = Manager::new(FileStorage::open(&sessions).unwrap()).check().unwrap_err();
    assert_eq!(error.kind(), StorageErrorKind::Unavailable, "{error}");
}

/// What needs no writing works on a disk that the system has made read-only, as it does after an error.
#[test]
fn a_read_only_disk_can_be_read_and_listed() {
    let Some(disk) = child::role() else {
        return on_a_tiny_disk("file::full_disk::a_read_only_disk_can_be_read_and_listed");
    };
    let disk = Path::new(&disk);
    mount(disk);
    let manager = Manager::new(FileStorage::open(disk.join("sessions")).unwrap());
    let session = new_session(&manager);
    session.set_principal("ada").unwrap();
    let id = sent(&session);
    let remount = Command::new("mount").args(["-o", "remount,ro"]).arg(disk).output().unwrap();
    assert!(remount.status.success(), "{remount:?}");
    let _ = request(&manager, &id).close().unwrap();
    let listed: Vec<StoreKey> = manager.sessions_of("ada").unwrap().into_iter().map(|(key, _)| key).collect();
    assert_eq!(listed, [StoreKey::of(&id)]);
    let logout = manager.begin(Some(id.as_str()), ClientInfo::default);
    logout.destroy();
    assert!(logout.close().is_err(), "a logout that is not done is not acknowledged");
}

/// A bound on the size of files, which every user may set, is a small disk too.
#[test]
fn a_file_over_the_limit_of_the_process_leaves_the_old_session() {
    const NAME: &str = "file::full_disk::a_file_over_the_limit_of_the_process_leaves_the_old_session";
    let Some(folder) = child::role() else {
        let folder = TempDir::new().unwrap();
        // The signal would end the process before the error is seen.
        let limited = ["sh", "-c", "trap '' XFSZ && ulimit -f 32 && exec \"$0\" \"$@\""];
        child::Process::start(child::command_after(&limited, NAME, folder.path().to_str().unwrap())).finish();
        return;
    };
    let sessions = Path::new(&folder).join("sessions");
    let manager = Manager::new(FileStorage::open(&sessions).unwrap());
    let id = sent(&new_session(&manager));
    let before = files(&sessions);
    let writer = request(&manager, &id);
    grow(&writer);
    is_full(writer.close());
    let renewer = request(&manager, &id);
    grow(&renewer);
    renewer.renew().unwrap();
    is_full(renewer.close());
    assert_eq!(files(&sessions), before);
    writer.abandon();
    renewer.abandon();
    let small = request(&manager, &id);
    small.set("n", &1).unwrap();
    assert_eq!(small.close().unwrap().saved, Saved::Committed);
}

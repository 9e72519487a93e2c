//! Files and folders are the owner's alone, under every umask; a folder of another user is refused.

use std::{
    error::Error as _,
    fs,
    os::unix::{fs::chown, process::CommandExt as _},
    path::Path,
};

use gsession::{
    Storage, StorageErrorKind,
    storage::{Committed, Moved},
};

use super::{Ground, is_root, mode, refused, set_mode};
use crate::support::{NOW, child, commit_at, found, key, quiet_file, record, setting};

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
    is_private_under("000", "file::attacks::private::everything_is_private_under_no_umask");
}

#[test]
fn everything_is_private_under_a_common_umask() {
    is_private_under("022", "file::attacks::private::everything_is_private_under_a_common_umask");
}

#[test]
fn everything_is_private_under_a_strict_umask() {
    is_private_under("077", "file::attacks::private::everything_is_private_under_a_strict_umask");
}

#[test]
fn everything_is_private_and_usable_under_a_umask_against_the_owner() {
    is_private_under(
        "0277",
        "file::attacks::private::everything_is_private_and_usable_under_a_umask_against_the_owner",
    );
}

#[test]
fn a_folder_that_cannot_be_made_says_what_to_do() {
    match child::role() {
        None => {
            let ground = Ground::new();
            fs::create_dir_all(ground.path("closed")).unwrap();
            set_mode(&ground.path("closed"), 0o555);
            unprivileged(&ground, &[], "file::attacks::private::a_folder_that_cannot_be_made_says_what_to_do");
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
                unprivileged(&ground, &[], "file::attacks::private::a_folder_of_another_user_is_refused");
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

/// The rights may be lost while the service runs, for example by a restored backup.
#[test]
fn a_check_finds_missing_rights_and_another_owner() {
    match child::role() {
        None => {
            let ground = Ground::new();
            let storage = quiet_file(&ground.sessions());
            storage.check().unwrap();
            if is_root() {
                chown(ground.sessions(), Some(65_534), None).unwrap();
                let error = storage.check().unwrap_err();
                let why = error.source().unwrap().to_string();
                assert!(error.kind() == StorageErrorKind::Setup && why.contains("another user"), "{why}");
                chown(ground.sessions(), Some(0), None).unwrap();
                storage.check().unwrap();
            }
            unprivileged(&Ground::new(), &[], "file::attacks::private::a_check_finds_missing_rights_and_another_owner");
        }
        Some(folder) => {
            let sessions = Path::new(&folder).join("sessions");
            let storage = quiet_file(&sessions);
            storage.check().unwrap();
            // The sub-folder of that check can still be used.
            fs::remove_dir_all(&sessions).unwrap();
            storage.check().unwrap();
            let subs: Vec<_> = fs::read_dir(&sessions).unwrap().map(|sub| sub.unwrap().path()).collect();
            subs.iter().for_each(|sub| fs::remove_dir_all(sub).unwrap());
            set_mode(&sessions, 0o500);
            let error = storage.check().unwrap_err();
            assert_eq!(error.kind(), StorageErrorKind::Unavailable, "{error}");
            let why = error.source().unwrap().to_string();
            assert!(why.contains("ermission denied"), "{why}");
            set_mode(&sessions, 0o700);
            storage.check().unwrap();
        }
    }
}

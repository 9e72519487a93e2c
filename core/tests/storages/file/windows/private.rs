//! Who may look at the sessions.
//!
//! Wine 8 knows less of access lists than Windows: a folder is always granted what the one above it grants, even if it must not
//! inherit, and a file inherits nothing. What depends on that is only tested on Windows.

use std::{fs, path::Path};

use gsession::Storage as _;
use tempfile::TempDir;
use windows_permissions::{
    LocalBox, SecurityDescriptor,
    constants::{SeObjectType, SecurityInformation},
    utilities::current_process_sid,
    wrappers::{GetNamedSecurityInfo, SetNamedSecurityInfo},
};

use super::refused;
use crate::support::{NOW, commit_at, key, quiet_file, record, setting};

/// The users whom the list of a file or folder grants anything.
fn granted(path: &Path) -> Vec<String> {
    let descriptor = GetNamedSecurityInfo(path, SeObjectType::SE_FILE_OBJECT, SecurityInformation::Dacl)
        .expect("its list can be read");
    let list = descriptor.dacl().expect("it has a list");
    let entries = (0..list.len()).filter_map(|index| list.get_ace(index));
    entries.filter_map(|entry| entry.sid()).map(ToString::to_string).collect()
}

/// The user, the system and the administrators.
fn is_private(path: &Path) -> bool {
    let user = current_process_sid().unwrap().to_string();
    let granted = granted(path);
    assert!(granted.contains(&user), "{}: {granted:?}", path.display());
    granted.iter().all(|sid| *sid == user || ["S-1-5-18", "S-1-5-32-544"].contains(&sid.as_str()))
}

/// Set where these tests run under Wine.
fn is_wine() -> bool {
    std::env::var_os("GSESSION_TEST_IN_WINE").is_some()
}

/// Grants everything to everybody, also in what is created in this folder.
fn open_to_all(folder: &Path) {
    let user = current_process_sid().unwrap();
    let list: LocalBox<SecurityDescriptor> = format!("D:P(A;OICI;FA;;;WD)(A;OICI;FA;;;{})", &*user).parse().unwrap();
    let parts = SecurityInformation::Dacl | SecurityInformation::ProtectedDacl;
    let folder = folder.as_os_str();
    SetNamedSecurityInfo(folder, SeObjectType::SE_FILE_OBJECT, parts, None, None, list.dacl(), None).unwrap();
}

#[test]
fn the_folder_is_private_whatever_the_one_above_grants() {
    let above = TempDir::new().unwrap();
    if !is_wine() {
        open_to_all(above.path());
        fs::create_dir(above.path().join("control")).unwrap();
        assert!(!is_private(&above.path().join("control")), "the test would see no difference");
    }
    let sessions = above.path().join("sessions");
    let storage = quiet_file(&sessions);
    assert!(is_private(&sessions), "{:?}", granted(&sessions));

    storage.create(&key(1), &record(&[("a", "1")]), NOW).unwrap();
    storage.commit(&key(1), &commit_at(setting("b", "2"), NOW)).unwrap();
    storage.move_to(&key(1), &key(2), &commit_at(setting("c", "3"), NOW)).unwrap();
    let mut files = 0;
    for sub in fs::read_dir(&sessions).unwrap() {
        for file in fs::read_dir(sub.unwrap().path()).unwrap() {
            let file = file.unwrap().path();
            assert!(is_private(&file) || is_wine(), "{}: {:?}", file.display(), granted(&file));
            files += 1;
        }
    }
    assert_eq!(files, 4, "two locks, a session and a tombstone");
}

#[test]
fn a_folder_open_to_others_is_made_private_only_if_it_is_empty() {
    let above = TempDir::new().unwrap();
    let sessions = above.path().join("sessions");
    fs::create_dir(&sessions).unwrap();
    open_to_all(&sessions);
    assert!(!is_private(&sessions), "{:?}", granted(&sessions));
    quiet_file(&sessions);
    assert!(is_private(&sessions), "{:?}", granted(&sessions));
    // With other things, somebody would be locked out of them. Or they were put there to be found.
    let other = above.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("index.html"), "text").unwrap();
    open_to_all(&other);
    let before = granted(&other);
    let why = refused(&other);
    assert!(why.contains("it holds other things than sessions"), "{why}");
    assert_eq!(granted(&other), before);
    // Private, they are none of our business.
    fs::write(sessions.join("index.html"), "text").unwrap();
    let storage = quiet_file(&sessions);
    storage.create(&key(1), &record(&[("a", "1")]), NOW).unwrap();
    assert_eq!(storage.sweep(NOW).unwrap().removed, 0);
    assert!(sessions.join("index.html").exists());
}

/// A folder that somebody has put there before the first start, or moved there later, has a list of its own.
#[test]
fn a_sub_folder_open_to_others_is_refused() {
    let above = TempDir::new().unwrap();
    let sessions = above.path().join("sessions");
    drop(quiet_file(&sessions));
    let planted = sessions.join("3f");
    fs::create_dir(&planted).unwrap();
    open_to_all(&planted);
    let why = refused(&sessions);
    assert!(why.contains("others may look into it"), "{why}");
    fs::remove_dir(&planted).unwrap();
    quiet_file(&sessions);
}

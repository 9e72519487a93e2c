//! What a thief finds in the folder of a file storage, and does to it.

use std::{fs, path::PathBuf};

use gsession::{FileStorage, Storage, storage::sealed::Sealed};
use tempfile::TempDir;

use super::{NOW, commit_at, key, ring, role, secret, setting};
use crate::support::{found, quiet_file};

fn storage(folder: &TempDir) -> Sealed<FileStorage> {
    Sealed::new(quiet_file(&folder.path().join("sessions")), ring(1))
}

/// The one session file in the folder.
fn file(folder: &TempDir) -> PathBuf {
    let mut folders = vec![folder.path().join("sessions")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false if fs::read(&path).unwrap().len() > 200 => files.push(path),
                false => {}
            }
        }
    }
    assert_eq!(files.len(), 1, "{files:?}");
    files.remove(0)
}

#[test]
fn no_file_shows_anything_of_a_session() {
    let folder = TempDir::new().unwrap();
    let storage = storage(&folder);
    let manager = gsession::Manager::new(storage);
    let session = manager.begin(None, gsession::ClientInfo::default);
    session.set("card-number", &"4929 1234").unwrap();
    session.log_in(gsession::Login::new("ada@example.org").label("Firefox on Debian")).unwrap();
    let _ = session.close().unwrap();
    let mut folders = vec![folder.path().to_owned()];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            seen += 1;
            let bytes = fs::read(&path).unwrap();
            for secret in ["card", "4929", "ada", "example.org", "Firefox"] {
                let is_there = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
                assert!(!is_there, "{secret} in {}", path.display());
            }
        }
    }
    assert!(seen > 0);
}

/// Whatever is done with the frames of the log, a session is as it was at some moment, or it is none.
#[test]
fn frames_that_are_moved_repeated_or_cut_off_make_no_session_that_never_was() {
    let folder = TempDir::new().unwrap();
    let storage = storage(&folder);
    let key = key(1);
    let mut record = secret("ada");
    record.entries = gsession::Entries::pack([("role", "\"user\""), ("limit", "0")]).unwrap();
    storage.create(&key, &record, NOW).unwrap();
    let path = file(&folder);
    let mut ends = vec![fs::metadata(&path).unwrap().len() as usize];
    for (role, limit) in [("user", "1"), ("admin", "1"), ("admin", "2"), ("guest", "2")] {
        let mut changes = setting("role", &format!("\"{role}\""));
        changes.set("limit", limit);
        let _ = storage.commit(&key, &commit_at(changes, NOW)).unwrap();
        ends.push(fs::metadata(&path).unwrap().len() as usize);
    }
    let were = [("user", "0"), ("user", "1"), ("admin", "1"), ("admin", "2"), ("guest", "2")];
    let bytes = fs::read(&path).unwrap();
    assert!(ends.is_sorted_by(|a, b| a < b), "every commit was appended: {ends:?}");
    drop(storage);
    let frames: Vec<&[u8]> = ends.windows(2).map(|ends| &bytes[ends[0]..ends[1]]).collect();
    let mut opened = 0;
    for order in orders(frames.len()) {
        let log: Vec<u8> = order.iter().flat_map(|frame| frames[*frame].iter().copied()).collect();
        fs::write(&path, [&bytes[..ends[0]], &log].concat()).unwrap();
        let storage = super::files::storage(&folder);
        if let Some(snapshot) = found(&storage, &key, NOW) {
            let is = (role(&snapshot), super::text(&snapshot.record, "limit"));
            let was = were.iter().any(|(role, limit)| (format!("\"{role}\""), (*limit).to_owned()) == is);
            assert!(was, "{order:?}: {is:?}");
            opened += 1;
        }
    }
    assert!(opened > 0, "some are as they were");
    for cut in ends[0]..bytes.len() {
        fs::write(&path, &bytes[..cut]).unwrap();
        let storage = super::files::storage(&folder);
        let is = found(&storage, &key, NOW).map(|snapshot| (role(&snapshot), super::text(&snapshot.record, "limit")));
        let at = ends.iter().rposition(|end| *end <= cut).unwrap();
        assert_eq!(is, Some((format!("\"{}\"", were[at].0), were[at].1.to_owned())), "cut at {cut}");
    }
}

/// All sequences of up to three of these frames.
fn orders(frames: usize) -> Vec<Vec<usize>> {
    let mut all = vec![vec![]];
    let mut last: Vec<Vec<usize>> = all.clone();
    for _ in 0..3 {
        last = last.iter().flat_map(|order| (0..frames).map(|frame| [order.clone(), vec![frame]].concat())).collect();
        all.extend(last.iter().cloned());
    }
    all
}

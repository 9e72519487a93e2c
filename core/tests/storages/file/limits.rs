//! The largest sessions that the limits allow, in files.

use gsession::{Changes, FileStorage, Limits, Storage, storage::Committed};
use tempfile::TempDir;

use crate::support::{NOW, commit_at, found, key, record};

/// A session of as many small entries as the limits allow is read again: the file has room for their lengths.
#[test]
fn a_file_of_very_many_small_entries_is_read_again() {
    const ENTRIES: usize = 70_000;
    let folder = TempDir::new().unwrap();
    let limits = Limits::default().max_entries(ENTRIES);
    let storage: &dyn Storage = &FileStorage::builder(folder.path().join("sessions")).limits(limits).build().unwrap();
    let texts: Vec<_> = (0..ENTRIES).map(|number| (format!("{number:06}"), format!("{number:08}"))).collect();
    let mut changes = Changes::default();
    for (key, json) in &texts {
        changes.set(key, format!("1{}", &json[1..]));
    }
    storage.create(&key(1), &record(&[]), NOW).unwrap();
    let mut commit = commit_at(changes, NOW);
    commit.limits = limits;
    assert!(matches!(storage.commit(&key(1), &commit).unwrap(), Committed::Done { .. }));
    let kept = found(storage, &key(1), NOW).expect("it is within the limits and was answered as stored").record;
    assert_eq!(kept.entries.len(), ENTRIES);
}

//! Commits that append to a session's file: what is in the file, when it is replaced, and what damage does to it.

use std::{
    fs::{self, File, FileTimes},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use gsession::{
    BincodeCodec, Changes, Codec, CodecError, FileStorage, Limits, Record, Storage,
    storage::{Access, Committed, Created, Lookup, Swept},
};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::support::{IDLE, NOW, commit_at, entries, found, key, quiet_file, record, setting, stored};

type Entries = Vec<(String, String)>;

/// A folder with a storage in it.
struct Place {
    folder: TempDir,
    storage: FileStorage,
}

impl Place {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let storage = quiet_file(&folder.path().join("sessions"));
        Self { folder, storage }
    }

    /// With a session under `key(1)`.
    fn with_session() -> Self {
        let place = Self::new();
        Storage::create(&place.storage, &key(1), &record(&[("user", "\"ada\"")]), NOW).unwrap();
        place
    }

    /// What another process sees.
    fn other(&self) -> FileStorage {
        quiet_file(&self.folder.path().join("sessions"))
    }

    fn file(&self) -> PathBuf {
        let name = key(1).to_string();
        self.folder.path().join("sessions").join(&name[..2]).join(name)
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(self.file()).unwrap()
    }

    fn inode(&self) -> (u64, Option<std::time::SystemTime>) {
        let data = fs::metadata(self.file()).unwrap();
        (data.ino(), data.created().ok())
    }

    /// Puts another file in the place of the session's.
    fn put(&self, bytes: &[u8]) {
        let aside = self.folder.path().join("aside");
        fs::create_dir_all(self.file().parent().unwrap()).unwrap();
        fs::write(&aside, bytes).unwrap();
        age(&aside);
        fs::rename(aside, self.file()).unwrap();
    }

    /// Gives the file a time as the kernel sets it when it begins to write: it has more digits than one that a storage has set.
    fn begin_to_write(&self) {
        let file = File::options().write(true).open(self.file()).unwrap();
        let now = std::time::SystemTime::UNIX_EPOCH + Duration::from_nanos(1_790_000_000_000_000_001);
        file.set_times(FileTimes::new().set_modified(now)).unwrap();
    }

    fn commit(&self, changes: Changes) -> Committed {
        Storage::commit(&self.storage, &key(1), &commit_at(changes, NOW)).unwrap()
    }

    fn set(&self, key: &str, json: &str) {
        let committed = self.commit(setting(key, json));
        assert!(matches!(committed, Committed::Done { .. }), "{committed:?}");
    }

    /// The session as this storage sees it, which must be what others see.
    fn stored(&self) -> Option<Entries> {
        let seen = stored(&self.storage, &key(1), NOW);
        assert_eq!(stored(&self.other(), &key(1), NOW), seen, "what another process sees");
        seen
    }
}

/// As long ago as now, so that nothing has expired.
fn age(file: &Path) {
    let times = FileTimes::new().set_modified(NOW.to_system_time().unwrap());
    File::options().write(true).open(file).unwrap().set_times(times).unwrap();
}

fn list(entries: &[(&str, &str)]) -> Entries {
    entries.iter().map(|&(key, json)| (key.to_owned(), json.to_owned())).collect()
}

#[test]
fn a_commit_appends_a_frame_to_the_same_file() {
    let place = Place::with_session();
    let (inode, before) = (place.inode(), place.bytes());
    place.set("n", "1");
    let after = place.bytes();
    assert_eq!(place.inode(), inode);
    assert_eq!(after[..before.len()], before, "nothing was written over");
    // The head of a frame, no time, because it is the same, and the changes: not cleared, no principal, one edit, a key, a value.
    assert_eq!(after.len(), before.len() + 12 + 3 + 2 + 1 + 2);
    assert_eq!(place.stored(), Some(list(&[("n", "1"), ("user", "\"ada\"")])));
    let modified = fs::metadata(place.file()).unwrap().modified().unwrap();
    assert_eq!(Some(modified), NOW.to_system_time(), "the file's time is when the session was last seen");
}

#[test]
fn a_full_log_is_rewritten_and_nothing_is_lost() {
    let place = Place::with_session();
    let (first, mut replaced) = (place.inode(), 0);
    let mut inode = first;
    for number in 0..3_000 {
        place.set(&format!("k{}", number % 7), &number.to_string());
        if place.inode() != inode {
            (inode, replaced) = (place.inode(), replaced + 1);
        }
    }
    assert!((2..10).contains(&replaced), "it was replaced {replaced} times");
    let expected: Vec<_> =
        (0..7).map(|k| (format!("k{k}"), (2_993..3_000).find(|n| n % 7 == k).unwrap().to_string())).collect();
    assert_eq!(place.stored().unwrap()[..7], expected);
}

#[test]
fn a_long_change_replaces_the_file() {
    let place = Place::with_session();
    let inode = place.inode();
    let long = format!("\"{}\"", "x".repeat(5_000));
    place.set("long", &long);
    assert_ne!(place.inode(), inode);
    assert_eq!(place.stored(), Some(list(&[("long", long.as_str()), ("user", "\"ada\"")])));
    // A quarter of it may be appended now.
    let inode = place.inode();
    place.set("n", "1");
    assert_eq!(place.inode(), inode);
}

/// A sweep looks at the header only.
#[test]
fn another_idle_timeout_is_written_to_the_header() {
    let place = Place::with_session();
    let inode = place.inode();
    let mut commit = commit_at(setting("n", "1"), NOW);
    commit.access = Access::active(NOW, IDLE / 2, Duration::ZERO);
    assert!(matches!(Storage::commit(&place.storage, &key(1), &commit).unwrap(), Committed::Done { .. }));
    assert_ne!(place.inode(), inode);
    assert_eq!(place.bytes()[8..16], u64::try_from((IDLE / 2).as_millis()).unwrap().to_le_bytes());
    let swept = Storage::sweep(&place.storage, NOW + IDLE / 2).unwrap();
    assert_eq!((swept.removed, swept.kept), (1, 0));
}

/// Half of each value is hidden by a codec of the application, the other half would be in the frames.
#[derive(Debug)]
struct Hiding;

impl Codec for Hiding {
    fn encode(&self, record: &Record) -> Result<Vec<u8>, CodecError> {
        Ok(BincodeCodec.encode(record)?.iter().map(|byte| !byte).collect())
    }

    fn decode(&self, bytes: &[u8], limits: &Limits) -> Result<Record, CodecError> {
        BincodeCodec.decode(&bytes.iter().map(|byte| !byte).collect::<Vec<_>>(), limits)
    }
}

#[test]
fn a_codec_of_the_application_sees_all_that_is_stored() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("sessions");
    let storage = FileStorage::builder(&path).codec(Hiding).sweep_interval(Duration::MAX).build().unwrap();
    let place = Place { folder, storage };
    Storage::create(&place.storage, &key(1), &record(&[("user", "\"secret\"")]), NOW).unwrap();
    for number in 0..5 {
        let inode = place.inode();
        place.set("word", &format!("\"secret {number}\""));
        assert_ne!(place.inode(), inode, "nothing is appended");
        assert!(!place.bytes().windows(6).any(|bytes| bytes == b"secret"));
    }
    let expected = list(&[("user", "\"secret\""), ("word", "\"secret 4\"")]);
    assert_eq!(stored(&place.storage, &key(1), NOW), Some(expected));
}

/// A session file of version 1, as earlier builds wrote it.
fn version_1(record: &Record) -> Vec<u8> {
    let mut bytes = b"GSES\x01\x01\0\0".to_vec();
    bytes.extend_from_slice(&u64::try_from(record.idle_timeout.as_millis()).unwrap().to_le_bytes());
    bytes.extend_from_slice(&0_u64.to_le_bytes());
    let content = BincodeCodec.encode(record).unwrap();
    let sum = Sha256::new().chain_update(&bytes).chain_update(&content).finalize();
    bytes.extend_from_slice(&sum[..8]);
    bytes.extend_from_slice(&content);
    bytes
}

#[test]
fn a_file_of_version_1_is_read_and_moves_over_at_the_next_write() {
    let place = Place::new();
    place.put(&version_1(&record(&[("user", "\"ada\"")])));
    for _ in 0..2 {
        assert_eq!(place.stored(), Some(list(&[("user", "\"ada\"")])));
        assert_eq!(place.bytes()[4], 1, "reading changes nothing");
    }
    // The file's time counts, whatever its digits are.
    let later = NOW + Duration::from_secs(60);
    let times = FileTimes::new().set_modified(later.to_system_time().unwrap() + Duration::from_nanos(1_234));
    File::options().write(true).open(place.file()).unwrap().set_times(times).unwrap();
    assert_eq!(found(&place.storage, &key(1), NOW).unwrap().record.last_seen, later);
    place.set("n", "1");
    assert_eq!(place.bytes()[4], 2);
    assert_eq!(place.stored(), Some(list(&[("n", "1"), ("user", "\"ada\"")])));
    let inode = place.inode();
    place.set("n", "2");
    assert_eq!(place.inode(), inode, "and from then on it is appended to");
    assert_eq!(found(&place.storage, &key(1), NOW).unwrap().record.last_seen, later);
}

/// A file to which five commits were appended, and what the session is at each length.
fn with_frames() -> (Vec<u8>, Vec<(usize, Entries)>) {
    let place = Place::with_session();
    let mut states = vec![(place.bytes().len(), place.stored().unwrap())];
    for number in 0..5 {
        place.set(&format!("k{}", number % 3), &format!("\"value {number}\""));
        states.push((place.bytes().len(), place.stored().unwrap()));
    }
    (place.bytes(), states)
}

/// The session is what it was before the damage, and is not if its first part is damaged; then it is written to.
fn survives(damaged: &[u8], expected: Option<&Entries>, what: &str) {
    let place = Place::new();
    place.put(damaged);
    assert_eq!(place.stored().as_ref(), expected, "{what}");
    let Some(expected) = expected else {
        assert!(matches!(place.commit(setting("z", "1")), Committed::Gone), "{what}");
        let is_ours = damaged.starts_with(b"GSES\x02\x01") || damaged.is_empty();
        if is_ours {
            let created = Storage::create(&place.storage, &key(1), &record(&[("z", "1")]), NOW).unwrap();
            assert_eq!(created, Created::Done, "{what}");
            assert_eq!(place.stored(), Some(list(&[("z", "1")])), "{what}");
        }
        return;
    };
    place.set("z", "1");
    let mut expected = expected.clone();
    expected.push(("z".to_owned(), "1".to_owned()));
    expected.sort();
    assert_eq!(place.stored().as_ref(), Some(&expected), "{what}: after the next write");
    place.set("z", "2");
    assert_eq!(place.stored().unwrap().last().unwrap().1, "2", "{what}: after the one after that");
}

#[test]
fn a_file_cut_short_anywhere_is_an_earlier_state_or_none() {
    let (good, states) = with_frames();
    for len in 0..=good.len() {
        let state = states.iter().rev().find(|(end, _)| *end <= len).map(|(_, state)| state);
        survives(&good[..len], state, &format!("cut at {len}"));
    }
}

#[test]
fn a_flipped_bit_anywhere_leaves_an_earlier_state_or_none() {
    let (good, states) = with_frames();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        let state = states.iter().rev().find(|(end, _)| *end <= at).map(|(_, state)| state);
        survives(&bad, state, &format!("a flipped bit in byte {at}"));
    }
}

#[test]
fn garbage_at_the_end_is_ignored_and_goes_with_the_next_write() {
    let (good, states) = with_frames();
    let garbage: [&[u8]; 4] = [&[0; 4096], &[0xff; 100], b"x", &good];
    for tail in garbage {
        survives(&[&good, tail].concat(), states.last().map(|(_, state)| state), "garbage");
        // Nothing is written over it: what was read at a certain length is there as long as the file is.
        let place = Place::new();
        place.put(&[&good, tail].concat());
        let inode = place.inode();
        place.set("z", "1");
        assert_ne!(place.inode(), inode);
    }
}

/// A reader while somebody appends, as slowly as can be: byte after byte.
#[test]
fn a_reader_during_an_append_sees_the_old_or_the_new() {
    let (good, states) = with_frames();
    let place = Place::new();
    place.put(&good[..states[0].0]);
    // So that the reader knows the session's file from before.
    std::thread::sleep(Duration::from_millis(50));
    for pair in states.windows(2) {
        for len in pair[0].0 + 1..=pair[1].0 {
            let mut file = File::options().append(true).open(place.file()).unwrap();
            std::io::Write::write_all(&mut file, &good[len - 1..len]).unwrap();
            drop(file);
            let expected = if len == pair[1].0 { &pair[1].1 } else { &pair[0].1 };
            assert_eq!(place.stored().as_ref(), Some(expected), "at {len} bytes");
        }
    }
}

/// Between the two system calls of an append a file has the kernel's time, and a killed process leaves it so.
#[test]
fn the_time_of_an_append_is_not_taken_for_activity() {
    let place = Place::with_session();
    place.set("n", "1");
    let kernels = FileTimes::new()
        .set_modified(std::time::SystemTime::UNIX_EPOCH + Duration::from_nanos(4_000_000_000_123_456_789));
    File::options().write(true).open(place.file()).unwrap().set_times(kernels).unwrap();
    for storage in [&place.storage, &place.other()] {
        assert_eq!(found(storage, &key(1), NOW).unwrap().record.last_seen, NOW);
        assert!(matches!(Storage::load(storage, &key(1), &Access::passive(NOW + IDLE)).unwrap(), Lookup::Absent));
    }
    let Swept { removed, kept, .. } = Storage::sweep(&place.other(), NOW + IDLE / 2).unwrap();
    assert_eq!((removed, kept), (0, 1));
    let Swept { removed, kept, .. } = Storage::sweep(&place.other(), NOW + IDLE).unwrap();
    assert_eq!((removed, kept), (1, 0));
}

/// A backup with hard links (`cp -al`) is a picture of that moment: nothing is appended to it.
#[test]
fn a_backup_with_hard_links_stays_as_it_is() {
    let place = Place::with_session();
    place.set("n", "1");
    let backup = place.folder.path().join("backup");
    fs::hard_link(place.file(), &backup).unwrap();
    let before = fs::read(&backup).unwrap();
    place.set("n", "2");
    assert_eq!(fs::read(&backup).unwrap(), before);
    assert_eq!(place.stored(), Some(list(&[("n", "2"), ("user", "\"ada\"")])));
    // Put back, it is a session again that can be written to.
    fs::copy(&backup, place.folder.path().join("copy")).unwrap();
    fs::rename(&backup, place.file()).unwrap();
    assert_eq!(place.stored(), Some(list(&[("n", "1"), ("user", "\"ada\"")])));
    place.set("n", "3");
    assert_eq!(place.stored(), Some(list(&[("n", "3"), ("user", "\"ada\"")])));
}

/// Limits are those of the session after the commit, also if nobody decodes it.
#[test]
fn an_append_over_a_limit_is_refused_and_changes_nothing() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("sessions");
    let limits = Limits::default().max_entries(3).max_value_bytes(100).max_record_bytes(200);
    let storage = FileStorage::builder(&path).limits(limits).sweep_interval(Duration::MAX).build().unwrap();
    let place = Place { folder, storage };
    Storage::create(&place.storage, &key(1), &record(&[("a", "1")]), NOW).unwrap();
    place.set("b", "2");
    place.set("c", "3");
    let before = place.bytes();
    let value = |bytes: usize| format!("\"{}\"", "x".repeat(bytes));
    let mut many = setting("a", &value(90));
    many.set("b", value(90));
    many.set("c", value(90));
    for (what, changes) in [("entries", setting("d", "4")), ("a value", setting("a", &value(120))), ("the whole", many)]
    {
        let refused = Storage::commit(&place.storage, &key(1), &commit_at(changes, NOW));
        assert!(refused.is_err(), "{what}");
        assert_eq!(place.bytes(), before, "{what}");
    }
    assert_eq!(
        found(&place.storage, &key(1), NOW).unwrap().record.entries,
        entries(&[("a", "1"), ("b", "2"), ("c", "3")])
    );
}

/// A session is kept alive by reading, which changes only the time of its file. A frame that is being written, or that could not be
/// written, must not end it.
#[test]
fn a_session_that_was_only_read_for_long_does_not_end_in_the_middle_of_a_commit() {
    let place = Place::with_session();
    let mut now = NOW;
    let active = |now| Access::active(now, IDLE, Duration::ZERO);
    for _ in 0..3 {
        now = now + IDLE * 4 / 5;
        Storage::touch(&place.storage, &key(1), &active(now)).unwrap();
    }
    Storage::sweep(&place.storage, now).unwrap(); // it writes touches first
    let later = now + Duration::from_secs(1);
    let before = place.inode();
    let commit = |changes, at| Storage::commit(&place.storage, &key(1), &commit_at(changes, at)).unwrap();
    assert!(matches!(commit(setting("n", "1"), later), Committed::Done { .. }));
    // The log was too old to rely on while a frame is written, so the file was replaced.
    assert_ne!(place.inode(), before);
    // From here on the log is enough.
    let before = place.inode();
    assert!(matches!(commit(setting("n", "2"), later), Committed::Done { .. }));
    assert_eq!(place.inode(), before);
    place.begin_to_write();
    for storage in [&place.storage, &place.other()] {
        let lookup = Storage::load(storage, &key(1), &Access::passive(later + IDLE / 3)).unwrap();
        assert!(matches!(lookup, Lookup::Found(_)), "{lookup:?}");
    }
}

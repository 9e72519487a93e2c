//! A process that is killed before every single system call that changes something, and processes that are killed at random
//! while they append.

use std::{fs, path::Path, process::Command, time::Duration};

use gsession::{
    Changes, FileStorage, Record, Storage, StoreKey,
    storage::{Committed, Created, Moved, Removed, TOMBSTONE_LIFETIME, file::Durability},
};
use tempfile::TempDir;

use crate::support::{
    NOW,
    child::{self, Process},
    commit_at, found, key, quiet_file, record, setting, stored,
};

/// What a child does to the session `key(1)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Create,
    Append,
    Rewrite,
    Remove,
    /// To `key(2)`.
    Move,
    /// Makes it bob's, who was ada's.
    LogIn,
    /// Removes nothing but entries of the index.
    Sweep,
}

const DEEDS: [Deed; 7] =
    [Deed::Create, Deed::Append, Deed::Rewrite, Deed::Remove, Deed::Move, Deed::LogIn, Deed::Sweep];

/// The system calls that change files or names, or lock them.
const CALLS: [&str; 11] = [
    "flock",
    "openat2",
    "fchmod",
    "write",
    "pwrite64",
    "utimensat",
    "fsync,fdatasync",
    "ftruncate",
    "mkdirat",
    "renameat,renameat2",
    "unlinkat",
];

fn open(path: &Path) -> FileStorage {
    let builder = FileStorage::builder(path).durability(Durability::Commit);
    builder.sweep_interval(Duration::MAX).touch_interval(Duration::MAX).build().unwrap()
}

/// A session of ada's.
fn owned(n: &str) -> Record {
    let mut record = record(&[("n", n)]);
    record.principal = Some("ada".into());
    record
}

/// Everybody's sessions are listed as theirs, and nobody else's.
fn assert_listed(storage: &dyn Storage, what: &str) {
    for principal in ["ada", "bob"] {
        let mut listed: Vec<_> = storage.find(principal, NOW).unwrap().into_iter().map(|found| found.key).collect();
        listed.sort();
        let is_theirs = |key: &StoreKey| {
            found(storage, key, NOW).is_some_and(|session| session.record.principal.as_deref() == Some(principal))
        };
        let theirs: Vec<_> = [key(1), key(2)].into_iter().filter(is_theirs).collect();
        assert_eq!(listed, theirs, "{principal}'s sessions, {what}");
    }
}

fn long() -> String {
    format!("\"{}\"", "x".repeat(5_000))
}

impl Deed {
    fn do_it(self, storage: &dyn Storage) {
        let commit = commit_at(setting("n", "2"), NOW);
        match self {
            Self::Create => {
                assert_eq!(storage.create(&key(1), &owned("2"), NOW).unwrap(), Created::Done);
            }
            Self::Append => assert!(matches!(storage.commit(&key(1), &commit).unwrap(), Committed::Done { .. })),
            Self::Rewrite => {
                let mut changes = setting("n", "2");
                changes.set("long", long());
                let committed = storage.commit(&key(1), &commit_at(changes, NOW)).unwrap();
                assert!(matches!(committed, Committed::Done { .. }));
            }
            Self::Remove => assert_eq!(storage.remove(&key(1)).unwrap(), Removed::Done),
            Self::Move => {
                let moved = storage.move_to(&key(1), &key(2), &commit).unwrap();
                assert!(matches!(moved, Moved::Done { .. }));
            }
            Self::Sweep => assert_eq!(storage.sweep(NOW).unwrap().removed, 0),
            Self::LogIn => {
                let mut changes = setting("n", "2");
                changes.set_principal(Some("bob".into()));
                assert!(matches!(storage.commit(&key(1), &commit_at(changes, NOW)).unwrap(), Committed::Done { .. }));
            }
        }
    }

    /// What is stored under both keys before and after it.
    fn states(self) -> [[Option<&'static str>; 2]; 2] {
        let (old, new) = (Some("1"), Some("2"));
        match self {
            Self::Create => [[None, None], [new, None]],
            Self::Append | Self::Rewrite | Self::LogIn => [[old, None], [new, None]],
            Self::Remove => [[old, None], [None, None]],
            Self::Sweep => [[old, None], [old, None]],
            Self::Move => [[old, None], [None, new]],
        }
    }
}

/// The value of `n` under a key.
fn n(storage: &dyn Storage, number: u8) -> Option<String> {
    let entries = stored(storage, &key(number), NOW)?;
    entries.into_iter().find(|(key, _)| key == "n").map(|(_, json)| json)
}

/// Does the deed in a process that is killed before the call `call` for the `nth` time. Whether it was acknowledged.
fn killed_at(name: &str, path: &Path, deed: Deed, call: &str, nth: u32) -> bool {
    let trace = format!("trace={call}");
    let inject = format!("inject={call}:signal=SIGKILL:when={nth}");
    let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject];
    let deed = DEEDS.iter().position(|other| *other == deed).unwrap();
    let mut process = Process::start(child::command_after(&strace, name, &format!("{deed} {}", path.display())));
    let mut acknowledged = false;
    while let Some(said) = process.heard() {
        acknowledged |= said == "done";
    }
    acknowledged
}

#[test]
fn a_process_killed_anywhere_leaves_the_old_or_the_new() {
    const NAME: &str = "file::killed::a_process_killed_anywhere_leaves_the_old_or_the_new";
    if let Some(role) = child::role() {
        let (deed, path) = role.split_once(' ').unwrap();
        let storage = open(Path::new(path));
        DEEDS[deed.parse::<usize>().unwrap()].do_it(&storage);
        child::say("done");
        return;
    }
    let probe = Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]).output();
    assert!(
        probe.as_ref().is_ok_and(|probe| probe.status.success()),
        "this test kills with strace (package strace), which must be allowed to trace: {probe:?}"
    );
    let mut kills = 0;
    for (deed, call) in DEEDS.iter().flat_map(|deed| CALLS.map(|call| (*deed, call))) {
        for nth in 1.. {
            let folder = TempDir::new().unwrap();
            let path = folder.path().join("sessions");
            let before: &dyn Storage = &quiet_file(&path);
            // So that the sub-folder and its lock are there.
            before.create(&key(1), &owned("0"), NOW).unwrap();
            before.remove(&key(1)).unwrap();
            if deed != Deed::Create {
                before.create(&key(1), &owned("0"), NOW).unwrap();
                assert!(matches!(
                    before.commit(&key(1), &commit_at(setting("n", "1"), NOW)).unwrap(),
                    Committed::Done { .. }
                ));
            }
            let acknowledged = killed_at(NAME, &path, deed, call, nth);
            let what = format!("{deed:?}, killed before {call} number {nth}, acknowledged: {acknowledged}");
            let seen: [_; 2] = [n(before, 1), n(before, 2)];
            let [old, new] = deed.states();
            let is = |state: [Option<&str>; 2]| seen.iter().map(Option::as_deref).eq(state);
            // Of a move only the new file may be there beside the old one: nobody has its id.
            let is_half_a_move = deed == Deed::Move && is([old[0], new[1]]);
            assert!(is(new) || !acknowledged && (is(old) || is_half_a_move), "{what}: {seen:?}");
            assert_listed(before, &what);
            assert_listed(&quiet_file(&path), &what);
            go_on(before, &path, &what);
            if acknowledged {
                break;
            }
            kills += 1;
        }
    }
    assert!(kills > 30, "only {kills} kills");
    println!("{kills} kills");
}

/// The next write works and survives, nothing is left that a sweep does not remove, and a logout is final.
fn go_on(storage: &dyn Storage, path: &Path, what: &str) {
    let living = if stored(storage, &key(1), NOW).is_some() { key(1) } else { key(2) };
    if stored(storage, &living, NOW).is_none() {
        assert_eq!(storage.create(&living, &owned("0"), NOW).unwrap(), Created::Done, "{what}");
    }
    for number in 5..8 {
        let committed = storage.commit(&living, &commit_at(setting("m", &number.to_string()), NOW)).unwrap();
        assert!(matches!(committed, Committed::Done { .. }), "{what}: {committed:?}");
    }
    let other = quiet_file(path);
    let entries = stored(&other, &living, NOW).unwrap();
    assert!(entries.contains(&("m".to_owned(), "7".to_owned())), "{what}: {entries:?}");
    for key in [key(1), key(2)] {
        let _ = Storage::remove(&other, &key).unwrap();
        assert_eq!(stored(storage, &key, NOW), None, "{what}");
        let late = storage.commit(&key, &commit_at(Changes::default(), NOW)).unwrap();
        assert!(!matches!(late, Committed::Done { .. }), "{what}");
    }
    // The clock of files that were left behind is the system's.
    let later = gsession::Clock::now(&gsession::SystemClock) + 2 * TOMBSTONE_LIFETIME;
    Storage::sweep(&other, later).unwrap();
    for sub in fs::read_dir(path).unwrap() {
        let names: Vec<_> = fs::read_dir(sub.unwrap().path()).unwrap().map(|file| file.unwrap().file_name()).collect();
        assert!(names.iter().all(|name| name == "lock" || name == "principals.lock"), "{what}: {names:?}");
    }
}

/// Short commits as fast as can be, with a rewrite now and then, by a process that is killed in the middle.
#[test]
fn what_was_appended_and_acknowledged_survives_kill_9() {
    const NAME: &str = "file::killed::what_was_appended_and_acknowledged_survives_kill_9";
    const KILLS: u64 = 40;
    if let Some(path) = child::role() {
        let storage: &dyn Storage = &quiet_file(Path::new(&path));
        let first: u64 = n(storage, 1).unwrap().parse().unwrap();
        for number in first + 1.. {
            let mut changes = setting("n", &number.to_string());
            changes.set(&format!("slot-{}", number % 8), number.to_string());
            let commit = commit_at(changes, NOW);
            let at_once = storage.commit_cached(&key(1), &commit);
            let committed = at_once.map_or_else(|| storage.commit(&key(1), &commit), Ok).unwrap();
            assert!(matches!(committed, Committed::Done { .. }));
            child::say(&number.to_string());
        }
    }
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("sessions");
    let storage: &dyn Storage = &quiet_file(&path);
    storage.create(&key(1), &record(&[("n", "0")]), NOW).unwrap();
    let mut last = 0;
    for kill in 0..KILLS {
        let mut process = Process::start(child::command(NAME, path.to_str().unwrap()));
        for _ in 0..=(kill * 13) % 31 {
            last = process.heard().expect("it goes on until it is killed").parse().unwrap();
        }
        process.kill();
        while let Some(said) = process.heard() {
            last = said.parse().unwrap_or(last);
        }
        let entries = stored(storage, &key(1), NOW).unwrap();
        let value =
            |key: &str| entries.iter().find(|(held, _)| held == key).map(|(_, json)| json.parse::<u64>().unwrap());
        let held = value("n").unwrap();
        assert!(held == last || held == last + 1, "{last} was acknowledged, {held} is there");
        assert_eq!(value(&format!("slot-{}", held % 8)), Some(held), "half a commit");
        last = held;
    }
    assert!(last > KILLS * 10);
}

/// Three processes append as fast as they can, until the parent moves the session or removes it: what they were told to be stored
/// is what has moved, and nothing comes back.
#[test]
fn processes_append_until_another_one_ends_the_session() {
    const NAME: &str = "file::killed::processes_append_until_another_one_ends_the_session";
    const PROCESSES: u64 = 3;
    const ROUNDS: u64 = 8;
    if let Some(role) = child::role() {
        let (number, path) = role.split_once(' ').unwrap();
        let storage: &dyn Storage = &quiet_file(Path::new(path));
        child::say("ready");
        let mut acknowledged = 0_u64;
        loop {
            // Each is a key of its own, so that one that is lost is missed.
            let mut changes = setting(&format!("{number}-{}", acknowledged % 100), &acknowledged.to_string());
            if acknowledged % 20 == 19 {
                changes.set("filler", format!("\"{}\"", "x".repeat(2_000)));
            }
            let commit = commit_at(changes, NOW);
            let at_once = if acknowledged.is_multiple_of(2) { storage.commit_cached(&key(1), &commit) } else { None };
            match at_once.map_or_else(|| storage.commit(&key(1), &commit), Ok).unwrap() {
                Committed::Done { .. } => acknowledged += 1,
                _ => break,
            }
        }
        assert!(stored(storage, &key(1), NOW).is_none());
        child::say(&acknowledged.to_string());
        return;
    }
    for round in 0..ROUNDS {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("sessions");
        let storage: &dyn Storage = &quiet_file(&path);
        storage.create(&key(1), &record(&[]), NOW).unwrap();
        let start = |number| Process::start(child::command(NAME, &format!("{number} {}", path.display())));
        let mut processes: Vec<_> = (0..PROCESSES).map(start).collect();
        processes.iter_mut().for_each(|process| process.expect("ready"));
        std::thread::sleep(Duration::from_millis(3 * round));
        let moves = round.is_multiple_of(2);
        if moves {
            let moved = storage.move_to(&key(1), &key(2), &commit_at(Changes::default(), NOW)).unwrap();
            assert!(matches!(moved, Moved::Done { .. }));
        } else {
            assert_eq!(storage.remove(&key(1)).unwrap(), Removed::Done);
        }
        let acknowledged: Vec<u64> =
            processes.into_iter().map(|process| process.finish().last().unwrap().parse().unwrap()).collect();
        assert_eq!(stored(storage, &key(1), NOW), None, "round {round}");
        let Some(held) = stored(storage, &key(2), NOW) else {
            assert!(!moves, "round {round}");
            continue;
        };
        for (number, count) in acknowledged.iter().enumerate() {
            for slot in 0..100.min(*count) {
                let last = (count - 1 - slot) / 100 * 100 + slot;
                let entry = (format!("{number}-{slot}"), last.to_string());
                assert!(held.contains(&entry), "round {round}: {entry:?} of {count} is not among {held:?}");
            }
        }
    }
}

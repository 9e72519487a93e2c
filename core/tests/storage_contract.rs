//! Each sentence of the contract of `Storage`, on every storage of the core and through every way to hold one.
#![cfg(all(feature = "file", unix))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::{
    sync::{Arc, Barrier},
    time::Duration,
};

use gsession::{
    AnyStorage, AsyncStorage, Changes, FileStorage, LimitExceeded, Limits, OnTheSpot, Record, Storage, StorageError,
    StorageErrorKind, StoreKey, Timestamp,
    record::Commit,
    storage::{Access, Committed, Created, FORWARD_FOR, Found, Lookup, Moved, Removed, Swept, Touched},
};
use support::{
    IDLE, NOW, active, commit_at, entries, found, key, quiet_file, quiet_memory, record, setting, stored, survivors,
};
use tempfile::TempDir;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

fn pairs(list: &[(&str, &str)]) -> Option<Vec<(String, String)>> {
    Some(list.iter().map(|&(key, json)| (key.to_owned(), json.to_owned())).collect())
}

fn done_at(committed: &Committed) -> Timestamp {
    match committed {
        Committed::Done { expires_at, .. } => *expires_at,
        other => panic!("not stored: {other:?}"),
    }
}

fn moved_at(moved: &Moved) -> Timestamp {
    match moved {
        Moved::Done { expires_at, .. } => *expires_at,
        other => panic!("not moved: {other:?}"),
    }
}

fn is_absent(storage: &dyn Storage, key: &StoreKey, now: Timestamp) -> bool {
    matches!(storage.load(key, &active(now)).unwrap(), Lookup::Absent)
}

// Absent is a value, broken is an error.

fn what_was_never_there_is_absent(storage: &dyn Storage) {
    assert!(is_absent(storage, &key(1), NOW));
    assert!(matches!(storage.fetch(&key(1), &["a"], &active(NOW)).unwrap(), Lookup::Absent));
    assert!(matches!(storage.commit(&key(1), &commit_at(setting("a", "1"), NOW)).unwrap(), Committed::Gone));
    assert_eq!(storage.touch(&key(1), &active(NOW)).unwrap(), Touched::Gone);
    assert_eq!(storage.move_to(&key(1), &key(2), &commit_at(setting("a", "1"), NOW)).unwrap(), Moved::Gone);
    assert_eq!(storage.remove(&key(1)).unwrap(), Removed::Absent);
    assert!(storage.find("ada", NOW).unwrap().is_empty());
    assert_eq!(survivors(storage, NOW), 0);
}

fn what_has_expired_is_absent(storage: &dyn Storage) {
    storage.create(&key(1), &record(&[("a", "1")]), NOW).unwrap();
    let last = NOW + (IDLE - Duration::from_millis(1));
    let end = NOW + IDLE;
    assert!(found(storage, &key(1), last).is_some());
    assert!(is_absent(storage, &key(1), end));
    assert!(matches!(storage.commit(&key(1), &commit_at(setting("a", "2"), end)).unwrap(), Committed::Gone));
    assert_eq!(storage.touch(&key(1), &active(end)).unwrap(), Touched::Gone);
    assert_eq!(storage.move_to(&key(1), &key(2), &commit_at(Changes::default(), end)).unwrap(), Moved::Gone);
    assert!(is_absent(storage, &key(2), end));
    assert_eq!(stored(storage, &key(1), last), pairs(&[("a", "1")]), "what came too late changed something");
}

// Nothing comes back.

fn nothing_comes_back_after_remove(storage: &dyn Storage) {
    storage.create(&key(1), &record(&[("a", "1")]), NOW).unwrap();
    let before = found(storage, &key(1), NOW).unwrap();
    assert_eq!(storage.remove(&key(1)).unwrap(), Removed::Done);
    let mut late = commit_at(setting("b", "2"), NOW);
    late.base = Some(before);
    assert!(matches!(storage.commit(&key(1), &late).unwrap(), Committed::Gone));
    assert_eq!(storage.touch(&key(1), &active(NOW)).unwrap(), Touched::Gone);
    assert_eq!(storage.move_to(&key(1), &key(2), &late).unwrap(), Moved::Gone);
    assert_eq!(storage.remove(&key(1)).unwrap(), Removed::Absent);
    assert!(is_absent(storage, &key(1), NOW) && is_absent(storage, &key(2), NOW));
    assert_eq!(survivors(storage, NOW), 0);
}

fn create_stores_the_record_as_it_is(storage: &dyn Storage) {
    let mut full = Record::new(NOW, IDLE, Some(NOW + 3 * IDLE));
    full.entries = entries(&[("cart", "[1,2]"), ("user", "\"ada\"")]);
    full.principal = Some("ada".into());
    assert_eq!(storage.create(&key(1), &full, NOW).unwrap(), Created::Done);
    let snapshot = found(storage, &key(1), NOW).unwrap();
    assert!(snapshot.complete);
    assert_eq!(snapshot.record, full);
    assert_eq!(stored(storage, &key(1), NOW), pairs(&[("cart", "[1,2]"), ("user", "\"ada\"")]));
}

fn create_never_overwrites_a_session(storage: &dyn Storage) {
    storage.create(&key(1), &record(&[("a", "1")]), NOW).unwrap();
    assert_eq!(storage.create(&key(1), &record(&[("b", "2")]), NOW).unwrap(), Created::Exists);
    assert_eq!(stored(storage, &key(1), NOW), pairs(&[("a", "1")]));
    // What has expired is no session, so its place is free.
    let later = NOW + IDLE;
    let mut fresh = Record::new(later, IDLE, None);
    fresh.entries = entries(&[("b", "2")]);
    assert_eq!(storage.create(&key(1), &fresh, later).unwrap(), Created::Done);
    assert_eq!(stored(storage, &key(1), later), pairs(&[("b", "2")]));
}

fn create_never_overwrites_the_trace_of_a_renewal(storage: &dyn Storage) {
    storage.create(&key(1), &record(&[("a", "1")]), NOW).unwrap();
    moved_at(&storage.move_to(&key(1), &key(2), &commit_at(Changes::default(), NOW)).unwrap());
    assert_eq!(storage.create(&key(1), &record(&[("b", "2")]), NOW).unwrap(), Created::Exists);
    assert_eq!(storage.remove(&key(1)).unwrap(), Removed::Moved(key(2)));
    assert_eq!(stored(storage, &key(2), NOW), pairs(&[("a", "1")]));
}

// Commits are atomic.

fn a_commit_changes_what_it_names_and_nothing_else(storage: &dyn Storage) {
    storage.create(&key(1), &record(&[("a", "1"), ("b", "2"), ("c", "3")]), NOW).unwrap();
    let mut changes = setting("b", "20");
    changes.remove("c");
    changes.set("d", "4");
    done_at(&storage.commit(&key(1), &commit_at(changes, NOW)).unwrap());
    assert_eq!(stored(storage, &key(1), NOW), pairs(&[("a", "1"), ("b", "20"), ("d", "4")]));
}

fn commits_that_began_from_the_same_state_both_stay(storage: &dyn Storage) {
    storage.create(&key(1), &record(&[("a", "1")]), NOW).unwrap();
    let base = found(storage, &key(1), NOW).unwrap();
    for name in ["x", "y"] {
        let mut commit = commit_at(setting(name, "1"), NOW);
        commit.base = Some(base.clone());
        done_at(&storage.commit(&key(1), &commit).unwrap());
    }
    assert_eq!(stored(storage, &key(1), NOW), pairs(&[("a", "1"), ("x", "1"), ("y", "1")]));
}

fn overlapping_commits_of_threads_all_stay(storage: &dyn Storage) {
    const THREADS: usize = 8;
    const ROUNDS: usize = 5;
    storage.create(&key(1), &record(&[]), NOW).unwrap();
    let start = Barrier::new(THREADS);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let start = &start;
            scope.spawn(move || {
                start.wait();
                for round in 0..ROUNDS {
                    let commit = commit_at(setting(&format!("{thread}-{round}"), "1"), NOW);
                    done_at(&storage.commit(&key(1), &commit).unwrap());
                }
            });
        }
    });
    assert_eq!(stored(storage, &key(1), NOW).unwrap().len(), THREADS * ROUNDS);
}

fn a_reader_sees_all_of_a_commit_or_nothing(storage: &dyn Storage) {
    const COMMITS: u32 = 200;
    storage.create(&key(1), &record(&[("a", "0"), ("b", "0")]), NOW).unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for n in 1..=COMMITS {
                let mut changes = setting("a", &n.to_string());
                changes.set("b", n.to_string());
                done_at(&storage.commit(&key(1), &commit_at(changes, NOW)).unwrap());
            }
        });
        let mut last = 0;
        while !writer.is_finished() {
            let entries = found(storage, &key(1), NOW).expect("it is always there").record.entries;
            let (a, b) = (entries.get_str("a").unwrap(), entries.get_str("b").unwrap());
            assert_eq!(a, b, "half a commit");
            let n: u32 = a.parse().unwrap();
            assert!(n >= last, "{n} after {last}");
            last = n;
        }
    });
    let end = COMMITS.to_string();
    assert_eq!(stored(storage, &key(1), NOW), pairs(&[("a", &end), ("b", &end)]));
}

fn an_expectation_that_fails_stores_nothing(storage: &dyn Storage) {
    storage.create(&key(1), &record(&[("n", "1")]), NOW).unwrap();
    let now_has = |answer: Committed| match answer {
        Committed::Conflict(current) => current.map(|json| json.as_str().to_owned()),
        other => panic!("no conflict: {other:?}"),
    };
    let expecting = |name: &str, json: Option<&str>| {
        let commit = commit_at(setting("n", "9"), NOW).expecting(name, json);
        storage.commit(&key(1), &commit).unwrap()
    };
    assert_eq!(now_has(expecting("n", Some("2"))).as_deref(), Some("1"));
    assert_eq!(now_has(expecting("n", None)).as_deref(), Some("1"));
    assert_eq!(now_has(expecting("other", Some("1"))), None);
    assert_eq!(stored(storage, &key(1), NOW), pairs(&[("n", "1")]));
    done_at(&expecting("n", Some("1")));
    done_at(&expecting("other", None));
    assert_eq!(stored(storage, &key(1), NOW), pairs(&[("n", "9")]));
}

/// The revision that a commit answers is that of what the request knows, or none: it may not pass for the state that others
/// have made meanwhile.
fn a_revision_is_of_what_the_request_knows(storage: &dyn Storage) {
    storage.create(&key(1), &record(&[("n", "1")]), NOW).unwrap();
    let mut known = found(storage, &key(1), NOW).unwrap();
    done_at(&storage.commit(&key(1), &commit_at(setting("theirs", "1"), NOW)).unwrap());
    // As a session does it: an update that meets a change, then another commit from what it knows.
    for json in ["1", "2", "3"] {
        let mut commit = commit_at(setting("n", &format!("{}", json.parse::<u32>().unwrap() + 1)), NOW);
        commit = commit.expecting("n", Some(json));
        commit.base = Some(known.clone());
        let Committed::Done { revision, .. } = storage.commit(&key(1), &commit).unwrap() else { panic!("not stored") };
        known.record.entries = commit.changes.apply_to(&known.record.entries, &Limits::default()).unwrap();
        known.revision = revision;
        let mut more = commit_at(setting("ours", json), NOW);
        more.base = Some(known.clone());
        done_at(&storage.commit(&key(1), &more).unwrap());
    }
    assert_eq!(stored(storage, &key(1), NOW), pairs(&[("n", "4"), ("ours", "3"), ("theirs", "1")]));
}

/// What the request had read before does not stand in for what is there, whatever it says.
fn a_base_that_is_out_of_date_decides_nothing(storage: &dyn Storage) {
    storage.create(&key(1), &record(&[("n", "1")]), NOW).unwrap();
    let first = found(storage, &key(1), NOW).unwrap();
    let expecting = |base: &gsession::storage::Snapshot, json: &str, to: &str| {
        let mut commit = commit_at(setting("n", to), NOW).expecting("n", Some(json));
        commit.base = Some(base.clone());
        storage.commit(&key(1), &commit).unwrap()
    };
    // The condition does not hold, although nothing has changed since.
    assert!(matches!(expecting(&first, "7", "8"), Committed::Conflict(Some(now)) if now.as_str() == "1"));
    done_at(&expecting(&first, "1", "2"));
    // It held then, and does not any more.
    assert!(matches!(expecting(&first, "1", "9"), Committed::Conflict(Some(now)) if now.as_str() == "2"));
    // It did not hold then, and does now.
    done_at(&expecting(&first, "2", "3"));
    assert_eq!(stored(storage, &key(1), NOW), pairs(&[("n", "3")]));
    // A touch that came in between is not undone.
    let before = found(storage, &key(1), NOW).unwrap();
    let later = NOW + MINUTE;
    assert_eq!(storage.touch(&key(1), &active(later)).unwrap(), Touched::Done(later + IDLE));
    let mut slow = commit_at(setting("x", "1"), NOW + SECOND);
    slow.base = Some(before);
    assert_eq!(done_at(&storage.commit(&key(1), &slow).unwrap()), later + IDLE);
    assert_eq!(found(storage, &key(1), later).unwrap().record.last_seen, later);
}

fn clear_removes_what_was_there_before_it(storage: &dyn Storage) {
    let mut first = record(&[("a", "1"), ("b", "2")]);
    first.principal = Some("ada".into());
    storage.create(&key(1), &first, NOW).unwrap();
    let mut changes = setting("b", "3");
    changes.clear();
    changes.set("c", "4");
    done_at(&storage.commit(&key(1), &commit_at(changes, NOW)).unwrap());
    assert_eq!(stored(storage, &key(1), NOW), pairs(&[("c", "4")]));
    assert_eq!(found(storage, &key(1), NOW).unwrap().record.principal.as_deref(), Some("ada"));
}

fn the_principal_is_changed_by_those_who_name_it(storage: &dyn Storage) {
    storage.create(&key(1), &record(&[("a", "1")]), NOW).unwrap();
    let principal = || found(storage, &key(1), NOW).unwrap().record.principal;
    let mut changes = Changes::default();
    changes.set_principal(Some("ada".into()));
    done_at(&storage.commit(&key(1), &commit_at(changes, NOW)).unwrap());
    assert_eq!(principal().as_deref(), Some("ada"));
    done_at(&storage.commit(&key(1), &commit_at(setting("a", "2"), NOW)).unwrap());
    assert_eq!(principal().as_deref(), Some("ada"));
    let mut changes = Changes::default();
    changes.set_principal(None);
    done_at(&storage.commit(&key(1), &commit_at(changes, NOW)).unwrap());
    assert_eq!(principal(), None);
    assert_eq!(stored(storage, &key(1), NOW), pairs(&[("a", "2")]));
}

fn a_limit_is_a_typed_error_and_leaves_the_record(storage: &dyn Storage) {
    storage.create(&key(1), &record(&[("a", "1")]), NOW).unwrap();
    let kind_under = |limits: Limits| {
        let mut commit = commit_at(setting("b", "\"long enough\""), NOW + MINUTE);
        commit.limits = limits;
        let at_commit = storage.commit(&key(1), &commit).unwrap_err().kind();
        let at_move = storage.move_to(&key(1), &key(2), &commit).unwrap_err().kind();
        assert_eq!(at_commit, at_move);
        at_commit
    };
    assert_eq!(
        kind_under(Limits::default().max_entries(1)),
        StorageErrorKind::Limit(LimitExceeded::Entries { limit: 1, actual: 2 })
    );
    assert_eq!(
        kind_under(Limits::default().max_record_bytes(10)),
        StorageErrorKind::Limit(LimitExceeded::Record { limit: 10, actual: 16 })
    );
    let left = found(storage, &key(1), NOW).unwrap().record;
    assert_eq!(left, record(&[("a", "1")]));
    assert!(is_absent(storage, &key(2), NOW));
    assert_eq!(survivors(storage, NOW), 1);
}

// Deadlines only move forward, and never past the absolute one.

fn a_touch_moves_the_deadline_forward_only(storage: &dyn Storage) {
    storage.create(&key(1), &record(&[("a", "1")]), NOW).unwrap();
    let (early, late) = (NOW + MINUTE, NOW + 3 * MINUTE);
    assert_eq!(storage.touch(&key(1), &active(late)).unwrap(), Touched::Done(late + IDLE));
    // A slow request, whose time is long past.
    assert_eq!(storage.touch(&key(1), &active(early)).unwrap(), Touched::Done(late + IDLE));
    let committed = storage.commit(&key(1), &commit_at(setting("a", "2"), early)).unwrap();
    assert_eq!(done_at(&committed), late + IDLE);
    assert_eq!(found(storage, &key(1), late).unwrap().record.expires_at(), late + IDLE);
    let moved = storage.move_to(&key(1), &key(2), &commit_at(Changes::default(), early)).unwrap();
    assert_eq!(moved_at(&moved), late + IDLE);
    assert_eq!(found(storage, &key(2), late).unwrap().record.expires_at(), late + IDLE);
}

fn a_touch_extends_a_session_past_its_first_end(storage: &dyn Storage) {
    storage.create(&key(1), &record(&[("a", "1")]), NOW).unwrap();
    let half = NOW + IDLE / 2;
    storage.touch(&key(1), &active(half)).unwrap();
    assert!(found(storage, &key(1), NOW + IDLE).is_some());
    assert_eq!(storage.sweep(NOW + IDLE).unwrap().removed, 0);
    assert!(is_absent(storage, &key(1), half + IDLE));
    assert_eq!(storage.sweep(half + IDLE).unwrap().removed, 1);
}

fn nothing_extends_past_the_absolute_deadline(storage: &dyn Storage) {
    let end = NOW + IDLE + MINUTE;
    let mut first = Record::new(NOW, IDLE, Some(end));
    first.entries = entries(&[("a", "1")]);
    storage.create(&key(1), &first, NOW).unwrap();
    let late = NOW + IDLE / 2;
    assert_eq!(storage.touch(&key(1), &active(late)).unwrap(), Touched::Done(end));
    assert_eq!(done_at(&storage.commit(&key(1), &commit_at(setting("a", "2"), late)).unwrap()), end);
    assert_eq!(moved_at(&storage.move_to(&key(1), &key(2), &commit_at(setting("b", "1"), late)).unwrap()), end);
    assert!(found(storage, &key(2), end + Duration::ZERO).is_none());
    assert!(is_absent(storage, &key(2), end));
    assert_eq!(storage.touch(&key(2), &active(end)).unwrap(), Touched::Gone);
}

fn a_passive_access_extends_nothing(storage: &dyn Storage) {
    storage.create(&key(1), &record(&[("a", "1")]), NOW).unwrap();
    let late = NOW + MINUTE;
    let passive = Access::passive(late);
    let Lookup::Found(snapshot) = storage.load(&key(1), &passive).unwrap() else { panic!("it is there") };
    assert!(!snapshot.extended);
    assert_eq!(storage.touch(&key(1), &passive).unwrap(), Touched::Done(NOW + IDLE));
    let committed = storage.commit(&key(1), &Commit::new(setting("a", "2"), passive)).unwrap();
    assert_eq!(done_at(&committed), NOW + IDLE);
    let moved = storage.move_to(&key(1), &key(2), &Commit::new(Changes::default(), passive)).unwrap();
    assert_eq!(moved_at(&moved), NOW + IDLE);
    assert_eq!(stored(storage, &key(2), late), pairs(&[("a", "2")]));
}

fn reading_is_activity_when_a_touch_is_due(storage: &dyn Storage) {
    storage.create(&key(1), &record(&[("a", "1")]), NOW).unwrap();
    let access = |now| Access::active(now, IDLE, MINUTE);
    let read = |now| match storage.load(&key(1), &access(now)).unwrap() {
        Lookup::Found(snapshot) => snapshot,
        other => panic!("it is there: {other:?}"),
    };
    let soon = read(NOW + (MINUTE - SECOND));
    assert!(!soon.extended, "not due yet");
    assert_eq!(soon.record.expires_at(), NOW + IDLE);
    let due = read(NOW + MINUTE);
    if !due.extended {
        // It may leave that to `touch`.
        storage.touch(&key(1), &access(NOW + MINUTE)).unwrap();
    }
    assert_eq!(found(storage, &key(1), NOW + MINUTE).unwrap().record.expires_at(), NOW + MINUTE + IDLE);
}

// What is answered is stored.

fn what_is_answered_is_seen_by_the_next_load(storage: &dyn Storage) {
    for number in 0..20_u8 {
        assert_eq!(storage.create(&key(number), &record(&[("a", "1")]), NOW).unwrap(), Created::Done);
        assert_eq!(stored(storage, &key(number), NOW), pairs(&[("a", "1")]));
        done_at(&storage.commit(&key(number), &commit_at(setting("a", "2"), NOW)).unwrap());
        assert_eq!(stored(storage, &key(number), NOW), pairs(&[("a", "2")]));
        assert_eq!(storage.remove(&key(number)).unwrap(), Removed::Done);
        assert_eq!(stored(storage, &key(number), NOW), None);
    }
}

fn a_fetch_has_the_entries_it_was_asked_for(storage: &dyn Storage) {
    storage.create(&key(1), &record(&[("a", "1"), ("b", "2"), ("c", "3")]), NOW).unwrap();
    let Lookup::Found(snapshot) = storage.fetch(&key(1), &["a", "c", "no"], &active(NOW)).unwrap() else {
        panic!("it is there")
    };
    assert_eq!(snapshot.record.entries.get_str("a"), Some("1"));
    assert_eq!(snapshot.record.entries.get_str("c"), Some("3"));
    assert_eq!(snapshot.record.entries.get_str("no"), None);
}

fn a_principal_of_any_length_is_kept_or_refused(storage: &dyn Storage) {
    let mut long = record(&[("a", "1")]);
    long.principal = Some("x".repeat(2 << 20).into());
    if let Ok(created) = storage.create(&key(1), &long, NOW) {
        assert_eq!(created, Created::Done);
        assert!(found(storage, &key(1), NOW).is_some(), "answered as stored, and it is not there");
    }
}

// Moves.

fn a_move_takes_the_data_and_leaves_a_trace(storage: &dyn Storage) {
    let mut first = record(&[("a", "1"), ("b", "2")]);
    first.principal = Some("ada".into());
    storage.create(&key(1), &first, NOW).unwrap();
    let (at, late) = (NOW + MINUTE, NOW + 2 * MINUTE);
    assert_eq!(moved_at(&storage.move_to(&key(1), &key(2), &commit_at(setting("b", "3"), at)).unwrap()), at + IDLE);
    assert_eq!(stored(storage, &key(2), late), pairs(&[("a", "1"), ("b", "3")]));
    let new = found(storage, &key(2), late).unwrap().record;
    assert_eq!((new.created_at, new.principal.as_deref()), (NOW, Some("ada")));
    // The old one stores nothing any more and says why.
    assert!(matches!(storage.load(&key(1), &active(late)).unwrap(), Lookup::Moved(when) if when == at));
    let late_commit = commit_at(setting("c", "4"), late);
    assert!(matches!(storage.commit(&key(1), &late_commit).unwrap(), Committed::Moved(when) if when == at));
    assert_eq!(storage.touch(&key(1), &active(late)).unwrap(), Touched::Gone);
    assert_eq!(storage.move_to(&key(1), &key(3), &late_commit).unwrap(), Moved::Moved(at));
    assert!(is_absent(storage, &key(3), late));
    assert_eq!(stored(storage, &key(2), late), pairs(&[("a", "1"), ("b", "3")]));
    // A logout finds its way, also a second one.
    assert_eq!(storage.remove(&key(1)).unwrap(), Removed::Moved(key(2)));
    assert_eq!(storage.remove(&key(2)).unwrap(), Removed::Done);
    assert_eq!(storage.remove(&key(1)).unwrap(), Removed::Moved(key(2)));
    assert_eq!(survivors(storage, late), 0);
}

fn the_trace_of_a_move_ends(storage: &dyn Storage) {
    storage.create(&key(1), &record(&[("a", "1")]), NOW).unwrap();
    moved_at(&storage.move_to(&key(1), &key(2), &commit_at(Changes::default(), NOW)).unwrap());
    let last = NOW + (FORWARD_FOR - Duration::from_millis(1));
    assert!(matches!(storage.load(&key(1), &active(last)).unwrap(), Lookup::Moved(_)));
    assert_eq!(storage.sweep(last).unwrap().removed, 0);
    assert!(is_absent(storage, &key(1), NOW + FORWARD_FOR));
    assert_eq!(storage.sweep(NOW + FORWARD_FOR).unwrap().removed, 1);
    assert_eq!(storage.remove(&key(1)).unwrap(), Removed::Absent);
    assert_eq!(stored(storage, &key(2), NOW + FORWARD_FOR), pairs(&[("a", "1")]));
}

fn a_move_to_a_taken_key_changes_nothing(storage: &dyn Storage) {
    for number in 1..=2 {
        storage.create(&key(number), &record(&[("n", &number.to_string())]), NOW).unwrap();
    }
    let commit = commit_at(setting("x", "1"), NOW + MINUTE);
    assert_eq!(storage.move_to(&key(1), &key(2), &commit).unwrap(), Moved::Taken);
    assert_eq!(found(storage, &key(1), NOW).unwrap().record, record(&[("n", "1")]));
    assert_eq!(found(storage, &key(2), NOW).unwrap().record, record(&[("n", "2")]));
    // The trace of another renewal is something too.
    moved_at(&storage.move_to(&key(2), &key(3), &commit).unwrap());
    assert_eq!(storage.move_to(&key(1), &key(2), &commit).unwrap(), Moved::Taken);
    assert_eq!(storage.remove(&key(2)).unwrap(), Removed::Moved(key(3)));
}

fn of_two_moves_one_wins(storage: &dyn Storage) {
    const MOVERS: u8 = 8;
    for round in 0..5_u8 {
        let from = key(round);
        let to = |mover: u8| key(100 + round * MOVERS + mover);
        storage.create(&from, &record(&[("a", "1")]), NOW).unwrap();
        let start = Barrier::new(usize::from(MOVERS));
        let outcomes: Vec<Moved> = std::thread::scope(|scope| {
            let movers: Vec<_> = (0..MOVERS)
                .map(|mover| {
                    let (start, to) = (&start, to(mover));
                    scope.spawn(move || {
                        start.wait();
                        storage.move_to(&from, &to, &commit_at(Changes::default(), NOW)).unwrap()
                    })
                })
                .collect();
            movers.into_iter().map(|mover| mover.join().unwrap()).collect()
        });
        let won = |moved: &Moved| matches!(moved, Moved::Done { .. });
        assert_eq!(outcomes.iter().filter(|&moved| won(moved)).count(), 1, "{outcomes:?}");
        assert!(outcomes.iter().all(|moved| won(moved) || *moved == Moved::Moved(NOW)), "{outcomes:?}");
        for (mover, outcome) in (0..MOVERS).zip(&outcomes) {
            assert_eq!(found(storage, &to(mover), NOW).is_some(), won(outcome));
            if won(outcome) {
                assert_eq!(storage.remove(&from).unwrap(), Removed::Moved(to(mover)));
            }
        }
    }
}

fn moves_in_circles_never_wait_for_each_other(storage: &dyn Storage) {
    for number in 1..=2 {
        storage.create(&key(number), &record(&[("a", "1")]), NOW).unwrap();
    }
    let start = Barrier::new(2);
    std::thread::scope(|scope| {
        for (from, to) in [(1, 2), (2, 1)] {
            let start = &start;
            scope.spawn(move || {
                for _ in 0..50 {
                    start.wait();
                    let moved = storage.move_to(&key(from), &key(to), &commit_at(Changes::default(), NOW)).unwrap();
                    assert_eq!(moved, Moved::Taken);
                }
            });
        }
    });
}

// Sweeping and listing.

fn sweep_removes_what_has_expired_and_nothing_else(storage: &dyn Storage) {
    for number in 0..3 {
        let short = Record::new(NOW, MINUTE, None);
        storage.create(&key(number), &short, NOW).unwrap();
    }
    storage.create(&key(3), &Record::new(NOW, IDLE, Some(NOW + MINUTE)), NOW).unwrap();
    storage.create(&key(10), &record(&[("a", "1")]), NOW).unwrap();
    storage.create(&key(11), &record(&[("a", "1")]), NOW).unwrap();
    moved_at(&storage.move_to(&key(11), &key(12), &commit_at(Changes::default(), NOW)).unwrap());
    assert_eq!(storage.sweep(NOW + (MINUTE - SECOND)).unwrap().removed, 0);
    let swept = storage.sweep(NOW + MINUTE).unwrap();
    // The two sessions, and the trace of the renewal.
    assert_eq!((swept.removed, swept.kept, swept.foreign), (4, 3, 0));
    assert_eq!(storage.sweep(NOW + MINUTE).unwrap().removed, 0);
    for number in [10, 12] {
        assert_eq!(stored(storage, &key(number), NOW + MINUTE), pairs(&[("a", "1")]));
    }
    // It is gone, not hidden.
    assert!((0..4).all(|number| found(storage, &key(number), NOW).is_none()));
}

fn find_lists_the_living_sessions_of_a_principal(storage: &dyn Storage) {
    let of = |principal: Option<&str>, idle| {
        let mut record = Record::new(NOW, idle, None);
        record.principal = principal.map(Into::into);
        record
    };
    for (number, record) in [
        (1, of(Some("ada"), IDLE)),
        (2, of(Some("ada"), IDLE)),
        (3, of(Some("bob"), IDLE)),
        (4, of(None, IDLE)),
        (5, of(Some("ada"), MINUTE)),
        (6, of(Some("ada"), IDLE)),
    ] {
        storage.create(&key(number), &record, NOW).unwrap();
    }
    storage.remove(&key(6)).unwrap();
    let later = NOW + MINUTE;
    moved_at(&storage.move_to(&key(2), &key(20), &commit_at(Changes::default(), later)).unwrap());
    let listed = |principal: &str| {
        let mut keys: Vec<_> = storage.find(principal, later).unwrap().into_iter().map(|found| found.key).collect();
        keys.sort();
        keys
    };
    assert_eq!(listed("ada"), [key(1), key(20)]);
    assert_eq!(listed("bob"), [key(3)]);
    assert!(listed("eve").is_empty() && listed("").is_empty());
    let record = storage.find("bob", later).unwrap().remove(0).record;
    assert_eq!((record.principal.as_deref(), record.created_at), (Some("bob"), NOW));
}

/// The async face of a storage, so that the same cases try it.
struct Awaited {
    storage: AnyStorage,
    runtime: tokio::runtime::Runtime,
}

impl Awaited {
    fn new(storage: impl AsyncStorage + 'static) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        Self { storage: AnyStorage::new(storage), runtime }
    }
}

impl Storage for Awaited {
    fn load(&self, key: &StoreKey, access: &Access) -> Result<Lookup, StorageError> {
        self.runtime.block_on(self.storage.load(key, access))
    }

    fn fetch(&self, key: &StoreKey, names: &[&str], access: &Access) -> Result<Lookup, StorageError> {
        self.runtime.block_on(self.storage.fetch(key, names, access))
    }

    fn create(&self, key: &StoreKey, record: &Record, now: Timestamp) -> Result<Created, StorageError> {
        self.runtime.block_on(self.storage.create(key, record, now))
    }

    fn commit(&self, key: &StoreKey, commit: &Commit) -> Result<Committed, StorageError> {
        self.runtime.block_on(self.storage.commit(key, commit))
    }

    fn touch(&self, key: &StoreKey, access: &Access) -> Result<Touched, StorageError> {
        self.runtime.block_on(self.storage.touch(key, access))
    }

    fn move_to(&self, from: &StoreKey, to: &StoreKey, commit: &Commit) -> Result<Moved, StorageError> {
        self.runtime.block_on(self.storage.move_to(from, to, commit))
    }

    fn remove(&self, key: &StoreKey) -> Result<Removed, StorageError> {
        self.runtime.block_on(self.storage.remove(key))
    }

    fn find(&self, principal: &str, now: Timestamp) -> Result<Vec<Found>, StorageError> {
        self.runtime.block_on(self.storage.find(principal, now))
    }

    fn sweep(&self, now: Timestamp) -> Result<Swept, StorageError> {
        self.runtime.block_on(self.storage.sweep(now))
    }
}

fn in_a_folder(run: impl FnOnce(FileStorage)) {
    let folder = TempDir::new().unwrap();
    run(quiet_file(&folder.path().join("sessions")));
}

type Case = fn(&dyn Storage);

/// Makes each case a test on each way to hold a storage.
macro_rules! contract {
    ($($case:ident)*) => {
        contract!(@ways [$($case)*]
            memory: |case: Case| case(&quiet_memory());
            file: |case: Case| in_a_folder(|storage| case(&storage));
            memory_in_arc: |case: Case| case(&(Arc::new(quiet_memory()) as Arc<dyn Storage>));
            file_in_box: |case: Case| in_a_folder(|storage| case(&(Box::new(storage) as Box<dyn Storage>)));
            memory_async: |case: Case| case(&Awaited::new(quiet_memory()));
            memory_on_the_spot: |case: Case| case(&Awaited::new(OnTheSpot(quiet_memory())));
        );
        #[cfg(feature = "tokio")]
        contract!(@ways [$($case)*]
            memory_on_pool: |case: Case| case(&Awaited::new(gsession::OnPool::new(quiet_memory())));
            file_async: |case: Case| in_a_folder(|storage| case(&Awaited::new(storage)));
        );
        #[cfg(feature = "redis")]
        contract!(@ways [$($case)*]
            redis_string: |case: Case| case(&support::redis::strings());
            redis_hash: |case: Case| case(&support::redis::hashes());
            redis_string_async: |case: Case| case(&Awaited::new(support::redis::strings()));
            redis_hash_async: |case: Case| case(&Awaited::new(support::redis::hashes()));
            redis_string_near: |case: Case| case(&Awaited::new(support::redis::near_strings()));
            redis_hash_near: |case: Case| case(&Awaited::new(support::redis::near_hashes()));
            redis_string_cluster: |case: Case| case(&support::redis::clustered_strings());
            redis_hash_cluster: |case: Case| case(&Awaited::new(support::redis::clustered_hashes()));
        );
    };
    (@ways $cases:tt $($way:ident: $run:expr;)*) => { $(contract!(@way $way, $run, $cases);)* };
    (@way $way:ident, $run:expr, [$($case:ident)*]) => {
        mod $way {
            use super::*;
            $(#[test] fn $case() { ($run)(super::$case) })*
        }
    };
}

contract! {
    what_was_never_there_is_absent
    what_has_expired_is_absent
    nothing_comes_back_after_remove
    create_stores_the_record_as_it_is
    create_never_overwrites_a_session
    create_never_overwrites_the_trace_of_a_renewal
    a_commit_changes_what_it_names_and_nothing_else
    commits_that_began_from_the_same_state_both_stay
    overlapping_commits_of_threads_all_stay
    a_reader_sees_all_of_a_commit_or_nothing
    an_expectation_that_fails_stores_nothing
    a_base_that_is_out_of_date_decides_nothing
    a_revision_is_of_what_the_request_knows
    clear_removes_what_was_there_before_it
    the_principal_is_changed_by_those_who_name_it
    a_limit_is_a_typed_error_and_leaves_the_record
    a_touch_moves_the_deadline_forward_only
    a_touch_extends_a_session_past_its_first_end
    nothing_extends_past_the_absolute_deadline
    a_passive_access_extends_nothing
    reading_is_activity_when_a_touch_is_due
    what_is_answered_is_seen_by_the_next_load
    a_fetch_has_the_entries_it_was_asked_for
    a_principal_of_any_length_is_kept_or_refused
    a_move_takes_the_data_and_leaves_a_trace
    the_trace_of_a_move_ends
    a_move_to_a_taken_key_changes_nothing
    of_two_moves_one_wins
    moves_in_circles_never_wait_for_each_other
    sweep_removes_what_has_expired_and_nothing_else
    find_lists_the_living_sessions_of_a_principal
}

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
    done_at(&storage.commit(&key(1), &commit).unwrap());
    let kept = found(storage, &key(1), NOW).expect("it is within the limits and was answered as stored").record;
    assert_eq!(kept.entries.len(), ENTRIES);
}

/// Answers with the name of the method that was called.
struct Names;

fn named<T>(name: &'static str) -> Result<T, StorageError> {
    Err(StorageError::new(StorageErrorKind::Other, name))
}

impl Storage for Names {
    fn load(&self, _: &StoreKey, _: &Access) -> Result<Lookup, StorageError> {
        named("load")
    }

    fn fetch(&self, _: &StoreKey, _: &[&str], _: &Access) -> Result<Lookup, StorageError> {
        named("fetch")
    }

    fn create(&self, _: &StoreKey, _: &Record, _: Timestamp) -> Result<Created, StorageError> {
        named("create")
    }

    fn commit(&self, _: &StoreKey, _: &Commit) -> Result<Committed, StorageError> {
        named("commit")
    }

    fn touch(&self, _: &StoreKey, _: &Access) -> Result<Touched, StorageError> {
        named("touch")
    }

    fn move_to(&self, _: &StoreKey, _: &StoreKey, _: &Commit) -> Result<Moved, StorageError> {
        named("move_to")
    }

    fn remove(&self, _: &StoreKey) -> Result<Removed, StorageError> {
        named("remove")
    }

    fn find(&self, _: &str, _: Timestamp) -> Result<Vec<Found>, StorageError> {
        named("find")
    }

    fn sweep(&self, _: Timestamp) -> Result<Swept, StorageError> {
        named("sweep")
    }
}

/// A pointer that forgets one method would fall back to its default, which is slower or does nothing.
fn forwards_every_method(storage: &dyn Storage) {
    fn name<T>(answer: Result<T, StorageError>) -> &'static str {
        answer.err().expect("it only fails").operation()
    }
    let commit = commit_at(Changes::default(), NOW);
    assert_eq!(name(storage.load(&key(1), &active(NOW))), "load");
    assert_eq!(name(storage.fetch(&key(1), &["a"], &active(NOW))), "fetch");
    assert_eq!(name(storage.create(&key(1), &record(&[]), NOW)), "create");
    assert_eq!(name(storage.commit(&key(1), &commit)), "commit");
    assert_eq!(name(storage.touch(&key(1), &active(NOW))), "touch");
    assert_eq!(name(storage.move_to(&key(1), &key(2), &commit)), "move_to");
    assert_eq!(name(storage.remove(&key(1))), "remove");
    assert_eq!(name(storage.find("ada", NOW)), "find");
    assert_eq!(name(storage.sweep(NOW)), "sweep");
}

#[test]
fn every_way_to_hold_a_storage_forwards_every_method() {
    forwards_every_method(&Names);
    forwards_every_method(&&Names);
    forwards_every_method(&(Arc::new(Names) as Arc<dyn Storage>));
    forwards_every_method(&(Box::new(Names) as Box<dyn Storage>));
    forwards_every_method(&Awaited::new(OnTheSpot(Names)));
    forwards_every_method(&Awaited::new(AnyStorage::new(OnTheSpot(Names))));
}

#[cfg(feature = "tokio")]
#[test]
fn the_pool_forwards_every_method() {
    forwards_every_method(&Awaited::new(gsession::OnPool::new(Names)));
    forwards_every_method(&Awaited::new(AnyStorage::new(gsession::OnPool::from(Arc::new(Names) as Arc<dyn Storage>))));
}

/// A storage with the required methods alone.
struct Least(Box<dyn Storage>);

impl Storage for Least {
    fn load(&self, key: &StoreKey, access: &Access) -> Result<Lookup, StorageError> {
        self.0.load(key, access)
    }

    fn create(&self, key: &StoreKey, record: &Record, now: Timestamp) -> Result<Created, StorageError> {
        self.0.create(key, record, now)
    }

    fn commit(&self, key: &StoreKey, commit: &Commit) -> Result<Committed, StorageError> {
        self.0.commit(key, commit)
    }

    fn remove(&self, key: &StoreKey) -> Result<Removed, StorageError> {
        self.0.remove(key)
    }
}

#[test]
fn the_defaults_are_right_or_say_that_they_are_missing() {
    let storage = Least(Box::new(quiet_memory()));
    what_is_answered_is_seen_by_the_next_load(&storage);
    a_fetch_has_the_entries_it_was_asked_for(&storage);
    storage.create(&key(30), &record(&[("a", "1")]), NOW).unwrap();
    let late = NOW + MINUTE;
    assert_eq!(storage.touch(&key(30), &active(late)).unwrap(), Touched::Done(late + IDLE));
    assert_eq!(storage.touch(&key(31), &active(late)).unwrap(), Touched::Gone);
    assert_eq!(stored(&storage, &key(30), late), pairs(&[("a", "1")]));
    let unsupported = |error: StorageError| assert_eq!(error.kind(), StorageErrorKind::Unsupported);
    unsupported(storage.move_to(&key(30), &key(31), &commit_at(Changes::default(), NOW)).unwrap_err());
    unsupported(storage.find("ada", NOW).unwrap_err());
    assert_eq!(storage.sweep(NOW).unwrap(), Swept::default());
    assert_eq!(stored(&storage, &key(30), late), pairs(&[("a", "1")]));
}

/// Outside a runtime the pool says so, instead of panicking.
#[cfg(feature = "tokio")]
#[test]
fn the_pool_without_a_runtime_is_an_error() {
    let storage = AnyStorage::new(gsession::OnPool::new(quiet_memory()));
    let error = futures::executor::block_on(storage.load(&key(1), &active(NOW))).unwrap_err();
    assert_eq!(error.kind(), StorageErrorKind::Setup);
}

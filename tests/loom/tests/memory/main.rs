//! Runs threads on one memory storage in every interleaving of its locks and atomics, with memory as weakly ordered as on any
//! hardware.
//!
//! The files are those of the storage, compiled here with loom's locks, so that gsession need not depend on loom. The items that
//! they use from `crate` are imported from gsession below.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod sync;

#[path = "../../../../core/src/storage/memory/capacity.rs"]
mod capacity;
#[path = "../../../../core/src/storage/memory/evict.rs"]
mod evict;
#[path = "../../../../core/src/storage/memory/evictable.rs"]
mod evictable;
#[path = "../../../../core/src/storage/memory/follow.rs"]
mod follow;
#[path = "../../../../core/src/storage/memory/history.rs"]
mod history;
#[path = "../../../../core/src/storage/memory/listing.rs"]
mod listing;
#[path = "../../../../core/src/storage/memory/locks.rs"]
mod locks;
#[path = "../../../../core/src/storage/memory/principals.rs"]
mod principals;
#[path = "../../../../core/src/storage/memory/renew.rs"]
mod renew;
#[path = "../../../../core/src/storage/memory/shard.rs"]
#[allow(dead_code, reason = "scans of the whole storage are not a subject here")]
mod shard;
#[path = "../../../../core/src/storage/memory/slot.rs"]
mod slot;
#[path = "../../../../core/src/storage/memory/store.rs"]
mod store;

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use gsession::{Changes, Entries, Record, StoreKey, Timestamp, id, observe, record, storage};
use loom::thread::{self, JoinHandle};
use record::Commit;
use storage::{Access, Committed, Created, Lookup, Moved, Removed, Touched};
use store::Store;

const NOW: Timestamp = Timestamp::from_millis(1_750_000_000_000);
const IDLE: Duration = Duration::from_secs(24 * 60 * 60);

/// Keys with odd numbers are in one shard, keys with even numbers in the other.
fn key(number: u8) -> StoreKey {
    let mut bytes = [0xa5; 32];
    (bytes[0], bytes[31]) = (number, number);
    StoreKey::from_bytes(bytes)
}

fn record(list: &[(&str, &str)]) -> Record {
    let mut record = Record::new(NOW, IDLE, None);
    record.entries = Entries::pack(list.iter().copied()).unwrap();
    record
}

fn active(now: Timestamp) -> Access {
    Access::active(now, IDLE, Duration::ZERO)
}

fn setting(key: &str) -> Commit {
    let mut changes = Changes::default();
    changes.set(key, "1");
    Commit::new(changes, active(NOW))
}

/// A storage with more room than any test needs.
fn roomy() -> Arc<Store> {
    Arc::new(Store::new(1_000_000, usize::MAX))
}

/// A storage with one session.
fn with_session() -> Arc<Store> {
    let storage = roomy();
    storage.create(&key(1), &record(&[("n", "0")]), NOW).unwrap();
    storage
}

/// A storage with one session, of ada.
fn with_session_of_ada(number: u8) -> Arc<Store> {
    let storage = roomy();
    let mut owned = record(&[]);
    owned.principal = Some("ada".into());
    storage.create(&key(number), &owned, NOW).unwrap();
    storage
}

fn renew(storage: &Store, from: u8, to: u8) -> Moved {
    storage.move_to(&key(from), &key(to), &setting("a")).unwrap()
}

/// Renews a session that nobody ends, from each key to the next one.
fn renew_along(storage: &Store, numbers: &[u8]) {
    for pair in numbers.windows(2) {
        assert!(matches!(renew(storage, pair[0], pair[1]), Moved::Done { .. }));
    }
}

/// Removes the session that a key leads to.
fn log_out(storage: &Store, mut key: StoreKey) -> Removed {
    loop {
        match storage.remove(&key) {
            Removed::Renewed(to) => key = to,
            ended => return ended,
        }
    }
}

fn lives(storage: &Store, number: u8) -> bool {
    names(storage, &key(number)).is_some()
}

fn spawn<T: 'static>(storage: &Arc<Store>, run: impl FnOnce(&Store) -> T + 'static) -> JoinHandle<T> {
    let storage = storage.clone();
    thread::spawn(move || run(&storage))
}

fn names(storage: &Store, key: &StoreKey) -> Option<Vec<String>> {
    match storage.load(key, &Access::passive(NOW)) {
        Lookup::Found(snapshot) => Some(snapshot.record.entries.iter().map(|(key, _)| key.to_owned()).collect()),
        _ => None,
    }
}

/// Checks that the counts match the slots.
fn check_counts(storage: &Store, held: usize) {
    assert_eq!(storage.len(), held);
    assert_eq!(storage.sweep(NOW + 1000 * IDLE).removed, held as u64);
    assert_eq!((storage.len(), storage.bytes()), (0, 0));
}

fn explore(run: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(run);
}

#[test]
fn commits_of_different_keys_both_stay() {
    explore(|| {
        let storage = with_session();
        let other = spawn(&storage, |storage| storage.commit(&key(1), &setting("a")).unwrap());
        let mine = storage.commit(&key(1), &setting("b")).unwrap();
        assert!(matches!((mine, other.join().unwrap()), (Committed::Done { .. }, Committed::Done { .. })));
        assert_eq!(names(&storage, &key(1)).unwrap(), ["a", "b", "n"]);
        check_counts(&storage, 1);
    });
}

#[test]
fn a_commit_never_outlives_a_remove() {
    explore(|| {
        let storage = with_session();
        let other = spawn(&storage, |storage| storage.commit(&key(1), &setting("a")).unwrap());
        assert_eq!(storage.remove(&key(1)), Removed::Done);
        let _ = other.join().unwrap();
        assert_eq!(names(&storage, &key(1)), None);
        check_counts(&storage, 0);
    });
}

#[test]
fn a_touch_never_outlives_a_remove_and_loses_no_commit() {
    explore(|| {
        let storage = with_session();
        let later = NOW + Duration::from_secs(60);
        let toucher = spawn(&storage, move |storage| storage.touch(&key(1), &active(later)));
        let committer = spawn(&storage, |storage| storage.commit(&key(1), &setting("a")).unwrap());
        assert_eq!(toucher.join().unwrap(), Touched::Done(later + IDLE));
        let _ = committer.join().unwrap();
        let Lookup::Found(snapshot) = storage.load(&key(1), &Access::passive(later)) else { panic!("it is gone") };
        assert_eq!(snapshot.record.last_seen, later, "a commit took the touch back");
        assert_eq!(names(&storage, &key(1)).unwrap(), ["a", "n"]);
    });
}

#[test]
fn of_two_renewals_one_wins() {
    explore(|| {
        let storage = with_session();
        let other = spawn(&storage, |storage| renew(storage, 1, 2));
        let mine = renew(&storage, 1, 3);
        let won = [mine, other.join().unwrap()].iter().filter(|moved| matches!(moved, Moved::Done { .. })).count();
        assert_eq!(won, 1);
        let living: Vec<u8> = (1..=3).filter(|&number| lives(&storage, number)).collect();
        let [number] = living[..] else { panic!("{living:?} live") };
        assert_eq!(storage.tombstone(&key(1), NOW).unwrap().to, key(number));
        check_counts(&storage, 2);
    });
}

#[test]
fn a_remove_finds_what_a_renewal_makes() {
    explore(|| {
        let storage = with_session();
        let other = spawn(&storage, |storage| renew(storage, 1, 2));
        assert_eq!(log_out(&storage, key(1)), Removed::Done);
        let _ = other.join().unwrap();
        assert!(![1, 2].iter().any(|&number| lives(&storage, number)), "the session is still alive");
    });
}

/// The session moves to another shard and back while its key is taken from the index and looked up. The listed key is enough to end
/// the session.
#[test]
fn a_listing_finds_what_is_renewed_meanwhile() {
    explore(|| {
        let storage = with_session_of_ada(1);
        let other = spawn(&storage, |storage| {
            let _ = renew(storage, 1, 2);
            let _ = renew(storage, 2, 3);
        });
        let found = storage.find("ada", NOW);
        assert!(!found.is_empty(), "the session was missed");
        for found in found {
            log_out(&storage, found.key);
        }
        other.join().unwrap();
        assert!(!(1..=3).any(|number| lives(&storage, number)), "the session is still alive");
    });
}

/// While one session is written to and another ends, a page has the one, and the other at most once. What is renewed may be missed.
#[test]
fn a_page_has_what_is_written_to_meanwhile() {
    explore(|| {
        let storage = with_session_of_ada(1);
        let mut owned = record(&[]);
        owned.principal = Some("ada".into());
        storage.create(&key(2), &owned, NOW).unwrap();
        let other = spawn(&storage, |storage| {
            assert!(matches!(storage.commit(&key(1), &setting("a")).unwrap(), Committed::Done { .. }));
            assert_eq!(storage.remove(&key(2)), Removed::Done);
        });
        let page = storage.find_page("ada", None, NonZeroUsize::new(2).unwrap(), NOW);
        let keys: Vec<_> = page.iter().map(|found| found.key).collect();
        assert!(keys == [key(1)] || keys == [key(1), key(2)], "{keys:?}");
        other.join().unwrap();
        assert!(storage.find_page("ada", Some(key(1)), NonZeroUsize::MIN, NOW).is_empty());
    });
}

/// A session that has left as many tombstones as allowed: the next renewal is one too many.
fn much_renewed(numbers: [u8; 3]) -> Arc<Store> {
    let storage = with_session_of_ada(numbers[0]);
    renew_along(&storage, &numbers);
    storage
}

/// Each renewal forgets the tombstone that the first id leads to, but the first id still leads to the session.
#[test]
fn a_remove_by_the_first_id_finds_what_is_renewed_too_often() {
    explore(|| {
        let storage = much_renewed([1, 2, 3]);
        let other = spawn(&storage, |storage| {
            let _ = renew(storage, 3, 4);
            let _ = renew(storage, 4, 5);
        });
        assert_eq!(log_out(&storage, key(1)), Removed::Done);
        other.join().unwrap();
        assert!(!(1..=5).any(|number| lives(&storage, number)), "the session is still alive");
        check_counts(&storage, 2);
    });
}

#[test]
fn of_two_renewals_too_many_one_wins() {
    explore(|| {
        let storage = much_renewed([1, 2, 3]);
        let other = spawn(&storage, |storage| renew(storage, 3, 4));
        let mine = renew(&storage, 3, 5);
        let moved = [mine, other.join().unwrap()];
        assert_eq!(moved.iter().filter(|moved| matches!(moved, Moved::Done { .. })).count(), 1);
        assert!(moved.contains(&Moved::Renewed(NOW)), "the loser learns why");
        let living = if mine == Moved::Renewed(NOW) { 4 } else { 5 };
        for number in [1, 3] {
            assert_eq!(storage.tombstone(&key(number), NOW).unwrap().to, key(living));
        }
        check_counts(&storage, 3);
    });
}

/// A renewal of the key that the other renewal moves to, so that each meets the tombstones of the other.
#[test]
fn a_renewal_too_many_goes_on_from_another() {
    explore(|| {
        let storage = much_renewed([1, 2, 3]);
        let other = spawn(&storage, |storage| renew(storage, 3, 4));
        let mine = renew(&storage, 4, 6);
        assert!(matches!(other.join().unwrap(), Moved::Done { .. }));
        let living = if mine == Moved::Gone { 4 } else { 6 };
        assert!(lives(&storage, living));
        assert_eq!(storage.tombstone(&key(1), NOW).unwrap().to, key(living));
        check_counts(&storage, 3);
    });
}

/// The tombstone under the key that the index had is forgotten before it is looked up.
#[test]
fn a_listing_finds_what_is_renewed_too_often_meanwhile() {
    for numbers in [[2, 5, 3], [1, 5, 3], [2, 4, 3]] {
        explore(move || {
            let storage = much_renewed(numbers);
            let other = spawn(&storage, |storage| renew_along(storage, &[3, 6, 8]));
            assert!(!storage.find("ada", NOW).is_empty(), "the session was missed");
            other.join().unwrap();
            let found: Vec<_> = storage.find("ada", NOW).iter().map(|found| found.key).collect();
            assert_eq!(found, [key(8)]);
        });
    }
}

/// The tombstones reach their limit meanwhile, and the first one that is followed is forgotten.
#[test]
fn a_listing_finds_what_comes_to_be_renewed_too_often_meanwhile() {
    explore(|| {
        let storage = with_session_of_ada(1);
        let other = spawn(&storage, |storage| renew_along(storage, &[1, 2, 4, 6, 8]));
        assert!(!storage.find("ada", NOW).is_empty(), "the session was missed");
        other.join().unwrap();
    });
}

/// A touch by a manager with another idle timeout stores the timeout too, so it replaces the slot.
#[test]
fn a_touch_with_another_timeout_never_outlives_a_remove_and_loses_no_commit() {
    explore(|| {
        let storage = with_session();
        let longer = Access::active(NOW, 2 * IDLE, Duration::ZERO);
        let toucher = spawn(&storage, move |storage| storage.touch(&key(1), &longer));
        let committed = storage.commit(&key(1), &setting("a")).unwrap();
        assert!(matches!(committed, Committed::Done { .. }));
        assert_eq!(names(&storage, &key(1)).unwrap(), ["a", "n"], "a touch took the commit back");
        assert_eq!(storage.remove(&key(1)), Removed::Done);
        let _ = toucher.join().unwrap();
        assert_eq!(names(&storage, &key(1)), None);
        check_counts(&storage, 0);
    });
}

#[test]
fn renewals_in_a_cycle_never_wait_for_each_other() {
    explore(|| {
        let storage = with_session();
        storage.create(&key(2), &record(&[]), NOW).unwrap();
        let other = spawn(&storage, |storage| renew(storage, 2, 1));
        assert_eq!(renew(&storage, 1, 2), Moved::Taken);
        assert_eq!(other.join().unwrap(), Moved::Taken);
    });
}

#[test]
fn of_two_creates_one_wins() {
    explore(|| {
        let storage = roomy();
        let other = spawn(&storage, |storage| storage.create(&key(1), &record(&[("a", "1")]), NOW).unwrap());
        let mine = storage.create(&key(1), &record(&[("b", "1")]), NOW).unwrap();
        let other = other.join().unwrap();
        assert_ne!(mine, other);
        let wanted = if mine == Created::Done { "b" } else { "a" };
        assert_eq!(names(&storage, &key(1)).unwrap(), [wanted]);
        check_counts(&storage, 1);
    });
}

/// Two creates in different shards, with room for one more session: an anonymous session is evicted.
#[test]
fn the_bound_holds_and_the_counts_are_right() {
    explore(|| {
        let storage = Arc::new(Store::new(2, usize::MAX));
        storage.create(&key(1), &record(&[]), NOW).unwrap();
        let create = |number| move |storage: &Store| storage.create(&key(number), &record(&[]), NOW).unwrap();
        let other = spawn(&storage, create(2));
        create(3)(&storage);
        other.join().unwrap();
        assert_eq!(storage.len(), 2);
        let held = (1..=3).filter(|&number| lives(&storage, number)).count();
        check_counts(&storage, held);
        assert_eq!(held, 2);
    });
}

#[test]
fn a_sweep_removes_what_has_ended_and_nothing_that_was_made_meanwhile() {
    explore(|| {
        let storage = with_session();
        let later = NOW + IDLE;
        let sweeper = spawn(&storage, move |storage| storage.sweep(later));
        let fresh = Record::new(later, IDLE, None);
        assert_eq!(storage.create(&key(1), &fresh, later).unwrap(), Created::Done);
        sweeper.join().unwrap();
        assert!(matches!(storage.load(&key(1), &Access::passive(later)), Lookup::Found(_)));
        check_counts(&storage, 1);
    });
}

#[test]
fn a_sweep_spares_what_is_touched_in_time() {
    explore(|| {
        let storage = with_session();
        let (soon, end) = (NOW + Duration::from_secs(60), NOW + IDLE);
        let sweeper = spawn(&storage, move |storage| storage.sweep(end));
        let touched = storage.touch(&key(1), &active(soon));
        sweeper.join().unwrap();
        let is_there = matches!(storage.load(&key(1), &Access::passive(end)), Lookup::Found(_));
        // A touch that was acknowledged keeps the session; otherwise it was swept before.
        assert_eq!(is_there, touched != Touched::Gone);
        check_counts(&storage, usize::from(is_there));
    });
}

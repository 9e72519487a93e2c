//! What Redis enforces by itself: keys and entries of the index are kept as long as the session's own deadlines say.

use std::time::Duration;

use gsession::{
    Changes, RedisHashStorage, RedisStorage, Storage, StoreKey,
    record::{Commit, Lifespan},
    storage::{Access, Created, Moved, Touched},
};
use gsession_test_servers::{Monitor, RedisServer};

use super::{DAY, HOUR, MINUTE, SECOND};
use crate::support::{NOW, found, key, record, setting};

/// How much longer a key is kept than its session, by the documentation.
const SLACK: Duration = Duration::from_secs(60);

#[test]
fn a_key_is_kept_as_long_as_the_remembered_session_lives() {
    let own = Lifespan::Own { idle_timeout: 7 * DAY, until: NOW + 7 * DAY + 6 * HOUR };
    let server = RedisServer::start();
    let strings = RedisStorage::builder(&server.url()).key_prefix("gsession:s:").build().unwrap();
    let hashes = RedisHashStorage::builder(&server.url()).key_prefix("gsession:h:").build().unwrap();
    let storages: [(&str, &dyn Storage); 2] = [("s:", &strings), ("h:", &hashes)];
    for (prefix, storage) in storages {
        for reads_first in [false, true] {
            for (number, is_long) in [(1, false), (2, true)] {
                let (mut at, what) = (NOW, format!("{prefix}, reads first: {reads_first}, long: {is_long}"));
                let key = key(number + 10 * u8::from(reads_first));
                let name = |key: &StoreKey| format!("{prefix}{key}");
                let check = |at, doing: &str| {
                    let end = found(storage, &key, at).expect("it lives").record.expires_at();
                    let left = server.command(&[b"PTTL".as_slice(), format!("gsession:{}", name(&key)).as_bytes()]);
                    let left = Duration::from_millis(u64::try_from(left.int()).expect("the key has an expiry"));
                    assert!(left > end.since(at) && left <= end.since(at) + SLACK, "{what}: {doing}: {left:?}");
                    end
                };
                let long = format!("\"{}\"", "x".repeat(if is_long { 3_000 } else { 1 }));
                assert_eq!(storage.create(&key, &record(&[("long", &long)]), NOW).unwrap(), Created::Done);
                let access = |at| Access::active(at, HOUR, MINUTE).bounded(HOUR, Some(2 * HOUR));
                let commit = |at, changes: Changes| {
                    let mut commit = Commit::new(changes, access(at));
                    commit.base = found(storage, &key, at).filter(|_| reads_first);
                    drop(storage.commit(&key, &commit).unwrap());
                };
                let mut login = setting("n", "0");
                login.set_lifespan(own);
                commit(at, login);
                assert_eq!(check(at, "a login"), NOW + 7 * DAY);
                for until in [NOW + DAY, NOW + 7 * DAY + 6 * HOUR] {
                    let mut login = setting("n", "0");
                    login.set_lifespan(Lifespan::Own { idle_timeout: 7 * DAY, until });
                    commit(at, login);
                    assert_eq!(check(at, "another login at once"), until.min(NOW + 7 * DAY));
                }
                at = at + 5 * HOUR;
                commit(at, setting("n", "1"));
                assert_eq!(check(at, "a write"), at + 7 * DAY);
                at = at + 5 * HOUR;
                assert!(matches!(storage.touch(&key, &access(at)).unwrap(), Touched::Done(_)));
                // From here on the absolute deadline comes first.
                assert_eq!(check(at, "a touch"), NOW + 7 * DAY + 6 * HOUR);
                at = at + 5 * HOUR;
                drop(storage.load(&key, &access(at)).unwrap());
                assert!(matches!(storage.touch(&key, &access(at)).unwrap(), Touched::Done(_)));
                assert_eq!(check(at, "a read"), NOW + 7 * DAY + 6 * HOUR);
                at = at + HOUR;
                commit(at, setting("n", "1"));
                assert_eq!(check(at, "a second write"), NOW + 7 * DAY + 6 * HOUR);
                let mut back = setting("n", "2");
                back.set_lifespan(Lifespan::Managers);
                at = at + 5 * HOUR;
                commit(at, back);
                assert_eq!(check(at, "an ordinary login"), at + HOUR);
            }
        }
    }
}

/// A process may die after it has noted a session, and before it could note it once more.
#[test]
fn no_note_in_the_index_counts_shorter_than_its_session_lives() {
    let server = RedisServer::start();
    let strings = RedisStorage::builder(&server.url()).key_prefix("s:").build().unwrap();
    let hashes = RedisHashStorage::builder(&server.url()).key_prefix("h:").build().unwrap();
    let storages: [&dyn Storage; 2] = [&strings, &hashes];
    for storage in storages {
        for reads_first in [false, true] {
            let access = |now| Access::active(now, MINUTE, SECOND).bounded(MINUTE, None);
            let commit = |key: &StoreKey, now, changes: Changes| {
                let mut commit = Commit::new(changes, access(now));
                commit.base = found(storage, key, now).filter(|_| reads_first);
                commit
            };
            let login = |lives: Duration| {
                let mut login = setting("n", "1");
                login.set_principal(Some("ada".into()));
                login.set_lifespan(Lifespan::Own { idle_timeout: lives, until: NOW + 2 * lives });
                login
            };
            let keys = [1, 2, 3].map(|number| key(number + 10 * u8::from(reads_first)));
            assert_eq!(storage.create(&keys[0], &record(&[("a", "1")]), NOW).unwrap(), Created::Done);
            let in_place = || assert!(storage.commit(&keys[0], &commit(&keys[0], NOW, login(30 * DAY))).is_ok());
            let by_move = || {
                let commit = commit(&keys[0], NOW, login(50 * DAY));
                assert!(matches!(storage.move_to(&keys[0], &keys[1], &commit).unwrap(), Moved::Done { .. }));
            };
            let by_renewal = || {
                let commit = commit(&keys[1], NOW + DAY, Changes::default());
                assert!(matches!(storage.move_to(&keys[1], &keys[2], &commit).unwrap(), Moved::Done { .. }));
            };
            let deeds: [(&str, &dyn Fn(), _); 3] = [
                ("a login", &in_place, NOW + 30 * DAY),
                ("a login that renews", &by_move, NOW + 50 * DAY),
                ("a renewal", &by_renewal, NOW + 51 * DAY),
            ];
            for (what, deed, end) in deeds {
                let seen = Monitor::during(&server, deed);
                let notes: Vec<_> = seen.inside_scripts.iter().filter(|line| line.starts_with("\"ZADD\"")).collect();
                assert!(!notes.is_empty(), "{what}, reads first: {reads_first}: {seen:?}");
                for note in notes {
                    let score: u64 = note.split('"').nth(5).unwrap().parse().unwrap();
                    let minutes = end.as_millis() / 60_000;
                    assert!(score >> 26 >= minutes, "{what}, reads first: {reads_first}: {note}");
                }
            }
        }
    }
}

//! Every storage does what `Record::apply` and `Record::extend` say, in any order.

use std::{sync::Arc, time::Duration};

use gsession::{
    Changes, Record, Storage, StoreKey, Timestamp,
    record::{Applied, Commit, Lifespan},
    storage::{Access, Committed, Created, Lookup, Moved, Touched},
};

use super::{HOUR, MINUTE, SECOND};
use crate::support::{KINDS, NOW, Place, found, key, record};

/// Numbers that look random and are the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }
}

/// One session on a storage, and what it must be.
struct Scene {
    storage: Arc<dyn Storage>,
    numbers: Numbers,
    now: Timestamp,
    key: StoreKey,
    next_key: u8,
    must_be: Record,
}

impl Scene {
    fn access(&mut self) -> Access {
        let (idle, absolute) = self.numbers.pick(&[(MINUTE, None), (HOUR, Some(2 * HOUR)), (MINUTE, Some(HOUR))]);
        let interval = self.numbers.pick(&[Duration::ZERO, idle / 20, idle / 2]);
        match self.numbers.below(4) {
            0 => Access::passive(self.now).bounded(idle, absolute),
            1 => Access::active(self.now, idle, interval),
            _ => Access::active(self.now, idle, interval).bounded(idle, absolute),
        }
    }

    fn lifespan(&mut self) -> Option<Lifespan> {
        let idle_timeout = self.numbers.pick(&[10 * SECOND, MINUTE, 3 * HOUR, Duration::from_millis(u64::MAX)]);
        let lives = self.numbers.pick(&[MINUTE, 5 * HOUR, Duration::MAX]);
        match self.numbers.below(6) {
            0 | 1 => Some(Lifespan::Own { idle_timeout, until: self.now + lives }),
            2 => Some(Lifespan::Managers),
            _ => None,
        }
    }

    /// A commit of a request that has read the session, or has not.
    fn commit(&mut self) -> Commit {
        let mut changes = Changes::default();
        if self.numbers.below(8) == 0 {
            changes.clear();
        }
        if self.numbers.below(8) == 0 {
            changes.set_principal(self.numbers.pick(&[None, Some("ada")]).map(Into::into));
        }
        // Without edits, a storage must see that the deadlines alone are new.
        let edited = self.numbers.pick(&[&["a", "b", "gsession.c"][..], &[]]);
        for name in edited {
            match self.numbers.below(4) {
                0 => changes.set(name, self.now.as_millis().to_string()),
                1 => changes.set(name, format!("\"{}\"", "x".repeat(self.numbers.pick(&[1, 100, 2_000])))),
                2 => changes.remove(name),
                _ => {}
            }
        }
        if let Some(lifespan) = self.lifespan() {
            changes.set_lifespan(lifespan);
        }
        let mut commit = Commit::new(changes, self.access());
        if self.numbers.below(2) == 0 {
            commit.base = found(&*self.storage, &self.key, self.now);
        }
        if self.numbers.below(6) == 0 {
            let held = self.must_be.entries.get_str("a").map(str::to_owned);
            commit = commit.expecting("a", held.as_deref());
        }
        commit
    }

    /// One thing that a request does. Returns what it was.
    fn step(&mut self) -> String {
        match self.numbers.below(8) {
            0 | 1 => {
                let access = self.access();
                let is_over = access.has_ended(&self.must_be, self.must_be.last_seen);
                match self.storage.load(&self.key, &access).unwrap() {
                    Lookup::Found(snapshot) => {
                        assert!(!is_over);
                        // A storage may leave it to a touch.
                        if snapshot.extended {
                            assert!(self.must_be.is_touch_due(&access));
                            self.must_be.extend(&access);
                        }
                        assert_eq!(snapshot.record, self.must_be);
                    }
                    _ => assert!(is_over),
                }
                format!("a read, {access:?}")
            }
            2 | 3 => {
                let access = self.access();
                let is_over = access.has_ended(&self.must_be, self.must_be.last_seen);
                match self.storage.touch(&self.key, &access).unwrap() {
                    Touched::Done(end) => {
                        assert!(!is_over);
                        // A storage may record a touch that is not due.
                        let recorded = found(&*self.storage, &self.key, self.now).map(|snapshot| snapshot.record);
                        self.must_be.extend(&access);
                        let mut early = self.must_be.clone();
                        early.extend(&Access::active(self.now, early.idle_timeout, Duration::ZERO));
                        if access.extend.is_some() && recorded.as_ref() == Some(&early) {
                            self.must_be = early;
                        }
                        assert_eq!(end, self.must_be.expires_at());
                    }
                    Touched::Gone => assert!(is_over),
                }
                format!("a touch, {access:?}")
            }
            4 => {
                let (commit, from) = (self.commit(), self.key);
                self.next_key = self.next_key.wrapping_add(1);
                let to = key(self.next_key);
                match (self.storage.move_to(&from, &to, &commit).unwrap(), self.must_be.apply(&commit).unwrap()) {
                    (Moved::Done { expires_at, is_remembered, .. }, Applied::Changed(after)) => {
                        assert_eq!((expires_at, is_remembered), (after.expires_at(), after.is_remembered));
                        (self.must_be, self.key) = (after, to);
                    }
                    (Moved::Gone, Applied::Expired) => {}
                    other => panic!("a move, {commit:?}: {other:?}"),
                }
                format!("a move, {:?}, {:?}", commit.changes.lifespan(), commit.access)
            }
            _ => {
                let commit = self.commit();
                match (self.storage.commit(&self.key, &commit).unwrap(), self.must_be.apply(&commit).unwrap()) {
                    (Committed::Done { expires_at, is_remembered, .. }, Applied::Changed(after)) => {
                        assert_eq!((expires_at, is_remembered), (after.expires_at(), after.is_remembered));
                        self.must_be = after;
                    }
                    (Committed::Gone, Applied::Expired) => {}
                    other => panic!("a commit, {commit:?}: {other:?}"),
                }
                format!("a commit, {:?}, {:?}", commit.changes.lifespan(), commit.access)
            }
        }
    }

    /// What is stored is what it must be.
    fn check(&mut self, trace: &[String]) {
        let stored = found(&*self.storage, &self.key, self.now).map(|snapshot| snapshot.record);
        if self.must_be.is_expired(self.now) {
            assert_eq!(stored, None, "{trace:#?}");
            self.must_be = record(&[("a", "1")]);
            (self.must_be.created_at, self.must_be.last_seen) = (self.now, self.now);
            self.must_be.idle_timeout = HOUR;
            assert_eq!(self.storage.create(&self.key, &self.must_be, self.now).unwrap(), Created::Done, "{trace:#?}");
        } else {
            assert_eq!(stored.as_ref(), Some(&self.must_be), "{trace:#?}");
        }
    }
}

#[test]
fn a_login_keeps_a_later_touch_and_sets_its_own_timeout_all_the_same() {
    for place in KINDS.map(Place::new) {
        for (number, is_move) in [(1, false), (2, true)] {
            let (storage, at) = (&place.storage, key(number));
            assert_eq!(storage.create(&at, &record(&[("a", "1")]), NOW).unwrap(), Created::Done);
            let mut changes = Changes::default();
            changes.set("n", "1");
            changes.set_lifespan(Lifespan::Own { idle_timeout: 3 * HOUR, until: NOW + 5 * HOUR });
            let mut login = Commit::new(changes, Access::active(NOW + SECOND, MINUTE, Duration::ZERO));
            login.base = found(&**storage, &at, NOW);
            let touched = Access::active(NOW + 10 * SECOND, MINUTE, Duration::ZERO);
            assert_eq!(storage.touch(&at, &touched).unwrap(), Touched::Done(NOW + 10 * SECOND + MINUTE));
            let end = NOW + 10 * SECOND + 3 * HOUR;
            if is_move {
                let moved = storage.move_to(&at, &key(9), &login).unwrap();
                assert!(matches!(moved, Moved::Done { expires_at, .. } if expires_at == end), "{:?}", place.kind);
            } else {
                let committed = storage.commit(&at, &login).unwrap();
                assert!(
                    matches!(committed, Committed::Done { expires_at, .. } if expires_at == end),
                    "{:?}",
                    place.kind
                );
            }
        }
    }
}

#[test]
fn activity_under_other_settings_in_the_same_millisecond_does_not_change_what_a_login_has_set() {
    for place in KINDS.map(Place::new) {
        let (storage, at, now) = (&place.storage, key(1), NOW + MINUTE);
        assert_eq!(storage.create(&at, &record(&[("a", "1")]), NOW).unwrap(), Created::Done);
        let other = Access::active(now, HOUR, SECOND);
        assert_eq!(storage.touch(&at, &other).unwrap(), Touched::Done(now + HOUR));
        let mut changes = Changes::default();
        changes.set("n", "1");
        changes.set_lifespan(Lifespan::Own { idle_timeout: 3 * HOUR, until: NOW + 5 * HOUR });
        let login = Commit::new(changes, Access::active(now, MINUTE, SECOND));
        assert!(matches!(storage.commit(&at, &login).unwrap(), Committed::Done { .. }));
        let end = |now| found(&**storage, &at, now).map(|snapshot| snapshot.record.expires_at());
        assert_eq!(end(now), Some(now + 3 * HOUR), "{:?}", place.kind);
        assert_eq!(storage.sweep(now + 2 * HOUR).unwrap().kept, 1, "{:?}", place.kind);
        assert_eq!(end(now + 2 * HOUR), Some(now + 3 * HOUR), "{:?}", place.kind);
    }
}

#[test]
fn any_order_of_logins_writes_touches_and_moves_leaves_the_deadlines_that_the_contract_says() {
    for kind in KINDS {
        for seed in 0..6 {
            let place = Place::new(kind);
            let mut scene = Scene {
                storage: Arc::clone(&place.storage),
                numbers: Numbers(seed),
                now: NOW,
                key: key(0),
                next_key: 0,
                must_be: record(&[]),
            };
            assert_eq!(scene.storage.create(&scene.key, &scene.must_be, NOW).unwrap(), Created::Done);
            let mut trace = vec![format!("{kind:?}, seed {seed}")];
            for _ in 0..120 {
                scene.now =
                    scene.now + scene.numbers.pick(&[Duration::from_millis(1), SECOND, 7 * SECOND, MINUTE, HOUR]);
                let at = scene.now;
                let did = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| scene.step()));
                match did {
                    Ok(did) => trace.push(format!("{at:?}: {did}")),
                    Err(panic) => {
                        eprintln!("after {trace:#?}, which left {:?}", scene.must_be);
                        std::panic::resume_unwind(panic);
                    }
                }
                scene.check(&trace);
            }
        }
    }
}

//! Altering one entry atomically: by `update`, `try_update` and `get_or_insert_with`, on every storage.

use std::sync::{Arc, Barrier};

use gsession::{ClientInfo, Delivery, Error, Exchange, Manager, Session, SessionId};

use crate::support::{
    self, KINDS, Kind, Place,
    pausing_storage::{Op, PausingStorage},
};

/// A storage behind gates, and a session in it.
struct World {
    place: Place,
    gated: PausingStorage,
    manager: Manager,
    id: SessionId,
}

impl World {
    fn new(kind: Kind) -> Self {
        let place = Place::new(kind);
        let gated = PausingStorage::new(Arc::clone(&place.storage));
        let manager = place.builder_over(gated.clone()).build().unwrap();
        let session = manager.begin(None, ClientInfo::default);
        session.set("user", "ada").unwrap();
        let Delivery::Send { id, .. } = session.close().unwrap().delivery else { panic!("no id") };
        Self { place, gated, manager, id }
    }

    fn request(&self) -> Exchange<Session> {
        self.manager.begin(Some(self.id.as_str()), ClientInfo::default)
    }

    /// What is stored under a key.
    fn stored(&self, key: &str) -> Option<u64> {
        self.request().get(key).unwrap()
    }

    fn put(&self, key: &str, value: u64) {
        let session = self.request();
        session.set(key, &value).unwrap();
        session.close().unwrap();
    }
}

/// What a change refuses with.
#[derive(Debug)]
enum Refused {
    Empty,
    Session(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Session(error)
    }
}

/// Takes one ticket; the last one takes the entry away.
fn take_one(left: Option<u64>) -> Result<Option<u64>, Refused> {
    match left {
        None => Err(Refused::Empty),
        Some(1) => Ok(None),
        Some(n) => Ok(Some(n - 1)),
    }
}

#[test]
fn a_change_may_refuse_and_remove() {
    for kind in KINDS {
        let world = World::new(kind);
        world.put("tickets", 2);
        let session = world.request();
        assert_eq!(session.try_update("tickets", take_one).unwrap(), Some(1), "{kind:?}");
        assert_eq!(world.stored("tickets"), Some(1));
        assert_eq!(session.try_update("tickets", take_one).unwrap(), None);
        assert_eq!(world.stored("tickets"), None);
        assert!(matches!(session.try_update("tickets", take_one), Err(Refused::Empty)));
        assert!(!session.is_dirty(), "what was committed at once is not committed again");
    }
}

#[test]
fn of_ten_tickets_ten_are_taken() {
    for kind in KINDS {
        let world = World::new(kind);
        world.put("tickets", 10);
        let start = Barrier::new(4);
        let taken: usize = std::thread::scope(|scope| {
            let buyers: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        start.wait();
                        // Each request holds on to what it has read first.
                        let session = world.request();
                        let _ = session.get::<u64>("tickets").unwrap();
                        (0..5).filter(|_| session.try_update("tickets", take_one).is_ok()).count()
                    })
                })
                .collect();
            buyers.into_iter().map(|buyer| buyer.join().unwrap()).sum()
        });
        assert_eq!(taken, 10, "{kind:?}");
        assert_eq!(world.stored("tickets"), None);
    }
}

/// Nobody would notice that what was read is out of date, if nothing is stored.
#[test]
fn a_refusal_is_decided_by_what_is_stored_now() {
    for kind in KINDS {
        let world = World::new(kind);
        let session = world.request();
        assert_eq!(session.get::<u64>("tickets").unwrap(), None);
        world.put("tickets", 5);
        assert_eq!(session.try_update("tickets", take_one).unwrap(), Some(4), "{kind:?}");

        // The other way round: a change that would leave everything as it was.
        let session = world.request();
        assert_eq!(session.get::<u64>("tickets").unwrap(), Some(4));
        world.put("tickets", 1);
        let at_least_three = |n: Option<u64>| n.unwrap_or(0).max(3);
        assert_eq!(session.update("tickets", at_least_three).unwrap(), 3, "{kind:?}");
        assert_eq!(world.stored("tickets"), Some(3));
    }
}

#[test]
fn what_changes_nothing_stores_nothing() {
    for kind in KINDS {
        let world = World::new(kind);
        world.put("n", 7);
        let commits = world.gated.count(Op::Commit);
        let session = world.request();
        assert_eq!(session.update("n", |n: Option<u64>| n.unwrap_or(0)).unwrap(), 7);
        assert_eq!(session.try_update("n", |n: Option<u64>| Ok::<_, Error>(n)).unwrap(), Some(7));
        assert_eq!(session.try_update("other", |n: Option<u64>| Ok::<_, Error>(n)).unwrap(), None);
        assert_eq!(session.get_or_insert_with("n", || 8).unwrap(), 7);
        assert!(matches!(session.try_update("none", take_one), Err(Refused::Empty)));
        assert!(!session.is_dirty());
        session.close().unwrap();
        assert_eq!(world.gated.count(Op::Commit), commits, "{kind:?}");
    }
}

/// Four pages of one browser, each of which needs the token that none has made yet.
#[test]
fn all_get_the_same_value() {
    for kind in KINDS {
        for _ in 0..5 {
            let world = World::new(kind);
            let all_have_read = Barrier::new(4);
            let tokens: Vec<u64> = std::thread::scope(|scope| {
                let pages: Vec<_> = (0..4)
                    .map(|page| {
                        let (world, all_have_read) = (&world, &all_have_read);
                        scope.spawn(move || {
                            let session = world.request();
                            assert_eq!(session.get::<u64>("csrf").unwrap(), None);
                            all_have_read.wait();
                            let token = session.get_or_insert_with("csrf", || page).unwrap();
                            session.close().unwrap();
                            token
                        })
                    })
                    .collect();
                pages.into_iter().map(|page| page.join().unwrap()).collect()
            });
            assert!(tokens.iter().all(|token| Some(*token) == world.stored("csrf")), "{kind:?}: {tokens:?}");
        }
    }
}

/// A visitor without a session: the value is recorded, and stored with the rest.
#[test]
fn without_a_session_it_is_a_write_like_any_other() {
    for kind in KINDS {
        let world = World::new(kind);
        let session = world.manager.begin(None, ClientInfo::default);
        assert_eq!(session.get_or_insert_with("csrf", || 1).unwrap(), 1);
        assert_eq!(session.get_or_insert_with("csrf", || 2).unwrap(), 1);
        assert_eq!(
            session.try_update("n", |n: Option<u64>| Ok::<_, Error>(Some(n.unwrap_or(0) + 1))).unwrap(),
            Some(1)
        );
        assert_eq!(session.try_update("n", |_: Option<u64>| Ok::<_, Error>(None)).unwrap(), None);
        assert!(matches!(session.try_update("n", take_one), Err(Refused::Empty)));
        let Delivery::Send { id, .. } = session.close().unwrap().delivery else { panic!("no id") };
        let stored = world.manager.begin(Some(id.as_str()), ClientInfo::default).data().unwrap();
        assert_eq!(serde_json::Value::from(stored), serde_json::json!({"csrf": 1}), "{kind:?}");
        assert_eq!(world.place.survivors(), 2);
    }
}

/// What this request has written and not stored yet is altered there.
#[test]
fn own_writes_are_altered_before_they_are_stored() {
    for kind in KINDS {
        let world = World::new(kind);
        world.put("n", 1);
        let session = world.request();
        session.set("n", &10).unwrap();
        assert_eq!(session.update("n", |n: Option<u64>| n.unwrap_or(0) + 1).unwrap(), 11);
        assert_eq!(world.stored("n"), Some(1), "{kind:?}: not stored yet");
        session.remove("n").unwrap();
        assert_eq!(session.get_or_insert_with("n", || 20).unwrap(), 20);
        session.close().unwrap();
        assert_eq!(world.stored("n"), Some(20));
    }
}

#[test]
fn a_session_that_has_ended_refuses() {
    for kind in KINDS {
        let world = World::new(kind);
        let session = world.request();
        assert_eq!(session.get::<u64>("n").unwrap(), None);
        let logout = world.request();
        logout.destroy();
        logout.close().unwrap();
        assert!(
            matches!(session.try_update("n", |_: Option<u64>| Ok::<_, Error>(Some(1))), Err(Error::Gone)),
            "{kind:?}"
        );
        assert!(matches!(session.get_or_insert_with("n", || 1), Err(Error::Gone)));
        assert!(matches!(session.try_update("n", take_one), Err(Refused::Session(Error::Gone))));
        assert_eq!(world.place.survivors(), 0);
    }
}

/// A request that has read a session piece by piece, while others changed it, knows no state that the session ever had. What it then
/// changes must not rely on one: neither on the old value of another piece, nor on its length.
#[test]
fn what_was_read_in_pieces_is_not_taken_for_one_state() {
    for kind in KINDS {
        for corrected in [false, true] {
            // Without the gates, which always read everything.
            let mut world = World::new(kind);
            world.manager = world.place.manager();
            for key in ["a", "b", "c"] {
                world.put(key, 1);
            }
            let request = world.request();
            assert_eq!(request.get::<u64>("a").unwrap(), Some(1));
            world.put("a", 2_000_000);
            if corrected {
                // Loses against the other request, and so learns one value of the later state.
                assert_eq!(request.update("a", |a: Option<u64>| a.unwrap_or(0) + 1).unwrap(), 2_000_001);
                world.put("a", 2_000_000);
            }
            assert_eq!(request.get::<u64>("b").unwrap(), Some(1));
            assert_eq!(request.get::<u64>("c").unwrap(), Some(1));
            assert_eq!(request.update("a", |a: Option<u64>| a.unwrap_or(0) + 1).unwrap(), 2_000_001, "{kind:?}");
            request.set("b", &22).unwrap();
            request.close().unwrap();
            assert_eq!(["a", "b", "c"].map(|key| world.stored(key)), [Some(2_000_001), Some(22), Some(1)], "{kind:?}");
            // The sizes in the storage are right: a session may be as large as it is, and not larger.
            let size: usize = world.request().data().unwrap().iter().map(|(k, v)| k.len() + v.to_string().len()).sum();
            let limits = gsession::Limits::default().max_record_bytes(size + 3);
            let manager = world.place.builder_over(Arc::clone(&world.place.storage)).limits(limits).build().unwrap();
            let bounded = manager.begin(Some(world.id.as_str()), ClientInfo::default);
            bounded.set("d", &11).unwrap();
            let _ = bounded.save().unwrap_or_else(|error| panic!("{kind:?}: {error:?}"));
            bounded.set("e", &1).unwrap();
            assert!(bounded.save().is_err(), "{kind:?}");
        }
    }
}

/// The file of a session is left alone by what changes nothing (S3).
#[test]
fn writing_what_is_there_already_writes_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions");
    let manager = Manager::builder(support::quiet_file(&path)).build().unwrap();
    let session = manager.begin(None, ClientInfo::default);
    session.set("user", "ada").unwrap();
    let Delivery::Send { id, .. } = session.close().unwrap().delivery else { panic!("no id") };
    let name = gsession::StoreKey::of(&id).to_string();
    let content = || std::fs::read(path.join(&name[..2]).join(&name)).unwrap();
    let before = content();
    let write = |reads: bool, value: &str| {
        let session = manager.begin(Some(id.as_str()), ClientInfo::default);
        if reads {
            session.get::<String>("user").unwrap();
        }
        session.set("user", value).unwrap();
        session.remove("nothing").unwrap();
        session.close().unwrap().saved
    };
    for reads in [true, false] {
        assert_eq!(write(reads, "ada"), gsession::Saved::Committed);
        assert_eq!(content(), before);
    }
    assert_eq!(write(true, "bob"), gsession::Saved::Committed);
    assert!(content().len() > before.len(), "a change is appended");
}

/// The value that an atomic update has lost against is the one that is read from then on.
#[test]
fn what_a_change_was_told_is_what_is_read_afterwards() {
    for kind in KINDS {
        let world = World::new(kind);
        let session = world.request();
        assert_eq!(session.get::<u64>("token").unwrap(), None);
        world.put("token", 7);
        assert_eq!(session.get_or_insert_with("token", || 1_u64).unwrap(), 7, "{kind:?}");
        assert_eq!(session.get::<u64>("token").unwrap(), Some(7), "{kind:?}");
        session.set("seen", &1).unwrap();
        session.close().unwrap();
        assert_eq!(world.request().data().unwrap().len(), 3, "{kind:?}");
    }
}

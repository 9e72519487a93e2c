//! How long the list of a tag lasts, and what it survives.

use super::*;

/// How a session is used: each of these is activity.
#[test]
fn a_session_that_is_read_stays_found_for_ever() {
    type Use = fn(&Session);
    let uses: [(&str, Use); 5] = [
        ("read", |session| drop(session.data().unwrap())),
        ("one entry", |session| assert!(session.get::<u32>("n").unwrap().unwrap_or(0) < 20)),
        ("the principal alone", |session| assert!(session.principal().unwrap().is_some())),
        ("update", |session| assert!(session.update("n", |n: Option<u32>| n.unwrap_or(0) + 1).unwrap() <= 20)),
        ("read and write", |session| {
            let n: u32 = session.get_or("n", 0).unwrap();
            session.set("n", &(n + 1)).unwrap();
        }),
    ];
    for (what, use_it) in uses {
        for place in KINDS.map(Place::new) {
            let manager = place.manager();
            let id = log_in(&manager, tagged("ada"));
            let _ = log_in(&manager, Login::new("bob").tag("idle"));
            for _ in 0..20 {
                place.clock.advance(IDLE - MINUTE);
                let session = begin(&manager, Some(&id));
                use_it(&session);
                let _ = session.close().unwrap();
            }
            assert_eq!(found(&manager, SID), keys(&[&id]), "{what}: {:?}", place.kind);
            assert_eq!(listed(&place, "idle"), None, "{what}: {:?}: a list ends after its sessions", place.kind);
            // What is used again after a while is as good as new.
            let idle = log_in(&manager, Login::new("bob").tag("idle"));
            assert_eq!(found(&manager, "idle"), keys(&[&idle]), "{what}: {:?}", place.kind);
            place.clock.advance(IDLE * 3 + MINUTE);
            assert_eq!((listed(&place, SID), listed(&place, "idle")), (None, None), "{what}: {:?}", place.kind);
        }
    }
}

/// Requests that last so long that the touch is due at their end, and never when they read one entry.
#[test]
fn a_session_that_is_only_touched_at_the_end_of_requests_stays_found() {
    for place in KINDS.map(Place::new) {
        let manager = place.builder().idle_timeout(MINUTE * 20).touch_interval(MINUTE).build().unwrap();
        let id = log_in(&manager, tagged("ada"));
        for _ in 0..80 {
            let session = begin(&manager, Some(&id));
            assert_eq!(session.get::<u32>("n").unwrap(), None);
            place.clock.advance(MINUTE);
            let _ = session.close().unwrap();
        }
        assert_eq!(found(&manager, SID), keys(&[&id]), "{:?}", place.kind);
    }
}

/// The session of the manager with the short idle timeout is used all the time, the other one is not.
#[test]
fn a_list_lasts_as_long_as_the_longest_of_its_sessions() {
    for place in KINDS.map(Place::new) {
        let (long, short) = (place.manager(), place.builder().idle_timeout(IDLE / 100).build().unwrap());
        let resting = log_in(&long, tagged("ada"));
        let busy = log_in(&short, tagged("bob"));
        for _ in 0..120 {
            place.clock.advance(IDLE / 125);
            let _ = begin(&short, Some(&busy)).data().unwrap();
        }
        assert_eq!(found(&long, SID), keys(&[&resting, &busy]), "{:?}", place.kind);
        // It gives way to the shorter one when the other has ended.
        for _ in 0..375 {
            place.clock.advance(IDLE / 125);
            let _ = begin(&short, Some(&busy)).data().unwrap();
        }
        assert_eq!(found(&short, SID), keys(&[&busy]), "{:?}", place.kind);
        log_out(&short, &busy);
        place.clock.advance(IDLE / 25);
        assert_eq!(listed(&place, SID), None, "{:?}", place.kind);
    }
}

#[test]
fn activity_brings_back_a_list_that_was_lost() {
    for place in KINDS.map(Place::new) {
        let manager = place.manager();
        let id = log_in(&manager, tagged("ada"));
        assert_eq!(place.storage.remove(&list_of(SID)).unwrap(), Removed::Done, "{:?}", place.kind);
        assert_eq!(found(&manager, SID), [], "{:?}", place.kind);
        place.clock.advance(MINUTE * 2);
        assert_eq!(begin(&manager, Some(&id)).get::<u32>("n").unwrap(), None);
        assert_eq!(found(&manager, SID), keys(&[&id]), "{:?}", place.kind);
    }
}

#[test]
fn a_list_ends_with_the_sessions_that_it_leads_to() {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    for place in KINDS.map(Place::new) {
        let manager = place.manager();
        let id = log_in(&manager, tagged("ada").remember_for(30 * DAY));
        place.clock.advance(29 * DAY);
        assert!(begin(&manager, Some(&id)).principal().unwrap().is_some(), "{:?}", place.kind);
        assert_eq!(found(&manager, SID), keys(&[&id]), "{:?}", place.kind);
        place.clock.advance(DAY + 2 * MINUTE);
        assert_eq!(listed(&place, SID), None, "{:?}", place.kind);
    }
}

#[test]
fn logins_that_have_ended_do_not_fill_the_memory() {
    let storage = Arc::new(MemoryStorage::builder().max_sessions(64).sweep_interval(Duration::MAX).build());
    let clock = ManualClock::new(NOW);
    let manager = Manager::builder(Arc::clone(&storage)).clock(clock.clone()).build().unwrap();
    for number in 0..1_000 {
        clock.advance(Duration::from_millis(1));
        let id = log_in(&manager, Login::new("ada").tag(format!("sid {number}")));
        log_out(&manager, &id);
    }
    clock.advance(Duration::from_millis(1));
    let id = log_in(&manager, tagged("ada"));
    assert_eq!(found(&manager, SID), keys(&[&id]));
}

/// As of a process with smaller limits.
#[test]
fn a_list_that_cannot_be_read_refuses_the_login_at_once() {
    let folder = tempfile::TempDir::new().unwrap();
    let builder = || FileStorage::builder(folder.path().join("sessions")).sweep_interval(Duration::MAX);
    let manager = |storage: Arc<dyn Storage>| Manager::builder(storage).clock(ManualClock::new(NOW)).build().unwrap();
    let large = manager(Arc::new(builder().build().unwrap()));
    let ids: Vec<_> = (0..30).map(|number| log_in(&large, tagged(&format!("user {number}")))).collect();
    let small = builder().limits(Limits::default().max_entries(20)).build().unwrap();
    let storage = PausingStorage::new(Arc::new(small));
    let small = manager(Arc::new(storage.clone()));
    let error = begin(&small, None).log_in(tagged("one more")).unwrap_err();
    assert!(matches!(&error, Error::Storage(_)), "{error}");
    assert!(storage.count(Op::Create) <= 10, "{}", storage.count(Op::Create));
    assert!(begin(&small, Some(&ids[0])).principal().unwrap().is_some(), "the session itself can be used");
}

/// The list was last changed in the future of a clock that is behind, for sessions that end soon.
#[test]
fn a_clock_that_is_behind_can_keep_a_list_longer() {
    for place in KINDS.map(Place::new) {
        let manager = place.builder().idle_timeout(MINUTE * 20).build().unwrap();
        let behind = place.builder().clock(ManualClock::new(NOW)).build().unwrap();
        place.clock.advance(MINUTE * 10);
        let ada = log_in(&manager, tagged("ada"));
        let bob = log_in(&behind, tagged("bob"));
        assert_eq!(found(&manager, SID), keys(&[&ada, &bob]), "{:?}", place.kind);
        place.clock.advance(IDLE - MINUTE * 20);
        assert_eq!(found(&place.manager(), SID), keys(&[&bob]), "{:?}", place.kind);
    }
}

/// What is damaged, by somebody with access to the storage, leads to nothing and keeps nobody from logging in.
#[test]
fn a_damaged_list_is_passed_over_and_repaired() {
    for place in KINDS.map(Place::new) {
        let manager = place.manager();
        let _ = log_in(&manager, tagged("ada"));
        for (name, json) in [("gsession.needed_until", "{}"), ("something", "[1]"), ("else", "{\"principal\":7}")] {
            let commit = support::commit_at(support::setting(name, json), NOW);
            place.storage.commit(&list_of(SID), &commit).unwrap();
        }
        let bob = log_in(&manager, tagged("bob"));
        assert_eq!(found(&manager, SID).len(), 2, "{:?}", place.kind);
        place.clock.advance(IDLE / 2 + MINUTE);
        let _ = begin(&manager, Some(&bob)).data().unwrap();
        place.clock.advance(IDLE * 2 + IDLE / 2);
        assert!(listed(&place, SID).is_some(), "{:?}: it was kept", place.kind);
    }
}

/// An id can never name a list: its key is the hash of a text that is no id.
#[test]
fn no_id_leads_to_a_list() {
    let place = Place::new(Kind::Memory);
    let manager = place.manager();
    let _ = log_in(&manager, tagged("ada"));
    let text = format!("gsession tag\0{SID}");
    assert!(SessionId::custom(&text).is_err() && !manager.accepts(&text));
    // Nor does the hash itself, used as an id.
    assert_eq!(begin(&manager, SessionId::custom(&list_of(SID).to_string()).ok().as_ref()).info().unwrap(), None);
}

#[test]
fn a_flood_of_visitors_does_not_push_out_a_list() {
    let storage = Arc::new(MemoryStorage::builder().max_sessions(64).sweep_interval(Duration::MAX).build());
    let manager = Manager::builder(Arc::clone(&storage)).clock(ManualClock::new(NOW)).build().unwrap();
    let id = log_in(&manager, tagged("ada"));
    for number in 0..1_000 {
        let session = begin(&manager, None);
        session.set("n", &number).unwrap();
        let _ = session.close().unwrap();
    }
    assert_eq!(storage.len(), 64, "it is full");
    assert_eq!(found(&manager, SID), keys(&[&id]));
}

//! The two clocks of a session (S7), on each storage, by a clock that stands still until it is moved.

use std::time::Duration;

use gsession::{
    ClientInfo, Clock as _, ConfigError, Delivery, Exchange, Manager, ManagerBuilder, ManualClock, Saved, Session,
    SessionId, Storage, StoreKey, Timestamp,
    storage::{Access, Lookup},
};
use tempfile::TempDir;

use crate::support::{self, KINDS, Kind, NOW, Place, quiet_file};

const MILLI: Duration = Duration::from_millis(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

fn request(manager: &Manager, id: &SessionId) -> Exchange<Session> {
    manager.begin(Some(id.as_str()), ClientInfo::default)
}

fn login(manager: &Manager) -> SessionId {
    let session = manager.begin(None, ClientInfo::default);
    session.set("user", "ada").unwrap();
    session.set_principal("ada").unwrap();
    match session.close().unwrap().delivery {
        Delivery::Send { id, .. } => id,
        other => panic!("no id for the client: {other:?}"),
    }
}

/// Whether the session opens, in a request that counts as no activity.
fn opens(manager: &Manager, id: &SessionId) -> bool {
    let session = request(manager, id);
    session.set_passive(true);
    let opens = session.contains_key("user").unwrap();
    let _ = session.close().unwrap();
    opens
}

/// Whether the session opens, in a request like any other.
fn visits(manager: &Manager, id: &SessionId) -> bool {
    let session = request(manager, id);
    let opens = session.contains_key("user").unwrap();
    let _ = session.close().unwrap();
    opens
}

fn expires_at(manager: &Manager, id: &SessionId) -> Timestamp {
    let session = request(manager, id);
    session.set_passive(true);
    session.info().unwrap().expect("it lives").expires_at
}

/// A place and a manager over it with other settings.
fn with(
    kind: Kind,
    settings: impl FnOnce(ManagerBuilder<Manager>) -> ManagerBuilder<Manager>,
) -> (Place, Manager, ManualClock) {
    let place = Place::new(kind);
    let manager = settings(place.builder()).build().unwrap();
    let clock = place.clock.clone();
    (place, manager, clock)
}

#[test]
fn a_session_ends_when_it_was_not_used_for_the_idle_timeout() {
    for kind in KINDS {
        let (_place, manager, clock) = with(kind, |builder| builder.idle_timeout(HOUR));
        let id = login(&manager);
        clock.advance(HOUR - MILLI);
        assert!(opens(&manager, &id), "{kind:?}");
        clock.advance(MILLI);
        assert!(!opens(&manager, &id), "{kind:?}");
        let late = request(&manager, &id);
        assert!(!late.contains_key("user").unwrap());
        // A removal could take away what a parallel request has got since.
        assert_eq!(late.close().unwrap().delivery, Delivery::Keep);
    }
}

#[test]
fn reading_and_writing_keep_a_session_alive_and_passive_requests_do_not() {
    for kind in KINDS {
        let (_place, manager, clock) = with(kind, |builder| builder.idle_timeout(HOUR));
        let id = login(&manager);
        for _ in 0..5 {
            clock.advance(HOUR / 2);
            assert!(visits(&manager, &id));
        }
        for n in 0..5 {
            clock.advance(HOUR / 2);
            let writer = request(&manager, &id);
            writer.set("n", &n).unwrap();
            assert_eq!(writer.close().unwrap().saved, Saved::Committed);
        }
        clock.advance(HOUR / 2);
        assert!(opens(&manager, &id));
        // A passive write is stored, and does not count either.
        let passive = request(&manager, &id);
        passive.set_passive(true);
        passive.set("n", &9).unwrap();
        assert_eq!(passive.close().unwrap().saved, Saved::Committed);
        clock.advance(HOUR / 2);
        assert!(!opens(&manager, &id), "{kind:?}: polling has kept it alive");
    }
}

#[test]
fn activity_within_the_touch_interval_is_not_stored_again() {
    for kind in KINDS {
        let (_place, manager, clock) = with(kind, |builder| builder.idle_timeout(HOUR).touch_interval(10 * MINUTE));
        let id = login(&manager);
        clock.advance(10 * MINUTE - MILLI);
        assert!(visits(&manager, &id));
        assert_eq!(expires_at(&manager, &id), NOW + HOUR, "{kind:?}");
        clock.advance(MILLI);
        assert!(visits(&manager, &id));
        assert_eq!(expires_at(&manager, &id), NOW + 10 * MINUTE + HOUR, "{kind:?}");
    }
}

/// A twentieth of the idle timeout, at most a minute.
#[test]
fn the_touch_interval_follows_from_the_idle_timeout() {
    for kind in KINDS {
        for (idle, interval) in [(10 * MINUTE, MINUTE / 2), (24 * HOUR, MINUTE)] {
            let (_place, manager, clock) = with(kind, |builder| builder.idle_timeout(idle));
            let id = login(&manager);
            clock.advance(interval - MILLI);
            assert!(visits(&manager, &id));
            assert_eq!(expires_at(&manager, &id), NOW + idle);
            clock.advance(MILLI);
            assert!(visits(&manager, &id));
            assert_eq!(expires_at(&manager, &id), NOW + interval + idle);
        }
    }
}

#[test]
fn the_client_hears_of_a_new_deadline_when_there_is_one() {
    for kind in KINDS {
        let (_place, manager, clock) = with(kind, |builder| builder.idle_timeout(HOUR));
        let id = login(&manager);
        let delivery = || {
            let session = request(&manager, &id);
            assert!(session.contains_key("user").unwrap());
            session.close().unwrap().delivery
        };
        assert_eq!(delivery(), Delivery::Keep, "nothing was due");
        clock.advance(10 * MINUTE);
        let expires_at = NOW + 10 * MINUTE + HOUR;
        assert_eq!(
            format!("{:?}", delivery()),
            format!("{:?}", Delivery::Refresh { id: id.clone(), expires_at, is_remembered: false })
        );
        let untouched = request(&manager, &id);
        assert_eq!(untouched.close().unwrap().delivery, Delivery::Keep, "a session that was not used");
    }
}

#[test]
fn nothing_extends_the_absolute_lifetime() {
    for kind in KINDS {
        let (_place, manager, clock) =
            with(kind, |builder| builder.idle_timeout(HOUR).absolute_lifetime(3 * HOUR).touch_interval(Duration::ZERO));
        let end = NOW + 3 * HOUR;
        let mut id = login(&manager);
        for _ in 0..5 {
            clock.advance(HOUR / 2);
            assert!(visits(&manager, &id));
            let session = request(&manager, &id);
            session.update("n", |n: Option<u32>| n.unwrap_or(0) + 1).unwrap();
            session.renew().unwrap();
            let Delivery::Send { id: new, expires_at, .. } = session.close().unwrap().delivery else {
                panic!("renewed")
            };
            assert!(expires_at <= end);
            id = new;
            let info = request(&manager, &id).info().unwrap().unwrap();
            assert_eq!((info.created_at, info.absolute_deadline), (NOW, Some(end)), "{kind:?}");
        }
        clock.set(end + Duration::ZERO);
        assert!(!visits(&manager, &id), "{kind:?}");
        clock.set(Timestamp::from_millis(end.as_millis() - 1));
        assert!(opens(&manager, &id), "{kind:?}");
    }
}

// Settings that have become stricter since a session was stored.

#[test]
fn a_shorter_idle_timeout_applies_to_sessions_that_are_there() {
    for kind in KINDS {
        let (place, manager, clock) = with(kind, |builder| builder.idle_timeout(24 * HOUR));
        let id = login(&manager);
        let stricter = place.builder().idle_timeout(HOUR).build().unwrap();
        clock.advance(HOUR - MILLI);
        assert!(opens(&stricter, &id), "{kind:?}");
        clock.advance(MILLI);
        assert!(!opens(&stricter, &id), "{kind:?}");
        assert!(stricter.sessions_of("ada").unwrap().is_empty());
        assert!(!visits(&stricter, &id), "{kind:?}: reading has brought a session back that had ended");
        assert!(!visits(&stricter, &id), "{kind:?}: reading twice has");
    }
}

#[test]
fn a_shorter_absolute_lifetime_applies_to_sessions_that_are_there() {
    for kind in KINDS {
        let (place, manager, clock) = with(kind, |builder| builder.idle_timeout(24 * HOUR));
        let id = login(&manager);
        let stricter = place.builder().idle_timeout(24 * HOUR).absolute_lifetime(HOUR).build().unwrap();
        clock.advance(HOUR - MILLI);
        assert!(visits(&stricter, &id), "{kind:?}");
        clock.advance(MILLI);
        assert!(!visits(&stricter, &id), "{kind:?}");
        assert!(stricter.sessions_of("ada").unwrap().is_empty());
    }
}

/// A write without reading must not revive what reading would have found ended.
#[test]
fn a_blind_write_does_not_revive_what_stricter_settings_have_ended() {
    type Stricter = fn(ManagerBuilder<Manager>) -> ManagerBuilder<Manager>;
    let ways: [Stricter; 2] =
        [|builder| builder.idle_timeout(HOUR), |builder| builder.idle_timeout(24 * HOUR).absolute_lifetime(HOUR)];
    for kind in KINDS {
        for stricter in ways {
            for renew in [false, true] {
                let (place, manager, clock) = with(kind, |builder| builder.idle_timeout(24 * HOUR));
                let id = login(&manager);
                clock.advance(2 * HOUR);
                let manager = stricter(place.builder()).build().unwrap();
                let blind = request(&manager, &id);
                blind.set("language", "fr").unwrap();
                if renew {
                    blind.renew().unwrap();
                }
                let closed = blind.close().unwrap();
                let now = clock.now();
                let alive: Vec<_> =
                    place.ids.living(&*place.storage, now).into_iter().filter(|id| visits(&manager, id)).collect();
                assert!(alive.is_empty(), "{kind:?}, renewed {renew}: the old data opens again after {closed:?}");
                assert_eq!(closed.saved, Saved::Created, "{kind:?}");
            }
        }
    }
}

/// Longer settings are no reason to lengthen what was promised to end.
#[test]
fn a_longer_timeout_applies_from_the_next_write() {
    for kind in KINDS {
        let (place, manager, clock) = with(kind, |builder| builder.idle_timeout(HOUR));
        let (id, unused) = (login(&manager), login(&manager));
        let longer = place.builder().idle_timeout(24 * HOUR).build().unwrap();
        clock.advance(HOUR / 2);
        let writer = request(&longer, &id);
        writer.set("n", &1).unwrap();
        let _ = writer.close().unwrap();
        clock.advance(2 * HOUR);
        assert!(opens(&longer, &id), "{kind:?}");
        assert!(!opens(&longer, &unused), "{kind:?}");
    }
}

// Durations as people write them.

#[test]
fn durations_without_sense_are_refused() {
    let builder = || Place::new(Kind::Memory).builder();
    for short in [Duration::ZERO, Duration::from_micros(999)] {
        assert_eq!(builder().idle_timeout(short).build().err(), Some(ConfigError::IdleTimeoutTooShort));
        assert_eq!(builder().absolute_lifetime(short).build().err(), Some(ConfigError::AbsoluteLifetimeTooShort));
    }
    assert!(builder().idle_timeout(MILLI).absolute_lifetime(MILLI).touch_interval(Duration::ZERO).build().is_ok());
}

#[test]
fn an_endless_session_does_not_end() {
    for kind in KINDS {
        let (_place, manager, clock) = with(kind, |builder| {
            builder.idle_timeout(Duration::MAX).absolute_lifetime(Duration::MAX).touch_interval(MINUTE)
        });
        let id = login(&manager);
        assert_eq!(expires_at(&manager, &id), Timestamp::MAX);
        clock.advance(100 * YEAR);
        assert!(visits(&manager, &id), "{kind:?}");
        let session = request(&manager, &id);
        session.set("n", &1).unwrap();
        session.renew().unwrap();
        let Delivery::Send { id, .. } = session.close().unwrap().delivery else { panic!("it was renewed") };
        assert_eq!(manager.sweep().unwrap().removed, 0);
        clock.advance(100 * YEAR);
        assert!(visits(&manager, &id), "{kind:?}");
        assert_eq!(request(&manager, &id).get::<u32>("n").unwrap(), Some(1));
    }
}

/// Who only reads gets the new idle timeout too, as soon as a touch is due.
#[test]
fn a_longer_timeout_applies_from_the_next_touch() {
    for kind in KINDS {
        let (place, manager, clock) = with(kind, |builder| builder.idle_timeout(HOUR));
        let (id, unused) = (login(&manager), login(&manager));
        let longer = place.builder().idle_timeout(24 * HOUR).build().unwrap();
        clock.advance(HOUR / 2);
        assert!(visits(&longer, &id));
        assert_eq!(expires_at(&longer, &id), clock.now() + 24 * HOUR, "{kind:?}");
        clock.advance(2 * HOUR);
        assert!(opens(&longer, &id), "{kind:?}");
        assert!(!opens(&longer, &unused), "{kind:?}");
    }
}

/// Half the idle timeout is the longest touch interval, so that nobody who is active is logged out.
#[test]
fn an_endless_touch_interval_keeps_the_active() {
    for kind in KINDS {
        let (_place, manager, clock) = with(kind, |builder| builder.idle_timeout(HOUR).touch_interval(Duration::MAX));
        let id = login(&manager);
        for _ in 0..5 {
            clock.advance(HOUR / 2);
            assert!(visits(&manager, &id), "{kind:?}");
        }
        clock.advance(HOUR);
        assert!(!visits(&manager, &id), "{kind:?}");
    }
}

#[test]
fn the_shortest_session_lives_a_millisecond() {
    for kind in KINDS {
        let (_place, manager, clock) = with(kind, |builder| builder.idle_timeout(MILLI));
        let id = login(&manager);
        assert!(opens(&manager, &id), "{kind:?}");
        clock.advance(MILLI);
        assert!(!opens(&manager, &id), "{kind:?}");
    }
}

// Requests that take their time.

#[test]
fn a_slow_request_never_moves_a_deadline_backwards() {
    for kind in KINDS {
        let (_place, manager, clock) = with(kind, |builder| builder.idle_timeout(HOUR).touch_interval(Duration::ZERO));
        let id = login(&manager);
        let slow = request(&manager, &id);
        assert!(slow.contains_key("user").unwrap());
        clock.advance(30 * MINUTE);
        assert!(visits(&manager, &id));
        let deadline = expires_at(&manager, &id);
        assert_eq!(deadline, NOW + 30 * MINUTE + HOUR);
        // The slow one's machine has a clock that lags.
        clock.set(NOW + MINUTE);
        slow.set("n", &1).unwrap();
        let closed = slow.close().unwrap();
        assert_eq!(closed.saved, Saved::Committed);
        assert!(
            matches!(closed.delivery, Delivery::Refresh { expires_at, .. } if expires_at == deadline),
            "{kind:?}: {:?}",
            closed.delivery
        );
        assert!(visits(&manager, &id));
        assert_eq!(expires_at(&manager, &id), deadline, "{kind:?}");
        clock.set(Timestamp::from_millis(deadline.as_millis() - 1));
        assert!(opens(&manager, &id));
    }
}

/// As `SessionInfo::last_seen` says: this request counts too, unless it is passive.
#[test]
fn the_facts_about_a_session_tell_when_it_was_last_used() {
    for kind in KINDS {
        let (_place, manager, clock) = with(kind, |builder| builder.idle_timeout(24 * HOUR));
        let id = login(&manager);
        clock.advance(HOUR);
        let passive = request(&manager, &id);
        passive.set_passive(true);
        let info = passive.info().unwrap().unwrap();
        assert_eq!((info.created_at, info.last_seen), (NOW, NOW), "{kind:?}");
        let _ = passive.close().unwrap();
        let active = request(&manager, &id);
        assert_eq!(active.info().unwrap().unwrap().last_seen, NOW + HOUR, "{kind:?}");
        let _ = active.close().unwrap();
    }
}

// Restarts of the file storage.

#[test]
fn a_session_survives_a_restart_with_its_touches() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("sessions");
    let clock = ManualClock::new(NOW);
    let open = || Manager::builder(quiet_file(&path)).idle_timeout(HOUR).clock(clock.clone()).build().unwrap();
    let manager = open();
    let id = login(&manager);
    clock.advance(HOUR / 2);
    assert!(visits(&manager, &id));
    drop(manager);
    // The touch was waiting; it has been written by the end of the storage.
    let manager = open();
    clock.advance(HOUR / 2);
    let session = request(&manager, &id);
    session.set_passive(true);
    assert_eq!(session.get::<String>("user").unwrap().as_deref(), Some("ada"));
    assert_eq!(session.info().unwrap().unwrap().last_seen, NOW + HOUR / 2);
    clock.advance(HOUR / 2);
    assert!(!opens(&manager, &id));
}

/// With a touch the idle timeout that it extends by is written, and nothing else is changed.
#[test]
fn a_session_survives_a_restart_with_the_timeout_it_was_touched_by() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("sessions");
    let clock = ManualClock::new(NOW);
    let open = |idle| Manager::builder(quiet_file(&path)).idle_timeout(idle).clock(clock.clone()).build().unwrap();
    let id = login(&open(HOUR));
    clock.advance(HOUR / 2);
    let longer = open(24 * HOUR);
    assert!(visits(&longer, &id));
    // Another process does not know it yet.
    assert_eq!(expires_at(&open(24 * HOUR), &id), NOW + HOUR);
    drop(longer);
    let manager = open(24 * HOUR);
    assert_eq!(expires_at(&manager, &id), NOW + HOUR / 2 + 24 * HOUR);
    clock.advance(2 * HOUR);
    assert_eq!(manager.sweep().unwrap().removed, 0);
    let session = request(&manager, &id);
    assert_eq!(session.get::<String>("user").unwrap().as_deref(), Some("ada"));
    assert_eq!(manager.sessions_of("ada").unwrap().len(), 1);
}

#[test]
fn touches_are_written_by_themselves() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("sessions");
    let clock = ManualClock::new(NOW);
    let storage = gsession::FileStorage::builder(&path)
        .sweep_interval(Duration::MAX)
        .touch_interval(MILLI)
        .clock(clock.clone())
        .build()
        .unwrap();
    let manager = Manager::builder(storage).idle_timeout(HOUR).clock(clock.clone()).build().unwrap();
    let id = login(&manager);
    clock.advance(HOUR / 2);
    assert!(visits(&manager, &id));
    // Another process sees it, although the first one still runs.
    let other: &dyn Storage = &quiet_file(&path);
    let key = StoreKey::of(&id);
    support::wait_until("the touch is written", || {
        let loaded = other.load(&key, &Access::passive(clock.now())).unwrap();
        matches!(loaded, Lookup::Found(snapshot) if snapshot.record.last_seen == NOW + HOUR / 2)
    });
}

#[test]
fn a_file_that_ended_while_nobody_ran_is_swept_by_the_next_process() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("sessions");
    let clock = ManualClock::new(NOW);
    let manager = Manager::builder(quiet_file(&path)).idle_timeout(HOUR).clock(clock.clone()).build().unwrap();
    let id = login(&manager);
    drop(manager);
    clock.advance(HOUR);
    let _sweeping = gsession::FileStorage::builder(&path).sweep_interval(MILLI).clock(clock).build().unwrap();
    let key = StoreKey::of(&id).to_string();
    let file = path.join(&key[..2]).join(&key);
    support::wait_until("the file is swept", || !file.exists());
}

//! A remembered session lives by its own deadlines, whatever is done to it.

use std::time::Duration;

use gsession::{Login, SessionId, Timestamp};

use super::{DAY, HOUR, MINUTE, SECOND, begin, id_after, info, log_in, strict, visits};
use crate::support::{KINDS, NOW, Place};

#[test]
fn a_remembered_session_outlives_the_limits_of_its_manager() {
    for place in KINDS.map(Place::new) {
        let (manager, kind) = (strict(&place), place.kind);
        let id = log_in(&manager, None, Login::new("ada").remember_for(30 * DAY).idle_timeout(7 * DAY));
        let ordinary = log_in(&manager, None, "ada".into());
        let known = info(&manager, &id).unwrap();
        assert!(known.is_remembered, "{kind:?}");
        assert_eq!((known.expires_at, known.absolute_deadline), (NOW + 7 * DAY, Some(NOW + 30 * DAY)), "{kind:?}");

        place.clock.advance(3 * HOUR);
        assert!(!visits(&manager, &ordinary) && visits(&manager, &id), "{kind:?}");
        for day in [6, 12, 18, 24] {
            place.clock.set(NOW + day * DAY);
            assert!(visits(&manager, &id), "{kind:?}: day {day}");
            let known = info(&manager, &id).unwrap();
            let end = (NOW + (day + 7) * DAY).min(NOW + 30 * DAY);
            assert_eq!((known.last_seen, known.expires_at), (NOW + day * DAY, end), "{kind:?}: day {day}");
        }
        place.clock.set(NOW + (30 * DAY - SECOND));
        assert!(visits(&manager, &id), "{kind:?}");
        place.clock.set(NOW + 30 * DAY);
        assert!(!visits(&manager, &id), "{kind:?}: however much it is used");
    }
}

#[test]
fn a_remembered_session_that_is_not_used_ends() {
    for place in KINDS.map(Place::new) {
        let manager = place.builder().idle_timeout(1000 * DAY).build().unwrap();
        let id = log_in(&manager, None, Login::new("ada").remember_for(30 * DAY).idle_timeout(7 * DAY));
        let whole = log_in(&manager, None, Login::new("ada").remember_for(30 * DAY));
        assert_eq!(info(&manager, &whole).unwrap().expires_at, NOW + 30 * DAY, "it may lie still all the time");
        place.clock.set(NOW + (7 * DAY - SECOND));
        assert!(info(&manager, &id).is_some(), "{:?}", place.kind);
        place.clock.set(NOW + 7 * DAY);
        assert!(info(&manager, &id).is_none() && !visits(&manager, &id), "{:?}", place.kind);
        assert_eq!(manager.sessions_of("ada").unwrap().len(), 1, "{:?}", place.kind);
        assert_eq!(place.storage.sweep(NOW + 7 * DAY).unwrap().kept, 1, "{:?}", place.kind);
        assert!(visits(&manager, &whole), "{:?}", place.kind);
    }
}

#[test]
fn a_short_one_that_is_always_in_use_lives_to_its_end_however_long_the_touch_interval_is() {
    for place in KINDS.map(Place::new) {
        let manager = place.builder().touch_interval(HOUR).build().unwrap();
        let id = log_in(&manager, None, Login::new("ada").remember_for(2 * MINUTE).idle_timeout(10 * SECOND));
        for step in 1..20_u32 {
            place.clock.set(NOW + step * 6 * SECOND);
            // By a read, and by a write that reads nothing.
            if step % 2 == 0 {
                assert!(visits(&manager, &id), "{:?}: step {step}", place.kind);
            } else {
                let session = begin(&manager, Some(&id));
                session.set("step", &step).unwrap();
                assert_eq!(session.save().unwrap(), gsession::Saved::Committed, "{:?}: step {step}", place.kind);
                let _ = session.close().unwrap();
            }
        }
        place.clock.set(NOW + 2 * MINUTE);
        assert!(!visits(&manager, &id), "{:?}", place.kind);
    }
}

#[test]
fn whatever_a_request_does_the_deadlines_stay_the_sessions_own() {
    type Deed = fn(&gsession::Session);
    let deeds: [(&str, Deed); 8] = [
        ("a blind write", |session| session.set("n", &1).unwrap()),
        ("a blind removal", |session| session.remove("n").unwrap()),
        ("a clear", |session| session.clear().unwrap()),
        ("a write after a read", |session| {
            let n = session.get::<u32>("n").unwrap().unwrap_or_default();
            session.set("n", &(n + 1)).unwrap();
        }),
        ("an update", |session| assert!(session.update("n", |n: Option<u32>| n.unwrap_or_default() + 1).is_ok())),
        ("a blind renewal", |session| session.renew().unwrap()),
        ("a renewal after a read", |session| {
            assert!(session.principal().unwrap().is_some());
            session.renew().unwrap();
        }),
        ("a large write", |session| session.set("long", &"x".repeat(20_000)).unwrap()),
    ];
    for place in KINDS.map(Place::new) {
        let manager = strict(&place);
        let mut id = log_in(&manager, None, Login::new("ada").remember_for(30 * DAY).idle_timeout(7 * DAY));
        let mut now = NOW;
        for (what, deed) in deeds.iter().cycle().take(3 * deeds.len()) {
            // Later than any limit of the manager's.
            now = now + 5 * HOUR;
            place.clock.set(now);
            let session = begin(&manager, Some(&id));
            deed(session.session());
            let closed = session.close().unwrap();
            id = id_after(&session, closed);
            let known = info(&manager, &id).unwrap_or_else(|| panic!("{:?}: {what} has ended it", place.kind));
            assert!(known.is_remembered, "{:?}: {what}", place.kind);
            let is = (known.created_at, known.last_seen, known.expires_at, known.absolute_deadline);
            assert_eq!(is, (NOW, now, now + 7 * DAY, Some(NOW + 30 * DAY)), "{:?}: {what}", place.kind);
        }
    }
}

#[test]
fn what_is_remembered_survives_the_process() {
    for place in KINDS.map(Place::new).into_iter().filter(|place| place.kind != crate::support::Kind::Memory) {
        let id = log_in(&strict(&place), None, Login::new("ada").remember_for(30 * DAY).idle_timeout(7 * DAY));
        let other = place.builder_over(place.opened_again()).idle_timeout(MINUTE).build().unwrap();
        place.clock.advance(5 * DAY);
        assert!(visits(&other, &id), "{:?}", place.kind);
        assert_eq!(info(&other, &id).unwrap().expires_at, NOW + 12 * DAY, "{:?}", place.kind);
    }
}

#[test]
fn durations_beyond_the_calendar_never_end() {
    for place in KINDS.map(Place::new) {
        let manager = strict(&place);
        let login = |duration| Login::new("ada").remember_for(duration);
        let mut ids: Vec<SessionId> = Vec::new();
        for duration in [36_500 * DAY, 365_000_000 * DAY, Duration::MAX, Duration::from_millis(u64::MAX)] {
            ids.push(log_in(&manager, None, login(duration)));
            ids.push(log_in(&manager, None, login(duration).idle_timeout(Duration::MAX)));
        }
        place.clock.set(Timestamp::from_millis(NOW.as_millis() + 99 * 365 * 86_400_000));
        for id in &ids {
            assert!(visits(&manager, id), "{:?}", place.kind);
            let known = info(&manager, id).unwrap();
            assert!(known.is_remembered && known.absolute_deadline.is_some(), "{:?}: {known:?}", place.kind);
        }
        assert_eq!(manager.sessions_of("ada").unwrap().len(), ids.len(), "{:?}", place.kind);
    }
}

//! Managers with other settings look at the same session.

use gsession::{AtLimit, Error, Login, LoginError};

use super::{DAY, HOUR, MINUTE, begin, info, log_in, strict, visits};
use crate::support::{KINDS, NOW, Place};

#[test]
fn another_manager_judges_a_remembered_session_by_its_own_deadlines() {
    for place in KINDS.map(Place::new) {
        let (shop, admin, kind) = (place.manager(), strict(&place), place.kind);
        let id = log_in(&shop, None, Login::new("ada").remember_for(30 * DAY));
        let ordinary = log_in(&shop, None, "ada".into());
        place.clock.set(NOW + 3 * HOUR);
        let listed = admin.sessions_of("ada").unwrap();
        let own: Vec<_> = listed.iter().map(|(key, info)| (*key, info.is_remembered, info.expires_at)).collect();
        assert_eq!(own, [(admin.key_of(&id), true, NOW + 30 * DAY)], "{kind:?}: the other is too old for it");

        // A visit there does not make it one of the admin area's.
        assert!(visits(&admin, &id) && !visits(&admin, &ordinary), "{kind:?}");
        assert_eq!(info(&shop, &id).unwrap().expires_at, NOW + 30 * DAY, "{kind:?}");
        place.clock.set(NOW + 20 * DAY);
        assert_eq!(shop.sessions_of("ada").unwrap().len(), 1, "{kind:?}");
        assert_eq!(admin.destroy_all_of("ada", None).unwrap(), 1, "{kind:?}");
        assert!(!visits(&shop, &id), "{kind:?}");
    }
}

#[test]
fn a_remembered_session_is_listed_as_long_as_it_lives() {
    for place in KINDS.map(Place::new) {
        let manager = place.builder().idle_timeout(MINUTE).build().unwrap();
        let id = log_in(&manager, None, Login::new("ada").remember_for(300 * DAY));
        // The index of Redis would have forgotten an ordinary session by now.
        for day in [1, 100, 299] {
            place.clock.set(NOW + day * DAY);
            assert_eq!(manager.sessions_of("ada").unwrap().len(), 1, "{:?}: day {day}", place.kind);
        }
        // Renewed without having been read.
        let session = begin(&manager, Some(&id));
        session.renew().unwrap();
        let _ = session.close().unwrap();
        place.clock.set(NOW + (300 * DAY - MINUTE));
        assert_eq!(manager.sessions_of("ada").unwrap().len(), 1, "{:?}", place.kind);
        place.clock.set(NOW + 300 * DAY);
        assert!(manager.sessions_of("ada").unwrap().is_empty(), "{:?}", place.kind);
    }
}

#[test]
fn remembered_sessions_count_for_the_limit() {
    for place in KINDS.map(Place::new) {
        let manager = |at| place.builder().idle_timeout(HOUR).max_sessions(2, at).build().unwrap();
        let (refusing, ending) = (manager(AtLimit::Refuse), manager(AtLimit::EndOldest));
        let first = log_in(&refusing, None, Login::new("ada").remember_for(30 * DAY));
        let second = log_in(&refusing, None, "ada".into());
        place.clock.advance(HOUR);
        let third = log_in(&refusing, None, Login::new("ada").remember_for(30 * DAY));
        assert!(!visits(&refusing, &second), "{:?}: an hour is over", place.kind);
        let refused = begin(&refusing, None).log_in("ada");
        assert!(
            matches!(refused, Err(Error::Login(LoginError::TooManySessions { .. }))),
            "{:?}: {refused:?}",
            place.kind
        );
        let fourth = log_in(&ending, None, "ada".into());
        assert!(!visits(&ending, &first) && visits(&ending, &third) && visits(&ending, &fourth), "{:?}", place.kind);
    }
}

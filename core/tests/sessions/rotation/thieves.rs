//! An id that was stolen is found out.

use super::*;

#[test]
fn the_id_before_counts_until_the_grace_is_over_and_then_ends_the_session() {
    for place in KINDS.map(Place::new) {
        let kind = place.kind;
        let manager = rotating(place.builder());
        let (first, second) = rotated(&place, &manager);
        place.clock.advance(GRACE - SECOND);
        let session = begin(&manager, &first);
        session.update("n", |n: Option<u32>| n.unwrap_or(0) + 1).unwrap();
        session.set("other", &1).unwrap();
        assert_eq!(sent(&session), Some(second.clone()), "{kind:?}: a browser may have gone back to it");

        place.clock.advance(SECOND);
        let before = log::mark();
        let thief = begin(&manager, &first);
        assert_eq!(thief.principal().unwrap(), None, "{kind:?}");
        assert_eq!(thief.close().unwrap().delivery, Delivery::Withdraw, "{kind:?}");
        let lines = log::since(before);
        assert!(is_reported(&manager, &first, &lines), "{kind:?}: {lines:?}");
        assert!(!lines.iter().any(|line| line.contains(first.as_str()) || line.contains(second.as_str())), "{kind:?}");
        assert_eq!(visit(&manager, &second), (false, None), "{kind:?}: the session has ended for everybody");
        assert_eq!(place.survivors(), 0, "{kind:?}");
    }
}

#[test]
fn an_id_from_long_ago_is_found_out_as_long_as_the_session_lives() {
    for place in KINDS.map(Place::new) {
        let manager = rotating(place.builder());
        let (first, mut current) = rotated(&place, &manager);
        for _ in 0..30 {
            place.clock.advance(PERIOD);
            current = visit(&manager, &current).1.unwrap();
            assert_eq!(visit(&manager, &current), (true, None), "{:?}", place.kind);
        }
        assert_eq!(visit(&manager, &first), (false, None), "{:?}", place.kind);
        assert_eq!(visit(&manager, &current), (false, None), "{:?}", place.kind);
    }
}

#[test]
fn with_refuse_an_old_id_opens_nothing_and_the_session_lives() {
    for place in KINDS.map(Place::new) {
        let manager = rotating(place.builder().on_reuse(OnReuse::Refuse));
        let (first, second) = rotated(&place, &manager);
        place.clock.advance(GRACE);
        let before = log::mark();
        assert_eq!(visit(&manager, &first), (false, None), "{:?}", place.kind);
        assert!(is_reported(&manager, &first, &log::since(before)), "{:?}", place.kind);
        // What is written under it goes into a session of its own.
        let session = begin(&manager, &first);
        session.set("cart", &1).unwrap();
        let own = sent(&session).unwrap();
        assert_ne!(manager.key_of(&own), manager.key_of(&first), "{:?}", place.kind);
        let session = begin(&manager, &second);
        assert!(session.principal().unwrap().is_some() && !session.contains_key("cart").unwrap(), "{:?}", place.kind);
    }
}

/// The ways in which a request uses its session without reading it first.
#[test]
fn a_write_that_reads_nothing_is_checked_too() {
    let acts: [(&str, Act); 6] = [
        ("set", |session| session.set("x", &1).unwrap()),
        ("remove", |session| session.remove("x").unwrap()),
        ("clear", |session| session.clear().unwrap()),
        ("set_principal", |session| session.set_principal("eve").unwrap()),
        ("renew", |session| session.renew().unwrap()),
        ("label", |session| session.set_label("mine").unwrap()),
    ];
    for (place, (act, run)) in KINDS.iter().flat_map(|kind| acts.map(|act| (Place::new(*kind), act))) {
        let what = format!("{:?}: {act}", place.kind);
        let manager = rotating(place.builder());
        let (first, second) = rotated(&place, &manager);
        // With the current id, and with the one before while it counts.
        for id in [&second, &first] {
            let session = begin(&manager, id);
            session.set(if id == &first { "a" } else { "b" }, &1).unwrap();
            assert_eq!(session.close().unwrap().saved, Saved::Committed, "{what}");
        }
        let session = begin(&manager, &second);
        assert!(session.contains_key("a").unwrap() && session.contains_key("b").unwrap(), "{what}");

        place.clock.advance(GRACE);
        let thief = begin(&manager, &first);
        run(&thief);
        let got = sent(&thief);
        assert_eq!(visit(&manager, &second), (false, None), "{what}: the session has ended");
        if let Some(got) = got {
            let session = begin(&manager, &got);
            assert!(!session.contains_key("a").unwrap(), "{what}: the thief has a session, but nothing of the user's");
        }
        assert!(manager.sessions_of("ada").unwrap().is_empty(), "{what}");
    }
}

#[test]
fn a_client_that_presents_an_old_id_beside_the_current_one_is_no_thief() {
    for place in KINDS.map(Place::new) {
        let manager = rotating(place.builder());
        let (first, second) = rotated(&place, &manager);
        place.clock.advance(GRACE);
        for presented in [[&first, &second], [&second, &first]] {
            let session = manager.begin(presented.map(SessionId::as_str), ClientInfo::default);
            assert!(session.principal().unwrap().is_some(), "{:?}", place.kind);
            assert_eq!(sent(&session), None, "{:?}", place.kind);
        }
        let session = manager.begin([first.as_str(), first.as_str()], ClientInfo::default);
        assert_eq!(session.principal().unwrap(), None, "{:?}: twice is not beside", place.kind);
        assert_eq!(session.close().unwrap().delivery, Delivery::Withdraw, "{:?}", place.kind);
        assert_eq!(visit(&manager, &second), (false, None), "{:?}", place.kind);
    }
}

#[test]
fn made_up_secrets_open_nothing() {
    for place in KINDS.map(Place::new) {
        let kind = place.kind;
        let manager = rotating(place.builder());
        let id = log_in(&manager);
        let secret = "A".repeat(22);
        // The session's id has never rotated, so the text was no id of it.
        let made_up = format!("{}~~{secret}", id.as_str());
        let session = manager.begin([made_up.as_str()], ClientInfo::default);
        assert_eq!(session.principal().unwrap(), None, "{kind:?}");
        assert_eq!(sent(&session), None, "{kind:?}");
        for malformed in ["~~", "~", "~~AAA", &format!("~~{secret}A"), &format!("~~{}B", "A".repeat(21))] {
            let text = format!("{}{malformed}", id.as_str());
            assert!(!manager.accepts(&text), "{kind:?}: {text}");
        }
        // Nor was it one of a session whose id has.
        let (_, second) = rotated(&place, &manager);
        let session = manager.begin([format!("{}~~{secret}", &second.as_str()[..43]).as_str()], ClientInfo::default);
        session.set("x", &1).unwrap();
        assert_eq!(session.close().unwrap().saved, Saved::Created, "{kind:?}: a session of its own");
        assert!(!manager.accepts(&format!("~~{secret}")), "{kind:?}");
        assert!(!manager.accepts(&format!("{made_up}~~{secret}")), "{kind:?}");
        assert!(visit(&manager, &id).0, "{kind:?}");
    }
}

#[test]
fn a_stolen_id_takes_no_living_one_from_the_client() {
    for place in KINDS.map(Place::new) {
        let kind = place.kind;
        let manager = rotating(place.builder());
        let (stolen, _) = rotated(&place, &manager);
        place.clock.advance(GRACE);
        let own = log_in(&manager);
        let session = manager.begin([stolen.as_str(), own.as_str()], ClientInfo::default);
        assert!(session.principal().unwrap().is_some(), "{kind:?}");
        assert_eq!(session.close().unwrap().delivery, Delivery::Keep, "{kind:?}");
        assert_eq!(visit(&manager, &own), (true, None), "{kind:?}");
        assert_eq!(place.survivors(), 1, "{kind:?}");
    }
}

#[test]
fn a_thief_is_found_out_by_a_read_although_the_request_is_never_ended() {
    for place in KINDS.map(Place::new) {
        let manager = rotating(place.builder());
        let (stolen, second) = rotated(&place, &manager);
        place.clock.advance(GRACE);
        assert_eq!(begin(&manager, &stolen).principal().unwrap(), None, "{:?}", place.kind);
        assert_eq!(visit(&manager, &second), (false, None), "{:?}", place.kind);
    }
}

/// Whoever comes with an id from long ago cannot hide behind a request that begins before the next rotation and reads after it.
#[test]
fn a_thief_that_is_slow_is_found_out_too() {
    for place in KINDS.map(Place::new) {
        let manager = rotating(place.builder());
        let (stolen, second) = rotated(&place, &manager);
        place.clock.advance(GRACE);
        let thief = begin(&manager, &stolen);
        place.clock.advance(PERIOD);
        let third = visit(&manager, &second).1.unwrap();
        assert_eq!(visit(&manager, &third), (true, None), "{:?}", place.kind);
        assert_eq!(thief.principal().unwrap(), None, "{:?}", place.kind);
        assert_eq!(visit(&manager, &third), (false, None), "{:?}", place.kind);
    }
}

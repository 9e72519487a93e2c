//! Lists of gsession's own that cannot be opened are in nobody's way.

use std::sync::Arc;

use gsession::{AtLimit, ClientInfo, Login, Manager, storage::sealed::Sealed};

use super::{KINDS, Place, between::Between, ring, sealed, sealed_with};

fn log_in(manager: &Manager, login: Login) {
    let session = manager.begin(None, ClientInfo::default);
    session.log_in(login).unwrap();
    let _ = session.close().unwrap();
}

#[test]
fn a_login_with_a_tag_works_after_the_key_was_lost_and_after_encryption_has_begun() {
    for kind in KINDS {
        let place = Place::new(kind);
        log_in(&place.manager(), Login::new("ada").tag("idp-7"));
        for number in [1, 2, 3] {
            let manager = place.builder_over(sealed_with(&place, ring(number))).build().unwrap();
            log_in(&manager, Login::new("ada").tag("idp-7"));
            log_in(&manager, Login::new("bob").tag("idp-7"));
            assert_eq!(manager.sessions_tagged("idp-7").unwrap().len(), 2, "{kind:?}: key {number}");
            assert_eq!(manager.destroy_all_tagged("idp-7").unwrap(), 2, "{kind:?}: key {number}");
        }
    }
}

#[test]
fn a_login_with_a_limit_works_beside_a_list_that_cannot_be_opened() {
    for kind in KINDS {
        let place = Place::new(kind);
        let build = |number| {
            let between = Arc::new(Between::new(&place.storage));
            let builder = place.builder_over(Sealed::new(Arc::clone(&between), ring(number)));
            (builder.max_sessions(2, AtLimit::Refuse).build().unwrap(), between)
        };
        log_in(&build(1).0, Login::new("ada"));
        let (manager, between) = build(2);
        log_in(&manager, Login::new("ada"));
        assert!(between.calls() < 30, "{kind:?}: {}", between.calls());
        log_in(&manager, Login::new("ada"));
        let third = manager.begin(None, ClientInfo::default);
        assert!(third.log_in(Login::new("ada")).is_err(), "{kind:?}: the limit holds");
    }
}

/// A list still is one to the storage, which counts it as no session and drops it after the sessions of visitors.
#[test]
fn lists_are_told_from_sessions() {
    for kind in KINDS {
        let place = Place::new(kind);
        let storage = sealed(&place);
        let manager = place.builder_over(storage.clone()).max_sessions(3, AtLimit::Refuse).build().unwrap();
        log_in(&manager, Login::new("ada").tag("idp-7"));
        assert_eq!(manager.count().unwrap(), 1, "{kind:?}");
    }
    let memory = gsession::MemoryStorage::builder().sweep_interval(std::time::Duration::MAX).max_sessions(50).build();
    let manager = Manager::new(Sealed::new(memory, ring(1)));
    for number in 0..10 {
        log_in(&manager, Login::new(format!("user{number}")).tag("idp-7"));
    }
    for number in 0..500 {
        let visitor = manager.begin(None, ClientInfo::default);
        visitor.set("number", &number).unwrap();
        let _ = visitor.close().unwrap();
    }
    assert_eq!(manager.sessions_tagged("idp-7").unwrap().len(), 10, "visitors were dropped, and nobody else");
}

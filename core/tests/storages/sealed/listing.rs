//! A user's sessions are listed while their keys are replaced.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use gsession::{
    ClientInfo, Clock as _, Login, Storage as _, StorageErrorKind,
    storage::{Committed, sealed::Sealed},
};

use super::{
    KINDS, NOW, Place, between::Between, commit_at, key, raw, ring, sealed, sealed_with, sealing_key, secret, setting,
};
use crate::support::IDLE;

const MOST: NonZeroUsize = NonZeroUsize::new(10).unwrap();

/// A write moves a session to the first key of the instance that writes, in either direction.
#[test]
fn a_session_that_moves_to_another_key_meanwhile_is_listed_once() {
    for kind in KINDS {
        for to in [1, 2] {
            for by_page in [false, true] {
                let place = Place::new(kind);
                let rings = [ring(1).with_older(sealing_key(2)), ring(2).with_older(sealing_key(1))];
                let [from, to] = if to == 1 { [1, 0] } else { [0, 1] };
                sealed_with(&place, rings[from].clone()).create(&key(1), &secret("ada"), NOW).unwrap();
                let other = sealed_with(&place, rings[to].clone());
                let between = Between::new(&place.storage).after_the_first_listing(move || {
                    let committed = other.commit(&key(1), &commit_at(setting("seen", "1"), NOW)).unwrap();
                    assert!(matches!(committed, Committed::Done { .. }));
                });
                let listing = Sealed::new(between, rings[1].clone());
                let found = match by_page {
                    true => listing.find_page("ada", None, MOST, NOW),
                    false => listing.find("ada", NOW),
                };
                let found: Vec<_> = found.unwrap().iter().map(|found| found.key).collect();
                assert_eq!(found, [key(1)], "{kind:?}: from {from} to {to}, by page: {by_page}");
            }
        }
    }
}

#[test]
fn ending_all_others_ends_one_that_moves_to_another_key_meanwhile() {
    for kind in KINDS {
        let place = Place::new(kind);
        let both = || ring(2).with_older(sealing_key(1));
        let old = place.builder_over(sealed_with(&place, ring(1))).build().unwrap();
        let thief = old.begin(None, ClientInfo::default);
        thief.log_in(Login::new("ada")).unwrap();
        let _ = thief.close().unwrap();
        let id = thief.id().unwrap();
        let (thief, other) = (old.key_of(&id), sealed_with(&place, both()));
        let between = Between::new(&place.storage).after_the_first_listing(move || {
            let _ = other.commit(&thief, &commit_at(setting("seen", "1"), NOW)).unwrap();
        });
        let manager = place.builder_over(Sealed::new(between, both())).build().unwrap();
        let own = manager.begin(None, ClientInfo::default);
        own.set_principal("ada").unwrap();
        let _ = own.save().unwrap();
        assert_eq!(own.destroy_others().unwrap(), 1, "{kind:?}");
        let _ = own.close().unwrap();
        let request = manager.begin([id.as_str()], ClientInfo::default);
        assert_eq!(request.principal().unwrap(), None, "{kind:?}");
    }
}

/// The index knows how long the session may live: a write that has not read the session moves it to the first key.
#[test]
fn a_remembered_session_stays_listed_when_it_moves_to_another_key() {
    for kind in KINDS {
        for rekeys in [false, true] {
            let place = Place::new(kind);
            let both = || ring(2).with_older(sealing_key(1));
            let old = place.builder_over(sealed_with(&place, ring(1))).build().unwrap();
            let session = old.begin(None, ClientInfo::default);
            session.log_in(Login::new("ada").remember_for(100 * IDLE).idle_timeout(20 * IDLE)).unwrap();
            let _ = session.close().unwrap();
            let id = session.id().unwrap();
            let new = place.builder_over(sealed_with(&place, both())).build().unwrap();
            place.clock.advance(Duration::from_secs(5));
            if rekeys {
                sealed_with(&place, both()).rekey(&new.key_of(&id), place.clock.now()).unwrap();
            } else {
                let session = new.begin([id.as_str()], ClientInfo::default);
                session.set("a", &1).unwrap();
                let _ = session.close().unwrap();
            }
            place.clock.advance(10 * IDLE);
            place.storage.sweep(place.clock.now()).unwrap();
            let listed = sealed_with(&place, both()).find("ada", place.clock.now()).unwrap().len();
            assert_eq!(listed, 1, "{kind:?}: rekeyed: {rekeys}");
        }
    }
}

/// Who may write the storage can make a listing long, but not endless.
#[test]
fn a_page_with_too_much_that_was_planted_is_an_error() {
    let place = Place::new(crate::support::Kind::Memory);
    sealed(&place).create(&key(0), &secret("ada"), NOW).unwrap();
    let planted = raw(&place, &key(0));
    for number in 0..3_000_u32 {
        let mut bytes = [0x5a; 32];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        place.storage.create(&gsession::StoreKey::from_bytes(bytes), &planted, NOW).unwrap();
    }
    let between = Arc::new(Between::new(&place.storage));
    let listing = Sealed::new(Arc::clone(&between), ring(1));
    let page = listing.find_page("ada", None, NonZeroUsize::new(2).unwrap(), NOW);
    assert_eq!(page.unwrap_err().kind(), StorageErrorKind::Other);
    assert!(between.calls() <= 100, "{}", between.calls());
}

//! A thief who may read and write the storage, but has no key.

use std::num::NonZeroUsize;

use gsession::{
    Changes, ClientInfo, Login, Record, Storage as _, StoreKey,
    record::{Commit, Lifespan},
    storage::{Access, Committed, Created},
};

use super::{
    KINDS, NOW, Place, SEALED, STATE, SealedStorage, commit_at, forge, key, opened, raw, role, sealed, secret, setting,
    text,
};
use crate::support::{IDLE, Kind, found};

fn store(storage: &SealedStorage, number: u8, principal: &str) -> StoreKey {
    let key = key(number);
    assert_eq!(storage.create(&key, &secret(principal), NOW).unwrap(), Created::Done);
    key
}

fn set_role(storage: &SealedStorage, key: &StoreKey, role: &str) {
    let committed = storage.commit(key, &commit_at(setting("role", &format!("\"{role}\"")), NOW)).unwrap();
    assert!(matches!(committed, Committed::Done { .. }), "{committed:?}");
}

#[test]
fn nothing_but_the_deadlines_can_be_read() {
    for kind in KINDS {
        let place = Place::new(kind);
        let storage = sealed(&place);
        let manager = place.builder_over(storage.clone()).build().unwrap();
        let session = manager.begin(None, ClientInfo::default);
        session.set("card-number", &"4929 1234").unwrap();
        session.log_in(Login::new("ada@example.org").label("Firefox on Debian").tag("idp-7")).unwrap();
        let _ = session.close().unwrap();
        let key = manager.key_of(&session.id().unwrap());
        let stored = raw(&place, &key);
        let names: Vec<_> = stored.entries.iter().map(|(name, _)| name.to_owned()).collect();
        assert_eq!(names, [SEALED, STATE], "{kind:?}");
        let everything = format!("{:?} {:?}", stored.principal, stored.entries.iter().collect::<Vec<_>>());
        for secret in ["card", "4929", "ada", "Firefox", "idp-7", "login", "label"] {
            assert!(!everything.contains(secret), "{kind:?}: {secret} in {everything}");
        }
        let again = manager.begin([session.id().unwrap().as_str()], ClientInfo::default);
        assert_eq!(again.get::<String>("card-number").unwrap().as_deref(), Some("4929 1234"));
        let labels: Vec<_> = again.list().unwrap().into_iter().map(|session| session.info.label).collect();
        assert_eq!(labels, [Some("Firefox on Debian".into())], "{kind:?}");
    }
}

#[test]
fn equal_sessions_are_stored_differently() {
    for kind in KINDS {
        let place = Place::new(kind);
        let storage = sealed(&place);
        let keys = [1, 2].map(|number| store(&storage, number, "ada"));
        let texts = keys.map(|key| text(&raw(&place, &key), SEALED));
        let beginnings = texts.map(|text| text[60..].to_owned());
        assert_ne!(beginnings[0], beginnings[1], "{kind:?}");
    }
}

#[test]
fn a_record_opens_only_under_its_own_key() {
    for kind in KINDS {
        let place = Place::new(kind);
        let storage = sealed(&place);
        let [victim, thief] = [store(&storage, 1, "ada"), store(&storage, 2, "eve")];
        let record = raw(&place, &victim);
        // Under a key of nobody.
        assert_eq!(place.storage.create(&key(3), &record, NOW).unwrap(), Created::Done);
        assert!(opened(&storage, &key(3)).is_none(), "{kind:?}");
        // Instead of the thief's own session.
        forge(&place, &thief, SEALED, &text(&record, SEALED));
        forge(&place, &thief, STATE, &text(&record, STATE));
        assert!(opened(&storage, &thief).is_none(), "{kind:?}");
        assert!(storage.decryption_failures() >= 2, "{kind:?}");
        // The session of the victim has not suffered.
        assert_eq!(role(&opened(&storage, &victim).unwrap()), "\"user\"");
        // What cannot be opened cannot be changed either, and goes with a logout.
        let commit = commit_at(setting("role", "\"admin\""), NOW);
        let committed = storage.commit(&thief, &commit).unwrap();
        assert!(matches!(committed, Committed::Gone), "{kind:?}: {committed:?}");
        storage.remove(&thief).unwrap();
        assert!(found(&*place.storage, &thief, NOW).is_none());
    }
}

/// Each state of a session is sealed as a whole: an earlier one can be put back, as a whole. A mixture opens nothing.
#[test]
fn no_mixture_of_states_opens() {
    for kind in KINDS {
        let place = Place::new(kind);
        let storage = sealed(&place);
        let key = store(&storage, 1, "ada");
        let mut states = vec![raw(&place, &key)];
        for role in ["admin", "guest", "user"] {
            set_role(&storage, &key, role);
            states.push(raw(&place, &key));
        }
        for (i, of) in states.iter().enumerate() {
            for (j, with) in states.iter().enumerate() {
                forge(&place, &key, SEALED, &text(of, SEALED));
                forge(&place, &key, STATE, &text(with, STATE));
                let roles = ["\"user\"", "\"admin\"", "\"guest\"", "\"user\""];
                let expected = (i == j).then(|| roles[i].to_owned());
                assert_eq!(opened(&storage, &key).as_ref().map(role), expected, "{kind:?}: {i} and {j}");
            }
        }
    }
}

#[test]
fn a_text_that_was_changed_or_cut_anywhere_opens_nothing() {
    for kind in [Kind::Memory, Kind::File] {
        let place = Place::new(kind);
        let storage = sealed(&place);
        let key = store(&storage, 1, "ada");
        let text = text(&raw(&place, &key), SEALED);
        let length = text.len();
        for at in 1..length - 1 {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            forge(&place, &key, SEALED, std::str::from_utf8(&changed).unwrap());
            assert!(opened(&storage, &key).is_none(), "{kind:?}: changed at {at}");
            forge(&place, &key, SEALED, &format!("{}\"", &text[..at]));
            assert!(opened(&storage, &key).is_none(), "{kind:?}: cut at {at}");
        }
        for other in ["\"\"", "1", "null", "[]", "\"ä\"", "\"AQ\""] {
            forge(&place, &key, SEALED, other);
            assert!(opened(&storage, &key).is_none(), "{kind:?}: {other}");
        }
        forge(&place, &key, SEALED, &text);
        assert!(opened(&storage, &key).is_some(), "{kind:?}: as it was");
        for state in ["0", "-1", "1.5", "null", "\"1\"", "99999999999999999999"] {
            forge(&place, &key, STATE, state);
            assert!(opened(&storage, &key).is_none(), "{kind:?}: the state {state}");
        }
    }
}

#[test]
fn a_session_does_not_live_longer_than_it_was_given() {
    for kind in KINDS {
        let place = Place::new(kind);
        let storage = sealed(&place);
        let tell = |number: u8, forge: &dyn Fn(&mut Record)| {
            let key = key(number);
            let mut given = secret("ada");
            given.absolute_deadline = Some(NOW + 2 * IDLE);
            assert_eq!(storage.create(&key, &given, NOW).unwrap(), Created::Done);
            let mut record = raw(&place, &key);
            place.storage.remove(&key).unwrap();
            forge(&mut record);
            assert_eq!(place.storage.create(&key, &record, NOW).unwrap(), Created::Done);
            opened(&storage, &key).is_some()
        };
        assert!(tell(1, &|_| {}), "{kind:?}: put back as it was");
        assert!(!tell(2, &|record| record.absolute_deadline = Some(NOW + 3 * IDLE)), "{kind:?}");
        assert!(!tell(3, &|record| record.absolute_deadline = None), "{kind:?}");
        assert!(!tell(4, &|record| record.created_at = NOW + IDLE / 2), "{kind:?}");
        assert!(!tell(5, &|record| record.is_remembered = true), "{kind:?}");
        // With the lifespan of a login.
        let key = store(&storage, 6, "ada");
        let mut changes = Changes::default();
        changes.set_lifespan(Lifespan::Own { idle_timeout: 2 * IDLE, until: NOW + 9 * IDLE });
        let _ = place.storage.commit(&key, &Commit::new(changes, Access::passive(NOW))).unwrap();
        assert!(opened(&storage, &key).is_none(), "{kind:?}");
    }
}

#[test]
fn a_session_is_not_listed_for_somebody_else() {
    for kind in KINDS {
        let place = Place::new(kind);
        let storage = sealed(&place);
        let [victim, thief] = [store(&storage, 1, "ada"), store(&storage, 2, "eve")];
        let of_the_thief = raw(&place, &thief).principal;
        let mut changes = Changes::default();
        changes.set_principal(of_the_thief);
        let _ = place.storage.commit(&victim, &commit_at(changes, NOW)).unwrap();
        let listed: Vec<_> = storage.find("eve", NOW).unwrap().iter().map(|found| found.key).collect();
        assert_eq!(listed, [thief], "{kind:?}");
        let most = NonZeroUsize::new(1).unwrap();
        let listed: Vec<_> = storage.find_page("eve", None, most, NOW).unwrap().iter().map(|found| found.key).collect();
        assert_eq!(listed, [thief], "{kind:?}: a page is filled up");
        // Its owner still is who they are, and ends it.
        assert_eq!(opened(&storage, &victim).unwrap().record.principal.as_deref(), Some("ada"));
    }
}

#[test]
fn a_session_that_was_planted_opens_nothing() {
    for kind in KINDS {
        let place = Place::new(kind);
        let storage = sealed(&place);
        assert_eq!(place.storage.create(&key(1), &secret("ada"), NOW).unwrap(), Created::Done);
        assert!(opened(&storage, &key(1)).is_none(), "{kind:?}");
        assert!(storage.find("ada", NOW).unwrap().is_empty(), "{kind:?}");
        // An entry that is planted beside the sealed ones is not the session's.
        let own = store(&storage, 2, "ada");
        forge(&place, &own, "role", "\"admin\"");
        assert_eq!(role(&opened(&storage, &own).unwrap()), "\"user\"", "{kind:?}");
    }
}

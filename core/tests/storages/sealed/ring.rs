//! Keys are replaced without logging anybody out.

use std::num::NonZeroUsize;

use gsession::{
    Storage as _,
    storage::{Committed, sealed::Rekeyed},
};

use super::{
    KINDS, NOW, Place, SEALED, commit_at, key, opened, raw, ring, role, sealed_with, sealing_key, secret, setting, text,
};

#[test]
fn all_keys_open_and_the_first_one_seals() {
    for kind in KINDS {
        let place = Place::new(kind);
        let [old, new] = [ring(1), ring(2)];
        let before = sealed_with(&place, old.with_older(sealing_key(2)));
        let after = sealed_with(&place, new.with_older(sealing_key(1)));
        let later = sealed_with(&place, ring(2));
        before.create(&key(1), &secret("ada"), NOW).unwrap();
        before.create(&key(2), &secret("ada"), NOW).unwrap();
        assert!(opened(&after, &key(1)).is_some(), "{kind:?}");
        assert!(opened(&later, &key(1)).is_none(), "{kind:?}");
        // A write moves it, whether or not it was read.
        let written = text(&raw(&place, &key(1)), SEALED);
        let commit = commit_at(setting("role", "\"admin\""), NOW);
        let mut read = commit.clone();
        read.base = opened(&after, &key(2));
        assert!(matches!(after.commit(&key(1), &commit).unwrap(), Committed::Done { .. }));
        assert!(matches!(after.commit(&key(2), &read).unwrap(), Committed::Done { .. }));
        assert_ne!(text(&raw(&place, &key(1)), SEALED)[..12], written[..12], "{kind:?}");
        for key in [key(1), key(2)] {
            // By the new key alone, and by an instance that still has the old one first.
            assert_eq!(opened(&later, &key).as_ref().map(role).as_deref(), Some("\"admin\""), "{kind:?}");
            assert_eq!(opened(&before, &key).as_ref().map(role).as_deref(), Some("\"admin\""), "{kind:?}");
        }
        // The index has moved with them.
        assert_eq!(later.find("ada", NOW).unwrap().len(), 2, "{kind:?}");
        assert_eq!(before.find("ada", NOW).unwrap().len(), 2, "{kind:?}");
    }
}

#[test]
fn the_sessions_of_a_user_are_found_by_every_key() {
    for kind in KINDS {
        let place = Place::new(kind);
        let mut all = Vec::new();
        for number in 0..9_u8 {
            let storage = sealed_with(&place, ring(number % 3));
            storage.create(&key(number), &secret("ada"), NOW).unwrap();
            storage.create(&key(number + 100), &secret("eve"), NOW).unwrap();
            all.push(key(number));
        }
        all.sort();
        let storage = sealed_with(&place, ring(0).with_older(sealing_key(1)).with_older(sealing_key(2)));
        let mut found: Vec<_> = storage.find("ada", NOW).unwrap().iter().map(|found| found.key).collect();
        found.sort();
        assert_eq!(found, all, "{kind:?}");
        let (mut pages, mut after) = (Vec::new(), None);
        loop {
            let page = storage.find_page("ada", after, NonZeroUsize::new(2).unwrap(), NOW).unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.key);
            pages.extend(page.iter().map(|found| found.key));
        }
        assert_eq!(pages, all, "{kind:?}");
    }
}

#[test]
fn a_session_that_nobody_writes_is_moved_to_the_first_key() {
    for kind in KINDS {
        let place = Place::new(kind);
        let storage = sealed_with(&place, ring(2).with_older(sealing_key(1)));
        sealed_with(&place, ring(1)).create(&key(1), &secret("ada"), NOW).unwrap();
        sealed_with(&place, ring(3)).create(&key(3), &secret("ada"), NOW).unwrap();
        let deadlines = raw(&place, &key(1));
        assert_eq!(storage.rekey(&key(1), NOW + crate::support::IDLE / 2).unwrap(), Rekeyed::Done, "{kind:?}");
        assert_eq!(storage.rekey(&key(1), NOW).unwrap(), Rekeyed::Already, "{kind:?}");
        assert_eq!(storage.rekey(&key(2), NOW).unwrap(), Rekeyed::Absent, "{kind:?}");
        assert_eq!(storage.rekey(&key(3), NOW).unwrap(), Rekeyed::Unopened, "{kind:?}");
        let moved = raw(&place, &key(1));
        assert_eq!((moved.last_seen, moved.idle_timeout), (deadlines.last_seen, deadlines.idle_timeout), "no activity");
        let alone = sealed_with(&place, ring(2));
        assert_eq!(role(&opened(&alone, &key(1)).unwrap()), "\"user\"", "{kind:?}");
        assert_eq!(alone.find("ada", NOW).unwrap().len(), 1, "{kind:?}");
    }
}

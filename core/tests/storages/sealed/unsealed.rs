//! Encryption begins in a storage that has sessions already.

use gsession::{
    Storage as _,
    record::Commit,
    storage::{Access, Committed, Moved, sealed::Rekeyed},
};

use super::{KINDS, NOW, Place, SEALED, STATE, commit_at, key, opened, raw, role, sealed, secret, setting};

#[test]
fn sessions_from_before_are_admitted_on_request_and_sealed_as_they_are_written() {
    for kind in KINDS {
        let place = Place::new(kind);
        for number in 1..=4 {
            place.storage.create(&key(number), &secret("ada"), NOW).unwrap();
        }
        let (strict, storage) = (sealed(&place), sealed(&place).admitting_unsealed());
        assert!(opened(&strict, &key(1)).is_none(), "{kind:?}");
        assert_eq!(role(&opened(&storage, &key(1)).unwrap()), "\"user\"", "{kind:?}");
        assert_eq!(storage.find("ada", NOW).unwrap().len(), 4, "{kind:?}");

        // A write, with and without a read.
        let commit = commit_at(setting("role", "\"admin\""), NOW);
        let mut read = commit.clone();
        read.base = opened(&storage, &key(2));
        assert!(matches!(storage.commit(&key(1), &commit).unwrap(), Committed::Done { .. }));
        assert!(matches!(storage.commit(&key(2), &read).unwrap(), Committed::Done { .. }));
        // A renewal, and the command.
        let moved = storage.move_to(&key(3), &key(5), &Commit::new(setting("role", "\"admin\""), Access::passive(NOW)));
        assert!(matches!(moved.unwrap(), Moved::Done { .. }), "{kind:?}");
        assert_eq!(storage.rekey(&key(4), NOW).unwrap(), Rekeyed::Done, "{kind:?}");
        for (number, expected) in [(1, "\"admin\""), (2, "\"admin\""), (4, "\"user\""), (5, "\"admin\"")] {
            let stored = raw(&place, &key(number));
            let names: Vec<_> = stored.entries.iter().map(|(name, _)| name.to_owned()).collect();
            assert_eq!(names, [SEALED, STATE], "{kind:?}: {number}");
            assert_ne!(stored.principal.as_deref(), Some("ada"), "{kind:?}: {number}");
            let snapshot = opened(&strict, &key(number)).unwrap();
            assert_eq!((role(&snapshot).as_str(), snapshot.record.entries.len()), (expected, 2), "{kind:?}: {number}");
        }
        assert_eq!(strict.find("ada", NOW).unwrap().len(), 4, "{kind:?}");
    }
}

//! What has a key that is not random, as a list has: it may begin again under the same key.

use std::{sync::Arc, time::Duration};

use gsession::{
    BlockingMovingStorage, Record, Storage as _,
    storage::{Access, Created, Lookup},
};

use crate::support::{KINDS, NOW, Place, key};

/// An instance of the first deployment finds the trace that the list has left at the old place when it moved.
#[test]
fn a_list_that_has_moved_and_expired_begins_again_with_either_instance() {
    for kind in KINDS {
        let (old, new) = (Place::new(kind), Place::new(kind));
        let moving = BlockingMovingStorage::new(Arc::clone(&old.storage), Arc::clone(&new.storage)).unwrap();
        let prepared = moving.clone().prepared();
        let lifetime = Duration::from_secs(60);
        let first = Record::new(NOW, lifetime, None);
        assert_eq!(prepared.create(&key(1), &first, NOW).unwrap(), Created::Done, "{kind:?}");
        let moved = moving.load(&key(1), &Access::passive(NOW)).unwrap();
        assert!(matches!(moved, Lookup::Found(_)), "{kind:?}: {moved:?}");
        let later = NOW + lifetime * 2;
        let second = Record::new(later, lifetime, None);
        assert_eq!(prepared.create(&key(1), &second, later).unwrap(), Created::Done, "{kind:?}");
        assert_eq!(prepared.create(&key(1), &second, later).unwrap(), Created::Exists, "{kind:?}");
        for instance in [&prepared, &moving] {
            let found = instance.load(&key(1), &Access::passive(later)).unwrap();
            assert!(matches!(found, Lookup::Found(_)), "{kind:?}: {found:?}");
        }
    }
}

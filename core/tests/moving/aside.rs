//! A session that was set aside at the old place, because the new one has failed.

use std::sync::Arc;

use gsession::{
    BlockingMovingStorage, Storage as _,
    storage::{Access, Created, Lookup, Removed},
};

use crate::support::{
    KINDS, NOW, Place, key,
    pausing_storage::{Op, PausingStorage},
    quiet_memory, record,
};

/// A storage may read a part of each session for a list: that has to tell whose it is, and where.
#[test]
fn it_is_listed_and_ended_under_its_own_key() {
    for kind in KINDS {
        let old = Place::new(kind);
        let new = PausingStorage::new(Arc::new(quiet_memory()));
        let moving = BlockingMovingStorage::new(Arc::clone(&old.storage), new.clone()).unwrap();
        let mut session = record(&[("cart", "[1]")]);
        session.principal = Some("ada".into());
        assert_eq!(old.storage.create(&key(1), &session, NOW).unwrap(), Created::Done);
        new.fail(Op::Create);
        assert!(moving.load(&key(1), &Access::passive(NOW)).is_err(), "{kind:?}: the new place is broken");
        let listed: Vec<_> = moving.find("ada", NOW).unwrap().iter().map(|found| found.key).collect();
        assert_eq!(listed, [key(1)], "{kind:?}");
        assert_eq!(moving.remove(&key(1)).unwrap(), Removed::Done, "{kind:?}");
        assert!(matches!(moving.load(&key(1), &Access::passive(NOW)).unwrap(), Lookup::Absent), "{kind:?}");
        assert!(moving.find("ada", NOW).unwrap().is_empty(), "{kind:?}");
    }
}

//! GoFrame's own tests of `gsession` (v2.10: unit, memory and file storage), re-expressed. Where behaviour differs on
//! purpose, the test says so.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use gsession::{
    ClientInfo, CustomIds, Delivery, Error, FileStorage, HashedIds, IdGenerator, Manager, ManualClock, MemoryStorage,
    Record, Saved, SessionId, Storage, StorageError, StorageErrorKind, StoreKey, Timestamp,
    record::Commit,
    storage::{Access, Committed, Created, Lookup, Removed},
};

/// A manager whose ids are as free as GoFrame's: any text that may stand in a cookie.
fn manager(storage: impl Storage + 'static, clock: &ManualClock, ttl: Duration) -> Manager {
    let standard = HashedIds::new();
    let ids = CustomIds::new(move |client| standard.generate(client), |text| SessionId::custom(text).is_ok());
    Manager::builder(storage).idle_timeout(ttl).id_generator(ids).clock(clock.clone()).build().unwrap()
}

fn fresh(manager: &Manager) -> gsession::Exchange<gsession::Session> {
    manager.begin(None, ClientInfo::default)
}

fn presenting(manager: &Manager, id: &SessionId) -> gsession::Exchange<gsession::Session> {
    manager.begin(Some(id.as_str()), ClientInfo::default)
}

/// `Test_NewSessionId`. Ours are 43 characters instead of 32: they carry 256 bits of randomness.
#[test]
fn new_session_id() {
    let ids = HashedIds::new();
    let (one, other) = (ids.generate(&ClientInfo::default()).unwrap(), ids.generate(&ClientInfo::default()).unwrap());
    assert_ne!(one, other);
    assert_eq!(one.as_str().len(), 43);
}

/// `Test_Session_RegenerateId`, first part. `RegenerateId(false)`, which leaves the old id alive, is not offered: an id that
/// somebody else may know must die (ASVS 7.2.4).
#[test]
fn regenerate_id() {
    let manager = manager(MemoryStorage::new(), &ManualClock::default(), Duration::from_secs(3600));
    let session = fresh(&manager);
    session.set("key1", "value1").unwrap();
    session.set("key2", "value2").unwrap();
    assert_eq!(session.save().unwrap(), Saved::Created);
    let old = session.id().unwrap();

    session.renew().unwrap();
    assert_eq!(session.save().unwrap(), Saved::Renewed);
    let new = session.id().unwrap();
    assert_ne!(old, new);
    assert_eq!(session.get::<String>("key1").unwrap().as_deref(), Some("value1"));
    assert_eq!(session.get::<String>("key2").unwrap().as_deref(), Some("value2"));

    let with_old = fresh(&manager);
    with_old.set_id(old).unwrap();
    assert_eq!(with_old.get::<String>("key1").unwrap(), None);

    session.renew().unwrap();
    assert_eq!(session.save().unwrap(), Saved::Renewed);
    assert_ne!(session.id().unwrap(), new);
    assert_eq!(session.get::<String>("key1").unwrap().as_deref(), Some("value1"));
    assert_eq!(
        presenting(&manager, &new).get::<String>("key1").unwrap(),
        None,
        "on purpose unlike RegenerateId(false)"
    );
}

/// `Test_Session_RegenerateId`, second part: an id of the application's own. GoFrame sets a function on the session; here it
/// is the manager's generator.
#[test]
fn regenerate_id_with_a_function() {
    let ids = CustomIds::new(
        |_| SessionId::custom("custom_session_id").map_err(|error| gsession::IdError::new("custom").with_source(error)),
        |text| text == "custom_session_id",
    );
    let manager = Manager::builder(MemoryStorage::new()).id_generator(ids).build().unwrap();
    let session = fresh(&manager);
    session.set("key", "value").unwrap();
    assert_eq!(session.save().unwrap(), Saved::Created);
    assert_eq!(session.id().unwrap().as_str(), "custom_session_id");
}

/// GoFrame's `StorageBase`: every method says that it is disabled.
struct Disabled;

fn disabled<T>() -> Result<T, StorageError> {
    Err(StorageError::new(StorageErrorKind::Unsupported, "nothing works here"))
}

impl Storage for Disabled {
    fn load(&self, _: &StoreKey, _: &Access) -> Result<Lookup, StorageError> {
        disabled()
    }

    fn create(&self, _: &StoreKey, _: &Record, _: Timestamp) -> Result<Created, StorageError> {
        disabled()
    }

    fn commit(&self, _: &StoreKey, _: &Commit) -> Result<Committed, StorageError> {
        disabled()
    }

    fn remove(&self, _: &StoreKey) -> Result<Removed, StorageError> {
        disabled()
    }
}

/// `Test_Session_RegenerateId`, third part. GoFrame ignores `ErrorDisabled` and hands out an id under which nothing is
/// stored; here that is an error, since the caller believes the session to be kept (S10).
#[test]
fn a_disabled_storage_is_an_error() {
    let manager = Manager::new(Disabled);
    let session = fresh(&manager);
    session.set("key", "value").unwrap();
    session.renew().unwrap();
    match session.save() {
        Err(Error::Storage(error)) => assert_eq!(error.kind(), StorageErrorKind::Unsupported),
        other => panic!("{other:?}"),
    }
    session.abandon();
}

/// `Test_StorageMemory` and `Test_StorageFile`, with a clock that is moved instead of sleeping.
fn storage_scenario(storage: impl Storage + 'static) {
    let clock = ManualClock::default();
    let manager = manager(storage, &clock, Duration::from_secs(1));

    let session = fresh(&manager);
    for (key, value) in [("k1", "v1"), ("k2", "v2"), ("k3", "v3"), ("k4", "v4")] {
        session.set(key, value).unwrap();
    }
    session.set_many([("kmap1", "kval1"), ("kmap2", "kval2")]).unwrap();
    session.set_many(BTreeMap::from([("kmap3", "kval3"), ("kmap4", "kval4")])).unwrap();
    assert!(session.is_dirty());
    let Delivery::Send { id, .. } = session.close().unwrap().delivery else { panic!("a new session has an id") };

    clock.advance(Duration::from_millis(500));
    let session = presenting(&manager, &id);
    for (key, value) in [("k1", "v1"), ("k2", "v2"), ("k3", "v3"), ("k4", "v4")] {
        assert_eq!(session.get::<String>(key).unwrap().as_deref(), Some(value));
    }
    let data = session.data().unwrap();
    assert_eq!(data.len(), 8);
    assert_eq!((&data["k1"], &data["k4"]), (&"v1".into(), &"v4".into()));
    assert_eq!(session.id(), Some(id.clone()));
    assert_eq!(session.len().unwrap(), 8);
    assert!(session.contains_key("k1").unwrap() && session.contains_key("k3").unwrap());
    assert!(!session.contains_key("k5").unwrap());
    session.remove("k4").unwrap();
    session.remove("k4").unwrap();
    assert_eq!(session.len().unwrap(), 7);
    assert!(session.contains_key("k3").unwrap() && !session.contains_key("k4").unwrap());

    // GoFrame's RemoveAll goes on under the same id; here what is written after a destroy is a new session (S4, S6).
    session.destroy();
    assert_eq!(session.len().unwrap(), 0);
    assert!(!session.contains_key("k1").unwrap() && !session.contains_key("k2").unwrap());
    session.set_many([("k5", "v5"), ("k6", "v6")]).unwrap();
    assert_eq!(session.len().unwrap(), 2);
    assert!(session.contains_key("k5").unwrap() && session.contains_key("k6").unwrap());
    let Delivery::Send { id: second, .. } = session.close().unwrap().delivery else {
        panic!("a new session has an id")
    };
    assert_ne!(id, second);

    clock.advance(Duration::from_millis(1_000));
    for id in [id, second] {
        let session = presenting(&manager, &id);
        assert_eq!(session.len().unwrap(), 0);
        assert_eq!(session.get::<String>("k5").unwrap(), None);
        assert_eq!(session.get::<String>("k6").unwrap(), None);
    }
}

#[test]
fn storage_memory() {
    storage_scenario(MemoryStorage::new());
    storage_scenario(Arc::new(MemoryStorage::new()) as Arc<dyn Storage>);
}

#[test]
fn storage_file() {
    let folder = tempfile::tempdir().unwrap();
    storage_scenario(FileStorage::open(folder.path().join("sessions")).unwrap());
}

/// GoFrame's `SetId`: before the session is used, and not after.
#[test]
fn set_id_comes_first() {
    let manager = manager(MemoryStorage::new(), &ManualClock::default(), Duration::from_secs(3600));
    let session = fresh(&manager);
    session.set("key", "value").unwrap();
    let id = SessionId::custom("1234567890").unwrap();
    assert!(matches!(session.set_id(id.clone()), Err(Error::AlreadyUsed)));
    session.abandon();

    let session = fresh(&manager);
    session.set_id(id.clone()).unwrap();
    session.set("key", "value").unwrap();
    assert_eq!(session.id(), Some(id.clone()), "known at once, as in GoFrame");
    let delivery = session.close().unwrap().delivery;
    assert!(matches!(delivery, Delivery::Send { id: sent, .. } if sent == id));
    assert_eq!(presenting(&manager, &id).get::<String>("key").unwrap().as_deref(), Some("value"));

    // A second client that is given the same id joins the session, and is told its id too.
    let joining = fresh(&manager);
    joining.set_id(id.clone()).unwrap();
    joining.set("more", &1).unwrap();
    assert!(matches!(joining.close().unwrap().delivery, Delivery::Send { id: sent, .. } if sent == id));
    assert_eq!(presenting(&manager, &id).len().unwrap(), 2);
}

/// With the default generator an id that no client could come back with is refused, where GoFrame would take it.
#[test]
fn set_id_must_fit_the_generator() {
    let session = Manager::new(MemoryStorage::new()).begin(None, ClientInfo::default);
    assert!(matches!(session.set_id(SessionId::custom("1234567890").unwrap()), Err(Error::InvalidId(_))));
}

//! An entry whose text is not JSON is absent, for everything that reads, on every storage.

use crate::support::{KINDS, NOW, Place, commit_at, log, setting, stored};
use std::sync::Arc;

use futures::executor::block_on;
use gsession::{
    AnyStorage, AsyncManager, ClientInfo, Delivery, Error, Exchange, ManualClock, MemoryStorage, Session, SessionId,
    Storage, StoreKey, ValueError,
};
use serde_json::json;

/// What no JSON reader takes.
const DAMAGED: [&str; 6] = ["{oops", "", "\"cut sho", "[1] 2", "\"\\ud800\"", "{\"a\":\"\\udfff\"}"];

/// A session with a good entry and damaged ones, `bad0`, `bad1`, …
fn session_with_damage(place: &Place) -> SessionId {
    // Before the first read of damage: a log that is installed while another thread logs for the first time can miss that line for good.
    log::mark();
    let session = place.manager().begin(None, ClientInfo::default);
    session.set("good", "ada").unwrap();
    let Delivery::Send { id, .. } = session.close().unwrap().delivery else { panic!("no id") };
    for (at, text) in DAMAGED.iter().enumerate() {
        let commit = commit_at(setting(&format!("bad{at}"), text), NOW);
        place.storage.commit(&StoreKey::of(&id), &commit).unwrap();
    }
    id
}

fn request(place: &Place, id: &SessionId) -> Exchange<Session> {
    place.manager().begin(Some(id.as_str()), ClientInfo::default)
}

#[test]
fn everything_that_reads_finds_a_damaged_entry_absent() {
    for kind in KINDS {
        let place = Place::new(kind);
        let id = session_with_damage(&place);
        for (at, text) in DAMAGED.iter().enumerate() {
            let bad = format!("bad{at}");
            let session = request(&place, &id);
            assert_eq!(session.get::<String>(&bad).unwrap(), None, "{kind:?} {text}");
            assert_eq!(session.get::<Option<u8>>(&bad).unwrap(), None, "{kind:?} {text}");
            assert_eq!(session.get_or(&bad, 7).unwrap(), 7);
            assert!(!session.contains_key(&bad).unwrap(), "{kind:?} {text}");
            assert_eq!(session.take::<String>(&bad).unwrap(), None);
            assert_eq!(json!(session.get_many(&["good", &bad]).unwrap()), json!({ "good": "ada" }));
        }
        let session = request(&place, &id);
        assert_eq!(session.len().unwrap(), 1, "{kind:?}");
        assert_eq!(json!(session.data().unwrap()), json!({ "good": "ada" }));
        session.remove("good").unwrap();
        assert!(session.is_empty().unwrap(), "{kind:?}");
        session.abandon();
        // Nothing of it was touched: somebody may want to look at it.
        let texts = stored(&*place.storage, &StoreKey::of(&id), NOW).unwrap();
        assert_eq!(texts.len(), 1 + DAMAGED.len());
    }
}

#[test]
fn a_damaged_entry_is_mended_by_every_way_of_writing() {
    for kind in KINDS {
        let place = Place::new(kind);
        let id = session_with_damage(&place);
        let session = request(&place, &id);
        session.set("bad0", &1).unwrap();
        session.close().unwrap();

        let session = request(&place, &id);
        let told = |old: Option<u32>| old.map_or(10, |n| n + 1);
        assert_eq!(session.update("bad1", told).unwrap(), 10, "{kind:?}");
        assert_eq!(session.update("bad1", told).unwrap(), 11, "{kind:?}");
        let put = session.try_update("bad2", |old: Option<String>| match old {
            None => Ok::<_, Error>(Some("new".to_owned())),
            Some(other) => panic!("{other}"),
        });
        assert_eq!(put.unwrap().as_deref(), Some("new"), "{kind:?}");
        assert_eq!(session.get_or_insert_with("bad3", || 3).unwrap(), 3, "{kind:?}");
        assert_eq!(session.try_update("bad4", |_: Option<u8>| Ok::<_, Error>(None)).unwrap(), None);
        session.remove("bad5").unwrap();
        session.close().unwrap();

        let expected = json!({ "good": "ada", "bad0": 1, "bad1": 11, "bad2": "new", "bad3": 3 });
        assert_eq!(json!(request(&place, &id).data().unwrap()), expected, "{kind:?}");
        assert_eq!(stored(&*place.storage, &StoreKey::of(&id), NOW).unwrap().len(), 5, "{kind:?}");
    }
}

/// The update compares what it read, byte for byte: damage that another one has mended meanwhile is not written over.
#[test]
fn an_update_of_a_damaged_entry_is_atomic() {
    for kind in KINDS {
        let place = Place::new(kind);
        let id = session_with_damage(&place);
        let session = request(&place, &id);
        let mut told = Vec::new();
        let updated = session.update("bad0", |old: Option<u32>| {
            if told.is_empty() {
                let other = request(&place, &id);
                other.set("bad0", &40).unwrap();
                other.close().unwrap();
            }
            told.push(old);
            old.map_or(1, |n| n + 2)
        });
        assert_eq!(updated.unwrap(), 42, "{kind:?}");
        assert_eq!(told, [None, Some(40)], "{kind:?}");
        assert_eq!(request(&place, &id).get::<u32>("bad0").unwrap(), Some(42), "{kind:?}");
    }
}

#[test]
fn a_value_of_another_type_stays_an_error() {
    for kind in KINDS {
        let place = Place::new(kind);
        let id = session_with_damage(&place);
        let session = request(&place, &id);
        let is_wrong_type = |error: Error| matches!(error, Error::Value { source: ValueError::WrongType { .. }, key } if &*key == "good");
        assert!(is_wrong_type(session.get::<u32>("good").unwrap_err()), "{kind:?}");
        assert!(is_wrong_type(session.take::<u32>("good").unwrap_err()));
        assert!(is_wrong_type(session.update("good", |old: Option<u32>| old.unwrap_or(0)).unwrap_err()));
        assert!(is_wrong_type(session.get_or_insert_with("good", || 1_u32).unwrap_err()));
        assert!(session.contains_key("good").unwrap());
        session.abandon();
        assert_eq!(request(&place, &id).get::<String>("good").unwrap().as_deref(), Some("ada"));
    }
}

/// The async face reads as the blocking one does.
#[test]
fn an_async_session_agrees() {
    log::mark();
    let storage = Arc::new(MemoryStorage::new());
    let manager = AsyncManager::builder(AnyStorage::immediate(Arc::clone(&storage)))
        .clock(ManualClock::new(NOW))
        .build()
        .unwrap();
    block_on(async {
        let session = manager.begin(None, ClientInfo::default);
        session.set("good", "ada").unwrap();
        let _ = session.save().await.unwrap();
        let id = session.id().unwrap();
        Storage::commit(&*storage, &StoreKey::of(&id), &commit_at(setting("bad", "{oops"), NOW)).unwrap();

        let session = manager.begin(Some(id.as_str()), ClientInfo::default);
        assert_eq!(session.get::<String>("bad").await.unwrap(), None);
        assert!(!session.contains_key("bad").await.unwrap());
        assert_eq!(session.take::<u8>("bad").await.unwrap(), None);
        assert_eq!(session.get_many(&["bad"]).await.unwrap().len(), 0);
        assert_eq!(json!(session.data().await.unwrap()), json!({ "good": "ada" }));
        assert_eq!(session.len().await.unwrap(), 1);
        assert_eq!(session.update("bad", |old: Option<u8>| old.map_or(1, |n| n + 1)).await.unwrap(), 1);
        assert_eq!(session.get_or("bad", 7).await.unwrap(), 1);
        session.close().await.unwrap();
    });
}

/// A number that no type can hold is JSON all the same.
#[test]
fn a_number_without_bounds_is_an_error_and_not_absent() {
    for kind in KINDS {
        let place = Place::new(kind);
        let id = session_with_damage(&place);
        for (key, text) in [("huge", "1e999"), ("long", "123456789012345678901234567890")] {
            place.storage.commit(&StoreKey::of(&id), &commit_at(setting(key, text), NOW)).unwrap();
        }
        let session = request(&place, &id);
        assert!(session.contains_key("huge").unwrap() && session.contains_key("long").unwrap());
        assert!(matches!(session.get::<f64>("huge"), Err(Error::Value { .. })), "{kind:?}");
        assert_eq!(session.get::<u128>("long").unwrap(), Some(123_456_789_012_345_678_901_234_567_890));
        for read in [session.get_many(&["good", "long"]), session.data()] {
            assert!(matches!(read, Err(Error::Value { key, .. }) if ["long", "huge"].contains(&&*key)), "{kind:?}");
        }
        let inexact = session.get_many(&["long"]).unwrap_err();
        assert!(matches!(&inexact, Error::Value { source: ValueError::InexactInteger, key } if &**key == "long"));
        assert!(!inexact.to_string().contains("123456"));
    }
}

#[test]
fn a_request_warns_once_and_without_the_data() {
    for kind in KINDS {
        let place = Place::new(kind);
        let before = log::mark();
        let id = session_with_damage(&place);
        let session = request(&place, &id);
        for _ in 0..3 {
            assert_eq!(session.get::<String>("bad0").unwrap(), None);
            assert_eq!(session.get::<String>("bad2").unwrap(), None);
            assert_eq!(session.data().unwrap().len(), 1);
            assert_eq!(session.len().unwrap(), 1);
        }
        let key = format!("{:?}", place.manager().key_of(&id));
        let lines = log::since(before);
        let about: Vec<_> = lines.iter().filter(|line| line.contains(&key)).collect();
        let warnings: Vec<_> = about.iter().filter(|line| line.contains("not JSON")).collect();
        assert_eq!(warnings.len(), 1, "{kind:?}: {about:?}");
        assert!(warnings[0].starts_with("WARN") && warnings[0].contains("bad0"), "{}", warnings[0]);
        assert!(!lines.iter().any(|line| line.contains("oops") || line.contains(id.as_str())), "{about:?}");
    }
}

//! Clients that present several ids at once, as browsers do with cookies of one name for different paths (R22).

use gsession::{ClientInfo, Delivery, Exchange, Manager, MemoryStorage, Saved, Session, SessionId};

fn logged_in(manager: &Manager) -> SessionId {
    let session = manager.begin(None, ClientInfo::default);
    session.set("user", "ada").unwrap();
    let Delivery::Send { id, .. } = session.close().unwrap().delivery else { panic!("a new session has an id") };
    id
}

fn presenting(manager: &Manager, texts: &[&str]) -> Exchange<Session> {
    manager.begin(texts.iter().copied(), ClientInfo::default)
}

#[test]
fn neither_malformed_texts_nor_dead_ids_hide_the_good_one() {
    let manager = Manager::new(MemoryStorage::new());
    let good = logged_in(&manager);
    let dead: Vec<_> = (1..=3).map(|n| SessionId::from_random([n; 32])).collect();
    let texts = ["", "garbage", dead[0].as_str(), dead[1].as_str(), "\"", dead[2].as_str(), good.as_str()];

    let reader = presenting(&manager, &texts);
    assert_eq!(reader.get::<String>("user").unwrap().as_deref(), Some("ada"));
    assert_eq!(reader.close().unwrap().delivery, Delivery::Keep);

    let writer = presenting(&manager, &texts);
    writer.set("seen", &1).unwrap();
    assert_eq!(writer.close().unwrap().saved, Saved::Committed);
    assert_eq!(presenting(&manager, &[good.as_str()]).len().unwrap(), 2);

    let logout = presenting(&manager, &texts);
    logout.destroy();
    assert_eq!(logout.close().unwrap().delivery, Delivery::Withdraw);
    assert!(presenting(&manager, &[good.as_str()]).is_empty().unwrap());
}

#[test]
fn more_ids_than_a_browser_has_are_not_tried() {
    let manager = Manager::new(MemoryStorage::new());
    let good = logged_in(&manager);
    let dead: Vec<_> = (1..=4).map(|n| SessionId::from_random([n; 32])).collect();
    let mut texts: Vec<_> = dead.iter().map(SessionId::as_str).collect();
    texts.push(good.as_str());
    assert_eq!(presenting(&manager, &texts).get::<String>("user").unwrap(), None);
}

#[test]
fn a_new_session_takes_the_place_of_none_of_them() {
    let manager = Manager::new(MemoryStorage::new());
    let dead: Vec<_> = (1..=2).map(|n| SessionId::from_random([n; 32])).collect();
    let session = presenting(&manager, &[dead[0].as_str(), dead[1].as_str()]);
    session.set("user", "ada").unwrap();
    let Delivery::Send { id, .. } = session.close().unwrap().delivery else { panic!("a new session has an id") };
    assert!(!dead.contains(&id));
}

//! The end of a request, as the code that serves it sees it.

use futures::executor::block_on;
use gsession::{
    AsyncManager, ClientInfo, Delivery, Error, Exchange, Manager, MemoryStorage, Outcome, Saved, SessionId,
};

fn manager() -> Manager {
    Manager::new(MemoryStorage::new())
}

/// A stored session, and its id.
fn stored(manager: &Manager) -> SessionId {
    let session = manager.begin(None, ClientInfo::default);
    session.set("user", "ada").unwrap();
    let Delivery::Send { id, .. } = session.close().unwrap().delivery else {
        panic!("a new session has an id to send")
    };
    id
}

fn user(manager: &Manager, id: &SessionId) -> Option<String> {
    manager.begin(Some(id.as_str()), ClientInfo::default).get("user").unwrap()
}

#[test]
fn the_status_says_how_a_request_ended() {
    for (safe, status, outcome) in [
        (true, 200, Outcome::Answered),
        (true, 304, Outcome::Answered),
        (false, 200, Outcome::Changed),
        (false, 303, Outcome::Changed),
        (false, 404, Outcome::Refused),
        (true, 499, Outcome::Refused),
        (false, 500, Outcome::Failed),
        (true, 599, Outcome::Failed),
        // No class of its own (RFC 9110 15).
        (false, 600, Outcome::Changed),
    ] {
        assert_eq!(Outcome::of_http(safe, status), outcome, "{safe} {status}");
    }
}

#[test]
fn a_failed_request_stores_nothing_but_a_logout() {
    let manager = manager();
    let id = stored(&manager);
    let exchange = manager.begin(Some(id.as_str()), ClientInfo::default);
    exchange.set("user", "eve").unwrap();
    let finished = exchange.finish(Outcome::Failed, ClientInfo::default);
    assert!(finished.error.is_none() && finished.saved == Saved::Nothing);
    assert_eq!(user(&manager, &id).as_deref(), Some("ada"));

    let exchange = manager.begin(Some(id.as_str()), ClientInfo::default);
    exchange.set("user", "eve").unwrap();
    exchange.destroy();
    let finished = exchange.finish(Outcome::Failed, ClientInfo::default);
    assert_eq!((finished.saved, finished.delivery), (Saved::Destroyed, Delivery::Withdraw));
    assert_eq!(user(&manager, &id), None);
}

/// Another request renews the session while this one writes to it.
fn overtaken(manager: &Manager, outcome: Outcome) -> Option<Error> {
    let id = stored(manager);
    let slow = manager.begin(Some(id.as_str()), ClientInfo::default);
    assert!(slow.contains_key("user").unwrap());
    let other = manager.begin(Some(id.as_str()), ClientInfo::default);
    other.renew().unwrap();
    other.close().unwrap();
    slow.set("cart", &1).unwrap();
    slow.finish(outcome, ClientInfo::default).error
}

#[test]
fn a_lost_write_is_an_error_only_where_the_answer_claims_it() {
    let manager = manager();
    assert!(matches!(overtaken(&manager, Outcome::Changed), Some(Error::Gone)));
    for outcome in [Outcome::Answered, Outcome::Refused, Outcome::Failed] {
        assert!(overtaken(&manager, outcome).is_none(), "{outcome:?}");
    }
}

#[test]
fn the_page_of_somebody_logged_in_is_told_from_others() {
    let manager = manager();
    let finish = |exchange: Exchange<gsession::Session>| exchange.finish(Outcome::Answered, ClientInfo::default);
    let id = stored(&manager);
    let anonymous = manager.begin(Some(id.as_str()), ClientInfo::default);
    assert!(anonymous.contains_key("user").unwrap());
    assert!(!finish(anonymous).logged_in);
    let login = manager.begin(Some(id.as_str()), ClientInfo::default);
    assert!(login.contains_key("user").unwrap());
    login.set_principal("ada").unwrap();
    assert!(finish(login).logged_in);
    let blind = manager.begin(Some(id.as_str()), ClientInfo::default);
    blind.set("seen", &1).unwrap();
    assert!(finish(blind).logged_in, "it has not looked");
}

/// None of these may wait for a lock that it has itself.
#[test]
fn an_error_at_the_end_is_an_error() {
    let manager = manager();
    let exchange = manager.begin(None, ClientInfo::default);
    exchange.set("user", "ada").unwrap();
    exchange.close().unwrap();
    assert!(matches!(exchange.save(), Err(Error::Closed)));
    assert!(matches!(exchange.set("user", "eve"), Err(Error::Closed)));

    let detached = AsyncManager::detached_session("there is no middleware");
    assert!(matches!(block_on(detached.save()), Err(Error::Detached(_))));
    let exchange = Exchange::from(detached);
    exchange.discard();
    assert!(matches!(block_on(exchange.get::<String>("user")), Err(Error::Detached(_))));

    let id = stored(&manager);
    let late = manager.begin(Some(id.as_str()), ClientInfo::default);
    assert!(late.contains_key("user").unwrap());
    manager.destroy(manager.key_of(&id)).unwrap();
    late.renew().unwrap();
    late.set("user", "ada").unwrap();
    assert!(matches!(late.close(), Err(Error::Gone)), "a login that is lost");
}

#[test]
fn the_client_may_look_at_its_session() {
    let manager = manager();
    let exchange = manager.begin(None, ClientInfo::default);
    exchange.set("user", "ada").unwrap();
    let session = exchange.session().clone();
    let finished = exchange.finish(Outcome::Changed, || {
        assert!(session.is_dirty());
        ClientInfo::default()
    });
    assert_eq!(finished.saved, Saved::Created);
}

#[test]
fn an_immediate_storage_answers_now_and_another_does_not() {
    let memory = AsyncManager::new(MemoryStorage::new());
    let exchange = memory.begin(None, ClientInfo::default);
    exchange.set("user", "ada").unwrap();
    let finished = exchange.finish_now(Outcome::Changed, ClientInfo::default).expect("a storage that never waits");
    assert_eq!(finished.saved, Saved::Created);

    #[cfg(feature = "tokio")]
    {
        let pooled = AsyncManager::new(gsession::AnyStorage::blocking(MemoryStorage::new()));
        let exchange = pooled.begin(None, ClientInfo::default);
        exchange.set("user", "ada").unwrap();
        assert!(exchange.finish_now(Outcome::Changed, ClientInfo::default).is_none());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let finished = runtime.block_on(exchange.finish(Outcome::Changed, ClientInfo::default));
        assert_eq!(finished.saved, Saved::Created);
    }
}

#[test]
fn a_destroy_after_the_end_is_handed_on() {
    use std::sync::{Arc, Mutex};

    let handed_on = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&handed_on);
    let manager =
        AsyncManager::new(MemoryStorage::new()).end_late_with(move |session| keep.lock().unwrap().push(session));
    let exchange = manager.begin(None, ClientInfo::default);
    exchange.set("user", "ada").unwrap();
    exchange.finish_now(Outcome::Changed, ClientInfo::default).unwrap();
    exchange.end();
    assert!(handed_on.lock().unwrap().is_empty());
    let (session, id) = (exchange.session().clone(), exchange.id().unwrap());
    session.destroy();
    let late = handed_on.lock().unwrap().pop().expect("what the request destroyed is handed on");
    assert_eq!(block_on(late.save()).unwrap(), Saved::Destroyed);
    let later = manager.begin(Some(id.as_str()), ClientInfo::default);
    assert_eq!(block_on(later.get::<String>("user")).unwrap(), None);
}

#[test]
fn an_id_that_is_set_twice_is_news_to_the_client_all_the_same() {
    let manager = manager();
    let id = stored(&manager);
    let joining = manager.begin(None, ClientInfo::default);
    joining.set_id(id.clone()).unwrap();
    joining.set_id(id.clone()).unwrap();
    assert_eq!(joining.get::<String>("user").unwrap().as_deref(), Some("ada"));
    assert!(matches!(joining.close().unwrap().delivery, Delivery::Send { id: sent, .. } if sent == id));
}

//! A user's sessions are listed and ended while their owner, or a thief, renews them as fast as they can.

use super::*;

/// Renews a session over and over; gives back how often, once there is none left.
fn renew_for_ever(manager: &Manager, id: SessionId, has_begun: &AtomicBool) -> usize {
    let mut session = manager.begin(Some(id.as_str()), ClientInfo::default);
    for times in 0.. {
        session.renew().unwrap();
        if session.save().unwrap() != Saved::Renewed {
            return times;
        }
        has_begun.store(true, Ordering::SeqCst);
        session = manager.begin(Some(session.id().unwrap().as_str()), ClientInfo::default);
        assert!(times < 1_000_000, "nobody ends it");
    }
    unreachable!("it ends or fails before")
}

/// A manager beside the proxy, with a session of ada's and one of bob's, each of which was renewed.
fn with_sessions(form: Form, server: &RedisServer) -> (Manager, SessionId) {
    let manager = match form {
        Form::Strings => Manager::new(RedisStorage::builder(&server.url()).build().unwrap()),
        Form::Hashes => Manager::new(RedisHashStorage::builder(&server.url()).build().unwrap()),
    };
    let [ada, _] = ["ada", "bob"].map(|user| {
        let session = manager.begin(None, ClientInfo::default);
        session.set_principal(user).unwrap();
        assert_eq!(session.save().unwrap(), Saved::Created);
        session.renew().unwrap();
        assert_eq!(session.save().unwrap(), Saved::Renewed);
        session.id().unwrap()
    });
    (manager, ada)
}

/// Lets nothing pass most of the time.
fn delay(proxy: &Proxy, is_over: &AtomicBool) {
    while !is_over.load(Ordering::SeqCst) {
        proxy.stall(true);
        thread::sleep(Duration::from_millis(1));
        proxy.stall(false);
        thread::sleep(Duration::from_micros(50));
    }
}

fn living(manager: &Manager) -> [usize; 2] {
    ["ada", "bob"].map(|user| manager.sessions_of(user).unwrap().len())
}

/// Lister and client are equally far from the server.
#[test]
fn a_session_that_is_renewed_in_a_tight_loop_is_ended_with_the_others() {
    let server = RedisServer::start();
    for form in [Form::Strings, Form::Hashes] {
        for _ in 0..3 {
            server.command(&["FLUSHALL"]);
            let (manager, id) = with_sessions(form, &server);
            let lister = Face::at((form, Side::Blocking), &server.url());
            let has_begun = AtomicBool::new(false);
            thread::scope(|scope| {
                let renewing = scope.spawn(|| renew_for_ever(&manager, id.clone(), &has_begun));
                support::wait_until("renewals", || has_begun.load(Ordering::SeqCst));
                let Gives::Blocking(listing) = &lister.gives else { panic!("this face is the blocking one") };
                // On a busy machine the lister may get so little of the processor that it gives up, and says so.
                let listed = (0..20).find_map(|_| match timed(|| listing.sessions_of("ada")) {
                    Err(error) if error.kind() == StorageErrorKind::Other => None,
                    listed => Some(listed),
                });
                let Some(Ok(listed)) = listed else {
                    drop(manager.destroy(StoreKey::of(&id)));
                    panic!("{form:?}: {listed:?}");
                };
                assert_eq!(listed.len(), 1, "{form:?}");
                for (key, _) in listed {
                    assert!(timed(|| listing.destroy(key)).unwrap(), "{form:?}");
                }
                assert!(renewing.join().unwrap() > 0);
            });
            assert_eq!(living(&manager), [0, 1], "{form:?}");
        }
    }
}

/// The way to the server is so slow that a session has many other keys by each answer. A listing must not run after it for ever:
/// either it names a key from which the session can be ended, or it says that it could not.
#[test]
fn a_session_that_nobody_can_catch_up_with_holds_no_listing_up() {
    let server = RedisServer::start();
    for form in [Form::Strings, Form::Hashes] {
        server.command(&["FLUSHALL"]);
        let (manager, id) = with_sessions(form, &server);
        let proxy = Proxy::to(server.port());
        let lister = Face::at((form, Side::Blocking), &proxy.url());
        lister.warm_up();
        let (has_begun, is_over) = (AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            let renewing = scope.spawn(|| renew_for_ever(&manager, id.clone(), &has_begun));
            support::wait_until("renewals", || has_begun.load(Ordering::SeqCst));
            scope.spawn(|| delay(&proxy, &is_over));
            let Gives::Blocking(listing) = &lister.gives else { panic!("this face is the blocking one") };
            let listed = timed(|| listing.sessions_of("ada"));
            is_over.store(true, Ordering::SeqCst);
            match listed {
                Ok(listed) => {
                    assert_eq!(listed.len(), 1, "{form:?}");
                    assert!(timed(|| manager.destroy(listed[0].0)).unwrap(), "{form:?}");
                }
                Err(error) => {
                    assert_eq!(error.kind(), StorageErrorKind::Other, "{form:?}");
                    manager.destroy(StoreKey::of(&id)).unwrap();
                }
            }
            renewing.join().unwrap();
        });
        assert_eq!(living(&manager), [0, 1], "{form:?}");
    }
}

/// So many renewals happen between two steps of the walk that only their tombstones are seen.
#[test]
fn a_session_that_was_renewed_often_meanwhile_is_found_where_it_is() {
    let server = RedisServer::start();
    for form in [Form::Strings, Form::Hashes] {
        server.command(&["FLUSHALL"]);
        let (manager, mut id) = with_sessions(form, &server);
        let proxy = Proxy::to(server.port());
        let lister = Face::at((form, Side::Blocking), &proxy.url());
        lister.warm_up();
        proxy.hold_replies(true);
        let listing = thread::spawn(move || lister.storage.find("ada", now()).unwrap());
        proxy.wait_for_held(1);
        for _ in 0..150 {
            let session = manager.begin(Some(id.as_str()), ClientInfo::default);
            session.renew().unwrap();
            assert_eq!(session.save().unwrap(), Saved::Renewed);
            id = session.id().unwrap();
        }
        proxy.hold_replies(false);
        let listed: Vec<StoreKey> = listing.join().unwrap().iter().map(|found| found.key).collect();
        assert_eq!(listed, [StoreKey::of(&id)], "{form:?}");
    }
}

//! The answer is lost, after the server has done it.

use super::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lost {
    /// No answer comes in time.
    Silence,
    /// The connection breaks instead.
    Cut,
}

/// Calls while the answers of the server vanish; what the server is asked, it does.
fn without_answer<T: Send>(proxy: &Proxy, lost: Lost, call: impl FnOnce() -> T) -> T {
    proxy.swallow_replies(true);
    let over = AtomicBool::new(false);
    let before = proxy.received();
    let done = thread::scope(|scope| {
        if lost == Lost::Cut {
            scope.spawn(|| {
                while !over.load(Ordering::SeqCst) {
                    if proxy.received() > before {
                        proxy.cut();
                        return;
                    }
                    thread::sleep(Duration::from_millis(1));
                }
            });
        }
        let done = timed(call);
        over.store(true, Ordering::SeqCst);
        done
    });
    assert!(proxy.received() > before, "the server was not reached: this tests nothing");
    proxy.swallow_replies(false);
    // What came on a connection whose answers were lost must not be used.
    done
}

fn for_each_loss(test: impl Fn(&RedisServer, &Proxy, &Face, Lost)) {
    let server = RedisServer::start();
    for which in ALL {
        for lost in [Lost::Silence, Lost::Cut] {
            server.command(&["FLUSHALL"]);
            let proxy = Proxy::to(server.port());
            let face = Face::at(which, &proxy.url());
            face.warm_up();
            server.command(&["FLUSHALL"]);
            test(&server, &proxy, &face, lost);
            assert_all_expire(&server);
        }
    }
}

fn assert_lost(face: &Face, lost: Lost, error: &Error) {
    let kind = kind(error);
    match lost {
        Lost::Silence => assert_eq!(kind, StorageErrorKind::Timeout, "{face:?}: {}", texts(error)),
        Lost::Cut => assert!(
            matches!(kind, StorageErrorKind::Unavailable | StorageErrorKind::Timeout),
            "{face:?}: {}",
            texts(error)
        ),
    }
}

#[test]
fn a_create_without_an_answer_is_one_session_after_another_try() {
    for_each_loss(|server, proxy, face, lost| {
        let request = face.request(None);
        request.set("n", 1).set("a", 1);
        assert_lost(face, lost, &without_answer(proxy, lost, || request.save()).unwrap_err());
        assert_eq!(count(server, b'S'), 1, "the server had done it");
        assert_eq!(request.id(), None);
        request.set("b", 2);
        let saved = face.until_it_works("another try", || request.save());
        assert!(matches!(saved, Saved::Created | Saved::Committed), "{face:?} {lost:?}: {saved:?}");
        assert_eq!(count(server, b'S'), 1, "{face:?} {lost:?}");
        let id = request.close().unwrap().unwrap();
        for (key, value) in [("n", 1), ("a", 1), ("b", 2)] {
            assert_eq!(face.with(&id).get(key).unwrap(), Some(value), "{face:?} {lost:?}: {key}");
        }
    });
}

#[test]
fn a_create_without_an_answer_and_then_a_destroy_leave_nothing() {
    for_each_loss(|server, proxy, face, lost| {
        let request = face.request(None);
        request.set("n", 1);
        assert_lost(face, lost, &without_answer(proxy, lost, || request.save()).unwrap_err());
        request.destroy();
        assert_eq!(face.until_it_works("ending it", || request.save()), Saved::Destroyed);
        assert_eq!(count(server, b'S'), 0, "{face:?} {lost:?}");
    });
}

#[test]
fn a_commit_without_an_answer_is_right_after_another_try() {
    for_each_loss(|server, proxy, face, lost| {
        let id = face.login();
        assert_eq!(face.with(&id).set("old", 1).set("gone", 1).save().unwrap(), Saved::Committed);
        let request = face.with(&id);
        request.clear().set("n", 2).set("a", 1).remove("gone");
        assert_lost(face, lost, &without_answer(proxy, lost, || request.save()).unwrap_err());
        // It was not told, but it was done.
        assert_eq!(face.until_it_works("reading", || face.with(&id).get("n")), Some(2));
        request.set("b", 2).remove("a");
        assert_eq!(face.until_it_works("another try", || request.save()), Saved::Committed, "{face:?} {lost:?}");
        assert_eq!(count(server, b'S'), 1);
        for (key, value) in [("n", Some(2)), ("a", None), ("b", Some(2)), ("old", None), ("gone", None)] {
            assert_eq!(face.with(&id).get(key).unwrap(), value, "{face:?} {lost:?}: {key}");
        }
    });
}

#[test]
fn an_update_without_an_answer_is_no_success() {
    for_each_loss(|server, proxy, face, lost| {
        let id = face.login();
        let request = face.with(&id);
        assert_eq!(request.get("n").unwrap(), Some(1));
        assert_lost(face, lost, &without_answer(proxy, lost, || request.add("n")).unwrap_err());
        assert_eq!(face.until_it_works("reading", || face.with(&id).get("n")), Some(2), "{face:?} {lost:?}");
        // Whoever tries again, asks again: it is another attempt, on the value that is there.
        assert_eq!(face.until_it_works("another try", || request.add("n")), 3, "{face:?} {lost:?}");
        assert_eq!(face.with(&id).get("n").unwrap(), Some(3));
        assert_eq!(count(server, b'S'), 1);
    });
}

#[test]
fn a_renewal_without_an_answer_leaves_one_living_id_after_another_try() {
    for_each_loss(|server, proxy, face, lost| {
        for reads in [false, true] {
            let old = face.until_it_works("logging in", || face.try_login());
            let request = face.with(&old);
            if reads {
                assert_eq!(request.get("n").unwrap(), Some(1));
            }
            request.renew().set("a", 1);
            assert_lost(face, lost, &without_answer(proxy, lost, || request.save()).unwrap_err());
            assert_eq!(
                face.until_it_works("reading the old one", || face.with(&old).get("n")),
                None,
                "the server had done it"
            );
            let saved = face.until_it_works("another try", || request.save());
            assert!(matches!(saved, Saved::Renewed | Saved::Committed), "{face:?} {lost:?}: {saved:?}");
            let id = request.close().unwrap().unwrap();
            assert_ne!(id, old);
            assert_eq!(count(server, b'S'), 1, "{face:?} {lost:?}");
            assert_eq!(face.with(&old).get("n").unwrap(), None);
            for key in ["n", "a"] {
                assert_eq!(face.with(&id).get(key).unwrap(), Some(1), "{face:?} {lost:?}: {key}");
            }
            // A logout with the old id finds it.
            assert_eq!(face.with(&old).destroy().save().unwrap(), Saved::Destroyed);
            assert_eq!(count(server, b'S'), 0, "{face:?} {lost:?}");
        }
    });
}

#[test]
fn what_is_written_after_a_renewal_without_an_answer_is_stored_by_another_try() {
    for_each_loss(|server, proxy, face, lost| {
        let old = face.login();
        let request = face.with(&old);
        request.renew().set("a", 1);
        assert_lost(face, lost, &without_answer(proxy, lost, || request.save()).unwrap_err());
        request.set("b", 2).remove("n");
        let saved = face.until_it_works("another try", || request.save());
        assert!(matches!(saved, Saved::Renewed | Saved::Committed), "{face:?} {lost:?}: {saved:?}");
        let id = request.close().unwrap().unwrap();
        assert_eq!(count(server, b'S'), 1);
        for (key, value) in [("a", Some(1)), ("b", Some(2)), ("n", None)] {
            assert_eq!(
                face.with(&id).get(key).unwrap(),
                value,
                "{face:?} {lost:?}: {key}: the save was told to have succeeded"
            );
        }
    });
}

#[test]
fn a_renewal_without_an_answer_and_then_a_destroy_leave_nothing() {
    for_each_loss(|server, proxy, face, lost| {
        let old = face.login();
        let request = face.with(&old);
        request.renew().set("a", 1);
        assert_lost(face, lost, &without_answer(proxy, lost, || request.save()).unwrap_err());
        request.destroy();
        assert_eq!(face.until_it_works("ending it", || request.save()), Saved::Destroyed);
        assert_eq!(count(server, b'S'), 0, "{face:?} {lost:?}");
    });
}

#[test]
fn a_renewal_without_an_answer_does_not_come_back_after_a_logout_elsewhere() {
    for_each_loss(|server, proxy, face, lost| {
        for reads in [false, true] {
            let old = face.until_it_works("logging in", || face.try_login());
            let request = face.with(&old);
            if reads {
                assert_eq!(request.get("n").unwrap(), Some(1));
            }
            request.renew().set("a", 1);
            assert_lost(face, lost, &without_answer(proxy, lost, || request.save()).unwrap_err());
            assert_eq!(face.until_it_works("a logout", || face.with(&old).destroy().save()), Saved::Destroyed);
            assert_eq!(count(server, b'S'), 0);
            let saved = face.until_it_works("another try", || request.save());
            if reads {
                assert_eq!(saved, Saved::Gone, "{face:?} {lost:?}");
                assert_eq!(count(server, b'S'), 0, "{face:?} {lost:?}");
                assert_eq!(request.close().unwrap(), None);
            } else if saved != Saved::Gone {
                // Who never looked gets a session of what it has written, and of nothing else.
                assert_eq!(saved, Saved::Created);
                let fresh = request.close().unwrap().unwrap();
                assert_eq!(face.with(&fresh).get("n").unwrap(), None);
                assert_eq!(face.with(&fresh).destroy().save().unwrap(), Saved::Destroyed);
                assert_eq!(count(server, b'S'), 0, "{face:?} {lost:?}");
            }
        }
    });
}

#[test]
fn a_logout_without_an_answer_is_an_error_and_done_after_another_try() {
    for_each_loss(|server, proxy, face, lost| {
        let id = face.login();
        let request = face.with(&id);
        request.destroy();
        match without_answer(proxy, lost, || request.save()) {
            Err(error) => assert_lost(face, lost, &error),
            // It was asked again, over another connection.
            Ok(saved) => assert_eq!((saved, lost), (Saved::Destroyed, Lost::Cut)),
        }
        assert_eq!(face.until_it_works("another try", || request.close()), None);
        assert_eq!(count(server, b'S'), 0);
        assert_eq!(face.with(&id).get("n").unwrap(), None);
    });
}

#[test]
fn answers_that_come_too_late_are_nobody_elses() {
    let server = RedisServer::start();
    for which in ALL {
        let proxy = Proxy::to(server.port());
        let face = Face::at(which, &proxy.url());
        let ids: Vec<SessionId> = (0..20).map(|_| face.login()).collect();
        for (at, id) in ids.iter().enumerate() {
            assert_eq!(face.with(id).set("who", at as u64).save().unwrap(), Saved::Committed);
        }
        for round in 0..3 {
            proxy.hold_replies(true);
            let error = timed(|| face.with(&ids[round]).get("who")).unwrap_err();
            // The read is repeated over a new connection, which may get no greeting in time either.
            assert!(matches!(kind(&error), StorageErrorKind::Timeout | StorageErrorKind::Unavailable), "{error}");
            proxy.hold_replies(false);
            for (at, id) in ids.iter().enumerate() {
                let who = face.until_it_works("reading", || face.with(id).get("who"));
                assert_eq!(who, Some(at as u64), "{face:?}: somebody else's session");
            }
        }
    }
}

/// Awaiting is given up in the middle, as when a client hangs up.
#[test]
fn futures_that_are_dropped_leave_the_connection_sound() {
    let server = RedisServer::start();
    for form in [Form::Strings, Form::Hashes] {
        let face = Face::at((form, Side::Waiting), &server.url());
        let Gives::Waiting(manager, runtime) = &face.gives else { unreachable!() };
        let ids: Vec<SessionId> = (0..10).map(|_| face.login()).collect();
        for (at, id) in ids.iter().enumerate() {
            assert_eq!(face.with(id).set("who", at as u64).save().unwrap(), Saved::Committed);
        }
        runtime.block_on(async {
            for micros in (0..400).step_by(5) {
                let session = manager.begin(Some(ids[0].as_str()), ClientInfo::default);
                session.set("x", &micros).unwrap();
                let _ = tokio::time::timeout(Duration::from_micros(micros), session.save()).await;
                session.abandon();
                for (at, id) in ids.iter().enumerate() {
                    let session = manager.begin(Some(id.as_str()), ClientInfo::default);
                    assert_eq!(session.get::<u64>("who").await.unwrap(), Some(at as u64));
                }
            }
        });
    }
    assert_all_expire(&server);
}

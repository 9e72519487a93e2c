//! The server is gone, for a while.

use super::*;

#[test]
fn killed_and_restarted() {
    for which in ALL {
        let mut server = durable();
        let face = Face::at(which, &server.url());
        face.warm_up();
        let id = face.login();
        server.kill();
        for _ in 0..3 {
            for result in [
                timed(|| face.with(&id).get("n")).map(drop),
                timed(|| face.try_login()).map(drop),
                timed(|| face.with(&id).add("n")).map(drop),
                timed(|| face.with(&id).destroy().save()).map(drop),
            ] {
                let error = result.unwrap_err();
                assert_eq!(kind(&error), StorageErrorKind::Unavailable, "{face:?}: {}", texts(&error));
            }
            let request = face.with(&id);
            assert_eq!(kind(&request.renew().set("x", 1).save().unwrap_err()), StorageErrorKind::Unavailable);
            request.abandon();
        }
        server.start_again();
        assert_eq!(face.until_it_works("reading after a restart", || face.with(&id).get("n")), Some(1));
        // The attempts have left nothing, and everything works.
        assert_eq!(count(&server, b'S'), 1, "{face:?}");
        assert_eq!(face.with(&id).add("n").unwrap(), 2);
        let request = face.with(&id);
        let renewed = request.renew().close().unwrap().unwrap();
        assert_eq!(face.with(&renewed).get("n").unwrap(), Some(2));
        assert_eq!(face.with(&renewed).destroy().save().unwrap(), Saved::Destroyed);
        assert_eq!(count(&server, b'S'), 0);
        assert_all_expire(&server);
    }
}

#[test]
fn the_first_write_after_an_idle_restart_works_or_fails_cleanly() {
    for idle in [Duration::ZERO, Duration::from_millis(1300)] {
        for which in ALL {
            let mut server = durable();
            let face = Face::at(which, &server.url());
            face.warm_up();
            let id = face.login();
            server.kill();
            server.start_again();
            thread::sleep(idle);
            let request = face.with(&id);
            request.set("late", 7);
            match timed(|| request.save()) {
                Ok(saved) => assert_eq!(saved, Saved::Committed, "{face:?}"),
                Err(error) => {
                    assert_eq!(kind(&error), StorageErrorKind::Unavailable, "{face:?}: {}", texts(&error));
                    assert!(
                        idle.is_zero(),
                        "{face:?}: a connection that has been idle is tried out first: {}",
                        texts(&error)
                    );
                    // Nobody has to wait for the next one.
                    assert_eq!(face.until_it_works("the second try", || request.save()), Saved::Committed);
                }
            }
            assert_eq!(face.with(&id).get("late").unwrap(), Some(7), "{face:?}");
            assert_eq!(face.with(&id).get("n").unwrap(), Some(1), "{face:?}");
            assert_eq!(count(&server, b'S'), 1);
            assert_all_expire(&server);
        }
    }
}

#[test]
fn frozen_and_thawed() {
    for which in ALL {
        let server = RedisServer::start();
        let face = Face::at(which, &server.url());
        face.warm_up();
        let id = face.login();
        server.freeze();
        for _ in 0..2 {
            let reading = timed(|| face.with(&id).get("n")).unwrap_err();
            assert_eq!(kind(&reading), StorageErrorKind::Timeout, "{face:?}: {}", texts(&reading));
            let creating = timed(|| face.try_login()).unwrap_err();
            assert_eq!(kind(&creating), StorageErrorKind::Timeout, "{face:?}: {}", texts(&creating));
            let request = face.with(&id);
            let saving = timed(|| request.set("x", 5).save()).unwrap_err();
            assert_eq!(kind(&saving), StorageErrorKind::Timeout, "{face:?}: {}", texts(&saving));
            request.abandon();
        }
        server.thaw();
        assert_eq!(face.until_it_works("reading after thawing", || face.with(&id).get("n")), Some(1));
        assert_eq!(face.with(&id).add("n").unwrap(), 2);
        assert!(face.try_login().is_ok());
        assert_all_expire(&server);
    }
}

#[test]
fn an_update_that_timed_out_is_never_applied_twice() {
    at_once(ALL, |which| {
        let server = RedisServer::start();
        let face = Face::at(which, &server.url());
        face.warm_up();
        let id = face.login();
        let (attempts, acknowledged, highest) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        let (over, unanswered) = (AtomicBool::new(false), AtomicU64::new(0));
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while !over.load(Ordering::SeqCst) {
                        let request = face.with(&id);
                        if timed(|| request.get("n")).is_err() {
                            thread::sleep(Duration::from_millis(5));
                            continue;
                        }
                        attempts.fetch_add(1, Ordering::SeqCst);
                        match timed(|| request.add("n")) {
                            Ok(value) => {
                                acknowledged.fetch_add(1, Ordering::SeqCst);
                                highest.fetch_max(value, Ordering::SeqCst);
                            }
                            Err(error) => {
                                unanswered.fetch_add(1, Ordering::SeqCst);
                                assert_down(&face, &error);
                            }
                        }
                        thread::sleep(Duration::from_millis(1));
                    }
                });
            }
            // Until it has hit an update and not a read.
            for round in 0..30 {
                thread::sleep(Duration::from_millis(150));
                server.freeze();
                thread::sleep(TIMEOUT + Duration::from_millis(200));
                server.thaw();
                if round >= 2 && unanswered.load(Ordering::SeqCst) > 0 {
                    break;
                }
            }
            thread::sleep(Duration::from_millis(300));
            over.store(true, Ordering::SeqCst);
        });
        let value = face.until_it_works("reading the counter", || face.with(&id).get("n")).unwrap() - 1;
        let (attempts, acknowledged) = (attempts.into_inner(), acknowledged.into_inner());
        assert!(acknowledged > 0 && attempts > acknowledged, "{face:?}: {acknowledged} of {attempts}");
        assert!((acknowledged..=attempts).contains(&value), "{face:?}: {acknowledged} <= {value} <= {attempts}");
        assert!(highest.into_inner() <= value + 1);
        assert_all_expire(&server);
    });
}

#[test]
fn a_closed_port() {
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let url = format!("redis://127.0.0.1:{port}");
    for which in ALL {
        let face = Face::at(which, &url);
        for _ in 0..3 {
            let error = timed(|| face.try_login()).unwrap_err();
            assert_eq!(kind(&error), StorageErrorKind::Unavailable);
            assert!(texts(&error).contains("refused"), "{}", texts(&error));
        }
        let id = HashedIds::new().generate(&ClientInfo::default()).unwrap();
        let error = timed(|| face.with(&id).get("n")).unwrap_err();
        assert_eq!(kind(&error), StorageErrorKind::Unavailable);
        assert!(!texts(&error).contains(id.as_str()));
        assert!(!texts(&error).contains(&StoreKey::of(&id).to_string()));
    }
    assert!(timed(|| RedisStorage::open(&url)).is_err());
    assert!(timed(|| RedisHashStorage::open(&url)).is_err());
}

#[test]
fn a_connection_that_is_cut_while_idle() {
    let server = RedisServer::start();
    for which in ALL {
        for idle in [Duration::ZERO, Duration::from_millis(50), Duration::from_millis(1200)] {
            let proxy = Proxy::to(server.port());
            let face = Face::at(which, &proxy.url());
            face.warm_up();
            let id = face.login();
            proxy.cut();
            thread::sleep(idle);
            // Reading is repeated; that it was cut shows nowhere.
            assert_eq!(face.with(&id).get("n").unwrap(), Some(1), "{face:?} after {idle:?}");
            proxy.cut();
            thread::sleep(idle);
            let request = face.with(&id);
            request.set("n", 2);
            match request.save() {
                Ok(saved) => assert_eq!(saved, Saved::Committed),
                Err(error) => {
                    assert_eq!(kind(&error), StorageErrorKind::Unavailable);
                    assert!(idle < Duration::from_secs(1), "{face:?}: {}", texts(&error));
                    assert_eq!(face.until_it_works("the second try", || request.save()), Saved::Committed);
                }
            }
            assert_eq!(face.with(&id).get("n").unwrap(), Some(2));
            // A logout is repeated as well.
            proxy.cut();
            assert_eq!(face.with(&id).destroy().save().unwrap(), Saved::Destroyed, "{face:?} after {idle:?}");
            assert_eq!(count(&server, b'S'), 0);
            assert_all_expire(&server);
        }
    }
}

#[test]
fn a_server_that_refuses_new_connections_for_a_while() {
    let server = RedisServer::start();
    for which in ALL {
        let proxy = Proxy::to(server.port());
        let face = Face::at(which, &proxy.url());
        face.warm_up();
        let id = face.login();
        proxy.refuse(true);
        proxy.cut();
        for _ in 0..5 {
            assert!(timed(|| face.with(&id).get("n")).is_err());
            assert!(timed(|| face.try_login()).is_err());
        }
        proxy.refuse(false);
        assert_eq!(face.until_it_works("reading again", || face.with(&id).get("n")), Some(1));
        assert_eq!(face.with(&id).destroy().save().unwrap(), Saved::Destroyed);
        assert_eq!(count(&server, b'S'), 0);
    }
}

//! The near cache, over a connection that is cut or silent.

use super::*;

#[test]
fn the_near_cache_does_not_outlive_its_connection() {
    let server = RedisServer::start();
    for form in [Form::Strings, Form::Hashes] {
        let proxy = Proxy::to(server.port());
        let which = (form, Side::Waiting);
        let near = face!(which, Redis => quick(Redis::builder(&proxy.url())).near_cache(NearCache::default())).unwrap();
        let elsewhere = Face::at((form, Side::Blocking), &server.url());
        near.warm_up();

        // The connection breaks, and meanwhile a logout happens elsewhere.
        let id = near.login();
        for _ in 0..5 {
            assert_eq!(near.with(&id).get("n").unwrap(), Some(1));
        }
        proxy.refuse(true);
        proxy.cut();
        assert_eq!(elsewhere.with(&id).destroy().save().unwrap(), Saved::Destroyed);
        support::wait_until("the cache is gone with the connection", || near.with(&id).get("n").is_err());
        proxy.refuse(false);
        assert_eq!(near.until_it_works("reading", || near.with(&id).get("n")), None, "{near:?}: a logout was not seen");

        // The server does not answer, so nothing tells of a logout: the cache is believed for a short time only.
        let id = near.login();
        for _ in 0..5 {
            assert_eq!(near.with(&id).get("n").unwrap(), Some(1));
        }
        proxy.stall(true);
        assert_eq!(elsewhere.with(&id).destroy().save().unwrap(), Saved::Destroyed);
        let start = Instant::now();
        while let Ok(seen) = near.with(&id).get("n") {
            assert!(seen.is_none() || start.elapsed() < NO_HANG, "{near:?}: believed for ever");
            if seen.is_none() {
                break;
            }
            thread::sleep(Duration::from_millis(5));
        }
        proxy.stall(false);
        assert_eq!(near.until_it_works("reading", || near.with(&id).get("n")), None);
    }
    assert_all_expire(&server);
}

#[test]
fn commits_that_overlap_a_restart_lose_nothing_that_was_acknowledged() {
    for which in ALL {
        let mut server = durable();
        let face = Face::at(which, &server.url());
        face.warm_up();
        let id = face.login();
        let over = AtomicBool::new(false);
        let acknowledged: Vec<Vec<u64>> = thread::scope(|scope| {
            let workers: Vec<_> = (0..3_u64)
                .map(|worker| {
                    let (face, id, over) = (&face, &id, &over);
                    scope.spawn(move || {
                        let mut done = Vec::new();
                        for n in 0.. {
                            if over.load(Ordering::SeqCst) {
                                break;
                            }
                            let (request, entry) = (face.with(id), worker * 1_000_000 + n % 50);
                            request.set(&format!("k{entry}"), n);
                            match timed(|| request.save()) {
                                Ok(saved) => {
                                    assert_eq!(saved, Saved::Committed);
                                    done.push(entry);
                                }
                                Err(_) => thread::sleep(Duration::from_millis(2)),
                            }
                            request.abandon();
                        }
                        done
                    })
                })
                .collect();
            for _ in 0..2 {
                thread::sleep(Duration::from_millis(150));
                server.kill();
                thread::sleep(Duration::from_millis(50));
                server.start_again();
            }
            thread::sleep(Duration::from_millis(1500));
            over.store(true, Ordering::SeqCst);
            workers.into_iter().map(|worker| worker.join().unwrap()).collect()
        });
        for entry in acknowledged.iter().flatten() {
            assert!(face.with(&id).get(&format!("k{entry}")).unwrap().is_some(), "{face:?}: {entry} is lost");
        }
        assert!(acknowledged.iter().all(|done| !done.is_empty()));
        assert_all_expire(&server);
    }
}

#[test]
fn changes_over_the_storage_alone_are_all_or_nothing_when_full() {
    let server = RedisServer::start();
    for which in ALL {
        server.command(&["FLUSHALL"]);
        let face = Face::at(which, &server.url());
        face.warm_up();
        server.command(&["FLUSHALL"]);
        let (from, to, now) = (some_key(), some_key(), now());
        let mut record = Record::new(now, support::IDLE, None);
        record.entries = support::entries(&[("a", "1"), ("b", "2")]);
        face.storage.create(&from, &record, now).unwrap();
        server.command(&["CONFIG", "SET", "maxmemory", "1"]);
        let before = contents(&server);
        let mut changes = Changes::default();
        changes.clear();
        changes.set("c", "3");
        changes.set_principal(Some("ada".into()));
        let commit = Commit::new(changes, support::active(now + Duration::from_secs(100)));
        let results = [
            ("commit", face.storage.commit(&from, &commit).map(drop)),
            ("move", face.storage.move_to(&from, &to, &commit).map(drop)),
            ("create", face.storage.create(&to, &record, now).map(drop)),
        ];
        server.command(&["CONFIG", "SET", "maxmemory", "0"]);
        for (what, result) in results {
            let error = result.expect_err(&format!("{face:?}: {what}"));
            assert_eq!(error.kind(), StorageErrorKind::Full, "{face:?}: {what}: {}", texts(&error));
        }
        assert!(contents(&server) == before, "{face:?}");
        assert_all_expire(&server);
    }
}

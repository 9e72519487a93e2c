//! Primaries that die.

use super::*;

/// Uses sessions for as long as it is told to; how often that worked.
fn use_while(face: &Face, over: &AtomicBool) -> u64 {
    let mut worked = 0;
    while !over.load(Ordering::SeqCst) {
        match timed(|| face.try_login().and_then(|id| face.with(&id).add("n"))) {
            // A failover may lose what was not replicated.
            Ok(1 | 2) | Err(Error::Gone) => worked += 1,
            Ok(other) => panic!("{face:?}: {other}"),
            Err(error) => {
                assert_down(face, &error);
                thread::sleep(Duration::from_millis(10));
            }
        }
    }
    worked
}

#[test]
fn a_primary_dies_while_it_is_used_and_then_all_do() {
    let mut cluster = Cluster::start();
    let faces = on_cluster(&cluster, "");
    let ids: Vec<Vec<SessionId>> = faces.iter().map(|face| (0..15).map(|_| face.login()).collect()).collect();
    let size = |node: usize| cluster.nodes[node].keys("*").len();
    support::wait_until("the replicas have the sessions", || (0..3).all(|node| size(node) == size(node + 3)));
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for face in &faces {
            scope.spawn(|| use_while(face, &over));
        }
        thread::sleep(Duration::from_millis(200));
        cluster.fail_over(0);
        over.store(true, Ordering::SeqCst);
    });
    for (face, ids) in faces.iter().zip(&ids) {
        for id in ids {
            assert_eq!(face.until_it_works("reading after a failover", || face.with(id).get("n")), Some(1), "{face:?}");
        }
        for _ in 0..20 {
            let id = face.until_it_works("logging in after a failover", || face.try_login());
            let request = face.with(&id);
            let renewed = face.until_it_works("renewing after a failover", || request.renew().close());
            assert_eq!(face.with(&renewed.unwrap()).get("n").unwrap(), Some(1), "{face:?}");
        }
    }
    assert_all_expire_on(&cluster.nodes);

    let all_fail = || {
        thread::scope(|scope| {
            for face in &faces {
                scope.spawn(move || {
                    for _ in 0..2 {
                        for result in [
                            timed(|| face.try_login()).map(drop),
                            timed(|| face.with(&some_id()).get("n")).map(drop),
                            timed(|| face.with(&some_id()).destroy().save()).map(drop),
                        ] {
                            assert_down(face, &result.unwrap_err());
                        }
                    }
                });
            }
        });
    };
    for node in &cluster.nodes[1..] {
        node.freeze();
    }
    all_fail();
    for node in &mut cluster.nodes[1..] {
        node.thaw();
        node.kill();
    }
    all_fail();
    let urls = cluster.urls();
    assert!(bounded("a dead cluster", move || quick(RedisStorage::cluster(urls)).build().unwrap().check()).is_err());
}

#[test]
fn a_cluster_without_most_of_its_primaries() {
    let mut cluster = Cluster::start();
    let faces = on_cluster(&cluster, "");
    let ids: Vec<SessionId> = faces.iter().map(Face::login).collect();
    for node in [3, 4, 0, 1] {
        cluster.nodes[node].kill();
    }
    support::wait_until("the last primary noticing", || {
        cluster.nodes[2].command(&["CLUSTER", "INFO"]).text().contains("cluster_state:fail")
    });
    at_once(faces.iter().zip(&ids), |(face, id)| {
        for _ in 0..5 {
            // Which never looks like a session that has ended.
            for result in [
                timed(|| face.try_login()).map(drop),
                timed(|| face.with(id).get("n")).map(drop),
                timed(|| face.with(id).set("a", 1).save()).map(drop),
                timed(|| face.with(id).destroy().save()).map(drop),
            ] {
                assert_down(face, &result.unwrap_err());
            }
        }
    });
}

#[test]
fn a_primary_of_sentinels_dies_while_it_is_used() {
    let mut sentinels = Sentinels::start();
    let faces = on_sentinels(&sentinels, sentinels.service());
    let ids: Vec<Vec<SessionId>> = faces.iter().map(|face| (0..5).map(|_| face.login()).collect()).collect();
    let have_all = || sentinels.servers.iter().all(|server| server.keys("*").len() == 20);
    support::wait_until("the replicas have the sessions", have_all);
    let over = AtomicBool::new(false);
    let worked: Vec<u64> = thread::scope(|scope| {
        let over = &over;
        let workers: Vec<_> = faces.iter().map(|face| scope.spawn(move || use_while(face, over))).collect();
        thread::sleep(Duration::from_millis(200));
        sentinels.fail_over();
        over.store(true, Ordering::SeqCst);
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    assert!(worked.iter().all(|&worked| worked > 0), "{worked:?}");
    for (face, ids) in faces.iter().zip(&ids) {
        for id in ids {
            assert_eq!(face.until_it_works("reading after a failover", || face.with(id).get("n")), Some(1), "{face:?}");
        }
        let id = face.until_it_works("logging in after a failover", || face.try_login());
        let request = face.with(&id);
        let renewed = request.renew().close().unwrap().unwrap();
        assert_eq!(face.with(&renewed).get("n").unwrap(), Some(1));
        assert_eq!(face.with(&renewed).destroy().save().unwrap(), Saved::Destroyed);
    }
    assert_all_expire_on(&sentinels.servers);

    // A name that they do not know.
    for face in on_sentinels(&sentinels, "no-such-service") {
        let error = timed(|| face.try_login()).unwrap_err();
        assert_eq!(kind(&error), StorageErrorKind::Unavailable);
        assert!(texts(&error).contains("the Sentinels know no service of this name"), "{}", texts(&error));
    }
    // Some Sentinels are gone, then all. (All have to have heard of the failover, or those that are left never do.)
    let names = |sentinel: &RedisServer| {
        let question = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", sentinels.service()];
        sentinel.command(&question).list().get(1).map(Reply::text)
    };
    let primary = Some(sentinels.servers[sentinels.primary()].port().to_string());
    support::wait_until("all Sentinels naming the primary", || sentinels.sentinels.iter().all(|s| names(s) == primary));
    sentinels.sentinels[0].kill();
    let fresh = on_sentinels(&sentinels, sentinels.service());
    for face in &fresh {
        face.until_it_works("the first Sentinel is dead", || face.try_login());
    }
    sentinels.sentinels[1].freeze();
    for face in on_sentinels(&sentinels, sentinels.service()) {
        face.until_it_works("the second Sentinel is frozen", || face.try_login());
    }
    sentinels.sentinels[1].thaw();
    for sentinel in &mut sentinels.sentinels[1..] {
        sentinel.kill();
    }
    for face in &fresh {
        assert!(face.try_login().is_ok(), "who knows the primary needs no Sentinel");
    }
    for face in on_sentinels(&sentinels, sentinels.service()) {
        assert_down(&face, &timed(|| face.try_login()).unwrap_err());
    }
}

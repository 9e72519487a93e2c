//! Something between the storage and the servers has forgotten idle connections, without a word: whatever is sent over them
//! vanishes, and new ones work. Load balancers do this (AWS after 350 seconds, Azure after 4 minutes).

use std::sync::Barrier;

use super::*;

/// How a storage waits.
#[derive(Debug, Clone, Copy)]
struct Patience {
    timeout: Duration,
    probe_after: Duration,
}

/// Nobody gets an answer by waiting for the timeout, for that would be longer than anything may take. An idle connection is tried
/// out, for much shorter.
const TRYING_OUT: Patience = Patience { timeout: Duration::from_secs(60), probe_after: Duration::from_millis(50) };
/// Connections are never tried out: what is sent over one that was forgotten waits for the timeout, in which a busy machine must have
/// connected anew.
const TRUSTING: Patience = Patience { timeout: Duration::from_secs(3), probe_after: Duration::MAX };

impl Patience {
    fn of<S>(self, builder: RedisBuilder<S>) -> RedisBuilder<S> {
        builder.connect_timeout(self.timeout).response_timeout(self.timeout).probe_after(self.probe_after)
    }

    fn at(self, which: (Form, Side), url: &str) -> Face {
        face!(which, Redis => self.of(Redis::builder(url))).unwrap()
    }

    /// Runs it with each storage and face at once, each behind a proxy of a server of its own; there is a session.
    fn each_behind_a_proxy(self, run: impl Fn(&Face, &RedisServer, &Proxy, &SessionId) + Sync) {
        at_once(ALL, |which| {
            let server = RedisServer::start();
            let proxy = Proxy::to(server.port());
            let face = self.at(which, &proxy.url());
            face.warm_up();
            run(&face, &server, &proxy, &face.login());
        });
    }

    /// Long enough that a connection counts as idle.
    fn be_idle(self) {
        thread::sleep(self.probe_after + Duration::from_millis(10));
    }
}

/// Everything that a request may do, each time after all connections were forgotten.
fn each_has_its_answer(face: &Face, id: &SessionId, forget: impl Fn()) {
    let forget = || {
        forget();
        TRYING_OUT.be_idle();
    };
    forget();
    assert_eq!(timed(|| face.with(id).get("n")).unwrap(), Some(1), "{face:?}: a read");
    forget();
    assert_eq!(timed(|| face.with(id).set("a", 5).save()).unwrap(), Saved::Committed, "{face:?}: a write");
    forget();
    assert_eq!(timed(|| face.with(id).add("n")).unwrap(), 2, "{face:?}: an update");
    let request = face.with(id);
    assert_eq!(request.get("n").unwrap(), Some(2));
    forget();
    assert_eq!(timed(|| request.set("n", 7).save()).unwrap(), Saved::Committed, "{face:?}: a write after a read");
    forget();
    let request = face.with(id);
    assert_eq!(timed(|| request.renew().save()).unwrap(), Saved::Renewed, "{face:?}: a renewal");
    let renewed = request.id().unwrap();
    forget();
    let new = timed(|| face.try_login()).unwrap();
    for (id, n) in [(&renewed, Some(7)), (&new, Some(1)), (id, None)] {
        assert_eq!(face.with(id).get("n").unwrap(), n, "{face:?}");
    }
    forget();
    assert_eq!(timed(|| face.with(&renewed).destroy().save()).unwrap(), Saved::Destroyed, "{face:?}: a logout");
    assert_eq!(face.with(&renewed).get("n").unwrap(), None, "{face:?}");
}

#[test]
fn one_server() {
    TRYING_OUT.each_behind_a_proxy(|face, server, proxy, id| {
        each_has_its_answer(face, id, || proxy.forget());
        assert_all_expire(server);
    });
}

/// The connections of many threads at once.
#[test]
fn many_connections() {
    const THREADS: usize = 24;
    TRYING_OUT.each_behind_a_proxy(|face, _, proxy, id| {
        let forgotten = Barrier::new(THREADS + 1);
        // Answers are held until each thread has asked, so that each has a connection of its own.
        proxy.hold_replies(true);
        thread::scope(|scope| {
            for number in 0..THREADS {
                let forgotten = &forgotten;
                scope.spawn(move || {
                    let read = face.with(id).get("n");
                    // Once when all have read, once when all connections were forgotten.
                    forgotten.wait();
                    forgotten.wait();
                    let request = face.with(id);
                    request.set(&format!("k{number}"), number as u64);
                    let saved = timed(|| request.save());
                    assert_eq!((read.unwrap(), saved.unwrap()), (Some(1), Saved::Committed), "{face:?}");
                });
            }
            proxy.wait_for_held(THREADS as u64);
            proxy.hold_replies(false);
            forgotten.wait();
            proxy.forget();
            TRYING_OUT.be_idle();
            forgotten.wait();
        });
        for number in 0..THREADS {
            assert_eq!(face.with(id).get(&format!("k{number}")).unwrap(), Some(number as u64), "{face:?}");
        }
    });
}

/// The connection was used a moment ago: what changes nothing, or may be done twice, is asked again over a new one.
#[test]
fn a_connection_that_was_used_a_moment_ago() {
    TRUSTING.each_behind_a_proxy(|face, _, proxy, id| {
        proxy.forget();
        assert_eq!(timed(|| face.with(id).get("n")).unwrap(), Some(1), "{face:?}: a read");
        // Whether a write has been done is not known, and it may not be done twice.
        proxy.forget();
        let request = face.with(id);
        let error = timed(|| request.set("n", 2).save()).unwrap_err();
        assert_eq!(kind(&error), StorageErrorKind::Timeout, "{face:?}: {}", texts(&error));
        assert_eq!(face.with(id).get("n").unwrap(), Some(1), "{face:?}");
        assert_eq!(request.save().unwrap(), Saved::Committed, "{face:?}: the request's own second try");
        proxy.forget();
        assert_eq!(timed(|| face.with(id).destroy().save()).unwrap(), Saved::Destroyed, "{face:?}: a logout");
        assert_eq!(face.with(id).get("n").unwrap(), None, "{face:?}");
    });
}

/// A server that is silent over new connections, too, is not asked for ever.
#[test]
fn a_server_that_is_silent_over_new_connections_as_well() {
    TRUSTING.each_behind_a_proxy(|face, server, _, id| {
        server.freeze();
        let error = timed(|| face.with(id).get("n")).unwrap_err();
        assert_eq!(kind(&error), StorageErrorKind::Timeout, "{face:?}: {}", texts(&error));
        server.thaw();
        assert_eq!(face.until_it_works("reading", || face.with(id).get("n")), Some(1));
    });
}

#[test]
fn with_a_near_cache() {
    let server = RedisServer::start();
    for form in [Form::Strings, Form::Hashes] {
        for patience in [TRYING_OUT, TRUSTING] {
            let proxy = Proxy::to(server.port());
            // Nothing is believed, so that every read asks the server.
            let near = NearCache::default().trust_for(Duration::ZERO);
            let which = (form, Side::Waiting);
            let face = face!(which, Redis => patience.of(Redis::builder(&proxy.url())).near_cache(near)).unwrap();
            face.warm_up();
            let id = face.login();
            assert_eq!(face.with(&id).get("n").unwrap(), Some(1));
            proxy.forget();
            if patience.probe_after < Duration::MAX {
                patience.be_idle();
            }
            assert_eq!(timed(|| face.with(&id).get("n")).unwrap(), Some(1), "{face:?} {patience:?}");
        }
    }
}

/// What an idle connection costs, and one in use does not.
#[test]
fn only_idle_connections_are_tried_out() {
    let server = RedisServer::start();
    for side in [Side::Blocking, Side::Waiting] {
        let patience = Patience { probe_after: Duration::from_secs(600), ..TRYING_OUT };
        for (patience, idle, expected) in
            [(TRYING_OUT, true, &["PING", "GET"][..]), (patience, true, &["GET"]), (patience, false, &["GET"])]
        {
            let face = patience.at((Form::Strings, side), &server.url());
            face.warm_up();
            let id = face.login();
            if idle {
                TRYING_OUT.be_idle();
            }
            let mut monitor = Monitor::of(&server);
            assert_eq!(face.with(&id).get("n").unwrap(), Some(1));
            assert_eq!(monitor.seen().names(), expected, "{side:?}");
        }
    }
}

/// A service that is in use looks at the Sentinels every second; that is often enough for their connections not to be idle.
#[test]
fn connections_to_sentinels_are_not_tried_out_before_each_look() {
    let server = RedisServer::start();
    let sentinel = sentinel_of(&server);
    let mut asking = sentinel.client();
    let mut processed = || {
        let info = asking.command(&["INFO", "stats"]).unwrap().text();
        let number = info.lines().find_map(|line| line.strip_prefix("total_commands_processed:")).unwrap().to_owned();
        number.trim().parse::<u64>().unwrap()
    };
    for side in [Side::Blocking, Side::Waiting] {
        let proxy = Proxy::to(sentinel.port());
        let builder = RedisStorage::sentinel([proxy.url()], SERVICE);
        let face = Face::over((Form::Strings, side), builder.build().unwrap());
        let id = face.login();
        assert_eq!(face.with(&id).get("n").unwrap(), Some(1));
        proxy.reset();
        let before = processed();
        wait::until("three looks at the Sentinel", || {
            assert_eq!(face.with(&id).get("n").unwrap(), Some(1));
            (proxy.round_trips() >= 3).then_some(())
        });
        // The one that asks is counted, and each look is two questions in one go.
        assert_eq!(processed() - before - 1, 2 * proxy.round_trips(), "{side:?}");
    }
}

/// The connections to the Sentinels, and the one to the primary that they name.
#[test]
fn sentinels() {
    at_once([(Form::Strings, Side::Blocking), (Form::Hashes, Side::Waiting)], |which| {
        let sentinels = Sentinels::start();
        let primary = RedisServer::start();
        let before_primary = Proxy::to(primary.port());
        let before_sentinels: Vec<Proxy> = sentinels.sentinels.iter().map(|one| Proxy::to(one.port())).collect();
        let urls: Vec<String> = before_sentinels.iter().map(Proxy::url).collect();
        sentinels.watch_port(before_primary.port());
        for patience in [TRYING_OUT, TRUSTING] {
            let face = face!(which, Redis => patience.of(Redis::sentinel(&urls, sentinels.service()))).unwrap();
            face.warm_up();
            let id = face.login();
            let forget = || {
                before_sentinels.iter().for_each(Proxy::forget);
                before_primary.forget();
            };
            if patience.probe_after < Duration::MAX {
                each_has_its_answer(&face, &id, forget);
                continue;
            }
            forget();
            assert_eq!(timed(|| face.with(&id).get("n")).unwrap(), Some(1), "{face:?}");
        }
    });
}

/// Each node announces a proxy in front of it.
#[test]
fn a_cluster() {
    let cluster = Cluster::start();
    let proxies: Vec<Proxy> = cluster.nodes.iter().map(|node| Proxy::to(node.port())).collect();
    for (node, proxy) in cluster.nodes.iter().zip(&proxies) {
        node.command(&["CONFIG", "SET", "cluster-announce-bus-port", &(node.port() + 10_000).to_string()]);
        node.command(&["CONFIG", "SET", "cluster-announce-port", &proxy.port().to_string()]);
    }
    let announced = |node: &RedisServer| {
        let slots = format!("{:?}", node.command(&["CLUSTER", "SLOTS"]));
        cluster.nodes.iter().all(|node| !slots.contains(&format!("Int({})", node.port())))
    };
    wait::until("the proxies being announced", || cluster.nodes.iter().all(announced).then_some(()));
    let urls: Vec<String> = proxies.iter().map(Proxy::url).collect();
    for which in [(Form::Strings, Side::Blocking), (Form::Hashes, Side::Waiting)] {
        let prefix = format!("{which:?}:");
        let face = face!(which, Redis => TRYING_OUT.of(Redis::cluster(&urls)).key_prefix(prefix)).unwrap();
        face.warm_up();
        each_has_its_answer(&face, &face.login(), || proxies.iter().for_each(Proxy::forget));
    }
}

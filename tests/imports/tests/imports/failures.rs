//! The other library's store is down, or has something else than a session.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use gsession::{
    Clock as _, ManualClock, MemoryStorage, SystemClock, Timestamp,
    http::import::{ActixSessionRedis, Import, PeerCookie, PeerLookup, PeerSession, PeerStore, PeerValue},
    storage::StorageFuture,
};
use gsession_imports::{
    client::Client,
    ours::{COOKIE, FRAMEWORKS, Framework, Ours},
    peers::{ActixPeer, Content, TowerPeer, TowerPlace},
    place::Place,
};
use gsession_test_servers::{PostgresServer, Proxy, RedisServer, resp::Reply};

use crate::scene::{After, DAY, PEER, execute, logged_in, of_cookies, of_redis, of_tower};

#[test]
fn a_store_that_is_down_loses_nothing() {
    let redis = RedisServer::start();
    for framework in FRAMEWORKS {
        for is_tower in [false, true] {
            let proxy = Proxy::to(redis.port());
            let (actix, tower) =
                (ActixPeer::redis(Content::Private, &redis.url()), TowerPeer::new(TowerPlace::Redis(redis.url())));
            let through = TowerPeer { place: TowerPlace::Redis(proxy.url()), ..tower.clone() };
            let import = if is_tower { of_tower(&through) } else { of_redis(&actix, &proxy.url()) };
            let serve = |place: &Place| if is_tower { tower.serve(place) } else { actix.serve(place) };
            let mut after = After::of(serve, &Ours::new(MemoryStorage::new(), import), framework);
            proxy.refuse(true);
            proxy.cut();
            for page in ["/whoami", "/blind", "/visit"] {
                let reply = after.client.get(page);
                assert_eq!((reply.status, reply.all("set-cookie").count()), (503, 0), "{framework:?}, {page}");
            }
            assert_eq!(after.client.text("/untouched"), "ok");
            assert_eq!(Client::new(after.place.address()).text("/visit"), "1", "others notice nothing");
            proxy.refuse(false);
            gsession_tests::wait::until("the store is back", || {
                let reply = after.client.get("/whoami");
                (reply.status == 200).then(|| assert_eq!(reply.text(), "ada"))
            });
            // From now on it is not needed.
            proxy.refuse(true);
            proxy.cut();
            assert_eq!(after.client.text("/visit"), "4");
            assert_eq!(after.client.text("/logout"), "ok");
        }
    }
}

/// Nobody repeats the logout, so it is carried out in the background.
#[test]
fn a_logout_while_the_store_is_down_is_carried_out_later() {
    let redis = RedisServer::start();
    for framework in FRAMEWORKS {
        redis.flush();
        let proxy = Proxy::to(redis.port());
        let peer = ActixPeer::redis(Content::Private, &redis.url());
        let ours = Ours::new(MemoryStorage::new(), of_redis(&peer, &proxy.url()));
        let mut after = After::of(|place| peer.serve(place), &ours, framework);
        proxy.refuse(true);
        proxy.cut();
        assert_eq!(after.client.get("/logout").status, 503);
        proxy.refuse(false);
        gsession_tests::wait::until("the session ends", || redis.keys("*").is_empty().then_some(()));
        assert_eq!(after.client.text("/whoami"), "nobody");
    }
}

/// A session of gsession does not outlive a logout because the other library's store cannot be asked.
#[test]
fn a_logout_ends_the_session_here_while_the_store_is_down() {
    let redis = RedisServer::start();
    for framework in FRAMEWORKS {
        let proxy = Proxy::to(redis.port());
        let peer = ActixPeer::redis(Content::Private, &redis.url());
        let ours = Ours::new(MemoryStorage::new(), of_redis(&peer, &proxy.url()));
        let after = After::of(|place| peer.serve(place), &ours, framework);
        let mut client = Client::new(after.place.address());
        assert_eq!(client.text("/login"), "ok");
        let mut thief = client.clone();
        client.cookies.insert(PEER.to_owned(), after.client.cookie(PEER).to_owned());
        proxy.refuse(true);
        proxy.cut();
        assert_eq!(client.get("/logout").status, 503);
        assert_eq!(thief.text("/principal"), "nobody");
    }
}

#[test]
fn a_database_that_is_down_loses_nothing() {
    let mut postgres = PostgresServer::start();
    let peer = TowerPeer::new(TowerPlace::Postgres(postgres.url()));
    let mut after =
        After::of(|place| peer.serve(place), &Ours::new(MemoryStorage::new(), of_tower(&peer)), Framework::Axum);
    postgres.shutdown();
    let reply = after.client.get("/whoami");
    assert_eq!((reply.status, reply.all("set-cookie").count()), (503, 0));
    postgres.start_again();
    gsession_tests::wait::until("the database is back", || {
        let reply = after.client.get("/whoami");
        (reply.status == 200).then(|| assert_eq!(reply.text(), "ada"))
    });
}

/// What is under the session's key cannot be read. The request goes on as a visitor's.
fn assert_is_a_visitor(after: &After) {
    let mut client = after.client.clone();
    for page in ["/whoami", "/principal", "/data"] {
        let reply = client.get(page);
        assert_eq!(reply.status, 200);
        assert!(["nobody", "{}"].contains(&reply.text().as_str()), "{}", reply.text());
        assert_eq!(reply.all("set-cookie").count(), 0, "the cookie is left alone");
    }
    assert_eq!(client.text("/visit"), "1", "a new session begins");
    assert!(client.cookies.contains_key(COOKIE));
    assert_eq!(client.text("/visit"), "2");
}

#[test]
fn what_cannot_be_read_in_redis_is_not_taken_over() {
    let redis = RedisServer::start();
    let huge = format!("{{\"a\":\"\\\"{}\\\"\"}}", "x".repeat(2 << 20));
    let deep = format!("{{\"a\":\"{}{}\"}}", "[".repeat(120), "]".repeat(120));
    for framework in FRAMEWORKS {
        for is_tower in [false, true] {
            for stored in [
                "x",
                "{}x",
                "[]",
                r#"{"user":"ada"}"#,
                r#"{"user":1}"#,
                r#"{"gsession.login":"{}"}"#,
                r#"{"user":"\"ada\"","bad":"{"}"#,
                "\u{93}",
                &huge,
                &deep,
            ] {
                redis.flush();
                let (actix, tower) =
                    (ActixPeer::redis(Content::Private, &redis.url()), TowerPeer::new(TowerPlace::Redis(redis.url())));
                let import = if is_tower {
                    of_tower(&tower)
                } else {
                    let store = ActixSessionRedis::open(&redis.url()).unwrap();
                    Import::new(PeerCookie::actix_session(&actix.key).secure(false), store)
                };
                let serve = |place: &Place| if is_tower { tower.serve(place) } else { actix.serve(place) };
                let after = After::of(serve, &Ours::new(MemoryStorage::new(), import), framework);
                let key = redis.keys("*").remove(0);
                redis.command(&[b"SET".as_slice(), &key, stored.as_bytes(), b"EX", b"1000"]);
                assert_is_a_visitor(&after);
                redis.command(&[b"DEL".as_slice(), &key]);
                redis.command(&[b"RPUSH".as_slice(), &key, b"x"]);
                assert_is_a_visitor(&after);
            }
        }
    }
}

#[test]
fn a_record_that_is_nested_deeply_is_not_taken_over() {
    let redis = RedisServer::start();
    for framework in FRAMEWORKS {
        for depth in [200, 1_000, 1_000_000] {
            redis.flush();
            let peer = TowerPeer::new(TowerPlace::Redis(redis.url()));
            let ours = Ours::new(MemoryStorage::new(), of_tower(&peer));
            let after = After::of(|place| peer.serve(place), &ours, framework);
            let key = redis.keys("*").remove(0);
            let Reply::Bytes(record) = redis.command(&[b"GET".as_slice(), &key]) else { panic!("a record") };
            let name = b"\xa6visits";
            let at = record.windows(name.len()).position(|window| window == name).unwrap() + name.len();
            let deep = [&record[..at], &vec![0x91; depth], &[0xc0], &record[at + 1..]].concat();
            redis.command(&[b"SET".as_slice(), &key, &deep, b"EX", b"1000"]);
            assert_is_a_visitor(&after);
        }
    }
}

/// Somebody who can write to the store puts one session under the key of another.
#[test]
fn the_record_of_another_session_is_not_taken_over() {
    let redis = RedisServer::start();
    let peer = TowerPeer::new(TowerPlace::Redis(redis.url()));
    let after =
        After::of(|place| peer.serve(place), &Ours::new(MemoryStorage::new(), of_tower(&peer)), Framework::Axum);
    let key = redis.keys("*").remove(0);
    let place = Place::new();
    let server = peer.serve(&place);
    let other = logged_in(&place);
    drop(server);
    redis.command(&[b"COPY".as_slice(), &key, other.cookie(PEER).as_bytes(), b"REPLACE"]);
    let wrong = After { client: Client::with(after.place.address(), PEER, other.cookie(PEER)), ..after };
    assert_is_a_visitor(&wrong);
}

#[test]
fn a_row_that_cannot_be_read_is_not_taken_over() {
    let (postgres, folder) = (PostgresServer::start(), tempfile::tempdir().unwrap());
    let sqlite = format!("sqlite://{}?mode=rwc", folder.path().join("sessions.db").display());
    for (place, texts) in [
        (
            TowerPlace::Sqlite(sqlite),
            ["UPDATE tower_sessions SET data = x'93'", "UPDATE tower_sessions SET data = zeroblob(2000000)"],
        ),
        (
            TowerPlace::Postgres(postgres.url()),
            [
                "UPDATE tower_sessions.session SET data = '\\x93'",
                "UPDATE tower_sessions.session SET data = convert_to(repeat('x', 2000000), 'UTF8')",
            ],
        ),
    ] {
        for text in texts {
            let peer = TowerPeer::new(place.clone());
            let ours = Ours::new(MemoryStorage::new(), of_tower(&peer));
            let after = After::of(|place| peer.serve(place), &ours, Framework::Axum);
            execute(&peer.place, text);
            assert_is_a_visitor(&after);
        }
    }
}

/// Texts that cannot be ids of tower-sessions never reach its store.
#[test]
fn what_cannot_be_an_id_is_not_looked_up() {
    let redis = RedisServer::start();
    let peer = TowerPeer::new(TowerPlace::Redis(redis.url()));
    let place = Place::new();
    let _server = Ours::new(MemoryStorage::new(), of_tower(&peer)).serve(Framework::Axum, &place);
    drop(redis);
    for text in ["", "x", "AAAAAAAAAAAAAAAAAAAAAB", "AAAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAA+A", "*"] {
        assert_eq!(Client::with(place.address(), PEER, text).text("/whoami"), "nobody", "{text}");
    }
    let could_be_one = Client::with(place.address(), PEER, "AAAAAAAAAAAAAAAAAAAAAA");
    assert_eq!(could_be_one.ask("/whoami").status, 503);
}

/// The key of a cookie leads to something else than a session. A logout does not remove that.
#[test]
fn a_logout_removes_nothing_but_sessions() {
    let redis = RedisServer::start();
    for framework in FRAMEWORKS {
        redis.flush();
        let peer = ActixPeer::redis(Content::Private, &redis.url());
        let ours = Ours::new(MemoryStorage::new(), of_redis(&peer, &redis.url()));
        let mut after = After::of(|place| peer.serve(place), &ours, framework);
        let key = redis.keys("*").remove(0);
        redis.command(&[b"SET".as_slice(), &key, b"somebody else's"]);
        for _ in 0..2 {
            assert_eq!(after.client.clone().text("/logout"), "ok");
            assert_eq!(redis.keys("*"), std::slice::from_ref(&key));
        }
        assert_eq!(after.client.text("/whoami"), "nobody");
    }
}

#[test]
fn what_the_application_does_not_want_is_not_taken_over() {
    for framework in FRAMEWORKS {
        let peer = ActixPeer::cookies(Content::Private);
        let import = of_cookies(&peer).convert(|_| None);
        let after = After::of(|place| peer.serve(place), &Ours::new(MemoryStorage::new(), import), framework);
        assert_is_a_visitor(&after);
    }
}

/// Has every session, for another day. Counts how often one was removed.
#[derive(Clone, Default)]
struct Immortal(Arc<AtomicUsize>);

impl PeerStore for Immortal {
    fn load<'a>(&'a self, _: &'a PeerValue, now: Timestamp) -> StorageFuture<'a, PeerLookup> {
        let values = [("user".to_owned(), "ada".into())].into_iter().collect();
        Box::pin(async move { Ok(PeerLookup::Found(PeerSession::new(values, Some(now + DAY)))) })
    }

    fn remove<'a>(&'a self, _: &'a PeerValue) -> StorageFuture<'a, ()> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Ok(()) })
    }
}

/// An instance with the other library writes the session back again and again, and makes it live longer.
#[test]
fn what_is_written_back_is_not_taken_over_again() {
    for framework in FRAMEWORKS {
        let (place, store, clock) = (Place::new(), Immortal::default(), ManualClock::new(SystemClock.now()));
        let import = Import::new(PeerCookie::new(PEER).secure(false), store.clone());
        let _server = Ours::new(MemoryStorage::new(), import).clock(clock.clone()).serve(framework, &place);
        let mut client = Client::with(place.address(), PEER, "x");
        assert_eq!((client.text("/whoami").as_str(), store.0.load(Ordering::SeqCst)), ("ada", 1));
        for removed in 2..10 {
            clock.advance(40 * DAY);
            assert_eq!(Client::with(place.address(), PEER, "x").text("/whoami"), "nobody");
            assert_eq!(store.0.load(Ordering::SeqCst), removed, "it is removed where it has come back");
        }
    }
}

//! The server changes from another library to gsession, and the browser stays logged in.

use gsession::{
    MemoryStorage,
    http::import::{ActixSessionCookie, Import, PeerCookie},
};
use gsession_imports::{
    client::Client,
    ours::{COOKIE, FRAMEWORKS, Framework, Ours},
    peers::{ActixPeer, Content, Protection, TowerPeer, TowerPlace, Version},
    place::{Place, Server},
};
use gsession_test_servers::{PostgresServer, RedisServer};

use crate::scene::{DATA, PEER, logged_in, of_cookies, of_redis, of_tower, rows, tomorrow};

/// The same browser, before and after the change.
fn stays_logged_in(framework: Framework, import: &Import, serve: impl Fn(&Place) -> Server) {
    let place = Place::new();
    let peer = serve(&place);
    let mut client = logged_in(&place);
    drop(peer);
    let _server = Ours::new(MemoryStorage::new(), import.clone()).serve(framework, &place);
    assert_eq!(client.text("/untouched"), "ok");
    assert!(client.cookies.contains_key(PEER), "a page that does not use the session takes nothing over");

    let reply = client.get("/data");
    assert_eq!((reply.status, reply.text().as_str()), (200, DATA), "{framework:?}");
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(client.cookies.keys().collect::<Vec<_>>(), [COOKIE], "the new cookie takes the place of the old one");
    let id = client.cookie(COOKIE).to_owned();
    for page in ["/whoami", "/principal"] {
        assert_eq!(client.text(page), "ada");
    }
    assert_eq!(client.text("/visit"), "4");
    assert_eq!(client.cookie(COOKIE), id, "it is a session like any other from now on");

    assert_eq!(client.text("/logout"), "ok");
    assert!(client.cookies.is_empty());
    for page in ["/whoami", "/principal"] {
        assert_eq!(client.text(page), "nobody");
    }
}

#[test]
fn a_session_in_a_cookie_of_actix_session_goes_on() {
    for framework in FRAMEWORKS {
        let peer = ActixPeer::cookies(Content::Private);
        stays_logged_in(framework, &of_cookies(&peer), |place| peer.serve(place));
    }
}

#[test]
fn a_session_of_actix_session_in_redis_goes_on() {
    let redis = RedisServer::start();
    for content in [Content::Private, Content::Signed] {
        for framework in FRAMEWORKS {
            let peer = ActixPeer::redis(content, &redis.url());
            stays_logged_in(framework, &of_redis(&peer, &redis.url()), |place| peer.serve(place));
            assert!(redis.keys("*").is_empty(), "it is removed where it comes from");
        }
    }
}

#[test]
fn a_session_of_tower_sessions_in_redis_goes_on() {
    let redis = RedisServer::start();
    let keys = [vec![1; 64], vec![2; 64]];
    for protection in [Protection::Plain, Protection::Signed(keys[0].clone()), Protection::Private(keys[1].clone())] {
        for framework in FRAMEWORKS {
            let peer = TowerPeer { protection: protection.clone(), ..TowerPeer::new(TowerPlace::Redis(redis.url())) };
            stays_logged_in(framework, &of_tower(&peer), |place| peer.serve(place));
            assert!(redis.keys("*").is_empty(), "it is removed where it comes from");
        }
    }
}

#[test]
fn a_session_of_tower_sessions_in_sqlite_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}?mode=rwc", folder.path().join("sessions.db").display());
    for version in [Version::V014, Version::V015] {
        for framework in FRAMEWORKS {
            let peer = TowerPeer { version, ..TowerPeer::new(TowerPlace::Sqlite(url.clone())) };
            stays_logged_in(framework, &of_tower(&peer), |place| peer.serve(place));
            assert_eq!(rows(&url, "tower_sessions"), 0, "it is removed where it comes from");
        }
    }
}

#[test]
fn a_session_of_tower_sessions_in_postgres_goes_on() {
    let server = PostgresServer::start();
    for version in [Version::V014, Version::V015] {
        for framework in FRAMEWORKS {
            let peer = TowerPeer { version, ..TowerPeer::new(TowerPlace::Postgres(server.url())) };
            stays_logged_in(framework, &of_tower(&peer), |place| peer.serve(place));
            assert_eq!(rows(&server.url(), "tower_sessions.session"), 0, "it is removed where it comes from");
        }
    }
}

#[test]
fn without_a_function_all_values_stay_and_nobody_is_logged_in() {
    for framework in FRAMEWORKS {
        let (place, peer) = (Place::new(), ActixPeer::cookies(Content::Private));
        let server = peer.serve(&place);
        let mut client = logged_in(&place);
        drop(server);
        let import = Import::new(PeerCookie::actix_session(&peer.key), ActixSessionCookie).until(tomorrow());
        let _server = Ours::new(MemoryStorage::new(), import).serve(framework, &place);
        assert_eq!((client.text("/data").as_str(), client.text("/principal").as_str()), (DATA, "nobody"));
    }
}

#[test]
fn a_request_that_only_writes_or_logs_in_takes_over_too() {
    for framework in FRAMEWORKS {
        for page in ["/blind", "/visit", "/login", "/fail"] {
            let (place, peer) = (Place::new(), ActixPeer::cookies(Content::Private));
            let server = peer.serve(&place);
            let mut client = logged_in(&place);
            drop(server);
            let _server = Ours::new(MemoryStorage::new(), of_cookies(&peer)).serve(framework, &place);
            let reply = client.get(page);
            assert_eq!(reply.status, if page == "/fail" { 500 } else { 200 }, "{page}: {}", reply.text());
            assert_eq!(client.cookies.keys().collect::<Vec<_>>(), [COOKIE], "{framework:?}, {page}");
            assert_eq!(client.text("/whoami"), "ada");
            assert_eq!(client.text("/principal"), if page == "/login" { "bob" } else { "ada" });
        }
    }
}

#[test]
fn a_cookie_of_the_same_name_is_replaced() {
    for framework in FRAMEWORKS {
        let (place, peer) = (Place::new(), ActixPeer::cookies(Content::Private));
        let server = peer.serve(&place);
        let mut client = logged_in(&place);
        let before = client.cookie(PEER).to_owned();
        drop(server);
        let ours = Ours::new(MemoryStorage::new(), of_cookies(&peer)).cookie_name(PEER);
        let _server = ours.serve(framework, &place);
        let reply = client.get("/whoami");
        assert_eq!((reply.text().as_str(), reply.all("set-cookie").count()), ("ada", 1), "{framework:?}");
        assert_ne!(client.cookie(PEER), before);
        assert_eq!(client.text("/whoami"), "ada");
        assert_eq!(client.text("/logout"), "ok");
        assert!(client.cookies.is_empty());
        let mut thief = Client::with(place.address(), PEER, &before);
        assert_eq!(thief.text("/whoami"), "nobody");
    }
}

//! What a thief, a forger or an old cookie gets: nothing.

use std::sync::{Arc, Mutex};

use gsession::{
    Clock as _, Limits, ManualClock, MemoryStorage, Observer, SystemClock,
    http::import::{Import, PeerCookie},
    observe::{RefusalReason, Refused},
};
use gsession_imports::{
    client::Client,
    ours::{COOKIE, FRAMEWORKS, Framework, Ours},
    peers::{ActixPeer, Content, TowerPeer, TowerPlace},
    place::Place,
};
use gsession_test_servers::{PostgresServer, RedisServer};
use gsession_tests::http::{exchange, request};

use crate::scene::{After, DAY, PEER, logged_in, of_cookies, of_redis, of_tower, rows};

/// Notes why something was refused.
#[derive(Default)]
struct Refusals(Mutex<Vec<RefusalReason>>);

impl Observer for Refusals {
    fn refused(&self, event: &Refused) {
        self.0.lock().unwrap().push(event.reason);
    }
}

/// A browser that this text as the other library's cookie makes nobody, and that keeps the cookie.
fn assert_opens_nothing(place: &Place, name: &str, value: &str) {
    let mut client = Client::with(place.address(), name, value);
    for page in ["/whoami", "/principal"] {
        let reply = client.get(page);
        assert_eq!((reply.status, reply.text().as_str()), (200, "nobody"), "{name}={value}");
        assert_eq!(reply.all("set-cookie").count(), 0, "{name}={value}");
    }
}

/// A browser that this genuine cookie of the other library makes nobody, and that forgets it, so that it is not looked up each time.
fn assert_is_forgotten(place: &Place, value: &str) {
    for page in ["/whoami", "/logout"] {
        let mut client = Client::with(place.address(), PEER, value);
        assert!(["nobody", "ok"].contains(&client.text(page).as_str()));
        assert!(client.cookies.is_empty(), "{page}");
    }
}

#[test]
fn a_forged_cookie_is_no_cookie() {
    for framework in FRAMEWORKS {
        let (place, peer) = (Place::new(), ActixPeer::cookies(Content::Private));
        let server = peer.serve(&place);
        let real = logged_in(&place).cookie(PEER).to_owned();
        drop(server);
        let refusals = Arc::new(Refusals::default());
        let ours = Ours::new(MemoryStorage::new(), of_cookies(&peer)).observer(Arc::clone(&refusals) as _);
        let _server = ours.serve(framework, &place);
        let plain = r#"{"user":"\"ada\""}"#.replace('"', "%22");
        let changed = format!("{}{}", if real.starts_with('A') { "B" } else { "A" }, &real[1..]);
        for forged in ["", "x", &plain, &changed, &real[..real.len() - 8], "%", "%ff", "\"\""] {
            assert_opens_nothing(&place, PEER, forged);
        }
        let told = std::mem::take(&mut *refusals.0.lock().unwrap());
        assert_eq!(told, vec![RefusalReason::NotTakenOver; 16], "each of two requests with each of them");
        for name in ["ID", "id2", "i%64", "xid"] {
            assert_opens_nothing(&place, name, &real);
        }
        assert!(refusals.0.lock().unwrap().is_empty(), "a cookie of another name is none of this");
        let mut client = Client::with(place.address(), PEER, &real);
        assert_eq!(client.text("/whoami"), "ada", "the real one");
    }
}

#[test]
fn a_cookie_under_another_key_is_no_cookie() {
    for framework in FRAMEWORKS {
        let (place, peer) = (Place::new(), ActixPeer::cookies(Content::Private));
        let server = peer.serve(&place);
        let real = logged_in(&place).cookie(PEER).to_owned();
        drop(server);
        let other = ActixPeer::cookies(Content::Private);
        let _server = Ours::new(MemoryStorage::new(), of_cookies(&other)).serve(framework, &place);
        assert_opens_nothing(&place, PEER, &real);
    }
}

#[test]
fn forged_neighbours_hide_no_real_cookie() {
    let (place, peer) = (Place::new(), ActixPeer::cookies(Content::Private));
    let server = peer.serve(&place);
    let real = logged_in(&place).cookie(PEER).to_owned();
    drop(server);
    let _server = Ours::new(MemoryStorage::new(), of_cookies(&peer)).serve(Framework::Axum, &place);
    // As many as browsers may send, such as those of other paths.
    let forged: String = (0..15).map(|number| format!("; {PEER}=forged{number}")).collect();
    let mut client = Client::with(place.address(), "a", &format!("1{forged}; {PEER}={real}"));
    assert_eq!(client.text("/whoami"), "ada");
}

/// A thief has a copy of the other library's cookie. Its owner goes on, and logs out.
fn nothing_comes_back(after: After, before: &Client, clock: &ManualClock) {
    let After { client: mut owner, place, server } = after;
    let thief = |page: &str| {
        let mut thief = Client::with(place.address(), PEER, before.cookie(PEER));
        let text = thief.text(page);
        assert!(!thief.cookies.contains_key(PEER) || text == "nobody");
        (text, thief)
    };
    assert_eq!(owner.text("/whoami"), "ada");
    clock.advance(std::time::Duration::from_secs(61));
    // The owner is logged in, and the old cookie opens nothing any more.
    let (text, left) = thief("/whoami");
    assert_eq!((text.as_str(), left.cookies.len()), ("nobody", 0));
    assert_eq!(thief("/blind").0, "ok");
    assert_eq!(thief("/logout").0, "ok");
    assert_eq!(owner.text("/whoami"), "ada", "nor does it log anybody out");
    assert_eq!(owner.text("/logout"), "ok");
    for wait in [0, 1, 61, 3_600, 24 * 3_600 - 100] {
        clock.advance(std::time::Duration::from_secs(wait));
        for page in ["/whoami", "/principal"] {
            assert_eq!(thief(page).0, "nobody", "after {wait} seconds");
        }
    }
    drop(server);
}

#[test]
fn a_copy_of_a_cookie_that_was_taken_over_is_reported() {
    for framework in FRAMEWORKS {
        let peer = ActixPeer::cookies(Content::Private);
        let (refusals, clock) = (Arc::new(Refusals::default()), ManualClock::new(SystemClock.now()));
        let ours = Ours::new(MemoryStorage::new(), of_cookies(&peer)).clock(clock.clone());
        let ours = ours.observer(Arc::clone(&refusals) as _);
        let mut after = After::of(|place| peer.serve(place), &ours, framework);
        let mut thief = after.client.clone();
        assert_eq!(after.client.text("/whoami"), "ada");
        clock.advance(std::time::Duration::from_secs(61));
        assert!(refusals.0.lock().unwrap().is_empty());
        assert_eq!(thief.text("/whoami"), "nobody");
        assert_eq!(*refusals.0.lock().unwrap(), [RefusalReason::NotTakenOver]);
    }
}

#[test]
fn what_has_ended_here_is_not_taken_over_again() {
    let (redis, postgres) = (RedisServer::start(), PostgresServer::start());
    for framework in FRAMEWORKS {
        let cookies = ActixPeer::cookies(Content::Private);
        let in_redis = ActixPeer::redis(Content::Private, &redis.url());
        let tower = TowerPeer::new(TowerPlace::Postgres(postgres.url()));
        let clock = || ManualClock::new(SystemClock.now());
        let ours = |import, clock: &ManualClock| Ours::new(MemoryStorage::new(), import).clock(clock.clone());
        let now = clock();
        let after = After::of(|place| cookies.serve(place), &ours(of_cookies(&cookies), &now), framework);
        let before = after.client.clone();
        nothing_comes_back(after, &before, &now);
        let now = clock();
        let after = After::of(|place| in_redis.serve(place), &ours(of_redis(&in_redis, &redis.url()), &now), framework);
        let before = after.client.clone();
        nothing_comes_back(after, &before, &now);
        let now = clock();
        let after = After::of(|place| tower.serve(place), &ours(of_tower(&tower), &now), framework);
        let before = after.client.clone();
        nothing_comes_back(after, &before, &now);
    }
}

/// A thief who comes at once goes on with the session, as with a stolen cookie in the other library. The logout ends that, too.
#[test]
fn a_logout_ends_what_a_thief_has_joined() {
    for framework in FRAMEWORKS {
        let mut after = After::cookies(framework);
        let mut thief = after.client.clone();
        assert_eq!((after.client.text("/whoami"), thief.text("/whoami")), ("ada".to_owned(), "ada".to_owned()));
        assert_eq!(after.client.text("/logout"), "ok");
        assert_eq!(thief.text("/whoami"), "nobody");
        assert_eq!(thief.text("/principal"), "nobody");
    }
}

#[test]
fn a_logout_that_reads_nothing_ends_the_session_where_it_comes_from() {
    let (redis, postgres) = (RedisServer::start(), PostgresServer::start());
    for framework in FRAMEWORKS {
        let cookies = ActixPeer::cookies(Content::Private);
        let in_redis = ActixPeer::redis(Content::Private, &redis.url());
        let tower = TowerPeer::new(TowerPlace::Postgres(postgres.url()));
        let scenes = [
            After::of(|place| cookies.serve(place), &Ours::new(MemoryStorage::new(), of_cookies(&cookies)), framework),
            After::of(
                |place| in_redis.serve(place),
                &Ours::new(MemoryStorage::new(), of_redis(&in_redis, &redis.url())),
                framework,
            ),
            After::of(|place| tower.serve(place), &Ours::new(MemoryStorage::new(), of_tower(&tower)), framework),
        ];
        for mut after in scenes {
            let before = after.client.clone();
            assert_eq!(after.client.text("/logout"), "ok");
            assert!(after.client.cookies.is_empty(), "{framework:?}: {:?}", after.client.cookies);
            assert_eq!(after.with_old_cookie(&before).text("/whoami"), "nobody");
        }
        assert!(redis.keys("*").is_empty());
        assert_eq!(rows(&postgres.url(), "tower_sessions.session"), 0);
    }
}

/// The browser has a session of gsession, and a cookie of the other library that nobody has looked at.
#[test]
fn a_logout_ends_the_other_library_s_session_too() {
    let redis = RedisServer::start();
    for framework in FRAMEWORKS {
        let peer = ActixPeer::redis(Content::Private, &redis.url());
        let ours = Ours::new(MemoryStorage::new(), of_redis(&peer, &redis.url()));
        let after = After::of(|place| peer.serve(place), &ours, framework);
        let mut client = Client::new(after.place.address());
        assert_eq!(client.text("/login"), "ok");
        client.cookies.insert(PEER.to_owned(), after.client.cookie(PEER).to_owned());
        assert_eq!(client.text("/principal"), "bob", "a living session comes first");
        assert_eq!(client.text("/whoami"), "nobody");
        assert_eq!(redis.keys("*").len(), 1, "and nothing is taken over");
        assert_eq!(client.text("/logout"), "ok");
        assert!(client.cookies.is_empty());
        assert!(redis.keys("*").is_empty());
        assert_eq!(after.with_old_cookie(&after.client).text("/whoami"), "nobody");
    }
}

/// The page reads first, so it has taken one of the cookies over, or has refused it.
#[test]
fn a_logout_that_reads_first_ends_all_that_the_browser_presents() {
    let redis = RedisServer::start();
    for framework in FRAMEWORKS {
        let peer = ActixPeer::redis(Content::Private, &redis.url());
        let place = Place::new();
        let server = peer.serve(&place);
        let (mut one, other) = (logged_in(&place), logged_in(&place));
        drop(server);
        let _server = Ours::new(MemoryStorage::new(), of_redis(&peer, &redis.url())).serve(framework, &place);
        let two = format!("{}; {PEER}={}", one.cookie(PEER), other.cookie(PEER));
        assert_eq!(Client::with(place.address(), PEER, &two).text("/leave"), "ada");
        assert!(redis.keys("*").is_empty(), "both have ended there");
        for old in [&mut one, &mut other.clone()] {
            assert_eq!(old.text("/whoami"), "nobody");
        }
    }
    for framework in FRAMEWORKS {
        let peer = ActixPeer::redis(Content::Private, &redis.url());
        let refusing = of_redis(&peer, &redis.url()).convert(|_| None);
        let after = After::of(|place| peer.serve(place), &Ours::new(MemoryStorage::new(), refusing), framework);
        assert_eq!(after.client.clone().text("/leave"), "nobody");
        assert!(redis.keys("*").is_empty());
    }
}

#[test]
fn what_has_ended_in_the_other_library_is_not_taken_over() {
    let (redis, postgres) = (RedisServer::start(), PostgresServer::start());
    let folder = tempfile::tempdir().unwrap();
    let sqlite = format!("sqlite://{}?mode=rwc", folder.path().join("sessions.db").display());
    let in_redis = ActixPeer::redis(Content::Private, &redis.url());
    let tower = [TowerPlace::Redis(redis.url()), TowerPlace::Postgres(postgres.url()), TowerPlace::Sqlite(sqlite)];
    for framework in FRAMEWORKS {
        for logs_out in [true, false] {
            let check = |import: Import, is_sealed: bool, serve: &dyn Fn(&Place) -> gsession_imports::place::Server| {
                let place = Place::new();
                let server = serve(&place);
                let mut client = logged_in(&place);
                let before = client.clone();
                if logs_out {
                    assert_eq!(client.text("/logout"), "ok");
                }
                drop(server);
                // It lives for a day there.
                let clock = ManualClock::new(SystemClock.now() + if logs_out { DAY / 2 } else { DAY });
                let _server = Ours::new(MemoryStorage::new(), import).clock(clock).serve(framework, &place);
                if is_sealed {
                    assert_is_forgotten(&place, before.cookie(PEER));
                } else {
                    // It may be the cookie of another service.
                    assert_opens_nothing(&place, PEER, before.cookie(PEER));
                }
            };
            for place in &tower {
                let peer = TowerPeer::new(place.clone());
                check(of_tower(&peer), false, &|place| peer.serve(place));
            }
            if logs_out {
                check(of_redis(&in_redis, &redis.url()), true, &|place| in_redis.serve(place));
            }
        }
    }
}

#[test]
fn a_row_that_was_made_to_expire_is_not_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = format!("sqlite://{}?mode=rwc", folder.path().join("sessions.db").display());
    let postgres = PostgresServer::start();
    for (place, text) in [
        (TowerPlace::Sqlite(sqlite.clone()), "UPDATE tower_sessions SET expiry_date = '2020-01-01T00:00:00Z'"),
        (TowerPlace::Sqlite(sqlite), "UPDATE tower_sessions SET expiry_date = 'never'"),
        (TowerPlace::Postgres(postgres.url()), "UPDATE tower_sessions.session SET expiry_date = '2020-01-01'"),
    ] {
        let peer = TowerPeer::new(place);
        let after =
            After::of(|place| peer.serve(place), &Ours::new(MemoryStorage::new(), of_tower(&peer)), Framework::Axum);
        crate::scene::execute(&peer.place, text);
        assert_opens_nothing(&after.place, PEER, after.client.cookie(PEER));
    }
}

#[test]
fn after_the_end_of_the_import_nothing_is_taken_over() {
    for framework in FRAMEWORKS {
        let peer = ActixPeer::cookies(Content::Private);
        let clock = ManualClock::new(SystemClock.now());
        let ours = Ours::new(MemoryStorage::new(), of_cookies(&peer)).clock(clock.clone());
        let after = After::of(|place| peer.serve(place), &ours, framework);
        clock.advance(DAY + DAY);
        assert_is_forgotten(&after.place, after.client.cookie(PEER));
    }
}

/// The other library's session would have lived for a day. A session that is used all the time lives no longer here.
#[test]
fn nothing_lives_longer_than_in_the_other_library() {
    let redis = RedisServer::start();
    for framework in FRAMEWORKS {
        let peer = TowerPeer::new(TowerPlace::Redis(redis.url()));
        let clock = ManualClock::new(SystemClock.now());
        let ours = Ours::new(MemoryStorage::new(), of_tower(&peer)).clock(clock.clone());
        let mut after = After::of(|place| peer.serve(place), &ours, framework);
        for _ in 0..47 {
            assert_eq!(after.client.text("/whoami"), "ada");
            clock.advance(DAY / 48);
        }
        assert_eq!(after.client.text("/whoami"), "ada");
        // The clock was set a little before she logged in.
        clock.advance(DAY / 24);
        assert_eq!(after.client.text("/whoami"), "nobody");
    }
}

/// After a login, the session is like any other.
#[test]
fn a_login_begins_a_life_of_its_own() {
    let redis = RedisServer::start();
    for framework in FRAMEWORKS {
        for reads_first in [false, true] {
            let peer = TowerPeer::new(TowerPlace::Redis(redis.url()));
            let clock = ManualClock::new(SystemClock.now());
            let ours = Ours::new(MemoryStorage::new(), of_tower(&peer)).clock(clock.clone());
            let mut after = After::of(|place| peer.serve(place), &ours, framework);
            if reads_first {
                assert_eq!(after.client.text("/whoami"), "ada");
            }
            assert_eq!(after.client.text("/login"), "ok");
            // The other library's session would have lived for a day.
            for _ in 0..10 {
                assert_eq!(after.client.text("/principal"), "bob");
                clock.advance(DAY / 2);
            }
            clock.advance(DAY);
            assert_eq!(after.client.text("/principal"), "nobody", "when it is not used any more");
        }
    }
}

/// A successor is created for two minutes. It lives as long as any other session once it is the one.
#[test]
fn a_session_that_was_taken_over_lives_as_long_as_any_other() {
    for framework in FRAMEWORKS {
        let peer = ActixPeer::cookies(Content::Private);
        let clock = ManualClock::new(SystemClock.now());
        let ours = Ours::new(MemoryStorage::new(), of_cookies(&peer)).clock(clock.clone());
        let mut after = After::of(|place| peer.serve(place), &ours, framework);
        assert_eq!(after.client.text("/whoami"), "ada");
        clock.advance(DAY - std::time::Duration::from_secs(60));
        assert_eq!(after.client.text("/whoami"), "ada");
    }
}

/// Scripts cannot read the other library's cookie, and so not what takes its place.
#[test]
fn the_new_id_goes_into_a_cookie_alone() {
    const HEADER: &str = "x-session";
    for framework in FRAMEWORKS {
        for dead_id in [None, Some("A".repeat(43))] {
            let peer = ActixPeer::cookies(Content::Private);
            let ours = Ours::new(MemoryStorage::new(), of_cookies(&peer)).header_name(HEADER);
            let after = After::of(|place| peer.serve(place), &ours, framework);
            let cookie = format!("{PEER}={}", after.client.cookie(PEER));
            let mut headers = vec![("Cookie", cookie.as_bytes()), ("Connection", b"close")];
            headers.extend(dead_id.as_ref().map(|id| (HEADER, id.as_bytes())));
            let address = after.place.address().to_string();
            let reply = exchange(&address, &request("GET", "/whoami", &headers, b"")).unwrap();
            assert_eq!((reply.text().as_str(), reply.header(HEADER)), ("ada", None), "{framework:?}, {dead_id:?}");
            assert!(reply.all("set-cookie").any(|line| line.starts_with(&format!("{COOKIE}="))));
        }
    }
}

#[test]
fn limits_hold() {
    let redis = RedisServer::start();
    for framework in FRAMEWORKS {
        let peer = ActixPeer::redis(Content::Private, &redis.url());
        let place = Place::new();
        let server = peer.serve(&place);
        let mut client = Client::new(place.address());
        assert_eq!(client.text("/large"), "ok");
        drop(server);
        let cookie = PeerCookie::actix_session(&peer.key);
        let store = || gsession::http::import::ActixSessionRedis::open(&redis.url()).unwrap();
        let refusals = Arc::new(Refusals::default());
        let ours = Ours::new(MemoryStorage::new(), Import::new(cookie.clone(), store()));
        let ours = ours.observer(Arc::clone(&refusals) as _);
        {
            let few = ours.clone().limits(Limits::default().max_entries(1_999));
            let _server = few.serve(framework, &place);
            assert_opens_nothing(&place, PEER, client.cookie(PEER));
            assert_eq!(*refusals.0.lock().unwrap(), [RefusalReason::NotTakenOver; 2]);
        }
        let _server = ours.limits(Limits::default().max_entries(2_000)).serve(framework, &place);
        assert_eq!(client.text("/data").matches(':').count(), 2_000);
        assert!(client.cookies.contains_key(COOKIE));
    }
}

//! However requests overlap, there is one session.

use std::{
    collections::BTreeSet,
    sync::{Arc, Barrier},
    thread,
};

use gsession::{AnyStorage, AsyncManager, Clock as _, IntoStorage as _, ManualClock, MemoryStorage, SystemClock};
use gsession_imports::{
    client::Client,
    ours::{COOKIE, FRAMEWORKS, Framework, Ours},
    peers::{ActixPeer, Content, TowerPeer, TowerPlace},
};
use gsession_test_servers::{PostgresServer, RedisServer};

use crate::{
    pausing_storage::{Op, PausingStorage},
    scene::{After, DAY, RUNTIME, of_cookies, of_redis, of_tower},
};

const TABS: u64 = 20;

fn sessions(storage: &AnyStorage) -> u64 {
    RUNTIME.block_on(AsyncManager::new(storage.clone()).count()).unwrap()
}

/// All tabs of a browser ask at once for a page that counts up.
fn one_session(after: &After, storage: &AnyStorage) {
    let together = Arc::new(Barrier::new(TABS as usize));
    let tabs: Vec<_> = (0..TABS)
        .map(|_| {
            let (mut tab, together) = (after.client.clone(), Arc::clone(&together));
            thread::spawn(move || {
                together.wait();
                (tab.text("/visit").parse::<u64>().unwrap(), tab.cookie(COOKIE).to_owned())
            })
        })
        .collect();
    let (counts, ids): (BTreeSet<_>, BTreeSet<_>) = tabs.into_iter().map(|tab| tab.join().unwrap()).unzip();
    assert_eq!(counts, (4..4 + TABS).collect(), "nothing is lost");
    assert_eq!(ids.len(), 1, "and there is one id");
    assert_eq!(sessions(storage), 1);
}

#[test]
fn many_first_requests_at_once_give_one_session() {
    let (redis, postgres) = (RedisServer::start(), PostgresServer::start());
    let folder = tempfile::tempdir().unwrap();
    let sqlite = format!("sqlite://{}?mode=rwc", folder.path().join("sessions.db").display());
    for framework in FRAMEWORKS {
        let storage = || MemoryStorage::new().into_storage();
        let (cookies, in_redis) =
            (ActixPeer::cookies(Content::Private), ActixPeer::redis(Content::Private, &redis.url()));
        let ours = storage();
        one_session(
            &After::of(|place| cookies.serve(place), &Ours::new(ours.clone(), of_cookies(&cookies)), framework),
            &ours,
        );
        let ours = storage();
        let import = of_redis(&in_redis, &redis.url());
        one_session(&After::of(|place| in_redis.serve(place), &Ours::new(ours.clone(), import), framework), &ours);
        for place in
            [TowerPlace::Redis(redis.url()), TowerPlace::Postgres(postgres.url()), TowerPlace::Sqlite(sqlite.clone())]
        {
            let (ours, peer) = (storage(), TowerPeer::new(place));
            let after = After::of(|place| peer.serve(place), &Ours::new(ours.clone(), of_tower(&peer)), framework);
            one_session(&after, &ours);
        }
    }
}

/// The same over storages that wait.
#[test]
fn many_first_requests_at_once_give_one_session_in_every_storage() {
    let (redis, folder) = (RedisServer::start(), tempfile::tempdir().unwrap());
    let _inside = RUNTIME.enter();
    for (number, framework) in FRAMEWORKS.into_iter().enumerate() {
        let peer = ActixPeer::cookies(Content::Private);
        let prefix = format!("{number}:");
        let sqlite = folder.path().join(&prefix);
        for storage in [
            gsession::RedisStorage::builder(&redis.url()).key_prefix(&prefix).build().unwrap().into_storage(),
            gsession::RedisHashStorage::builder(&redis.url())
                .key_prefix(format!("h{prefix}"))
                .build()
                .unwrap()
                .into_storage(),
            gsession::FileStorage::open(folder.path().join(format!("f{prefix}"))).unwrap().into_storage(),
            gsession::SqliteStorage::builder(&sqlite).build().unwrap().into_storage(),
        ] {
            let after = After::of(|place| peer.serve(place), &Ours::new(storage.clone(), of_cookies(&peer)), framework);
            let mut client = after.client.clone();
            let before = client.clone();
            let together = Arc::new(Barrier::new(4));
            let tabs: Vec<_> = (0..4)
                .map(|_| {
                    let (mut tab, together) = (before.clone(), Arc::clone(&together));
                    thread::spawn(move || {
                        together.wait();
                        tab.text("/visit");
                        tab.cookie(COOKIE).to_owned()
                    })
                })
                .collect();
            let ids: BTreeSet<_> = tabs.into_iter().map(|tab| tab.join().unwrap()).collect();
            assert_eq!(ids.len(), 1);
            assert_eq!(client.text("/visit"), "8");
            assert_eq!(client.text("/logout"), "ok");
            assert_eq!(after.with_old_cookie(&before).text("/whoami"), "nobody");
        }
    }
}

/// A browser that a cookie of actix-session logs in, over a storage that stops where the test wants.
fn paused(framework: Framework) -> (After, PausingStorage, AnyStorage) {
    paused_at(framework, &ManualClock::new(SystemClock.now()))
}

/// The same at this time.
fn paused_at(framework: Framework, clock: &ManualClock) -> (After, PausingStorage, AnyStorage) {
    let peer = ActixPeer::cookies(Content::Private);
    let pausing = PausingStorage::new(Arc::new(MemoryStorage::new()));
    let storage = AnyStorage::blocking(pausing.clone());
    let ours = Ours::new(storage.clone(), of_cookies(&peer)).clock(clock.clone());
    let after = After::of(|place| peer.serve(place), &ours, framework);
    (after, pausing, storage)
}

/// Asks for a page on a thread of its own.
fn meanwhile(client: &Client, page: &'static str) -> thread::JoinHandle<(String, Client)> {
    let mut client = client.clone();
    thread::spawn(move || (client.text(page), client))
}

#[test]
fn the_second_request_goes_on_with_the_session_of_the_first() {
    for framework in FRAMEWORKS {
        let (mut after, pausing, storage) = paused(framework);
        let gate = pausing.after(Op::Create);
        let slow = meanwhile(&after.client, "/visit");
        gate.reached();
        assert_eq!(after.client.text("/visit"), "4");
        gate.open();
        let (text, slow) = slow.join().unwrap();
        assert_eq!((text.as_str(), slow.cookie(COOKIE)), ("5", after.client.cookie(COOKIE)));
        assert_eq!(sessions(&storage), 1);
    }
}

#[test]
fn a_request_that_comes_after_a_logout_is_nobodys() {
    for framework in FRAMEWORKS {
        let (mut after, pausing, storage) = paused(framework);
        let gate = pausing.after(Op::Create);
        let slow = meanwhile(&after.client, "/whoami");
        gate.reached();
        assert_eq!(after.client.text("/whoami"), "ada");
        assert_eq!(after.client.text("/logout"), "ok");
        gate.open();
        let (text, slow) = slow.join().unwrap();
        assert_eq!((text.as_str(), slow.cookies.get(COOKIE)), ("nobody", None));
        assert_eq!(sessions(&storage), 0);
    }
}

/// A logout that knows only the other library's cookie, while another tab takes the session over.
#[test]
fn a_logout_is_final_while_another_request_takes_over() {
    for framework in FRAMEWORKS {
        // The other tab has created the successor, and has not said so.
        let (mut after, pausing, storage) = paused(framework);
        let gate = pausing.after(Op::Create);
        let slow = meanwhile(&after.client, "/whoami");
        gate.reached();
        assert_eq!(after.client.text("/logout"), "ok");
        gate.open();
        assert_eq!(slow.join().unwrap().0, "nobody");
        assert_eq!(sessions(&storage), 0);

        // It has said so, and has not told its client.
        let (mut after, pausing, storage) = paused(framework);
        let gate = pausing.before(Op::Touch);
        let slow = meanwhile(&after.client, "/whoami");
        gate.reached();
        let before = after.client.clone();
        assert_eq!(after.client.text("/logout"), "ok");
        assert!(after.client.cookies.is_empty());
        gate.open();
        assert_eq!(slow.join().unwrap().0, "nobody");
        assert_eq!(sessions(&storage), 0);
        assert_eq!(after.with_old_cookie(&before).text("/whoami"), "nobody");
    }
}

/// The logout finds no note, and then no session any more: another request has taken it over in between.
#[test]
fn a_logout_finds_what_was_taken_over_meanwhile() {
    let redis = RedisServer::start();
    for framework in FRAMEWORKS {
        let peer = ActixPeer::redis(Content::Private, &redis.url());
        let pausing = PausingStorage::new(Arc::new(MemoryStorage::new()));
        let storage = AnyStorage::blocking(pausing.clone());
        let ours = Ours::new(storage.clone(), of_redis(&peer, &redis.url()));
        let mut after = After::of(|place| peer.serve(place), &ours, framework);
        let gate = pausing.after(Op::Load);
        let slow = meanwhile(&after.client, "/logout");
        gate.reached();
        assert_eq!(after.client.text("/whoami"), "ada");
        gate.open();
        assert_eq!(slow.join().unwrap().0, "ok");
        assert_eq!(sessions(&storage), 0);
        assert_eq!(after.client.text("/whoami"), "nobody");
    }
}

/// An old instance carries out a logout, while the session is being taken over from it.
#[test]
fn what_ends_in_the_other_library_meanwhile_stays_ended() {
    let redis = RedisServer::start();
    for framework in FRAMEWORKS {
        let peer = ActixPeer::redis(Content::Private, &redis.url());
        let pausing = PausingStorage::new(Arc::new(MemoryStorage::new()));
        let storage = AnyStorage::blocking(pausing.clone());
        let ours = Ours::new(storage.clone(), of_redis(&peer, &redis.url()));
        let mut after = After::of(|place| peer.serve(place), &ours, framework);
        let gate = pausing.after(Op::Create);
        let slow = meanwhile(&after.client, "/whoami");
        gate.reached();
        redis.flush();
        gate.open();
        let (text, slow) = slow.join().unwrap();
        assert_eq!((text.as_str(), slow.cookies.len()), ("nobody", 0));
        assert_eq!(sessions(&storage), 0);
        assert_eq!(after.client.text("/whoami"), "nobody");
    }
}

/// The server dies after each step, or loses the answer of its storage. The browser tries again.
#[test]
fn a_request_that_was_cut_off_can_be_repeated() {
    for framework in FRAMEWORKS {
        // The successor.
        let (mut after, pausing, _storage) = paused(framework);
        pausing.lose_answer(Op::Create);
        let reply = after.client.get("/whoami");
        assert_eq!((reply.status, reply.all("set-cookie").count()), (503, 0));
        assert_eq!(after.client.text("/whoami"), "ada");

        // The note.
        let (mut after, pausing, storage) = paused(framework);
        let gate = pausing.after(Op::Create);
        let slow = {
            let client = after.client.clone();
            thread::spawn(move || client.ask("/whoami").status)
        };
        gate.reached();
        pausing.lose_answer(Op::Create);
        gate.open();
        assert_eq!(slow.join().unwrap(), 503);
        assert_eq!(after.client.text("/whoami"), "ada");
        assert_eq!(sessions(&storage), 1);

        // What follows the note. The session lives as long as any other, all the same.
        let clock = ManualClock::new(SystemClock.now());
        let (mut after, pausing, storage) = paused_at(framework, &clock);
        pausing.fail(Op::Touch);
        assert_eq!(after.client.get("/whoami").status, 503);
        assert_eq!(after.client.text("/whoami"), "ada");
        assert_eq!(sessions(&storage), 1);
        clock.advance(DAY / 2);
        assert_eq!(after.client.text("/whoami"), "ada");

        // The answer is lost on its way to the browser.
        let (mut after, _, storage) = paused(framework);
        assert_eq!(after.client.ask("/whoami").text(), "ada");
        assert_eq!(after.client.text("/whoami"), "ada");
        assert_eq!(sessions(&storage), 1);
    }
}

//! The connection that reports the ends is cut, silent, or not allowed to.

use std::time::Duration;

use gsession::{RedisHashStorage, RedisStorage};
use gsession_test_servers::{Proxy, RedisServer};

use super::{AsyncManager, FORMS, INTERVAL, SOON, calls, ends, log_out, open, until, visitor, waiting, watching};

#[tokio::test]
async fn an_end_while_the_connection_is_cut_is_noticed_when_it_is_back() {
    for form in FORMS {
        let server = RedisServer::start();
        let proxy = Proxy::to(server.port());
        let (here, there) = (form.manager(&proxy.url()), form.manager(&server.url()));
        let (id, session) = visitor(&here).await;
        let ended = waiting(&server, &session).await;
        let (_, other) = visitor(&here).await;
        let lives = waiting(&server, &other).await;
        proxy.refuse(true);
        proxy.cut();
        log_out(&there, &id).await;
        assert!(!ended.is_finished(), "{form:?}: nobody here can know");
        proxy.refuse(false);
        ends(form, ended).await;
        assert!(!lives.is_finished(), "{form:?}: an outage ends no session");
    }
}

#[tokio::test]
async fn an_operator_may_kill_the_connection() {
    for form in FORMS {
        let server = RedisServer::start();
        let (here, there) = (form.manager(&server.url()), form.manager(&server.url()));
        let (id, session) = visitor(&here).await;
        let ended = waiting(&server, &session).await;
        let before = calls(&server, "exists");
        for id in watching(&server) {
            server.command(&["CLIENT", "KILL", "ID", &id]);
        }
        log_out(&there, &id).await;
        ends(form, ended).await;
        // And it works again.
        let (id, session) = visitor(&here).await;
        let ended = waiting(&server, &session).await;
        until("the keys are watched again", || calls(&server, "exists") > before).await;
        log_out(&there, &id).await;
        ends(form, ended).await;
    }
}

#[tokio::test]
async fn a_connection_that_dies_without_a_word_is_found_out() {
    for form in FORMS {
        let server = RedisServer::start();
        let proxy = Proxy::to(server.port());
        let (here, there) = (form.manager(&proxy.url()), form.manager(&server.url()));
        let (id, session) = visitor(&here).await;
        let ended = waiting(&server, &session).await;
        proxy.forget();
        log_out(&there, &id).await;
        ends(form, ended).await;
    }
}

#[tokio::test]
async fn a_server_that_lost_everything_ends_all_waits() {
    for form in FORMS {
        let mut server = RedisServer::start();
        let here = form.manager(&server.url());
        let (_, session) = visitor(&here).await;
        let ended = waiting(&server, &session).await;
        server.kill();
        server.start_again();
        ends(form, ended).await;
    }
}

#[tokio::test]
async fn a_server_that_freezes_for_a_while_ends_no_wait() {
    for form in FORMS {
        let server = RedisServer::start();
        let (here, there) = (form.manager(&server.url()), form.manager(&server.url()));
        let (id, session) = visitor(&here).await;
        let ended = waiting(&server, &session).await;
        server.freeze();
        // Long enough that the tests of the connection fail.
        tokio::time::sleep(2 * (SOON + INTERVAL)).await;
        assert!(!ended.is_finished(), "{form:?}: nobody can know");
        let before = calls_after_thaw(&server);
        until("its key is asked for again", || calls(&server, "exists") > before).await;
        assert!(!ended.is_finished(), "{form:?}: it lives");
        log_out(&there, &id).await;
        ends(form, ended).await;
    }
}

fn calls_after_thaw(server: &RedisServer) -> u64 {
    server.thaw();
    // What was asked while it was frozen may be among them.
    calls(server, "exists").saturating_sub(1)
}

/// The end comes after the first look, and before the server reports anything. Nobody looks by the clock here.
#[tokio::test]
async fn an_end_before_the_key_is_watched_is_noticed_as_soon_as_it_is() {
    let never = Duration::from_secs(60 * 60);
    let server = RedisServer::start();
    let url = server.url().replace("redis://", "redis://app:secret@");
    let strings = |url: &str| AsyncManager::new(RedisStorage::builder(url).watch_interval(never).build().unwrap());
    let hashes = |url: &str| AsyncManager::new(RedisHashStorage::builder(url).watch_interval(never).build().unwrap());
    for make in [&strings as &dyn Fn(&str) -> AsyncManager, &hashes] {
        server.command(&["ACL", "SETUSER", "app", "on", ">secret", "~*", "&*", "+@all", "-exists"]);
        let (here, there) = (make(&url), make(&server.url()));
        let (id, _) = visitor(&there).await;
        let looks = || calls(&server, "get") + calls(&server, "hmget");
        let before = looks();
        let ended = tokio::spawn(open(&here, &id).ended());
        // It is found, looked at, and looked at again when it turns out that nothing is reported.
        until("three looks", || looks() >= before + 3).await;
        log_out(&there, &id).await;
        assert!(!ended.is_finished(), "nobody has told");
        server.command(&["ACL", "SETUSER", "app", "+exists"]);
        ends("a late watch", ended).await;
    }
}

/// Everything else works, so those who wait look for themselves.
#[tokio::test]
async fn a_user_who_may_not_track_is_told_at_the_interval() {
    let server = RedisServer::start();
    server.command(&["ACL", "SETUSER", "app", "on", ">secret", "~*", "&*", "+@all", "-client|tracking"]);
    let url = server.url().replace("redis://", "redis://app:secret@");
    let storage = || RedisStorage::builder(&url).watch_interval(INTERVAL).build().unwrap();
    let (here, there) = (AsyncManager::new(storage()), AsyncManager::new(storage()));
    let (id, session) = visitor(&here).await;
    let ended = tokio::spawn(session.ended());
    tokio::time::sleep(INTERVAL).await;
    assert!(!ended.is_finished());
    assert!(watching(&server).is_empty());
    assert!(open(&there, &id).contains_key("a").await.unwrap());
    log_out(&there, &id).await;
    ends("no tracking", ended).await;
}

//! The middleware over the async face of the Redis storages: several workers, and a server that goes and comes back.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    thread,
    time::Duration,
};

use gsession::{AnyStorage, RedisHashStorage, RedisStorage, storage::redis::NearCache};
use gsession_test_servers::{RedisServer, wait};

use crate::{
    framework::{self, Ask, Running, Sessions},
    support::{
        app::{App, Failure, Reply},
        server::Protocol,
    },
};

const SOON: Duration = Duration::from_millis(300);

async fn login(ask: Ask) -> Result<Reply, Failure> {
    let session = ask.session();
    session.renew()?;
    session.set("user", "ada")?;
    Ok("ok".into())
}

async fn count(ask: Ask) -> Result<Reply, Failure> {
    let n = ask.session().update("n", |n: Option<u32>| n.unwrap_or(0) + 1).await?;
    Ok(n.to_string().into())
}

async fn user(ask: Ask) -> Result<Reply, Failure> {
    Ok(ask.session().get::<String>("user").await?.unwrap_or_default().into())
}

async fn set(ask: Ask) -> Result<Reply, Failure> {
    let session = ask.session();
    session.contains_key("user").await?;
    session.set(ask.tail(), &1)?;
    Ok("ok".into())
}

async fn size(ask: Ask) -> Result<Reply, Failure> {
    Ok(ask.session().len().await?.to_string().into())
}

async fn logout(ask: Ask) -> Result<Reply, Failure> {
    ask.session().destroy();
    Ok("ok".into())
}

/// A service with several workers.
fn serve(storage: AnyStorage) -> Running {
    let sessions = Sessions::builder(storage).cookie_secure(false).build().unwrap();
    let app = App::new().route("/login", login).route("/count", count).route("/user", user);
    let checked = sessions.clone();
    let ready = move |_: Ask| {
        let sessions = checked.clone();
        async move { Ok(Reply::status(if sessions.check().await.is_ok() { 200 } else { 503 })) }
    };
    let app = app.route("/ready", ready).route("/set/{key}", set).route("/size", size).route("/logout", logout);
    framework::serve(Protocol::Http1, 3, app.wrap(sessions))
}

/// Status, cookie, body.
fn get(address: SocketAddr, path: &str, cookie: Option<&str>) -> (u16, Option<String>, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let cookie = cookie.map(|cookie| format!("cookie: {cookie}\r\n")).unwrap_or_default();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{cookie}\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let cookie = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("set-cookie").then(|| value.split(';').next().unwrap_or_default().to_owned())
    });
    (status, cookie, body.to_owned())
}

fn storages(url: &str) -> Vec<AnyStorage> {
    let strings = || RedisStorage::builder(url).connect_timeout(SOON).response_timeout(SOON);
    let hashes = || RedisHashStorage::builder(url).connect_timeout(SOON).response_timeout(SOON);
    vec![
        AnyStorage::new(strings().build().unwrap()),
        AnyStorage::new(hashes().build().unwrap()),
        AnyStorage::new(strings().near_cache(NearCache::default()).build().unwrap()),
        AnyStorage::new(hashes().near_cache(NearCache::default()).build().unwrap()),
    ]
}

#[test]
fn overlapping_requests_on_several_workers_lose_nothing() {
    let server = RedisServer::start();
    for storage in storages(&server.url()) {
        let service = serve(storage);
        let address = service.addr;
        let (status, cookie, _) = get(address, "/login", None);
        assert_eq!(status, 200);
        let cookie = cookie.unwrap();
        thread::scope(|scope| {
            for number in 0..20 {
                let cookie = &cookie;
                scope.spawn(move || {
                    assert_eq!(get(address, &format!("/set/key{number}"), Some(cookie)).0, 200);
                    assert_eq!(get(address, "/count", Some(cookie)).0, 200);
                });
            }
        });
        assert_eq!(get(address, "/size", Some(&cookie)).2, "22");
        assert_eq!(get(address, "/count", Some(&cookie)).2, "21");
        // Logged out on one worker, so on all of them.
        assert_eq!(get(address, "/logout", Some(&cookie)).0, 200);
        for _ in 0..20 {
            assert_eq!(get(address, "/user", Some(&cookie)).2, "");
        }
    }
}

#[test]
fn an_outage_is_503_without_a_word_and_without_a_login_and_ends_by_itself() {
    let mut server = RedisServer::builder().set("appendonly", "yes").set("appendfsync", "always").start();
    for storage in storages(&server.url()) {
        let service = serve(storage);
        let address = service.addr;
        let cookie = get(address, "/login", None).1.unwrap();
        let other = get(address, "/login", None).1.unwrap();
        assert_eq!(get(address, "/user", Some(&cookie)).2, "ada");
        server.kill();
        for (path, cookie) in
            [("/user", &cookie), ("/count", &cookie), ("/set/x", &cookie), ("/login", &cookie), ("/logout", &other)]
        {
            let (status, sent, body) = get(address, path, Some(cookie));
            assert_eq!(status, 503, "{path}");
            assert!(sent.is_none() && !body.contains("127.0.0.1") && !body.contains("Redis"), "{path}: {body}");
        }
        assert_eq!(get(address, "/login", None).0, 503);
        server.start_again();
        wait::until("service again", || (get(address, "/user", Some(&cookie)).2 == "ada").then_some(()));
        // The logout was answered with an error, and is carried out now.
        wait::until("the logout", || get(address, "/user", Some(&other)).2.is_empty().then_some(()));
    }
}

#[test]
fn an_instance_is_ready_while_its_storage_works_and_again_after_an_outage() {
    let mut server = RedisServer::start();
    for storage in storages(&server.url()) {
        let service = serve(storage);
        let address = service.addr;
        // On each of the workers, most likely: a new connection goes to any of them.
        let answers = |count: u32| (0..count).map(|_| get(address, "/ready", None)).collect::<Vec<_>>();
        for (status, cookie, body) in answers(12) {
            assert_eq!((status, cookie, &*body), (200, None, ""));
        }
        assert_eq!(server.keys("*"), [[0_u8; 0]; 0], "a probe leaves nothing behind");
        server.kill();
        for (status, cookie, body) in answers(12) {
            assert_eq!((status, cookie, &*body), (503, None, ""));
        }
        server.start_again();
        wait::until("ready again", || answers(12).iter().all(|(status, ..)| *status == 200).then_some(()));
        // Alive, but it does not answer.
        server.freeze();
        assert_eq!(get(address, "/ready", None).0, 503);
        server.thaw();
        wait::until("ready once more", || answers(12).iter().all(|(status, ..)| *status == 200).then_some(()));
    }
}

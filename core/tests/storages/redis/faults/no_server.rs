//! What is asked is no Redis server.

use super::*;

#[test]
fn malformed_urls_are_refused_when_the_storage_is_built() {
    for url in [
        "",
        " ",
        "127.0.0.1",
        "127.0.0.1:6379",
        "//127.0.0.1",
        "http://127.0.0.1:6379",
        "redis:",
        "redis://",
        "redis://:6379",
        "redis://[::1",
        "redis://127.0.0.1:port",
        "redis://127.0.0.1:99999",
        "redis://127.0.0.1/zero",
        "redis://127.0.0.1/99999999999999999999999",
        "redis://127.0.0.1/-1",
        "redis://user:pa%ZZss@",
        "unix://",
        "redis://127.0.0.1:6379/0?protocol=resp9",
        "\0",
        "redis://exa mple",
    ] {
        for which in ALL {
            match bounded(url, move || Face::try_at(which, url)) {
                Err(error) => {
                    assert_eq!(error.kind(), StorageErrorKind::Setup, "{url:?}");
                    assert!(!texts(&error).contains("pa%ZZss"), "{}", texts(&error));
                }
                // What can be read as a URL must at least fail cleanly.
                Ok(face) => {
                    let error = bounded(url, move || face.try_login()).map(drop);
                    assert!(error.is_err() || url == "redis://127.0.0.1/-1", "{url:?} opens a session");
                    eprintln!("accepted by build: {url:?} ({})", error.map_err(|e| texts(&e)).unwrap_err());
                }
            }
        }
    }
    let none: [&str; 0] = [];
    assert_eq!(RedisStorage::cluster(none).build().unwrap_err().kind(), StorageErrorKind::Setup);
    assert_eq!(RedisStorage::sentinel(none, "x").build().unwrap_err().kind(), StorageErrorKind::Setup);
    let builder = || RedisStorage::builder("redis://127.0.0.1");
    assert_eq!(builder().connect_timeout(Duration::ZERO).build().unwrap_err().kind(), StorageErrorKind::Setup);
    assert_eq!(builder().response_timeout(Duration::ZERO).build().unwrap_err().kind(), StorageErrorKind::Setup);
}

#[test]
fn a_password_in_a_malformed_url_is_not_shown() {
    for url in [
        "redis://:hunter2@127.0.0.1:port",
        "redis://user:hunter2@127.0.0.1/zero",
        "redis://user:hunter2@",
        "http://user:hunter2@127.0.0.1",
        "redis://user:hunter2@127.0.0.1:99999",
        "rediss://user:hunter2@127.0.0.1/zero",
    ] {
        let error = RedisStorage::builder(url).build().unwrap_err();
        assert!(!texts(&error).contains("hunter2"), "{}", texts(&error));
        assert!(!format!("{:?}", RedisStorage::builder(url)).contains("hunter2"));
    }
}

#[cfg(not(feature = "redis-tls"))]
#[test]
fn tls_without_the_feature_is_refused_and_the_feature_named() {
    let server = RedisServer::start();
    let url = server.url().replace("redis://", "rediss://");
    for which in ALL {
        match Face::try_at(which, &url) {
            Err(error) => {
                assert_eq!(error.kind(), StorageErrorKind::Setup);
                assert!(texts(&error).to_lowercase().contains("tls"), "{}", texts(&error));
            }
            Ok(face) => panic!("{face:?}: it cannot speak TLS, and was built: {:?}", face.try_login().map(drop)),
        }
    }
    assert!(server.keys("*").is_empty());
}

#[cfg(feature = "redis-tls")]
#[test]
fn a_server_that_speaks_no_tls() {
    let server = RedisServer::start();
    let url = server.url().replace("redis://", "rediss://");
    for which in ALL {
        let url = url.clone();
        let error = bounded("TLS", move || Face::at(which, &url).try_login()).unwrap_err();
        assert!(texts(&error).contains("TLS") || kind(&error) == StorageErrorKind::Timeout, "{}", texts(&error));
    }
}

/// Something that listens and is no Redis; each connection is handled on a thread of its own.
pub(super) fn listening(handle: impl Fn(TcpStream) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("redis://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let handle = Arc::new(handle);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (Ok(stream), handle) = (stream, Arc::clone(&handle)) else { continue };
            thread::spawn(move || handle(stream));
        }
    });
    url
}

pub(super) fn answering(answer: &'static [u8]) -> String {
    listening(move |mut stream| {
        let mut buffer = [0; 4096];
        while let Ok(1..) = stream.read(&mut buffer) {
            if stream.write_all(answer).is_err() {
                return;
            }
        }
    })
}

#[test]
fn servers_that_are_no_redis() {
    let places = [
        ("HTTP", answering(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")),
        (
            "HTTP, at once",
            listening(|mut stream| {
                let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
            }),
        ),
        (
            "SMTP",
            listening(|mut stream| {
                let _ = stream.write_all(b"220 mail.example ESMTP\r\n");
                thread::sleep(NO_HANG * 2);
            }),
        ),
        (
            "silence",
            listening(|stream| {
                thread::sleep(NO_HANG * 2);
                drop(stream);
            }),
        ),
        ("closing at once", listening(drop)),
        (
            "closing after the first command",
            listening(|mut stream| {
                let _ = stream.read(&mut [0; 4096]);
            }),
        ),
        ("zeros", answering(&[0; 4096])),
        ("OK to everything", answering(b"+OK\r\n+OK\r\n+OK\r\n")),
        ("nil to everything", answering(b"_\r\n_\r\n_\r\n")),
        ("a number to everything", answering(b":1\r\n:1\r\n:1\r\n")),
        ("an endless array", answering(b"*2147483647\r\n")),
        ("a huge text", answering(b"$536870911\r\nabc")),
        ("a negative length", answering(b"*-7\r\n$-9\r\n")),
        ("nested arrays", answering(b"*1\r\n*1\r\n*1\r\n")),
        ("errors", answering(b"-ERR no\r\n-ERR no\r\n-ERR no\r\n")),
        ("pushes", answering(b">1\r\n+x\r\n")),
    ];
    let id = HashedIds::new().generate(&ClientInfo::default()).unwrap();
    thread::scope(|scope| {
        for (what, url) in &places {
            let id = &id;
            scope.spawn(move || {
                for which in ALL {
                    let what = format!("{which:?}: {what}");
                    let face = Face::at(which, url);
                    for _ in 0..2 {
                        let (face, id) = (face.clone(), id.clone());
                        let created = bounded(&what, {
                            let face = face.clone();
                            move || face.try_login().map(drop)
                        });
                        // Whoever says OK to everything is believed, as far as that goes.
                        assert!(created.is_err() || what.contains("OK to"), "{what}: a session was created");
                        let ended = bounded(&what, {
                            let (face, id) = (face.clone(), id.clone());
                            move || face.with(&id).destroy().save()
                        });
                        assert!(ended.is_err(), "{what}: a session was ended: {ended:?}");
                        let read = bounded(&what, move || face.with(&id).get("n"));
                        assert!(!matches!(read, Ok(Some(_))), "{what}: {read:?}");
                    }
                }
                let opened = bounded(what, {
                    let url = url.clone();
                    move || quick(RedisStorage::builder(&url)).build().unwrap().check()
                });
                assert!(opened.is_err(), "{what}: it passes for a server");
            });
        }
    });
}

/// Each byte comes in time, but the answer does not.
fn against_dripping(side: Side) {
    let endless = listening(|mut stream| {
        while stream.write_all(b"$").is_ok() {
            thread::sleep(Duration::from_millis(50));
        }
    });
    let long = listening(|mut stream| {
        let _ = stream.write_all(b"$1000000\r\n");
        while stream.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(50));
        }
    });
    for form in [Form::Strings, Form::Hashes] {
        for url in [&endless, &long] {
            let face = Face::at((form, side), url);
            assert!(bounded("an answer that drips", move || face.try_login()).is_err());
        }
    }
}

#[test]
fn an_answer_that_drips_async() {
    against_dripping(Side::Waiting);
}

#[test]
fn addresses_that_lead_nowhere() {
    for url in ["redis://no-such-host.invalid:6379", "unix:///nowhere/redis.sock"] {
        for which in ALL {
            let face = Face::at(which, url);
            let error = bounded(url, move || face.try_login()).unwrap_err();
            assert!(
                matches!(kind(&error), StorageErrorKind::Unavailable | StorageErrorKind::Timeout),
                "{url}: {}",
                texts(&error)
            );
        }
        let opened = bounded(url, move || quick(RedisStorage::builder(url)).build().unwrap().check());
        assert!(opened.is_err());
    }
}

#[test]
fn outside_of_a_runtime_the_async_face_is_an_error() {
    let server = RedisServer::start();
    let manager = AsyncManager::new(RedisStorage::builder(&server.url()).build().unwrap());
    let session = manager.begin(None, ClientInfo::default);
    session.set("n", &1).unwrap();
    let error = futures::executor::block_on(session.save()).unwrap_err();
    assert_eq!(kind(&error), StorageErrorKind::Setup);
    assert!(texts(&error).contains("runtime"));
    session.abandon();
}

/// A server that cannot be connected to is left alone for a while, so that the requests of a busy service do not become as many
/// attempts.
#[test]
fn requests_during_an_outage_are_not_as_many_attempts_to_connect() {
    const REQUESTS: u64 = 200;
    for which in ALL {
        let attempts = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&attempts);
        let url = listening(move |stream| {
            counted.fetch_add(1, Ordering::SeqCst);
            drop(stream);
        });
        let face = Face::at(which, &url);
        for _ in 0..REQUESTS {
            assert_eq!(kind(&face.try_login().unwrap_err()), StorageErrorKind::Unavailable, "{which:?}");
        }
        let attempts = attempts.load(Ordering::SeqCst);
        assert!((1..REQUESTS / 4).contains(&attempts), "{which:?}: {attempts} attempts of {REQUESTS} requests");
    }
}

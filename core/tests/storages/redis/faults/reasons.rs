//! Why a server cannot be used is named, so that you know what to change: by `check`, and by both faces.

use super::*;

/// The texts of the errors that come of using a storage: of `check`, of the blocking face and of the async one.
fn errors_of(build: impl Fn() -> RedisBuilder<Strings>) -> Vec<(StorageErrorKind, String)> {
    let storage = || build().build().unwrap();
    let mut errors = Vec::new();
    let checked = storage().check().unwrap_err();
    errors.push((checked.kind(), texts(&checked)));
    for side in [Side::Blocking, Side::Waiting] {
        let face = Face::over((Form::Strings, side), storage());
        let error = timed(|| face.try_login()).unwrap_err();
        errors.push((kind(&error), texts(&error)));
    }
    errors
}

#[track_caller]
fn assert_reason(what: &str, expected: StorageErrorKind, reason: &str, build: impl Fn() -> RedisBuilder<Strings>) {
    for (kind, text) in errors_of(build) {
        assert_eq!(kind, expected, "{what}: {text}");
        assert!(text.contains(reason), "{what}: {reason:?} is not in {text}");
    }
}

fn at(url: &str) -> RedisBuilder<Strings> {
    quick(RedisStorage::builder(url))
}

use StorageErrorKind::{Setup, Timeout, Unavailable};

#[test]
fn there_is_no_server() {
    let free = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let refused = format!("redis://127.0.0.1:{free}");
    assert_reason("a closed port", Unavailable, "connection refused", || at(&refused));
    assert_reason("no such name", Unavailable, "the host name has no address", || {
        // Looking it up may take longer than connecting.
        RedisStorage::builder("redis://no-such-host.invalid").connect_timeout(NO_HANG)
    });
    assert_reason("no such socket", Unavailable, "no socket at this path", || at("unix:///nowhere/redis.sock"));
    let frozen = RedisServer::start();
    frozen.freeze();
    assert_reason("a frozen server", Timeout, "no answer in time", || at(&frozen.url()));
}

#[test]
fn the_server_is_none_of_redis() {
    for (answer, reason) in [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], "not in Redis's protocol"),
        (
            b"-DENIED Redis is running in protected mode because protected mode is enabled and no password is set\r\n",
            "protected mode",
        ),
        (b"-ERR unknown command `HELLO`, with args beginning with: `3`, \r\n", "Redis 6.0 or later"),
    ] {
        let url = no_server::answering(answer);
        let kind = if reason.starts_with("Redis 6.0") { Setup } else { Unavailable };
        assert_reason("an answer", kind, reason, || at(&url));
    }
    let closing = no_server::listening(drop);
    assert_reason("closing", Unavailable, "the server closed the connection", || at(&closing));
}

#[test]
fn the_server_refuses() {
    let server = RedisServer::builder().set("requirepass", "correct-horse").start();
    assert_reason("no password", Unavailable, "the server asks for a password", || at(&server.url()));
    assert_reason("a wrong password", Unavailable, "user name or password refused", || {
        at(&server.url()).password("battery-staple")
    });
    assert_reason("no such database", Unavailable, "DB index is out of range", || {
        at(&server.url()).password("correct-horse").database(99)
    });

    let full = RedisServer::start();
    let mut only = full.client();
    only.command(&["CONFIG", "SET", "maxclients", "1"]).unwrap();
    for database in [0, 1] {
        assert_reason("maxclients", Unavailable, "`maxclients`", || at(&full.url()).database(database));
    }
    only.command(&["CONFIG", "SET", "maxclients", "100"]).unwrap();

    let mute = RedisServer::builder().set("rename-command", "HELLO \"\"").start();
    for (kind, text) in errors_of(|| at(&mute.url()).password("battery-staple").username("eve")) {
        assert_eq!(kind, Setup, "{text}");
        assert!(text.contains("Redis 6.0 or later") && !text.contains("battery-staple"), "{text}");
    }
}

/// A user who may log in, but not do what a connection begins with.
#[test]
fn the_user_may_not() {
    let server = RedisServer::start();
    let rights = ["~gsession:*", "+@read", "+@write", "+@scripting", "+@connection", "+info", "-select", "-client"];
    let user = ["ACL", "SETUSER", "sessions", "reset", "on", ">correct-horse"];
    server.command(&[&user[..], &rights].concat());
    let to = || at(&server.url()).username("sessions").password("correct-horse");
    for (kind, text) in errors_of(|| to().database(3)) {
        assert_eq!(kind, Unavailable, "{text}");
        assert!(text.contains("the user may not run the command `select`"), "{text}");
        assert!(!text.contains("refused") && !text.contains("correct-horse"), "{text}");
    }
    // The async face has the server tell what changes; the blocking one has no near cache.
    let near = || to().near_cache(NearCache::default()).build().unwrap();
    let error = Face::over((Form::Strings, Side::Waiting), near()).try_login().unwrap_err();
    assert_eq!(kind(&error), Unavailable, "{}", texts(&error));
    assert!(texts(&error).contains("the user may not run the command `client"), "{}", texts(&error));
    let error = near().check().unwrap_err();
    assert_eq!(error.kind(), Setup, "{}", texts(&error));
    for part in ["near cache", "CLIENT TRACKING", "NOPERM"] {
        assert!(texts(&error).contains(part), "{part} is not in {}", texts(&error));
    }
    assert!(!texts(&error).contains("correct-horse"));
    // Without a near cache it is not needed, and with the right it works.
    to().build().unwrap().check().unwrap();
    server.command(&["ACL", "SETUSER", "sessions", "+client"]);
    near().check().unwrap();
    Face::over((Form::Strings, Side::Waiting), near()).login();
}

/// Redis says so for as long as it loads what it has on disk.
#[test]
fn the_server_is_loading() {
    let server = RedisServer::builder().set("enable-debug-command", "yes").start();
    server.command(&["CONFIG", "SET", "loading-process-events-interval-bytes", "1024"]);
    let names: Vec<String> = (0..6000).map(|number| number.to_string()).collect();
    let commands: Vec<[&str; 3]> = names.iter().map(|name| ["SET", name, "1"]).collect();
    server.client().pipeline(&commands.iter().map(|command| &command[..]).collect::<Vec<_>>()).unwrap();
    // Each key takes 2 milliseconds, so that all take much longer than this test; after some of them the server answers.
    server.command(&["CONFIG", "SET", "key-load-delay", "2000"]);
    let mut reloading = server.client();
    reloading.send(&["DEBUG", "RELOAD"]).unwrap();
    wait::until("the server loading", || {
        let answer = Client::connect(server.port(), NO_HANG).and_then(|mut client| client.command(&["GET", "0"]));
        matches!(answer, Ok(Reply::Error(error)) if error.starts_with("LOADING")).then_some(())
    });
    let slow = || RedisStorage::builder(&server.url()).connect_timeout(NO_HANG).response_timeout(NO_HANG);
    assert_reason("loading", Unavailable, "LOADING", slow);
}

#[cfg(feature = "redis-tls")]
mod tls {
    use gsession_test_servers::{Authority, Fault};

    use super::*;

    #[test]
    fn a_certificate_that_is_not_accepted() {
        let authority = Authority::new();
        for (fault, reason) in [
            (None, "nobody that is trusted has signed"),
            (Some(Fault::OtherName), "for another host name"),
            (Some(Fault::Expired), "has expired"),
            (Some(Fault::NotYetValid), "not valid yet"),
        ] {
            let server = RedisServer::builder().tls_by(&authority, fault).start();
            let distrusting = || RedisStorage::builder(&server.url());
            let build =
                || if fault.is_some() { distrusting().root_certificate(authority.pem()) } else { distrusting() };
            assert_reason(reason, Unavailable, reason, build);
            assert_reason("localhost", Unavailable, "certificate", || {
                let other = Authority::new();
                RedisStorage::builder(&server.url().replace("127.0.0.1", "localhost")).root_certificate(other.pem())
            });
            // Accepting everything, it is accepted.
            let accepting = || distrusting().danger_accept_invalid_certificates().build().unwrap();
            accepting().check().unwrap();
            for side in [Side::Blocking, Side::Waiting] {
                Face::over((Form::Strings, side), accepting()).login();
            }
        }
    }

    #[test]
    fn a_client_certificate_that_is_demanded() {
        let authority = Authority::new();
        let server = RedisServer::builder().tls_by(&authority, None).set("tls-auth-clients", "yes").start();
        let builder = || RedisStorage::builder(&server.url()).root_certificate(authority.pem());
        assert_reason("no certificate", Unavailable, "client certificate", builder);
        let (own, foreign) = (authority.sign(None), Authority::new().sign(None));
        assert_reason("a certificate of another authority", Unavailable, "client certificate", || {
            builder().client_certificate(&*foreign.certificate, &*foreign.key)
        });
        // A key that does not belong to the certificate.
        assert_reason("a key of another certificate", Unavailable, "with this configuration", || {
            builder().client_certificate(&*own.certificate, &*foreign.key)
        });
        let storage = || builder().client_certificate(&*own.certificate, &*own.key).build().unwrap();
        storage().check().unwrap();
        for side in [Side::Blocking, Side::Waiting] {
            Face::over((Form::Strings, side), storage()).login();
        }
    }

    #[test]
    fn one_speaks_tls_and_the_other_does_not() {
        let (plain, tls) = (RedisServer::start(), RedisServer::builder().tls().start());
        let over_tls = plain.url().replace("redis://", "rediss://");
        for (kind, text) in errors_of(|| at(&over_tls)) {
            // Redis waits for the end of a line, which the beginning of TLS may hold or not.
            assert!(matches!(kind, Unavailable | Timeout), "{text}");
            assert!(text.contains("speak TLS") || text.contains("speak no TLS"), "{text}");
        }
        let without = tls.url().replace("rediss://", "redis://");
        for (kind, text) in errors_of(|| at(&without)) {
            assert_eq!(kind, Unavailable, "{text}");
            assert!(text.contains("rediss://") || text.contains("closed the connection"), "{text}");
        }
    }
}

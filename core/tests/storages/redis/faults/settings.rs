//! Each setting at its extremes: it works, used with a real server, or is refused when the storage is built, by name.

use gsession::Limits;

use super::*;

/// A session is made, read and changed, over each face.
fn works<S>(what: &str, build: impl Fn() -> Result<S, StorageError>)
where
    S: Storage + AsyncStorage + Clone + 'static,
{
    for side in [Side::Blocking, Side::Waiting] {
        let storage = build().unwrap_or_else(|error| panic!("{what}: {}", texts(&error)));
        let face = Face::over((Form::Strings, side), storage);
        let id = face.login();
        for n in 1..4 {
            assert_eq!(face.with(&id).get("n").unwrap(), Some(n), "{what}: {side:?}");
            assert_eq!(face.with(&id).get("n").unwrap(), Some(n), "{what}: {side:?}");
            assert_eq!(face.with(&id).add("n").unwrap(), n + 1, "{what}: {side:?}");
        }
        assert_eq!(face.with(&id).set("a", 1).save().unwrap(), Saved::Committed, "{what}: {side:?}");
        assert!(face.storage.sweep(now()).unwrap().kept >= 1, "{what}: {side:?}");
        let request = face.with(&id);
        assert_eq!(request.renew().save().unwrap(), Saved::Renewed, "{what}: {side:?}");
        assert_eq!(request.destroy().save().unwrap(), Saved::Destroyed, "{what}: {side:?}");
    }
}

/// It is refused, and the error names the setting, also as `main` prints it.
#[track_caller]
fn is_refused<S>(setting: &str, builder: RedisBuilder<S>, build: impl Fn(RedisBuilder<S>) -> Result<(), StorageError>) {
    let error = build(builder).unwrap_err();
    assert_eq!(error.kind(), StorageErrorKind::Setup, "{}", texts(&error));
    for text in [StdError::source(&error).unwrap().to_string(), format!("{error:?}")] {
        assert!(text.contains(setting), "{setting} is not in {text}");
    }
}

#[test]
fn settings_at_their_extremes() {
    type Change = fn(RedisBuilder<Strings>) -> RedisBuilder<Strings>;
    const MAX: Duration = Duration::MAX;
    const MS: Duration = Duration::from_millis(1);
    let server = RedisServer::start();
    let at = || RedisStorage::builder(&server.url());
    let working: [(&str, Change); 23] = [
        ("connect_timeout: MAX", |builder| builder.connect_timeout(MAX)),
        ("response_timeout: MAX", |builder| builder.response_timeout(MAX)),
        ("both: MAX", |builder| builder.connect_timeout(MAX).response_timeout(MAX)),
        ("probe_after: MAX", |builder| builder.probe_after(MAX)),
        ("probe_after: 0", |builder| builder.probe_after(Duration::ZERO)),
        ("probe_after: 1 ns", |builder| builder.probe_after(Duration::from_nanos(1)).response_timeout(MAX)),
        ("wait_for_replicas: 0", |builder| builder.wait_for_replicas(0, MAX)),
        ("wait_for_replicas: 0, 0", |builder| builder.wait_for_replicas(0, Duration::ZERO)),
        ("max_sessions: MAX", |builder| builder.near_cache(NearCache::default().max_sessions(usize::MAX))),
        ("max_sessions: 0", |builder| builder.near_cache(NearCache::default().max_sessions(0))),
        ("max_bytes: MAX", |builder| builder.near_cache(NearCache::default().max_bytes(usize::MAX))),
        ("max_bytes: 0", |builder| builder.near_cache(NearCache::default().max_bytes(0))),
        ("trust_for: MAX", |builder| builder.near_cache(NearCache::default().trust_for(MAX))),
        ("trust_for: 0", |builder| builder.near_cache(NearCache::default().trust_for(Duration::ZERO))),
        ("limits: MAX", |builder| {
            let limits =
                Limits::default().max_entries(usize::MAX).max_key_bytes(usize::MAX).max_value_bytes(usize::MAX);
            builder.limits(limits.max_record_bytes(usize::MAX).max_principal_bytes(usize::MAX))
        }),
        ("database: 15", |builder| builder.database(15)),
        ("key_prefix: empty", |builder| builder.key_prefix("")),
        ("key_prefix: a pattern", |builder| builder.key_prefix("*?[a-z]\\^")),
        ("key_prefix: braces", |builder| builder.key_prefix("{}{a")),
        ("key_prefix: more braces", |builder| builder.key_prefix("}{")),
        ("key_prefix: control characters", |builder| builder.key_prefix("\0\r\n \t\u{1f}")),
        ("key_prefix: letters", |builder| builder.key_prefix("Sitzung-日本-🍪:")),
        ("key_prefix: 1024 bytes", |builder| builder.key_prefix("x".repeat(1024))),
    ];
    for (what, change) in working {
        server.flush();
        works(what, || change(at()).build());
    }
    let refused: [(&str, Change); 13] = [
        ("connect_timeout", |builder| builder.connect_timeout(Duration::ZERO)),
        ("connect_timeout", |builder| builder.connect_timeout(Duration::from_nanos(1))),
        ("response_timeout", |builder| builder.response_timeout(Duration::ZERO)),
        ("response_timeout", |builder| builder.response_timeout(Duration::from_nanos(999_999))),
        ("wait_for_replicas", |builder| builder.wait_for_replicas(u32::MAX, MAX)),
        ("wait_for_replicas", |builder| builder.wait_for_replicas(u32::MAX, MS)),
        ("wait_for_replicas", |builder| builder.wait_for_replicas(1, MAX)),
        // Redis would take it as for ever.
        ("wait_for_replicas", |builder| builder.wait_for_replicas(1, Duration::ZERO)),
        ("wait_for_replicas", |builder| builder.wait_for_replicas(1, Duration::from_nanos(1))),
        ("database", |builder| builder.database(u32::MAX)),
        ("key_prefix", |builder| builder.key_prefix("x".repeat(1025))),
        ("key_prefix", |builder| builder.key_prefix("日".repeat(342))),
        ("database", |builder| builder.database(1 << 31)),
    ];
    for (setting, change) in refused {
        is_refused(setting, change(at()), |builder| builder.build().map(drop));
    }
    is_refused("key_prefix", at().goframe().key_prefix("x".repeat(1 << 20)), |builder| builder.build().map(drop));
    let in_url = |number: &str| RedisStorage::builder(&format!("redis://127.0.0.1/{number}"));
    for number in ["-1", "2147483648", "9223372036854775807"] {
        is_refused("database", in_url(number), |builder| builder.build().map(drop));
    }
}

/// What is no URL of a server is told how one looks, and what would be ignored is named. Passwords are not repeated.
#[test]
fn urls_that_cannot_be_meant() {
    for url in ["", "127.0.0.1:6379", "http://127.0.0.1", "redis://:hunter2/s@127.0.0.1", "redis://127.0.0.1/abc"] {
        is_refused("redis://user:password@host:port/database", RedisStorage::builder(url), |builder| {
            builder.build().map(drop)
        });
        assert!(!texts(&RedisStorage::builder(url).build().map(drop).unwrap_err()).contains("hunter2"), "{url}");
    }
    for url in ["redis://127.0.0.1/0#foo", "redis://127.0.0.1#insecure", "unix:///tmp/redis.sock#a"] {
        is_refused("%23", RedisStorage::builder(url), |builder| builder.build().map(drop));
    }
}

/// The same bounds hold for hashes, for clusters and for Sentinels: they are those of the builder.
#[test]
fn other_storages_have_the_same_bounds() {
    let short = Duration::from_nanos(1);
    is_refused("response_timeout", RedisHashStorage::builder("redis://a").response_timeout(short), |builder| {
        builder.build().map(drop)
    });
    is_refused("connect_timeout", RedisHashStorage::cluster(["redis://a"]).connect_timeout(short), |builder| {
        builder.build().map(drop)
    });
    is_refused(
        "wait_for_replicas",
        RedisStorage::sentinel(["redis://a"], "b").wait_for_replicas(1, short),
        |builder| builder.build().map(drop),
    );
    let cluster = Cluster::start();
    for prefix in ["", "{x}", "}{", "*"] {
        let urls = cluster.urls();
        works(prefix, || {
            let builder = RedisHashStorage::cluster(&urls).key_prefix(prefix);
            builder.connect_timeout(Duration::MAX).response_timeout(Duration::MAX).build()
        });
    }
}

/// The text that `main` prints names what has to be turned on.
#[cfg(not(feature = "redis-tls"))]
#[test]
fn tls_without_the_feature() {
    for url in ["rediss://127.0.0.1", "rediss://127.0.0.1#insecure", "valkeys://127.0.0.1"] {
        for text in [
            format!("{:?}", RedisStorage::open(url).unwrap_err()),
            texts(&RedisHashStorage::open(url).unwrap_err()),
            format!("{:?}", RedisStorage::cluster([url]).build().unwrap_err()),
            format!("{:?}", RedisStorage::sentinel([url], "a").build().unwrap_err()),
        ] {
            assert!(text.contains("`redis-tls`"), "{text}");
        }
    }
}

#[cfg(feature = "redis-tls")]
mod tls {
    use gsession::storage::redis::RedisTls;
    use gsession_test_servers::Authority;

    use super::*;

    #[track_caller]
    fn refused(setting: &str, builder: RedisBuilder<Strings>) {
        is_refused(setting, builder, |builder| builder.build().map(drop));
    }

    #[test]
    fn an_url_that_gives_up_certificates_is_refused() {
        for url in ["rediss://127.0.0.1#insecure", "rediss://127.0.0.1:1/0/#insecure", "valkeys://127.0.0.1#insecure"] {
            refused("danger_accept_invalid_certificates", RedisStorage::builder(url));
            refused("danger_accept_invalid_certificates", RedisStorage::cluster([url]));
            refused("danger_accept_invalid_certificates", RedisStorage::sentinel([url], "a"));
        }
    }

    #[test]
    fn settings_that_would_be_ignored_are_refused() {
        let authority = Authority::new();
        let own = authority.sign(None);
        let (plain, over_tls) =
            (|| RedisStorage::builder("redis://127.0.0.1"), || RedisStorage::builder("rediss://127.0.0.1"));
        let tls = || RedisTls::default().root_certificate(authority.pem());
        refused("root_certificate", plain().root_certificate(authority.pem()));
        refused("client_certificate", plain().client_certificate(&*own.certificate, &*own.key));
        refused("danger_accept_invalid_certificates", plain().danger_accept_invalid_certificates());
        refused("sentinel_tls", over_tls().sentinel_tls(tls()));
        refused("server_tls", over_tls().server_tls(true));
        refused("sentinel_tls", RedisStorage::sentinel(["redis://a"], "b").sentinel_tls(tls()));
        refused(
            "root_certificate",
            RedisStorage::sentinel(["rediss://a"], "b").server_tls(false).sentinel_tls(tls()).root_certificate("x"),
        );
        let both = over_tls().root_certificate(authority.pem()).danger_accept_invalid_certificates();
        refused("meaningless", both);
    }

    #[test]
    fn what_is_no_certificate_is_refused() {
        let authority = Authority::new();
        let own = authority.sign(None);
        let over_tls = || RedisStorage::builder("rediss://127.0.0.1");
        let broken = authority.pem().replace("MII", "***");
        for pem in ["", "not a certificate", &own.key, &broken] {
            refused("root_certificate", over_tls().root_certificate(pem));
            refused("client_certificate", over_tls().client_certificate(pem, &*own.key));
        }
        for key in ["", "not a key", &own.certificate] {
            let error = over_tls().client_certificate(&*own.certificate, key).build().unwrap_err();
            assert!(texts(&error).contains("private key"), "{}", texts(&error));
        }
        let shown = format!("{:?}", RedisTls::default().client_certificate(&*own.certificate, &*own.key));
        assert!(!shown.contains("PRIVATE") && shown.len() < 100, "{shown}");
    }
}

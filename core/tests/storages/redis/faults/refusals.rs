//! The server refuses.

use super::*;

#[test]
fn a_wrong_password_is_named_and_not_shown() {
    const RIGHT: &str = "correct-horse";
    const WRONG: &str = "battery-staple";
    let server = RedisServer::builder().set("requirepass", RIGHT).start();
    let with = |login: &str| server.url().replace("redis://", &format!("redis://{login}@"));
    for which in ALL {
        for url in [with(&format!(":{WRONG}")), with(&format!("nobody:{WRONG}")), server.url()] {
            let face = Face::at(which, &url);
            let error = timed(|| face.try_login()).unwrap_err();
            let text = texts(&error);
            assert_eq!(kind(&error), StorageErrorKind::Unavailable, "{text}");
            assert!(text.contains("password"), "{face:?}: what is wrong is not named: {text}");
            assert!(!text.contains(WRONG) && !text.contains(RIGHT), "{text}");
        }
        let face = Face::at(which, &with(&format!(":{RIGHT}")));
        assert!(face.try_login().is_ok());
    }
    for url in [with(&format!(":{WRONG}")), with(&format!("nobody:{WRONG}")), server.url()] {
        let errors = [RedisStorage::open(&url).unwrap_err(), RedisHashStorage::open(&url).unwrap_err()];
        for error in errors {
            let text = texts(&error);
            assert!(text.contains("password") && !text.contains(WRONG), "{text}");
        }
        let (strings, hashes) =
            (RedisStorage::builder(&url).password(WRONG), RedisHashStorage::builder(&url).password(WRONG));
        assert!(!format!("{strings:?}{hashes:?}").contains(WRONG));
        let (strings, hashes) = (strings.build().unwrap(), hashes.build().unwrap());
        assert!(!format!("{strings:?}{hashes:?}").contains(WRONG));
        let manager = Manager::new(strings);
        assert!(!format!("{manager:?}").contains(WRONG));
    }
    // A password that stops being right later.
    for which in ALL {
        let face = Face::at(which, &with(&format!(":{RIGHT}")));
        let id = face.login();
        server.command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
        assert_eq!(face.until_it_works("reading", || face.with(&id).get("n")), Some(1));
    }
}

#[test]
fn a_user_who_may_not_do_it() {
    let server = RedisServer::start();
    server.command(&["ACL", "SETUSER", "reader", "on", ">secret-word", "~*", "+@connection", "+@read", "+info"]);
    let url = server.url().replace("redis://", "redis://reader:secret-word@");
    for which in ALL {
        let face = Face::at(which, &url);
        let error = timed(|| face.try_login()).unwrap_err();
        assert_eq!(kind(&error), StorageErrorKind::Unavailable);
        assert!(!texts(&error).contains("secret-word"), "{}", texts(&error));
    }
    assert!(server.keys("*").is_empty());
}

#[test]
fn out_of_memory_changes_nothing() {
    for which in ALL {
        let server = RedisServer::start();
        let face = Face::at(which, &server.url());
        face.warm_up();
        let (id, other) = (face.login(), face.login());
        assert_eq!(face.with(&id).set("a", 1).set("b", 2).save().unwrap(), Saved::Committed);
        assert_eq!(face.with(&id).get("n").unwrap(), Some(1));
        server.command(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
        server.command(&["CONFIG", "SET", "maxmemory", "1"]);
        let before = contents(&server);

        let full = |what: &str, request: &Request, result: Result<(), Error>| {
            let error = result.expect_err(&format!("{face:?}: {what}: the server is full"));
            assert_eq!(kind(&error), StorageErrorKind::Full, "{face:?}: {what}: {}", texts(&error));
            assert!(contents(&server) == before, "{face:?}: {what}: something was changed");
            request.abandon();
        };
        type Write = fn(&Request) -> &Request;
        let write: [(&str, Write); 7] = [
            ("set", |request| request.set("c", 3)),
            ("replace", |request| request.set("a", 3)),
            ("remove", |request| request.remove("a")),
            ("clear", Request::clear),
            ("set, remove", |request| request.set("c", 3).remove("a")),
            ("clear, set", |request| request.clear().set("c", 3).set("b", 4)),
            ("renew", |request| request.renew().set("c", 3).remove("a")),
        ];
        for reads in [false, true] {
            for (what, write) in write {
                let request = face.with(&id);
                if reads {
                    assert_eq!(request.get("n").unwrap(), Some(1));
                }
                write(&request);
                full(what, &request, request.save().map(drop));
            }
            let request = face.with(&id);
            full("update", &request, request.add("n").map(drop));
            let request = face.with(&id);
            request.clear().renew().set("c", 3);
            full("clear and renew", &request, request.save().map(drop));
        }
        let request = face.request(None);
        full("create", &request, request.set("n", 1).save().map(drop));
        // Over a storage that has not seen the sessions before, too.
        let another = Face::at(which, &server.url());
        assert_eq!(another.with(&id).get("a").unwrap(), Some(1), "{face:?}: reading a session that needs no touch");
        assert_eq!(face.with(&id).get("b").unwrap(), Some(2));

        assert_eq!(face.with(&other).destroy().save().unwrap(), Saved::Destroyed, "{face:?}: a logout");
        assert_eq!(another.with(&other).get("n").unwrap(), None);
        assert_eq!(another.with(&id).get("n").unwrap(), Some(1));
        assert_all_expire(&server);

        server.command(&["CONFIG", "SET", "maxmemory", "0"]);
        assert_eq!(face.with(&id).set("c", 3).save().unwrap(), Saved::Committed);
        assert_eq!(face.with(&id).get("a").unwrap(), Some(1));
        assert_all_expire(&server);
    }
}

#[test]
fn a_full_server_and_a_save_that_is_tried_again() {
    for which in ALL {
        let server = RedisServer::start();
        let face = Face::at(which, &server.url());
        face.warm_up();
        let id = face.login();
        server.command(&["CONFIG", "SET", "maxmemory", "1"]);
        let (new, renewing) = (face.request(None), face.with(&id));
        new.set("n", 1);
        renewing.renew().set("a", 1);
        let _ = (new.save(), renewing.save());
        server.command(&["CONFIG", "SET", "maxmemory", "0"]);
        assert_eq!(new.save().unwrap(), Saved::Created);
        assert_eq!(renewing.save().unwrap(), Saved::Renewed);
        assert_eq!(count(&server, b'S'), 2, "{face:?}");
        for request in [new, renewing] {
            let id = request.close().unwrap().unwrap();
            assert_eq!(face.with(&id).get("n").unwrap(), Some(1));
        }
        assert_eq!(face.with(&id).get("n").unwrap(), None);
        assert_all_expire(&server);
    }
}

#[test]
fn a_read_only_replica() {
    let primary = RedisServer::start();
    let replica = RedisServer::builder()
        .set("replicaof", &format!("127.0.0.1 {}", primary.port()))
        .set("repl-diskless-sync-delay", "0")
        .start();
    for which in ALL {
        let at_primary = Face::at(which, &primary.url());
        let id = at_primary.login();
        let key = String::from_utf8(name(&StoreKey::of(&id))).unwrap();
        support::wait_until("the replica has the session", || {
            replica.client().command(&["EXISTS", &key]).is_ok_and(|there| there == Reply::Int(1))
        });
        let face = Face::at(which, &replica.url());
        let before = contents(&replica);
        let request = face.with(&id);
        let results = [
            ("create", face.try_login().map(drop)),
            ("commit", request.set("a", 1).save().map(drop)),
            ("renew", request.renew().save().map(drop)),
            ("update", face.with(&id).add("n").map(drop)),
            ("destroy", face.with(&id).destroy().save().map(drop)),
        ];
        for (what, result) in results {
            let error = result.expect_err(what);
            assert_eq!(kind(&error), StorageErrorKind::Unavailable, "{face:?}: {what}: {}", texts(&error));
            assert!(texts(&error).contains("READONLY"), "{face:?}: {what}: {}", texts(&error));
        }
        request.abandon();
        assert!(contents(&replica) == before);
        assert_all_expire(&replica);
    }
    for error in [
        RedisStorage::open(&replica.url()).unwrap_err(),
        RedisHashStorage::open(&replica.url()).unwrap_err(),
        RedisStorage::builder(&replica.url()).build().unwrap().check().unwrap_err(),
    ] {
        assert_eq!(error.kind(), StorageErrorKind::Setup);
        assert!(texts(&error).contains("replica"), "{}", texts(&error));
    }
}

#[test]
fn replicas_that_do_not_confirm() {
    let server = RedisServer::start();
    for which in ALL {
        server.command(&["FLUSHALL"]);
        let wait = Duration::from_millis(100);
        let url = server.url();
        let face = face!(which, Redis => quick(Redis::builder(&url)).wait_for_replicas(1, wait)).unwrap();
        let request = face.request(None);
        request.set("n", 1);
        for _ in 0..3 {
            let error = timed(|| request.save()).unwrap_err();
            assert_eq!(kind(&error), StorageErrorKind::Timeout, "{face:?}: {}", texts(&error));
            assert!(texts(&error).contains("0 of 1 replicas"), "{}", texts(&error));
        }
        request.abandon();
        assert_eq!(count(&server, b'S'), 1, "{face:?}: each try made another session");
        assert_all_expire(&server);
    }
}

/// What servers say of a user whose script may not `SET`: Redis 7.0; Redis 8.0 and Valkey 8.1.
pub(crate) const MAY_NOT_SET: [&str; 2] = ["can't run this command", "has no permissions to run the 'set' command"];

fn has_one_of(text: &str, parts: &[&str]) -> bool {
    parts.iter().any(|part| text.contains(part))
}

/// `check` finds out at the start what every login would fail at, and names it.
#[test]
fn check_finds_out_that_nothing_can_be_written() {
    let (server, primary) = (RedisServer::start(), RedisServer::start());
    let replica = RedisServer::builder().set("replicaof", &format!("127.0.0.1 {}", primary.port())).start();
    // GoFrame's format keeps tombstones of renewals under keys that begin with a brace.
    const MAY: [&str; 7] = ["+@read", "+@write", "+@scripting", "+@connection", "+info", "~gsession:*", "~{gsession:*"];
    let user = |server: &RedisServer, rights: &[&str]| {
        let first = ["ACL", "SETUSER", "sessions", "reset", "on", ">secret"];
        server.command(&first.into_iter().chain(rights.iter().copied()).collect::<Vec<_>>());
    };
    let check = |server: &RedisServer, prefix: &str| {
        let url = server.url().replace("redis://", "redis://sessions:secret@");
        let strings = quick(RedisStorage::builder(&url)).key_prefix(prefix).build().unwrap().check();
        let hashes = quick(RedisHashStorage::builder(&url)).key_prefix(prefix).build().unwrap().check();
        let goframe = quick(RedisStorage::builder(&url)).goframe().key_prefix(prefix).build().unwrap().check();
        [strings, hashes, goframe]
    };
    let finds = |server: &RedisServer, prefix: &str, reasons: &[&str]| {
        for checked in check(server, prefix) {
            let error = checked.unwrap_err();
            assert_eq!(error.kind(), StorageErrorKind::Setup, "{}", texts(&error));
            assert!(has_one_of(&texts(&error), reasons), "{reasons:?} are not in {}", texts(&error));
            assert!(texts(&error).contains("under the key prefix"), "{}", texts(&error));
            assert!(!texts(&error).contains("secret"), "{}", texts(&error));
        }
    };
    user(&server, &MAY);
    for checked in check(&server, "gsession:") {
        checked.unwrap();
    }
    finds(&server, "other:", &["NOPERM"]);
    // The tombstones of renewals in GoFrame's format.
    user(&server, &MAY[..6]);
    let [strings, hashes, goframe] = check(&server, "gsession:");
    assert!(strings.is_ok() && hashes.is_ok());
    let error = goframe.unwrap_err();
    assert_eq!(error.kind(), StorageErrorKind::Setup, "{}", texts(&error));
    user(&server, &[&MAY[..], &["-@write"]].concat());
    finds(&server, "gsession:", &MAY_NOT_SET);
    user(&server, &[&MAY[..], &["-eval"]].concat());
    finds(&server, "gsession:", &["NOPERM"]);
    // Who may not ask what the server is, finds out by writing.
    user(&replica, &[&MAY[..], &["-info"]].concat());
    finds(&replica, "gsession:", &["READONLY"]);
    server.command(&["CONFIG", "SET", "maxmemory", "1"]);
    user(&server, &MAY);
    for checked in check(&server, "gsession:") {
        let error = checked.unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::Full, "{}", texts(&error));
    }
    server.command(&["CONFIG", "SET", "maxmemory", "0"]);
    let seen = Monitor::during(&server, || check(&server, "gsession:").into_iter().for_each(Result::unwrap));
    let written = seen.inside_scripts.iter().filter(|command| command.to_lowercase().contains("\"set\""));
    let all_expire = written.clone().all(|command| command.to_lowercase().contains("\"px\""));
    // In GoFrame's format, where tombstones of renewals have keys of their own, two.
    assert!(written.count() == 4 && all_expire, "{seen:?}");
    for server in [&server, &primary, &replica] {
        assert!(server.keys("*").is_empty(), "something was left behind");
    }
}

/// Of a cluster, each node is written to.
#[test]
fn check_finds_out_that_one_node_of_a_cluster_takes_nothing() {
    let cluster = Cluster::start();
    let check = || quick(RedisStorage::cluster(cluster.urls())).build().unwrap().check();
    check().unwrap();
    for node in &cluster.nodes[..3] {
        node.command(&["ACL", "SETUSER", "default", "-set"]);
        let error = check().unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::Setup, "{}", texts(&error));
        assert!(has_one_of(&texts(&error), &MAY_NOT_SET), "{}", texts(&error));
        assert!(texts(&error).contains(&node.port().to_string()), "{}", texts(&error));
        node.command(&["ACL", "SETUSER", "default", "+set"]);
    }
    check().unwrap();
    // A prefix that puts all sessions on one node: that node alone is written to.
    let pinned = || quick(RedisStorage::cluster(cluster.urls())).key_prefix("{app}:").build().unwrap().check();
    let mut refused = 0;
    for node in &cluster.nodes[..3] {
        node.command(&["ACL", "SETUSER", "default", "-set"]);
        refused += usize::from(pinned().is_err());
        node.command(&["ACL", "SETUSER", "default", "+set"]);
    }
    assert_eq!(refused, 1);
    assert!(cluster.keys("*").is_empty());
}

/// With replicas that have to confirm, `check` asks for that as well.
#[test]
fn check_finds_out_that_there_are_too_few_replicas() {
    let server = RedisServer::start();
    let builder = quick(RedisStorage::builder(&server.url())).wait_for_replicas(1, Duration::from_millis(50));
    let error = builder.build().unwrap().check().unwrap_err();
    assert!(texts(&error).contains("0 of 1 replicas"), "{}", texts(&error));
}

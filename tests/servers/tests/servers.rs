//! The servers do what the tests that use them rely on.

use std::{thread, time::Duration};

use gsession_test_servers::{
    Cluster, Monitor, Proxy, RedisServer, Sentinels,
    resp::{Client, Reply},
    wait,
};

const SOON: Duration = Duration::from_millis(300);

fn answers(port: u16) -> bool {
    Client::connect(port, SOON).and_then(|mut client| client.command(&["PING"])).is_ok()
}

#[test]
fn a_server_is_killed_and_started_again_and_keeps_what_it_was_told_to_keep() {
    let mut server = RedisServer::builder().set("appendonly", "yes").set("appendfsync", "always").start();
    server.command(&["SET", "a", "1"]);
    server.kill();
    assert!(!answers(server.port()));
    server.start_again();
    assert_eq!(server.command(&["GET", "a"]).text(), "1");
    let mut forgetful = RedisServer::start();
    forgetful.command(&["SET", "a", "1"]);
    forgetful.kill();
    forgetful.start_again();
    assert_eq!(forgetful.command(&["GET", "a"]), Reply::Nil);
}

#[test]
fn a_frozen_server_does_not_answer_until_it_is_thawed() {
    let server = RedisServer::start();
    server.freeze();
    assert!(!answers(server.port()));
    server.thaw();
    assert_eq!(server.command(&["PING"]).text(), "PONG");
}

#[test]
fn a_password_is_asked_for() {
    let server = RedisServer::builder().set("requirepass", "secret").start();
    let refused = Client::connect(server.port(), SOON).unwrap().command(&["GET", "a"]).unwrap();
    assert!(matches!(refused, Reply::Error(error) if error.starts_with("NOAUTH")));
    assert_eq!(server.command(&["GET", "a"]), Reply::Nil);
}

#[test]
fn a_monitor_tells_what_clients_sent_from_what_scripts_ran() {
    let server = RedisServer::start();
    let seen = Monitor::during(&server, || {
        server.command(&["SET", "a", "1"]);
        server.command(&["EVAL", "redis.call('GET', 'a') return redis.call('INCR', 'a')", "0"]);
    });
    assert_eq!(seen.names(), ["SET", "EVAL"]);
    assert_eq!(seen.inside_scripts, ["\"GET\" \"a\"", "\"INCR\" \"a\""]);
}

#[test]
fn a_proxy_counts_and_cuts_and_stalls() {
    let server = RedisServer::start();
    let proxy = Proxy::to(server.port());
    let mut client = Client::connect(proxy.port(), SOON).unwrap();
    client.command(&["PING"]).unwrap();
    assert_eq!((proxy.round_trips(), proxy.sent(), proxy.received()), (1, 14, 7));
    client.command(&["PING"]).unwrap();
    assert_eq!(proxy.round_trips(), 2);
    proxy.reset();
    assert_eq!(proxy.round_trips(), 0);

    proxy.stall(true);
    assert!(client.command(&["PING"]).is_err());
    proxy.stall(false);

    let mut client = Client::connect(proxy.port(), SOON).unwrap();
    proxy.swallow_replies(true);
    assert!(client.command(&["SET", "a", "1"]).is_err());
    assert_eq!(server.command(&["GET", "a"]).text(), "1");
    proxy.swallow_replies(false);

    let mut client = Client::connect(proxy.port(), SOON).unwrap();
    client.command(&["PING"]).unwrap();
    proxy.cut();
    assert!(client.command(&["PING"]).is_err());
    proxy.refuse(true);
    assert!(!answers(proxy.port()));
    proxy.refuse(false);
    assert!(answers(proxy.port()));
}

#[test]
fn held_replies_arrive_when_they_are_released() {
    let server = RedisServer::start();
    let proxy = Proxy::to(server.port());
    let mut client = Client::connect(proxy.port(), Duration::from_secs(10)).unwrap();
    proxy.hold_replies(true);
    client.send(&["SET", "a", "1"]).unwrap();
    wait::until("the command having run", || (server.command(&["GET", "a"]) != Reply::Nil).then_some(()));
    thread::scope(|scope| {
        let answer = scope.spawn(|| client.read().unwrap().text());
        proxy.hold_replies(false);
        assert_eq!(answer.join().unwrap(), "OK");
    });
}

#[test]
fn a_server_that_speaks_tls_has_a_certificate() {
    let server = RedisServer::builder().tls().start();
    assert!(server.url().starts_with("rediss://") && server.ca().unwrap().contains("BEGIN CERTIFICATE"));
    assert_eq!(server.command(&["PING"]).text(), "PONG");
}

#[test]
fn sentinels_fail_over() {
    let mut sentinels = Sentinels::start();
    let before = sentinels.primary();
    sentinels.fail_over();
    let after = sentinels.primary();
    assert_ne!(before, after);
    assert_eq!(sentinels.servers[after].command(&["SET", "a", "1"]).text(), "OK");
}

#[test]
fn a_cluster_fails_over_and_moves_slots() {
    let mut cluster = Cluster::start();
    let slot = cluster.slot_of(b"a");
    let node = cluster.node_of(slot).unwrap();
    cluster.nodes[node].command(&["SET", "a", "1"]);
    assert_eq!(cluster.keys("*"), [b"a"]);

    let other = (node + 1) % 3;
    cluster.begin_migration(slot, node, other);
    let ask = cluster.nodes[node].client().command(&["GET", "{a}b"]).unwrap();
    assert!(matches!(ask, Reply::Error(error) if error.starts_with("ASK")));
    cluster.move_keys(slot, node, other);
    cluster.finish_migration(slot, other);
    let moved = cluster.nodes[node].client().command(&["GET", "a"]).unwrap();
    assert!(matches!(moved, Reply::Error(error) if error.starts_with("MOVED")));
    assert_eq!(cluster.nodes[other].command(&["GET", "a"]).text(), "1");

    cluster.fail_over(other);
    let after = cluster.node_of(slot).unwrap();
    assert_ne!(after, other);
    assert_eq!(cluster.nodes[after].command(&["GET", "a"]).text(), "1");
}

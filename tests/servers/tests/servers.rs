//! The servers do what the tests that use them rely on.

use std::{path::Path, thread, time::Duration};

use gsession_test_servers::{
    Cluster, Monitor, Proxy, RedisServer, Sentinels,
    resp::{Client, Reply},
    wait,
};

const SOON: Duration = Duration::from_millis(300);

fn answers(port: u16) -> bool {
    Client::connect(port, SOON).and_then(|mut client| client.command(&["PING"])).is_ok()
}

/// Whether a client that was connected earlier is answered now.
fn is_answered(client: &mut Client) -> bool {
    client.command(&["PING"]).is_ok()
}

#[test]
fn connections_that_a_proxy_has_forgotten_are_silent_and_new_ones_work() {
    let server = RedisServer::start();
    let proxy = Proxy::to(server.port());
    let mut old = Client::connect(proxy.port(), SOON).unwrap();
    assert!(is_answered(&mut old));
    proxy.forget();
    let mut monitor = Monitor::of(&server);
    assert_eq!(old.command(&["PING"]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "silence, and no end");
    let mut new = Client::connect(proxy.port(), SOON).unwrap();
    assert!(is_answered(&mut new));
    assert_eq!(monitor.seen().names(), ["PING"], "what was sent over the old connection has reached the server");
    assert_eq!(proxy.connections(), 2);
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
fn a_server_that_is_started_again_has_loaded_its_data() {
    let mut server = RedisServer::builder()
        .set("appendonly", "yes")
        .set("appendfsync", "always")
        .set("key-load-delay", "200")
        .start();
    let names: Vec<String> = (0..3000).map(|number| number.to_string()).collect();
    let commands: Vec<[&str; 3]> = names.iter().map(|name| ["SET", name, "1"]).collect();
    server.client().pipeline(&commands.iter().map(|command| &command[..]).collect::<Vec<_>>()).unwrap();
    server.kill();
    server.start_again();
    assert_eq!(server.command(&["DBSIZE"]), Reply::Int(3000));
    server.flush();
    assert_eq!(server.command(&["DBSIZE"]), Reply::Int(0));
}

#[test]
fn a_server_that_is_shut_down_saves_first() {
    let mut server = RedisServer::builder().set("save", "3600 1").start();
    server.command(&["SET", "a", "1"]);
    server.shutdown();
    assert!(!answers(server.port()));
    server.start_again();
    assert_eq!(server.command(&["GET", "a"]).text(), "1");
    assert!(server.log().contains("DB saved on disk"));
}

#[test]
fn killing_twice_kills_once() {
    let mut server = RedisServer::start();
    server.kill();
    server.kill();
    server.start_again();
    assert!(answers(server.port()));
}

#[test]
#[should_panic(expected = "the server runs")]
fn a_killed_server_cannot_be_frozen() {
    let mut server = RedisServer::start();
    server.kill();
    server.freeze();
}

#[test]
#[should_panic(expected = "is to be started again while it runs")]
fn a_running_server_cannot_be_started_again() {
    RedisServer::start().start_again();
}

#[test]
#[should_panic(expected = ">>> 'no-such-setting 1'")]
fn a_server_that_does_not_start_says_why() {
    let _ = RedisServer::builder().set("no-such-setting", "1").start();
}

#[test]
fn dropping_a_frozen_server_ends_it() {
    let server = RedisServer::start();
    let process = format!("/proc/{}", server.pid());
    server.freeze();
    assert!(Path::new(&process).exists());
    drop(server);
    assert!(!Path::new(&process).exists());
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
    client.pipeline(&[&["SET", "a", "1"][..], &["INCR", "a"], &["GET", "a"]]).unwrap();
    assert_eq!(proxy.round_trips(), 3);
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
    assert_eq!((sentinels.primary(), sentinels.replicas()), (0, vec![1, 2]));
    assert_eq!(sentinels.kill_primary(), 0);
    let after = sentinels.wait_for_failover(0);
    assert_eq!((sentinels.primary(), sentinels.replicas()), (after, vec![3 - after]));
    // Two of three are enough to ask, whichever are left.
    sentinels.sentinels[0].kill();
    assert_eq!(sentinels.primary(), after);
    assert_eq!(sentinels.servers[after].command(&["SET", "a", "1"]).text(), "OK");
}

#[test]
fn a_cluster_fails_over_and_moves_slots() {
    let mut cluster = Cluster::start();
    let slot = cluster.slot_of(b"a");
    let node = cluster.node_of(slot).unwrap();
    cluster.nodes[node].command(&["SET", "a", "1"]);
    let no_text = b"{a}\xff\0";
    cluster.nodes[node].command(&[b"SET", &no_text[..], b"2"]);
    assert_eq!(cluster.keys("*").len(), 2);

    let other = (node + 1) % 3;
    cluster.begin_migration(slot, node, other);
    let ask = cluster.nodes[node].client().command(&["GET", "{a}b"]).unwrap();
    assert!(matches!(ask, Reply::Error(error) if error.starts_with("ASK")));
    cluster.move_keys(slot, node, other);
    assert!(cluster.nodes[node].keys("*").is_empty());
    cluster.finish_migration(slot, other);
    let moved = cluster.nodes[node].client().command(&["GET", "a"]).unwrap();
    assert!(matches!(moved, Reply::Error(error) if error.starts_with("MOVED")));
    assert_eq!(cluster.nodes[other].command(&["GET", "a"]).text(), "1");
    assert_eq!(cluster.nodes[other].command(&[b"GET", &no_text[..]]).text(), "2");

    cluster.fail_over(other);
    let after = cluster.node_of(slot).unwrap();
    assert_ne!(after, other);
    assert_eq!(cluster.nodes[after].command(&["GET", "a"]).text(), "1");
}

#[test]
fn a_cluster_serves_keys_everywhere_and_does_without_a_frozen_node() {
    let cluster = Cluster::start();
    assert_eq!(cluster.primaries(), [0, 1, 2]);
    for number in 0..30 {
        let key = number.to_string();
        let node = cluster.node_of(cluster.slot_of(key.as_bytes())).unwrap();
        cluster.nodes[node].command(&["SET", &key, "1"]);
    }
    assert_eq!(cluster.keys("*").len(), 30);
    assert!((0..3).all(|node| !cluster.nodes[node].keys("*").is_empty()));

    // The first node is also the first that the harness would ask.
    cluster.nodes[0].freeze();
    cluster.wait_for_failover(0);
    assert_eq!((cluster.node_of(0), cluster.primaries()), (Some(3), vec![1, 2, 3]));
    assert_eq!(cluster.keys("*").len(), 30);
}

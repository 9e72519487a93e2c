//! The options of the sockets that lead to servers and to Sentinels, read from the sockets themselves.
#![cfg(target_os = "linux")]

use std::{fs, os::fd::OwnedFd};

use redis::io::tcp::socket2::Socket;
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

use super::*;

/// This process's sockets that are connected to a port. (A copy of a descriptor has the options of its socket.)
fn connected_to(port: u16) -> Vec<Socket> {
    let this = pidfd_open(getpid(), PidfdFlags::empty()).unwrap();
    let descriptors = fs::read_dir("/proc/self/fd").unwrap().map(|entry| entry.unwrap());
    let copies = descriptors.filter_map(|descriptor| {
        // The copy of a file would keep what another test has locked.
        let is_socket = fs::read_link(descriptor.path()).ok()?.to_str()?.starts_with("socket:");
        let number = descriptor.file_name().to_str()?.parse().ok().filter(|_| is_socket)?;
        // One that was closed meanwhile is none of ours.
        pidfd_getfd(&this, number, PidfdGetfdFlags::empty()).ok()
    });
    let sockets = copies.map(|copy: OwnedFd| Socket::from(copy));
    let leads_there = |socket: &Socket| {
        let peer = socket.peer_addr().ok().and_then(|peer| peer.as_socket());
        peer.is_some_and(|peer| peer.port() == port)
    };
    sockets.filter(leads_there).collect()
}

#[track_caller]
fn assert_options(what: &str, port: u16) {
    let sockets = connected_to(port);
    assert!(!sockets.is_empty(), "{what}: there is no connection");
    for socket in sockets {
        assert!(socket.tcp_nodelay().unwrap(), "{what}: TCP_NODELAY");
        assert!(socket.keepalive().unwrap(), "{what}: SO_KEEPALIVE");
        // Less than the minute after which the strictest firewalls forget.
        assert!(socket.tcp_keepalive_time().unwrap() < Duration::from_secs(60), "{what}: TCP_KEEPIDLE");
        assert!(socket.tcp_keepalive_interval().unwrap() < Duration::from_secs(60), "{what}: TCP_KEEPINTVL");
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), 3, "{what}: TCP_KEEPCNT");
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(Duration::from_secs(5)), "{what}: TCP_USER_TIMEOUT");
    }
}

#[test]
fn of_one_server() {
    for which in ALL {
        let server = RedisServer::start();
        let face = Face::at(which, &server.url());
        let id = face.login();
        assert_eq!(face.with(&id).get("n").unwrap(), Some(1));
        assert_options(&format!("{face:?}"), server.port());
    }
}

#[cfg(feature = "redis-tls")]
#[test]
fn of_a_server_that_speaks_tls() {
    let server = RedisServer::builder().tls().start();
    for side in [Side::Blocking, Side::Waiting] {
        // The certificate is read again for each connection, so that others may still have one to this server.
        let builder = quick(RedisStorage::builder(&server.url())).root_certificate(server.ca().unwrap());
        let face = Face::over((Form::Strings, side), builder.build().unwrap());
        face.until_it_works("logging in", || face.try_login());
        assert_options(&format!("{face:?}"), server.port());
    }
}

#[test]
fn of_sentinels_and_their_primary() {
    for side in [Side::Blocking, Side::Waiting] {
        let server = RedisServer::start();
        let sentinel = sentinel_of(&server);
        let builder = quick(RedisStorage::sentinel([sentinel.url()], SERVICE));
        let face = Face::over((Form::Strings, side), builder.build().unwrap());
        face.login();
        assert_options(&format!("{face:?}: the Sentinel"), sentinel.port());
        assert_options(&format!("{face:?}: the primary"), server.port());
    }
}

#[test]
fn of_a_cluster() {
    let cluster = Cluster::start();
    for side in [Side::Blocking, Side::Waiting] {
        let builder = quick(RedisStorage::cluster(cluster.urls()));
        let face = Face::over((Form::Strings, side), builder.build().unwrap());
        for _ in 0..30 {
            face.login();
        }
        for node in &cluster.nodes[..3] {
            assert_options(&format!("{face:?}"), node.port());
        }
    }
}
